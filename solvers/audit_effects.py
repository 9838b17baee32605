"""Recompute what users, producers, treasuries and security gain or lose (C23, C25)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .audit_cash import USD_PER_MUSD, expansion_by_year, operate, world_prices
from .audit_cost import Built, Cost
from .audit_market import Balance, Scene, direct_demand, imports
from .audit_world import FloatArray, World

PARTS = ("producers", "users", "treasury", "security")


def price_rises(world: World, scene: Scene, baseline: Scene) -> tuple[dict[str, float | None], FloatArray]:
    """Return the rise of each product's price and of each country's basket over the baseline (C23).

    Means over scenarios, weighted with the public discount factor and direct demand of ``base_year..end_year``. None where nobody uses the product.
    """
    years = slice(0, world.end - world.base + 1)
    weights = (1.0 + world.param("public_rate")) ** -np.arange(world.horizon, dtype=float)
    before_all, after_all = np.zeros(3), np.zeros(3)
    rises: dict[str, float | None] = {}
    for m in world.products:
        value = direct_demand(world, m) * weights
        before, after = ((value * s.domestic(m).mean(axis=1))[:, years].sum(axis=1) for s in (baseline, scene))
        rises[m] = float(after.sum() / before.sum() - 1.0) if before.sum() > 0.0 else None
        before_all += before
        after_all += after
    with np.errstate(invalid="ignore", divide="ignore"):
        baskets = np.where(before_all > 0.0, after_all / before_all - 1.0, 0.0)
    return rises, baskets


def users_loss(world: World, scene: Scene, baseline: Scene) -> FloatArray:
    """Return the users' loss, PV over the simulated years, musd, shape (3,): uplift x mean of direct demand before and after (C25).

    Demand after the uplift is ``D (1 + elasticity x uplift / baseline price)``.
    """
    loss = np.zeros(3)
    for m, p in world.products.items():
        before, after = baseline.domestic(m), scene.domestic(m)
        uplift = after - before
        demand = direct_demand(world, m)[:, None, :] * (1.0 + 0.5 * p.elasticity * uplift / before)
        loss += world.pv((uplift * demand).mean(axis=1)[:, : world.simulated]) / USD_PER_MUSD
    return loss


def shortage_value(world: World, scene: Scene, balance: Mapping[str, Balance]) -> FloatArray:
    """Return the loss from missing tonnes, PV, musd, shape (3,) (C25)."""
    loss = np.zeros(3)
    for m, p in world.products.items():
        loss += p.voll * world.pv(imports(scene, m, balance[m]).shortage.mean(axis=1)) / USD_PER_MUSD
    return loss


def producers(world: World, built: list[Built], scene: Scene) -> FloatArray:
    """Return the producers' gain of one world, musd, shape (3,) (C25).

    NPV at the C12 rate without contract of real flows at world prices, plus PV at the public rate of receipts, credits and uplift, less taxes, duties and royalties.
    Existing refined supply receives the uplift too.
    """
    gain = np.zeros(3)
    for b in built:
        gain[b.project.country] += _real_npv(world, b) + float(world.pv(_transfers(world, b)))
    for m, p in world.products.items():
        uplift = (scene.selling(m) - world.market[m]).mean(axis=0)[: world.simulated]
        gain += p.existing * float(world.pv(uplift)) / USD_PER_MUSD
    return gain


def _real_operation(world: World, b: Built) -> FloatArray:
    """Return sales less cost at world prices in years not idle, less care cost in idle ones, musd, shape (S, N)."""
    at_world = operate(world, b.project, b.option.without_contract(), world_prices(world, b.project, b.option), may_idle=False)
    care = world.param("care_share") * at_world.cost
    return np.where(b.cash.operation.idle, -care, at_world.gross)


def _real_npv(world: World, b: Built) -> float:
    p = b.project
    addon = 0.0 if world.products[p.product].exchange_traded else world.param("specialty_addon", p.country)
    rate = world.param("base_project_rate", p.country) + world.param("country_risk_premium", p.country) + addon
    yearly = (_real_operation(world, b) - p.sustaining - expansion_by_year(p)).mean(axis=0, keepdims=True)
    flow = b.cash.on_calendar(world, b.option, yearly)[0] - b.cash.capital
    return float(world.pv(flow, rate))


def _transfers(world: World, b: Built) -> FloatArray:
    """Return expected transfers to one project by year, musd, shape (H,); receipts under a contract closed before the club are left out."""
    op, drawn = b.cash.operation, b.cash.credits
    yearly = op.gross - _real_operation(world, b) + drawn.law_ptc + drawn.club_ptc
    if b.option.contract is not None:
        yearly = yearly + op.payments - op.repayments
    yearly = yearly - op.royalty - b.cash.taxes.duty - b.cash.taxes.income
    transfers: FloatArray = b.cash.on_calendar(world, b.option, yearly).mean(axis=0) + drawn.law_itc + drawn.club_itc
    return transfers


def tax_take(world: World, built: list[Built]) -> FloatArray:
    """Return taxes, duties and royalties by country, PV at the public rate, musd, shape (3,) (C25)."""
    take = np.zeros(3)
    for b in built:
        yearly = b.cash.operation.royalty + b.cash.taxes.duty + b.cash.taxes.income
        take[b.project.country] += float(world.pv(b.cash.on_calendar(world, b.option, yearly).mean(axis=0)))
    return take


def payoff(
    world: World,
    design: tuple[list[Built], Scene, Mapping[str, Balance]],
    baseline: tuple[list[Built], Scene, Mapping[str, Balance]],
    cost: Cost,
) -> dict[str, FloatArray]:
    """Return the change of each part of the payoff against the baseline, musd, each (3,) (C25).

    Args:
        world: the instance.
        design: built projects, scene and balance of the design.
        baseline: the same of B0.
        cost: public cost of the design.
    """
    found = {
        "producers": producers(world, design[0], design[1]) - producers(world, baseline[0], baseline[1]),
        "users": -users_loss(world, design[1], baseline[1]),
        "treasury": -cost.net_pv + tax_take(world, design[0]) - tax_take(world, baseline[0]),
        "security": shortage_value(world, baseline[1], baseline[2]) - shortage_value(world, design[1], design[2]),
    }
    found["total"] = sum(found.values(), np.zeros(3))
    return found
