"""USA_ALPHA of the tutorial from 2029 on, with what a level gives it: 30 musd of capital in 2028, five operating years."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from minclub.models.cashflow import Site
from minclub.models.desk import Desk
from minclub.models.subsidies import NO_CREDIT, CreditLevel, LawCredits
from minclub.models.welfare import Cost, full_sales, increments_over_law

START, YEARS, RATE = 2029, 10, 0.05


def alpha_of(desk: Desk, level: CreditLevel = NO_CREDIT) -> Site:
    """Return the plant at law and the baseline's path, with the aid of a level."""
    site = desk.outlooks.site(desk.plants["USA_ALPHA"], START, desk.law_settings())
    return replace(site, aid=desk.aid(site, level))


def no_law() -> LawCredits:
    """Return a law without credits."""
    return LawCredits(np.zeros(YEARS), np.zeros(YEARS))


def support(site: Site, law: LawCredits, level: CreditLevel, cost: Cost, public_rate: float, long_run: float, *, held: bool) -> tuple[float, float]:
    """Return C16's numerator and denominator of one project, PV musd."""
    batch = increments_over_law(site, law, [level], cost.repeated(1), public_rate, held=held)
    return float(batch[0]), full_sales(site, public_rate, long_run)
