"""Projects under construction, single plants that change a market, and the floor of MP Materials."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

import minclub as mc
from minclub.models.bankability import Tests
from minclub.models.baseline import dump_exposed
from minclub.models.clusters import admissible, chunk_tonnes, find_clusters, read_demands
from minclub.models.contracts import payment
from minclub.models.desk import Desk
from minclub.models.lending import loan
from minclub.models.market import BEYOND, EXPORT

# --- under construction ----------------------------------------------------------------------------------------------


def test_projects_under_construction_are_built_in_every_design(usmca: Desk) -> None:
    closed = {p.id for p in usmca.plants.values() if p.in_b0}
    assert len(closed) > 5
    assert closed <= set(usmca.baseline.builds)
    assert closed.isdisjoint(usmca.baseline.guarded)


def test_money_spent_is_not_spent_again(usmca: Desk) -> None:
    """Capital still to come is the study's capital times optimism, less what was spent and what the state gave (C10)."""
    table, sunk = usmca.instance.projects, 0
    for key, start in usmca.baseline.builds.items():
        row, cal = table.loc[key], usmca.outlooks.calendar(usmca.plants[key], start)
        spent = 0.0 if np.isnan(row["sunk_capex_share"]) else float(row["sunk_capex_share"])
        grant = 0.0 if np.isnan(row["public_grant_musd"]) else float(row["public_grant_musd"])
        left = float(row["capex_musd"]) * float(row["optimism_factor"]) * (1.0 - spent)
        assert cal.capital.sum() == pytest.approx(max(0.0, left - grant)), key
        assert (cal.build >= 0).all()
        sunk += spent > 0.0
    assert sunk > 5


def test_closed_loans_are_taken_as_they_were_signed(usmca: Desk) -> None:
    """A recorded loan stands whatever capital is left, at the public base rate and its own spread and tenor (C12c)."""
    table, signed = usmca.instance.projects, 0
    for key in usmca.baseline.builds:
        row, plant = table.loc[key], usmca.plants[key]
        if not float(row["public_loan_musd"]) > 0.0:
            continue
        signed += 1
        debt = loan(plant, plant.life, usmca.rules, credit=1e9)
        assert debt.principal == float(row["public_loan_musd"])
        assert debt.rate == pytest.approx(usmca.rules.public_base_rate + float(row["public_loan_spread"]))
        assert debt.years == min(int(row["public_loan_tenor_years"]), plant.life - 1)
        assert debt.service == pytest.approx(debt.principal * debt.rate / (1 - (1 + debt.rate) ** -debt.years))
    assert signed >= 3


def test_value_of_a_project_under_construction_counts_only_money_to_come(usmca: Desk) -> None:
    """Were nothing spent, Thacker Pass would be worth less by exactly the capital after its tax shield and credit."""
    key = "LI_THACKER"
    fresh = Desk(mc.load("usmca", {f"projects.{key}.sunk_capex_share": 0}))
    values = []
    for desk in (usmca, fresh):
        plant, start = desk.plants[key], desk.baseline.builds[key]
        rates = desk.law[plant.country, plant.product]
        site = desk.outlooks.site(plant, start, usmca.law_settings())
        tests = Tests(site, rates, desk.rules, desk.market.long_run, dump_exposed(desk.market, plant.product))
        build, operate = tests.discount
        credit = plant.itc_share * float(rates.itc[tests.site.calendar.build].mean())
        unit = float(build.mean()) * (1 - credit) - plant.terms.income_tax * (1 - credit) * float(operate[:, 0] @ tests.site.calendar.write_off)
        values.append(float(tests.value()[0]) + unit * tests.site.calendar.capital.sum())
    assert values[0] == pytest.approx(values[1])


# --- gallium ---------------------------------------------------------------------------------------------------------

GALLIUM = {"US_GA_GRAMERCY": 2030, "CA_GA_VAUDREUIL": 2033}


def need_of(desk: Desk, builds: dict[str, int]) -> np.ndarray:
    return desk.balance.needs(desk.baseline.builds | builds)["gallium"]


