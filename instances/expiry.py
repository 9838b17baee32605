"""When the club's border measures lapse (C6)."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from .instance import Instance

EXTENSION_YEARS = 16
"""Years by which an extension of the agreement moves the expiry of border measures."""

_STREAM = b"expiry"


def lapse_years(instance: Instance, years: NDArray[np.int64], count: int, seed: int) -> NDArray[np.int64]:
    """Draw the first year in which the club's border measures are out of force (C6).

    Each year from the review year (the base year if later) on begins with a lapse with the hazard h: the lapse comes
    k years later with probability ``h (1 - h)^k``. The agreement expires in the expiry year, or 16 years later where it
    is extended. Both draws are stratified: ``(rank + 0.5) / S`` for a random order of the scenarios.

    Args:
        instance: the instance, for its switch and its settings ``expiry``.
        years: simulated years.
        count: number of scenarios S.
        seed: seed of the random streams; expiry has its own.

    Returns:
        The year per scenario, shape (S,), at most the one after the last simulated year, which stands for never.
    """
    never = int(years[-1]) + 1
    if not instance.switch("expiry"):
        return np.full(count, never, dtype=np.int64)
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, zlib.crc32(_STREAM)])))
    lapse, extension = ((rng.permutation(count) + 0.5) / count for _ in range(2))
    hazard = instance.number("expiry.protection_lapse_hazard")
    with np.errstate(divide="ignore"):
        waiting = np.log1p(-lapse) / np.log1p(-hazard) if hazard > 0 else np.full(count, np.inf)
    first = max(int(instance.number("expiry.protection_review_year")), int(years[0]))
    expiry = instance.number("expiry.protection_expiry_year") + EXTENSION_YEARS * (extension < instance.number("expiry.protection_extension_probability"))
    return np.asarray(np.minimum(np.minimum(first + np.floor(waiting), expiry), never), dtype=np.int64)
