"""What switches each instrument on in the tutorial and in small random instances, as overrides (C6, C14 to C18)."""

from __future__ import annotations

from pathlib import Path

from minclub.instances.instance import Instance
from minclub.instances.loader import load
from minclub.instances.synthetic import Recipe, write

Overrides = tuple[str, ...]

QUOTAS: Overrides = ("procurement.quotas.USA=0.5", "procurement.quotas.CAN=0.3", "procurement.quotas.MEX=0.2")
CHOICES: dict[str, Overrides] = {
    "reference_price": ("instruments.reference_price=true", "ladders.reference=[0.8,1.0]"),
    "grants": ("instruments.grants=true", "ladders.grant=[0,0.2]"),
    "loans": ("instruments.loans=true", "ladders.loan=[0,1]"),
    "procurement": ("instruments.procurement=true", "ladders.offtake=[1.0,1.5]", *QUOTAS),
    "upside_shares": ("contract.upside_shares=[0,0.5]",),
}
"""Instruments that add choices and take none away: 0.5 is the upside share without a ladder."""
RULES: dict[str, Overrides] = {
    "china_only_levy": (*CHOICES["reference_price"], "levy.covers=china_linked"),
    "collar": ("contract.collar=0.1",),
    "money_strike": ("contract.indexed_share=0.3", "contract.inflation=0.04"),
    "late_start": ("contract.start_delay=1",),
    "stockpile": ("contract.stockpile_share=0.2", "contract.stockpile_counted=false"),
    "mp_materials": ("contract.preset=mp_materials", "contract.upside_share=0.3", "contract.indexed_share=0"),
    "expiry": ("switches.expiry=true",),
    "china_equity": ("data.china_equity=market",),
    "standards": ("standards.tier=high",),
}
"""Rules that change what the choices mean."""
JOINT: dict[str, Overrides] = {
    "offtake_caps": (*CHOICES["procurement"], "caps.USA.each_year=25", "caps.CAN.each_year=25", "caps.MEX.each_year=25", "objective.cvar_weight=0.5"),
    "offtake_pooled": (
        *CHOICES["procurement"],
        "funding.mode=pooled",
        "funding.shares.USA=0.6",
        "funding.shares.CAN=0.3",
        "funding.shares.MEX=0.1",
        "caps.worst5_outlay=400",
    ),
    "all_aid": (*CHOICES["procurement"], *CHOICES["grants"], *CHOICES["loans"], "ladders.itc=[0]"),
    "band": (*CHOICES["procurement"], "finance.subsidy_band=0.02"),
    "users": (*CHOICES["loans"], *CHOICES["reference_price"], *RULES["expiry"], "objective.user_weight=1", "caps.product_price=0.5", "caps.basket=0.5"),
}
"""Several at once, with the rules that tie projects together: caps, pool, tail, band, users."""


def line(products: int) -> Overrides:
    """Tie all products to one tariff line (C6)."""
    return (f"lines.metals=[{','.join(names(products))}]",)


def reserve(product: str) -> Overrides:
    """Cover half of a product's shortage in a restriction by stocks (C17)."""
    return (f"reserve.cover.{product}=0.5", *QUOTAS)


def national(product: str) -> Overrides:
    """Give two members higher rates of their own (C6)."""
    return (f"national.CAN.china_linked.{product}=0.01", f"national.USA.market.{product}=0.005")


def names(products: int) -> list[str]:
    """Return the product codes of a random instance."""
    return [f"product_{k + 1:02d}" for k in range(products)]


def tutorial(*overrides: str) -> Instance:
    """Return the tutorial with defence demand, two early-stage projects and two rungs of tariffs, so that brute force stays short."""
    given = [f"products.{m}.is_defence=true" for m in ("alpha", "beta")] + [f"products.{m}.defence_share=0.1" for m in ("alpha", "beta")]
    given += [f"projects.{j}.dev_status=study" for j in ("USA_ALPHA", "MEX_ALPHA")]
    given += ["ladders.tariffs=[0,0.02]", "products.alpha.standard_cost_usd_per_t=100", "products.alpha.standard_compliance_china=0.5"]
    given += ["projects.USA_ALPHA.standards_gap_usd_per_t=150"]
    return load("tutorial", [*given, *overrides])


def random(folder: Path, seed: int, products: int, *overrides: str) -> Instance:
    """Return a small random instance with defence demand, early-stage projects and short ladders."""
    recipe = Recipe(projects=6 - products, products=products, scenarios=5, years=20, small_ladders=True, target=0.9, seed=seed)
    given = [text for m in names(products) for text in (f"products.{m}.is_defence=true", f"products.{m}.defence_share=0.15")]
    given += [f"projects.project_{k:03d}.dev_status=study" for k in (2, 3, 4)]
    given += ["ladders.ptc=[0]", "ladders.tariffs=[0,0.1]"]
    return load(write(folder / f"random-{seed}-{products}", recipe), [*given, *overrides])
