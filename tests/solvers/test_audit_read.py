"""What the audit reads from an instance and a design, and what it refuses."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from minclub.instances.instance import Instance
from minclub.instances.loader import load
from minclub.instances.scenarios import generate
from minclub.solvers.audit import AuditRefused, audit
from minclub.solvers.audit_design import TABLES
from minclub.solvers.audit_read import read_world
from minclub.solvers.audit_strike import has_digits, next_lower
from minclub.solvers.audit_tables import nearest_irr
from minclub.solvers.audit_world import World

PRODUCT = "graphite_anode"


@pytest.fixture(scope="module")
def usmca() -> Instance:
    return load("usmca", {"scenarios.count": 4})


def read(instance: Instance, latest_start: int = 2040) -> World:
    return read_world(instance, generate(instance), latest_start)


def empty(instance: Instance) -> dict[str, Any]:
    """Return a design without any decision."""
    certificate = {"status": "given", "instance_sha256": instance.sha256}
    return {name: [] for name in TABLES} | {"schema_version": 1, "certificate": certificate, "provenance": {"instance": instance.name}}


def policy(*rows: dict[str, Any]) -> pd.DataFrame:
    return pd.DataFrame([{"instrument_id": str(i), **row} for i, row in enumerate(rows)]).set_index("instrument_id")


def test_c15_law_credits_follow_their_schedule_and_add_up(usmca: Instance) -> None:
    first = {
        "country": "CAN",
        "products": (PRODUCT,),
        "kind": "itc",
        "rate": 0.3,
        "start_year": 2024,
        "end_year": 2032,
        "phase_schedule": ((2030, 0.2), (2031, 0.1)),
    }
    second = {"country": "CAN", "products": ("all",), "kind": "itc", "rate": 0.05, "start_year": 2029, "end_year": None, "phase_schedule": ()}
    other = {"country": "CAN", "products": ("all",), "kind": "tariff", "rate": 0.5, "start_year": 2024, "end_year": None, "phase_schedule": ()}
    found = read(replace(usmca, policy=policy(first, second, other))).law_credits
    assert found["itc", 1, PRODUCT][:8] == pytest.approx(np.array([0.3, 0.3, 0.35, 0.25, 0.15, 0.15, 0.05, 0.05]))
    assert found["itc", 1, "copper"][:3] == pytest.approx(np.array([0.0, 0.0, 0.05]))
    assert {kind for kind, _, _ in found} == {"itc"}


def test_c2_years_after_the_last_simulated_one_use_its_mean(usmca: Instance) -> None:
    world = read(usmca, 2060)
    last = world.simulated - 1
    assert world.horizon >= 2060 + 30 - world.base
    assert world.market[PRODUCT][:, last + 1 :] == pytest.approx(np.full((4, world.horizon - last - 1), world.market[PRODUCT][:, last].mean()))
    assert not world.restricted[PRODUCT][:, last + 1 :].any()


def test_c10_capital_expansion_and_life(usmca: Instance) -> None:
    code = str(usmca.projects.index[0])
    cells = {
        "capex_musd": 100.0, "optimism_factor": 1.2, "sunk_capex_share": 0.25, "public_grant_musd": 10.0, "life_years": 40,
        "expansion_year": 3, "expansion_capex_musd": 7.0, "expansion_capacity_t_per_year": 5.0,
    }  # fmt: skip
    projects = usmca.projects.copy()
    for column, value in cells.items():
        projects[column] = projects[column].astype(object)
        projects.loc[code, column] = value
    found = read(replace(usmca, projects=projects)).projects[code]
    assert (found.capital, found.grant, found.life, found.expansion_capital) == pytest.approx((80.0, 10.0, 30, 0.0))
    full = read(replace(usmca, projects=projects, settings={**usmca.settings, "data.optional_expansions": True})).projects[code]
    assert full.tonnes[3] - full.tonnes[2] == pytest.approx(5.0 * full.ramp_at(3) + full.capacity * (full.ramp_at(3) - full.ramp_at(2)))
    assert full.expansion_capital == 7.0


def test_c27_only_contracts_in_force_with_strike_and_project_enter(usmca: Instance) -> None:
    code = str(usmca.projects.index[0])
    row = {
        "project_id": code,
        "in_b0": True,
        "strike_usd_per_t": 900.0,
        "tenor_years": 5,
        "start_year": 2026,
        "share": 1.0,
        "upside_share": 0.3,
        "quantity_t_per_year": None,
    }
    rows = [
        row,
        row | {"project_id": ""},
        row | {"project_id": str(usmca.projects.index[1]), "in_b0": False},
        row | {"project_id": str(usmca.projects.index[2]), "strike_usd_per_t": None},
    ]
    frame = pd.DataFrame(rows, index=pd.Index(list("abcd"), name="contract_id"))
    found = read(replace(usmca, contracts=frame)).projects
    assert [p.code for p in found.values() if p.closed] == [code]
    closed = found[code].closed
    assert closed is not None
    assert (closed.strike, closed.upside, closed.start, closed.quantity) == (900.0, 0.3, 2026, float("inf"))


def test_c3_unknown_number_is_refused(usmca: Instance) -> None:
    products = usmca.products.copy()
    products.loc[PRODUCT, "voll_usd_per_t"] = np.nan
    with pytest.raises(AuditRefused, match=f"products, row {PRODUCT}: voll_usd_per_t"):
        audit(empty(usmca), replace(usmca, products=products))


def test_c2_start_before_the_base_year_is_refused(usmca: Instance) -> None:
    with pytest.raises(AuditRefused, match="start before the base year 2040 cannot be audited: LI_THACKER"):
        read(replace(usmca, settings={**usmca.settings, "years.base": 2040}))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"schema_version": 3}, "schema_version"),
        ({"contracts": "none"}, "contracts must be a list"),
        ({"provenance": None}, "provenance must be an object"),
        ({"certificate": {"instance_sha256": "1" * 64}}, "belongs to the instance with sha256 1111"),
        ({"projects": [{"project": "GHOST", "built": 1}]}, "'GHOST' is unknown"),
        ({"projects": [{"project": "GR_NMG", "built": 1, "start_year": 1e9}]}, "start_year must be a whole number"),
        ({"projects": [{"project": "GR_NMG", "built": 1, "start_year": 2031}] * 2}, "appears twice"),
        ({"tariffs": [{"product": PRODUCT, "node": "moon", "rate": "high"}]}, "(?s)'moon' is unknown.*rate must be a number"),
        ({"credits": [{"country": "CAN", "product": PRODUCT, "itc_rate": 0.0, "ptc_rate": 0.0}] * 2}, "appears twice"),
        ({"contracts": [{"project": "GR_NMG", "strike_usd_per_t": float("nan")}]}, "(?s)strike_usd_per_t must be a number.*is not built"),
    ],
)
def test_unreadable_design_is_refused(change: dict[str, Any], words: str, usmca: Instance) -> None:
    with pytest.raises(AuditRefused, match=words):
        audit(empty(usmca) | change, usmca)


def test_instance_is_loaded_from_provenance(usmca: Instance) -> None:
    raw = empty(usmca) | {"provenance": {"instance": "usmca", "overrides": ["scenarios.count=4"]}}
    assert any(check.convention == "C27" for check in audit(raw).checks)
    with pytest.raises(AuditRefused, match="belongs to the instance"):
        audit(raw | {"provenance": {"instance": "usmca", "overrides": ["scenarios.count=5"]}})


def test_file_and_provenance_problems_are_refused(usmca: Instance, tmp_path: Path) -> None:
    path = tmp_path / "design.json"
    with pytest.raises(AuditRefused, match="cannot be read"):
        audit(path)
    path.write_text("[1]")
    with pytest.raises(AuditRefused, match="JSON object"):
        audit(path)
    with pytest.raises(AuditRefused, match="cannot be loaded"):
        audit(empty(usmca) | {"provenance": {"instance": "no_such_instance"}})
    with pytest.raises(AuditRefused, match="does not name an instance"):
        audit(empty(usmca) | {"provenance": {}})


def test_c32_audit_imports_only_instances_and_numpy(root: Path) -> None:
    allowed = {"__future__", "collections", "dataclasses", "functools", "json", "math", "numpy", "pathlib", "typing"}
    files = sorted((root / "solvers").glob("audit*.py"))
    assert len(files) > 5
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                assert {alias.name.split(".")[0] for alias in node.names} <= allowed, file
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                assert (node.module or "").split(".")[0] in allowed, file
            elif isinstance(node, ast.ImportFrom):
                own = node.level == 1 and (node.module or "").startswith("audit")
                assert own or (node.level == 2 and (node.module or "").split(".")[0] == "instances"), file


def test_c14_three_digit_grid() -> None:
    assert [next_lower(k) for k in (1000.0, 1010.0, 100.0, 12300.0, 0.5)] == pytest.approx([999.0, 1000.0, 99.9, 12200.0, 0.499])
    assert has_digits(19200.0)
    assert has_digits(0.123)
    assert not has_digits(1001.0)
    assert not has_digits(0.0)


def test_internal_rate_of_return() -> None:
    assert nearest_irr(np.array([-1.0, 0.0, 1.21]), 0.1) == pytest.approx(0.1)
    assert nearest_irr(np.array([-1.0, 0.9]), None) is None
    assert nearest_irr(np.array([-1.0, 0.9]), -0.1) == pytest.approx(-0.1)
    assert nearest_irr(np.array([1.0, 1.0]), 0.2) is None


def test_a_rate_near_total_loss_is_found() -> None:
    assert nearest_irr(np.array([-1.0, 0.0012]), -0.9988) == pytest.approx(-0.9988)
