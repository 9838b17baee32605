"""Read an instance into the audit's plain numbers; an unknown number that is needed is refused (C3)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..instances.instance import Instance
from ..instances.scenarios import Scenarios
from .audit_world import COUNTRIES, NODES, AuditRefused, BoolArray, Converter, FloatArray, Product, Project, Stream, Terms, World

Row = Mapping[Any, Any]


def read_world(instance: Instance, scenarios: Scenarios, latest_start: int) -> World:
    """Read an instance and its price scenarios.

    Args:
        instance: the instance.
        scenarios: its price scenarios.
        latest_start: latest start year in the design under audit.

    Raises:
        AuditRefused: if a number that the audit needs is unknown (C3), or a project starts before the base year.
    """
    settings: Mapping[str, Any] = instance.settings
    base, simulated = int(settings["years.base"]), int(settings["years.simulated"])
    products = {str(k): _product(instance, str(k), row, scenarios) for k, row in instance.products.to_dict("index").items()}
    streams, closed = _streams(instance, products), _closed_contracts(instance)
    projects = {
        str(k): _project(instance, str(k), row, products, streams.get(str(k), ()), closed.get(str(k))) for k, row in instance.projects.to_dict("index").items()
    }
    _refuse_early(projects, base)
    horizon = max(simulated, _last_year(instance, projects, latest_start) + 1 - base)
    market, china, restricted = _padded(scenarios, horizon)
    return World(
        instance=instance,
        settings=settings,
        base=base,
        end=int(settings["years.end"]),
        simulated=simulated,
        horizon=horizon,
        products=products,
        projects=projects,
        converters=_converters(instance),
        law_credits=_law_credits(instance, products, base, horizon),
        market=market,
        china=china,
        restricted=restricted,
        scenarios=next(iter(market.values())).shape[0],
        lapse=scenarios.lapse_year,
        premiums=_premiums(instance, products, base, horizon),
    )


def _refuse_early(projects: Mapping[str, Project], base: int) -> None:
    early = [p.code for p in projects.values() if p.earliest < base]
    if early:
        raise AuditRefused(f"projects that start before the base year {base} cannot be audited: {', '.join(early)}")


def _last_year(instance: Instance, projects: Mapping[str, Project], latest_start: int) -> int:
    """Return a year that no project outlives, a late one included."""
    delay = int(max(instance.settings.get("ladders.start_delays") or (0,)))
    last = max([latest_start, *(p.earliest + delay for p in projects.values())])
    return last + max([1, *(p.life for p in projects.values())]) + int(instance.param("downside_delay_years"))


def blank(value: Any) -> bool:
    """Tell whether a cell is empty: None, NaN, NA or no text."""
    if value is None or isinstance(value, str):
        return not value
    try:
        return bool(value != value)
    except (TypeError, ValueError):
        return not isinstance(value, tuple | list)


def _number(table: str, key: str, row: Row, column: str, default: float | None = None) -> float:
    value = row.get(column)
    if value is None or blank(value):
        if default is None:
            raise AuditRefused(f"{table}, row {key}: {column} is needed and unknown (C3)")
        return default
    return float(value)


def _text(row: Row, column: str) -> str:
    value = row.get(column)
    return "" if blank(value) else str(value)


def _by_country(table: str, key: str, row: Row, stem: str) -> FloatArray:
    return np.array([_number(table, key, row, f"{stem}_{c.lower()}") for c in COUNTRIES])


def _product(instance: Instance, code: str, row: Row, scenarios: Scenarios) -> Product:
    def num(column: str) -> float:
        return _number("products", code, row, column)

    direct = _by_country("products", code, row, "demand_direct_2025_t")
    embodied = np.array([_number("products", code, row, f"demand_embodied_2025_t_{c.lower()}", direct[i]) for i, c in enumerate(COUNTRIES)])
    china_share, supply = num("china_controlled_share"), num("world_supply_t")
    moved = max(0.0, china_share - _number("products", code, row, "china_made_share", china_share)) * supply
    listed = instance.settings.get("procurement.products") or ()
    return Product(
        code=code,
        form=_text(row, "form"),
        exchange_traded=num("exchange_traded") > 0,
        long_run=float(scenarios.long_run[code]),
        direct=direct,
        embodied=embodied,
        growth=(num("growth_to_2030"), num("growth_after_2030")),
        existing=_by_country("products", code, row, "existing_refined_t"),
        world_supply=supply,
        non_china_supply=num("non_china_supply_t") + (moved if instance.settings.get("data.china_equity") == "market" else 0.0),
        reach=num("market_reach_share"),
        other_imports=num("other_imports_t"),
        china_share=china_share,
        law=_law_tariffs(instance, code, row),
        spike=num("spike_factor"),
        dump_depth=num("dump_depth"),
        dump_follow=num("dump_follow"),
        elasticity=num("demand_elasticity"),
        voll=num("voll_usd_per_t"),
        defence=code in listed if listed else bool(_number("products", code, row, "is_defence", 0.0)),
        defence_share=_number("products", code, row, "defence_share", 0.0),
        standard_cost=_number("products", code, row, "standard_cost_usd_per_t", 0.0),
        compliance=(_number("products", code, row, "standard_compliance_china", 1.0), _number("products", code, row, "standard_compliance_market", 1.0)),
    )


def _law_tariffs(instance: Instance, code: str, row: Row) -> FloatArray:
    """Return the members' law rates by node and country, shape (2, 3); a member's own rate counts where it is higher (C6)."""
    law = np.array([_by_country("products", code, row, f"law_tariff_{node}") for node in ("china", "market")])
    own = [[float(instance.settings.get(f"national.{c}.{node}.{code}") or 0.0) for c in COUNTRIES] for node in NODES]
    return np.maximum(law, np.array(own))


def _project(instance: Instance, code: str, row: Row, products: Mapping[str, Product], streams: tuple[Stream, ...], closed: Terms | None) -> Project:
    def num(column: str, default: float | None = None) -> float:
        return _number("projects", code, row, column, default)

    product = products[str(row["product_code"])]
    grant = num("public_grant_musd", 0.0)
    gross = num("capex_musd") * num("optimism_factor") * (1.0 - num("sunk_capex_share"))
    added, year = num("expansion_capacity_t_per_year", 0.0), int(num("expansion_year", 0.0))
    keep = year > 0 and (added == 0.0 or bool(instance.settings.get("data.optional_expansions")))
    return Project(
        code=code,
        country=COUNTRIES.index(str(row["country"])),
        product=product.code,
        stage=str(row["stage"]),
        concentrate=str(row["form_sold"]) == "concentrate" and product.form != "concentrate",
        capacity=num("capacity_t_per_year"),
        earliest=int(num("earliest_start_year")),
        build_years=int(num("build_years")),
        ramp=_ramp(row["ramp"]),
        life=min(int(num("life_years")), int(instance.param("life_cap_years"))),
        capital=max(0.0, gross - grant),
        grant=min(grant, gross),
        sustaining=num("sustaining_musd_per_year"),
        opex=num("opex_usd_per_t"),
        payability=num("payability"),
        royalty=num("royalty_rate"),
        expansion_capital=num("expansion_capex_musd", 0.0) if keep else 0.0,
        expansion_year=year if keep else 0,
        expansion_capacity=added if keep else 0.0,
        china_linked=num("china_linked") > 0,
        group=_text(row, "exclusive_group"),
        available=num("available", 1.0) > 0,
        b0_supply=num("b0_supply", 0.0) > 0,
        loan=num("public_loan_musd", 0.0),
        loan_tenor=int(num("public_loan_tenor_years", 0.0)),
        loan_spread=num("public_loan_spread", 0.0),
        feed=_text(row, "feed_product_code"),
        feed_rate=num("feed_t_per_t", 0.0),
        feed_factor=num("feed_price_factor", 0.0),
        itc_eligible=num("itc_eligible") > 0,
        ptc_share=_eligible_cost(instance, num),
        streams=streams,
        closed=closed,
        early=_text(row, "dev_status") in ("study", "permitting"),
        standards_gap=num("standards_gap_usd_per_t", 0.0),
    )


def _eligible_cost(instance: Instance, num: Callable[..., float]) -> float:
    """Return the share of operating cost on which production credits are paid (C15)."""
    final = num("ptc_eligible_share")
    return num("ptc_eligible_share_proposed", final) if instance.settings.get("data.ptc_cost_base") == "proposed" else final


def _ramp(cell: Any) -> tuple[float, ...]:
    parts = cell.split("|") if isinstance(cell, str) else cell
    return tuple(float(part) for part in parts)


def _streams(instance: Instance, products: Mapping[str, Product]) -> dict[str, tuple[Stream, ...]]:
    found: dict[str, tuple[Stream, ...]] = {}
    for row in instance.byproducts.to_dict("records"):
        owner, product = str(row["project_id"]), str(row["product_code"])
        price = _number("byproducts", owner, row, "price_usd_per_t", 0.0 if product in products else None)
        stream = Stream(product, _number("byproducts", owner, row, "t_per_year"), price, _number("byproducts", owner, row, "payability"))
        found[owner] = (*found.get(owner, ()), stream)
    return found


def _closed_contracts(instance: Instance) -> dict[str, Terms]:
    """Return contracts in force by project; those without a project or a public strike cannot enter a cash flow."""
    found = {}
    for key, row in instance.contracts.to_dict("index").items():
        owner = _text(row, "project_id")
        if not owner or not row.get("in_b0") or blank(row.get("strike_usd_per_t")) or blank(row.get("tenor_years")):
            continue
        name = str(key)
        found[owner] = Terms(
            strike=_number("contracts", name, row, "strike_usd_per_t"),
            share=_number("contracts", name, row, "share", 1.0),
            upside=_number("contracts", name, row, "upside_share", 0.0),
            tenor=int(_number("contracts", name, row, "tenor_years")),
            start=int(_number("contracts", name, row, "start_year")),
            quantity=_number("contracts", name, row, "quantity_t_per_year", math.inf),
        )
    return found


def _converters(instance: Instance) -> tuple[Converter, ...]:
    found = []
    for key, row in instance.converters.to_dict("index").items():
        name = str(key)
        if not row.get("counted"):
            continue
        found.append(
            Converter(
                code=name,
                country=COUNTRIES.index(str(row["country"])),
                source=str(row["input_product_code"]),
                target=str(row["output_product_code"]),
                input_t=_number("converters", name, row, "input_t_per_year"),
                output_t=_number("converters", name, row, "output_t_per_year"),
                start=int(_number("converters", name, row, "start_year")),
                china_linked=bool(row.get("china_linked")),
            )
        )
    return tuple(found)


def _law_credits(instance: Instance, products: Mapping[str, Product], base: int, horizon: int) -> dict[tuple[str, int, str], FloatArray]:
    """Return law credit rates by (kind, country, product), shape (H,); instruments that overlap add up (C15)."""
    rates: dict[tuple[str, int, str], FloatArray] = {}
    for key, row in instance.policy.to_dict("index").items():
        kind = str(row["kind"])
        if kind not in ("itc", "ptc") or str(row["country"]) not in COUNTRIES:
            continue
        yearly = _rate_by_year(str(key), row, base, horizon)
        for code in _covered(row, products):
            where = (kind, COUNTRIES.index(str(row["country"])), code)
            rates[where] = rates.get(where, np.zeros(horizon)) + yearly
    return rates


def _covered(row: Row, products: Mapping[str, Product]) -> list[str]:
    """Return the products that a policy row covers."""
    names = row["products"].split(";") if isinstance(row["products"], str) else row["products"]
    return [str(code) for code in (products if "all" in names else names)]


def _premiums(instance: Instance, products: Mapping[str, Product], base: int, horizon: int) -> dict[str, FloatArray]:
    """Return demand premiums by product, USD per tonne, shape (H,); rows that overlap add up, whichever member's law they are (C9)."""
    found: dict[str, FloatArray] = {}
    for key, row in instance.policy.to_dict("index").items():
        if str(row["kind"]) == "demand_premium":
            yearly = _rate_by_year(str(key), row, base, horizon)
            found |= {code: found.get(code, np.zeros(horizon)) + yearly for code in _covered(row, products)}
    return found


