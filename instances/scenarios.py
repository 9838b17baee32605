"""Draw the prices of the two outside nodes (C5).

The process, the streams and the recentring are described in ``docs/scenarios.md``. Arrays are
``(T, S)`` while they are built (one row a year) and ``(S, T)`` in the result.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .expiry import lapse_years
from .price_process import Episode, PriceProcess, long_run_prices, price_processes

if TYPE_CHECKING:
    import pandas as pd

    from .instance import Instance

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]

OTHER_CORRELATION = 0.2
"""Correlation of yearly shocks of two products that the table does not list as a pair."""

_COMMON, _SHOCK, _EPISODE = "common factor", 0, 1


@dataclass(frozen=True)
class Scenarios:
    """Hold price scenarios with equal weights (C5).

    ``market`` and ``china`` are USD per tonne, shape ``(S, T)`` per product; ``restricted`` is the
    flag R; ``regime`` ``(S,)`` is 0 for slow and 1 for fast reversion; ``long_run`` is L;
    ``lapse_year`` ``(S,)`` is the first year in which the club's border measures are out of force,
    the year after the last simulated one if never (C6); left out, they never lapse.
    """

    products: tuple[str, ...]
    years: IntArray
    market: dict[str, FloatArray]
    china: dict[str, FloatArray]
    restricted: dict[str, BoolArray]
    regime: IntArray
    long_run: dict[str, float]
    lapse_year: IntArray = field(default_factory=lambda: np.empty(0, dtype=np.int64))

    def __post_init__(self) -> None:
        if len(self.lapse_year) == 0:
            object.__setattr__(self, "lapse_year", np.full(self.count, self.years[-1] + 1, dtype=np.int64))

    @property
    def count(self) -> int:
        """Return the number of scenarios."""
        return len(self.regime)


def generate(instance: Instance, count: int | None = None, seed: int | None = None, *, exact: bool = True) -> Scenarios:
    """Draw price scenarios of every product of an instance (C5).

    Args:
        instance: the instance; its table ``prices``, if it has one, is used unchanged.
        count: number of scenarios; default ``scenarios.count``, or all of ``prices``.
        seed: non-negative seed; default ``scenarios.seed``.
        exact: scale the sample so that each regime-year mean of ``market`` equals its target to
            rounding; otherwise only the analytic mean of the process is right.

    Raises:
        ValueError: a parameter is missing or out of range, or ``prices`` is incomplete.
    """
    base, length = int(instance.number("years.base")), int(instance.number("years.simulated"))
    years = np.arange(base, base + length, dtype=np.int64)
    seed = int(instance.number("scenarios.seed")) if seed is None else seed
    if instance.prices is not None:
        return _from_table(instance, instance.prices, years, count, seed)
    count = int(instance.number("scenarios.count")) if count is None else count
    if count < 1 or seed < 0:
        raise ValueError(f"need count >= 1 and seed >= 0, got {count} and {seed}")
    regime = _regimes(instance.number("scenarios.fast_regime_share"), count)
    codes = tuple(str(code) for code in instance.products.index)
    shocks = _Shocks(seed, years, count, instance.correlations)
    processes = price_processes(instance)
    market, china, restricted = {}, {}, {}
    for code in codes:
        uniform = _draws(seed, code, years, count, _EPISODE)
        market[code], china[code], restricted[code] = _paths(processes[code], shocks.of(code), uniform, regime, exact)
    long_run = {code: processes[code].long_run for code in codes}
    return _frozen(Scenarios(codes, years, market, china, restricted, regime, long_run, lapse_years(instance, years, count, seed)))


def _regimes(fast_share: float, count: int) -> IntArray:
    """Spread the fast regime evenly over the scenarios, shape (S,); no scenario needs the count."""
    steps = np.floor(np.arange(count + 1) * fast_share + 1e-9)
    return np.diff(steps).astype(np.int64)


def _draws(seed: int, code: str, years: IntArray, count: int, purpose: int) -> FloatArray:
    """Draw from the stream of a product, year by year.

    Returns:
        Standard normals (T, S) for shocks, or uniforms (T, S, 2) for episodes.
    """
    key = zlib.crc32(code.encode())
    rows = []
    for year in years:
        stream = np.random.SeedSequence([seed, key, int(year), purpose])
        rng = np.random.Generator(np.random.PCG64(stream))
        rows.append(rng.standard_normal(count) if purpose == _SHOCK else rng.random((count, 2)))
    return np.stack(rows)


class _Shocks:
    """Give correlated yearly shocks of any product, one at a time.

    A listed product is a combination of the common factor and of itself and those above it in the
    table; an unlisted one of the common factor and itself. Nothing depends on the other products.
    """

    def __init__(self, seed: int, years: IntArray, count: int, table: pd.DataFrame | None) -> None:
        self._listed = [] if table is None else [str(code) for code in table.index]
        self._lower = _factor(table)
        self._key = (seed, years, count)
        self._own: dict[str, FloatArray] = {}

    def of(self, code: str) -> FloatArray:
        """Return the shocks of a product, shape (T, S), standard normal."""
        if code in self._listed:
            row = self._listed.index(code) + 1
            parts = [_COMMON, *self._listed[:row]]
            weights = self._lower[row, : row + 1]
        else:
            parts = [_COMMON, code]
            weights = np.sqrt([OTHER_CORRELATION, 1 - OTHER_CORRELATION])
        return sum((w * self._drawn(p) for w, p in zip(weights, parts, strict=True)), np.zeros(1))

    def _drawn(self, code: str) -> FloatArray:
        """Return a product's own normals, kept if the table can ask for them again."""
        if code in self._own:
            return self._own[code]
        seed, years, count = self._key
        normals = _draws(seed, code, years, count, _SHOCK)
        if code == _COMMON or code in self._listed:
            self._own[code] = normals
        return normals


