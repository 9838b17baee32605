"""Check every limit of a design: instruments, bankability, the club's rules, security, users and caps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .audit_bank import bank, main_share, stack
from .audit_baseline import club_terms, contested
from .audit_case import Case
from .audit_checks import Check, at_least, at_most, holds, worst
from .audit_cost import Built, subsidy_equivalents
from .audit_credits import lends
from .audit_instruments import check_instruments
from .audit_market import availability
from .audit_strike import has_digits, next_lower, strike_ceiling, strike_floor
from .audit_world import COUNTRIES, Project, Terms

DIGIT_NAMES = {3: "three", 7: "seven"}


def check_limits(case: Case, tolerance: float) -> list[Check]:
    """Return the checks of all limits that are switched on."""
    found = [*check_instruments(case), *_builds(case)]
    for b in case.built:
        found += _project(case, b, tolerance)
    found += [*_club(case, tolerance), *_security(case, tolerance), *_users(case, tolerance), *_caps(case, tolerance)]
    return found


def _builds(case: Case) -> list[Check]:
    world, builds = case.world, case.design.builds
    found = []
    for code, start in case.b0.builds.items():
        found.append(holds("baseline project built at its earliest start", code, builds.get(code) == start, "C27"))
    delays = world.setting("ladders.start_delays", (0,))
    groups: dict[str, list[str]] = {}
    for code, start in builds.items():
        p = world.projects[code]
        if p.group:
            groups.setdefault(p.group, []).append(code)
        if code in case.b0.builds:
            continue
        found.append(holds("available", code, p.available, "C27"))
        found.append(holds("start on the ladder", code, start in {p.earliest + int(d) for d in delays} and start <= world.end, "C19"))
    found += [holds("one project of a group", group, len(members) == 1, "C27") for group, members in groups.items()]
    return found


def _project(case: Case, b: Built, tolerance: float) -> list[Check]:
    """Check one built project: bankable as built, no gift, strike, credits."""
    p, option, world = b.project, b.option, case.world
    found = []
    if p.code not in case.b0.builds:
        found.append(at_least("bankable as built", p.code, case.judged(p, "with").worst, 0.0, tolerance, "C12"))
    elif p.code in case.b0.lasting and world.switch("displacement"):
        margin = bank(case.where, p, case.bare_option(p)).worst
        found.append(at_least("baseline project stays bankable", p.code, margin, 0.0, tolerance, "C21c"))
    if option.contract is not None:
        found += _contract(case, b, tolerance)
    draws = (option.itc > 0.0 and p.itc_eligible) or option.ptc * p.ptc_share > 0.0 or option.grant > 0.0 or lends(p, option)
    if world.switch("stack") and draws and p.code not in case.b0.builds:
        found.append(at_most("credits and grants over capital", p.code, stack(case.where, p, option), world.param("stack_cap"), tolerance, "C13"))
    return found


def _contract(case: Case, b: Built, tolerance: float) -> list[Check]:
    p, option, world = b.project, b.option, case.world
    terms = option.contract
    if terms is None:
        return []
    strike, floor, asked = terms.strike, strike_floor(world, p, option), club_terms(world, terms.strike, terms.upside, option.start)
    digits = 7 if case.design.continuous else 3
    found = [
        holds("no contract for supply of the baseline", p.code, not p.b0_supply, "C27"),
        holds("contract starts with production", p.code, terms.start - terms.delay == option.start, "C14"),
        *_terms(p.code, terms, asked),
        at_least("main product's share of revenue", p.code, main_share(world, p), world.param("contract_min_revenue_share"), tolerance, "C14"),
        holds(f"strike of {DIGIT_NAMES[digits]} significant digits", p.code, has_digits(strike, digits), "C14"),
        at_least("strike floor", p.code, strike, floor, tolerance, "C13"),
        at_most("strike ceiling", p.code, strike, strike_ceiling(world, p), tolerance, "C13"),
        _fails(case, p, "no gift: fails C12 without the contract", None, tolerance, "C13"),
    ]
    if not world.setting("contract.preset"):
        found.append(at_most("upside share", p.code, terms.upside, world.param("upside_share_max"), 1e-12, "C13"))
    if f"strike.{p.code}" in (case.design.provenance.get("fixes") or {}):
        return [check for check in found if not check.name.removeprefix("limit: ").startswith(("strike", "no gift"))]
    lower = next_lower(strike, digits)
    if lower >= floor and world.setting("contract.strike_by", "project") == "project":
        found.append(_fails(case, p, "least strike: the next lower fails C12", lower, tolerance, "C14"))
    return found


def _terms(code: str, terms: Terms, asked: Terms) -> list[Check]:
    """Check that a contract has the terms of the settings (C14)."""
    names = {"share": "share", "tenor": "tenor", "collar": "collar", "indexed": "indexed share", "inflation": "inflation", "delay": "start delay"}
    return [
        at_most(f"{name} as in the settings", code, abs(float(getattr(terms, key)) - float(getattr(asked, key))), 0.0, 1e-12, "C14")
        for key, name in names.items()
    ]


def _fails(case: Case, project: Project, name: str, strike: float | None, tolerance: float, rule: str) -> Check:
    """Check that a project fails C12 at another strike, or at the design's credits without a contract."""
    option = case.option(project)
    terms = None if strike is None or option.contract is None else replace(option.contract, strike=strike)
    return at_most(name, project.code, bank(case.where, project, replace(option, contract=terms)).worst, 0.0, tolerance, rule)


