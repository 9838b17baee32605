"""Claims on single projects: credits of the members compared, Mexican lithium, contested products, procurement (C15 to C17, C20)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ..models.bankability import Tests
from ..models.baseline import dump_exposed
from ..models.columns import least_strikes, strike_bounds
from ..models.contracts import three_digit_grid
from ..models.subsidies import NO_CREDIT, CreditLevel, LawCredits, law_credits
from ..models.welfare import full_sales, project_cost
from .claims_world import CONFIRMED, DEPENDS, REFUTED, Cell, Finding, World, graded, rounded, site_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from ..models.cashflow import Site
    from ..models.desk import Desk
    from ..models.outlooks import Setting
    from ..models.projects import Plant

    Array = NDArray[np.float64]

CANADA_ITC, USA_PTC = 0.30, 0.10
CLOSE = 1.5
NEAR_CLAIMED, APART_CLAIMED = ("lithium_carbonate",), ("graphite_anode", "nickel")
LITHIUM = ("lithium_carbonate", "spodumene_concentrate")
BASES = ("direct", "localised", "embodied")
STRESS = 1.5
MATERIAL = 0.05
MULTIPLES = (1.0, 1.25, 1.5)
EQUAL_QUOTAS = {"procurement.quotas.USA": 0.34, "procurement.quotas.CAN": 0.33, "procurement.quotas.MEX": 0.33}


# --- credits of two members -------------------------------------------------------------------------------------------


def per_tonne(desk: Desk, site: Site, rates: LawCredits) -> float:
    """Return the PV of credits over the PV of payable tonnes at full output, USD/t (C16 of credits alone)."""
    none = np.zeros(desk.market.years.size)
    as_club = [project_cost(site, LawCredits(none, none), level, desk.public_rate).pick(0).credits for level in (CreditLevel(itc=1.0), CreditLevel(ptc=1.0))]
    build, operate = site.calendar.build, site.calendar.operate
    drawn = np.zeros(none.size)
    drawn[build] += as_club[0][build] * rates.itc[build]
    drawn[operate] += as_club[1][operate] * rates.ptc[operate]
    return float(drawn @ desk.users.factor) * 1e6 / (full_sales(site, desk.public_rate, 1.0) * 1e6)


def reference_project(desk: Desk, product: str) -> Plant | None:
    """Return the largest project of a product that may draw both credits and is not under construction, refined form first."""
    fit = [p for p in desk.plants.values() if p.product == product and p.available and not p.in_b0 and p.itc_share and p.ptc_share]
    return max(fit, key=lambda p: (p.refined, p.capacity, p.id), default=None)


def members_credits(world: World) -> Finding:
    """Examine whether 30% of capital and 10% of cost are worth the same, per tonne on one project per product (claim 6)."""
    desk = world.desk()
    settings, ones = desk.law_settings(), np.ones(desk.market.years.size)
    flat = LawCredits(CANADA_ITC * ones, 0.0 * ones), LawCredits(0.0 * ones, USA_PTC * ones)
    rows, law_rows = {}, {}
    for m in desk.market.products:
        plant = reference_project(desk, m)
        if plant is None:
            continue
        site = site_of(desk, plant, settings)
        itc, ptc = (per_tonne(desk, site, rates) for rates in flat)
        laws = [law_credits(desk.instance, c, m, desk.market.years) for c in ("CAN", "USA")]
        law_rows[m] = [per_tonne(desk, site, law) for law in laws]
        every = [_ratio(desk, p, settings, flat) for p in desk.plants.values() if p.product == m and not p.in_b0 and p.available and p.itc_share and p.ptc_share]
        rows[m] = {
            "project": plant.id,
            "capital_30_usd_per_t": rounded(itc),
            "cost_10_usd_per_t": rounded(ptc),
            "ratio": rounded(itc / ptc),
            "median_ratio_of_projects": rounded(float(np.median(every))),
            "law_CAN_usd_per_t": rounded(law_rows[m][0]),
            "law_USA_usd_per_t": rounded(law_rows[m][1]),
        }
    return _closeness(rows)


def _ratio(desk: Desk, plant: Plant, settings: Mapping[str, Setting], flat: tuple[LawCredits, LawCredits]) -> float:
    site = site_of(desk, plant, settings)
    return per_tonne(desk, site, flat[0]) / per_tonne(desk, site, flat[1])


def _closeness(rows: Mapping[str, Mapping[str, Cell]]) -> Finding:
    """Judge the ratios of the three products that the chapter names."""

    def close(m: str, column: str = "ratio") -> bool:
        return 1.0 / CLOSE <= float(rows[m][column] or 0.0) <= CLOSE

    named = [m for m in (*NEAR_CLAIMED, *APART_CLAIMED) if m in rows]
    if not named:
        return Finding(DEPENDS, rows or None, ("no project of lithium, graphite anode or nickel may draw both credits",))
    agrees = [close(m) == (m in NEAR_CLAIMED) for m in named]
    notes = []
    for m in named:
        row = rows[m]
        word = "close" if close(m) else "apart"
        notes.append(f"{m}: {word} on {row['project']} ({row['capital_30_usd_per_t']:,.0f} against {row['cost_10_usd_per_t']:,.0f} USD/t)")
        if close(m) != close(m, "median_ratio_of_projects"):
            notes.append(f"{m}: {'apart' if close(m) else 'close'} on the median project (ratio {row['median_ratio_of_projects']:.2f})")
        notes.append(f"{m}: by law with phase-outs Canada {row['law_CAN_usd_per_t']:,.0f}, USA {row['law_USA_usd_per_t']:,.0f} USD/t")
    return Finding(graded(sum(agrees), len(agrees)), rows, tuple(notes))


# --- Mexican lithium --------------------------------------------------------------------------------------------------


def break_even(desk: Desk, site: Site, level: CreditLevel, law: LawCredits) -> float:
    """Return the least strike that passes C12, whether or not the plant needs a contract, USD/t; infinite if none does."""
    grid = three_digit_grid(*strike_bounds(site, desk.offer))
    found = least_strikes(site, law, desk.offer, dump_exposed(desk.market, site.plant.product), grid, [level])
    return float(found[0]) if np.isfinite(found[0]) else float("inf")


def mexican_lithium(world: World) -> Finding:
    """Examine Mexican lithium without aid against northern projects with the chapter's credits (claim 7)."""
    table = world.instance().projects
    own = table.index[(table["country"] == "MEX") & table["product_code"].isin(LITHIUM)]
    north = table.index[table["country"].isin(("USA", "CAN")) & (table["product_code"] == LITHIUM[0]) & (table["b0_supply"] == 0)]
    if not len(own) or not len(north):
        return Finding(DEPENDS, None, ("no Mexican lithium project, or no northern one to compare with",))
    first = int(table.loc[north, "earliest_start_year"].min())
    desk = world.desk({f"projects.{key}.{name}": value for key in own for name, value in (("available", 1), ("earliest_start_year", first))})
    settings, rows = world.desk().law_settings(), {}
    for key in (*own, *north):
        plant = desk.plants[key]
        law = desk.law[plant.country, plant.product]
        level = {"USA": CreditLevel(ptc=USA_PTC), "CAN": CreditLevel(itc=CANADA_ITC)}.get(plant.country, NO_CREDIT)
        bare = LawCredits(0.0 * law.itc, 0.0 * law.ptc)
        site = desk.outlooks.site(plant, max(plant.earliest, desk.market.base_year), settings)
        tests = Tests(site, bare, desk.rules, desk.market.long_run, dump_exposed(desk.market, plant.product))
        rows[key] = {
            "country": plant.country,
            "npv_unaided_musd": rounded(float(tests.value()[0])),
            "npv_aided_musd": rounded(float(tests.value(level.itc, level.ptc)[0])),
            "least_strike_aided_usd_per_t": rounded(_finite(break_even(desk, site, level, bare))),
        }
    return _compared(world, rows, list(own), list(north), first)


