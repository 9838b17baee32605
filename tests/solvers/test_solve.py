"""Solving, pinning, stopping and explaining."""

from pathlib import Path

import numpy as np
import pytest

import minclub as mc
from minclub.instances.errors import InstanceError
from minclub.solvers import search
from minclub.solvers import solve as solving
from minclub.solvers.design import Design, DesignError
from minclub.solvers.explain import Infeasible
from minclub.solvers.fixes import read_fixes


@pytest.fixture(scope="module")
def tutorial() -> mc.instances.Instance:
    return mc.load("tutorial")


@pytest.fixture(scope="module")
def design(tutorial: mc.instances.Instance) -> Design:
    return mc.solve(tutorial)


def test_the_tutorial_is_proven_and_audited(design: Design) -> None:
    proof = design.certificate
    assert (proof["status"], proof["proven"], proof["audit"]) == ("optimal", True, "passed")
    assert proof["bound_musd"] <= proof["objective_musd"] + 1e-9
    assert proof["gap"] <= proof["gap_asked"]


def test_a_design_survives_the_disk_and_evaluates_to_itself(tutorial: mc.instances.Instance, design: Design, tmp_path: Path) -> None:
    path = design.write(tmp_path / "design.json")
    again = Design.read(path)
    assert again.to_dict() == design.to_dict()
    given = mc.evaluate(tutorial, path)
    assert given.certificate["status"] == "given"
    assert not given.proven
    assert given.certificate["objective_musd"] == pytest.approx(design.certificate["objective_musd"], abs=1e-9)
    for name in ("tariffs", "contracts", "projects", "totals", "consumers", "payoff"):
        assert getattr(given, name).equals(getattr(again, name)) or getattr(given, name).astype(str).equals(getattr(design, name).astype(str))


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"schema_version": 99}', '{"schema_version": 1}'])
def test_files_that_are_no_designs_are_refused(content: str, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(DesignError):
        Design.read(path)


def test_fixing_a_decision_pins_it_and_never_helps(tutorial: mc.instances.Instance, design: Design) -> None:
    best = design.certificate["objective_musd"]
    lower = mc.solve(tutorial, fixes=["tariff.china_linked.alpha=0.01"])
    row = lower.tariffs.query("product == 'alpha' and node == 'china_linked'").iloc[0]
    assert row["rate"] == 0.01
    assert lower.certificate["objective_musd"] >= best - 1e-9
    without = mc.solve(tutorial, fixes={"built.USA_ALPHA": 0})
    assert not without.projects.set_index("project").loc["USA_ALPHA", "built"]
    assert without.certificate["objective_musd"] > best
    strike = mc.solve(tutorial, fixes={"strike.USA_ALPHA": 9000})
    assert strike.contracts.set_index("project").loc["USA_ALPHA", "strike_usd_per_t"] == 9000
    assert strike.certificate["objective_musd"] >= best - 1e-9


def test_fixing_what_the_optimum_does_changes_nothing(tutorial: mc.instances.Instance, design: Design) -> None:
    same = mc.solve(tutorial, fixes=["tariff.china_linked.alpha=0.02", "built.USA_ALPHA=1", "strike.USA_ALPHA=8440"])
    assert same.certificate["objective_musd"] == pytest.approx(design.certificate["objective_musd"])


def test_unknown_fixes_are_listed_at_once(tutorial: mc.instances.Instance) -> None:
    with pytest.raises(InstanceError) as caught:
        read_fixes(tutorial, ["tariff.china_linked.alhpa=0.1", "strike.NOBODY=5", "built.USA_ALPHA=2", "colour=red", "start.USA_ALPHA=x"])
    assert len(caught.value.problems) == 5
    assert "did you mean alpha" in str(caught.value)


def test_a_target_out_of_reach_is_explained_with_the_least_repair() -> None:
    with pytest.raises(Infeasible) as caught:
        mc.solve(mc.load("tutorial", ["targets.alpha=0.95"]))
    text = str(caught.value)
    assert "alpha" in text
    (repair,) = caught.value.repairs
    level = float(repair.split("targets.alpha=")[1].rstrip(")"))
    assert mc.solve(mc.load("tutorial", [f"targets.alpha={level}"])).proven
    with pytest.raises(Infeasible):
        mc.solve(mc.load("tutorial", [f"targets.alpha={level + 0.01}"]))


def test_a_budget_out_of_reach_is_explained_with_a_repair_that_works() -> None:
    caps = [f"caps.{c}.each_year=0" for c in ("USA", "CAN", "MEX")]
    with pytest.raises(Infeasible) as caught:
        mc.solve(mc.load("tutorial", caps))
    assert any("budget" in repair for repair in caught.value.repairs)
    mended = [repair.split("--set ")[1].rstrip(")") for repair in caught.value.repairs]
    assert mc.solve(mc.load("tutorial", [*caps, *mended])).proven


def test_no_time_gives_no_design(tutorial: mc.instances.Instance) -> None:
    with pytest.raises(solving.NoDesign):
        mc.solve(tutorial, time_limit=0.0)


def test_ctrl_c_returns_the_incumbent_marked(tutorial: mc.instances.Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(self: search.Search, *_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(search.Search, "_root", interrupt)
    found = mc.solve(tutorial)
    assert found.certificate["status"] == "interrupted"
    assert not found.proven
    assert np.isfinite(found.certificate["objective_musd"])


def test_progress_reports_stage_incumbent_and_bound(tutorial: mc.instances.Instance) -> None:
    seen: list[tuple[str, float, float]] = []
    mc.solve(tutorial, progress=lambda *event: seen.append(event))
    assert seen[-1][0] == "proven"
    assert seen[-1][2] <= seen[-1][1] + 1e-9


def test_an_audit_failure_is_no_result(tutorial: mc.instances.Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = solving.statement_design

    def forged(*args: object, **kwargs: object) -> Design:
        made = honest(*args, **kwargs)  # type: ignore[arg-type]
        made.contracts["strike_usd_per_t"] += 10.0
        return made

    monkeypatch.setattr(solving, "statement_design", forged)
    with pytest.raises(solving.AuditFailed):
        mc.solve(tutorial)


def test_a_pinned_credit_stands_where_nothing_is_added(tutorial: mc.instances.Instance) -> None:
    """The baseline's projects draw it; the audit in ``solve`` recomputes what it costs."""
    plants = tutorial.projects
    for product in tutorial.products.index:
        for country in sorted(set(plants.loc[plants["product_code"] == product, "country"])):
            found = mc.solve(tutorial, fixes={f"credit.itc.{country}.{product}": 0.1})
            row = found.credits.query("country == @country and product == @product").iloc[0]
            assert row["itc_rate"] == 0.1
            assert found.certificate["audit"] == "passed"


@pytest.mark.parametrize(
    ("name", "value"), [("tariff.china_linked.alpha", 0.013), ("tariff.market.alpha", 0.004), ("credit.itc.USA.alpha", 0.03), ("reference.alpha", 6_100.0)]
)
def test_a_pinned_decision_may_lie_off_the_ladder(name: str, value: float) -> None:
    assert mc.solve(mc.load("tutorial"), fixes={name: value}).certificate["audit"] == "passed"
