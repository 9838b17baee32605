"""What a terminal gets, and what quiet and verbose change."""

from __future__ import annotations

import errno
import io
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.text import Text

from minclub.cli import progress as module
from minclub.cli.output import Output, _reader_may_leave, console
from minclub.cli.progress import describe, progress


class Terminal(io.StringIO):
    """A text stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Say yes."""
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Return a terminal; the test itself puts it in the place of standard error, which pytest sets anew after the fixtures."""
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "120")
    return Terminal()


def test_a_terminal_gets_a_live_line_with_stage_objective_bound_and_gap(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", terminal)
    with progress(Output()) as report:
        report("plans", 200.0, 199.0)
    shown = terminal.getvalue()
    assert "\x1b[" in shown
    assert "plans" in shown
    assert "objective 200.0  bound 199.0  gap 0.50%" in shown


def test_quiet_and_dumb_terminals_get_none(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", terminal)
    with progress(Output(verbosity=-1)) as report:
        report("plans", 200.0, 199.0)
    monkeypatch.setenv("TERM", "dumb")
    with progress(Output()) as report:
        report("plans", 200.0, 199.0)
    assert terminal.getvalue() == ""


def test_no_color_turns_colours_off(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    console(terminal).print(Text("x", style="red"))
    assert "\x1b[31m" in terminal.getvalue()
    monkeypatch.setenv("NO_COLOR", "1")
    plain = Terminal()
    console(plain).print(Text("x", style="red"))
    assert plain.getvalue() == "x\n"


def test_stages_are_lines_with_v_and_every_step_with_vv(capsys: pytest.CaptureFixture[str]) -> None:
    for verbosity, lines in ((0, 0), (1, 2), (2, 3)):
        report = module._lines(Output(verbosity=verbosity))
        for stage in ("plans", "plans", "enumeration"):
            report(stage, 2.0, 1.0)
        assert len(capsys.readouterr().err.splitlines()) == lines


@pytest.mark.parametrize(
    ("objective", "bound", "written"),
    [
        (float("inf"), -float("inf"), "objective -  bound -  gap -"),
        (100.0, -float("inf"), "objective 100.0  bound -  gap -"),
        (100.0, 99.0, "objective 100.0  bound 99.0  gap 1.00%"),
        (0.0, 0.0, "objective 0  bound 0  gap 0.00%"),
        (0.5, 0.4, "objective 0.5  bound 0.4  gap 10.00%"),
    ],
)
def test_state_of_a_solve_in_words(objective: float, bound: float, written: str) -> None:
    assert describe(objective, bound) == written


@pytest.mark.parametrize(("verbosity", "expected"), [(-1, ["E"]), (0, ["W", "E"]), (1, ["I", "W", "E"]), (2, ["D", "I", "W", "E"]), (5, ["D", "I", "W", "E"])])
def test_the_log_goes_to_standard_error_by_verbosity(capsys: pytest.CaptureFixture[str], verbosity: int, expected: list[str]) -> None:
    logger = logging.getLogger("minclub.solvers.somewhere")
    before = list(logging.getLogger("minclub").handlers)
    with Output(verbosity=verbosity).logging():
        for level in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR):
            logger.log(level, "line \x1b[31m")
    found = capsys.readouterr()
    assert found.out == ""
    assert [line[0] for line in found.err.splitlines()] == expected
    assert "\x1b" not in found.err
    assert logging.getLogger("minclub").handlers == before


@pytest.mark.posix
def test_a_real_terminal_gets_drawn_tables() -> None:
    ours, theirs = os.openpty()
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "100", "NO_COLOR": "1"}
    with subprocess.Popen([sys.executable, "-m", "minclub", "list"], stdout=theirs, stderr=theirs, env=environment) as running:
        os.close(theirs)
        shown = b""
        while True:
            try:
                part = os.read(ours, 4096)
            except OSError:
                break
            if not part:
                break
            shown += part
        assert running.wait(timeout=60) == 0
    os.close(ours)
    assert "─" in shown.decode()
    assert "tutorial" in shown.decode()
    assert b"\x1b[3" not in shown.replace(b"\x1b[3m", b"")


@pytest.mark.parametrize("code", [errno.EPIPE, errno.EINVAL, errno.ENOSPC])
def test_only_a_reader_that_has_left_is_passed_over(tmp_path: Path, code: int) -> None:
    """Windows reports a closed pipe as an invalid argument; a full disk is an error everywhere."""
    with (tmp_path / "pipe").open("w", encoding="utf-8") as stream:
        if code == errno.ENOSPC:
            with pytest.raises(OSError, match="no room"), _reader_may_leave(stream):
                raise OSError(code, "no room")
        else:
            with _reader_may_leave(stream):
                raise OSError(code, "closed")