def _factor(table: pd.DataFrame | None) -> FloatArray:
    """Return the Cholesky factor of the common factor followed by the listed products."""
    listed = 0 if table is None else len(table)
    full = np.eye(1 + listed)
    full[0, 1:] = full[1:, 0] = np.sqrt(OTHER_CORRELATION)
    if table is not None and listed:
        values = table.loc[:, list(table.index)].to_numpy(dtype=float)
        full[1:, 1:] = np.where(np.isnan(values), OTHER_CORRELATION, values)
    if np.linalg.eigvalsh(full)[0] < 1e-10:
        full = nearest_correlation(full)
    return np.asarray(np.linalg.cholesky(full), dtype=np.float64)


def nearest_correlation(matrix: FloatArray, steps: int = 200, floor: float = 1e-8) -> FloatArray:
    """Return the nearest correlation matrix with eigenvalues above a floor.

    Alternating projections with Dykstra's correction (Higham 2002, doi:10.1093/imanum/22.3.329).
    """
    unit, change = matrix.copy(), np.zeros_like(matrix)
    for _ in range(steps):
        shifted = unit - change
        semidefinite = _lift(shifted, 0.0)
        change = semidefinite - shifted
        unit = semidefinite.copy()
        np.fill_diagonal(unit, 1.0)
    lifted = _lift(unit, floor)
    return lifted / np.sqrt(np.outer(np.diag(lifted), np.diag(lifted)))


def _lift(matrix: FloatArray, floor: float) -> FloatArray:
    """Raise the eigenvalues of a symmetric matrix to a floor."""
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.maximum(values, floor)) @ vectors.T


def _paths(p: PriceProcess, shocks: FloatArray, uniform: FloatArray, regime: IntArray, exact: bool) -> tuple[FloatArray, FloatArray, BoolArray]:
    """Return market price, china price and restriction flag of a product, each (S, T)."""
    years = len(shocks)
    dump, restriction, restricted = _heights(p, uniform)
    lift = 1 + (p.spike - 1) * restriction
    deviation = _deviations(p, shocks, regime)
    raw = deviation * (1 - p.follow * p.depth * dump) * lift
    target = p.target(years)
    scale = target / p.expected_multiplier(years)
    if exact:
        for g in (0, 1):
            if (regime == g).any():
                scale[g] = target[g] / raw[:, regime == g].mean(axis=1)
    by_scenario = scale[regime].T
    market = raw * by_scenario
    china = deviation * (1 - p.depth * dump) * lift * by_scenario
    return np.ascontiguousarray(market.T), np.ascontiguousarray(china.T), np.ascontiguousarray(restricted.T)


