"""Draw a solved design: what it reaches and by which means, its strikes, and what it costs in which year.

Units and the price base stand in every title, the certificate in every source line. The tables behind are in ``design_story``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import altair as alt
import pandas as pd

from .design_story import COUNTRIES, ITEMS, Story, caps, spending, strikes, supply, total
from .figures import INK, MUTED, PRICE_BASE, framed, save

if TYPE_CHECKING:
    from ..instances.instance import Instance
    from ..solvers.design import Design

BLUE, ORANGE, PALE = "#0072B2", "#E69F00", "#C4C4C4"
COLOURS = dict(zip(ITEMS.values(), (BLUE, ORANGE, PALE), strict=True))
STAGES = {"before": "current law alone", "after": "with the club", "target": "target"}
TICK = "M0,-1.4L0,1.4"
DASHES = [5, 4]
MONEY = f"million USD at {PRICE_BASE} prices"
LABELS, PANEL, ROW = 178, 290, 23


def pictures(design: Design, folder: Path, instance: Instance | None = None, kind: Literal["svg", "png"] = "svg") -> list[Path]:
    """Draw all figures of a design.

    Args:
        design: the design, from ``solve`` or ``Design.read``.
        folder: where to write; it is made if it is missing.
        instance: the instance of the design; by default the one that its provenance names.
        kind: ``svg`` or ``png``.

    Returns:
        The paths written: the overview ``NAME.kind`` and the cost by year ``NAME-cost.kind``.

    Raises:
        ValueError: the instance is not the one that the design was made for.
        InstanceError: the instance cannot be found or read.
    """
    story = Story.read(design, instance)
    name = story.instance.name
    return [overview(story, folder / f"{name}.{kind}"), costs(story, folder / f"{name}-cost.{kind}")]


def overview(story: Story, path: Path) -> Path:
    """Draw the result on one page: supply against targets with the means, strikes, outlay against caps."""
    parts = [part for part in (_supply(story), _strikes(strikes(story)), _outlay(story)) if part is not None]
    booked, outlay = total(story.design, "booked"), total(story.design, "outlay")
    title = alt.TitleParams(
        str(story.instance.settings["title"]),
        subtitle=[
            f"{story.verdict()} It costs the three treasuries {booked:,.0f} {MONEY} over current law: expected payments less receipts of each",
            f"contract, and credits ({outlay:,.0f} before receipts). Present value in {story.base_year}; border revenue is not counted.",
        ],
    )
    body = alt.vconcat(*parts, spacing=22).resolve_scale(color="independent", shape="independent", fill="independent", stroke="independent")
    note = "Tariff: harmonised rate on China-linked and on other imports; each country levies the higher of this rate and its own law."
    return save(framed(body, title, [note, story.source()]), path)


def costs(story: Story, path: Path) -> Path:
    """Draw expected public cost by country, year and item, with caps; border revenue below on a scale of its own."""
    money, revenue = spending(story.design), story.design.public_cost
    revenue = revenue[revenue["item"] == "border_revenue"]
    years = _span(story, pd.concat([money["year"], revenue["year"]]))
    title = alt.TitleParams(
        f"Expected public cost over current law by year, {MONEY}, not discounted",
        subtitle=[
            "Mean over the price scenarios. Dashes: cap on payments and credits together. Below zero: what contracts pay back. Scales differ by country."
        ],
    )
    rows = [_outlay_row(story, money, years, 290, 170)]
    if len(revenue):
        below = [_revenue(country, revenue, years, 290) for country in COUNTRIES]
        rows.append(alt.hconcat(*below, spacing=20, title=_head("Border revenue over current law: it enters neither the objective nor the caps")))
    return save(framed(alt.vconcat(*rows, spacing=20).resolve_scale(color="independent"), title, story.source()), path)


# --- panels of the overview ---------------------------------------------------------------------------------------------


def _supply(story: Story) -> Any:
    """Return secured shares against targets, with the means in words beside them."""
    rows = supply(story)
    if rows.empty:
        return None
    points = rows.melt(["name"], ["before", "after", "target"], "stage", "share")
    points["stage"] = points["stage"].map(STAGES)
    names = list(STAGES.values())
    y = _rows(rows)
    x = alt.X("share:Q", title=None, scale=alt.Scale(domain=[0, float(1.08 * points["share"].max())], nice=False), axis=alt.Axis(format=".0%", tickCount=6))
    legend = alt.Legend(title=None, orient="bottom", symbolSize=80, labelFontSize=11, offset=6)
    shown = {
        channel: encoding(field="stage", type="nominal", scale=alt.Scale(domain=names, range=values), legend=legend)
        for channel, encoding, values in (
            ("shape", alt.Shape, ["circle", "circle", TICK]),
            ("fill", alt.Fill, ["transparent", BLUE, "transparent"]),
            ("stroke", alt.Stroke, [INK, BLUE, INK]),
        )
    }
    size = alt.Size("stage:N", scale=alt.Scale(domain=names, range=[150, 60, 130]), legend=None)
    step = alt.Chart(rows).mark_rule(color=PALE, strokeWidth=5).encode(y=y, x=alt.X("before:Q"), x2="after:Q")
    marks = alt.Chart(points).mark_point(strokeWidth=2, opacity=1).encode(y=y, x=x, size=size, **shown)
    left = alt.layer(step, marks).properties(width=PANEL, height=ROW * len(rows), title=_head(f"Secured share of demand, {story.window}"))
    columns = [
        _words(rows, "before", "law", 38, ".0%"),
        _words(rows, "target", "target", 46, ".0%"),
        _words(rows, "after", "club", 40, ".0%"),
        _words(rows, "tariff", "tariff: China / other", 126),
        _words(rows, "contracts", "contracts", 66),
        _words(rows, "credits", "credits", 180),
    ]
    return alt.hconcat(left, *columns, spacing=12)


def _strikes(rows: pd.DataFrame) -> Any:
    """Return strikes as a share of the long-run price, with both prices beside them."""
    if rows.empty:
        return None
    y = _rows(rows)
    x = alt.X(
        "ratio:Q", title=None, axis=alt.Axis(format=".0%", tickCount=6), scale=alt.Scale(domain=[0, float(max(1.2, 1.08 * rows["ratio"].max()))], nice=False)
    )
    bars = alt.Chart(rows).mark_bar(color=BLUE, size=11).encode(y=y, x=x)
    level = alt.Chart(pd.DataFrame({"one": [1.0]})).mark_rule(color=INK, strokeDash=DASHES, strokeWidth=1.4).encode(x="one:Q")
    left = alt.layer(bars, level).properties(width=PANEL, height=ROW * len(rows), title=_head("Contract strike over long-run price"))
    columns = [
        _words(rows, "product", "product", 140),
        _words(rows, "strike", "strike, USD/t", 96, ",.0f"),
        _words(rows, "long_run", "long-run, USD/t", 112, ",.0f"),
        _words(rows, "years", "paid in", 120),
    ]
    return alt.hconcat(left, *columns, spacing=12)


def _outlay(story: Story) -> alt.VConcatChart:
    """Return payments and credits by country and year against their caps."""
    money = spending(story.design)
    money = money[money["musd"] > 0.0]
    heading = _head(f"Expected payments and credits by year, {MONEY}, not discounted (dashes: cap; scales differ)")
    return alt.vconcat(_outlay_row(story, money, _span(story, money["year"]), 258, 100), title=heading)


# --- shared -------------------------------------------------------------------------------------------------------------


def _outlay_row(story: Story, money: pd.DataFrame, years: tuple[int, int], width: int, height: int) -> Any:
    limits = caps(story.instance, range(years[0], years[1] + 1))
    panels = [_bars(country, money, limits, years, width, height) for country in COUNTRIES]
    return alt.hconcat(*panels, spacing=20).resolve_scale(color="shared")


def _bars(country: str, money: pd.DataFrame, limits: pd.DataFrame, years: tuple[int, int], width: int, height: int) -> Any:
    """Return stacked bars of one country with its cap."""
    own, cap = money[money["country"] == country], limits[limits["country"] == country]
    items = [item for item in COLOURS if (money["item"] == item).any()] or list(COLOURS)
    colour = alt.Color(
        "item:N",
        sort=items,
        scale=alt.Scale(domain=items, range=[COLOURS[item] for item in items]),
        legend=alt.Legend(title=None, orient="bottom", labelFontSize=11, offset=6),
    )
    x = _years(years)
    y = alt.Y("sum(musd):Q", title=None, scale=_scale(own, cap), axis=alt.Axis(tickCount=4, minExtent=34))
    bars = alt.Chart(own).transform_calculate(rank=f"indexof({items}, datum.item)")
    bars = bars.mark_bar(size=_width(width, years)).encode(x=x, y=y, color=colour, order=alt.Order("rank:Q"))
    line = alt.Chart(cap).mark_line(color=INK, strokeDash=DASHES, strokeWidth=1.4, interpolate="step").encode(x=x, y="cap:Q")
    return alt.layer(bars, line).properties(width=width, height=height, title=_head(COUNTRIES[country]))


def _scale(own: pd.DataFrame, cap: pd.DataFrame) -> alt.Scale:
    """Return a scale that holds all bars and the cap with room above."""
    up, down = (own[side].groupby("year")["musd"].sum() for side in (own["musd"] > 0.0, own["musd"] < 0.0))
    top = max(up.max() if len(up) else 0.0, cap["cap"].max() if len(cap) else 0.0, 1e-6)
    return alt.Scale(domain=[float(1.1 * down.min()) if len(down) else 0.0, float(1.1 * top)], nice=False)


def _revenue(country: str, revenue: pd.DataFrame, years: tuple[int, int], width: int) -> Any:
    """Return a country's border revenue by year."""
    own = revenue[revenue["country"] == country].rename(columns={"value_musd": "musd"})
    y = alt.Y("musd:Q", title=None, scale=_scale(own, own.assign(cap=0.0)), axis=alt.Axis(tickCount=3, minExtent=34))
    bars = alt.Chart(own).mark_bar(color=PALE, size=_width(width, years)).encode(x=_years(years), y=y)
    return bars.properties(width=width, height=80, title=_head(COUNTRIES[country]))


