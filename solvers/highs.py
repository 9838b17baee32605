"""Hand a compiled Pyomo model to HiGHS in the calling process and check what comes back.

Pyomo's own HiGHS interfaces deadlock when two solves overlap; compiling the model and passing the matrix does not. The
objective and the rows are recomputed in numpy after every solve: HiGHS's word is not taken for them.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

import highspy
import numpy as np
from pyomo.repn.plugins.standard_form import LinearStandardFormCompiler

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyomo.core as pyo
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

_COMPILE = threading.Lock()
FEASIBILITY = 1e-6
RULES_OFF = 1 << 13 | 1 << 14
"""Rules of presolve that are not used: parallel rows and columns, and sparsify. On a master of a hundred dense rows they went on
without end, and HiGHS 1.16.0 looks at neither clock nor Ctrl-C there; without them masters are solved sooner."""


class Status(Enum):
    """What HiGHS said, in our words."""

    OPTIMAL = "optimal"
    INFEASIBLE = "infeasible"
    UNBOUNDED = "unbounded"
    TIME_LIMIT = "time_limit"
    INTERRUPTED = "interrupted"
    STOPPED = "stopped"
    ERROR = "error"


class SolverFault(RuntimeError):
    """HiGHS returned a point that does not satisfy the rows or whose objective is not what it said."""


@dataclass(frozen=True)
class Compiled:
    """A linear or mixed-integer model in matrix form: minimise ``c x + offset``, ``lower <= A x <= upper``.

    ``model`` keeps the Pyomo model alive: without it the names of ``columns`` and ``rows`` are lost at the next collection.
    It is None where the arrays were not compiled from one.
    """

    model: pyo.ConcreteModel | None
    cost: Array
    offset: float
    matrix: Any
    row_lower: Array
    row_upper: Array
    col_lower: Array
    col_upper: Array
    integer: NDArray[np.bool_]
    columns: tuple[Any, ...]
    rows: tuple[Any, ...]

    def relaxed(self) -> Compiled:
        """Return the linear relaxation."""
        return Compiled(**{**self.__dict__, "integer": np.zeros_like(self.integer)})


@dataclass(frozen=True)
class Answer:
    """A checked answer: point, recomputed objective, HiGHS's bound, and row duals for a linear model."""

    status: Status
    x: Array | None
    objective: float
    bound: float
    duals: Array | None


def compile_model(model: pyo.ConcreteModel) -> Compiled:
    """Compile a linear Pyomo model; integer bounds are rounded (fractional ones misled older HiGHS)."""
    with _COMPILE:
        form = LinearStandardFormCompiler().write(model, mixed_form=True)
    columns = tuple(form.columns)
    lower = np.array([-np.inf if v.lb is None else v.lb for v in columns], dtype=float)
    upper = np.array([np.inf if v.ub is None else v.ub for v in columns], dtype=float)
    integer = np.array([not v.is_continuous() for v in columns], dtype=bool)
    lower[integer], upper[integer] = np.ceil(lower[integer] - 1e-9), np.floor(upper[integer] + 1e-9)
    kind = np.array([row.bound_type for row in form.rows], dtype=int)
    rhs = np.asarray(form.rhs, dtype=float)
    cost = np.zeros(len(columns))
    if form.c.shape[0]:
        cost = np.asarray(form.c.todense(), dtype=float).reshape(form.c.shape)[0]
    return Compiled(
        model=model,
        cost=cost,
        offset=float(form.c_offset[0]) if len(form.c_offset) else 0.0,
        matrix=form.A.tocsc(),
        row_lower=np.where(kind <= 0, rhs, -np.inf),
        row_upper=np.where(kind >= 0, rhs, np.inf),
        col_lower=lower,
        col_upper=upper,
        integer=integer,
        columns=columns,
        rows=tuple(row.constraint for row in form.rows),
    )


class QuietHighs(highspy.Highs):
    """HiGHS that prints no banner: output is off before the constructor enables callbacks."""

    def enableCallbacks(self) -> None:
        """Turn output off first."""
        self.setOptionValue("output_flag", False)
        super().enableCallbacks()


