"""Evidence on products, prices and demand -> ``products.csv``."""

import math
import re
from collections.abc import Mapping, Sequence

from . import schema
from .build_corrections import sources, words
from .build_instruments import product_cells, product_words
from .build_tables import CLUB_COUNTRIES, Row, number, plain, provenance_text, word

CPI: Mapping[int, float] = {
    2015: 237.0,
    2016: 240.0,
    2017: 245.1,
    2018: 251.1,
    2019: 255.7,
    2020: 258.8,
    2021: 271.0,
    2022: 292.7,
    2023: 304.7,
    2024: 313.7,
    2025: 322.0,
}
"""US consumer prices by year (escalation rule of the evidence)."""

PRICE_BASIS: Mapping[str, tuple[str, float]] = {
    "nickel": ("nickel", 1.0),
    "cobalt": ("cobalt", 1.0),
    "graphite_flake": ("graphite_flake", 1.0),
    "copper": ("copper", 1.0),
    "zinc": ("zinc", 1.0),
    "lithium_carbonate": ("lithium_carbonate", 1.0),
    "germanium": ("germanium_metal", 1.0),
    "gallium": ("gallium_import_unit_value", 1.0),
    "antimony": ("antimony", 1.0),
    "ndpr_oxide": ("NdPr_oxide", 1.0),
    "fluorspar": ("fluorspar_acid", 1.0),
    "tungsten": ("tungsten_concentrate_W", 0.78),
    "niobium": ("ferroniobium_gross", 0.65),
}
"""Series of ``price_history.csv`` by product and what one tonne of it is worth in tonnes of the product."""

LEAST_YEARS = 5
GDP_SHARE = {"CAN": 0.077, "MEX": 0.063}
"""Rule D3: demand of Canada and Mexico over that of the USA where no figure was read."""

REGIME = {"slow": 0.15, "fast": 0.5}
"""Speeds of reversion of the two regimes (finance.csv of the evidence), cut to each product's own range."""

UNSAFE_FLOOR = ("gallium", "germanium", "antimony", "ndpr_oxide")
"""Products whose other imports are in good part Chinese metal refined again elsewhere: they are no floor of supply."""

NAMES = {
    "lithium_carbonate": "Lithium carbonate",
    "spodumene_concentrate": "Spodumene concentrate",
    "nickel": "Nickel",
    "cobalt": "Cobalt",
    "graphite_flake": "Graphite flake",
    "graphite_anode": "Graphite anode",
    "manganese_sulphate": "Manganese sulphate",
    "copper": "Copper",
    "zinc": "Zinc",
    "germanium": "Germanium",
    "gallium": "Gallium",
    "antimony": "Antimony",
    "tungsten": "Tungsten",
    "ndpr_oxide": "NdPr oxide",
    "phosphate": "Phosphate",
    "fluorspar": "Fluorspar",
    "niobium": "Niobium",
}

_R, _D, _A = "read", "derived", "assumed"
DEMAND_WORDS = {
    "lithium_carbonate": (_D, _D, _D),
    "spodumene_concentrate": (_A, _A, _A),
    "nickel": (_R, _A, _D),
    "cobalt": (_R, _A, _D),
    "graphite_flake": (_R, _D, _A),
    "graphite_anode": (_D, _D, _D),
    "manganese_sulphate": (_A, _A, _A),
    "copper": (_D, _D, _D),
    "zinc": (_D, _A, _A),
    "germanium": (_R, _A, _A),
    "gallium": (_R, _A, _A),
    "antimony": (_D, _A, _A),
    "tungsten": (_R, _A, _A),
    "ndpr_oxide": (_A, _A, _A),
    "phosphate": (_D, _A, _D),
    "fluorspar": (_R, _A, _A),
    "niobium": (_R, _A, _A),
}
"""Provenance of direct demand in USA, CAN and MEX."""

