"""Make plausible random instances: tiny ones for brute force, large ones for scaling.

Every number is random and marked ``assumed``. Products come with every state of C7 and with and without Chinese control; projects with
break-even prices around the long-run price, so that some pass C12 alone, some need a contract and some never pass. Concentrates with
converters, feed links, by-products, exclusive groups, baseline supply and China-linked owners occur. Security targets lie between what
the baseline's plants and all refined-form projects together can supply.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from .instance import Instance

Row = dict[str, Any]
Rows = list[Row]

BASE_YEAR = 2027
COUNTRIES, WEIGHTS = ("USA", "CAN", "MEX"), (0.5, 0.35, 0.15)
DEMAND_SHARES = {"usa": 0.85, "can": 0.09, "mex": 0.06}
ORIGIN = {"provenance": "assumed (random)", "source": ""}

SMALL_LADDERS = {"tariffs": [0, 0.1, 0.25], "max_pairs": 6, "itc": [0, 0.1], "ptc": [0, 0.05], "start_delays": [0]}

FINANCE: dict[str, float | dict[str, float]] = {
    "public_rate": 0.04,
    "base_project_rate": 0.10,
    "country_risk_premium": {"ALL": 0.0, "MEX": 0.03},
    "specialty_addon": 0.025,
    "downside_price_factor": 0.8,
    "income_tax_rate": {"USA": 0.25, "CAN": 0.265, "MEX": 0.30},
    "mining_duty_rate": {"USA": 0.03, "CAN": 0.10, "MEX": 0.085},
    "depreciation_years": 7,
    "debt_share": 0.60,
    "debt_tenor_years": {"USA": 10, "CAN": 10, "MEX": 8},
    "debt_rate": {"USA": 0.0625, "CAN": 0.0625, "MEX": 0.083},
    "public_base_rate": 0.02,
    "idc_drawn_share": 0.5,
    "dscr_average_merchant": 1.45,
    "dscr_contract_reduction": 0.15,
    "dscr_minimum_downside": 1.0,
    "reserve_months": 6,
    "dump_llcr_minimum": 1.0,
    "dump_deck_years": 3,
    "downside_opex_factor": 1.1,
    "downside_capex_factor": 1.15,
    "downside_delay_years": 1,
    "cvar_alpha": 0.10,
    "loss_tolerance": 0.60,
    "care_share": 0.10,
    "life_cap_years": 30,
    "lender_share_of_protection": 0.5,
    "review_year": 2036,
    "export_cost": 0.07,
    "export_cap": 0.05,
    "supply_fill_restricted": 0.7,
    "stack_cap": 0.5,
    "upside_share_max": 0.5,
    "strike_max": 2.5,
    "contract_min_revenue_share": 0.30,
    "subsidy_band": 0.05,
}
"""Finance parameters: the conventions' defaults, by country where a mapping."""


@dataclass(frozen=True)
class Recipe:
    """Say how large a random instance is.

    Attributes:
        projects: number of projects, at least one.
        products: number of products, at least one.
        scenarios: number of price scenarios.
        seed: seed of the instance's numbers and of its price scenarios.
        target: where security targets lie between baseline supply (0) and all that can be built (1); 0 sets none.
        years: simulated years, at least 10; projects end within them.
        small_ladders: few tariffs and credits and no delays, so that brute force stays possible.
    """

    projects: int = 60
    products: int = 15
    scenarios: int = 100
    seed: int = 1
    target: float = 0.6
    years: int = 45
    small_ladders: bool = False

    def __post_init__(self) -> None:
        if min(self.projects, self.products, self.scenarios) < 1 or self.seed < 0 or self.years < 10 or not 0 <= self.target <= 1:
            raise ValueError("need projects, products and scenarios >= 1, seed >= 0, years >= 10 and target in [0, 1]")

    @property
    def last_delay(self) -> int:
        """Return the longest delay of a start, in years."""
        return 0 if self.small_ladders else 4

    @property
    def end(self) -> int:
        """Return the last year of decisions."""
        return min(2040, BASE_YEAR + self.years - 2)

    @property
    def target_year(self) -> int:
        """Return the first year of the security targets."""
        return min(2035, self.end - 1)


def synthetic(**recipe: Any) -> Instance:
    """Make a random instance in memory.

    Args:
        **recipe: fields of ``Recipe``, such as ``projects=60, products=15, scenarios=100, seed=1``.

    Returns:
        The instance, loaded and checked; its folder is gone.
    """
    from .loader import load

    with tempfile.TemporaryDirectory() as folder:
        return load(write(Path(folder) / "synthetic", Recipe(**recipe)))


