"""A plant's columns on disk: the digest holds all that they depend on, and what is read is what was computed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minclub as mc
from minclub.models import digests, remembered
from minclub.models.columns import family
from minclub.models.desk import Desk
from minclub.models.packing import pack
from minclub.models.projects import Plant
from minclub.models.remembered import CLASSES, Remembered, met, narrowed
from minclub.models.store import Store, caching
from minclub.models.subsidies import CreditLevel, distinct_levels

INSTRUMENTS = ("instruments.grants=true", "instruments.loans=true", "instruments.procurement=true", "contract.upside_shares=[0,0.5]")

Call = dict[str, Any]


@cache
def desk() -> Desk:
    """Return a desk of the shipped instance with all instruments on."""
    return Desk(mc.load("usmca", [*INSTRUMENTS, "scenarios.count=20"]))


def feeder() -> str:
    """Return a candidate that buys feed."""
    return next(p.id for p in desk().candidates if p.feed_product)


def mine() -> str:
    """Return the candidate with most by-products that are listed products."""
    return max(desk().candidates, key=lambda p: sum(b.listed for b in p.byproducts)).id


def call(plant: str | None = None, *, bound: bool = True) -> Call:
    """Return what ``family`` is asked for a plant, by default one that buys feed."""
    made = desk()
    chosen = made.plants[plant or feeder()]
    visited = {m: np.full((made.market.years.size, 4), True) for m in made.market.products}
    best, worst = made.outlooks.envelope(chosen, 2031, {m: made.borders(m) for m in made.market.products}, visited)
    site = best if bound else made.outlooks.site(chosen, 2031, made.law_settings())
    return {
        "site": site,
        "law": made.law[chosen.country, chosen.product],
        "offer": made.offer,
        "dump_deck": True,
        "fixed_strike": None,
        "worst": worst if bound else None,
        "levels": np.flatnonzero(made.offered(chosen.country, chosen.product)),
        "supports": made.supports,
    }


def key(given: Call) -> bytes:
    """Return the digest of a call, by a memory of its own."""
    return Remembered(Store(Path("unused"))).key(**given)


def other(value: Any) -> Any:
    """Return another value of the same kind."""
    if isinstance(value, bool | np.bool_):
        return not value
    if isinstance(value, float):
        return float(np.nextafter(value, np.inf))
    if isinstance(value, int):
        return value + 1
    if isinstance(value, str):
        return value + "x"
    if isinstance(value, np.ndarray):
        made = value.copy()
        made.flat[made.size // 2] = other(made.flat[made.size // 2].item())
        return made
    raise TypeError(f"how does a {type(value).__name__} change?")


def changes(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each value that differs in one leaf, with the path of that leaf."""
    if is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            for name, changed in changes(getattr(value, field.name), f"{path}.{field.name}"):
                yield name, replace(value, **{field.name: changed})
    elif isinstance(value, tuple):
        for index, item in list(enumerate(value))[:3]:
            for name, changed in changes(item, f"{path}[{index}]"):
                yield name, (*value[:index], changed, *value[index + 1 :])
    elif isinstance(value, dict):
        for name, item in value.items():
            for at, changed in changes(item, f"{path}[{name}]"):
                yield at, value | {name: changed}
    elif value is not None:
        yield path, other(value)


@pytest.mark.parametrize("plant", [feeder, mine])
def test_the_digest_changes_with_every_field_of_every_input(plant: Callable[[], str]) -> None:
    """Walks all fields, also those that are added later; prices of products that the plant does not meet are left out."""
    given = call(plant())
    used = set(met(given["site"].plant))
    assert len(used) > 1
    seen = {key(given)}
    same: list[str] = []
    for name, value in given.items():
        if name in ("supports", "worst"):
            continue
        for path, changed in changes(value, name):
            found = key(given | {name: changed})
            (same if found in seen else []).append(path)
            seen.add(found)
    unmet = {f"{where}[{m}]" for where in ("site.byproduct_prices", "offer.long_run") for m in desk().market.products if m not in used}
    assert set(same) <= unmet
    assert len(seen) > 100


@pytest.mark.parametrize(
    "change",
    [
        lambda given: {"worst": None},
        lambda given: {"worst": replace(given["worst"], outlook=replace(given["worst"].outlook, price=other(given["worst"].outlook.price)))},
        lambda given: {"fixed_strike": 5000.0},
        lambda given: {"levels": given["levels"][:-1]},
        lambda given: {"levels": None},
        lambda given: {"supports": None},
        lambda given: {"site": replace(given["site"], outlook=replace(given["site"].outlook, floor=None))},
    ],
)
def test_the_digest_changes_with_what_may_be_missing(change: Callable[[Call], Call]) -> None:
    given = call()
    assert key(given | change(given)) != key(given)


