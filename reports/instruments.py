"""Write what each instrument does alone on the shipped instance: pictures, their data, and a block in every instrument page.

``python -m minclub.reports.instruments docs`` computes all of it (some minutes: it solves the instance fourteen times) and writes
``docs/assets/instruments/`` and ``docs/instruments/*.md``. ``python -m minclub.reports.instruments pages`` writes pictures and
blocks again from the stored data. A test fails when a page and the data differ.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

from .block import Block
from .instrument_figures import pictures
from .instrument_story import COUNTRIES, TRIALS, Row, compute
from .stored import Data, StoredPages

FIGURES = Block("<!-- figures: written by python -m minclub.reports.instruments docs -->", "<!-- end of figures -->")


def render(data: Data, folder: Path, docs: Path) -> list[Path]:
    """Write the pictures and the blocks of all pages."""
    made = pictures(data, folder)
    for page in PAGES:
        file = docs / "instruments" / f"{page}.md"
        file.write_text(FIGURES.written(file.read_text(encoding="utf-8"), block(page, data)), encoding="utf-8")
        made.append(file)
    return made


def block(page: str, data: Data) -> str:
    """Return a page's picture and figures as Markdown."""
    lines = "".join(f"* {line}\n" for line in PAGES[page](data))
    return f"![What the instrument does alone on {data['instance']}](../assets/instruments/{page}.svg)\n\n{lines}"


# --- sentences --------------------------------------------------------------------------------------------------------


def _by_trial(data: Data, page: str) -> dict[str, list[Row]]:
    rows = data["reach"][page]
    return {trial.name: [row for row in rows if row["trial"] == trial.name] for trial in TRIALS[page][1]}


def _bankable(rows: Sequence[Row]) -> str:
    count = sum(row["passes"] for row in rows)
    return f"{count} are bankable" if count > 1 else f"{count or 'none'} is bankable"


def _counts(data: Data, page: str) -> list[str]:
    """Say how many candidates pass under each setup, and how far the others move their number."""
    first, *others = _by_trial(data, page).items()
    lines = [f"Of {len(first[1])} candidates outside the baseline {_bankable(first[1])} with {first[0]}."]
    for name, rows in others:
        moved = [b["value"] - a["value"] for a, b in zip(first[1], rows, strict=True) if None not in (a["value"], b["value"]) and a["value"] != b["value"]]
        if TRIALS[page][0] == "value":
            change = f"{median(moved):+.1%} of capital in expected NPV" if moved else "no change"
        else:
            change = f"{median(moved):+.2f} in average cover" if moved else "no change"
        lines.append(f"With {name}, {_bankable(rows)}. It moves {len(moved)} candidates, in the median by {change}.")
    return lines


def _optimum(data: Data, name: str, what: str) -> str:
    """Say what a changed rule does to the optimum of the shipped instance."""
    base, found = data["runs"]["base"], data["runs"][name]
    if "infeasible" in found:
        least = found["infeasible"].strip().splitlines()[-1].strip(" -")
        return f"{what}: no design meets the targets. The least change that lets one exist: {least}."
    change = found["objective_musd"] - base["objective_musd"]
    proven = "proven" if found["proven"] else "not proven"
    optimum = f"the optimum is {found['objective_musd']:,.1f} million USD, {change:+,.1f} against the shipped {base['objective_musd']:,.1f}"
    return f"{what}: {optimum} ({proven}, audit {found['audit']})."


def _border(data: Data) -> list[str]:
    lines = []
    for row in data["extras"]["border"][:2]:
        rises = ", ".join(f"{country} {row[country]:.1%}" for country in COUNTRIES)
        name = row["trial"][0].upper() + row["trial"][1:]
        lines.append(f"{name} on every product raises the baskets by {rises} (cap 2%) and brings {row['revenue_musd']:,.0f} million USD at the border.")
    return [*_counts(data, "border-measures"), *lines, _optimum(data, "reference_price", "Reference prices as a choice beside tariffs, contracts and credits")]


