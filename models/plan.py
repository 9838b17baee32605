"""One plan, what a cluster does as a whole, with its numbers in the master; and the prices that weigh them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .levies import Border
    from .welfare import Cost

    Array = NDArray[np.float64]


@dataclass(frozen=True)
class Weights:
    """Prices of a master problem: what one unit of each part of a plan costs.

    ``outlay`` is ``(3, T)`` per musd of a member's yearly outlay and ``joint`` ``(T,)`` of what they bear together;
    ``scenario`` and ``scenario_outlay`` ``(S,)``; ``basket`` ``(3,)`` per musd of burden; ``user`` per musd of users' loss
    net of border revenue; ``booked`` is 1 in the objective and 0 when only feasibility is sought.
    """

    outlay: Array
    scenario: Array
    scenario_outlay: Array
    basket: Array
    user: float
    joint: Array
    booked: float = 1.0

    def of(self, cost: Cost, country: int) -> Array:
        """Return the weighted cost of a project or group in one member, over the leading axes of ``cost``."""
        result: Array = self.booked * cost.booked + cost.hosted @ self.outlay[country]
        if self.joint.any():
            result = result + cost.joint_payments @ self.joint
        if self.scenario.any():
            result = result + cost.scenario @ self.scenario
        if self.scenario_outlay.any():
            result = result + cost.scenario_outlay @ self.scenario_outlay
        return result


@dataclass(frozen=True)
class Plan:
    """One plan with its rows in the master.

    ``costs`` per member, burden, users' loss and that loss net of border revenue (``loss``, 0 where users have no weight
    in the objective) in musd; ``in_band`` says whether C21b holds.
    """

    cluster: int
    borders: tuple[Border, ...]
    paths: tuple[bytes, ...]
    builds: tuple[tuple[str, int], ...]
    levels: tuple[tuple[str, str, int], ...]
    costs: tuple[Cost, Cost, Cost]
    burden: Array
    loss: float
    users_loss: float
    contracts: int
    in_band: bool

    @property
    def booked(self) -> float:
        """Return expected booked cost of the three members, musd."""
        return float(sum(float(c.booked) for c in self.costs))

    @property
    def built(self) -> int:
        """Return the number of plants beyond the baseline (a tie key of C26)."""
        return len(self.builds)

    @property
    def rates(self) -> float:
        """Return the sum of harmonised rates (a tie key of C26)."""
        return sum(b.rates for b in self.borders)
