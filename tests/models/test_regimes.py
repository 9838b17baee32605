"""C8: need, states and security, by hand and against a plain loop."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import minclub as mc
from minclub.instances.synthetic import synthetic
from minclub.models.market import COUNTRIES, Market
from minclub.models.projects import plants, start_years
from minclub.models.regimes import Balance, decode, encode, states

TONNES = st.floats(-1e4, 1e4, allow_subnormal=False)


@given(TONNES, st.floats(0.0, 1e4), st.floats(0.0, 1.0))
def test_state_is_read_off_the_need(need: float, reach: float, fill: float) -> None:
    expected = 0 if need <= 0 else 1 if need <= fill * reach else 2 if need <= reach else 3
    assert states(np.array([need]), np.array([reach]), fill)[0] == expected


def test_state_changes_exactly_above_each_bound() -> None:
    need = np.array([-1.0, 0.0, 0.1, 70.0, 70.1, 100.0, 100.1])
    assert states(need, np.full(7, 100.0), 0.7).tolist() == [0, 0, 1, 1, 2, 2, 3]


@given(st.lists(st.integers(0, 3), max_size=40))
def test_path_survives_encoding(path: list[int]) -> None:
    assert decode(encode(np.array(path, dtype=int))).tolist() == path


# --- the tutorial, with converters added -----------------------------------------------------------------------------

CONVERTERS = """converter_id,name,country,input_product_code,output_product_code,input_t_per_year,output_t_per_year,start_year,counted,china_linked,provenance,source
SMELTER,Smelter of alpha concentrate,USA,alpha,alpha,1500,1500,2027,1,0,assumed (test),tutorial
BETA_TO_ALPHA,Plant that makes alpha from beta,MEX,beta,alpha,20000,800,2029,1,0,assumed (test),tutorial
FOREIGN,The same in Chinese hands,MEX,beta,alpha,20000,800,2029,1,1,assumed (test),tutorial
IDLE,Not counted,MEX,beta,alpha,20000,800,2029,0,0,assumed (test),tutorial
"""
CONCENTRATE = {"projects.USA_ALPHA.form_sold": "concentrate", "projects.USA_ALPHA.payability": 0.9}


def balance_of(instance: mc.Instance) -> Balance:
    return Balance(Market(instance), plants(instance))


@pytest.fixture
def with_converters(root: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "tutorial"
    shutil.copytree(root / "instances" / "tutorial", folder)
    (folder / "converters.csv").write_text(CONVERTERS, encoding="utf-8")
    return folder


def test_need_of_the_tutorial_by_hand() -> None:
    balance = balance_of(mc.load("tutorial"))
    assert balance.needs({})["alpha"][:8].tolist() == [9_000] * 8
    built = balance.needs({"CAN_ALPHA": 2028, "USA_ALPHA": 2029, "CAN_BETA": 2028})
    assert built["alpha"][:8].tolist() == [9_000, 8_000, 6_000, 6_000, 6_000, 6_000, 6_000, 9_000]
    assert built["beta"][:8].tolist() == [15_000] + [10_000] * 5 + [15_000] * 2


def test_concentrate_fills_only_spare_smelters(with_converters: Path) -> None:
    balance = balance_of(mc.load(with_converters, CONCENTRATE))
    assert_allclose(balance.spare["alpha"], 1_500 - 1_000)
    refined = balance_of(mc.load(with_converters)).needs({"USA_ALPHA": 2029})["alpha"]
    smelted = balance.needs({"USA_ALPHA": 2029})["alpha"]
    nothing = balance.needs({})["alpha"]
    assert_allclose((nothing - refined)[2:7], 2_000)
    assert_allclose((nothing - smelted)[2:7], min(500, 0.9 * 2_000))
    small = balance_of(mc.load(with_converters, CONCENTRATE | {"projects.USA_ALPHA.capacity_t_per_year": 300}))
    assert_allclose((nothing - small.needs({"USA_ALPHA": 2029})["alpha"])[2:7], 0.9 * 300)


def test_converter_takes_all_it_can_and_makes_what_the_club_feeds_it(with_converters: Path) -> None:
    balance = balance_of(mc.load(with_converters))
    bare, fed = balance.needs({}), balance.needs({"CAN_BETA": 2028})
    assert_allclose(bare["beta"][:2], 15_000)
    assert_allclose(bare["beta"][2:8], 15_000 + 20_000)
    assert_allclose(bare["alpha"][2:8], 9_000 - 5_000 / 20_000 * 800)
    assert_allclose(fed["alpha"][2:6], 9_000 - 10_000 / 20_000 * 800)


def test_security_counts_converters_whatever_they_are_fed(with_converters: Path) -> None:
    secured = balance_of(mc.load(with_converters)).secured_all({"CAN_ALPHA": 2028})["alpha"]
    assert_allclose(secured[:3], [1_000, 2_000, 2_800])


def test_chinese_owners_add_supply_but_no_security() -> None:
    balance = balance_of(mc.load("tutorial", {"projects.USA_ALPHA.china_linked": 1}))
    assert_allclose(balance.needs({"USA_ALPHA": 2029})["alpha"][2], 7_000)
    assert_allclose(balance.secured_all({"USA_ALPHA": 2029})["alpha"][2], 1_000)


# --- any set of plants -----------------------------------------------------------------------------------------------


def need_by_loop(balance: Balance, builds: dict[str, int], product: str, year: int) -> float:
    """Add up C8 tonne by tonne for one product and year."""
    market, instance = balance.market, balance.market.instance
    row = instance.products.loc
    sold = dict.fromkeys(market.products, 0.0)
    concentrate, feed = 0.0, 0.0
    for key, start in builds.items():
        plant, n = balance.plants[key], year - start
        if not 0 <= n < plant.life:
            continue
        tonnes = plant.capacity * plant.ramp[min(n, len(plant.ramp) - 1)]
        grown = plant.expansion_capacity if plant.expansion_musd > 0 and n > plant.expansion_index else 0.0
        counted = (tonnes + grown) * (1.0 if plant.refined else plant.payability)
        if plant.refined:
            sold[plant.product] += counted
        elif plant.product == product:
            concentrate += counted
        if plant.feed_product == product:
            feed += (tonnes + grown) * plant.feed_tonnes
    existing = {m: sum(float(row[m, f"existing_refined_t_{c.lower()}"]) for c in COUNTRIES) for m in market.products}
    smelters, made, taken = 0.0, 0.0, 0.0
    for c in instance.converters.itertuples():
        if not c.counted or c.china_linked or year < c.start_year:
            continue
        if c.input_product_code == c.output_product_code:
            smelters += c.input_t_per_year if c.output_product_code == product else 0.0
            continue
        if c.output_product_code == product:
            source = c.input_product_code
            made += min(c.input_t_per_year, existing[source] + sold[source]) * c.output_t_per_year / c.input_t_per_year
        if c.input_product_code == product:
            taken += c.input_t_per_year
    spare = max(0.0, smelters - existing[product])
    demand = float(market.demand[product][year - market.base_year])
    return demand + feed + taken - existing[product] - sold[product] - min(spare, concentrate) - made


@pytest.mark.parametrize("seed", range(4))
def test_need_is_the_loop_over_plants_and_converters(seed: int) -> None:
    instance = synthetic(projects=25, products=6, scenarios=2, seed=seed)
    balance = balance_of(instance)
    rng = np.random.default_rng(seed)
    chosen = [p for p in balance.plants.values() if start_years(instance, p) and rng.random() < 0.7]
    builds = {p.id: start_years(instance, p)[0] for p in chosen}
    needs = balance.needs(builds)
    for m in balance.market.products:
        for year in (2027, 2031, 2036, 2045):
            assert needs[m][year - 2027] == pytest.approx(need_by_loop(balance, builds, m, year), rel=1e-9, abs=1e-6)
