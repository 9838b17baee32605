"""Two hundred random instances: the audited design by plans equals brute force, whatever rows bind (C14 to C26, C31, C32)."""

from __future__ import annotations

import math
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from minclub import Infeasible, solve
from minclub.instances.instance import Instance
from minclub.instances.loader import load
from minclub.instances.synthetic import Recipe, write
from minclub.models.clusters import free_candidates
from minclub.models.columns import UNAIDED
from minclub.models.competition import equivalent
from minclub.models.desk import Desk
from minclub.models.market import COUNTRIES
from minclub.models.outlooks import Setting
from minclub.models.plan import Plan
from minclub.models.projects import start_years
from minclub.solvers.enumerate import Enumeration, enumerate_designs
from minclub.solvers.highs import Status
from minclub.solvers.search import Search
from minclub.solvers.solve import prepare
from minclub.tests.solvers.instrument_sets import CHOICES, RULES, line, names, national, random, reserve

SEED, COUNT = 2028, 200
LEAST = 12
"""In how many of the instances each kind of row must bind, and each feature must occur."""
TIGHT = 1e-6
"""Relative, and absolute below 1 musd: what may be given up to break ties (C26)."""
GAP = 1e-9
AID: tuple[tuple[str, ...], ...] = (
    ("ladders.itc=[0,0.1,0.2,0.3]", "ladders.ptc=[0]"),
    ("ladders.itc=[0]", "ladders.ptc=[0,0.05,0.1]"),
    (),
    ("ladders.itc=[0]", *CHOICES["grants"]),
    ("ladders.ptc=[0]", *CHOICES["loans"]),
    ("ladders.itc=[0]", *CHOICES["procurement"]),
    ("ladders.ptc=[0]", *CHOICES["upside_shares"]),
)
ROWS = ("worst5", "country_caps", "users_basket", "band")
"""Switches of the rows that are measured: such a row binds if a cheaper design exists without it."""
TIGHTEST = {"worst5": 0.9, "country_caps": 0.85, "users_basket": 0.2, "band": 0.5}
"""The least share of what the optimum without a cap takes."""
FEATURES = ("byproducts", "tail", "users", "pooled", "expiry", "starts", "line", "grants", "loans", "procurement", "upside_shares", "infeasible")


@dataclass(frozen=True)
class Draw:
    """One random instance.

    Attributes:
        recipe: size and seed.
        settings: overrides.
        targets: by product, where its target lies between what the baseline (0) and all candidates (1) supply; empty sets none.
        caps: how tight caps are, as shares of what the optimum without them takes.
        capped: the members that caps on yearly outlay are for, the first that pays alone if not all.
        one_year: whether these caps are for the year of the greatest outlay alone.
        crowded: existing supply of each product as a share of its demand in 2025; empty leaves it.
        rivals: whether projects stand in the three members in turn, so that the band has something to compare.
        byproducts: whether mines and integrated projects get by-products that are other products.
    """

    recipe: Recipe
    settings: tuple[str, ...]
    targets: tuple[float, ...]
    caps: Mapping[str, float]
    capped: tuple[str, ...]
    one_year: bool
    crowded: tuple[float, ...]
    rivals: bool
    byproducts: bool


@dataclass(frozen=True)
class Finding:
    """What brute force and the search say: optimum, musd, certificate (None if infeasible), and what occurs in the instance."""

    brute: Enumeration
    certificate: Mapping[str, Any] | None
    traits: frozenset[str]


