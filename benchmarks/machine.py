"""What a run depends on: the machine, the versions, the commit."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

PACKAGES = ("minclub", "pyomo", "highspy", "numpy", "scipy", "pyscipopt", "linopy")

Row = dict[str, Any]


def machine() -> Row:
    """Return what a reader may compare: processor, cores, memory, system."""
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


def commit(root: Path) -> str:
    """Return the last commit of the package's rooms, with a plus where their files differ from it; empty without git."""
    rooms = ["instances", "models", "solvers", "reports", "cli"]
    try:
        head = subprocess.run(["git", "log", "-1", "--format=%h", "--", *rooms], cwd=root, capture_output=True, text=True, check=True).stdout.strip()
        changed = subprocess.run(["git", "status", "--porcelain", "--", *rooms], cwd=root, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""
    return head + ("+" if changed else "")
