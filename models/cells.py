"""Cells of credit rates, and what a project costs at least at some point of a cell (C12 to C15, C24).

A project takes the best point of a cell and the least strike there. For each interval of strikes the conditions of
``halfspaces`` cut a polytope out of the cell and the interval. Public cost is at least its value at the start of the
interval plus its slope there times the way into it (payments of years that surely run are convex in the strike), and
linear in the credits: for prices that are not negative its least value is at a corner. So the error falls with the square
of the step between strikes, whatever the width of the cell; only projects that share a country and product, and so one
pair of rates, may each take another point of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from .bankability import Tests, stack_share
from .columns import least_strikes, strike_bounds, surely_running
from .contracts import three_digit_grid
from .corners import corners
from .decks import TOLERANCE
from .halfspaces import LinearTests, over_intervals
from .lending import main_share
from .subsidies import NO_CREDIT, CreditLevel
from .welfare import Cost, LevelCosts, discount, project_cost

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from .cashflow import Site
    from .columns import Offer
    from .subsidies import LawCredits

    Array = NDArray[np.float64]
    Ints = NDArray[np.int_]

GRID = 2048
"""Strikes at which tests are evaluated, at least."""
CUBE = np.array(list(product((0.0, 1.0), repeat=3)))
"""The corners of the unit cube."""


@dataclass(frozen=True)
class Cell:
    """Credit increments between a bottom and a top.

    ``strikes`` is how many intervals the range of strikes is cut into: the range that counts somewhere up to the highest rates
    or, where it is the cell's ``own``, somewhere in the cell.
    """

    bottom: CreditLevel
    top: CreditLevel
    strikes: int = 16
    own: bool = False

    @property
    def point(self) -> bool:
        """Say whether the cell holds one pair of rates alone."""
        return self.bottom == self.top

    def halves(self, per_itc: float, per_ptc: float) -> tuple[Cell, Cell]:
        """Return the two halves along the side that is worth more money, given musd per unit of each credit."""
        low, high = self.bottom, self.top
        if (high.itc - low.itc) * per_itc >= (high.ptc - low.ptc) * per_ptc:
            return self.cut("itc", (low.itc + high.itc) / 2.0)
        return self.cut("ptc", (low.ptc + high.ptc) / 2.0)

    def cut(self, kind: str, at: float) -> tuple[Cell, Cell]:
        """Return the two parts below and above a rate of one kind."""
        return replace(self, top=replace(self.top, **{kind: at})), replace(self, bottom=replace(self.bottom, **{kind: at}))


@dataclass(frozen=True)
class Corners:
    """What a project may choose in a cell: ``N`` corners, each a weighted sum of cost entries.

    ``entry`` and ``share`` are ``(N, 4)``; ``rates`` ``(N, 2)`` the increments there; ``strike`` ``(N,)`` USD/t, nan
    without a contract.
    """

    entry: Ints
    share: Array
    rates: Array
    strike: Array

    @staticmethod
    def joined(parts: Sequence[Corners]) -> Corners:
        """Return the corners of several parts together."""
        return Corners(*(np.concatenate([getattr(p, name) for p in parts]) for name in Corners.__dataclass_fields__))

    def moved(self, by: int) -> Corners:
        """Return the corners with their entries counted from another place."""
        return replace(self, entry=self.entry + by)


NONE = Corners(np.zeros((0, 4), dtype=int), np.zeros((0, 4)), np.zeros((0, 2)), np.zeros(0))
"""No corner: nothing passes."""


@dataclass(frozen=True)
class CellCosts(LevelCosts):
    """Lower bounds on public cost by cell: the least over corners, found anew for each set of prices.

    ``corners`` are those of all levels, ``level`` ``(N,)`` the level of each. ``of`` names each level's corner that is
    cheapest at the objective's own weights, -1 where there is none.
    """

    corners: Corners
    level: Ints

    def at(self, level: int) -> Cost:
        """Return the cost of the level's corner that is cheapest at the objective's own weights."""
        entry, share = self.corners.entry[self.of[level]], self.corners.share[self.of[level]]
        return Cost(*(np.tensordot(share, getattr(self.entries, name)[entry], axes=1) for name in Cost.__dataclass_fields__))

    def weighed(self, weigh: Callable[[Cost], Array]) -> Array:
        """Return the least weighted cost of each level, ``(L,)``; inf where there is none."""
        found = np.full(self.of.size, np.inf)
        np.minimum.at(found, self.level, self.by_corner(weigh))
        return found

    def cheapest(self, level: int, weigh: Callable[[Cost], Array]) -> tuple[float, float]:
        """Return the increments at a level's corner of least weighted cost."""
        where = np.flatnonzero(self.level == level)
        itc, ptc = self.corners.rates[where[self.by_corner(weigh)[where].argmin()]]
        return float(itc), float(ptc)

    def by_corner(self, weigh: Callable[[Cost], Array]) -> Array:
        """Return the weighted cost of every corner, ``(N,)``."""
        values = weigh(self.entries)
        return (values[self.corners.entry] * self.corners.share).sum(axis=1)


