"""Solve the compact formulation as it stands: the reference for the plan formulation on small instances."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..models.club import Club
from ..models.decisions import Contract, Decisions
from ..models.subsidies import NO_CREDIT
from .highs import SolverFault, Status, compile_model, run

if TYPE_CHECKING:
    from ..models.desk import Desk


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
