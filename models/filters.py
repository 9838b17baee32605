"""What rules out a build set under an option, apart from its columns: product caps and unaided projects (C21c, C23)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .outlooks import Setting
    from .plans import PlanSpace
    from .welfare import Cost

    Ints = NDArray[np.int_]
    Option = tuple[int, ...]

UNKNOWN, BROKEN, KEPT = -1, 0, 1


class _Along:
    """A baseline plant along the paths of its own product and its feed, as the cluster's build sets combine them."""

    def __init__(self, space: PlanSpace, plant_id: str) -> None:
        """Find the combinations of paths that occur."""
        self.space, self.plant_id = space, plant_id
        plant, products = space.desk.plants[plant_id], space.cluster.products
        self.involved = tuple(p for p, m in enumerate(products) if m in (plant.product, plant.feed_product))
        self.rows, inverse = np.unique(space.sets.path[:, self.involved], axis=0, return_inverse=True)
        self.inverse: Ints = np.asarray(inverse).reshape(-1)

    def short(self, option: Option) -> Option:
        """Return the part of an option that matters here."""
        return tuple(option[p] for p in self.involved)

    def settings(self, option: Option, row: int) -> dict[str, Setting]:
        """Return the settings of all products: the option and a combination of paths here, law elsewhere."""
        space = self.space
        here = {
            space.cluster.products[p]: space.setting(p, space.borders[p][option[p]], int(k)) for p, k in zip(self.involved, self.rows[row], strict=True)
        }
        return space.desk.law_settings() | here


class Guard(_Along):
    """An unaided project of the baseline that must stay bankable (C21c), tested only where a plan could matter.

    Until it is tested a combination counts as kept, so a cost with unknown combinations is a lower bound.
    """

    def __init__(self, space: PlanSpace, plant_id: str) -> None:
        """Start with nothing tested."""
        super().__init__(space, plant_id)
        self._known: dict[Option, Ints] = {}

    def status(self, option: Option) -> Ints:
        """Return what is known of each combination of paths: unknown, broken or kept."""
        return self._known.setdefault(self.short(option), np.full(self.rows.shape[0], UNKNOWN))

    def known(self, option: Option) -> int:
        """Return how many combinations have been tested under an option."""
        return int(np.count_nonzero(self.status(option) != UNKNOWN))

    def settle(self, option: Option, row: int) -> None:
        """Test one combination of paths."""
        status = self.status(option)
        if status[row] == UNKNOWN:
            passed = self.space.desk.guard(self.plant_id, self.settings(option, row))
            status[row] = KEPT if passed else BROKEN


class Closed(_Along):
    """A closed contract of the baseline: what it costs more under a setting (C24)."""

    def __init__(self, space: PlanSpace, plant_id: str) -> None:
        """Start with nothing computed."""
        super().__init__(space, plant_id)
        self.country = space.desk.plants[plant_id].country
        self._costs: dict[Option, list[Cost]] = {}

    def costs(self, option: Option) -> list[Cost]:
        """Return the change of cost at each combination of paths."""
        short = self.short(option)
        if short not in self._costs:
            change = self.space.desk.closed_change
            self._costs[short] = [change(self.plant_id, self.settings(option, row)) for row in range(self.rows.shape[0])]
        return self._costs[short]
