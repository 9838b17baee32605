"""Time a command as a user types it: a whole process, from start to end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.measure import megabytes
from benchmarks.solvers import certificate

if TYPE_CHECKING:
    from benchmarks.cases import Case

Row = dict[str, Any]


def command(case: Case) -> Row:
    """Run ``minclub solve`` on the case's instance without a cache, or ``minclub`` with the case's arguments alone."""
    with tempfile.TemporaryDirectory() as folder:
        return _run(case, Path(folder), "--no-cache")


def warm(case: Case) -> Row:
    """Run ``minclub solve`` twice with a cache that is empty at first: the row is of the second run, ``first`` of the one that filled it."""
    with tempfile.TemporaryDirectory() as folder:
        first = _run(case, Path(folder), "--cache")
        held = sum(path.stat().st_size for path in _cache(Path(folder)).iterdir())
        return {**_run(case, Path(folder), "--cache"), "first": first, "cache_mb": held / 1e6}


def _cache(place: Path) -> Path:
    return place / "cache"


def _run(case: Case, place: Path, cache: str) -> Row:
    """Run a command below a folder."""
    target = place / "design.json"
    target.unlink(missing_ok=True)
    spent, code, message = timed([sys.executable, "-m", "minclub", *_words(case, place, target, cache)], place)
    if target.is_file():
        return {**spent, **_design(json.loads(target.read_text(encoding="utf-8")))}
    done = code == 0 and not case.instance and case.recipe is None
    return {**spent, "status": "done"} if done else {**spent, "status": "failed", "message": message}


def _words(case: Case, folder: Path, target: Path, cache: str) -> list[str]:
    if not case.instance and case.recipe is None:
        return list(case.arguments)
    name, settings = case.place(folder)
    limits = ["--gap", str(case.gap), "--time-limit", str(case.time_limit)]
    return ["solve", name, *(word for setting in settings for word in ("--set", setting)), *limits, "-o", str(target), cache, *case.arguments]


def _design(content: Row) -> Row:
    """Return what a written design says of itself."""
    binding = [row for row in content["binding"] if row["constraint"] == "country_cap"]
    return {**certificate(content["certificate"]), "binding_caps": len(binding), "search_s": content["certificate"]["seconds"]}


def timed(words: list[str], folder: Path) -> tuple[Row, int, str]:
    """Run a process; return its wall and CPU seconds and peak memory, its exit code, and its last line on standard error."""
    errors, environment = folder / "stderr.txt", os.environ | {"MINCLUB_CACHE_DIR": str(_cache(folder))}
    with errors.open("w", encoding="utf-8") as stream:
        start = time.perf_counter()
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=stream, cwd=Path(__file__).resolve().parent.parent, env=environment)
        spent, code = finish(process)
        spent["wall_s"] = time.perf_counter() - start
    lines = errors.read_text(encoding="utf-8").strip().splitlines()
    return spent, code, next((line for line in reversed(lines) if "error" in line.lower()), lines[-1] if lines else "no message")


def finish(process: subprocess.Popen[bytes]) -> tuple[Row, int]:
    """Wait for a process; return CPU seconds and peak memory in MB, where the system tells, and its exit code."""
    if not hasattr(os, "wait4"):
        return {"cpu_s": None, "peak_mb": None}, process.wait()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return {"cpu_s": usage.ru_utime + usage.ru_stime, "peak_mb": megabytes(usage.ru_maxrss)}, process.returncode
