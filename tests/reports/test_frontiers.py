"""The page of frontiers against its stored data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from minclub import load
from minclub.reports.frontiers import BLOCK, HEADS, POINTS, STORED, block, picture

Data = dict[str, Any]


@pytest.fixture(scope="module")
def data(root: Path) -> Data:
    return STORED.read(root)


def test_the_page_is_written_from_the_stored_data(root: Path, data: Data) -> None:
    text = (root / "docs" / "frontiers.md").read_text(encoding="utf-8")
    assert BLOCK.written(text, block(data)) == text
    for over in data:
        assert (root / "docs" / "assets" / "frontiers" / f"{over}.svg").is_file()


def test_the_stored_frontiers_are_proven_monotone_and_of_the_shipped_instance(data: Data) -> None:
    assert set(data) == set(POINTS) == set(HEADS)
    for over, found in data.items():
        assert found["instance_sha256"] == load("usmca").sha256
        assert found["proven"]
        assert sorted(row["limit"] for row in found["rows"]) == POINTS[over]
        costs = [row["objective_musd"] for row in found["rows"]]
        assert costs == sorted(costs)
        assert all(row["bound_musd"] <= row["objective_musd"] for row in found["rows"])


def test_a_picture_shows_cost_and_outlay_of_every_point(data: Data) -> None:
    drawn = picture("targets", data["targets"]).to_dict()
    points = next(rows for rows in drawn["datasets"].values() if "musd" in rows[0])
    assert len(points) == 2 * len(POINTS["targets"])
