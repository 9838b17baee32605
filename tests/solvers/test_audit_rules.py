"""A design with every instrument: it passes, every number of its new tables is checked, every broken rule is found."""

from __future__ import annotations

import bisect
import copy
from collections.abc import Callable
from typing import Any

import pytest

from minclub.instances.instance import Instance
from minclub.solvers.audit import AuditRefused, audit
from minclub.solvers.audit_case import Case
from minclub.solvers.audit_design import read_design
from minclub.tests.solvers.audit_designs import PROJECTS, assert_found, build, claim, decisions, names, world_of

ON = {f"instruments.{name}": True for name in ("tariffs", "reference_price", "contracts", "credits", "grants", "loans", "procurement")}
SETTINGS: dict[str, Any] = ON | {
    "ladders.reference": (0.95, 1.0), "ladders.grant": (0.0, 0.1), "ladders.loan": (0.0, 1.0), "ladders.offtake": (1.1, 1.2), "levy.covers": "both",
    "lines.base": ("metal", "alloy"), "standards.tier": "usmca", "standards.usmca_factor": 0.5, "contract.collar": 0.1, "contract.indexed_share": 0.5,
    "contract.inflation": 0.03, "contract.start_delay": 1, "contract.stockpile_share": 0.2, "contract.stockpile_counted": False,
    "contract.upside_shares": (0.25, 0.5), "contract.strike_by": "class", "procurement.tenor_years": 3, "reserve.cover.metal": 0.5,
    "procurement.quotas.USA": 0.5, "procurement.quotas.CAN": 0.3, "procurement.quotas.MEX": 0.2, "concessional.spread": 0.0, "concessional.tenor_years": 5,
    "caps.product_price": 0.3,
}  # fmt: skip
METAL = {"is_defence": True, "defence_share": 0.05, "standard_cost_usd_per_t": 40.0, "standard_compliance_china": 0.25, "standard_compliance_market": 0.75}
ALLOY = {
    "long_run_mean_usd_per_t": 1234.0, "spot_usd_per_t": 1234.0, "demand_direct_2025_t_usa": 10.0, "demand_direct_2025_t_can": 0.0,
    "demand_embodied_2025_t_usa": 10.0, "demand_embodied_2025_t_can": 0.0,
}  # fmt: skip
PLANTS: dict[str, dict[str, Any]] = PROJECTS | {
    "DEAR": PROJECTS["DEAR"] | {"dev_status": "study", "standards_gap_usd_per_t": 30.0},
    "NEXT": {"opex_usd_per_t": 830.0, "capex_musd": 1.5, "dev_status": "permitted"},
}
HOLDERS = ("DEAR", "NEXT")


def rich(settings: dict[str, Any] | None = None) -> Instance:
    """Return the small instance with every instrument on."""
    return build(PLANTS, SETTINGS | (settings or {}), {"metal": METAL, "alloy": ALLOY})


def choose(strike: float = 1500.0, strikes: dict[str, float] | None = None) -> dict[str, Any]:
    """Return a design that uses every instrument; no claims yet."""
    raw = decisions() | {"schema_version": 2}
    raw["tariffs"] = [
        {"product": m, "node": node, "rate": 0.0, "reference_usd_per_t": price}
        for m, price in (("metal", 1000.0), ("alloy", 1230.0))
        for node in ("china_linked", "market")
    ]
    raw["projects"].append({"project": "NEXT", "built": 1, "start_year": 2029})
    raw["credits"] = [{"country": "CAN", "product": "metal", "itc_rate": 0.05, "ptc_rate": 0.0, "grant_rate": 0.1, "concessional_loan": 1}]
    terms = {"share": 0.8, "tenor_years": 4, "upside_share": 0.25, "start_year": 2029, "start_delay_years": 1}
    more = {"collar": 0.1, "indexed_share": 0.5, "inflation": 0.03}
    held = {code: (strikes or {}).get(code, strike) for code in HOLDERS}
    raw["contracts"] = [{"project": code, "product": "metal", "country": "CAN", "strike_usd_per_t": k, **terms, **more} for code, k in held.items()]
    raw["offtake"] = [{"project": code, "product": "metal", "price_usd_per_t": 1100.0} for code in HOLDERS]
    return raw


