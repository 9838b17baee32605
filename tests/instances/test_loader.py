"""Loading, overrides, tiers, filling and the content hash."""

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest

from minclub.instances import Instance, InstanceError, load
from minclub.instances.catalogue import names, root
from minclub.instances.instance import COUNTRIES


@pytest.fixture
def tutorial() -> Instance:
    return load("tutorial")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(root() / "tutorial", tmp_path / "copy"))


def _rewrite(path: Path, change: object) -> None:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    rows = change(rows)  # type: ignore[operator]
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerows(rows)


def test_tables_are_typed(tutorial: Instance) -> None:
    assert COUNTRIES == ("USA", "CAN", "MEX")
    projects, products = tutorial.projects, tutorial.products
    assert projects.index.name == "project_id"
    assert products.index.name == "product_code"
    assert len(projects) == 5
    assert len(products) == 2
    assert projects["life_years"].dtype == np.int64
    assert projects["capex_musd"].dtype == np.float64
    assert projects["china_linked"].dtype == np.bool_
    assert projects.loc["USA_ALPHA", "ramp"] == (1.0,)
    assert projects.loc["USA_ALPHA", "feed_product_code"] == ""
    assert np.isnan(products.loc["alpha", "long_run_geometric_usd_per_t"])


def test_absent_tables_are_empty_with_their_columns(tutorial: Instance) -> None:
    for name, column in (
        ("byproducts", "t_per_year"),
        ("policy", "rate"),
        ("contracts", "strike_usd_per_t"),
        ("converters", "counted"),
        ("episodes", "change"),
    ):
        frame = getattr(tutorial, name)
        assert len(frame) == 0
        assert column in frame.columns
    assert tutorial.correlations.shape == (0, 0)


def test_price_paths_are_optional(tutorial: Instance, copy: Path) -> None:
    assert tutorial.prices is not None
    assert len(tutorial.prices) == 3 * 2 * 8
    (copy / "prices.csv").unlink()
    assert load(copy).prices is None


def test_settings_hold_defaults_and_patterns(tutorial: Instance) -> None:
    settings = tutorial.settings
    assert settings["years.base"] == 2027
    assert settings["ladders.max_pairs"] == 24
    assert settings["targets.alpha"] == 0.35
    assert settings["caps.worst5_outlay"] is None
    assert settings["ladders.tariffs"] == (0.0, 0.01, 0.02, 0.05)
    assert tutorial.switch("value")
    assert not tutorial.switch("tail")
    assert tutorial.number("objective.cvar_weight") == 0.1
    assert tutorial.seed == settings["scenarios.seed"]
    for call in (lambda: tutorial.switch("tali"), lambda: tutorial.number("years.bsae")):
        with pytest.raises(InstanceError, match="Did you mean"):
            call()


def test_country_sections_of_caps() -> None:
    instance = load("tutorial", ["caps.CAN.each_year=130", "caps.CAN.2031=300"])
    assert instance.settings["caps.CAN.each_year"] == 130.0
    assert instance.settings["caps.CAN.2031"] == 300.0


def test_param_reads_the_most_specific_row() -> None:
    instance = load("tutorial", {"finance.debt_rate.MEX": 0.08, "finance.debt_rate.mine": 0.07, "finance.debt_rate.MEX.mine": 0.09})
    assert instance.param("debt_rate") == 0.05
    assert instance.param("debt_rate", "USA", "refinery") == 0.05
    assert instance.param("debt_rate", "MEX") == 0.08
    assert instance.param("debt_rate", "MEX", "refinery") == 0.08
    assert instance.param("debt_rate", "CAN", "mine") == 0.07
    assert instance.param("debt_rate", "MEX", "mine") == 0.09
    with pytest.raises(InstanceError, match="Did you mean debt_rate"):
        instance.param("debt_raet")


