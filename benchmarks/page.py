"""Write the results of a run as the page ``docs/benchmarks.md``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmarks.bars import BARS, Verdict, percent
from benchmarks.cases import ALL_INSTRUMENTS, Case
from benchmarks.stages import ORDER
from benchmarks.suite import suite
from benchmarks.tables import CASE, CLUSTER, INSTANCE, METHOD, OUTCOME, SIZE, Row, number, table

Rows = Mapping[str, Row]

HEAD = """# Benchmarks

This page is written by `python bootstrap.py bench` (about an hour: peers have ten minutes on each large case). A run that was stopped goes on where it was,
unless the code has changed; `--only NAME` runs some cases anew, `--fresh` all; `--quick` tries every case on a small instance and writes nothing. The numbers
behind the page are in `benchmarks/results.json`.

{machine}

Each case runs in a process of its own, one after the other, and may use 16 GB of address space. *Wall* is time on the clock, *CPU* user and system time of the
process; other work on the machine lengthens the first: the load average was between {low} and {high} on {cores} cores. Our bars and our side of each ratio are
the median of five runs (three where a run is long), peers run once; ratios are of one run of this command unless they
say otherwise, and the last table names the commit of each row. *Gap* is (objective - bound) / |objective|. HiGHS has
one thread. *Yardstick* is fixed work: adding up ten million numbers in a loop of Python, sorting two million in numpy; on another machine, or another day, scale bars
in seconds by it. Money is in million 2025 USD. *All instruments* is `minclub solve usmca` with {overlay}.
"""

QUICK = "**A quick run: every case on a small instance. Nothing below is a measurement of the bars.**\n"

PROFILE = """## Where the time goes

![Shares of CPU time by stage](assets/benchmarks.svg)

CPU seconds of a run in one process, each counted once, under the innermost stage that was open: *start-up* is Python and its libraries, *coefficients* a plant's
columns (bankability, strikes, cost at every level), *pricing* and *listing* what the search does with them, *relaxation* the master as arrays, *Pyomo* writing and
compiling models, *statement* the tables of the design, *rest* the baseline and what no other stage has.
"""

SIZE_TEXT = """## Size, and what makes an instance hard

Random instances of `instances/synthetic.py`. By-products that are products of their own are sold as an unlisted one, because they tie products together: the search
treats tied products as one cluster, and its work grows with the number of build sets of a cluster times the product of its products' border options.

