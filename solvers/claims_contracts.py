"""Claims on contracts for difference: shared upside, credits against strikes, tariffs against contracts (C13 to C15)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ..models.baseline import dump_exposed
from ..models.columns import CONTRACT, INFEASIBLE, Family, family
from ..models.levies import NODES
from ..models.market import COUNTRIES
from ..models.outlooks import Setting
from ..models.statement import Statement
from ..models.subsidies import NO_CREDIT, CreditLevel
from .claims_world import CONFIRMED, DEPENDS, REFUTED, Finding, World, graded, rounded, site_of
from .given import read_decisions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from ..models.cashflow import Site
    from ..models.decisions import Decisions
    from ..models.desk import Desk
    from ..models.projects import Plant
    from .claims_world import Optimum
    from .design import Design

    Array = NDArray[np.float64]

UPSIDE_SHARES = (0.0, 0.3, 0.5, 1.0)
INSURANCE, SHARED = 0.0, 0.5
LEAST_SAVING = 0.05
PERCENTILE = 95
POINTS = 100.0


def at_levels(desk: Desk, site: Site, levels: Sequence[CreditLevel], upside: float | None = None) -> Family:
    """Return a site's columns at given credit levels and a share of the upside (C12 to C15)."""
    plant = site.plant
    terms = desk.offer.contract if upside is None else replace(desk.offer.contract, upside_share=upside)
    offer = replace(desk.offer, levels=tuple(levels), contract=terms, contracts=True)
    return family(site, desk.law[plant.country, plant.product], offer, dump_exposed(desk.market, plant.product), supports=desk.supports)


def supported(desk: Desk) -> list[Plant]:
    """Return the candidates that take a contract with the law's credits at law and the baseline's path, one of a group."""
    settings, found, groups = desk.law_settings(), [], set[str]()
    for plant in desk.candidates:
        if plant.group in groups:
            continue
        if at_levels(desk, site_of(desk, plant, settings), [NO_CREDIT]).kind[0] == CONTRACT:
            found.append(plant)
            groups |= {plant.group} - {""}
    return found


def shared_upside(world: World) -> Finding:
    """Examine the state's share of the upside: what the same plants cost at their least strikes (claim 3)."""
    desk = world.desk()
    settings, factor = desk.law_settings(), desk.users.factor
    made: dict[float, list[tuple[float, float, Array]]] = {g: [] for g in UPSIDE_SHARES}
    kept = []
    for plant in supported(desk):
        site = site_of(desk, plant, settings)
        columns = {g: at_levels(desk, site, [NO_CREDIT], g) for g in UPSIDE_SHARES}
        if any(c.kind[0] != CONTRACT for c in columns.values()):
            continue
        kept.append(plant.id)
        for g, column in columns.items():
            cost = column.cost.at(0)
            made[g].append((float(cost.booked), float((cost.outlay - cost.income) @ factor), cost.scenario))
    if not kept:
        return Finding(DEPENDS, None, ("no candidate takes a contract at every share of the upside",))
    rows = {f"g={g:g}": _sums(parts) for g, parts in made.items()}
    plain, half = rows[f"g={INSURANCE:g}"], rows[f"g={SHARED:g}"]
    saved = {item: 1.0 - half[item] / plain[item] if plain[item] > 0.0 else 0.0 for item in plain}
    holds = sum(share >= LEAST_SAVING for share in saved.values())
    notes = [f"{_ITEMS[item]} {'falls' if share >= 0.0 else 'rises'} by {abs(share):.1%} from g=0 to g=0.5" for item, share in saved.items()]
    notes.append(f"{len(kept)} plants: {', '.join(kept)}")
    return Finding(graded(holds, len(saved)), {g: {k: rounded(v) for k, v in row.items()} for g, row in rows.items()}, tuple(notes))


_ITEMS = {"booked_musd": "booked cost", "net_musd": "expected net cost", f"p{PERCENTILE}_musd": f"{PERCENTILE}th percentile of cost"}


def _sums(parts: Sequence[tuple[float, float, Array]]) -> dict[str, float]:
    scenario = np.sum([s for _, _, s in parts], axis=0)
    return {
        "booked_musd": sum(b for b, _, _ in parts),
        "net_musd": sum(n for _, n, _ in parts),
        f"p{PERCENTILE}_musd": float(np.percentile(scenario, PERCENTILE)),
    }


