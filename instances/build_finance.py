"""Finance parameters that the model reads, and the assumptions that fill cells no source fills."""

from collections.abc import Sequence
from dataclasses import dataclass

from .build_tables import Row

_KEY = ("parameter", "country", "stage")


@dataclass(frozen=True)
class Mapped:
    """Take a row of ``evidence/finance.csv`` under the name that the model reads."""

    name: str
    country: str
    old: tuple[str, str, str]
    stage: str = "all"
    reason: str = ""


@dataclass(frozen=True)
class Own:
    """State a value that the evidence does not hold, or holds on another base."""

    name: str
    country: str
    stage: str
    values: tuple[float, float, float]
    unit: str
    word: str
    source: str
    reason: str


def _all(name: str, old: str, reason: str = "") -> Mapped:
    return Mapped(name, "ALL", (old, "ALL", "all"), reason=reason)


_DUTY_UNIT = "share of revenue less royalty, cost and sustaining capital"
_DUTY_USA = "state taxes on net proceeds (Nevada 5%, Arizona 2.5%, Alaska 3-7%): middle value; their deduction of capital is not taken off"
_DUTY_CAN = (
    "C11 takes the duty on the margin before depreciation, the statutes after depreciation and a processing allowance: 0.13 (mean of the provincial "
    "rates) x 0.79 (1 - capital over lifetime margin of the Canadian mines here) x 0.60 (1 - middle of the allowance caps 15-65%); high = the "
    "statutory rate. Duties of 1-5% of output in 2010 agree"
)
_DUTY_CAN_INTEGRATED = "as the mine, with 0.59 for depreciation and 0.50 for the larger allowance of a refinery in the province"
_DUTY_MEX = "base before depreciation and interest, as in C11; the 1% on gold and silver revenue and the 10% profit share are not modelled"
_DUTY_NONE = "no mining duty on a plant that buys its feed"
_CAN_LAW = "https://docslib.org/doc/8580321/province-territory-ontario-qu%C3%A9bec-saskatchewan-northwest ; https://progressive-economics.ca/2012/02/ontario-pitiful-mining-tax"
_LINEAR_TAX = (
    "C11 spreads depreciation evenly and relieves losses at once, so the one-year write-off of current law would pay refunds to projects that earn nothing yet"
)

