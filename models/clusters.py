"""Clusters of products that one build can tie together, and every build set of a cluster with its path (C8, C22)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from .levies import line_of
from .projects import Plant, start_years
from .regimes import Balance, Path, encode
from .reserve import Reserve

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from .baseline import Baseline

    Array = NDArray[np.float64]

MAX_SETS = 4_000_000
CHUNK = 20_000


@dataclass(frozen=True)
class Cluster:
    """Products tied together, with the candidates among them and each candidate's ladder of start years."""

    products: tuple[str, ...]
    candidates: tuple[str, ...]
    starts: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class BuildSets:
    """All admissible build sets of a cluster.

    ``choice`` is ``(N, J)``: 0 for not built, else 1 + index of the start year. ``path`` is ``(N, P)``: index into
    ``paths[p]`` per product.
    """

    choice: NDArray[np.int8]
    path: NDArray[np.int32]
    paths: tuple[tuple[Path, ...], ...]


class ClusterTooLarge(ValueError):
    """A cluster has more build sets than can be enumerated."""


def find_clusters(balance: Balance, base: Baseline, fixes: Mapping[str, float] | None = None) -> tuple[Cluster, ...]:
    """Join products that share feed, converters, a tariff line, exclusive groups or by-products of a targeted product.

    The baseline's plants count for feed: what they draw and whether they stay bankable depends on its price (C21c, C24).
    """
    instance = balance.market.instance
    products = balance.market.products
    parent = {m: m for m in products}

    def root(m: str) -> str:
        while parent[m] != m:
            m = parent[m]
        return m

    def tie(a: str, b: str) -> None:
        parent[root(a)] = root(b)

    pinned = fixes or {}
    candidates = free_candidates(balance, base, pinned)
    targeted = {m for m in products if instance.settings.get(f"targets.{m}") is not None}
    for plant in [*candidates, *(balance.plants[k] for k in base.builds)]:
        if plant.feed_product:
            tie(plant.product, plant.feed_product)
    for plant in candidates:
        for stream in plant.byproducts:
            if stream.product in targeted:
                tie(plant.product, stream.product)
    for product, links in balance.links.items():
        for source, _, _ in links:
            tie(product, source)
    for m in products:
        for other in line_of(instance.settings, m):
            tie(m, other)
    for a, b in combinations(candidates, 2):
        if a.group and a.group == b.group:
            tie(a.product, b.product)
    result = []
    for key in dict.fromkeys(root(m) for m in products):
        members = tuple(m for m in products if root(m) == key)
        inside = tuple(p for p in candidates if p.product in members)
        result.append(
            Cluster(
                products=members,
                candidates=tuple(p.id for p in inside),
                starts=tuple(_starts(balance, p, pinned) for p in inside),
            )
        )
    return tuple(result)


def _starts(balance: Balance, plant: Plant, fixes: Mapping[str, float]) -> tuple[int, ...]:
    """Return a plant's start years; a pinned one stands alone."""
    pinned = fixes.get(f"start.{plant.id}")
    return start_years(balance.market.instance, plant) if pinned is None else (int(pinned),)


def free_candidates(balance: Balance, base: Baseline, fixes: Mapping[str, float] | None = None) -> tuple[Plant, ...]:
    """Return plants outside B0 that may be built: available or pinned as built, group not taken, able to start in time."""
    pinned = fixes or {}
    plants = balance.plants
    taken = {plants[k].group for k in base.builds} - {""}
    return tuple(
        p
        for p in plants.values()
        if (p.available or pinned.get(f"built.{p.id}") == 1.0)
        and p.id not in base.builds
        and p.group not in taken
        and _starts(balance, p, pinned)
    )


def set_count(cluster: Cluster) -> int:
    """Return the number of build sets of a cluster, groups and pinned builds left aside."""
    return int(np.prod([len(s) + 1 for s in cluster.starts], dtype=float))


def refuse_too_large(cluster: Cluster) -> None:
    """Refuse to enumerate a cluster.

    Raises:
        ClusterTooLarge: it has more than ``MAX_SETS`` build sets.
    """
    size = set_count(cluster)
    if size > MAX_SETS:
        raise ClusterTooLarge(
            f"{', '.join(cluster.products)}: {len(cluster.candidates)} candidates give {size:.1e} build sets "
            f"(limit {MAX_SETS:.0e}); shorten ladders.start_delays or split the instance"
        )


