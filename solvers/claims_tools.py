"""The claim that the tools work together: each alone, in pairs and all at once, for the same security (C22, C26)."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from .claims_projects import EQUAL_QUOTAS, MULTIPLES
from .claims_world import CONFIRMED, DEPENDS, REFUTED, Finding, World, rounded

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

TOOLS = ("tariffs", "reference_price", "contracts", "credits", "procurement")
CORE = ("tariffs", "contracts", "credits")
EXTRAS = {"grants": "ladders.grant", "loans": "ladders.loan"}
LEAST_GAIN = 0.01
REFERENCES = (0.8, 0.9, 1.0, 1.1)


def with_tools(world: World, tools: Iterable[str]) -> Mapping[str, object]:
    """Return the overrides that leave a set of tools alone on, with ladders for those that have none."""
    on, s = set(tools), world.instance().settings
    more: dict[str, object] = {f"instruments.{tool}": tool in on for tool in TOOLS}
    if "reference_price" in on and not s["ladders.reference"]:
        more["ladders.reference"] = list(REFERENCES)
    if "procurement" in on:
        more |= {} if s["ladders.offtake"] else {"ladders.offtake": list(MULTIPLES)}
        more |= {} if s.get("procurement.quotas.USA") is not None else EQUAL_QUOTAS
    return more


def together(world: World) -> Finding:
    """Solve for each tool alone, each pair and all together, and compare the objectives (claim 11)."""
    sets = [(tool,) for tool in TOOLS] + list(combinations(TOOLS, 2)) + [TOOLS]
    found = {tools: world.solve(with_tools(world, tools)) for tools in sets}
    figure = {_name(tools): rounded(optimum.objective) for tools, optimum in found.items()} | (_extras(world) if world.headline else {})
    costs = {tools: optimum.objective for tools, optimum in found.items() if optimum.objective is not None}
    notes = [f"cannot reach the targets with {_name(tools)}: {found[tools].reason}" for tools in sets[:-1] if tools not in costs]
    notes += [f"not proven within the gap: {_name(tools)}" for tools in costs if not found[tools].proven]
    if TOOLS not in costs:
        return Finding(DEPENDS, figure, (f"infeasible with all tools: {found[TOOLS].reason}", *notes))
    whole, smaller = costs[TOOLS], {tools: cost for tools, cost in costs.items() if tools != TOOLS}
    if not smaller:
        return Finding(CONFIRMED, figure, ("no tool and no pair reaches the targets", *notes))
    rival = min(smaller, key=lambda tools: (smaller[tools], len(tools)))
    gain = 1.0 - whole / smaller[rival] if smaller[rival] > 0.0 else 0.0
    verdict = CONFIRMED if gain >= LEAST_GAIN else REFUTED if len(rival) == 1 else DEPENDS
    return Finding(verdict, figure, (f"all together cost {gain:.1%} less than {_name(rival)}, the best smaller set", *notes))


def _extras(world: World) -> dict[str, float | None]:
    """Return the objectives of the three core tools, and of each extra that has a ladder on top of them, musd."""
    s, core = world.instance().settings, with_tools(world, CORE)
    figure = {_name(CORE): rounded(world.solve(core).objective)}
    for extra, ladder in EXTRAS.items():
        if any(s[ladder]):
            figure[f"{_name(CORE)} + {extra}"] = rounded(world.solve({**core, f"instruments.{extra}": True}).objective)
    return figure


def _name(tools: tuple[str, ...]) -> str:
    return "all" if tools == TOOLS else " + ".join(tools)
