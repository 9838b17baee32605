"""Running the program inside the test and in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from minclub import load
from minclub.cli.main import app
from minclub.solvers.design import Design
from minclub.solvers.evaluate import evaluate

Invoke = Callable[..., Any]


@pytest.fixture
def invoke() -> Invoke:
    """Return a function that runs ``minclub`` with its arguments in this process."""

    def run(*arguments: object) -> Any:
        return CliRunner().invoke(app, [str(argument) for argument in arguments], prog_name="minclub")

    return run


@pytest.fixture
def process() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that runs ``python -m minclub`` in a process of its own."""

    def run(*arguments: object, **more: Any) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "minclub", *(str(argument) for argument in arguments)]
        environment = {key: value for key, value in os.environ.items() if key not in {"FORCE_COLOR", "NO_COLOR"}} | more.pop("env", {})
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, env=environment, **more)

    return run


@pytest.fixture(scope="session")
def given(root: Path) -> Design:
    """Return a real design that takes no search: the contract of MP Materials, evaluated."""
    return evaluate(load("mp_materials_2025"), root / "instances" / "mp_materials_2025" / "given.toml")
