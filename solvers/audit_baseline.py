"""Recompute the baseline B0 (C27) and which products are contested (C20)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from .audit_bank import bank, main_share, setting
from .audit_border import guarded
from .audit_cash import law_scene
from .audit_market import Balance, Builds, Scene, balances, states
from .audit_option import Option
from .audit_strike import highest_three_digits, strike_ceiling
from .audit_world import FloatArray, Project, Terms, World


@dataclass(frozen=True)
class Baseline:
    """Hold B0: its projects with start years, which of them are unaided, which of those pass C12 at the path of the whole B0 too, its balance and its scene."""

    builds: dict[str, int]
    unaided: tuple[str, ...]
    lasting: tuple[str, ...]
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
    where = setting(scene, scene)
    lasting = tuple(code for code in unaided if bank(where, world.projects[code], Option(builds[code])).passes)
    return Baseline(builds, tuple(unaided), lasting, balances(world, builds), scene)


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


def candidates(world: World, b0: Baseline) -> list[Project]:
    """Return the candidates: available, able to start in time, not in the baseline and of a group that it leaves open (C20)."""
    return [
        p for code, p in world.projects.items() if code not in b0.builds and p.available and p.earliest <= world.end and not _group_taken(world, b0.builds, p)
    ]


def contested(world: World, b0: Baseline, products: Iterable[str] | None = None) -> dict[str, bool]:
    """Tell for each product, or for those asked for, whether it is contested in some year up to ``end_year`` (C20).

    A candidate counts at full ramp from its earliest start if it fails unaided at law and the baseline's path and passes there either under
    the top rung of both border measures on its product or with the highest strike allowed. Of an exclusive group the largest counts.
    """
    by_group: dict[tuple[str, str], FloatArray] = {}
    capacity = {m: np.zeros(world.horizon) for m in (world.products if products is None else products)}
    for p in candidates(world, b0):
        if p.product not in capacity or not _passes_with_aid(world, b0, p):
            continue
        yearly, first = np.zeros(world.horizon), p.earliest - world.base
        yearly[first : first + p.life] = float(p.tonnes.max()) * p.counted_share
        key = (p.product, p.group or p.code)
        by_group[key] = np.maximum(by_group.get(key, 0.0), yearly)
    for (product, _), yearly in by_group.items():
        capacity[product] += yearly
    years = slice(0, world.end - world.base + 1)
    return {m: bool((capacity[m] > np.maximum(b0.balance[m].need, 0.0))[years].any()) for m in capacity}


def _passes_with_aid(world: World, b0: Baseline, project: Project) -> bool:
    """Tell whether a candidate passes C12 with protection of its product or with a contract, and not without, at the baseline's path (C20)."""
    option = Option(project.earliest)
    if bank(setting(b0.scene, b0.scene), project, option).passes:
        return False
    top = max(float(rate) for rate in world.setting("ladders.tariffs", (0.0,))) if world.offers("tariffs") else 0.0
    behind = Scene(world, guarded(world, b0.scene.border, project.product, top), b0.scene.path)
    if bank(setting(behind, b0.scene), project, option).passes:
        return True
    if not world.offers("contracts") or main_share(world, project) < world.param("contract_min_revenue_share"):
        return False
    terms = club_terms(world, highest_three_digits(strike_ceiling(world, project)), min(upside_ladder(world)), project.earliest)
    return bank(setting(b0.scene, b0.scene), project, Option(project.earliest, contract=terms)).passes


def upside_ladder(world: World) -> tuple[float, ...]:
    """Return the values of g that the club may choose (C14)."""
    ladder = world.setting("contract.upside_shares", ()) or (world.setting("contract.upside_share", 0.5),)
    return tuple(float(g) for g in ladder)


def club_terms(world: World, strike: float, upside: float, first_year: int) -> Terms:
    """Return a contract of the club as the settings have it, for a project that starts in a year (C14)."""
    counted = bool(world.setting("contract.stockpile_counted", True))
    delay = int(world.setting("contract.start_delay", 0))
    return Terms(
        strike=strike,
        share=float(world.setting("contract.share", 1.0)) * (1.0 if counted else 1.0 - float(world.setting("contract.stockpile_share", 0.0))),
        upside=upside,
        tenor=int(world.setting("contract.tenor_years", 12)),
        start=first_year + delay,
        collar=float(world.setting("contract.collar", 0.0)),
        indexed=float(world.setting("contract.indexed_share", 1.0)),
        inflation=float(world.setting("contract.inflation", 0.02)),
        delay=delay,
    )
