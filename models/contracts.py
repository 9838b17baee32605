"""Payments of contracts for difference (C14)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


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
