"""Check that this installation can do the work: versions, folders, solver, compiler.

Everything heavy is imported inside the checks, so that the command line stays fast to start. A check that raises is a failed
check: ``doctor`` itself never does.
"""

import os
import platform
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

from .. import __version__

Status = Literal["ok", "note", "failed"]

PINNED = {"pyomo": "6.10.1", "highspy": "1.16.0"}
OTHERS = ("numpy", "scipy", "pandas", "typer", "rich", "altair", "vl-convert-python", "platformdirs")

CANARY_OBJECTIVE = -784.990385
CANARY_TOLERANCE = 1e-5
"""The published objective has six decimals; the solver's feasibility tolerance is 1e-7."""


@dataclass(frozen=True)
class Check:
    """One line of the report: ``note`` is worth reading, only ``failed`` is wrong."""

    name: str
    status: Status
    detail: str


def doctor(folder: Path | None = None) -> list[Check]:
    """Run all checks.

    Args:
        folder: Where results would be written; the working directory if ``None``.

    Returns:
        The checks in a fixed order. The installation is sound if none has failed.
    """
    place = Path.cwd() if folder is None else folder
    checks: list[tuple[str, Callable[[], Check]]] = [
        ("minclub", _minclub),
        ("python", _python),
        ("machine", _machine),
        *((name, partial(_package, name)) for name in (*PINNED, *OTHERS)),
        ("result folder", partial(_writable, "result folder", place)),
        ("temporary folder", partial(_writable, "temporary folder", Path(tempfile.gettempdir()))),
        ("HiGHS linear programme", _linear_programme),
        ("HiGHS bounded QP", _bounded_qp),
        ("HiGHS QP without bounds", _unbounded_qp),
        ("Pyomo compile", _compile),
    ]
    return [_guarded(name, check) for name, check in checks]


def _guarded(name: str, check: Callable[[], Check]) -> Check:
    """Run one check and turn an exception into a failed check."""
    try:
        return check()
    except Exception as error:  # a broken binary package may raise anything
        return Check(name, "failed", f"{type(error).__name__}: {error}")


def _minclub() -> Check:
    """Report the version and the folder of the package."""
    return Check("minclub", "ok", f"{__version__} in {Path(__file__).resolve().parent.parent}")


def _python() -> Check:
    """Report the interpreter; only 3.11 to 3.13 are supported."""
    supported = (3, 11) <= sys.version_info[:2] <= (3, 13)
    found = f"{platform.python_version()} at {sys.executable}"
    return Check("python", "ok", found) if supported else Check("python", "failed", f"{found}; 3.11 to 3.13 is needed")


