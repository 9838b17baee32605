"""Golden rows of the compact model for tariff lines, the reserve and joint quotas on the tutorial, and what they say (C6, C17, C26)."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from minclub.instances.loader import load
from minclub.models.club import Club
from minclub.models.desk import Desk
from minclub.solvers.highs import Compiled, compile_model
from minclub.tests.models.test_club import FOLDER, Row, assert_golden, from_text, rows_of, to_text

GOLDEN = FOLDER / "instruments"
FAMILIES = ("one_line", "one_rung", "reserve_cover", "country_cap")
OVERRIDES = (
    "ladders.tariffs=[0,0.02]",
    "ladders.itc=[0]",
    "lines.metals=[alpha,beta]",
    "reserve.cover.alpha=0.5",
    "instruments.procurement=true",
    "ladders.offtake=[1.0,1.5]",
    "procurement.products=[alpha]",
    "products.alpha.defence_share=0.1",
    "procurement.quotas.USA=0.5",
    "procurement.quotas.CAN=0.3",
    "procurement.quotas.MEX=0.2",
    "caps.USA.each_year=8",
    "caps.CAN.each_year=2",
    "caps.MEX.each_year=2",
)
"""One line over both products, half of the shortage of alpha in stocks, and offtake of a tenth of its demand."""


@cache
def tutorial() -> tuple[Club, Compiled]:
    club = Club(Desk(load("tutorial", list(OVERRIDES))))
    return club, compile_model(club.model)


def rows(family: str) -> dict[str, Row]:
    return from_text(to_text(rows_of(tutorial()[1], family)))


@pytest.mark.parametrize("family", FAMILIES)
def test_family_has_the_golden_rows(family: str) -> None:
    assert_golden(tutorial()[1], GOLDEN, family)


def test_a_line_ties_each_rung_of_its_products() -> None:
    """Law and the pairs 0/2% and 2/2%: in each row alpha counts +1 and beta -1."""
    found = rows("one_line")
    assert set(found) == {f"one_line[alpha,beta,{k}]" for k in range(3)}
    for terms, low, high in found.values():
        assert (low, high) == (0.0, 0.0)
        signs = {name.partition("[")[2].partition(",")[0]: value for name, value in terms.items() if name.startswith("w[")}
        assert signs == {"alpha": 1.0, "beta": -1.0}


def test_rungs_stand_at_their_stock_against_the_shortage() -> None:
    """Months 3, 6, 9 and 12 of 10,000 t; a plant of 2,000 t takes half of it from the shortage of 6,600 t."""
    found = rows("reserve_cover")
    assert list(found) == ["reserve_cover[alpha,3]", "reserve_cover[alpha,4]"]
    for terms, low, high in found.values():
        assert (low, high) == (-np.inf, -3_300.0)
        assert terms == {f"v[alpha,{k}]": -2_500.0 * k for k in range(1, 5)} | {f"x[{j},2029]": -1_000.0 for j in ("MEX_ALPHA", "USA_ALPHA")}


def test_members_bear_carry_and_offtake_by_quota_in_their_caps() -> None:
    """Carry of 6 months: 7% of 5,000 t at 9,450 USD/t, 3.3075 musd, in 2030 and 2031."""
    _, compiled = tutorial()
    table, rung = compiled.matrix.tocsr(), [v.name for v in compiled.columns].index("v[alpha,2]")
    caps = [(row.index(), i) for i, row in enumerate(compiled.rows) if row.parent_component().local_name == "country_cap"]
    carry = {key: float(table[i, rung]) for key, i in caps if table[i, rung]}
    expected = {(c, t): share * 3.3075 for c, share in (("USA", 0.5), ("CAN", 0.3), ("MEX", 0.2)) for t in (3, 4)}
    assert carry == pytest.approx(expected)


def test_canada_bears_its_quota_of_offtake_abroad() -> None:
    """A quarter of 2,000 t at 13,500 USD/t costs 2.25 musd a year on the mean, at 9,000 USD/t 0.5 before receipts."""
    terms, _, high = rows("country_cap")["country_cap[CAN,2]"]
    assert high == 2.0
    assert terms["y[USA_ALPHA,2029,0,0,2]"] == pytest.approx(0.3 * 2.25)
    assert terms["y[USA_ALPHA,2029,0,0,1]"] == pytest.approx(0.3 * 0.5)


def test_the_rung_costs_its_carry_in_the_objective() -> None:
    """Booked: 3.3075 x (1.05^-3 + 1.05^-4) musd; the tail has rows of its own."""
    _, compiled = tutorial()
    cost = {v.name: float(c) for v, c in zip(compiled.columns, compiled.cost, strict=True) if v.name.startswith("v[")}
    assert cost["v[alpha,2]"] == pytest.approx(3.3075 * (1.05**-3 + 1.05**-4))
    assert np.all(np.diff([cost[f"v[alpha,{k}]"] for k in range(5)]) > 0.0)


def write_golden() -> None:
    """Write the golden files anew: ``python tests/models/test_golden_instruments.py``."""
    GOLDEN.mkdir(exist_ok=True)
    for family in FAMILIES:
        (GOLDEN / f"{family}.lp").write_text(to_text(rows_of(tutorial()[1], family)), encoding="utf-8")


if __name__ == "__main__":
    write_golden()
