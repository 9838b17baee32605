"""The command ``claims`` and its page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from minclub.cli import claims_page
from minclub.cli.claims import cell, grid


def test_json_is_the_list_of_rows(invoke: Any) -> None:
    result = invoke("claims", "tutorial", "--claim", 4, "--claim", 1, "--quick", "--json")
    assert result.exit_code == 0, result.output
    rows = json.loads(result.stdout)
    assert [r["id"] for r in rows] == [1, 4]
    assert rows[0]["figure"]["alpha"]["rise"] == pytest.approx(0.25)


def test_plain_table_has_verdict_and_figures_of_chosen_claims(invoke: Any) -> None:
    result = invoke("claims", "tutorial", "--claim", 1, "--quick")
    assert result.exit_code == 0, result.output
    assert "A 25% tariff on Chinese minerals alone has little effect" in result.stdout
    assert "depends" in result.stdout
    assert "experiment: switches.expiry=false" in result.stdout
    assert "\x1b" not in result.stdout


def test_settings_and_scenarios_reach_the_experiments(invoke: Any) -> None:
    result = invoke("claims", "usmca", "--claim", 8, "--quick", "--scenarios", 5, "--set", "data.tiers=A", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)[0]["verdict"] in claims_verdicts()


def claims_verdicts() -> tuple[str, ...]:
    """Return the verdicts."""
    from minclub.solvers.claims_world import VERDICTS

    return VERDICTS


@pytest.mark.parametrize(("arguments", "word"), [(("--claim", 99), "1 to 11"), (("--set", "no.such=1"), "unknown key")])
def test_bad_input_is_one_list_and_no_traceback(invoke: Any, arguments: tuple[Any, ...], word: str) -> None:
    result = invoke("claims", "tutorial", *arguments)
    assert result.exit_code == 2
    assert word in result.stderr
    assert "Traceback" not in result.output


def test_figures_of_every_shape_become_a_grid() -> None:
    assert grid(None) == (["what"], [])
    assert grid(1.5) == (["what", "figure"], [{"what": "figure", "figure": 1.5}])
    assert grid({"a": 1.0}) == (["what", "figure"], [{"what": "a", "figure": 1.0}])
    assert grid({"a": {"x": 1.0}, "b": {"y": 2}}) == (["what", "x", "y"], [{"what": "a", "x": 1.0}, {"what": "b", "y": 2}])
    assert [cell(v) for v in (None, 3, 0.12345, "text")] == ["-", "3", "0.1235", "text"]


def test_page_shows_the_stored_rows(root: Path) -> None:
    rows = json.loads((root / "docs" / claims_page.STORED).read_text(encoding="utf-8"))
    assert (root / "docs" / claims_page.PAGE).read_text(encoding="utf-8") == claims_page.page(rows)
    assert set(claims_page.READING) == {r["id"] for r in rows}