def credits_for_strikes(world: World) -> Finding:
    """Examine how the least strike falls as a credit rises (claim 4)."""
    desk = world.desk()
    settings, ladders = desk.law_settings(), {kind: sorted({0.0, *map(float, desk.instance.settings[f"ladders.{kind}"])}) for kind in ("itc", "ptc")}
    slopes: dict[str, dict[str, list[float]]] = {}
    rising = []
    for plant in supported(desk):
        site = site_of(desk, plant, settings)
        for kind, rungs in ladders.items():
            if not getattr(plant, f"{kind}_share"):
                continue
            column = at_levels(desk, site, [CreditLevel(**{kind: rate}) for rate in rungs])
            held = np.flatnonzero(column.kind == CONTRACT)
            strikes, points = column.strike[held], POINTS * np.array(rungs)[held]
            if held.size < 2:
                continue
            if (np.diff(strikes) > 0.0).any():
                rising.append(plant.id)
            slopes.setdefault(plant.product, {}).setdefault(kind, []).append(float((strikes[0] - strikes[-1]) / (points[-1] - points[0])))
    if not slopes:
        return Finding(DEPENDS, None, ("no candidate that takes a contract may draw credits",))
    rows, flat = {}, []
    for m, kinds in slopes.items():
        rows[m] = {f"usd_per_t_per_point_of_{kind}": rounded(float(np.median(kinds[kind]))) if kind in kinds else None for kind in ladders}
        rows[m]["plants"] = max(map(len, kinds.values()))
        flat += [m] if max(max(x) for x in kinds.values()) <= 0.0 else []
    notes = [f"rises somewhere for {key}" for key in rising] + [f"no effect in {m}" for m in flat]
    for kind in ladders:
        shares = [float(np.median(kinds[kind])) / desk.market.long_run[m] for m, kinds in slopes.items() if kind in kinds]
        notes += [f"a point of {kind} takes {np.median(shares):.2%} of the long-run price off the strike (median product)"] if shares else []
    verdict = REFUTED if rising else graded(len(rows) - len(flat), len(rows))
    return Finding(verdict, rows, tuple(notes))


def tariffs_for_contracts(world: World) -> Finding:
    """Examine how tariffs lower what contracts cost: optima with and without, and the same builds (claim 5)."""
    on, off = world.solve(), world.solve({"instruments.tariffs": False})
    total = {name: _totals(optimum) for name, optimum in (("with", on), ("without", off))}
    row = {f"{item}_{name}_musd": rounded(value) for name, items in total.items() for item, value in items.items()}
    if on.design is None:
        return Finding(DEPENDS, {"ALL": row}, (f"infeasible with tariffs: {on.reason}",))
    rows = {"ALL": row, **same_builds(world.desk(), on.design)}
    saved = sum(float(r["saved_musd"] or 0.0) for m, r in rows.items() if m != "ALL")
    lost = [m for m, r in rows.items() if m != "ALL" and r["saved_musd"] is None]
    row["same_builds_saved_musd"] = rounded(saved)
    notes = [f"{m}: at law no strike carries the builds" for m in lost]
    if off.design is None:
        return Finding(CONFIRMED if saved > 0.0 or lost else DEPENDS, rows, (*notes, f"infeasible without tariffs: {off.reason}"))
    less = {item: total["without"][item] - total["with"][item] for item in total["with"]}
    notes.insert(0, f"with tariffs booked cost is {less['booked']:,.1f} million USD lower and users lose {-less['users_loss']:,.1f} million USD more")
    notes += [f"with tariffs {item} changes by {-less[item]:+,.1f} million USD" for item in ("objective", "net")]
    notes.append(f"on the same builds tariffs save {saved:,.1f} million USD of booked cost")
    holds = [less["booked"] > 0.0, saved > 0.0 or bool(lost)]
    return Finding(graded(sum(holds), len(holds)), rows, tuple(notes))


def _totals(optimum: Optimum) -> dict[str, float]:
    """Return objective, booked and net cost and users' loss of an optimum, musd; nothing where there is none."""
    if optimum.design is None:
        return {}
    payoff = optimum.design.payoff
    users = -float(payoff.loc[payoff["part"] == "users", "pv_musd"].sum())
    found = {item: optimum.total(item) or 0.0 for item in ("booked", "net")}
    return {"objective": optimum.objective or 0.0, **found, "users_loss": users}


def same_builds(desk: Desk, design: Design) -> dict[str, dict[str, float | None]]:
    """Return what a design's tariffs save on its own builds, product by product, at least strikes and the same credits.

    A point is a percentage point on one node above the lowest law of a member. The saving is None where no strike carries
    some build at law.
    """
    decisions = read_decisions(desk, design.to_dict())
    statement, rows = Statement(desk, decisions), {}
    for m, border in decisions.borders.items():
        laws = [desk.market.law(m, c) for c in COUNTRIES]
        points = POINTS * sum(max(0.0, getattr(border, node) - min(getattr(law, node) for law in laws)) for node in NODES)
        if not points:
            continue
        without = statement.settings | {m: Setting(desk.unprotected, statement.settings[m].path)}
        held, bare = (_booked(desk, decisions, settings) for settings in (statement.settings, without))
        saved = None if held is None or bare is None else bare - held
        rows[m] = {"points": rounded(points), "saved_musd": rounded(saved), "saved_musd_per_point": rounded(None if saved is None else saved / points)}
    return rows


def _booked(desk: Desk, decisions: Decisions, settings: Mapping[str, Setting]) -> float | None:
    """Return booked cost of a design's builds at least strikes and its credits, musd; None where one cannot be carried."""
    total = 0.0
    for key, start in decisions.builds.items():
        plant = desk.plants[key]
        column = at_levels(desk, desk.outlooks.site(plant, start, settings), [decisions.credit(plant.country, plant.product)])
        if column.kind[0] == INFEASIBLE:
            return None
        total += float(column.cost.at(0).booked)
    return total
