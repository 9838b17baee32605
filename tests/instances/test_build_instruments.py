"""What the tables of ``usmca`` say for the newer instruments: ownership, standards, defence, the two laws (C5, C9, C15, C17, C18)."""

import numpy as np
import pytest

from minclub.instances import build_instruments, build_law, provenance
from minclub.instances.build_tables import EVIDENCE, Row, read_rows
from minclub.instances.loader import load
from minclub.tests.instances.test_build import table


@pytest.fixture(scope="module")
def projects() -> dict[str, Row]:
    return table("usmca", "projects")


@pytest.fixture(scope="module")
def products() -> dict[str, Row]:
    return table("usmca", "products")


def test_china_makes_no_more_than_it_controls(products: dict[str, Row]) -> None:
    for code, row in products.items():
        assert float(row["china_made_share"]) <= float(row["china_controlled_share"]), code
    assert (products["nickel"]["china_made_share"], products["nickel"]["china_controlled_share"]) == ("0.313", "0.65")
    assert provenance.parse(products["nickel"]["provenance"])["china_made_share"] == "read"
    assert provenance.parse(products["graphite_flake"]["provenance"])["china_made_share"] == "assumed", "cut to the share that it controls"


def test_standards_are_those_of_the_evidence(products: dict[str, Row], projects: dict[str, Row]) -> None:
    rows = {row["standard_id"]: row for row in read_rows(EVIDENCE, "standards")}
    for code, row in products.items():
        assert row["standard_cost_usd_per_t"] == rows[f"COST_{code}"]["full_cost_usd_per_t_base"]
        assert row["standard_compliance_market"] == rows[f"NODE_{code}_market"]["compliance_share"]
        assert row["standard_compliance_china"] == rows[f"NODE_{code}_china_linked"]["compliance_share"]
    assert projects["GR_MATAWINIE"]["standards_gap_usd_per_t"] == "18.06"


def test_defence_products_have_a_share_and_others_none() -> None:
    frame = load("usmca").products
    assert ((frame["defence_share"] > 0) == frame["is_defence"]).all()
    assert frame.loc["ndpr_oxide", "defence_share"] == pytest.approx(0.001 * 80_805 / 1_585, abs=0.002)


def test_proposed_rule_pays_on_less_cost(projects: dict[str, Row]) -> None:
    for key, row in projects.items():
        most = float(row["ptc_eligible_share"]) * build_instruments.CONVERSION_SHARE[row["stage"]][1]
        assert float(row["ptc_eligible_share_proposed"]) <= most + 5e-4, key
    assert projects["US_GA_GRAMERCY"]["ptc_eligible_share_proposed"] == "0.6"
    assert projects["LI_THACKER"]["ptc_eligible_share_proposed"] == "0.35"
    assert projects["GR_MATAWINIE"]["ptc_eligible_share_proposed"] == "0.2"
    anode = projects["GR_KELLYTON"]
    feed = float(anode["feed_t_per_t"]) * float(anode["feed_price_factor"]) * 1_223.9
    opex = float(anode["opex_usd_per_t"])
    assert float(anode["ptc_eligible_share_proposed"]) == pytest.approx(0.6 * opex / (opex + feed), abs=1e-3)


def test_law_of_the_chapter_and_of_today() -> None:
    today, chapter = load("usmca").policy, load("usmca", ["data.law_vintage=chapter"]).policy
    assert set(today.index) == set(build_law.POLICY_IDS)
    assert today.loc["US_45X", "phase_schedule"][-1] == (2034, 0.0)
    assert {"CA_CTM_ITC", "CA_CTM_ITC_2025", "US_45X_CHAPTER"} <= set(chapter.index)
    assert "US_45X" not in chapter.index
    permanent = chapter.loc["US_45X_CHAPTER"]
    assert (permanent["rate"], permanent["phase_schedule"]) == (0.1, ())
    assert np.isnan(permanent["end_year"])
    premiums = chapter[chapter["kind"] == "demand_premium"]
    assert {name for (name,) in premiums["products"]} == set(build_law.KG_PER_VEHICLE)


def test_premium_of_a_vehicle_adds_up_to_the_share_passed_on() -> None:
    """Premium times kg, over all minerals of a car, is the credit times pass-through times the share required."""
    rows = load("usmca", ["data.law_vintage=chapter"]).policy
    rows = rows[rows["kind"] == "demand_premium"].set_index(rows["products"].str[0][rows["kind"] == "demand_premium"])
    first = sum(kg / 1000 * rows.loc[code, "rate"] for code, kg in build_law.KG_PER_VEHICLE.items())
    last = sum(kg / 1000 * rows.loc[code, "phase_schedule"][-1][1] for code, kg in build_law.KG_PER_VEHICLE.items())
    assert first == pytest.approx(3_750 * 0.05 * 0.4, rel=1e-3)
    assert last == pytest.approx(3_750 * 0.05 * 0.8, rel=1e-3)
    assert {row["end_year"] for _, row in rows.iterrows()} == {2032}
