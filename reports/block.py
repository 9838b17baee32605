"""The part of a page that a command writes, between two marks."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Block:
    """A page's written part: the marks before and after it."""

    start: str
    end: str

    def written(self, text: str, content: str) -> str:
        """Return a text with the part between the marks replaced.

        Raises:
            ValueError: the marks are not in it once each, in order.
        """
        parts = re.split(f"({re.escape(self.start)}|{re.escape(self.end)})", text)
        if parts[1::2] != [self.start, self.end]:
            raise ValueError(f"the text has no single block from {self.start!r} to {self.end!r}")
        return f"{parts[0]}{self.start}\n{content}{self.end}{parts[4]}"