def write(folder: Path, recipe: Recipe) -> Path:
    """Write a random instance as a folder of tables and return that folder."""
    rng = np.random.default_rng(np.random.SeedSequence([recipe.seed, recipe.projects, recipe.products]))
    products = _products(rng, recipe)
    projects = _projects(rng, recipe, products)
    _b0_and_groups(rng, recipe, projects)
    tables = {
        "products": [{k: v for k, v in row.items() if not k.startswith("_")} for row in products],
        "projects": projects,
        "byproducts": _byproducts(rng, products, projects),
        "converters": _converters(rng, products, projects),
        "policy": _policy(recipe),
        "contracts": _contracts(products, projects),
        "finance": _finance(recipe),
        "correlations": _correlations(products),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in tables.items():
        if rows:
            pd.DataFrame(rows).to_csv(folder / f"{name}.csv", index=False)
    (folder / "club.toml").write_text(_club(recipe, _targets(rng, recipe, products, projects)), encoding="utf-8")
    return folder


def _round(value: float, digits: int = 4) -> float:
    """Round to significant digits, so that the files stay readable."""
    return float(f"{value:.{digits}g}")


def _products(rng: np.random.Generator, recipe: Recipe) -> Rows:
    """Draw the products. Every fifth one, and the last of a few, is the feed (``_feed``) of the product before it."""
    rows: Rows = []
    few_with_feed = 2 <= recipe.products < 5 and rng.random() < 0.5
    for k in range(recipe.products):
        is_feed = k % 5 == 4 or (few_with_feed and k == recipe.products - 1)
        rows.append(_product(rng, f"product_{k + 1:02d}", is_feed))
        if is_feed:
            rows[k - 1]["_feed"] = rows[k]
    return rows


def _product(rng: np.random.Generator, code: str, is_feed: bool) -> Row:
    """Draw one product; markets are worth 0.1 to 3 billion USD a year at the long-run price."""
    price = _round(np.exp(rng.uniform(np.log(500), np.log(300_000))))
    demand = np.exp(rng.uniform(np.log(1e8), np.log(3e9))) / price * (0.2 if is_feed else 1.0)
    china, existing = rng.uniform(0.2, 0.95), rng.uniform(0.0, 0.5) if rng.random() < 0.85 else rng.uniform(0.9, 1.3)
    world = demand * rng.uniform(4, 12)
    uplift = rng.choice([1.0, rng.uniform(1.1, 1.8)])
    traded = bool(rng.random() < 0.3)
    row: Row = {"product_code": code, "name": code.replace("_", " ").capitalize(), "unit": "t contained"}
    row |= {"form": "concentrate" if is_feed else str(rng.choice(["refined", "chemical"])), "exchange_traded": int(traded)}
    row |= {"long_run_mean_usd_per_t": price, "long_run_geometric_usd_per_t": _round(price * rng.uniform(0.85, 1.0))}
    row |= {"spot_usd_per_t": _round(price * rng.uniform(0.7, 1.5))}
    row |= {f"demand_direct_2025_t_{c}": _round(demand * share) for c, share in DEMAND_SHARES.items()}
    row |= {f"demand_embodied_2025_t_{c}": _round(float(row[f"demand_direct_2025_t_{c}"]) * uplift) for c in DEMAND_SHARES}
    row |= {"growth_to_2030": _round(rng.uniform(0.0, 0.08), 2), "growth_after_2030": _round(rng.uniform(0.0, 0.04), 2)}
    row |= {f"existing_refined_t_{c}": _round(demand * existing * share) for c, share in DEMAND_SHARES.items()}
    row |= {"world_supply_t": _round(world), "non_china_supply_t": _round(world * (1 - china)), "market_reach_share": 0.5}
    row |= {"other_imports_t": _round(demand * rng.uniform(0.0, 0.3)), "china_controlled_share": _round(china, 2)}
    for c in DEMAND_SHARES:
        row |= {f"law_tariff_china_{c}": 0.25 if c == "usa" and rng.random() < 0.5 else 0.0, f"law_tariff_market_{c}": 0.0}
    slow = rng.uniform(0.05, 0.2)
    row |= {"sigma_annual": _round(rng.uniform(0.1, 0.35), 2), "kappa_slow": _round(slow, 2), "kappa_fast": _round(slow + rng.uniform(0.1, 0.4), 2)}
    row |= {"dump_hazard": _round(rng.uniform(0.02, 0.12), 2), "dump_depth": _round(rng.uniform(0.1, 0.5), 2), "dump_ramp_years": 2, "dump_length_years": 3}
    row |= {"dump_follow": 0.5, "restrict_hazard": _round(rng.uniform(0.01, 0.09), 2)}
    row |= {"restrict_ramp_years": 1, "restrict_length_years": int(rng.integers(1, 4))}
    row |= {"spike_factor": _round(rng.uniform(1.1, 3.0), 2), "restricted_now": int(rng.random() < 0.15), "is_defence": int(rng.random() < 0.3)}
    row |= {"china_made_share": _round(0.8 * china, 2), "defence_share": 0.15 * row["is_defence"]}
    row |= {"standard_cost_usd_per_t": _round(0.02 * price), "standard_compliance_china": 0.4, "standard_compliance_market": 0.7}
    return row | {"demand_elasticity": -0.1, "voll_usd_per_t": _round(price * 3), "_is_feed": is_feed, **ORIGIN}


def _demand(product: Row, year: int) -> float:
    """Return the club's localised demand, tonnes per year (C8, with its default years and share)."""
    share = 0.5 * min(1.0, max(0, year - 2025) / 10)
    direct, embodied = (sum(float(product[f"demand_{kind}_2025_t_{c}"]) for c in DEMAND_SHARES) for kind in ("direct", "embodied"))
    early, late = min(year, 2030) - 2025, max(0, min(year, 2040) - 2030)
    growth = (1 + product["growth_to_2030"]) ** early * (1 + product["growth_after_2030"]) ** late
    return float((direct + share * (embodied - direct)) * growth)


def _projects(rng: np.random.Generator, recipe: Recipe, products: Rows) -> Rows:
    """Draw the projects; each product gets one before any gets two by chance."""
    first = rng.permutation(len(products))[: recipe.projects]
    later = rng.integers(len(products), size=recipe.projects - len(first))
    return [_project(rng, recipe, f"project_{k + 1:03d}", products[m]) for k, m in enumerate([*first, *later])]


def _project(rng: np.random.Generator, recipe: Recipe, code: str, product: Row) -> Row:
    """Draw one project whose break-even price is 0.7 to 2 times the long-run price."""
    price = float(product["long_run_mean_usd_per_t"])
    stage, form, payability, feed = _kind(rng, product)
    capacity = _demand(product, 2035) * rng.uniform(0.05, 0.25)
    build = int(rng.integers(2, 5)) if recipe.years >= 20 else 1
    latest = min(recipe.target_year, BASE_YEAR + recipe.years - recipe.last_delay - 4)
    start = int(rng.integers(BASE_YEAR + build, max(BASE_YEAR + build + 1, latest)))
    life = min(int(rng.integers(12, 26)), BASE_YEAR + recipe.years - start - recipe.last_delay)
    even = price * payability * rng.uniform(0.7, 2.0)
    cash = even * rng.uniform(0.4, 0.65)
    capital = (even - cash) * capacity * rng.uniform(3.0, 4.0) * (1 - np.exp(-life / 10))
    country = str(rng.choice(COUNTRIES, p=WEIGHTS))
    row: Row = {"project_id": code, "name": code.replace("_", " ").capitalize(), "country": country, "region": ""}
    row |= {"product_code": product["product_code"], "stage": stage, "dev_status": "study", "form_sold": form}
    row |= {"capacity_t_per_year": _round(capacity), "earliest_start_year": start, "build_years": build, "ramp": "0.5|0.85|1.0", "life_years": life}
    row |= {"capex_musd": _round(capital / 1e6), "sustaining_musd_per_year": _round(0.02 * capital / 1e6), "opex_usd_per_t": _round(cash)}
    row |= {
        "payability": payability,
        "royalty_rate": 0.0 if stage == "refinery" or country == "MEX" else 0.02,
        "standards_gap_usd_per_t": _round(0.006 * price),
    }
    row |= {"china_linked": int(rng.random() < 0.05), "exclusive_group": "", "data_tier": "A", "available": 1, "b0_supply": 0}
    row |= {"sunk_capex_share": 0.0, "optimism_factor": 1.15, "public_grant_musd": _round(0.1 * capital / 1e6) if rng.random() < 0.1 else 0.0}
    loan = {"public_loan_musd": _round(0.4 * capital / 1e6), "public_loan_tenor_years": min(12, life - 2), "public_loan_spread": 0.0}
    row |= (loan if rng.random() < 0.1 else {}) | {"itc_eligible": 1, "ptc_eligible_share": _round(rng.uniform(0.5, 1.0), 2)}
    if feed is not None:
        per_tonne = _round(rng.uniform(1.2, 2.5), 2)
        factor = _round(0.3 * cash / (per_tonne * float(feed["long_run_mean_usd_per_t"])), 2)
        row |= {"feed_product_code": feed["product_code"], "feed_t_per_t": per_tonne, "feed_price_factor": factor}
        row["opex_usd_per_t"] = _round(0.7 * cash)
    return row | ORIGIN


def _kind(rng: np.random.Generator, product: Row) -> tuple[str, str, float, Row | None]:
    """Draw stage, form sold, payability and feed of a project."""
    draw = rng.random()
    if product["_is_feed"]:
        return "mine", "concentrate", 1.0, None
    if product.get("_feed") is not None and draw < 0.5:
        return "refinery", str(product["form"]), 1.0, product["_feed"]
    if draw < 0.75:
        return "integrated", str(product["form"]), 1.0, None
    return "mine", "concentrate", _round(rng.uniform(0.75, 0.95), 2), None


def _b0_and_groups(rng: np.random.Generator, recipe: Recipe, projects: Rows) -> None:
    """Turn about one project in twenty into baseline supply and pair up one in ten as alternatives."""
    order = [projects[k] for k in rng.permutation(recipe.projects)]
    built = int(recipe.projects / 20 + rng.random())
    for row in order[:built]:
        row |= {"b0_supply": 1, "dev_status": "construction", "sunk_capex_share": 0.5, "earliest_start_year": BASE_YEAR + 1, "china_linked": 0}
    by_product: dict[str, Rows] = {}
    for row in order[built:]:
        by_product.setdefault(str(row["product_code"]), []).append(row)
    pairs = [rows[:2] for rows in by_product.values() if len(rows) >= 3]
    for k, pair in enumerate(pairs[: max(1, recipe.projects // 20)]):
        for row in pair:
            row["exclusive_group"] = f"GROUP_{k + 1}"


def _byproducts(rng: np.random.Generator, products: Rows, projects: Rows) -> Rows:
    """Give one mine in three a by-product worth 5 to 20% of its sales: another product, or one outside the list."""
    rows: Rows = []
    prices = {str(row["product_code"]): float(row["long_run_mean_usd_per_t"]) for row in products}
    for project in projects:
        if project["stage"] == "refinery" or rng.random() > 1 / 3:
            continue
        code = str(rng.choice([c for c in prices if c != project["product_code"]] or ["other"])) if rng.random() < 0.5 else "other"
        price = prices.get(code, 20_000.0)
        value = project["capacity_t_per_year"] * prices[project["product_code"]] * rng.uniform(0.05, 0.2)
        row: Row = {"project_id": project["project_id"], "product_code": code, "description": "by-product", "t_per_year": _round(value / price)}
        rows.append(row | {"price_usd_per_t": 20_000.0 if code == "other" else "", "payability": 0.9} | ORIGIN)
    return rows


def _converters(rng: np.random.Generator, products: Rows, projects: Rows) -> Rows:
    """Give products with concentrate projects a smelter, and every second feed chain a plant that makes the product."""
    rows: Rows = []
    sells = {str(p["product_code"]) for p in projects if p["form_sold"] == "concentrate"}
    for product in products:
        code, demand = str(product["product_code"]), _demand(product, 2030)
        existing = sum(float(product[f"existing_refined_t_{c}"]) for c in DEMAND_SHARES)
        if code in sells and not product["_is_feed"]:
            size = _round(existing + demand * rng.uniform(0.05, 0.2))
            rows.append(_converter(f"smelter_{code}", code, code, size, size))
        if product.get("_feed") and rng.random() < 0.5:
            size = demand * rng.uniform(0.03, 0.1)
            rows.append(_converter(f"plant_{code}", str(product["_feed"]["product_code"]), code, _round(size * 1.5), _round(size)))
    return rows


def _converter(code: str, taken: str, made: str, taken_t: float, made_t: float) -> Row:
    """Return a row of ``converters.csv``."""
    row: Row = {"converter_id": code, "name": code, "country": "USA", "input_product_code": taken, "output_product_code": made}
    row |= {"input_t_per_year": taken_t, "output_t_per_year": made_t, "start_year": BASE_YEAR, "counted": 1, "china_linked": 0}
    return row | ORIGIN


def _policy(recipe: Recipe) -> Rows:
    """Return the law: an investment credit in Canada and a production credit in the USA, both phased out."""
    shared: Row = {"products": "all", "start_year": 2024, "end_year": "", **ORIGIN}
    fall = f"{BASE_YEAR + 4}:0.05|{BASE_YEAR + 7}:0"
    return [
        {"instrument_id": "CAN_ITC", "country": "CAN", "kind": "itc", "rate": 0.15, "phase_schedule": fall} | shared,
        {"instrument_id": "USA_PTC", "country": "USA", "kind": "ptc", "rate": 0.10, "phase_schedule": fall} | shared,
    ]


def _contracts(products: Rows, projects: Rows) -> Rows:
    """Give the first baseline project that can hold one a contract in force at nine tenths of the long-run price."""
    prices = {str(row["product_code"]): float(row["long_run_mean_usd_per_t"]) for row in products}
    rows: Rows = []
    for project in projects:
        if project["b0_supply"] and not rows:
            row: Row = {"contract_id": "IN_FORCE", "country": project["country"], "product_code": project["product_code"], "project_id": project["project_id"]}
            row |= {"strike_usd_per_t": _round(0.9 * prices[project["product_code"]], 3), "tenor_years": 8, "upside_share": 0.3, "share": 1.0}
            rows.append(row | {"start_year": project["earliest_start_year"], "in_b0": 1} | ORIGIN)
    return rows


def _finance(recipe: Recipe) -> Rows:
    """Return ``finance.csv``; loans are short where few years are simulated."""
    rows: Rows = []
    for name, value in FINANCE.items():
        for country, base in value.items() if isinstance(value, dict) else [("ALL", value)]:
            used = min(base, max(3, recipe.years // 4)) if name == "debt_tenor_years" else base
            rows.append({"parameter": name, "country": country, "stage": "all", "base": used, **ORIGIN})
    return rows


def _correlations(products: Rows) -> Rows:
    """Return correlations of the first products: 0.5 next to each other, 0.3 otherwise."""
    codes = [str(row["product_code"]) for row in products[:4]]
    matrix = {a: {b: 1.0 if a == b else 0.5 if abs(i - j) == 1 else 0.3 for j, b in enumerate(codes)} for i, a in enumerate(codes)}
    return [{"product_code": a} | matrix[a] for a in codes]


def _targets(rng: np.random.Generator, recipe: Recipe, products: Rows, projects: Rows) -> dict[str, float]:
    """Set targets between baseline supply and what all refined-form projects can add, one per exclusive group, undelayed (C22)."""
    targets = {}
    for product in products:
        rows = [p for p in projects if p["product_code"] == product["product_code"]]
        low, high = (_secured(recipe, product, chosen) for chosen in ([p for p in rows if p["b0_supply"]], rows))
        if not product["_is_feed"] and high > low + 0.02 and low < 0.9 and recipe.target > 0 and rng.random() < 0.7:
            targets[str(product["product_code"])] = float(np.floor(100 * (low + recipe.target * (min(high, 1.0) - low))) / 100)
    return {code: share for code, share in targets.items() if share > 0}


def _secured(recipe: Recipe, product: Row, rows: Sequence[Row]) -> float:
    """Return the least share of demand, over the years of the target, that existing plants and projects can supply."""
    shares = []
    for year in range(recipe.target_year, recipe.end + 1):
        output: dict[str, float] = {}
        for p in rows:
            n = year - p["earliest_start_year"]
            counts = p["form_sold"] == product["form"] and not p["china_linked"] and 0 <= n < p["life_years"]
            tonnes = p["capacity_t_per_year"] * (0.5, 0.85, 1.0)[min(n, 2)] if counts else 0.0
            key = str(p["exclusive_group"] or p["project_id"])
            output[key] = max(output.get(key, 0.0), tonnes)
        existing = sum(float(product[f"existing_refined_t_{c}"]) for c in DEMAND_SHARES)
        shares.append((existing + sum(output.values())) / _demand(product, year))
    return float(min(shares))


def _club(recipe: Recipe, targets: dict[str, float]) -> str:
    """Return ``club.toml``."""
    ladders = SMALL_LADDERS if recipe.small_ladders else {}
    lines = [
        "schema_version = 1",
        f'name = "synthetic_{recipe.projects}_{recipe.products}_{recipe.seed}"',
        'title = "Random instance"',
        f"[years]\nbase = {BASE_YEAR}\nend = {recipe.end}\ntarget = {recipe.target_year}\nsimulated = {recipe.years}",
        f"[scenarios]\ncount = {recipe.scenarios}\nseed = {recipe.seed}",
        f"[contract]\ntenor_years = {min(12, recipe.years // 2)}",
        "[ladders]",
        *(f"{name} = {steps}" for name, steps in ladders.items()),
        "[caps]\nproduct_price = 0.15\nbasket = 0.02",
        "[targets]",
        *(f"{code} = {share}" for code, share in targets.items()),
    ]
    return "\n".join(lines) + "\n"
