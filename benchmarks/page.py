"""Write the results of a run as the page ``docs/benchmarks.md``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

Row = dict[str, Any]

HEAD = """# Benchmarks

This page is written by `python bootstrap.py bench` (about a quarter of an hour; `--quick` is a small run that prints and writes nothing). The numbers behind it
are in `benchmarks/results.json`.

{machine}

Each case runs in a process of its own with one thread. *CPU* is user and system time of that process; *wall* is time on the clock, which other work on the
machine lengthens: the load average was between {low} and {high} on {cores} cores, so compare CPU times. Time limits are wall time, except for SCIP, whose limit is
CPU time. *Gap* is what was proven within the limit; the gap asked is 0.1%. *Memory* is the peak of the process; starting Python and the libraries takes about
150 MB of it. Money is in million 2025 USD.
"""

SCALING = """## Size, and what makes an instance hard

Random instances of `instances/synthetic.py`. Products grow with the projects, so that a country and product has about five candidates at most. By-products that are
products of their own are sold as an unlisted one, because they tie products together: the search treats tied products as one cluster, and its work grows with the
number of build sets of a cluster times the product of its products' tariff options. In these instances and in `usmca` no cluster has more than two products. A
cluster with more than four million build sets (11 candidates with three start years each) is refused with a message.

*Coarse ladders* are three tariffs, two levels of each credit and one start year; *default ladders* are those of C19, as in `usmca`. With default ladders a cluster of two
products has 576 pairs of tariff options instead of 36 and many more build sets. Where *the basket cap binds* (2% of a country's basket, C23, on random markets that are
small beside it), it ties all clusters: the bound of the relaxation is then far from the optimum, too many plans stay within the gap to be listed, and the
search has to branch. Elsewhere that cap is 20% and slack at the optimum, as the shipped instance's is.
"""

DIRECT = """## Against the direct model in SCIP

`benchmarks/direct.py` writes the problem down as it is said: tariffs, states, builds, contracts, credits, strikes and every term of a payoff are variables of one
nonconvex program. It covers a part of the rules (no decks, no tail, no feed, nothing idle), and all methods solve these same cut-down instances. SCIP chooses strikes
freely where minclub takes three digits, so SCIP's objective may be lower by that rounding; a test rounds SCIP's strikes up, evaluates the design and finds
minclub's optimum.
"""

COMPACT = """## Against the compact formulation

`models/club.py` states the whole problem row by row in Pyomo; HiGHS solves it as it stands. It is the definition of the problem and the check of the plan formulation.
Writing the model is part of its time.
"""


def render(results: Row) -> str:
    """Return the page as Markdown."""
    rows: list[Row] = results["rows"]
    loads = [load for row in rows for load in row.get("load", []) if load is not None] or [0.0]
    parts = [HEAD.format(machine=_machine(results), low=min(loads), high=max(loads), cores=results["machine"]["cores"])]
    shipped = [row for row in rows if row["case"]["instance"]]
    if shipped:
        parts.append(f"## The shipped instance\n\n{table(shipped, SIZE + OUTCOME + STAGES)}")
    scaling = [row for row in rows if row["case"]["cut"] == "byproducts" and row["case"]["note"]]
    parts.append(f"{SCALING}\n{table(scaling, SIZE + NOTE + OUTCOME + STAGES)}")
    core = [row for row in rows if row["case"]["cut"] == "core"]
    parts.append(f"{DIRECT}\n{table(core, PEER + OUTCOME)}\n{_ratios(core, 'direct', 'SCIP')}")
    small = [row for row in rows if row["case"]["cut"] == "byproducts" and not row["case"]["note"]]
    parts.append(f"{COMPACT}\n{table(small, PEER + OUTCOME)}\n{_ratios(core + small, 'compact', 'The compact formulation')}")
    return "\n".join(parts)


def _machine(results: Row) -> str:
    found, versions = results["machine"], results["versions"]
    memory = f", {found['memory_gb']} GB" if found["memory_gb"] else ""
    packages = ", ".join(f"{name} {version}" for name, version in versions.items())
    lines = [
        ("machine", f"{found['processor']}, {found['cores']} cores{memory}, {found['system']}"),
        ("versions", packages),
        ("run", f"{results['started']}, {results['seconds'] / 60:.0f} minutes in all"),
    ]
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {text} |" for name, text in lines)])


# --- tables -------------------------------------------------------------------------------------------------------------

Column = tuple[str, Callable[[Row], str]]

METHODS = {"plans": "plans (minclub)", "compact": "compact, HiGHS", "direct": "direct, SCIP"}
STATUS = {
    "optimal": "proven",
    "gaplimit": "proven",
    "NoDesign": "no design",
    "Infeasible": "infeasible",
    "timelimit": "time limit",
    "time_limit": "time limit",
    "plan_limit": "plan limit",
    "killed": "stopped from outside",
}


def number(key: str, digits: int = 1) -> Callable[[Row], str]:
    """Return a format of a number; a dash where there is none."""

    def show(row: Row) -> str:
        value = row.get(key)
        return "-" if value is None else f"{value:,.{digits}f}"

    return show


def share(key: str) -> Callable[[Row], str]:
    """Return a format of a stage as a share of the case's CPU time."""

    def show(row: Row) -> str:
        return f"{row[key] / row['cpu_s']:.0%}" if key in row else "-"

    return show


