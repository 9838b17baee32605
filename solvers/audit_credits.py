"""Recompute capital, credits, grants and loans (C10, C12c, C15); money in musd."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .audit_option import Option, cut
from .audit_world import FloatArray, Project, World


@dataclass(frozen=True)
class Loan:
    """Hold a loan: amount in musd, real rate, number of yearly repayments and the level repayment in musd (C12c)."""

    amount: float
    rate: float
    tenor: int
    service: float


@dataclass(frozen=True)
class Credits:
    """Hold what the treasury adds to a project, musd (C15).

    Investment credits by calendar year (H,), a grant of the club among them; production credits by operating year (S, N), or (1, N) where all scenarios are
    alike; ``loan`` is the subsidy of a concessional loan by calendar year (H,), which is no cash flow of the project before debt.
    """

    law_itc: FloatArray
    club_itc: FloatArray
    law_ptc: FloatArray
    club_ptc: FloatArray
    loan: FloatArray


def capital_by_year(world: World, project: Project, option: Option) -> FloatArray:
    """Spread K evenly over the build years that are not before the base year, musd, shape (H,) (C10)."""
    spent = np.zeros(world.horizon)
    end = option.start - world.base
    first = max(0, end - project.build_years)
    years = slice(first, end) if first < end else slice(0, 1)
    spent[years] = project.capital / (years.stop - years.start)
    return spent


def capital_aid(world: World, project: Project, option: Option) -> tuple[FloatArray, FloatArray]:
    """Return investment credits of the law and of the club, the club's grant included, musd, each (H,) (C15)."""
    capital = capital_by_year(world, project, option)
    eligible = capital * float(project.itc_eligible)
    law = world.law_credits.get(("itc", project.country, project.product), np.zeros(world.horizon))
    return law * eligible, option.itc * eligible + option.grant * capital


def investment_credit(world: World, project: Project, option: Option) -> float:
    """Return the investment credit, law and club, a grant of the club included, musd (C15)."""
    law, club = capital_aid(world, project, option)
    return float((law + club).sum())


def credits_of(world: World, project: Project, option: Option, cost: FloatArray) -> Credits:
    """Return the credits drawn; ``cost`` is operating cost and feed of years not idle, musd, shape (S, N) (C15)."""
    subsidy = np.zeros(world.horizon)
    subsidy[option.start - world.base] = loan_subsidy(world, project, option)
    return Credits(*capital_aid(world, project, option), *production_credits(world, project, option, cost), subsidy)


def production_credits(world: World, project: Project, option: Option, cost: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return production credits of the law and of the club, musd, each (S, N), or (1, N) where there are none (C15).

    ``cost`` is operating cost and feed of years not idle, musd, shape (S, N).
    """
    law = world.law_credits.get(("ptc", project.country, project.product))
    rates = (0.0 if law is None else project.ptc_share * cut(world, project, option, law), project.ptc_share * option.ptc)
    drawn_law, drawn_club = (cost * rate if np.any(rate) else np.zeros((1, project.life)) for rate in rates)
    return drawn_law, drawn_club


def lends(project: Project, option: Option) -> bool:
    """Tell whether the club's loan replaces the commercial one (C15)."""
    return option.loan and project.loan <= 0.0


def loan_of(world: World, project: Project, option: Option) -> Loan:
    """Return the loan: a closed public one on its terms, else the club's or a commercial one on K less investment credit and grant (C12c, C15)."""
    public = world.param("public_base_rate")
    if project.loan > 0.0:
        amount, rate, tenor = project.loan, public + project.loan_spread, project.loan_tenor
    else:
        rate, tenor = world.param("debt_rate", project.country), int(world.param("debt_tenor_years", project.country))
        if lends(project, option):
            rate, tenor = public + float(world.setting("concessional.spread", 0.0)), int(world.setting("concessional.tenor_years", 20))
        share = world.param("debt_share", project.country)
        interest = share * rate * world.param("idc_drawn_share") * project.build_years
        amount = share * (project.capital - investment_credit(world, project, option)) * (1.0 + interest)
    tenor = max(1, min(tenor, project.life - 1))
    annuity = 1.0 / tenor if rate == 0.0 else rate / (1.0 - (1.0 + rate) ** -tenor)
    return Loan(amount, rate, tenor, amount * annuity)


def loan_subsidy(world: World, project: Project, option: Option) -> float:
    """Return the subsidy of a concessional loan, musd of the first operating year: principal less PV of the service at the public rate, not below 0 (C15)."""
    if not lends(project, option):
        return 0.0
    loan = loan_of(world, project, option)
    worth = float((loan.service * (1.0 + world.param("public_rate")) ** -np.arange(1.0, loan.tenor + 1.0)).sum())
    return max(0.0, loan.amount - worth)
