"""Evidence for the newer instruments: where supply is made, what standards cost, and cost under the proposed credit rule."""

from collections.abc import Mapping, Sequence

from .build_tables import Row, number, plain, word

CONVERSION_SHARE: Mapping[str, tuple[float, float, float]] = {"refinery": (0.4, 0.6, 0.8), "integrated": (0.2, 0.35, 0.5), "mine": (0.0, 0.2, 0.3)}
"""Low, base and high share of operating cost that the rule proposed for section 45X in December 2023 counts (assumed).

The proposal left out direct and indirect materials and extraction. A refinery keeps labour, energy and overhead; reagents are about two fifths
of its cost. In an integrated plant about two fifths of cost are extraction. A mine keeps labour and energy of its mill.
"""

PROPOSED_RULE = "https://www.csis.org/analysis/us-department-treasury-releases-final-ruling-section-45x"
PRODUCT_COLUMNS = ("china_made_share", "standard_cost_usd_per_t", "standard_compliance_china", "standard_compliance_market")
_NODES = {"standard_compliance_china": "china_linked", "standard_compliance_market": "market"}


def product_cells(row: Row, standards: Sequence[Row]) -> Row:
    """Return the cells of ``PRODUCT_COLUMNS`` for a product.

    The share made in China is the Chinese share of refining, at most the share that China controls. Cost of the standard and compliance of the two
    nodes are rows of ``standards.csv``.

    Args:
        row: the product in the evidence, after correction.
        standards: rows of ``standards.csv``.

    Raises:
        StopIteration: if the product has no such row.
    """
    own = [item for item in standards if item["product_code"] == row["product_code"]]
    made = min(number(row["china_share_refining"]), number(row["china_controlled_share_world_supply"]))
    cells = {"china_made_share": plain(made)}
    cells["standard_cost_usd_per_t"] = next(item["full_cost_usd_per_t_base"] for item in own if item["row_type"] == "cost")
    for column, node in _NODES.items():
        cells[column] = next(item["compliance_share"] for item in own if (item["row_type"], item["node"]) == ("node", node))
    return cells


def product_words(row: Row) -> dict[str, str]:
    """Return the provenance words of ``PRODUCT_COLUMNS``; a share cut to the one that China controls is assumed, as that is."""
    cut = number(row["china_share_refining"]) > number(row["china_controlled_share_world_supply"])
    words = dict.fromkeys(PRODUCT_COLUMNS, "assumed")
    words["china_made_share"] = "assumed" if cut else word(row["provenance"], "china_share_refining")
    return words


def proposed_share(project: Row, prices: Mapping[str, float]) -> float:
    """Return the share of operating cost and feed on which the proposed rule pays production credits (C15).

    It is ``ptc_eligible_share x CONVERSION_SHARE[stage] x opex / (opex + feed)``, with feed at long-run prices where it is charged apart.

    Args:
        project: the row of the instance.
        prices: long-run prices by product, USD per tonne.
    """
    base = CONVERSION_SHARE[project["stage"]][1]
    opex = number(project["opex_usd_per_t"])
    feed = number(project["feed_t_per_t"]) * number(project["feed_price_factor"]) * prices.get(project["feed_product_code"], 0.0)
    return number(project["ptc_eligible_share"]) * base * (opex / (opex + feed) if feed else 1.0)
