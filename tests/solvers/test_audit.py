"""The audit as a whole: a consistent design passes, every perturbed number is found, every broken limit is found."""

from __future__ import annotations

import bisect
import copy
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from minclub.instances.instance import Instance
from minclub.instances.scenarios import generate
from minclub.solvers import audit_tables
from minclub.solvers.audit import AuditRefused, audit
from minclub.solvers.audit_design import TABLES, read_design
from minclub.solvers.audit_read import read_world
from minclub.solvers.audit_tables import Case
from minclub.solvers.audit_world import World

YEARS = range(2027, 2027 + 12)
PARAMETERS = {
    "public_rate": 0.04, "base_project_rate": 0.10, "country_risk_premium": 0.0, "specialty_addon": 0.025, "downside_price_factor": 0.8,
    "income_tax_rate": 0.2, "mining_duty_rate": 0.1, "depreciation_years": 2, "debt_share": 0.6, "debt_tenor_years": 4, "debt_rate": 0.05,
    "public_base_rate": 0.02, "idc_drawn_share": 0.5, "dscr_average_merchant": 1.45, "dscr_contract_reduction": 0.15, "dscr_minimum_downside": 1.0,
    "reserve_months": 6, "dump_llcr_minimum": 1.0, "dump_deck_years": 3, "downside_opex_factor": 1.1, "downside_capex_factor": 1.15,
    "downside_delay_years": 1, "cvar_alpha": 0.5, "loss_tolerance": 0.6, "lender_share_of_protection": 0.5, "review_year": 2036, "care_share": 0.1,
    "export_cost": 0.07, "export_cap": 0.05, "supply_fill_restricted": 0.7, "stack_cap": 0.5, "upside_share_max": 0.5, "strike_max": 2.5,
    "contract_min_revenue_share": 0.3, "subsidy_band": 0.05, "life_cap_years": 30,
}  # fmt: skip
SETTINGS: dict[str, Any] = {
    "years.base": 2027, "years.end": 2034, "years.target": 2031, "years.simulated": 12, "data.demand_basis": "direct", "data.growth_until": 2034,
    "data.long_run_price": "mean", "scenarios.count": 2, "scenarios.seed": 1, "contract.tenor_years": 4, "contract.share": 1.0, "contract.upside_share": 0.5,
    "ladders.tariffs": (0.0, 0.05, 0.1), "ladders.itc": (0.0, 0.05, 0.1), "ladders.ptc": (0.0, 0.05), "ladders.start_delays": (0.0, 2.0),
    "targets.metal": 0.1, "china_caps.metal": 9000.0, "caps.product_price": 0.15, "caps.basket": 0.15, "caps.CAN.each_year": 3.0, "caps.CAN.2030": 2.9,
    "caps.worst5_outlay": 20.0, "objective.cvar_weight": 0.1, "objective.user_weight": 0.5, "funding.mode": "host",
}  # fmt: skip
PRODUCT: dict[str, Any] = {
    "form": "refined", "exchange_traded": True, "long_run_mean_usd_per_t": 1000.0, "spot_usd_per_t": 1000.0, "growth_to_2030": 0.0, "growth_after_2030": 0.0,
    "world_supply_t": 40000.0, "non_china_supply_t": 10000.0, "market_reach_share": 0.5, "other_imports_t": 0.0, "china_controlled_share": 0.6,
    "spike_factor": 2.0, "dump_depth": 0.3, "dump_follow": 0.5, "demand_elasticity": -0.4, "voll_usd_per_t": 3000.0,
    **{f"demand_direct_2025_t_{c}": d for c, d in (("usa", 8000.0), ("can", 2000.0), ("mex", 0.0))},
    **{f"demand_embodied_2025_t_{c}": d for c, d in (("usa", 9000.0), ("can", 2000.0), ("mex", 0.0))},
    **{f"existing_refined_t_{c}": 0.0 for c in ("usa", "can", "mex")},
    **{f"law_tariff_{n}_{c}": 0.0 for n in ("china", "market") for c in ("usa", "can", "mex")},
}  # fmt: skip
PROJECT: dict[str, Any] = {
    "country": "CAN", "product_code": "metal", "stage": "mine", "form_sold": "refined", "capacity_t_per_year": 1000.0, "earliest_start_year": 2029,
    "build_years": 2, "ramp": (0.5, 1.0), "life_years": 8, "capex_musd": 2.0, "sustaining_musd_per_year": 0.02, "opex_usd_per_t": 600.0, "payability": 1.0,
    "royalty_rate": 0.02, "china_linked": False, "exclusive_group": "", "available": True, "b0_supply": False, "sunk_capex_share": 0.0,
    "optimism_factor": 1.0, "itc_eligible": True, "ptc_eligible_share": 1.0,
}  # fmt: skip
PROJECTS: dict[str, dict[str, Any]] = {
    "OPEN": {"b0_supply": True, "country": "USA", "earliest_start_year": 2028, "sunk_capex_share": 0.5},
    "GOOD": {"country": "USA", "opex_usd_per_t": 250.0},
    "DEAR": {"opex_usd_per_t": 800.0, "capex_musd": 1.5},
    "TWIN": {"opex_usd_per_t": 990.0, "exclusive_group": "PAIR"},
    "OTHER": {"opex_usd_per_t": 990.0, "exclusive_group": "PAIR"},
    "CLOSED": {"available": False},
}
BASE_PRICE = {0: 900.0, 1: 1100.0}