def allowed_choices(key: str, starts: tuple[int, ...], fixes: Mapping[str, float]) -> NDArray[np.int8]:
    """Return the choices of a candidate with pinned builds respected: 0 for not built, else 1 + index of the start year."""
    pinned = fixes.get(f"built.{key}")
    first, last = 1 if pinned == 1.0 else 0, 0 if pinned == 0.0 else len(starts)
    return np.arange(first, last + 1, dtype=np.int8)


def all_choices(
    cluster: Cluster, plants: Mapping[str, Plant], fixes: Mapping[str, float] | None = None
) -> NDArray[np.int8]:
    """Enumerate every build set with start years, exclusive groups and pinned builds respected, ``(N, J)``.

    Raises:
        ClusterTooLarge: there are too many.
    """
    refuse_too_large(cluster)
    rows = np.zeros((1, 0), dtype=np.int8)
    seen: list[str] = []
    for key, starts in zip(cluster.candidates, cluster.starts, strict=True):
        options = allowed_choices(key, starts, fixes or {})
        count = rows.shape[0]
        rows = np.concatenate(
            [np.repeat(rows, options.size, axis=0), np.tile(options, count)[:, None]], axis=1
        )
        group = plants[key].group
        rivals = [i for i, other in enumerate(seen) if group and plants[other].group == group]
        if rivals:
            rows = rows[~((rows[:, -1] > 0) & (rows[:, rivals] > 0).any(axis=1))]
        seen.append(key)
    return rows


@dataclass(frozen=True)
class Demands:
    """What a cluster's build sets must meet: targets and China caps by product, export limits, a reserve (C8, C17, C22)."""

    targets: Mapping[str, float]
    china_caps: Mapping[str, float]
    export_limit: Mapping[str, Array]
    window: NDArray[np.int_]
    reserve: Reserve | None = None


def read_demands(balance: Balance, base: Baseline) -> Demands:
    """Read targets, China caps and export limits with their switches."""
    instance = balance.market.instance
    s, market = instance.settings, balance.market
    security = bool(s["switches.security"])

    def table(prefix: str) -> dict[str, float]:
        values = {m: s.get(f"{prefix}.{m}") for m in market.products}
        return {m: float(v) for m, v in values.items() if v is not None and security}

    share = instance.param("export_cap")
    limit = {}
    for m in market.products:
        cap = share * float(instance.products.loc[m, "world_supply_t"])
        own = np.maximum(0.0, -base.needs[m])
        limit[m] = np.maximum(cap, own) if s["switches.export_cap"] else np.full(own.size, np.inf)
    years = market.years
    window = np.flatnonzero((years >= int(s["years.target"])) & (years <= int(s["years.end"])))
    reserve = Reserve(market, instance.param("public_rate"))
    return Demands(table("targets"), table("china_caps"), limit, window, reserve)


def build_sets(
    balance: Balance, base: Baseline, cluster: Cluster, demands: Demands, fixes: Mapping[str, float] | None = None
) -> BuildSets:
    """Return all build sets that meet the demands, with their paths.

    Raises:
        ClusterTooLarge: there are too many to enumerate.
    """
    return admissible_sets(balance, base, cluster, demands, all_choices(cluster, balance.plants, fixes))


def admissible_sets(balance: Balance, base: Baseline, cluster: Cluster, demands: Demands, choices: NDArray[np.int8]) -> BuildSets:
    """Keep those of some build sets that meet the demands, with their paths."""
    kept: list[NDArray[np.int8]] = []
    states: list[list[NDArray[np.int8]]] = [[] for _ in cluster.products]
    for first in range(0, choices.shape[0], CHUNK):
        chunk = choices[first : first + CHUNK]
        needs, secured = chunk_tonnes(balance, base, cluster, chunk)
        good = admissible(balance, cluster, demands, needs, secured)
        kept.append(chunk[good])
        for p, m in enumerate(cluster.products):
            states[p].append(balance.states(m, needs[m][good]).astype(np.int8))
    choice = np.concatenate(kept)
    index, paths = [], []
    for part in states:
        rows, inverse = np.unique(np.concatenate(part), axis=0, return_inverse=True)
        paths.append(tuple(encode(row) for row in rows))
        index.append(np.asarray(inverse, dtype=np.int32).reshape(-1))
    return BuildSets(choice=choice, path=np.stack(index, axis=1), paths=tuple(paths))


