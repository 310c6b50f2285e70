"""How far the wheels can be trusted, learned from the log itself.

A tracker that hardly uses the odometry runs along; what it and the odometry disagree about over a stretch of way has
two parts: noise of the matches, which is the same for a short and a long stretch, and error of the odometry, which
grows with the way. The variance over two lengths of stretch separates them (the nugget and the slope of a variogram).
In turns the odometry is also late or early, which does not grow: there the whole excess is charged to it. The
noise that does not grow belongs to the matches (a lidar whose scans start at varying angles) or to the odometry (its
stamps jitter): where the robot stood still it can only be the matches', so that such stretches decide.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from amr.mapping.pose_arrays import Array, between, wrapped

_SHORT_M: Final = 0.2
_LONG_M: Final = 2.0
_LEAST_SAMPLES: Final = 60
_STRAIGHT_RAD_PER_M: Final = math.radians(6.0)
_STRAIGHT_RAD: Final = math.radians(2.0)
_STILL_M: Final = 0.001
_STILL_RAD: Final = math.radians(0.02)
_TURN_RAD: Final = math.radians(3.0)


@dataclass(frozen=True, slots=True)
class OdometryTrust:
    """Noise of odometry steps and of matches.

    ``along_m2_per_m``, ``across_m2_per_m``, ``yaw_rad2_per_m``: variance that a meter adds; ``turn_frac``: deviation
    of a turn as share of it; ``white_m2``, ``white_rad2``: variance of a step that does not grow with the way.
    ``way_scale``: true way over odometry's. ``match_m``, ``match_rad``: deviation of one match, None while unknown.
    """

    along_m2_per_m: float = 0.0025
    across_m2_per_m: float = 0.0025
    yaw_rad2_per_m: float = 0.004
    turn_frac: float = 0.2
    white_m2: float = 0.0
    white_rad2: float = 0.0
    way_scale: float = 1.0
    match_m: float | None = None
    match_rad: float | None = None

    def corrected(self, step: Array) -> Array:
        """Odometry steps [..., 3] with their way in true meters."""
        scaled: Array = step * np.array([self.way_scale, self.way_scale, 1.0])
        return scaled

    def covariance(self, step: Array) -> Array:
        """[3, 3] of an odometry ``step`` [3], in the axes of its start."""
        way_m = math.hypot(step[0], step[1])
        turn = self.turn_frac * step[2]
        moved = way_m > _STILL_M or abs(step[2]) > _STILL_RAD
        white_m2, white_rad2 = (self.white_m2, self.white_rad2) if moved else (0.0, 0.0)
        along = self.along_m2_per_m * way_m + 1e-6 + white_m2
        across = self.across_m2_per_m * way_m + 1e-6 + white_m2 + (0.5 * turn * way_m) ** 2
        heading = math.atan2(step[1], step[0]) if way_m > 0.0 else 0.0
        s, c = math.sin(heading), math.cos(heading)
        cross = (along - across) * s * c
        return np.array([
            [along * c * c + across * s * s, cross, 0.0],
            [cross, along * s * s + across * c * c, 0.0],
            [0.0, 0.0, self.yaw_rad2_per_m * way_m + turn * turn + 1e-7 + white_rad2],
        ])  # fmt: skip


def learned_trust(odometry: Array, tracked: Array) -> OdometryTrust:
    """From odometry poses [N, 3] and those of the loose tracker [N, 3]; the default where too little was seen."""
    default = OdometryTrust()
    steps = between(odometry[:-1], odometry[1:])
    way = np.concatenate([[0.0], np.cumsum(np.hypot(steps[:, 0], steps[:, 1]))])
    turn = np.concatenate([[0.0], np.cumsum(np.abs(steps[:, 2]))])
    if way[-1] < 2.0 * _LONG_M:
        return default
    usual = float(np.median(np.diff(way)[np.diff(way) > 0.02])) if (np.diff(way) > 0.02).any() else _SHORT_M
    short, long = max(_SHORT_M, usual), max(_LONG_M, 4.0 * usual)
    near = _disagreement(odometry, tracked, way, turn, short)
    far = _disagreement(odometry, tracked, way, turn, long)
    if near is None or far is None:
        return default
    slope = np.maximum((far[0] - near[0]) / (far[1] - near[1]), 0.02 * far[0] / far[1])
    nugget = np.maximum(near[0] - slope * near[1], 0.0)
    tracked_steps = between(tracked[:-1], tracked[1:])
    tracked_steps = between(tracked[:-1], tracked[1:])
    nugget = np.minimum(nugget, _step_variance(steps, tracked_steps))
    still = _still_variance(steps, tracked_steps)
    match = nugget if still is None else np.minimum(nugget, still)
    turning = _turning_variance(steps, tracked_steps)
    turn_frac = default.turn_frac
    if turning is not None:
        turn_frac = max(0.02, math.sqrt(max(turning[0] - float(match[2]), 0.0)) / turning[1])
    white = nugget - match
    return OdometryTrust(
        float(slope[0]),
        float(slope[1]),
        float(slope[2]),
        turn_frac,
        0.5 * float(white[0] + white[1]),
        float(white[2]),
        far[2],
        math.sqrt(0.25 * float(match[0] + match[1])),
        math.sqrt(0.5 * float(match[2])),
    )


def _variance(values: Array) -> float:
    """Robust: by the median of the absolute deviations."""
    return float((1.4826 * np.median(np.abs(values - np.median(values)))) ** 2)


def _disagreement(
    odometry: Array, tracked: Array, way: Array, turn: Array, stretch_m: float
) -> tuple[Array, float, float] | None:
    """Over straight stretches of about ``stretch_m``: (variances [3] along, across, yaw; mean way; true way over
    odometry's)."""
    ends = np.searchsorted(way, way + stretch_m)
    starts = np.nonzero(ends < len(way))[0]
    ends = ends[starts]
    length, turned = way[ends] - way[starts], turn[ends] - turn[starts]
    straight = (length < 2.0 * stretch_m) & (turned < _STRAIGHT_RAD + _STRAIGHT_RAD_PER_M * length)
    starts, ends = starts[straight], ends[straight]
    if len(starts) < _LEAST_SAMPLES:
        return None
    error = between(tracked[starts], tracked[ends]) - between(odometry[starts], odometry[ends])
    error[:, 2] = wrapped(error[:, 2])
    variances = np.array([_variance(error[:, k]) for k in range(3)])
    moved = between(odometry[starts], odometry[ends])
    way_m, true_m = np.hypot(moved[:, 0], moved[:, 1]), np.hypot(moved[:, 0] + error[:, 0], moved[:, 1] + error[:, 1])
    return variances, float(length[straight].mean()), float(np.median(true_m / np.maximum(way_m, 1e-9)))


def _step_variance(steps: Array, tracked: Array) -> Array:
    """[3] variances over single straight steps: no match is noisier than that."""
    straight = (np.abs(steps[:, 2]) < _STRAIGHT_RAD) & (np.hypot(steps[:, 0], steps[:, 1]) > 0.02)
    if straight.sum() < _LEAST_SAMPLES:
        return np.full(3, np.inf)
    error = tracked[straight] - steps[straight]
    return np.array([_variance(error[:, 0]), _variance(error[:, 1]), _variance(wrapped(error[:, 2]))])


def _still_variance(steps: Array, tracked: Array) -> Array | None:
    """[3] variances over steps in which the robot stood."""
    still = (np.abs(steps[:, 2]) < _STILL_RAD) & (np.hypot(steps[:, 0], steps[:, 1]) < _STILL_M)
    if still.sum() < _LEAST_SAMPLES:
        return None
    return np.array([_variance(tracked[still, k]) for k in range(3)])


def _turning_variance(steps: Array, tracked: Array) -> tuple[float, float] | None:
    """(variance of the yaw, usual turn) over single steps that turn."""
    turning = np.abs(steps[:, 2]) > _TURN_RAD
    if turning.sum() < _LEAST_SAMPLES:
        return None
    error = wrapped(tracked[turning, 2] - steps[turning, 2])
    return _variance(error), float(np.median(np.abs(steps[turning, 2])))