def build(
    projects: dict[str, dict[str, Any]] | None = None,
    settings: dict[str, Any] | None = None,
    products: dict[str, dict[str, Any]] | None = None,
    tables: dict[str, list[dict[str, Any]]] | None = None,
    restricted: tuple[int, ...] = (2033,),
) -> Instance:
    """Return a small instance: flat prices 900 and 1100 in two scenarios, 1300 for china_linked in no year, a restriction in scenario 1."""
    goods = {"metal": {}, **(products or {})}
    path = [
        {
            "scenario": s,
            "product": m,
            "year": y,
            "market_usd_per_t": BASE_PRICE[s],
            "china_usd_per_t": BASE_PRICE[s] * 0.99,
            "restricted": s == 1 and y in restricted,
        }
        for s in BASE_PRICE
        for m in goods
        for y in YEARS
    ]
    extra = tables or {}
    columns = {
        "byproducts": ["project_id", "product_code", "t_per_year", "price_usd_per_t", "payability"],
        "policy": ["instrument_id", "country", "products", "kind", "rate", "start_year", "end_year", "phase_schedule"],
        "contracts": ["contract_id", "project_id", "in_b0", "strike_usd_per_t", "tenor_years", "start_year"],
        "converters": [
            "converter_id",
            "country",
            "input_product_code",
            "output_product_code",
            "input_t_per_year",
            "output_t_per_year",
            "start_year",
            "counted",
            "china_linked",
        ],
    }
    frames = {name: pd.DataFrame(extra.get(name, []), columns=cols) for name, cols in columns.items()}
    empty = pd.DataFrame()
    return Instance(
        name="small",
        path=Path("small"),
        sha256="0" * 64,
        overrides=(),
        seed=1,
        settings=SETTINGS | (settings or {}),
        projects=pd.DataFrame({k: PROJECT | v for k, v in (PROJECTS if projects is None else projects).items()}).T,
        products=pd.DataFrame({k: PRODUCT | v for k, v in goods.items()}).T,
        byproducts=frames["byproducts"],
        policy=frames["policy"].set_index("instrument_id"),
        contracts=frames["contracts"].set_index("contract_id"),
        converters=frames["converters"].set_index("converter_id"),
        finance=pd.DataFrame([{"parameter": k, "country": "ALL", "stage": "all", "base": v} for k, v in PARAMETERS.items()]),
        episodes=empty,
        correlations=empty,
        assumptions=empty,
        sources=empty,
        prices=pd.DataFrame(path),
    )


