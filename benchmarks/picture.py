"""The picture of the page: where the CPU time of a solve goes, one stacked bar per run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import altair as alt
import pandas as pd

from benchmarks.stages import ORDER
from minclub.reports.figures import framed, save

Row = dict[str, Any]

PROFILES = {"profile-shipped": "usmca as shipped", "profile": "usmca, all instruments"}
COLOURS = ("#555555", "#999999", "#56B4E9", "#0072B2", "#009E73", "#F0E442", "#E69F00", "#D55E00", "#CC79A7", "#BBBBBB", "#DDDDDD", "#EEEEEE", "#222222")
"""One colour per stage in their order (Okabe-Ito and greys)."""


def shares(rows: Mapping[str, Row]) -> pd.DataFrame:
    """Return a row per run and stage: ``run``, ``stage``, ``order``, ``seconds`` and the ``share`` of the run."""
    found = []
    for name, label in PROFILES.items():
        stages = rows.get(name, {}).get("stages", {})
        total = sum(stages.values())
        found += [
            {"run": f"{label}, {total:.1f} s", "stage": stage, "order": order, "seconds": stages.get(stage, 0.0), "share": stages.get(stage, 0.0) / total}
            for order, stage in enumerate(ORDER if total else ())
        ]
    return pd.DataFrame(found, columns=["run", "stage", "order", "seconds", "share"])


def draw(rows: Mapping[str, Row], path: Path) -> Path | None:
    """Draw the picture; None where no run was profiled."""
    table = shares(rows)
    if table.empty:
        return None
    colour = alt.Color("stage:N", sort=list(ORDER), scale=alt.Scale(domain=list(ORDER), range=list(COLOURS[: len(ORDER)])), legend=alt.Legend(title=None, columns=2))
    bars = (
        alt.Chart(table)
        .mark_bar(stroke="white", strokeWidth=0.5, height=34)
        .encode(
            x=alt.X("share:Q", title="share of CPU time", axis=alt.Axis(format="%"), scale=alt.Scale(domain=[0, 1])),
            y=alt.Y("run:N", title=None, sort=None, axis=alt.Axis(labelLimit=300)),
            color=colour,
            order=alt.Order("order:Q"),
        )
        .properties(width=520, height=120)
    )
    return save(framed(bars, alt.TitleParams("Where the time of a solve goes"), "Source: minclub, benchmarks/results.json. CPU seconds of the whole process."), path)
