"""Checks of the settings of the instruments: ladders, tariff lines, national rates, expiry, quotas and contract terms."""

from .club import Club, floats, number, words
from .errors import did_you_mean
from .resolve import Tables
from .schema import COUNTRIES

_LADDERS = {"reference_price": "reference", "grants": "grant", "loans": "loan", "procurement": "offtake"}
"""Ladder of each instrument that is off by default."""


def domain(club: Club, tables: Tables) -> None:
    """Check the settings of the instruments against each other and against the products.

    Args:
        club: complete settings; receives every mistake.
        tables: complete tables.
    """
    raw = tables["products"]
    known = {str(row.cells.get("product_code")) for row in raw.rows}
    if known and not raw.damaged:
        _names(club, known)
    _lines(club)
    _rungs(club)
    _expiry(club)
    _quotas(club)


def _names(club: Club, known: set[str]) -> None:
    """Check that every product named by a setting is in products.csv."""
    for key in club.under("national", "reserve.cover"):
        product = key.rpartition(".")[2]
        if product not in known:
            club.add(key, product, "a product of products.csv", did_you_mean(product, known))
    for key in (*club.under("lines"), "procurement.products"):
        for product in words(club.settings.get(key)):
            if product not in known:
                club.add(key, product, "a product of products.csv", did_you_mean(product, known))


def _lines(club: Club) -> None:
    """Check that a product stands in one tariff line only, and once (C6)."""
    first: dict[str, str] = {}
    for key in club.under("lines"):
        products = words(club.settings.get(key))
        if not products:
            club.add(key, "an empty list", "products", "Remove the line.")
        for product in products:
            if product in first:
                club.add(key, f"{product} again", "each product in one line", f"It stands in {first[product]} already.")
            first.setdefault(product, key)


def _rungs(club: Club) -> None:
    """Check the ladders of the newer instruments, and that an instrument that is on has one."""
    for name in ("ladders.offtake", "ladders.reference", "contract.upside_shares"):
        steps = floats(club.settings.get(name))
        if list(steps) != sorted(set(steps)):
            club.add(name, str(list(steps)), "rising numbers")
    if set(loans := floats(club.settings.get("ladders.loan"))) - {0.0, 1.0}:
        club.add("ladders.loan", str(list(loans)), "0 and 1", "A loan is public as a whole or not at all.")
    for instrument, ladder in _LADDERS.items():
        key = f"ladders.{ladder}"
        if club.on(instrument) and club.trusts(key) and not any(floats(club.settings.get(key))):
            club.add(f"instruments.{instrument}", "true", f"false, or a rung above 0 in {key}", "An instrument without rungs does nothing.")


def _expiry(club: Club) -> None:
    """Check the years in which border measures may lapse (C6)."""
    keys = ("expiry.protection_review_year", "expiry.protection_expiry_year")
    if not club.trusts(*keys) or club.settings.get("switches.expiry") is not True:
        return
    review, expiry = (int(number(club.settings, key)) for key in keys)
    base = int(number(club.settings, "years.base"))
    if expiry < max(review, base):
        club.add(keys[1], expiry, f"a year not before {keys[0]} ({review}) and years.base ({base})")


def _quotas(club: Club) -> None:
    """Check that the members' quotas sum to 1 where some are given or needed (C17)."""
    keys = [f"procurement.quotas.{country}" for country in COUNTRIES]
    given = {key: number(club.settings, key) for key in keys if club.settings.get(key) is not None}
    covers = [key for key in club.under("reserve.cover") if number(club.settings, key) > 0]
    needed = club.on("procurement") or bool(covers)
    if not club.trusts(*keys) or not (given or needed):
        return
    if len(given) < len(keys) or abs(sum(given.values()) - 1) > 1e-9:
        remedy = "State offtake and reserves need them." if needed else "Give all three or none."
        shown = {key.rpartition(".")[2]: value for key, value in given.items()}
        club.add("procurement.quotas", str(shown), "shares of USA, CAN and MEX that sum to 1", remedy)
