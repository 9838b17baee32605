"""Support that changes a project's own terms: a grant, a concessional loan, offtake (C15, C17)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .lending import Rules, interest_in_construction
from .loans import subsidy_rate
from .procurement import offered_streams, tendered_shares
from .subsidies import CreditLevel, distinct_levels

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    import numpy as np
    from numpy.typing import NDArray

    from ..instances import Instance
    from .market import Market
    from .projects import Plant

    Array = NDArray[np.float64]

EARLY_STAGE = ("study", "permitting")


@dataclass(frozen=True)
class PublicLoan:
    """A loan at public terms; ``subsidy`` is what it costs the treasury at the first operating year per musd financed."""

    rate: float
    tenor: int
    subsidy: float


@dataclass(frozen=True)
class Stream:
    """One product of a project that the club buys: the share bought by year ``(T,)`` and the price, USD/t."""

    product: str
    main: bool
    share: Array
    price: float


@dataclass(frozen=True)
class Aid:
    """What one project gets besides credits and a contract: a share of capital, a public loan, offtake for ``tenor`` years."""

    grant: float = 0.0
    loan: PublicLoan | None = None
    streams: tuple[Stream, ...] = ()
    tenor: int = 0


NO_AID = Aid()


class Supports:
    """Who may draw grants, concessional loans and offtake, and on what terms."""

    def __init__(self, market: Market, rules: Rules, public_rate: float, candidates: Iterable[Plant], baseline: Collection[str]) -> None:
        """Read the terms; ``candidates`` are the plants outside the baseline that may be built, ``baseline`` the ids of its own."""
        instance = market.instance
        s = instance.settings
        self.rules, self.public_rate, self.long_run = rules, public_rate, market.long_run
        self.rate = rules.public_base_rate + float(s["concessional.spread"])
        self.tenor = int(s["concessional.tenor_years"])
        self.offtake_tenor = int(s["procurement.tenor_years"])
        plants = list(candidates)
        self.early = early_stage(instance)
        self.shares = tendered_shares(market, [p for p in plants if p.available and not p.china_linked])
        self.candidates, self.baseline = {p.id for p in plants}, frozenset(baseline)
        self._distinct: dict[tuple[object, ...], tuple[object, tuple[NDArray[np.int_], tuple[CreditLevel, ...]]]] = {}

    def kinds(self, plant: Plant) -> frozenset[str]:
        """Return the forms of support that a plant can draw besides credits: those on which a level's rungs make a difference."""
        if plant.id not in self.candidates:
            return frozenset()
        drawn = {"grant": plant.id in self.early, "loan": self._borrows(plant), "offtake": bool(offered_streams(plant, self.shares))}
        return frozenset({"upside", *(kind for kind, on in drawn.items() if on)})

    def _borrows(self, plant: Plant) -> bool:
        return plant.loan_musd <= 0.0 and plant.capital_musd > 0.0

    def drawn(self, plant: Plant, levels: Iterable[CreditLevel]) -> list[CreditLevel]:
        """Return what a plant draws of each level: levels that come to the same for it become equal.

        A grant is a share of all capital, and so an investment credit of ``grant / eligible share``. What is not eligible draws
        no credit.
        """
        kinds, share = self.kinds(plant), plant.itc_share
        folded = "grant" in kinds and share > 0.0
        return [
            CreditLevel(
                itc=(level.itc if share > 0.0 else 0.0) + (level.grant / share if folded else 0.0),
                ptc=level.ptc if plant.ptc_share > 0.0 else 0.0,
                grant=level.grant if "grant" in kinds and not folded else 0.0,
                loan=level.loan if "loan" in kinds else 0.0,
                offtake=level.offtake if "offtake" in kinds else 0.0,
                upside=level.upside,
            )
            for level in levels
        ]

    def distinct(self, plant: Plant, levels: tuple[CreditLevel, ...], wanted: NDArray[np.int_]) -> tuple[NDArray[np.int_], tuple[CreditLevel, ...]]:
        """Return ``distinct_levels`` of what a plant draws of the wanted ones among some levels (kept once computed)."""
        key = (id(plant), id(levels), wanted.tobytes())
        if key not in self._distinct:
            self._distinct[key] = (plant, levels), distinct_levels(self.drawn(plant, [levels[r] for r in wanted]))
        return self._distinct[key][1]

    def aid(self, plant: Plant, operating_years: int, level: CreditLevel) -> Aid:
        """Return what a plant with a life of ``operating_years`` gets at a level.

        Grants and loans are for every plant beyond the baseline (C15), also for one that C12 only reports on; offtake is for candidates (C17).
        """
        if plant.id in self.baseline or not (level.grant or level.loan or level.offtake):
            return NO_AID
        streams = offered_streams(plant, self.shares) if level.offtake and plant.id in self.candidates else ()
        return Aid(
            grant=level.grant if plant.id in self.early else 0.0,
            loan=self._loan(plant, operating_years) if level.loan and self._borrows(plant) else None,
            streams=tuple(self._stream(plant, m, level.offtake) for m in streams),
            tenor=self.offtake_tenor if streams else 0,
        )

    def _loan(self, plant: Plant, operating_years: int) -> PublicLoan:
        years = max(1, min(self.tenor, operating_years - 1))
        share = plant.terms.debt_share * (1.0 + interest_in_construction(plant, self.rate, self.rules))
        return PublicLoan(self.rate, self.tenor, share * subsidy_rate(self.rate, years, self.public_rate))

    def _stream(self, plant: Plant, product: str, multiple: float) -> Stream:
        return Stream(product, plant.refined and product == plant.product, self.shares[product], multiple * self.long_run[product])


def early_stage(instance: Instance) -> frozenset[str]:
    """Return the projects in early-stage work, which alone may draw grants (C15)."""
    status = instance.projects["dev_status"]
    return frozenset(key for key, value in status.items() if value in EARLY_STAGE)
