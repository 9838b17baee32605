"""Reading a given design: each kind of bad cell, all mistakes at once, defaults, and a good design read in full."""

from __future__ import annotations

import copy
import math
from typing import Any

import pytest

from minclub import load
from minclub.instances.errors import InstanceError, Problem
from minclub.models.contracts import ContractTerms
from minclub.models.decisions import Contract
from minclub.models.desk import Desk
from minclub.models.subsidies import CreditLevel
from minclub.solvers.given import read_decisions

GOOD: dict[str, list[dict[str, Any]]] = {
    "tariffs": [{"product": "alpha", "node": "china_linked", "rate": 0.05}, {"product": "alpha", "node": "market", "rate": 0.02}],
    "contracts": [{"project": "USA_ALPHA", "strike_usd_per_t": 9_300, "share": 0.8, "tenor_years": 4, "upside_share": 0.5}],
    "credits": [{"country": "USA", "product": "alpha", "itc_rate": 0.1, "ptc_rate": 0.0}],
    "offtake": [{"project": "USA_ALPHA", "product": "alpha", "price_usd_per_t": 9_900.0}],
    "projects": [{"project": "MEX_ALPHA", "start_year": 2030}, {"project": "USA_BETA", "built": 0}],
}


@pytest.fixture(scope="module")
def desk() -> Desk:
    return Desk(load("tutorial"))


def changed(part: str, cell: str, value: object) -> dict[str, Any]:
    """Return the good design with one cell of a part's first row changed."""
    content = copy.deepcopy(GOOD)
    content[part][0][cell] = value
    return content


def refused(desk: Desk, content: dict[str, Any]) -> tuple[Problem, ...]:
    """Return the mistakes for which a design is refused."""
    with pytest.raises(InstanceError) as caught:
        read_decisions(desk, content, "plan.toml")
    return caught.value.problems


# --- bad cells --------------------------------------------------------------------------------------------------------

NAME = "a name of the instance"
BAD = [
    ("tariffs", "product", "gamma", NAME),
    ("tariffs", "product", ["alpha"], NAME),
    ("tariffs", "node", "china", NAME),
    ("tariffs", "rate", -0.01, "a number from 0 to 10"),
    ("tariffs", "rate", "5%", "a number from 0 to 10"),
    ("tariffs", "rate", None, "a number from 0 to 10"),
    ("tariffs", "rate", True, "a number from 0 to 10"),
    ("tariffs", "reference_usd_per_t", math.inf, "a number from 0"),
    ("contracts", "project", "ALPHA", NAME),
    ("contracts", "strike_usd_per_t", 0, "a number above 0"),
    ("contracts", "strike_usd_per_t", math.nan, "a number above 0"),
    ("contracts", "strike_usd_per_t", 10**400, "a number above 0"),
    ("contracts", "share", 1.01, "a number from 0 to 1"),
    ("contracts", "tenor_years", 2.5, "a whole number from 1 to 100"),
    ("contracts", "tenor_years", 0, "a whole number from 1 to 100"),
    ("contracts", "upside_share", "half", "a number from 0 to 1"),
    ("contracts", "start_year", 1812, "a whole number from 1900 to 2200"),
    ("contracts", "collar", -0.1, "a number from 0 to 10"),
    ("contracts", "indexed_share", False, "a number from 0 to 1"),
    ("contracts", "inflation", 1.5, "a number from 0 to 1"),
    ("contracts", "start_delay_years", 0.5, "a whole number from 0 to 100"),
    ("credits", "country", "usa", NAME),
    ("credits", "product", 7, NAME),
    ("credits", "itc_rate", 1.5, "a number from 0 to 1"),
    ("credits", "ptc_rate", None, "a number from 0 to 1"),
    ("credits", "grant_rate", -math.inf, "a number from 0 to 1"),
    ("credits", "concessional_loan", 2, "a whole number from 0 to 1"),
    ("offtake", "project", "", NAME),
    ("offtake", "product", "gamma", NAME),
    ("offtake", "price_usd_per_t", -9_900, "a number above 0"),
    ("projects", "project", None, NAME),
    ("projects", "built", 0.5, "a whole number from 0 to 1"),
    ("projects", "start_year", "2030", "a whole number from 1900 to 2200"),
]


@pytest.mark.parametrize(("part", "cell", "value", "expected"), BAD)
def test_a_bad_cell_is_named_with_what_it_may_hold(desk: Desk, part: str, cell: str, value: object, expected: str) -> None:
    (found,) = refused(desk, changed(part, cell, value))
    assert (found.file, found.row, found.column) == ("plan.toml", None, f"{part}[1].{cell}")
    assert (found.got, found.expected) == (str(value)[:80], expected)
    assert found.remedy == ("see minclub describe" if expected == NAME else f"give {cell}")