class SiteBounds:
    """Lower bounds on one project's columns between two sites, by cell.

    Entries of ``costs``: nothing; the highest investment credit; the highest production credit without a contract; then
    for each interval of strikes payments and law credits at its start, their rise over the interval, and the highest
    production credit.
    """

    def __init__(self, best: Site, worst: Site, law: LawCredits, offer: Offer, top: CreditLevel, exposed: bool, within: Cell, site: Site | None = None) -> None:
        """Prepare tests and costs.

        Args:
            best: the plant at the highest prices, with royalties at the lowest.
            worst: the plant at the lowest prices.
            law: credits of law.
            offer: terms and rules.
            top: the highest rates of the club.
            exposed: whether the dump deck counts.
            within: the rates whose strikes count, and into how many intervals their range is cut.
            site: the plant itself, where its prices are known.
        """
        self.best, self.worst, self.law, self.offer, self.top = best, worst, law, offer, top
        strikes = within.strikes
        self.exposed, self.steps = exposed, max(32, GRID // strikes)
        bare, steps = self._tests(None), self.steps
        self.ends = self._range(bare if site is None else self._plain(site), within)
        self.bare_forms, self.bare_tail = _that_cut(bare.forms()), bare.tail_forms()
        if self.ends.size:
            fine = np.interp(np.arange(strikes * steps + 1) / steps, np.arange(strikes + 1), self.ends)
            self.forms, self.tail = _that_cut(self._tests(fine).forms()), self._tests(self.ends).tail_forms()
        self.stack = self._stack_form()
        self.costs = self._costs(known=site is not None)
        del self.best, self.worst

    def _tests(self, strikes: Array | None) -> LinearTests:
        terms = None if strikes is None else self.offer.contract
        tests = LinearTests(self.best, self.law, self.offer.rules, self.offer.long_run, self.exposed, terms, strikes, self.worst)
        return tests.offered(self.top)

    def _plain(self, site: Site) -> Tests:
        return Tests(site, self.law, self.offer.rules, self.offer.long_run, self.exposed)

    def _range(self, bare: Tests, within: Cell) -> Array:
        """Return the ends of the intervals of strikes, USD/t ``(I + 1,)``: from where some rates may pass to where all do; empty where no contract counts.

        The rates that pass at one strike are a convex set, so all pass where the four extremes do.
        """
        offer, rules = self.offer, self.offer.rules
        low, high = strike_bounds(self.best, offer)
        if not offer.contracts or high < low or main_share(self.best.plant, offer.long_run) < rules.main_share_min:
            return np.empty(0)
        levels = [CreditLevel(itc, ptc) for itc in (within.bottom.itc, within.top.itc) for ptc in (within.bottom.ptc, within.top.ptc)]
        if all(bare.passes(level.itc, level.ptc)[0] for level in levels):
            return np.empty(0)
        grid = np.unique(np.concatenate([[low], three_digit_grid(low, high), [high]]))
        forms, (least, most) = self._tests(grid).forms(), (self._shares(end)[None, :, None] for end in (within.bottom, within.top))
        possible = (forms[:, 0] + np.maximum(forms[:, 1:] * least, forms[:, 1:] * most).sum(axis=1) >= 0.0).all(axis=0)
        if not possible.any():
            return np.empty(0)
        passing = least_strikes(self.best, self.law, offer, self.exposed, grid, levels, self.worst)
        first = grid[max(int(np.argmax(possible)) - 1, 0)]
        return np.linspace(first, high if np.isnan(passing).any() else max(first, passing.max()), within.strikes + 1)

    # --- cost --------------------------------------------------------------------------------------------------------

    def _costs(self, *, known: bool) -> Cost:
        """Return the entries; where prices are bounds, a plant that passes without a contract may hold one in truth and idle under it."""
        best, law, rate, top = self.best, self.law, self.offer.public_rate, self.top
        running = None if known else surely_running(self.worst, self.offer)
        alone = project_cost(best, law, [NO_CREDIT, CreditLevel(itc=top.itc), CreditLevel(ptc=top.ptc)], rate, worst=self.worst, running=running)
        batches = [alone]
        if self.ends.size:
            start = self.ends[:-1]
            base, drawn = (project_cost(best, law, level, rate, self.offer.contract, start, self.worst) for level in (NO_CREDIT, CreditLevel(ptc=top.ptc)))
            batches += [base, self._rise(np.diff(self.ends)), drawn - base]
        return Cost.together(batches)

    def _rise(self, width: Array) -> Cost:
        """Return by how much payments rise at least over each interval of strikes: the width times the slope at its start.

        With a collar a payment is not convex in the strike, and nothing is counted.
        """
        site, terms = self.best, self.offer.contract
        horizon, scenarios = site.outlook.price.shape
        rows = terms.covered(site.calendar.operate.size)
        none = Cost.none(horizon, scenarios).repeated(width.size)
        if (terms.collar and terms.upside_share) or not rows.size:
            return none
        start, years = self.ends[:-1], site.calendar.operate[rows]
        factor = discount(horizon, self.offer.public_rate)[years]
        sure, payment = self.worst.runs(rows, start, terms), site.receipts(rows, start, terms)
        unit = (width[:, None] * terms.index(rows) * site.contracted(rows, terms))[:, :, None]
        paid = np.where(sure & (payment > 0.0), unit, 0.0)
        rise = np.where(sure, np.where(payment > 0.0, unit, terms.upside_share * unit), 0.0)
        net = factor @ np.where(sure, payment, np.minimum(payment, 0.0))
        gain = factor @ rise
        payments = none.payments
        payments[:, years] = paid.mean(axis=2)
        booked = np.where(net.mean(axis=1) >= 0.0, gain.mean(axis=1), 0.0)
        return replace(none, payments=payments, booked=booked, scenario=np.where(net >= 0.0, gain, 0.0), scenario_outlay=factor @ paid)

    # --- corners -----------------------------------------------------------------------------------------------------

    def of(self, cells: Sequence[Cell]) -> list[Corners]:
        """Return what the project may choose in each of some cells."""
        ends = [(self._shares(cell.bottom), self._shares(cell.top)) for cell in cells]
        found = [self._corners([self._forms(low, high, held=False) for low, high in ends], ends, held=False)]
        if self.ends.size:
            found.append(self._corners([self._forms(low, high, held=True) for low, high in ends], ends, held=True))
        return [Corners.joined(parts) for parts in zip(*found, strict=True)]

    def _forms(self, low: Array, high: Array, *, held: bool) -> Array:
        """Return the forms that count between two pairs of rates, ``(F, 4, I)``, with a contract or without."""
        middle, stack = (low + high) / 2.0, self.stack
        if stack.size and stack[0, 0, 0] < 0.0 and not (stack[0, 1:3, 0] @ low) < 0.0:
            stack = stack[:0]
        forms = over_intervals(self.forms, self.steps, low, high) if held else _flat(self.bare_forms)
        tail = [(self.tail if held else self.bare_tail).forms(middle)] if self.offer.rules.tail else []
        return np.concatenate([forms, np.repeat(stack, forms.shape[2], axis=2), *tail])

    def _shares(self, level: CreditLevel) -> Array:
        return np.array([x / top if top > 0.0 else 0.0 for x, top in ((level.itc, self.top.itc), (level.ptc, self.top.ptc))])

    def _stack_form(self) -> Array:
        """Return the cap on credits and grants as a form ``(1 or 0, 4, 1)``; it counts where the project draws some of the club's (C13)."""
        if not self.offer.rules.stack:
            return np.zeros((0, 4, 1))
        levels = (NO_CREDIT, CreditLevel(itc=self.top.itc), CreditLevel(ptc=self.top.ptc))
        at_law, itc, ptc = map(float, stack_share(self.best, self.law, levels, self.offer.public_rate))
        return np.array([self.offer.rules.stack_cap + TOLERANCE - at_law, at_law - itc, at_law - ptc, 0.0]).reshape(1, 4, 1)

    def _corners(self, forms: Sequence[Array], ends: Sequence[tuple[Array, Array]], *, held: bool) -> list[Corners]:
        """Return the corners that forms ``(F, 4, I)`` leave of each cell and interval."""
        cut = [_tightest(*_in_cube(form, low, high)) for form, (low, high) in zip(forms, ends, strict=True)]
        most, width = max(side.shape[1] for _, side in cut), forms[0].shape[2]
        normals = np.concatenate([np.pad(normal, ((0, 0), (0, most - normal.shape[1]), (0, 0))) for normal, _ in cut])
        sides = np.concatenate([np.pad(side, ((0, 0), (0, most - side.shape[1])), constant_values=-np.inf) for _, side in cut])
        of, point = corners(normals, sides)
        found = []
        for k, (low, high) in enumerate(ends):
            mine = slice(*np.searchsorted(of, [k * width, (k + 1) * width]))
            found.append(self._spelled(of[mine] - k * width, low + point[mine, :2] * (high - low), point[mine, 2], held=held))
        return found

    def _spelled(self, interval: Ints, share: Array, u: Array, *, held: bool) -> Corners:
        """Return corners from their intervals, shares of the highest rates ``(N, 2)`` and way into the interval ``(N,)``."""
        nothing, count = np.zeros(u.size, dtype=int), self.ends.size - 1
        if held:
            entry = np.stack([3 + interval, 3 + count + interval, nothing + 1, 3 + 2 * count + interval], axis=1)
            strike = self.ends[interval] + u * np.diff(self.ends)[interval]
        else:
            entry, strike = np.stack([nothing, nothing, nothing + 1, nothing + 2], axis=1), np.full(u.size, np.nan)
        weights = np.stack([np.ones(u.size), u, *share.T], axis=1)
        return Corners(entry, weights, share * np.array([self.top.itc, self.top.ptc]), strike)


def _in_cube(forms: Array, low: Array, high: Array) -> tuple[Array, Array]:
    """Return normals ``(F, 3, I)`` and sides ``(F, I)`` of forms in the unit cube of a cell and an interval."""
    side = -(forms[:, 0] + forms[:, 1] * low[0] + forms[:, 2] * low[1])
    return np.stack([forms[:, 1] * (high[0] - low[0]), forms[:, 2] * (high[1] - low[1]), forms[:, 3]], axis=1), side


def _that_cut(forms: Array) -> Array:
    """Return the forms ``(F, 3, G)`` that fail at some rates and strike."""
    return forms[((forms[:, 0] + np.minimum(forms[:, 1:], 0.0).sum(axis=1)) < 0.0).any(axis=1)]


def _flat(forms: Array) -> Array:
    """Return forms without a strike as forms of one interval, ``(F, 4, 1)``."""
    return np.concatenate([forms, np.zeros((forms.shape[0], 1, forms.shape[2]))], axis=1)


def _tightest(normal: Array, side: Array) -> tuple[Array, Array]:
    """Return normals ``(I, C, 3)`` and sides ``(I, C)`` of the conditions that cut deepest at some corner of the cube, from ``(F, 3, I)`` and ``(F, I)``.

    To leave out the others only eases.
    """
    if not side.shape[0]:
        return np.zeros((side.shape[1], 1, 3)), np.full((side.shape[1], 1), -np.inf)
    size = np.maximum(np.abs(normal).max(axis=1), 1e-300)
    cut = (side - np.einsum("cj,fji->cfi", CUBE, normal)) / size
    deepest = cut.argmax(axis=1)
    kept = np.full(side.shape, False)
    corner, interval = np.nonzero(cut.max(axis=1) > 0.0)
    kept[deepest[corner, interval], interval] = True
    chosen = np.argsort(~kept, axis=0, kind="stable")[: max(1, int(kept.sum(axis=0).max()))]
    sides = np.take_along_axis(np.where(kept, side, -np.inf), chosen, axis=0)
    normals = np.take_along_axis(normal, chosen[:, None, :], axis=0)
    return np.moveaxis(normals, 2, 0), sides.T
