"""Write what was checked against published figures into ``docs/validation.md``."""

import argparse
import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .contracts import payment
from .finance import irr, npv, xirr, xnpv
from .reproduction import RULES, Reproduction, reproduce
from .reproduction_checks import CLOSE, NEAR, Score, comparable, grid, leave_family_out, score, sensitivity

ROOT = Path(__file__).resolve().parents[1]
EVIDENCE = ROOT / "instances" / "evidence" / "published_results.csv"
PAGE = ROOT / "docs" / "validation.md"

MISSES: Mapping[str, str] = {
    "LI_THACKER_2018PFS": "Phase 1 alone earns 283 MUSD a year before tax on 581 MUSD of capital. Three years of building and a ramp of 30%, 60%, 90% would give "
    "29.1%; the study's schedule was not read.",
    "LI_SWA_2021PEA": "Margin over capital is 41% with no ramp, royalty or sustaining capital at all, so the published 40.5% leaves room for none of them.",
    "LI_SWA_2023PFS": "The averages of the row also give a net present value far above the published one. Brine fees and the date of first production were not read.",
    "LI_ZEUS_2021PEA": "Margin over capital is 37% before tax and 31% is published after tax: the study has next to no ramp and little sustaining capital.",
    "LI_GEORGIALAKE_2022PFS": "Four years of open pit, then underground. The average margin reproduces the published value but not the rate, which needs early cash.",
    "NI_BAPTISTE_2023PFS": "Full payability instead of 92%, and the study's own sustaining cost with the royalty in it, give 16.5%. The rest is the schedule: "
    "an expansion after payback is paid out of sustaining cost.",
    "GR_LACGUERET_2015FS": "Margin over capital is 48% and the mine is built in 14 months; the published 44.1% has no royalty and next to no ramp.",
    "GR_LALOUTRE_2021PEA": "Output is 11% above the average in the first eight years and margin over capital is only 29%, so the schedule decides.",
    "GR_KILBOURNE_2025PEA": "One average price stands for four products, of which the dearest starts in year 5; two phases of equal output are a poor picture of that.",
    "US_CUZN_ARCTIC": "The operating cost is site cost only: treatment, freight and the toll of the access road are left out, and so is 428 MUSD of closure.",
    "US_SB_STIBNITE": "Revenue of years 1 to 4 is 1.7 times the average of the life, which a level profile cannot show.",
    "US_REE_BEARLODGE": "Richer ore in years 1 to 9: 13% more output at 22% less cost than the 45-year average that the row holds.",
    "US_REE_BROOK": "Published figures disagree: 473 MUSD and 143 MUSD a year give about 26% before tax, not 38%. Capital excludes a 22% contingency.",
}