def draw(number: int, seed: int = SEED) -> Draw:
    """Draw an instance; it depends on the seed and its own number alone."""
    rng = np.random.default_rng([seed, number])
    rivals = bool(rng.random() < 0.55)
    products = 1 if rivals else int(rng.choice([1, 2, 2, 3]))
    recipe = Recipe(
        projects=5 if rivals else int(rng.integers(max(3, products + 1), 6)),
        products=products,
        scenarios=int(rng.choice([5, 8, 20])),
        seed=int(rng.integers(1_000_000)),
        target=0.0,
        years=int(rng.choice([20, 24])),
        small_ladders=True,
    )
    lowest, highest = (0.6, 0.95) if rivals else (0.05, 0.7)
    others = [str(name) for name in rng.choice(list(TIGHTEST)[:3], size=3, replace=False, p=[0.36, 0.44, 0.2])]
    kinds = ["band", *others[: int(rng.choice([0, 0, 0, 0, 1]))]] if rivals else others[: int(rng.choice([1, 1, 1, 1, 1, 2]))]
    dear = rng.random() < (0.85 if {"worst5", "country_caps"} & set(kinds) else 0.1)
    return Draw(
        recipe=recipe,
        settings=(*_ladders(rng, products, rivals=rivals), *_rules(rng, recipe), *_money(rng, dear=dear, loose="users_basket" in kinds)),
        targets=tuple(float(x) for x in np.where(rng.random(products) < 0.9, rng.uniform(lowest, highest, products), 0.0)),
        caps={name: float(rng.uniform(TIGHTEST[name], 1.0)) for name in kinds},
        capped=tuple(str(c) for c in rng.permutation(COUNTRIES)[: int(rng.choice([1, 1, 1, 3]))]),
        one_year=bool(rng.random() < 0.4),
        crowded=tuple(float(x) for x in rng.uniform(0.6, 1.0, products)) if rivals or rng.random() < 0.3 else (),
        rivals=rivals,
        byproducts=bool(rng.random() < 0.5),
    )


def _ladders(rng: np.random.Generator, products: int, *, rivals: bool) -> list[str]:
    """Draw tariffs, aid and start years; rivals get more rungs, so that they can meet in the band."""
    tariffs = rng.choice(["[0,0.1]", "[0,0.05,0.15]", "[0,0.1,0.25]"] if products < 3 else ["[0,0.1]"])
    chosen = [f"ladders.tariffs={tariffs}", "ladders.max_pairs=4", *AID[int(rng.integers(3 if rivals and rng.random() < 0.6 else len(AID)))]]
    if rng.random() < 0.2 and products < 3:
        chosen.append("ladders.start_delays=[0,2]")
    if rng.random() < 0.1:
        chosen += CHOICES["reference_price"] if rng.random() < 0.5 else RULES["china_only_levy"]
    return chosen


def _rules(rng: np.random.Generator, recipe: Recipe) -> list[str]:
    """Draw rules of contract and border, and what makes aid of every kind possible."""
    products = names(recipe.products)
    chosen = [text for m in products for text in (f"products.{m}.is_defence=true", f"products.{m}.defence_share=0.15")]
    chosen += [f"projects.project_{k + 1:03d}.dev_status=study" for k in range(1, recipe.projects)]
    for name in ("expiry", "collar", "money_strike", "late_start", "stockpile", "china_equity", "standards"):
        if rng.random() < (0.25 if name == "expiry" else 0.08):
            chosen += RULES[name]
    if recipe.products > 1 and rng.random() < 0.3:
        chosen += line(recipe.products)
    if rng.random() < 0.1:
        chosen += reserve(products[0])
    if rng.random() < 0.1:
        chosen += national(products[0])
    return chosen


def _money(rng: np.random.Generator, *, dear: bool, loose: bool) -> list[str]:
    """Draw weights, the width of the band, user caps and who pays.

    Where users are ``dear``, tariffs cost so much that the optimum leaves them out; a cap on outlay brings them back. ``loose``: caps on users' prices
    leave room for a tighter basket.
    """
    chosen = [f"objective.cvar_weight={rng.uniform(0.0, 1.0) if rng.random() < 0.7 else 0.0}"]
    if dear:
        chosen.append(f"objective.user_weight={rng.uniform(0.2, 1.0)}")
    chosen.append(f"finance.subsidy_band={rng.choice([0.0, 0.02, 0.05, 0.3])}")
    chosen += ["caps.product_price=0.5", "caps.basket=0.5"] if dear or loose or rng.random() < 0.4 else []
    if rng.random() < 0.35:
        shares = rng.dirichlet([2.0, 1.0, 1.0]).round(3)
        chosen += ["funding.mode=pooled", *(f"funding.shares.{c}={x}" for c, x in zip(COUNTRIES, [1.0 - shares[1] - shares[2], *shares[1:]], strict=True))]
    return chosen


