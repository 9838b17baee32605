"""The settings of a club while they are being checked."""

from collections.abc import Mapping

from .errors import Problems
from .overrides import OVERRIDE
from .schema import CLUB_FILE, Value

Settings = dict[str, Value]


def floats(value: Value) -> tuple[float, ...]:
    """Return the numbers of a ladder; none where the value is no ladder."""
    return tuple(float(item) for item in value if isinstance(item, int | float)) if isinstance(value, tuple) else ()


def words(value: Value) -> tuple[str, ...]:
    """Return the names of a list; none where the value is no list."""
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, tuple) else ()


def number(settings: Mapping[str, Value], key: str) -> float:
    """Return a number, 0 where there is none (then already noted)."""
    value = settings.get(key)
    return float(value) if isinstance(value, int | float) else 0.0


class Club:
    """Note mistakes of settings at their lines."""

    def __init__(self, settings: Settings, lines: dict[str, int], problems: Problems) -> None:
        self.settings, self._lines, self._problems = settings, lines, problems
        self._wrong = {column for file, _, column in problems.places if file in (CLUB_FILE, OVERRIDE)}

    def trusts(self, *keys: str) -> bool:
        """Tell whether none of these keys has a mistake already (then its default stands in its place)."""
        return not self._wrong & set(keys)

    def on(self, instrument: str) -> bool:
        """Tell whether an instrument is on."""
        return self.settings.get(f"instruments.{instrument}") is True

    def under(self, *sections: str) -> list[str]:
        """List the keys of these sections in the order of the settings."""
        return [key for key in self.settings if key.partition(".")[0] in sections or key.rpartition(".")[0] in sections]

    def add(self, key: str, got: object, expected: str, remedy: str = "") -> None:
        """Note a mistake at the line of a key."""
        self._problems.add(CLUB_FILE, self._lines.get(key), key, got, expected, remedy)
