"""The bars: what each piece of work may take, what it took, and why where it took more."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.stages import ORDER

Row = dict[str, Any]
Rows = Mapping[str, Row]

PROVEN = 1e-3


@dataclass(frozen=True)
class Verdict:
    """What was measured in words, whether it is within the bar (None where there is nothing to judge), and why not."""

    measured: str
    met: bool | None = None
    why: str = ""


@dataclass(frozen=True)
class Bar:
    """One line of the table: the work, the bar, the cases that it needs, and how it is judged."""

    work: str
    bar: str
    cases: tuple[str, ...]
    judge: Callable[..., Verdict]

    def verdict(self, rows: Rows) -> Verdict:
        """Judge the bar; a case that is not there or did not end well says so itself."""
        missing = [name for name in self.cases if name not in rows]
        if missing:
            return Verdict(f"not run: {', '.join(missing)}")
        return self.judge(*(rows[name] for name in self.cases))


def is_proven(row: Row, gap: float = PROVEN) -> bool:
    """Say whether a case proved a gap."""
    return row.get("gap") is not None and row["gap"] <= gap * (1.0 + 1e-9)


def took(row: Row) -> str:
    """Say how long a case took, and how it ended where it proved nothing."""
    if row["status"] in ("failed", "refused", "memory", "killed"):
        said = f"{ENDED[row['status']]} after {row['wall_s']:.0f} s"
        return f"{said}: {row['message']}" if row.get("message") else said
    processor = "" if row.get("cpu_s") is None else f", CPU {row['cpu_s']:.1f} s"
    shown = "" if row.get("gap") is None else f", gap {percent(row['gap'])}"
    return f"{row['wall_s']:.2g} s{processor}{shown}" if row["wall_s"] < 1.0 else f"{row['wall_s']:.1f} s{processor}{shown}"


ENDED = {"failed": "failed", "refused": "refused", "memory": "out of memory", "killed": "ended from outside"}


def percent(value: float) -> str:
    """Write a share with two significant digits."""
    return "0%" if value < 1e-9 else f"{100.0 * value:.2g}%" if value < 0.995 else f"{value:.0%}"


def largest(row: Row) -> str:
    """Name the three stages that take most of a profiled run."""
    stages = row.get("stages", {})
    total = sum(stages.values())
    top = sorted(ORDER, key=lambda name: -stages.get(name, 0.0))[:3]
    return ", ".join(f"{name} {stages.get(name, 0.0) / total:.0%}" for name in top) if total else "no profile"


def within(limit: float, gap: float = PROVEN) -> Callable[..., Verdict]:
    """Return a judge of one case's wall time; a profile, where given, says why it is missed."""

    def judge(row: Row, profile: Row | None = None) -> Verdict:
        ended, in_time = row["status"] == "done" or is_proven(row, gap), row["wall_s"] <= limit
        profiled = "" if in_time or profile is None else f"CPU time goes to {largest(profile)}"
        unproven = "" if ended or row["status"] in ENDED else "the gap is not proven"
        return Verdict(took(row), ended and in_time, "; ".join(filter(None, (unproven, profiled))))

    return judge


def reached(row: Row, gap: float) -> float | None:
    """Return the seconds after which a traced search had a gap; None if it never had."""
    for seconds, objective, bound in row.get("trace", []):
        if objective is not None and bound is not None and objective - bound <= gap * max(abs(objective), 1.0):
            return float(seconds)
    return float(row["wall_s"]) if is_proven(row, gap) else None


def against(least: float) -> Callable[[Row, Row], Verdict]:
    """Return a judge of the time to a peer's gap: the peer's over ours."""

    def judge(mine: Row, peer: Row) -> Verdict:
        if peer.get("gap") is None:
            lower = f"; ours was done in {mine['wall_s']:.1f} s, {peer['wall_s'] / mine['wall_s']:.0f} times sooner" if peer["status"] == "killed" else ""
            return Verdict(f"the peer has no gap: {took(peer)}{memory(peer)}{lower}", None, "the peer gave nothing to compare with")
        ours = reached(mine, peer["gap"])
        if ours is None:
            return Verdict(f"peer: {took(peer)}; ours never reached that gap", False, "ours stopped at a wider gap")
        ratio = peer["wall_s"] / ours
        apart = "" if mine.get("commit") == peer.get("commit") else f", not of one run (the peer at commit {peer.get('commit')}, ours at {mine.get('commit')})"
        return Verdict(f"{ratio:.3g}x: the peer {took(peer)}{memory(peer)}; ours at that gap after {ours:.2g} s{apart}", ratio >= least)

    return judge


def memory(row: Row) -> str:
    """Say what memory a case took at most."""
    return "" if row.get("peak_mb") is None else f", {row['peak_mb'] / 1000.0:.1f} GB"


def growth(most: float) -> Callable[[Row, Row, Row], Verdict]:
    """Return a judge of the growth of CPU time, less the start-up of a process."""

    def judge(small: Row, large: Row, start: Row) -> Verdict:
        if not (is_proven(small) and is_proven(large)) or None in (small["cpu_s"], large["cpu_s"], start["cpu_s"]):
            return Verdict(f"{took(small)} to {took(large)}", False, "not both are proven")
        ratio = (large["cpu_s"] - start["cpu_s"]) / max(small["cpu_s"] - start["cpu_s"], 1e-9)
        shown = f"x{ratio:.2g} (CPU {small['cpu_s']:.1f} s to {large['cpu_s']:.1f} s, each with {start['cpu_s']:.1f} s of start-up)"
        return Verdict(shown, ratio <= most)

    return judge


