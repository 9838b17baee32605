"""The audit as a whole: a consistent design passes, every perturbed number is found, every broken limit is found."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from minclub.instances.instance import Instance
from minclub.solvers import audit_tables
from minclub.solvers.audit import AuditRefused, audit
from minclub.solvers.audit_case import Case
from minclub.solvers.audit_design import TABLES, read_design
from minclub.tests.solvers.audit_designs import PROJECTS, assert_found, build, claim, decisions, least_strike, names, world_of


@pytest.fixture(scope="module")
def small() -> Instance:
    return build()


@pytest.fixture(scope="module")
def design(small: Instance) -> dict[str, Any]:
    return claim(decisions(least_strike(small)), small)


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
    assert_found(*BROKEN[case], design, small)


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