def joined(first: BuildSets, second: BuildSets) -> BuildSets:
    """Return the build sets of both, those of the first at their old places and with their old paths."""
    columns, paths = [], []
    for p, (old, new) in enumerate(zip(first.paths, second.paths, strict=True)):
        place = {path: k for k, path in enumerate(old)}
        index = np.array([place.setdefault(path, len(place)) for path in new], dtype=np.int32)
        columns.append(np.concatenate([first.path[:, p], index[second.path[:, p]]]))
        paths.append(tuple(place))
    return BuildSets(np.concatenate([first.choice, second.choice]), np.stack(columns, axis=1), tuple(paths))


def chunk_tonnes(
    balance: Balance, base: Baseline, cluster: Cluster, chunk: NDArray[np.int8]
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Return need and secured tonnes of each product for each build set, ``(N, T)`` (C8, C22)."""
    start = balance.totals(base.builds)
    fields = ("refined", "concentrate", "safe_refined", "safe_concentrate", "feed", "byproducts")
    horizon = balance.market.years.size
    total = {f: {m: np.tile(getattr(start, f)[m], (chunk.shape[0], 1)) for m in cluster.products} for f in fields}
    for j, (key, starts) in enumerate(zip(cluster.candidates, cluster.starts, strict=True)):
        plant = balance.plants[key]
        table = {f: np.zeros((len(starts) + 1, horizon)) for f in ("refined", "concentrate", "feed")}
        streams: dict[str, Array] = {}
        for k, year in enumerate(starts, start=1):
            made = balance.tonnes(key, year)
            table["refined"][k], table["concentrate"][k], table["feed"][k] = made.refined, made.concentrate, made.feed
            for product, tonnes in made.byproducts if not plant.china_linked else ():
                streams.setdefault(product, np.zeros((len(starts) + 1, horizon)))[k] += tonnes
        pick = chunk[:, j]
        for name in ("refined", "concentrate"):
            total[name][plant.product] += table[name][pick]
            if not plant.china_linked:
                total[f"safe_{name}"][plant.product] += table[name][pick]
        if plant.feed_product:
            total["feed"][plant.feed_product] += table["feed"][pick]
        for product, made_table in streams.items():
            if product in total["byproducts"]:
                total["byproducts"][product] += made_table[pick]
    needs, secured = {}, {}
    for m in cluster.products:
        needs[m] = balance.need(m, total["refined"][m], total["concentrate"][m], total["feed"][m], total["refined"])
        secured[m] = balance.secured(
            m, total["safe_refined"][m], total["safe_concentrate"][m], total["byproducts"][m]
        )
    return needs, secured


def admissible(
    balance: Balance,
    cluster: Cluster,
    demands: Demands,
    needs: Mapping[str, Array],
    secured: Mapping[str, Array],
) -> NDArray[np.bool_]:
    """Say which build sets meet export limits, targets and China caps, ``(N,)``."""
    good = np.full(next(iter(needs.values())).shape[0], True)
    window = demands.window
    for m in cluster.products:
        good &= (-needs[m] <= demands.export_limit[m] * (1 + 1e-9) + 1e-6).all(axis=1)
        demand = balance.market.demand[m]
        if m in demands.targets:
            wanted = demands.targets[m] * demand[window]
            good &= (secured[m][:, window] >= wanted * (1 - 1e-9)).all(axis=1)
        if m in demands.china_caps:
            must = np.maximum(0.0, needs[m][:, window] - balance.market.availability[m][window])
            good &= (must <= demands.china_caps[m] * (1 + 1e-9) + 1e-6).all(axis=1)
        if demands.reserve is not None and m in demands.reserve.cover:
            good &= demands.reserve.rung(m, needs[m]) < demands.reserve.rungs.size
    return good

