"""Recompute what users, producers, treasuries and security gain or lose (C23, C25)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from .audit_cash import expansion_by_year, operate, world_prices
from .audit_cost import Built, Cost, ledger
from .audit_market import Balance, Scene, direct_demand, expected_market, premium, shortage, stated_demand
from .audit_option import USD_PER_MUSD
from .audit_world import FloatArray, World


def price_rises(world: World, scene: Scene, baseline: Scene) -> tuple[dict[str, float | None], FloatArray]:
    """Return the rise of each product's price and of each country's basket over the baseline (C23).

    Means over scenarios, weighted with the public discount factor and direct demand of ``base_year..end_year``. None where nobody uses the product.
    """
    years = slice(0, world.end - world.base + 1)
    weights = world.factors()
    before_all, after_all = np.zeros(3), np.zeros(3)
    rises: dict[str, float | None] = {}
    for m in world.products:
        value = direct_demand(world, m) * weights
        before, after = ((value * s.expected_paid(m))[:, years].sum(axis=1) for s in (baseline, scene))
        rises[m] = float(after.sum() / before.sum() - 1.0) if before.sum() > 0.0 else None
        before_all += before
        after_all += after
    with np.errstate(invalid="ignore", divide="ignore"):
        baskets = np.where(before_all > 0.0, after_all / before_all - 1.0, 0.0)
    return rises, baskets


def basket_cost(world: World, baseline: Scene) -> FloatArray:
    """Return the cost of each country's basket in the baseline, PV over ``base_year..end_year``, musd, shape (3,) (C23)."""
    years = world.end - world.base + 1
    cost = np.zeros(3)
    for m in world.products:
        cost += world.pv((direct_demand(world, m) * baseline.expected_paid(m))[:, :years]) / USD_PER_MUSD
    return cost


def users_loss(world: World, scene: Scene, baseline: Scene) -> FloatArray:
    """Return the users' loss, PV over the simulated years, musd, shape (3,): uplift x mean of stated demand before and after (C25).

    Demand after the uplift is ``D x (p / p0)^elasticity``, within 50% and 150% of ``D``.
    """
    loss = np.zeros(3)
    for m, p in world.products.items():
        before, after = baseline.quote(m), scene.quote(m)
        if before is after:
            continue
        rows = list(zip(before.rows, after.rows, strict=True))
        mean = {pair: _loss_per_tonne(p.elasticity, before.prices[pair[0]], after.prices[pair[1]]) for pair in set(rows)}
        for c, pair in enumerate(rows):
            loss[c] += float(world.pv((stated_demand(world, m)[c] * mean[pair])[: world.simulated])) / USD_PER_MUSD
    return loss


def _loss_per_tonne(elasticity: float, before: FloatArray, after: FloatArray) -> FloatArray:
    """Return the users' expected loss per tonne of stated demand, USD, shape (H,), of prices (S, H) before and after (C25)."""
    answer = np.clip((after / before) ** elasticity, 0.5, 1.5)
    mean: FloatArray = ((after - before) * (0.5 * (1.0 + answer))).mean(axis=0)
    return mean


def shortage_value(world: World, balance: Mapping[str, Balance], stocks: Mapping[str, FloatArray] | None = None) -> FloatArray:
    """Return the loss from missing tonnes, PV, musd, shape (3,) (C25).

    ``stocks`` are reserves in t by product, shape (H,); a release lowers every member's shortage alike (C17).
    """
    loss = np.zeros(3)
    for m, p in world.products.items():
        missing = shortage(world, m, balance[m])
        total = missing.sum(axis=0)
        stock = (stocks or {}).get(m, np.zeros(world.horizon))
        left = 1.0 - np.divide(np.minimum(stock, total), total, out=np.zeros_like(total), where=total > 0.0)
        loss += p.voll * world.pv(missing * left * world.restricted[m].mean(axis=0)) / USD_PER_MUSD
    return loss


@dataclass(frozen=True)
class Flows:
    """Hold PVs of one world by country, musd, each (3,) (C25).

    ``real``: NPV of real flows at world prices; ``receipts``: net receipts of contracts and offtake; ``credits``: all credits drawn, the subsidy of the club's
    loans among them; ``uplift``: of what producers receive over world prices;
    ``levies``: taxes, duties and royalties.
    """

    real: FloatArray
    receipts: FloatArray
    credits: FloatArray
    uplift: FloatArray
    levies: FloatArray

    @property
    def producers(self) -> FloatArray:
        """Return what producers have."""
        return self.real + self.receipts + self.credits + self.uplift - self.levies


