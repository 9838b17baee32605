"""The compact model, family by family: golden rows on the tutorial, and what the rows mean on random instances."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import numpy as np
import pyomo.environ as pyo
import pytest

from minclub.instances.loader import load
from minclub.instances.synthetic import synthetic
from minclub.models.club import ROWS, Club
from minclub.models.club_money import MONEY_ROWS, duties
from minclub.models.desk import Desk
from minclub.solvers.highs import Compiled, compile_model

FOLDER = Path(__file__).resolve().parents[1] / "solvers" / "lp_files"
MOST_ROWS = 6
ELSEWHERE = {"one_of_group", "column_of_feed", "least_below", "least_full", "least_all", "safe_below"}
"""The tutorial has no groups, feed or converters; the agreement on random instances tests these. Lines and the reserve have their own file."""
FAMILIES = [rows.__name__ for rows in ROWS + MONEY_ROWS if rows.__name__ not in ELSEWHERE]
OVERRIDES = (
    "ladders.tariffs=[0,0.02]",
    "products.alpha.existing_refined_t_usa=6500",
    "products.alpha.demand_direct_2025_t_usa=8000",
    "products.alpha.demand_direct_2025_t_mex=0",
    "china_caps.alpha=5000",
    "targets.alpha=0.8",
    "caps.USA.each_year=8",
    "caps.worst5_outlay=100",
    "caps.product_price=0.5",
    "caps.basket=0.5",
    "objective.user_weight=0.5",
    "finance.subsidy_band=0.02",
)
"""The tutorial with a contested product, binding caps and weight on users, so that most families have rows."""

Row = tuple[dict[str, float], float, float]


@cache
def tutorial() -> tuple[Club, Compiled]:
    club = Club(Desk(load("tutorial", list(OVERRIDES))))
    return club, compile_model(club.model)


@cache
def random(seed: int, products: int = 1) -> Club:
    return Club(Desk(synthetic(projects=5, products=products, scenarios=5, years=20, small_ladders=True, target=0.9, seed=seed)))


def rows_of(compiled: Compiled, family: str) -> dict[str, Row]:
    """Return a family's rows (the first few by name): coefficients by variable, lower and upper limit."""
    names = [v.name for v in compiled.columns]
    table = compiled.matrix.tocsr()
    found: dict[str, Row] = {}
    for i, row in enumerate(compiled.rows):
        if row.parent_component().local_name == family:
            part = slice(table.indptr[i], table.indptr[i + 1])
            terms = {names[j]: float(v) for j, v in zip(table.indices[part], table.data[part], strict=True)}
            old, low, high = found.get(row.name, (terms, -np.inf, np.inf))
            assert old == terms
            found[row.name] = (terms, max(low, float(compiled.row_lower[i])), min(high, float(compiled.row_upper[i])))
    return {name: found[name] for name in sorted(found)[:MOST_ROWS]}


def to_text(rows: dict[str, Row]) -> str:
    """Write rows as text, one a line: ``name: low <= 2 x[a] - 1 y[b] <= high``."""
    lines = []
    for name, (terms, low, high) in rows.items():
        body = " ".join(f"{'-' if v < 0 else '+'} {abs(v):.10g} {k.replace(' ', '')}" for k, v in sorted(terms.items()))
        lines.append(f"{name.replace(' ', '')}: {low:.10g} <= {body} <= {high:.10g}\n")
    return "".join(lines)


def from_text(text: str) -> dict[str, Row]:
    """Read rows written by ``to_text``."""
    rows = {}
    for line in text.splitlines():
        name, low, body, high = re.fullmatch(r"(\S+): (\S+) <= (.*) <= (\S+)", line).groups()  # type: ignore[union-attr]
        terms = {k: float(sign + v) for sign, v, k in re.findall(r"([+-]) (\S+) (\S+)", body)}
        rows[name] = (terms, float(low), float(high))
    return rows


def assert_golden(compiled: Compiled, folder: Path, family: str) -> None:
    """Compare a family's rows with the golden file of its name."""
    made = from_text(to_text(rows_of(compiled, family)))
    golden = from_text((folder / f"{family}.lp").read_text(encoding="utf-8"))
    assert set(made) == set(golden)
    assert made
    for name, (terms, low, high) in golden.items():
        assert made[name][0] == pytest.approx(terms, rel=1e-6, abs=1e-9), name
        assert made[name][1:] == pytest.approx((low, high), rel=1e-6, abs=1e-9), name


