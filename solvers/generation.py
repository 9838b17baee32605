"""Column generation over one node of the search: exact pricing, and the list of the plans that still matter.

A round prices every cluster under the duals of the relaxation and adds the cheapest plans. It also bounds the node: the least
weighted cost of one plan per cluster, less what the limits of the crossing rows are worth.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ..models.listing import Listing
from ..models.plan import Weights
from ..models.pricing import Pricing
from .branching import Node
from .duals import Dual
from .relaxation import Point, relax

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from ..models.master import Master, Prices
    from ..models.plans import PlanSpace
    from .branching import Pool
    from .clock import Clock

    Array = NDArray[np.float64]
    Ints = NDArray[np.int_]

NEGATIVE = 1e-6
EXCESS = 1e-6
ASIDE = 4
"""Further plans that a round of pricing adds per cluster."""
LISTED = 6000
"""Most plans in a list, and most pairs of option and build set that are looked at for it."""
ROUNDS = 200


class Stopped(Exception):
    """The clock ended a step."""


class Empty(Exception):
    """A cluster has no plan in a node."""

    def __init__(self, cluster: int) -> None:
        """Keep which."""
        super().__init__(cluster)
        self.cluster = cluster


class Generation:
    """Generates plans into a pool; what the last round has found belongs to the node and the prices of that round."""

    def __init__(self, spaces: Sequence[PlanSpace], master: Master, pool: Pool, clock: Clock) -> None:
        """Start at prices of zero."""
        self.spaces, self.master, self.pool, self.clock = spaces, master, pool, clock
        limits, none = master.limits, np.zeros(master.desk.market.scenarios.count)
        self.weights = Weights(np.zeros_like(limits.outlay), none, none, np.zeros(3), limits.user_weight, np.zeros(limits.outlay.shape[1]))
        self.pricings: list[Pricing] = []
        self.least: Array = np.zeros(len(spaces))

    def seed(self, node: Node) -> None:
        """Add the cheapest plan under the last weights of each cluster that has none in a node.

        Raises:
            Empty: a cluster has no plan there.
            Stopped: the clock.
        """
        for k in sorted(set(range(len(self.spaces))) - {self.master.plans[p].cluster for p in self.pool.of(node)}):
            pricing = Pricing(self.spaces[k], self.weights, node.domain(k))
            _, option, index = pricing.least(self.clock.over)
            if option is None:
                raise Stopped if self.clock.over() else Empty(k)
            self.pool.add(k, option, index, pricing.cheapest_levels(option, index), priced=True)

    def price(self, node: Node, prices: Prices) -> tuple[float, int]:
        """Price all clusters once; return the lower bound at these prices, musd, and how many plans were added."""
        before = len(self.pool)
        self.pricings = [Pricing(space, prices.weights, node.domain(k)) for k, space in enumerate(self.spaces)]
        for k, pricing in enumerate(self.pricings):
            dual = float(prices.convexity[k])
            cost, option, index = pricing.least(self.clock.over, dual - NEGATIVE)
            if self.clock.over():
                raise Stopped
            self.least[k] = cost
            if option is not None:
                for o, i in [(option, index), *pricing.others(dual - NEGATIVE, ASIDE)]:
                    self.pool.add(k, o, i, pricing.cheapest_levels(o, i), priced=True)
        return self.base(prices), len(self.pool) - before

    def base(self, prices: Prices) -> float:
        """Return the bound of the last round, at its prices, musd."""
        return float(self.least.sum()) - prices.allowance

    def dual(self, prices: Prices) -> Dual:
        """Return the last round as a dual, which holds where the node's plans or fewer are allowed."""
        return Dual(prices.weights, prices.caps, self.least.copy())

    def run(
        self, node: Node, cutoff: float = np.inf, *, feasibility: bool = False, enough: Callable[[float, Prices], bool] | None = None
    ) -> tuple[float, Point | None]:
        """Generate plans until none prices out, or until a round is ``enough``, given the best bound so far and the prices.

        Returns:
            A lower bound on the node's designs (or on their excess), musd, and the relaxation's optimum; no point where the
            bound reached ``cutoff`` before.

        Raises:
            Empty: a cluster has no plan in the node.
            Stopped: the clock.
        """
        self.seed(node)
        bound, point = -np.inf, None
        for _ in range(ROUNDS):
            point = relax(self.master, self.pool.of(node), feasibility=feasibility)
            if not feasibility:
                self.weights = point.prices.weights
            value, added = self.price(node, point.prices)
            bound = max(bound, value)
            if bound >= cutoff:
                return bound, None
            if (enough is not None and enough(bound, point.prices)) or not added:
                break
        return bound, point

    def solve(self, node: Node, cutoff: float) -> tuple[float, Point | None]:
        """Generate plans until the crossing rows are met at least cost; an infinite bound proves that they cannot be."""
        try:
            bound, point = self.run(node, cutoff)
            if point is not None and point.exceeded > EXCESS:
                if self.run(node, EXCESS, feasibility=True)[1] is None:
                    return np.inf, None
                bound, point = self.run(node, cutoff)
        except Empty:
            return np.inf, None
        return max(bound, node.bound), point

    # --- the plans that still matter ----------------------------------------------------------------------------------

    def return_to(self, node: Node, prices: Prices, least: Array) -> None:
        """Take up the prices and least costs of an earlier round."""
        self.pricings = [Pricing(space, prices.weights, node.domain(k)) for k, space in enumerate(self.spaces)]
        self.least = least

    def _ceilings(self, slack: float) -> Array:
        """Return what a plan of each cluster may cost at the last prices in a design that costs ``slack`` above their bound.

        A design costs at least the weighted costs of its plans less the allowance, and each of them is at least the least of
        its cluster; so none is above its least by more than the design is above the bound.
        """
        return self.least + max(0.0, slack) + NEGATIVE

    def narrow(self, node: Node, bound: float, slack: float) -> Node:
        """Return a node without the options that no design up to ``slack`` above the bound can use."""
        if not np.isfinite(slack):
            return Node(node.domains, bound)
        ceilings = self._ceilings(slack)
        domains = {k: replace(node.domain(k), options=pricing.can_cost(float(ceilings[k]), self.clock.over)) for k, pricing in enumerate(self.pricings)}
        return Node(domains, bound)

    def list(self, slack: float) -> Ints | None:
        """Return the plans, of the node just priced, that designs up to ``slack`` above the bound can need; None if too many.

        A plan that another one beats in every respect is left out (``Listing``).
        """
        if not np.isfinite(slack):
            return None
        ceilings, room = self._ceilings(slack), LISTED
        listings = [Listing(pricing) for pricing in self.pricings]
        for listing, ceiling in zip(listings, ceilings, strict=True):
            room -= listing.count(float(ceiling), room, self.clock.over)
            if room < 0:
                return None
        found: list[int] = []
        for k, listing in enumerate(listings):
            for plan in listing.below(float(ceilings[k]), self.clock.over):
                number = self.pool.add(k, *plan, priced=False)
                found += [] if number is None else [number]
                if len(found) > LISTED:
                    return None
            if self.clock.over():
                raise Stopped
        return np.array(found, dtype=int)
