"""Recompute a design as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .audit_bank import Bank, Setting, bank, setting
from .audit_baseline import Baseline, baseline
from .audit_border import club_measures
from .audit_cash import Cash
from .audit_cost import Built, Cost, Ledger, border_revenue, built_projects, ledger, objective, public_cost
from .audit_design import Design
from .audit_effects import price_rises, users_loss
from .audit_market import Balance, Scene, balances, secured, states
from .audit_offtake import Reserve, bought_shares, nameplates, reserves, suppliers
from .audit_option import Offtake, Option
from .audit_world import COUNTRIES, FloatArray, Project, World


@dataclass(frozen=True)
class Case:
    """Hold a design and everything recomputed from it and the instance."""

    world: World
    design: Design

    @cached_property
    def b0(self) -> Baseline:
        """Return the baseline (C27)."""
        return baseline(self.world)

    @cached_property
    def balance(self) -> dict[str, Balance]:
        """Return the balance of every product under the design (C8)."""
        return balances(self.world, self.design.builds)

    @cached_property
    def scene(self) -> Scene:
        """Return border measures and path of the design."""
        measures = club_measures(self.world, self.design.rates, self.design.references, standards=True)
        return Scene(self.world, measures, states(self.world, self.balance))

    @cached_property
    def where(self) -> Setting:
        """Return where the design's projects are judged."""
        return setting(self.scene, self.b0.scene)

    @cached_property
    def sellers(self) -> dict[str, dict[str, float]]:
        """Return the nameplate tonnes of defence products of every project that may take an offtake, by project and product (C17)."""
        return {p.code: nameplates(self.world, p) for p in suppliers(self.world, self.b0)}

    @cached_property
    def bought(self) -> dict[str, FloatArray]:
        """Return f by product, shape (H,) (C17)."""
        return bought_shares(self.world, self.b0)

    def bare_option(self, project: Project) -> Option:
        """Return how a project is built without any aid of the club; one that is not built is looked at from its earliest start."""
        return Option(self.design.builds.get(project.code, project.earliest), standards=self.world.standards)

    @cached_property
    def options(self) -> dict[str, Option]:
        """Return how every project is built."""
        return {code: self._option(p) for code, p in self.world.projects.items()}

    def option(self, project: Project) -> Option:
        """Return how a project is built."""
        return self.options[project.code]

    def _option(self, project: Project) -> Option:
        """Return how a project is built; grants, loans and offtake are for projects beyond the baseline (C15, C17)."""
        level = self.design.credits.get((COUNTRIES[project.country], project.product), {})
        beyond = project.code not in self.b0.builds
        bare = self.bare_option(project)
        return Option(
            bare.start,
            level.get("itc", 0.0),
            level.get("ptc", 0.0),
            self.design.contracts.get(project.code),
            grant=level.get("grant", 0.0) if beyond and project.early else 0.0,
            loan=beyond and level.get("loan", 0.0) > 0.0,
            standards=bare.standards,
            offtake=self._offtake(project),
        )

    def _offtake(self, project: Project) -> Offtake | None:
        asked = self.design.offtake.get(project.code, {})
        prices = {m: price for m, price in asked.items() if m in self.sellers.get(project.code, {})}
        return Offtake(int(self.world.setting("procurement.tenor_years", 10)), prices, self.bought) if prices else None

    @cached_property
    def built(self) -> list[Built]:
        """Return the design's projects with their cash flows."""
        options = {code: self.options[code] for code in self.design.builds}
        return built_projects(self.world, options, self.scene, self.b0.scene)

    @cached_property
    def cash(self) -> dict[str, Cash]:
        """Return the cash flow of every project of the design."""
        return {b.project.code: b.cash for b in self.built}

    @cached_property
    def b0_built(self) -> list[Built]:
        """Return the baseline's projects with their cash flows."""
        options = {code: Option(start) for code, start in self.b0.builds.items()}
        return built_projects(self.world, options, self.b0.scene, self.b0.scene)

    @cached_property
    def ledgers(self) -> list[Ledger]:
        """Return the public cost of every built project."""
        return [ledger(b) for b in self.built]

    @cached_property
    def b0_ledgers(self) -> list[Ledger]:
        """Return the public cost of every project of the baseline."""
        return [ledger(b) for b in self.b0_built]

    @cached_property
    def reserves(self) -> dict[str, Reserve]:
        """Return the reserve of every product with a cover (C17)."""
        return reserves(self.world, self.balance)

    @property
    def stocks(self) -> dict[str, FloatArray]:
        """Return the reserve in t by product, shape (H,)."""
        return {m: held.stock for m, held in self.reserves.items()}

    @cached_property
    def cost(self) -> Cost:
        """Return public cost (C24)."""
        border = border_revenue(self.scene, self.balance) - border_revenue(self.b0.scene, self.b0.balance)
        carry = sum((held.carry for held in self.reserves.values()), np.zeros(self.world.horizon))
        return public_cost(self.world, self.ledgers, self.b0_ledgers, border.mean(axis=1), carry)

    @cached_property
    def secured(self) -> dict[str, FloatArray]:
        """Return secured supply of every product, t, shape (H,) (C22)."""
        return {m: secured(self.world, self.design.builds, m) for m in self.world.products}

    @cached_property
    def objective(self) -> float:
        """Return the objective, musd (C26)."""
        return objective(self.world, self.cost, float(users_loss(self.world, self.scene, self.b0.scene).sum()))

    @cached_property
    def rises(self) -> tuple[dict[str, float | None], FloatArray]:
        """Return price rises per product and per country's basket (C23)."""
        return price_rises(self.world, self.scene, self.b0.scene)

    def judged(self, project: Project, variant: str) -> Bank:
        """Return C12's figures: ``with`` the design's aid, or ``without`` any aid of the club and any contract, a closed one included."""
        if variant == "with":
            return bank(self.where, project, self.option(project), self.cash.get(project.code))
        bare = self.bare_option(project)
        return bank(self.where, project, Option(bare.start, closed=False, standards=bare.standards))
