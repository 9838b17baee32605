"""Cases that call the library: coefficients, the floor under them, building the master, and many solves in one call."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.solvers import outcome, sizes

if TYPE_CHECKING:
    from benchmarks.cases import Case
    from minclub.instances.instance import Instance
    from minclub.models.desk import Desk

Row = dict[str, Any]

COPIED = 64 * 1024**2
REPEATS = 5


def coefficients(case: Case) -> Row:
    """Evaluate every candidate at its earliest start under every border option of its product, at all credit levels.

    Paths are the baseline's and feed is at law. Options that come to the same rates for a plant are evaluated once. Drawing the
    scenarios and the baseline come before and are timed apart. ``bytes`` counts the prices that an evaluation reads and the
    arrays that it leaves, once each.
    """
    from minclub.models.desk import Desk
    from minclub.models.market import Market

    instance = case.load()
    drawing = seconds(lambda: Market(instance))
    start = time.perf_counter()
    desk = Desk(instance)
    before = time.perf_counter() - start
    start, cpu = time.perf_counter(), time.process_time()
    made = _families(desk)
    spent = {"wall_s": time.perf_counter() - start, "cpu_s": time.process_time() - cpu}
    seen: set[int] = set()
    touched = sum(array_bytes(family, seen) + read for family, read in made)
    return {**sizes(instance), "status": "done", "drawing_s": drawing, "baseline_s": before, "families": len(made), "bytes": touched, **spent}


def _families(desk: Desk) -> list[tuple[object, int]]:
    """Return the distinct families of columns, each with the bytes of prices that it reads."""
    from minclub.models.outlooks import Setting
    from minclub.models.projects import start_years

    law, found = desk.law_settings(), {}
    for plant in desk.candidates:
        start = start_years(desk.instance, plant)[0]
        for border in desk.borders(plant.product):
            settings = {**law, plant.product: Setting(border, law[plant.product].path)}
            family = desk.family(plant.id, start, settings)
            prices = 2 if plant.feed_product else 1
            found[id(family)] = (family, prices * desk.market.market[plant.product].nbytes)
    return list(found.values())


def array_bytes(item: object, seen: set[int]) -> int:
    """Return the bytes of the arrays that a value holds, each array once."""
    if id(item) in seen:
        return 0
    seen.add(id(item))
    if isinstance(item, np.ndarray):
        return item.nbytes
    if is_dataclass(item):
        return sum(array_bytes(getattr(item, field.name), seen) for field in fields(item))
    return sum(array_bytes(part, seen) for part in item) if isinstance(item, list | tuple) else 0


def copy(case: Case) -> Row:
    """Measure what copying memory with numpy moves, bytes read and written per second, in blocks far beyond any cache."""
    source = np.ones(COPIED // 8)
    target = np.empty_like(source)
    np.copyto(target, source)
    taken = median(seconds(lambda: np.copyto(target, source)) for _ in range(4 * REPEATS))
    return {"status": "done", "wall_s": taken, "bytes_per_s": 2.0 * source.nbytes / taken}


def master(case: Case) -> Row:
    """Build the plan master of a finished search in Pyomo and in linopy, and solve it by HiGHS alone.

    Each is built and turned into matrices five times, in turns; the median counts.
    """
    from benchmarks.linopy_master import linopy_model
    from minclub.solvers.highs import compile_model, run
    from minclub.solvers.solve import prepare

    instance = case.load()
    start, cpu = time.perf_counter(), time.process_time()
    search = prepare(instance).search
    found = search.solve(case.gap)
    spent = {"wall_s": time.perf_counter() - start, "cpu_s": time.process_time() - cpu}
    made = search.master
    builds: dict[str, Callable[[], Any]] = {"pyomo_s": lambda: compile_model(made.model()), "linopy_s": lambda: linopy_model(made).matrices.A}
    taken: dict[str, list[float]] = {name: [] for name in builds}
    for _ in range(REPEATS):
        for name, build in builds.items():
            taken[name].append(seconds(build))
    compiled = compile_model(made.model())
    alone = median(seconds(lambda: run(compiled, gap=case.gap)) for _ in range(REPEATS))
    values = {"highs_alone_s": alone, "plans": len(made.plans), "rows": int(compiled.matrix.shape[0])}
    peer = linopy_model(made)
    peer.solve(solver_name="highs", io_api="direct", mip_rel_gap=case.gap, output_flag=False)
    values |= {"pyomo_musd": run(compiled, gap=case.gap).objective, "linopy_musd": float(peer.objective.value)}
    return {**sizes(instance), **outcome(found.status.value, found.objective, found.bound), **spent, **values, **{k: median(v) for k, v in taken.items()}}


COLD = 3
"""Strikes that are solved cold too; the whole is taken to be as many times their mean."""


def strikes(case: Case) -> Row:
    """Compute the optimum at so many strikes of one project in one call, and at a few of them by searches of their own.

    The project is the first that holds a contract in the optimum; strikes rise from its own to one and a half times that.
    ``off_musd`` is the greatest difference between the objectives of the two ways.
    """
    from minclub.solvers.solve import prepare
    from minclub.solvers.sweep import strikes as run

    instance = case.load()
    held = _first_contract(instance)
    values = [float(f"{held.strike * (1.0 + 0.5 * k / max(case.count - 1, 1)):.3g}") for k in range(case.count)]
    start, cpu = time.perf_counter(), time.process_time()
    swept = {row.strike: row for row in run(instance, held.project, values, gap=case.gap, time_limit=case.time_limit).rows}
    spent = {"wall_s": time.perf_counter() - start, "cpu_s": time.process_time() - cpu}
    chosen = values[:: max(1, len(values) // COLD)][:COLD]
    cold, off = [], 0.0
    for value in chosen:
        start = time.perf_counter()
        found = prepare(instance, {f"strike.{held.project}": value, f"built.{held.project}": 1.0}).search.solve(case.gap)
        cold.append(time.perf_counter() - start)
        known = swept[value].objective_musd
        off = max(off, abs(found.objective - known) if known is not None and np.isfinite(found.objective) else 0.0)
    status = "optimal" if {row.status for row in swept.values()} <= {"optimal", "infeasible"} else "time_limit"
    whole = float(np.mean(cold)) * len(values)
    return {**sizes(instance), "status": status, "project": held.project, "points": len(values), "cold_s": whole, "off_musd": off, **spent}


@dataclass(frozen=True)
class Held:
    """A project and the strike of its contract, USD per tonne."""

    project: str
    strike: float


def _first_contract(instance: Instance) -> Held:
    """Return the first contract of the optimum.

    Raises:
        ValueError: the optimum has none.
    """
    from minclub.solvers.solve import solve

    rows = solve(instance, check=False).to_dict()["contracts"]
    if not rows:
        raise ValueError("the optimum has no contract")
    return Held(str(rows[0]["project"]), float(rows[0]["strike_usd_per_t"]))


def frontier(case: Case) -> Row:
    """Compute the least public cost at so many caps on the basket, up to the instance's own, in one call."""
    from minclub.solvers.frontier import frontier as run

    instance = case.load()
    cap = float(str(instance.settings["caps.basket"]))
    start, cpu = time.perf_counter(), time.process_time()
    found = run(instance, "basket", [float(x) for x in np.linspace(cap / case.count, cap, case.count)], gap=case.gap, time_limit=case.time_limit)
    spent = {"wall_s": time.perf_counter() - start, "cpu_s": time.process_time() - cpu}
    ended = [row.status for row in found.rows]
    status = "optimal" if set(ended) <= {"optimal", "infeasible"} else "time_limit"
    return {**sizes(instance), "status": status, "points": len(ended), "infeasible": ended.count("infeasible"), "searches": found.searches, **spent}


