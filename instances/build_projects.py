"""Evidence on projects, by-products, converters and contracts -> tables of the instance."""

from collections.abc import Mapping, Sequence
from math import floor

from .build_corrections import sources, words
from .build_instruments import proposed_share
from .build_tables import CLUB_COUNTRIES, Row, number, plain, provenance_text, word

MARGIN_PAYABILITY = 0.4
"""Below it a row is a processing margin: the feed is inside payability and is not charged again."""

_SAME = (
    "project_id name country region product_code stage dev_status form_sold capacity_t_per_year earliest_start_year build_years ramp capex_musd "
    "sustaining_musd_per_year payability royalty_rate expansion_capex_musd expansion_year expansion_capacity_t_per_year china_linked exclusive_group "
    "data_tier b0_supply sunk_capex_share public_loan_tenor_years public_loan_spread standards_gap_usd_per_t"
).split()
_RENAMED = {"available": "available_baseline", "optimism_factor": "study_optimism_factor", "public_loan_musd": "closed_public_loan_musd"}
_NUMBERS = (
    "capacity_t_per_year earliest_start_year build_years ramp life_years capex_musd sustaining_musd_per_year opex_usd_per_t payability royalty_rate "
    "expansion_capex_musd expansion_year expansion_capacity_t_per_year sunk_capex_share optimism_factor public_loan_musd public_loan_tenor_years "
    "public_loan_spread public_grant_musd feed_t_per_t feed_price_factor itc_eligible ptc_eligible_share "
    "ptc_eligible_share_proposed standards_gap_usd_per_t"
).split()
_BY_RULE = dict.fromkeys(("itc_eligible", "ptc_eligible_share", "ptc_eligible_share_proposed"), "assumed")

DROPPED_CONVERTERS: dict[str, str] = {
    "CA_BECANCOUR_LIOH": "the plant is inside the project LI_WHABOUCHI",
    "US_KELLYTON": "the plant is the project GR_KELLYTON",
    "US_MUSKOGEE": "not financed; takes brine chloride, which is not a listed product",
    "US_ALB_SOUTHEAST": "deferred by its owner",
    "US_RIVERSIDE": "needle coke is not a listed input; its nameplate stands in existing_refined_t_usa of anode",
    "US_SB_THOMPSON_OLD": "its output is in existing_refined_t_usa and the expansion is a project",
    "US_REE_WHITEMESA1": "no campaign in 2025; netted against Mountain Pass it would leave no spare capacity",
    "CA_GA_RECYCLER": "its 7 t are existing_refined_t_can",
}

DROPPED_CONTRACTS: dict[str, str] = {
    "US_MP_10X_OFFTAKE": "magnets, not a listed product; no strike",
    "CA_NMG_GOC": "the price of the term sheet of 2026 was not read; see the instance nouveau_monde_2026",
    "CA_RIO_SCANDIUM": "scandium is not a listed product",
    "UK_CFD_AR1_AR6": "precedent from another sector and country",
    "UK_CFD_AR7": "precedent from another sector and country",
    "AB_RESA": "precedent from another sector",
    "CA_ELECTRA_LG": "private offtake",
    "US_E25_GM": "private offtake",
    "US_IDAHO_COBALT_TRIGGER": "a price that the owner named, not a contract",
    "US_USAC_DLA": "tonnes and price not read",
}


_CONVERTER_SAME = "converter_id name country input_product_code output_product_code input_t_per_year output_t_per_year start_year".split()
_CONVERTER_WORDS = {
    "US_ROBSTOWN": ("derived", "derived"),
    "US_VIDALIA_11K": ("derived", "read"),
    "CA_NI_REFINERIES": ("derived", "derived"),
    "CA_CO_REFINERIES": ("derived", "derived"),
    "US_CU_SMELTERS": ("derived", "derived"),
    "CA_CU_SMELTER": ("read", "read"),
    "MX_CU_SMELTER": ("read", "read"),
    "US_ZN_CLARKSVILLE": ("assumed", "assumed"),
    "CA_ZN_TRAIL": ("read", "read"),
    "CA_ZN_CEZINC": ("read", "read"),
    "MX_ZN_TORREON": ("read", "read"),
    "MX_ZN_SLP": ("assumed", "assumed"),
    "US_W_TOWANDA": ("derived", "derived"),
}
_CONTRACT_SAME = "contract_id country product_code project_id quantity_t_per_year strike_usd_per_t tenor_years".split()
_CONTRACT_WORDS = {
    "US_MP_PPA": {"strike_usd_per_t": "read", "tenor_years": "read", "upside_share": "read", "share": "read", "start_year": "derived"},
    "US_ARES_DLA": {
        "quantity_t_per_year": "derived",
        "strike_usd_per_t": "derived",
        "tenor_years": "read",
        "upside_share": "assumed",
        "share": "derived",
        "start_year": "read",
    },
}


def project_rows(evidence: Sequence[Row], prices: Mapping[str, float]) -> list[Row]:
    """Map all projects, in the order of the evidence.

    Rules: life rounded to whole years; grants times the share of capital still to be spent; feed charged apart only where it is a listed product and
    the row is no margin (payability of at least 0.4), with operating cost then without it; every project may draw investment credits (the policy
    table limits law by product and country); production credits on the cost share that section 45X covers in the USA, on all cost elsewhere (C15).

    Args:
        evidence: rows of the evidence after correction.
        prices: long-run prices by product, USD per tonne, for feed.
    """
    return [_project(row, prices) for row in evidence]


