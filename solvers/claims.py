"""The table of the chapter's claims: each claim, the experiment that examines it, its figure and a verdict by a stated rule.

The chapter is "A North American critical minerals club" in *USMCA Forward 2025*. Every claim is examined in the instance as it is
given and again under the slow and the fast reversion of prices and with today's prices as long-run prices. A verdict that
is not the same everywhere is *depends*, and what flips it is said.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..instances.errors import InstanceError, Problem
from .claims_border import BROADER, CHAPTER_RATE, LITTLE, MOST, broader, china_alone, standards
from .claims_contracts import LEAST_SAVING, PERCENTILE, credits_for_strikes, shared_upside, tariffs_for_contracts
from .claims_projects import CLOSE, MATERIAL, MULTIPLES, STRESS, members_credits, mexican_lithium, only_lithium, procurement
from .claims_tools import LEAST_GAIN, together
from .claims_world import DEPENDS, Claim, Finding, World

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from ..instances import Instance

SPREAD_SCENARIOS = 60
SPREADS: Mapping[str, Mapping[str, Any]] = {
    "slow reversion": {"scenarios.fast_regime_share": 0},
    "fast reversion": {"scenarios.fast_regime_share": 1},
    "spot as long-run price": {"data.long_run_price": "spot"},
}

CLAIMS: tuple[Claim, ...] = (
    Claim(
        1,
        "A 25% tariff on Chinese minerals alone has little effect",
        f"switches.expiry=false; tariff.china_linked={CHAPTER_RATE:g} on every product at the baseline's path; change of the expected price, "
        "members weighted by direct demand (C7, C23), in all years and in years without a dump; C12 of every candidate",
        "fraction of the price; number of candidates made bankable",
        f"confirmed if the price rises by less than {LITTLE:.0%} for every product in use, not confirmed if for none",
        china_alone,
    ),
    Claim(
        2,
        "Broader tariffs, or a reference price, have more effect",
        "switches.expiry=false; the ladder's highest rate on both nodes, or a reference price at the long-run price on both nodes, on every product "
        "at the baseline's path",
        "fraction of the price or of the basket; PV of users' loss, million 2025 USD; number of candidates made bankable",
        f"confirmed if each raises the price of the basket by at least {BROADER:g} times what the tariff on China alone does, and by {LITTLE:.0%}",
        broader,
    ),
    Claim(
        3,
        "Price insurance puts all risk on the state; a contract with shared upside costs less for the same bankability",
        "all candidates that take a contract at law and the baseline's path, each at its least strike with contract.upside_share 0, 0.3, 0.5, 1",
        "PV, million 2025 USD",
        f"confirmed if booked cost, expected net cost and the {PERCENTILE}th percentile of scenario cost each fall by {LEAST_SAVING:.0%} from g=0 to g=0.5; "
        "not confirmed if none does",
        shared_upside,
    ),
    Claim(
        4,
        "The strike falls as credits rise",
        "candidates that take a contract at law and the baseline's path; least strike at every rung of ladders.itc and ladders.ptc; median slope by product",
        "USD per tonne of strike per percentage point of credit",
        "not confirmed if any strike rises with a credit; confirmed if some strike falls for every product",
        credits_for_strikes,
    ),
    Claim(
        5,
        "Tariffs lower the burden of the contracts",
        "optima with instruments.tariffs on and off; and the builds and credits of the optimum with tariffs at least strikes, with and without the "
        "tariff of each product",
        "PV, million 2025 USD; booked cost saved per percentage point on one node",
        "confirmed if booked cost is lower with tariffs in both comparisons, not confirmed if in neither",
        tariffs_for_contracts,
    ),
    Claim(
        6,
        "Canada's 30% of capital and the 10% of cost of the United States are close for lithium, apart for graphite and nickel",
        "30% of eligible capital and 10% of eligible cost without phase-outs on the largest project of each product that may draw both; "
        "also at the laws in force, as if it stood in either country",
        "PV of credits over PV of tonnes at full output, USD per tonne",
        f"close is a ratio of at most {CLOSE:g} either way; confirmed if all three products are as claimed, not confirmed if none is",
        members_credits,
    ),
    Claim(
        7,
        "Mexican lithium competes with subsidised lithium from the north",
        "projects.<id>.available=1 and earliest_start_year as the first northern project, at the baseline's path without it; least strike without aid against "
        "northern projects not under construction with 10% of cost (USA) or 30% of capital (CAN)",
        "NPV, million 2025 USD; least strike, USD per tonne",
        f"confirmed if the cheapest Mexican project needs no higher strike than any northern one, also at {STRESS:g} times its capital and operating cost; "
        "not confirmed if it undercuts none even at its study's cost",
        mexican_lithium,
    ),
    Claim(
        8,
        "Only lithium is contested among the members",
        "C20 at data.demand_basis direct, localised and embodied",
        "number of contested years up to years.end",
        "confirmed if lithium alone is contested on all three bases, not confirmed if on none",
        only_lithium,
    ),
    Claim(
        9,
        "Procurement of secondary metals changes the economics of some mines",
        f"instruments.procurement=true; offtake of every defence stream of each candidate at {', '.join(f'{x:g}' for x in MULTIPLES)} times the long-run "
        "price, at law and the baseline's path",
        "change of NPV, million 2025 USD; share of capital",
        f"confirmed if at the highest price some mine's NPV changes by at least {MATERIAL:.0%} of its capital; depends if refineries alone do",
        procurement,
    ),
    Claim(
        10,
        "Standards need not be a disadvantage inside the protected market",
        "standards.tier none, usmca and high: NPV of candidates and baseline plants with the border adjustment on every product, at the baseline's path; "
        "optimum of each tier",
        "change of NPV and objective, million 2025 USD; number of plants",
        f"confirmed if under each tier NPV rises in sum and at least {MOST:.0%} of plants are not worse off, not confirmed if fewer are",
        standards,
    ),
    Claim(
        11,
        "The tools work together: no tool and no pair does as well as all",
        "optima for the same targets and caps with instruments.<name> on for each of tariffs, reference_price, contracts, credits, procurement alone, in pairs, and all; "
        "in the headline also tariffs, contracts and credits together, with grants and with loans",
        "objective (C26), PV million 2025 USD; null where the targets cannot be reached",
        f"confirmed if all together cost at least {LEAST_GAIN:.0%} less than the best smaller set; not confirmed if one tool alone does as well, depends if a pair does",
        together,
    ),
)


def claims(
    instance: Instance,
    *,
    only: Collection[int] | None = None,
    scenarios: int | None = None,
    quick: bool = False,
    progress: Callable[[str, int, int], None] | None = None,
) -> list[dict[str, Any]]:
    """Examine the chapter's claims and return one row per claim.

    Args:
        instance: the instance, from ``load``.
        only: numbers of claims; all if not given.
        scenarios: scenarios of the headline; those of the instance if not given. The spreads use at most 60.
        quick: leave out the spreads, and use at most 60 scenarios.
        progress: called with what is being done, the steps done and their number.

    Returns:
        Rows with ``id``, ``claim``, ``experiment``, ``figure``, ``unit``, ``verdict`` (confirmed, not confirmed, depends), ``depends_on``
        (short strings) and ``spread`` (verdict and figure under each other regime).

    Raises:
        InstanceError: an unknown claim, or the instance is not valid under an override.
    """
    chosen = _chosen(only)
    worlds = _worlds(instance, scenarios, quick)
    total, done = len(chosen) * len(worlds), 0
    found: dict[int, dict[str, Finding]] = {claim.id: {} for claim in chosen}
    for world in worlds:
        for claim in chosen:
            stage = f"claim {claim.id}, {world.name}"
            if progress is not None:
                world.say = _sayer(progress, stage, done, total)
                progress(stage, done, total)
            found[claim.id][world.name] = claim.examine(world)
            done += 1
    return [row(claim, found[claim.id]) for claim in chosen]


def _sayer(progress: Callable[[str, int, int], None], stage: str, done: int, total: int) -> Callable[[str], None]:
    return lambda text: progress(f"{stage}: {text}", done, total)


def _chosen(only: Collection[int] | None) -> Sequence[Claim]:
    known = {claim.id for claim in CLAIMS}
    wrong = sorted(set(only or ()) - known)
    if wrong:
        listed = f"1 to {max(known)}"
        raise InstanceError([Problem(file="--claim", row=None, column="", got=str(x), expected=listed, remedy="see docs/claims.md") for x in wrong])
    return [claim for claim in CLAIMS if not only or claim.id in only]


def _worlds(instance: Instance, scenarios: int | None, quick: bool) -> list[World]:
    """Return the headline and, unless quick, the spreads. Prices that are given in a file keep their own scenarios."""
    count = scenarios or int(instance.settings["scenarios.count"])
    fewer = min(count, SPREAD_SCENARIOS)

    def drawn(number: int) -> dict[str, Any]:
        return {} if instance.prices is not None else {"scenarios.count": number}

    head = World(instance, "headline", drawn(fewer if quick else count))
    return [head] if quick else [head, *(World(instance, name, drawn(fewer) | dict(more), headline=False) for name, more in SPREADS.items())]


def _flip(name: str, finding: Finding, head: Finding) -> str:
    """Say how and why a verdict turns in another world: what is infeasible there, else the first thing that it rests on."""
    why = next((note for note in finding.notes if note.startswith("infeasible")), finding.notes[0] if finding.notes else "")
    return f"{name}: {finding.verdict} instead of {head.verdict}" + (f" ({why})" if why else "")


def row(claim: Claim, found: Mapping[str, Finding]) -> dict[str, Any]:
    """Return a claim's row: the headline's verdict, or *depends* where another world's differs."""
    head, *_ = found.values()
    others = {name: finding for name, finding in found.items() if finding is not head}
    flips = [_flip(name, finding, head) for name, finding in others.items() if finding.verdict != head.verdict]
    return {
        "id": claim.id,
        "claim": claim.claim,
        "experiment": claim.experiment,
        "rule": claim.rule,
        "figure": head.figure,
        "unit": claim.unit,
        "verdict": DEPENDS if flips else head.verdict,
        "depends_on": [*head.notes, *flips],
        "spread": {name: {"verdict": finding.verdict, "figure": finding.figure, "notes": list(finding.notes)} for name, finding in others.items()},
    }
