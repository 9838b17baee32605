"""Count what the plan formulation would enumerate: ``python -m minclub.solvers.counts usmca`` prints a table."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..instances.errors import InstanceError
from ..instances.loader import load
from ..models.clusters import ClusterTooLarge, all_choices, build_sets, find_clusters, read_demands
from ..models.desk import Desk
from ..models.plans import PlanSpace

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Count:
    """One cluster: its products and sizes; ``plans`` is options x build sets x credit levels of the groups built."""

    products: tuple[str, ...]
    candidates: int
    build_sets: int
    admissible: int
    paths: tuple[int, ...]
    options: int
    plans: float


def plan_counts(desk: Desk) -> list[Count]:
    """Return the counts of every cluster of an instance."""
    demands = read_demands(desk.balance, desk.baseline)
    found = []
    for k, cluster in enumerate(find_clusters(desk.balance, desk.baseline)):
        sets = build_sets(desk.balance, desk.baseline, cluster, demands)
        space = PlanSpace(desk, k, cluster, sets)
        options = int(np.prod([len(b) for b in space.borders], dtype=float))
        levels = np.ones(space.size)
        for group in space.groups:
            active = group.rows[group.inverse][:, : len(group.members)].any(axis=1)
            levels *= np.where(active, len(desk.offer.levels), 1.0)
        raw = all_choices(cluster, desk.plants).shape[0]
        paths = tuple(len(p) for p in sets.paths)
        found.append(Count(cluster.products, len(cluster.candidates), raw, space.size, paths, options, options * float(levels.sum())))
    return found


def table(counts: Sequence[Count]) -> str:
    """Return the counts as a Markdown table."""
    lines = ["| cluster | candidates | build sets | admissible | paths | options | plans |", "|---|---|---|---|---|---|---|"]
    lines += [
        f"| {', '.join(c.products)} | {c.candidates} | {c.build_sets:,} | {c.admissible:,} | {' x '.join(map(str, c.paths))} | {c.options:,} | {c.plans:.1e} |"
        for c in counts
    ]
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> int:
    """Print the table of an instance, given by name or path and overrides."""
    if not arguments:
        print("usage: python -m minclub.solvers.counts INSTANCE [KEY=VALUE ...]", file=sys.stderr)
        return 2
    try:
        print(table(plan_counts(Desk(load(arguments[0], list(arguments[1:]))))))
    except (InstanceError, ClusterTooLarge) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
