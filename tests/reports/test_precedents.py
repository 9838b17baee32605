"""The page of the precedents: what stands there is what is computed, and what its parts say."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from minclub import load
from minclub.reports.payment_figures import fan_chart
from minclub.reports.precedents import PRECEDENTS, STORED, Precedent, in_short, markdown, others, page, rests, with_cells
from minclub.solvers.payments import payments

Data = dict[str, Any]


@pytest.fixture(scope="module")
def stored(root: Path) -> Data:
    return STORED.read(root)


def numbers(value: Any, where: str = "") -> Iterator[tuple[str, float]]:
    """Yield every number of nested data with its place."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from numbers(item, f"{where}.{name}")
    elif isinstance(value, list):
        for k, item in enumerate(value):
            yield from numbers(item, f"{where}[{k}]")
    elif isinstance(value, int | float):
        yield where, float(value)


# --- what is stored ---------------------------------------------------------------------------------------------------


def test_page_shows_the_stored_data(root: Path, stored: Data) -> None:
    assert (root / "docs" / "precedents.md").read_text(encoding="utf-8") == page(stored)


@pytest.mark.parametrize("precedent", PRECEDENTS, ids=lambda p: p.name)
def test_pictures_and_data_are_of_the_shipped_instances(root: Path, stored: Data, precedent: Precedent) -> None:
    found, instance = stored[precedent.name], load(precedent.instance, {"contract.preset": precedent.preset})
    assert found["instance_sha256"] == instance.sha256
    picture = (root / "docs" / "assets" / "precedents" / f"{precedent.name}.svg").read_text(encoding="utf-8")
    assert f"Source: minclub, instance {precedent.instance} ({instance.sha256[:12]})." in picture


@pytest.mark.parametrize("precedent", PRECEDENTS, ids=lambda p: p.name)
def test_years_are_those_computed_again(root: Path, stored: Data, precedent: Precedent) -> None:
    given = root / "instances" / precedent.instance / "given.toml"
    (entry,) = payments(load(precedent.instance), given, regimes=False)["contracts"]
    for part in ("years", "total", "pv"):
        assert dict(numbers(entry[part])) == pytest.approx(dict(numbers(stored[precedent.name]["contract"][part])), rel=1e-6, abs=1e-9)


@pytest.mark.slow
def test_everything_is_what_is_computed_again(stored: Data) -> None:
    again = STORED.compute()
    assert dict(numbers(again)) == pytest.approx(dict(numbers(stored)), rel=1e-6, abs=1e-9)
    for name, found in again.items():
        assert found["contract"]["assumptions"] == stored[name]["contract"]["assumptions"]


# --- what the numbers must be -----------------------------------------------------------------------------------------


def test_variants_move_payments_as_their_terms_say(stored: Data) -> None:
    mp, nmg = (stored[name]["contract"]["pv"] for name in ("mp_materials", "nouveau_monde"))
    changed = stored["mp_materials"]["variants"]
    assert changed["no share of the upside"]["payment_musd"] == pytest.approx(mp["payment_musd"])
    assert changed["no share of the upside"]["clawback_musd"] == 0.0
    assert changed["floor fixed in money, inflation 2%"]["expected_musd"] < mp["expected_musd"]
    assert changed["reference at the world price"]["expected_musd"] < mp["expected_musd"]
    changed = stored["nouveau_monde"]["variants"]
    assert changed["first version: 15,000 t a year"]["expected_musd"] == pytest.approx(nmg["expected_musd"] / 2)
    assert changed["price a tenth lower (1,350 USD/t)"]["expected_musd"] < nmg["expected_musd"]
    assert changed["start in 2028, as the firm says"]["expected_musd"] > nmg["expected_musd"]


def test_another_draw_of_prices_says_nearly_the_same(stored: Data) -> None:
    for found in stored.values():
        redrawn, pv = found["variants"]["another draw of prices, 1,000 scenarios"], found["contract"]["pv"]
        assert redrawn["expected_musd"] == pytest.approx(pv["expected_musd"], rel=0.05)
        for name in ("p05_musd", "p95_musd"):
            assert redrawn[name] == pytest.approx(pv[name], abs=0.15 * (pv["p95_musd"] - pv["p05_musd"]))


