"""Payments of contracts for difference, and the strikes that they may have (C14)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]


def payment(price: ArrayLike, strike: ArrayLike, government_upside_share: ArrayLike) -> NDArray[np.float64]:
    """Return the payment to the seller per payable tonne, ``max(K - p, 0) - g max(p - K, 0)`` (C14), in the unit of the price.

    A share of 1 is a two-way contract, 0 price insurance. Negative values are receipts of the government.

    Args:
        price: reference price ``p``.
        strike: ``K``.
        government_upside_share: ``g``, the government's share of the upside, from 0 to 1. All three broadcast.

    Raises:
        ValueError: if a share is below 0, above 1 or not a number.
    """
    share = np.asarray(government_upside_share, dtype=float)
    if not np.all((share >= 0) & (share <= 1)):
        raise ValueError(f"government_upside_share must lie between 0 and 1, got {government_upside_share!r}")
    gap = np.asarray(strike, dtype=float) - np.asarray(price, dtype=float)
    return np.maximum(gap, 0.0) - share * np.maximum(-gap, 0.0)


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


def expected_payment(price: Array, strikes: Array, upside_share: float) -> Array:
    """Return the mean over scenarios of the payment per payable tonne, ``(G,)``, by one sort of the prices (C14)."""
    ordered = np.sort(price)
    below = np.searchsorted(ordered, strikes)
    sums = np.concatenate(([0.0], np.cumsum(ordered)))
    short = strikes * below - sums[below]
    over = (sums[-1] - sums[below]) - strikes * (ordered.size - below)
    result: Array = (short - upside_share * over) / ordered.size
    return result