def _load(compiled: Compiled, options: dict[str, Any]) -> highspy.Highs:
    solver = QuietHighs()
    for name, value in {"threads": 1, "random_seed": 0, "presolve_rule_off": RULES_OFF, **options}.items():
        solver.setOptionValue(name, value)
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = len(compiled.columns), len(compiled.rows)
    lp.col_cost_, lp.offset_ = compiled.cost, compiled.offset
    lp.col_lower_, lp.col_upper_ = compiled.col_lower, compiled.col_upper
    lp.row_lower_, lp.row_upper_ = compiled.row_lower, compiled.row_upper
    lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    lp.a_matrix_.start_ = compiled.matrix.indptr
    lp.a_matrix_.index_ = compiled.matrix.indices
    lp.a_matrix_.value_ = compiled.matrix.data
    if compiled.integer.any():
        kinds = (highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger)
        lp.integrality_ = [kinds[int(flag)] for flag in compiled.integer]
    solver.passModel(lp)
    return solver


_STATUS = {
    highspy.HighsModelStatus.kOptimal: Status.OPTIMAL,
    highspy.HighsModelStatus.kInfeasible: Status.INFEASIBLE,
    highspy.HighsModelStatus.kUnboundedOrInfeasible: Status.INFEASIBLE,
    highspy.HighsModelStatus.kUnbounded: Status.UNBOUNDED,
    highspy.HighsModelStatus.kTimeLimit: Status.TIME_LIMIT,
    highspy.HighsModelStatus.kInterrupt: Status.INTERRUPTED,
    highspy.HighsModelStatus.kIterationLimit: Status.STOPPED,
    highspy.HighsModelStatus.kSolutionLimit: Status.STOPPED,
    highspy.HighsModelStatus.kModelEmpty: Status.OPTIMAL,
}


def run(
    compiled: Compiled,
    *,
    gap: float = 1e-6,
    time_limit: float | None = None,
    progress: Callable[[float, float], None] | None = None,
) -> Answer:
    """Solve a compiled model and check the answer; Ctrl-C ends a mixed-integer solve with the incumbent.

    Raises:
        SolverFault: the point violates a row or the reported objective differs from ``c x``.
    """
    options: dict[str, Any] = {"mip_rel_gap": gap, "mip_abs_gap": 1e-9}
    if time_limit is not None:
        options["time_limit"] = max(0.01, time_limit)
    solver = _load(compiled, options)
    if progress is not None and compiled.integer.any():
        solver.cbMipLogging.subscribe(
            lambda event: progress(event.data_out.mip_primal_bound, event.data_out.mip_dual_bound)
        )
    if compiled.integer.any() and threading.current_thread() is threading.main_thread():
        solver.HandleKeyboardInterrupt = True
        solver.solve()
    else:
        solver.run()
    return _read(solver, compiled)


def _read(solver: highspy.Highs, compiled: Compiled) -> Answer:
    status = _STATUS.get(solver.getModelStatus(), Status.ERROR)
    info, mip = solver.getInfo(), bool(compiled.integer.any())
    if status is Status.UNBOUNDED and not mip and not compiled.cost.any():
        status = Status.ERROR
    has_point = info.primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible
    bound = float(info.mip_dual_bound) if mip else float(info.objective_function_value)
    if not has_point:
        return Answer(status, None, np.inf, bound if mip else -np.inf, None)
    solution = solver.getSolution()
    x = np.array(solution.col_value, dtype=float)
    objective = _checked(compiled, x, float(info.objective_function_value))
    duals = None if mip else np.array(solution.row_dual, dtype=float)
    if not mip:
        bound = objective if status is Status.OPTIMAL else -np.inf
    return Answer(status, x, objective, min(bound, objective) if mip else bound, duals)


def _checked(compiled: Compiled, x: Array, reported: float) -> float:
    """Recompute rows, bounds, integrality and objective; round integers first."""
    x[compiled.integer] = np.round(x[compiled.integer])
    body = compiled.matrix @ x
    size = 1.0 + np.abs(compiled.matrix) @ np.abs(x)
    worst = max(
        float(np.max((compiled.row_lower - body) / size, initial=0.0)),
        float(np.max((body - compiled.row_upper) / size, initial=0.0)),
        float(np.max((compiled.col_lower - x) / (1.0 + np.abs(x)), initial=0.0)),
        float(np.max((x - compiled.col_upper) / (1.0 + np.abs(x)), initial=0.0)),
    )
    if worst > FEASIBILITY * 10:
        raise SolverFault(f"HiGHS returned a point that violates a row by {worst:.1e}")
    objective = float(compiled.cost @ x + compiled.offset)
    if abs(objective - reported) > 1e-5 * (1.0 + abs(objective)):
        raise SolverFault(f"HiGHS reported objective {reported!r}, but c x is {objective!r}")
    return objective
