"""The benchmarks: their instances, one measured run, the page, and the direct model as a third opinion."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import minclub as mc


@pytest.fixture(autouse=True)
def importable(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let ``benchmarks`` be imported, which is no part of the package."""
    monkeypatch.syspath_prepend(str(root))


SMALL = {"projects": 12, "products": 4, "scenarios": 3, "seed": 1, "years": 20}


def test_cases_survive_json() -> None:
    from benchmarks.cases import Case, suite

    for case in suite():
        again = Case(**json.loads(json.dumps(case.to_dict())))
        assert again.to_dict() == json.loads(json.dumps(case.to_dict()))
        assert case.method in ("plans", "compact", "direct")


def test_every_peer_meets_minclub_on_the_same_instance() -> None:
    from benchmarks.cases import suite

    for quick in (False, True):
        cases = suite(quick)
        mine = [(case.recipe, case.cut) for case in cases if case.method == "plans"]
        assert all((case.recipe, case.cut) in mine for case in cases)
    assert sum(case.time_limit for case in suite(True)) < sum(case.time_limit for case in suite()) / 3


def test_untied_byproducts_keep_their_value() -> None:
    from benchmarks.cases import Case

    tied, loose = (Case("plans", recipe=SMALL, cut=cut).load() for cut in ("", "byproducts"))
    price = tied.byproducts["product_code"].map(tied.products["long_run_mean_usd_per_t"])
    assert price.notna().any()
    assert set(loose.byproducts["product_code"]) == {"other"}
    before = tied.byproducts["t_per_year"] * price.fillna(tied.byproducts["price_usd_per_t"])
    after = loose.byproducts["t_per_year"] * loose.byproducts["price_usd_per_t"]
    assert after.to_numpy() == pytest.approx(before.to_numpy())


def test_a_measured_run_agrees_with_solve_and_its_stages_fit_into_it() -> None:
    from benchmarks.cases import Case
    from benchmarks.run import run_case

    row = run_case(Case("plans", instance="tutorial"))
    assert row["objective_musd"] == pytest.approx(mc.solve(mc.load("tutorial")).certificate["objective_musd"])
    assert (row["status"], row["audit"], row["projects"], row["scenarios"]) == ("optimal", "passed", 5, 3)
    assert 0.0 < row["highs_cpu_s"] < row["search_cpu_s"] < row["cpu_s"]
    assert row["search_cpu_s"] + row["audit_cpu_s"] < row["cpu_s"]
    assert row["peak_mb"] is None or row["peak_mb"] > 20


def test_a_case_that_fails_is_reported() -> None:
    from benchmarks.cases import Case
    from benchmarks.run import run_case

    row = run_case(Case("nothing", instance="tutorial"))
    assert row["status"] == "failed"
    assert "KeyError" in row["message"]


def fabricated() -> dict[str, Any]:
    """Return results of two methods on one instance, and of one that found nothing."""
    recipe = {"projects": 6, "products": 2, "scenarios": 3, "seed": 9}
    size = {"label": "6 x 2 x 3", "projects": 6, "products": 2, "scenarios": 3, "wall_s": 9.0, "peak_mb": 200.4, "load": [0.5, 2.25]}
    core = {"instance": "", "recipe": recipe, "cut": "core", "note": ""}
    plans = {**size, "case": {**core, "method": "plans"}, "status": "optimal", "objective_musd": 10.0, "bound_musd": 10.0, "gap": 0.0, "cpu_s": 2.0}
    direct = {**size, "case": {**core, "method": "direct"}, "status": "gaplimit", "objective_musd": 9.9, "bound_musd": 9.8, "gap": 0.0101, "cpu_s": 30.0}
    large = {**core, "method": "plans", "cut": "byproducts", "note": "coarse ladders"}
    nothing = {**size, "case": large, "status": "NoDesign", "objective_musd": None, "bound_musd": None, "gap": None, "cpu_s": 5.0, "search_cpu_s": 4.0}
    machine = {"processor": "P", "cores": 2, "memory_gb": None, "system": "S"}
    return {"started": "2026-01-01", "seconds": 120, "machine": machine, "versions": {"python": "3.11"}, "rows": [plans, direct, nothing]}


def test_page_states_outcomes_ratios_and_load() -> None:
    from benchmarks.page import render

    text = render(fabricated())
    assert "| 6 x 2 x 3, seed 9 | direct, SCIP | proven | 9.9 | 9.8 | 1.01% | 30.0 | 9.0 | 200 |" in text
    assert "SCIP proved 1 of 1; minclub proved 1 of 1. CPU time of SCIP over that of minclub where both proved: 15 to 15." in text
    assert "| 6 x 2 x 3 | coarse ladders | no design | - | - | - | 5.0 | 9.0 | 200 | 80% | - | - | - |" in text
    assert "between 0.5 and 2.25 on 2 cores" in text


@pytest.mark.slow
@pytest.mark.parametrize(("projects", "products", "scenarios", "seed"), [(3, 1, 3, 2), (6, 2, 3, 2), (6, 2, 3, 12), (6, 2, 10, 12)])
def test_direct_model_brackets_the_plans(projects: int, products: int, scenarios: int, seed: int) -> None:
    """With strikes rounded up to three digits SCIP's design cannot beat the plans; with free strikes its bound is no higher."""
    pytest.importorskip("pyscipopt")
    from benchmarks.cases import Case
    from benchmarks.direct import solve_direct
    from minclub.models.contracts import three_digit_grid
    from minclub.models.desk import Desk

    recipe = {"projects": projects, "products": products, "scenarios": scenarios, "seed": seed, "years": 20, "small_ladders": True}
    instance = Case("direct", recipe=recipe, cut="core").load()
    plans = mc.solve(instance, gap=1e-6).certificate["objective_musd"]
    found = solve_direct(Desk(instance), gap=1e-6, time_limit=300.0)
    assert found.status in ("optimal", "gaplimit")
    assert found.decisions is not None
    assert plans > 0.0
    assert mc.evaluate(instance, found.decisions).certificate["objective_musd"] == pytest.approx(found.objective, rel=1e-5)
    for row in found.decisions["contracts"]:
        strike = row["strike_usd_per_t"] * (1.0 - 1e-6)
        row["strike_usd_per_t"] = float(three_digit_grid(strike, 1.02 * strike)[0])
    rounded = mc.evaluate(instance, found.decisions).certificate["objective_musd"]
    assert found.bound <= plans * (1.0 + 1e-6)
    assert plans <= rounded * (1.0 + 1e-6)
    assert rounded <= found.objective * 1.05


def test_direct_model_refuses_what_it_does_not_state() -> None:
    pytest.importorskip("pyscipopt")
    from benchmarks.direct import check
    from minclub.models.desk import Desk

    with pytest.raises(ValueError, match="idle years"):
        check(Desk(mc.load("tutorial")))
