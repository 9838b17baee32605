"""Draw figures as SVG or PNG with Altair and vl-convert: no browser, no network.

Every figure names its units and price base and carries a source line. Its colours stay apart for
colour-blind readers (Okabe-Ito), and it keeps its meaning in grey.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import altair as alt
import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from ..instances.instance import Instance
    from ..instances.scenarios import Scenarios

MARKET, CHINA, INK, MUTED, GRID = "#0072B2", "#D55E00", "#222222", "#555555", "#E3E3E3"
FONT = "DejaVu Sans, Verdana, Arial, sans-serif"
PRICE_HISTORY = Path(__file__).resolve().parent.parent / "instances" / "evidence" / "price_history.csv"
FIRST_YEAR, PRICE_BASE = 2010, 2025
QUANTILES = {"q05": 0.05, "q25": 0.25, "q50": 0.5, "q75": 0.75, "q95": 0.95}

CPI_U = dict(
    zip(
        range(FIRST_YEAR, PRICE_BASE + 1),
        (218.1, 224.9, 229.6, 233.0, 236.7, 237.0, 240.0, 245.1, 251.1, 255.7, 258.8, 271.0, 292.7, 304.7, 313.7, 322.0),
        strict=True,
    )
)
"""US consumer prices by year, 1982-84 = 100 (US Bureau of Labor Statistics, CPI-U, annual mean)."""

HISTORY_FACTOR = {"tungsten_concentrate_W": 1 / 0.78, "ferroniobium_gross": 1 / 0.65}
"""Factor from a published series to the basis of the product's price: APT per t of W, contained niobium."""

OTHER_GRADE = frozenset({"phosphate_rock"})
"""Published series of another grade than the product's price: left out."""


def price_history(path: Path = PRICE_HISTORY) -> pd.DataFrame:
    """Return published annual prices on the products' bases, deflated to 2025 USD per tonne.

    Of several editions for one year the newest counts. ``run`` numbers the stretches without a gap.

    Returns:
        Columns ``product_code, year, usd_per_t, run``, sorted; years before 2010 are left out.
    """
    table = pd.read_csv(path)
    table = table[~table["mineral"].isin(OTHER_GRADE) & table["year"].isin(CPI_U)]
    edition = table["series"].map(_edition)
    factor = table["mineral"].map(HISTORY_FACTOR).fillna(1.0)
    real = table["price_usd_per_t"] * factor * CPI_U[PRICE_BASE] / table["year"].map(CPI_U)
    table = table.assign(edition=edition, usd_per_t=real).sort_values(["product_code", "year", "edition"])
    table = table.drop_duplicates(["product_code", "year"], keep="last")
    gap = table["year"].diff().ne(1) | table["product_code"].ne(table["product_code"].shift())
    return table.assign(run=gap.cumsum())[["product_code", "year", "usd_per_t", "run"]].reset_index(drop=True)


def _edition(series: str) -> int:
    """Return the year of the edition that a series was read from."""
    found = re.search(r"MCS (\d{4})", series)
    return int(found.group(1)) if found else 0


def fan(scenarios: Scenarios, product: str, node: str) -> pd.DataFrame:
    """Return quantiles of a node's price by year, USD per tonne.

    Args:
        scenarios: the scenarios.
        product: product code.
        node: ``market`` or ``china_linked``; the latter counts only scenarios in which it sells.

    Returns:
        Columns ``year, q05, q25, q50, q75, q95``; years in which the node never sells are left out.
    """
    price = scenarios.market[product]
    sells = np.ones_like(price, dtype=bool)
    if node == "china_linked":
        price, sells = scenarios.china[product], ~scenarios.restricted[product]
    rows = [
        {"year": int(year)} | dict(zip(QUANTILES, np.quantile(price[sells[:, t], t], list(QUANTILES.values())), strict=True))
        for t, year in enumerate(scenarios.years)
        if sells[:, t].any()
    ]
    return pd.DataFrame(rows)


