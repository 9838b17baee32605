"""Solve, evaluate, audit and explain.

Submodules load on first use. The relative import comes first on purpose: it makes ``import solvers``
from the root of the repository fail instead of making a second copy of the room.
"""

from .._lazy import attributes  # isort: split

from typing import TYPE_CHECKING

if not TYPE_CHECKING:
    __getattr__ = attributes(__name__)