def read_rows(path: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV file of published results."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def study_section(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the tables of reproduced studies, misses, changed rules and rows without inputs."""
    usable = comparable(rows)
    results = [reproduce(row) for row in usable]
    total = score("", _gaps(results))
    lines = [
        f"{total.rows} of {len(rows)} rows have capacity, initial capital, operating cost, price, life and a published rate. Of these, "
        f"{total.close} ({total.close / total.rows:.0%}) lie within {100 * CLOSE:.0f} points of the published rate and "
        f"{total.near} ({total.near / total.rows:.0%}) within {100 * NEAR:.0f}. The median difference is {100 * total.median:+.1f} points.",
        "",
        "| study | basis | published | computed | difference, points |",
        "|---|---|--:|--:|--:|",
        *(
            f"| {r.project_id} | {r.basis.replace('_', '-')} | {r.published:.1%} | {r.irr:.1%} | {100 * r.difference:+.1f} |"
            for r in sorted(results, key=lambda r: abs(r.difference))
        ),
        "",
        "Misses beyond 4 points. The words explain; no rule reads them.",
        "",
        "| study | points | why |",
        "|---|--:|---|",
        *(f"| {r.project_id} | {100 * r.difference:+.1f} | {MISSES.get(r.project_id, 'not explained')} |" for r in misses(results)),
        "",
        "One rule changed at a time:",
        "",
        *_score_table(sensitivity(usable)),
        "",
        "Rows that cannot be reproduced, by what they lack:",
        "",
        *_lacking(rows),
    ]
    return "\n".join(lines)


def misses(results: Sequence[Reproduction]) -> list[Reproduction]:
    """Return the results more than 4 points off, or without a rate, largest first."""
    far = [r for r in results if not abs(r.difference) <= NEAR]
    return sorted(far, key=lambda r: -abs(r.difference))


def left_out_section(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the table of rules chosen without the family that they are judged on; takes some ten seconds."""
    usable = comparable(rows)
    shipped = score("rules as shipped", _gaps([reproduce(row, RULES) for row in usable]))
    return "\n".join([f"A grid of {sum(1 for _ in grid())} rule sets:", "", *_score_table([shipped, leave_family_out(usable)])])


def case_section() -> str:
    """Return the table of published finance and contract cases."""
    head = ["| case | what | published | computed |", "|---|---|--:|--:|"]
    return "\n".join([*head, *(f"| {case} | {what} | {published} | {computed} |" for case, what, published, computed in _cases())])


def fill(page: str, name: str, body: str) -> str:
    """Return the page with the text between the markers of ``name`` replaced.

    Raises:
        ValueError: if the page has no such markers.
    """
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    if page.count(begin) != 1 or page.count(end) != 1:
        raise ValueError(f"the page needs {begin} and {end}, once each")
    before, rest = page.split(begin)
    return f"{before}{begin}\n{body}\n{end}{rest.split(end)[1]}"


def between(page: str, name: str) -> str:
    """Return the text between the markers of ``name``."""
    return page.split(f"<!-- {name}:begin -->\n")[1].split(f"\n<!-- {name}:end -->")[0]


def main(arguments: Sequence[str] | None = None) -> int:
    """Rewrite the generated parts of the validation page; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m minclub.models.reproduction", description="Write the validation tables into docs/validation.md.")
    parser.add_argument("--evidence", type=Path, default=EVIDENCE, help="CSV file with the columns of published_results.csv")
    parser.add_argument("--page", type=Path, default=PAGE, help="the page to rewrite")
    options = parser.parse_args(arguments)
    try:
        rows, page = read_rows(options.evidence), options.page.read_text(encoding="utf-8")
        for name, body in (("studies", study_section(rows)), ("left-out", left_out_section(rows)), ("cases", case_section())):
            page = fill(page, name, body)
        options.page.write_text(page, encoding="utf-8")
    except (OSError, ValueError) as error:
        parser.exit(1, f"error: {error}\n")
    print(f"wrote {options.page}")
    return 0


def _cases() -> list[tuple[str, str, str, str]]:
    project = [-70000, 12000, 15000, 18000, 21000, 26000]
    days = ["2008-01-01", "2008-03-01", "2008-10-30", "2009-02-15", "2009-04-01"]
    dated = [-10000, 2750, 4250, 3250, 2750]
    contract = payment([52, 110, 130], 110, 0.3)
    power = payment([60, 200], 140, 1.0)
    return [
        ("F1", "IRR of -100, 39, 59, 55, 20", "0.28095", f"{irr([-100, 39, 59, 55, 20]):.5f}"),
        ("F2", "IRR of -70000, 12000, 15000, 18000, 21000, 26000", "8.66%", f"{irr(project):.2%}"),
        ("F2", "the same without the last flow", "-2.12%", f"{irr(project[:-1]):.2%}"),
        ("F3", "XIRR of five dated flows", "0.373362535", f"{xirr(dated, days):.9f}"),
        ("F3", "XNPV of them at 9%", "2086.6476", f"{xnpv(dated, 0.09, days):.4f}"),
        (
            "F4",
            "NPV at 10% of -10000, 3000, 4200, 6800, the first at the end of year 1",
            "1188.4434",
            f"{npv([-10000, 3000, 4200, 6800], 0.1, range(1, 5)):.4f}",
        ),
        ("D1", "two-way contract, strike 140, at 60 and 200", "80, -60", ", ".join(f"{value:.0f}" for value in power)),
        ("D2", "MP Materials, USD/kg, floor 110, 30% of the upside, at 52, 110 and 130", "58, 0, -6", ", ".join(f"{value:.0f}" for value in contract)),
    ]


def _gaps(results: Sequence[Reproduction]) -> NDArray[np.float64]:
    return np.nan_to_num(np.array([r.difference for r in results]), nan=1.0)


def _score_table(scores: Sequence[Score]) -> list[str]:
    head = ["| rules | within 2 points | within 4 points | median difference, points |", "|---|--:|--:|--:|"]
    return [*head, *(f"| {s.label} | {s.close} of {s.rows} | {s.near} of {s.rows} | {100 * s.median:+.1f} |" for s in scores)]


def _lacking(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    groups: dict[str, list[str]] = {}
    usable = {row["project_id"] for row in comparable(rows)}
    for row in rows:
        if row["project_id"] not in usable:
            groups.setdefault(", ".join(reproduce(row).missing) or "published rate", []).append(row["project_id"])
    ordered = sorted(groups.items(), key=lambda item: (item[0].count(","), item[0]))
    return ["| lacks | rows | studies |", "|---|--:|---|", *(f"| {what} | {len(ids)} | {', '.join(ids)} |" for what, ids in ordered)]
