"""The instance: everything the model may read, checked and resolved."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from .errors import InstanceError, Problem, did_you_mean
from .schema import COUNTRIES, STAGES

__all__ = ["COUNTRIES", "STAGES", "Filled", "Instance"]


class Filled(NamedTuple):
    """One empty cell that an assumption or a stated rule filled (C3)."""

    table: str
    row: str
    column: str
    value: float
    provenance: str


@dataclass(frozen=True, eq=False)
class Instance:
    """Hold one checked instance; nothing in it changes after loading.

    Attributes:
        name: name in club.toml.
        path: folder it was read from.
        sha256: hash of the resolved content (settings and tables after overrides), independent of file layout.
        overrides: the overrides given, as ``key=value``.
        seed: seed of the random streams.
        settings: dotted keys of club.toml, defaults included; optional keys that are absent hold None, patterned keys
            (``targets.<product>``, ``caps.<country>.<year>``) exist only where set.
        projects: one row per project that takes part, indexed by ``project_id``.
        products: indexed by ``product_code``.
        byproducts: plain index.
        policy: indexed by ``instrument_id``; ``products`` is a tuple, ``phase_schedule`` a tuple of (year, rate).
        contracts: indexed by ``contract_id``.
        converters: indexed by ``converter_id``.
        finance: plain index; read it through ``param``.
        episodes: plain index.
        correlations: square, indexed by ``product_code``.
        assumptions: plain index.
        sources: plain index.
        prices: price paths that replace the drawn scenarios, or None.
        filled: every cell that was empty and is not any more.
        notes: remarks that are no mistakes.
    """

    name: str
    path: Path
    sha256: str
    overrides: tuple[str, ...]
    seed: int
    settings: Mapping[str, Any]
    projects: pd.DataFrame
    products: pd.DataFrame
    byproducts: pd.DataFrame
    policy: pd.DataFrame
    contracts: pd.DataFrame
    converters: pd.DataFrame
    finance: pd.DataFrame
    episodes: pd.DataFrame
    correlations: pd.DataFrame
    assumptions: pd.DataFrame
    sources: pd.DataFrame
    prices: pd.DataFrame | None = None
    filled: tuple[Filled, ...] = ()
    notes: tuple[str, ...] = ()
    _parameters: Mapping[tuple[str, str, str], float] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        rows = zip(self.finance["parameter"], self.finance["country"], self.finance["stage"], self.finance["base"], strict=True)
        table = {(str(name), str(country), str(stage)): float(base) for name, country, stage, base in rows}
        object.__setattr__(self, "_parameters", table)

    def param(self, name: str, country: str | None = None, stage: str | None = None) -> float:
        """Read a finance parameter, the most specific row first.

        The order is (country, stage), (country, all), (ALL, stage), (ALL, all).

        Args:
            name: parameter of finance.csv.
            country: USA, CAN or MEX; None asks for rows of ALL only.
            stage: mine, refinery or integrated; None asks for rows of all stages only.

        Returns:
            The base value, in the unit of the data dictionary.

        Raises:
            InstanceError: if no row fits.
        """
        value = resolve_parameter(self._parameters, name, country, stage)
        if value is None:
            where = " ".join(part for part in (country, stage) if part) or "ALL all"
            known = {key[0] for key in self._parameters}
            remedy = "" if name in known else did_you_mean(name, known)
            raise InstanceError([Problem("finance.csv", None, name, f"no row for {where}", "a value of this parameter", remedy)], f"instance {self.name}")
        return value

    def number(self, key: str) -> float:
        """Read a numeric setting.

        Raises:
            InstanceError: if the key is absent or holds no number.
        """
        value = self.settings.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise InstanceError([Problem("club.toml", None, key, str(value), "a number", did_you_mean(key, self.settings))], f"instance {self.name}")
        return float(value)

    def switch(self, name: str) -> bool:
        """Tell whether the rule ``switches.<name>`` is on.

        Raises:
            InstanceError: if there is no such switch.
        """
        value = self.settings.get(f"switches.{name}")
        if not isinstance(value, bool):
            known = [key for key in self.settings if key.startswith("switches.")]
            raise InstanceError([Problem("club.toml", None, f"switches.{name}", str(value), "a switch", did_you_mean(f"switches.{name}", known))])
        return value


def resolve_parameter(table: Mapping[tuple[str, str, str], float], name: str, country: str | None, stage: str | None) -> float | None:
    """Find the most specific value of a parameter; None if there is none.

    Args:
        table: values by (parameter, country or ALL, stage or all).
        name: the parameter.
        country: a country or None.
        stage: a stage or None.
    """
    for where in [country, "ALL"] if country else ["ALL"]:
        for what in [stage, "all"] if stage else ["all"]:
            if (name, where, what) in table:
                return table[name, where, what]
    return None
