"""Standards, worked out by hand: cost in the club, the adjustment at the border, the floor of strikes (C6, C13, C18)."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

import minclub as mc
from minclub.models.border import Revenue
from minclub.models.columns import strike_bounds
from minclub.models.desk import Desk
from minclub.models.levies import LAW, Border
from minclub.models.market import EXPORT, OPEN
from minclub.models.standards import standard_factor

GIVEN: dict[str, object] = {
    "projects.USA_ALPHA.standards_gap_usd_per_t": 400,
    "projects.CAN_ALPHA.standards_gap_usd_per_t": 200,
    "products.alpha.standard_cost_usd_per_t": 500,
    "products.alpha.standard_compliance_china": 0.2,
    "products.alpha.standard_compliance_market": 0.9,
}
"""To the high standard imports lack 400 USD/t from China and 50 from elsewhere."""


def desk(tier: str, **more: object) -> Desk:
    return Desk(mc.load("tutorial", GIVEN | {"standards.tier": tier} | {key.replace("__", "."): value for key, value in more.items()}))


@pytest.mark.parametrize(("tier", "factor"), [("none", 0.0), ("usmca", 0.5), ("high", 1.0)])
def test_plants_of_the_club_pay_their_gap(tier: str, factor: float) -> None:
    found = desk(tier)
    assert standard_factor(found.instance) == factor
    opex = {key: found.plants[key].opex - found.unbound[key].opex for key in ("USA_ALPHA", "CAN_ALPHA", "CAN_BETA")}
    assert opex == {"USA_ALPHA": 400 * factor, "CAN_ALPHA": 200 * factor, "CAN_BETA": 0.0}


def test_the_middle_tier_has_its_own_factor() -> None:
    assert standard_factor(desk("usmca", standards__usmca_factor=0.3).instance) == 0.3


def test_the_baseline_pays_nothing() -> None:
    """Its own tests and its own cost are those without a standard."""
    high, none = desk("high"), desk("none")
    assert high.baseline.builds == none.baseline.builds
    assert high.unbound == none.unbound


@pytest.mark.parametrize(("standard", "china", "market"), [(0.5, 200.0, 25.0), (1.0, 400.0, 50.0)])
def test_imports_pay_what_they_lack(standard: float, china: float, market: float) -> None:
    """On top of a tariff of 10%, which is taken on the node price alone."""
    found = desk("high").market
    border = Border(market=0.1, china=0.1, standard=standard)
    landed = found.landed("alpha", border, found.law("alpha", "USA"))
    assert_allclose(landed[0] - 1.1 * found.market["alpha"], market)
    assert_allclose(landed[1] - 1.1 * found.china["alpha"], china)


def test_domestic_prices_rise_by_the_adjustment_but_for_exports() -> None:
    found = desk("high").market
    held, law = (found.prices("alpha", border, "USA")[:8] for border in (Border(standard=1.0), LAW))
    assert_allclose(held[:, EXPORT], law[:, EXPORT])
    assert_allclose(held[:, OPEN] - law[:, OPEN], 50.0)


def test_the_adjustment_is_border_revenue() -> None:
    """1,000 t from the market at 50 USD/t."""
    found = desk("high").market
    need = np.full(found.years.size, 1_000.0)
    share = np.tile(np.array([1.0, 0.0, 0.0])[:, None], found.years.size)
    assert_allclose(Revenue(found, "alpha", Border(standard=1.0)).of(need, share)[0][:8], 0.05)


def test_strikes_may_not_lie_below_the_cost_at_the_standard() -> None:
    for tier, least in (("none", 5_000.0), ("usmca", 5_200.0), ("high", 5_400.0)):
        found = desk(tier)
        site = found.outlooks.site(found.plants["USA_ALPHA"], 2029, found.law_settings())
        assert strike_bounds(site, found.offer)[0] == pytest.approx(least)


def test_every_option_carries_the_standard() -> None:
    assert {option.standard for option in desk("usmca").borders("alpha")} == {0.5}
    assert {option.standard for option in desk("none").borders("alpha")} == {0.0}
