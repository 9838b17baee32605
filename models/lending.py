"""The lender's rules and the loan of a plant (C12, C13)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .finance import pmt

if TYPE_CHECKING:
    from ..instances import Instance
    from .aid import PublicLoan
    from .projects import Plant

Money = Any
"""An amount in musd, or an array of one per case."""


@dataclass(frozen=True)
class Rules:
    """The parameters of C12 and C13, read once from the instance."""

    price_down: float
    cost_down: float
    capital_down: float
    delay: int
    reserve_years: float
    cover_merchant: float
    cover_reduction: float
    cover_down: float
    dump_cover: float
    dump_years: int
    tail_alpha: float
    loss_tolerance: float
    idc_drawn: float
    public_base_rate: float
    strike_max: float
    main_share_min: float
    stack_cap: float
    value: bool
    tail: bool
    lender: bool
    stack: bool

    @staticmethod
    def read(instance: Instance) -> Rules:
        """Read the rules and their switches."""
        p, s = instance.param, instance.settings
        return Rules(
            price_down=p("downside_price_factor"),
            cost_down=p("downside_opex_factor"),
            capital_down=p("downside_capex_factor"),
            delay=round(p("downside_delay_years")),
            reserve_years=p("reserve_months") / 12.0,
            cover_merchant=p("dscr_average_merchant"),
            cover_reduction=p("dscr_contract_reduction"),
            cover_down=p("dscr_minimum_downside"),
            dump_cover=p("dump_llcr_minimum"),
            dump_years=round(p("dump_deck_years")),
            tail_alpha=p("cvar_alpha"),
            loss_tolerance=p("loss_tolerance"),
            idc_drawn=p("idc_drawn_share"),
            public_base_rate=p("public_base_rate"),
            strike_max=p("strike_max"),
            main_share_min=p("contract_min_revenue_share"),
            stack_cap=p("stack_cap"),
            value=bool(s["switches.value"]),
            tail=bool(s["switches.tail"]),
            lender=bool(s["switches.lender"]),
            stack=bool(s["switches.stack"]),
        )


@dataclass(frozen=True)
class Loan:
    """Debt of a plant: principal and yearly service (musd, one or one per case), rate, and the repayment years' count."""

    principal: Money
    service: Money
    rate: float
    years: int


def interest_in_construction(plant: Plant, rate: float, rules: Rules) -> float:
    """Return interest until production as a share of the capital borrowed for, ``debt share x rate x drawn x build years``."""
    return plant.terms.debt_share * rate * rules.idc_drawn * plant.build_years


def loan(plant: Plant, operating_years: int, rules: Rules, credit: Money = 0.0, public: PublicLoan | None = None) -> Loan:
    """Size the loan (C12c): a closed public loan on its terms, else a share of capital and interest in construction.

    ``credit`` is the investment credit in musd, one or one per case: what the treasury pays towards capital is not borrowed.
    A ``public`` loan of the club replaces rate and tenor (C15).
    """
    t = plant.terms
    principal: Money
    if plant.loan_musd > 0.0:
        principal, rate, tenor = plant.loan_musd, rules.public_base_rate + plant.loan_spread, plant.loan_tenor
    else:
        capital = np.maximum(0.0, plant.capital_musd - plant.grant_musd - credit)
        rate, tenor = (t.debt_rate, t.debt_tenor) if public is None else (public.rate, public.tenor)
        principal = t.debt_share * capital * (1.0 + interest_in_construction(plant, rate, rules))
    years = max(1, min(tenor, operating_years - 1))
    return Loan(principal=principal, service=principal * pmt(rate, years, 1.0), rate=rate, years=years)


def main_share(plant: Plant, long_run: dict[str, float]) -> float:
    """Return the main product's share of revenue at long-run prices and full output (C12a)."""
    main = plant.capacity * plant.payability * long_run[plant.product]
    other = sum(b.tonnes * b.payability * (long_run[b.product] if b.listed else b.price_usd_per_t) for b in plant.byproducts)
    return main / (main + other) if main + other > 0.0 else 0.0