def written(folder: Path, drawn: Draw) -> Path:
    """Write the tables of an instance, with the existing supply and the by-products that are drawn."""
    path = write(folder / "random", drawn.recipe)
    projects, products = (pd.read_csv(path / f"{name}.csv", index_col=0) for name in ("projects", "products"))
    if drawn.crowded:
        for c in COUNTRIES:
            products[f"existing_refined_t_{c.lower()}"] = products[f"demand_direct_2025_t_{c.lower()}"] * np.array(drawn.crowded)
        products.to_csv(path / "products.csv")
    if drawn.rivals:
        projects["country"] = [COUNTRIES[k % 3] for k in range(len(projects))]
        projects.to_csv(path / "projects.csv")
        _move_contracts(path, projects["country"])
    streams = _streams(projects, products["long_run_mean_usd_per_t"]) if drawn.byproducts else []
    if streams:
        pd.DataFrame(streams).to_csv(path / "byproducts.csv", index=False)
    return path


def _move_contracts(path: Path, country: pd.Series[str]) -> None:
    """Give closed contracts the country of their project."""
    file = path / "contracts.csv"
    if file.exists():
        contracts = pd.read_csv(file)
        contracts["country"] = contracts["project_id"].map(country)
        contracts.to_csv(file, index=False)


def _streams(projects: pd.DataFrame, price: pd.Series[float]) -> list[dict[str, Any]]:
    """Give every second mine or integrated project a by-product that is another product, worth three tenths of its sales."""
    rows: list[dict[str, Any]] = []
    for code, project in projects[projects["stage"] != "refinery"].iloc[::2].iterrows():
        other = next((m for m in price.index if m != project["product_code"]), None)
        if other is not None:
            tonnes = 0.3 * project["capacity_t_per_year"] * price[project["product_code"]] / price[other]
            rows.append(
                {"project_id": code, "product_code": other, "description": "other product", "t_per_year": tonnes, "payability": 0.9, "provenance": "assumed"}
            )
    return rows


def placed_targets(instance: Instance, places: tuple[float, ...]) -> list[str]:
    """Return targets as settings, placed between what the baseline and all candidates supply in every year of the target (C22)."""
    desk = Desk(instance)
    base, everything = dict(desk.baseline.builds), dict(desk.baseline.builds)
    groups: set[str] = set()
    for plant in free_candidates(desk.balance, desk.baseline):
        if not plant.group or plant.group not in groups:
            everything[plant.id] = start_years(instance, plant)[0]
            groups.add(plant.group)
    low, high = desk.balance.secured_all(base), desk.balance.secured_all(everything)
    window = (desk.market.years >= instance.settings["years.target"]) & (desk.market.years <= instance.settings["years.end"])
    found = []
    for m, place in zip(desk.market.products, places, strict=True):
        least, most = (float((secured[m] / desk.market.demand[m])[window].min()) for secured in (low, high))
        if place > 0.0 and most > least + 0.02 and least < 0.95:
            found.append(f"targets.{m}={least + place * (min(most, 1.0) - least) - 1e-6}")
    return found