def test_empty_cells_are_filled_by_the_most_specific_assumption() -> None:
    instance = load("tutorial", ["assumptions.dump_hazard.beta=0.05"])
    assert instance.products["dump_hazard"].to_dict() == {"alpha": 0.0, "beta": 0.05}
    found = {(item.table, item.row, item.column): item for item in instance.filled}
    assert found["products", "beta", "dump_hazard"].value == 0.05
    assert "assumed" in found["products", "beta", "dump_hazard"].provenance
    assert instance.products.loc["alpha", "demand_embodied_2025_t_usa"] == instance.products.loc["alpha", "demand_direct_2025_t_usa"]
    assert found["products", "alpha", "demand_embodied_2025_t_usa"].provenance.startswith("rule")
    assert ("products", "alpha", "spot_usd_per_t") not in found


def test_product_scope_fills_project_cells(copy: Path) -> None:
    header = (copy / "projects.csv").read_text(encoding="utf-8").splitlines()[0].split(",")
    column = header.index("optimism_factor")
    _rewrite(copy / "projects.csv", lambda rows: [rows[0]] + [[*row[:column], "", *row[column + 1 :]] for row in rows[1:]])
    with (copy / "assumptions.csv").open("a", encoding="utf-8") as file:
        file.write("optimism_factor,all,1.1,multiple,assumed,tutorial,x\noptimism_factor,alpha,1.2,multiple,assumed,tutorial,x\n")
        file.write("optimism_factor,MEX_ALPHA,1.3,multiple,assumed,tutorial,x\n")
    factors = load(copy).projects["optimism_factor"].to_dict()
    assert factors == {"CAN_ALPHA": 1.2, "USA_ALPHA": 1.2, "MEX_ALPHA": 1.3, "CAN_BETA": 1.1, "USA_BETA": 1.1}


SAME = [
    "products.alpha.dump_depth=0.40",
    "products.alpha.kappa_slow=0",
    "products.alpha.demand_embodied_2025_t_usa=6000",
    "projects.USA_ALPHA.available=1",
    "projects.USA_ALPHA.name=Alpha plant that needs a contract",
    "assumptions.kappa_slow.all=0",
    "assumptions.kappa_slow.alpha=0",
    "finance.debt_rate=0.05",
    "finance.debt_rate.MEX=5e-2",
    "finance.debt_rate.MEX.mine=0.05",
    "caps.basket=0.02",
    "targets.alpha=.35",
    "ladders.tariffs=0|0.01|0.02|0.05",
    "data.tiers=A",
    "switches.tail=false",
    "caps.worst5_outlay=none",
]


@pytest.mark.parametrize("text", SAME)
def test_override_with_the_value_in_force_changes_nothing(text: str, tutorial: Instance) -> None:
    instance = load("tutorial", [text])
    assert instance.sha256 == tutorial.sha256
    assert instance.filled == tutorial.filled
    assert instance.overrides == (text,)


DIFFERENT = [
    ("products.alpha.spot_usd_per_t=9001", lambda i: i.products.loc["alpha", "spot_usd_per_t"], 9001.0),
    ("products.alpha.kappa_fast=0.5", lambda i: i.products.loc["alpha", "kappa_fast"], 0.5),
    ("projects.USA_ALPHA.capex_musd=100", lambda i: i.projects.loc["USA_ALPHA", "capex_musd"], 100.0),
    ("projects.USA_ALPHA.available=false", lambda i: bool(i.projects.loc["USA_ALPHA", "available"]), False),
    ("projects.USA_ALPHA.ramp=0.5|1", lambda i: i.projects.loc["USA_ALPHA", "ramp"], (0.5, 1.0)),
    ("assumptions.kappa_fast.all=0.3", lambda i: i.products["kappa_fast"].tolist(), [0.3, 0.3]),
    ("finance.country_risk_premium.MEX=0.04", lambda i: i.param("country_risk_premium", "MEX"), 0.04),
    ("finance.base_project_rate=0.12", lambda i: i.param("base_project_rate", "CAN", "mine"), 0.12),
    ("caps.CAN.2031=300", lambda i: i.settings["caps.CAN.2031"], 300.0),
    ("ladders.itc=[0, 0.2]", lambda i: i.settings["ladders.itc"], (0.0, 0.2)),
    ("switches.band=false", lambda i: i.switch("band"), False),
    ("caps.basket=none", lambda i: i.settings["caps.basket"], None),
]


