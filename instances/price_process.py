"""The price process of a product: what ``products.csv`` says of its prices and episodes (C5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

    from .instance import Instance

FloatArray = NDArray[np.float64]

_LONG_RUN_COLUMN = {"mean": "long_run_mean_usd_per_t", "geometric": "long_run_geometric_usd_per_t", "spot": "spot_usd_per_t"}


@dataclass(frozen=True)
class Episode:
    """Describe one kind of episode: yearly hazard, height of each of its years in [0, 1]."""

    hazard: float
    heights: FloatArray

    @property
    def length(self) -> int:
        """Return the number of years that the episode lasts."""
        return len(self.heights)


@dataclass(frozen=True)
class PriceProcess:
    """Hold the price parameters of one product, read from ``products.csv``."""

    spot: float
    long_run: float
    sigma: float
    kappa: tuple[float, float]
    dump: Episode
    depth: float
    follow: float
    restriction: Episode
    spike: float
    restricted_now: bool

    def target(self, years: int) -> FloatArray:
        """Return the mean path ``L + (spot - L) exp(-kappa t)`` per regime, shape (2, years)."""
        decay = np.exp(-np.outer(self.kappa, np.arange(years)))
        return self.long_run + (self.spot - self.long_run) * decay

    def expected_multiplier(self, years: int) -> FloatArray:
        """Return the exact mean of the episode factor of ``market`` in each year, shape (T,).

        The chain of states: no episode; year k of a dump; year k of a restriction; year k of the
        restriction that the base year starts in, which is at full height.
        """
        n, m = self.dump.length, self.restriction.length
        free, dump, restriction, first = 1.0, np.zeros(n), np.zeros(m), np.zeros(m)
        if self.restricted_now:
            free, first = 0.0, np.full(m, 1 / m)
        value_dump = 1 - self.follow * self.depth * self.dump.heights
        value_restriction = 1 + (self.spike - 1) * self.restriction.heights
        mean = np.empty(years)
        for t in range(years):
            if t > 0:
                idle = free + dump[-1] + restriction[-1] + first[-1]
                at_risk = idle + dump[:-1].sum()
                stay = 1 - self.restriction.hazard
                restriction = np.append(self.restriction.hazard * at_risk, restriction[:-1])
                first = np.append(0.0, first[:-1])
                dump = np.append(self.dump.hazard * idle, dump[:-1]) * stay
                free = idle * stay * (1 - self.dump.hazard)
            mean[t] = free + dump @ value_dump + restriction @ value_restriction + self.spike * first.sum()
        return mean


def long_run_prices(instance: Instance) -> dict[str, float]:
    """Return the long-run price L of each product under ``data.long_run_price``, USD per tonne."""
    column = _LONG_RUN_COLUMN[str(instance.settings["data.long_run_price"])]
    return {str(code): _number(row, column) for code, row in instance.products.iterrows()}


def price_processes(instance: Instance) -> dict[str, PriceProcess]:
    """Read the price process of every product."""
    long_run = long_run_prices(instance)
    return {str(code): _process(row, long_run[str(code)]) for code, row in instance.products.iterrows()}


def _process(row: pd.Series[Any], long_run: float) -> PriceProcess:
    """Read the price process of one row of ``products.csv``."""
    return PriceProcess(
        spot=_number(row, "spot_usd_per_t"),
        long_run=long_run,
        sigma=_number(row, "sigma_annual"),
        kappa=(_number(row, "kappa_slow"), _number(row, "kappa_fast")),
        dump=_episode(row, "dump"),
        depth=_number(row, "dump_depth"),
        follow=_number(row, "dump_follow"),
        restriction=_episode(row, "restrict"),
        spike=_number(row, "spike_factor"),
        restricted_now=bool(_number(row, "restricted_now")),
    )


def _episode(row: pd.Series[Any], kind: str) -> Episode:
    """Read hazard, ramp and length of an episode; the length is rounded to years, at least one."""
    years = max(1, int(np.floor(_number(row, f"{kind}_length_years") + 0.5)))
    ramp = max(1.0, _number(row, f"{kind}_ramp_years"))
    heights = np.minimum(1.0, np.arange(1, years + 1) / ramp)
    return Episode(_number(row, f"{kind}_hazard"), heights)


def _number(row: pd.Series[Any], column: str) -> float:
    """Return a cell that must be known (C3)."""
    value = float(row[column])
    if not np.isfinite(value):
        raise ValueError(f"products.csv: {row.name}: {column} is needed and unknown")
    return value