def tight_caps(free: Instance, drawn: Draw) -> list[str]:
    """Return the caps as settings: shares of what the optimum without them takes, as the search sees it."""
    try:
        search = prepare(free).search
    except Infeasible:
        return []
    outcome = search.solve(1e-6)
    if outcome.status is not Status.OPTIMAL or outcome.chosen is None:
        return []
    caps, master, chosen = drawn.caps, search.master, list(outcome.chosen)
    found = []
    if "worst5" in caps:
        found.append(f"caps.worst5_outlay={caps['worst5'] * master.value(chosen)[2]}")
    if "country_caps" in caps:
        outlay = dict(zip(COUNTRIES, master.table.outlay[chosen].sum(axis=0), strict=True))
        paying = [c for c in drawn.capped if outlay[c].max() > 0.0] or [c for c in COUNTRIES if outlay[c].max() > 0.0][:1]
        for c in paying:
            year = int(master.desk.market.years[outlay[c].argmax()]) if drawn.one_year else "each_year"
            found.append(f"caps.{c}.{year}={caps['country_caps'] * outlay[c].max()}")
    if "users_basket" in caps:
        burden, basket = master.table.burden[chosen].sum(axis=0), master.desk.users.basket
        rise = max(b / x for b, x in zip(burden, basket, strict=True) if x > 0.0)
        found += [f"caps.basket={caps['users_basket'] * rise}"] if rise > 0.0 else []
    if "band" in caps:
        found.append(f"finance.subsidy_band={caps['band'] * spread(search, [master.plans[p] for p in chosen])}")
    return found


def spread(search: Search, plans: Sequence[Plan]) -> float:
    """Return the greatest difference between the members' subsidy equivalents of a contested product, a fraction (C16, C21b)."""
    competition, widest = search.master.desk.competition, 0.0
    for plan in plans:
        products = search.spaces[plan.cluster].cluster.products
        settings = {m: Setting(border, path) for m, border, path in zip(products, plan.borders, plan.paths, strict=True)}
        contested = [m for m in products if competition.contested[m].any()]
        aid = competition.aid(plan.builds, {(c, m): level for c, m, level in plan.levels}, settings, contested)
        for m in contested:
            values = [equivalent(entries) for (_, product), entries in aid.items() if product == m]
            widest = max(widest, max(values, default=0.0) - min(values, default=0.0))
    return widest


def ties_products(desk: Desk) -> bool:
    """Say whether a by-product of a project that may be built counts towards the target of another product (C8, C22)."""
    return any(
        desk.instance.settings.get(f"targets.{stream.product}") is not None and stream.product != plant.product
        for plant in free_candidates(desk.balance, desk.baseline)
        for stream in plant.byproducts
    )


def occurring(drawn: Draw, desk: Desk, best: float) -> set[str]:
    """Return the features that occur in an instance."""
    s = desk.instance.settings
    found = {name for name in ("grants", "loans", "procurement") if s[f"instruments.{name}"]}
    tests: dict[str, Callable[[], bool]] = {
        "byproducts": lambda: ties_products(desk),
        "tail": lambda: s["objective.cvar_weight"] > 0.0,
        "users": lambda: s["objective.user_weight"] > 0.0,
        "pooled": lambda: s["funding.mode"] == "pooled",
        "expiry": lambda: s["switches.expiry"],
        "starts": lambda: len(s["ladders.start_delays"]) > 1,
        "line": lambda: any(name.startswith("lines.") for name in s),
        "upside_shares": lambda: bool(s["contract.upside_shares"]),
        "infeasible": lambda: math.isinf(best),
    }
    return found | {name for name, test in tests.items() if test()}


