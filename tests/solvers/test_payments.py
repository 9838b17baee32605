"""What the state pays by year: percentiles and clawback by hand, sums against the statement, other regimes, assumptions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minclub as mc
from minclub.instances.errors import InstanceError
from minclub.instances.scenarios import generate
from minclub.models.decisions import Decisions
from minclub.models.desk import Desk
from minclub.models.statement import Statement
from minclub.models.subsidies import NO_CREDIT
from minclub.solvers import payments as room
from minclub.solvers.claims import SPREADS
from minclub.solvers.given import read_decisions
from minclub.solvers.payments import DesignFailed, flows, payments, summary

Row = dict[str, Any]
PARTS = ("expected_musd", "payment_musd", "clawback_musd", "p05_musd", "p25_musd", "p50_musd", "p75_musd", "p95_musd")
LEVELS = PARTS[3:]


def design(**terms: object) -> Row:
    """Return a contract for USA_ALPHA, 2,000 t a year in 2029 to 2033, which sells at 6,000, 9,000 or 12,000."""
    held = {"project": "USA_ALPHA", "strike_usd_per_t": 9_500, "share": 1.0, "tenor_years": 5, "upside_share": 0.5}
    return {"contracts": [held | terms]}


def tutorial(*overrides: str, **terms: object) -> Row:
    """Return the payments of the one contract of the tutorial."""
    (entry,) = payments(mc.load("tutorial", list(overrides)), design(**terms))["contracts"]
    found: Row = entry
    return found


def numbers(row: Row, names: tuple[str, ...] = PARTS) -> list[float]:
    return [float(row[name]) for name in names]


# --- by hand ----------------------------------------------------------------------------------------------------------


def test_a_year_by_hand() -> None:
    """The state pays 7 or 1 million or gets 2.5: 2,000 t times 3,500, 500 or half of 2,500 (C14)."""
    entry = tutorial()
    assert [row["year"] for row in entry["years"]] == [2029, 2030, 2031, 2032, 2033]
    for row in entry["years"]:
        assert numbers(row) == pytest.approx([5.5 / 3, 8 / 3, 2.5 / 3, -2.15, -0.75, 1.0, 4.0, 6.4])
        assert row["probability_paying"] == pytest.approx(2 / 3)
        assert (row["contracted_t"], row["strike_usd_per_t"], row["price_usd_per_t"]) == (2_000.0, 9_500.0, 9_000.0)


def test_total_and_present_value_by_hand() -> None:
    """A scenario has one price in all years, so that its sum is five times a year and its PV 4.1233 times (tutorial by hand)."""
    entry = tutorial()
    year = np.array(numbers(entry["years"][0]))
    assert numbers(entry["total"]) == pytest.approx(5 * year)
    assert numbers(entry["pv"]) == pytest.approx(year * sum(1.05**-k for k in range(2, 7)))


def test_parts_are_summed_by_year_and_percentiles_are_of_the_net_sum() -> None:
    """In the first scenario the state pays 3 and then gets 1, in the second it gets 2 and then pays 4."""
    found = summary(np.array([[3.0, -2.0], [-1.0, 4.0]]))
    assert numbers(found) == pytest.approx([2.0, 3.5, 1.5, 2.0, 2.0, 2.0, 2.0, 2.0])
    assert found["probability_paying"] == 1.0


def test_the_strike_of_a_year_is_its_real_value() -> None:
    """In 2030 half of the strike has lost a tenth: 9,068 USD/t, and the middle price of 9,000 costs 0.136 million."""
    entry = tutorial(indexed_share=0.5, inflation=0.1)
    real = 4_750 + 4_750 / 1.1
    assert [row["strike_usd_per_t"] for row in entry["years"][:2]] == pytest.approx([9_500, real])
    assert entry["years"][1]["p50_musd"] == pytest.approx(2_000 * (real - 9_000) / 1e6)


def test_the_tenor_begins_after_the_delay_and_ends_with_the_plant() -> None:
    assert [row["year"] for row in tutorial(start_delay_years=2)["years"]] == [2031, 2032, 2033]
    assert [row["year"] for row in tutorial(start_year=2030, tenor_years=2)["years"]] == [2030, 2031]


def test_an_idle_plant_is_paid_nothing() -> None:
    """At 6,000 sales of 12 and 3.5 from half of the output stay below 90% of a cost of 18 million (C10)."""
    (row, *_) = tutorial("projects.USA_ALPHA.opex_usd_per_t=9000", share=0.5)["years"]
    assert row["contracted_t"] == 1_000.0
    assert numbers(row, ("payment_musd", "clawback_musd")) == pytest.approx([0.5 / 3, 1.25 / 3])
    assert row["probability_paying"] == pytest.approx(1 / 3)


# --- one owner of the money -------------------------------------------------------------------------------------------


def test_sums_are_those_of_the_statement(root: Path) -> None:
    """The same money as in the design's table of public cost (C24)."""
    instance, given = mc.load("mp_materials_2025"), root / "instances" / "mp_materials_2025" / "given.toml"
    (entry,) = payments(instance, given, regimes=False)["contracts"]
    table = mc.evaluate(instance, given).public_cost
    for item, name in (("contract_payments", "payment_musd"), ("contract_receipts", "clawback_musd")):
        booked = table[table["item"] == item].groupby("year")["value_musd"].sum()
        assert {row["year"]: row[name] for row in entry["years"] if row[name] > 0.0} == pytest.approx(booked.to_dict())
        assert entry["total"][name] == pytest.approx(booked.sum())
        assert entry["pv"][name] == pytest.approx(sum(value * 1.04 ** (2026 - year) for year, value in booked.items()))


