"""Reproduce the internal rate of return of published studies by one set of rules for all of them.

A study's cash flow is far finer than the five figures that reach the public. The rules below stand for what is missing. They were fixed once for
all rows: nothing is set for a single row. ``python -m minclub.models.reproduction`` writes the results into ``docs/validation.md``.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from .finance import irr
from .studies import Study, missing_inputs, read_study
from .unlevered import CashFlow, Fiscal, cash_flow, production_schedule, year_slices


@dataclass(frozen=True)
class Rules:
    """One rule set for every study.

    Attributes:
        sustaining_share: sustaining capital a year / initial capital of a mine, where the study gives none.
        sustaining_share_underground: the same for a mine whose name says that it is underground (tunnels are driven all its life).
        sustaining_share_plant: the same for a plant without a mine.
        royalty_rate: of main-product revenue, where the study states none; a plant and a Mexican mine pay none.
        build_years: up to and from 2,000 million USD of initial capital, where the study gives none.
        ramp: output in the first operating years as a share of the average.
        early_years_gain: output of a mine is this share above the average in the first half of its life and below it in the second
            (richer ore is mined first). A plant's is level.
        phase_gap_years: operating years between the starts of phases; each phase adds equal output and is paid for in the year before.
        working_capital_years: stock as a share of a year's operating cost, feed apart; 60 days.
        depreciation_years: straight line, losses carried forward.
        depletion_rate: percentage depletion of a mine in the United States.
    """

    sustaining_share: float = 0.025
    sustaining_share_underground: float = 0.04
    sustaining_share_plant: float = 0.015
    royalty_rate: float = 0.02
    build_years: tuple[float, float] = (2.0, 3.0)
    ramp: tuple[float, ...] = (0.7, 0.95, 1.0)
    early_years_gain: float = 0.05
    phase_gap_years: int = 5
    working_capital_years: float = 60 / 365
    depreciation_years: int = 5
    depletion_rate: float = 0.22


RULES: Rules = Rules()
_LARGE_MUSD = 2000.0


@dataclass(frozen=True)
class Reproduction:
    """The computed rate of return of a study beside the published one; fractions a year, ``nan`` where there is none.

    ``missing`` names the inputs that the row lacks (then ``irr`` is nan), ``unpriced`` the by-products left out of revenue.
    """

    project_id: str
    irr: float
    published: float
    basis: Literal["pre_tax", "after_tax"]
    difference: float
    missing: tuple[str, ...] = ()
    unpriced: tuple[str, ...] = ()


def reproduce(row: Mapping[str, Any], rules: Rules = RULES) -> Reproduction:
    """Return the rate of return that the rules give for a row with the columns of ``published_results.csv``.

    The pre-tax rate is compared where one is published, else the after-tax rate. Rates are real and unlevered.

    Raises:
        ValueError: if a cell is not usable (see ``read_study``); a row without the five inputs is no error but has ``missing``.
    """
    missing = missing_inputs(row)
    if missing:
        return Reproduction(str(row.get("project_id") or ""), np.nan, np.nan, "pre_tax", np.nan, missing)
    study = read_study(row)
    flows = study_cash_flow(study, rules)
    rate = irr(flows.pre_tax if study.basis == "pre_tax" else flows.after_tax)
    return Reproduction(study.project_id, rate, study.published_irr, study.basis, rate - study.published_irr, (), study.unpriced)


def study_cash_flow(study: Study, rules: Rules = RULES) -> CashFlow:
    """Return the cash flow of a study under the rules, million USD of the study's year."""
    sustaining = _sustaining_share(study, rules) * study.capital_musd if study.sustaining_musd_per_year is None else study.sustaining_musd_per_year
    output, expansion = _output(study, rules)
    return cash_flow(
        capacity_t=study.capacity_t,
        price_usd_per_t=study.price_usd_per_t,
        opex_usd_per_t=study.opex_usd_per_t,
        feed_usd_per_t=study.feed_usd_per_t,
        capital_musd=study.capital_musd,
        output=output,
        build_years=_build_years(study, rules),
        other_revenue_musd=study.byproducts_musd,
        sustaining_musd=sustaining * year_slices(study.life_years),
        expansion_musd=expansion,
        working_capital_years=rules.working_capital_years,
        fiscal=fiscal(study, rules),
    )


def fiscal(study: Study, rules: Rules = RULES) -> Fiscal:
    """Return royalty, duty and income tax of the study's country and year; a plant bears income tax only.

    Income tax, federal and state or provincial: United States 38% before 2018 and 25% since, Canada 26.5%, Mexico 30%. Duty on the margin of a
    mine: 3%, 13%, and in Mexico 7.5% from 2014 and 8.5% from 2025.
    """
    tax = {"USA": 0.25 if study.year >= 2018 else 0.38, "CAN": 0.265, "MEX": 0.30}[study.country]
    if study.plant:
        return Fiscal(tax_rate=tax, depreciation_years=rules.depreciation_years)
    mexican = 0.0 if study.year < 2014 else 0.075 if study.year < 2025 else 0.085
    default = 0.0 if study.country == "MEX" else rules.royalty_rate
    return Fiscal(
        royalty_rate=default if study.royalty_rate is None else study.royalty_rate,
        duty_rate={"USA": 0.03, "CAN": 0.13, "MEX": mexican}[study.country],
        tax_rate=tax,
        depreciation_years=rules.depreciation_years,
        depletion_rate=rules.depletion_rate if study.country == "USA" else 0.0,
    )


def _sustaining_share(study: Study, rules: Rules) -> float:
    if study.plant:
        return rules.sustaining_share_plant
    return rules.sustaining_share_underground if study.underground else rules.sustaining_share


def _build_years(study: Study, rules: Rules) -> float:
    if study.build_years is not None:
        return study.build_years
    return rules.build_years[study.capital_musd >= _LARGE_MUSD]


def _output(study: Study, rules: Rules) -> tuple[np.ndarray, np.ndarray]:
    """Return output / average capacity and expansion capital per operating year.

    Of ``k`` phases each adds ``1/k``; output is scaled so that its average over the life is the stated capacity.
    """
    slices = year_slices(study.life_years)
    year = np.arange(slices.size)
    gain = 0.0 if study.plant else rules.early_years_gain
    level = production_schedule(rules.ramp, study.life_years) * np.where(year + 0.5 < study.life_years / 2, 1 + gain, 1 - gain)
    expansion = np.zeros(slices.size)
    phases = study.later_phases_musd
    if not phases:
        return level, expansion
    running = np.minimum(year // rules.phase_gap_years + 1, len(phases) + 1)
    for number, capital in enumerate(phases, start=1):
        expansion[number * rules.phase_gap_years - 1 : number * rules.phase_gap_years] = capital
    return level * running * study.life_years / (running @ slices), expansion


if __name__ == "__main__":
    from .reproduction_page import main

    sys.exit(main())
