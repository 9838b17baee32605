"""Draw what the state pays under a contract by year: a fan over the scenarios, and its expected payments and receipts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import altair as alt
import pandas as pd

from .design_figures import BLUE, DASHES, MONEY, ORANGE
from .figures import INK, framed, save

if TYPE_CHECKING:
    from collections.abc import Mapping

WIDTH, FAN, BARS = 560, 230, 110
PARTS = {"payment_musd": "paid by the state", "clawback_musd": "clawed back"}


def fan_chart(data: Mapping[str, Any], heading: str, path: Path) -> Path:
    """Draw one contract.

    Args:
        data: instance, hash and count of scenarios, and ``contract``, an entry of ``payments``.
        heading: what the picture is called.
        path: file to write, ``.svg`` or ``.png``.

    Returns:
        The path written.
    """
    rows = pd.DataFrame(data["contract"]["years"])
    title = alt.TitleParams(
        f"{heading}: what the state pays",
        subtitle=[
            f"{MONEY[0].upper()}{MONEY[1:]}, not discounted; below zero the state receives. {data['scenarios']} scenarios.",
            "Line: median. Dark band: half of the scenarios; light band: 90%. Dashes with dots: expected.",
        ],
    )
    source = f"Source: minclub, instance {data['instance']} ({data['instance_sha256'][:12]})."
    return save(framed(alt.vconcat(_fan(rows), _bars(rows), spacing=18), title, source), path)


def _x(rows: pd.DataFrame) -> alt.X:
    first, last = int(rows["year"].min()), int(rows["year"].max())
    axis = alt.Axis(format="d", values=rows["year"].tolist(), grid=False)
    return alt.X("year:Q", title=None, axis=axis, scale=alt.Scale(domain=[first - 0.5, last + 0.5], nice=False, padding=0))


def _fan(rows: pd.DataFrame) -> alt.LayerChart:
    """Return bands, median, expected line and zero line."""
    base, axis = alt.Chart(rows).encode(x=_x(rows)), alt.Axis(tickCount=6, minExtent=44)
    wide = base.mark_area(color=BLUE, opacity=0.22).encode(y=alt.Y("p05_musd:Q", title=None, axis=axis), y2="p95_musd:Q")
    half = base.mark_area(color=BLUE, opacity=0.40).encode(y="p25_musd:Q", y2="p75_musd:Q")
    median = base.mark_line(color=BLUE, strokeWidth=2.2).encode(y="p50_musd:Q")
    expected = base.mark_line(color=INK, strokeWidth=1.6, strokeDash=DASHES, point=alt.OverlayMarkDef(color=INK, size=22)).encode(y="expected_musd:Q")
    zero = alt.Chart(pd.DataFrame({"zero": [0.0]})).mark_rule(color=INK, strokeWidth=1).encode(y="zero:Q")
    title = alt.TitleParams("Net payment by year", fontSize=12, offset=6, anchor="start", frame="group")
    return alt.layer(wide, half, zero, median, expected).properties(width=WIDTH, height=FAN, title=title)


def _bars(rows: pd.DataFrame) -> alt.Chart:
    """Return expected payments above and expected receipts below zero."""
    signed = rows.assign(clawback_musd=-rows["clawback_musd"])
    long = signed.melt(id_vars="year", value_vars=list(PARTS), var_name="part", value_name="musd")
    long = long.assign(words=long["part"].map(PARTS))
    scale = alt.Scale(domain=list(PARTS.values()), range=[BLUE, ORANGE])
    colour = alt.Color("words:N", scale=scale, legend=None)
    y = alt.Y("musd:Q", title=None, axis=alt.Axis(tickCount=4, minExtent=44))
    title = alt.TitleParams("Expected, above zero: paid by the state; below: clawed back", fontSize=12, offset=6, anchor="start", frame="group")
    return alt.Chart(long).mark_bar(size=18).encode(x=_x(rows), y=y, color=colour).properties(width=WIDTH, height=BARS, title=title)