def test_terms_have_an_origin_and_most_prices_a_source(stored: Data) -> None:
    for found in stored.values():
        rows = {row["what"]: row for row in found["contract"]["assumptions"]}
        assert rows["contract.strike_usd_per_t"]["origin"] in ("read", "assumed")
        assert rows["contract.strike_usd_per_t"]["source"].startswith("http")
        assert rows["contract.tenor_years"]["origin"] == "read"
    assert "stockwatch" in stored["nouveau_monde"]["contract"]["assumptions"][0]["source"]


def test_the_reported_income_of_the_check_stands_in_the_evidence(root: Path, stored: Data) -> None:
    """51 million in a quarter is 204 a year; the first whole year is within a tenth of that."""
    assert "51 MUSD of income in Q4 2025, read" in (root / "instances" / "evidence" / "contracts.csv").read_text(encoding="utf-8")
    assert stored["mp_materials"]["contract"]["years"][0]["expected_musd"] == pytest.approx(4 * 51, rel=0.1)


# --- parts ------------------------------------------------------------------------------------------------------------


def test_cells_change_contracts_and_a_start_the_projects_too(root: Path) -> None:
    content = tomllib.loads((root / "instances" / "nouveau_monde_2026" / "given.toml").read_text(encoding="utf-8"))
    found = with_cells(content, {"strike_usd_per_t": 1_350, "start_year": 2028})
    assert (found["contracts"][0]["strike_usd_per_t"], found["contracts"][0]["start_year"]) == (1_350, 2028)
    assert found["projects"] == [{"project": "MATAWINIE", "start_year": 2028}]
    assert (content["contracts"][0]["strike_usd_per_t"], content["projects"][0]["start_year"]) == (1_500, 2030)


def test_sources_are_numbered_once_and_rules_stand_apart() -> None:
    row = {"what": "a", "value": "0.5|1", "unit": "share", "origin": "read", "source": "https://x.org/1 ; a book", "reason": ""}
    more = row | {"what": "b", "source": "a book", "reason": "page 3"}
    shown, rules, sources = rests([row, more, {"what": "volume", "value": "all of it", "origin": "rule", "unit": "", "source": "", "reason": ""}])
    assert shown.splitlines()[2:] == ["| `a` | 0.5, 1 | share | read | 1, 2 |", "| `b` | 0.5, 1 | share | read (page 3) | 2 |"]
    assert rules == "* *Volume*: all of it."
    assert sources.splitlines()[-2:] == ["1. <https://x.org/1>", "2. a book"]


def test_the_summary_names_mean_range_and_dearest_year(stored: Data) -> None:
    found = stored["nouveau_monde"]
    dearest = max(found["contract"]["years"], key=lambda row: row["p95_musd"])
    text = in_short(found)
    assert f"{found['contract']['pv']['expected_musd']:,.1f} million USD on average" in text
    assert f"in the dearest year, {dearest['year']}." in text


def test_other_prices_and_terms_have_a_row_each(stored: Data) -> None:
    lines = markdown(others(stored["mp_materials"])).splitlines()
    assert len(lines) == 2 + 1 + 3 + len(PRECEDENTS[0].variants)
    assert lines[1].startswith("| --- | --: |")
    assert len({line.count("|") for line in lines}) == 1


def test_writing_makes_data_pictures_and_page(stored: Data, tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    names = [path.name for path in STORED.write(stored, tmp_path)]
    assert names == ["precedents.json", "mp_materials.svg", "nouveau_monde.svg", "precedents.md"]
    assert STORED.read(tmp_path) == stored


def test_a_picture_says_unit_years_and_what_is_below_zero(stored: Data, tmp_path: Path) -> None:
    drawn = fan_chart(stored["mp_materials"], "MP Materials", tmp_path / "fan.svg").read_text(encoding="utf-8")
    for words in ("MP Materials: what the state pays", "Million USD at 2025 prices", "below zero the state receives", ">2026<", ">2035<", "clawed back"):
        assert words in drawn
