"""Solve the compact formulation as it stands, and bound what finer ladders could save."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..instances.errors import InstanceError, Problem
from ..models.club import Club
from ..models.clusters import build_sets, find_clusters, read_demands
from ..models.continuous import BoxDesk
from ..models.credits import weigher
from ..models.decisions import Contract, Decisions
from ..models.master import Master, read_limits
from ..models.outlooks import Setting
from ..models.plans import PlanSpace
from ..models.subsidies import NO_CREDIT
from .highs import SolverFault, Status, compile_model, run
from .search import Clock, Search

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..instances import Instance
    from ..models.desk import Desk
    from ..models.plan import Plan, Weights


@dataclass(frozen=True)
class CompactOutcome:
    """What HiGHS found: status, objective and bound (musd), and the decisions, None without a feasible point."""

    status: Status
    objective: float
    bound: float
    decisions: Decisions | None


def solve_compact(desk: Desk, gap: float = 1e-6, time_limit: float | None = None) -> CompactOutcome:
    """Solve the compact model of an instance.

    Args:
        desk: the instance with its baseline.
        gap: relative gap to prove.
        time_limit: seconds for HiGHS; writing the model comes on top.

    Raises:
        SolverFault: the point's builds do not imply the path that it chose.
    """
    club = Club(desk)
    compiled = compile_model(club.model)
    answer = run(compiled, gap=gap, time_limit=time_limit)
    if answer.x is None:
        return CompactOutcome(answer.status, np.inf, answer.bound, None)
    chosen = {(v.parent_component().local_name, v.index()) for v, x in zip(compiled.columns, answer.x, strict=True) if x > 0.5}
    decisions = _decisions(club, chosen)
    _check_paths(club, decisions, chosen)
    return CompactOutcome(answer.status, answer.objective, answer.bound, decisions)


def _decisions(club: Club, chosen: set[tuple[str, object]]) -> Decisions:
    desk, sets = club.desk, club.sets
    borders = {c[0]: sets.setting(c).border for c in sets.choices if ("w", c) in chosen}
    builds = {j: s for j, s in sets.starts if ("x", (j, s)) in chosen}
    credits = {(c, m): desk.offer.levels[level] for c, m, level in sets.levels if ("r", (c, m, level)) in chosen}
    contracts = {k[0]: Contract(column.strike, desk.offer.contract) for k, column in club.columns.items() if ("y", k) in chosen and column.contract}
    return Decisions(borders, builds, contracts, {k: level for k, level in credits.items() if level != NO_CREDIT})


def _check_paths(club: Club, decisions: Decisions, chosen: set[tuple[str, object]]) -> None:
    implied = club.desk.balance.paths(dict(club.desk.baseline.builds) | dict(decisions.builds))
    for choice in club.sets.choices:
        product, _, path = choice
        if ("w", choice) in chosen and not np.array_equal(club.sets.states[product][path], implied[product]):
            raise SolverFault(f"the point chose a path of {product} that its builds do not imply")


@dataclass(frozen=True)
class ContinuousBound:
    """A lower bound on every design with tariffs, credits and strikes off the ladders, and how it was reached.

    ``objective`` is the optimum on the ladders and ``gap`` what finer ladders could save at most, both musd; ``trace`` the
    bound after each round.
    """

    objective: float
    bound: float
    trace: tuple[float, ...]
    seconds: float

    @property
    def gap(self) -> float:
        """Return the most that leaving the ladders could save, musd."""
        return max(0.0, self.objective - self.bound)


def refuse_newer_instruments(instance: Instance) -> None:
    """Refuse a bound off the ladders where it would not hold: it covers tariffs, contracts, credits and expiry alone (C19).

    Raises:
        InstanceError: every setting that stands in the way.
    """
    problems = _newer_instruments(instance, "a bound on designs off the ladders", "--bound-continuous")
    if problems:
        raise InstanceError(problems)


def refuse_off_ladders(instance: Instance, fixes: Mapping[str, float]) -> None:
    """Refuse continuous credits and strikes where they are not covered: other instruments, strikes by class, pinned strikes and credits (C19).

    Raises:
        InstanceError: everything that stands in the way.
    """
    problems = _newer_instruments(instance, "continuous credits", "--continuous-credits")
    if instance.settings["contract.strike_by"] != "project":
        problems.append(
            Problem("club.toml", None, "contract.strike_by", "class", "project, for continuous credits", "leave out --continuous-credits or set it to project")
        )
    pinned = [name for name in fixes if name.startswith(("strike.", "credit."))]
    problems += [Problem("--fix", None, name, str(fixes[name]), "no pinned strike or credit with continuous credits", "leave it out") for name in pinned]
    if problems:
        raise InstanceError(problems)


def _newer_instruments(instance: Instance, purpose: str, option: str) -> list[Problem]:
    """Return a problem for every instrument in use that is not covered off the ladders."""
    s = instance.settings
    on = {f"instruments.{name}": s[f"instruments.{name}"] for name in ("reference_price", "grants", "loans", "procurement")}
    on |= {"contract.upside_shares": s["contract.upside_shares"], "standards.tier": s["standards.tier"] != "none"}
    on |= {name: True for name in s if name.startswith(("lines.", "reserve.cover."))}
    return [Problem("club.toml", None, name, str(s[name]), f"off, for {purpose}", f"leave out {option} or switch it off") for name, used in on.items() if used]


def bound_continuous(desk: Desk, objective: float, *, time_limit: float = 60.0, rounds: int = 200, width: float = 1e-3) -> ContinuousBound:
    """Bound the optimum with continuous tariffs and credits up to the highest rungs, unrounded strikes, and no band (C19).

    Each round solves the relaxation over plan columns on boxes of rates, then halves the boxes and cells that it uses.
    Every round's bound is valid; more rounds make it tighter.

    Args:
        desk: the instance with its baseline, without pinned decisions.
        objective: the optimum on the ladders, musd, to which the bound is compared.
        time_limit: seconds.
        rounds: most rounds.
        width: boxes below this width are not halved.

    Raises:
        ValueError: pinned decisions, or users' weight with an elasticity outside [-1, 0] (their loss must rise with prices).
    """
    _require_rising_loss(desk)
    clock, boxes = Clock(time_limit), BoxDesk(desk)
    demands = read_demands(desk.balance, desk.baseline)
    clusters = find_clusters(desk.balance, desk.baseline)
    sets = [build_sets(desk.balance, desk.baseline, c, demands) for c in clusters]
    limits, trace = read_limits(desk), [-np.inf]
    while not clock.over() and len(trace) <= rounds:
        spaces = [PlanSpace(boxes, k, c, s) for k, (c, s) in enumerate(zip(clusters, sets, strict=True))]
        master = Master(boxes, limits, len(spaces))
        search = Search(spaces, master, clock, None)
        bound, used = search.relax()
        trace.append(max(trace[-1], bound))
        plans, prices = [master.plans[p] for p in used], search.prices
        if prices is None or not sum([_refine(boxes, spaces[plan.cluster], plan, prices.weights, width) for plan in plans]):
            break
    return ContinuousBound(objective, trace[-1], tuple(trace[1:]), clock.seconds)


def _require_rising_loss(desk: Desk) -> None:
    elasticity = desk.instance.products["demand_elasticity"]
    if float(desk.instance.settings["objective.user_weight"]) > 0.0 and not elasticity.between(-1.0, 0.0).all():
        raise ValueError("bounds without ladders need demand elasticities between -1 and 0 where users have weight")


def _refine(boxes: BoxDesk, space: PlanSpace, plan: Plan, weights: Weights, width: float) -> int:
    """Halve the boxes of products that a plan builds, feeds or protects, and divide its cells between the rates that its plants take; return how many."""
    refined, plants = 0, {j: boxes.plants[j] for j, _ in plan.builds}
    settings = {m: Setting(b, p) for m, b, p in zip(space.cluster.products, plan.borders, plan.paths, strict=True)}
    for country, product, level in plan.levels:
        cell, pair = boxes.cells[level], (country, product)
        if cell.point or level not in boxes.cells_of[pair]:
            continue
        mine = [(j, s) for j, s in plan.builds if (plants[j].country, plants[j].product) == pair]
        rates = [boxes.cheapest_rates(j, s, settings, level, weigher(weights, country)) for j, s in mine]
        parts = boxes.divided(pair, cell, rates)
        if parts:
            boxes.replace_cell(pair, level, parts)
            refined += 1
    used = {p.product for p in plants.values()} | {p.feed_product for p in plants.values()}
    for product, border, path in zip(space.cluster.products, plan.borders, plan.paths, strict=True):
        if any(path) and (product in used or border.china > 0.0):
            refined += boxes.split_box(product, border, width)
    return refined