def decisions(strike: float = 1200.0) -> dict[str, Any]:
    """Return a design that builds the baseline and DEAR, with tariffs, a credit and a contract; no claims yet."""
    starts = {"OPEN": 2028, "GOOD": 2029, "DEAR": 2029}
    raw: dict[str, Any] = {name: [] for name in TABLES}
    raw["tariffs"] = [{"product": "metal", "node": "china_linked", "rate": 0.05}, {"product": "metal", "node": "market", "rate": 0.05}]
    raw["projects"] = [{"project": code, "built": int(code in starts), "start_year": starts.get(code)} for code in PROJECTS]
    raw["credits"] = [{"country": "CAN", "product": "metal", "itc_rate": 0.1, "ptc_rate": 0.05}]
    terms = {"strike_usd_per_t": strike, "share": 1.0, "tenor_years": 4, "upside_share": 0.5, "start_year": 2029}
    raw["contracts"] = [{"project": "DEAR", "product": "metal", "country": "CAN", **terms}]
    raw["certificate"] = {"status": "optimal", "proven": True, "gap_asked": 0.001, "instance_sha256": "0" * 64}
    return raw | {"schema_version": 1, "provenance": {"instance": "small"}}


def world_of(instance: Instance) -> World:
    """Return the audit's view of an instance."""
    return read_world(instance, generate(instance), 2040)


def claim(raw: dict[str, Any], instance: Instance) -> dict[str, Any]:
    """Fill in the numbers that a consistent design would claim."""
    world = world_of(instance)
    raw["security"] = [{"product": "metal", "year": y} for y in YEARS if y <= 2034]
    case = Case(world, read_design(raw, world))
    for layout in audit_tables.LAYOUTS:
        mine = {tuple(row[k] for k in layout.keys): row for row in raw[layout.name]}
        for key, values in audit_tables.tables(case)[layout.name].items():
            row = mine.get(key, dict(zip(layout.keys, key, strict=True)))
            mine[key] = {"target": None} | row | values if layout.name == "security" else row | values
        raw[layout.name] = list(mine.values())
    raw["binding"] = [
        {"constraint": "users_product", "where": "metal", "value": 0.1, "limit": 0.15, "slack": 0.05, "worth_musd_per_unit": None, "unit": "share"}
    ]
    bound = case.objective - 0.0005
    gap = 0.0005 / max(abs(case.objective), 0.01 * case.cost.outlay_pv.sum(), 1.0)
    raw["certificate"] |= {"objective_musd": case.objective, "bound_musd": bound, "gap": gap}
    return json.loads(json.dumps(raw))


def least_strike(instance: Instance) -> float:
    """Search the least strike of DEAR among those of three digits."""
    world = world_of(instance)

    def passes(strike: float) -> bool:
        return Case(world, read_design(decisions(strike), world)).judged(world.projects["DEAR"], "with").passes

    ladder = [float(k) for k in [*range(800, 1000), *range(1000, 2500, 10)]]
    return ladder[bisect.bisect_left(ladder, True, key=passes)]


@pytest.fixture(scope="module")
def small() -> Instance:
    return build()


@pytest.fixture(scope="module")
def design(small: Instance) -> dict[str, Any]:
    return claim(decisions(least_strike(small)), small)


def names(raw: dict[str, Any], instance: Instance) -> set[str]:
    """Return the names of the failed checks."""
    return {check.name.removeprefix("limit: ") for check in audit(raw, instance).failures}


def test_consistent_design_passes(design: dict[str, Any], small: Instance, tmp_path: Path) -> None:
    report = audit(design, small)
    assert report.failures == ()
    assert report.passed
    assert {"C12", "C13", "C14", "C19", "C21c", "C22", "C23", "C24", "C25", "C26", "C27", "C31"} <= {c.convention for c in report.checks}
    path = tmp_path / "design.json"
    path.write_text(json.dumps(design))
    assert audit(path, small).to_rows() == report.to_rows()


