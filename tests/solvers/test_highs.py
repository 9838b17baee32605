"""The solver layer: statuses, checks, threads and scripts."""

import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pyomo.environ as pyo
import pytest

import minclub as mc
from minclub.solvers import highs


def knapsack() -> pyo.ConcreteModel:
    m = pyo.ConcreteModel()
    m.x = pyo.Var(range(4), domain=pyo.Binary)
    m.room = pyo.Constraint(expr=pyo.quicksum(w * m.x[i] for i, w in enumerate((5, 4, 3, 2))) <= 8)
    m.goal = pyo.Objective(expr=-pyo.quicksum(v * m.x[i] for i, v in enumerate((10, 7, 5, 3))) + 100)
    return m


def test_a_mixed_integer_model_is_solved_with_bound_and_offset() -> None:
    answer = highs.run(highs.compile_model(knapsack()))
    assert answer.status is highs.Status.OPTIMAL
    assert answer.objective == pytest.approx(100 - 15)
    assert answer.bound == pytest.approx(100 - 15)


def test_duals_of_the_relaxation_price_one_more_unit() -> None:
    def relaxed(room: float) -> highs.Answer:
        m = knapsack()
        m.room.set_value(pyo.quicksum(w * m.x[i] for i, w in enumerate((5, 4, 3, 2))) <= room)
        return highs.run(highs.compile_model(m).relaxed())

    at, more = relaxed(8.0), relaxed(8.1)
    assert at.duals is not None
    assert (more.objective - at.objective) / 0.1 == pytest.approx(at.duals[0])


@pytest.mark.parametrize(("sense", "status"), [("infeasible", highs.Status.INFEASIBLE), ("unbounded", highs.Status.UNBOUNDED)])
def test_statuses_stay_apart(sense: str, status: highs.Status) -> None:
    m = pyo.ConcreteModel()
    m.x = pyo.Var(domain=pyo.NonNegativeReals)
    m.y = pyo.Var(domain=pyo.NonNegativeReals)
    m.row = pyo.Constraint(expr=m.x - m.y <= (-1 if sense == "infeasible" else 1))
    if sense == "infeasible":
        m.other = pyo.Constraint(expr=m.y <= 0.5)
        m.goal = pyo.Objective(expr=m.x)
    else:
        m.goal = pyo.Objective(expr=-m.x)
    assert highs.run(highs.compile_model(m)).status is status


def test_fractional_bounds_of_integers_are_rounded() -> None:
    m = pyo.ConcreteModel()
    m.x = pyo.Var(domain=pyo.Integers, bounds=(0.4, 3.7))
    m.row = pyo.Constraint(expr=m.x <= 10)
    m.goal = pyo.Objective(expr=m.x)
    compiled = highs.compile_model(m)
    assert (compiled.col_lower[0], compiled.col_upper[0]) == (1.0, 3.0)


def test_a_point_that_violates_a_row_is_a_fault() -> None:
    compiled = highs.compile_model(knapsack())
    with pytest.raises(highs.SolverFault, match="violates"):
        highs._checked(compiled, np.ones(4), 75.0)


def test_an_objective_that_is_not_c_x_is_a_fault() -> None:
    compiled = highs.compile_model(knapsack())
    point = np.array([1.0, 0.0, 1.0, 0.0])
    assert highs._checked(compiled, point, 85.0) == pytest.approx(85.0)
    with pytest.raises(highs.SolverFault, match="reported"):
        highs._checked(compiled, point, 62.0)


SCRIPT = "import minclub as mc\ninst = mc.load('tutorial')\nprint(round(mc.solve(inst).certificate['objective_musd'], 6))\n"


def run_python(arguments: list[str], text: str | None, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, *arguments], input=text, capture_output=True, text=True, cwd=folder, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_script_without_a_main_guard_and_standard_input_both_work(tmp_path: Path) -> None:
    (tmp_path / "three_lines.py").write_text(SCRIPT, encoding="utf-8")
    expected = str(round(mc.solve(mc.load("tutorial")).certificate["objective_musd"], 6))
    assert run_python(["three_lines.py"], None, tmp_path) == expected
    assert run_python(["-"], SCRIPT, tmp_path) == expected


def test_solving_works_inside_a_running_event_loop(tmp_path: Path) -> None:
    """A notebook runs cells inside an event loop, as here."""
    cell = "import asyncio\nasync def cell():\n" + "".join(f"    {line}\n" for line in SCRIPT.splitlines()) + "asyncio.run(cell())\n"
    assert float(run_python(["-c", cell], None, tmp_path)) > 0.0


def test_eight_threads_at_once_agree() -> None:
    inst = mc.load("tutorial")
    found: list[float] = []
    faults: list[BaseException] = []

    def work() -> None:
        try:
            found.append(mc.solve(inst).certificate["objective_musd"])
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert not faults
    assert len(found) == 8
    assert max(found) - min(found) <= 1e-9