def _coefficients(row: Row) -> Verdict:
    if row["status"] != "done":
        return Verdict(took(row), False)
    shown = f"{row['wall_s']:.2g} s, {row['peak_mb'] or float('nan'):,.0f} MB, for {row['families']} plants and options"
    in_time, small = row["wall_s"] < 3.0, (row["peak_mb"] or 0.0) < 2048.0
    return Verdict(shown, in_time and small, "" if in_time else f"{row['wall_s'] / max(row['families'], 1) * 1e3:.0f} ms for a plant under an option")


def _pyomo(*profiles: Row) -> Verdict:
    if not all(sum(row.get("stages", {}).values()) for row in profiles):
        return Verdict("no profile", False)
    shares = [row["stages"].get("Pyomo", 0.0) / sum(row["stages"].values()) for row in profiles]
    return Verdict(" and ".join(map(percent, shares)), max(shares) < 0.30)


def _memory(*rows: Row) -> Verdict:
    peaks = [row.get("peak_mb") for row in rows]
    if any(peak is None for peak in peaks) or any(row["status"] in ENDED for row in rows):
        return Verdict("; ".join(map(took, rows)), False)
    return Verdict(" and ".join(f"{peak:,.0f} MB" for peak in peaks), max(float(peak or 0.0) for peak in peaks) < 1000.0)


def _continuous(row: Row) -> Verdict:
    met = is_proven(row)
    return Verdict(took(row), met, "" if met or row["status"] in ENDED else "bounds over cells of credit rates did not meet the best design in time")


def _caps(row: Row) -> Verdict:
    if row["status"] in ENDED:
        return Verdict(took(row), False)
    binding, in_time = row.get("binding_caps", 0), row["wall_s"] <= 60.0
    met = is_proven(row, 5e-3) and in_time and binding >= 5
    why = f"{binding} caps bind" if binding < 5 else "caps tie the clusters together, so the search has to branch"
    return Verdict(f"{took(row)}; {binding} country-years bind", met, "" if met else why)


def _strikes(row: Row) -> Verdict:
    if "cold_s" not in row:
        return Verdict(took(row), False)
    ratio = row["wall_s"] / row["cold_s"]
    work = f"{row['wall_s']:.2g} s for {row['points']} strikes of {row['project']}, as many cold ones {row['cold_s']:.0f} s"
    shown = f"{ratio:.1%} ({work}, objectives within {row['off_musd']:.1g} musd)"
    slow = "" if ratio <= 0.1 else "a strike that known plans do not settle is a search of its own"
    return Verdict(shown, ratio <= 0.1 and row["status"] == "optimal", "; ".join(filter(None, (slow, _unsettled(row)))))


def _unsettled(row: Row) -> str:
    return "" if row["status"] == "optimal" else "not every point is proven"


def _frontier(row: Row) -> Verdict:
    if "points" not in row:
        return Verdict(took(row), False)
    shown = f"{row['wall_s']:.2g} s for {row['points']} points, {row['infeasible']} of them infeasible, {row['searches']} searched"
    slow = "" if row["wall_s"] < 2.0 else f"{row['wall_s'] / max(row['searches'], 1):.1f} s for each point that is searched, all else included"
    return Verdict(shown, row["wall_s"] < 2.0 and row["status"] == "optimal", "; ".join(filter(None, (slow, _unsettled(row)))))


ALL = "`usmca`, all instruments, 200 scenarios, proven 0.1%, whole process"
LARGE = "240 projects, 30 products, 1,000 scenarios, proven 0.1%"

BARS: tuple[Bar, ...] = (
    Bar(ALL, "5 s on 2 cores", ("usmca-all", "profile"), within(5.0)),
    Bar("`usmca` as shipped, whole process", "5 s on 2 cores", ("usmca", "profile-shipped"), within(5.0)),
    Bar("`usmca`, all instruments, against the compact formulation in HiGHS", "20x at its gap after 600 s", ("usmca-all", "compact-all"), against(20.0)),
    Bar("six products of `usmca`, as shipped, which fit the compact formulation", "20x at its gap after 600 s", ("part-plans", "part-compact"), against(20.0)),
    Bar("`usmca`, all instruments, against the direct model in SCIP", "its gap after 600 s", ("usmca-all", "direct-all"), against(1.0)),
    Bar("six products of `usmca` under the rules of the direct model", "its gap after 600 s", ("core-plans", "core-direct"), against(1.0)),
    Bar(LARGE, "15 s", ("synthetic", "profile-large"), within(15.0)),
    Bar(f"{LARGE}, with weight on the tail", "45 s", ("synthetic-tail",), within(45.0)),
    Bar("scenarios x10", "time x11", ("synthetic-few-scenarios", "synthetic-tail", "tutorial"), growth(11.0)),
    Bar("projects x4 at 30 products", "time x6", ("synthetic-few-projects", "synthetic-tail", "tutorial"), growth(6.0)),
    Bar("10,000 scenarios, coefficients", "under 3 s and 2 GB", ("coefficients",), _coefficients),
    Bar("writing Pyomo models, all instruments and as shipped", "under 30% of a solve", ("profile", "profile-shipped"), _pyomo),
    Bar("33 re-solves with one strike fixed, one library call", "1/10 of cold solves", ("strikes",), _strikes),
    Bar("50 points of the frontier over the cap on the basket, one library call", "under 2 s", ("frontier",), _frontier),
    Bar("`usmca`, continuous credits and strikes on ladder tariffs", "0.1% of the continuous optimum", ("continuous",), _continuous),
    Bar("annual caps that bind in five or more country-years", "0.5% in 60 s", ("caps",), _caps),
    Bar("peak memory of `usmca`, as shipped and with all instruments", "under 1 GB", ("usmca", "usmca-all"), _memory),
    Bar("`minclub --help`", "under 0.4 s", ("help",), within(0.4)),
)
