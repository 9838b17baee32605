"""Read one row of published study results: units, payability, by-products, later phases.

Every rule here is a rule about a column or about words that collectors of study results use; none names a project.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

COUNTRIES = ("USA", "CAN", "MEX")
REQUIRED: Mapping[str, str] = {
    "capacity_t_per_year": "capacity",
    "capex_initial_m_study_ccy": "initial capital",
    "opex_per_t_study_ccy": "operating cost",
    "price_per_t_study_ccy": "price",
    "mine_life_years": "life",
}

CPI: Mapping[int, float] = {
    2007: 207.3, 2008: 215.3, 2009: 214.5, 2010: 218.1, 2011: 224.9, 2012: 229.6, 2013: 233.0, 2014: 236.7, 2015: 237.0, 2016: 240.0,
    2017: 245.1, 2018: 251.1, 2019: 255.7, 2020: 258.8, 2021: 271.0, 2022: 292.7, 2023: 304.7, 2024: 313.7, 2025: 322.0,
}  # fmt: skip
"""United States consumer prices; a study outside the years takes the nearest one."""

DECK_PRICES: Mapping[str, float] = {"gold": 61_122_010, "silver": 742_531, "copper": 8_044, "zinc": 2_795, "lead": 2_330}
"""USD per tonne in 2025 money, the median by-product price of the shipped studies since 2018 where at least two give one.

A study is judged with the prices that studies use, not with those of later years.
"""

MEAN_PRICES: Mapping[str, float] = {
    "nickel": 21_065, "cobalt": 45_309, "molybdenum": 49_121, "bismuth": 17_015, "terbium": 1_412_900, "dysprosium": 351_790, "boric acid": 554.26,
}  # fmt: skip
"""USD per tonne in 2025 money, mean 2021-2025 (USGS Mineral Commodity Summaries 2026), for metals without two decks."""

PRICES: Mapping[str, float] = {**DECK_PRICES, **MEAN_PRICES}

SYMBOLS: Mapping[str, str] = {
    "gold": "Au", "silver": "Ag", "copper": "Cu", "zinc": "Zn", "lead": "Pb", "nickel": "Ni", "cobalt": "Co", "molybdenum": "Mo",
    "bismuth": "Bi", "terbium": "Tb", "dysprosium": "Dy",
}  # fmt: skip

CONCENTRATE_PAYABILITY: Mapping[str, float] = {"copper": 0.965, "zinc": 0.85, "nickel": 0.78, "cobalt": 0.80, "antimony": 0.60, "tungsten": 0.78}
AWARUITE_PAYABILITY = 0.92
BYPRODUCT_PAYABILITY: Mapping[str, float] = {
    "copper": 0.90, "zinc": 0.80, "cobalt": 0.50, "gold": 0.95, "silver": 0.90, "lead": 0.90, "molybdenum": 0.90,
}  # fmt: skip

_METALS: Mapping[str, re.Pattern[str]] = {metal: re.compile(rf"\b(?i:{metal})\b" + (rf"|\b{SYMBOLS[metal]}\b" if metal in SYMBOLS else "")) for metal in PRICES}
_PLANT = re.compile(r"\b(refinery|smelter|plant|anode|separation circuit)\b", re.IGNORECASE)
_MINE = re.compile(r"\b(mine|integrated)\b", re.IGNORECASE)
_FEED = re.compile(r"\bfeed\b[^.;]*?\b(?:bought|purchased) at (\d+(?:\.\d+)?)% (?:payability|of)", re.IGNORECASE)
_NO_ROYALTY = re.compile(r"royalty[- ]free|\bno (private )?royalty", re.IGNORECASE)
_ROYALTY = re.compile(r"(\d+(?:\.\d+)?)% (?:of revenue|NSR|GOR|royalty|gross|net smelter)", re.IGNORECASE)
_LATER_PHASE = re.compile(
    r"\b(?:expansion|ph(?:ase)? ?[2-9])(?: capex| capital)?(?: of)? *[~+]? *(?:US\$|C\$|\$)?(\d[\d,]*+(?:\.\d++)?+) *+(bn\b|BUSD\b|BCAD\b)?+"
    r"(?! *(?:-|%|k?tp[ady]|k?t\b|k?t/|Mt|Mlb|[kM]?oz|mtu|MW|GW|km|y\b|yr|year|month))",
    re.IGNORECASE,
)
_TOTAL_CAPITAL = re.compile(r"\btotal capex (\d[\d,]*+(?:\.\d++)?+)", re.IGNORECASE)
_PHASES = re.compile(r"\b([2-9]) phases\b", re.IGNORECASE)
_SMALLEST_PHASE = 0.05
_CALENDAR_YEARS = range(1990, 2051)


@dataclass(frozen=True)
class Study:
    """The inputs and the published result of one study, million USD and USD per tonne of the study's own year.

    ``price_usd_per_t`` is after payability. ``build_years``, ``sustaining_musd_per_year`` and ``royalty_rate`` are None where the row gives none.
    ``unpriced`` names by-products whose revenue is left out because neither the study nor the price table has a price.
    """

    project_id: str
    country: str
    year: int
    plant: bool
    underground: bool
    basis: Literal["pre_tax", "after_tax"]
    published_irr: float
    capacity_t: float
    capital_musd: float
    opex_usd_per_t: float
    price_usd_per_t: float
    feed_usd_per_t: float
    life_years: float
    build_years: float | None
    sustaining_musd_per_year: float | None
    royalty_rate: float | None
    byproducts_musd: float
    later_phases_musd: tuple[float, ...]
    unpriced: tuple[str, ...]


def missing_inputs(row: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of the inputs that the row lacks and without which no cash flow can be built."""
    return tuple(name for column, name in REQUIRED.items() if not _text(row, column))