def least_strikes(instance: Instance) -> dict[str, float]:
    """Search the least strike of each holder among those of three digits."""
    world = world_of(instance)
    ladder = [float(k) for k in [*range(800, 1000), *range(1000, 2500, 10)]]

    def search(code: str) -> float:
        def passes(strike: float) -> bool:
            return Case(world, read_design(choose(strike), world)).judged(world.projects[code], "with").passes

        return ladder[bisect.bisect_left(ladder, True, key=passes)]

    return {code: search(code) for code in HOLDERS}


@pytest.fixture(scope="module")
def instance() -> Instance:
    return rich()


@pytest.fixture(scope="module")
def least(instance: Instance) -> dict[str, float]:
    return least_strikes(instance)


@pytest.fixture(scope="module")
def design(instance: Instance, least: dict[str, float]) -> dict[str, Any]:
    return claim(choose(max(least.values())), instance)


def test_a_design_with_every_instrument_passes(design: dict[str, Any], instance: Instance, least: dict[str, float]) -> None:
    report = audit(design, instance)
    assert [(c.name, c.where, c.claimed, c.recomputed) for c in report.failures] == []
    assert {"C6", "C17", "C18"} <= {c.convention for c in report.checks}
    assert least["DEAR"] != least["NEXT"]
    rents = {row["project"]: row["rent_musd"] for row in design["contracts"]}
    assert [code for code in HOLDERS if rents[code] > 0.0] == [min(HOLDERS, key=least.__getitem__)]
    assert {row["months"] for row in design["reserve"]} == {3.0}
    assert [row["tonnes_at_start"] for row in design["offtake"]] == pytest.approx([500.0 / 3000.0 * 500.0] * 2)
    items = {row["item"] for row in design["public_cost"] if row["value_musd"] > 0.0}
    assert {"contract_payments", "credits", "offtake_payments", "reserve_carry"} <= items


def test_grants_are_for_early_stages_and_loans_for_all_beyond_the_baseline(instance: Instance) -> None:
    world = world_of(instance)
    case = Case(world, read_design(choose() | {"credits": [{**choose()["credits"][0], "country": c} for c in ("USA", "CAN")]}, world))
    options = {code: case.option(world.projects[code]) for code in ("DEAR", "NEXT", "GOOD")}
    assert {code: (o.grant, o.loan, o.offtake is not None) for code, o in options.items()} == {
        "DEAR": (0.1, True, True),
        "NEXT": (0.0, True, True),
        "GOOD": (0.0, False, False),
    }
    assert {o.standards for o in options.values()} == {0.5}
    assert {b.option.standards for b in case.b0_built} == {0.0}


NEW = {
    "tariffs": ("reference_usd_per_t", "adjustment_usd_per_t"),
    "contracts": ("collar", "indexed_share", "inflation", "rent_musd"),
    "credits": ("grant_rate", "concessional_loan"),
    "offtake": ("price_usd_per_t", "tonnes_at_start", "payments_pv_musd", "receipts_pv_musd"),
    "reserve": ("months", "stock_t_end_year", "purchase_usd_per_t", "carry_pv_musd"),
}


@pytest.mark.parametrize(("table", "column"), [(table, column) for table, columns in NEW.items() for column in columns])
def test_every_perturbed_number_is_found(table: str, column: str, design: dict[str, Any], instance: Instance) -> None:
    raw = copy.deepcopy(design)
    raw[table][0][column] += 0.01
    assert not audit(raw, instance).passed


