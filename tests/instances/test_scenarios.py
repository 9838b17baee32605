"""Test the price scenarios (C5) and the dumped prices (C12c)."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from minclub.instances.price_process import long_run_prices
from minclub.instances.scenarios import Scenarios, generate, nearest_correlation

LITHIUM: dict[str, float] = {
    "long_run_mean_usd_per_t": 16_000.0,
    "long_run_geometric_usd_per_t": 14_000.0,
    "spot_usd_per_t": 21_000.0,
    "sigma_annual": 0.25,
    "kappa_slow": 0.08,
    "kappa_fast": 0.35,
    "dump_hazard": 0.1,
    "dump_depth": 0.5,
    "dump_ramp_years": 3.0,
    "dump_length_years": 4.0,
    "dump_follow": 0.4,
    "restrict_hazard": 0.08,
    "restrict_ramp_years": 0.5,
    "restrict_length_years": 2.0,
    "spike_factor": 2.0,
    "restricted_now": 0,
}
PRODUCTS = {
    "lithium": LITHIUM,
    "gallium": LITHIUM | {"spot_usd_per_t": 60_000.0, "restricted_now": 1, "restrict_length_years": 4.0, "restrict_ramp_years": 2.9, "spike_factor": 3.0},
    "niobium": LITHIUM | {"dump_hazard": 0.0, "restrict_hazard": 0.0, "sigma_annual": 0.06},
}
NO_TABLE = pd.DataFrame()


def instance(
    products: dict[str, dict[str, float]] = PRODUCTS,
    correlations: pd.DataFrame = NO_TABLE,
    prices: pd.DataFrame | None = None,
    settings: dict[str, Any] | None = None,
) -> Any:
    """Return the part of an instance that the scenarios read."""
    base: dict[str, Any] = {"years.base": 2027, "years.simulated": 45, "data.long_run_price": "mean"}
    base |= {"scenarios.count": 40, "scenarios.seed": 1, "scenarios.fast_regime_share": 0.5, "switches.expiry": False}
    base |= {"expiry.protection_review_year": 2027, "expiry.protection_lapse_hazard": 0.05}
    base |= {"expiry.protection_expiry_year": 2036, "expiry.protection_extension_probability": 0.5}
    frame = pd.DataFrame.from_dict(products, orient="index").rename_axis("product_code")
    known = base | (settings or {})
    return SimpleNamespace(
        products=frame,
        correlations=correlations,
        prices=prices,
        settings=known,
        number=lambda key: float(known[key]),
        switch=lambda name: bool(known[f"switches.{name}"]),
    )


def table(names: Sequence[str], values: list[list[float]]) -> pd.DataFrame:
    """Return a correlation table."""
    return pd.DataFrame(values, index=list(names), columns=list(names))


def target(code: str, scenarios: Scenarios, regime: int) -> np.ndarray:
    """Return the mean path of C5, written out once more."""
    row = PRODUCTS[code]
    kappa = row["kappa_fast"] if regime else row["kappa_slow"]
    L = row["long_run_mean_usd_per_t"]
    return L + (row["spot_usd_per_t"] - L) * np.exp(-kappa * (scenarios.years - 2027))


@pytest.mark.parametrize("code", PRODUCTS)
def test_sample_is_recentred_exactly(code: str) -> None:
    sc = generate(instance())
    assert sc.market[code].shape == sc.china[code].shape == sc.restricted[code].shape == (40, 45)
    for regime in (0, 1):
        mean = sc.market[code][sc.regime == regime].mean(axis=0)
        np.testing.assert_allclose(mean, target(code, sc, regime), rtol=1e-12)


@pytest.mark.parametrize("regime", [0, 1])
def test_mean_before_recentring_is_right_to_3_percent_on_20000_draws(regime: int) -> None:
    sc = generate(instance(settings={"scenarios.fast_regime_share": float(regime)}), count=20_000, exact=False)
    for code in PRODUCTS:
        np.testing.assert_allclose(sc.market[code].mean(axis=0), target(code, sc, regime), rtol=0.03)


def test_base_year_is_todays_spot() -> None:
    sc = generate(instance())
    for code, row in PRODUCTS.items():
        np.testing.assert_allclose(sc.market[code][:, 0], row["spot_usd_per_t"])
        assert (sc.restricted[code][:, 0] == bool(row["restricted_now"])).all()
    years_left = sc.restricted["gallium"].argmin(axis=1)
    assert set(years_left) >= {1, 2, 3, 4}


@pytest.mark.parametrize("exact", [True, False])
def test_more_products_leave_the_others_unchanged(exact: bool) -> None:
    known = table("ab", [[1, 0.6], [0.6, 1]])
    small = generate(instance({"b": LITHIUM, "z": LITHIUM}, known), exact=exact)
    large = generate(instance(dict.fromkeys("xabz", LITHIUM), known), exact=exact)
    for code in small.products:
        np.testing.assert_array_equal(small.market[code], large.market[code])
        np.testing.assert_array_equal(small.china[code], large.china[code])


def test_more_years_or_scenarios_leave_the_earlier_ones_unchanged() -> None:
    known = table(["lithium", "gallium"], [[1, 0.5], [0.5, 1]])
    long = generate(instance(correlations=known), exact=False)
    short = generate(instance(correlations=known, settings={"years.simulated": 20}), exact=False)
    more = generate(instance(correlations=known), count=90, exact=False)
    np.testing.assert_array_equal(more.regime[:40], long.regime)
    for code in PRODUCTS:
        np.testing.assert_array_equal(short.market[code], long.market[code][:, :20])
        np.testing.assert_array_equal(more.china[code][:40], long.china[code])


def test_seed_changes_the_draw_and_repeats_it() -> None:
    one, again, two = (generate(instance(), seed=seed).market["lithium"] for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert not np.allclose(one, two)


def test_shocks_have_the_correlations_of_the_table_and_02_elsewhere() -> None:
    calm = LITHIUM | {"dump_hazard": 0.0, "restrict_hazard": 0.0, "kappa_slow": 0.0}
    known = table("ab", [[1, 0.7], [0.7, 1]])
    sc = generate(instance(dict.fromkeys("abc", calm), known, settings={"scenarios.fast_regime_share": 0.0}), count=2_000, exact=False)
    shocks = np.stack([np.diff(np.log(sc.market[code]), axis=1).ravel() for code in "abc"])
    np.testing.assert_allclose(np.corrcoef(shocks), [[1, 0.7, 0.2], [0.7, 1, 0.2], [0.2, 0.2, 1]], atol=0.02)
    np.testing.assert_allclose(shocks.std(axis=1), 0.25, rtol=0.02)


def test_reverting_price_has_the_stationary_variance() -> None:
    calm = LITHIUM | {"dump_hazard": 0.0, "restrict_hazard": 0.0}
    sc = generate(instance({"a": calm}, settings={"scenarios.fast_regime_share": 1.0}), count=5_000, exact=False)
    assert np.log(sc.market["a"][:, -1]).std() == pytest.approx(0.25 / np.sqrt(2 * 0.35), rel=0.05)


def test_impossible_correlations_are_repaired() -> None:
    broken = np.array([[1, 0.9, -0.9], [0.9, 1, 0.9], [-0.9, 0.9, 1]])
    repaired = nearest_correlation(broken)
    np.testing.assert_allclose(np.diag(repaired), 1)
    assert np.linalg.eigvalsh(repaired)[0] > 0
    np.testing.assert_allclose(repaired, [[1, 0.5, -0.5], [0.5, 1, 0.5], [-0.5, 0.5, 1]], atol=1e-4)
    sc = generate(instance(dict.fromkeys("abc", LITHIUM), table("abc", broken.tolist())))
    assert np.isfinite(sc.market["c"]).all()


def test_dumps_follow_their_profile_and_never_meet_a_restriction() -> None:
    sc = generate(instance(), count=400)
    market, china, restricted = sc.market["lithium"], sc.china["lithium"], sc.restricted["lithium"]
    np.testing.assert_array_equal(china[restricted], market[restricted])
    ratios = np.unique((china / market).round(9))
    heights = np.array([0, 1 / 3, 2 / 3, 1])
    np.testing.assert_allclose(ratios, np.sort((1 - 0.5 * heights) / (1 - 0.4 * 0.5 * heights)), atol=1e-8)
    dumped = china < market * (1 - 1e-9)
    assert not (dumped & restricted).any()
    assert 0.1 < dumped.mean() < 0.4


def test_restriction_lifts_the_market_price_and_lasts_its_length() -> None:
    still = LITHIUM | {"sigma_annual": 0.0, "dump_hazard": 0.0, "spot_usd_per_t": 16_000.0, "restrict_length_years": 3.2, "restrict_ramp_years": 2.0}
    sc = generate(instance({"a": still}), count=200, exact=False)
    restricted, market = sc.restricted["a"], sc.market["a"]
    s, t = next((s, t) for s in range(200) for t in range(1, 40) if restricted[s, t : t + 3].all() and not restricted[s, [t - 1, t + 3]].any())
    unrestricted = np.where(restricted, np.nan, market)
    lift = market[s, t - 1 : t + 4] / np.nanmax(unrestricted, axis=0)[t - 1 : t + 4]
    np.testing.assert_allclose(lift, [1, 1.5, 2, 2, 1])


@pytest.mark.parametrize(("share", "count", "fast"), [(0.5, 200, 100), (0.25, 8, 2), (0.0, 5, 0), (1.0, 5, 5), (0.1, 10, 1)])
def test_regime_share_is_met(share: float, count: int, fast: int) -> None:
    sc = generate(instance(settings={"scenarios.fast_regime_share": share}), count=count)
    assert sc.count == count
    assert sc.regime.sum() == fast


def test_one_scenario_follows_the_mean_path() -> None:
    sc = generate(instance(), count=1)
    np.testing.assert_allclose(sc.market["gallium"][0], target("gallium", sc, 0))


@pytest.mark.parametrize(("switch", "expected"), [("mean", 16_000.0), ("geometric", 14_000.0), ("spot", 21_000.0)])
def test_long_run_switch(switch: str, expected: float) -> None:
    inst = instance(settings={"data.long_run_price": switch})
    assert long_run_prices(inst)["lithium"] == generate(inst).long_run["lithium"] == expected


def price_table() -> pd.DataFrame:
    """Return own prices: two scenarios, two years."""
    rows = [(s, "lithium", y, 100.0 * s + y, 50.0 * s + y, int(s == 2)) for s in (1, 2) for y in (2027, 2028)]
    return pd.DataFrame(rows, columns=["scenario", "product", "year", "market_usd_per_t", "china_usd_per_t", "restricted"])


def test_own_prices_are_used_unchanged() -> None:
    inst = instance({"lithium": LITHIUM}, prices=price_table(), settings={"years.simulated": 2})
    sc = generate(inst)
    np.testing.assert_array_equal(sc.market["lithium"], [[2127, 2128], [2227, 2228]])
    np.testing.assert_array_equal(sc.china["lithium"], [[2077, 2078], [2127, 2128]])
    np.testing.assert_array_equal(sc.restricted["lithium"], [[False, False], [True, True]])
    np.testing.assert_array_equal(generate(inst, count=1).market["lithium"], [[2127, 2128]])


def test_own_prices_must_be_complete() -> None:
    with pytest.raises(ValueError, match="missing for some scenario or year"):
        generate(instance({"lithium": LITHIUM}, prices=price_table().iloc[:-1], settings={"years.simulated": 2}))
    with pytest.raises(ValueError, match="2 scenarios, 3 were asked"):
        generate(instance({"lithium": LITHIUM}, prices=price_table(), settings={"years.simulated": 2}), count=3)


def test_unknown_parameter_is_named() -> None:
    with pytest.raises(ValueError, match="lithium: kappa_slow is needed"):
        generate(instance({"lithium": LITHIUM | {"kappa_slow": np.nan}}))


def lapse(count: int = 200, **settings: float) -> np.ndarray:
    """Return the lapse years with expiry on and some of its settings changed."""
    known = {"switches.expiry": True} | {f"expiry.protection_{name}": value for name, value in settings.items()}
    return generate(instance({"lithium": LITHIUM}, settings=known), count=count).lapse_year


def test_measures_lapse_as_often_as_stated() -> None:
    years = lapse(1_000)
    hazard, kept = 0.05, 0.95
    assert years.min() == 2027
    assert years.max() == 2052
    for year in range(2027, 2036):
        assert (years == year).mean() == pytest.approx(hazard * kept ** (year - 2027), abs=1e-3)
    assert (years > 2035).mean() == pytest.approx(kept**9, abs=1e-3)
    late = (years > 2036).mean()
    assert late == pytest.approx(0.5 * kept**10, abs=0.03)
    assert (years == 2052).mean() == pytest.approx(0.5 * kept**25, abs=0.03)


def test_certain_and_impossible_lapses() -> None:
    assert set(lapse(lapse_hazard=0.0)) == {2036, 2052}
    assert (lapse(lapse_hazard=0.0) == 2036).sum() == 100
    assert set(lapse(lapse_hazard=0.0, extension_probability=0.0)) == {2036}
    assert set(lapse(lapse_hazard=0.0, extension_probability=1.0)) == {2052}
    assert set(lapse(lapse_hazard=1.0)) == {2027}
    assert set(lapse(lapse_hazard=1.0, review_year=2030)) == {2030}
    assert set(lapse(lapse_hazard=1.0, review_year=2020)) == {2027}
    assert set(lapse(lapse_hazard=0.0, expiry_year=2060)) == {2060, 2072}, "2072 stands for never: 45 years from 2027 end in 2071"


def test_lapse_year_has_a_stream_of_its_own() -> None:
    on, off = (generate(instance(settings={"switches.expiry": value})) for value in (True, False))
    for code in PRODUCTS:
        np.testing.assert_array_equal(on.market[code], off.market[code])
    assert (off.lapse_year == 2072).all()
    again = generate(instance({"lithium": LITHIUM}, settings={"switches.expiry": True}))
    np.testing.assert_array_equal(on.lapse_year, again.lapse_year)
    other = generate(instance({"lithium": LITHIUM}, settings={"switches.expiry": True}), seed=2)
    assert (on.lapse_year != other.lapse_year).any()


def test_own_prices_have_lapse_years_too() -> None:
    settings = {"years.simulated": 2, "switches.expiry": True, "expiry.protection_lapse_hazard": 1.0}
    np.testing.assert_array_equal(generate(instance({"lithium": LITHIUM}, prices=price_table(), settings=settings)).lapse_year, [2027, 2027])
    never = generate(instance({"lithium": LITHIUM}, prices=price_table(), settings={"years.simulated": 2}))
    np.testing.assert_array_equal(never.lapse_year, [2029, 2029])


def test_lapse_year_left_out_means_never() -> None:
    sc = generate(instance({"lithium": LITHIUM}))
    made = Scenarios(sc.products, sc.years, sc.market, sc.china, sc.restricted, sc.regime, sc.long_run)
    np.testing.assert_array_equal(made.lapse_year, np.full(40, 2072))


def test_result_is_read_only() -> None:
    with pytest.raises(ValueError, match="read-only"):
        generate(instance()).lapse_year[0] = 1
    with pytest.raises(ValueError, match="read-only"):
        generate(instance()).market["lithium"][0, 0] = 1.0