def test_the_digest_changes_with_what_the_supports_give() -> None:
    """A plant outside the baseline draws grants only in early work; the memory is not fooled by a second support."""
    given, memory = call(), Remembered(Store(Path("unused")))
    before = memory.key(**given)
    made = Desk(mc.load("usmca", [*INSTRUMENTS, "scenarios.count=20", "concessional.spread=0.013"])).supports
    assert memory.key(**given | {"supports": made}) != before
    assert memory.key(**given) == before


def test_the_digest_tells_levels_apart_of_which_a_plant_draws_the_same() -> None:
    given = call() | {"supports": None}
    assert key(given | {"levels": np.array([0, 1])}) != key(given | {"levels": np.array([0, 2])})


def test_the_digest_changes_with_what_computes(monkeypatch: pytest.MonkeyPatch) -> None:
    given = call()
    before = key(given)
    monkeypatch.setattr(remembered, "stamp", lambda: b"another program")
    assert key(given) != before


def test_without_the_source_of_the_program_nothing_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(digests.Path, "glob", lambda *_: [])
    digests.stamp.cache_clear()
    given = call(bound=False)
    with caching(tmp_path) as store:
        assert store is not None
        assert pack(Remembered(store).family(**given), CLASSES) == pack(family(**given), CLASSES)
    assert list(tmp_path.iterdir()) == []
    assert "the source of the program cannot be read" in caplog.text


class Only:
    """Supports of which nothing but aid and drawn levels can be had, and what follows from these."""

    def __init__(self, supports: Any) -> None:
        """Take those two."""
        self.aid, self.drawn = supports.aid, supports.drawn

    def distinct(self, plant: Plant, levels: tuple[CreditLevel, ...], wanted: np.ndarray) -> tuple[np.ndarray, tuple[CreditLevel, ...]]:
        """Tell the drawn levels apart."""
        return distinct_levels(self.drawn(plant, [levels[r] for r in wanted]))


@pytest.mark.parametrize("bound", [False, True])
def test_a_family_takes_nothing_from_its_inputs_that_the_digest_leaves_out(bound: bool) -> None:
    """Prices of products that a plant does not meet are taken away, and what supports know besides."""
    products = {p.product: p.id for p in desk().candidates if p.byproducts or p.feed_product} | {p.country: p.id for p in desk().candidates}
    for plant in products.values():
        given = call(plant, bound=bound)
        used = met(given["site"].plant)
        bare = {
            "site": narrowed(given["site"]),
            "worst": None if given["worst"] is None else narrowed(given["worst"]),
            "offer": replace(given["offer"], long_run={m: given["offer"].long_run[m] for m in used}),
            "supports": Only(given["supports"]),
        }
        assert set(bare["site"].byproduct_prices) <= set(used)
        assert pack(family(**given | bare), CLASSES) == pack(family(**given), CLASSES)


@pytest.mark.parametrize("bound", [False, True])
def test_what_is_read_is_what_was_computed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bound: bool) -> None:
    given = call(bound=bound)
    with caching(tmp_path) as store:
        assert store is not None
        first = Remembered(store).family(**given)
    assert pack(first, CLASSES) == pack(family(**given), CLASSES)
    monkeypatch.setattr(remembered, "family", None)
    with caching(tmp_path) as store:
        assert store is not None
        found = Remembered(store).family(**given)
        assert (store.hits, store.misses) == (1, 0)
    assert pack(found, CLASSES) == pack(first, CLASSES)
    assert type(found) is type(first)


def test_an_entry_of_another_kind_is_made_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    given = call(bound=False)
    with caching(tmp_path) as store:
        assert store is not None
        memory = Remembered(store)
        for data in (b"", b"nonsense", pack((1, 2), CLASSES)[:-1]):
            store.put(memory.key(**given), data)
            made = memory.family(**given)
            assert pack(made, CLASSES) == pack(family(**given), CLASSES)
            assert store.get(memory.key(**given)) == pack(made, CLASSES)
    assert len([record for record in caplog.records if record.levelname == "WARNING"]) == 1


def test_a_desk_uses_the_store_that_holds_when_it_is_made(tmp_path: Path) -> None:
    def columns() -> bytes:
        made = Desk(mc.load("tutorial"))
        return pack(made.family("USA_ALPHA", 2029, made.law_settings()), CLASSES)

    plain = columns()
    counts = []
    for _ in range(2):
        with caching(tmp_path) as store:
            assert store is not None
            assert columns() == plain
            counts.append((store.hits, store.misses))
    assert counts == [(0, 1), (1, 0)]
