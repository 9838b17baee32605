"""The evidence, its corrections, and the tables built from it."""

import csv
import tomllib
from pathlib import Path

import numpy as np
import pytest

from minclub.instances import (
    build,
    build_corrections,
    build_finance,
    build_given,
    build_law,
    build_products,
    build_projects,
    build_tables,
    provenance,
    schema,
)
from minclub.instances.build_corrections import CORRECTIONS, Correction, corrected
from minclub.instances.build_tables import EVIDENCE, Row, read_rows
from minclub.instances.loader import load

HOME = Path(build.__file__).parent
COUNTRIES = ("usa", "can", "mex")


def table(instance: str, name: str) -> dict[str, Row]:
    """Return a shipped table by the first column."""
    rows = read_rows(HOME / instance, name)
    return {next(iter(row.values())): row for row in rows}


@pytest.fixture(scope="module")
def projects() -> dict[str, Row]:
    return table("usmca", "projects")


@pytest.fixture(scope="module")
def products() -> dict[str, Row]:
    return table("usmca", "products")


# --- files ----------------------------------------------------------------------------------------------------------------


def test_shipped_tables_are_current(tmp_path: Path) -> None:
    written = build.build(tmp_path)
    assert len(written) == len(build.GENERATED) + 1 + len(build_given.GIVEN) * len(build_given.TABLES)
    stale = [path.name for path in written if path.read_bytes() != (HOME / path.relative_to(tmp_path)).read_bytes()]
    assert not stale, "run: python -m minclub.instances.build"


def test_generated_files_have_unix_line_ends(tmp_path: Path) -> None:
    for path in build.build(tmp_path):
        data = path.read_bytes()
        assert b"\r" not in data
        assert data.endswith(b"\n")


def test_command_line_writes_where_it_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert build.main(["--out", str(tmp_path)]) == 0
    assert (tmp_path / "usmca" / "projects.csv").is_file()
    assert str(tmp_path / "usmca" / "projects.csv") in capsys.readouterr().out


@pytest.mark.parametrize("instance", ["usmca", "mp_materials_2025", "nouveau_monde_2026"])
def test_every_data_file_has_a_source_row(instance: str) -> None:
    listed = table(instance, "sources")
    present = {path.name for path in (HOME / instance).iterdir() if path.suffix in (".csv", ".toml")}
    if instance == "usmca":
        present |= {f"evidence/{path.name}" for path in EVIDENCE.glob("*.csv")}
    assert present - set(listed) == set()
    assert all(row["title"] and row["licence"] and row["redistributable"] in ("0", "1") for row in listed.values())
    assert {name for name in listed if name.endswith((".csv", ".toml"))} - present == set()


@pytest.mark.parametrize(("instance", "count"), [("usmca", 72), ("mp_materials_2025", 1), ("nouveau_monde_2026", 1)])
def test_instances_load_and_hold_what_club_toml_asks_for(instance: str, count: int) -> None:
    loaded = load(instance)
    assert len(loaded.projects) == count
    if instance == "usmca":
        assert {"MX_MN_VIBRANTZ", "MX_SB_MADERO", "MX_PH_ROFOMEX", "CA_GA_VAUDREUIL", "US_SB_THOMPSONFALLS"} <= set(loaded.projects.index)
        assert "GR_KELLYTON" not in loaded.projects.index
        assert loaded.products.loc["copper", "demand_elasticity"] == -0.4
        assert loaded.products.loc["gallium", "dump_follow"] == 0.6


# --- corrections ----------------------------------------------------------------------------------------------------------


def test_every_correction_finds_its_old_text() -> None:
    for name in build_corrections.KEYS:
        before, after = read_rows(EVIDENCE, name), corrected(name, read_rows(EVIDENCE, name))
        changed = sum(old[column] != new[column] for old, new in zip(before, after, strict=True) for column in old)
        assert changed == sum(item.old != item.new for item in CORRECTIONS if item.table == name)


