"""How much the reproduction of published studies owes to the choice of its rules: one change at a time, and families left out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .finance import irr
from .reproduction import RULES, Rules, study_cash_flow
from .studies import Study, missing_inputs, read_study

Array = NDArray[np.float64]

CLOSE, NEAR = 0.02, 0.04
_SCALE = 0.025

VARIANTS: tuple[tuple[str, Rules], ...] = (
    ("as shipped", RULES),
    ("ramp 50%, 85%, 100%", replace(RULES, ramp=(0.5, 0.85, 1.0))),
    ("no ramp", replace(RULES, ramp=(1.0,))),
    ("build 3 years, 4 from 2,000 MUSD", replace(RULES, build_years=(3.0, 4.0))),
    ("no richer early years", replace(RULES, early_years_gain=0.0)),
    ("10% richer early years", replace(RULES, early_years_gain=0.10)),
    ("sustaining 1.5% a year", replace(RULES, sustaining_share=0.015)),
    ("no royalty unless stated", replace(RULES, royalty_rate=0.0)),
    ("no working capital", replace(RULES, working_capital_years=0.0)),
    ("second phase after 4 years", replace(RULES, phase_gap_years=4)),
    ("depreciation over 10 years", replace(RULES, depreciation_years=10)),
    ("no depletion allowance", replace(RULES, depletion_rate=0.0)),
)

_CHOICES: Mapping[str, Sequence[Any]] = {
    "sustaining_share": (0.02, 0.025),
    "royalty_rate": (0.0, 0.01, 0.02),
    "ramp": ((0.5, 0.85, 1.0), (0.7, 0.95, 1.0), (1.0,)),
    "build_years": ((2.0, 3.0), (2.5, 3.0), (3.0, 4.0)),
    "early_years_gain": (0.0, 0.05, 0.10),
    "working_capital_years": (0.0, 60 / 365),
    "depletion_rate": (0.0, 0.22),
}


@dataclass(frozen=True)
class Score:
    """How many of ``rows`` rates lie within 2 and within 4 points of the published ones, and the median difference."""

    label: str
    close: int
    near: int
    rows: int
    median: float


def comparable(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the rows that have all inputs and a published rate of return."""
    return [row for row in rows if not missing_inputs(row) and np.isfinite(read_study(row).published_irr)]


def differences(studies: Sequence[Study], rules: Rules) -> Array:
    """Return computed less published rate per study; 1 (a miss) where no rate exists."""
    flows = ((study, study_cash_flow(study, rules)) for study in studies)
    rates = [irr(flow.pre_tax if study.basis == "pre_tax" else flow.after_tax) - study.published_irr for study, flow in flows]
    return np.nan_to_num(np.asarray(rates), nan=1.0)


def score(label: str, gaps: Array) -> Score:
    """Return the counts for a series of differences."""
    size = np.abs(gaps)
    return Score(label, int((size <= CLOSE).sum()), int((size <= NEAR).sum()), gaps.size, float(np.median(gaps)))


def sensitivity(rows: Sequence[Mapping[str, Any]]) -> list[Score]:
    """Return the scores of the shipped rules and of each rule changed alone."""
    studies = [read_study(row) for row in rows]
    scores = [score(label, differences(studies, rules)) for label, rules in VARIANTS]
    single = [replace(study, later_phases_musd=()) for study in studies]
    return [*scores, score("later phases ignored", differences(single, RULES))]


def leave_family_out(rows: Sequence[Mapping[str, Any]]) -> Score:
    """Return the counts over families of studies of one project, each judged by rules chosen on the other families only.

    The choice maximises ``sum 1 / (1 + (difference / 2.5 points)^2)`` over a grid of rules that includes the shipped ones.
    """
    studies = [read_study(row) for row in rows]
    families = np.array([str(row.get("curated_project_id") or row["project_id"]) for row in rows])
    gaps = np.array([differences(studies, rules) for rules in grid()])
    fit = 1.0 / (1.0 + (gaps / _SCALE) ** 2)
    held = np.empty(len(studies))
    for family in np.unique(families):
        out = families == family
        held[out] = gaps[np.argmax(fit[:, ~out].sum(axis=1))][out]
    return score("rules chosen on the other families", held)


def grid() -> Iterator[Rules]:
    """Yield the rule sets among which ``leave_family_out`` chooses."""
    for values in product(*_CHOICES.values()):
        yield replace(RULES, **dict(zip(_CHOICES, values, strict=True)))
