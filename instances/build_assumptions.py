"""The assumptions of ``usmca``: what no source gives, with a range and a reason (C3)."""

from collections.abc import Iterator
from dataclasses import dataclass

from .build_tables import Row, plain

_FASTMARKETS = "https://www.fastmarkets.com/insights/natural-graphite-under-pressure-from-synthetics-amid-oversupply-slow-trade-flows"
_DUTIES = "https://dutydesk.app/us/811292 ; https://htshub.com/us-hs/search/lithium-ion-battery"
_FINANCE = "evidence/finance.csv"
_CONTRACTS = "evidence/contracts.csv"
_LAW = "evidence/policy.csv CUSMA_INTERNAL"
_GAO = "https://www.adamasintel.com/rees-in-defense-commercially-insignificant-strategically-imperative"
_ANTIMONY = "https://docslib.org/doc/1590019/antimony-data-sheet ; evidence/contracts.csv US_USAC_DLA"
_TUNGSTEN = "https://docslib.org/doc/3520125/tungsten-data-sheet"
_GERMANIUM = "http://www.fredsakademiet.dk/ordbog/gord/g297.htm ; http://minerals.er.usgs.gov/minerals/pubs/mcs/1996/germani.txt"
_GALLIUM = "https://www.yumpu.com/en/document/view/50709059/mineral-commodity-summaries-2011-environmental-and-energy-/61"
_NATO = "https://particle.news/story/nato-says-all-allies-will-hit-2-defense-spending-in-2025-except-iceland"


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


def _defence(product: str, values: tuple[float, float, float], reason: str, source: str = "", word: str = "assumed") -> Assumption:
    return Assumption("defence_share", (product,), values, "share of demand", word, source, reason)


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
_DEFENCE: tuple[Assumption, ...] = (
    _defence(
        "ndpr_oxide",
        (0.02, 0.05, 0.2),
        "the US military uses less than 0.1% of world rare earths (read): 81 of 80,805 t over 1,585 t of direct demand; low = over embodied demand; "
        "high = 1,200 t of magnets a year that one magnet plant is said to owe it, at 0.3 t a tonne",
        _GAO,
        "derived",
    ),
    _defence(
        "antimony",
        (0.02, 0.05, 0.15),
        "metal products with ammunition are 39% of primary use (read), most of it batteries; the stockpile contract of 245 MUSD over five years buys about 800 t a year",
        _ANTIMONY,
    ),
    _defence("tungsten", (0.05, 0.1, 0.2), "penetrators and heavy alloys lie in the two fifths of use that are not cemented carbide (read)", _TUNGSTEN),
    _defence(
        "germanium",
        (0.15, 0.25, 0.4),
        "infrared optics, mostly military, were 15% of US use in 1995 (read) and have grown; solar cells of satellites come on top",
        _GERMANIUM,
    ),
    _defence("gallium", (0.05, 0.1, 0.3), "integrated circuits are 64% of use (read); radar and electronic warfare are a small part of them", _GALLIUM),
    _defence("cobalt", (0.05, 0.1, 0.2), "superalloys, mostly of jet engines, are about half of US use (recalled); a fifth of the engines are military"),
    _defence("niobium", (0.02, 0.05, 0.1), "superalloys are about a quarter of US use (recalled); a fifth of the engines are military"),
    _defence("copper", (0.005, 0.01, 0.03), "much used by the military and still small in a use of 1.8 million t"),
)
_NEWER: tuple[Assumption, ...] = (
    _club("expiry.protection_review_year", (2027, 2027, 2032), "year", "no extension was agreed on 1 July 2026: a review every year from then on", _LAW),
    _club("expiry.protection_lapse_hazard", (0, 0.05, 0.1), "per year", "evidence row protection_lapse_hazard", _FINANCE),
    Assumption(
        "expiry.protection_expiry_year", ("all",), (2032, 2036, 2042), "year", "read", _LAW, "evidence row protection_expiry_year; 2036 read, range assumed"
    ),
    _club("expiry.protection_extension_probability", (0.2, 0.5, 0.8), "probability", "evidence row protection_extension_probability", _FINANCE),
    _club("standards.usmca_factor", (0.25, 0.5, 0.75), "share of the full gap", "a tier between national law and the high standard"),
    _club("concessional.spread", (0, 0, 0.01), "per year", "evidence row interest_margin_public: US Treasury plus 0 to 1%", _FINANCE),
    _club("concessional.tenor_years", (12, 20, 23), "years", "12 years of Canadian export credit, 23 years of the loan to Thacker Pass", _FINANCE),
    _club("procurement.tenor_years", (5, 10, 15), "years", "5 years of US stockpile contracts, 10 years of MP Materials", _CONTRACTS),
    _club(
        "procurement.quotas.USA",
        (0.75, 0.85, 0.93),
        "share",
        "middle of its share of the members' defence demand by value (0.77, copper included) and of their defence budgets (0.93: 845 billion USD in 2025 read, "
        "the others recalled)",
        _NATO,
    ),
    _club("procurement.quotas.CAN", (0.05, 0.1, 0.15), "share", "0.08 by defence demand, 0.05 by budget; a little more as the host of most candidates"),
    _club("procurement.quotas.MEX", (0.02, 0.05, 0.16), "share", "0.02 by budget, 0.16 by defence demand, nearly all of it copper"),
    _club("reserve.price_impact", (0.05, 0.1, 0.3), "share", "a year of demand bought over some years is a small part of what market can sell"),
    _club("reserve.holding_cost", (0.01, 0.02, 0.04), "per year", "storage, insurance, turnover; interest is charged apart"),
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
    return [row for item in (*_CELLS, *_DEFENCE, *_CLUB, *_NEWER) for row in _rows(item)]


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
