"""The assumptions of ``usmca``: what no source gives, with a range and a reason (C3)."""

from collections.abc import Iterator
from dataclasses import dataclass

from .build_tables import Row, plain

_FASTMARKETS = "https://www.fastmarkets.com/insights/natural-graphite-under-pressure-from-synthetics-amid-oversupply-slow-trade-flows"
_DUTIES = "https://dutydesk.app/us/811292 ; https://htshub.com/us-hs/search/lithium-ion-battery"
_FINANCE = "evidence/finance.csv"
_CONTRACTS = "evidence/contracts.csv"


@dataclass(frozen=True)
class Assumption:
    """State one assumed value: a column of products or projects, or a key of club.toml."""

    name: str
    scopes: tuple[str, ...]
    values: tuple[float, float, float]
    unit: str
    word: str
    source: str
    reason: str


def _club(name: str, values: tuple[float, float, float], unit: str, reason: str, source: str = "") -> Assumption:
    return Assumption(name, ("all",), values, unit, "assumed", source, reason)


_TARGET = "share of demand"
_CELLS: tuple[Assumption, ...] = (
    Assumption(
        "dump_follow",
        ("all",),
        (0.4, 0.6, 0.8),
        "share of the fall",
        "derived",
        _FASTMARKETS,
        "flake 2022-2024: US import value fell 25%, the price fob China 41%; one observation, taken for all products without exchange",
    ),
    Assumption(
        "dump_follow",
        ("copper", "zinc", "nickel", "cobalt", "lithium_carbonate", "spodumene_concentrate"),
        (0.75, 0.9, 1.0),
        "share of the fall",
        "assumed",
        "",
        "one exchange price binds both nodes; the falls were measured on that price itself, so nearly all of a fall reaches market",
    ),
    Assumption(
        "demand_elasticity",
        ("all",),
        (-0.3, -0.1, -0.05),
        "elasticity",
        "assumed",
        _FINANCE,
        "recalled: small cost shares and no quick substitute; used for the users' triangle only (C25)",
    ),
    Assumption("demand_elasticity", ("copper", "zinc", "nickel"), (-0.7, -0.4, -0.2), "elasticity", "assumed", _FINANCE, "recalled from Stuermer (2017)"),
    Assumption(
        "law_tariff_market_usa",
        ("all",),
        (0, 0, 0.05),
        "ad valorem rate",
        "assumed",
        _DUTIES,
        "general duties of 0-5% exist (lithium carbonate 3.7%, gallium 3%, germanium 2.6%, read) but most non-Chinese sellers enter free under trade agreements; "
        "the same duties are left out of the rate on China, so the gap between the nodes is right",
    ),
    Assumption("law_tariff_market_can", ("all",), (0, 0, 0.03), "ad valorem rate", "assumed", "", "general duties on unwrought minerals are mostly zero"),
    Assumption("law_tariff_market_mex", ("all",), (0, 0, 0.05), "ad valorem rate", "assumed", "", "lines of the December 2025 reform not checked"),
)
_CLUB: tuple[Assumption, ...] = (
    _club("data.localised_share", (0.25, 0.5, 1), "share", "how much of the cells, packs and magnets now imported the members make themselves by 2035"),
    _club("data.localised_until", (2032, 2035, 2040), "year", "when that share is reached"),
    _club("scenarios.fast_regime_share", (0, 0.5, 1), "share", "the data do not tell slow from fast reversion: even odds", _FINANCE),
    _club("contract.tenor_years", (7, 12, 20), "years", "mineral precedents 5-10 years, power contracts 15-20", _CONTRACTS),
    _club("contract.upside_share", (0.3, 0.5, 1), "share", "0.3 MP Materials, 0.5 Nouveau Monde, 1 power contracts", _CONTRACTS),
    _club("caps.product_price", (0.05, 0.15, 0.3), "share", "rise of a price that users may bear", _FINANCE),
    _club("caps.basket", (0.005, 0.02, 0.05), "share", "1% forbids any step on copper above 1% and most steps elsewhere; swept down to it"),
    _club("caps.worst5_outlay", (4000, 6000, 10000), "million 2025 USD", "just above the worst 5% of a first trial design (about 5,200)"),
    _club("caps.USA.each_year", (100, 300, 600), "million 2025 USD", "a little below the peak of the same trial (323), so that it binds"),
    _club("caps.CAN.each_year", (50, 130, 260), "million 2025 USD", "a little below the peak of the same trial (135), so that it binds"),
    _club("caps.MEX.each_year", (10, 25, 50), "million 2025 USD", "by size of the economy and of its candidates"),
    _club("objective.cvar_weight", (0, 0.1, 1), "weight", "breaks ties between plans of the same expected cost towards the safer one"),
    _club("objective.user_weight", (0, 0, 1), "weight", "0: tariffs are limited by caps; 1: a dollar of users weighs as one of treasury; both are shown"),
    _club("targets.lithium_carbonate", (0.55, 0.6, 0.9), _TARGET, "just above what the baseline covers in 2035"),
    _club("targets.graphite_anode", (0.1, 0.2, 0.35), _TARGET, "about twice what the baseline covers in 2035"),
    _club(
        "targets.nickel", (0.75, 0.85, 1), _TARGET, "above the present refineries; concentrate through spare capacity alone does not reach it, Baptiste does"
    ),
    _club("targets.manganese_sulphate", (0.1, 0.2, 0.8), _TARGET, "the members make none today"),
    _club("targets.gallium", (0.2, 0.8, 1), _TARGET, "one plant covers it"),
    _club("targets.germanium", (0.55, 0.7, 1), _TARGET, "one plant covers it"),
    _club("targets.tungsten", (0.2, 0.45, 0.55), _TARGET, "the members mine none today; Sisson alone covers 0.37 in 2040"),
    _club("targets.phosphate", (0.75, 0.8, 0.95), _TARGET, "just above what the baseline covers"),
)


def assumption_rows() -> list[Row]:
    """Write all assumptions: cells first, then the settings of the club."""
    return [row for item in (*_CELLS, *_CLUB) for row in _rows(item)]


def _rows(item: Assumption) -> Iterator[Row]:
    low, base, high = (plain(value) for value in item.values)
    for scope in item.scopes:
        yield {
            "name": item.name,
            "scope": scope,
            "low": low,
            "base": base,
            "high": high,
            "unit": item.unit,
            "provenance": item.word,
            "source": item.source,
            "reason": item.reason,
        }
