"""What the audit knows of an instance, as plain numbers (C1-C5).

Money in million real 2025 USD (musd), prices in USD per tonne. Arrays over countries follow ``COUNTRIES``.
Arrays over years start in the base year and run over ``H >= T`` years, so that every project fits (C2).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from ..instances.instance import Instance

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
T = TypeVar("T")
BoolArray = NDArray[np.bool_]

COUNTRIES = ("USA", "CAN", "MEX")
NODES = ("china_linked", "market")
CHINA, MARKET = 0, 1


class AuditRefused(ValueError):
    """Say why a design cannot be audited at all."""


@dataclass(frozen=True)
class Product:
    """Hold one product; arrays are by country (3,) or border measure by node and country (2, 3), ``compliance`` by node (C18)."""

    code: str
    form: str
    exchange_traded: bool
    long_run: float
    direct: FloatArray
    embodied: FloatArray
    growth: tuple[float, float]
    existing: FloatArray
    world_supply: float
    non_china_supply: float
    reach: float
    other_imports: float
    china_share: float
    law: FloatArray
    spike: float
    dump_depth: float
    dump_follow: float
    elasticity: float
    voll: float
    defence: bool = False
    defence_share: float = 0.0
    standard_cost: float = 0.0
    compliance: tuple[float, float] = (1.0, 1.0)


@dataclass(frozen=True)
class Terms:
    """Hold the terms of a contract for difference (C14).

    ``start`` is the first calendar year covered and ``tenor`` the years covered, ``delay`` the operating years before it, ``quantity`` in payable t per year.
    ``collar`` and ``indexed`` are shares, ``inflation`` is a yearly rate.
    """

    strike: float
    share: float
    upside: float
    tenor: int
    start: int
    quantity: float = math.inf
    collar: float = 0.0
    indexed: float = 1.0
    inflation: float = 0.02
    delay: int = 0

    def strikes(self, years: int) -> FloatArray:
        """Return K_n of the first operating years, USD per tonne, shape (years,): the part that is not indexed loses its real value (C14)."""
        worn: FloatArray = (1.0 + self.inflation) ** -np.arange(years, dtype=float)
        return self.strike * (self.indexed + (1.0 - self.indexed) * worn)


@dataclass(frozen=True)
class Stream:
    """Hold a by-product: tonnes at full ramp, constant price (used if the product is not listed) and payability."""

    product: str
    tonnes: float
    price: float
    payability: float


@dataclass(frozen=True)
class Project:
    """Hold one project.

    ``capital`` is K of C10 in musd, ``concentrate`` the concentrate of a refined product of C4, ``early`` an early stage of C15, ``standards_gap`` in USD per
    tonne (C18).
    """

    code: str
    country: int
    product: str
    stage: str
    concentrate: bool
    capacity: float
    earliest: int
    build_years: int
    ramp: tuple[float, ...]
    life: int
    capital: float
    grant: float
    sustaining: float
    opex: float
    payability: float
    royalty: float
    expansion_capital: float
    expansion_year: int
    expansion_capacity: float
    china_linked: bool
    group: str
    available: bool
    b0_supply: bool
    loan: float
    loan_tenor: int
    loan_spread: float
    feed: str
    feed_rate: float
    feed_factor: float
    itc_eligible: bool
    ptc_share: float
    streams: tuple[Stream, ...]
    closed: Terms | None
    early: bool = False
    standards_gap: float = 0.0

    def ramp_at(self, n: int) -> float:
        """Return the ramp share of operating year ``n``; the last value holds for all later years."""
        return self.ramp[min(n, len(self.ramp) - 1)]

    @cached_property
    def ramp_path(self) -> FloatArray:
        """Return the ramp of the operating years, shape (life,)."""
        return np.array([self.ramp_at(n) for n in range(self.life)])

    @cached_property
    def tonnes(self) -> FloatArray:
        """Return output of each operating year, t, shape (life,); added capacity sells from the year after it is paid."""
        added = np.where(np.arange(self.life) >= self.expansion_year, self.expansion_capacity, 0.0)
        return (self.capacity + (added if self.expansion_year > 0 else 0.0)) * self.ramp_path

    @property
    def counted_share(self) -> float:
        """Return the share of output that enters need: payability for a concentrate, else 1 (C8)."""
        return self.payability if self.concentrate else 1.0


@dataclass(frozen=True)
class Converter:
    """Hold one counted converter; capacities in t per year."""

    code: str
    country: int
    source: str
    target: str
    input_t: float
    output_t: float
    start: int
    china_linked: bool


@dataclass(frozen=True)
class World:
    """Hold everything the audit reads from an instance.

    ``lapse`` is the first year of each scenario in which the club's border measures are out of force, shape (S,), None if they never lapse (C6);
    ``premiums`` the demand premium by product, USD per tonne, shape (H,) (C9).
    """

    instance: Instance
    settings: Mapping[str, Any]
    base: int
    end: int
    simulated: int
    horizon: int
    products: dict[str, Product]
    projects: dict[str, Project]
    converters: tuple[Converter, ...]
    law_credits: dict[tuple[str, int, str], FloatArray]
    market: dict[str, FloatArray]
    china: dict[str, FloatArray]
    restricted: dict[str, BoolArray]
    scenarios: int
    lapse: IntArray | None = None
    premiums: Mapping[str, FloatArray] = field(default_factory=dict)
    _params: dict[tuple[str, int | None, str | None], float] = field(default_factory=dict, repr=False)
    _known: dict[Hashable, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return what was made under this key before, or make it now; an array is read-only from then on."""
        if key not in self._known:
            made = make()
            if isinstance(made, np.ndarray):
                made.setflags(write=False)
            self._known[key] = made
        return cast(T, self._known[key])

    def param(self, name: str, country: int | None = None, stage: str | None = None) -> float:
        """Read a finance parameter, the most specific row first; remembers the answer."""
        key = (name, country, stage)
        if key not in self._params:
            self._params[key] = float(self.instance.param(name, None if country is None else COUNTRIES[country], stage))
        return self._params[key]

    def setting(self, key: str, default: Any = None) -> Any:
        """Read a setting; an absent one gives the default."""
        value = self.settings.get(key)
        return default if value is None else value

    def switch(self, name: str) -> bool:
        """Tell whether a limit is enforced; limits are on unless switched off."""
        return bool(self.setting(f"switches.{name}", True))

    def offers(self, instrument: str) -> bool:
        """Tell whether an instrument is on (C19)."""
        return bool(self.setting(f"instruments.{instrument}", instrument in ("tariffs", "contracts", "credits")))

    @property
    def standards(self) -> float:
        """Return theta, the factor of the tier of standards (C18)."""
        return {"none": 0.0, "usmca": float(self.setting("standards.usmca_factor", 0.5)), "high": 1.0}[str(self.setting("standards.tier", "none"))]

    @property
    def quotas(self) -> FloatArray:
        """Return the members' stated shares of offtake and reserve, shape (3,) (C17)."""
        return np.array([float(self.setting(f"procurement.quotas.{c}", 0.0)) for c in COUNTRIES])

    def factors(self, rate: float | None = None) -> FloatArray:
        """Return the discount factors of all years at a constant rate [public rate], shape (H,) (C2)."""
        r = self.param("public_rate") if rate is None else rate
        return self.once(("factors", r), lambda: (1.0 + r) ** -np.arange(self.horizon, dtype=float))

    def pv(self, flow: FloatArray, rate: float | None = None, first: int = 0) -> FloatArray:
        """Discount the last axis, years from year ``first`` after the base year on, at a constant rate [public rate] (C2)."""
        discounted: FloatArray = flow @ self.factors(rate)[first : first + flow.shape[-1]]
        return discounted