def test_percentiles_of_mp_materials_from_the_scenarios_alone(root: Path) -> None:
    """The mine exports in every year, so it sells 7% below the world price (C7); with the floor it never idles."""
    instance = mc.load("mp_materials_2025")
    price = 0.93 * generate(instance).market["ndpr_oxide"][:, :10].T
    tonnes = 7_065 * np.array([0.57, 0.8, *[1.0] * 8])[:, None]
    paid = tonnes * np.where(price < 110_000, 110_000 - price, -0.3 * (price - 110_000)) / 1e6
    (entry,) = payments(instance, root / "instances" / "mp_materials_2025" / "given.toml", regimes=False)["contracts"]
    for year, row in zip(paid, entry["years"], strict=True):
        assert numbers(row, LEVELS) == pytest.approx(np.percentile(year, (5, 25, 50, 75, 95)).tolist())
        assert row["probability_paying"] == pytest.approx((year > 0.0).mean())
    discounted = (1.04 ** -np.arange(10.0)) @ paid
    assert numbers(entry["pv"], LEVELS) == pytest.approx(np.percentile(discounted, (5, 25, 50, 75, 95)).tolist())


def test_percentiles_rise_and_bracket_the_scenarios(root: Path) -> None:
    """Also in total and PV, under every regime; the parts add up."""
    found = payments(mc.load("nouveau_monde_2026"), root / "instances" / "nouveau_monde_2026" / "given.toml")
    (entry,) = found["contracts"]
    assert [row["year"] for row in entry["years"]] == list(range(2030, 2037))
    assert list(entry["regimes"]) == list(SPREADS)
    for row in [*entry["years"], entry["total"], entry["pv"], *entry["regimes"].values()]:
        assert numbers(row, LEVELS) == sorted(numbers(row, LEVELS))
        assert row["p05_musd"] < row["expected_musd"] < row["p95_musd"]
        assert row["expected_musd"] == pytest.approx(row["payment_musd"] - row["clawback_musd"])
        assert row["clawback_musd"] >= 0.0
    assert entry["total"]["p95_musd"] < sum(row["p95_musd"] for row in entry["years"])
    cheap, dear = entry["regimes"]["spot as long-run price"], entry["pv"]
    assert cheap["expected_musd"] > 1.2 * dear["expected_musd"]


@pytest.mark.slow
def test_closed_contracts_of_usmca_are_those_of_the_baseline() -> None:
    desk = Desk(mc.load("usmca"))
    statement = Statement(desk, Decisions(), club=False)
    found = flows(desk)
    assert {flow.project for flow in found} == set(desk.closed_contracts) == {"US_REE_MOUNTAINPASS", "US_F_LOSTSHEEP"}
    for flow in found:
        cost = desk.baseline_cost(flow.project, statement.settings, NO_CREDIT, desk.unbound[flow.project])
        assert np.maximum(flow.money, 0.0).mean(axis=1) == pytest.approx(cost.payments)
        assert np.maximum(-flow.money, 0.0).mean(axis=1) == pytest.approx(cost.receipts)
        assert flow.held == "closed"


