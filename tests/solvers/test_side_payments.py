"""What a pool moves between treasuries: reported per member, recomputed by the audit, nothing in sum (C24, C32)."""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from typing import Any

import numpy as np
import pytest

from minclub import solve
from minclub.instances.instance import Instance
from minclub.models.market import COUNTRIES
from minclub.reports.tables import public_cost
from minclub.solvers.audit import audit
from minclub.solvers.design import Design
from minclub.tests.solvers.instrument_sets import CHOICES, tutorial

SHARES = {"USA": 0.5, "CAN": 0.3, "MEX": 0.2}
POOLED = ("funding.mode=pooled", *(f"funding.shares.{c}={share}" for c, share in SHARES.items()))
OFFTAKE = (*CHOICES["procurement"], "ladders.offtake=[1.5]")
MOVED = ("hosted", "pool_share", "side_payment")


@cache
def solved(*overrides: str) -> tuple[Instance, Design]:
    """Solve the tutorial with overrides."""
    instance = tutorial(*overrides)
    return instance, solve(instance)


def totals(design: Design) -> dict[tuple[str, str], float]:
    """Return the totals by (item, country), PV musd."""
    return {(row["item"], row["country"]): row["pv_musd"] for row in design.totals.to_dict("records")}


def present(instance: Instance, design: Design, country: str, signs: dict[str, float]) -> float:
    """Return the PV of some yearly items of a member, musd."""
    table = design.public_cost[design.public_cost["country"] == country]
    years = table["year"].to_numpy() - int(instance.settings["years.base"])
    return float((table["value_musd"] * table["item"].map(signs).fillna(0.0)) @ (1.0 + instance.param("public_rate")) ** -years.astype(float))


def test_the_host_gets_what_the_others_owe() -> None:
    host, lone = solved()
    flows = {"contract_payments": 1.0, "contract_receipts": -1.0, "credits": 1.0}
    hosted = {c: present(host, lone, c, flows) for c in COUNTRIES}
    assert hosted["USA"] > 0.1
    assert hosted["CAN"] == hosted["MEX"] == 0.0
    found = totals(solved(*POOLED)[1])
    for c in COUNTRIES:
        assert found["hosted", c] == pytest.approx(hosted[c])
        assert found["pool_share", c] == pytest.approx(SHARES[c] * hosted["USA"])
        assert found["side_payment", c] == pytest.approx(SHARES[c] * hosted["USA"] - hosted[c])
    assert found["side_payment", "USA"] < 0.0 < found["side_payment", "MEX"] < found["side_payment", "CAN"]
    assert sum(found["side_payment", c] for c in COUNTRIES) == pytest.approx(0.0, abs=1e-12)


def test_no_side_payments_where_hosts_pay() -> None:
    assert not set(MOVED) & {item for item, _ in totals(solved()[1])}


def test_what_a_member_bears_is_its_share_of_the_pool_its_quota_and_its_border_revenue() -> None:
    instance, design = solved(*POOLED, *OFFTAKE, "ladders.itc=[0]", "ladders.ptc=[0]")
    found = totals(design)
    rest = {"offtake_payments": 1.0, "offtake_receipts": -1.0, "reserve_carry": 1.0, "border_revenue": -1.0}
    apart = {c: present(instance, design, c, rest) for c in COUNTRIES}
    assert max(np.abs(list(apart.values()))) > 0.1
    for c in COUNTRIES:
        assert found["net", c] == pytest.approx(found["pool_share", c] + apart[c])


@pytest.mark.parametrize(("usa", "can", "failed"), [(1.0, -1.0, {"totals.pv_musd"}), (1.0, 0.0, {"totals.pv_musd", "sum of side payments"})])
def test_the_audit_finds_a_wrong_side_payment(usa: float, can: float, failed: set[str]) -> None:
    instance, design = solved(*POOLED)
    content: dict[str, Any] = deepcopy(design.to_dict())
    assert any(check.name == "sum of side payments" and check.passed for check in audit(content, instance).checks)
    for row in content["totals"]:
        if row["item"] == "side_payment":
            row["pv_musd"] += {"USA": usa, "CAN": can}.get(row["country"], 0.0)
    assert {check.name for check in audit(content, instance).failures} == failed


def test_the_audit_misses_side_payments_that_are_not_reported() -> None:
    instance, design = solved(*POOLED)
    content = design.to_dict()
    content["totals"] = [row for row in content["totals"] if row["item"] not in MOVED]
    assert {(check.name, check.where) for check in audit(content, instance).failures} >= {("totals.pv_musd", f"{c} / side_payment") for c in COUNTRIES}


def test_the_report_says_who_pays_whom() -> None:
    assert not any("Side payments" in note for note in public_cost(solved()[1]).notes)
    [note] = [note for note in public_cost(solved(*POOLED)[1]).notes if "Side payments" in note]
    assert "USA -" in note.replace("−", "-")
