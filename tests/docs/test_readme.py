"""The README's commands and code run as they stand."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest


def blocks(root: Path, language: str) -> list[str]:
    text = (root / "README.md").read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def test_python_blocks_run_one_after_the_other(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scope: dict[str, object] = {}
    found = blocks(root, "python")
    assert len(found) >= 2
    for block in found:
        exec(compile(block, "README.md", "exec"), scope)  # noqa: S102 - our own page
    printed = capsys.readouterr().out
    assert "USA_ALPHA" in printed
    assert "58." in printed


def test_shell_commands_on_the_tutorial_end_as_the_page_says(root: Path, tmp_path: Path) -> None:
    lines = [line.split("#")[0].strip() for block in blocks(root, "sh") for line in block.splitlines()]
    commands = [line for line in lines if line.startswith(".venv/bin/minclub") and "usmca" not in line]
    assert len(commands) >= 4
    for line in commands:
        done = subprocess.run(
            [sys.executable, "-m", "minclub", *shlex.split(line)[1:]], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120
        )
        expected = 3 if "targets.alpha=0.95" in line else 0
        assert done.returncode == expected, (line, done.stderr)


def test_links_lead_somewhere(root: Path) -> None:
    text = (root / "README.md").read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)", text):
        assert (root / target).exists(), target
