"""Write what a tighter limit costs on the shipped instance: pictures, their data, and the block of the page on frontiers.

``python -m minclub.reports.frontiers docs`` computes all of it (a minute or two) and writes ``docs/assets/frontiers/`` and
``docs/frontiers.md``. ``python -m minclub.reports.frontiers pages`` writes pictures and block again from the stored data.
A test fails when the page and the data differ.
"""

from __future__ import annotations

from pathlib import Path

import altair as alt
import pandas as pd

from ..instances.loader import load
from ..solvers.frontier import frontier
from .block import Block
from .figures import INK, MARKET, MUTED, PRICE_BASE, framed, save
from .stored import Data, StoredPages

BLOCK = Block("<!-- frontiers: written by python -m minclub.reports.frontiers docs -->", "<!-- end of frontiers -->")
INSTANCE = "usmca"
POINTS = {"basket": [k / 2000.0 for k in range(41)], "targets": [k / 40.0 for k in range(47)]}
"""Values by limit: shares of the basket, multiples of the targets."""
SHIPPED = {"basket": 0.02, "targets": 1.0}
HEADS = {"basket": "Cap on the rise of each member's basket", "targets": "Multiple of the security targets"}
FORMS = {"basket": ".1%", "targets": ".1f"}


def compute() -> Data:
    """Trace every frontier of the page; times are left out, so that the data are the same on every machine."""
    instance = load(INSTANCE)
    made = {over: frontier(instance, over, points).to_dict() for over, points in POINTS.items()}
    return {over: {key: value for key, value in found.items() if key != "seconds"} for over, found in made.items()}


def render(data: Data, folder: Path, docs: Path) -> list[Path]:
    """Write the pictures and the page's block."""
    page = docs / "frontiers.md"
    made = [save(picture(over, found), folder / f"{over}.svg") for over, found in data.items()]
    page.write_text(BLOCK.written(page.read_text(encoding="utf-8"), block(data)), encoding="utf-8")
    return [*made, page]


def picture(over: str, found: Data) -> alt.VConcatChart:
    """Draw least public cost and outlay by limit; the shipped limit is marked."""
    rows = pd.DataFrame(found["rows"]).dropna(subset=["objective_musd"])
    scale = alt.Scale(domain=["public cost (C26)", "expected outlay"], range=[INK, MARKET])
    long = rows.rename(columns={"objective_musd": "public cost (C26)", "outlay_musd": "expected outlay"})
    long = long.melt(id_vars="limit", value_vars=["public cost (C26)", "expected outlay"], var_name="what", value_name="musd")
    colour = alt.Color("what:N", scale=scale, legend=alt.Legend(title=None, orient="top", labelFontSize=11))
    x = alt.X("limit:Q", title=HEADS[over], axis=alt.Axis(format=FORMS[over]), scale=alt.Scale(nice=False))
    y = alt.Y("musd:Q", title=None, scale=alt.Scale(zero=True))
    line = alt.Chart(long).mark_line(point=alt.OverlayMarkDef(size=18), strokeWidth=1.6).encode(x=x, y=y, color=colour)
    mark = alt.Chart(pd.DataFrame({"limit": [SHIPPED[over]]})).mark_rule(color=MUTED, strokeDash=[4, 3]).encode(x="limit:Q")
    head = f"Present value, million USD at {PRICE_BASE} prices. Dashes: the shipped limit. Each point is proven within {found['gap']:.1%}."
    title = alt.TitleParams(f"Least public cost by limit: {HEADS[over][0].lower()}{HEADS[over][1:]}", subtitle=[head])
    source = f"Source: minclub, instance {found['instance']} ({found['instance_sha256'][:12]})."
    return framed(alt.layer(mark, line).properties(width=560, height=260), title, source)


def block(data: Data) -> str:
    """Return pictures and figures as Markdown."""
    return "\n".join(_section(over, found) for over, found in data.items())


def _section(over: str, found: Data) -> str:
    rows, form = found["rows"], FORMS[over]
    steps = [row for before, row in zip([None, *rows], rows, strict=False) if before is None or row["objective_musd"] != before["objective_musd"]]
    lines = ["| limit | public cost | bound | built | booked | outlay | what binds |", "|--:|--:|--:|--:|--:|--:|---|"]
    lines += [
        f"| {row['limit']:{'.2%' if form == '.1%' else '.3f'}} | {_money(row['objective_musd'])} | {_money(row['bound_musd'])} | {row['built']} | "
        f"{_money(row['booked_musd'])} | {_money(row['outlay_musd'])} | {', '.join(row['binds']) or '-'} |"
        for row in steps
    ]
    proven = "all are proven" if found["proven"] else "not all are proven"
    text = f"{len(rows)} points from {found['searches']} searches; {proven}. A line stands where the design changes; million 2025 USD."
    return f"![Least public cost by {over}](assets/frontiers/{over}.svg)\n\n{text}\n\n" + "\n".join(lines) + "\n"


def _money(value: float | None) -> str:
    return "-" if value is None else f"{value:,.1f}"


STORED = StoredPages("frontiers", compute, render)

if __name__ == "__main__":
    raise SystemExit(STORED.main())
