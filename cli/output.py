"""What a command writes: results on standard output, progress and remarks on standard error."""

import errno
import json
import logging
import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TextIO

from ..reports.layout import Table, plain, rich, safe

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True)
class Output:
    """How a command was asked to speak."""

    as_json: bool = False
    verbosity: int = 0
    debug: bool = False

    def show(self, data: object, parts: Sequence[Table | str]) -> None:
        """Write a result: ``data`` as JSON if that was asked for, else the tables and lines.

        Args:
            data: what ``--json`` writes.
            parts: tables and lines of text, written with an empty line around tables.
        """
        if self.as_json:
            _write(sys.stdout, json_text(data))
        elif is_terminal(sys.stdout):
            _show_rich(parts)
        else:
            _write(sys.stdout, _plain(parts))

    def say(self, line: str, level: int = 0) -> None:
        """Write a remark on standard error.

        Args:
            line: the remark.
            level: least verbosity: 0 unless quiet, 1 with -v, 2 with -vv, -1 always.
        """
        if self.verbosity >= level:
            _write(sys.stderr, safe(line))

    def fail(self, lines: Sequence[str], data: dict[str, object]) -> None:
        """Report a failure: lines on standard error, and ``{"error": data}`` as the result if JSON was asked for."""
        _write(sys.stderr, "\n".join(safe(line) for line in lines))
        if self.as_json:
            _write(sys.stdout, json_text({"error": data}))

    def traceback(self) -> None:
        """Write the traceback of the exception in hand, if that was asked for."""
        if self.debug:
            _write(sys.stderr, traceback.format_exc().rstrip())

    @contextmanager
    def logging(self) -> Iterator[None]:
        """Send the log of the package to standard error: warnings, more with -v and -vv, errors alone with -q."""
        handler = _Lines()
        handler.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
        logger = logging.getLogger(__package__.partition(".")[0])
        before = logger.level
        logger.setLevel({-1: logging.ERROR, 0: logging.WARNING, 1: logging.INFO}.get(self.verbosity, logging.DEBUG))
        logger.addHandler(handler)
        try:
            yield
        finally:
            logger.removeHandler(handler)
            logger.setLevel(before)


class _Lines(logging.Handler):
    """Write records as safe lines to what is standard error at that time."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        _write(sys.stderr, safe(self.format(record)))


def is_terminal(stream: TextIO) -> bool:
    """Tell whether a stream is a terminal that understands more than plain text."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def json_text(data: object) -> str:
    """Return strict JSON in ASCII, so that every terminal and pipe can carry it; what is not finite becomes null."""
    return json.dumps(_finite(data), indent=2, ensure_ascii=True, allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not -1e308 <= value <= 1e308 else value


def console(stream: TextIO) -> "Console":
    """Return a console that reads no markup and guesses no colours of values."""
    from rich.console import Console

    return Console(file=stream, highlight=False, markup=False, emoji=False, soft_wrap=False)


def _plain(parts: Sequence[Table | str]) -> str:
    """Return the parts as plain text, with an empty line around tables."""
    lines: list[str] = []
    for k, part in enumerate(parts):
        if k and (isinstance(part, Table) or isinstance(parts[k - 1], Table)):
            lines.append("")
        lines.append(plain(part) if isinstance(part, Table) else safe(part))
    return "\n".join(lines)


def _show_rich(parts: Sequence[Table | str]) -> None:
    from rich.text import Text

    screen = console(sys.stdout)
    with _reader_may_leave(sys.stdout):
        for part in parts:
            screen.print(rich(part) if isinstance(part, Table) else Text(safe(part)))
            if isinstance(part, Table):
                screen.print()


def _write(stream: TextIO, content: str) -> None:
    with _reader_may_leave(stream):
        stream.write(content + "\n")
        stream.flush()


READER_LEFT = (errno.EPIPE, errno.EINVAL)
"""What writing to a closed pipe raises: the second on Windows."""


@contextmanager
def _reader_may_leave(stream: TextIO) -> Iterator[None]:
    """Go on in silence when the reader of a pipe has left (``| head``): the exit code still tells how the work ended."""
    try:
        yield
    except OSError as error:
        if error.errno not in READER_LEFT:
            raise
        silent = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silent, stream.fileno())
        os.close(silent)