def _expiry(data: Data) -> list[str]:
    years = {row["year"]: row["share"] for row in data["extras"]["lapse"]}
    lapsing, _, lasting = data["extras"]["border"]
    return [
        f"Measures are in force in {years[2030]:.0%} of the scenarios in 2030, in {years[2035]:.0%} in 2035 and in {years[2036]:.0%} in 2036.",
        *_counts(data, "expiry")[1:],
        f"A tariff of 25% on every product brings {lapsing['revenue_musd']:,.0f} million USD at the border if it may lapse, {lasting['revenue_musd']:,.0f} if not.",
        _optimum(data, "lasting", "Without the risk of a lapse"),
    ]


def _contracts(data: Data) -> list[str]:
    lines = []
    for name, rows in _by_trial(data, "contracts").items():
        ratios = [row["value"] for row in rows if row["value"] is not None]
        lines.append(
            f"With {name}: {len(ratios)} of {len(rows)} candidates become bankable, at a least strike of {median(ratios):.0%} of the long-run price in the median."
        )
    named = {
        "upside_shares": "Upside share chosen from 0, 25 and 50% by country and product",
        "class": "One strike per product and form",
        "mp_materials": "Terms of MP Materials",
        "nouveau_monde": "Terms of Nouveau Monde",
    }
    return [*lines, *(_optimum(data, key, what) for key, what in named.items())]


def _credits(data: Data) -> list[str]:
    return [
        *_counts(data, "credits"),
        _optimum(data, "chapter", "Under the law of the chapter"),
        _optimum(data, "proposed", "With the cost base of the proposed rule"),
    ]


def _single(page: str, name: str, what: str) -> Callable[[Data], list[str]]:
    return lambda data: [*_counts(data, page), _optimum(data, name, what)]


def _reserve(data: Data) -> list[str]:
    rows = {(row["product"], row["cover"]): row for row in data["extras"]["reserve"]}
    products = list(dict.fromkeys(name for name, _ in rows))
    lines = []
    for product in products:
        half, full = rows[product, 0.5], rows[product, 1.0]
        whole = "is beyond the top rung" if full["months"] is None else f"takes {full['months']:.0f} months and {full['carry_musd']:,.1f}"
        part = "is beyond the top rung" if half["months"] is None else f"takes {half['months']:.0f} months of demand and {half['carry_musd']:,.1f} million USD"
        lines.append(f"{half['name']}: half of the shortage of a restriction {part}, all of it {whole}.")
    return [*lines, _optimum(data, "reserve", "Half of the shortage of gallium covered")]


def _room(data: Data) -> list[str]:
    last = max(row["year"] for row in data["extras"]["room"])
    now = [row for row in data["extras"]["room"] if row["year"] == last]
    held = {state: [_within(row["name"]) for row in now if row["state"] == state] for state in range(4)}
    words = ("are exported", "are imported from the market", "are short in a restriction", "depend on China-linked supply")
    return [f"In {last} {len(held[k])} of {len(now)} products {words[k]}: {', '.join(held[k])}." for k in range(4) if held[k]]


def _within(name: str) -> str:
    """Return a name as it stands within a sentence."""
    return name if any(letter.isupper() for letter in name[1:]) else name.lower()


PAGES: dict[str, Callable[[Data], list[str]]] = {
    "border-measures": _border,
    "expiry": _expiry,
    "contracts": _contracts,
    "credits": _credits,
    "grants": _single("grants", "grants", "Grants as a choice beside tariffs, contracts and credits"),
    "concessional-loans": _single("concessional-loans", "loans", "Concessional loans as a choice beside tariffs, contracts and credits"),
    "procurement": _single("procurement", "procurement", "Offtake as a choice beside tariffs, contracts and credits"),
    "reserve": _reserve,
    "standards": _single("standards", "high", "With the high standard in every design"),
    "room-and-demand-response": _room,
}
"""The pages and what each says in figures."""


STORED = StoredPages("instruments", compute, render)

if __name__ == "__main__":
    raise SystemExit(STORED.main())
