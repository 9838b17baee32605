"""Read the decisions of a given design: every cell is checked, and all mistakes are told at once."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..instances.errors import InstanceError, Problem
from ..models.contracts import ContractTerms
from ..models.decisions import Contract, Decisions
from ..models.market import COUNTRIES
from ..models.subsidies import NO_CREDIT, CreditLevel

if TYPE_CHECKING:
    from ..models.desk import Desk
    from ..models.levies import Border

    Row = Mapping[str, Any]

NODES = ("china_linked", "market")
LARGEST = 1e300
"""Numbers from here on, infinity and what is not a number are refused."""


@dataclass(frozen=True)
class Cell:
    """What a cell may hold: text, or a number in bounds (a whole one where ``whole``); ``default`` where it may be absent."""

    low: float = 0.0
    high: float = math.inf
    whole: bool = False
    above: bool = False
    default: float | None = None

    @property
    def expected(self) -> str:
        """Return what to write."""
        kind = "a whole number" if self.whole else "a number"
        start = f"above {self.low:g}" if self.above else f"from {self.low:g}"
        return f"{kind} {start}" + (f" to {self.high:g}" if math.isfinite(self.high) else "")

    def fits(self, value: object) -> bool:
        """Say whether a value may stand in the cell."""
        if isinstance(value, bool) or not isinstance(value, int | float) or not -LARGEST < value < LARGEST:
            return False
        return (value > self.low if self.above else value >= self.low) and value <= self.high and (not self.whole or value == int(value))


SHARE = Cell(high=1.0)
YEARS = Cell(low=1, high=100, whole=True)
START = Cell(low=1900, high=2200, whole=True, default=0)
TEXTS: dict[str, tuple[str, ...]] = {
    "tariffs": ("product", "node"),
    "contracts": ("project",),
    "credits": ("country", "product"),
    "offtake": ("project", "product"),
    "projects": ("project",),
}
NUMBERS: dict[str, dict[str, Cell]] = {
    "tariffs": {"rate": Cell(high=10.0), "reference_usd_per_t": Cell(default=0.0)},
    "contracts": {
        "strike_usd_per_t": Cell(above=True),
        "share": SHARE,
        "tenor_years": YEARS,
        "upside_share": SHARE,
        "start_year": START,
        "collar": Cell(high=10.0, default=0.0),
        "indexed_share": Cell(high=1.0, default=1.0),
        "inflation": Cell(high=1.0, default=0.0),
        "start_delay_years": Cell(high=100, whole=True, default=0),
    },
    "credits": {
        "itc_rate": SHARE,
        "ptc_rate": SHARE,
        "grant_rate": Cell(high=1.0, default=0.0),
        "concessional_loan": Cell(high=1, whole=True, default=0),
    },
    "offtake": {"price_usd_per_t": Cell(above=True)},
    "projects": {"built": Cell(high=1, whole=True, default=1), "start_year": START},
}


class Given:
    """The rows of a given design, read against an instance, with the mistakes found."""

    def __init__(self, desk: Desk, content: Mapping[str, Any], file: str) -> None:
        """Start without mistakes."""
        self.desk, self.content, self.file = desk, content, file
        self.problems: list[Problem] = []
        self.names = {"product": desk.market.products, "project": tuple(desk.plants), "country": COUNTRIES, "node": NODES}

    def fail(self, where: str, got: object, expected: str, remedy: str) -> None:
        """Note one mistake."""
        self.problems.append(Problem(file=self.file, row=None, column=where, got=str(got)[:80], expected=expected, remedy=remedy))

    def rows(self, part: str) -> list[dict[str, Any]]:
        """Return the rows of a part without mistakes, absent numbers filled with their defaults."""
        rows = self.content.get(part, [])
        if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
            self.fail(part, type(rows).__name__, "a list of tables", f"write [[{part}]]")
            return []
        read = [self._row(part, number, row) for number, row in enumerate(rows, start=1)]
        return [row for row in read if row is not None]

    def _row(self, part: str, number: int, row: Row) -> dict[str, Any] | None:
        before, found = len(self.problems), {}
        for name in TEXTS[part]:
            found[name] = row.get(name)
            if not isinstance(found[name], str) or found[name] not in self.names[name]:
                self.fail(f"{part}[{number}].{name}", found[name], "a name of the instance", "see minclub describe")
        for name, cell in NUMBERS[part].items():
            value = row.get(name)
            absent = value is None and cell.default is not None
            if not absent and not cell.fits(value):
                self.fail(f"{part}[{number}].{name}", value, cell.expected, f"give {name}")
            found[name] = cell.default if absent else value
        return found if len(self.problems) == before else None

    def start(self, row: Row) -> int:
        """Return the start year of a row, the project's earliest if it gives none."""
        key, years = row["project"], self.desk.market.years
        year = int(row["start_year"]) or max(self.desk.plants[key].earliest, int(years[0]))
        if not years[0] <= year <= years[-1]:
            self.fail(f"{key}.start_year", year, f"a year from {years[0]} to {years[-1]}", "start it inside the simulated years")
        return year

    def borders(self) -> dict[str, Border]:
        """Return the border measures of every product; law where none are given (C6)."""
        found = dict.fromkeys(self.desk.market.products, self.desk.unprotected)
        for row in self.rows("tariffs"):
            m, side = row["product"], row["node"].removesuffix("_linked")
            reference = max(found[m].reference, float(row["reference_usd_per_t"]))
            found[m] = replace(found[m], **{side: float(row["rate"])}, reference=reference)
        return found

    def contracts(self) -> tuple[dict[str, Contract], dict[str, int]]:
        """Return the contracts, and the start years of the projects beyond the baseline that hold one (C14)."""
        contracts, builds = {}, {}
        for row in self.rows("contracts"):
            terms = ContractTerms(
                int(row["tenor_years"]),
                float(row["share"]),
                float(row["upside_share"]),
                collar=float(row["collar"]),
                indexed_share=float(row["indexed_share"]),
                inflation=float(row["inflation"]),
                first=int(row["start_delay_years"]),
            )
            contracts[row["project"]] = Contract(float(row["strike_usd_per_t"]), terms)
            if row["project"] not in self.desk.baseline.builds:
                builds[row["project"]] = self.start(row)
        return contracts, builds

    def builds(self) -> dict[str, int]:
        """Return the start years of the projects that are built beyond the baseline."""
        rows = [row for row in self.rows("projects") if row["built"] and row["project"] not in self.desk.baseline.builds]
        return {row["project"]: self.start(row) for row in rows}

    def levels(self) -> dict[tuple[str, str], CreditLevel]:
        """Return what each country offers for a product: credits, grants, loans, and the price of offtake (C15, C17)."""
        found: dict[tuple[str, str], CreditLevel] = {}
        for row in self.rows("credits"):
            given = (float(row[name]) for name in ("itc_rate", "ptc_rate", "grant_rate", "concessional_loan"))
            found[row["country"], row["product"]] = CreditLevel(*given)
        for row in self.rows("offtake"):
            plant = self.desk.plants[row["project"]]
            multiple = float(row["price_usd_per_t"]) / self.desk.market.long_run[row["product"]]
            pair = plant.country, plant.product
            found[pair] = replace(found.get(pair, NO_CREDIT), offtake=multiple)
        return found


def read_decisions(desk: Desk, content: Mapping[str, Any], file: str = "design") -> Decisions:
    """Read the decisions of a given design.

    Raises:
        InstanceError: unknown names, or numbers that are missing or out of range, all at once.
    """
    given = Given(desk, content, file)
    borders, (contracts, held), builds, levels = given.borders(), given.contracts(), given.builds(), given.levels()
    if given.problems:
        raise InstanceError(given.problems)
    return Decisions(borders, held | builds, contracts, levels)
