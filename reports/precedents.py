"""Write the page of the precedents: what two signed contracts cost their states by year, and what that rests on.

``python -m minclub.reports.precedents docs`` evaluates both (some seconds) and writes ``docs/assets/precedents/`` and ``docs/precedents.md``.
``python -m minclub.reports.precedents pages`` writes pictures and page again from the stored data. A test fails when they differ.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .layout import Table, money, percent, table, text
from .payment_figures import fan_chart
from .payment_tables import AMOUNTS, FACTS, RULE, records
from .stored import Data, StoredPages


@dataclass(frozen=True)
class Variant:
    """The same contract with other terms (cells of the given design's rows) or another setting of the instance."""

    name: str
    cells: Mapping[str, object] = field(default_factory=dict)
    overrides: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Precedent:
    """A signed contract: the instance that holds it as ``given.toml``, what it says, what differs here, and variants.

    ``origins`` says where terms come from that the preset does not cover: by name ``(origin, source, reason)``.
    """

    name: str
    instance: str
    preset: str
    heading: str
    terms: str
    origins: Mapping[str, tuple[str, str, str]]
    notes: tuple[str, ...]
    variants: tuple[Variant, ...]

    @property
    def command(self) -> str:
        """Return the command that prints the numbers."""
        given = f"instances/{self.instance}/given.toml"
        return f"minclub payments {self.instance} --design {given} --set contract.preset={self.preset}"


AGREEMENT = "https://contracts.justia.com/companies/fortress-value-acquisition-corp-10229/contract/1332901"
OFFER = "http://www.stockwatch.com/News/Item/Z-C!NOU-3749344/C/NOU?fmt=orig"

REDRAWN = Variant("another draw of prices, 1,000 scenarios", overrides={"scenarios.seed": 2, "scenarios.count": 1000})

PRECEDENTS = (
    Precedent(
        "mp_materials",
        "mp_materials_2025",
        "mp_materials",
        "MP Materials, July 2025",
        "The US Department of Defense guarantees 110 USD per kg of NdPr oxide for ten years on all that the mine sells or stocks, and takes 30% of what the price "
        "exceeds it by. At 52 USD it pays 58 per kg, at 110 nothing, and at 130 it receives 6.",
        {
            "contract.strike_usd_per_t": ("read", AGREEMENT, ""),
            "contract.indexed_share": ("assumed", "", "keeps its real value"),
            "contract.start_year": ("derived", AGREEMENT, "in force since October 2025"),
        },
        (
            "The contract refers to a quarterly Chinese index. Here the reference is the price that the mine sells at: as the club of one mine exports, the world "
            "price less 7% of export cost. The state bears that discount; the variant at the world price leaves it out. In a dump Chinese prices fall further than "
            "the world price (C5), so that an index of Chinese prices would pay more.",
            "The mine is taken whole: 7,065 t a year, from the run rate of 57% at the end of 2025. The base year is 2026 and has the mean price of 2025 in every "
            "scenario, so that its payment is certain here.",
            "The 30% are said to start with the magnet plant. Here they hold from the start; the variant without them is the other end.",
            "No indexation was read: the floor may be one in money. Here it keeps its real value, which is dearer for the state; the variant loses 2% a year.",
            "Check: the firm reported 51 million USD of income from the floor in the fourth quarter of 2025 (`evidence/contracts.csv`), 204 million a year. "
            "That quarter sold other tonnes at other prices; it confirms the order, no more.",
            "The instance `usmca` holds the same contract on the growth of output alone: `minclub payments usmca`.",
        ),
        (
            Variant("floor fixed in money, inflation 2%", {"indexed_share": 0.0, "inflation": 0.02}),
            Variant("no share of the upside", {"upside_share": 0.0}),
            Variant("reference at the world price", overrides={"finance.export_cost": 0}),
            REDRAWN,
        ),
    ),
    Precedent(
        "nouveau_monde",
        "nouveau_monde_2026",
        "nouveau_monde",
        "Nouveau Monde Graphite, March 2026",
        "The Government of Canada buys 30,000 t of flake concentrate a year for seven years at a fixed price, indexed to inflation. The firm may sell the tonnes "
        "elsewhere and shares in halves what it gets above. That pays what a contract on 29% of the output of Matawinie with half of the upside to the state pays.",
        {
            "contract.strike_usd_per_t": ("assumed", OFFER, "named for the first version"),
            "contract.start_year": ("assumed", "", "the firm says 2028"),
        },
        (
            "The price of 2026 was not read. 1,500 USD per tonne is what the chief executive named for the first version in November 2025, perhaps for large flake "
            "alone. Payments scale almost with its distance from the market price: see the variant.",
            "The tonnes follow the mine's ramp (half in its first year). If the state takes 30,000 t from the first year on, it pays twice as much in that year.",
            "The mine starts in 2030, two years after what the firm says; the variant follows the firm.",
            "Whether the mine can be financed with the contract is another question. The payments are those of a mine that is built and runs.",
        ),
        (
            Variant("price a tenth lower (1,350 USD/t)", {"strike_usd_per_t": 1_350}),
            Variant("first version: 15,000 t a year", {"share": 0.145}),
            Variant("start in 2028, as the firm says", {"start_year": 2028}),
            REDRAWN,
        ),
    ),
)

DRAWN = ("p25_musd", "p75_musd")
"""What the picture shows and the table of years leaves out, so that it fits a page."""

HEAD = """# Precedents: what two signed contracts may cost

What do the states that signed first have to expect? This page evaluates two contracts as they were signed, year by year over the price scenarios of the shipped
data (C5), without optimising anything. It is generated by `python -m minclub.reports.precedents docs`; no figure in a table is typed by hand.

How to read it. Amounts are million 2025 USD, real. A positive amount is paid by the state, a negative one is received. *Expected* is the mean over the
scenarios: *paid*, the mean of what goes out, less *clawed back*, the mean of what comes in. The percentiles are of the net amount: in one scenario of twenty the
state pays more than at 95%. *State pays* is the share of scenarios with a net payment. Percentiles of the total and of the present value (PV, at the public rate,
in the base year) are those of the sum. They are narrower than the sum of the percentiles, since no scenario is at its worst in every year.

The money is that of public cost (C14, C24), gross. `minclub payments INSTANCE` prints the same for every closed contract of an instance, and with `--design` for
every contract of a design.
"""


# --- data -------------------------------------------------------------------------------------------------------------


def compute() -> Data:
    """Evaluate every precedent and its variants."""
    return {precedent.name: _evaluated(precedent) for precedent in PRECEDENTS}


def _evaluated(precedent: Precedent) -> Data:
    from ..instances import catalogue, load
    from ..solvers.payments import payments

    content = tomllib.loads((catalogue.root() / precedent.instance / "given.toml").read_text(encoding="utf-8"))
    base = {"contract.preset": precedent.preset}
    data = payments(load(precedent.instance, base), content)
    (entry,) = data.pop("contracts")
    entry["assumptions"] = [row | named(precedent, row) for row in entry["assumptions"]]
    changed = {v.name: payments(load(precedent.instance, base | dict(v.overrides)), with_cells(content, v.cells), regimes=False) for v in precedent.variants}
    del data["together"]
    return data | {"contract": entry, "variants": {name: found["contracts"][0]["pv"] for name, found in changed.items()}}


def named(precedent: Precedent, row: Mapping[str, str]) -> dict[str, str]:
    """Return origin, source and reason of a term that the precedent states, else nothing."""
    return dict(zip(("origin", "source", "reason"), precedent.origins.get(row["what"], ()), strict=False))


def with_cells(content: Mapping[str, Any], cells: Mapping[str, object]) -> dict[str, Any]:
    """Return a given design with cells of its contracts changed; a start year is that of the projects too."""
    start = {name: value for name, value in cells.items() if name == "start_year"}
    contracts, projects = ([{**row, **new} for row in content[part]] for part, new in (("contracts", cells), ("projects", start)))
    return {**content, "contracts": contracts, "projects": projects}


# --- page -------------------------------------------------------------------------------------------------------------


def render(data: Data, folder: Path, docs: Path) -> list[Path]:
    """Write the pictures and the page."""
    file = docs / "precedents.md"
    made = [fan_chart(data[p.name], p.heading, folder / f"{p.name}.svg") for p in PRECEDENTS]
    file.write_text(page(data), encoding="utf-8")
    return [*made, file]


def page(data: Data) -> str:
    """Return the page as Markdown."""
    return "\n".join([HEAD, *(section(precedent, data[precedent.name]) for precedent in PRECEDENTS)])


def section(precedent: Precedent, data: Data) -> str:
    """Return one precedent: terms, picture, years, other prices and terms, caveats, and what it rests on."""
    entry = data["contract"]
    picture = f"![Payments of the state by year: median, bands of half and of 90% of the scenarios](assets/precedents/{precedent.name}.svg)"
    shown = [column for column in AMOUNTS if column[0] not in DRAWN]
    years = table("", (("period", "year", text), *FACTS, *shown), records(entry))
    return "\n\n".join(
        [
            f"## {precedent.heading}",
            precedent.terms,
            picture,
            in_short(data),
            markdown(years),
            f"```console\n$ {precedent.command}\n```",
            "**Under other prices and terms**, present value:",
            markdown(others(data)),
            "**What differs from the contract**",
            _listed(precedent.notes),
            "**What the numbers rest on**",
            *rests(entry["assumptions"]),
        ]
    ) + "\n"  # fmt: skip


def in_short(data: Data) -> str:
    """Return the result in three sentences."""
    entry, pv = data["contract"], data["contract"]["pv"]
    most = max(entry["years"], key=lambda row: row["p95_musd"])
    return (
        f"In present value the state pays {money(pv['expected_musd'])} million USD on average, between {money(pv['p05_musd'])} and {money(pv['p95_musd'])} "
        f"in nine scenarios of ten. It pays {money(pv['payment_musd'])} and gets {money(pv['clawback_musd'])} back, {percent(pv['clawback_musd'] / pv['payment_musd'])} "
        f"of that. A budget for 95% of the scenarios needs {money(most['p95_musd'])} million in the dearest year, {most['year']}."
    )


def others(data: Data) -> Table:
    """Return the present value as given, under the other price regimes, and with other terms."""
    entry = data["contract"]
    named = {"as given": entry["pv"]} | entry["regimes"] | data["variants"]
    return table("", (("what", "prices or terms", text), *AMOUNTS), [{"what": name, **row} for name, row in named.items()])


def rests(assumed: Sequence[Mapping[str, str]]) -> list[str]:
    """Return the assumptions as a table with numbered sources, the rules below it, and the sources once each."""
    numbers = [row for row in assumed if row["origin"] != RULE]
    parts = [[part.strip() for part in re.split(r"; | ;", row["source"]) if part.strip()] for row in numbers]
    order = {part: k for k, part in enumerate(dict.fromkeys(part for found in parts for part in found), start=1)}
    columns = tuple((head, head, text) for head in ("what", "value", "unit", "from", "source"))
    rows = [
        {
            "what": f"`{row['what']}`",
            "value": row["value"].replace("|", ", "),
            "unit": row["unit"],
            "from": f"{row['origin']} ({row['reason']})" if row["reason"] else row["origin"],
            "source": ", ".join(str(order[part]) for part in found),
        }
        for row, found in zip(numbers, parts, strict=True)
    ]
    rules = [f"*{row['what'].capitalize()}*: {row['value']}." for row in assumed if row["origin"] == RULE]
    sources = "\n".join(f"{k}. {_link(part)}" for part, k in order.items())
    return [markdown(table("", columns, rows)), _listed(rules), f"Sources, of the whole row of the data; what is assumed in a row does not stand in them:\n\n{sources}"]


def _link(source: str) -> str:
    return re.sub(r"https?://\S+", lambda found: f"<{found[0]}>", source)


def markdown(content: Table) -> str:
    """Return a table as Markdown."""
    heads = [column.head for column in content.columns]
    ruler = ["--:" if column.right else "---" for column in content.columns]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (heads, ruler, *content.rows))


def _listed(lines: Sequence[str]) -> str:
    return "\n".join(f"* {line}" for line in lines)


STORED = StoredPages("precedents", compute, render)

if __name__ == "__main__":
    raise SystemExit(STORED.main())
