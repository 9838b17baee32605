"""Recompute the baseline B0 (C27) and which products are contested (C20)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .audit_bank import bank, highest_three_digits, main_share, setting, strike_ceiling
from .audit_cash import Option, law_scene
from .audit_market import Balance, Builds, Scene, balances, harmonised_rates, states
from .audit_world import NODES, FloatArray, Project, Terms, World


@dataclass(frozen=True)
class Baseline:
    """Hold B0: its projects with start years, which of them are unaided, its balance and its scene."""

    builds: dict[str, int]
    unaided: tuple[str, ...]
    balance: Mapping[str, Balance]
    scene: Scene


def law_at(world: World, builds: Builds) -> Scene:
    """Return law tariffs at the path of a set of projects."""
    return law_scene(world, states(world, balances(world, builds)))


def baseline(world: World) -> Baseline:
    """Return B0: projects with ``b0_supply``, then available ones that pass C12 unaided, best NPV per unit of K first (C27)."""
    builds = {code: p.earliest for code, p in world.projects.items() if p.b0_supply}
    order = _ranked(world, builds)
    unaided: list[str] = []
    scene = law_at(world, builds)
    for code in order:
        p = world.projects[code]
        if _group_taken(world, builds, p):
            continue
        if bank(setting(scene, scene), p, Option(p.earliest)).passes:
            builds[code] = p.earliest
            unaided.append(code)
            scene = law_at(world, builds)
    return Baseline(builds, tuple(unaided), balances(world, builds), scene)


def _ranked(world: World, builds: Builds) -> list[str]:
    """Return the other available projects by unaided NPV per unit of K at the path of ``b0_supply`` alone, best first."""
    scene = law_at(world, builds)
    ratio = {}
    for code, p in world.projects.items():
        if p.available and not p.b0_supply and p.earliest <= world.end:
            npv = bank(setting(scene, scene), p, Option(p.earliest)).npv
            ratio[code] = npv / p.capital if p.capital > 0.0 else float(np.copysign(np.inf, npv))
    return sorted(ratio, key=lambda code: (-ratio[code], code))


def _group_taken(world: World, builds: Builds, project: Project) -> bool:
    return bool(project.group) and any(world.projects[other].group == project.group for other in builds)


def contested(world: World, b0: Baseline) -> dict[str, bool]:
    """Tell for each product whether it is contested in some year up to ``end_year`` (C20).

    A candidate counts from its earliest start at full capacity if it is not in the baseline, fails unaided there, and passes at the baseline's path either with
    the highest strike allowed or without a contract under the top rung of both border measures on every product. Of an exclusive group the largest counts.
    """
    top = max(float(rate) for rate in world.setting("ladders.tariffs", (0.0,)))
    guarded = Scene(world, harmonised_rates(world, {(m, node): top for m in world.products for node in NODES}), b0.scene.path)
    capacity = {m: np.zeros(world.horizon) for m in world.products}
    by_group: dict[tuple[str, str], FloatArray] = {}
    for code, p in world.projects.items():
        if code in b0.builds or not p.available or p.earliest > world.end or not _passes_with_aid(world, b0, guarded, p):
            continue
        yearly = np.where(np.arange(world.base, world.base + world.horizon) >= p.earliest, p.capacity * p.counted_share, 0.0)
        key = (p.product, p.group or code)
        by_group[key] = np.maximum(by_group.get(key, yearly), yearly)
    for (product, _), yearly in by_group.items():
        capacity[product] += yearly
    years = slice(0, world.end - world.base + 1)
    return {m: bool((capacity[m] > np.maximum(b0.balance[m].need, 0.0))[years].any()) for m in world.products}


def _passes_with_aid(world: World, b0: Baseline, guarded: Scene, project: Project) -> bool:
    option = Option(project.earliest)
    if bank(setting(b0.scene, b0.scene), project, option).passes:
        return False
    if bank(setting(guarded, b0.scene), project, option).passes:
        return True
    if main_share(world, project) < world.param("contract_min_revenue_share"):
        return False
    strike = highest_three_digits(strike_ceiling(world, project))
    terms = Terms(
        strike=strike,
        share=float(world.setting("contract.share", 1.0)),
        upside=float(world.setting("contract.upside_share", 0.5)),
        tenor=int(world.setting("contract.tenor_years", 12)),
        start=project.earliest,
    )
    return bank(setting(b0.scene, b0.scene), project, Option(project.earliest, contract=terms)).passes