def flows_of(world: World, built: list[Built], scene: Scene) -> Flows:
    """Return the flows of one world; existing refined supply receives the uplift of the producers' price too (C25)."""
    found = Flows(*(np.zeros(3) for _ in range(5)))
    for b in built:
        host, op, drawn = b.project.country, b.cash.operation, b.cash.credits
        real = _real_operation(world, b)
        found.real[host] += _real_npv(world, b, real)
        found.receipts[host] += _pv(world, b, op.payments, op.offtake_paid) - _pv(world, b, op.repayments, op.offtake_repaid)
        found.credits[host] += _pv(world, b, drawn.law_ptc, drawn.club_ptc) + float(world.pv(drawn.law_itc + drawn.club_itc + drawn.loan))
        found.uplift[host] += _pv(world, b, op.gross) - _pv(world, b, real)
        found.levies[host] += _pv(world, b, op.royalty, b.cash.taxes.duty, b.cash.taxes.income)
    for m, p in world.products.items():
        rise = (scene.selling(m, expected=True) - expected_market(world, m) + premium(world, m))[0, : world.simulated]
        found.uplift[:] += p.existing * float(world.pv(rise)) / USD_PER_MUSD
    return found


def _pv(world: World, b: Built, *flows: FloatArray) -> float:
    """Return PV of the expected sum of flows of operating years, each (S, N) or (1, N), musd."""
    return sum(float(world.pv(flow.mean(axis=0), first=b.cash.first)) for flow in flows)


def _real_operation(world: World, b: Built) -> FloatArray:
    """Return sales less cost at world prices in years not idle, less care cost in idle ones, musd, shape (S, N)."""
    bare = replace(b.option, contract=None, closed=False, offtake=None)
    at_world = operate(world, b.project, bare, world_prices(world, b.project, bare), may_idle=False)
    care = world.param("care_share") * at_world.cost
    return np.where(b.cash.operation.idle, -care, at_world.gross)


def _real_npv(world: World, b: Built, real: FloatArray) -> float:
    p = b.project
    addon = 0.0 if world.products[p.product].exchange_traded else world.param("specialty_addon", p.country)
    rate = world.param("base_project_rate", p.country) + world.param("country_risk_premium", p.country) + addon
    yearly = real.mean(axis=0) - p.sustaining - expansion_by_year(p)
    return float(world.pv(b.cash.on_calendar(yearly) - b.cash.capital, rate))


def _above_world(world: World, scene: Scene) -> float:
    """Return what users pay above world prices at base demand, PV over the simulated years, musd (C25)."""
    total = 0.0
    for m in world.products:
        above = (scene.expected_paid(m) - expected_market(world, m)) * stated_demand(world, m)
        total += float(world.pv(above[:, : world.simulated]).sum()) / USD_PER_MUSD
    return total


def payoff(
    world: World,
    design: tuple[list[Built], Scene, Mapping[str, Balance]],
    baseline: tuple[list[Built], Scene, Mapping[str, Balance]],
    cost: Cost,
    stocks: Mapping[str, FloatArray] | None = None,
) -> dict[str, FloatArray]:
    """Return the change of each part of the payoff against the baseline, musd, each (3,) (C25).

    The treasury bears C24's payments, receipts, credits and carry as funded, and as host every other change of credits drawn.

    Args:
        world: the instance.
        design: built projects, scene and balance of the design.
        baseline: the same of B0.
        cost: public cost of the design.
        stocks: reserves of the design, t by product and year (H,).
    """
    after, before = flows_of(world, *design[:2]), flows_of(world, *baseline[:2])
    other = after.credits - before.credits
    for sign, built in ((1.0, design[0]), (-1.0, baseline[0])):
        for entry in (ledger(b) for b in built):
            other[entry.built.project.country] -= sign * float(world.pv(entry.credits).mean())
    border = world.pv(cost.border)
    between = _above_world(world, design[1]) - _above_world(world, baseline[1]) - float((after.uplift - before.uplift).sum()) - float(border.sum())
    basket = basket_cost(world, baseline[1])
    found = {
        "producers": after.producers - before.producers,
        "users": -users_loss(world, design[1], baseline[1]),
        "importers": between * (basket / basket.sum() if basket.sum() > 0.0 else np.full(3, 1.0 / 3.0)),
        "treasury": -cost.net_pv - other + after.levies - before.levies,
        "security": shortage_value(world, baseline[2]) - shortage_value(world, design[2], stocks),
    }
    found["total"] = sum(found.values(), np.zeros(3))
    return found
