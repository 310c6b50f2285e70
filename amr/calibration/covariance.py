"""Noise of odometry and lidar, as the filters take it: never told smaller than what a short programme can prove."""

from __future__ import annotations

import math

import numpy as np

from amr.calibration.base import CalibrationError, Estimate, Floats

WAY_LEAST_FRAC = 0.005
"""Another floor slips differently: below this a calibration on one floor is not believed."""
TURN_LEAST_M = 0.005


def range_noise_m(ranges_m: Floats) -> Estimate:
    """Standard deviation of one range from scans [n, beams] of a robot at rest; nan and inf are no measurement.

    The middle value over the beams of their own variances (chi-square), so that beams at edges do not count.
    """
    finite = np.isfinite(ranges_m).all(axis=0)
    count = len(ranges_m)
    if count < 4 or int(finite.sum()) < 8:
        raise CalibrationError("too few scans, or too few beams with a return in all of them")
    variance = np.var(ranges_m[:, finite], axis=0, ddof=1)
    freedom = count - 1
    # the median of chi-square with k degrees of freedom is about k (1 - 2 / (9 k))^3 (Wilson and Hilferty 1931)
    middle = float(np.median(variance)) / (1.0 - 2.0 / (9.0 * freedom)) ** 3
    sigma = math.sqrt(middle)
    beams = int(finite.sum())
    return Estimate(sigma, 1.25 * sigma / math.sqrt(2.0 * freedom * beams), freedom * beams)


def growth(residuals: Floats, measured_sigma: Floats, ways: Floats) -> Estimate:
    """k of a random walk: residual variance = measured variance + k^2 way (way in m or rad), with upper bound in mind.

    ``residuals``, ``measured_sigma``, ``ways`` [n]; moment estimate, its spread that of a chi-square.
    """
    used = ways > 0.0
    if int(used.sum()) < 3:
        raise CalibrationError("too few motions to tell a noise")
    surplus = (residuals[used] ** 2 - measured_sigma[used] ** 2) / ways[used]
    count = len(surplus)
    k2 = max(0.0, float(np.mean(surplus)))
    of_k2 = math.sqrt(2.0 / count) * float(np.mean(residuals[used] ** 2 / ways[used]))
    k = math.sqrt(k2)
    return Estimate(k, of_k2 / (2.0 * k) if k2 > of_k2 else math.sqrt(of_k2), count)