def _rows(rows: pd.DataFrame) -> alt.Y:
    return alt.Y("name:N", sort=rows["name"].tolist(), title=None, axis=alt.Axis(labelLimit=LABELS, minExtent=LABELS, ticks=False, domain=False, grid=True))


def _words(rows: pd.DataFrame, column: str, heading: str, width: int, form: str = "") -> alt.Chart:
    """Return a column of a table beside a panel with the same rows; numbers are aligned right."""
    place = {"align": "right", "x": width} if form else {"align": "left", "x": 0}
    text = alt.Text(column, type="quantitative", format=form) if form else alt.Text(column, type="nominal")
    y = alt.Y("name:N", sort=rows["name"].tolist(), axis=None)
    title = alt.TitleParams(heading, fontSize=11, fontWeight="normal", color=MUTED, offset=6, anchor="end" if form else "start", frame="group")
    return (
        alt.Chart(rows)
        .mark_text(color=INK, fontSize=11, limit=width + 6, **place)
        .encode(y=y, text=text)
        .properties(width=width, height=ROW * len(rows), title=title)
    )


def _years(years: tuple[int, int]) -> alt.X:
    scale = alt.Scale(domain=[years[0] - 1, years[1] + 1], nice=False)
    return alt.X("year:Q", title=None, scale=scale, axis=alt.Axis(format="d", tickCount=5, grid=False))


def _width(width: int, years: tuple[int, int]) -> int:
    """Return the width of a bar, pixels."""
    return max(2, width // (years[1] - years[0] + 3) - 2)


def _head(text: str) -> alt.TitleParams:
    return alt.TitleParams(text, fontSize=12, offset=6, anchor="start", frame="group")


def _span(story: Story, years: pd.Series[int]) -> tuple[int, int]:
    """Return the first and the last year; the years of decisions where there is none."""
    return (int(years.min()), int(years.max())) if len(years) else story.years