@pytest.mark.parametrize(("text", "read", "value"), DIFFERENT, ids=[item[0] for item in DIFFERENT])
def test_override_takes_effect_and_changes_the_hash(text: str, read: object, value: object, tutorial: Instance) -> None:
    instance = load("tutorial", [text])
    assert read(instance) == value  # type: ignore[operator]
    assert instance.sha256 != tutorial.sha256


def test_overrides_as_mapping_and_as_texts_agree() -> None:
    texts = load("tutorial", ["caps.CAN.2031=300", "projects.USA_ALPHA.capex_musd=100", "ladders.itc=0|0.2"])
    mapping = load("tutorial", {"caps.CAN.2031": 300, "projects.USA_ALPHA.capex_musd": 100, "ladders.itc": [0, 0.2]})
    assert texts.sha256 == mapping.sha256


def test_overridden_numbers_are_marked_assumed() -> None:
    provenance = load("tutorial", ["projects.USA_ALPHA.capex_musd=100"]).projects["provenance"]
    assert provenance["USA_ALPHA"].endswith("capex_musd:assumed (override)")
    assert "override" not in provenance["MEX_ALPHA"]


BAD = [
    ("capss.basket=1", "Did you mean caps.basket"),
    ("projects.USA_ALFA.capex_musd=1", "Did you mean USA_ALPHA"),
    ("projects.USA_ALPHA.capex=1", "Did you mean"),
    ("projects.USA_ALPHA.project_id=X", "unknown column"),
    ("projects.USA_ALPHA.life_years=0", "at least 1"),
    ("projects.USA_ALPHA=0", "names no cell"),
    ("products.alpha.spot_usd_per_t=1,000", "plain|number"),
    ("finance.debt_raet=0.1", "Did you mean debt_rate"),
    ("finance.debt_rate.BRA=0.1", "a country or a stage"),
    ("finance.debt_rate=2", "at most 1"),
    ("assumptions.kappa_slo.all=1", "Did you mean kappa_slow"),
    ("assumptions.kappa_slow.alhpa=1", "Did you mean alpha"),
    ("assumptions.dump_depth.all=0.2", "fills no cell"),
    ("switches.tial=false", "Did you mean"),
    ("targets.gamma=0.1", "a product of products.csv"),
    ("targets.alpha=1.5", "at most 1"),
    ("years.base=none", "a year"),
    ("basket", "key=value"),
    ("data.law_vintage=1999", "a law_vintage of policy.csv"),
]


@pytest.mark.parametrize(("text", "words"), BAD)
def test_bad_override_is_explained(text: str, words: str) -> None:
    with pytest.raises(InstanceError, match=words) as caught:
        load("tutorial", [text])
    assert caught.value.problems[0].file in ("override", "club.toml")


def test_all_bad_overrides_come_in_one_list() -> None:
    with pytest.raises(InstanceError) as caught:
        load("tutorial", ["capss.basket=1", "projects.X.capex_musd=1", "finance.x=1"])
    assert len(caught.value.problems) == 3


def test_hash_does_not_depend_on_layout(copy: Path, tutorial: Instance) -> None:
    assert load(copy).sha256 == tutorial.sha256
    for name in ("projects", "products", "finance", "prices", "assumptions"):
        _rewrite(copy / f"{name}.csv", lambda rows: [list(reversed(row)) for row in rows])
    club = copy / "club.toml"
    club.write_bytes(b"\xef\xbb\xbf" + club.read_bytes().replace(b"\n", b"\r\n") + b"\r\n# a remark\r\n")
    assert load(copy).sha256 == tutorial.sha256


def test_hash_is_of_the_resolved_content(copy: Path, tutorial: Instance) -> None:
    text = (copy / "club.toml").read_text(encoding="utf-8")
    (copy / "club.toml").write_text(text.replace("[data]\n", "[data]\nlong_run_price = 'mean'\n"), encoding="utf-8")
    assert load(copy).sha256 == tutorial.sha256
    text = (copy / "prices.csv").read_text(encoding="utf-8")
    (copy / "prices.csv").write_text(text.replace("0,alpha,2030,6000,6000,0", "0,alpha,2030,6000,6000.5,0"), encoding="utf-8")
    assert load(copy).sha256 != tutorial.sha256