def status(row: Row) -> str:
    """Say in words how a case ended."""
    said: str = STATUS.get(row["status"]) or row.get("message") or row["status"]
    return f"{said}, **failed the audit**" if row.get("audit") == "failed" else said


def gap(row: Row) -> str:
    """Write a gap with two significant digits."""
    value = row.get("gap")
    return "-" if value is None else "0" if value < 1e-9 else f"{value:.2%}" if value < 0.1 else f"{value:.0%}"


SIZE: tuple[Column, ...] = (
    ("projects x products x scenarios", lambda row: "{projects} x {products} x {scenarios}".format(**row) if "projects" in row else row["label"]),
)
NOTE: tuple[Column, ...] = (("instance", lambda row: row["case"]["note"]),)
PEER: tuple[Column, ...] = (
    ("instance", lambda row: f"{row['label']}, seed {row['case']['recipe']['seed']}"),
    ("method", lambda row: METHODS[row["case"]["method"]]),
)
OUTCOME: tuple[Column, ...] = (
    ("outcome", status),
    ("objective", number("objective_musd")),
    ("bound", number("bound_musd")),
    ("gap", gap),
    ("CPU, s", number("cpu_s")),
    ("wall, s", number("wall_s")),
    ("memory, MB", number("peak_mb", 0)),
)
STAGES: tuple[Column, ...] = (
    ("of CPU: search", share("search_cpu_s")),
    ("writing Pyomo models", share("pyomo_cpu_s")),
    ("HiGHS", share("highs_cpu_s")),
    ("audit", share("audit_cpu_s")),
)


def table(rows: Iterable[Row], columns: tuple[Column, ...]) -> str:
    """Return rows as a Markdown table."""
    lines = ["| " + " | ".join(head for head, _ in columns) + " |", "|" + "---|" * len(columns)]
    return "\n".join([*lines, *("| " + " | ".join(show(row) for _, show in columns) + " |" for row in rows)]) + "\n"


def _ratios(rows: list[Row], peer: str, name: str) -> str:
    """Say on how many instances a peer proved the gap, and how much more CPU time it took there."""
    found = {(row["case"]["method"], row["label"], row["case"]["recipe"]["seed"]): row for row in rows}
    mine = {key[1:]: row for key, row in found.items() if key[0] == "plans"}
    others = {key[1:]: row for key, row in found.items() if key[0] == peer}
    proven = [key for key, row in others.items() if STATUS.get(row["status"]) == "proven"]
    lines = [
        f"{name} proved {len(proven)} of {len(others)}; minclub proved {sum(STATUS.get(row['status']) == 'proven' for row in mine.values())} of {len(mine)}."
    ]
    both = sorted(others[key]["cpu_s"] / mine[key]["cpu_s"] for key in proven if key in mine and STATUS.get(mine[key]["status"]) == "proven")
    if both:
        lines.append(
            f"CPU time of {name[0].lower() + name[1:] if peer == 'compact' else name} over that of minclub where both proved: {both[0]:.2g} to {both[-1]:.2g}."
        )
    return " ".join(lines) + "\n"
