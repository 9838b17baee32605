"""Tariff lines and the joint reserve in the compact formulation (C6, C17)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyomo.core as pyo

from .levies import line_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from .club import Club
    from .welfare import Cost

    Row = Any
    """A Pyomo expression or relation; Pyomo has no types."""
    Rows = Callable[[Club], pyo.Constraint]


def declare_instruments(club: Club) -> None:
    """Declare ``v[m,k]``: the reserve of a product is at rung ``k``."""
    reserve = club.desk.reserve
    club.model.v = pyo.Var([(m, k) for m in reserve.cover for k in range(reserve.rungs.size)], domain=pyo.Binary)


def one_line(club: Club) -> pyo.Constraint:
    """Give the products of a tariff line the same option: ``sum_p w[m,o,p] = sum_p w[n,o,p]`` (C6)."""
    sets, settings = club.sets, club.desk.instance.settings
    lines = dict.fromkeys(line for m in sets.products if len(line := line_of(settings, m)) > 1)
    index = [(line[0], other, o) for line in lines for other in line[1:] for o in range(len(sets.borders[other]))]

    def chosen(m: pyo.ConcreteModel, product: str, option: int) -> Row:
        return pyo.quicksum(m.w[c] for c in sets.choices if c[:2] == (product, option))

    def rule(m: pyo.ConcreteModel, a: str, b: str, option: int) -> Row:
        left, right = chosen(m, a, option), chosen(m, b, option)
        return pyo.Constraint.Feasible if left is right else left - right + m.nothing == 0

    return pyo.Constraint(index, rule=rule)


def one_rung(club: Club) -> pyo.Constraint:
    """Select one rung of the reserve per product it covers: ``sum_k v[m,k] = 1`` (C17)."""
    reserve = club.desk.reserve
    return pyo.Constraint(list(reserve.cover), rule=lambda m, p: pyo.quicksum(m.v[p, k] for k in range(reserve.rungs.size)) == 1)


def reserve_cover(club: Club) -> pyo.Constraint:
    """Cover a share of the shortage in a restriction: ``sum_k stock[m,k,t] v[m,k] >= cover (need[m,t] - fill A[m,t])`` (C17)."""
    reserve, market = club.desk.reserve, club.desk.market
    index = [(m, int(t)) for m in reserve.cover for t in np.flatnonzero(reserve.window)]

    def rule(m: pyo.ConcreteModel, p: str, t: int) -> Row:
        held = pyo.quicksum(float(reserve.stock(p, k)[t]) * m.v[p, k] for k in range(reserve.rungs.size))
        return held >= reserve.cover[p] * (m.need[p, t] - market.fill * float(market.availability[p][t]))

    return pyo.Constraint(index, rule=rule)


def reserve_costs(club: Club) -> list[tuple[Row, Cost]]:
    """Return each rung's selection with its carry."""
    reserve, factor = club.desk.reserve, club.desk.users.factor
    return [(club.model.v[m, k], reserve.cost(m, k, factor)) for m in reserve.cover for k in range(reserve.rungs.size)]


INSTRUMENT_ROWS: tuple[Rows, ...] = (one_line, one_rung, reserve_cover)
