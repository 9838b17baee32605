"""Check the choice of instruments: what is on, the ladders, tariff lines, one level per country and product, offtake, reserve and strikes by class."""

from __future__ import annotations

from collections.abc import Iterable

from .audit_baseline import upside_ladder
from .audit_border import covered_nodes, reference_of
from .audit_case import Case
from .audit_checks import Check, holds
from .audit_strike import least_strike
from .audit_world import COUNTRIES, NODES

INSTRUMENTS = ("tariffs", "reference_price", "contracts", "credits", "grants", "loans", "procurement")
LEVEL_LADDERS = {"itc": "ladders.itc", "ptc": "ladders.ptc", "grant": "ladders.grant", "loan": "ladders.loan"}


def check_instruments(case: Case) -> list[Check]:
    """Return the checks of all choices that a design makes."""
    found = [*_switched_off(case), *_tariffs(case), *_references(case), *_lines(case), *_credits(case), *_upside(case)]
    return [*found, *_offtake(case), *_reserve(case), *_classes(case)]


def _on_ladder(value: float, ladder: Iterable[float]) -> bool:
    return any(abs(value - float(rung)) <= 1e-9 for rung in ladder)


def _pinned(case: Case, name: str, value: float) -> bool:
    """Tell whether a decision of this name was pinned at this value: pinned decisions need not lie on a ladder."""
    pin = (case.design.provenance.get("fixes") or {}).get(name)
    return pin is not None and abs(value - float(pin)) <= 1e-9 * max(1.0, abs(float(pin)))


def _switched_off(case: Case) -> list[Check]:
    """Check that an instrument that is off has only its zero rung (C19)."""
    design = case.design
    drawn = {
        kind: any(level[kind] != 0.0 and not _pinned(case, f"credit.{kind}.{c}.{m}", level[kind]) for (c, m), level in design.credits.items())
        for kind in LEVEL_LADDERS
    }
    used = {
        "tariffs": any(rate != 0.0 and not _pinned(case, f"tariff.{node}.{m}", rate) for (m, node), rate in design.rates.items()),
        "reference_price": any(price != 0.0 and not _pinned(case, f"reference.{m}", price) for (m, _), price in design.references.items()),
        "contracts": bool(design.contracts),
        "credits": drawn["itc"] or drawn["ptc"],
        "grants": drawn["grant"],
        "loans": drawn["loan"],
        "procurement": bool(design.offtake),
    }
    return [holds("no instrument that is off", name, not used[name], "C19") for name in INSTRUMENTS if not case.world.offers(name)]


def _tariffs(case: Case) -> list[Check]:
    world, rates = case.world, case.design.rates
    ladder = world.setting("ladders.tariffs", (0.0,))
    found = [
        holds("tariff on the ladder", f"{m} / {node}", _on_ladder(rate, ladder) or _pinned(case, f"tariff.{node}.{m}", rate), "C19")
        for (m, node), rate in rates.items()
    ]
    for m in world.products:
        china, market = (rates.get((m, node), 0.0) for node in NODES)
        pinned = _pinned(case, f"tariff.china_linked.{m}", china) or _pinned(case, f"tariff.market.{m}", market)
        found.append(holds("market tariff at most china_linked", m, market <= china + 1e-9 or pinned, "C19"))
    return found


def _multiples(case: Case, product: str) -> set[float]:
    """Return the multiples of the ladder that a product's reference price may stand for; 0 if it has none."""
    prices = {case.design.references.get((product, node), 0.0) for node in covered_nodes(case.world)}
    ladder = [float(k) for k in case.world.setting("ladders.reference", ())]
    return {0.0, *ladder} & {k for k in (0.0, *ladder) if prices == {reference_of(case.world, product, k)}}


def _pinned_reference(case: Case, product: str) -> bool:
    prices = {price for (m, _), price in case.design.references.items() if m == product and price != 0.0}
    return all(_pinned(case, f"reference.{product}", price) for price in prices)


def _references(case: Case) -> list[Check]:
    """Check reference prices: on the ladder, alike on covered nodes, none elsewhere, and no tariff beside them (C6, C19)."""
    world, design = case.world, case.design
    found = []
    for m in sorted({m for (m, _), price in design.references.items() if price != 0.0}):
        outside = [node for node in NODES if node not in covered_nodes(world)]
        found += [
            holds("reference price on the ladder", m, bool(_multiples(case, m) - {0.0}) or _pinned_reference(case, m), "C19"),
            holds("reference price on covered nodes only", m, all(design.references.get((m, node), 0.0) == 0.0 for node in outside), "C6"),
            holds("tariff or reference price, not both", m, all(design.rates.get((m, node), 0.0) == 0.0 for node in NODES), "C6"),
        ]
    return found


