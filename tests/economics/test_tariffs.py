"""What a border measure moves, and what it cannot move (C5 to C9)."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import minclub as mc
from minclub.models.bankability import Tests
from minclub.models.baseline import dump_exposed
from minclub.models.clusters import free_candidates
from minclub.models.desk import Desk
from minclub.models.levies import LAW, Border
from minclub.models.market import BEYOND, COUNTRIES, EXPORT, along
from minclub.models.outlooks import Setting
from minclub.models.projects import Plant, start_years
from minclub.models.regimes import encode
from minclub.models.subsidies import LawCredits

ON_CHINA = Border(market=0.0, china=0.25)
MEMBERS = [(c, m) for c in COUNTRIES for m in ("copper", "nickel", "lithium_carbonate")]


def decided(desk: Desk) -> slice:
    """Return the years in which decisions count, base to end."""
    return slice(0, int(desk.instance.settings["years.end"]) - desk.market.base_year + 1)


def prices(desk: Desk, product: str, border: Border, country: str) -> np.ndarray:
    """Return a member's prices along the baseline's path, ``(T, S)``."""
    return along(desk.market.prices(product, border, country), desk.baseline.paths[product])


@pytest.mark.parametrize(("country", "product"), MEMBERS)
def test_a_tariff_on_china_alone_moves_nothing_where_the_market_can_serve(usmca: Desk, country: str, product: str) -> None:
    """25% on copper, nickel and lithium: no scenario-year moves outside a dump, and a dump is offset at most up to the world price.

    The United States levy 25% on Chinese lithium by law, so there nothing moves at all.
    """
    law, taxed = prices(usmca, product, LAW, country), prices(usmca, product, ON_CHINA, country)
    world, china = usmca.market.market[product], usmca.market.china[product]
    dump = china < world
    assert 0 < dump.sum() < dump.size
    assert_array_equal(taxed[~dump], law[~dump])
    assert (taxed[dump] >= law[dump]).all()
    assert (taxed[dump] <= np.maximum(law, world)[dump]).all()
    moved = (taxed > law)[dump & (usmca.baseline.paths[product] > EXPORT)[:, None]].any()
    assert moved == (usmca.market.law(product, country).china < 0.25)


@pytest.mark.parametrize("country", ["CAN", "MEX"])
@pytest.mark.parametrize("product", ["gallium", "graphite_anode"])
def test_a_tariff_on_china_moves_prices_one_for_one_where_china_is_marginal(usmca: Desk, product: str, country: str) -> None:
    """Need exceeds what the market can sell in every year, so 25% on China is 25% on the price, unless China sells nothing."""
    assert (usmca.baseline.paths[product][decided(usmca)] == BEYOND).all()
    assert usmca.market.law(product, country) == LAW
    law, taxed = (prices(usmca, product, b, country)[decided(usmca)] for b in (LAW, ON_CHINA))
    closed = usmca.market.restricted[product][decided(usmca)]
    assert_allclose(taxed[~closed], 1.25 * law[~closed])
    assert_array_equal(taxed[closed], law[closed])


@pytest.mark.parametrize("product", ["gallium", "graphite_anode"])
def test_a_tariff_below_law_moves_nothing_and_one_above_only_the_rest(usmca: Desk, product: str) -> None:
    law = prices(usmca, product, LAW, "USA")
    assert usmca.market.law(product, "USA").china == 0.25
    assert_array_equal(prices(usmca, product, ON_CHINA, "USA"), law)
    above = prices(usmca, product, Border(market=0.0, china=0.50), "USA")[decided(usmca)]
    open_years = ~usmca.market.restricted[product][decided(usmca)]
    assert_allclose(above[open_years], 1.5 / 1.25 * law[decided(usmca)][open_years])


def test_more_tariff_never_lowers_a_price(usmca: Desk) -> None:
    ladder = [Border(0.0, 0.0), Border(0.0, 0.1), Border(0.1, 0.1), Border(0.1, 0.25), Border(0.25, 0.25)]
    for product in usmca.market.products:
        for country in COUNTRIES:
            tables = [usmca.market.prices(product, border, country) for border in ladder]
            assert all((high >= low).all() for low, high in pairwise(tables)), (product, country)


def test_in_the_tutorial_only_the_scarce_product_answers_to_china(tutorial: Desk) -> None:
    for country in COUNTRIES:
        assert_allclose(prices(tutorial, "alpha", ON_CHINA, country)[:8], 1.25 * prices(tutorial, "alpha", LAW, country)[:8])
        assert_array_equal(prices(tutorial, "beta", ON_CHINA, country), prices(tutorial, "beta", LAW, country))


# --- products that the club exports ----------------------------------------------------------------------------------

MEASURES = [Border(0.0, 0.25), Border(0.25, 0.25)]


def test_measures_on_exported_products_change_no_price(usmca: Desk) -> None:
    exported = [m for m, path in usmca.baseline.paths.items() if not path[decided(usmca)].any()]
    assert "ndpr_oxide" in exported
    for product in exported:
        for country in COUNTRIES:
            for border in MEASURES:
                assert_array_equal(prices(usmca, product, border, country)[decided(usmca)], prices(usmca, product, LAW, country)[decided(usmca)])


def test_measures_on_exported_products_change_no_value_and_no_strike(usmca: Desk) -> None:
    """Every refined-form candidate, with its product in the state of export throughout: value, tests, strike and cost stay."""
    years = usmca.market.years.size
    compared = 0
    for plant in free_candidates(usmca.balance, usmca.baseline):
        if not plant.refined:
            continue
        start = start_years(usmca.instance, plant)[0]
        base = usmca.law_settings()
        exporting = encode(np.full(years, EXPORT))
        law, *taxed = (base | {plant.product: Setting(b, exporting)} for b in (LAW, *MEASURES))
        rates, exposed = usmca.law[plant.country, plant.product], dump_exposed(usmca.market, plant.product)
        before = Tests(usmca.outlooks.site(plant, start, law), rates, usmca.rules, usmca.market.long_run, exposed)
        for settings in taxed:
            after = Tests(usmca.outlooks.site(plant, start, settings), rates, usmca.rules, usmca.market.long_run, exposed)
            assert after.value()[0] == before.value()[0]
            assert after.tail()[0] == before.tail()[0]
            for cover in ("bank_cover", "downside_cover", "dump_cover"):
                assert getattr(after.decks, cover)()[0] == getattr(before.decks, cover)()[0]
        if compared < 4:
            strikes = [usmca.family(plant.id, start, s).strike for s in (law, *taxed)]
            assert_array_equal(strikes[0], strikes[1])
            assert_array_equal(strikes[0], strikes[2])
        compared += 1
    assert compared > 10


def test_a_measure_on_an_exported_product_changes_nothing_in_a_design() -> None:
    """With beta exported in every year, 25% on both nodes leaves every table of a design as it is, but for the rates."""
    instance = mc.load("tutorial", {"products.beta.existing_refined_t_usa": 25_000, "products.beta.non_china_supply_t": 125_000})

    def design(rate: float) -> mc.Design:
        tariffs = [{"product": "beta", "node": node, "rate": rate} for node in ("china_linked", "market")]
        return mc.evaluate(instance, {"tariffs": tariffs})

    law, taxed = design(0.0), design(0.25)
    assert set(law.security.loc[law.security["product"] == "beta", "state"]) == {EXPORT}
    for table in ("totals", "projects", "consumers", "public_cost", "payoff", "security"):
        assert getattr(taxed, table).equals(getattr(law, table)), table
    assert not taxed.tariffs.equals(law.tariffs)


def test_a_measure_on_the_market_of_an_imported_product_raises_its_price_and_no_other(usmca: Desk) -> None:
    tariffs = [{"product": "copper", "node": node, "rate": 0.05} for node in ("china_linked", "market")]
    consumers = mc.evaluate(usmca.instance, {"tariffs": tariffs}).consumers
    rises = consumers[consumers["scope"] == "product"].set_index("product")["rise"]
    assert rises["copper"] == pytest.approx(0.05, rel=1e-6)
    assert_array_equal(rises.drop("copper").dropna(), 0.0)


# --- feed ------------------------------------------------------------------------------------------------------------


def test_an_anode_plant_pays_the_tariff_on_its_flake(usmca: Desk) -> None:
    """Flake comes from both nodes, so only a tariff on the market raises its price outside dumps; the plant's value falls by it."""
    fed = [p for p in free_candidates(usmca.balance, usmca.baseline) if p.feed_product == "graphite_flake"]
    assert fed
    for plant in fed:
        start, base = start_years(usmca.instance, plant)[0], usmca.law_settings()
        rates = usmca.law[plant.country, plant.product]

        def value(border: Border, plant: Plant = plant, start: int = start, base: dict[str, Setting] = base, rates: LawCredits = rates) -> float:
            settings = base | {"graphite_flake": Setting(border, base["graphite_flake"].path)}
            site = usmca.outlooks.site(plant, start, settings)
            return float(Tests(site, rates, usmca.rules, usmca.market.long_run, dump_deck=False).value()[0])

        law, both, higher = value(LAW), value(Border(0.10, 0.10)), value(Border(0.25, 0.25))
        assert higher < both < law, plant.id
        site = usmca.outlooks.site(plant, start, base)
        assert_allclose(
            usmca.outlooks.feed(plant, Setting(Border(0.25, 0.25), base["graphite_flake"].path))[0][:40],
            along(usmca.market.prices("graphite_flake", Border(0.25, 0.25), plant.country), usmca.baseline.paths["graphite_flake"])[:40],
        )
        assert site.cost.mean() > plant.opex * plant.capacity / 1e6


def test_own_mine_pays_no_tariff_on_flake(usmca: Desk) -> None:
    integrated = [p for p in free_candidates(usmca.balance, usmca.baseline) if p.product == "graphite_anode" and not p.feed_product]
    assert integrated
    base = usmca.law_settings()
    taxed = base | {"graphite_flake": Setting(Border(0.25, 0.25), base["graphite_flake"].path)}
    for plant in integrated:
        start = start_years(usmca.instance, plant)[0]
        assert usmca.key(plant.id, base) == usmca.key(plant.id, taxed)
        assert_array_equal(usmca.outlooks.site(plant, start, base).merchant.margin, usmca.outlooks.site(plant, start, taxed).merchant.margin)