@pytest.mark.parametrize(
    ("part", "value", "got"), [("contracts", {"project": "USA_ALPHA"}, "dict"), ("tariffs", ["alpha"], "list"), ("projects", None, "NoneType")]
)
def test_a_part_that_is_no_list_of_tables_is_refused(desk: Desk, part: str, value: object, got: str) -> None:
    (found,) = refused(desk, {**GOOD, part: value})
    assert (found.column, found.got, found.expected) == (part, got, "a list of tables")
    assert found.remedy == f"write [[{part}]]"


@pytest.mark.parametrize("year", [1990, 2026, 2037])
@pytest.mark.parametrize(("part", "project"), [("contracts", "USA_ALPHA"), ("projects", "MEX_ALPHA")])
def test_a_start_outside_the_years_of_the_market_is_refused(desk: Desk, part: str, project: str, year: int) -> None:
    (found,) = refused(desk, changed(part, "start_year", year))
    assert (found.column, found.got, found.expected) == (f"{project}.start_year", str(year), "a year from 2027 to 2036")


@pytest.mark.parametrize("year", [2027, 2036])
def test_the_first_and_the_last_year_of_the_market_may_be_starts(desk: Desk, year: int) -> None:
    assert read_decisions(desk, changed("projects", "start_year", year)).builds["MEX_ALPHA"] == year


def test_all_mistakes_are_told_at_once_in_the_order_of_the_parts(desk: Desk) -> None:
    content = copy.deepcopy(GOOD)
    content["tariffs"][1] |= {"node": "moon", "rate": -1}
    content["contracts"][0] |= {"strike_usd_per_t": math.nan, "share": 2}
    content["credits"][0]["itc_rate"] = True
    content["projects"][0]["start_year"] = 1999
    content["offtake"] = []
    columns = [found.column for found in refused(desk, content)]
    assert columns[:5] == ["tariffs[2].node", "tariffs[2].rate", "contracts[1].strike_usd_per_t", "contracts[1].share", "MEX_ALPHA.start_year"]
    assert columns[5:] == ["credits[1].itc_rate"]


# --- good designs -----------------------------------------------------------------------------------------------------


def test_a_good_design_is_read_in_full(desk: Desk) -> None:
    found = read_decisions(desk, GOOD)
    alpha, beta = found.border("alpha"), found.border("beta")
    assert (alpha.china, alpha.market, alpha.reference) == (0.05, 0.02, 0.0)
    assert beta == desk.unprotected
    assert found.contracts == {"USA_ALPHA": Contract(9_300.0, ContractTerms(4, 0.8, 0.5))}
    assert found.builds == {"USA_ALPHA": 2029, "MEX_ALPHA": 2030}
    credit = found.credit("USA", "alpha")
    assert credit == CreditLevel(itc=0.1, offtake=credit.offtake)
    assert credit.offtake == pytest.approx(1.1)


def test_every_term_of_a_contract_is_read(desk: Desk) -> None:
    terms = {"start_year": 2031, "collar": 0.1, "indexed_share": 0.25, "inflation": 0.02, "start_delay_years": 2}
    content = {"contracts": [GOOD["contracts"][0] | terms]}
    found = read_decisions(desk, content)
    assert found.contracts["USA_ALPHA"].terms == ContractTerms(4, 0.8, 0.5, collar=0.1, indexed_share=0.25, inflation=0.02, first=2)
    assert found.builds == {"USA_ALPHA": 2031}


def test_what_is_absent_is_filled_and_an_empty_design_is_the_law(desk: Desk) -> None:
    found = read_decisions(desk, {"credits": [{"country": "CAN", "product": "beta", "itc_rate": 0.2, "ptc_rate": 0.1}]})
    assert found.credits == {("CAN", "beta"): CreditLevel(itc=0.2, ptc=0.1, grant=0.0, loan=False)}
    assert (found.builds, found.contracts) == ({}, {})
    assert read_decisions(desk, {}).borders == dict.fromkeys(("alpha", "beta"), desk.unprotected)


def test_both_rows_of_a_product_share_the_higher_reference_price(desk: Desk) -> None:
    rows = [{"product": "alpha", "node": node, "rate": 0, "reference_usd_per_t": f} for node, f in (("china_linked", 8_100), ("market", 9_000))]
    for order in (rows, rows[::-1]):
        assert read_decisions(desk, {"tariffs": order}).border("alpha").reference == 9_000.0


def test_projects_of_the_baseline_keep_their_start(desk: Desk) -> None:
    assert "CAN_ALPHA" in desk.baseline.builds
    contract = GOOD["contracts"][0] | {"project": "CAN_ALPHA", "start_year": 2031}
    found = read_decisions(desk, {"contracts": [contract], "projects": [{"project": "CAN_ALPHA", "start_year": 2031}]})
    assert list(found.contracts) == ["CAN_ALPHA"]
    assert found.builds == {}
