"""Claims on border measures: a tariff on China alone, broader measures, standards (C6, C7, C18)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..models.bankability import Tests
from ..models.baseline import dump_exposed
from ..models.levies import LAW, Border, three_digits
from ..models.market import COUNTRIES, along
from ..models.outlooks import Setting
from .claims_world import CONFIRMED, DEPENDS, REFUTED, Cell, Finding, World, graded, rounded, site_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from ..models.desk import Desk
    from ..models.projects import Plant

    Array = NDArray[np.float64]
    Borders = Mapping[str, Border]

CHAPTER_RATE = 0.25
LITTLE = 0.01
BROADER = 2.0
MOST = 0.5
TOLERANCE = 1e-9
IN_FORCE = {"switches.expiry": False}


def calm(desk: Desk, product: str) -> NDArray[np.bool_]:
    """Say which years and scenarios are free of a dump: China sells no cheaper than the rest, ``(T, S)`` (C5)."""
    result: NDArray[np.bool_] = desk.market.china[product] >= desk.market.market[product]
    return result


def price_rise(
    desk: Desk, product: str, border: Border, where: NDArray[np.bool_] | None = None, members: Sequence[str] = COUNTRIES
) -> float | None:
    """Return the rise of the expected price over law at the baseline's path, weighted as in C23.

    Args:
        desk: the desk.
        product: the product.
        border: the measure.
        where: years and scenarios that count ``(T, S)``; all if not given.
        members: whose users count.

    Returns:
        A fraction; None where nobody uses the product, or nothing counts.
    """
    market, path = desk.market, desk.baseline.paths[product]
    cost = np.zeros(2)
    for c in members:
        weight = desk.users.factor * desk.users.window * market.direct[product][c]
        for k, option in enumerate((LAW, border)):
            price = along(market.prices(product, option, c), path)
            cost[k] += weight @ (price if where is None else price * where).mean(axis=1)
    return float(cost[1] / cost[0] - 1.0) if cost[0] > 0.0 else None


def under(desk: Desk, borders: Borders) -> dict[str, Setting]:
    """Return settings with measures at the baseline's path."""
    return {m: Setting(borders.get(m, s.border), s.path) for m, s in desk.law_settings().items()}


def passes_unaided(desk: Desk, plant: Plant, settings: Mapping[str, Setting]) -> bool:
    """Say whether a plant is bankable with the law's credits alone (C12)."""
    law = desk.law[plant.country, plant.product]
    tests = Tests(site_of(desk, plant, settings), law, desk.rules, desk.market.long_run, dump_exposed(desk.market, plant.product))
    return bool(tests.passes()[0])


def made_bankable(desk: Desk, borders: Borders) -> dict[str, int]:
    """Return by product how many candidates fail C12 at law and pass under the measures, at the baseline's path."""
    before, after = desk.law_settings(), under(desk, borders)
    count = dict.fromkeys(desk.market.products, 0)
    for plant in desk.candidates:
        count[plant.product] += passes_unaided(desk, plant, after) and not passes_unaided(desk, plant, before)
    return count


def on_all(desk: Desk, border: Border) -> dict[str, Border]:
    """Return one measure on every product."""
    return dict.fromkeys(desk.market.products, border)


def china_alone(world: World) -> Finding:
    """Examine a 25% tariff on China alone: price changes at the baseline's path (claim 1)."""
    desk = world.desk(IN_FORCE)
    border = Border(china=CHAPTER_RATE)
    bankable = made_bankable(desk, on_all(desk, border))
    rows, felt, quiet = {}, {}, []
    for m in desk.market.products:
        rise, without = price_rise(desk, m, border), price_rise(desk, m, border, calm(desk, m))
        single = {c: price_rise(desk, m, border, members=(c,)) or 0.0 for c in COUNTRIES}
        top = max(single.values())
        rows[m] = {"rise": rounded(rise), "rise_without_dump": rounded(without), "rise_highest_member": rounded(top), "made_bankable": bankable[m]}
        if rise is not None and rise >= LITTLE:
            felt[m] = f"{m}: {rise:.1%} ({', '.join(f'{c} {x:.1%}' for c, x in single.items())})"
        if without is not None and without >= LITTLE:
            quiet.append(m)
    used = sum(row["rise"] is not None for row in rows.values())
    notes = [f"felt in {len(felt)} of {used} products: {', '.join(felt) or 'none'}"]
    notes += [*felt.values(), f"outside dump years felt in: {', '.join(quiet) or 'no product'}"]
    notes.append(f"candidates made bankable: {sum(bankable.values())}")
    return Finding(graded(used - len(felt), used), rows, tuple(notes))


