"""The commands ``frontier`` and ``sweep``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from minclub.cli.frontier import spread

BASKET = ("frontier", "tutorial", "--over", "basket", "--from", 0, "--to", 0.02)
SWEEP = ("sweep", "tutorial", "--strike", "USA_ALPHA", "--from", 6000, "--to", 12000, "--points", 4)


def test_values_are_evenly_spread_with_both_ends() -> None:
    assert spread(0.0, 1.0, 5) == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert spread(3.0, 9.0, 1) == [3.0]


def test_frontier_shows_writes_and_prints_the_same_rows(invoke: Any, tmp_path: Path) -> None:
    target = tmp_path / "rows.csv"
    shown = invoke(*BASKET, "--points", 6, "-o", target)
    assert shown.exit_code == 0, shown.output
    assert "users_basket USA" in shown.stdout
    assert shown.stderr.splitlines()[-1] == f"wrote {target}"
    rows = json.loads(invoke(*BASKET, "--points", 6, "--json").stdout)["rows"]
    written = pd.read_csv(target)
    assert [row["objective_musd"] for row in rows] == pytest.approx(written["objective_musd"].tolist(), abs=1e-9)
    assert [row["limit"] for row in rows] == pytest.approx([0.02, 0.016, 0.012, 0.008, 0.004, 0.0])
    assert rows[0]["objective_musd"] < rows[-1]["objective_musd"]


def test_frontier_says_where_designs_end(invoke: Any) -> None:
    result = invoke("frontier", "tutorial", "--over", "targets", "--from", 1, "--to", 2.8, "--points", 2)
    assert result.exit_code == 0, result.output
    assert "infeasible" in result.stdout
    assert "No design at 1.7" in result.stdout


def test_sweep_shows_strikes_that_are_bankable_and_those_that_are_not(invoke: Any) -> None:
    result = invoke(*SWEEP, "--json")
    assert result.exit_code == 0, result.output
    made = json.loads(result.stdout)
    assert [row["status"] for row in made["rows"]] == ["infeasible", "optimal", "optimal", "optimal"]
    assert made["proven"] is True
    assert "12,000" in invoke(*SWEEP).stdout


def test_unproven_points_end_with_the_code_of_a_stopped_solve(invoke: Any) -> None:
    result = invoke(*BASKET, "--points", 2, "--time-limit", 0)
    assert result.exit_code == 4
    assert "time_limit" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ((*BASKET, "-o", "rows.txt"), ".csv"),
        ((*SWEEP, "-o", "rows"), ".csv"),
        ((*SWEEP, "-o", "no/such/rows.csv"), "there is no folder"),
        (("frontier", "tutorial", "--over", "country_caps", "--from", 0, "--to", 1), "absent"),
        (("sweep", "tutorial", "--strike", "NOWHERE", "--from", 1, "--to", 2), "a name of the instance"),
        (("frontier", "tutorial", "--over", "basket", "--from", "nan", "--to", 1), "nan"),
    ],
)
def test_bad_input_is_one_list_and_no_traceback(invoke: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[Any, ...], word: str) -> None:
    monkeypatch.chdir(tmp_path)
    result = invoke(*arguments)
    assert result.exit_code == 2, result.output
    assert word in result.output
    assert "Traceback" not in result.output
