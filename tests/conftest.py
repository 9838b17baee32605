"""Shared fixtures; refuses to test a copy of minclub that is not this checkout."""

from pathlib import Path

import pytest

import minclub

ROOT = Path(__file__).resolve().parent.parent

if Path(minclub.__file__).resolve().parent != ROOT:
    pytest.exit(f"the tests of {ROOT} would run against {minclub.__file__}; run 'python bootstrap.py setup' in this checkout", returncode=4)


@pytest.fixture(scope="session")
def root() -> Path:
    """Return the root of the checkout."""
    return ROOT
