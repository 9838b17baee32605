"""Every marked number of docs/tutorial.md is what the model computes, and every number of the solution is marked there.

A mark is a comment with a name right after the number: ``8,440<!--strike-->``. The number may be rounded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import minclub as mc
from minclub.models.bankability import Tests
from minclub.models.cashflow import Site
from minclub.models.columns import CONTRACT
from minclub.models.contracts import ContractTerms
from minclub.models.decisions import Contract, Decisions
from minclub.models.desk import Desk
from minclub.models.finance import cvar
from minclub.models.levies import Border
from minclub.models.outlooks import Setting
from minclub.models.projects import start_years
from minclub.models.regimes import encode
from minclub.models.statement import Statement
from minclub.models.subsidies import CreditLevel
from minclub.solvers.explain import Infeasible
from minclub.tests.models.tutorial_sites import no_law

MARKED = re.compile(r"([-−+]?[\d,]*\.?\d+)(%?)\*{0,2}<!--([\w.]+)-->")
RATES = {"law": 0.0, "1": 0.01, "2": 0.02, "5": 0.05}
Values = dict[str, float]


class Model:
    """The tutorial's desk and its solved design."""

    def __init__(self) -> None:
        self.instance = mc.load("tutorial")
        self.desk = Desk(self.instance)
        self.design = mc.solve(self.instance)

    def settings(self, rate: float, key: str | None = None) -> dict[str, Setting]:
        """Return settings with a rate on alpha from China and the path with one more plant built."""
        builds = self.desk.baseline.builds | ({key: 2029} if key else {})
        paths = self.desk.balance.paths(builds)
        return {m: Setting(Border(0.0, rate if m == "alpha" else 0.0), encode(p)) for m, p in paths.items()}

    def site(self, key: str, rate: float = 0.0) -> Site:
        """Put a plant at its first start under a rate on alpha from China."""
        plant = self.desk.plants[key]
        start = self.desk.baseline.builds.get(key) or start_years(self.instance, plant)[0]
        return self.desk.outlooks.site(plant, start, self.settings(rate))

    def value(self, key: str, rate: float = 0.0, strike: float | None = None, itc: float = 0.0) -> float:
        """Return the value of C12a, with a strike if given."""
        held = (self.desk.offer.contract, np.array([strike])) if strike else (None, None)
        tests = Tests(self.site(key, rate), no_law(), self.desk.rules, self.desk.market.long_run, False, *held)
        return float(tests.value(itc)[0])


def supply(model: Model) -> Iterator[tuple[str, float]]:
    """Availability, need and secured shares."""
    desk = model.desk
    design = desk.balance.needs(desk.baseline.builds | {"USA_ALPHA": 2029})
    for m in ("alpha", "beta"):
        yield f"reach.{m}", float(desk.market.availability[m][0])
        for t, year in enumerate(range(2027, 2035)):
            yield f"need.{m}.baseline.{year}", float(desk.baseline.needs[m][t])
            yield f"need.{m}.design.{year}", float(design[m][t])
            yield f"state.{m}.{year}", float(desk.baseline.paths[m][t])
    for name, builds in {"without": {}, "with": {"USA_ALPHA": 2029}}.items():
        yield f"share.{name}", float(desk.balance.secured_all(desk.baseline.builds | builds)["alpha"][3]) / 10_000


def values(model: Model) -> Iterator[tuple[str, float]]:
    """Prices and values without a contract, and what the users' caps look at."""
    for key in ("CAN_ALPHA", "CAN_BETA", "USA_BETA"):
        yield f"npv.{key}", model.value(key)
    users = model.desk.users
    for name, rate in RATES.items():
        yield f"price.{name}", float(model.site("USA_ALPHA", rate).price.mean())
        site = model.site("USA_ALPHA", rate)
        yield f"flow.{name}", float((site.after_tax_share * site.merchant.margin[0] + site.fixed[:, None]).mean())
        for key in ("USA_ALPHA", "MEX_ALPHA"):
            yield f"npv.{key}.{name}", model.value(key, rate)
        settings = model.settings(rate)
        rise = users.rise("alpha", settings["alpha"])
        assert rise is not None
        yield f"rise.{name}", rise
        burden = sum(users.burden(m, s) for m, s in settings.items()) / users.basket
        for k, c in enumerate(("USA", "CAN", "MEX")):
            yield f"basket.{name}.{c}", float(burden[k])