def read_study(row: Mapping[str, Any]) -> Study:
    """Return the study of a row with the columns of ``published_results.csv``.

    The basis is pre-tax where a pre-tax rate is published, else after-tax; ``published_irr`` is nan where neither is.

    Raises:
        ValueError: one message that names every cell that is missing, not a number or out of range.
    """
    mistakes: list[str] = []
    cell = {column: _number(row, column, mistakes, positive=True, required=True) for column in REQUIRED}
    build, fx, total, yearly = (
        _number(row, column, mistakes, positive=positive)
        for column, positive in (
            ("construction_years", True),
            ("fx_usd_per_study_ccy", True),
            ("sustaining_total_m_study_ccy", False),
            ("sustaining_m_study_ccy_per_year", False),
        )
    )
    year = _number(row, "study_year", mistakes, positive=True, required=True)
    pre_tax, after_tax = (_number(row, column, mistakes, positive=False, signed=True) for column in ("irr_pre_tax", "irr_after_tax"))
    country = _text(row, "country")
    if country not in COUNTRIES:
        mistakes.append(f"country: got {country!r}, expected one of {', '.join(COUNTRIES)}")
    if fx is None and _text(row, "study_currency") not in ("", "USD"):
        mistakes.append("fx_usd_per_study_ccy: needed for a study that is not in USD")
    streams = _byproducts(row, mistakes)
    if mistakes:
        raise ValueError(f"study {_text(row, 'project_id') or '?'}: " + "; ".join(mistakes))
    rate, product, study_year = fx or 1.0, _text(row, "product"), int(year or 0)
    life = float(cell["mine_life_years"] or 0)
    capital = float(cell["capex_initial_m_study_ccy"] or 0)
    price = float(cell["price_per_t_study_ccy"] or 0) * rate * payability(product)
    title = f"{_text(row, 'name')} {product}"
    plant = bool(_PLANT.search(title)) and not _MINE.search(title)
    feed = _FEED.search(f"{_text(row, 'royalty_note')}; {_text(row, 'notes')}")
    sustaining = yearly if yearly is not None else None if total is None else total / life
    byproducts, unpriced = _value(streams, product, study_year)
    return Study(
        project_id=_text(row, "project_id"),
        country=country,
        year=study_year,
        plant=plant,
        underground="underground" in title.lower(),
        basis="after_tax" if pre_tax is None else "pre_tax",
        published_irr=next((value for value in (pre_tax, after_tax) if value is not None), math.nan),
        capacity_t=float(cell["capacity_t_per_year"] or 0),
        capital_musd=capital * rate,
        opex_usd_per_t=float(cell["opex_per_t_study_ccy"] or 0) * rate,
        price_usd_per_t=price,
        feed_usd_per_t=price * float(feed.group(1)) / 100 if feed else 0.0,
        life_years=life,
        build_years=build,
        sustaining_musd_per_year=None if sustaining is None else sustaining * rate,
        royalty_rate=royalty_rate(_text(row, "royalty_note")),
        byproducts_musd=byproducts,
        later_phases_musd=tuple(amount * rate for amount in later_phases(_text(row, "notes"), capital)),
        unpriced=unpriced,
    )


