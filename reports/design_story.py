"""What the pictures of a design show, as tables: supply and means, strikes, spending and caps.

Every number is read from the design, from the instance that it was made for, or from an evaluation of the baseline
(C27); nothing is solved again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from ..instances.instance import Instance
    from ..solvers.design import Design

COUNTRIES = {"USA": "United States", "CAN": "Canada", "MEX": "Mexico"}
ITEMS = {"contract_payments": "Contract payments", "credits": "Credits", "contract_receipts": "Contract receipts"}


@dataclass(frozen=True)
class Story:
    """A design with its instance and the secured shares of its baseline (columns as ``Design.security``)."""

    design: Design
    instance: Instance
    baseline: pd.DataFrame

    @staticmethod
    def read(design: Design, instance: Instance | None = None) -> Story:
        """Find the instance of a design and evaluate its baseline.

        Raises:
            ValueError: the instance is not the one that the design was made for, or cannot be found.
        """
        from ..solvers.evaluate import evaluate

        found = _instance_of(design) if instance is None else instance
        if found.sha256 != design.certificate.get("instance_sha256"):
            raise ValueError(f"instance {found.name} has changed since the design was made: solve it again")
        return Story(design, found, evaluate(found, {}).security)

    @property
    def base_year(self) -> int:
        """Return the year to which money is discounted."""
        return _setting(self.instance, "years.base")

    @property
    def years(self) -> tuple[int, int]:
        """Return the first and the last year of decisions."""
        return self.base_year, _setting(self.instance, "years.end")

    @property
    def window(self) -> str:
        """Say which years the secured share is read from: the least of the target's years (C22)."""
        return f"least of {self.instance.settings['years.target']} to {self.instance.settings['years.end']}"

    def product(self, code: str) -> str:
        """Return the name of a product."""
        return _name(self.instance.products, code)

    def project(self, code: str) -> str:
        """Return the name of a project."""
        return _name(self.instance.projects, code)

    def verdict(self) -> str:
        """Say in one sentence how good the design is known to be (C31)."""
        proof = self.design.certificate
        if proof.get("status") == "given":
            return "A given design, not optimised."
        return "The design of least public cost." if proof.get("proven") else "The best design found; NOT PROVEN to be the least cost."

    def source(self) -> str:
        """Return the source line: instance, certificate and audit (C31, C32)."""
        proof = self.design.certificate
        objective, bound, gap = (proof.get(key) for key in ("objective_musd", "bound_musd", "gap"))
        if proof.get("status") == "given":
            proven = f"given, not optimised: objective {objective:,.1f}"
        elif gap is None or bound is None:
            proven = f"objective {objective:,.1f}, not proven: no bound is known"
        else:
            word = "proven" if proof.get("proven") else "NOT PROVEN"
            proven = f"{word}: objective {objective:,.1f}, bound {bound:,.1f}, gap {gap:.2g}"
        return (
            f"Source: minclub {self.design.provenance['minclub_version']}, instance {self.instance.name} "
            f"({str(proof['instance_sha256'])[:12]}), {proven} (million USD, C26); audit {proof.get('audit')}."
        )


