"""What each instrument does alone on the shipped instance, as plain data: nothing is drawn here.

Three views. *Reach* looks at the candidates one by one, each from its earliest start and at the baseline's path: what is its
number at law, and what with one instrument at its strongest rung. *Runs* solve the instance with one rule changed. *Extras*
are figures of single instruments. All of it is stored as JSON, from which pictures and pages are written.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ..instances.loader import load
from ..models.bankability import Tests, stack_share
from ..models.columns import INFEASIBLE, UNAIDED
from ..models.competition import dump_exposed
from ..models.decisions import Decisions
from ..models.decks import TOLERANCE
from ..models.desk import Desk
from ..models.levies import LAW, Border, three_digits
from ..models.outlooks import Setting
from ..models.projects import start_years
from ..models.standards import standard_factor
from ..models.statement import Statement
from ..models.subsidies import NO_CREDIT, CreditLevel
from ..solvers.explain import Infeasible
from ..solvers.solve import solve

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..models.cashflow import Site
    from ..models.projects import Plant

INSTANCE = "usmca"
COUNTRIES = ("USA", "CAN", "MEX")
Row = dict[str, Any]
Measure = Literal["value", "cover", "strike"]


@dataclass(frozen=True)
class Trial:
    """One setup under which candidates are tested: overrides of the instance, measures on every product, a level of aid."""

    name: str
    overrides: Mapping[str, object] = field(default_factory=dict)
    rate: float = 0.0
    multiple: float = 0.0
    level: CreditLevel = NO_CREDIT


LEGAL = Trial("law alone")
TRIALS: dict[str, tuple[Measure, tuple[Trial, ...]]] = {
    "border-measures": ("value", (LEGAL, Trial("a tariff of 25%", rate=0.25), Trial("a reference price at 110%", multiple=1.1))),
    "expiry": (
        "value",
        (LEGAL, Trial("a tariff of 25% that may lapse", rate=0.25), Trial("a tariff of 25% for good", {"switches.expiry": False}, rate=0.25)),
    ),
    "contracts": (
        "strike",
        (
            Trial("all of the upside shared", {"contract.upside_share": 1.0, "finance.upside_share_max": 1.0}),
            Trial("half of it shared", {"contract.upside_share": 0.5}),
            Trial("price insurance", {"contract.upside_share": 0.0}),
        ),
    ),
    "credits": (
        "value",
        (LEGAL, Trial("the law of the chapter", {"data.law_vintage": "chapter"}), Trial("30% of capital, 10% of cost", level=CreditLevel(itc=0.30, ptc=0.10))),
    ),
    "grants": ("value", (LEGAL, Trial("a grant of 20% of capital", level=CreditLevel(grant=0.20)))),
    "concessional-loans": ("cover", (LEGAL, Trial("a concessional loan", level=CreditLevel(loan=1.0)))),
    "procurement": ("value", (LEGAL, Trial("offtake at 150%", level=CreditLevel(offtake=1.5)))),
    "standards": ("value", (LEGAL, Trial("the high standard", {"standards.tier": "high"}))),
}
"""Pages with a view of candidates: what is measured, and the setups, the comparison first."""

RUNS: dict[str, dict[str, object]] = {
    "base": {},
    "reference_price": {"instruments.reference_price": True},
    "lasting": {"switches.expiry": False},
    "upside_shares": {"contract.upside_shares": [0.0, 0.25, 0.5]},
    "class": {"contract.strike_by": "class"},
    "mp_materials": {"contract.preset": "mp_materials"},
    "nouveau_monde": {"contract.preset": "nouveau_monde"},
    "chapter": {"data.law_vintage": "chapter"},
    "proposed": {"data.ptc_cost_base": "proposed"},
    "grants": {"instruments.grants": True},
    "loans": {"instruments.loans": True},
    "procurement": {"instruments.procurement": True},
    "reserve": {"reserve.cover.gallium": 0.5},
    "high": {"standards.tier": "high"},
}
"""Solves of the shipped instance with one rule changed."""

COVERS = (0.25, 0.5, 0.75, 1.0)


@cache
def _desk(overrides: tuple[tuple[str, object], ...]) -> Desk:
    return Desk(load(INSTANCE, dict(overrides)))


def desk_of(overrides: Mapping[str, object]) -> Desk:
    """Return the desk of the shipped instance with overrides (cached)."""
    return _desk(tuple(sorted(overrides.items())))


# --- reach ------------------------------------------------------------------------------------------------------------


def reach(page: str) -> list[Row]:
    """Test every candidate under each setup of a page.

    Returns:
        Rows of ``trial, project, name, product, country, value, passes``. ``value`` is expected NPV over capital, the average
        cover of the bank deck, or the least strike over the long-run price; None where there is none.
    """
    measure, trials = TRIALS[page]
    base = desk_of({})
    rows = []
    for trial in trials:
        for plant in base.candidates:
            if starts := start_years(base.instance, plant):
                value, passes = _tested(trial, plant.id, starts[0], measure)
                row: Row = {"trial": trial.name, "project": plant.id, "name": _name(base, plant), "product": plant.product}
                rows.append(row | {"country": plant.country, "value": value, "passes": passes})
    return rows


def _name(desk: Desk, plant: Plant) -> str:
    name = desk.instance.projects["name"].get(plant.id)
    return str(name) if isinstance(name, str) and name else plant.id


def _tested(trial: Trial, key: str, start: int, measure: Measure) -> tuple[float | None, bool]:
    """Return a candidate's number and whether it passes C12, and C13's cap on support, under a setup."""
    desk = desk_of(trial.overrides)
    plant = desk.plants[key]
    site = desk.outlooks.site(plant, start, settings_of(trial))
    site = replace(site, aid=desk.supports.aid(plant, site.calendar.operate.size, trial.level))
    if measure == "strike":
        return _least_strike(desk, site, start)
    law = desk.law[plant.country, plant.product]
    itc, ptc = trial.level.itc, trial.level.ptc
    tests = Tests(site, law, desk.rules, desk.market.long_run, dump_exposed(desk.market, plant.product))
    passes, capital = bool(tests.passes(itc, ptc)[0]), float(site.calendar.capital.sum())
    if trial.level != NO_CREDIT and desk.rules.stack:
        passes &= bool(stack_share(site, law, [trial.level], desk.public_rate)[0] <= desk.rules.stack_cap + TOLERANCE)
    if measure == "cover":
        cover = float(tests.decks.bank_cover(itc, ptc)[0])
        return (cover if np.isfinite(cover) else None), passes
    return (float(tests.value(itc, ptc)[0]) / capital if capital > 0.0 else None), passes


def settings_of(trial: Trial) -> dict[str, Setting]:
    """Return the setup's border measures on every product, at the shipped baseline's path."""
    desk, factor = desk_of(trial.overrides), standard_factor(load(INSTANCE, dict(trial.overrides)))
    found = {}
    for m, setting in desk_of({}).law_settings().items():
        reference = float(three_digits(trial.multiple * desk.market.long_run[m])) if trial.multiple else 0.0
        border = Border(trial.rate, trial.rate, reference, factor)
        found[m] = Setting(border if border != LAW else LAW, setting.path)
    return found


def _least_strike(desk: Desk, site: Site, start: int) -> tuple[float | None, bool]:
    """Return the least strike over the long-run price; None where the plant needs no contract or none helps."""
    made = desk.family(site.plant.id, start, desk.law_settings())
    kind = int(made.kind[0])
    if kind in (INFEASIBLE, UNAIDED):
        return None, kind == UNAIDED
    return float(made.strike[0]) / desk.market.long_run[site.plant.product], True


# --- runs -------------------------------------------------------------------------------------------------------------


def run(name: str) -> Row:
    """Solve and audit the shipped instance with one rule changed; an infeasible one has its explanation alone."""
    try:
        design = solve(load(INSTANCE, dict(RUNS[name])))
    except Infeasible as error:
        return {"infeasible": str(error)}
    proof, totals = design.certificate, design.totals[design.totals["country"] == "ALL"].set_index("item")["pv_musd"]
    return {
        "objective_musd": float(proof["objective_musd"]),
        "bound_musd": None if proof["bound_musd"] is None else float(proof["bound_musd"]),
        "proven": bool(proof["proven"]),
        "audit": str(proof["audit"]),
        "booked_musd": float(totals["booked"]),
        "outlay_musd": float(totals["outlay"]),
        "contracts": len(design.contracts),
        "offtake": len(design.offtake),
        "reference_prices": int((design.tariffs.drop_duplicates("product")["reference_usd_per_t"] > 0).sum()),
        "grants": int((design.credits["grant_rate"] > 0).sum()) if len(design.credits) else 0,
        "loans": int((design.credits["concessional_loan"] > 0).sum()) if len(design.credits) else 0,
        "rent_musd": float(design.contracts["rent_musd"].sum()) if len(design.contracts) else 0.0,
    }


# --- extras -----------------------------------------------------------------------------------------------------------


def border_extras() -> list[Row]:
    """Return what measures on every product do alone: basket rises by member and border revenue, PV musd (C6, C23)."""
    rows = []
    for trial in TRIALS["border-measures"][1][1:] + TRIALS["expiry"][1][2:]:
        desk = desk_of(trial.overrides)
        statement = Statement(desk, Decisions({m: s.border for m, s in settings_of(trial).items()}))
        burden = np.sum([desk.users.burden(m, s) for m, s in statement.settings.items()], axis=0) / desk.users.basket
        revenue = float(statement.revenue_gain.sum(axis=0) @ desk.users.factor)
        rows.append({"trial": trial.name, "revenue_musd": revenue} | dict(zip(COUNTRIES, map(float, burden), strict=True)))
    return rows


def lapse_extras() -> list[Row]:
    """Return the share of scenarios in which the club's measures are in force, by year (C6)."""
    market = desk_of({}).market
    return [{"year": int(y), "share": float(s)} for y, s in zip(market.years[: market.simulated], market.force_share, strict=False)]