def _compared(world: World, rows: dict[str, dict[str, Cell]], own: list[str], north: list[str], first: int) -> Finding:
    """Count the northern projects that the cheapest Mexican one undercuts."""

    def strike(key: str) -> float:
        value = rows[key]["least_strike_aided_usd_per_t"]
        return float("inf") if value is None else float(value)

    best = min(own, key=strike)
    beaten = [key for key in north if strike(best) <= strike(key) and np.isfinite(strike(best))]
    table = world.instance().projects
    row = table.loc[best]
    notes = [f"{best} undercuts {len(beaten)} of {len(north)} northern projects on the least strike"]
    if not row["available"]:
        notes.append(f"what-if: {best} is '{row['dev_status']}' today and is given a start in {first}")
    if row["china_linked"]:
        notes.append(f"{best} is China-linked: its tonnes would not count for security (C22)")
    notes.append(f"study data of {best}: capital {float(row['capex_musd']):,.0f} million USD, {float(row['opex_usd_per_t']):,.0f} USD/t")
    stressed = _stressed(world, best, first)
    left = sum(stressed <= strike(key) for key in north)
    notes.append(f"with {STRESS:g} times its capital and operating cost {best} needs {stressed:,.0f} USD/t and undercuts {left} of {len(north)}")
    verdict = REFUTED if not beaten else CONFIRMED if len(beaten) == left == len(north) else DEPENDS
    return Finding(verdict, rows, tuple(notes))


