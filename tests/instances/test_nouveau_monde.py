"""The Canadian graphite offtake as a given design: what its README says about it."""

from pathlib import Path

import pytest

import minclub as mc
from minclub.instances import catalogue


@pytest.fixture(scope="module")
def mine() -> dict[str, float]:
    folder: Path = catalogue.root() / "nouveau_monde_2026"
    design = mc.evaluate(mc.load(folder), folder / "given.toml")
    row = design.projects.set_index("project").loc["MATAWINIE"]
    return {key: float(row[key]) for key in ("npv_musd_with", "npv_musd_without", "passes_with", "passes_without")}


def test_mine_needs_the_offtake_and_passes_with_it(mine: dict[str, float]) -> None:
    assert mine["npv_musd_without"] == pytest.approx(-1, abs=1)
    assert mine["npv_musd_with"] == pytest.approx(28, abs=1)
    assert (mine["passes_without"], mine["passes_with"]) == (0, 1)
