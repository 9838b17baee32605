"""The optimisation's tables and the audit agree on designs drawn at random, whatever the settings; neither knows the other's code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minclub
from minclub.instances.instance import Instance
from minclub.instances.scenarios import generate
from minclub.instances.synthetic import Recipe, write
from minclub.solvers.audit import audit
from minclub.solvers.audit_baseline import baseline
from minclub.solvers.audit_border import covered_nodes, reference_of
from minclub.solvers.audit_offtake import nameplates, suppliers
from minclub.solvers.audit_read import read_world
from minclub.solvers.audit_world import COUNTRIES, World
from minclub.solvers.evaluate import evaluate

TARIFFS = (0.0, 0.01, 0.025, 0.05, 0.10, 0.15, 0.25)
SETTINGS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "users count": {"objective.user_weight": 0.3},
    "pooled": {"funding.mode": "pooled", "funding.shares.USA": 0.5, "funding.shares.CAN": 0.3, "funding.shares.MEX": 0.2},
    "embodied demand": {"data.demand_basis": "embodied"},
    "spot prices": {"data.long_run_price": "spot"},
    "expansions": {"data.optional_expansions": True},
    "part of a scenario in the tail": {"scenarios.count": 7, "finance.cvar_alpha": 0.23},
    "other decks": {"finance.dump_deck_years": 5, "finance.reserve_months": 3, "finance.lender_share_of_protection": 1},
    "no lender": {"switches.lender": False},
    "measures lapse": {"switches.expiry": True, "data.china_equity": "market"},
    "standards": {"standards.tier": "high"},
    "reference prices": {"switches.expiry": True, "instruments.reference_price": True, "ladders.reference": [1.1]},
    "levy on China": {"instruments.reference_price": True, "ladders.reference": [1.1], "levy.covers": "china_linked"},
    "other contract terms": {"contract.collar": 0.1, "contract.indexed_share": 0.4, "contract.start_delay": 2},
    "grants and loans": {
        "instruments.grants": True,
        "ladders.grant": [0, 0.2],
        "instruments.loans": True,
        "ladders.loan": [0, 1],
        "concessional.spread": -0.01,
    },
    "offtake and reserve": {
        "instruments.procurement": True,
        "ladders.offtake": [1.3],
        "data.demand_basis": "direct",
        "data.growth_until": 2030,
        "products.product_01.non_china_supply_t": 0,
        "products.product_01.other_imports_t": 0,
        "reserve.cover.product_01": 0.5,
        "procurement.quotas.USA": 0.5,
        "procurement.quotas.CAN": 0.3,
        "procurement.quotas.MEX": 0.2,
        "funding.mode": "pooled",
        "funding.shares.USA": 0.5,
        "funding.shares.CAN": 0.3,
        "funding.shares.MEX": 0.2,
    },
}


def draw(world: World, rng: np.random.Generator) -> dict[str, Any]:
    """Return a design in the format that ``evaluate`` reads: measures, credits, starts and contracts at random."""
    tariffs: list[dict[str, Any]] = []
    credits: list[dict[str, Any]] = []
    for m in (code for code, p in world.products.items() if p.direct.any()):
        high, low = sorted(rng.choice(TARIFFS, 2), reverse=True)
        tariffs += [{"product": m, "node": node, "rate": float(rate)} for node, rate in (("china_linked", high), ("market", low))]
        credits += [{"country": c, "product": m, "itc_rate": float(rng.choice([0.05, 0.2])), "ptc_rate": 0.05} for c in COUNTRIES if rng.random() < 0.4]
    built: list[dict[str, Any]] = []
    contracts: list[dict[str, Any]] = []
    b0 = baseline(world).builds
    groups = {world.projects[code].group for code in b0} - {""}
    for code, p in world.projects.items():
        if code in b0 or not p.available or p.earliest > world.end or p.group in groups or rng.random() < 0.3:
            continue
        groups |= {p.group} - {""}
        start = min(p.earliest + int(rng.choice([0, 2, 4])), world.end)
        built.append({"project": code, "start_year": start})
        strike = float(f"{world.products[p.product].long_run * rng.uniform(0.5, 2.4):.2e}")
        terms = {"share": float(rng.choice([1.0, 0.6])), "tenor_years": int(rng.choice([5, 12, 40])), "upside_share": 0.3, "start_year": start}
        contracts += [{"project": code, "strike_usd_per_t": strike, **terms}] if rng.random() < 0.7 else []
    return {"tariffs": tariffs, "credits": credits, "projects": built, "contracts": contracts}


def enrich(design: dict[str, Any], world: World, rng: np.random.Generator) -> None:
    """Add the instruments that the settings turn on; whoever sells to the state has a contract too."""
    if world.offers("reference_price"):
        for row in design["tariffs"]:
            row |= {"rate": 0.0, "reference_usd_per_t": reference_of(world, row["product"], 1.1) if row["node"] in covered_nodes(world) else 0.0}
    if world.setting("contract.start_delay"):
        for row in design["contracts"]:
            row |= {"collar": 0.1, "indexed_share": 0.4, "start_delay_years": 2, "inflation": 0.02}
    if world.offers("grants"):
        for row in design["credits"]:
            row |= {"grant_rate": float(rng.choice([0.0, 0.2])), "concessional_loan": int(rng.integers(2))}
    if world.offers("procurement"):
        sellers = {p.code: nameplates(world, p) for p in suppliers(world, baseline(world))}
        starts = {row["project"]: row["start_year"] for row in design["projects"]}
        design["offtake"] = [
            {"project": code, "product": m, "price_usd_per_t": 1.3 * world.products[m].long_run, "tenor_years": 10}
            for code in starts
            for m in sellers.get(code, {})
        ]
        held = {code: world.products[world.projects[code].product].long_run for code in starts}
        terms = {"share": 1.0, "tenor_years": 12, "upside_share": 0.5}
        design["contracts"] = [{"project": code, "strike_usd_per_t": float(f"{k:.2e}"), "start_year": starts[code], **terms} for code, k in held.items()]


def agree(instance: Instance, seed: int) -> None:
    """Draw a design, evaluate it and audit the result."""
    world, rng = read_world(instance, generate(instance), 2040), np.random.default_rng(seed)
    drawn = draw(world, rng)
    enrich(drawn, world, rng)
    design = evaluate(instance, drawn)
    report = audit(design.to_dict(), instance)
    assert len(report.checks) > 200
    assert [(c.name, c.where, c.claimed, c.recomputed) for c in report.failures] == []


@pytest.mark.parametrize(("seed", "case"), list(enumerate(SETTINGS, start=11)))
def test_evaluation_and_audit_agree_on_random_designs(seed: int, case: str, tmp_path: Path) -> None:
    write(tmp_path, Recipe(projects=10, products=4, scenarios=10, seed=seed))
    agree(minclub.load(tmp_path, SETTINGS[case]), seed)


@pytest.mark.slow
def test_evaluation_and_audit_agree_on_usmca() -> None:
    for seed in range(3):
        agree(minclub.load("usmca", {"scenarios.count": 50}), seed)