def _stressed(world: World, key: str, first: int) -> float:
    """Return the least strike of a project whose capital and operating cost are higher than its study says, USD/t."""
    row = world.instance().projects.loc[key]
    dear = {f"projects.{key}.{name}": STRESS * float(row[name]) for name in ("capex_musd", "opex_usd_per_t")}
    desk = world.desk({f"projects.{key}.available": 1, f"projects.{key}.earliest_start_year": first} | dear)
    plant = desk.plants[key]
    law = desk.law[plant.country, plant.product]
    site = desk.outlooks.site(plant, max(plant.earliest, desk.market.base_year), world.desk().law_settings())
    return break_even(desk, site, NO_CREDIT, LawCredits(0.0 * law.itc, 0.0 * law.ptc))


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None


# --- contested products -----------------------------------------------------------------------------------------------


def only_lithium(world: World) -> Finding:
    """Examine which products are contested under each demand basis (claim 8)."""
    found: dict[str, dict[str, int]] = {}
    for basis in BASES:
        years = world.desk({"data.demand_basis": basis}).competition.contested
        found[basis] = {m: int(flags.sum()) for m, flags in years.items()}
    products = list(next(iter(found.values())))
    rows = {m: {basis: found[basis][m] for basis in BASES} for m in products if any(found[basis][m] for basis in BASES)}
    sets = {basis: frozenset(m for m in products if found[basis][m]) for basis in BASES}
    right = {basis: bool(s) and s <= set(LITHIUM) for basis, s in sets.items()}
    notes = [f"{basis} demand: {', '.join(sorted(s)) or 'none contested'}" for basis, s in sets.items()]
    notes.append(f"contested while the baseline still imports: {', '.join(_imported(world.desk())) or 'none'}")
    return Finding(graded(sum(right.values()), len(right)), rows, tuple(notes))


def _imported(desk: Desk) -> list[str]:
    """Return the products that are contested in some year in which the baseline needs imports."""
    return [m for m, years in desk.competition.contested.items() if (years & (desk.baseline.needs[m] > 0.0)).any()]


# --- procurement ------------------------------------------------------------------------------------------------------


def procurement(world: World) -> Finding:
    """Examine what procurement of defence metals adds to the value of candidates (claim 9)."""
    s = world.instance().settings
    more: dict[str, object] = {"instruments.procurement": True, "ladders.offtake": list(MULTIPLES)}
    more |= {} if s.get("procurement.quotas.USA") is not None else EQUAL_QUOTAS
    desk = world.desk(more)
    settings = desk.law_settings()
    rows: dict[str, dict[str, Cell]] = {}
    for plant in desk.candidates:
        if "offtake" not in desk.supports.kinds(plant):
            continue
        site = site_of(desk, plant, settings)
        plain = _tests(desk, site)
        before, capital = float(plain.value()[0]), float(site.calendar.capital.sum())
        gains = {}
        for x in MULTIPLES:
            aided = replace(site, aid=desk.aid(site, CreditLevel(offtake=x)))
            gains[x] = float(_tests(desk, aided).value()[0]) - before
        passes = bool(_tests(desk, aided).passes()[0])
        rows[plant.id] = {
            "stage": plant.stage,
            "streams": ", ".join(stream.product for stream in aided.aid.streams),
            "npv_before_musd": rounded(before),
            **{f"gain_{x:g}_musd": rounded(gain) for x, gain in gains.items()},
            "gain_share_of_capital": rounded(gains[MULTIPLES[-1]] / capital if capital else None),
            "made_bankable": int(passes and not plain.passes()[0]),
        }
    return _moved(rows)


def _tests(desk: Desk, site: Site) -> Tests:
    law = desk.law[site.plant.country, site.plant.product]
    return Tests(site, law, desk.rules, desk.market.long_run, dump_exposed(desk.market, site.plant.product))


def _moved(rows: Mapping[str, Mapping[str, Cell]]) -> Finding:
    """Judge whether mines, and not refineries alone, gain a material share of their capital at the highest price."""
    if not rows:
        return Finding(REFUTED, None, ("no candidate sells a product that the club would buy",))
    moved = [key for key, row in rows.items() if abs(float(row["gain_share_of_capital"] or 0.0)) >= MATERIAL]
    mines = [key for key in moved if rows[key]["stage"] != "refinery"]
    made = [key for key, row in rows.items() if row["made_bankable"]]
    notes = [f"gain of at least {MATERIAL:.0%} of capital at {MULTIPLES[-1]:g} x the long-run price: {_names(moved)}"]
    notes += [f"mines among them: {_names(mines)}", f"made bankable by procurement alone: {_names(made)}"]
    return Finding(CONFIRMED if mines else DEPENDS if moved else REFUTED, rows, tuple(notes))


def _names(keys: Iterable[str]) -> str:
    return ", ".join(keys) or "none"
