"""What every estimator of a calibration gives, and how it refuses."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from amr.errors import AmrError

Floats = NDArray[np.float64]


class CalibrationError(AmrError):
    """What was seen is not possible, or too little to estimate from; the text names it for a person."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its standard deviation, in one unit; ``freedom``: degrees of freedom behind ``sigma``."""

    value: float
    sigma: float
    freedom: int = 10_000

    @property
    def half_width(self) -> float:
        """Half of the 95 % confidence interval (Student's t)."""
        return float(stdtrit(max(1, self.freedom), 0.975)) * self.sigma

    @property
    def interval(self) -> tuple[float, float]:
        """95 % confidence interval."""
        return self.value - self.half_width, self.value + self.half_width

    def scaled(self, factor: float) -> Estimate:
        """The same in another unit."""
        return Estimate(self.value * factor, self.sigma * abs(factor), self.freedom)


def mean_of(samples: Floats) -> Estimate:
    """Mean of independent samples; needs two."""
    if len(samples) < 2:
        raise CalibrationError(f"{len(samples)} samples, at least 2 are needed")
    count = len(samples)
    return Estimate(float(np.mean(samples)), float(np.std(samples, ddof=1)) / math.sqrt(count), count - 1)


def spread_of(samples: Floats) -> Estimate:
    """Standard deviation of normal samples, with its own: sigma / sqrt(2 (n - 1)); needs three."""
    if len(samples) < 3:
        raise CalibrationError(f"{len(samples)} samples, at least 3 are needed")
    sigma = float(np.std(samples, ddof=1))
    return Estimate(sigma, sigma / math.sqrt(2.0 * (len(samples) - 1)), len(samples) - 1)


def least_squares(design: Floats, values: Floats, weights: Floats | None = None) -> tuple[Floats, Floats, float]:
    """(solution [k], covariance [k, k], rms of the weighted residuals) of design [n, k] x = values [n].

    ``weights`` are 1 / sigma; without them the residuals tell sigma. Raises ``CalibrationError`` for a design that does
    not determine x.
    """
    scale = np.ones(len(values)) if weights is None else weights
    a, b = design * scale[:, None], values * scale
    size = np.sqrt(np.sum(a * a, axis=0))
    freedom = len(values) - a.shape[1]
    if freedom < 1 or not np.all(size > 0.0) or np.linalg.cond(a / size) > 1e6:
        raise CalibrationError("what was driven does not determine what is asked for")
    normal = (a / size).T @ (a / size)
    inverse = np.linalg.inv(normal) / np.outer(size, size)
    x = inverse @ (a.T @ b)
    rms = math.sqrt(float(np.sum((b - a @ x) ** 2)) / freedom)
    return x, inverse * (rms**2 if weights is None else max(1.0, rms**2)), rms


def plain(value: Any) -> Any:
    """A tree of dataclass fields as JSON has them: an estimate becomes value and interval."""
    if isinstance(value, Estimate):
        return {"value": value.value, "sigma": value.sigma, "interval": list(value.interval)}
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    return value