def _lines(case: Case) -> list[Check]:
    """Check that products of one tariff line take the same rates and the same multiple of the long-run price (C6)."""
    found = []
    for key, value in case.world.settings.items():
        if not key.startswith("lines.") or not value:
            continue
        products = [m for m in value if m in case.world.products]
        rates = {tuple(round(case.design.rates.get((m, node), 0.0), 9) for node in NODES) for m in products}
        shared = set.intersection(*(_multiples(case, m) for m in products)) if products else {0.0}
        found.append(holds("one set of rates in a tariff line", key.removeprefix("lines."), len(rates) <= 1, "C6"))
        found.append(holds("one multiple of reference prices in a tariff line", key.removeprefix("lines."), bool(shared), "C6"))
    return found


def _credits(case: Case) -> list[Check]:
    found = []
    for (country, product), level in case.design.credits.items():
        for kind, key in LEVEL_LADDERS.items():
            ladder = case.world.setting(key, (0.0,))
            credit = kind in ("itc", "ptc")
            on = _on_ladder(level[kind], ladder if credit else (0.0, *ladder))
            on = on or (credit and case.design.continuous and 0.0 <= level[kind] <= max(map(float, ladder)) + 1e-9)
            on = on or _pinned(case, f"credit.{kind}.{country}.{product}", level[kind])
            found.append(holds(f"{kind} on the ladder", f"{country} / {product}", on, "C19"))
    return found


def _upside(case: Case) -> list[Check]:
    """Check that contracts share the upside as the settings allow, alike in a country and product (C14)."""
    by_level: dict[str, set[float]] = {}
    found = []
    for code, terms in case.design.contracts.items():
        p = case.world.projects[code]
        by_level.setdefault(f"{COUNTRIES[p.country]} / {p.product}", set()).add(terms.upside)
        allowed = any(abs(terms.upside - g) <= 1e-12 for g in upside_ladder(case.world))
        found.append(holds("upside share as in the settings", code, allowed, "C14"))
    return found + [holds("one upside share in a country and product", where, len(values) == 1, "C14") for where, values in by_level.items()]


def _offtake(case: Case) -> list[Check]:
    """Check offtake: only suppliers, all their streams, one multiple on the ladder and all or none in a country and main product (C17)."""
    world, design = case.world, case.design
    ladder = [float(k) for k in world.setting("ladders.offtake", ())]
    by_level: dict[str, dict[str, float | None]] = {}
    found = []
    for code in design.builds:
        prices, p = design.offtake.get(code, {}), world.projects[code]
        if prices:
            multiples = [k for k in ladder if all(abs(price - k * world.products[m].long_run) <= 1e-9 * max(1.0, price) for m, price in prices.items())]
            found += [
                holds("offtake price on the ladder", code, bool(multiples), "C17"),
                holds("offtake of every stream that qualifies", code, set(prices) == set(case.sellers.get(code, {})), "C17"),
            ]
        if code in case.sellers:
            multiple = prices[min(prices)] / world.products[min(prices)].long_run if prices else None
            by_level.setdefault(f"{COUNTRIES[p.country]} / {p.product}", {})[code] = None if multiple is None else round(multiple, 9)
    return found + [holds("one offtake in a country and product", where, len(set(values.values())) == 1, "C17") for where, values in by_level.items()]


def _reserve(case: Case) -> list[Check]:
    return [holds("reserve within the highest rung", m, held.enough, "C17") for m, held in case.reserves.items()]


def _classes(case: Case) -> list[Check]:
    """Check that, where strikes are by class, contracts of one product and form have the highest of their least strikes (C14)."""
    world, contracts = case.world, case.design.contracts
    if world.setting("contract.strike_by", "project") != "class":
        return []
    fixed = {name.removeprefix("strike.") for name in case.design.provenance.get("fixes") or {} if name.startswith("strike.")}
    classes: dict[tuple[str, str], list[str]] = {}
    for code in contracts:
        p = world.projects[code]
        classes.setdefault((p.product, "concentrate" if p.concentrate else "refined-form"), []).append(code)
    found = []
    for (product, form), members in classes.items():
        if fixed & set(members):
            continue
        projects = [world.projects[code] for code in members]
        least = [least_strike(case.where, p, case.option(p), contracts[p.code]) for p in projects]
        strikes = {contracts[code].strike for code in members}
        known = [k for k in least if k is not None]
        agreed = len(known) == len(least) and strikes == {max(known)}
        found.append(holds("one strike in a class, the highest of the least", f"{product} / {form}", agreed, "C14"))
    return found
