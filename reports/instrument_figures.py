"""Draw what each instrument does alone on the shipped instance: one picture per instrument, from the data of ``instrument_story``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import altair as alt
import pandas as pd

from .design_figures import BLUE, DASHES, ORANGE, PALE
from .figures import CHINA, INK, MUTED, PRICE_BASE, framed, save
from .instrument_story import TRIALS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Data = Mapping[str, Any]

ROW, WIDTH, LABELS = 15, 520, 250
COLOURS = (MUTED, ORANGE, BLUE)
"""Of the setups of a page, the comparison first."""
STATES = {0: "export", 1: "imports from the market", 2: "imports, short in a restriction", 3: "beyond the market: China sets the price"}
SHADES = (BLUE, "#E3E3E3", ORANGE, CHINA)
AXES = {
    "value": ("Expected NPV at the hurdle rate over capital", ".0%", 0.0),
    "cover": ("Average cover of the bank deck", ".1f", 1.45),
    "strike": ("Least strike over the long-run price", ".0%", 1.0),
}
"""Measure of a page: heading, format and the line to compare with."""
HEADINGS = {
    "border-measures": "Border measures alone: which projects pay",
    "expiry": "The same tariff, when it may lapse and when it stays",
    "contracts": "Contracts alone: the least strike that makes a project bankable",
    "credits": "Credits alone: which projects pay",
    "grants": "Grants for early-stage work alone",
    "concessional-loans": "Concessional loans alone",
    "procurement": "Joint procurement alone",
    "standards": "The high standard alone",
    "reserve": "What a joint reserve costs, by share of the shortage it covers",
    "room-and-demand-response": "Room in the market: the state of each product at the baseline's need",
}


def pictures(data: Data, folder: Path) -> list[Path]:
    """Draw all instruments.

    Args:
        data: what ``instrument_story.compute`` returns.
        folder: where to write; it is made if it is missing.

    Returns:
        The paths written, ``PAGE.svg``.
    """
    return [save(framed(draw(data), _title(page, data), _source(data)), folder / f"{page}.svg") for page, draw in _charts().items()]


def _charts() -> dict[str, Callable[[Data], Any]]:
    def reaching(page: str) -> Callable[[Data], Any]:
        return lambda data: _reach(page, pd.DataFrame(data["reach"][page]))

    plain: dict[str, Callable[[Data], Any]] = {page: reaching(page) for page in TRIALS}
    return plain | {"expiry": _expiry, "reserve": _reserve, "room-and-demand-response": _room}


def _title(page: str, data: Data) -> alt.TitleParams:
    each = "One candidate at a time, from its earliest start, at the baseline's path, without any other instrument of the club. "
    lines = {
        "reserve": f"{data['window'][0]} to {data['window'][1]}, present value of holding cost and interest, million USD at {PRICE_BASE} prices. "
        "Beside the bars: months of demand held, cost.",
        "room-and-demand-response": "State of C7 by year. What the club adds sells at the price of that state; demand itself does not move it.",
    }
    marks = "Full: bankable." if page == "contracts" else "Full: bankable (C12) within the cap on support (C13). Hollow: not."
    return alt.TitleParams(HEADINGS[page], subtitle=[lines[page]] if page in lines else [each, marks])


def _source(data: Data) -> str:
    return f"Source: minclub, instance {data['instance']} ({data['instance_sha256'][:12]})."


def _reach(page: str, rows: pd.DataFrame) -> Any:
    """Return one row per candidate with a mark for each setup; candidates on which the setups do not differ are left out."""
    measure, trials = TRIALS[page]
    heading, form, line = AXES[measure]
    shown = differing(rows)
    shown = shown.assign(label=shown["name"] + ", " + shown["country"])
    names = [trial.name for trial in trials]
    scale = alt.Scale(domain=names, range=list(COLOURS[: len(names)]) if measure != "strike" else [INK, ORANGE, BLUE])
    colour = alt.Color("trial:N", scale=scale, legend=alt.Legend(title=None, orient="top", labelFontSize=11, labelLimit=400, offset=6))
    order = shown.drop_duplicates("label")["label"].tolist()
    axis = alt.Axis(labelLimit=LABELS, minExtent=LABELS, ticks=False, domain=False, grid=True)
    y = alt.Y("label:N", sort=order, title=None, axis=axis)
    x = alt.X("value:Q", title=None, axis=alt.Axis(format=form, tickCount=7), scale=alt.Scale(zero=False, padding=12))
    span = shown.groupby("label", sort=False)["value"].agg(["min", "max"]).reset_index()
    step = alt.Chart(span).mark_rule(color=PALE, strokeWidth=3).encode(y=y, x=alt.X("min:Q"), x2="max:Q")
    level = alt.Chart(pd.DataFrame({"line": [line]})).mark_rule(color=INK, strokeDash=DASHES, strokeWidth=1.2).encode(x="line:Q")
    hollow = alt.Chart(shown[~shown["passes"]]).mark_point(filled=False, strokeWidth=1.8, size=52).encode(y=y, x=x, color=colour)
    full = alt.Chart(shown[shown["passes"]]).mark_point(filled=True, opacity=1, size=66).encode(y=y, x=x, color=colour)
    title = alt.TitleParams(heading, fontSize=12, offset=6, anchor="start", frame="group")
    return alt.layer(step, level, hollow, full).properties(width=WIDTH, height=ROW * len(order), title=title)


def differing(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of candidates whose numbers differ between the setups, by product and by their first number."""
    known = rows[rows["value"].notna()]
    span = known.groupby("project")["value"].agg(lambda values: values.max() - values.min())
    kept = known[known["project"].isin(span[span > 1e-6].index)]
    first = kept.groupby("project", sort=False)["value"].first()
    return kept.assign(order=kept["project"].map(first)).sort_values(["product", "order", "project"], kind="stable").drop(columns="order")