def _club(case: Case, tolerance: float) -> list[Check]:
    world = case.world
    found = []
    if world.switch("export_cap"):
        for m, p in world.products.items():
            allowed = np.maximum(world.param("export_cap") * p.world_supply, -case.b0.balance[m].need)
            yearly = zip(-case.balance[m].need[: world.simulated], allowed, strict=False)
            found.append(worst(at_most("net exports, t", f"{m} / {world.base + t}", float(v), float(a), tolerance, "C8") for t, (v, a) in enumerate(yearly)))
    if world.switch("band"):
        equivalents = subsidy_equivalents(world, case.ledgers, case.b0_ledgers)
        rates_of = {m: [rate for (_, product), rate in equivalents.items() if product == m] for m in world.products}
        disputed = contested(world, case.b0, [m for m, rates in rates_of.items() if len(rates) > 1])
        for m, rates in rates_of.items():
            if disputed.get(m):
                found.append(at_most("difference of subsidy equivalents", m, max(rates) - min(rates), world.param("subsidy_band"), tolerance, "C21b"))
    return found


def _security(case: Case, tolerance: float) -> list[Check]:
    world = case.world
    if not world.switch("security"):
        return []
    found = []
    years = [(t, world.base + t) for t in range(world.horizon) if int(world.setting("years.target", 2035)) <= world.base + t <= world.end]
    for m in world.products:
        target, cap = world.setting(f"targets.{m}"), world.setting(f"china_caps.{m}")
        if target is not None and years:
            safe, demand = case.secured[m], case.balance[m].demand
            found.append(
                worst(at_least("secured supply, t", f"{m} / {y}", float(safe[t]), float(target) * float(demand[t]), tolerance, "C22") for t, y in years)
            )
        if cap is not None and years:
            must = np.maximum(0.0, case.balance[m].need - availability(world, m))
            found.append(worst(at_most("tonnes that must come from China", f"{m} / {y}", float(must[t]), float(cap), tolerance, "C22") for t, y in years))
    return found


def _users(case: Case, tolerance: float) -> list[Check]:
    by_product, baskets = case.rises
    found = []
    cap, basket_cap = case.world.setting("caps.product_price"), case.world.setting("caps.basket")
    if cap is not None and case.world.switch("users_product"):
        found += [at_most("rise of the price", m, rise, float(cap), tolerance, "C23") for m, rise in by_product.items() if rise is not None]
    if basket_cap is not None and case.world.switch("users_basket"):
        found += [at_most("rise of the basket", c, float(baskets[i]), float(basket_cap), tolerance, "C23") for i, c in enumerate(COUNTRIES)]
    return found


def _caps(case: Case, tolerance: float) -> list[Check]:
    world, cost = case.world, case.cost
    found = []
    if world.switch("country_caps"):
        for i, c in enumerate(COUNTRIES):
            limits = {t: world.setting(f"caps.{c}.{world.base + t}", world.setting(f"caps.{c}.each_year")) for t in range(world.horizon)}
            yearly = cost.outlay[i]
            kept = [
                at_most("outlay in a year", f"{c} / {world.base + t}", float(yearly[t]), float(x), tolerance, "C26") for t, x in limits.items() if x is not None
            ]
            found += [worst(kept)] if kept else []
    cap = world.setting("caps.worst5_outlay")
    if cap is not None and world.switch("worst5"):
        found.append(at_most("outlay of the worst 5% of scenarios", "ALL", cost.worst5, float(cap), tolerance, "C26"))
    return found
