"""The table of the chapter's claims: the mechanism of each on instances that can be worked by hand, and the rows of the table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minclub as mc
from minclub.instances.errors import InstanceError
from minclub.models.levies import LAW, Border
from minclub.models.market import BEYOND, COUNTRIES, along
from minclub.models.subsidies import CreditLevel, LawCredits
from minclub.solvers import claims_border, claims_contracts, claims_projects, claims_tools
from minclub.solvers.claims import CLAIMS, claims, row
from minclub.solvers.claims_world import CONFIRMED, DEPENDS, REFUTED, VERDICTS, Finding, World, graded

CHEAP = (1, 2, 3, 4, 6, 7, 8, 9)
LENDER = {"switches.lender": True, "finance.dscr_average_merchant": 2.5}
STANDARDS = {f"projects.{key}.standards_gap_usd_per_t": 200 for key in ("CAN_ALPHA", "USA_ALPHA", "MEX_ALPHA")} | {"products.alpha.standard_cost_usd_per_t": 400}


def world(more: dict[str, Any] | None = None, name: str = "tutorial", *, headline: bool = True) -> World:
    """Return a world of a shipped instance."""
    return World(mc.load(name), "test", more or {}, headline=headline)


@pytest.fixture(scope="module")
def small() -> World:
    """Return usmca with few scenarios and measures that lapse, as shipped."""
    return world({"scenarios.count": 20}, "usmca")


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    return claims(mc.load("tutorial"), quick=True)


# --- the mechanisms -----------------------------------------------------------------------------------------------------


def test_a_tariff_on_china_alone_moves_a_price_outside_dumps_only_where_china_is_marginal(small: World) -> None:
    desk = small.desk(claims_border.IN_FORCE)
    moved = set()
    for m in desk.market.products:
        path = desk.baseline.paths[m]
        for c in COUNTRIES:
            before, after = (along(desk.market.prices(m, border, c), path) for border in (LAW, Border(china=0.25)))
            changed = (after > before * (1.0 + 1e-12)) & claims_border.calm(desk, m)
            assert not changed[path != BEYOND].any(), (m, c)
            moved |= {m} if changed.any() else set()
    assert {"graphite_anode", "antimony"} <= moved
    assert not {"copper", "nickel", "lithium_carbonate"} & moved


def test_china_alone_raises_alpha_in_full_and_beta_not_at_all() -> None:
    found = claims_border.china_alone(world())
    assert isinstance(found.figure, dict)
    assert found.figure["alpha"]["rise"] == pytest.approx(0.25)
    assert found.figure["beta"]["rise"] == 0.0
    assert found.verdict == DEPENDS
    assert any(note.startswith("alpha: 25.0%") for note in found.notes)


def test_broader_measures_reach_beta_too() -> None:
    figure: Any = claims_border.broader(world()).figure
    assert figure["beta"]["rise_both_nodes"] == pytest.approx(0.25)
    assert figure["beta"]["rise_reference_price"] == pytest.approx((2000 - 1500) / 3 / 2000, rel=1e-4)
    for name in ("china_alone", "both_nodes", "reference_price"):
        assert figure["ALL"][f"users_loss_{name}_musd"] == pytest.approx(sum(figure[m][f"users_loss_{name}_musd"] for m in ("alpha", "beta")), rel=1e-3)


def test_shared_upside_is_a_fair_exchange_at_expected_value_and_saves_where_the_lender_sets_the_strike() -> None:
    fair: Any = claims_contracts.shared_upside(world()).figure
    assert fair["g=0.5"]["booked_musd"] == pytest.approx(fair["g=0"]["booked_musd"], rel=0.02)
    assert fair["g=0.5"]["p95_musd"] > 1.5 * fair["g=0"]["p95_musd"]
    lent: Any = claims_contracts.shared_upside(world(LENDER)).figure
    booked = [lent[f"g={g:g}"]["booked_musd"] for g in claims_contracts.UPSIDE_SHARES]
    assert booked == sorted(booked, reverse=True)
    assert booked[2] < 0.95 * booked[0]


def test_a_strike_falls_with_the_investment_credit() -> None:
    held = world()
    desk = held.desk()
    strikes = {}
    for key, rungs in (("USA_ALPHA", (0.0, 0.02, 0.03)), ("MEX_ALPHA", (0.0, 0.02, 0.05, 0.1))):
        site = claims_contracts.site_of(desk, desk.plants[key], desk.law_settings())
        strikes[key] = claims_contracts.at_levels(desk, site, [CreditLevel(itc=x) for x in rungs]).strike
        assert (np.diff(strikes[key]) < 0.0).all()
    figure: Any = claims_contracts.credits_for_strikes(held).figure
    assert figure["alpha"]["usd_per_t_per_point_of_itc"] == pytest.approx((strikes["MEX_ALPHA"][0] - strikes["MEX_ALPHA"][-1]) / 10.0)
    assert figure["alpha"]["usd_per_t_per_point_of_ptc"] is None


def test_tariffs_save_on_the_contracts_of_the_same_builds() -> None:
    held = world()
    figure: Any = claims_contracts.tariffs_for_contracts(held).figure
    assert figure["ALL"]["objective_without_musd"] == pytest.approx(mc.solve(held.instance({"instruments.tariffs": False})).certificate["objective_musd"], rel=1e-4)
    assert figure["alpha"]["saved_musd"] > 0.0
    assert figure["alpha"]["saved_musd_per_point"] == pytest.approx(figure["alpha"]["saved_musd"] / figure["alpha"]["points"], rel=1e-3)
    assert figure["ALL"]["users_loss_with_musd"] > figure["ALL"]["users_loss_without_musd"]


def test_a_credit_per_tonne_by_hand() -> None:
    """30 musd are spent in 2028, the year before 5 years of 2,000 t; the public rate is 5% and the base year 2027."""
    desk = world().desk()
    site = claims_contracts.site_of(desk, desk.plants["USA_ALPHA"], desk.law_settings())
    ones = np.ones(desk.market.years.size)
    tonnes = sum(2000 / 1.05**k for k in range(2, 7))
    assert claims_projects.per_tonne(desk, site, LawCredits(0.3 * ones, 0.0 * ones)) == pytest.approx(0.3 * 30e6 / 1.05 / tonnes)
    assert claims_projects.per_tonne(desk, site, LawCredits(0.0 * ones, 0.1 * ones)) == 0.0
    cost = claims_projects.replace(site, plant=claims_projects.replace(site.plant, ptc_share=1.0))
    assert claims_projects.per_tonne(desk, cost, LawCredits(0.0 * ones, 0.1 * ones)) == pytest.approx(0.1 * 5000)


def test_closeness_is_judged_on_the_products_that_the_chapter_names() -> None:
    def line(ratio: float) -> dict[str, Any]:
        return {"project": "X", "ratio": ratio, "median_ratio_of_projects": ratio} | dict.fromkeys(
            ("capital_30_usd_per_t", "cost_10_usd_per_t", "law_CAN_usd_per_t", "law_USA_usd_per_t"), 1.0
        )

    ratios = {"lithium_carbonate": 1.0, "graphite_anode": 2.0, "nickel": 0.5}
    assert claims_projects._closeness({m: line(x) for m, x in ratios.items()}).verdict == CONFIRMED
    assert claims_projects._closeness({m: line(x) for m, x in (ratios | {"nickel": 0.7}).items()}).verdict == DEPENDS
    assert claims_projects._closeness({m: line(1.0 / x if m == "nope" else 3.0 - x) for m, x in {"lithium_carbonate": 1.0, "nickel": 2.0}.items()}).verdict == REFUTED


def test_mexican_lithium_is_a_what_if_and_competes_on_cost(small: World) -> None:
    found = claims_projects.mexican_lithium(small)
    figure: Any = found.figure
    assert figure["LI_SONORA"]["npv_unaided_musd"] == figure["LI_SONORA"]["npv_aided_musd"]
    assert all(line["npv_aided_musd"] > line["npv_unaided_musd"] for key, line in figure.items() if key != "LI_SONORA")
    assert any("'blocked' today" in note for note in found.notes)
    dear = world({"scenarios.count": 20, "projects.LI_SONORA.opex_usd_per_t": 30000}, "usmca")
    assert claims_projects.mexican_lithium(dear).verdict == REFUTED


def test_contested_follows_the_rule_of_competition(small: World) -> None:
    found = claims_projects.only_lithium(small)
    figure: Any = found.figure
    assert figure["lithium_carbonate"]["localised"] == int(small.desk().competition.contested["lithium_carbonate"].sum()) > 0
    assert figure["lithium_carbonate"]["embodied"] == 0
    assert found.verdict == REFUTED


def test_procurement_above_the_long_run_price_lifts_a_plant_in_proportion() -> None:
    buys = {"procurement.products": ["alpha"], "products.alpha.defence_share": 0.5}
    found = claims_projects.procurement(world(buys))
    figure: Any = found.figure
    assert figure["USA_ALPHA"]["gain_1.5_musd"] == pytest.approx(2.0 * figure["USA_ALPHA"]["gain_1.25_musd"], rel=1e-3)
    assert figure["USA_ALPHA"]["made_bankable"] == 1
    assert found.verdict == DEPENDS, "refineries alone gain"
    assert claims_projects.procurement(world()).verdict == REFUTED


def test_standards_pay_where_china_is_marginal_and_lacks_them() -> None:
    """Alpha's price is China's landed price: an adjustment of 400 USD/t against a cost of 200."""
    free = claims_border.standards(world(STANDARDS | {"products.alpha.standard_compliance_china": 1}, headline=False))
    held = claims_border.standards(world(STANDARDS | {"products.alpha.standard_compliance_china": 0}, headline=False))
    assert (free.verdict, held.verdict) == (REFUTED, CONFIRMED)
    figure: Any = held.figure
    for tier in ("usmca", "high"):
        assert figure[tier]["adjustment_npv_musd"] == pytest.approx(-2.0 * figure[tier]["cost_npv_musd"], rel=1e-4)
    assert claims_border.standards(world(headline=False)).verdict == DEPENDS


def test_more_tools_never_cost_more(rows: list[dict[str, Any]]) -> None:
    figure = rows[10]["figure"]
    assert len(figure) == 17
    for name, cost in figure.items():
        for tool in name.split(" + "):
            if cost is not None and figure.get(tool) is not None:
                assert cost <= figure[tool] * 1.001 + 1e-6
        assert cost is None or figure["all"] <= cost * 1.001 + 1e-6
    assert figure["contracts + credits"] == pytest.approx(rows[4]["figure"]["ALL"]["objective_without_musd"], rel=1e-3)
    assert all(any(f"with {name}:" in note for note in rows[10]["depends_on"]) for name, cost in figure.items() if cost is None)


def test_extras_come_on_top_of_the_three_core_tools() -> None:
    held = world({"ladders.grant": [0.0, 0.2], "projects.USA_ALPHA.dev_status": "study", "ladders.itc": [0.0], "ladders.tariffs": [0.0, 0.01]})
    figure = claims_tools._extras(held)
    assert list(figure) == ["tariffs + contracts + credits", "tariffs + contracts + credits + grants"]
    without, more = figure.values()
    assert without is not None
    assert more is not None
    assert more <= without


def test_tools_that_are_off_have_ladders_when_they_are_switched_on() -> None:
    more = claims_tools.with_tools(world(), ("reference_price", "procurement"))
    s = mc.load("tutorial", more).settings
    assert s["instruments.reference_price"]
    assert not s["instruments.contracts"]
    assert len(s["ladders.reference"]) == 4
    assert len(s["ladders.offtake"]) == 3


# --- the rows -----------------------------------------------------------------------------------------------------------


def test_rows_have_the_fields_of_the_table(rows: list[dict[str, Any]]) -> None:
    assert [r["id"] for r in rows] == list(range(1, 12))
    for r in rows:
        assert {"id", "claim", "experiment", "figure", "unit", "verdict", "depends_on"} <= set(r)
        assert r["verdict"] in VERDICTS
        assert all(isinstance(note, str) for note in r["depends_on"])
        assert r["verdict"] != DEPENDS or r["depends_on"]
    json.dumps(rows, allow_nan=False)


def test_every_claim_is_examined_under_three_other_regimes() -> None:
    (found,) = claims(mc.load("tutorial"), only=[1])
    assert set(found["spread"]) == {"slow reversion", "fast reversion", "spot as long-run price"}
    assert found["spread"]["slow reversion"]["figure"] == found["figure"], "prices.csv replaces the drawn scenarios"


def test_a_verdict_that_flips_says_so() -> None:
    claim = CLAIMS[0]
    same = row(claim, {"headline": Finding(CONFIRMED, 1.0), "spot": Finding(CONFIRMED, 2.0)})
    assert (same["verdict"], same["depends_on"]) == (CONFIRMED, [])
    turned = row(claim, {"headline": Finding(CONFIRMED, 1.0, ("a",)), "spot": Finding(REFUTED, 2.0, ("b", "infeasible: no plant"))})
    assert turned["verdict"] == DEPENDS
    assert turned["figure"] == 1.0
    assert turned["depends_on"] == ["a", "spot: not confirmed instead of confirmed (infeasible: no plant)"]


def test_a_rule_of_several_places_is_graded() -> None:
    assert [graded(k, 2) for k in range(3)] == [REFUTED, DEPENDS, CONFIRMED]


def test_quick_examines_the_headline_alone_and_reports_its_steps() -> None:
    steps: list[tuple[str, int, int]] = []
    found = claims(mc.load("tutorial"), only=[8, 4], quick=True, progress=lambda *step: steps.append(step))
    assert [r["id"] for r in found] == [4, 8]
    assert all(r["spread"] == {} for r in found)
    assert steps == [("claim 4, headline", 0, 2), ("claim 8, headline", 1, 2)]


def test_unknown_claims_are_listed_together() -> None:
    with pytest.raises(InstanceError) as caught:
        claims(mc.load("tutorial"), only=[0, 4, 99])
    assert [p.got for p in caught.value.problems] == ["0", "99"]


# --- the page -----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_cheap_claims_of_the_page_are_still_what_usmca_gives(root: Path) -> None:
    stored = {r["id"]: r for r in json.loads((root / "docs" / "assets" / "claims.json").read_text(encoding="utf-8"))}
    for fresh in claims(mc.load("usmca"), only=CHEAP):
        assert fresh["verdict"] == stored[fresh["id"]]["verdict"]
        assert_alike(fresh["figure"], stored[fresh["id"]]["figure"])
        for name, found in fresh["spread"].items():
            assert found["verdict"] == stored[fresh["id"]]["spread"][name]["verdict"]


def assert_alike(fresh: Any, stored: Any) -> None:
    """Compare two figures: numbers to 1%, texts and names exactly."""
    if isinstance(fresh, dict):
        assert set(fresh) == set(stored)
        for key, value in fresh.items():
            assert_alike(value, stored[key])
    elif isinstance(fresh, float):
        assert fresh == pytest.approx(stored, rel=0.01, abs=1e-6)
    else:
        assert fresh == stored
