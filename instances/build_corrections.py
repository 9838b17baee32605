"""Corrections of the evidence, each with its reason; the evidence files themselves are never edited.

``docs/evidence.md`` lists the same rows for people; a test compares the two.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .build_tables import Row

KEYS: Mapping[str, str] = {
    "projects": "project_id",
    "products": "product_code",
    "converters": "converter_id",
    "policy": "instrument_id",
    "contracts": "contract_id",
}


@dataclass(frozen=True)
class Correction:
    """Change one cell of the evidence.

    Attributes:
        table: table of the evidence.
        row: id of the row.
        column: column of the evidence.
        old: the text that must stand there.
        new: the text that the build uses; equal to ``old`` where only the provenance changes.
        word: provenance of the new value.
        reason: why.
        source: where the new value comes from, if not from the evidence itself.
    """

    table: str
    row: str
    column: str
    old: str
    new: str
    word: str
    reason: str
    source: str = ""


_CTM_LAW = "https://laws-lois.justice.gc.ca/eng/AnnualStatutes/2026_3/page-10.html"
_SLOW_UNIT_VALUE = "a customs unit value averages contracts and months; 0.10 is the least volatility used"
_LATE_EXPANSION = "the ramp reaches its last step in the same operating year; money is spent the year before the tonnes it pays for"
_RIVERSIDE = "https://www.middle.news/articles/2025/04/29/novonix-accelerates-us-graphite-capacity-secures-key-trade-win-and-appoints-new-ceo/amp"

CORRECTIONS: tuple[Correction, ...] = (
    Correction(
        "projects",
        "US_ZN_TAYLOR",
        "capex_musd",
        "2217.2",
        "3300",
        "read",
        "budget of April 2026 (capex_update_musd) replaces the 2024 study, as for Thacker Pass; money of 2026 taken as 2025",
    ),
    Correction("projects", "US_ZN_TAYLOR", "study_optimism_factor", "1.15", "1.05", "assumed", "a budget in construction takes 1.05 (rule S11)"),
    Correction(
        "projects",
        "US_ZN_TAYLOR",
        "opex_usd_per_t",
        "2876.1",
        "3259.6",
        "derived",
        "unit cost of the same announcement: 100 USD/t ore against 86 in 2024 money (x 1.026) in the study",
    ),
    Correction(
        "projects",
        "MX_SB_MADERO",
        "capacity_t_per_year",
        "2177",
        "1577",
        "derived",
        "600 t of the same smelter are already in existing_refined_t_mex: only the increment is a project",
    ),
    Correction("projects", "NI_DUMONT", "expansion_year", "7", "6", "assumed", _LATE_EXPANSION),
    Correction("projects", "MN_EMILY", "expansion_year", "4", "3", "assumed", _LATE_EXPANSION),
    Correction("projects", "LI_SONORA", "expansion_year", "5", "4", "assumed", _LATE_EXPANSION),
    Correction(
        "projects",
        "CO_ELECTRA",
        "public_loan_tenor_years",
        "",
        "12",
        "assumed",
        "terms not read; 12 years is the base of debt_tenor_eca for Canada. The project is baseline supply, so nothing hangs on it",
    ),
    Correction("projects", "CO_ELECTRA", "public_loan_spread", "", "0", "assumed", "terms not read; a public loan at the base rate"),
    Correction("products", "nickel", "kappa_high", "0.354", "0.39", "assumed", "the high value lay below the base value 0.39"),
    Correction(
        "products",
        "graphite_flake",
        "dump_depth_vs_long_run",
        "0.59",
        "0.26",
        "derived",
        "the trough (490 USD/t, fines fob China) was set against the mean of all flake imports (1,224); on its own series the fall is 490 / mean(830, 490)",
    ),
    Correction(
        "products",
        "gallium",
        "dump_depth_vs_long_run",
        "0.54",
        "0.48",
        "derived",
        "the 2020 low-purity price (163,000, in 2025 money 202,800) lifted by the mean ratio 1.1485 of the two series in 2021-2023 before it is set against 444,140",
    ),
    Correction(
        "products",
        "spodumene_concentrate",
        "demand_embodied_t_2025_usa",
        "865870",
        "",
        "assumed",
        "the same lithium is already in the embodied demand for carbonate; concentrate is bought by converters, whose capacity is in converters.csv",
    ),
    Correction(
        "products",
        "gallium",
        "non_china_supply_t",
        "9",
        "16",
        "derived",
        "the column must include the club's own supply: the 7 t recycled in Ontario are not in the primary output of 9 t",
    ),
    Correction("products", "gallium", "world_supply_t", "909", "916", "derived", "with the 7 t recycled in Ontario"),
    Correction(
        "products",
        "graphite_anode",
        "existing_refined_t_usa",
        "1109",
        "20000",
        "derived",
        "1,109 t were first output of Vidalia, which is a converter; Riverside has no listed input (needle coke) and stands here: "
        "20,000 t nameplate, 3,000 t commissioned in 2025",
        _RIVERSIDE,
    ),
    Correction(
        "products",
        "graphite_anode",
        "non_china_supply_t",
        "56259",
        "75150",
        "derived",
        "the column includes the club's own supply: 56,259 - 1,109 + 20,000",
    ),
    Correction("products", "graphite_anode", "world_supply_t", "1875300", "1894191", "derived", "+ 20,000 - 1,109, as the two rows above"),
    Correction(
        "products",
        "phosphate",
        "sigma_annual",
        "0.066",
        "0.3",
        "assumed",
        "taken from the fob value of captive US mines; the price used follows Moroccan rock, which moved between 347.5 and 152.5 USD/t within two months of 2023",
    ),
    Correction("products", "fluorspar", "sigma_annual", "0.042", "0.1", "assumed", _SLOW_UNIT_VALUE),
    Correction("products", "niobium", "sigma_annual", "0.061", "0.1", "assumed", _SLOW_UNIT_VALUE),
    Correction(
        "products",
        "lithium_carbonate",
        "existing_tariff_on_china_usa",
        "0.25",
        "0.25",
        "read",
        "confirmed: tariff line 2836.91.00 carries the added 25% (general rate 3.7% not counted)",
        "https://htshub.com/us-hs/search/lithium-ion-battery",
    ),
    Correction(
        "converters",
        "US_W_TOWANDA",
        "input_t_per_year",
        "8500",
        "2500",
        "derived",
        "more than 70% of its feed is scrap, whose output is already netted from demand (stated as net imports): only the rest can take concentrate",
    ),
    Correction("converters", "US_W_TOWANDA", "output_t_per_year", "8500", "2500", "derived", "as its input"),
    Correction("contracts", "US_MP_PPA", "quantity_t_per_year", "2872", "", "read", "the agreement covers all output; 2,872 t was the run rate of one quarter"),
    Correction("policy", "CA_CTM_ITC", "rate", "0.30", "0.30", "read", "confirmed in the same act, which amends the list of qualifying materials", _CTM_LAW),
    Correction(
        "policy",
        "CA_CTM_ITC_2025",
        "rate",
        "0.30",
        "0.30",
        "read",
        "confirmed: enacted 26 March 2026 (S.C. 2026, c. 3 adds antimony, gallium, germanium, indium and scandium)",
        _CTM_LAW,
    ),
)


def corrected(table: str, rows: Sequence[Row], corrections: Sequence[Correction] = CORRECTIONS) -> list[Row]:
    """Return the rows of an evidence table with the corrections made.

    Args:
        table: table of the evidence.
        rows: its rows.
        corrections: what to change.

    Raises:
        ValueError: if a correction names a row that is not there or does not find the old text.
    """
    changed = [dict(row) for row in rows]
    by_id = {row[KEYS[table]]: row for row in changed} if table in KEYS else {}
    for item in corrections:
        if item.table != table:
            continue
        if item.row not in by_id:
            raise ValueError(f"correction of {table}: no row {item.row}")
        if by_id[item.row][item.column] != item.old:
            raise ValueError(f"correction of {table} {item.row} {item.column}: found {by_id[item.row][item.column]!r}, expected {item.old!r}")
        by_id[item.row][item.column] = item.new
    return changed


def words(table: str, row: str, corrections: Sequence[Correction] = CORRECTIONS) -> dict[str, str]:
    """Return the provenance words of the corrected columns of a row."""
    return {item.column: item.word for item in corrections if item.table == table and item.row == row}


def sources(table: str, row: str, corrections: Sequence[Correction] = CORRECTIONS) -> tuple[str, ...]:
    """Return the addresses that the corrections of a row add."""
    return tuple(dict.fromkeys(item.source for item in corrections if item.table == table and item.row == row and item.source))