@pytest.mark.parametrize("key", list(GALLIUM))
def test_one_gallium_plant_does_not_break_the_market(usmca: Desk, key: str) -> None:
    """It takes the club from dependence on China to exports, one state a year, within the cap; each tonne counts once."""
    start, plant = GALLIUM[key], usmca.plants[key]
    alone, built = need_of(usmca, {}), need_of(usmca, {key: start})
    years = usmca.market.years
    output = np.zeros(years.size)
    output[years >= start] = plant.capacity
    output[years == start], output[years == start + 1] = 0.4 * plant.capacity, 0.75 * plant.capacity
    output[years >= start + plant.life] = 0.0
    assert_allclose(alone - built, output)
    states = usmca.balance.states("gallium", built)
    assert (states[years < start] == BEYOND).all()
    assert (states[(years >= start + 2) & (years <= 2040)] == EXPORT).all()
    limit = 0.05 * float(usmca.instance.products.loc["gallium", "world_supply_t"])
    assert 0.0 < -built.min() <= limit


def test_two_gallium_plants_are_more_than_the_club_may_export(usmca: Desk) -> None:
    demands = read_demands(usmca.balance, usmca.baseline)
    cluster = next(c for c in find_clusters(usmca.balance, usmca.baseline) if "gallium" in c.products)
    places = [cluster.candidates.index(key) for key in GALLIUM]
    choices = np.zeros((4, len(cluster.candidates)), dtype=np.int8)
    choices[1, places[0]] = choices[2, places[1]] = 1
    choices[3, places] = 1
    needs, secured = chunk_tonnes(usmca.balance, usmca.baseline, cluster, choices)
    assert_allclose(needs["gallium"][3], need_of(usmca, GALLIUM))
    good = admissible(usmca.balance, cluster, demands, needs, secured)
    assert not good[3]
    assert (-needs["gallium"][3]).max() > demands.export_limit["gallium"].max()
    assert good[1] or good[2]


# --- MP Materials ----------------------------------------------------------------------------------------------------


def test_floor_of_mp_materials_pays_what_was_published() -> None:
    """58,000 USD/t at 52,000, nothing at 110,000, and 6,000 back at 130,000."""
    assert payment([52_000, 110_000, 130_000], 110_000, 0.3).tolist() == pytest.approx([58_000, 0, -6_000])


@pytest.fixture(scope="module")
def mountain_pass(root: Path) -> tuple[mc.Instance, mc.Design]:
    instance = mc.load("mp_materials_2025")
    return instance, mc.evaluate(instance, root / "instances" / "mp_materials_2025" / "given.toml")


def paid(design: mc.Design, item: str) -> dict[int, float]:
    rows = design.public_cost[(design.public_cost["item"] == item) & (design.public_cost["country"] == "USA")]
    return dict(zip(rows["year"], rows["value_musd"], strict=True))


def test_first_payment_of_mp_materials_by_hand(mountain_pass: tuple[mc.Instance, mc.Design]) -> None:
    """In 2026 every scenario has the price of 2025, the club exports, and 57% of capacity sells at 7% below the world price."""
    _, design = mountain_pass
    sold, price = 0.57 * 7_065, 0.93 * 69_000
    assert paid(design, "contract_payments")[2026] == pytest.approx(sold * (110_000 - price) / 1e6, rel=1e-6)
    assert 2026 not in paid(design, "contract_receipts")


def test_payments_of_mp_materials_are_of_the_order_of_its_sales(mountain_pass: tuple[mc.Instance, mc.Design]) -> None:
    instance, design = mountain_pass
    payments, receipts = paid(design, "contract_payments"), paid(design, "contract_receipts")
    assert sorted(payments) == list(range(2026, 2036))
    most = 110_000 * 7_065 / 1e6
    for year, value in payments.items():
        assert 0.1 * most < value < 0.5 * most
        assert 0.0 <= receipts.get(year, 0.0) < 0.15 * value
    assert bool(design.certificate["status"] == "given")
    assert design.contracts.loc[0, "strike_usd_per_t"] == 110_000
    assert mc.audit(design.to_dict(), instance).passed


def test_mp_materials_would_get_no_contract_by_our_own_rule(mountain_pass: tuple[mc.Instance, mc.Design]) -> None:
    """At the long-run price the mine passes without the floor (C13); the floor halves no risk that the tests see."""
    _, design = mountain_pass
    row = design.projects.set_index("project").loc["MOUNTAIN_PASS"]
    assert row["passes_without"] == 1
    assert row["cvar_musd_with"] > row["cvar_musd_without"]
    assert row["npv_musd_with"] > row["npv_musd_without"] > 0.0
