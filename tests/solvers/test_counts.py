"""Plan counts of the shipped instances."""

import pytest

from minclub.instances.loader import load
from minclub.models.desk import Desk
from minclub.solvers.counts import main, plan_counts


def test_tutorial_counts_by_hand() -> None:
    alpha, beta = plan_counts(Desk(load("tutorial")))
    # Alpha: USA or MEX (2 levels each) or both (4), under 10 options; beta: nothing or USA (2 levels).
    assert (alpha.build_sets, alpha.admissible, alpha.options, alpha.plans) == (4, 3, 10, 80.0)
    assert (beta.build_sets, beta.admissible, beta.options, beta.plans) == (2, 2, 10, 30.0)


def test_command_prints_one_row_a_cluster(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tutorial"]) == 0
    assert "| alpha | 2 | 4 | 3 | 1 | 10 | 8.0e+01 |" in capsys.readouterr().out.splitlines()


def test_command_names_mistakes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert main(["no_such_instance"]) == 2
    assert "no_such_instance" in capsys.readouterr().err
