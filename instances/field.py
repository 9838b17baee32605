"""The description of one column or setting."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["id", "str", "int", "float", "bool", "year", "list", "choice", "numbers", "schedule"]
Value = str | int | float | bool | tuple[str, ...] | tuple[float, ...] | tuple[tuple[int, float], ...] | None

COUNTRIES = ("USA", "CAN", "MEX")
STAGES = ("mine", "refinery", "integrated")
CLUB = "club"
FIRST_YEAR, LAST_YEAR = 1900, 2200
NUMERIC = ("int", "float", "year", "numbers", "schedule")

_KIND_TEXT = {
    "id": "a name of letters, digits, _ and -",
    "str": "a text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false (1 or 0)",
    "year": "a year",
    "list": "names separated by ;",
    "choice": "one of",
    "numbers": "numbers separated by |",
    "schedule": "year:rate pairs separated by |",
}


@dataclass(frozen=True)
class Field:
    """Describe a column of a table, a key of club.toml or a finance parameter.

    Attributes:
        table: the table's name, ``club`` for settings or ``parameter`` for finance parameters.
        name: column or dotted key; ``<product>``, ``<country>``, ``<node>``, ``<year>`` and ``<name>`` stand for any such name.
        kind: how the value is written; ``numbers`` and ``schedule`` become tuples; a tuple may be empty only where that is the default.
        description: one line for the data dictionary.
        unit: unit of the number.
        minimum: least value allowed.
        maximum: greatest value allowed.
        above: the value must exceed this.
        required: an empty cell that no assumption fills is an error (C3).
        default: value of an absent cell or key.
        same_as: column of the same row that an empty cell copies.
        choices: words allowed; next to ``refers``, words allowed besides the ids.
        refers: table whose ids the value must name.
        convention: rule of docs/conventions.md.
        scope: for parameters, the finest rows the model asks for: ``all``, ``country`` or ``stage``.
    """

    table: str
    name: str
    kind: Kind
    description: str
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    above: float | None = None
    required: bool = False
    default: Value = None
    same_as: str = ""
    choices: tuple[str, ...] = ()
    refers: str = ""
    convention: str = ""
    scope: str = ""

    @property
    def is_number(self) -> bool:
        """Tell whether the value is a number or several."""
        return self.kind in NUMERIC

    @property
    def expected(self) -> str:
        """Say in words what may stand in the cell."""
        text = _KIND_TEXT[self.kind]
        if self.kind == "choice":
            return f"{text} {', '.join(self.choices)}"
        if self.kind == "year":
            return f"{text} from {FIRST_YEAR} to {LAST_YEAR}"
        bounds = []
        if self.above is not None:
            bounds.append(f"above {self.above:g}")
        if self.minimum is not None:
            bounds.append(f"at least {self.minimum:g}")
        if self.maximum is not None:
            bounds.append(f"at most {self.maximum:g}")
        return " ".join([text, " and ".join(bounds)]).strip()
