"""A small instance and a design of it for tests of the audit as a whole."""

from __future__ import annotations

import bisect
import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from minclub.instances.instance import Instance
from minclub.instances.scenarios import generate
from minclub.solvers import audit_tables
from minclub.solvers.audit import audit
from minclub.solvers.audit_case import Case
from minclub.solvers.audit_design import TABLES, read_design
from minclub.solvers.audit_read import read_world
from minclub.solvers.audit_world import World
from minclub.tests.solvers import audit_worlds

YEARS = range(2027, 2027 + 12)
PARAMETERS = audit_worlds.PARAMETERS | {
    "public_rate": 0.04, "debt_tenor_years": 4, "dump_deck_years": 3, "review_year": 2036, "export_cost": 0.07, "life_cap_years": 30,
}  # fmt: skip
SETTINGS: dict[str, Any] = {
    "years.base": 2027, "years.end": 2034, "years.target": 2031, "years.simulated": 12, "data.demand_basis": "direct", "data.growth_until": 2034,
    "data.long_run_price": "mean", "scenarios.count": 2, "scenarios.seed": 1, "switches.expiry": False,
    "contract.tenor_years": 4, "contract.share": 1.0, "contract.upside_share": 0.5,
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


def names(raw: dict[str, Any], instance: Instance) -> set[str]:
    """Return the names of the failed checks."""
    return {check.name.removeprefix("limit: ") for check in audit(raw, instance).failures}


def assert_found(change: Callable[[dict[str, Any]], Any], name: str, design: dict[str, Any], instance: Instance) -> None:
    """Check that a change of a design fails the named check, and none of a given design, whose limits are not judged."""
    raw = copy.deepcopy(design)
    assert name not in names(raw, instance)
    change(raw)
    assert name in names(raw, instance)
    raw["certificate"]["status"] = "given"
    assert name not in names(raw, instance)
