"""solve and evaluate: exit codes, what is written and what is not, progress; with the solver replaced where an outcome is hard to bring about."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from minclub.cli.command import Code
from minclub.cli.solving import outcome
from minclub.solvers import solve as solver
from minclub.solvers.audit import AuditReport, Check
from minclub.solvers.design import Design
from minclub.solvers.explain import Infeasible

Invoke = Callable[..., Any]
Process = Callable[..., subprocess.CompletedProcess[str]]


def marked(design: Design, **certificate: Any) -> Design:
    """Return the design with changes to its certificate."""
    return replace(design, certificate=design.certificate | certificate)


PROVEN = {"status": "optimal", "proven": True, "bound_musd": 1.0, "gap": 0.0, "gap_asked": 0.001, "audit": "passed"}
OUTCOMES = [
    (PROVEN, Code.DONE, ""),
    ({"status": "time_limit", "proven": False, "bound_musd": 1.0}, Code.STOPPED, "NOT PROVEN: the time limit ended it"),
    ({"status": "interrupted", "proven": False}, Code.INTERRUPTED, "NOT PROVEN: it was interrupted"),
    ({"status": "optimal", "proven": False}, Code.STOPPED, "NOT PROVEN"),
    ({"status": "given", "proven": False}, Code.DONE, ""),
]


PRESSED = """
import os, signal, threading
from minclub.cli.main import main

def press():
    os.read(0, 1)
    signal.raise_signal(signal.SIGINT)

