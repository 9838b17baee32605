"""Pictures of a design: the numbers behind them, what is written on them, files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from minclub import evaluate, load
from minclub.instances.instance import Instance
from minclub.reports.design_figures import pictures
from minclub.reports.design_story import Story, caps, means, spending, strikes, supply, tightest, total
from minclub.solvers.design import Design

GIVEN: dict[str, Any] = {
    "contracts": [{"project": "USA_ALPHA", "strike_usd_per_t": 9000.0, "share": 1.0, "tenor_years": 5, "upside_share": 0.5}],
    "credits": [{"country": "MEX", "product": "alpha", "itc_rate": 0.1, "ptc_rate": 0.05}],
    "tariffs": [{"product": "alpha", "node": "china_linked", "rate": 0.05}, {"product": "alpha", "node": "market", "rate": 0.025}],
}


@pytest.fixture(scope="module")
def instance() -> Instance:
    return load("tutorial")


@pytest.fixture(scope="module")
def design(instance: Instance) -> Design:
    return evaluate(instance, GIVEN)


def test_supply_sets_the_design_against_target_and_baseline(design: Design, instance: Instance) -> None:
    """C22: of 10,000 t, existing plants and CAN_ALPHA make 2,000 t and USA_ALPHA 2,000 t more."""
    row = supply(Story.read(design, instance)).iloc[0].to_dict()
    assert (row["before"], row["target"], row["after"]) == pytest.approx((0.2, 0.35, 0.4))
    assert (row["tariff"], row["contracts"], row["credits"]) == ("5% / 2.5%", "1 USA", "MEX 10% of capital + 5% of cost")


def test_products_without_help_show_dashes(design: Design) -> None:
    assert means(design, "beta") == {"tariff": "-", "contracts": "-", "credits": "-"}


def test_a_tariff_below_every_law_is_no_means(design: Design) -> None:
    """C6: each member levies the higher of its law and the harmonised rate."""
    laws = ["baseline_rate_usa", "baseline_rate_can", "baseline_rate_mex"]
    lower = replace(design, tariffs=design.tariffs.assign(**dict.fromkeys(laws, 0.05)))
    assert means(lower, "alpha")["tariff"] == "-"


def test_tightest_year_is_the_one_with_the_least_share() -> None:
    rows = [("a", 2035, 0.5, 0.4), ("a", 2036, 0.45, 0.4), ("a", 2034, 0.1, None), ("b", 2035, 0.9, None)]
    found = tightest(pd.DataFrame(rows, columns=["product", "year", "share", "target"]))
    assert found.to_dict("records") == [{"product": "a", "year": 2036, "share": 0.45, "target": 0.4}]


def test_strikes_stand_against_the_long_run_price(design: Design, instance: Instance) -> None:
    row = strikes(Story.read(design, instance)).iloc[0]
    assert (row["strike"], row["long_run"], row["ratio"], row["years"]) == (9000.0, 9000.0, 1.0, "2029 to 2033")


def test_spending_counts_receipts_negative(design: Design) -> None:
    """C14 on 2,000 t at 6,000, 9,000 and 12,000 USD/t, tariffs 5%: see the public cost of the design."""
    rows = spending(design)
    found = rows[rows["year"] == 2030].set_index("item")["musd"].to_dict()
    given = design.public_cost[(design.public_cost["year"] == 2030) & (design.public_cost["country"] == "USA")].set_index("item")["value_musd"]
    assert found == {"Contract payments": given["contract_payments"], "Contract receipts": -given["contract_receipts"]}
    assert found["Contract payments"] > 0.0 > found["Contract receipts"]


def test_caps_of_a_year_come_before_those_of_each_year() -> None:
    found = caps(load("tutorial", ["caps.USA.each_year=3", "caps.USA.2030=2"]), range(2029, 2032))
    assert found.to_dict("list") == {"country": ["USA"] * 3, "year": [2029, 2030, 2031], "cap": [3.0, 2.0, 3.0]}
    assert caps(load("tutorial", ["caps.USA.each_year=3", "switches.country_caps=false"]), [2029]).empty


def test_total_reads_the_totals(design: Design) -> None:
    members = [total(design, "outlay", country) for country in ("USA", "CAN", "MEX")]
    assert total(design, "outlay") == pytest.approx(sum(members))


@pytest.mark.parametrize(
    ("changes", "sentence", "source"),
    [
        ({}, "A given design", "given, not optimised"),
        ({"status": "optimal", "proven": True, "bound_musd": 4.0, "gap": 0.0005}, "The design of least public cost.", "proven: objective"),
        ({"status": "time_limit", "proven": False, "bound_musd": 1.0, "gap": 0.5}, "NOT PROVEN", "NOT PROVEN: objective"),
        ({"status": "time_limit", "proven": False, "bound_musd": None, "gap": None}, "NOT PROVEN", "no bound is known"),
    ],
)
def test_pictures_say_how_far_the_design_is_proven(design: Design, instance: Instance, changes: dict[str, Any], sentence: str, source: str) -> None:
    """C31: a design that is not proven never looks like one that is."""
    story = Story.read(replace(design, certificate=design.certificate | changes), instance)
    assert sentence in story.verdict()
    assert source in story.source()
    assert instance.sha256[:12] in story.source()


def test_pictures_are_written_with_units_names_and_source(design: Design, instance: Instance, tmp_path: Path) -> None:
    made = pictures(design, tmp_path / "new", instance)
    assert [path.name for path in made] == ["tutorial.svg", "tutorial-cost.svg"]
    text = made[0].read_text(encoding="utf-8")
    for words in ("million USD at 2025 prices", "Secured share of demand, least of 2030 to 2031", "5% / 2.5%", "1 USA", "strike, USD/t", instance.sha256[:12]):
        assert words in text
    text = made[1].read_text(encoding="utf-8")
    for words in ("million USD at 2025 prices", "Border revenue", "Contract payments", "Contract receipts", instance.sha256[:12]):
        assert words in text


def test_pictures_as_png_find_the_instance_by_themselves(tmp_path: Path) -> None:
    """A design without contracts, credits, tariffs or targets still has its pictures."""
    bare = evaluate(load("tutorial"), {})
    made = pictures(replace(bare, security=bare.security.assign(target=None)), tmp_path, kind="png")
    assert [path.read_bytes()[:4] for path in made] == [b"\x89PNG"] * 2


def test_another_instance_is_refused(design: Design) -> None:
    with pytest.raises(ValueError, match="changed since the design was made"):
        Story.read(design, load("tutorial", ["contract.upside_share=0.3"]))
