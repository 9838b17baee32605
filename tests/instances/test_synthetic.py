"""Test the random instances: valid, repeatable, rich, and with targets that can be met."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from minclub.instances.instance import Instance
from minclub.instances.loader import load
from minclub.instances.scenarios import generate
from minclub.instances.synthetic import Recipe, synthetic, write

TINY: dict[str, Any] = {"projects": 4, "products": 2, "scenarios": 5, "years": 20, "small_ladders": True}


@pytest.fixture(scope="module")
def large() -> Instance:
    return synthetic(projects=120, products=15, scenarios=10, seed=1)


@pytest.mark.parametrize("seed", range(1, 9))
@pytest.mark.parametrize(
    "recipe", [{}, TINY, TINY | {"years": 10}, {"projects": 3, "products": 7}, {"projects": 1, "products": 1, "scenarios": 1, "years": 10}]
)
def test_every_recipe_loads_and_stays_within_its_years(recipe: dict[str, Any], seed: int) -> None:
    instance = synthetic(**recipe, seed=seed)
    assert len(instance.projects) == recipe.get("projects", 60)
    assert len(instance.products) == recipe.get("products", 15)
    assert instance.notes == ()
    assert (instance.projects["life_years"] >= 5).all()


def test_prices_can_be_drawn() -> None:
    scenarios = generate(synthetic(**TINY))
    assert scenarios.market["product_02"].shape == (5, 20)
    assert (scenarios.china["product_02"] > 0).all()


def test_same_recipe_gives_the_same_content_and_another_seed_does_not() -> None:
    one, again, other = (synthetic(**TINY, seed=seed).sha256 for seed in (1, 1, 2))
    assert one == again != other


def test_folder_holds_the_instance(tmp_path: Path) -> None:
    folder = write(tmp_path / "a" / "b", Recipe(**TINY))
    assert load(folder).sha256 == synthetic(**TINY).sha256


def test_large_instances_hold_every_kind_of_thing(large: Instance) -> None:
    projects = large.projects
    form = projects["product_code"].map(large.products["form"])
    assert ((projects["form_sold"] == "concentrate") & (form != "concentrate")).any()
    for column in ("feed_product_code", "exclusive_group"):
        assert (projects[column] != "").any()
    assert projects["b0_supply"].any()
    assert projects["china_linked"].any()
    assert (projects["public_loan_musd"] > 0).any()
    assert set(projects["country"]) == {"USA", "CAN", "MEX"}
    assert {"other"} < set(large.byproducts["product_code"])
    assert (large.converters["input_product_code"] != large.converters["output_product_code"]).any()
    assert large.contracts["in_b0"].sum() == 1


def test_products_and_projects_have_what_the_newer_instruments_read(large: Instance) -> None:
    products = large.products
    assert ((products["defence_share"] > 0) == products["is_defence"]).all()
    assert (products["china_made_share"] < products["china_controlled_share"]).all()
    assert (large.projects["standards_gap_usd_per_t"] > 0).all()
    assert (products["standard_compliance_market"] > products["standard_compliance_china"]).all()
    assert large.settings["switches.expiry"] is False


def test_groups_are_pairs_of_one_product_without_baseline_supply(large: Instance) -> None:
    grouped = large.projects[large.projects["exclusive_group"] != ""]
    assert not grouped["b0_supply"].any()
    assert set(grouped.groupby("exclusive_group").size()) == {2}
    assert set(grouped.groupby("exclusive_group")["product_code"].nunique()) == {1}


def secured_share(instance: Instance, product: str, year: int) -> tuple[float, float]:
    """Return the share of demand met by existing and baseline plants, and with every refined-form project, groups counted once."""
    row, p = instance.products.loc[product], instance.projects
    direct, embodied = (sum(row[f"demand_{kind}_2025_t_{c}"] for c in ("usa", "can", "mex")) for kind in ("direct", "embodied"))
    demand = (direct + 0.5 * (embodied - direct)) * (1 + row["growth_to_2030"]) ** 5 * (1 + row["growth_after_2030"]) ** (year - 2030)
    existing = sum(row[f"existing_refined_t_{c}"] for c in ("usa", "can", "mex"))
    own = p[(p["product_code"] == product) & (p["form_sold"] == row["form"]) & ~p["china_linked"]].copy()
    operating = year - own["earliest_start_year"]
    own = own[(operating >= 0) & (operating < own["life_years"])]
    own["t"] = own["capacity_t_per_year"] * (year - own["earliest_start_year"]).clip(upper=2).map({0: 0.5, 1: 0.85, 2: 1.0})
    group = own["exclusive_group"].where(own["exclusive_group"] != "", own.index.to_series())
    return (existing + own.loc[own["b0_supply"], "t"].sum()) / demand, (existing + own.groupby(group)["t"].max().sum()) / demand


def targets(instance: Instance) -> dict[str, float]:
    """Return the security targets."""
    return {key.removeprefix("targets."): instance.number(key) for key in instance.settings if key.startswith("targets.")}


def test_targets_ask_for_more_than_the_baseline_plants(large: Instance) -> None:
    assert len(targets(large)) >= 5
    for product, target in targets(large).items():
        assert target > min(secured_share(large, product, year)[0] for year in range(2035, 2041))


@pytest.mark.parametrize("seed", range(1, 6))
def test_the_highest_targets_can_still_be_built(seed: int) -> None:
    instance = synthetic(projects=120, products=15, scenarios=10, target=1.0, seed=seed)
    for product, target in targets(instance).items():
        assert target <= min(secured_share(instance, product, year)[1] for year in range(2035, 2041))


def test_no_targets_on_request() -> None:
    assert not targets(synthetic(target=0.0))


@pytest.mark.parametrize("wrong", [{"projects": 0}, {"years": 9}, {"target": 1.5}, {"seed": -1}])
def test_impossible_recipes_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="need projects"):
        Recipe(**wrong)