def _machine() -> Check:
    """Report the system and the number of usable cores."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return Check("machine", "ok", f"{platform.system()} {platform.machine()}, {cores} cores")


def _package(name: str) -> Check:
    """Report the version of a package; a pinned one must be exactly that version."""
    try:
        found = metadata.version(name)
    except metadata.PackageNotFoundError:
        return Check(name, "failed", "is not installed")
    wanted = PINNED.get(name, found)
    return Check(name, "ok", found) if found == wanted else Check(name, "failed", f"{found}; results are checked with {wanted}")


def _writable(name: str, folder: Path) -> Check:
    """Write and remove a file in ``folder``."""
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".minclub-"):
            return Check(name, "ok", str(folder))
    except OSError as error:
        return Check(name, "failed", f"cannot write in {folder}: {error.strerror}")


def _linear_programme() -> Check:
    """Solve ``max x + 2 y`` with ``x + y <= 4``, ``0 <= x <= 3``, ``0 <= y <= 2``: 6 at ``(2, 2)``."""
    highs = _quiet_highs()
    x, y = highs.addVariable(0, 3), highs.addVariable(0, 2)
    highs.addConstr(x + y <= 4)
    highs.maximize(x + 2 * y)
    value = highs.getObjectiveValue()
    return _compare("HiGHS linear programme", value, 6.0, 1e-9)


def _bounded_qp() -> Check:
    """Solve the three-country spatial equilibrium (Miranda and Fackler) with finite bounds: -784.990385."""
    status, value = _spatial_equilibrium(upper=1000.0)
    check = _compare("HiGHS bounded QP", value, CANARY_OBJECTIVE, CANARY_TOLERANCE)
    return check if status == "kOptimal" else Check(check.name, "failed", f"status {status}")


def _unbounded_qp() -> Check:
    """Solve the same problem with ``x >= 0`` only, which HiGHS 1.16.0 calls unbounded.

    A convex QP with this optimum is not unbounded. minclub solves linear and mixed-integer programmes only and does not
    depend on it, so that either answer is sound; what the solver says is reported.
    """
    name = "HiGHS QP without bounds"
    status, value = _spatial_equilibrium(upper=float("inf"))
    if status == "kOptimal" and abs(value - CANARY_OBJECTIVE) <= CANARY_TOLERANCE:
        return Check(name, "ok", f"objective {value:.6f}")
    return Check(name, "note", f"known defect: HiGHS says {status} where the optimum is {CANARY_OBJECTIVE}; minclub does not depend on it")


def _spatial_equilibrium(upper: float) -> tuple[str, float]:
    """Solve for the trade flows of three countries (Miranda and Fackler, CompEcon demo DEMSLV13) as a QP without rows.

    Minimise ``sum_i (a_i s_i + b_i s_i^2 / 2) - sum_j (f_j d_j - g_j d_j^2 / 2) + sum_ij c_ij x_ij`` with supply
    ``s_i = sum_j x_ij`` and demand ``d_j = sum_i x_ij``; supply prices ``9 + q, 3 + 2 q, 18 + q``, demand prices
    ``42 - 3 q, 54 - 2 q, 51 - q``.

    Args:
        upper: Upper bound of each flow.

    Returns:
        Name of the model status and the objective.
    """
    import highspy
    import numpy as np

    transport = np.array([[0, 3, 9], [3, 0, 3], [6, 3, 0]], dtype=float)
    supply_price, supply_slope = np.array([9.0, 3.0, 18.0]), np.array([1.0, 2.0, 1.0])
    demand_price, demand_slope = np.array([42.0, 54.0, 51.0]), np.array([3.0, 2.0, 1.0])
    cost = (transport + supply_price[:, None] - demand_price[None, :]).ravel()
    hessian = np.kron(np.diag(supply_slope), np.ones((3, 3))) + np.kron(np.ones((3, 3)), np.diag(demand_slope))
    highs = _quiet_highs()
    for price in cost:
        highs.addCol(float(price), 0.0, upper, 0, [], [])
    columns = [np.nonzero(hessian[j:, j])[0] + j for j in range(9)]
    matrix = highspy.HighsHessian()
    matrix.dim_ = 9
    matrix.format_ = highspy.HessianFormat.kTriangular
    matrix.start_ = np.concatenate([[0], np.cumsum([len(rows) for rows in columns])]).astype(np.int32)
    matrix.index_ = np.concatenate(columns).astype(np.int32)
    matrix.value_ = np.concatenate([hessian[rows, j] for j, rows in enumerate(columns)])
    highs.passHessian(matrix)
    highs.run()
    return highs.getModelStatus().name, float(highs.getInfo().objective_function_value)


def _compile() -> Check:
    """Compile ``min x + 2 y`` with ``x + y >= 3`` and ``x`` integer in 0..2 in Pyomo and solve it in HiGHS: 4."""
    import highspy
    import numpy as np
    import pyomo.environ as pyo
    from pyomo.repn.plugins.standard_form import LinearStandardFormCompiler

    model = pyo.ConcreteModel()
    model.x = pyo.Var(domain=pyo.Integers, bounds=(0, 2))
    model.y = pyo.Var(domain=pyo.NonNegativeReals)
    model.cover = pyo.Constraint(expr=model.x + model.y >= 3)
    model.cost = pyo.Objective(expr=model.x + 2 * model.y)
    form = LinearStandardFormCompiler().write(model, mixed_form=True)
    rows = form.A.tocsr()
    highs = _quiet_highs()
    costs = np.asarray(form.c.todense()).ravel()
    for position, column in enumerate(form.columns):
        low, high = column.bounds
        highs.addCol(float(costs[position]), -highs.inf if low is None else low, highs.inf if high is None else high, 0, [], [])
        if column.is_integer():
            highs.changeColIntegrality(position, highspy.HighsVarType.kInteger)
    for row, right in enumerate(form.rhs):
        part = slice(rows.indptr[row], rows.indptr[row + 1])
        highs.addRow(float(right), highs.inf, len(rows.indices[part]), rows.indices[part], rows.data[part])
    highs.run()
    return _compare("Pyomo compile", float(highs.getObjectiveValue()), 4.0, 1e-9)


def _compare(name: str, value: float, expected: float, tolerance: float) -> Check:
    """Return a check that ``value`` is ``expected``."""
    good = abs(value - expected) <= tolerance
    return Check(name, "ok" if good else "failed", f"objective {value:.6f}" + ("" if good else f", expected {expected:.6f}"))


def _quiet_highs() -> Any:
    """Return the solver that minclub uses, with one thread."""
    from ..solvers.highs import QuietHighs

    highs = QuietHighs()
    highs.setOptionValue("threads", 1)
    return highs
