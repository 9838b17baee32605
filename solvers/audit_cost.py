"""Recompute public cost, its tail and the objective (C16, C24, C26)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .audit_bank import mean_of_worst
from .audit_cash import USD_PER_MUSD, Cash, Option, cash, holds, prices_in
from .audit_market import Balance, Scene, imports
from .audit_world import CHINA, COUNTRIES, MARKET, FloatArray, Project, World


@dataclass(frozen=True)
class Built:
    """Hold one built project of a design or of the baseline with its cash flow."""

    project: Project
    option: Option
    cash: Cash


def built_projects(world: World, builds: Mapping[str, Option], scene: Scene, baseline: Scene) -> list[Built]:
    """Return the cash flows of all built projects."""
    found = []
    for code, option in builds.items():
        p = world.projects[code]
        found.append(Built(p, option, cash(world, p, option, prices_in(scene, baseline, p, option))))
    return found


@dataclass(frozen=True)
class Ledger:
    """Hold what one project costs the public, musd per year, each (S, H): contract in force, club credits, and all credits that C24 counts."""

    built: Built
    paid: FloatArray
    repaid: FloatArray
    club_credits: FloatArray
    credits: FloatArray


def ledger(world: World, built: Built) -> Ledger:
    """Return the public cost of one project: club credits, and contract flows and law credits where it holds a contract, a closed one included (C24)."""
    b, drawn = built, built.cash.credits
    shape = (world.scenarios, world.horizon)

    def yearly(array: FloatArray) -> FloatArray:
        return b.cash.on_calendar(world, b.option, array)

    club = yearly(drawn.club_ptc) + drawn.club_itc
    if holds(b.option, b.project) is None:
        return Ledger(b, np.zeros(shape), np.zeros(shape), club, club)
    law = yearly(drawn.law_ptc) + drawn.law_itc
    return Ledger(b, yearly(b.cash.operation.payments), yearly(b.cash.operation.repayments), club, club + law)


def border_revenue(scene: Scene, balance: Mapping[str, Balance]) -> FloatArray:
    """Return border revenue on tonnes really imported, musd, shape (3, S, H) (C24)."""
    world = scene.world
    total = np.zeros((3, world.scenarios, world.horizon))
    for m in world.products:
        sold, rates = imports(scene, m, balance[m]), scene.tariffs[m]
        total += sold.market * world.market[m] * rates[MARKET][:, None, None] / USD_PER_MUSD
        total += sold.china * world.china[m] * rates[CHINA][:, None, None] / USD_PER_MUSD
    return total


@dataclass(frozen=True)
class Cost:
    """Hold public cost by bearer (3,) or bearer and year (3, H), musd; booked, tail and objective follow C24 and C26.

    Yearly values are expected and undiscounted, PVs at the public rate.
    """

    payments: FloatArray
    receipts: FloatArray
    credits: FloatArray
    border: FloatArray
    outlay_pv: FloatArray
    booked_pv: FloatArray
    net_pv: FloatArray
    cvar: float
    worst5: float


def shares(world: World) -> FloatArray | None:
    """Return the members' shares of the pool, or None where the host pays (C24)."""
    if world.setting("funding.mode", "host") != "pooled":
        return None
    return np.array([float(world.setting(f"funding.shares.{c}", 0.0)) for c in COUNTRIES])


def _borne(world: World, by_host: FloatArray) -> FloatArray:
    pool = shares(world)
    if pool is None:
        return by_host
    return np.multiply.outer(pool, by_host.sum(axis=0))


def public_cost(world: World, ledgers: list[Ledger], before: list[Ledger], border: FloatArray) -> Cost:
    """Return public cost.

    Args:
        world: the instance.
        ledgers: one per project that the design builds.
        before: one per project of the baseline, each deducted.
        border: expected border revenue over the baseline by country and year, musd, shape (3, H).
    """
    paid, repaid, credits = (np.zeros((3, world.horizon)) for _ in range(3))
    booked = np.zeros(3)
    by_scenario, outlay = np.zeros(world.scenarios), np.zeros(world.scenarios)
    for sign, entry in [*((1.0, e) for e in ledgers), *((-1.0, e) for e in before)]:
        host = entry.built.project.country
        paid[host] += sign * entry.paid.mean(axis=0)
        repaid[host] += sign * entry.repaid.mean(axis=0)
        credits[host] += sign * entry.credits.mean(axis=0)
        net = world.pv(entry.paid - entry.repaid)
        credit = world.pv(entry.credits)
        booked[host] += sign * (max(0.0, float(net.mean())) + float(credit.mean()))
        by_scenario += sign * (np.maximum(0.0, net) + credit)
        outlay += sign * (world.pv(entry.paid) + credit)
    paid, repaid, credits, booked = (_borne(world, a) for a in (paid, repaid, credits, booked))
    outlay_pv = world.pv(paid) + world.pv(credits)
    return Cost(
        payments=paid,
        receipts=repaid,
        credits=credits,
        border=border,
        outlay_pv=outlay_pv,
        booked_pv=booked,
        net_pv=outlay_pv - world.pv(repaid) - world.pv(border),
        cvar=mean_of_worst(by_scenario, world.param("cvar_alpha"), lowest=False),
        worst5=mean_of_worst(outlay, 0.05, lowest=False),
    )


def objective(world: World, cost: Cost, users_loss: float) -> float:
    """Return the objective, musd; ``users_loss`` is PV of the loss of all users (C26)."""
    cvar_weight, user_weight = float(world.setting("objective.cvar_weight", 0.1)), float(world.setting("objective.user_weight", 0.0))
    return float(cost.booked_pv.sum()) + cvar_weight * cost.cvar + user_weight * (users_loss - float(world.pv(cost.border).sum()))


def subsidy_equivalents(world: World, ledgers: list[Ledger], before: list[Ledger]) -> dict[tuple[str, str], float]:
    """Return C16 by (country, product), over projects with a contract of the club or a club credit: net payments and club credits over full sales."""
    aid: dict[tuple[str, str], float] = {}
    sales: dict[tuple[str, str], float] = {}
    already = {entry.built.project.code: float(world.pv(entry.paid - entry.repaid).mean()) for entry in before}
    for entry in ledgers:
        p = entry.built.project
        if entry.built.option.contract is None and not entry.club_credits.any():
            continue
        key = (COUNTRIES[p.country], p.product)
        yearly = np.zeros(world.horizon)
        first = entry.built.option.start - world.base
        yearly[first : first + p.life] = p.tonnes() * p.payability * world.products[p.product].long_run / USD_PER_MUSD
        aid[key] = aid.get(key, 0.0) + float(world.pv(entry.paid - entry.repaid + entry.club_credits).mean()) - already.get(p.code, 0.0)
        sales[key] = sales.get(key, 0.0) + float(world.pv(yearly))
    return {key: aid[key] / sales[key] for key in aid}
