"""The page of benchmarks and its bars, from results that are made up and from those stored."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from minclub.tests.benchmarks.made_up import fabricated


def test_page_has_every_bar_and_every_case(tmp_path: Path) -> None:
    from benchmarks.bars import BARS
    from benchmarks.page import render
    from benchmarks.picture import draw
    from benchmarks.suite import suite

    results = fabricated()
    text = render(results, suite())
    for bar in BARS:
        assert f"| {bar.work} | {bar.bar} |" in text
        assert set(bar.cases) <= set(results["rows"]), bar.work
    for case in suite():
        assert f"| `{case.name}` | {case.method} |" in text
    assert "not run" not in text.lower()
    assert "| yardstick | before: Python 0.50 s, numpy 0.250 s; after: Python 0.50 s, numpy 0.250 s |" in text
    assert "| usmca, all instruments | 1.0 (CPU 0.9) | 1.5 (CPU 1.2) | 1.0 (CPU 0.9) | 42.2 |" in text
    picture = draw(results["rows"], tmp_path / "picture.svg")
    assert picture is not None
    assert "Pyomo" in picture.read_text(encoding="utf-8")


def test_page_of_a_run_that_was_stopped_names_what_is_missing() -> None:
    from benchmarks.page import render
    from benchmarks.suite import suite

    results = fabricated()
    del results["rows"]["caps"], results["rows"]["copy"], results["rows"]["usmca-warm"], results["rows"]["usmca-all-warm"]
    text = render(results, suite())
    assert "| not run: caps | - |" in text
    assert "Coefficients: not run" in text
    assert "| `copy` | copy | tutorial | not run |" in text
    assert "wall and CPU seconds.\n\nNot run.\n" in text


def test_page_says_what_the_ladders_cost() -> None:
    from benchmarks.page import render
    from benchmarks.suite import suite

    text = render(fabricated(continuous={"objective_musd": 9.8, "bound_musd": 9.75}), suite())
    assert "cost 2% of the objective, at most 2.5%: 10.0 with them, 9.8 (bound 9.8)" in text
    assert "After 1 s and 5 rounds no design off the ladders costs less than 6.0, so finer ladders save at most 40% of the 10.0 on them." in text
    failed = fabricated(continuous={"status": "failed", "objective_musd": None, "bound_musd": None, "gap": None})
    assert "Continuous credits and strikes: not run." in render(failed, suite())


def verdicts(results: dict[str, Any]) -> dict[tuple[str, ...], Any]:
    """Return the verdict of each bar by its cases."""
    from benchmarks.bars import BARS

    return {bar.cases: bar.verdict(results["rows"]) for bar in BARS}


def test_bars_are_met_and_missed_for_the_right_reason() -> None:
    met = verdicts(fabricated())
    assert met["usmca-all", "profile"].met
    assert met["caps",].met
    assert met["continuous",].met
    assert met["frontier",].met
    assert met["strikes",].met
    assert met["profile", "profile-shipped"].met
    slow = verdicts(
        fabricated(
            usmca_all={"wall_s": 6.0, "peak_mb": 1200.0},
            caps={"gap": 0.07, "status": "time_limit"},
            help={"wall_s": 0.5, "status": "done"},
            coefficients={"wall_s": 3.5},
            frontier={"wall_s": 2.5},
            strikes={"cold_s": 9.0},
            profile={"stages": {"Pyomo": 0.4, "pricing": 0.6}},
            continuous={"gap": 0.002, "status": "time_limit"},
        )
    )
    assert slow["usmca-all", "profile"].met is False
    assert "pricing 60%" in slow["usmca-all", "profile"].why
    assert slow["caps",].met is False
    assert "gap 7%" in slow["caps",].measured
    for cases in (("help",), ("coefficients",), ("frontier",), ("strikes",), ("continuous",), ("profile", "profile-shipped"), ("usmca", "usmca-all")):
        assert slow[cases].met is False, cases


def test_a_missed_bar_says_why_and_no_more() -> None:
    slow = verdicts(fabricated(frontier={"wall_s": 27.0}, caps={"gap": 0.07, "status": "time_limit"}, synthetic={"gap": 0.5, "status": "time_limit", "wall_s": 120.0}))
    assert slow["frontier",].why == "3.0 s for each point that is searched, all else included"
    assert slow["caps",].why == "caps tie the clusters together, so the search has to branch"
    assert slow["synthetic", "profile-large"].why.startswith("the gap is not proven; CPU time goes to ")
    open_points = verdicts(fabricated(frontier={"status": "time_limit"}, caps={"binding_caps": 2}))
    assert (open_points["frontier",].met, open_points["frontier",].why) == (False, "not every point is proven")
    assert open_points["caps",].why == "2 caps bind"
    failed = verdicts(fabricated(caps={"status": "failed", "gap": None}, usmca={"status": "failed", "gap": None, "wall_s": 1.0}))
    assert (failed["caps",].met, failed["caps",].why) == (False, "")
    assert (failed["usmca", "profile-shipped"].met, failed["usmca", "profile-shipped"].why) == (False, "")


def test_growth_leaves_the_start_up_out() -> None:
    rows = {"synthetic_few_scenarios": {"cpu_s": 2.0}, "synthetic_few_projects": {"cpu_s": 3.0}, "synthetic_tail": {"cpu_s": 9.0}, "tutorial": {"cpu_s": 1.0}}
    found = verdicts(fabricated(**rows))
    assert found["synthetic-few-scenarios", "synthetic-tail", "tutorial"].measured.startswith("x8 ")
    assert found["synthetic-few-projects", "synthetic-tail", "tutorial"].measured.startswith("x4 ")


def test_ratio_is_taken_at_the_gap_of_the_peer() -> None:
    """Ours has 50% after half a second and 0 after one; the peer has 50% after 600 s, or nothing."""
    peer = {"status": "time_limit", "gap": 0.5, "wall_s": 600.0}
    found = verdicts(fabricated(part_compact=peer))["part-plans", "part-compact"]
    assert (found.met, found.measured[:9]) == (True, "1.2e+03x:")
    apart = verdicts(fabricated(part_compact=peer | {"commit": "of another day"}))["part-plans", "part-compact"]
    assert "not of one run (the peer at commit of another day" in apart.measured
    assert "not of one run" not in found.measured
    close = verdicts(fabricated(part_compact=peer | {"gap": 0.0, "wall_s": 15.0}))["part-plans", "part-compact"]
    assert (close.met, close.measured[:4]) == (False, "15x:")
    none = verdicts(fabricated(part_compact={"status": "killed", "gap": None, "wall_s": 600.0}))["part-plans", "part-compact"]
    assert none.met is None
    assert "600 times sooner" in none.measured


def test_page_is_rendered_from_the_stored_results(root: Path) -> None:
    from benchmarks.page import render
    from benchmarks.run import FORMAT
    from benchmarks.suite import suite

    stored = json.loads((root / "benchmarks" / "results.json").read_text(encoding="utf-8"))
    assert stored["format"] == FORMAT
    assert (root / "docs" / "benchmarks.md").read_text(encoding="utf-8") == render(stored, suite())
