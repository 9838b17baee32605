"""The schema, the data dictionary, the data packages, the catalogue and the description of an instance."""

import json
import shutil
from dataclasses import fields as attributes
from pathlib import Path

import pytest

from minclub.instances import Instance, InstanceError, catalogue, datapackage, describe, load, provenance, schema
from minclub.instances.values import ValueProblem, parse_native, parse_text


def test_every_table_is_an_attribute_of_the_instance() -> None:
    names = {item.name for item in attributes(Instance)}
    assert set(schema.TABLES) <= names


def test_every_declared_bound_admits_its_default() -> None:
    for entry in (*schema.settings().values(), *(entry for name in schema.TABLES for entry in schema.fields(name).values())):
        if entry.default is not None and entry.default not in ((), ""):
            assert parse_native(entry, entry.default) == entry.default, entry.name


def test_tables_of_numbers_state_their_origin() -> None:
    for name in schema.TABLES:
        declared = schema.fields(name)
        if name not in ("correlations", "prices", "sources") and any(entry.is_number for entry in declared.values()):
            assert declared["provenance"].required
            assert "source" in declared


def test_patterned_keys() -> None:
    for key, name in (("targets.alpha", "targets.<product>"), ("caps.MEX.2031", "caps.<country>.<year>"), ("caps.USA.each_year", "caps.<country>.each_year")):
        entry = schema.setting(key)
        assert entry is not None
        assert entry.name == name
    assert schema.setting("national.CAN.market.alpha") is schema.settings()["national.<country>.<node>.<product>"]
    assert schema.setting("lines.battery") is schema.settings()["lines.<name>"]
    for key in (
        "national.CAN.alpha",
        "national.CAN.china.alpha",
        "lines.a b",
        "caps.BRA.2031",
        "caps.USA.31",
        "targets",
        "targets.<product>",
        "targets.a.b",
        "xtargets.a",
    ):
        assert schema.setting(key) is None


@pytest.mark.parametrize("text", ["1,200", "0x10", "1e400", "nan", "inf", "1_000", "٣", "1 200", "--1", "1e", "", "9" * 41, "$5", "5%"])
def test_numbers_are_read_strictly(text: str) -> None:
    with pytest.raises(ValueProblem):
        parse_text(schema.Field("t", "x", "float", ""), text)


@pytest.mark.parametrize(("text", "value"), [("1", 1.0), (" 2.5 ", 2.5), ("-.5", -0.5), ("1e3", 1000.0), ("+4.", 4.0)])
def test_numbers_that_are_fine(text: str, value: float) -> None:
    assert parse_text(schema.Field("t", "x", "float", ""), text) == value


@pytest.mark.parametrize("value", [True, None, [1], {"a": 1}, float("nan"), float("inf"), 10**400, "x"])
def test_typed_values_are_read_strictly(value: object) -> None:
    with pytest.raises(ValueProblem):
        parse_native(schema.Field("t", "x", "float", ""), value)


def test_data_dictionary_is_current(root: Path) -> None:
    assert (root / "docs" / "data.md").read_text(encoding="utf-8") == datapackage.dictionary(), "run: python -m minclub.instances.datapackage"


def test_data_dictionary_names_everything() -> None:
    text = datapackage.dictionary()
    names = [entry.name for table in schema.TABLES for entry in schema.fields(table).values()]
    for name in [*names, *schema.settings(), *schema.parameters()]:
        assert f"| `{name}` |" in text


@pytest.mark.parametrize("name", catalogue.names())
def test_data_package_is_current(name: str) -> None:
    folder = catalogue.root() / name
    shipped = json.loads((folder / datapackage.PACKAGE_FILE).read_text(encoding="utf-8"))
    assert shipped == datapackage.package(folder), "run: python -m minclub.instances.datapackage"
    assert {item["path"] for item in shipped["resources"]} == {path.name for path in folder.glob("*.csv")}


@pytest.mark.parametrize("name", catalogue.names())
def test_every_data_file_has_a_source_and_a_licence(name: str) -> None:
    sources = load(name).sources.set_index("id")
    missing = {path.name for path in (catalogue.root() / name).glob("*.csv")} - set(sources.index) - {"sources.csv"}
    assert not missing
    assert sources["redistributable"].all()


def test_data_file_without_source_is_noticed(tmp_path: Path) -> None:
    folder = shutil.copytree(catalogue.root() / "tutorial", tmp_path / "copy")
    text = (folder / "sources.csv").read_text(encoding="utf-8")
    (folder / "sources.csv").write_text("\n".join(line for line in text.splitlines() if not line.startswith("prices.csv")), encoding="utf-8")
    assert "prices.csv" not in set(load(folder).sources["id"])


