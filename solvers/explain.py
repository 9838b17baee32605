"""Why no design exists, in the negotiators' words, and the least change that would let one exist (C33)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ..models.clusters import CHUNK, MAX_SETS, Cluster, Demands, all_choices, chunk_tonnes, set_count
from ..models.market import COUNTRIES
from ..models.plan import Weights
from ..models.plans import PlanSpace
from ..models.pricing import Pricing
from ..models.unlisted import plan_space
from .highs import compile_model, run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from ..models.desk import Desk
    from ..models.master import Master

    Array = NDArray[np.float64]


class Infeasible(RuntimeError):
    """No design meets the demands together."""

    def __init__(self, conflicts: Sequence[str], repairs: Sequence[str]) -> None:
        """Keep both lists; the message reads as text."""
        self.conflicts, self.repairs = tuple(conflicts), tuple(repairs)
        lines = ["No design meets these demands together:", *(f"  - {c}" for c in self.conflicts)]
        if self.repairs:
            lines += ["The least change that lets one exist:", *(f"  - {r}" for r in self.repairs)]
        super().__init__("\n".join(lines))


def percent(share: float) -> str:
    """Write a share as a percentage, rounded down so that the repair is never too small."""
    return f"{np.floor(share * 1000.0) / 10.0:g}%"


def explain_cluster(desk: Desk, cluster: Cluster, demands: Demands, pinned: Mapping[str, float]) -> Infeasible:
    """Explain a cluster without any plan: lower its targets to the highest level that some plan reaches."""
    wanted = {m: demands.targets[m] for m in cluster.products if m in demands.targets}
    conflicts = [f"at least {share:.0%} security in {m} in every year from the target year" for m, share in wanted.items()]
    conflicts += [f"at most {cap:g} t a year of {m} that must come from China" for m, cap in demands.china_caps.items() if m in cluster.products]
    pins = [f"{name} pinned at {value:g}" for name, value in pinned.items() if set(name.split(".")) & {*cluster.products, *cluster.candidates}]
    free = replace(demands, targets={}, china_caps={})
    if not _has_plan(desk, cluster, free):
        rows = ["export limits, product price caps and unaided projects of the baseline", *pins]
        return Infeasible([*conflicts, *rows], ["release a pinned decision" if pins else "switch off switches.displacement or raise caps.product_price"])
    repairs = []
    for m in wanted:
        level = _reachable(desk, cluster, demands, m, pinned)
        if level is not None and level < wanted[m]:
            repairs.append(f"accept {percent(level)} security in {m} (--set targets.{m}={np.floor(level * 1000.0) / 1000.0:g})")
    if not repairs:
        lower = [f"lower the targets of {', '.join(wanted)} together"] if wanted else []
        drop = ["drop the China caps"] if any(m in cluster.products for m in demands.china_caps) else []
        repairs = [", or ".join(lower + drop)] if lower or drop else []
    return Infeasible([*conflicts, *pins, "projects that are bankable under the ladders, export limits and price caps"], repairs)


def _has_plan(desk: Desk, cluster: Cluster, demands: Demands) -> bool:
    space = plan_space(desk, 0, cluster, demands, PlanSpace)
    if space is None:
        return False
    scenarios = desk.market.scenarios.count
    zero = Weights(np.zeros((3, desk.market.years.size)), np.zeros(scenarios), np.zeros(scenarios), np.zeros(3), 0.0, np.zeros(desk.market.years.size))
    cost, _, _ = Pricing(space, zero).least(lambda: False)
    return bool(np.isfinite(cost))


def _reachable(desk: Desk, cluster: Cluster, demands: Demands, product: str, pinned: Mapping[str, float]) -> float | None:
    """Return the highest target of one product, the others as asked, for which a plan exists; by bisection over levels."""
    levels = _levels(desk, cluster, demands, product, pinned)
    low, high, best = 0, levels.size - 1, None
    while low <= high:
        middle = (low + high) // 2
        trial = replace(demands, targets=dict(demands.targets) | {product: float(levels[middle])})
        if _has_plan(desk, cluster, trial):
            best, low = float(levels[middle]), middle + 1
        else:
            high = middle - 1
    return best


def _levels(desk: Desk, cluster: Cluster, demands: Demands, product: str, pinned: Mapping[str, float]) -> Array:
    """Return the distinct shares of a product that the build sets reach in their worst year, rising; tenths of a percent in a large cluster."""
    if set_count(cluster) > MAX_SETS:
        return np.arange(0.0, demands.targets[product], 0.001)
    choices = all_choices(cluster, desk.plants, pinned)
    demand = desk.market.demand[product][demands.window]
    found = []
    for first in range(0, choices.shape[0], CHUNK):
        _, secured = chunk_tonnes(desk.balance, desk.baseline, cluster, choices[first : first + CHUNK])
        found.append((secured[product][:, demands.window] / demand).min(axis=1))
    levels: Array = np.unique(np.floor(np.concatenate(found) * 1e6) / 1e6)
    return levels


def explain_crossing(desk: Desk, master: Master, excess: Sequence[tuple[str, int, float]]) -> Infeasible:
    """Explain rows that cross clusters: the least total excess over the plans found, in whole designs."""
    compiled = compile_model(master.model(elastic=True, feasibility=True))
    answer = run(compiled, gap=1e-4, time_limit=20.0)
    rows = list(excess)
    if answer.x is not None:
        names = [(v.name, x) for v, x in zip(compiled.columns, answer.x, strict=True) if x > 1e-6]
        whole = [[*n[len("excess["):-1].split(","), x] for n, x in names if n.startswith("excess[")]
        rows = [(str(kind), int(index), float(x)) for kind, index, x in whole]
    targets = [f"{float(v):.0%} security in {k.removeprefix('targets.')}" for k, v in desk.instance.settings.items() if k.startswith("targets.") and v is not None]
    conflicts, repairs = list(targets), []
    horizon = desk.market.years.size
    for kind, index, amount in rows:
        if kind == "outlay":
            country, year = COUNTRIES[index // horizon], int(desk.market.years[index % horizon])
            cap = float(master.limits.outlay[index // horizon, index % horizon])
            conflicts.append(f"at most {cap:g} MUSD of contracts and credits a year in {country} ({year})")
            new = float(np.ceil((cap + amount) * 10.0) / 10.0)
            repairs.append(f"raise the budget of {country} in {year} by {new - cap:g} MUSD (--set caps.{country}.{year}={new:g})")
        elif kind == "basket":
            base = float(desk.users.basket[index])
            cap = desk.users.basket_cap
            conflicts.append(f"at most {cap:.1%} rise of the demand basket in {COUNTRIES[index]}")
            repairs.append(f"accept a rise of {cap + amount / base:.2%} in {COUNTRIES[index]} (--set caps.basket={cap + amount / base:.4f})")
        else:
            cap = master.limits.worst
            conflicts.append(f"at most {cap:g} MUSD of outlay in the worst 5% of scenarios")
            repairs.append(f"raise that cap by {amount:.0f} MUSD (--set caps.worst5_outlay={np.ceil(cap + amount):g})")
    return Infeasible(conflicts, repairs)