*Coarse ladders* are three tariffs, two levels of each credit and one start year; *default ladders* are those of C19, as in `usmca`. Where *the basket cap binds*
(2% of a country's basket, C23, on random markets that are small beside it), it ties all clusters; elsewhere that cap is 20% and slack at the optimum, as the
shipped instance's is.
"""

LADDER_TEXT = """## What the ladders cost

`minclub solve usmca --continuous-credits` lets credits take any rate and strikes seven digits ([how](formulation.md#continuous-credits-and-strikes)); its gap is in
the table of bars. `bound_continuous` bounds designs whose tariffs are off the ladders as well ([how](formulation.md#without-ladders)) and finds none.
"""

LARGE_TEXT = """## Large clusters

A cluster with more build sets than can be listed whole lists those that bounds do not rule out ([how](formulation.md#large-clusters)). Every instance has three start
years: the first is that of the bars but for these; the others have few products, dear projects and nothing in the baseline, so that all their projects make one
cluster and targets cost something. *Candidates*, *build sets* (exclusive groups left aside) and *listed* are those of the largest cluster. Seconds are of the search
alone, without statement and audit.
"""

PEERS = """## Against peers

`models/club.py` states the whole problem row by row in Pyomo, and HiGHS solves it as it stands (*compact*). `benchmarks/direct.py` writes it as it is said, with
tariffs, states, builds, contracts, credits, strikes and every term of a payoff as variables of one nonconvex program for SCIP (*direct*); it covers a part of the
rules (no decks, no tail, no feed, nothing idle, no caps on outlay), and *rules of the direct model* is that part. Both have 600 s on the large cases, writing the
model included. SCIP chooses strikes freely where minclub takes three digits, so its objective may be lower by that rounding; a test
rounds SCIP's strikes up, evaluates the design and finds minclub's optimum.
"""

CACHE_TEXT = """## A second run

`minclub solve` keeps on disk what plants cost and takes it from there the next time, under a digest of all that it depends on
([decision 7](decisions/0007-cache.md)). Everything else on this page is measured without it. *Second run* is the same command with a cache that the first run
has filled: as good as it gets, since nothing has changed. Whole processes, wall and CPU seconds.
"""

FLOOR_TEXT = "[Decision 8](decisions/0008-arrays-in-blocks.md) says how arrays are worked out, and what compiled loops would cost and gain."

SCALING = ("synthetic", "synthetic-tail", "synthetic-few-scenarios", "synthetic-few-projects", "size-", "basket", "ladders")
LARGE = ("large-",)
RIVALS = ("direct-all", "compact-all", "part-", "core-", "small-", "brute")


def render(results: Row, cases: Sequence[Case] | None = None, *, quick: bool = False) -> str:
    """Return the page as Markdown.

    Args:
        results: machine, versions and one row per case that was run.
        cases: the cases to show, the whole suite if not given; those without a row are shown as not run.
        quick: whether the cases are the small ones.
    """
    rows, cases = results["rows"], suite() if cases is None else cases
    parts = [_head(results), *([QUICK] if quick else []), _bars(rows), _profile(rows), _warm(rows), _ladders(rows), _floor(rows)]
    parts.append(f"{PEERS}\n{table(_of(rows, cases, RIVALS), INSTANCE + METHOD + OUTCOME)}\n{_builds(rows)}")
    parts.append(f"{SIZE_TEXT}\n{table(_of(rows, cases, SCALING), SIZE + INSTANCE[1:] + OUTCOME)}")
    parts.append(f"{LARGE_TEXT}\n{table(_of(rows, cases, LARGE), SIZE + INSTANCE[1:] + CLUSTER + OUTCOME)}")
    parts.append(f"## Every case\n\n{table([rows.get(case.name) or absent(case) for case in cases], CASE)}")
    return "\n".join(parts)


def absent(case: Case) -> Row:
    """Return the row of a case that was not run."""
    return {"case": case.to_dict(), "label": case.label, "status": "not run"}


def _of(rows: Rows, cases: Sequence[Case], starts: tuple[str, ...]) -> list[Row]:
    return [rows.get(case.name) or absent(case) for case in cases if case.name.startswith(starts)]


def _head(results: Row) -> str:
    loads = [load for row in results["rows"].values() for load in row.get("load", []) if load is not None] or [0.0]
    overlay = ", ".join(f"`{setting}`" for setting in ALL_INSTRUMENTS)
    return HEAD.format(machine=_machine(results), low=min(loads), high=max(loads), cores=results["machine"]["cores"], overlay=overlay)


def _machine(results: Row) -> str:
    found, rows = results["machine"], results["rows"].values()
    memory = f", {found['memory_gb']} GB" if found["memory_gb"] else ""
    commits = ", ".join(dict.fromkeys(row["commit"] for row in rows if row.get("commit"))) or "unknown"
    minutes = sum(row.get("spent_s", 0.0) for row in rows) / 60.0
    lines = [
        ("machine", f"{found['processor']}, {found['cores']} cores{memory}, {found['system']}"),
        ("versions", ", ".join(f"{name} {version}" for name, version in results["versions"].items())),
        ("run", f"ended {results['ended']}, {minutes:.0f} minutes in all, at commit {commits} (+: with changes)"),
        ("yardstick", f"before: {_yardstick(results, 'yardstick')}; after: {_yardstick(results, 'yardstick-after')}"),
    ]
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {text} |" for name, text in lines)])


def _yardstick(results: Row, name: str) -> str:
    row = results["rows"].get(name, {})
    return f"Python {row['python_s']:.2f} s, numpy {row['numpy_s']:.3f} s" if "python_s" in row else "not run"


# --- the bars -----------------------------------------------------------------------------------------------------------


def _bars(rows: Rows) -> str:
    verdicts = [(bar, bar.verdict(rows)) for bar in BARS]
    lines = ["## Bars", "", "| work | bar | measured | |", "|---|---|---|---|"]
    lines += [f"| {bar.work} | {bar.bar} | {found.measured} | {_word(found)} |" for bar, found in verdicts]
    missed = [f"* {bar.work}: {found.why}." for bar, found in verdicts if found.met is False and found.why]
    return "\n".join([*lines, *(["", "Why bars are missed:", "", *missed] if missed else []), ""])


def _word(found: Verdict) -> str:
    return {True: "met", False: "**missed**", None: "-"}[found.met]


# --- where the time goes ------------------------------------------------------------------------------------------------


def _profile(rows: Rows) -> str:
    found = [(name, rows[name]["stages"]) for name in ("profile-shipped", "profile") if rows.get(name, {}).get("stages")]
    if not found:
        return f"{PROFILE}\nNot run.\n"
    lines = ["| stage | " + " | ".join(f"{rows[name]['case']['instance']}, {rows[name]['case']['note']}, s" for name, _ in found) + " |"]
    lines += ["|---|" + "---|" * len(found)]
    for stage in ORDER:
        spent = [(stages.get(stage, 0.0), sum(stages.values())) for _, stages in found]
        lines.append(f"| {stage} | " + " | ".join(f"{part:.2f} ({percent(part / total)})" for part, total in spent) + " |")
    return "\n".join([PROFILE, *lines, ""])


def _warm(rows: Rows) -> str:
    lines = ["| instance | without a cache | first run | second run | cache, MB |", "|---|---|---|---|---|"]
    for name in ("usmca", "usmca-all"):
        cold, again = rows.get(name, {}), rows.get(f"{name}-warm", {})
        if "wall_s" in cold and "first" in again:
            told = " | ".join(f"{row['wall_s']:.1f} (CPU {number('cpu_s')(row)})" for row in (cold, again["first"], again))
            lines.append(f"| {cold['label']}, {cold['case']['note'] or 'as shipped'} | {told} | {number('cache_mb')(again)} |")
    return "\n".join([CACHE_TEXT, *(lines if len(lines) > 2 else ["Not run."]), ""])


def _floor(rows: Rows) -> str:
    made, copied, master = rows.get("coefficients", {}), rows.get("copy", {}), rows.get("master", {})
    lines = ["## Distance to the floor", "", FLOOR_TEXT, ""]
    if "bytes" in made and "bytes_per_s" in copied:
        least = made["bytes"] / copied["bytes_per_s"]
        lines.append(
            f"* Coefficients of {made['families']} plants and options at {made['scenarios']:,} scenarios read and leave {made['bytes'] / 1e6:,.0f} MB. "
            f"numpy copies {copied['bytes_per_s'] / 1e9:.1f} GB/s (read and written), so {least:.2g} s is the floor; they took {made['wall_s']:.2g} s, "
            f"{made['wall_s'] / least:.0f} times that. Drawing the scenarios and laying out prices took {made['drawing_s']:.2g} s before, and the baseline "
            f"{max(0.0, made['baseline_s'] - made['drawing_s']):.2g} s."
        )
    else:
        lines.append("* Coefficients: not run.")
    if "highs_alone_s" in master:
        alone = master["highs_alone_s"]
        lines.append(
            f"* HiGHS alone on the last master of `{master['label']}` ({master['plans']} plans, {master['rows']} rows) takes {alone:.2g} s; the search that made it "
            f"took {master['wall_s']:.2g} s, {master['wall_s'] / alone:.0f} times that."
        )
    else:
        lines.append("* HiGHS on the last master: not run.")
    return "\n".join([*lines, ""])


# --- peers --------------------------------------------------------------------------------------------------------------


def _ladders(rows: Rows) -> str:
    ladder, free, bound = (rows.get(name, {}) for name in ("usmca", "continuous", "bound-continuous"))
    lines = [LADDER_TEXT]
    if None not in (ladder.get("objective_musd"), free.get("objective_musd"), free.get("bound_musd")):
        best = ladder["objective_musd"]
        cost, most = ((best - free[f"{end}_musd"]) / max(abs(best), 1.0) for end in ("objective", "bound"))
        lines.append(
            f"* Ladders of credits and strikes of three digits cost {percent(cost)} of the objective, at most {percent(most)}: {number('objective_musd')(ladder)} with "
            f"them, {number('objective_musd')(free)} (bound {number('bound_musd')(free)}) with continuous credits and strikes on the same ladder of tariffs."
        )
    else:
        lines.append("* Continuous credits and strikes: not run.")
    if bound.get("bound_musd") is not None and bound.get("objective_musd") is not None:
        lines.append(
            f"* Continuous tariffs: a valid bound and the gap it leaves. After {bound['wall_s']:.0f} s and {bound['rounds']} rounds no design off the ladders costs "
            f"less than {number('bound_musd')(bound)}, so finer ladders save at most {percent(bound['gap'])} of the {number('objective_musd')(bound)} on them."
        )
    else:
        lines.append("* Continuous tariffs: not run.")
    return "\n".join([*lines, ""])


def _builds(rows: Rows) -> str:
    master, brute, mine = rows.get("master", {}), rows.get("brute", {}), rows.get("brute-plans", {})
    lines = []
    if "linopy_s" in master:
        ours, theirs = master["pyomo_s"], master["linopy_s"]
        lines.append(
            f"* *linopy*: the master of `{master['label']}` ({master['plans']} plans, {master['rows']} rows), written and turned into a matrix: Pyomo "
            f"{ours * 1e3:.0f} ms, linopy {theirs * 1e3:.0f} ms ({theirs / ours:.2g}x). HiGHS finds {number('pyomo_musd')(master)} in the one and "
            f"{number('linopy_musd')(master)} in the other."
        )
    else:
        lines.append("* *linopy*: not run.")
    if "designs" in brute and mine.get("objective_musd") is not None:
        objective = number("objective_musd", 4)
        lines.append(
            f"* *Brute force* in numpy on the tutorial: {brute['designs']:,} designs in {brute['wall_s']:.2g} s; the search takes {mine['wall_s']:.2g} s, audit "
            f"included. They find {objective(brute)} and {objective(mine)}."
        )
    else:
        lines.append("* *Brute force* on the tutorial: not run.")
    return "\n".join([*lines, ""])
