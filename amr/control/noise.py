"""The pool of noise that MPPI draws from, made once: drawing it anew would cost several times the rollouts.

Colours: "knots" runs straight between few independent values, so a sample is a manoeuvre; "white", "autoregressive"
and "fractional" are the ones of the literature (Vlahov et al. 2024, "Low frequency sampling in MPPI").
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from amr.config.control import MppiSettings
from amr.portable_math import exponential

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


def autoregressive_noise(
    random: np.random.Generator, steps: int, columns: int, correlation: float, sigma: float
) -> NDArray[np.float64]:
    """Noise [steps, columns] of a stationary AR(1) process: ``correlation`` in [0, 1) from one step to the next."""
    noise = normal_numbers(random, (steps, columns)) * sigma
    fresh = math.sqrt(1.0 - correlation * correlation)
    for step in range(1, steps):
        noise[step] = correlation * noise[step - 1] + fresh * noise[step]
    return noise


def fractional_noise(
    random: np.random.Generator, steps: int, columns: int, order: float, sigma: float
) -> NDArray[np.float64]:
    """Noise [steps, columns] whose power falls as 1 / frequency^(2 order), of equal variance at each step.

    Kasdin 1995, "Discrete simulation of colored noise": white noise through the impulse response of
    (1 - 1/z)^(-order). By additions, not by a Fourier transform: equal bits on every CPU.
    """
    white = normal_numbers(random, (steps, columns))
    response = [1.0]
    for lag in range(1, steps):
        response.append(response[-1] * (lag - 1 + order) / lag)
    noise = np.zeros((steps, columns))
    power = 0.0
    for step in range(steps):
        power += response[step] * response[step]
        for lag in range(step + 1):
            noise[step] += response[lag] * white[step - lag]
        noise[step] *= sigma / math.sqrt(power)
    return noise


def noise_pool(
    seed: int, steps: int, columns: int, sigma: float, stream: int, settings: MppiSettings, step_s: float
) -> NDArray[np.float32]:
    """float32 [steps, columns] of the configured colour.

    Neighbouring columns are of different kinds (scale, and with "knots" their number), so any window holds all of them.
    """
    random = np.random.default_rng((seed, stream))
    pool = np.empty((steps, columns), np.float32)
    kinds = len(_SCALES)
    for kind, scale in enumerate(_SCALES):
        width = len(range(kind, columns, kinds))
        pool[:, kind::kinds] = _colored(random, steps, width, kind, sigma * scale, settings, step_s)
    return pool


def _colored(
    random: np.random.Generator,
    steps: int,
    columns: int,
    kind: int,
    sigma: float,
    settings: MppiSettings,
    step_s: float,
) -> NDArray[np.float64]:
    if settings.noise_color == "knots":
        return knot_noise(random, steps, columns, min(_KNOT_COUNTS[kind], max(steps, 2)), sigma)
    if settings.noise_color == "white":
        return normal_numbers(random, (steps, columns)) * sigma
    if settings.noise_color == "fractional":
        return fractional_noise(random, steps, columns, settings.noise_integration_frac, sigma)
    lag_s = settings.noise_correlation_s
    correlation = exponential(-step_s / lag_s) if lag_s > 0.0 else 0.0
    return autoregressive_noise(random, steps, columns, correlation, sigma)


def window_start(tick: int, columns: int, width: int) -> int:
    """First column of the window of ``width`` columns that cycle ``tick`` uses (Fibonacci hashing: spread evenly)."""
    return (tick * 2_654_435_761 % 2**32) * (columns - width + 1) >> 32
