"""Plans, the compact model and brute force give one optimum with each instrument on, and the audit passes (C6, C14 to C18)."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from minclub import Infeasible, solve
from minclub.instances.instance import Instance
from minclub.models.desk import Desk
from minclub.solvers.audit import audit
from minclub.tests.solvers.instrument_sets import CHOICES, JOINT, RULES, line, national, random, reserve, tutorial
from minclub.tests.solvers.test_agreement import check

SINGLE = CHOICES | RULES
FAST = [*CHOICES, "expiry", "offtake_caps", "all_aid"]
EIGHT = 8, 1
"""Seed and number of products of the instance on which most instruments change the optimum."""
SMALL = ((3, 1), (6, 1), EIGHT, (1, 2), (4, 2), (5, 2), (15, 2), (17, 2))
GAP = 1e-3
CASES = [(*size, name) for size in SMALL for name in (*SINGLE, *JOINT)]


def agree(instance: Instance) -> float:
    """Check the three ways and the audited design against each other, and return the optimum, musd."""
    best = check(Desk(instance))
    if math.isinf(best):
        with pytest.raises(Infeasible):
            solve(instance)
        return best
    design = solve(instance, check=False)
    report = audit(design.to_dict(), instance)
    assert report.passed, report.failures[:8]
    assert design.certificate["objective_musd"] == pytest.approx(best, rel=GAP, abs=GAP)
    return best


@pytest.mark.parametrize("name", SINGLE)
def test_tutorial(name: str) -> None:
    assert agree(tutorial(*SINGLE[name])) > 0.0


@pytest.mark.parametrize("more", [("lines.metals=[alpha,beta]",), reserve("alpha"), national("alpha")], ids=["line", "reserve", "national"])
def test_tutorial_with_what_belongs_to_a_product(more: tuple[str, ...]) -> None:
    assert agree(tutorial(*more)) > 0.0


@pytest.mark.parametrize("name", FAST)
def test_random_instance(tmp_path: Path, name: str) -> None:
    assert agree(random(tmp_path, *EIGHT, *(SINGLE | JOINT)[name])) > 100.0


@pytest.mark.slow
@pytest.mark.parametrize(("seed", "products", "name"), CASES)
def test_random_instances(tmp_path: Path, seed: int, products: int, name: str) -> None:
    agree(random(tmp_path, seed, products, *(SINGLE | JOINT)[name]))


@pytest.mark.slow
@pytest.mark.parametrize(("seed", "products"), SMALL)
def test_random_instances_with_what_belongs_to_a_product(tmp_path: Path, seed: int, products: int) -> None:
    for more in (line(products), reserve("product_01"), national("product_01"), (*line(products), *CHOICES["reference_price"], "objective.user_weight=0.5")):
        agree(random(tmp_path, seed, products, *more))
