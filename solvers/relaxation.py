"""The linear relaxation of the master over some of its plans: the rows of ``Master.model`` as arrays.

A search solves it hundreds of times; writing it in Pyomo each time would take most of the search. A test compares the two.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from ..models.master import PENALTY
from .highs import Compiled, run

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..models.master import Master, Prices

    Array = NDArray[np.float64]
    Ints = NDArray[np.int_]

Label = tuple[str, tuple[int, ...]]


@dataclass(frozen=True)
class Point:
    """An optimum of the relaxation.

    ``x`` is over all plans of the master, 0 outside the pool; ``excess`` is what crossing rows are exceeded by, musd, as
    (kind, index, amount) in the indices of ``Master.model``; ``value`` includes its price.
    """

    value: float
    x: Array
    excess: tuple[tuple[str, int, float], ...]
    prices: Prices

    @property
    def exceeded(self) -> float:
        """Return the total excess, musd."""
        return sum(amount for _, _, amount in self.excess)


def relax(master: Master, pool: Ints, *, feasibility: bool = False) -> Point:
    """Solve the relaxation over a pool with elastic crossing rows, adding tail cuts until none is violated.

    Args:
        master: limits, plans and cuts.
        pool: numbers of the plans to use; at least one per cluster.
        feasibility: minimise the excess alone.

    Raises:
        RuntimeError: HiGHS found no optimum.
    """
    while True:
        labels, compiled, elastic = _compile(master, pool, feasibility=feasibility)
        answer = run(compiled)
        if answer.x is None or answer.duals is None:
            raise RuntimeError(f"the master's relaxation ended as {answer.status.value}")
        x = np.zeros(len(master.plans))
        x[pool] = answer.x[: pool.size]
        if not master.cut(x):
            amounts = answer.x[pool.size + 1 :]
            excess = tuple((kind, index, float(a)) for (kind, index), a in zip(elastic, amounts, strict=True) if a > 0.0)
            prices = master.prices(labels, answer.duals, booked=0.0 if feasibility else 1.0)
            return Point(answer.objective, x, excess, prices)


def _compile(master: Master, pool: Ints, *, feasibility: bool) -> tuple[list[Label], Compiled, list[tuple[str, int]]]:
    """Return row labels, the model (plans, then the tail, then excesses), and which excess each last column is."""
    labels, rows, lower, upper, elastic = _rows(master, pool)
    kinds = list(dict.fromkeys(e for e in elastic if e is not None))
    slack = np.zeros((len(rows), len(kinds)))
    for row, kind in enumerate(elastic):
        if kind is not None:
            slack[row, kinds.index(kind)] = -1.0
    tail = np.array([[-1.0 if name == "tail" else 0.0] for name, _ in labels])
    matrix = np.hstack([np.array(rows), tail, slack])
    price = 1.0 if feasibility else PENALTY
    direct, weight = (np.zeros(pool.size), 0.0) if feasibility else (master.table.direct[pool], master.limits.cvar_weight)
    columns = matrix.shape[1]
    col_lower = np.zeros(columns)
    col_lower[pool.size] = -np.inf if master.cost_cuts else 0.0
    col_upper = np.full(columns, np.inf)
    col_upper[pool.size] = np.inf if master.cost_cuts else 0.0
    compiled = Compiled(
        model=None,
        cost=np.concatenate([direct, [weight], np.full(len(kinds), price)]),
        offset=0.0,
        matrix=sparse.csc_matrix(matrix),
        row_lower=np.array(lower),
        row_upper=np.array(upper),
        col_lower=col_lower,
        col_upper=col_upper,
        integer=np.full(columns, False),
        columns=tuple(range(columns)),
        rows=tuple(labels),
    )
    return labels, compiled, kinds


def _rows(master: Master, pool: Ints) -> tuple[list[Label], list[Array], list[float], list[float], list[tuple[str, int] | None]]:
    """Return label, coefficients of the pool, lower and upper side, and the excess of each row."""
    table, lim, horizon = master.table, master.limits, master.limits.outlay.shape[1]
    labels: list[Label] = []
    rows: list[Array] = []
    upper: list[float] = []
    elastic: list[tuple[str, int] | None] = []

    def row(name: str, index: tuple[int, ...], numbers: Array, side: float, excess: int | None = None) -> None:
        labels.append((name, index))
        rows.append(numbers)
        upper.append(side)
        elastic.append(None if excess is None else (name, excess))

    for k in range(master.clusters):
        row("one_plan", (k,), (table.cluster[pool] == k).astype(float), 1.0)
    for k in (k for k in range(3) if np.isfinite(lim.basket[k])):
        row("basket", (k,), table.burden[pool, k], float(lim.basket[k]), k)
    for k, t in master.capped(pool):
        row("outlay", (k, t), table.outlay[pool, k, t], float(lim.outlay[k, t]), k * horizon + t)
    for i, cut in enumerate(master.cost_cuts):
        row("tail", (i,), table.scenario[pool] @ cut, 0.0)
    for i, cut in enumerate(master.outlay_cuts):
        row("worst", (i,), table.scenario_outlay[pool] @ cut, lim.worst, 0)
    lower = [1.0 if name == "one_plan" else -np.inf for name, _ in labels]
    return labels, rows, lower, upper, elastic
