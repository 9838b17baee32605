"""The newer instruments from the data file to the audited design, and the order of optima that they must keep (C6, C14 to C18)."""

from __future__ import annotations

import pytest

import minclub as mc
from minclub.instances.errors import InstanceError
from minclub.models.classes import by_class
from minclub.models.contracts import ContractTerms
from minclub.models.decisions import Contract, Decisions
from minclub.models.desk import Desk
from minclub.solvers.enumerate import enumerate_designs

QUOTAS: dict[str, object] = {"procurement.quotas.USA": 0.5, "procurement.quotas.CAN": 0.3, "procurement.quotas.MEX": 0.2}
INSTRUMENTS: dict[str, dict[str, object]] = {
    "reference_price": {"instruments.reference_price": True, "ladders.reference": [0.8, 1.0]},
    "grants": {"instruments.grants": True, "ladders.grant": [0.0, 0.2]},
    "loans": {"instruments.loans": True, "ladders.loan": [0.0, 1.0]},
    "procurement": {
        "instruments.procurement": True,
        "ladders.offtake": [1.0, 1.5],
        "procurement.products": ["alpha", "beta"],
        "products.alpha.defence_share": 0.1,
        "products.beta.defence_share": 0.1,
    }
    | QUOTAS,
    "upside": {"contract.upside_shares": [0.0, 0.5]},
}
CORE = ("tariffs", "contracts", "credits")
SWITCHES = (
    "value", "tail", "lender", "export_cap", "band", "displacement", "security", "users_product", "users_basket", "country_caps", "worst5", "stack",
)  # fmt: skip


def least(given: dict[str, object]) -> float:
    """Return the proven objective, musd; infinite where the demands cannot be met."""
    try:
        design = mc.solve(mc.load("tutorial", given))
    except mc.Infeasible:
        return float("inf")
    assert design.proven
    assert design.certificate["audit"] == "passed"
    return float(design.certificate["objective_musd"])


@pytest.fixture(scope="module")
def plain() -> float:
    return least({})


@pytest.mark.parametrize("name", INSTRUMENTS)
def test_an_instrument_more_never_raises_the_optimum(plain: float, name: str) -> None:
    assert least(INSTRUMENTS[name]) <= plain + 1e-3 * max(1.0, plain)


@pytest.mark.parametrize("name", CORE)
def test_an_instrument_less_never_lowers_the_optimum(plain: float, name: str) -> None:
    assert least({f"instruments.{name}": False}) >= plain - 1e-3 * max(1.0, plain)


@pytest.mark.parametrize("name", SWITCHES)
def test_a_constraint_less_never_raises_the_optimum(plain: float, name: str) -> None:
    assert least({f"switches.{name}": False}) <= plain + 1e-3 * max(1.0, plain)


@pytest.mark.parametrize("name", [*INSTRUMENTS, "lines", "reserve", "standards", "terms"])
def test_plans_agree_with_brute_force(name: str) -> None:
    more: dict[str, dict[str, object]] = {
        "lines": {"lines.metals": ["alpha", "beta"]},
        "reserve": {"reserve.cover.alpha": 0.5, "years.target": 2030} | QUOTAS,
        "standards": {"standards.tier": "high", "products.alpha.standard_cost_usd_per_t": 300, "products.alpha.standard_compliance_china": 0.2},
        "terms": {"contract.collar": 0.1, "contract.indexed_share": 0.5, "contract.start_delay": 1},
    }
    small = {"ladders.itc": [0.0, 0.1], "ladders.ptc": [0.0], "ladders.tariffs": [0.0, 0.02]}
    instance = mc.load("tutorial", small | (INSTRUMENTS | more)[name])
    found = enumerate_designs(Desk(instance), limit=10**9)
    try:
        design = mc.solve(instance)
    except mc.Infeasible:
        assert found.feasible == 0
        return
    assert design.certificate["objective_musd"] == pytest.approx(found.objective, rel=1e-3, abs=1e-3)


def test_a_class_gets_the_highest_of_its_least_strikes() -> None:
    desk = Desk(mc.load("tutorial"))
    terms = ContractTerms(5, 1.0, 0.5)
    keys = [p.id for p in desk.plants.values() if p.product == "alpha"][:2]
    strikes = dict(zip(keys, (7_000.0, 8_000.0), strict=True))
    given = Decisions(contracts={key: Contract(strike, terms) for key, strike in strikes.items()})
    alike = desk.plants[keys[0]].refined == desk.plants[keys[1]].refined
    found = {key: held.strike for key, held in by_class(desk, given).contracts.items()}
    assert found == (dict.fromkeys(keys, 8_000.0) if alike else strikes)


def test_a_class_strike_is_solved_audited_and_never_called_proven_beyond_its_bound() -> None:
    design = mc.solve(mc.load("tutorial", {"contract.strike_by": "class"}))
    assert design.certificate["audit"] == "passed"
    assert design.certificate["bound_from"].endswith("strikes per project")


def test_the_bound_off_the_ladders_refuses_what_it_does_not_cover() -> None:
    instance = mc.load("tutorial", INSTRUMENTS["grants"] | {"standards.tier": "high"})
    with pytest.raises(InstanceError, match="2 problems"):
        mc.solve(instance, continuous=1.0)


@pytest.mark.parametrize(
    ("name", "value"), [("tariff.china_linked.alpha", 0.013), ("tariff.market.alpha", 0.004), ("credit.itc.USA.alpha", 0.03), ("reference.alpha", 6_100.0)]
)
def test_a_pinned_decision_may_lie_off_the_ladder(name: str, value: float) -> None:
    design = mc.solve(mc.load("tutorial"), fixes={name: value})
    assert design.certificate["audit"] == "passed"
