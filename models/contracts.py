"""Contracts for difference: terms, payments, and the strikes that they may have (C14)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]


@dataclass(frozen=True)
class ContractTerms:
    """The terms of a contract for difference that are not its strike (C14).

    ``upside_share`` is ``g``, one for all strikes or ``(R,)`` for each of several. ``first`` is the operating year in which
    the tenor begins. The strike of operating year ``n`` is the strike times ``index[n] = i + (1 - i) (1 + inflation)^-n``, with ``i``
    the indexed share. ``by_calendar``: a contract closed before the club does not shift with late production.
    """

    tenor_years: int
    share: float
    upside_share: float | Array
    by_calendar: bool = False
    collar: float = 0.0
    indexed_share: float = 1.0
    inflation: float = 0.0
    first: int = 0

    def index(self, years: NDArray[np.int_]) -> Array:
        """Return what is left of the strike's real value in operating years, a share of it."""
        result: Array = self.indexed_share + (1.0 - self.indexed_share) * (1.0 + self.inflation) ** -years.astype(float)
        return result

    def covered(self, count: int) -> NDArray[np.int_]:
        """Return the operating years that the tenor covers, of a life of ``count`` years."""
        return np.arange(min(self.first, count), min(self.first + self.tenor_years, count))


def contracted_share(settings: Mapping[str, Any]) -> float:
    """Return the share of output that a contract of the club pays on, less what goes to stock where that does not count (C14)."""
    stocked = 0.0 if settings["contract.stockpile_counted"] else float(settings["contract.stockpile_share"])
    return float(settings["contract.share"]) * (1.0 - stocked)


def payment(price: ArrayLike, strike: ArrayLike, government_upside_share: ArrayLike, collar: float = 0.0) -> NDArray[np.float64]:
    """Return the payment to the seller per payable tonne, in the unit of the price (C14).

    ``max(K - p, 0) - g max(p - (1 + collar) K, 0)``. A share of 1 is a two-way contract, 0 price insurance; a collar above
    0 leaves a band over the strike in which nothing is paid either way. Negative values are receipts of the government.

    Args:
        price: reference price ``p``.
        strike: ``K``.
        government_upside_share: ``g``, the government's share of the upside, from 0 to 1.
        collar: width of the band as a share of the strike. All but it broadcast.

    Raises:
        ValueError: if a share is below 0, above 1 or not a number.
    """
    share = np.asarray(government_upside_share, dtype=float)
    if not np.all((share >= 0) & (share <= 1)):
        raise ValueError(f"government_upside_share must lie between 0 and 1, got {government_upside_share!r}")
    level = np.asarray(strike, dtype=float)
    gap = np.asarray(level - np.asarray(price, dtype=float))
    paid: Array = np.maximum(gap, 0.0)
    if not share.any():
        return paid + share if share.ndim else paid
    if collar:
        gap = np.asarray(gap + collar * level)
    return paid + share * np.minimum(gap, 0.0, out=gap)


def three_digit_grid(low: float, high: float) -> Array:
    """Return all values of three significant digits in ``[low, high]``, rising (C14)."""
    if high < low or high <= 0.0:
        return np.empty(0)
    low = max(low, high * 1e-3)
    exponents = range(int(np.floor(np.log10(low))) - 2, int(np.floor(np.log10(high))) - 1)
    digits = np.arange(100, 1000)
    values = np.concatenate([digits * 10.0**e if e >= 0 else digits / 10.0**-e for e in exponents])
    keep: Array = values[(values >= low * (1.0 - 1e-12)) & (values <= high * (1.0 + 1e-12))]
    return keep
