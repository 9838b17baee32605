"""C25: the parts of the payoff by hand on the tutorial, and that transfers cancel in their sum."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

import minclub as mc
from minclub.instances.synthetic import synthetic
from minclub.models.clusters import free_candidates
from minclub.models.contracts import ContractTerms
from minclub.models.decisions import Contract, Decisions
from minclub.models.desk import Desk
from minclub.models.levies import Border
from minclub.models.market import COUNTRIES
from minclub.models.payoff import PARTS, payoffs
from minclub.models.projects import start_years
from minclub.models.statement import Statement
from minclub.models.subsidies import CreditLevel


def parts_of(desk: Desk, decisions: Decisions) -> dict[str, np.ndarray]:
    return payoffs(desk, Statement(desk, decisions))


def pv(flow: float, first: int, last: int, rate: float = 0.05) -> float:
    """Return the present value in 2027 of a level yearly flow."""
    return sum(flow * (1 + rate) ** -(y - 2027) for y in range(first, last + 1))


# --- the tutorial by hand: 2% on alpha from China, USA_ALPHA with a strike of 8,440 ------------------------------------


@pytest.fixture(scope="module")
def tutorial() -> dict[str, np.ndarray]:
    desk = Desk(mc.load("tutorial"))
    held = Contract(8_440.0, desk.offer.contract)
    return parts_of(desk, Decisions({"alpha": Border(0.0, 0.02)}, {"USA_ALPHA": 2029}, {"USA_ALPHA": held}))


UPLIFT = 0.02 * 9_000 / 1e6
"""What the tariff adds to the price of a tonne, musd."""


def test_users_pay_the_tariff_on_all_they_use(tutorial: dict[str, np.ndarray]) -> None:
    assert_allclose(tutorial["users"], [-pv(UPLIFT * t, 2027, 2034) for t in (6_000, 2_000, 2_000)])


def test_importers_keep_the_tariff_on_what_market_sells(tutorial: dict[str, np.ndarray]) -> None:
    basket = np.array([6_000 * 9_000 + 10_000 * 2_000] + [2_000 * 9_000 + 5_000 * 2_000] * 2)
    assert_allclose(tutorial["importers"], pv(UPLIFT * 2_000, 2027, 2034) * basket / basket.sum())


def test_treasury_takes_duties_and_taxes_and_pays_the_contract(tutorial: dict[str, np.ndarray]) -> None:
    from_china = [(7_000, 2027, 2027), (6_000, 2028, 2028), (4_000, 2029, 2033), (7_000, 2034, 2034)]
    revenue = sum(pv(UPLIFT * tonnes, *years) for tonnes, *years in from_china)
    tax_can = 0.2 * pv(UPLIFT * 1_000, 2028, 2033)
    net = 2_000 * (2_320 - 0.5 * 740 - 0.5 * 3_800) / 3 / 1e6
    margin = 2_000 * (9_180 - 5_000) / 1e6 + net
    tax_usa = 0.2 * pv(margin - 6, 2029, 2033)
    assert_allclose(tutorial["treasury"], [0.6 * revenue + tax_usa - pv(net, 2029, 2033), 0.2 * revenue + tax_can, 0.2 * revenue])


def test_producers_earn_world_value_uplift_and_receipts_less_tax(tutorial: dict[str, np.ndarray]) -> None:
    real = pv(8.0, 2029, 2033, 0.10) - 30 / 1.1
    net = 2_000 * (2_320 - 0.5 * 740 - 0.5 * 3_800) / 3 / 1e6
    uplift = pv(UPLIFT * 2_000, 2029, 2033)
    tax = 0.2 * pv(8.0 + UPLIFT * 2_000 + net - 6, 2029, 2033)
    existing = pv(UPLIFT * 1_000, 2027, 2034)
    can = (1 - 0.2) * pv(UPLIFT * 1_000, 2028, 2033)
    assert_allclose(tutorial["producers"], [real + uplift + pv(net, 2029, 2033) - tax + existing, can, 0.0], atol=1e-12)


def test_nothing_is_short_and_parts_add_up(tutorial: dict[str, np.ndarray]) -> None:
    assert_allclose(tutorial["security"], 0.0)
    assert_allclose(tutorial["total"], sum(tutorial[part] for part in PARTS))


def test_users_answer_to_prices_by_their_elasticity() -> None:
    desk = Desk(mc.load("tutorial", {"products.alpha.demand_elasticity": -0.5}))
    loss = -parts_of(desk, Decisions({"alpha": Border(0.0, 0.02)}))["users"]
    kept = (1 + 1.02**-0.5) / 2
    assert_allclose(loss, [pv(UPLIFT * t * kept, 2027, 2034) for t in (6_000, 2_000, 2_000)])


def test_royalties_go_from_the_producer_to_the_treasury() -> None:
    desk = Desk(mc.load("tutorial", {"projects.USA_ALPHA.royalty_rate": 0.03}))
    parts = parts_of(desk, Decisions(builds={"USA_ALPHA": 2029}))
    royalty = 0.03 * 18
    taken = pv(royalty + 0.2 * (8 - royalty - 6), 2029, 2033)
    assert_allclose(parts["treasury"], [taken, 0, 0])
    assert_allclose(parts["producers"], [pv(8.0, 2029, 2033, 0.10) - 30 / 1.1 - taken, 0, 0])
    assert_allclose(parts["importers"], 0.0, atol=1e-12)


# --- transfers cancel ------------------------------------------------------------------------------------------------


def random_decisions(desk: Desk, rng: np.random.Generator, builds: dict[str, int], only: str | None = None) -> Decisions:
    """Draw tariffs, contracts and credits, or only one kind of them, on fixed builds."""
    plants = [desk.plants[key] for key in (*builds, *desk.baseline.builds)]
    terms = ContractTerms(int(rng.integers(1, 15)), rng.uniform(0.3, 1.0), float(rng.random()))
    rates = {m: np.sort(rng.choice([0.05, 0.1, 0.25, 0.6], 2)) for m in desk.market.products}
    borders = {m: Border(float(low), float(high)) for m, (low, high) in rates.items()}
    contracts = {j: Contract(desk.market.long_run[desk.plants[j].product] * rng.uniform(0.3, 2.0), terms) for j in builds}
    credits = {(p.country, p.product): CreditLevel(float(rng.choice([0.1, 0.3])), float(rng.choice([0.0, 0.1]))) for p in plants}
    return Decisions(
        borders if only in (None, "tariffs") else {},
        builds,
        contracts if only in (None, "contracts") else {},
        credits if only in (None, "credits") else {},
    )


def fixed_builds(desk: Desk, rng: np.random.Generator) -> dict[str, int]:
    builds: dict[str, int] = {}
    for plant in free_candidates(desk.balance, desk.baseline):
        taken = {desk.plants[j].group for j in builds} - {""}
        if plant.group not in taken and rng.random() < 0.6:
            builds[plant.id] = start_years(desk.instance, plant)[0]
    return builds


def assert_transfers_cancel(desk: Desk, seed: int, draws: int) -> None:
    rng = np.random.default_rng(seed)
    builds = fixed_builds(desk, rng)
    plain = parts_of(desk, Decisions(builds=builds))
    for only in ("tariffs", "contracts", "credits", *[None] * draws):
        changed = parts_of(desk, random_decisions(desk, rng, builds, only))
        assert max(np.abs(changed[part] - plain[part]).max() for part in PARTS) > 1e-3
        assert changed["total"].sum() == pytest.approx(plain["total"].sum(), abs=1e-6)


def never_idle(names: list[str]) -> dict[str, float]:
    """Return overrides under which no plant idles and no user answers to prices."""
    return {"finance.care_share": 1.0} | {f"products.{m}.demand_elasticity": 0 for m in names}


def test_transfers_cancel_in_the_tutorial() -> None:
    given = never_idle(["alpha", "beta"]) | {"projects.USA_ALPHA.ptc_eligible_share": 1, "projects.USA_ALPHA.royalty_rate": 0.03}
    assert_transfers_cancel(Desk(mc.load("tutorial", given)), 1, 8)


@pytest.mark.parametrize("funding", ["host", "pooled"])
def test_transfers_cancel_in_usmca(funding: str) -> None:
    names = list(mc.load("usmca").products.index)
    shares = {f"funding.shares.{c}": s for c, s in zip(COUNTRIES, (0.8, 0.12, 0.08), strict=True)}
    given = never_idle(names) | ({"funding.mode": "pooled"} | shares if funding == "pooled" else {})
    desk = Desk(mc.load("usmca", given))
    assert desk.closed_contracts
    assert_transfers_cancel(desk, 2, 2)


def test_a_contract_that_keeps_a_plant_open_is_no_mere_transfer() -> None:
    desk = Desk(mc.load("tutorial", {"projects.USA_ALPHA.opex_usd_per_t": 7_500}))
    builds = {"USA_ALPHA": 2029}
    alone = parts_of(desk, Decisions(builds=builds))["total"].sum()
    held = parts_of(desk, Decisions(builds=builds, contracts={"USA_ALPHA": Contract(8_500.0, desk.offer.contract)}))["total"].sum()
    worked_at_a_loss = 2_000 * (6_000 - 7_500) / 1e6 - -0.1 * 2_000 * 7_500 / 1e6
    assert held - alone == pytest.approx(pv(worked_at_a_loss / 3, 2029, 2033, 0.10))


def test_payoff_of_doing_nothing_is_nothing() -> None:
    desk = Desk(synthetic(projects=10, products=4, scenarios=5, seed=3, years=20, small_ladders=True))
    for part in (*PARTS, "total"):
        assert_allclose(parts_of(desk, Decisions())[part], 0.0, atol=1e-9)
