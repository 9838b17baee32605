"""The hand-over to HiGHS."""

import gc

import pyomo.environ as pyo

from minclub.solvers.highs import Status, compile_model, run


def _model() -> pyo.ConcreteModel:
    m = pyo.ConcreteModel()
    m.x = pyo.Var(range(2), domain=pyo.Binary)
    m.one = pyo.Constraint(expr=m.x[0] + m.x[1] == 1)
    m.cost = pyo.Objective(expr=3 * m.x[0] + 2 * m.x[1])
    return m


def test_names_outlive_the_callers_model() -> None:
    compiled = compile_model(_model())
    gc.collect()
    answer = run(compiled.relaxed())
    assert [v.name for v in compiled.columns] == ["x[0]", "x[1]"]
    assert [row.parent_component().local_name for row in compiled.rows] == ["one"]
    assert answer.status is Status.OPTIMAL
    assert answer.objective == 2.0
