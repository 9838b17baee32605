"""What the tests of the benchmarks share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def importable(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let ``benchmarks`` be imported, which is no part of the package."""
    monkeypatch.syspath_prepend(str(root))
