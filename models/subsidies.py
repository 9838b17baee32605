"""Investment and production credits by calendar year (C15)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from ..instances import Instance

    Array = NDArray[np.float64]


@dataclass(frozen=True, order=True)
class CreditLevel:
    """The club's increments over law: investment credit (share of capital), production credit (share of cost)."""

    itc: float = 0.0
    ptc: float = 0.0


NO_CREDIT = CreditLevel()


@dataclass(frozen=True)
class LawCredits:
    """Rates of the law by simulated year, fractions, each ``(T,)``."""

    itc: Array
    ptc: Array


def schedule(
    rate: float, start: float, end: float, phases: Iterable[tuple[int, float]], years: NDArray[np.int_]
) -> Array:
    """Return the rate of each calendar year: in force from start to end, stepping at ``(year, rate)`` phases.

    A phase sets the rate from its year on; without an end year the last rate stays in force.
    """
    rates = np.where(years >= (start if np.isfinite(start) else -np.inf), rate, 0.0)
    for year, level in phases:
        rates = np.where(years >= year, level, rates)
    return np.where(years <= (end if np.isfinite(end) else np.inf), rates, 0.0)


def law_credits(instance: Instance, country: str, product: str, years: NDArray[np.int_]) -> LawCredits:
    """Read the law's credits of one country and product; several instruments of a kind add up (C15)."""
    rates = {"itc": np.zeros(years.size), "ptc": np.zeros(years.size)}
    for row in instance.policy.itertuples():
        if row.country != country or row.kind not in rates or not {product, "all"} & set(row.products):
            continue
        rates[row.kind] = rates[row.kind] + schedule(
            float(row.rate), float(row.start_year), float(row.end_year), row.phase_schedule, years
        )
    return LawCredits(itc=rates["itc"], ptc=rates["ptc"])


def ladder(instance: Instance, fixes: Mapping[str, float]) -> tuple[CreditLevel, ...]:
    """Return the club's credit levels, none first, with pinned rates added (C19)."""
    setting = instance.settings
    rates = {}
    for kind in ("itc", "ptc"):
        pinned = [v for k, v in fixes.items() if k.startswith(f"credit.{kind}.")]
        rates[kind] = sorted({0.0, *map(float, setting[f"ladders.{kind}"]), *pinned})
    return tuple(CreditLevel(itc=i, ptc=p) for i in rates["itc"] for p in rates["ptc"])


def offered(
    instance: Instance, levels: Sequence[CreditLevel], country: str, product: str, fixes: Mapping[str, float]
) -> NDArray[np.bool_]:
    """Say which levels a country and product may take: pinned rates stand alone, others stay on the ladder, ``(L,)``."""
    mask = np.full(len(levels), True)
    for kind in ("itc", "ptc"):
        pinned = fixes.get(f"credit.{kind}.{country}.{product}")
        ladder_rates = {0.0, *map(float, instance.settings[f"ladders.{kind}"])} if pinned is None else {pinned}
        mask &= np.array([getattr(level, kind) in ladder_rates for level in levels])
    return mask


def credits_at(law: LawCredits, level: CreditLevel) -> tuple[Array, Array]:
    """Return calendar-year rates of law plus the club's increments: investment and production credit, ``(T,)``."""
    return law.itc + level.itc, law.ptc + level.ptc
