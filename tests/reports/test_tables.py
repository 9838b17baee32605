"""The printed design: what is shown, in which units, and what is said of the proof."""

from __future__ import annotations

from typing import Any

import pytest

from minclub import load, solve
from minclub.reports import tables
from minclub.reports.layout import Table
from minclub.solvers.design import Design

CERTIFICATE: dict[str, Any] = {
    "status": "optimal", "proven": True, "objective_musd": 1234.56, "bound_musd": 1233.9, "gap": 0.00053, "gap_asked": 0.001, "seconds": 12.3456,
    "solver": "HiGHS", "solver_version": "1.16.0", "bound_from": "all plans within the gap", "instance_sha256": "0" * 64, "audit": "passed",
}  # fmt: skip
LAW = {"baseline_rate_usa": 0.25, "baseline_rate_can": 0.0, "baseline_rate_mex": 0.0}
TESTED = {f"{name}_{side}": None for name in ("irr", "cvar_musd", "cover_bank", "passes") for side in ("with", "without")}


def project(code: str, country: str, *, built: int = 1, old: int = 0, contract: int = 0) -> dict[str, Any]:
    """Return a row of projects."""
    start = 2030 if built else None
    row = {"project": code, "country": country, "product": "alpha", "built": built, "in_baseline": old, "start_year": start, "contract": contract}
    return {**row, **TESTED, "npv_musd_with": 12.0, "npv_musd_without": -3.0, "irr_with": 0.123}


def rows() -> dict[str, list[dict[str, Any]]]:
    """Return the tables of a small design of the tutorial instance."""
    need = {"demand_t": 10000.0, "need_t": 5000.0, "state": 3, "must_come_from_china_t": 3000.0}
    bound = {"value": 0.36, "limit": 0.35, "slack": 0.01, "worth_musd_per_unit": None, "unit": "share of demand"}
    return {
        "tariffs": [
            {"product": "alpha", "node": "china_linked", "rate": 0.02, "baseline_rate": 0.25, **LAW},
            {"product": "alpha", "node": "market", "rate": 0.0, "baseline_rate": 0.25, **LAW},
            {"product": "beta", "node": "china_linked", "rate": 0.1, "baseline_rate": 0.3, **dict.fromkeys(LAW, 0.3)},
        ],
        "contracts": [
            {"project": "MEX_ALPHA", "product": "alpha", "country": "MEX", "strike_usd_per_t": 9450.0, "share": 1.0, "tenor_years": 5, "upside_share": 0.5,
             "start_year": 2029},
        ],
        "credits": [{"country": "CAN", "product": "alpha", "itc_rate": 0.1, "ptc_rate": 0.0}],
        "projects": [project("USA_ALPHA", "USA"), project("MEX_ALPHA", "MEX", contract=1), project("CAN_ALPHA", "CAN", old=1), project("X", "USA", built=0)],
        "totals": [
            *({"country": c, "item": item, "pv_musd": value} for c, value in (("USA", 10.0), ("MEX", 0.01), ("ALL", 10.01)) for item in ("outlay", "booked", "net")),
            {"country": "ALL", "item": "cvar_cost", "pv_musd": 22.0},
            {"country": "ALL", "item": "worst5_outlay", "pv_musd": 33.0},
        ],
        "security": [
            {"product": "alpha", "year": 2029, "secured_t": 0.0, "share": 0.0, "target": None, **need},
            {"product": "alpha", "year": 2030, "secured_t": 3700.0, "share": 0.37, "target": 0.35, **need},
            {"product": "alpha", "year": 2031, "secured_t": 3400.0, "share": 0.34, "target": 0.35, **need},
        ],
        "consumers": [
            {"scope": "product", "product": "alpha", "country": "ALL", "rise": 0.02, "cap": 0.03},
            {"scope": "product", "product": "beta", "country": "ALL", "rise": 0.0, "cap": 0.03},
            {"scope": "basket", "product": None, "country": "USA", "rise": 0.0133, "cap": 0.02},
        ],
        "payoff": [{"country": "USA", "part": part, "pv_musd": 1.5} for part in ("total", "producers", "something new")],
        "binding": [
            {"constraint": "security", "where": "alpha 2031", **bound},
            {"constraint": "security", "where": "far", **bound, "value": 0.7, "slack": 0.35},
            {"constraint": "country_cap", "where": "USA 2031", "value": 300.0, "limit": 300.0, "slack": 0.0, "worth_musd_per_unit": 0.25, "unit": "musd/y"},
        ],
    }  # fmt: skip


def design(**certificate: Any) -> Design:
    """Return the design, with changes to its certificate."""
    return Design.build(CERTIFICATE | certificate, rows(), {"instance": "tutorial", "overrides": ["targets.alpha=0.35"], "fixes": {"built.X": 0.0}})


def cells(content: Table) -> list[dict[str, str]]:
    """Return the rows by head."""
    return [dict(zip((c.head for c in content.columns), row, strict=True)) for row in content.rows]