def reserve_extras() -> list[Row]:
    """Return months and carry that cover a share of the baseline's shortage, by product (C17): PV musd, None beyond the top rung."""
    base = desk_of({})
    short = [m for m in base.market.products if _shortage(base, m).any()]
    rows = []
    for product in short:
        for cover in COVERS:
            rules = desk_of({f"reserve.cover.{product}": cover}).reserve
            rung = int(rules.rung(product, base.baseline.needs[product]))
            fits = rung < rules.rungs.size
            months = float(rules.rungs[rung]) if fits else None
            carry = float(rules.carry(product, rung) @ base.users.factor) if fits else None
            rows.append({"product": product, "name": product_name(product), "cover": cover, "months": months, "carry_musd": carry})
    return rows


def _shortage(desk: Desk, product: str) -> Any:
    need = desk.baseline.needs[product] - desk.market.fill * desk.market.availability[product]
    return np.maximum(0.0, need)[desk.reserve.window]


def room_extras() -> list[Row]:
    """Return the baseline's need over what the market node can sell, and its state, by product and year to ``end_year`` (C7, C8)."""
    base = desk_of({})
    years, rows = base.market.years, []
    for m in base.market.products:
        need, reach_, states = base.baseline.needs[m], base.market.availability[m], base.baseline.paths[m]
        for t in np.flatnonzero(years <= int(base.instance.settings["years.end"])):
            ratio = float(need[t] / reach_[t]) if reach_[t] > 0.0 else None
            rows.append({"product": m, "name": product_name(m), "year": int(years[t]), "state": int(states[t]), "ratio": ratio, "need_t": float(need[t])})
    return rows


def product_name(code: str) -> str:
    """Return the name of a product."""
    name = desk_of({}).instance.products["name"].get(code)
    return str(name) if isinstance(name, str) and name else code


EXTRAS: dict[str, Callable[[], list[Row]]] = {"border": border_extras, "lapse": lapse_extras, "reserve": reserve_extras, "room": room_extras}


def compute(runs: Mapping[str, Row] | None = None) -> dict[str, Any]:
    """Compute everything that the pages show; ``runs`` that are given are not solved again."""
    found = dict(runs or {})
    return {
        "instance": INSTANCE,
        "instance_sha256": desk_of({}).instance.sha256,
        "window": [desk_of({}).instance.settings[f"years.{key}"] for key in ("target", "end")],
        "reach": {page: reach(page) for page in TRIALS},
        "extras": {name: make() for name, make in EXTRAS.items()},
        "runs": {name: found.get(name) or run(name) for name in RUNS},
    }
