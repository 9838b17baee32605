"""The program as a whole: help, usage errors, exit codes of the frame, JSON everywhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer

import minclub
from minclub.cli import data
from minclub.cli.command import EXIT_CODES, Code, Stop, command
from minclub.instances.errors import InstanceError, Problem

Invoke = Callable[..., Any]
Process = Callable[..., subprocess.CompletedProcess[str]]

COMMANDS = ("list", "new", "validate", "describe", "solve", "evaluate", "audit", "export", "picture", "doctor")
HEAVY = {"pandas", "numpy", "pyomo", "scipy", "highspy", "altair", "rich.console"}


def test_help_lists_every_command_and_exit_code(invoke: Invoke) -> None:
    shown = invoke("--help").stdout
    for name in COMMANDS:
        assert f"\n  {name} " in shown
    for code, meaning in EXIT_CODES.items():
        assert f"\n{int(code):>6}  {meaning}\n" in shown


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_and_the_common_options(invoke: Invoke, name: str) -> None:
    result = invoke(name, "--help")
    assert result.exit_code == 0
    for option in ("--json", "--quiet", "--verbose", "--debug"):
        assert option in result.stdout


@pytest.mark.parametrize("arguments", [["--help"], ["solve", "--help"], ["--version"], ["solv"]])
def test_starting_is_fast_and_imports_nothing_heavy(tmp_path: Path, arguments: list[str]) -> None:
    code = (
        f"import sys; sys.argv = ['minclub', *{arguments!r}]\nfrom minclub.cli.main import main\n"
        f"try:\n    main()\nexcept SystemExit:\n    pass\nprint('heavy:', *sorted({HEAVY!r} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60)
    assert found.stdout.splitlines()[-1].strip() == "heavy:"


@pytest.mark.slow
def test_help_takes_less_than_four_tenths_of_a_second(process: Process) -> None:
    times = []
    for _ in range(3):
        began = time.perf_counter()
        process("--help")
        times.append(time.perf_counter() - began)
    assert min(times) < 0.4


def test_python_m_minclub_is_the_program(process: Process) -> None:
    result = process("--version")
    assert (result.returncode, result.stdout, result.stderr) == (0, f"minclub {minclub.__version__}\n", "")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["solv", "tutorial"], "No such command"),
        (["solve"], "Missing argument"),
        (["solve", "tutorial", "--gap", "2"], "--gap"),
        (["solve", "tutorial", "--gap", "nan"], "--gap"),
        (["solve", "tutorial", "--time-limit", "-1"], "--time-limit"),
        (["picture", "tutorial"], "--out"),
        (["list", "--nonsense"], "No such option"),
        (["validate", "nowhere"], "'nowhere'"),
        (["validate", "/nowhere\0"], "/nowhere"),
        (["describe", "tutorial", "--out", "x.svg"], "--prices"),
        (["audit", "no.json"], "no.json"),
        (["solve", "tutorial", "--set", "nonsense=1"], "nonsense"),
        (["solve", "tutorial", "--set", "years.end"], "key=value"),
        (["solve", "tutorial", "--fix", "built.NOBODY=1"], "NOBODY"),
        (["evaluate", "tutorial", "--design", "no.toml"], "no.toml"),
    ],
)
def test_bad_usage_and_input_exit_with_2_and_no_traceback(invoke: Invoke, arguments: list[str], words: str) -> None:
    result = invoke(*arguments)
    assert result.exit_code == 2
    assert words in result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.stderr


def test_all_mistakes_of_an_instance_are_listed_at_once(invoke: Invoke) -> None:
    arguments = ("validate", "tutorial", "--set", "years.end=later", "--set", "projects.NOBODY.capex_musd=1", "--set", "caps.basket=x")
    result = invoke(*arguments, "--json")
    problems = json.loads(result.stdout)["error"]["problems"]
    assert {problem["column"] for problem in problems} == {"years.end", "projects.NOBODY.capex_musd", "caps.basket"}
    assert all(set(problem) == {"file", "row", "column", "got", "expected", "remedy"} for problem in problems)
    assert result.stderr.splitlines()[0] == "3 problems in instance tutorial:"
    assert len(result.stderr.splitlines()) == 4


def frame(failure: BaseException | None, *arguments: str) -> Any:
    """Run a command that fails in a certain way."""
    from typer.testing import CliRunner

    app = typer.Typer()

    def work(out: Any) -> Code:
        """Work."""
        if failure is not None:
            raise failure
        return Code.DONE

    command(app, "work")(work)
    return CliRunner().invoke(app, list(arguments))


@pytest.mark.parametrize(
    ("failure", "code", "words"),
    [
        (None, 0, ""),
        (RuntimeError("boom"), 1, "internal error: RuntimeError: boom"),
        (MemoryError("all gone"), 1, "internal error: MemoryError"),
        (InstanceError([Problem("f.csv", 3, "c", "x", "y")]), 2, "f.csv, row 3, c: got x; expected y."),
        (Stop(Code.AUDIT, ["it failed"], failures=[]), 5, "it failed"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_failures_become_exit_codes(failure: BaseException | None, code: int, words: str) -> None:
    result = frame(failure, "--json")
    assert result.exit_code == code
    assert words in result.stderr
    assert "Traceback" not in result.stderr
    if failure is not None:
        assert json.loads(result.stdout)["error"]["code"] == code


def test_debug_shows_the_traceback() -> None:
    result = frame(RuntimeError("boom"), "--debug")
    assert result.exit_code == 1
    assert "Traceback (most recent call last)" in result.stderr
    assert "raise failure" in result.stderr


def test_control_characters_never_reach_the_terminal() -> None:
    result = frame(InstanceError([Problem("f\x1b[31m.csv", 3, "c", "\x07", "y")]))
    assert result.stderr.splitlines() == ["1 problem:", "  f\\x1b[31m.csv, row 3, c: got \\x07; expected y."]


@pytest.mark.parametrize(
    "arguments",
    [
        ["list"],
        ["new", "mine", "--from", "tutorial"],
        ["validate", "usmca"],
        ["describe", "tutorial"],
        ["describe", "tutorial", "--parameters", "--prices", "--assumed"],
        ["describe", "tutorial", "--prices", "--out", "prices.svg"],
        ["doctor"],
    ],
    ids=lambda value: " ".join(value),
)
def test_json_is_json_and_nothing_else(invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> None:
    monkeypatch.chdir(tmp_path)
    result = invoke(*arguments, "--json", "-q")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)
    assert result.stdout.isascii()
    assert result.stderr == ""


def test_json_numbers_that_are_not_finite_are_null(monkeypatch: pytest.MonkeyPatch, invoke: Invoke) -> None:
    monkeypatch.setattr(data, "_summary", lambda instance: {"name": instance.name, "nan": float("nan"), "inf": float("inf")})
    for row in json.loads(invoke("list", "--json").stdout):
        assert (row["nan"], row["inf"]) == (None, None)


def test_piped_output_is_plain(process: Process) -> None:
    result = process("list")
    assert result.returncode == 0
    assert "\x1b" not in result.stdout + result.stderr
    assert result.stdout.splitlines()[1].startswith("name ")
    assert [line.split()[0] for line in result.stdout.splitlines()[3:]] == ["mp_materials_2025", "nouveau_monde_2026", "tutorial", "usmca"]


def test_a_broken_pipe_is_quiet_and_keeps_the_exit_code() -> None:
    """The reader leaves after one line, as ``head -1`` does; far more than a pipe holds is written.

    Unbuffered, Python takes a write that is cut short for a whole one, and nothing breaks.
    """
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
    with subprocess.Popen(
        [sys.executable, "-m", "minclub", "describe", "usmca", "--prices"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        assert running.stdout.readline().startswith("Price scenarios")
        running.stdout.close()
        assert running.stderr.read() == ""
        assert running.wait(timeout=60) == 0


def test_ascii_terminals_get_escapes_instead_of_errors(process: Process, invoke: Invoke, tmp_path: Path) -> None:
    assert invoke("new", "mine", "--in", tmp_path).exit_code == 0
    club = tmp_path / "mine" / "club.toml"
    club.write_text(club.read_text(encoding="utf-8").replace('title = "Two', 'title = "Bécancour [bold]two'), encoding="utf-8")
    result = process("describe", tmp_path / "mine", env={"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"})
    assert result.returncode == 0
    assert result.stdout.startswith("Instance mine: B\\xe9cancour [bold]two")
