"""The desks of the two shipped instances that every economic test shares."""

import pytest

import minclub as mc
from minclub.models.desk import Desk


@pytest.fixture(scope="session")
def usmca() -> Desk:
    """Return the desk of usmca with measures that never lapse: market, plants, baseline and offer, no search."""
    return Desk(mc.load("usmca", {"switches.expiry": False}))


@pytest.fixture(scope="session")
def tutorial() -> Desk:
    """Return the desk of the tutorial."""
    return Desk(mc.load("tutorial"))
