"""Checks of the settings, alone and against the tables."""

from collections import Counter

from . import instrument_checks
from .club import Club, Settings, floats, number
from .errors import Problems, did_you_mean
from .reader import Row
from .resolve import Tables
from .schema import COUNTRIES


def domain(settings: Settings, tables: Tables, lines: dict[str, int], problems: Problems) -> None:
    """Check the complete settings against each other and against the tables.

    Args:
        settings: complete settings.
        tables: complete tables.
        lines: lines of the keys in club.toml.
        problems: receives every mistake.
    """
    if not settings:
        return
    club = Club(settings, lines, problems)
    _years(club)
    _ladders(club)
    _users(club)
    _funding(club)
    _products(club, tables)
    _prices(club, tables, problems)
    instrument_checks.domain(club, tables)


def _years(club: Club) -> None:
    if not club.trusts("years.base", "years.end", "years.target", "years.simulated"):
        return
    base, end, target = (int(number(club.settings, f"years.{name}")) for name in ("base", "end", "target"))
    if end <= base:
        club.add("years.end", end, f"a year after years.base ({base})")
    if not base <= target <= end:
        club.add("years.target", target, f"a year from years.base ({base}) to years.end ({end})")
    if base + int(number(club.settings, "years.simulated")) <= end:
        club.add("years.simulated", int(number(club.settings, "years.simulated")), f"at least {end - base + 1}, so that years.end is simulated")
    if number(club.settings, "data.localised_until") < number(club.settings, "data.localised_from"):
        club.add("data.localised_until", int(number(club.settings, "data.localised_until")), "a year not before data.localised_from")


def _ladders(club: Club) -> None:
    for name in ("tariffs", "itc", "ptc", "start_delays", "grant", "loan", "reserve_months"):
        steps = floats(club.settings.get(f"ladders.{name}"))
        if steps and (list(steps) != sorted(set(steps)) or steps[0] != 0):
            club.add(f"ladders.{name}", str(list(steps)), "rising numbers from 0", "0 is the level of the law, none, or no delay.")
    delays = floats(club.settings.get("ladders.start_delays"))
    if any(delay != int(delay) for delay in delays):
        club.add("ladders.start_delays", str(list(delays)), "whole years")


def _users(club: Club) -> None:
    """Refuse free border measures without a cap on what users pay (C23): they would be a free lunch."""
    if not club.trusts("caps.product_price", "caps.basket", "ladders.tariffs", "ladders.reference", "instruments.tariffs", "instruments.reference_price"):
        return
    rates = club.on("tariffs") and max(floats(club.settings.get("ladders.tariffs")), default=0.0) > 0
    free = rates or (club.on("reference_price") and bool(floats(club.settings.get("ladders.reference"))))
    pairs = (("caps.product_price", "switches.users_product"), ("caps.basket", "switches.users_basket"))
    if free and not any(club.settings.get(cap) is not None and club.settings.get(switch) is True for cap, switch in pairs):
        remedy = "Set caps.product_price or caps.basket and leave its switch on, or freeze tariffs with ladders.tariffs = [0]."
        club.add("caps", "tariffs that are free to move and no cap on users' prices in force", "a cap (C23)", remedy)


def _funding(club: Club) -> None:
    shares = {country: club.settings.get(f"funding.shares.{country}") for country in COUNTRIES}
    given = {country: float(value) for country, value in shares.items() if isinstance(value, int | float)}
    if club.settings.get("funding.mode") == "pooled" and (len(given) < len(COUNTRIES) or abs(sum(given.values()) - 1) > 1e-9):
        club.add("funding.shares", str(given), "shares of USA, CAN and MEX that sum to 1", "A pooled fund needs them.")


def _demand(row: Row, basis: str) -> float:
    kinds = ("direct",) if basis == "direct" else ("direct", "embodied")
    values = (row.cells.get(f"demand_{kind}_2025_t_{country.lower()}") for kind in kinds for country in COUNTRIES)
    return sum(float(value) for value in values if isinstance(value, int | float))


def _products(club: Club, tables: Tables) -> None:
    rows = {str(row.cells.get("product_code")): row for row in tables["products"].rows}
    for key in club.settings:
        section, _, product = key.partition(".")
        if section not in ("targets", "china_caps"):
            continue
        if product not in rows:
            if rows and not tables["products"].damaged:
                club.add(key, product, "a product of products.csv", did_you_mean(product, rows))
        elif section == "targets" and number(club.settings, key) > 0 and _demand(rows[product], str(club.settings.get("data.demand_basis"))) <= 0:
            club.add(key, f"a target for {product}, which has no demand", "a product with demand", "Remove the target.")
    if club.settings.get("data.long_run_price") == "geometric":
        for product, row in rows.items():
            if row.cells.get("long_run_geometric_usd_per_t") is None:
                remedy = "Fill the cell, add an assumption, or choose data.long_run_price = mean or spot."
                club.add("data.long_run_price", f"no geometric price of {product}", "long_run_geometric_usd_per_t of every product", remedy)


def _prices(club: Club, tables: Tables, problems: Problems) -> None:
    """Check that price paths, where given, cover every scenario, product and simulated year once."""
    raw = tables["prices"]
    if not raw.rows or problems.count(raw.file) or not club.trusts("scenarios.count", "years.base", "years.simulated"):
        return
    count, base, simulated = (int(number(club.settings, key)) for key in ("scenarios.count", "years.base", "years.simulated"))
    scenarios = Counter(row.cells.get("scenario") for row in raw.rows)
    if set(scenarios) != set(range(count)):
        club.add("scenarios.count", count, f"the number of scenarios in prices.csv, numbered from 0 ({len(scenarios)} found)")
    years = range(base, base + simulated)
    seen = {(row.cells.get("scenario"), row.cells.get("product"), row.cells.get("year")) for row in raw.rows}
    products = sorted({str(row.cells.get("product_code")) for row in tables["products"].rows})
    for product in products:
        missing = [(s, y) for s in range(count) for y in years if (s, product, y) not in seen]
        if missing:
            text = f"no price of {product} in scenario {missing[0][0]}, {missing[0][1]}" + (f" and {len(missing) - 1} more" if len(missing) > 1 else "")
            problems.add(raw.file, None, "year", text, f"every scenario and every year from {base} to {base + simulated - 1}")
    for row in raw.rows:
        if isinstance(year := row.cells.get("year"), int) and year not in years:
            problems.add(raw.file, row.line, "year", year, f"a year from {base} to {base + simulated - 1}")


def notes(settings: Settings, tables: Tables) -> list[str]:
    """List what is no mistake but should be known.

    Args:
        settings: complete and correct settings.
        tables: complete and correct tables.
    """
    last = int(number(settings, "years.base") + number(settings, "years.simulated")) - 1
    cap = next(number(row.cells, "base") for row in tables["finance"].rows if row.cells["parameter"] == "life_cap_years")
    delay = max(floats(settings.get("ladders.start_delays")), default=0.0)
    found = []
    for row in tables["projects"].rows:
        start, life = number(row.cells, "earliest_start_year"), min(number(row.cells, "life_years"), cap)
        if start + delay + life - 1 > last:
            found.append(f"projects.csv, row {row.line}: {row.cells['project_id']} can run beyond {last}, the last simulated year (C2)")
        if start > number(settings, "years.end"):
            found.append(f"projects.csv, row {row.line}: {row.cells['project_id']} cannot start by years.end and is never built (C19)")
    return found
