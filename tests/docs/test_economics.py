"""The tables of docs/economics.md are the model's: a test that fails prints what the page should say."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import minclub as mc
from minclub.models.bankability import Tests
from minclub.models.baseline import dump_exposed
from minclub.models.clusters import free_candidates
from minclub.models.desk import Desk
from minclub.models.levies import LAW, Border
from minclub.models.market import COUNTRIES, along
from minclub.models.outlooks import Setting
from minclub.models.projects import start_years


@pytest.fixture(scope="module")
def desk() -> Desk:
    return Desk(mc.load("usmca", {"switches.expiry": False}))


@pytest.fixture(scope="module")
def page(root: Path) -> str:
    return (root / "docs" / "economics.md").read_text(encoding="utf-8")


def tables(desk: Desk) -> dict[str, list[list[str]]]:
    """Return the rows of every computed table by its mark in the page."""
    makers = {"tariff": tariff_rows, "construction": construction_rows, "gallium": gallium_rows, "flake": flake_rows, "floor": floor_rows}
    return {name: list(rows(desk)) for name, rows in makers.items()}


def tariff_rows(desk: Desk) -> Iterator[list[str]]:
    """Mean rise of the expected price over base to end year from 25% on china_linked alone, by member."""
    count = int(desk.instance.settings["years.end"]) - desk.market.base_year + 1
    for m in desk.market.products:
        path = desk.baseline.paths[m]
        cells = []
        for c in COUNTRIES:
            law, taxed = (along(desk.market.prices(m, b, c), path)[:count] for b in (LAW, Border(0.0, 0.25)))
            outside = (desk.market.china[m] == desk.market.market[m])[:count]
            still = "" if (taxed == law)[outside].all() else " *"
            cells.append(f"{taxed.mean() / law.mean() - 1:.1%}{still}")
        yield [m, "".join(str(k) for k in path[:count]), *cells]


def construction_rows(desk: Desk) -> Iterator[list[str]]:
    """C12 of the projects under construction at law and the baseline's path, with the contract they hold."""
    for key, start in desk.baseline.builds.items():
        plant = desk.plants[key]
        if not plant.in_b0:
            continue
        held, law = desk.closed_contracts.get(key), desk.law[plant.country, plant.product]
        site = desk.outlooks.site(plant, start, desk.law_settings())
        terms = (held.terms, np.array([held.strike])) if held else (None, None)
        tests = Tests(site, law, desk.rules, desk.market.long_run, dump_exposed(desk.market, plant.product), *terms)
        decks = tests.decks
        debt = decks.loan()
        asked = {
            "value": tests.value()[0] >= 0.0,
            "tail": tests.tail()[0] >= -desk.rules.loss_tolerance * tests.capital_at_debt_cost(),
        }
        covers = ["none"] * 3
        if debt.principal > 0.0:
            bank, down = float(decks.bank_cover()[0]), float(decks.downside_cover()[0])
            asked |= {"bank deck": bank >= decks.bank_required()[0], "downside deck": down >= 1.0}
            covers = [f"{bank:.2f}", f"{down:.2f}", "none"]
            if tests.dump_deck:
                dump = float(decks.dump_cover()[0])
                asked["dump deck"] = dump >= 1.0
                covers[2] = f"{dump:.2f}"
        fails = [name for name, good in asked.items() if not good]
        assert (not fails) == bool(tests.passes()[0])
        yield [
            key,
            f"{site.calendar.capital.sum():,.0f}",
            f"{debt.principal:,.0f}{' (signed)' if plant.loan_musd > 0 else ''}",
            f"{held.strike:,.0f}" if held else "none",
            f"{float(tests.value()[0]):,.0f}",
            *covers,
            ", ".join(fails) or "passes",
        ]


def gallium_rows(desk: Desk) -> Iterator[list[str]]:
    """Need and state of gallium by year without a plant and with each of the two."""
    cases = [{}, {"US_GA_GRAMERCY": 2030}, {"CA_GA_VAUDREUIL": 2033}]
    needs = [desk.balance.needs(desk.baseline.builds | extra)["gallium"] for extra in cases]
    for t in range(int(desk.instance.settings["years.end"]) - desk.market.base_year + 1):
        cells = [f"{need[t]:.1f} ({desk.balance.states('gallium', need)[t]})" for need in needs]
        yield [str(desk.market.years[t]), f"{desk.market.demand['gallium'][t]:.1f}", f"{desk.market.availability['gallium'][t]:.1f}", *cells]


def flake_rows(desk: Desk) -> Iterator[list[str]]:
    """Value without a contract of every plant that buys flake, under tariffs on flake at both nodes."""
    base = desk.law_settings()
    for plant in free_candidates(desk.balance, desk.baseline):
        if plant.feed_product != "graphite_flake":
            continue
        start, law, cells = start_years(desk.instance, plant)[0], desk.law[plant.country, plant.product], []
        for rate in (0.0, 0.10, 0.25):
            settings = base | {"graphite_flake": Setting(Border(rate, rate), base["graphite_flake"].path)}
            tests = Tests(desk.outlooks.site(plant, start, settings), law, desk.rules, desk.market.long_run, dump_deck=False)
            cells.append(f"{float(tests.value()[0]):,.0f}")
        yield [plant.id, f"{plant.capacity:,.0f}", f"{plant.feed_tonnes:.2f}", *cells]


def floor_rows(_: Desk) -> Iterator[list[str]]:
    """Expected payments and receipts of MP Materials by year, million USD."""
    instance = mc.load("mp_materials_2025")
    cost = mc.evaluate(instance, instance.path / "given.toml").public_cost
    usa = cost[cost["country"] == "USA"].pivot_table(index="year", columns="item", values="value_musd", fill_value=0.0)
    for row in usa.itertuples():
        if row.contract_payments:
            yield [str(row.Index), f"{row.contract_payments:.0f}", f"{row.contract_receipts:.0f}"]


def test_tables_of_the_page_are_computed(page: str, desk: Desk) -> None:
    for name, rows in tables(desk).items():
        start, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
        assert start in page, name
        printed = page.split(start)[1].split(end)[0].strip().splitlines()
        expected = ["| " + " | ".join(row) + " |" for row in rows]
        assert printed[2:] == expected, f"docs/economics.md, {name}:\n" + "\n".join(expected)


def test_figures_in_the_text_are_computed(page: str, desk: Desk) -> None:
    gallium = desk.baseline.needs["gallium"][:14], desk.market.availability["gallium"][:14]
    text = " ".join(page.split())
    limit = 0.05 * float(desk.instance.products.loc["gallium", "world_supply_t"])
    for sentence in (
        f"some {gallium[0].min():.0f} to {gallium[0].max():.0f} tonnes of gallium a year and the market node can sell {gallium[1].min():.0f} to {gallium[1].max():.0f}",
        f"5% of world supply ({limit:.1f} t)",
        f"(110,000 - 0.93 x 69,000)` = {0.57 * 7_065 * (110_000 - 0.93 * 69_000) / 1e6:.0f} million USD",
    ):
        assert sentence in text
