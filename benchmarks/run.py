"""Run the benchmarks and write ``docs/benchmarks.md``: ``python bootstrap.py bench`` or ``python -m benchmarks.run``.

Each case runs in a process of its own, one after the other, and its row is stored at once: a run that was stopped goes on where
it was when it is started again, unless the code has changed. ``--only NAME`` runs some cases anew, ``--fresh`` all of them. ``--quick`` tries every case on a
small instance and writes nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from statistics import median_low
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.cases import Case  # noqa: E402
from benchmarks.command import finish  # noqa: E402
from benchmarks.machine import commit, machine, versions  # noqa: E402
from benchmarks.page import render  # noqa: E402
from benchmarks.picture import draw  # noqa: E402
from benchmarks.suite import suite  # noqa: E402

RESULTS, PAGE = ROOT / "benchmarks" / "results.json", ROOT / "docs" / "benchmarks.md"
PICTURE = ROOT / "docs" / "assets" / "benchmarks.svg"
FORMAT = 2

Row = dict[str, Any]


def main(argv: list[str] | None = None) -> int:
    """Run a suite; return 0 if every case ended by itself or was refused for a reason."""
    parser = argparse.ArgumentParser(prog="benchmarks.run", description="Run the benchmarks, one process per case.")
    parser.add_argument("--quick", action="store_true", help="every case once on a small instance, in about two minutes; nothing is written")
    parser.add_argument("--fresh", action="store_true", help="forget the stored results and run every case")
    parser.add_argument("--only", action="append", metavar="NAME", help="run the cases of this name (* and ? stand for any characters) anew; may be repeated")
    parser.add_argument("--page", action="store_true", help="write the page and the picture from the stored results, without running anything")
    given = parser.parse_args(argv)
    cases = suite(given.quick)
    wanted = [case for case in cases if any(fnmatchcase(case.name, name) for name in given.only or ["*"])]
    if not wanted:
        parser.error(f"no case is called {' or '.join(given.only)}; there are {', '.join(case.name for case in cases)}")
    if given.quick:
        results = blank()
        work(wanted, results, store=None)
        print(render(results, cases, quick=True))
    else:
        results = blank() if given.fresh or not RESULTS.is_file() else stored(RESULTS)
        if not given.page:
            again = bool(given.only) or is_complete(cases, results)
            work(wanted if again else [case for case in wanted if not is_kept(case, results)], results, store=RESULTS)
        publish(results, cases)
    return 1 if any(row["status"] == "failed" for row in results["rows"].values()) else 0


def work(cases: list[Case], results: Row, store: Path | None) -> None:
    """Run cases one after the other and store each row as soon as it is there."""
    for case in cases:
        start = time.monotonic()
        row = run_case(case)
        results["rows"][case.name] = row | {"spent_s": round(time.monotonic() - start, 1), "commit": commit(ROOT)}
        results |= {"machine": machine(), "versions": versions(), "ended": datetime.now(UTC).isoformat(timespec="minutes")}
        if store is not None:
            fresh = store.with_suffix(".tmp")
            fresh.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
            fresh.replace(store)


def publish(results: Row, cases: list[Case]) -> None:
    """Write the picture and the page."""
    draw(results["rows"], PICTURE)
    PAGE.write_text(render(results, cases), encoding="utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)} and {PICTURE.relative_to(ROOT)}")


def blank() -> Row:
    """Return results without rows."""
    return {"format": FORMAT, "machine": machine(), "versions": versions(), "ended": "", "rows": {}}


def stored(path: Path) -> Row:
    """Return the stored results; none of an older format."""
    found: Row = json.loads(path.read_text(encoding="utf-8"))
    return found if found.get("format") == FORMAT else blank()


def is_kept(case: Case, results: Row) -> bool:
    """Say whether the stored results hold this very case, of this very code."""
    row = results["rows"].get(case.name)
    return row is not None and row["case"] == json.loads(json.dumps(case.to_dict())) and row["commit"] == commit(ROOT)


def is_complete(cases: list[Case], results: Row) -> bool:
    """Say whether the stored results hold every case."""
    return all(is_kept(case, results) for case in cases)


# --- one case -----------------------------------------------------------------------------------------------------------


def run_case(case: Case) -> Row:
    """Run a case as often as it asks and return the run of median wall time, with the wall and CPU times of all."""
    print(f"{case.name:24} {case.method:12} {case.label:30} ", end="", file=sys.stderr, flush=True)
    runs = [run_once(case)]
    while len(runs) < case.repeats and runs[-1]["status"] not in ("failed", "refused", "memory", "killed"):
        runs.append(run_once(case))
    row = runs[-1]
    if len(runs) == case.repeats:
        middle = median_low(run["wall_s"] for run in runs)
        row = next(run for run in runs if run["wall_s"] == middle)
    row = row | {"walls": [run["wall_s"] for run in runs], "cpus": [run.get("cpu_s") for run in runs]}
    print(f"{row['status']:12} {row['wall_s']:8.2f} s {row.get('message', '')}", file=sys.stderr, flush=True)
    return row


def run_once(case: Case) -> Row:
    """Run a case in a process of its own and say how it went."""
    with tempfile.TemporaryDirectory() as folder:
        target, errors = Path(folder) / "row.json", Path(folder) / "errors.txt"
        command = [sys.executable, "-m", "benchmarks.measure", json.dumps(case.to_dict()), str(target)]
        start = time.monotonic()
        with errors.open("w", encoding="utf-8") as stream:
            process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=stream, start_new_session=True)
            ended = wait(process, case.deadline)
        spent, code = finish(process) if ended is None else ended
        row: Row = {"case": json.loads(json.dumps(case.to_dict())), "label": case.label, "wall_s": time.monotonic() - start, **spent}
        if target.is_file() and code == 0:
            return dict(json.loads(target.read_text(encoding="utf-8")))
        if code == -getattr(signal, "SIGKILL", 9):
            return row | {"status": "killed"}
        return row | {"status": "failed", "message": (errors.read_text(encoding="utf-8").strip().splitlines() or ["no message"])[-1]}


def wait(process: subprocess.Popen[bytes], deadline: float) -> tuple[Row, int] | None:
    """Wait for a process until a deadline, seconds, and end it and what it started then; None where it is still to be collected."""
    if not hasattr(os, "waitid"):
        try:
            return {"cpu_s": None, "peak_mb": None}, process.wait(deadline)
        except subprocess.TimeoutExpired:
            process.kill()
            return None
    start = time.monotonic()
    while os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        if time.monotonic() - start > deadline:
            os.killpg(process.pid, signal.SIGKILL)
            break
        time.sleep(0.02)
    return None


if __name__ == "__main__":
    raise SystemExit(main())
