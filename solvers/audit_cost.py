"""Recompute public cost, its tail and the objective (C16, C24, C26)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .audit_bank import mean_of_worst
from .audit_cash import Cash, cash, prices_in
from .audit_market import Balance, Scene, imports
from .audit_option import USD_PER_MUSD, Option, holds
from .audit_world import COUNTRIES, FloatArray, Project, World


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
    """Hold what one project costs the public, musd per year, each (S, H), or (1, H) where all scenarios are alike.

    ``paid`` and ``repaid`` are of the contract in force, ``bought`` and ``regained`` of the offtake; ``credits`` are all that C24 counts, ``club_credits``
    those of the club, grants and the subsidy of its loan among them.
    """

    built: Built
    paid: FloatArray
    repaid: FloatArray
    bought: FloatArray
    regained: FloatArray
    club_credits: FloatArray
    credits: FloatArray


def ledger(built: Built) -> Ledger:
    """Return the public cost of one project: the law's credits count where it holds a contract, a closed one or an offtake included (C17, C24)."""
    drawn, op, yearly = built.cash.credits, built.cash.operation, built.cash.on_calendar
    club = yearly(drawn.club_ptc) + drawn.club_itc + drawn.loan
    counts = holds(built.option, built.project) is not None
    law = yearly(drawn.law_ptc) + drawn.law_itc if counts else 0.0
    return Ledger(built, yearly(op.payments), yearly(op.repayments), yearly(op.offtake_paid), yearly(op.offtake_repaid), club, club + law)


def border_revenue(scene: Scene, balance: Mapping[str, Balance]) -> FloatArray:
    """Return border revenue on tonnes really imported, landed price less node price, musd, shape (3, S, H) (C6, C24)."""
    world = scene.world
    total = np.zeros((3, world.scenarios, world.horizon))
    for m in world.products:
        if scene.border[m].free or not (balance[m].need[: world.simulated] > 0.0).any():
            continue
        landed = scene.landed(m)
        sold = imports(scene, m, balance[m], landed)
        total += sold.market * (landed[0] - world.market[m]) / USD_PER_MUSD
        total += sold.china * (landed[1] - world.china[m]) / USD_PER_MUSD
    return total


@dataclass(frozen=True)
class Cost:
    """Hold public cost by bearer (3,) or bearer and year (3, H), musd; booked, tail and objective follow C24 and C26.

    Yearly values are expected and undiscounted, PVs at the public rate. ``bought`` and ``regained`` are payments and receipts of offtake, ``carry`` the reserve's.
    ``hosted_pv`` are contract payments less receipts plus credits by host, ``pool_pv`` the same by bearer.
    """

    payments: FloatArray
    receipts: FloatArray
    credits: FloatArray
    border: FloatArray
    bought: FloatArray
    regained: FloatArray
    carry: FloatArray
    outlay_pv: FloatArray
    booked_pv: FloatArray
    net_pv: FloatArray
    hosted_pv: FloatArray
    pool_pv: FloatArray
    cvar: float
    worst5: float

    @property
    def outlay(self) -> FloatArray:
        """Return expected outlay by member and year, musd, shape (3, H)."""
        return self.payments + self.credits + self.bought + self.carry


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


def public_cost(world: World, ledgers: list[Ledger], before: list[Ledger], border: FloatArray, carry: FloatArray | None = None) -> Cost:
    """Return public cost.

    Args:
        world: the instance.
        ledgers: one per project that the design builds.
        before: one per project of the baseline, each deducted.
        border: expected border revenue over the baseline by country and year, musd, shape (3, H).
        carry: carry of the reserve, musd, shape (H,), none by default (C17).
    """
    held = np.zeros(world.horizon) if carry is None else carry
    paid, repaid, credits = (np.zeros((3, world.horizon)) for _ in range(3))
    bought, regained, booked, shared = np.zeros(world.horizon), np.zeros(world.horizon), np.zeros(3), float(world.pv(held))
    by_scenario, outlay = (np.full(world.scenarios, shared) for _ in range(2))
    for sign, entry in [*((1.0, e) for e in ledgers), *((-1.0, e) for e in before)]:
        host = entry.built.project.country
        paid[host] += sign * entry.paid.mean(axis=0)
        repaid[host] += sign * entry.repaid.mean(axis=0)
        credits[host] += sign * entry.credits.mean(axis=0)
        bought += sign * entry.bought.mean(axis=0)
        regained += sign * entry.regained.mean(axis=0)
        net, deal, credit = (world.pv(flow) for flow in (entry.paid - entry.repaid, entry.bought - entry.regained, entry.credits))
        booked[host] += sign * (max(0.0, float(net.mean())) + float(credit.mean()))
        shared += sign * max(0.0, float(deal.mean()))
        by_scenario += sign * (np.maximum(0.0, net) + np.maximum(0.0, deal) + credit)
        outlay += sign * (world.pv(entry.paid + entry.bought) + credit)
    borne = {"payments": paid, "receipts": repaid, "credits": credits}
    by_quota = {"bought": bought, "regained": regained, "carry": held}
    yearly = {name: _borne(world, a) for name, a in borne.items()} | {name: np.multiply.outer(world.quotas, a) for name, a in by_quota.items()}
    outlay_pv = world.pv(yearly["payments"] + yearly["credits"] + yearly["bought"] + yearly["carry"])
    return Cost(
        **yearly,
        border=border,
        outlay_pv=outlay_pv,
        booked_pv=_borne(world, booked) + world.quotas * shared,
        net_pv=outlay_pv - world.pv(yearly["receipts"] + yearly["regained"] + border),
        hosted_pv=world.pv(paid - repaid + credits),
        pool_pv=world.pv(yearly["payments"] - yearly["receipts"] + yearly["credits"]),
        cvar=mean_of_worst(by_scenario, world.param("cvar_alpha"), lowest=False),
        worst5=mean_of_worst(outlay, 0.05, lowest=False),
    )


def objective(world: World, cost: Cost, users_loss: float) -> float:
    """Return the objective, musd; ``users_loss`` is PV of the loss of all users (C26)."""
    cvar_weight, user_weight = float(world.setting("objective.cvar_weight", 0.1)), float(world.setting("objective.user_weight", 0.0))
    return float(cost.booked_pv.sum()) + cvar_weight * cost.cvar + user_weight * (users_loss - float(world.pv(cost.border).sum()))


def subsidy_equivalents(world: World, ledgers: list[Ledger], before: list[Ledger]) -> dict[tuple[str, str], float]:
    """Return C16 by (country, product), over projects with a contract of the club, an offtake or a club credit: net payments and club credits over full sales."""
    aid: dict[tuple[str, str], float] = {}
    sales: dict[tuple[str, str], float] = {}
    already = {entry.built.project.code: float(world.pv(entry.paid - entry.repaid).mean()) for entry in before}
    for entry in ledgers:
        p = entry.built.project
        if entry.built.option.contract is None and not entry.built.cash.operation.offtake and not entry.club_credits.any():
            continue
        key = (COUNTRIES[p.country], p.product)
        yearly = np.zeros(world.horizon)
        first = entry.built.option.start - world.base
        yearly[first : first + p.life] = p.tonnes * p.payability * world.products[p.product].long_run / USD_PER_MUSD
        aid[key] = (
            aid.get(key, 0.0)
            + float(world.pv(entry.paid - entry.repaid + entry.bought - entry.regained + entry.club_credits).mean())
            - already.get(p.code, 0.0)
        )
        sales[key] = sales.get(key, 0.0) + float(world.pv(yearly))
    return {key: aid[key] / sales[key] for key in aid}