_SAME = (
    "product_code unit form world_supply_t non_china_supply_t sigma_annual dump_ramp_years dump_length_years restrict_ramp_years "
    "restrict_length_years spike_factor restricted_now is_defence voll_usd_per_t"
).split()
_RENAMED = {
    "long_run_mean_usd_per_t": "long_run_price_usd_per_t",
    "spot_usd_per_t": "spot_price_usd_per_t",
    "growth_to_2030": "demand_growth_to_2030",
    "market_reach_share": "non_china_reach_share",
    "china_controlled_share": "china_controlled_share_world_supply",
    "dump_hazard": "dump_hazard_per_year",
    "dump_depth": "dump_depth_vs_long_run",
    "restrict_hazard": "restrict_hazard_per_year",
}


def product_rows(evidence: Sequence[Row], history: Sequence[Row], standards: Sequence[Row]) -> list[Row]:
    """Map all products, in the order of the evidence.

    Cells left empty are filled by ``assumptions.csv``: ``dump_follow``, ``demand_elasticity``, ``defence_share`` and ``law_tariff_market_*``.
    ``exchange_traded`` asks for a futures market deep enough to lend against, so lithium and cobalt count as not traded.

    Args:
        evidence: rows of the evidence after correction.
        history: annual prices.
        standards: rows of ``standards.csv``.
    """
    return [_product(row, history) | product_cells(row, standards) for row in evidence]


def _product(row: Row, history: Sequence[Row]) -> Row:
    code = row["product_code"]
    out = {name: row[name] for name in _SAME} | {name: row[old] for name, old in _RENAMED.items()}
    out["name"] = NAMES[code]
    out["exchange_traded"] = str(1 - int(row["specialty_addon_applies"]))
    geometric = geometric_price(code, history)
    out["long_run_geometric_usd_per_t"] = row["long_run_price_usd_per_t"] if geometric is None else plain(geometric, 5)
    out["growth_after_2030"] = plain(growth_after_2030(row))
    out["other_imports_t"] = plain(supply_floor(row))
    for regime, speed in REGIME.items():
        out[f"kappa_{regime}"] = plain(min(max(speed, number(row["kappa_low"])), number(row["kappa_high"])))
    for country in CLUB_COUNTRIES:
        c = country.lower()
        out[f"demand_direct_2025_t_{c}"] = row[f"demand_t_2025_{c}"]
        out[f"demand_embodied_2025_t_{c}"] = _embodied(row, country)
        out[f"existing_refined_t_{c}"] = row[f"existing_refined_t_{c}"]
        out[f"law_tariff_china_{c}"] = row[f"existing_tariff_on_china_{c}"]
    out["provenance"] = provenance_text(_product_words(row, out, geometric is None))
    out["source"] = " ; ".join((row["source"], *sources("products", code)))
    return out


def geometric_price(code: str, history: Sequence[Row]) -> float | None:
    """Return the geometric mean of the yearly prices since 2015 in 2025 USD per tonne of product.

    Where two editions print a year, the later one counts.

    Args:
        code: the product.
        history: rows of ``price_history.csv``.

    Returns:
        The mean, or None where fewer than five years are on the product's basis.
    """
    if code not in PRICE_BASIS:
        return None
    mineral, per_tonne = PRICE_BASIS[code]
    latest: dict[int, tuple[int, float]] = {}
    for row in history:
        year = int(row["year"])
        if row["product_code"] != code or row["mineral"] != mineral or year not in CPI:
            continue
        edition = int(re.findall(r"MCS (\d{4})", row["series"])[0])
        latest[year] = max(latest.get(year, (0, 0.0)), (edition, number(row["price_usd_per_t"])))
    if len(latest) < LEAST_YEARS:
        return None
    logs = [math.log(price * CPI[2025] / CPI[year]) for year, (_, price) in latest.items()]
    return math.exp(sum(logs) / len(logs)) / per_tonne


def growth_after_2030(row: Row) -> float:
    """Return the growth rate from 2030: the IEA average of 2030-2040 where derived, else the mean of a linear taper to the 2040 rate."""
    if _has_iea_growth(row):
        return number(row["demand_growth_2030_2040"])
    return (number(row["demand_growth_to_2030"]) + number(row["demand_growth_2040"])) / 2


