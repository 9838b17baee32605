"""A time limit and an interrupt flag shared by all steps of a search."""

from __future__ import annotations

import time

from .highs import Status


class Clock:
    """A time limit and an interrupt flag shared by all steps."""

    def __init__(self, limit: float | None) -> None:
        """Start the clock."""
        self.start, self.limit = time.monotonic(), limit
        self.interrupted = False

    @property
    def seconds(self) -> float:
        """Return seconds since the start."""
        return time.monotonic() - self.start

    @property
    def left(self) -> float | None:
        """Return seconds left, or None without a limit."""
        return None if self.limit is None else max(0.0, self.limit - self.seconds)

    def over(self) -> bool:
        """Say whether to stop."""
        return self.interrupted or (self.limit is not None and self.seconds >= self.limit)

    @property
    def status(self) -> Status:
        """Return why the search stopped."""
        return Status.INTERRUPTED if self.interrupted else Status.TIME_LIMIT