def test_design_is_not_trivial(design: dict[str, Any]) -> None:
    rows = {row["project"]: row for row in design["projects"]}
    assert [code for code in rows if rows[code]["in_baseline"]] == ["OPEN", "GOOD"]
    assert (rows["DEAR"]["passes_with"], rows["DEAR"]["passes_without"]) == (1, 0)
    assert {row["item"]: row["pv_musd"] for row in design["totals"] if row["country"] == "CAN"}["outlay"] > 0.1


def _numbers(raw: dict[str, Any]) -> list[tuple[Any, ...]]:
    skipped = {"seconds", "gap_asked", "tenor_years", "start_year", "worth_musd_per_unit", "year", "schema_version"}
    found: list[tuple[Any, ...]] = [("certificate", k) for k, v in raw["certificate"].items() if isinstance(v, float) and k not in skipped]
    for table in TABLES:
        for i, row in enumerate(raw[table]):
            found += [(table, i, k) for k, v in row.items() if isinstance(v, int | float) and not isinstance(v, bool) and k not in skipped]
    return found


def test_every_perturbed_number_is_found(design: dict[str, Any], small: Instance) -> None:
    kept: dict[tuple[str, str], int] = {}
    for table, *path in _numbers(design):
        kept[table, path[-1]] = kept.get((table, path[-1]), 0) + 1
        if kept[table, path[-1]] > 1:
            continue
        raw = copy.deepcopy(design)
        target = raw[table]
        for step in path[:-1]:
            target = target[step]
        target[path[-1]] += 1 if path[-1] in ("built", "contract", "in_baseline") or path[-1].startswith("passes") or path[-1] == "state" else 0.01
        try:
            assert not audit(raw, small).passed, (table, path)
        except AuditRefused:
            assert path[-1] in ("built",)
    assert len(kept) > 45


def _set(table: str, column: str, value: Any, **where: Any) -> Callable[[dict[str, Any]], None]:
    def change(raw: dict[str, Any]) -> None:
        rows = [row for row in raw[table] if all(row.get(k) == v for k, v in where.items())]
        assert rows
        for row in rows:
            row[column] = value

    return change


