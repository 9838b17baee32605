"""Recompute the bounds of a strike and the least strike that passes (C13, C14)."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from .audit_bank import Setting, bank, long_run_sales
from .audit_cash import operate, prices_in, unit_cost
from .audit_option import USD_PER_MUSD, Option
from .audit_world import Project, Terms, World

SEARCHED = 3600
"""Steps of three significant digits, four powers of ten, below the highest strike in which the least one is sought."""


def strike_floor(world: World, project: Project, option: Option) -> float:
    """Return the lowest strike: cash cost net of by-products at long-run prices, USD per payable tonne, at least 0 (C13, C18)."""
    feed = project.feed_rate * project.feed_factor * world.products[project.feed].long_run if project.feed else 0.0
    cost = project.capacity * (unit_cost(project, option) + feed) / USD_PER_MUSD
    net = cost - long_run_sales(world, project)[1]
    return max(0.0, net * USD_PER_MUSD / (project.capacity * project.payability))


def strike_ceiling(world: World, project: Project) -> float:
    """Return the highest strike, USD per tonne (C13)."""
    return world.param("strike_max") * world.products[project.product].long_run


def has_digits(value: float, digits: int = 3) -> bool:
    """Tell whether a number has at most so many significant digits."""
    return value > 0.0 and math.isclose(value, float(f"{value:.{digits - 1}e}"), rel_tol=1e-12)


def _rank(value: float, digits: int = 3) -> int:
    """Return the place of the nearest number of so many significant digits among all of them."""
    first = 10 ** (digits - 1)
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    return 9 * first * int(exponent) + round(float(mantissa) * first) - first


def _ranked(rank: int, digits: int = 3) -> float:
    first = 10 ** (digits - 1)
    return float(f"{first + rank % (9 * first)}e{rank // (9 * first) - digits + 1}")


def next_lower(value: float, digits: int = 3) -> float:
    """Return the next lower number of so many significant digits."""
    return _ranked(_rank(value, digits) - 1, digits)


def highest_three_digits(limit: float) -> float:
    """Return the highest number of three significant digits that does not exceed a limit."""
    rounded = _ranked(_rank(limit))
    return rounded if rounded <= limit else next_lower(rounded)


def least_strike(where: Setting, project: Project, option: Option, terms: Terms) -> float | None:
    """Return the least strike of three significant digits within the bounds that passes C12, as a higher one never hurts; None if none does (C14)."""
    world = where.scene.world
    floor, ceiling = strike_floor(world, project, option), highest_three_digits(strike_ceiling(world, project))
    high = _rank(ceiling)
    low = max(_rank(floor), high - SEARCHED) if floor > 0.0 else high - SEARCHED
    low += int(_ranked(low) < floor)

    def passes(rank: int) -> bool:
        return bank(where, project, replace(option, contract=replace(terms, strike=_ranked(rank)))).passes

    if low > high or not passes(high):
        return None
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if passes(middle) else (middle + 1, high)
    return _ranked(low)


def net_payments(where: Setting, project: Project, option: Option) -> float:
    """Return PV of the expected net payments of a contract, musd (C14)."""
    world = where.scene.world
    op = operate(world, project, option, prices_in(where.scene, where.baseline, project, option))
    yearly = (op.payments - op.repayments).mean(axis=0)
    first = option.start - world.base
    return float(yearly @ (1.0 + world.param("public_rate")) ** -(first + 1.0 * np.arange(project.life)))
