"""minclub doctor: sound installations pass, defects are found and never raise."""

from pathlib import Path

import pytest

from minclub.cli import doctor as module
from minclub.cli.doctor import CANARY_OBJECTIVE, Check, doctor


def by_name(checks: list[Check]) -> dict[str, Check]:
    """Return the checks by their names."""
    assert len({check.name for check in checks}) == len(checks)
    return {check.name: check for check in checks}


def test_this_installation_is_sound_and_quiet(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    checks = by_name(doctor(tmp_path))
    assert [check for check in checks.values() if check.status == "failed"] == []
    assert checks["pyomo"].detail == "6.10.1"
    assert checks["highspy"].detail == "1.16.0"
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ("", "")


def test_canary_t4_is_reported_and_cured_by_bounds() -> None:
    """Case T4 (Miranda and Fackler, CompEcon demo DEMSLV13): HiGHS 1.16.0 says unbounded; with bounds it is right."""
    assert module._spatial_equilibrium(float("inf")) == ("kUnbounded", 0.0)
    status, objective = module._spatial_equilibrium(1000.0)
    assert status == "kOptimal"
    assert objective == pytest.approx(CANARY_OBJECTIVE, abs=1e-6)
    note = by_name(doctor())["HiGHS QP without bounds"]
    assert note.status == "note"
    assert "known defect" in note.detail


def test_other_solver_version_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.metadata, "version", lambda name: "1.15.1")
    assert module._package("highspy") == Check("highspy", "failed", "1.15.1; results are checked with 1.16.0")
    assert module._package("numpy").status == "ok"


def test_missing_folder_fails_in_one_line(tmp_path: Path) -> None:
    check = by_name(doctor(tmp_path / "nowhere"))["result folder"]
    assert check.status == "failed"
    assert check.detail.startswith("cannot write in")
    assert "\n" not in check.detail


def test_wrong_optimum_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_spatial_equilibrium", lambda upper: ("kOptimal", -700.0))
    checks = by_name(doctor())
    assert checks["HiGHS bounded QP"].status == "failed"
    assert checks["HiGHS QP without bounds"].status == "note"


def test_a_check_that_raises_is_a_failed_check(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise ImportError("no solver library")

    monkeypatch.setattr(module, "_quiet_highs", broken)
    checks = by_name(doctor())
    assert checks["HiGHS linear programme"] == Check("HiGHS linear programme", "failed", "ImportError: no solver library")
    assert checks["Pyomo compile"].status == "failed"