def test_names_and_paths_resolve(tmp_path: Path) -> None:
    assert "tutorial" in catalogue.names()
    assert catalogue.resolve("tutorial") == catalogue.root() / "tutorial"
    assert catalogue.resolve(catalogue.root() / "tutorial" / "club.toml") == catalogue.root() / "tutorial"
    for wrong in ("tutorail", "../tutorial", "tuto\0rial", "x" * 5000, tmp_path, ""):
        with pytest.raises(InstanceError):
            catalogue.resolve(wrong)
    with pytest.raises(InstanceError, match="Did you mean tutorial"):
        catalogue.resolve("tutorail")


def test_new_copies_and_refuses_to_overwrite(tmp_path: Path) -> None:
    folder = catalogue.new("mine", "tutorial", tmp_path)
    copy = load(folder)
    assert folder == tmp_path / "mine"
    assert copy.name == "mine"
    assert copy.projects.equals(load("tutorial").projects)
    with pytest.raises(InstanceError, match="exists"):
        catalogue.new("mine", "tutorial", tmp_path)


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".", "..", "a b", "/tmp/x", "-x", "x" * 65])
def test_new_refuses_names_that_are_paths(name: str, tmp_path: Path) -> None:
    with pytest.raises(InstanceError, match="letters, digits"):
        catalogue.new(name, "tutorial", tmp_path / "inside")
    assert not (tmp_path / "inside").exists()


def test_new_leaves_links_behind(tmp_path: Path) -> None:
    source = catalogue.new("source", "tutorial", tmp_path)
    (tmp_path / "secret.md").write_text("secret", encoding="utf-8")
    (source / "secret.md").symlink_to(tmp_path / "secret.md")
    assert not (catalogue.new("target", source, tmp_path) / "secret.md").exists()


def test_provenance_words() -> None:
    assert provenance.parse("assumed (a guess; it is)".replace("; it is", "")) == {"": "assumed"}
    words = provenance.parse("capex_musd:read (p. 3); opex:derived; capex_musd:assumed (override)")
    assert words == {"capex_musd": "assumed", "opex": "derived"}
    assert provenance.word(words, "opex") == "derived"
    assert provenance.word(words, "life_years") == "assumed"
    assert provenance.word(provenance.parse("read; opex:derived"), "life_years") == "read"
    for text in ("", "guess", "capex_musd", "x:guess", "assumedly"):
        with pytest.raises(ValueError, match="provenance"):
            provenance.parse(text)


def test_description_counts_every_number_once() -> None:
    instance = load("tutorial", ["projects.USA_ALPHA.capex_musd=31"])
    counts = {item.table: item for item in describe.provenance_counts(instance)}
    given = ("capacity_t_per_year", "earliest_start_year", "build_years", "ramp", "life_years", "capex_musd", "opex_usd_per_t")
    found = {(item.row, item.column): item for item in describe.numbers(instance) if item.table == "projects"}
    assert all((row, column) in found for row in instance.projects.index for column in given)
    assert ("USA_ALPHA", "public_loan_musd") not in found, "a default that means none is no number"
    by_rule = sum(column == "ptc_eligible_share_proposed" for _, column in found)
    assert counts["projects"].total == len(found) == counts["projects"].assumed + by_rule
    copied = [item for item in describe.numbers(instance) if item.word == "derived"]
    embodied = {f"demand_embodied_2025_t_{country}" for country in ("usa", "can", "mex")}
    assert {item.column for item in copied} == embodied | {"china_made_share", "ptc_eligible_share_proposed"}
    assert len(describe.assumed(instance)) == sum(item.assumed for item in counts.values())
    assert describe.filled(instance) == list(instance.filled)


def test_description_lists_sizes_settings_and_parameters() -> None:
    instance = load("tutorial", ["finance.debt_rate.MEX=0.08"])
    assert describe.sizes(instance)["projects"] == 5
    assert "policy" not in describe.sizes(instance)
    listed = {item.key: item for item in describe.settings(instance)}
    assert set(listed) == set(instance.settings)
    assert (listed["contract.tenor_years"].value, listed["contract.tenor_years"].default) == (5, 12)
    rows = {(item.parameter, item.country): item for item in describe.parameters(instance)}
    assert rows["debt_rate", "MEX"].base == 0.08
    assert rows["debt_rate", "MEX"].word == "assumed"
    assert rows["debt_rate", "ALL"].convention == "C12c"
