"""Pages that are written from stored data: computed once, kept as JSON beside the pictures, and drawn again without computing."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
Data = dict[str, Any]


@dataclass(frozen=True)
class StoredPages:
    """Pages and pictures with their data in ``docs/assets/NAME/NAME.json``.

    Attributes:
        name: of the module in ``reports`` that writes them, of the folder and of the data.
        compute: computes the data.
        render: takes data, the folder of the pictures and the folder ``docs``; writes pictures and pages and returns their files.
    """

    name: str
    compute: Callable[[], Data]
    render: Callable[[Data, Path, Path], list[Path]]

    def main(self, arguments: Sequence[str] | None = None, root: Path = ROOT) -> int:
        """Compute (``docs``), or read what was computed (``pages``), write everything and return the exit code."""
        given = sys.argv[1:] if arguments is None else list(arguments)
        if given not in (["docs"], ["pages"]):
            print(f"usage: python -m minclub.reports.{self.name} docs | pages", file=sys.stderr)
            return 2
        for path in self.write(self.compute() if given == ["docs"] else self.read(root), root):
            print(path)
        return 0

    def path(self, root: Path) -> Path:
        """Return the file of the stored data below a checkout's root."""
        return root / "docs" / "assets" / self.name / f"{self.name}.json"

    def read(self, root: Path) -> Data:
        """Read the stored data."""
        data: Data = json.loads(self.path(root).read_text(encoding="utf-8"))
        return data

    def write(self, data: Data, root: Path) -> list[Path]:
        """Write data, pictures and pages below a checkout's root.

        Raises:
            ValueError: a page has no place for its block.
        """
        path = self.path(root)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(data, indent=1, allow_nan=False) + "\n", encoding="utf-8")
        return [path, *self.render(data, path.parent, root / "docs")]