def _expiry(data: Data) -> Any:
    """Return the share of scenarios in which measures are in force, above the candidates."""
    years = pd.DataFrame(data["extras"]["lapse"])
    x = alt.X("year:Q", title=None, axis=alt.Axis(format="d", tickCount=8, grid=False), scale=alt.Scale(nice=False))
    y = alt.Y("share:Q", title=None, axis=alt.Axis(format=".0%", tickCount=4, minExtent=LABELS), scale=alt.Scale(domain=[0, 1]))
    title = alt.TitleParams("Scenarios in which the club's border measures are in force", fontSize=12, offset=6, anchor="start", frame="group")
    line = alt.Chart(years).mark_line(color=BLUE, interpolate="step-after", strokeWidth=2).encode(x=x, y=y).properties(width=WIDTH, height=110, title=title)
    return alt.vconcat(line, _reach("expiry", pd.DataFrame(data["reach"]["expiry"])), spacing=18)


def _reserve(data: Data) -> Any:
    """Return the carry of each cover by product, with months of demand beside the bars."""
    rows = pd.DataFrame(data["extras"]["reserve"])
    rows = rows.assign(
        label=[f"{name}, {cover:.0%} of the shortage" for name, cover in zip(rows["name"], rows["cover"], strict=True)],
        months_held=["beyond the top rung" if pd.isna(m) else f"{m:.0f} months, {c:,.1f}" for m, c in zip(rows["months"], rows["carry_musd"], strict=True)],
        carry_musd=rows["carry_musd"].fillna(0.0),
    )
    y = alt.Y("label:N", sort=rows["label"].tolist(), title=None, axis=alt.Axis(labelLimit=LABELS, minExtent=LABELS, ticks=False, domain=False))
    bars = alt.Chart(rows).mark_bar(color=BLUE, size=10).encode(y=y, x=alt.X("carry_musd:Q", title=None, axis=alt.Axis(tickCount=5)))
    words = alt.Chart(rows).mark_text(align="left", dx=5, fontSize=11, color=INK).encode(y=y, x="carry_musd:Q", text="months_held:N")
    return alt.layer(bars, words).properties(width=WIDTH, height=(ROW + 3) * len(rows))


def _room(data: Data) -> Any:
    """Return the state of every product and year as tiles."""
    rows = pd.DataFrame(data["extras"]["room"])
    rows = rows.assign(words=rows["state"].map(STATES))
    order = rows.drop_duplicates("name")["name"].tolist()
    scale = alt.Scale(domain=list(STATES.values()), range=list(SHADES))
    legend = alt.Legend(title=None, orient="top", labelFontSize=11, labelLimit=400, columns=2, offset=6)
    y = alt.Y("name:N", sort=order, title=None, axis=alt.Axis(labelLimit=LABELS, minExtent=LABELS, ticks=False, domain=False))
    x = alt.X("year:O", title=None, axis=alt.Axis(labelAngle=0, ticks=False, domain=False))
    tiles = alt.Chart(rows).mark_rect(stroke="white", strokeWidth=1.5).encode(x=x, y=y, color=alt.Color("words:N", scale=scale, legend=legend))
    return tiles.properties(width=WIDTH, height=22 * len(order))