threading.Thread(target=press, daemon=True).start()
main()
"""
"""The program, with Ctrl-C pressed when the first byte of its standard input arrives."""


@pytest.fixture
def solves(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], list[dict[str, Any]]]:
    """Return a function that makes ``solve`` return or raise something; it gives the list of calls."""

    def install(result: Any) -> list[dict[str, Any]]:
        calls: list[dict[str, Any]] = []

        def run(instance: Any, **options: Any) -> Design:
            calls.append({"instance": instance, **options})
            options["progress"]("plans", float("inf"), -float("inf"))
            options["progress"]("enumeration", 200.0, 199.0)
            if isinstance(result, BaseException):
                raise result
            assert isinstance(result, Design)
            return result

        monkeypatch.setattr(solver, "solve", run)
        return calls

    return install


@pytest.mark.parametrize(("certificate", "code", "words"), OUTCOMES)
def test_every_outcome_has_its_exit_code_and_is_written_and_marked(
    invoke: Invoke, solves: Any, given: Design, tmp_path: Path, certificate: dict[str, Any], code: Code, words: str
) -> None:
    solves(marked(given, **certificate))
    target = tmp_path / "design.json"
    result = invoke("solve", "tutorial", "-o", target)
    assert result.exit_code == code
    assert json.loads(target.read_text(encoding="utf-8"))["certificate"]["status"] == certificate["status"]
    assert words in result.stderr
    assert words in result.stdout
    assert "\x1b" not in result.stdout + result.stderr
    assert "wrote" in result.stderr
    assert outcome(marked(given, **certificate)) == code


def stopped_by_hand() -> BaseException:
    """Return what the library raises when it is interrupted before the first design."""
    error = solver.NoDesign("stopped after 1.0 s")
    error.interrupted = True
    return error


@pytest.mark.parametrize(
    ("failure", "code", "shown", "data"),
    [
        (
            Infeasible(["60% security in alpha", "at most 1 MUSD"], ["raise it (--set caps.CAN.2031=2)"]),
            3,
            ["60% security in alpha", "at most 1 MUSD", "caps.CAN.2031=2"],
            {"conflicts": ["60% security in alpha", "at most 1 MUSD"], "repairs": ["raise it (--set caps.CAN.2031=2)"]},
        ),
        (solver.NoDesign("stopped after 1.0 s"), 4, ["stopped after 1.0 s", "nothing is written"], {}),
        (stopped_by_hand(), 130, ["nothing is written"], {}),
        (KeyboardInterrupt(), 130, ["interrupted; nothing was written"], {}),
        (RuntimeError("no \x1b[31mway"), 1, ["internal error: RuntimeError: no \\x1b[31mway"], {}),
    ],
)
def test_without_a_design_nothing_is_written(
    invoke: Invoke, solves: Any, tmp_path: Path, failure: BaseException, code: int, shown: list[str], data: dict[str, Any]
) -> None:
    solves(failure)
    target = tmp_path / "design.json"
    target.write_text("as before", encoding="utf-8")
    result = invoke("solve", "tutorial", "-o", target, "--json")
    assert result.exit_code == code
    for words in shown:
        assert words in result.stderr
    error = json.loads(result.stdout)["error"]
    assert error["code"] == code
    assert {key: error[key] for key in data} == data
    assert target.read_text(encoding="utf-8") == "as before"
    assert list(tmp_path.iterdir()) == [target]


def test_a_design_that_failed_the_audit_is_not_written(invoke: Invoke, solves: Any, given: Design, tmp_path: Path) -> None:
    checks = [Check("totals.pv_musd", f"c{k}", 1.0, 2.0, 1e-6, False, "C24") for k in range(30)] + [Check("fine", "", 1, 1, 0.0, True, "C1")]
    solves(solver.AuditFailed(AuditReport(tuple(checks)), given))
    target = tmp_path / "design.json"
    result = invoke("solve", "tutorial", "-o", target, "--json")
    assert result.exit_code == 5
    assert "totals.pv_musd, c0: claimed 1.0, recomputed 2.0 (C24)" in result.stderr
    assert "and 10 more" in result.stderr
    assert len(json.loads(result.stdout)["error"]["failures"]) == 30
    assert not target.exists()
    solves(marked(given, audit="failed"))
    assert invoke("solve", "tutorial", "-o", target).exit_code == 5
    assert not target.exists()


def test_options_reach_the_solver(invoke: Invoke, solves: Any, given: Design) -> None:
    calls = solves(marked(given, **PROVEN))
    options = ["--gap", "0.01", "--time-limit", "7", "--set", "targets.alpha=0.3", "--set", "caps.basket=0.05", "--fix", "built.USA_ALPHA=1"]
    assert invoke("solve", "tutorial", *options).exit_code == 0
    (call,) = calls
    assert (call["gap"], call["time_limit"], call["fixes"]) == (0.01, 7.0, ["built.USA_ALPHA=1"])
    assert call["instance"].settings["targets.alpha"] == 0.3
    assert call["instance"].settings["caps.basket"] == 0.05


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ([], []),
        (["-q"], []),
        (["-v"], ["plans: objective -  bound -  gap -", "enumeration: objective 200.0  bound 199.0  gap 0.50%"]),
    ],
)
def test_progress_in_a_pipe(invoke: Invoke, solves: Any, given: Design, flags: list[str], expected: list[str]) -> None:
    solves(marked(given, **PROVEN))
    assert invoke("solve", "tutorial", *flags).stderr.splitlines() == expected


def test_the_printed_design_says_what_matters(invoke: Invoke, solves: Any, given: Design) -> None:
    solves(marked(given, **PROVEN))
    shown = invoke("solve", "mp_materials_2025").stdout
    for title in (
        "Design of instance",
        "Tariffs that change",
        "Contracts for difference",
        "Credits",
        "Plants",
        "Public cost",
        "Security",
        "Users",
        "What binds",
    ):
        assert f"\n{title}" in f"\n{shown}"
    assert "110,000" in shown
    assert "Mountain Pass" in shown
    assert "2025 USD, real" in shown


@pytest.mark.parametrize("where", ["nowhere/design.json", ".", "case/club.toml"])
def test_a_place_that_cannot_be_written_is_refused_before_the_work(
    invoke: Invoke, solves: Any, given: Design, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    monkeypatch.chdir(tmp_path)
    invoke("new", "case", "--from", "tutorial")
    calls = solves(marked(given, **PROVEN))
    result = invoke("solve", "case", "-o", where)
    assert (result.exit_code, calls) == (2, [])
    assert f"cannot write {where}" in result.stderr


# --- evaluate -----------------------------------------------------------------------------------------------------------


def test_evaluate_writes_what_it_prints_and_reads_it_again(invoke: Invoke, root: Path, tmp_path: Path) -> None:
    target = tmp_path / "design.json"
    toml = root / "instances" / "mp_materials_2025" / "given.toml"
    first = invoke("evaluate", "mp_materials_2025", "--design", toml, "-o", target, "--json")
    assert first.exit_code == 0, first.stderr
    written = json.loads(target.read_text(encoding="utf-8"))
    assert json.loads(first.stdout) == written
    assert written["certificate"]["status"] == "given"
    again = json.loads(invoke("evaluate", "mp_materials_2025", "--design", target, "--json").stdout)
    assert again["totals"] == written["totals"]
    refused = invoke("evaluate", "mp_materials_2025", "--design", target, "-o", target)
    assert refused.exit_code == 2
    assert "it is an input of this command" in refused.stderr


@pytest.mark.parametrize("content", ["not json", "[]", "{}", '{"schema_version": 99}', '{"schema_version": 1}'])
@pytest.mark.parametrize("command", [["evaluate", "tutorial", "--design"], ["audit"]])
def test_a_file_that_is_no_design_is_bad_input(invoke: Invoke, tmp_path: Path, content: str, command: list[str]) -> None:
    path = tmp_path / "design.json"
    path.write_text(content, encoding="utf-8")
    result = invoke(*command, path)
    assert result.exit_code == 2, result.stderr
    assert "Traceback" not in result.stderr


# --- the real solver ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def schema(root: Path) -> Any:
    """Return the validator of design.json."""
    content = json.loads((root / "reports" / "schemas" / "design.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(content)
    return jsonschema.Draft202012Validator(content)


def test_a_given_design_fits_the_schema_and_a_broken_one_does_not(schema: Any, given: Design) -> None:
    content = given.to_dict()
    schema.validate(content)
    for break_it in (
        lambda c: c.update(schema_version=3),
        lambda c: c["certificate"].update(status="fine"),
        lambda c: c["projects"][0].update(more=1),
        lambda c: c["contracts"][0].update(strike_usd_per_t="high"),
        lambda c: c.pop("binding"),
    ):
        broken = json.loads(json.dumps(content))
        break_it(broken)
        assert not schema.is_valid(broken)


def test_solve_audit_and_evaluate_the_tutorial(process: Process, tmp_path: Path, schema: Any) -> None:
    target = tmp_path / "design.json"
    solved = process("solve", "tutorial", "-o", target, "--json")
    assert solved.returncode == 0, solved.stderr
    design = json.loads(solved.stdout)
    schema.validate(design)
    assert design == json.loads(target.read_text(encoding="utf-8"))
    assert (design["certificate"]["proven"], design["certificate"]["audit"]) == (True, "passed")
    assert design["provenance"]["command"].startswith("minclub solve tutorial -o ")
    checked = process("audit", target, "--json")
    assert checked.returncode == 0, checked.stdout
    assert json.loads(checked.stdout)["passed"] is True
    evaluated = json.loads(process("evaluate", "tutorial", "--design", target, "--json").stdout)
    assert evaluated["certificate"]["objective_musd"] == pytest.approx(design["certificate"]["objective_musd"], abs=1e-9)


def test_overrides_are_kept_and_found_by_the_audit(invoke: Invoke, tmp_path: Path) -> None:
    target = tmp_path / "design.json"
    solved = invoke("solve", "tutorial", "--set", "caps.basket=0.05", "-o", target)
    assert solved.exit_code == 0, solved.stderr
    assert "changed: caps.basket=0.05" in solved.stdout
    assert invoke("audit", target).exit_code == 0
    assert invoke("audit", target, "--instance", "tutorial").exit_code == 0


def test_a_false_number_fails_the_audit(invoke: Invoke, tmp_path: Path) -> None:
    target = tmp_path / "design.json"
    assert invoke("solve", "tutorial", "-o", target).exit_code == 0
    content = json.loads(target.read_text(encoding="utf-8"))
    content["totals"][0]["pv_musd"] += 1.0
    target.write_text(json.dumps(content), encoding="utf-8")
    result = invoke("audit", target)
    assert result.exit_code == 5
    assert "FAILED" in result.stdout
    assert "totals.pv_musd" in result.stdout


def test_an_infeasible_instance_names_conflict_and_repair(invoke: Invoke) -> None:
    result = invoke("solve", "tutorial", "--set", "targets.alpha=0.9", "--json")
    assert result.exit_code == 3
    error = json.loads(result.stdout)["error"]
    assert any("alpha" in line for line in error["conflicts"])
    assert any("--set targets.alpha=" in line for line in error["repairs"])


def test_export_has_the_same_optimum(invoke: Invoke, tmp_path: Path) -> None:
    import highspy

    target = tmp_path / "tutorial.mps"
    result = invoke("export", "tutorial", "--mps", target, "--json")
    assert result.exit_code == 0, result.stderr
    solver = highspy.Highs()
    solver.setOptionValue("output_flag", False)
    assert solver.readModel(str(target)) == highspy.HighsStatus.kOk
    solver.run()
    solved = json.loads(invoke("solve", "tutorial", "--json").stdout)
    assert solver.getInfo().objective_function_value == pytest.approx(solved["certificate"]["objective_musd"], abs=1e-6)


@pytest.mark.slow
def test_ctrl_c_ends_with_130_and_no_traceback(tmp_path: Path) -> None:
    target = tmp_path / "design.json"
    command = [sys.executable, "-c", PRESSED, "solve", "usmca", "--set", "objective.user_weight=1", "-o", str(target), "-v"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        assert running.stderr.readline().startswith("plans")
        _, errors = running.communicate("x", timeout=120)
    assert running.returncode == 130, errors
    assert "Traceback" not in errors
    if target.exists():
        assert json.loads(target.read_text(encoding="utf-8"))["certificate"]["status"] == "interrupted"
    else:
        assert "nothing is written" in errors or "nothing was written" in errors