def _setting(instance: Instance, key: str) -> int:
    value: Any = instance.settings[key]
    return int(value)


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a table."""
    return [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]


def _instance_of(design: Design) -> Instance:
    from ..instances.loader import load

    origin = design.provenance
    given = origin.get("overrides") or {}
    overrides = [f"{key}={value}" for key, value in given.items()] if isinstance(given, dict) else [str(item) for item in given]
    path = origin.get("instance_path")
    return load(path if path and Path(path).is_dir() else origin["instance"], overrides)


def _name(table: pd.DataFrame, code: str) -> str:
    name = table["name"].get(code)
    return str(name) if isinstance(name, str) and name else code


# --- numbers ------------------------------------------------------------------------------------------------------------


def tightest(security: pd.DataFrame) -> pd.DataFrame:
    """Return, per product with a target, the year of the least share over the target's years (C22).

    Returns:
        Columns ``product, year, share, target``, in the order of the products.
    """
    inside = security[security["target"].notna() & security["share"].notna()]
    rows = inside.loc[inside.groupby("product", sort=False)["share"].idxmin()]
    return rows[["product", "year", "share", "target"]].reset_index(drop=True)


def supply(story: Story) -> pd.DataFrame:
    """Return what every target asks, what holds without the club and with it, and by which means.

    Returns:
        Columns ``product, name, before, target, after, tariff, contracts, credits``, the largest step first.
    """
    before = {row["product"]: row["share"] for row in records(tightest(story.baseline))}
    rows = []
    for row in records(tightest(story.design.security)):
        code = row["product"]
        shares = {"before": before[code], "target": row["target"], "after": row["share"]}
        rows.append({"product": code, "name": story.product(code), **shares, **means(story.design, code)})
    table = pd.DataFrame(rows, columns=["product", "name", "before", "target", "after", "tariff", "contracts", "credits"])
    order = (table["after"] - table["before"]).sort_values(ascending=False, kind="stable").index
    return table.loc[order].reset_index(drop=True)


def means(design: Design, product: str) -> dict[str, str]:
    """Say what a design does for a product: ``tariff``, ``contracts`` and ``credits``, a dash where nothing."""
    held = design.contracts.loc[design.contracts["product"] == product, "country"]
    credits = []
    for row in records(design.credits[design.credits["product"] == product]):
        rates = [f"{_percent(rate)} of {base}" for rate, base in ((row["itc_rate"], "capital"), (row["ptc_rate"], "cost")) if rate]
        credits.append(f"{row['country']} {' + '.join(rates)}")
    return {
        "tariff": _tariff(design.tariffs[design.tariffs["product"] == product]) or "-",
        "contracts": ", ".join(f"{n} {country}" for country, n in held.value_counts(sort=False).items()) or "-",
        "credits": "; ".join(credits) or "-",
    }


def _tariff(rows: pd.DataFrame) -> str:
    """Write a product's two rates, China-linked first; empty where no member's rate changes (C6)."""
    laws = [f"baseline_rate_{country.lower()}" for country in COUNTRIES]
    if not any(row["rate"] > row[law] for _, row in rows.iterrows() for law in laws):
        return ""
    rates = rows.set_index("node")["rate"]
    return f"{_percent(rates['china_linked'])} / {_percent(rates['market'])}"


def _percent(rate: float) -> str:
    return f"{rate * 100:.3g}%"


def strikes(story: Story) -> pd.DataFrame:
    """Return the contracts with their strikes against long-run prices.

    Returns:
        Columns ``name, product, strike, long_run, ratio, years``, the highest ratio first; prices in USD per tonne.
    """
    from ..instances.price_process import long_run_prices

    levels = long_run_prices(story.instance)
    rows = [
        {
            "name": f"{story.project(row['project'])}, {row['country']}",
            "product": story.product(row["product"]),
            "strike": row["strike_usd_per_t"],
            "long_run": levels[row["product"]],
            "ratio": row["strike_usd_per_t"] / levels[row["product"]],
            "years": f"{row['start_year']} to {row['start_year'] + row['tenor_years'] - 1}",
        }
        for row in records(story.design.contracts)
    ]
    table = pd.DataFrame(rows, columns=["name", "product", "strike", "long_run", "ratio", "years"])
    return table.sort_values("ratio", ascending=False, kind="stable").reset_index(drop=True)


def spending(design: Design) -> pd.DataFrame:
    """Return expected public cost by country, year and item; receipts count negative.

    Returns:
        Columns ``country, year, item, musd``; items in words. Border revenue is left out: no cap counts it.
    """
    table = design.public_cost[design.public_cost["item"].isin(ITEMS)]
    sign = table["item"].map(lambda item: -1.0 if item == "contract_receipts" else 1.0)
    return pd.DataFrame({"country": table["country"], "year": table["year"], "item": table["item"].map(ITEMS), "musd": sign * table["value_musd"]})


def caps(instance: Instance, years: Iterable[int]) -> pd.DataFrame:
    """Return the caps on expected outlay (C26): columns ``country, year, cap``; a country without caps has no row."""
    setting = instance.settings
    rows = []
    for country in COUNTRIES:
        for year in years:
            cap: Any = setting.get(f"caps.{country}.{year}", setting.get(f"caps.{country}.each_year"))
            if cap is not None and setting["switches.country_caps"]:
                rows.append({"country": country, "year": int(year), "cap": float(cap)})
    return pd.DataFrame(rows, columns=["country", "year", "cap"])


def total(design: Design, item: str, country: str = "ALL") -> float:
    """Return a total of the design, PV musd."""
    rows = design.totals[(design.totals["country"] == country) & (design.totals["item"] == item)]
    return float(rows["pv_musd"].iloc[0])