def clusters(case: Case) -> Row:
    """Search an instance, statement and audit left out, and say how large its largest cluster is and how much of it was listed."""
    from minclub.models.clusters import set_count
    from minclub.solvers.clock import Clock
    from minclub.solvers.solve import prepare

    instance = case.load()
    start, cpu = time.perf_counter(), time.process_time()
    search = prepare(instance, clock=Clock(case.time_limit)).search
    found = search.solve(case.gap)
    spent = {"wall_s": time.perf_counter() - start, "cpu_s": time.process_time() - cpu}
    largest = max(search.spaces, key=lambda space: set_count(space.cluster))
    size = {"candidates": len(largest.cluster.candidates), "tied": len(largest.cluster.products), "build_sets": set_count(largest.cluster), "listed": largest.size}
    return {**sizes(instance), **outcome(found.status.value, found.objective, found.bound), **spent, **size}


def bound(case: Case) -> Row:
    """Bound every design with tariffs, credits and strikes off the ladders until time is up; the objective is the optimum on the ladders.

    Finding that optimum comes before and is not timed.
    """
    from minclub.models.desk import Desk
    from minclub.solvers.compact import bound_continuous
    from minclub.solvers.solve import prepare

    instance = case.load()
    objective = prepare(instance).search.solve(case.gap).objective
    start, cpu = time.perf_counter(), time.process_time()
    found = bound_continuous(Desk(instance), objective, time_limit=case.time_limit)
    spent = {"wall_s": time.perf_counter() - start, "cpu_s": time.process_time() - cpu}
    return {**sizes(instance), **outcome("done", objective, found.bound), **spent, "rounds": len(found.trace)}


def seconds(work: Callable[[], object]) -> float:
    """Return the wall seconds that a piece of work takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
