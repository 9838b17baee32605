"""The benchmarks: cases and measured runs. None of these tests looks at a clock to pass."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import minclub as mc
from minclub.tests.benchmarks.made_up import fabricated

SMALL = {"projects": 12, "products": 4, "scenarios": 3, "seed": 1, "years": 20}


# --- cases --------------------------------------------------------------------------------------------------------------


def test_cases_survive_json_and_have_names_of_their_own() -> None:
    from benchmarks.cases import METHODS, Case
    from benchmarks.measure import method
    from benchmarks.suite import suite

    names = [case.name for case in suite()]
    assert len(set(names)) == len(names)
    for case in suite():
        again = Case(**json.loads(json.dumps(case.to_dict())))
        assert json.dumps(again.to_dict()) == json.dumps(case.to_dict())
        assert case.method in METHODS
        assert callable(method(case.method))


def test_quick_suite_has_every_case_on_a_small_instance() -> None:
    from benchmarks.suite import suite

    full, quick = suite(), suite(True)
    assert [(case.name, case.method) for case in quick] == [(case.name, case.method) for case in full]
    assert {case.instance for case in quick} <= {"", "tutorial"}
    assert all(case.recipe is None or case.recipe["projects"] <= 3 for case in quick)
    assert sum(case.repeats for case in quick) < sum(case.repeats for case in full)


def test_every_peer_meets_minclub_on_the_same_instance() -> None:
    from benchmarks.suite import suite

    cases = suite()
    mine = [(case.recipe, case.instance, case.products, case.cut, case.overrides) for case in cases if case.method in ("plans", "command")]
    peers = [case for case in cases if case.method in ("compact", "direct", "brute")]
    assert {case.method for case in peers} == {"compact", "direct", "brute"}
    assert all((case.recipe, case.instance, case.products, case.cut, case.overrides) in mine for case in peers)


def test_overlay_switches_on_every_instrument_of_usmca() -> None:
    from benchmarks.cases import ALL_INSTRUMENTS
    from minclub.instances.club_fields import INSTRUMENTS

    s = mc.load("usmca", list(ALL_INSTRUMENTS)).settings
    assert all(s[f"instruments.{name}"] for name, *_ in INSTRUMENTS)
    assert len(s["contract.upside_shares"]) > 1
    assert s["standards.tier"] == "usmca"
    assert float(s["reserve.cover.gallium"]) > 0.0


def test_untied_byproducts_keep_their_value() -> None:
    from benchmarks.cases import Case

    tied, loose = (Case("x", "plans", recipe=SMALL, cut=cut).load() for cut in ("", "byproducts"))
    price = tied.byproducts["product_code"].map(tied.products["long_run_mean_usd_per_t"])
    assert price.notna().any()
    assert set(loose.byproducts["product_code"]) == {"other"}
    before = tied.byproducts["t_per_year"] * price.fillna(tied.byproducts["price_usd_per_t"])
    after = loose.byproducts["t_per_year"] * loose.byproducts["price_usd_per_t"]
    assert after.to_numpy() == pytest.approx(before.to_numpy())


def test_a_part_of_usmca_keeps_what_belongs_to_its_products() -> None:
    from benchmarks.cases import Case

    whole, part = mc.load("usmca"), Case("x", "plans", instance="usmca", products=("gallium", "graphite_anode")).load()
    assert list(part.products.index) == [m for m in whole.products.index if m in ("gallium", "graphite_anode")]
    sold = whole.projects["product_code"].isin(part.products.index)
    fed = whole.projects["feed_product_code"].isin(["", *part.products.index])
    assert set(part.projects.index) == set(whole.projects.index[sold & fed])
    assert len(part.projects)
    assert {name for name in part.settings if name.startswith("targets.")} == {"targets.gallium", "targets.graphite_anode"}
    assert part.products.loc["gallium"].equals(whole.products.loc["gallium"])


# --- measured runs ------------------------------------------------------------------------------------------------------


def test_a_measured_run_agrees_with_solve_and_its_stages_make_up_the_whole() -> None:
    from benchmarks.cases import Case
    from benchmarks.run import run_case
    from benchmarks.stages import ORDER, START_UP

    row = run_case(Case("x", "plans", instance="tutorial"))
    assert row["objective_musd"] == pytest.approx(mc.solve(mc.load("tutorial")).certificate["objective_musd"])
    assert (row["status"], row["audit"], row["projects"], row["scenarios"]) == ("optimal", "passed", 5, 3)
    assert set(row["stages"]) <= set(ORDER)
    for stage in ("scenarios", "coefficients", "pricing", "Pyomo", "HiGHS", "statement", "audit", "writing"):
        assert row["stages"][stage] > 0.0, stage
    solving = sum(row["stages"].values()) - row["stages"][START_UP] - row["stages"]["loading"]
    assert solving == pytest.approx(row["cpu_s"], rel=0.2)
    assert row["peak_mb"] is None or row["peak_mb"] > 20
    last = row["trace"][-1]
    assert last[1] == pytest.approx(row["objective_musd"])


def test_a_command_is_timed_as_a_whole_process() -> None:
    from benchmarks.cases import Case
    from benchmarks.run import run_case

    row = run_case(Case("x", "command", arguments=("--help",), repeats=2))
    assert row["status"] == "done"
    assert len(row["walls"]) == 2
    assert row["cpu_s"] is None or row["cpu_s"] > 0.0
    wrong = run_case(Case("x", "command", arguments=("no-such-command",)))
    assert wrong["status"] == "failed"
    assert "no-such-command" in wrong["message"]


def test_commands_run_without_a_cache_but_for_the_second_run_of_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The user's own is never touched; the second run finds what the first one left, and the same design."""
    from benchmarks.cases import Case
    from benchmarks.run import run_case

    monkeypatch.setenv("MINCLUB_CACHE_DIR", str(tmp_path / "own"))
    cold = run_case(Case("x", "command", instance="tutorial"))
    assert "cache_mb" not in cold
    row = run_case(Case("x", "warm", instance="tutorial"))
    assert row["status"] == "optimal", row
    assert row["first"]["objective_musd"] == row["objective_musd"] == cold["objective_musd"]
    assert row["cache_mb"] > 0.01
    assert not (tmp_path / "own").exists()


