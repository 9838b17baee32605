"""HiGHS's objective and point are recomputed after every solve, linear or mixed-integer, in the main thread or another (C31)."""

from __future__ import annotations

import ast
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from minclub.instances.loader import load
from minclub.models.desk import Desk
from minclub.solvers import highs
from minclub.solvers.compact import solve_compact
from minclub.solvers.solve import prepare
from minclub.tests.solvers.test_highs import knapsack

READ = ("objective_function_value", "mip_dual_bound", "primal_solution_status")


def lies(monkeypatch: pytest.MonkeyPatch, by: float) -> None:
    """Let HiGHS report an objective that is off by a share of its size, and by at least that much."""
    honest = highs.QuietHighs.getInfo

    def info(solver: highs.QuietHighs) -> SimpleNamespace:
        told = honest(solver)
        found = {name: getattr(told, name) for name in READ}
        return SimpleNamespace(**found | {"objective_function_value": found["objective_function_value"] + by * (1.0 + abs(found["objective_function_value"]))})

    monkeypatch.setattr(highs.QuietHighs, "getInfo", info)


def moves(monkeypatch: pytest.MonkeyPatch, by: float) -> None:
    """Let HiGHS return a point whose first coordinate is off."""
    honest = highs.QuietHighs.getSolution

    def solution(solver: highs.QuietHighs) -> SimpleNamespace:
        told = honest(solver)
        return SimpleNamespace(col_value=[told.col_value[0] + by, *told.col_value[1:]], row_dual=told.row_dual)

    monkeypatch.setattr(highs.QuietHighs, "getSolution", solution)


def compiled(*, linear: bool) -> highs.Compiled:
    """Return the knapsack as a mixed-integer or a linear model."""
    model = highs.compile_model(knapsack())
    return model.relaxed() if linear else model


@pytest.mark.parametrize("linear", [True, False])
@pytest.mark.parametrize("by", [1e-3, -1e-3])
def test_a_false_objective_is_caught_in_both_kinds_of_solve(monkeypatch: pytest.MonkeyPatch, linear: bool, by: float) -> None:
    assert highs.run(compiled(linear=linear)).x is not None
    lies(monkeypatch, by)
    with pytest.raises(highs.SolverFault, match="reported"):
        highs.run(compiled(linear=linear))


@pytest.mark.parametrize("linear", [True, False])
def test_a_false_objective_is_caught_outside_the_main_thread(monkeypatch: pytest.MonkeyPatch, linear: bool) -> None:
    lies(monkeypatch, 1e-3)
    with ThreadPoolExecutor(1) as pool, pytest.raises(highs.SolverFault, match="reported"):
        pool.submit(highs.run, compiled(linear=linear)).result()


@pytest.mark.parametrize("linear", [True, False])
def test_a_point_that_is_not_the_reported_one_is_caught(monkeypatch: pytest.MonkeyPatch, linear: bool) -> None:
    moves(monkeypatch, 1.0)
    with pytest.raises(highs.SolverFault):
        highs.run(compiled(linear=linear))


def _by_plans() -> Any:
    return prepare(load("tutorial")).search.solve(1e-6)


def _compactly() -> Any:
    return solve_compact(Desk(load("tutorial")))


@pytest.mark.parametrize("way", [_by_plans, _compactly])
def test_every_way_to_solve_an_instance_ends_at_the_check(monkeypatch: pytest.MonkeyPatch, way: Any) -> None:
    lies(monkeypatch, 1e-3)
    with pytest.raises(highs.SolverFault, match="reported"):
        way()


def test_rounding_within_the_tolerance_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    lies(monkeypatch, 1e-8)
    assert highs.run(compiled(linear=False)).objective == pytest.approx(85.0, abs=1e-12)


def test_models_and_solvers_reach_highs_through_one_module(root: Path) -> None:
    """Only the certificate names HiGHS besides, for its version; so no solve can skip the check."""
    users: set[str] = set()
    for path in [*(root / "models").glob("*.py"), *(root / "solvers").glob("*.py"), *(root / "reports").glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            named = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            users |= {path.name for name in named if name.split(".")[0] == "highspy"}
    assert users == {"highs.py", "certificate.py"}
