"""Corners of many small polytopes at once: the unit cube cut by a few half-spaces."""

from __future__ import annotations

from functools import cache
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Ints = NDArray[np.int_]

PARALLEL = 1e-10
"""Least determinant of three normalised faces that are taken to meet in a point."""
NEAR = 1e-7
"""Distance from a normalised face up to which a point counts as inside: corners may lie a little too far out, never too far in."""


def corners(normals: Array, sides: Array) -> tuple[Ints, Array]:
    """Return the corners of ``K`` polytopes ``{x in [0, 1]^3: normals[k] x >= sides[k]}``; some may be named more than once.

    Args:
        normals: ``(K, C, 3)``.
        sides: ``(K, C)``; minus infinity where there is no half-space.

    Returns:
        The polytope of each corner, ``(N,)``, and the corners, ``(N, 3)``; an empty polytope has none.
    """
    faces, limits = _with_cube(normals, sides)
    triples = _triples(faces.shape[1])
    first, second, third = (faces[:, triples[:, k]] for k in range(3))
    one, two, three = (limits[:, triples[:, k], None] for k in range(3))
    across = np.cross(second, third)
    det = (first * across).sum(axis=2)
    point = one * across + two * np.cross(third, first) + three * np.cross(first, second)
    meets = np.abs(det) > PARALLEL
    point = point / np.where(meets, det, 1.0)[:, :, None]
    inside = meets & (np.einsum("kcj,knj->knc", faces, point) >= limits[:, None, :] - NEAR).all(axis=2)
    of, which = np.nonzero(inside)
    return of, np.clip(point[of, which], 0.0, 1.0)


def _with_cube(normals: Array, sides: Array) -> tuple[Array, Array]:
    """Return all faces with coefficients of at most 1, the cube's first, as ``normals`` and ``sides``."""
    scale = np.abs(normals).max(axis=2)
    flat = scale <= 0.0
    scale = np.where(flat, 1.0, scale)
    count = normals.shape[0]
    cube = np.broadcast_to(np.concatenate([np.eye(3), -np.eye(3)]), (count, 6, 3))
    ends = np.broadcast_to(np.repeat([0.0, -1.0], 3), (count, 6))
    given = np.where(np.isfinite(sides), sides / scale, -4.0)
    given = np.where(flat, np.where(sides > NEAR, 4.0, -4.0), given)
    return np.concatenate([cube, normals / scale[:, :, None]], axis=1), np.concatenate([ends, given], axis=1)


@cache
def _triples(faces: int) -> Ints:
    """Return the triples of faces that can meet: no two opposite sides of the cube."""
    return np.array([t for t in combinations(range(faces), 3) if not any(b == a + 3 < 6 for a, b in combinations(t, 2))])
