"""Run the benchmarks and write ``docs/benchmarks.md``: ``python bootstrap.py bench`` or ``python -m benchmarks.run``.

Each case runs in a process of its own, one after the other. ``--quick`` runs a few small cases and writes nothing unless asked.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.cases import Case, suite  # noqa: E402
from benchmarks.page import render  # noqa: E402

RESULTS, PAGE = ROOT / "benchmarks" / "results.json", ROOT / "docs" / "benchmarks.md"
PACKAGES = ("minclub", "pyomo", "highspy", "numpy", "scipy", "pyscipopt")

Row = dict[str, Any]


def main(argv: list[str] | None = None) -> int:
    """Run a suite; return 0 if every case ended by itself."""
    parser = argparse.ArgumentParser(prog="benchmarks.run", description="Run the benchmarks, one process per case.")
    parser.add_argument("--quick", action="store_true", help="a few small cases in under two minutes; nothing is written")
    parser.add_argument("--page", action="store_true", help="write docs/benchmarks.md from the stored results, without running anything")
    given = parser.parse_args(argv)
    if given.page:
        PAGE.write_text(render(json.loads(RESULTS.read_text(encoding="utf-8"))), encoding="utf-8")
        return 0
    begun, started = time.monotonic(), datetime.now(UTC).isoformat(timespec="minutes")
    rows = [run_case(case) for case in suite(given.quick)]
    results = {"started": started, "seconds": round(time.monotonic() - begun), "machine": machine(), "versions": versions(), "rows": rows}
    if given.quick:
        print(render(results))
    else:
        RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
        PAGE.write_text(render(results), encoding="utf-8")
        print(f"wrote {PAGE.relative_to(ROOT)}")
    return 1 if any(row["status"] in ("killed", "failed") for row in rows) else 0


def run_case(case: Case) -> Row:
    """Run a case in a process of its own and say how it went."""
    command = [sys.executable, "-m", "benchmarks.measure", json.dumps(case.to_dict())]
    print(f"{case.method:8} {case.label:18} ", end="", file=sys.stderr, flush=True)
    row: Row = {"case": case.to_dict(), "label": case.label}
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=3 * case.time_limit + 60)
    except subprocess.TimeoutExpired as error:
        row |= {"status": "killed", "wall_s": float(error.timeout)}
    else:
        failure = (done.stderr.strip().splitlines() or ["no message"])[-1]
        row = json.loads(done.stdout.splitlines()[-1]) if done.returncode == 0 else row | {"status": "failed", "message": failure}
    print(f"{row['status']:12} {row.get('cpu_s', float('nan')):8.1f} s CPU {row.get('message', '')}", file=sys.stderr, flush=True)
    return row


def machine() -> Row:
    """Return what the run depends on and a reader may compare."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3 if hasattr(os, "sysconf") else None
    return {"processor": processor(), "cores": os.cpu_count(), "memory_gb": memory and round(memory), "system": f"{platform.system()} {platform.machine()}"}


def processor() -> str:
    """Return the name of the processor."""
    info = Path("/proc/cpuinfo")
    names = [line.split(":", 1)[1].strip() for line in info.read_text(encoding="utf-8").splitlines() if line.startswith("model name")] if info.is_file() else []
    return names[0] if names else platform.processor() or "unknown"


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that matter; absent ones are left out."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


if __name__ == "__main__":
    raise SystemExit(main())
