"""One strike per class: the highest of the least, rents of the cheap takers, and no claim beyond the bound (C14, C31)."""

from __future__ import annotations

from pathlib import Path

import pytest

from minclub import load, solve
from minclub.models.classes import by_class
from minclub.models.contracts import ContractTerms
from minclub.models.decisions import Contract, Decisions
from minclub.models.desk import Desk
from minclub.reports.tables import verdict
from minclub.tests.solvers.instrument_sets import random


def test_a_class_gets_the_highest_of_its_least_strikes() -> None:
    desk, terms = Desk(load("tutorial")), ContractTerms(5, 1.0, 0.5)
    strikes = {"USA_ALPHA": 8_000.0, "MEX_ALPHA": 7_000.0, "USA_BETA": 900.0}
    assert desk.plants["USA_ALPHA"].refined == desk.plants["MEX_ALPHA"].refined
    given = Decisions(contracts={key: Contract(strike, terms) for key, strike in strikes.items()})
    found = {key: held.strike for key, held in by_class(desk, given).contracts.items()}
    assert found == {"USA_ALPHA": 8_000.0, "MEX_ALPHA": 8_000.0, "USA_BETA": 900.0}


def test_cheap_takers_keep_a_rent_and_the_gap_tells_what_the_search_did_not_weigh(tmp_path: Path) -> None:
    own, classed = (solve(random(tmp_path, 8, 1, "switches.band=false", f"contract.strike_by={by}")) for by in ("project", "class"))
    assert own.contracts["strike_usd_per_t"].nunique() == 2
    assert classed.contracts["strike_usd_per_t"].nunique() == 1
    assert own.contracts["rent_musd"].max() == 0.0
    assert classed.contracts["rent_musd"].max() > 1.0
    proof = classed.certificate
    assert proof["bound_musd"] == pytest.approx(own.certificate["bound_musd"])
    assert proof["bound_from"].endswith("strikes per project")
    assert not proof["proven"]
    assert proof["status"] == "class_strikes"
    assert "one strike per project" in verdict(proof)
    assert proof["objective_musd"] > own.certificate["objective_musd"] + 1.0


def test_no_bound_is_stated_where_the_band_could_let_a_dearer_strike_in() -> None:
    instance = load("tutorial", ["products.alpha.existing_refined_t_usa=6500", "contract.strike_by=class"])
    assert Desk(instance).competition.products == ("alpha",)
    proof = solve(instance).certificate
    assert proof["bound_musd"] is None
    assert not proof["proven"]
