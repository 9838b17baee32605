"""Border revenue on tonnes really imported from each node (C6, C24)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .market import COUNTRIES, Market

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .levies import Border

    Array = NDArray[np.float64]


class Revenue:
    """Expected border revenue of one product under one option, linear in capped import tonnes.

    Revenue per tonne is landed price less node price: ``rM`` of ``market``, ``rC`` of ``china_linked``. Per member and
    year: ``open = E[rM; market cheaper]`` on tonnes up to availability, ``beyond = E[rC; market cheaper]`` above it,
    ``china = E[rC; China cheaper]`` on all tonnes, ``scarce = E[rM; restricted]`` on tonnes up to ``fill x A``; each
    ``(3, T)`` USD/t. The need is split over members by their stated demand.
    """

    def __init__(self, market: Market, product: str, border: Border) -> None:
        """Average the scenarios once."""
        self.availability, self.fill = market.availability[product], market.fill
        world, china, closed = market.market[product], market.china[product], market.restricted[product]
        shape = (3, market.years.size)
        self.open, self.beyond, self.china, self.scarce = (np.zeros(shape) for _ in range(4))
        for k, c in enumerate(COUNTRIES):
            landed_m, landed_c = market.landed(product, border, market.law(product, c))
            cheaper = landed_m <= landed_c
            duty_m, duty_c = landed_m - world, landed_c - china
            self.open[k] = np.where(~closed & cheaper, duty_m, 0.0).mean(axis=1)
            self.beyond[k] = np.where(~closed & cheaper, duty_c, 0.0).mean(axis=1)
            self.china[k] = np.where(~closed & ~cheaper, duty_c, 0.0).mean(axis=1)
            self.scarce[k] = np.where(closed, duty_m, 0.0).mean(axis=1)
        for table in (self.open, self.beyond, self.china, self.scarce):
            table[:, market.simulated :] = 0.0

    def of(self, need: Array, share: Array) -> Array:
        """Return expected revenue by member and year, musd, ``(3, ..., T)``.

        Args:
            need: tonnes ``(..., T)``.
            share: how members share the imports, ``(3, T)`` or ``(3, ..., T)`` (``Balance.member_shares``).
        """
        wanted = np.maximum(need, 0.0)
        first = np.minimum(wanted, self.availability)
        scarce = np.minimum(wanted, self.fill * self.availability)
        parts = [
            part * (a * first + b * (wanted - first) + c * wanted + r * scarce) / 1e6
            for part, a, b, c, r in zip(share, self.open, self.beyond, self.china, self.scarce, strict=True)
        ]
        return np.stack(parts)
