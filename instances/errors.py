"""One list of everything that is wrong with an instance."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

_SHOWN = 60
_SURE = 0.92
"""Likeness from which the nearest name alone is suggested."""


@dataclass(frozen=True, order=True)
class Problem:
    """Name one mistake by its place, what stands there, what is expected and how to repair it.

    ``row`` is the 1-based line in the file (the header of a table is line 1), or None where no line applies.
    """

    file: str
    row: int | None
    column: str
    got: str
    expected: str
    remedy: str = ""

    def __str__(self) -> str:
        place = self.file if self.row is None else f"{self.file}, row {self.row}"
        if self.column:
            place += f", {self.column}"
        text = f"{place}: got {self.got}; expected {self.expected}"
        return f"{text}. {self.remedy}" if self.remedy else f"{text}."


class InstanceError(ValueError):
    """Report all mistakes of an instance, a name or a set of overrides at once."""

    def __init__(self, problems: Iterable[Problem], subject: str = "") -> None:
        self.problems: tuple[Problem, ...] = tuple(dict.fromkeys(problems))
        self.subject = subject
        super().__init__(self._text())

    def _text(self) -> str:
        count = len(self.problems)
        head = f"{count} problem{'' if count == 1 else 's'}" + (f" in {self.subject}" if self.subject else "")
        return "\n".join([f"{head}:", *(f"  {problem}" for problem in self.problems)])


def shown(value: object) -> str:
    """Quote a value for a message: control characters escaped, long text cut."""
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}... ({len(text)} characters)"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Suggest the nearest known names, or list them where they are few.

    Args:
        word: the unknown name.
        known: the names that exist.

    Returns:
        A sentence for ``Problem.remedy``, empty if nothing helps.
    """
    names: Sequence[str] = sorted(set(known))
    lower = {name.lower(): name for name in names}
    low = word.lower()[:200]
    matches = get_close_matches(low, list(lower), n=1, cutoff=_SURE) or get_close_matches(low, list(lower), n=2, cutoff=0.7)
    near = [lower[match] for match in matches]
    near = near or [name for name in names if len(low) > 2 and low in name.lower()][:3]
    if near:
        return f"Did you mean {' or '.join(near)}?"
    return f"Known: {', '.join(names)}." if 0 < len(names) <= 12 else ""


class Problems:
    """Collect mistakes while reading goes on; a file lists at most ``per_file`` of them and then says that there are more."""

    def __init__(self, per_file: int = 200) -> None:
        self._per_file = per_file
        self._items: list[Problem] = []
        self._counts: dict[str, int] = {}
        self._rows: set[tuple[str, int | None]] = set()
        self.places: set[tuple[str, int | None, str]] = set()

    def add(self, file: str, row: int | None, column: str, got: object, expected: str, remedy: str = "") -> None:
        """Note one mistake."""
        count = self._counts.get(file, 0) + 1
        self._counts[file] = count
        self.places.add((file, row, column))
        self._rows.add((file, row))
        if count <= self._per_file:
            self._items.append(Problem(file, row, column, got if isinstance(got, str) else shown(got), expected, remedy))
        elif count == self._per_file + 1:
            self._items.append(Problem(file, None, "", "more problems than are listed", "fewer", "Repair those listed first."))

    def count(self, file: str) -> int:
        """Count the mistakes of a file."""
        return self._counts.get(file, 0)

    def touches(self, file: str, row: int | None) -> bool:
        """Tell whether a row has a mistake already."""
        return (file, row) in self._rows

    def __bool__(self) -> bool:
        return bool(self._items)

    def __iter__(self) -> Iterator[Problem]:
        return iter(self._items)

    def raise_if_any(self, subject: str) -> None:
        """Raise an ``InstanceError`` with everything noted so far."""
        if self._items:
            raise InstanceError(self._items, subject)