def examine(drawn: Draw) -> Finding:
    """Solve an instance both ways, and again by brute force without each row that might bind."""
    with tempfile.TemporaryDirectory() as folder:
        path = written(Path(folder), drawn)
        settings = list(drawn.settings)
        settings += placed_targets(load(path, settings), drawn.targets)
        off = ["switches.band=false"] if "band" in drawn.caps else []
        settings += tight_caps(load(path, [*settings, *off]), drawn) if drawn.caps else []
        instance = load(path, settings)
        without = {row: load(path, [*settings, f"switches.{row}=false"]) for row in ROWS if row in drawn.caps or row == "band"}
    desk = Desk(instance)
    brute = enumerate_designs(desk)
    traits = occurring(drawn, desk, brute.objective)
    try:
        certificate = solve(instance, gap=GAP).certificate
    except Infeasible:
        certificate = None
    if math.isfinite(brute.objective):
        cheaper = brute.objective - TIGHT * max(1.0, abs(brute.objective))
        traits |= {row for row, other in without.items() if enumerate_designs(Desk(other)).objective < cheaper}
    return Finding(brute, certificate, frozenset(traits))


@cache
def examined(number: int) -> Finding:
    """Examine one of the instances, once per run."""
    return examine(draw(number))


@pytest.mark.slow
@pytest.mark.parametrize("number", range(COUNT))
def test_the_audited_design_equals_brute_force(number: int) -> None:
    found = examined(number)
    best, certificate = found.brute.objective, found.certificate
    if certificate is None:
        assert math.isinf(best)
        return
    assert certificate["objective_musd"] == pytest.approx(best, rel=TIGHT, abs=TIGHT)
    assert certificate["status"] == "optimal" or certificate["gap"] <= TIGHT
    assert certificate["bound_musd"] <= best + GAP * max(1.0, abs(best))
    assert certificate["audit"] == "passed"


@pytest.mark.slow
def test_every_kind_of_row_binds_and_every_feature_occurs_often_enough() -> None:
    counts = Counter(trait for number in range(COUNT) for trait in examined(number).traits)
    assert {name: counts[name] for name in (*ROWS, *FEATURES) if counts[name] < LEAST} == {}


@pytest.mark.parametrize(("kind", "size", "changed"), [("grant", 0.2, "npv_musd"), ("loan", 1.0, "cover_bank")])
def test_aid_is_reported_of_a_plant_whose_group_the_baseline_fills(tmp_path: Path, kind: str, size: float, changed: str) -> None:
    """Grants and loans are for every plant beyond the baseline (C15), so C12 is reported with them also where it cannot be built."""
    path = write(tmp_path / "random", Recipe(projects=4, products=2, scenarios=20, seed=378190, target=0.0, years=24, small_ladders=True))
    instance = load(path, ["ladders.itc=[0]", *CHOICES[f"{kind}s"]])
    design = solve(instance, fixes={f"credit.{kind}.USA.product_01": size})
    row = design.projects.set_index("project").loc["project_001"]
    assert not row["built"]
    assert instance.projects.loc["project_001", "exclusive_group"] == instance.projects.loc["project_004", "exclusive_group"]
    assert row[f"{changed}_with"] > row[f"{changed}_without"] + 0.1


def test_an_offtake_that_earns_money_counts_in_the_band(tmp_path: Path) -> None:
    """The state buys below the price that it expects: the plant's support is negative, not absent (C16, C17)."""
    desk = Desk(random(tmp_path, 4, 1, *CHOICES["procurement"], "ladders.itc=[0]", "ladders.offtake=[1.0]"))
    settings, builds = desk.law_settings(), {"project_002": start_years(desk.instance, desk.plants["project_002"])[0]}
    bought = next(k for k, level in enumerate(desk.offer.levels) if level.offtake == 1.0)
    family = desk.family("project_002", builds["project_002"], settings)
    earned = float(family.supported[bought])
    assert family.kind[bought] == UNAIDED
    assert earned < -10.0
    aid = desk.competition.aid(builds.items(), {("USA", "product_01"): bought}, settings, ["product_01"])
    assert [supported for supported, _ in aid["USA", "product_01"]] == [earned]
    equivalents = desk.competition.equivalents(("USA", "product_01"), builds.items(), settings)
    assert equivalents[bought] == pytest.approx(equivalent(aid["USA", "product_01"]))
