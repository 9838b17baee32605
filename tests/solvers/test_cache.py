"""Solves, frontiers and sweeps with a cache: the same results, bit by bit, with and without, cold and warm."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import minclub as mc
from minclub.models import remembered
from minclub.models.store import Store

ALL = (
    "instruments.reference_price=true",
    "instruments.grants=true",
    "instruments.loans=true",
    "instruments.procurement=true",
    "contract.upside_shares=[0,0.5]",
)
SMALL = ("scenarios.count=10", "ladders.start_delays=0", "ladders.tariffs=[0,0.25]", "ladders.itc=[0,0.2]", "ladders.ptc=[0]")


def plain(design: Any) -> dict[str, Any]:
    """Return a design as data, without what tells the time."""
    made: dict[str, Any] = design.to_dict()
    made["certificate"] = {key: value for key, value in made["certificate"].items() if key != "seconds"}
    made["provenance"] = {key: value for key, value in made["provenance"].items() if key != "created"}
    return made


def rows(made: Any) -> list[Any]:
    """Return the rows of a frontier or a sweep."""
    return list(made.rows)


@pytest.mark.parametrize(
    "work",
    [
        lambda cache: plain(mc.solve(mc.load("tutorial"), cache=cache)),
        lambda cache: plain(mc.solve(mc.load("tutorial"), continuous=1.0, cache=cache, check=False)) | {"certificate": None},
        lambda cache: rows(mc.frontier(mc.load("tutorial"), "targets", [0.8, 0.9, 1.0], cache=cache)),
        lambda cache: rows(mc.strikes(mc.load("tutorial"), "USA_ALPHA", [8500.0, 9000.0], cache=cache)),
        pytest.param(lambda cache: plain(mc.solve(mc.load("usmca", [*SMALL, *ALL]), cache=cache)), marks=pytest.mark.slow),
    ],
)
def test_results_are_the_same_without_with_an_empty_and_with_a_full_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, work: Callable[[Any], Any]) -> None:
    without, first = work(None), work(tmp_path)
    entries = Store(tmp_path).contents().entries
    assert entries > 0
    computed: list[Any] = []
    monkeypatch.setattr(remembered, "family", lambda *given: computed.append(given))
    assert without == first == work(str(tmp_path))
    assert computed == []


def test_a_plant_that_changes_leaves_the_others_known(tmp_path: Path) -> None:
    """Operating cost changes what one plant costs, and what others do where it changes the baseline."""

    def counts(*overrides: str) -> tuple[int, int]:
        with mc.caching(tmp_path) as store:
            assert store is not None
            mc.solve(mc.load("tutorial", list(overrides)), check=False)
            return store.hits, store.misses

    _, first = counts()
    _, fewer = counts("projects.USA_ALPHA.opex_usd_per_t=6001")
    assert 0 < fewer < first
    assert counts()[1] == 0


def test_a_folder_that_cannot_be_used_changes_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").touch()
    design = mc.solve(mc.load("tutorial"), cache=tmp_path / "file")
    assert plain(design) == plain(mc.solve(mc.load("tutorial")))
    assert [record.getMessage().partition(": ")[0] for record in caplog.records] == [f"the cache {Store(tmp_path / 'file').path} is not used"]
