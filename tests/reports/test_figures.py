"""Test the figures: numbers behind them, texts on them, files."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from minclub.instances.scenarios import Scenarios
from minclub.reports.figures import fan, price_fans, price_history

HISTORY = """mineral,product_code,year,price_usd_per_t,series
antimony,antimony,2009,5000,USGS MCS 2011: dealer
antimony,antimony,2010,8000,USGS MCS 2011: dealer
antimony,antimony,2024,22575.3,USGS MCS 2026: metal
antimony,antimony,2025,55115.5,USGS MCS 2026: metal
gallium_import,gallium,2021,277000,USGS MCS 2026: unit value
gallium_low_purity,gallium,2021,254000,USGS MCS 2024: low purity
ferroniobium_gross,niobium,2025,26000,USGS MCS 2026: gross weight
phosphate_rock,phosphate,2025,100,USGS MCS 2026: fob mine
"""


@pytest.fixture
def history(tmp_path: Path) -> pd.DataFrame:
    path = tmp_path / "history.csv"
    path.write_text(HISTORY, encoding="utf-8")
    return price_history(path)


@pytest.fixture
def scenarios() -> Scenarios:
    years = np.arange(2027, 2031)
    market = np.outer(np.arange(101.0), np.ones(4))
    restricted = np.zeros((101, 4), dtype=bool)
    restricted[:, 0] = True
    restricted[51:, 1] = True
    return Scenarios(("antimony",), years, {"antimony": market}, {"antimony": market}, {"antimony": restricted}, np.zeros(101, dtype=int), {"antimony": 50.0})


@pytest.fixture
def instance() -> Any:
    return SimpleNamespace(name="toy", products=pd.DataFrame({"name": ["Antimony"]}, index=["antimony"]))


def test_history_is_real_and_on_the_products_basis(history: pd.DataFrame) -> None:
    price = history.set_index(["product_code", "year"])["usd_per_t"]
    assert price["antimony", 2024] == pytest.approx(22575.3 * 322.0 / 313.7)
    assert price["niobium", 2025] == pytest.approx(40_000)
    assert price["gallium", 2021] == pytest.approx(277_000 * 322.0 / 271.0)
    assert set(price.index) == {("antimony", 2010), ("antimony", 2024), ("antimony", 2025), ("gallium", 2021), ("niobium", 2025)}


def test_history_breaks_where_years_are_missing(history: pd.DataFrame) -> None:
    run = history[history["product_code"] == "antimony"].set_index("year")["run"]
    assert run[2010] != run[2024]
    assert run[2024] == run[2025]


def test_fan_counts_only_scenarios_in_which_the_node_sells(scenarios: Scenarios) -> None:
    market, china = fan(scenarios, "antimony", "market"), fan(scenarios, "antimony", "china_linked")
    assert market["year"].tolist() == [2027, 2028, 2029, 2030]
    assert market.iloc[1][["q05", "q25", "q50", "q75", "q95"]].tolist() == pytest.approx([5, 25, 50, 75, 95])
    assert china["year"].tolist() == [2028, 2029, 2030]
    assert china["q50"].tolist() == pytest.approx([25, 50, 50])


def test_price_fans_name_units_price_base_and_source(instance: Any, scenarios: Scenarios, history: pd.DataFrame, tmp_path: Path) -> None:
    text = price_fans(instance, scenarios, ["antimony"], tmp_path / "new" / "fans.svg", history).read_text(encoding="utf-8")
    for words in ("USD per tonne at 2025 prices", "Antimony: China-linked", "101 scenarios", "Source: minclub, instance toy"):
        assert words in text


def test_price_fans_as_png_work_without_history(instance: Any, scenarios: Scenarios, history: pd.DataFrame, tmp_path: Path) -> None:
    path = price_fans(instance, scenarios, ["antimony"], tmp_path / "fans.png", history.iloc[:0])
    assert path.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(("products", "name", "said"), [(["antimony"], "fans.pdf", "not fans.pdf"), ([], "fans.svg", "at least one product")])
def test_price_fans_refuse_what_they_cannot_draw(
    instance: Any, scenarios: Scenarios, history: pd.DataFrame, tmp_path: Path, products: list[str], name: str, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        price_fans(instance, scenarios, products, tmp_path / name, history)


def test_shipped_history_is_drawn_for_the_products_that_have_one() -> None:
    history = price_history()
    assert {"lithium_carbonate", "gallium", "tungsten", "copper"} <= set(history["product_code"])
    assert not history.duplicated(["product_code", "year"]).any()
    assert history["usd_per_t"].gt(0).all()