def test_a_case_that_the_direct_model_cannot_state_is_refused() -> None:
    pytest.importorskip("pyscipopt")
    from benchmarks.cases import Case
    from benchmarks.run import run_case

    refused = run_case(Case("x", "direct", instance="tutorial"))
    assert (refused["status"], "idle years" in refused["message"]) == ("refused", True)


def test_a_case_that_fails_or_takes_too_long_says_so() -> None:
    from benchmarks.cases import Case
    from benchmarks.run import run_case

    failed = run_case(Case("x", "nothing", instance="tutorial"))
    assert (failed["status"], "KeyError" in failed["message"]) == ("failed", True)
    killed = run_case(Case("x", "brute", instance="tutorial", kill_after=0.1, repeats=3))
    assert killed["status"] == "killed"
    assert len(killed["walls"]) == 1


def test_stages_count_each_second_once() -> None:
    from benchmarks.stages import REST, START_UP, Stages

    stages = Stages()
    before = stages.cpu[START_UP]

    def work() -> int:
        return sum(range(200_000))

    stages.call("outer", lambda: (work(), stages.call("inner", work)))
    stages.turn()
    assert stages.cpu["outer"] > 0.0
    assert stages.cpu["inner"] > 0.0
    assert stages.cpu["outer"] + stages.cpu["inner"] + stages.cpu[REST] == pytest.approx(stages._mark - before)


def test_functions_of_every_stage_exist() -> None:
    from benchmarks.stages import ORDER, STAGES, owner

    for where, name, stage in STAGES:
        assert callable(getattr(owner(where), name)), (where, name)
        assert stage in ORDER


def test_yardstick_times_python_and_numpy() -> None:
    from benchmarks.cases import Case
    from benchmarks.run import run_case

    row = run_case(Case("x", "yardstick"))
    assert row["status"] == "done"
    assert row["wall_s"] > row["python_s"] + row["numpy_s"] > 0.0


def test_linopy_states_the_same_master() -> None:
    pytest.importorskip("linopy")
    from benchmarks.cases import Case
    from benchmarks.run import run_case

    row = run_case(Case("x", "master", recipe=SMALL | {"small_ladders": True, "target": 0.6}, cut="byproducts"))
    assert row["status"] == "optimal", row
    assert row["plans"] > 4
    assert row["linopy_musd"] == pytest.approx(row["pyomo_musd"], abs=1e-6)
    assert row["objective_musd"] == pytest.approx(row["pyomo_musd"], abs=1e-6)


# --- a run that goes on -------------------------------------------------------------------------------------------------


def test_a_stopped_run_goes_on_and_only_runs_a_case_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from benchmarks import run

    ran: list[str] = []

    def pretend(case: Any) -> dict[str, Any]:
        ran.append(case.name)
        return fabricated()["rows"][case.name]

    for name in ("RESULTS", "PAGE", "PICTURE"):
        monkeypatch.setattr(run, name, tmp_path / f"{name.lower()}.svg")
    monkeypatch.setattr(run, "ROOT", tmp_path)
    monkeypatch.setattr(run, "run_case", pretend)
    assert run.main(["--only", "help", "--only", "small-3-*"]) == 0
    assert ran == ["help", "small-3-3-plans", "small-3-3-compact", "small-3-3-direct"]
    assert run.main([]) == 0
    assert sorted(ran) == sorted(case.name for case in run.suite())
    again = len(ran)
    assert run.main(["--only", "help"]) == 0
    assert ran[again:] == ["help"]
    assert run.main(["--page"]) == 0
    assert len(ran) == again + 1
    assert run.main([]) == 0
    assert len(ran) == 2 * again + 1
    monkeypatch.setattr(run, "commit", lambda root: "later")
    assert not any(run.is_kept(case, run.stored(run.RESULTS)) for case in run.suite())
    with pytest.raises(SystemExit):
        run.main(["--only", "nothing"])


# --- the direct model ---------------------------------------------------------------------------------------------------


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
    instance = Case("x", "direct", recipe=recipe, cut="core").load()
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