def price_fans(instance: Instance, scenarios: Scenarios, products: Sequence[str], path: Path, history: pd.DataFrame | None = None) -> Path:
    """Draw fan charts of both outside nodes behind the price history.

    Args:
        instance: gives the products' names.
        scenarios: the scenarios.
        products: product codes, one row of panels each.
        path: file to write, ``.svg`` or ``.png``.
        history: table like ``price_history()``; default the evidence.

    Returns:
        The path written.

    Raises:
        KeyError: a product is not in the scenarios.
        ValueError: the file name ends in neither ``.svg`` nor ``.png``, or there is no product.
    """
    if not products:
        raise ValueError("name at least one product")
    history = price_history() if history is None else history
    rows = [_product_row(instance, scenarios, code, history[history["product_code"] == code]) for code in products]
    title = alt.TitleParams(
        f"Price scenarios of the two outside nodes, USD per tonne at {PRICE_BASE} prices",
        subtitle=[
            f"{scenarios.count} scenarios. Line: median. Dark band: half of the scenarios; light band: 90%. Dashes: long-run price. Black: history.",
            "China-linked: only the scenarios in which it sells (no restriction).",
        ],
    )
    source = f"Source: minclub, instance {instance.name}. History: USGS Mineral Commodity Summaries, annual averages, deflated with US CPI-U."
    return save(framed(alt.vconcat(*rows, spacing=18), title, source), path)


def _product_row(instance: Instance, scenarios: Scenarios, product: str, history: pd.DataFrame) -> alt.HConcatChart:
    """Return the two panels of a product, on one price scale."""
    fans = {node: fan(scenarios, product, node) for node in ("market", "china_linked")}
    top = max(frame["q95"].max() for frame in fans.values())
    top = max(top, history["usd_per_t"].max()) if len(history) else top
    name = str(instance.products.at[product, "name"]) or product
    panels = [
        _panel(fans["market"], history, scenarios.long_run[product], top, MARKET, f"{name}: market"),
        _panel(fans["china_linked"], history, scenarios.long_run[product], top, CHINA, f"{name}: China-linked"),
    ]
    return alt.hconcat(*panels, spacing=20)


def _panel(quantiles: pd.DataFrame, history: pd.DataFrame, long_run: float, top: float, colour: str, title: str) -> alt.LayerChart:
    """Return one fan chart."""
    last = int(quantiles["year"].max())
    x = alt.X("year:Q", title=None, scale=alt.Scale(domain=[FIRST_YEAR, last + 1], nice=False), axis=alt.Axis(format="d", tickCount=6))
    axis = alt.Axis(labelExpr="datum.value ? format(datum.value, '~s') : '0'", tickCount=4, minExtent=40)
    y = {"scale": alt.Scale(domain=[0, float(top)], nice=True), "axis": axis, "title": None}
    base = alt.Chart(quantiles).encode(x=x)
    wide = base.mark_area(color=colour, opacity=0.22).encode(y=alt.Y("q05:Q", **y), y2="q95:Q")
    half = base.mark_area(color=colour, opacity=0.40).encode(y=alt.Y("q25:Q", **y), y2="q75:Q")
    median = base.mark_line(color=colour, strokeWidth=2.2).encode(y=alt.Y("q50:Q", **y))
    level = alt.Chart(pd.DataFrame({"L": [long_run]})).mark_rule(color=INK, strokeDash=[5, 4], strokeWidth=1).encode(y=alt.Y("L:Q", **y))
    past = alt.Chart(history).encode(x=x, y=alt.Y("usd_per_t:Q", **y), detail="run:N")
    line = past.mark_line(color=INK, strokeWidth=1.6, point=alt.OverlayMarkDef(color=INK, size=16))
    return alt.layer(wide, half, level, median, line).properties(title=alt.TitleParams(title, fontSize=12, offset=6, frame="group"), width=320, height=130)


def framed(chart: Any, title: alt.TitleParams, source: str | list[str]) -> alt.VConcatChart:
    """Put a title above a chart and source lines below it, in the common style."""
    below = alt.TitleParams(source, orient="bottom", anchor="start", fontSize=10, fontWeight="normal", color=MUTED, offset=12)
    return (
        alt.vconcat(alt.vconcat(chart, title=below), title=title)
        .configure(font=FONT, background="white", padding=14)
        .configure_title(anchor="start", fontSize=15, color=INK, subtitleColor=MUTED, subtitleFontSize=11, subtitlePadding=5, offset=12)
        .configure_axis(gridColor=GRID, domainColor=MUTED, tickColor=MUTED, labelColor=INK, labelFontSize=11)
        .configure_view(stroke=None)
    )


def save(chart: Any, path: Path) -> Path:
    """Write a chart as ``.svg`` or, at twice the size, ``.png``.

    Raises:
        ValueError: the file name ends in neither.
    """
    kind = path.suffix.lower().removeprefix(".")
    if kind not in ("svg", "png"):
        raise ValueError(f"figures are written as .svg or .png, not {path.name}")
    path.parent.mkdir(parents=True, exist_ok=True)
    chart.save(str(path), format=kind, **({"scale_factor": 2} if kind == "png" else {}))
    return path