BROKEN: dict[str, tuple[Callable[[dict[str, Any]], None], str]] = {
    "off the tariff ladder": (_set("tariffs", "rate", 0.07, node="china_linked"), "tariff on the ladder"),
    "market above china": (_set("tariffs", "rate", 0.1, node="market"), "market tariff at most china_linked"),
    "off the credit ladder": (_set("credits", "ptc_rate", 0.03), "ptc on the ladder"),
    "off the start ladder": (_set("projects", "start_year", 2030, project="DEAR"), "start on the ladder"),
    "baseline late": (_set("projects", "start_year", 2031, project="GOOD"), "baseline project built at its earliest start"),
    "strike of four digits": (_set("contracts", "strike_usd_per_t", 1151.0), "strike of three significant digits"),
    "strike too high": (_set("contracts", "strike_usd_per_t", 2510.0), "strike ceiling"),
    "strike not the least": (_set("contracts", "strike_usd_per_t", 1300.0), "least strike: the next lower fails C12"),
    "strike too low": (_set("contracts", "strike_usd_per_t", 810.0), "bankable as built"),
    "strike under the floor": (_set("contracts", "strike_usd_per_t", 790.0), "strike floor"),
    "other tenor": (_set("contracts", "tenor_years", 5), "tenor as in the settings"),
    "other share": (_set("contracts", "share", 0.9), "share as in the settings"),
    "too much upside": (_set("contracts", "upside_share", 0.6), "upside share"),
    "other contract start": (_set("contracts", "start_year", 2031), "contract starts with production"),
    "gift": (_set("contracts", "project", "GOOD"), "no gift: fails C12 without the contract"),
    "contract for open project": (_set("contracts", "project", "OPEN"), "no contract for supply of the baseline"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_decision_is_found(case: str, design: dict[str, Any], small: Instance) -> None:
    change, name = BROKEN[case]
    raw = copy.deepcopy(design)
    assert name not in names(raw, small)
    change(raw)
    assert name in names(raw, small)
    raw["certificate"]["status"] = "given"
    assert name not in names(raw, small)


TIGHT: dict[str, tuple[dict[str, Any], str, str]] = {
    "worst5": ({"caps.worst5_outlay": 0.1}, "worst5", "outlay of the worst 5% of scenarios"),
    "country_caps": ({"caps.CAN.each_year": 0.01}, "country_caps", "outlay in a year"),
    "country_caps in one year": ({"caps.CAN.2030": 0.01}, "country_caps", "outlay in a year"),
    "product": ({"caps.product_price": 0.01}, "users_product", "rise of the price"),
    "basket": ({"caps.basket": 0.01}, "users_basket", "rise of the basket"),
    "target": ({"targets.metal": 0.5}, "security", "secured supply, t"),
    "china cap": ({"china_caps.metal": 10.0}, "security", "tonnes that must come from China"),
}


@pytest.mark.parametrize("case", TIGHT)
def test_broken_limit_is_found_unless_switched_off(case: str, design: dict[str, Any]) -> None:
    settings, switch, name = TIGHT[case]
    assert name in names(design, build(settings=settings))
    assert name not in names(design, build(settings=settings | {f"switches.{switch}": False}))


def test_export_cap_and_stack_are_enforced(design: dict[str, Any]) -> None:
    for limit, name, switch in (("export_cap", "net exports, t", "export_cap"), ("stack_cap", "credits and grants over capital", "stack")):
        for on in (True, False):
            small = build(settings={f"switches.{switch}": on}, products={"metal": {"demand_direct_2025_t_usa": 0.0, "world_supply_t": 5000.0}})
            small = replace(small, finance=small.finance.assign(base=small.finance["base"].where(small.finance["parameter"] != limit, -0.001)))
            assert (name in names(design, small)) == on


def test_unavailable_project_and_full_group_are_found(design: dict[str, Any], small: Instance) -> None:
    raw = copy.deepcopy(design)
    for row in raw["projects"]:
        if row["project"] in ("TWIN", "OTHER", "CLOSED"):
            row |= {"built": 1, "start_year": 2029}
    assert {"available", "one project of a group", "bankable as built"} <= names(raw, small)


def test_certificate_is_checked(design: dict[str, Any], small: Instance) -> None:
    for change, name in (
        ({"gap_asked": 0.0}, "status within the gap asked"),
        ({"status": "time_limit", "gap_asked": 0.0}, "proven only within the gap asked"),
        ({"status": "done"}, "status is known"),
    ):
        raw = copy.deepcopy(design)
        raw["certificate"] |= change
        assert name in names(raw, small)
    raw["certificate"] |= {"bound_musd": raw["certificate"]["objective_musd"] + 1.0}
    assert "bound does not exceed the objective" in names(raw, small)


def test_rows_left_out_or_invented_are_found(design: dict[str, Any], small: Instance) -> None:
    for table in ("totals", "consumers", "payoff", "security", "public_cost"):
        raw = copy.deepcopy(design)
        raw[table] = [row for row in raw[table] if not (row.get("value_musd", 1.0) and row.get("country") != "CAN")]
        assert not audit(raw, small).passed, table
    raw = copy.deepcopy(design)
    raw["totals"].append({"country": "USA", "item": "profit", "pv_musd": 1.0})
    assert "totals.row" in names(raw, small)


def _with(raw: dict[str, Any], *projects: tuple[str, int]) -> dict[str, Any]:
    built = [{"project": code, "built": 1, "start_year": start} for code, start in projects]
    return raw | {"projects": [row for row in raw["projects"] if row["project"] not in dict(projects)] + built}


def test_c21b_band_of_subsidy_equivalents() -> None:
    projects = PROJECTS | {"DEAR": PROJECTS["DEAR"] | {"capacity_t_per_year": 9000.0}, "HIGH": {"country": "USA", "opex_usd_per_t": 1500.0}}
    raw = _with(decisions(), ("HIGH", 2029))
    raw["contracts"].append(raw["contracts"][0] | {"project": "HIGH", "strike_usd_per_t": 2000.0})
    name = "difference of subsidy equivalents"
    assert name in names(raw, build(projects))
    assert name not in names(raw, build(projects, {"switches.band": False}))
    uncontested = projects | {"DEAR": PROJECTS["DEAR"]}
    assert name not in names(raw, build(uncontested))


def test_c21c_baseline_project_must_stay_bankable() -> None:
    crowd = PROJECTS | {"DEAR": PROJECTS["DEAR"] | {"capacity_t_per_year": 20000.0}}
    raw, name = decisions(), "baseline project stays bankable"
    raw["tariffs"] = []
    for opex in range(600, 300, -25):
        projects = crowd | {"GOOD": {"country": "USA", "opex_usd_per_t": float(opex)}}
        instance = build(projects)
        failed = names(raw, instance)
        if {row.where for row in audit(raw, instance).checks if row.name.endswith("earliest start")} == {"OPEN", "GOOD"}:
            break
    assert name in failed
    helped = raw | {"credits": [*raw["credits"], {"country": "USA", "product": "metal", "itc_rate": 0.5, "ptc_rate": 0.5}]}
    world = world_of(instance)
    assert Case(world, read_design(helped, world)).judged(world.projects["GOOD"], "with").passes
    assert name in names(helped, instance)
    assert name not in names(raw, build(projects, {"switches.displacement": False}))
    assert name not in names(raw, build(PROJECTS | {"GOOD": projects["GOOD"]}))


def test_columns_without_leave_out_closed_contracts() -> None:
    closed = {"contract_id": "A", "project_id": "OPEN", "in_b0": True, "strike_usd_per_t": 1500.0, "tenor_years": 4, "start_year": 2028}
    rows: dict[int, Any] = {}
    for tables in ({}, {"contracts": [closed]}):
        world = world_of(build(tables=tables))
        rows[len(tables)] = audit_tables.tables(Case(world, read_design(decisions(), world)))["projects"]["OPEN",]
    assert rows[1]["npv_musd_without"] == rows[0]["npv_musd_without"]
    assert rows[1]["npv_musd_with"] > rows[0]["npv_musd_with"]


def test_c8_exports_up_to_the_baselines_are_allowed() -> None:
    limits = {"DEAR": PROJECTS["DEAR"] | {"capacity_t_per_year": 600.0}}
    for demand, broken in ((0.0, True), (2300.0, False)):
        market = {"metal": {"demand_direct_2025_t_usa": demand, "demand_direct_2025_t_can": 0.0, "world_supply_t": 6500.0}}
        assert ("net exports, t" in names(decisions(), build(PROJECTS | limits, products=market))) == broken
    exporting = {"metal": {"demand_direct_2025_t_usa": 0.0, "demand_direct_2025_t_can": 0.0, "world_supply_t": 1.0}}
    raw = decisions()
    raw["contracts"] = []
    raw["projects"] = [row if row["project"] != "DEAR" else row | {"built": 0} for row in raw["projects"]]
    assert "net exports, t" not in names(raw, build(products=exporting))


def test_c19_no_start_after_the_last_year_of_decisions(design: dict[str, Any]) -> None:
    raw = _with(copy.deepcopy(design), ("DEAR", 2031))
    assert "start on the ladder" not in names(raw, build())
    assert "start on the ladder" in names(raw, build(settings={"years.end": 2030}))
