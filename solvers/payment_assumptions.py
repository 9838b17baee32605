"""What the payments of a contract rest on: its terms, the plant, the price process and the rules, each with where it comes from (C3)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from ..instances import describe, schema
from ..instances.presets import KEY, presets

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..instances import Instance
    from ..models.decisions import Contract

TERMS = ("strike_usd_per_t", "share", "tenor_years", "upside_share", "collar", "indexed_share", "inflation", "start_delay_years")
CLOSED = ("strike_usd_per_t", "share", "tenor_years", "upside_share", "start_year")
PLANT = ("capacity_t_per_year", "ramp", "payability", "life_years", "opex_usd_per_t")
PROCESS = ("spot_usd_per_t", "sigma_annual", "kappa_slow", "kappa_fast")
DUMP = ("dump_hazard", "dump_depth", "dump_ramp_years", "dump_length_years", "dump_follow")
RESTRICTION = ("restrict_hazard", "restrict_ramp_years", "restrict_length_years", "spike_factor", "restricted_now")
UNITS = dict(zip(TERMS, ("2025 USD/t", "share of output", "years", "share", "share of the strike", "share", "per year", "years"), strict=True))
SETTINGS = ("scenarios.count", "scenarios.seed", "scenarios.fast_regime_share", "data.long_run_price")
PARAMETERS = ("public_rate", "export_cost")
GIVEN, DESIGN = "given", "the design"
RULES = (
    ("reference price", "the price that the plant sells at, in the state of its market (C7, C9, C14); no index, no lag, no basis risk"),
    ("volume", "capacity x ramp x payability x share contracted, without lost output; nothing in years in which the plant idles (C10, C14)"),
    ("timing", "a calendar year's payments at its mean price; shorter settlement periods pay no less, as the payment is convex in the price"),
    ("credit risk", "both sides pay what they owe; no early end of the contract"),
)


@dataclass(frozen=True)
class Assumption:
    """One thing that payments rest on; ``origin`` is read, derived, assumed, given, setting or rule, ``reason`` may be empty."""

    what: str
    value: str
    unit: str
    origin: str
    source: str
    reason: str = ""


class Assumptions:
    """The assumptions of an instance, looked up once."""

    def __init__(self, instance: Instance) -> None:
        """Index every number of the instance by its place."""
        self.instance = instance
        self.numbers = {(n.table, n.row, n.column): n for n in describe.numbers(instance)}
        self.filled = {(item.table, item.row, item.column) for item in instance.filled}
        self.parameters = [p for p in describe.parameters(instance) if p.parameter in PARAMETERS]

    def of(self, project: str, held: Contract, start: int, *, closed: bool) -> list[dict[str, str]]:
        """Return what the payments of a project's contract rest on, as rows.

        Args:
            project: the project's id.
            held: its contract.
            start: the year of first production.
            closed: whether the contract is one of the instance's, else a design's.
        """
        row = self.instance.projects.loc[project]
        product, country = str(row["product_code"]), str(row["country"])
        long_run = f"long_run_{self.instance.settings['data.long_run_price']}_usd_per_t"
        levels = tuple(c for c in (long_run,) if c in schema.fields("products"))
        found = [
            *(self._contract(project) if closed else self._given(held, start)),
            *self._cells("projects", project, PLANT),
            *(self._cells("products", product, (*levels, *PROCESS, *DUMP, *RESTRICTION)) if self.instance.prices is None else self._prices()),
            *self._finance(country),
            *self._settings(),
            *(Assumption(what, text, "", "rule", "docs/conventions.md") for what, text in RULES),
        ]
        return [asdict(item) for item in found]

    def _cells(self, table: str, row: str, columns: tuple[str, ...]) -> Iterator[Assumption]:
        for column in columns:
            number = self.numbers.get((table, row, column))
            if number is not None:
                source, reason = (self._filling(row, column), "filled") if (table, row, column) in self.filled else (number.source, "")
                yield Assumption(f"{table}.{row}.{column}", number.value, schema.fields(table)[column].unit, number.word, source, reason)

    def _filling(self, row: str, column: str) -> str:
        """Return the source of the assumption that filled a cell, the most specific one; a rule has none."""
        rows = self.instance.assumptions
        found = rows[(rows["name"] == column) & rows["scope"].isin([row, "all"])]
        own = found[found["scope"] == row]
        chosen = own if len(own) else found
        return str(chosen["source"].iloc[0]) if len(chosen) else "a stated rule (docs/data.md)"

    def _contract(self, project: str) -> Iterator[Assumption]:
        rows = self.instance.contracts
        for key in rows.index[rows["project_id"] == project]:
            yield from self._cells("contracts", str(key), CLOSED)

    def _given(self, held: Contract, start: int) -> Iterator[Assumption]:
        """Yield the terms of a design's contract, with the provenance of the precedent that the instance names."""
        preset = presets().get(str(self.instance.settings.get(KEY) or ""))
        for name in TERMS:
            value, what, unit = _term(held, name), f"contract.{name}", UNITS[name]
            if preset is not None and preset.terms.get(name) == value:
                origin, _, reason = preset.provenance[name].partition(" ")
                yield Assumption(what, f"{value:.10g}", unit, origin, preset.source, reason.strip("()"))
            else:
                yield Assumption(what, f"{value:.10g}", unit, GIVEN, DESIGN)
        yield Assumption("contract.start_year", str(start), "year", GIVEN, DESIGN)

    def _prices(self) -> Iterator[Assumption]:
        yield Assumption("prices", "the scenarios of prices.csv, unchanged", "", GIVEN, "prices.csv")

    def _finance(self, country: str) -> Iterator[Assumption]:
        for p in self.parameters:
            if p.country in ("ALL", country):
                yield Assumption(f"finance.{p.parameter}", f"{p.base:.10g}", p.unit, p.word, p.source)

    def _settings(self) -> Iterator[Assumption]:
        settings: Mapping[str, object] = self.instance.settings
        for key in SETTINGS:
            yield Assumption(key, str(settings[key]), "", "setting", "club.toml")


def _term(held: Contract, name: str) -> float:
    if name == "strike_usd_per_t":
        return held.strike
    return float(getattr(held.terms, "first" if name == "start_delay_years" else name))