@pytest.mark.slow
def test_contracts_of_the_shipped_design_cost_what_it_says(root: Path) -> None:
    stored = mc.Design.read(root / "docs" / "assets" / "usmca.json").to_dict()
    instance = mc.load("usmca")
    desk = Desk(instance)
    statement = Statement(desk, read_decisions(desk, stored))
    found = payments(instance, stored, regimes=False)
    assert {e["project"] for e in found["contracts"] if e["held"] == "design"} == {row["project"] for row in stored["contracts"]}
    for entry in found["contracts"]:
        if entry["held"] == "design":
            cost, factor = statement.project_cost(entry["project"]), desk.users.factor
            assert entry["pv"]["payment_musd"] == pytest.approx(cost.payments @ factor)
            assert entry["pv"]["clawback_musd"] == pytest.approx(cost.receipts @ factor)
    together, apart = found["together"]["pv"], [entry["pv"] for entry in found["contracts"]]
    assert together["expected_musd"] == pytest.approx(sum(row["expected_musd"] for row in apart))
    for name in ("payment_musd", "clawback_musd", "p95_musd"):
        assert together[name] < sum(row[name] for row in apart)


# --- what is refused, and what is said --------------------------------------------------------------------------------


def test_an_instance_without_closed_contracts_has_no_payments() -> None:
    found = payments(mc.load("tutorial"))
    assert (found["contracts"], found["together"]) == ([], None)


def test_given_prices_have_no_other_regimes() -> None:
    assert tutorial()["regimes"] == {}


def test_mistakes_of_a_design_are_told() -> None:
    with pytest.raises(InstanceError, match=r"contracts\[1\].share"):
        payments(mc.load("tutorial"), design(share=2))


def test_nothing_is_said_of_a_design_that_fails_the_audit(monkeypatch: pytest.MonkeyPatch) -> None:
    made = mc.evaluate(mc.load("tutorial"), design())
    made.certificate["audit"] = "failed"
    monkeypatch.setattr(room, "evaluate", lambda *_, **__: made)
    with pytest.raises(DesignFailed, match="audit"):
        payments(mc.load("tutorial"), design())


def test_assumptions_say_where_each_number_comes_from(root: Path) -> None:
    given = root / "instances" / "nouveau_monde_2026" / "given.toml"
    (entry,) = payments(mc.load("nouveau_monde_2026"), given, regimes=False)["contracts"]
    found = {row["what"]: row for row in entry["assumptions"]}
    assert (found["contract.strike_usd_per_t"]["value"], found["contract.strike_usd_per_t"]["origin"]) == ("1500", "given")
    assert found["contract.share"]["origin"] == "derived"
    assert found["contract.share"]["reason"] == "30,000 t of the 103,330 t a year of Matawinie"
    assert (found["contract.start_year"]["value"], found["contract.start_year"]["origin"]) == ("2030", "given")
    follow = found["products.graphite_flake.dump_follow"]
    assert (follow["value"], follow["origin"], follow["reason"]) == ("0.6", "derived", "filled")
    assert follow["source"].startswith("https://www.fastmarkets.com")
    assert found["projects.MATAWINIE.capacity_t_per_year"]["origin"] == "read"
    assert found["products.graphite_flake.kappa_slow"]["origin"] == "assumed"
    assert found["finance.public_rate"]["value"] == "0.04"
    assert "C14" in found["reference price"]["value"]
    assert all(row["origin"] in ("read", "derived", "assumed", "given", "setting", "rule") for row in entry["assumptions"])


@pytest.mark.slow
def test_assumptions_name_the_long_run_price_that_is_used() -> None:
    instance = mc.load("usmca", ["data.long_run_price=geometric"])
    entry = next(e for e in payments(instance, regimes=False)["contracts"] if e["project"] == "US_REE_MOUNTAINPASS")
    found = {row["what"]: row for row in entry["assumptions"]}
    assert "products.ndpr_oxide.long_run_geometric_usd_per_t" in found
    assert "products.ndpr_oxide.long_run_mean_usd_per_t" not in found
    assert (found["contracts.US_MP_PPA.strike_usd_per_t"]["value"], found["contracts.US_MP_PPA.strike_usd_per_t"]["origin"]) == ("110000", "read")
