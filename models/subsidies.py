"""Investment and production credits by calendar year (C15)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product as cartesian
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from ..instances import Instance

    Array = NDArray[np.float64]


@dataclass(frozen=True)
class CreditLevel:
    """What a member offers for a product beyond law: one rung of each ladder, chosen together (C15, C17, C19).

    ``itc`` is an investment credit (share of capital), ``ptc`` a production credit (share of cost), ``grant`` a share of
    the capital of early-stage projects, ``loan`` 1 for concessional loans, ``offtake`` the price of procurement as a
    multiple of the long-run price (0 is none), and ``upside`` the state's share ``g`` in contracts (None: as stated).
    """

    itc: float = 0.0
    ptc: float = 0.0
    grant: float = 0.0
    loan: float = 0.0
    offtake: float = 0.0
    upside: float | None = None

    @property
    def pays(self) -> bool:
        """Say whether the level draws on the treasury outside contracts and offtake: the four forms of C15."""
        return bool(self.itc or self.ptc or self.grant or self.loan)

    @property
    def variant(self) -> tuple[float, float, float, float | None]:
        """Return what changes a project's own terms rather than its credit rates."""
        return self.grant, self.loan, self.offtake, self.upside


NO_CREDIT = CreditLevel()
INSTRUMENT = {"itc": "credits", "ptc": "credits", "grant": "grants", "loan": "loans", "offtake": "procurement"}


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
    """Return the levels that members may offer, none first, with pinned rungs added (C19)."""
    rungs = {}
    for kind in INSTRUMENT:
        pinned = [v for k, v in fixes.items() if k.startswith(f"credit.{kind}.")]
        rungs[kind] = sorted({*rates(instance, kind), *pinned})
    shares = tuple(map(float, instance.settings["contract.upside_shares"])) or (None,)
    rungs["upside"] = [*shares, *(v for k, v in fixes.items() if k.startswith("credit.upside.") and v not in shares)]
    return tuple(CreditLevel(**dict(zip(rungs, values, strict=True))) for values in cartesian(*rungs.values()))


def rates(instance: Instance, kind: str) -> set[float]:
    """Return the rungs of one kind: zero, and its ladder where its instrument is on."""
    on = bool(instance.settings[f"instruments.{INSTRUMENT[kind]}"])
    return {0.0, *(map(float, instance.settings[f"ladders.{kind}"]) if on else ())}


def offered(
    instance: Instance,
    levels: Sequence[CreditLevel],
    country: str,
    product: str,
    fixes: Mapping[str, float],
    kinds: Collection[str] = ("itc", "ptc"),
) -> NDArray[np.bool_]:
    """Say which levels a country and product may take: pinned rungs stand alone, others stay on the ladder, ``(L,)``.

    ``kinds`` are the forms of support that some project there can draw; the others stay at their first rung.
    """
    mask = np.full(len(levels), True)
    for kind in INSTRUMENT:
        pinned = fixes.get(f"credit.{kind}.{country}.{product}")
        allowed = {pinned} if pinned is not None else rates(instance, kind) if kind in kinds else {0.0}
        mask &= np.array([getattr(level, kind) in allowed for level in levels])
    pinned = fixes.get(f"credit.upside.{country}.{product}")
    shares = tuple(map(float, instance.settings["contract.upside_shares"])) or (None,)
    free = set(shares if "upside" in kinds else shares[:1]) if pinned is None else {pinned}
    return mask & np.array([level.upside in free for level in levels])


def credits_at(law: LawCredits, level: CreditLevel) -> tuple[Array, Array]:
    """Return calendar-year rates of law plus the club's increments: investment and production credit, ``(T,)``."""
    return law.itc + level.itc, law.ptc + level.ptc


def distinct_levels(levels: Iterable[CreditLevel]) -> tuple[NDArray[np.int_], tuple[CreditLevel, ...]]:
    """Return the place of each level among the distinct ones, ``(L,)``, and these."""
    places: dict[CreditLevel, int] = {}
    of = np.array([places.setdefault(level, len(places)) for level in levels], dtype=int)
    return of, tuple(places)