def _project(row: Row, prices: Mapping[str, float]) -> Row:
    out = {name: row[name] for name in _SAME} | {name: row[old] for name, old in _RENAMED.items()}
    charged = _feed_is_charged(row)
    out["life_years"] = str(floor(number(row["life_years"]) + 0.5))
    out["opex_usd_per_t"] = row["opex_without_feed_usd_per_t" if charged else "opex_usd_per_t"]
    for name in ("feed_product_code", "feed_t_per_t", "feed_price_factor"):
        out[name] = row[name] if charged else ""
    to_come = 1 - number(row["sunk_capex_share"])
    out["public_grant_musd"] = plain(number(row["public_grant_musd"]) * to_come)
    out["itc_eligible"] = "1"
    out["ptc_eligible_share"] = plain(number(row["eligible_45x"]) * number(row["eligible_cost_share"])) if row["country"] == "USA" else "1"
    out["ptc_eligible_share_proposed"] = plain(proposed_share(out, prices), 3)
    out["provenance"] = provenance_text(_project_words(row, out, charged))
    out["source"] = _joined(row["source_url"], row["status_source_url"], *sources("projects", row["project_id"]))
    return out


def _feed_is_charged(row: Row) -> bool:
    listed = row["feed_product_code"] not in ("", "other")
    return listed and number(row["payability"]) >= MARGIN_PAYABILITY


def _project_words(row: Row, out: Row, charged: bool) -> dict[str, str]:
    """Give each number of a project its provenance word; an expansion that is not there has none."""
    text = f"{row['provenance']}; {row['provenance_ext']}"
    fixed = words("projects", row["project_id"])
    result = {}
    for name in _NUMBERS:
        if not out[name] or (name.startswith("expansion") and not number(row["expansion_capex_musd"])):
            continue
        key = _RENAMED.get(name, name)
        if name == "opex_usd_per_t" and charged:
            key = "opex_without_feed_usd_per_t"
        result[name] = fixed.get(key) or _BY_RULE.get(name) or word(text, key)
    if row["country"] == "USA":
        result["ptc_eligible_share"] = word(text, "eligible_cost_share")
    return result


def byproduct_rows(evidence: Sequence[Row]) -> list[Row]:
    """Map all by-product streams."""
    rows = []
    for row in evidence:
        out = {name: row[name] for name in ("project_id", "product_code", "description", "t_per_year", "price_usd_per_t", "payability")}
        tags = {"t_per_year": word(row["provenance"], "t_per_year"), "price_usd_per_t": word(row["provenance"], "price")}
        out["provenance"] = provenance_text(tags | {"payability": word(row["provenance"], "payability")})
        out["source"] = row["source_url"]
        rows.append(out)
    return rows


def converter_rows(evidence: Sequence[Row]) -> list[Row]:
    """Map the converters that are counted; ``DROPPED_CONVERTERS`` says why the others are not.

    Args:
        evidence: rows of the evidence after correction.

    Raises:
        ValueError: if a row is neither counted nor named there.
    """
    rows = []
    for row in evidence:
        name = row["converter_id"]
        if name in DROPPED_CONVERTERS:
            continue
        if name not in _CONVERTER_WORDS or row["count_in_base"] != "1" or row["in_projects"] or row["owner_china_linked"] != "0":
            raise ValueError(f"converter {name} is neither counted nor dropped with a reason")
        out = {key: row[key] for key in _CONVERTER_SAME} | {"counted": "1", "china_linked": "0"}
        tags = dict(zip(("input_t_per_year", "output_t_per_year"), _CONVERTER_WORDS[name], strict=True))
        out["provenance"] = provenance_text(tags | words("converters", name))
        out["source"] = row["source"]
        rows.append(out)
    return rows


def contract_rows(evidence: Sequence[Row]) -> list[Row]:
    """Map the contracts in force whose strike, tenor and project are known; ``DROPPED_CONTRACTS`` says why the others are not.

    Args:
        evidence: rows of the evidence after correction.

    Raises:
        ValueError: if a row is neither complete nor named there.
    """
    rows = []
    for row in evidence:
        if row["contract_id"] in DROPPED_CONTRACTS:
            continue
        if row["country"] not in CLUB_COUNTRIES or not (row["strike_usd_per_t"] and row["tenor_years"] and row["project_id"]):
            raise ValueError(f"contract {row['contract_id']} is neither complete nor dropped with a reason")
        out = {name: row[name] for name in _CONTRACT_SAME}
        out |= {"upside_share": row["government_upside_share"], "share": "1", "start_year": first_whole_year(row["start"]), "in_b0": row["in_b0"]}
        out["provenance"] = provenance_text(_CONTRACT_WORDS[row["contract_id"]])
        out["source"] = row["source_url"]
        rows.append(out)
    return rows


def first_whole_year(start: str) -> str:
    """Return the first year that a contract covers for at least half: ``2025-10-01`` gives 2026, ``2026-01`` gives 2026."""
    year, _, rest = start.partition("-")
    month = int(rest.split("-")[0]) if rest else 1
    return str(int(year) + (month > 6))


def _joined(*parts: str) -> str:
    return " ; ".join(dict.fromkeys(part for text in parts for part in text.split(" ; ") if part))
