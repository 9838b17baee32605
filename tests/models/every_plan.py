"""All plans of a pricing, spelt out without leaving any aside."""

from __future__ import annotations

from itertools import product as cartesian
from typing import TYPE_CHECKING

import numpy as np

from minclub.models.listing import Listing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from minclub.models.listing import Chosen
    from minclub.models.pricing import Pricing

ROUNDING = 1e-9


def every_plan(pricing: Pricing, threshold: float) -> Iterator[Chosen]:
    """Iterate over every plan that costs at most a threshold, of the build sets which then keep the band at some levels."""
    near = Listing(pricing)
    assert pricing.complete(threshold)
    for option in pricing.options():
        for index in near._near(option, threshold).tolist():
            pricing.settle(option, np.array([index]))
            if pricing.keep_band(option, index)[0] > threshold:
                continue
            rows, apart = pricing.rows(option, index), pricing.apart(option, index)
            for levels in cartesian(*(np.flatnonzero(np.isfinite(row)).tolist() for row in rows)):
                if apart + sum(float(row[k]) for row, k in zip(rows, levels, strict=True)) <= threshold + ROUNDING:
                    yield option, index, levels