def _rate_by_year(key: str, row: Row, base: int, horizon: int) -> FloatArray:
    rate = _number("policy", key, row, "rate")
    first = _number("policy", key, row, "start_year", -math.inf)
    last = _number("policy", key, row, "end_year", math.inf)
    schedule = row.get("phase_schedule") or ()
    if isinstance(schedule, str):
        schedule = tuple((int(a), float(b)) for a, b in (part.split(":") for part in schedule.split("|")))
    yearly = np.full(horizon, rate)
    for year, value in () if blank(schedule) else schedule:
        yearly[max(0, int(year) - base) :] = value
    years = np.arange(base, base + horizon)
    return np.where((years >= first) & (years <= last), yearly, 0.0)


def _padded(scenarios: Scenarios, horizon: int) -> tuple[dict[str, FloatArray], dict[str, FloatArray], dict[str, BoolArray]]:
    """Extend prices beyond the last simulated year at the scenario mean of that year (C2)."""
    market, china, restricted = {}, {}, {}
    for code in scenarios.products:
        paths = scenarios.market[code]
        count, years = paths.shape
        rest = np.full((count, horizon - years), paths[:, -1].mean())
        market[code] = np.hstack([paths, rest])
        china[code] = np.hstack([scenarios.china[code], rest])
        restricted[code] = np.hstack([scenarios.restricted[code], np.zeros(rest.shape, dtype=bool)])
    return market, china, restricted
