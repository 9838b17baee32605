"""What a project is: tonnes, capital, costs and calendar (C4, C10, C11)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .market import COUNTRIES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..instances import Instance

    Array = NDArray[np.float64]

REFINED_FORMS = frozenset({"refined", "chemical", "anode"})


@dataclass(frozen=True)
class Terms:
    """Tax, hurdle and debt terms of one country and stage, rates as fractions (C11, C12)."""

    income_tax: float
    duty: float
    depreciation_years: int
    hurdle: float
    specialty_addon: float
    debt_share: float
    debt_tenor: int
    debt_rate: float


@dataclass(frozen=True)
class Byproduct:
    """A by-product stream: payable tonnes at full output and, if it is no listed product, its constant price."""

    product: str
    tonnes: float
    payability: float
    price_usd_per_t: float
    listed: bool


@dataclass(frozen=True)
class Plant:
    """A project of the instance with everything that does not depend on its start year."""

    id: str
    country: str
    product: str
    stage: str
    refined: bool
    china_linked: bool
    available: bool
    in_b0: bool
    group: str
    earliest: int
    build_years: int
    capacity: float
    ramp: tuple[float, ...]
    life: int
    capital_musd: float
    grant_musd: float
    sustaining_musd: float
    opex: float
    payability: float
    royalty: float
    expansion_musd: float
    expansion_index: int
    expansion_capacity: float
    loan_musd: float
    loan_tenor: int
    loan_spread: float
    feed_product: str
    feed_tonnes: float
    feed_factor: float
    itc_share: float
    ptc_share: float
    byproducts: tuple[Byproduct, ...]
    terms: Terms


@dataclass(frozen=True)
class Calendar:
    """A plant from one start year: indices into the simulated years and the yearly tonnes and money.

    ``build`` and ``operate`` are year indices; ``capital`` (musd) is per build year. Per operating year: ``ramp``,
    ``output`` (t), ``sustaining`` and ``expansion`` (musd), ``depreciation`` before credits (musd), and
    ``write_off``, the shares that spread one unit of initial capital, by which an investment credit lowers it.
    """

    start: int
    build: NDArray[np.int_]
    operate: NDArray[np.int_]
    capital: Array
    ramp: Array
    output: Array
    sustaining: Array
    expansion: Array
    depreciation: Array
    write_off: Array

    @property
    def initial_depreciation(self) -> Array:
        """Return the write-off of initial capital alone, musd per operating year (the lender's view, C12c)."""
        return self.capital.sum() * self.write_off


def terms(instance: Instance, country: str, stage: str, traded: bool) -> Terms:
    """Read the finance terms of a country and stage (C11, C12)."""

    def value(name: str) -> float:
        return instance.param(name, country, stage)

    return Terms(
        income_tax=value("income_tax_rate"),
        duty=0.0 if stage == "refinery" else value("mining_duty_rate"),
        depreciation_years=round(value("depreciation_years")),
        hurdle=value("base_project_rate") + value("country_risk_premium"),
        specialty_addon=0.0 if traded else value("specialty_addon"),
        debt_share=value("debt_share"),
        debt_tenor=round(value("debt_tenor_years")),
        debt_rate=value("debt_rate"),
    )


def plants(instance: Instance) -> dict[str, Plant]:
    """Read every project of the instance as a ``Plant``."""
    listed = set(instance.products.index)
    streams: dict[str, list[Byproduct]] = {}
    for row in instance.byproducts.itertuples(index=False):
        streams.setdefault(row.project_id, []).append(
            Byproduct(
                product=row.product_code,
                tonnes=float(row.t_per_year),
                payability=float(row.payability),
                price_usd_per_t=float(row.price_usd_per_t),
                listed=row.product_code in listed,
            )
        )
    return {str(key): _plant(instance, str(key), row, streams) for key, row in instance.projects.iterrows()}


def _plant(instance: Instance, key: str, row: object, streams: dict[str, list[Byproduct]]) -> Plant:
    cell = row.get  # type: ignore[attr-defined]
    product = str(cell("product_code"))
    stated = str(instance.products.loc[product, "form"])
    form = str(cell("form_sold"))
    optional = bool(instance.settings["data.optional_expansions"])
    grows = _number(cell("expansion_capacity_t_per_year")) > 0.0
    traded = bool(instance.products.loc[product, "exchange_traded"])
    return Plant(
        id=key,
        country=str(cell("country")),
        product=product,
        stage=str(cell("stage")),
        refined=form == stated or {form, stated} <= REFINED_FORMS,
        china_linked=bool(cell("china_linked")),
        available=bool(cell("available")),
        in_b0=bool(cell("b0_supply")),
        group=_text(cell("exclusive_group")),
        earliest=int(cell("earliest_start_year")),
        build_years=int(cell("build_years")),
        capacity=float(cell("capacity_t_per_year")),
        ramp=tuple(float(x) for x in cell("ramp")),
        life=min(round(float(cell("life_years"))), round(instance.param("life_cap_years"))),
        capital_musd=float(cell("capex_musd"))
        * float(cell("optimism_factor"))
        * (1.0 - _number(cell("sunk_capex_share"))),
        grant_musd=_number(cell("public_grant_musd")),
        sustaining_musd=float(cell("sustaining_musd_per_year")),
        opex=float(cell("opex_usd_per_t")),
        payability=float(cell("payability")),
        royalty=float(cell("royalty_rate")),
        expansion_musd=_number(cell("expansion_capex_musd")) if optional or not grows else 0.0,
        expansion_index=round(_number(cell("expansion_year"))) - 1,
        expansion_capacity=_number(cell("expansion_capacity_t_per_year")) if optional else 0.0,
        loan_musd=_number(cell("public_loan_musd")),
        loan_tenor=round(_number(cell("public_loan_tenor_years"))),
        loan_spread=_number(cell("public_loan_spread")),
        feed_product=_text(cell("feed_product_code")),
        feed_tonnes=_number(cell("feed_t_per_t")),
        feed_factor=_number(cell("feed_price_factor")),
        itc_share=float(cell("itc_eligible")),
        ptc_share=float(cell("ptc_eligible_share" if instance.settings["data.ptc_cost_base"] == "final" else "ptc_eligible_share_proposed")),
        byproducts=tuple(streams.get(key, ())),
        terms=terms(instance, str(cell("country")), str(cell("stage")), traded),
    )


def _number(value: object) -> float:
    number = float(value)  # type: ignore[arg-type]
    return 0.0 if np.isnan(number) else number


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def calendar(plant: Plant, start: int, years: NDArray[np.int_]) -> Calendar:
    """Lay a plant out from one start year (C10): capital evenly over the build years left, ramp, sustaining."""
    base, last = int(years[0]), int(years[-1])
    build_years = [y for y in range(start - plant.build_years, start) if y >= base] or [base]
    operating = np.arange(start, min(start + plant.life, last + 1))
    count = operating.size
    ramp = np.array([plant.ramp[min(n, len(plant.ramp) - 1)] for n in range(count)])
    output = plant.capacity * ramp
    sustaining = np.full(count, plant.sustaining_musd)
    capital = max(0.0, plant.capital_musd - plant.grant_musd)
    write_off = _straight_line(count, 0, plant.terms.depreciation_years)
    depreciation = capital * write_off
    expansion = np.zeros(count)
    index = plant.expansion_index
    if plant.expansion_musd > 0.0 and 0 <= index < count:
        expansion[index] = plant.expansion_musd
        depreciation = depreciation + plant.expansion_musd * _straight_line(count, index, plant.terms.depreciation_years)
        output[index + 1 :] += plant.expansion_capacity
    return Calendar(
        start=start,
        build=np.array(build_years) - base,
        operate=operating - base,
        capital=np.full(len(build_years), capital / len(build_years)),
        ramp=ramp,
        output=output,
        sustaining=sustaining,
        expansion=expansion,
        depreciation=depreciation,
        write_off=write_off,
    )


def _straight_line(count: int, first: int, span: int) -> Array:
    """Return the yearly shares of a straight-line write-off from ``first``, cut at the end of life."""
    shares = np.zeros(count)
    span = min(span, count - first)
    shares[first : first + span] = 1.0 / span
    return shares


def refined_tonnes(plant: Plant, cal: Calendar, horizon: int) -> Array:
    """Return the tonnes that count in need and security, t/y over all simulated years (C8)."""
    tonnes = np.zeros(horizon)
    tonnes[cal.operate] = cal.output * (1.0 if plant.refined else plant.payability)
    return tonnes


def feed_tonnes(plant: Plant, cal: Calendar, horizon: int) -> Array:
    """Return the tonnes of feed that the plant buys, t/y over all simulated years (C4)."""
    tonnes = np.zeros(horizon)
    tonnes[cal.operate] = cal.output * plant.feed_tonnes
    return tonnes


def start_years(instance: Instance, plant: Plant) -> tuple[int, ...]:
    """Return the ladder of start years: earliest + delays, none after ``end_year`` (C19)."""
    end = int(instance.settings["years.end"])
    base = int(instance.settings["years.base"])
    first = max(plant.earliest, base)
    return tuple(y for y in (first + int(d) for d in instance.settings["ladders.start_delays"]) if y <= end)


__all__ = [
    "COUNTRIES",
    "Byproduct",
    "Calendar",
    "Plant",
    "Terms",
    "calendar",
    "feed_tonnes",
    "plants",
    "refined_tonnes",
    "start_years",
    "terms",
]