def contract(model: Model) -> Iterator[tuple[str, float]]:
    """The strike of the solution, the value one step below it, phi, and its payments."""
    held = model.design.contracts.iloc[0]
    strike = float(held["strike_usd_per_t"])
    assert (held["project"], held["start_year"]) == ("USA_ALPHA", 2029)
    yield "strike", strike
    terms = model.desk.offer.contract
    for name, k in {"below": strike - 10, "at": strike}.items():
        yield f"value.{name}", model.value("USA_ALPHA", 0.02, k)
        unit = model.site("USA_ALPHA", 0.02).receipts(np.array([0]), np.array([k]), terms)[0, 0] / 2_000 * 1e6
        yield f"unit.{name}", float(unit.mean())
        for s, name_s in enumerate(("low", "middle", "high")):
            yield f"unit.{name}.{name_s}", float(unit[s])
    tests = Tests(model.site("USA_ALPHA", 0.02), no_law(), model.desk.rules, model.desk.market.long_run, False, terms, np.array([strike]))
    yield "phi", float(tests.phi[0])
    untraded = Desk(mc.load("tutorial", {"products.alpha.exchange_traded": 0}))
    specialty = replace(model.site("USA_ALPHA", 0.02), plant=untraded.plants["USA_ALPHA"])
    tests = Tests(specialty, no_law(), untraded.rules, untraded.market.long_run, False, terms, np.array([strike]))
    yield "hurdle", 1 / float(tests.discount[0][0, 0]) - 1
    yield "value.untraded", float(tests.value()[0])


def costs(model: Model) -> Iterator[tuple[str, float]]:
    """Public cost of the solution: yearly expectations, totals, border revenue."""
    design = model.design
    table = design.public_cost
    for item in ("contract_payments", "contract_receipts"):
        rows = table[(table["item"] == item) & (table["country"] == "USA")]
        assert rows["year"].tolist() == [2029, 2030, 2031, 2032, 2033]
        assert np.ptp(rows["value_musd"]) < 1e-9
        yield f"cost.{item}", float(rows["value_musd"].iloc[0])
    revenue = table[table["item"] == "border_revenue"].groupby("year")["value_musd"].sum()
    for year in (2027, 2028, 2029, 2034):
        yield f"revenue.{year}", float(revenue[year])
    totals = design.totals.set_index(["country", "item"])["pv_musd"]
    for item in ("outlay", "booked", "net", "cvar_cost"):
        yield f"total.{item}", float(totals["ALL", item])
    yield "objective", float(design.certificate["objective_musd"])
    yield "annuity.public", float(sum(1.05**-k for k in range(2, 7)))
    yield "annuity.project", float(sum(1.1**-k for k in range(1, 6)))


def alternatives(model: Model) -> Iterator[tuple[str, float]]:
    """Every way to the target on the ladder: plant, tariff, credit."""
    desk = model.desk
    for key in ("USA_ALPHA", "MEX_ALPHA"):
        for name in ("law", "1", "2"):
            made = desk.family(key, 2029, model.settings(RATES[name], key))
            for level, credit in enumerate(desk.offer.levels):
                where = f"{key}.{name}.{'credit' if credit.itc else 'none'}"
                cost = made.cost.at(level)
                tail = float(cvar(cost.scenario, 0.10, "high"))
                if made.kind[level] == CONTRACT:
                    yield f"strike.{where}", float(made.strike[level])
                yield f"booked.{where}", float(cost.booked)
                yield f"cvar.{where}", tail
                yield f"objective.{where}", float(cost.booked) + 0.1 * tail


def payoff(model: Model) -> Iterator[tuple[str, float]]:
    """What each member gains, by part."""
    for row in model.design.payoff.itertuples():
        yield f"payoff.{row.part}.{row.country}", float(row.pv_musd)
    for part, rows in model.design.payoff.groupby("part"):
        yield f"payoff.{part}.ALL", float(rows["pv_musd"].sum())


@pytest.fixture(scope="module")
def model() -> Model:
    return Model()


@pytest.fixture(scope="module")
def computed(model: Model) -> Values:
    return dict(pair for part in (supply, values, contract, costs, alternatives, payoff) for pair in part(model))


@pytest.fixture(scope="module")
def marked(root: Path) -> list[tuple[str, str, str]]:
    return MARKED.findall((root / "docs" / "tutorial.md").read_text(encoding="utf-8"))