def _with_tiers(copy: Path) -> Path:
    tiers = {"CAN_ALPHA": "C", "USA_ALPHA": "B", "MEX_ALPHA": "C", "CAN_BETA": "A", "USA_BETA": "C"}

    def change(rows: list[list[str]]) -> list[list[str]]:
        column = rows[0].index("data_tier")
        return [rows[0]] + [[*row[:column], tiers[row[0]], *row[column + 1 :]] for row in rows[1:]]

    _rewrite(copy / "projects.csv", change)
    return copy


@pytest.mark.parametrize(
    ("overrides", "kept"),
    [
        (["data.tiers=A"], {"CAN_ALPHA", "CAN_BETA"}),
        (["data.tiers=AB"], {"CAN_ALPHA", "USA_ALPHA", "CAN_BETA"}),
        (["data.tiers=A", "data.extra_tier_c=beta"], {"CAN_ALPHA", "CAN_BETA", "USA_BETA"}),
        (["data.tiers=AB", "data.extra_tier_c=MEX_ALPHA"], {"CAN_ALPHA", "USA_ALPHA", "MEX_ALPHA", "CAN_BETA"}),
        (["data.tiers=ABC"], {"CAN_ALPHA", "USA_ALPHA", "MEX_ALPHA", "CAN_BETA", "USA_BETA"}),
    ],
)
def test_tiers_choose_the_projects(copy: Path, overrides: list[str], kept: set[str]) -> None:
    assert set(load(_with_tiers(copy), overrides).projects.index) == kept


def test_rows_of_projects_left_out_go_with_them(copy: Path) -> None:
    text = "project_id,product_code,t_per_year,price_usd_per_t,payability,provenance\nUSA_BETA,other,10,5,1,assumed\nCAN_BETA,other,10,5,1,assumed\n"
    (copy / "byproducts.csv").write_text(text, encoding="utf-8")
    assert load(_with_tiers(copy), ["data.tiers=A"]).byproducts["project_id"].tolist() == ["CAN_BETA"]
    with pytest.raises(InstanceError, match=r"data\.tiers leaves out"):
        load(copy, ["data.tiers=A", "projects.USA_BETA.capex_musd=5"])


def test_law_vintage_chooses_policy_rows(copy: Path) -> None:
    text = "instrument_id,country,products,kind,rate,start_year,law_vintage,phase_schedule,provenance\n"
    text += "OLD,USA,all,ptc,0.1,2023,2025,,assumed\nNEW,USA,all,ptc,0.1,2023,2026,2031:0.075|2032:0,assumed\nBOTH,CAN,alpha,itc,0.3,2024,,,assumed\n"
    (copy / "policy.csv").write_text(text, encoding="utf-8")
    policy = load(copy).policy
    assert set(policy.index) == {"NEW", "BOTH"}
    assert policy.loc["NEW", "phase_schedule"] == ((2031, 0.075), (2032, 0.0))
    assert policy.loc["BOTH", "products"] == ("alpha",)
    assert set(load(copy, ["data.law_vintage=2025"]).policy.index) == {"OLD", "BOTH"}


def test_notes_name_projects_that_outlive_the_scenarios() -> None:
    assert load("tutorial").notes == ()
    (note,) = load("tutorial", ["projects.USA_ALPHA.life_years=7"]).notes
    assert "USA_ALPHA" in note
    assert "2034" in note


@pytest.mark.parametrize("name", names())
def test_shipped_instances_load(name: str) -> None:
    instance = load(name)
    assert instance.name == name
    assert len(instance.sha256) == 64


def test_correlations_that_cannot_hold_together(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(root() / "usmca", tmp_path / "copy"))
    text = "product_code,copper,nickel,zinc\ncopper,1,0.9,0.9\nnickel,0.9,1,{0}\nzinc,0.9,{0},1\n"
    (folder / "correlations.csv").write_text(text.format("0.8"), encoding="utf-8")
    assert load(folder).correlations.loc["nickel", "zinc"] == 0.8
    (folder / "correlations.csv").write_text(text.format("-0.9"), encoding="utf-8")
    with pytest.raises(InstanceError, match="positive semi-definite"):
        load(folder)
