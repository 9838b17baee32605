"""payments: the table of a lender, as text, JSON and CSV."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from minclub import evaluate
from minclub.cli.payments import FLAT
from minclub.solvers import payments as room

Invoke = Callable[..., Any]
HELD = '[[contracts]]\nproject = "{}"\nstrike_usd_per_t = 9500\nshare = 1.0\ntenor_years = 5\nupside_share = 0.5\n'


@pytest.fixture
def one(tmp_path: Path) -> Path:
    """Return a design with one contract."""
    return written(tmp_path / "one.toml", "USA_ALPHA")


def written(path: Path, *projects: str) -> Path:
    path.write_text("\n".join(HELD.format(project) for project in projects), encoding="utf-8")
    return path


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_json_has_every_row_in_full(invoke: Invoke, one: Path) -> None:
    result = invoke("payments", "tutorial", "--design", one, "--json")
    assert result.exit_code == 0
    data: dict[str, Any] = json.loads(result.stdout)
    assert (data["instance"], data["scenarios"], data["unit"], data["together"]) == ("tutorial", 3, "million 2025 USD, real", None)
    (entry,) = data["contracts"]
    assert (entry["project"], entry["held"], entry["strike_usd_per_t"]) == ("USA_ALPHA", "design", 9500.0)
    assert [row["year"] for row in entry["years"]] == [2029, 2030, 2031, 2032, 2033]
    assert entry["total"]["expected_musd"] == pytest.approx(5 * 5.5 / 3)
    assert {row["origin"] for row in entry["assumptions"]} >= {"given", "assumed", "setting", "rule"}


def test_text_shows_years_total_present_value_and_assumptions(invoke: Invoke, one: Path) -> None:
    one.write_text(one.read_text(encoding="utf-8").replace("9500", "9600"), encoding="utf-8")
    shown = invoke("payments", "tutorial", "-d", one).stdout
    assert shown.startswith("USA_ALPHA (alpha, USA), contract of the design: 9,600 USD/t on 100.0% of output, 5 years from 2029, 50.0% of the excess")
    lines = {line.split()[0]: line.split() for line in shown.splitlines() if line.split()}
    assert lines["2031"][1:] == ["2,000", "9,600", "9,000", "2.0", "2.8", "0.8", "-2.0", "-0.6", "1.2", "4.2", "6.6", "66.7%"]
    assert lines["total"][4:7] == ["10.0", "14.0", "4.0"]
    assert "PV" in lines
    assert "what the payments rest on" in shown
    assert "reference price: the price that the plant sells at" in shown


def test_many_contracts_are_summed_and_assumptions_are_asked_for(invoke: Invoke, tmp_path: Path) -> None:
    two = written(tmp_path / "two.toml", "USA_ALPHA", "MEX_ALPHA")
    shown = invoke("payments", "tutorial", "-d", two).stdout
    assert "All contracts together" in shown
    assert "rest on: -v or --json" in shown
    assert "what the payments rest on" not in shown
    assert invoke("payments", "tutorial", "-d", two, "-v").stdout.count("what the payments rest on") == 2
    data = json.loads(invoke("payments", "tutorial", "-d", two, "--json").stdout)
    assert data["together"]["pv"]["expected_musd"] == pytest.approx(sum(entry["pv"]["expected_musd"] for entry in data["contracts"]))


def test_csv_has_all_rows(invoke: Invoke, root: Path, tmp_path: Path) -> None:
    target, given = tmp_path / "rows.csv", root / "instances" / "nouveau_monde_2026" / "given.toml"
    result = invoke("payments", "nouveau_monde_2026", "-d", given, "-o", target)
    assert result.exit_code == 0
    assert "wrote" in result.stderr
    found = rows(target)
    assert tuple(found[0]) == FLAT
    regimes = ["PV, slow reversion", "PV, fast reversion", "PV, spot as long-run price"]
    assert [row["period"] for row in found] == [*map(str, range(2030, 2037)), "total", "PV", *regimes]
    assert {row["project"] for row in found} == {"MATAWINIE"}
    assert all(float(row["p05_musd"]) <= float(row["p50_musd"]) <= float(row["p95_musd"]) for row in found)
    quick = invoke("payments", "nouveau_monde_2026", "-d", given, "--quick", "-o", target)
    assert quick.exit_code == 0
    assert [row["period"] for row in rows(target)][-1] == "PV"


def test_csv_of_many_contracts_ends_with_their_sum(invoke: Invoke, tmp_path: Path) -> None:
    target = tmp_path / "rows.csv"
    invoke("payments", "tutorial", "-d", written(tmp_path / "two.toml", "USA_ALPHA", "MEX_ALPHA"), "-o", target)
    found = [row for row in rows(target) if row["period"] == "PV"]
    assert [row["project"] for row in found] == ["MEX_ALPHA", "USA_ALPHA", "ALL"]
    values = [float(row["expected_musd"]) for row in found]
    assert values[2] == pytest.approx(values[0] + values[1])


def test_without_a_contract_the_remedy_is_told(invoke: Invoke) -> None:
    result = invoke("payments", "tutorial")
    assert result.exit_code == 0
    assert result.stdout.strip() == "tutorial has no closed contract with a known strike; name a design with --design."


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("-o", "rows.xlsx"), "written as .csv"),
        (("-o", "no/such/rows.csv"), "there is no folder"),
        (("-d", "absent.toml"), "no such file"),
        (("--set", "contract.preset=nobody"), "contract.preset"),
    ],
)
def test_bad_usage_is_refused(invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], message: str) -> None:
    monkeypatch.chdir(tmp_path)
    result = invoke("payments", "tutorial", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr


def test_a_design_that_fails_the_audit_has_an_exit_code(invoke: Invoke, one: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*given: Any, **more: Any) -> Any:
        made = evaluate(*given, **more)
        made.certificate["audit"] = "failed"
        return made

    monkeypatch.setattr(room, "evaluate", failing)
    result = invoke("payments", "tutorial", "-d", one)
    assert result.exit_code == 5
    assert "failed the audit" in result.stderr
