"""A small world for tests of the audit's parts: one metal, one mine, six years, two scenarios with flat prices."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from minclub.solvers.audit_border import club_measures
from minclub.solvers.audit_cash import cash, prices_in
from minclub.solvers.audit_market import Scene, balances, states
from minclub.solvers.audit_option import Option
from minclub.solvers.audit_world import Converter, FloatArray, Product, Project, Terms, World

Measure = dict[tuple[str, str], float]
PARAMETERS = {
    "public_rate": 0.0, "base_project_rate": 0.10, "country_risk_premium": 0.0, "specialty_addon": 0.025, "downside_price_factor": 0.8,
    "income_tax_rate": 0.2, "mining_duty_rate": 0.1, "depreciation_years": 2, "debt_share": 0.6, "debt_tenor_years": 2, "debt_rate": 0.05,
    "public_base_rate": 0.02, "idc_drawn_share": 0.5, "dscr_average_merchant": 1.45, "dscr_contract_reduction": 0.15, "dscr_minimum_downside": 1.0,
    "reserve_months": 6, "dump_llcr_minimum": 1.0, "dump_deck_years": 1, "downside_opex_factor": 1.1, "downside_capex_factor": 1.15,
    "downside_delay_years": 1, "cvar_alpha": 0.5, "loss_tolerance": 0.6, "lender_share_of_protection": 0.5, "review_year": 2030, "care_share": 0.1,
    "export_cost": 0.1, "export_cap": 0.05, "supply_fill_restricted": 0.7, "stack_cap": 0.5, "upside_share_max": 0.5, "strike_max": 2.5,
    "contract_min_revenue_share": 0.3, "subsidy_band": 0.05,
}  # fmt: skip
METAL = Product(
    code="metal", form="refined", exchange_traded=True, long_run=1000.0, direct=np.array([6000.0, 2000.0, 0.0]), embodied=np.array([8000.0, 2000.0, 0.0]),
    growth=(0.0, 0.0), existing=np.zeros(3), world_supply=50000.0, non_china_supply=20000.0, reach=0.5, other_imports=0.0, china_share=0.6,
    law=np.zeros((2, 3)), spike=2.0, dump_depth=0.4, dump_follow=0.5, elasticity=-0.5, voll=3000.0,
)  # fmt: skip
MINE = Project(
    code="MINE", country=1, product="metal", stage="mine", concentrate=False, capacity=1000.0, earliest=2028, build_years=1, ramp=(1.0,), life=3,
    capital=1.0, grant=0.0, sustaining=0.05, opex=500.0, payability=1.0, royalty=0.02, expansion_capital=0.0, expansion_year=0, expansion_capacity=0.0,
    china_linked=False, group="", available=True, b0_supply=False, loan=0.0, loan_tenor=0, loan_spread=0.0, feed="", feed_rate=0.0, feed_factor=0.0,
    itc_eligible=True, ptc_share=1.0, streams=(), closed=None,
)  # fmt: skip
YEARS = 6


def world(
    products: tuple[Product, ...] = (METAL,),
    projects: tuple[Project, ...] = (MINE,),
    converters: tuple[Converter, ...] = (),
    prices: tuple[float, float] = (900.0, 1100.0),
    gap: float = 0.0,
    settings: dict[str, Any] | None = None,
    **params: float,
) -> World:
    """Return a world of six years and two scenarios with flat prices; ``gap`` is the share by which china_linked is cheaper."""
    values = PARAMETERS | params
    market = np.repeat(np.array(prices)[:, None], YEARS, axis=1)
    return World(
        instance=SimpleNamespace(param=lambda name, country=None, stage=None: values[name]),  # type: ignore[arg-type]
        settings={"data.demand_basis": "direct"} | (settings or {}),
        base=2027,
        end=2030,
        simulated=YEARS,
        horizon=YEARS,
        products={p.code: p for p in products},
        projects={p.code: p for p in projects},
        converters=converters,
        law_credits={},
        market={p.code: market for p in products},
        china={p.code: market * (1.0 - gap) for p in products},
        restricted={p.code: np.zeros((2, YEARS), dtype=bool) for p in products},
        scenarios=2,
    )


def scene_of(w: World, builds: dict[str, int] | None = None, rates: Measure | None = None, references: Measure | None = None) -> Scene:
    """Return measures of the club at the path of some projects."""
    return Scene(w, club_measures(w, rates or {}, references, standards=True), states(w, balances(w, builds or {})))


def terms(strike: float, upside: float = 0.5, tenor: int = 3, share: float = 1.0) -> Terms:
    """Return a contract that starts in 2028."""
    return Terms(strike, share, upside, tenor, 2028)


def flows(project: Project, option: Option, w: World) -> FloatArray:
    """Return the cash flow of a project at law and its own path, musd, shape (2, YEARS)."""
    scene = scene_of(w, {project.code: option.start})
    return cash(w, project, option, prices_in(scene, scene, project, option)).flow