FINANCE: tuple[Mapped | Own, ...] = (
    _all("public_rate", "public_rate_single"),
    _all("base_project_rate", "base_project_rate_real"),
    *(Mapped("country_risk_premium", c, ("country_risk_premium", c, "all")) for c in ("USA", "CAN", "MEX")),
    _all("specialty_addon", "specialty_addon"),
    _all("downside_price_factor", "deck_price_factor_downside"),
    *(Mapped("income_tax_rate", c, ("income_tax_rate", c, "all")) for c in ("USA", "CAN")),
    Own(
        "income_tax_rate",
        "MEX",
        "all",
        (0.30, 0.30, 0.37),
        "share of taxable income",
        "read",
        "evidence/finance.csv",
        "high = with the 10% profit share, which is deductible (0.30 + 0.10 x 0.70) but since 2021 capped at three months of pay",
    ),
    *(Mapped("mining_duty_rate", "USA", ("mining_duty_rate", "USA", "mine"), stage, _DUTY_USA) for stage in ("mine", "integrated")),
    Own("mining_duty_rate", "CAN", "mine", (0.03, 0.06, 0.13), _DUTY_UNIT, "derived", _CAN_LAW, _DUTY_CAN),
    Own("mining_duty_rate", "CAN", "integrated", (0.02, 0.04, 0.13), _DUTY_UNIT, "derived", _CAN_LAW, _DUTY_CAN_INTEGRATED),
    *(Mapped("mining_duty_rate", "MEX", ("mining_duty_rate", "MEX", "mine"), stage, _DUTY_MEX) for stage in ("mine", "integrated")),
    *(Own("mining_duty_rate", c, "refinery", (0, 0, 0), _DUTY_UNIT, "assumed", "", _DUTY_NONE) for c in ("USA", "CAN", "MEX")),
    Own("depreciation_years", "USA", "all", (5, 7, 10), "years", "assumed", "evidence/finance.csv", f"seven-year class. {_LINEAR_TAX}"),
    Own("depreciation_years", "CAN", "all", (5, 8, 12), "years", "assumed", "evidence/finance.csv", f"25% declining balance as a straight line. {_LINEAR_TAX}"),
    Own("depreciation_years", "MEX", "all", (8, 8, 10), "years", "assumed", "evidence/finance.csv", "12% straight line, rounded down"),
    _all("debt_share", "debt_share_of_capex"),
    _all("debt_tenor_years", "debt_tenor_commercial"),
    *(Mapped("debt_rate", c, ("interest_rate_real_commercial", c, "all")) for c in ("USA", "CAN", "MEX")),
    _all("public_base_rate", "base_rate_real"),
    _all("idc_drawn_share", "idc_mean_drawn_share"),
    _all("dscr_average_merchant", "dscr_average_minimum_merchant"),
    _all("dscr_contract_reduction", "dscr_contract_reduction"),
    _all("dscr_minimum_downside", "dscr_yearly_minimum_downside"),
    _all("reserve_months", "debt_service_reserve_account"),
    _all("dump_llcr_minimum", "dump_deck_llcr_minimum"),
    _all("dump_deck_years", "dump_deck_years"),
    _all("downside_opex_factor", "deck_opex_factor_downside"),
    _all("downside_capex_factor", "deck_capex_factor_downside"),
    _all("downside_delay_years", "downside_delay"),
    _all("cvar_alpha", "cvar_alpha"),
    Own(
        "loss_tolerance",
        "ALL",
        "all",
        (0.25, 0.60, 0.75),
        "share of PV of capital",
        "assumed",
        "https://business-standard.com/article/news-cm/moody-s-project-finance-remains-resilient-class-of-specialised-corporate-lending-116031700513_1.html",
        "the mean of the worst tenth may lose all equity (0.40) and a third of the loan (0.60 x 1/3); lenders recovered 80% on average after defaults, "
        "less in the worst tenth. 0.25, the base of the evidence, asks that equity keeps part of its money even there: it is the low value",
    ),
    Own(
        "care_share",
        "ALL",
        "all",
        (0.02, 0.10, 0.20),
        "share of operating cost and feed",
        "assumed",
        "https://staging1.creamermedia.com/article/depressed-nickel-price-prompt-care-and-maintenance-for-first-quantums-ravensthorpe-mine-2017-08-10",
        "low = Ravensthorpe 2017: 5 MUSD a year against about 240 of operating cost; stopping and restarting (10 MUSD each) come on top",
    ),
    Own("life_cap_years", "ALL", "all", (20, 30, 40), "years", "assumed", "", "C2: at most 30 operating years are valued"),
    _all("lender_share_of_protection", "lender_share_of_protection"),
    _all("review_year", "protection_expiry_year"),
    _all("export_cost", "export_cost"),
    _all("export_cap", "export_cap"),
    _all("supply_fill_restricted", "supply_fill_restricted"),
    _all("stack_cap", "stack_cap"),
    Own(
        "upside_share_max",
        "ALL",
        "all",
        (0.3, 0.5, 1.0),
        "share of the excess over strike",
        "read",
        "evidence/contracts.csv",
        "minerals 0.30 and 0.50, power 1.0",
    ),
    _all("strike_max", "strike_max"),
    _all("contract_min_revenue_share", "contract_min_revenue_share"),
    _all("subsidy_band", "subsidy_band"),
)


def finance_rows(evidence: Sequence[Row], wanted: Sequence[Mapped | Own] = FINANCE) -> list[Row]:
    """Write the parameters that the model reads, in the order of ``wanted``.

    Args:
        evidence: rows of ``evidence/finance.csv``.
        wanted: what to write.

    Raises:
        KeyError: if a mapped row is not in the evidence.
    """
    known = {(row["parameter"], row["country"], row["stage"]): row for row in evidence}
    return [_own(item) if isinstance(item, Own) else _mapped(item, known[item.old]) for item in wanted]


def _mapped(item: Mapped, row: Row) -> Row:
    out = {name: row[name] for name in ("low", "base", "high", "unit", "source")}
    out |= {"parameter": item.name, "country": item.country, "stage": item.stage}
    out["provenance"] = base_word(row["provenance"])
    out["notes"] = "; ".join(part for part in (f"evidence row {' '.join(item.old)}", row["notes"], item.reason) if part)
    return out


def _own(item: Own) -> Row:
    low, base, high = (f"{value:g}" for value in item.values)
    return {
        "parameter": item.name,
        "country": item.country,
        "stage": item.stage,
        "low": low,
        "base": base,
        "high": high,
        "unit": item.unit,
        "provenance": item.word,
        "source": item.source,
        "notes": item.reason,
    }


def base_word(text: str) -> str:
    """Return the provenance word of the base value from texts such as ``read (base); low and high assumed``."""
    first = text.split(" ")[0].rstrip(";:,")
    if first in ("read", "derived", "assumed"):
        return first
    raise ValueError(f"no provenance word in {text!r}")