def change(table: str, column: str, value: Any, rows: slice = slice(None)) -> Callable[[dict[str, Any]], None]:
    """Return a change of a column in some rows of a table."""

    def apply(raw: dict[str, Any]) -> None:
        for row in raw[table][rows]:
            row[column] = value

    return apply


FIRST = slice(0, 1)
BROKEN: dict[str, tuple[Callable[[dict[str, Any]], None], str]] = {
    "reference off the ladder": (change("tariffs", "reference_usd_per_t", 1010.0, slice(0, 2)), "reference price on the ladder"),
    "reference on one node": (change("tariffs", "reference_usd_per_t", 0.0, FIRST), "reference price on the ladder"),
    "tariff beside a reference": (change("tariffs", "rate", 0.05, slice(0, 2)), "tariff or reference price, not both"),
    "rates differ in a line": (change("tariffs", "rate", 0.05, slice(0, 2)), "one set of rates in a tariff line"),
    "multiples differ in a line": (change("tariffs", "reference_usd_per_t", 950.0, slice(0, 2)), "one multiple of reference prices in a tariff line"),
    "grant off the ladder": (change("credits", "grant_rate", 0.2), "grant on the ladder"),
    "half a loan": (change("credits", "concessional_loan", 0.5), "loan on the ladder"),
    "upside off the ladder": (change("contracts", "upside_share", 0.3), "upside share as in the settings"),
    "upside differs": (change("contracts", "upside_share", 0.5, FIRST), "one upside share in a country and product"),
    "other collar": (change("contracts", "collar", 0.0), "collar as in the settings"),
    "other indexation": (change("contracts", "indexed_share", 1.0), "indexed share as in the settings"),
    "other inflation": (change("contracts", "inflation", 0.02), "inflation as in the settings"),
    "other delay": (change("contracts", "start_delay_years", 0), "start delay as in the settings"),
    "stockpiled output contracted": (change("contracts", "share", 1.0), "share as in the settings"),
    "strikes differ in a class": (change("contracts", "strike_usd_per_t", 2000.0, FIRST), "one strike in a class, the highest of the least"),
    "strike above the least of a class": (change("contracts", "strike_usd_per_t", 2000.0), "one strike in a class, the highest of the least"),
    "offtake off the ladder": (change("offtake", "price_usd_per_t", 1150.0), "offtake price on the ladder"),
    "offtake prices differ": (change("offtake", "price_usd_per_t", 1200.0, FIRST), "one offtake in a country and product"),
    "offtake of some": (lambda raw: raw["offtake"].pop(), "one offtake in a country and product"),
    "offtake of the baseline": (change("offtake", "project", "GOOD", FIRST), "offtake of every stream that qualifies"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_rule_is_found(case: str, design: dict[str, Any], instance: Instance) -> None:
    assert_found(*BROKEN[case], design, instance)


@pytest.mark.parametrize("name", ["reference_price", "contracts", "credits", "grants", "loans", "procurement"])
def test_instrument_that_is_off_must_not_appear(name: str, design: dict[str, Any]) -> None:
    off = {check.where for check in audit(design, rich({f"instruments.{name}": False})).failures if check.name == "limit: no instrument that is off"}
    assert off == {name}


def test_only_tariffs_contracts_and_credits_are_on_by_default(design: dict[str, Any]) -> None:
    silent = rich(dict.fromkeys(ON))
    off = {check.where for check in audit(design, silent).failures if check.name == "limit: no instrument that is off"}
    assert off == {"reference_price", "grants", "loans", "procurement"}


def test_c6_a_levy_on_china_alone_covers_one_node(design: dict[str, Any]) -> None:
    china = rich({"levy.covers": "china_linked"})
    assert "reference price on covered nodes only" in names(design, china)
    raw = copy.deepcopy(design)
    for row in raw["tariffs"]:
        row["reference_usd_per_t"] *= row["node"] == "china_linked"
    found = names(raw, china)
    assert not {"reference price on covered nodes only", "reference price on the ladder"} & found


def test_c17_a_reserve_beyond_the_highest_rung_is_found(design: dict[str, Any]) -> None:
    assert "reserve within the highest rung" in names(design, rich({"ladders.reserve_months": (0.0, 1.0)}))


def test_c26_caps_count_what_is_borne_by_quota(design: dict[str, Any]) -> None:
    carried = sum(row["value_musd"] for row in design["public_cost"] if (row["country"], row["item"], row["year"]) == ("MEX", "reserve_carry", 2032))
    assert carried > 0.02
    for cap, broken in ((0.9 * carried, True), (1.1 * carried, False)):
        assert ("outlay in a year" in names(design, rich({"caps.MEX.2032": cap}))) == broken


def test_c13_a_precedent_may_share_more_of_the_upside(design: dict[str, Any]) -> None:
    raw = copy.deepcopy(design)
    change("contracts", "upside_share", 1.0)(raw)
    for preset, broken in (("", True), ("uk_allocation_round", False)):
        assert ("upside share" in names(raw, rich({"contract.preset": preset, "contract.upside_shares": (1.0,)}))) == broken


def test_offtake_of_a_plant_that_is_not_built_is_refused(instance: Instance) -> None:
    raw = choose()
    raw["offtake"].append({"project": "TWIN", "product": "metal", "price_usd_per_t": 1100.0})
    with pytest.raises(AuditRefused, match="TWIN sells to the club and is not built"):
        read_design(raw, world_of(instance))


def test_c5_c6_c15_what_the_settings_change_in_the_data() -> None:
    settings = {
        "data.china_equity": "market", "data.ptc_cost_base": "proposed", "national.CAN.market.metal": 0.3, "national.USA.china_linked.metal": 0.01,
        "procurement.products": ("alloy",),
    }  # fmt: skip
    metal = {"china_made_share": 0.35, "law_tariff_china_usa": 0.02}
    policy = [
        {"instrument_id": "A", "country": "USA", "products": ("metal",), "kind": "demand_premium", "rate": 30.0, "start_year": 2028, "end_year": 2029},
        {"instrument_id": "B", "country": "CAN", "products": ("all",), "kind": "demand_premium", "rate": 5.0, "start_year": 2029},
    ]
    plants = {"DEAR": {"ptc_eligible_share_proposed": 0.4, "dev_status": "permitting"}}
    small = build(plants, settings, {"metal": metal, "alloy": ALLOY}, {"policy": policy})
    found = world_of(small)
    assert found.products["metal"].non_china_supply == pytest.approx(10000.0 + 0.25 * 40000.0)
    assert found.products["metal"].china_share == 0.6
    assert found.products["metal"].law.tolist() == [[0.02, 0.0, 0.0], [0.0, 0.3, 0.0]]
    assert (found.products["metal"].defence, found.products["alloy"].defence) == (False, True)
    assert (found.projects["DEAR"].ptc_share, found.projects["DEAR"].early) == (0.4, True)
    assert found.premiums["metal"][:4].tolist() == [0.0, 30.0, 35.0, 5.0]
    assert found.premiums["alloy"][:4].tolist() == [0.0, 0.0, 5.0, 5.0]
    plain = world_of(build(plants, None, {"metal": metal}))
    assert (plain.products["metal"].non_china_supply, plain.projects["DEAR"].ptc_share) == (10000.0, 1.0)


def test_c6_lapses_are_those_of_the_scenarios() -> None:
    settings = {"switches.expiry": True, "expiry.protection_review_year": 2029, "expiry.protection_lapse_hazard": 1.0}
    rest = {"expiry.protection_expiry_year": 2036, "expiry.protection_extension_probability": 0.5}
    lapse = world_of(build(settings=settings | rest)).lapse
    assert lapse is not None
    assert lapse.tolist() == [2029, 2029]