def payability(product: str) -> float:
    """Return the paid share of the price of a main product: 1 unless it is sold in concentrate and not stated as payable metal."""
    if "conc" not in product.lower() or "payable" in product.lower():
        return 1.0
    if "awaruite" in product.lower():
        return AWARUITE_PAYABILITY
    if "antimony" in product.lower():
        return CONCENTRATE_PAYABILITY["antimony"]
    if "WO3" in product:
        return CONCENTRATE_PAYABILITY["tungsten"]
    return CONCENTRATE_PAYABILITY.get(_metal(product) or "", 1.0)


def royalty_rate(note: str) -> float | None:
    """Return the royalty that a note states (``5% NSR``, ``royalty-free``), None where it states none."""
    if _NO_ROYALTY.search(note):
        return 0.0
    found = _ROYALTY.search(note)
    return float(found.group(1)) / 100 if found else None


def later_phases(notes: str, initial: float) -> tuple[float, ...]:
    """Return capital of later phases that notes state, in the unit of ``initial``.

    Read are ``expansion capex 176``, ``Ph2 478``, ``Phase 2 capital of C$0.5bn``; failing those, ``total capex N`` beside ``k phases`` gives
    ``k - 1`` equal parts of ``N - initial``. Amounts below 5% of initial capital and calendar years are taken for something else.
    """
    amounts = [_amount(number) * (1000.0 if unit else 1.0) for number, unit in _LATER_PHASE.findall(notes)]
    stated = tuple(amount for amount in amounts if amount >= _SMALLEST_PHASE * initial and amount not in _CALENDAR_YEARS)
    total, count = _TOTAL_CAPITAL.search(notes), _PHASES.search(notes)
    if stated or not (total and count) or _amount(total.group(1)) <= initial:
        return stated
    later = int(count.group(1)) - 1
    return ((_amount(total.group(1)) - initial) / later,) * later


def table_price(metal: str, year: int) -> float:
    """Return the long-run price of a metal in money of ``year``, USD per tonne."""
    return PRICES[metal] * CPI[min(max(year, min(CPI)), max(CPI))] / CPI[2025]


def _value(streams: list[tuple[str, float | None, float | None]], product: str, year: int) -> tuple[float, tuple[str, ...]]:
    """Return by-product revenue a year, million USD, and the names of the streams left out."""
    revenue, unpriced = 0.0, []
    for name, tonnes, price in streams:
        metal = _metal(name)
        unit = price if price is not None else table_price(metal, year) if metal else None
        if unit is None or tonnes is None:
            unpriced.append(name)
            continue
        paid = 1.0 if "payable" in f"{product} {name}".lower() else BYPRODUCT_PAYABILITY.get(metal or "", 1.0)
        revenue += tonnes * unit * paid / 1e6
    return revenue, tuple(unpriced)


def _byproducts(row: Mapping[str, Any], mistakes: list[str]) -> list[tuple[str, float | None, float | None]]:
    """Return (name, tonnes, USD per tonne) of each stream ``name:t:price``; an empty or ``na`` field is None."""
    streams = []
    for part in filter(None, _text(row, "byproducts_study").split("|")):
        fields = part.rsplit(":", 2)
        try:
            name, tonnes, price = fields[0], *(None if field.strip() in ("", "na") else float(field) for field in fields[1:])
        except ValueError:
            mistakes.append(f"byproducts_study: got {part!r}, expected name:tonnes:price")
            continue
        streams.append((name, tonnes, price))
    return streams


def _metal(name: str) -> str | None:
    """Return the metal that a stream's name mentions first, by name or symbol; a salt of it is not the metal."""
    if re.search(r"sulphate|sulfate|SO4", name):
        return None
    found = {metal: match.start() for metal, pattern in _METALS.items() if (match := pattern.search(name))}
    return min(found, key=found.__getitem__, default=None)


def _amount(number: str) -> float:
    return float(number.replace(",", ""))


def _text(row: Mapping[str, Any], column: str) -> str:
    value = row.get(column)
    return "" if value is None or (isinstance(value, float) and math.isnan(value)) else str(value).strip()


def _number(row: Mapping[str, Any], column: str, mistakes: list[str], *, positive: bool, required: bool = False, signed: bool = False) -> float | None:
    text = _text(row, column)
    if not text:
        if required:
            mistakes.append(f"{column}: empty")
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or (value < 0 and not signed) or (positive and value == 0):
        mistakes.append(f"{column}: got {text!r}, expected a number{'' if signed else ' above 0' if positive else ' of at least 0'}")
        return None
    return value
