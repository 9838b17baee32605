"""Law in force in 2026 and as the chapter of 2025 knew it -> ``policy.csv``."""

from collections.abc import Mapping, Sequence

from .build_corrections import sources
from .build_tables import Row, number, plain

POLICY_IDS = ("US_45X", "CA_CTM_ITC", "CA_CTM_ITC_2025")
"""Credits in force that lower the cost of a project; other instruments are in products.csv, finance.csv or not in a cash flow (docs/evidence.md)."""

PRESENT, CHAPTER = "2026", "chapter"
"""Law vintages: what holds in November 2026, and what held when the chapter was written, before the phase-out of section 45X and the end of 30D."""

_CHAPTER_45X = "https://www.energypolicy.columbia.edu/qa-the-debate-over-the-45x-tax-credit-and-critical-minerals-mining/"
_VEHICLE = "https://www.sae.org/site/news/2022/03/where-key-ev-minerals-come-from"
_30D = "https://www.realclearmarkets.com/articles/2024/05/20/ev_critical_minerals_tax_credit_should_prioritize_us_mineral_production_1032562.html"

CREDIT_USD_PER_VEHICLE = 3750.0
"""Half of the vehicle credit of section 30D, paid where enough of the battery's minerals come from partners."""

PASS_THROUGH = (0.0, 0.05, 0.2)
"""Low, base and high share of that credit that reaches sellers of minerals (assumed): buyers keep most of it, and most sellers of the world qualify."""

REQUIRED = {2023: 0.4, 2024: 0.5, 2025: 0.6, 2026: 0.7, 2027: 0.8}
"""Share of the minerals' value that must come from partners, by first year; the credit ended after 2032."""

LAST_YEAR_30D = "2032"

KG_PER_VEHICLE: Mapping[str, float] = {
    "lithium_carbonate": 8.9 * 5.323,
    "nickel": 39.9,
    "cobalt": 13.3,
    "graphite_anode": 66.3,
    "manganese_sulphate": 24.5 / 0.32,
}
"""Minerals of a typical electric car (IEA through SAE), kg of product: lithium as carbonate, manganese as sulphate of 32% Mn."""


def policy_rows(evidence: Sequence[Row], products: Sequence[Row]) -> list[Row]:
    """Write the credits of ``POLICY_IDS`` and the law of the chapter.

    The phase-out of section 45X belongs to the present vintage; rows without a vintage hold in both.

    Args:
        evidence: rows of ``evidence/policy.csv`` after correction.
        products: rows of ``evidence/products.csv`` after correction.
    """
    known = {row["instrument_id"]: row for row in evidence}
    rows = [_in_force(known[name]) for name in POLICY_IDS]
    return [*rows, _without_phase_out(rows[0]), *premium_rows(products)]


def _in_force(row: Row) -> Row:
    out = {key: row[key] for key in ("instrument_id", "country", "products", "kind", "rate", "start_year", "end_year", "phase_schedule")}
    out["law_vintage"] = PRESENT if row["instrument_id"] == "US_45X" else ""
    out["provenance"] = "read"
    out["source"] = " ; ".join((*filter(None, (row["source_url"],)), *sources("policy", row["instrument_id"]))) or row["legal_basis"]
    return out


def _without_phase_out(row: Row) -> Row:
    return {**row, "instrument_id": "US_45X_CHAPTER", "end_year": "", "phase_schedule": "", "law_vintage": CHAPTER, "source": _CHAPTER_45X}


def premium_rows(products: Sequence[Row]) -> list[Row]:
    """Write the demand premium of section 30D per battery product, in the chapter's vintage (C9).

    ``premium = pass_through x credit x share / (kg per vehicle / 1000) x required share``, where ``share`` is the product's share of the minerals'
    value in a vehicle at long-run prices.

    Args:
        products: rows of ``evidence/products.csv`` after correction.

    Returns:
        One row per product of ``KG_PER_VEHICLE``, USD per tonne.
    """
    prices = {row["product_code"]: number(row["long_run_price_usd_per_t"]) for row in products}
    value = {code: kg / 1000 * prices[code] for code, kg in KG_PER_VEHICLE.items()}
    total = sum(value.values())
    return [_premium(code, value[code] / total, total) for code in KG_PER_VEHICLE]


def _premium(code: str, share: float, total: float) -> Row:
    low, base, high = PASS_THROUGH
    per_tonne = base * CREDIT_USD_PER_VEHICLE * share / (KG_PER_VEHICLE[code] / 1000)
    steps = {year: plain(per_tonne * required, 4) for year, required in REQUIRED.items()}
    first, *later = steps
    kg = plain(KG_PER_VEHICLE[code], 3)
    formula = (
        f"pass-through {base:g} (range {low:g} to {high:g}) x 3750 USD x {share:.3f} of {total:.0f} USD of minerals per vehicle / {kg} kg x required share"
    )
    return {
        "instrument_id": f"US_30D_{code.upper()}",
        "country": "USA",
        "products": code,
        "kind": "demand_premium",
        "rate": steps[first],
        "start_year": str(first),
        "end_year": LAST_YEAR_30D,
        "law_vintage": CHAPTER,
        "phase_schedule": "|".join(f"{year}:{steps[year]}" for year in later),
        "provenance": f"rate:assumed ({formula}); phase_schedule:assumed (the same by year); start_year:read; end_year:read",
        "source": f"{_30D} ; {_VEHICLE}",
    }
