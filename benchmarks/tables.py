"""Tables of the page: columns, and how a number, a gap and an outcome are written."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

Row = dict[str, Any]
Column = tuple[str, Callable[[Row], str]]

METHODS = {"plans": "plans (minclub)", "compact": "compact, HiGHS", "direct": "direct, SCIP", "brute": "brute force"}
METHODS |= dict.fromkeys(("command", "warm"), METHODS["plans"])
STATUS = {
    "optimal": "proven",
    "gaplimit": "proven",
    "NoDesign": "no design",
    "Infeasible": "infeasible",
    "timelimit": "time limit",
    "time_limit": "time limit",
    "plan_limit": "plan limit",
    "memory": "out of memory",
    "killed": "ended from outside",
}


def number(key: str, digits: int = 1) -> Callable[[Row], str]:
    """Return a format of a number; a dash where there is none."""

    def show(row: Row) -> str:
        value = row.get(key)
        return "-" if value is None else f"{value:,.{digits}f}"

    return show


def status(row: Row) -> str:
    """Say in words how a case ended."""
    said = _ended(row)
    if row.get("message"):
        said += f": {str(row['message']).replace('|', '/')[:300]}"
    return f"{said}, **failed the audit**" if row.get("audit") == "failed" else said


def _ended(row: Row) -> str:
    ended = str(row["status"])
    return STATUS.get(ended, ended)


def gap(row: Row) -> str:
    """Write a gap with two significant digits."""
    value = row.get("gap")
    return "-" if value is None else "0" if value < 1e-9 else f"{value:.2%}" if value < 0.1 else f"{value:.0%}"


def _powers(row: Row) -> str:
    return f"{row['build_sets']:.1e}" if "build_sets" in row else "-"


def _instance(row: Row) -> str:
    seed = (row["case"]["recipe"] or {}).get("seed")
    return row["label"] + (f", seed {seed}" if seed is not None else "")


def _times(row: Row) -> str:
    walls = [wall for wall in row.get("walls", []) if wall is not None]
    return "-" if "wall_s" not in row else f"{row['wall_s']:,.2f}" + (f" ({min(walls):,.2f} to {max(walls):,.2f})" if len(walls) > 1 else "")


SIZE: tuple[Column, ...] = (("projects x products x scenarios", lambda row: row["label"]),)
INSTANCE: tuple[Column, ...] = (("instance", _instance), ("", lambda row: row["case"]["note"]))
METHOD: tuple[Column, ...] = (("method", lambda row: METHODS.get(row["case"]["method"], row["case"]["method"])),)
CLUSTER: tuple[Column, ...] = (("candidates", number("candidates", 0)), ("build sets", _powers), ("listed", number("listed", 0)))
OUTCOME: tuple[Column, ...] = (
    ("outcome", status),
    ("objective", number("objective_musd")),
    ("bound", number("bound_musd")),
    ("gap", gap),
    ("CPU, s", number("cpu_s")),
    ("wall, s", number("wall_s")),
    ("memory, MB", number("peak_mb", 0)),
)
CASE: tuple[Column, ...] = (
    ("case", lambda row: f"`{row['case']['name']}`"),
    ("method", lambda row: row["case"]["method"]),
    ("instance", _instance),
    ("outcome", _ended),
    ("runs", lambda row: str(len(row.get("walls", [])))),
    ("wall, s (least to most)", _times),
    ("CPU, s", number("cpu_s", 2)),
    ("memory, MB", number("peak_mb", 0)),
    ("commit", lambda row: row.get("commit", "") or "-"),
)


def table(rows: Iterable[Row], columns: tuple[Column, ...]) -> str:
    """Return rows as a Markdown table."""
    lines = ["| " + " | ".join(head for head, _ in columns) + " |", "|" + "---|" * len(columns)]
    return "\n".join([*lines, *("| " + " | ".join(show(row) for _, show in columns) + " |" for row in rows)]) + "\n"