@pytest.mark.parametrize("family", FAMILIES)
def test_family_has_the_golden_rows(family: str) -> None:
    assert_golden(tutorial()[1], FOLDER, family)


def test_the_model_is_written_the_same_way_twice() -> None:
    _, first = tutorial()
    second = compile_model(Club(Desk(load("tutorial", list(OVERRIDES)))).model)
    assert [v.name for v in first.columns] == [v.name for v in second.columns]
    assert (first.matrix != second.matrix).nnz == 0
    assert np.array_equal(first.cost, second.cost)


@pytest.mark.parametrize("seed", [3, 4, 12])
def test_need_is_the_balance_and_minima_are_exact(seed: int) -> None:
    club = random(seed)
    assert any(least.two_sided for least in club.least.values())
    cluster, sets = club.sets.sets_of(club.sets.products[0])
    for choice in sets.choice:
        builds = {j: cluster.starts[k][c - 1] for k, (j, c) in enumerate(zip(cluster.candidates, choice, strict=True)) if c}
        for key in club.sets.starts:
            club.model.x[key].set_value(int(builds.get(key[0]) == key[1]))
        needs = club.desk.balance.needs(dict(club.desk.baseline.builds) | builds)
        for key in club.model.least:
            _only_value(club, key)
        for (m, t), expression in club.model.need.items():
            assert pyo.value(expression) == pytest.approx(needs[m][t], rel=1e-9, abs=1e-6)


def _only_value(club: Club, key: tuple[str, str, int, int]) -> None:
    """Check that the rows leave ``min(capacity, supply)`` as the only intake, and set it."""
    m, least = club.model, club.least[key]
    intake = min(least.cap, pyo.value(least.supply.at(club, key[3])))

    def fits(value: float) -> bool:
        m.least[key].set_value(value, skip_validation=True)
        for full in (0, 1):
            m.full[key].set_value(full)
            rows = (m.least_below[key], m.least_full[key], m.least_all[key])
            if value <= least.cap and all(row.slack() >= -1e-9 for row in rows):
                return True
        return False

    assert not fits(intake - 1.0)
    assert not fits(intake + 1.0)
    assert fits(intake)


@pytest.mark.parametrize("seed", [3, 22])
def test_every_attained_need_lies_in_the_interval_of_its_state_only(seed: int) -> None:
    club = random(seed)
    for m, need in club.sets.needs.items():
        low, high = club.sets.intervals[m]
        states = club.desk.balance.states(m, need)
        years = np.arange(need.shape[1])
        for k in range(4):
            inside = (need >= low[years, k]) & (need <= high[years, k])
            assert np.array_equal(inside, states == k)


def test_border_revenue_is_linear_in_need_within_a_state() -> None:
    club = random(22)
    desk, m = club.desk, club.sets.products[0]
    reach = desk.market.availability[m]
    rng = np.random.default_rng(1)
    for option, border in enumerate(club.sets.borders[m]):
        per_tonne, base = duties(club, m, option)
        for state, (a, b) in enumerate(((-1.0, 0.0), (0.0, 0.7), (0.7, 1.0), (1.0, 3.0))):
            need = reach * rng.uniform(a + 1e-9, b)
            share = desk.balance.member_shares(m, np.zeros_like(desk.market.stated[m]["USA"])[None].repeat(3, axis=0))
            expected = desk.revenue(m, border).of(need, share).sum(axis=0)
            assert per_tonne[:, state] * need / 1e6 + base[:, state] == pytest.approx(expected, abs=1e-9)


def test_displaced_baseline_projects_have_no_column() -> None:
    club = random(12, products=2)
    guarded = [menu for menu in club.sets.menus if menu.plant in club.desk.baseline.guarded]
    for menu in guarded:
        plant = club.desk.plants[menu.plant]
        for (_, _, own, feed, _), _ in menu.columns.items():
            settings = {m: s for m, s in ((plant.product, menu.own[own]), (plant.feed_product, menu.feed[feed])) if s}
            assert club.desk.guard(menu.plant, settings)


def write_golden() -> None:
    """Write the golden files anew: ``python tests/models/test_club.py``."""
    FOLDER.mkdir(exist_ok=True)
    for family in FAMILIES:
        (FOLDER / f"{family}.lp").write_text(to_text(rows_of(tutorial()[1], family)), encoding="utf-8")


if __name__ == "__main__":
    write_golden()