def test_every_marked_number_is_what_the_model_computes(marked: list[tuple[str, str, str]], computed: Values) -> None:
    assert len(marked) > 100
    wrong = []
    for text, percent, name in marked:
        digits = len(text.partition(".")[2])
        printed = float(text.replace(",", "").replace("−", "-"))
        value = computed[name] * (100 if percent else 1)
        if abs(printed - value) > 0.5 * 10**-digits * (1 + 1e-9):
            wrong.append(f"{name}: page {text}{percent}, model {value:.6g}")
    assert wrong == []


SOLUTION = (
    "objective", "strike", "total.booked", "total.cvar_cost", "total.outlay", "total.net", "share.with", "share.without", "rise.2", "basket.2.USA",
    "npv.USA_ALPHA.law", "npv.USA_ALPHA.2", "npv.MEX_ALPHA.law", "npv.CAN_BETA", "value.below", "value.at", "phi", "payoff.total.USA",
)  # fmt: skip


def test_every_number_of_the_solution_is_in_the_page(marked: list[tuple[str, str, str]], computed: Values) -> None:
    names = {name for _, _, name in marked}
    assert set(SOLUTION) <= names
    assert {n for n in computed if n.startswith(("objective.", "payoff.", "strike."))} <= names


def test_the_solution_is_the_best_of_the_alternatives(model: Model, computed: Values) -> None:
    """And the design is what the page says: 2% on alpha from China, a contract for USA_ALPHA, no credit."""
    best = min((v, n) for n, v in computed.items() if n.startswith("objective."))
    assert best[0] == pytest.approx(computed["objective"])
    assert best[1] == "objective.USA_ALPHA.2.none"
    tariffs = model.design.tariffs.set_index(["product", "node"])["rate"]
    assert tariffs["alpha", "china_linked"] == 0.02
    assert tariffs.drop(("alpha", "china_linked")).max() == 0.0
    assert model.design.credits.empty
    assert model.design.certificate["proven"]
    built = model.design.projects.set_index("project")["built"]
    assert {key for key, flag in built.items() if flag} == {"CAN_ALPHA", "CAN_BETA", "USA_ALPHA"}


def test_the_way_that_users_caps_forbid_would_cost_nothing(model: Model) -> None:
    assert model.value("USA_ALPHA", 0.05) > 0.0
    free = mc.solve(mc.load("tutorial", {"caps.product_price": 0.06, "caps.basket": 0.04}))
    assert free.certificate["objective_musd"] == pytest.approx(0.0, abs=1e-9)
    with pytest.raises(Infeasible):
        mc.solve(mc.load("tutorial"), fixes={"tariff.china_linked.alpha": 0.05})


def test_two_plants_cost_the_sum_of_both(model: Model) -> None:
    """Nothing is gained by building more than the target asks for."""
    terms = ContractTerms(5, 1.0, 0.5)
    both = Decisions(
        {"alpha": Border(0.0, 0.02)}, {"USA_ALPHA": 2029, "MEX_ALPHA": 2029}, {"USA_ALPHA": Contract(8_440.0, terms), "MEX_ALPHA": Contract(9_190.0, terms)}
    )
    statement = Statement(model.desk, both)
    tested = statement.tested(model.desk.plants["MEX_ALPHA"], support=True)
    assert tested is not None
    assert tested.passes
    assert statement.objective > 2 * model.design.certificate["objective_musd"]
    assert CreditLevel(0.10) in model.desk.offer.levels


def test_variants_named_at_the_end_of_the_page(root: Path) -> None:
    page = (root / "docs" / "tutorial.md").read_text(encoding="utf-8")
    without = mc.solve(mc.load("tutorial"), fixes={"built.USA_ALPHA": 0})
    assert f"Mexico's plant: {without.certificate['objective_musd']:.3f}" in page
    dearer = {"projects.USA_ALPHA.capex_musd": 31}
    credit = mc.solve(mc.load("tutorial", dearer))
    contract = mc.solve(mc.load("tutorial", dearer | {"ladders.itc": [0]}))
    assert credit.contracts.empty
    figures = (d.certificate["objective_musd"] for d in (credit, contract))
    assert "the credit wins: {:.3f} against {:.3f}".format(*figures) in page
    lender = mc.solve(mc.load("tutorial", {"switches.lender": True, "switches.tail": True}))
    assert lender.contracts["strike_usd_per_t"].tolist() == [8_440.0]
