"""The order of optima: an instrument more or a constraint less never costs more (C6, C12 to C19, C26)."""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path

import pytest

from minclub import Infeasible, solve
from minclub.instances.instance import Instance
from minclub.models.desk import Desk
from minclub.tests.solvers.instrument_sets import CHOICES, Overrides, random, tutorial

SMALL = ((6, 1), (8, 1), (1, 2))
"""Seed and number of products of random instances on which the instruments are worth something."""
CORE = ("tariffs", "contracts", "credits")
CONSTRAINTS = (
    "value", "tail", "lender", "stack", "export_cap", "displacement", "band", "security", "users_product", "users_basket", "country_caps", "worst5",
)  # fmt: skip
"""``switches.expiry`` is a risk, no constraint."""
BANKABLE = ("value", "tail", "lender")
"""These hold for the baseline too: one less can put more projects into it, which every design must then build (C12, C27)."""
BINDING: Overrides = (
    "caps.USA.each_year=60",
    "caps.CAN.each_year=60",
    "caps.MEX.each_year=60",
    "caps.worst5_outlay=900",
    "caps.product_price=0.3",
    "caps.basket=0.3",
)
"""Caps near the optimum, so that the switches lift something."""
Proof = tuple[float, float]
"""Objective and bound, musd; both infinite where the demands cannot be met."""


def proof(instance: Instance) -> Proof:
    """Solve, audit, and return objective and bound."""
    try:
        design = solve(instance)
    except Infeasible:
        return math.inf, math.inf
    assert design.proven
    assert design.certificate["audit"] == "passed"
    return float(design.certificate["objective_musd"]), float(design.certificate["bound_musd"])


def assert_not_dearer(free: Proof, bound: Proof) -> None:
    """Check that the freer optimum is at most the other one, both known to within their gaps."""
    assert free[1] <= bound[0] + 1e-6 * max(1.0, abs(bound[0]))


@cache
def of_tutorial(*overrides: str) -> Proof:
    return proof(tutorial(*overrides))


@pytest.mark.parametrize("name", CHOICES)
def test_an_instrument_more_on_the_tutorial(name: str) -> None:
    assert_not_dearer(of_tutorial(*CHOICES[name]), of_tutorial())


@pytest.mark.parametrize("name", CORE)
def test_an_instrument_less_on_the_tutorial(name: str) -> None:
    assert_not_dearer(of_tutorial(), of_tutorial(f"instruments.{name}=false"))


@pytest.mark.parametrize("name", CONSTRAINTS)
def test_a_constraint_less_on_the_tutorial(name: str) -> None:
    assert_not_dearer(of_tutorial(f"switches.{name}=false"), of_tutorial())


def test_the_order_is_strict_somewhere() -> None:
    """Else the tests above would compare equal numbers only."""
    assert of_tutorial(*CHOICES["upside_shares"])[0] < of_tutorial()[0] - 1.0
    assert of_tutorial("instruments.tariffs=false")[0] > of_tutorial()[0] + 1.0
    assert of_tutorial("switches.security=false")[0] < of_tutorial()[0] - 1.0


@pytest.mark.slow
@pytest.mark.parametrize("caps", [(), BINDING], ids=["wide", "tight"])
@pytest.mark.parametrize(("seed", "products"), SMALL)
def test_random_instances_keep_the_order(tmp_path: Path, seed: int, products: int, caps: Overrides) -> None:
    def at(*overrides: str) -> Instance:
        return random(tmp_path, seed, products, *caps, *overrides)

    plain, builds = proof(at()), Desk(at()).baseline.builds
    for more in CHOICES.values():
        assert_not_dearer(proof(at(*more)), plain)
    for name in CORE:
        assert_not_dearer(plain, proof(at(f"instruments.{name}=false")))
    for name in CONSTRAINTS:
        off = at(f"switches.{name}=false")
        if name not in BANKABLE or Desk(off).baseline.builds == builds:
            assert_not_dearer(proof(off), plain)


def test_a_bankability_test_less_can_commit_the_baseline(tmp_path: Path) -> None:
    """Without the lender project_002 pays alone, so every design builds it, and it shuts out its rival of the same group (C12, C27)."""
    with_, without = (Desk(random(tmp_path, 6, 1, f"switches.lender={lender}")) for lender in ("true", "false"))
    assert (with_.baseline.builds, without.baseline.builds) == ({}, {"project_002": 2033})
    assert proof(with_.instance)[0] < math.inf
    assert proof(without.instance)[0] == math.inf
