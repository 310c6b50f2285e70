"""The pool of noise that MPPI draws from, made once: drawing it anew would cost several times the rollouts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_KNOT_COUNTS = (3, 5, 8, 14)
"""Knots over the horizon, one kind a column: few = wide sweeps, many = quick corrections."""
_SCALES = (1.0, 0.7, 0.4, 0.25)
"""Standard deviation of each kind, in parts of the configured one."""


def normal_numbers(random: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.float64]:
    """Numbers of mean 0 and variance 1, nearly normal: the sum of twelve uniform ones (Irwin-Hall), within +-6.

    Only additions: NumPy's own normals go through the C library's logarithm, which differs by CPU in the last bit.
    """
    total = np.full(shape, -6.0)
    for _ in range(12):
        total += random.random(shape)
    return total


def knot_noise(random: np.random.Generator, steps: int, columns: int, knots: int, sigma: float) -> NDArray[np.float64]:
    """Noise [steps, columns] that runs straight between ``knots`` independent values spread over the horizon."""
    values = normal_numbers(random, (knots, columns)) * sigma
    noise = np.empty((steps, columns))
    for step in range(steps):
        place = step * (knots - 1) / max(steps - 1, 1)
        before = min(int(place), knots - 2)
        part = place - before
        noise[step] = values[before] * (1.0 - part) + values[before + 1] * part
    return noise


def noise_pool(seed: int, steps: int, columns: int, sigma: float, stream: int) -> NDArray[np.float32]:
    """float32 [steps, columns]; neighbouring columns are of different kinds, so any window holds all of them."""
    random = np.random.default_rng((seed, stream))
    pool = np.empty((steps, columns), np.float32)
    kinds = len(_KNOT_COUNTS)
    for kind, (knots, scale) in enumerate(zip(_KNOT_COUNTS, _SCALES, strict=True)):
        width = len(range(kind, columns, kinds))
        pool[:, kind::kinds] = knot_noise(random, steps, width, min(knots, max(steps, 2)), sigma * scale)
    return pool


def window_start(tick: int, columns: int, width: int) -> int:
    """First column of the window of ``width`` columns that cycle ``tick`` uses (Fibonacci hashing: spread evenly)."""
    return (tick * 2_654_435_761 % 2**32) * (columns - width + 1) >> 32