def broader(world: World) -> Finding:
    """Examine tariffs on both nodes and a reference price, and what they cost users (claim 2)."""
    desk = world.desk(IN_FORCE)
    top = max([CHAPTER_RATE, *map(float, desk.instance.settings["ladders.tariffs"])])
    measures = {
        "china_alone": on_all(desk, Border(china=CHAPTER_RATE)),
        "both_nodes": on_all(desk, Border(market=top, china=top)),
        "reference_price": {m: Border(reference=float(three_digits(level))) for m, level in desk.market.long_run.items()},
    }
    rows: dict[str, dict[str, Cell]] = {m: {} for m in desk.market.products}
    total: dict[str, Cell] = {}
    for name, borders in measures.items():
        settings = under(desk, borders)
        losses = {m: float(desk.users.loss(m, s).sum()) for m, s in settings.items()}
        for m, s in settings.items():
            rows[m] |= {f"rise_{name}": rounded(desk.users.rise(m, s)), f"users_loss_{name}_musd": rounded(losses[m])}
        burden = sum(float(desk.users.burden(m, s).sum()) for m, s in settings.items())
        total[f"rise_{name}"] = rounded(burden / float(desk.users.basket.sum()))
        total[f"users_loss_{name}_musd"] = rounded(sum(losses.values()))
        total[f"made_bankable_{name}"] = sum(made_bankable(desk, borders).values())
    alone = float(total["rise_china_alone"] or 0.0)
    rises = {name: float(total[f"rise_{name}"] or 0.0) for name in ("both_nodes", "reference_price")}
    more = [name for name, rise in rises.items() if rise >= max(BROADER * alone, LITTLE)]
    notes = [f"{name}: basket {rise:+.1%}, users lose {total[f'users_loss_{name}_musd']:,.0f} million USD" for name, rise in rises.items()]
    notes += [f"{name}: {total[f'made_bankable_{name}']} candidates made bankable" for name in measures]
    return Finding(graded(len(more), len(rises)), {"ALL": total, **rows}, tuple(notes))


def values(desk: Desk, plants: Mapping[str, Plant], settings: Mapping[str, Setting]) -> dict[str, float]:
    """Return the expected NPV of candidates and the baseline's plants with the law's credits, musd (C12a)."""
    found = {}
    for key in [*desk.baseline.builds, *(p.id for p in desk.candidates)]:
        plant = plants[key]
        law = desk.law[plant.country, plant.product]
        tests = Tests(site_of(desk, plant, settings), law, desk.rules, desk.market.long_run, dump_exposed(desk.market, plant.product))
        found[key] = float(tests.value()[0])
    return found


def standards(world: World) -> Finding:
    """Examine standards: what plants lose in cost and gain by the adjustment on imports (claim 10)."""
    free = world.desk()
    before = values(free, free.unbound, free.law_settings())
    rows, verdicts, notes = {}, [], []
    for tier in ("usmca", "high"):
        desk = world.desk({"standards.tier": tier})
        held = values(desk, desk.plants, under(desk, on_all(desk, desk.unprotected)))
        bare = values(desk, desk.plants, desk.law_settings())
        change = {key: held[key] - before[key] for key in before}
        better = [key for key, gain in change.items() if gain >= -TOLERANCE]
        rows[tier] = {
            "cost_npv_musd": rounded(sum(bare[key] - before[key] for key in before)),
            "adjustment_npv_musd": rounded(sum(held[key] - bare[key] for key in before)),
            "net_npv_musd": rounded(sum(change.values())),
            "plants_not_worse_off": len(better),
            "plants": len(change),
        }
        if world.headline:
            optimum = world.solve({"standards.tier": tier})
            rows[tier]["objective_musd"] = rounded(optimum.objective)
            notes += [f"infeasible under {tier}: {optimum.reason}"] if optimum.design is None else []
        share = len(better) / len(change)
        verdicts.append(CONFIRMED if sum(change.values()) >= 0.0 and share >= MOST else REFUTED if share < MOST else DEPENDS)
        products = sorted({desk.plants[key].product for key in better})
        notes.append(f"{tier}: {len(better)} of {len(change)} plants not worse off ({', '.join(products) or 'none'})")
    if world.headline:
        plain = world.solve().objective
        rows["none"] = {"objective_musd": rounded(plain)}
        costs = {tier: line.get("objective_musd") for tier, line in rows.items()}
        notes += [f"{tier}: objective {float(cost) / plain - 1.0:+.1%}" for tier, cost in costs.items() if cost is not None and plain and tier != "none"]
    if not any(desk.market.instance.projects["standards_gap_usd_per_t"]):
        return Finding(DEPENDS, rows, ("no plant has a cost of meeting the standard", *notes))
    verdict = verdicts[0] if len(set(verdicts)) == 1 else DEPENDS
    return Finding(verdict, rows, tuple(notes))