@pytest.mark.parametrize(
    ("item", "words"),
    [
        (Correction("products", "nickel", "kappa_high", "0.9", "1", "assumed", "x"), "expected '0.9'"),
        (Correction("products", "unobtainium", "kappa_high", "0.9", "1", "assumed", "x"), "no row unobtainium"),
    ],
)
def test_a_correction_that_does_not_fit_is_refused(item: Correction, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        corrected("products", read_rows(EVIDENCE, "products"), (item,))


def test_documentation_lists_every_correction_and_omission(root: Path) -> None:
    lines = (root / "docs" / "evidence.md").read_text(encoding="utf-8").splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    for item in CORRECTIONS:
        assert [item.table, item.row, item.column, item.old or "(empty)", item.new or "(empty)", item.word] in [row[:6] for row in cells]
    listed = {row[0]: row[-1] for row in cells if len(row) == 2}
    for name, reason in (build_projects.DROPPED_CONVERTERS | build_projects.DROPPED_CONTRACTS).items():
        assert listed[name] == reason


def test_corrected_numbers_carry_their_own_provenance(projects: dict[str, Row], products: dict[str, Row]) -> None:
    assert provenance.parse(projects["US_ZN_TAYLOR"]["provenance"])["capex_musd"] == "read"
    assert provenance.parse(products["phosphate"]["provenance"])["sigma_annual"] == "assumed"
    assert provenance.parse(products["nickel"]["provenance"])["kappa_fast"] == "assumed"
    assert provenance.parse(products["lithium_carbonate"]["provenance"])["law_tariff_china_usa"] == "read"
    assert products["lithium_carbonate"]["source"].endswith("htshub.com/us-hs/search/lithium-ion-battery")


# --- projects -------------------------------------------------------------------------------------------------------------


def test_all_projects_are_there_in_the_order_of_the_evidence(projects: dict[str, Row]) -> None:
    assert list(projects) == [row["project_id"] for row in read_rows(EVIDENCE, "projects")]
    assert len(projects) == 83


def test_feed_is_charged_once(projects: dict[str, Row], products: dict[str, Row]) -> None:
    charged = {name for name, row in projects.items() if row["feed_product_code"]}
    assert charged == {"GR_KELLYTON", "GR_VIDALIA"}
    old = {row["project_id"]: row for row in read_rows(EVIDENCE, "projects")}
    flake = float(products["graphite_flake"]["long_run_mean_usd_per_t"])
    for name in charged:
        row = projects[name]
        whole = float(row["opex_usd_per_t"]) + float(row["feed_t_per_t"]) * float(row["feed_price_factor"]) * flake
        assert whole == pytest.approx(float(old[name]["opex_usd_per_t"]), rel=2e-3)
    for name in ("CO_ELECTRA", "US_ZN_CLARKSVILLE_KZ", "US_SB_THOMPSONFALLS", "MX_SB_MADERO"):
        assert float(projects[name]["payability"]) < build_projects.MARGIN_PAYABILITY
        assert projects[name]["feed_product_code"] == ""


def test_capital_after_grants_is_never_negative(projects: dict[str, Row]) -> None:
    for row in projects.values():
        capital = float(row["capex_musd"]) * float(row["optimism_factor"]) * (1 - float(row["sunk_capex_share"])) - float(row["public_grant_musd"])
        assert capital >= 0, row["project_id"]
    assert float(projects["LI_SWA"]["public_grant_musd"]) == 225
    assert float(projects["CA_REE_SRC"]["public_grant_musd"]) == pytest.approx(7.37)


def test_credits_follow_law_in_the_usa_only(projects: dict[str, Row]) -> None:
    assert {row["itc_eligible"] for row in projects.values()} == {"1"}
    assert float(projects["LI_RHYOLITE"]["ptc_eligible_share"]) == pytest.approx(0.8613)
    assert float(projects["US_CU_CACTUS"]["ptc_eligible_share"]) == 0
    assert {row["ptc_eligible_share"] for row in projects.values() if row["country"] != "USA"} == {"1"}


def test_expansion_money_comes_before_its_tonnes(projects: dict[str, Row]) -> None:
    for row in projects.values():
        ramp, year = row["ramp"].split("|"), int(row["expansion_year"])
        if not year or float(row["expansion_capacity_t_per_year"]) or len(ramp) <= 3:
            continue
        assert year <= len(ramp) - 1, row["project_id"]


# --- products -------------------------------------------------------------------------------------------------------------


def test_geometric_price_reproduces_rule_p2(products: dict[str, Row]) -> None:
    history = read_rows(EVIDENCE, "price_history")
    for code, years in (("lithium_carbonate", 11), ("antimony", 11)):
        assert build_products.geometric_price(code, history) == pytest.approx(float(products[code]["long_run_mean_usd_per_t"]), rel=1e-3)
        assert sum(row["product_code"] == code for row in history) >= years


def test_geometric_price_takes_the_latest_edition_and_deflates() -> None:
    def line(year: int, price: float, edition: int) -> Row:
        return {"product_code": "zinc", "mineral": "zinc", "year": str(year), "price_usd_per_t": str(price), "series": f"USGS MCS {edition}: LME cash"}

    flat = [line(year, 100 * build_products.CPI[year] / build_products.CPI[2025], 2026) for year in range(2021, 2026)]
    assert build_products.geometric_price("zinc", flat) == pytest.approx(100)
    assert build_products.geometric_price("zinc", [*flat, line(2021, 1.0, 2022)]) == pytest.approx(100)
    assert build_products.geometric_price("zinc", flat[:4]) is None
    assert build_products.geometric_price("manganese_sulphate", flat) is None


def test_products_without_a_series_repeat_the_mean_and_say_so(products: dict[str, Row]) -> None:
    same = {code for code, row in products.items() if provenance.parse(row["provenance"])["long_run_geometric_usd_per_t"] == "assumed"}
    assert same == {"spodumene_concentrate", "graphite_anode", "manganese_sulphate", "phosphate"}
    assert all(products[code]["long_run_geometric_usd_per_t"] == products[code]["long_run_mean_usd_per_t"] for code in same)


def test_growth_after_2030_is_the_agency_average_or_the_taper(products: dict[str, Row]) -> None:
    assert float(products["graphite_anode"]["growth_after_2030"]) == 0.0332
    assert float(products["gallium"]["growth_after_2030"]) == pytest.approx((0.06 + 0.02) / 2)


def test_supply_floor_is_on_the_basis_of_demand(products: dict[str, Row]) -> None:
    assert float(products["tungsten"]["other_imports_t"]) == pytest.approx(7000 * 8658 / 11700)
    assert float(products["copper"]["other_imports_t"]) == 1_324_300
    assert {code for code in build_products.UNSAFE_FLOOR if float(products[code]["other_imports_t"])} == set()


def test_speeds_stay_in_the_range_of_the_product(products: dict[str, Row]) -> None:
    for row in corrected("products", read_rows(EVIDENCE, "products")):
        low, high = float(row["kappa_low"]), float(row["kappa_high"])
        slow, fast = (float(products[row["product_code"]][f"kappa_{name}"]) for name in ("slow", "fast"))
        assert low <= slow <= fast <= high
        assert slow >= 0.15


def test_supply_outside_china_includes_the_club(products: dict[str, Row]) -> None:
    for code, row in products.items():
        own = sum(float(row[f"existing_refined_t_{c}"]) for c in COUNTRIES)
        assert own <= float(row["non_china_supply_t"]) <= float(row["world_supply_t"]), code


def test_existing_supply_and_converters_hold_no_tonne_twice(products: dict[str, Row]) -> None:
    converters = read_rows(HOME / "usmca", "converters")
    names = {row["converter_id"] for row in converters}
    assert not names & set(build_projects.DROPPED_CONVERTERS)
    assert float(products["graphite_anode"]["existing_refined_t_usa"]) == 20_000
    spare = {}
    for code, row in products.items():
        capacity = sum(float(c["input_t_per_year"]) for c in converters if c["input_product_code"] == c["output_product_code"] == code)
        spare[code] = capacity - sum(float(row[f"existing_refined_t_{c}"]) for c in COUNTRIES)
    assert spare["nickel"] == pytest.approx(30_200)
    assert spare["tungsten"] == 2_500
    assert spare["copper"] < 0


# --- provenance, finance, assumptions -------------------------------------------------------------------------------------


@pytest.mark.parametrize("instance", ["usmca", "mp_materials_2025", "nouveau_monde_2026"])
@pytest.mark.parametrize("name", ["projects", "products"])
def test_every_number_has_a_provenance_word(instance: str, name: str) -> None:
    numbers = [column for column, entry in schema.fields(name).items() if entry.is_number]
    for key, row in table(instance, name).items():
        words = provenance.parse(row["provenance"])
        missing = [column for column in numbers if row[column] and column not in words and not column.startswith("expansion")]
        assert missing == [], key
        assert set(words) <= {column for column in row if row[column]}, key


def test_provenance_word_is_that_of_its_own_column() -> None:
    text = "capex_musd:derived (read in 2024 USD x CPI 1.026; 2024 USD); opex_usd_per_t:read; ramp revised:assumed; sigma:estimated (own)"
    assert [build_tables.word(text, name) for name in ("capex_musd", "opex_usd_per_t", "ramp", "sigma", "other")] == [
        "derived",
        "read",
        "assumed",
        "derived",
        "assumed",
    ]


@pytest.mark.parametrize(("value", "text"), [(0.00001234567, "0.0000123457"), (1234567.0, "1234570"), (30.0, "30"), (0.5, "0.5"), (0.0, "0")])
def test_numbers_are_written_without_exponent(value: float, text: str) -> None:
    assert build_tables.plain(value) == text


def test_finance_holds_every_parameter_of_the_model_inside_its_range() -> None:
    rows = read_rows(HOME / "usmca", "finance")
    assert {row["parameter"] for row in rows} == set(schema.parameters())
    for row in rows:
        assert float(row["low"]) <= float(row["base"]) <= float(row["high"]), row["parameter"]
        assert row["notes"], row["parameter"]


def test_finance_takes_the_convention_where_it_differs_from_the_evidence() -> None:
    loaded = load("usmca")
    assert loaded.param("loss_tolerance") == 0.6
    assert [loaded.param("depreciation_years", c) for c in ("USA", "CAN", "MEX")] == [7, 8, 8]
    assert loaded.param("mining_duty_rate", "CAN", "mine") == 0.06
    assert loaded.param("mining_duty_rate", "MEX", "integrated") == 0.085
    assert loaded.param("mining_duty_rate", "MEX", "refinery") == 0


def test_unclear_provenance_of_a_parameter_is_refused() -> None:
    with pytest.raises(ValueError, match="no provenance word"):
        build_finance.base_word("guessed")


def test_assumed_settings_are_those_of_club_toml() -> None:
    settings = load("usmca").settings
    rows = [row for row in read_rows(HOME / "usmca", "assumptions") if "." in row["name"]]
    assert len(rows) > 15
    for row in rows:
        assert float(row["base"]) == settings[row["name"]], row["name"]
        assert row["reason"]
    targets = {key for key in settings if key.startswith("targets.")}
    assert targets <= {row["name"] for row in rows}


# --- contracts, converters, credits ---------------------------------------------------------------------------------------


def test_rows_that_are_neither_complete_nor_explained_are_refused() -> None:
    contract = {**read_rows(EVIDENCE, "contracts")[0], "contract_id": "NEW", "strike_usd_per_t": ""}
    with pytest.raises(ValueError, match="neither complete nor dropped"):
        build_projects.contract_rows([contract])
    converter = {**read_rows(EVIDENCE, "converters")[0], "converter_id": "NEW"}
    with pytest.raises(ValueError, match="neither counted nor dropped"):
        build_projects.converter_rows([converter])


@pytest.mark.parametrize(("start", "year"), [("2025-10-01", "2026"), ("2026-01", "2026"), ("2023", "2023"), ("2024-06", "2024")])
def test_contract_starts_with_its_first_whole_year(start: str, year: str) -> None:
    assert build_projects.first_whole_year(start) == year


def test_exploration_credit_is_no_law_for_mines() -> None:
    rows = read_rows(HOME / "usmca", "policy")
    in_force = {row["instrument_id"] for row in rows if row["law_vintage"] != build_law.CHAPTER}
    assert in_force == set(build_law.POLICY_IDS)
    assert {row["kind"] for row in rows} == {"itc", "ptc", "demand_premium"}
    assert "all" not in {row["products"] for row in rows}


def test_correlations_are_a_correlation_matrix() -> None:
    codes, values = build.correlations()
    matrix = np.array(values)
    assert matrix.shape == (len(codes), len(codes))
    assert np.array_equal(matrix, matrix.T)
    assert np.linalg.eigvalsh(matrix).min() > 0.01
    assert matrix[codes.index("lithium_carbonate"), codes.index("spodumene_concentrate")] == 0.9


@pytest.mark.parametrize(("item", "contract"), [(build_given.MP_MATERIALS, "US_MP_PPA"), (build_given.NOUVEAU_MONDE, "CA_NMG_GOC")])
def test_given_design_is_the_agreement_in_the_evidence(item: build_given.Given, contract: str) -> None:
    (given,) = tomllib.loads((HOME / item.name / "given.toml").read_text(encoding="utf-8"))["contracts"]
    row = {row["contract_id"]: row for row in read_rows(EVIDENCE, "contracts")}[contract]
    settings = load(item.name).settings
    assert given["strike_usd_per_t"] == float(row["strike_usd_per_t"] or 1_500)
    assert given["tenor_years"] == int(row["tenor_years"]) == settings["contract.tenor_years"]
    assert given["upside_share"] == float(row["government_upside_share"]) == settings["contract.upside_share"]
    assert given["share"] == settings["contract.share"]
    assert list(table(item.name, "projects")) == [given["project"]]
    assert {row["country"] for row in read_rows(HOME / item.name, "finance")} == {"ALL", item.country}


def test_share_of_the_canadian_offtake_is_its_tonnes_over_the_output_of_the_mine() -> None:
    row = {row["contract_id"]: row for row in read_rows(EVIDENCE, "contracts")}["CA_NMG_GOC"]
    instance = load(build_given.NOUVEAU_MONDE.name)
    capacity = instance.projects.loc["MATAWINIE", "capacity_t_per_year"]
    assert instance.settings["contract.share"] == pytest.approx(float(row["quantity_t_per_year"]) / capacity, abs=0.005)


def test_written_tables_have_the_columns_of_the_schema(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="unheard_of"):
        build_tables.write_rows(tmp_path, "policy", [{"unheard_of": "1"}])
    path = build_tables.write_rows(tmp_path, "policy", [{"instrument_id": "A", "rate": "0.1"}])
    with path.open(newline="", encoding="utf-8") as stream:
        header, row = list(csv.reader(stream))
    assert header == list(schema.fields("policy"))
    assert row[header.index("rate")] == "0.1"
