"""The cases of a run, in the order in which they run: the cheap ones first, the peers with their ten minutes each last; the yardstick before and after.

``suite(quick=True)`` has a case of every name too, on small instances: it tries every method and every line of the page.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from benchmarks.cases import ALL_INSTRUMENTS, Case

FIVE = 5
PEER_SECONDS = 600.0

ONE_START = ("ladders.start_delays=0",)
SLACK = ("caps.basket=0.2",)
"""A cap on the basket that never binds on random instances."""
NO_TAIL = ("objective.cvar_weight=0",)
TIGHT_CAPS = ("caps.USA.each_year=180", "caps.CAN.each_year=100")
"""Annual caps of the shipped instance at which the design without them exceeds its caps in seven country-years."""

COMPACT_PART = ("tungsten", "fluorspar", "niobium", "phosphate", "manganese_sulphate", "ndpr_oxide")
CORE_PART = ("gallium", "tungsten", "fluorspar", "niobium", "phosphate", "manganese_sulphate")
"""Products of ``usmca`` that peers can state: by the compact formulation, and under the rules of the direct model."""

RULES_OFF = ("standards.tier=none", "switches.expiry=false")


def suite(quick: bool = False) -> list[Case]:
    """Return the cases of a run.

    Args:
        quick: the same names on small instances, once each.
    """
    first, last = (Case(name, "yardstick") for name in ("yardstick", "yardstick-after"))
    cases = [first, *_whole(), *_library(), *_sizes(), *_large_clusters(), *_small_peers(), *_large_peers(), last]
    return [_quick(case) for case in cases] if quick else cases


def _whole() -> list[Case]:
    """Return the cases that time a whole process, as a user starts it."""
    usmca = Case("usmca", "command", instance="usmca", time_limit=300.0, repeats=FIVE)
    large = Case(
        "synthetic", "command", recipe=_recipe(240, 30, 1000), cut="byproducts", overrides=SLACK + ONE_START + NO_TAIL, time_limit=120.0, repeats=FIVE
    )
    tail = replace(large, overrides=SLACK + ONE_START, repeats=3)
    return [
        Case("help", "command", arguments=("--help",), repeats=FIVE),
        Case("tutorial", "command", instance="tutorial", repeats=FIVE),
        usmca,
        replace(usmca, name="usmca-all", overrides=ALL_INSTRUMENTS, note="all instruments"),
        replace(usmca, name="usmca-warm", method="warm", repeats=3, note="second run with a cache"),
        replace(usmca, name="usmca-all-warm", method="warm", overrides=ALL_INSTRUMENTS, repeats=3, note="all instruments, second run with a cache"),
        replace(large, note="no weight on the tail"),
        replace(tail, name="synthetic-tail", note="weight of the tail 0.1"),
        replace(tail, name="synthetic-few-scenarios", recipe=_recipe(240, 30, 100), note="a tenth of the scenarios"),
        replace(tail, name="synthetic-few-projects", recipe=_recipe(60, 30, 1000), note="a quarter of the projects"),
        replace(usmca, name="continuous", arguments=("--continuous-credits",), time_limit=600.0, repeats=1, note="continuous credits and strikes"),
        Case("caps", "command", instance="usmca", overrides=TIGHT_CAPS, gap=5e-3, time_limit=60.0, note="annual caps bind"),
    ]


def _library() -> list[Case]:
    """Return the cases that call the library: profiles, coefficients, repeated solves, and what the floor is made of."""
    profile = Case("profile", "plans", instance="usmca", overrides=ALL_INSTRUMENTS, time_limit=300.0, repeats=3, note="all instruments")
    return [
        profile,
        replace(profile, name="profile-shipped", overrides=(), note="as shipped"),
        replace(
            profile, name="profile-large", instance="", recipe=_recipe(240, 30, 1000), cut="byproducts", overrides=SLACK + ONE_START + NO_TAIL, repeats=1, note="large"
        ),
        Case("coefficients", "coefficients", instance="usmca", overrides=("scenarios.count=10000",), time_limit=120.0, repeats=3),
        Case("strikes", "strikes", instance="usmca", count=33, time_limit=300.0),
        Case("frontier", "frontier", instance="usmca", count=50, time_limit=300.0),
        Case("bound-continuous", "bound", instance="usmca", time_limit=120.0, note="continuous tariffs, credits and strikes"),
        Case("copy", "copy", instance="tutorial"),
        Case("master", "master", instance="usmca", time_limit=300.0),
        Case("brute", "brute", instance="tutorial", time_limit=120.0),
        Case("brute-plans", "plans", instance="tutorial", repeats=FIVE),
    ]


def _sizes() -> list[Case]:
    """Return random instances of growing size, and what makes an instance hard."""
    coarse = Case("", "plans", cut="byproducts", overrides=SLACK, note="coarse ladders", time_limit=120.0)
    small = {"small_ladders": True}
    return [
        replace(coarse, name="size-60-100", recipe=_recipe(60, 15, 100, **small)),
        replace(coarse, name="size-60-1000", recipe=_recipe(60, 15, 1000, **small)),
        replace(coarse, name="size-120-1000", recipe=_recipe(120, 30, 1000, **small)),
        replace(coarse, name="size-240-100", recipe=_recipe(240, 80, 100, seed=3, **small)),
        replace(coarse, name="size-240-1000", recipe=_recipe(240, 80, 1000, seed=3, **small)),
        replace(coarse, name="basket-coarse", recipe=_recipe(240, 80, 100, seed=3, **small), overrides=(), note="coarse ladders, basket cap binds"),
        replace(coarse, name="ladders", recipe=_recipe(60, 15, 100), note="default ladders"),
        replace(coarse, name="basket", recipe=_recipe(60, 15, 100), overrides=(), note="default ladders, basket cap binds"),
    ]


def _large_clusters() -> list[Case]:
    """Return random instances whose largest cluster has too many build sets to list, three start years each."""
    starts = Case("large-starts", "clusters", recipe=_recipe(240, 30, 100), cut="byproducts", overrides=SLACK, note="as in the bars", time_limit=300.0)
    dear = replace(starts, cut="dear", note="dear projects, one target")
    one, other, both = (
        (*SLACK, "switches.displacement=false", *targets)
        for targets in (("targets.product_01=0.8",), ("targets.product_02=0.71",), ("targets.product_01=0.7", "targets.product_02=0.8"))
    )
    two = replace(dear, name="large-two-targets", note="dear projects, two targets", time_limit=120.0)
    return [
        starts,
        replace(dear, name="large-one-product", recipe=_recipe(40, 1, 20, seed=11, target=0.0), overrides=one),
        replace(dear, name="large-one-target", recipe=_recipe(50, 2, 20, seed=7, target=0.0), overrides=other),
        replace(two, recipe=_recipe(50, 2, 20, seed=2, target=0.0), overrides=both),
    ]


def _small_peers() -> list[Case]:
    """Return random instances that every peer can state whole, 20 years each and with coarse ladders."""
    cases = []
    for projects, products, scenarios, seed in ((3, 1, 3, 2), (6, 2, 30, 12), (10, 3, 3, 8)):
        recipe = _recipe(projects, products, scenarios, seed=seed, years=20, small_ladders=True)
        cases += _trio(f"small-{projects}-{scenarios}", Case("", "", recipe=recipe, cut="core", time_limit=60.0))
    return cases


def _large_peers() -> list[Case]:
    """Return ``usmca`` with all instruments for the peers, and the parts of it that they can state; ten minutes each."""
    whole = Case("", "", instance="usmca", overrides=ALL_INSTRUMENTS, time_limit=PEER_SECONDS, kill_after=PEER_SECONDS, note="all instruments")
    part = replace(whole, products=COMPACT_PART, overrides=(), kill_after=PEER_SECONDS + 90.0, note="a part of usmca, as shipped")
    core = replace(part, products=CORE_PART, cut="core", overrides=(*RULES_OFF, "scenarios.count=20"), note="a part of usmca, rules of the direct model")
    return [
        replace(whole, name="direct-all", method="direct"),
        replace(whole, name="compact-all", method="compact"),
        replace(part, name="part-plans", method="plans", repeats=FIVE),
        replace(part, name="part-compact", method="compact"),
        *_trio("core", core),
    ]


def _trio(name: str, case: Case) -> list[Case]:
    """Return a case for the plan formulation (median of five), the compact one and the direct model."""
    plans = replace(case, name=f"{name}-plans", method="plans", repeats=FIVE)
    return [plans, replace(case, name=f"{name}-compact", method="compact"), replace(case, name=f"{name}-direct", method="direct")]


def _recipe(projects: int, products: int, scenarios: int, *, seed: int = 1, **more: Any) -> dict[str, Any]:
    return {"projects": projects, "products": products, "scenarios": scenarios, "seed": seed, "target": 0.4} | more


# --- the quick suite ----------------------------------------------------------------------------------------------------

TINY = _recipe(3, 1, 3, seed=2, years=20, small_ladders=True)
QUICK_SECONDS = 10.0
OF_USMCA = ("contract.", "instruments.", "reserve.", "caps.USA", "caps.CAN", "standards.")


def _quick(case: Case) -> Case:
    """Return a small case of the same name and method."""
    small = replace(case, repeats=1, time_limit=QUICK_SECONDS, kill_after=0.0, count=min(case.count, 2), products=())
    if case.recipe is not None or case.cut == "core":
        return replace(small, instance="", recipe=TINY, cut="core", overrides=tuple(o for o in case.overrides if not o.startswith(("scenarios.", "targets."))))
    kept = tuple(o for o in case.overrides if not o.startswith((*OF_USMCA, "scenarios.")))
    return replace(small, instance=case.instance and "tutorial", overrides=kept)