def supply_floor(row: Row) -> float:
    """Return today's imports from outside China and the club, on the basis of demand, tonnes a year (floor of A, C5).

    Gross imports can exceed demand where the country ships goods on or where the tariff line is wider than the product, so the floor is the share of
    such imports times direct demand where that is less. Zero for the products of ``UNSAFE_FLOOR``. Only US imports were read.
    """
    imports, other = number(row["imports_t_2025_usa"]), number(row["other_imports_t_usa"])
    if row["product_code"] in UNSAFE_FLOOR or not imports:
        return 0.0
    return min(other, number(row["demand_t_2025_usa"]) * other / imports)


def _has_iea_growth(row: Row) -> bool:
    return word(row["provenance_ext"], "demand_growth_2030_2040") == "derived"


def _embodied(row: Row, country: str) -> str:
    usa = row["demand_embodied_t_2025_usa"]
    if not usa or country == "USA":
        return usa
    return plain(max(number(usa) * GDP_SHARE[country], number(row[f"demand_t_2025_{country.lower()}"])))


def _product_words(row: Row, out: Row, same_price: bool) -> dict[str, str]:
    """Give each filled number of a product its provenance word."""
    code, first, ext = row["product_code"], row["provenance"], row["provenance_ext"]
    result = {
        "long_run_mean_usd_per_t": word(first, "long_run"),
        "long_run_geometric_usd_per_t": "assumed" if same_price else "derived",
        "spot_usd_per_t": word(first, "spot"),
        "growth_to_2030": word(ext, "demand_growth_to_2030"),
        "growth_after_2030": "derived" if _has_iea_growth(row) else "assumed",
        "china_controlled_share": "assumed",
        "other_imports_t": "assumed" if code in UNSAFE_FLOOR else word(ext, "other_imports_t_usa"),
        "is_defence": "assumed",
        "exchange_traded": "assumed",
    } | _price_process_words(first)
    for name, key in {
        "market_reach_share": "non_china_reach_share",
        "dump_hazard": "dump_hazard_per_year",
        "restrict_hazard": "restrict_hazard_per_year",
    }.items():
        result[name] = word(ext, key)
    for name in ("world_supply_t", "non_china_supply_t", "dump_ramp_years", "dump_length_years", "restrict_ramp_years"):
        result[name] = word(ext, name)
    for name in ("restrict_length_years", "restricted_now", "voll_usd_per_t"):
        result[name] = word(ext, name)
    for country, demand in zip(CLUB_COUNTRIES, DEMAND_WORDS[code], strict=True):
        c = country.lower()
        result[f"demand_direct_2025_t_{c}"] = demand
        if out[f"demand_embodied_2025_t_{c}"]:
            result[f"demand_embodied_2025_t_{c}"] = "assumed"
        result[f"existing_refined_t_{c}"] = word(ext, f"existing_refined_t_{c}")
        result[f"law_tariff_china_{c}"] = word(first, f"tariff_{c}")
    result |= product_words(row) | _corrected_words(code)
    return {name: result[name] for name in schema.fields("products") if name in result}


def _price_process_words(first: str) -> dict[str, str]:
    process = first.split("kappa_sigma:")[1]
    estimated = process.startswith(("estimated", "read"))
    sigma = "derived" if estimated or process.startswith("sigma derived") else "assumed"
    kappa = "derived" if estimated else "assumed"
    dump = word(first, "dump")
    return {
        "sigma_annual": sigma,
        "kappa_slow": kappa,
        "kappa_fast": kappa,
        "dump_depth": "assumed" if dump == "assumed" else "derived",
        "spike_factor": word(first, "spike"),
    }


def _corrected_words(code: str) -> dict[str, str]:
    """Return the words of corrected cells under the names of the instance."""
    names = {old: new for new, old in _RENAMED.items()}
    names |= {f"existing_tariff_on_china_{c.lower()}": f"law_tariff_china_{c.lower()}" for c in CLUB_COUNTRIES}
    names["kappa_high"] = "kappa_fast"
    fixed = {names.get(name, name): tag for name, tag in words("products", code).items()}
    fixed.pop("demand_embodied_t_2025_usa", None)
    return fixed