def _deviations(p: PriceProcess, shocks: FloatArray, regime: IntArray) -> FloatArray:
    """Return the lognormal factor ``exp(x - var(x) / 2)`` of mean one, shape (T, S)."""
    kappa = np.asarray(p.kappa)
    keep = np.exp(-kappa)
    speed = np.where(kappa > 1e-9, kappa, 1.0)
    gain = np.where(kappa > 1e-9, -np.expm1(-2 * speed) / (2 * speed), 1.0)
    step = p.sigma * np.sqrt(gain)
    x, variance = np.zeros(len(regime)), np.zeros(2)
    factor = np.ones_like(shocks)
    for t in range(1, len(shocks)):
        x = keep[regime] * x + step[regime] * shocks[t]
        variance = keep**2 * variance + step**2
        factor[t] = np.exp(x - variance[regime] / 2)
    return factor


def _heights(p: PriceProcess, uniform: FloatArray) -> tuple[FloatArray, FloatArray, BoolArray]:
    """Run the episodes of a product: height of the dump, of the restriction, and the flag R.

    A restriction ends a dump. The base year has an episode only where ``restricted_now`` is set.
    """
    years, count = uniform.shape[:2]
    dump, restriction = np.zeros((years, count)), np.zeros((years, count))
    restricted = np.zeros((years, count), dtype=bool)
    dump_left, left = np.zeros(count, dtype=int), np.zeros(count, dtype=int)
    first = np.full(count, p.restricted_now)
    if p.restricted_now:
        left = 1 + (uniform[0, :, 1] * p.restriction.length).astype(int)
    for t in range(years):
        if t > 0:
            dump_left, left = np.maximum(dump_left - 1, 0), np.maximum(left - 1, 0)
            first &= left > 0
            begins = (left == 0) & (uniform[t, :, 1] < p.restriction.hazard)
            left[begins] = p.restriction.length
            dump_left[left > 0] = 0
            dumps = (left == 0) & (dump_left == 0) & (uniform[t, :, 0] < p.dump.hazard)
            dump_left[dumps] = p.dump.length
        restricted[t] = left > 0
        dump[t] = _height_now(p.dump, dump_left)
        restriction[t] = np.where(first, 1.0, _height_now(p.restriction, left))
    return dump, restriction, restricted


def _height_now(episode: Episode, left: NDArray[np.int_]) -> FloatArray:
    """Return the height of an episode with ``left`` years to go, this one included; 0 for none."""
    return np.append(0.0, episode.heights[::-1])[left]


def _from_table(instance: Instance, prices: pd.DataFrame, years: IntArray, count: int | None, seed: int) -> Scenarios:
    """Read the scenarios of an instance that brings its own prices."""
    names = sorted(prices["scenario"].unique())
    if count is not None and not 1 <= count <= len(names):
        raise ValueError(f"prices.csv has {len(names)} scenarios, {count} were asked for")
    names = names[:count]
    codes = tuple(str(code) for code in instance.products.index)
    rows = {code: prices[prices["product"] == code] for code in codes}
    market, china, flag = (
        {code: _pivot(rows[code], column, names, years) for code in codes} for column in ("market_usd_per_t", "china_usd_per_t", "restricted")
    )
    restricted = {code: flag[code] > 0 for code in codes}
    regime = np.zeros(len(names), dtype=np.int64)
    return _frozen(Scenarios(codes, years, market, china, restricted, regime, long_run_prices(instance), lapse_years(instance, years, len(names), seed)))


def _pivot(rows: pd.DataFrame, column: str, names: Sequence[Any], years: IntArray) -> FloatArray:
    """Return one column of ``prices`` as (S, T); every scenario and year must be there."""
    wide = rows.pivot(index="scenario", columns="year", values=column)
    values = wide.reindex(index=list(names), columns=list(years)).to_numpy(dtype=float)
    if np.isnan(values).any():
        raise ValueError(f"prices.csv: {column} is missing for some scenario or year")
    return values


def _frozen(scenarios: Scenarios) -> Scenarios:
    """Make the arrays read-only."""
    tables = (scenarios.market, scenarios.china, scenarios.restricted)
    arrays = [array for table in tables for array in table.values()]
    for array in (*arrays, scenarios.years, scenarios.regime, scenarios.lapse_year):
        array.setflags(write=False)
    return scenarios