def test_headline_states_the_certificate_and_what_was_changed() -> None:
    body, words = tables.headline(design())
    assert isinstance(body, Table)
    assert body.title == "Design of instance tutorial"
    assert {row[0]: row[1] for row in body.rows} == {
        "status": "optimal", "objective": "1,234.6 million 2025 USD, real", "bound": "1,233.9", "gap": "0.053% (asked: 0.1%)", "time": "12.35 s",
        "audit": "passed: a second program recomputed every number",
    }  # fmt: skip
    assert body.notes == ("changed: targets.alpha=0.35, fixed built.X=0.0",)
    assert words == "Proven: no design of this instance has an objective below 1,233.9 million 2025 USD, real."


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"status": "time_limit", "proven": False}, "NOT PROVEN: the time limit ended it"),
        ({"status": "interrupted", "proven": False}, "NOT PROVEN: it was interrupted"),
        ({"status": "interrupted", "proven": False, "bound_musd": None}, "no bound is known"),
        ({"status": "given", "proven": False}, "Given, not optimised"),
    ],
)
def test_what_is_not_proven_is_said_in_words(change: dict[str, Any], words: str) -> None:
    found = tables.verdict(CERTIFICATE | change)
    assert words in found
    assert "Proven:" not in found


def test_tariffs_show_only_rates_above_some_members_law() -> None:
    (row,) = cells(tables.tariffs(design()))
    assert row == {"product": "alpha", "on imports from": "china_linked", "harmonised rate": "2.0%", "law USA": "25.0%", "law CAN": "0%", "law MEX": "0%"}


def test_contracts_show_the_strike_next_to_the_long_run_price() -> None:
    (row,) = cells(tables.contracts(design(), load("tutorial")))
    assert row["strike, 2025 USD per t"] == "9,450"
    assert row["long-run price, 2025 USD per t"] == "9,000"
    assert row["strike / long-run"] == "105.0%"
    (bare,) = cells(tables.contracts(design()))
    assert bare["long-run price, 2025 USD per t"] == "-"


def test_builds_are_listed_by_country_with_names() -> None:
    found = cells(tables.builds(design(), load("tutorial")))
    assert [(row["country"], row["project"], row["contract"], row["also without the club"]) for row in found] == [
        ("USA", "USA_ALPHA", "no", "no"),
        ("CAN", "CAN_ALPHA", "no", "yes"),
        ("MEX", "MEX_ALPHA", "yes", "no"),
    ]
    assert found[1]["name"] == "Alpha plant under construction"
    assert found[0]["NPV without support"] == "-3.0"


def test_public_cost_by_country_and_its_tail() -> None:
    content = tables.public_cost(design())
    assert content.title == "Public cost over the baseline, present value, million 2025 USD, real"
    assert content.rows == (
        ("USA", "10.0", "10.0", "10.0"),
        ("CAN", "-", "-", "-"),
        ("MEX", "*", "*", "*"),
        ("ALL", "10.0", "10.0", "10.0"),
    )
    assert "22.0" in content.notes[1]
    assert "33.0" in content.notes[1]


def test_security_shows_the_tightest_year_and_says_if_a_target_is_missed() -> None:
    (row,) = cells(tables.security(design()))
    assert (row["tightest year"], row["target"], row["secured"], row["met"]) == ("2031", "35.0%", "34.0%", "no")


def test_consumers_show_every_rise_next_to_its_cap() -> None:
    found = [tuple(row.values()) for row in cells(tables.consumers(design()))]
    assert found == [("alpha", "club", "2.0%", "3.0%"), ("basket", "USA", "1.3%", "2.0%")]


def test_payoff_shows_whatever_parts_there_are_and_the_total_last() -> None:
    content = tables.payoff(design())
    assert [column.head for column in content.columns] == ["country", "producers", "something new", "total"]


def test_what_has_a_price_comes_first_and_what_is_far_from_its_limit_is_left_out() -> None:
    first, second = cells(tables.binding(design()))
    assert first["demand"] == "cap on a country's outlay in a year"
    assert (first["worth, million 2025 USD"], first["per"]) == ("0.2500", "1 musd/y")
    assert (second["value"], second["limit"], second["worth, million 2025 USD"], second["per"]) == ("36.0%", "35.0%", "-", "1 point")


def test_an_empty_design_prints_what_there_is_not() -> None:
    empty = Design.build(CERTIFICATE, {}, {"instance": "tutorial"})
    shown = tables.plain_text(empty)
    assert "Tariffs that change: none: every rate stays at law" in shown
    assert "Contracts for difference: none" in shown
    assert "Credits: none over law" in shown


def test_printing_does_not_change_the_design() -> None:
    given = design()
    before = given.to_dict()
    tables.plain_text(given, load("tutorial"))
    assert given.to_dict() == before


def test_plain_text_is_whole_and_plain() -> None:
    shown = tables.plain_text(design(), load("tutorial"))
    assert "\x1b" not in shown
    assert shown.isascii()
    for title in ("Tariffs that change", "Contracts", "Credits", "Plants", "Public cost", "Security", "Users", "Payoff", "What binds"):
        assert f"\n{title}" in shown


def test_newer_instruments_are_shown_where_they_are_used() -> None:
    given = {"instruments.reference_price": True, "ladders.reference": [1.0], "reserve.cover.alpha": 0.5, "years.target": 2030}
    quotas = {"procurement.quotas.USA": 0.5, "procurement.quotas.CAN": 0.3, "procurement.quotas.MEX": 0.2}
    made = solve(load("tutorial", given | quotas), fixes={"reference.alpha": 6_100.0})
    text = tables.plain_text(made)
    assert "reference price, 2025 USD per t" in text
    assert "6,100" in text
    assert ("Joint reserve" in text) == bool(len(made.reserve))
