"""One strike for all takers of a class: product and form (C14)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .decisions import Decisions
    from .desk import Desk


def by_class(desk: Desk, decisions: Decisions) -> Decisions:
    """Return the decisions with each contract at the highest of its class's least strikes.

    Each taker's least strike is what it asks; at the highest of them all sign, and the cheaper ones keep a rent. Projects
    that pass without a contract still take none.
    """
    top: dict[tuple[str, bool], float] = {}
    for key, held in decisions.contracts.items():
        kind = desk.plants[key].product, desk.plants[key].refined
        top[kind] = max(top.get(kind, 0.0), held.strike)
    contracts = {
        key: replace(held, strike=top[desk.plants[key].product, desk.plants[key].refined]) for key, held in decisions.contracts.items()
    }
    return replace(decisions, contracts=contracts)
