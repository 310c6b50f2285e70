"""The speed profile of a path: the fastest speeds that keep every limit, and the safety envelope.

Speeds are signed: negative where the robot drives in reverse. They are 0 where it must rest: at the end (a worker does
not know whether the goal is passed or stopped at: who passes it ignores the last braking distance), at cusps, at turns
in place and at corners too sharp to drive. The start is free unless a start speed is given: a path begins under a
robot that may be moving, and what is told is how fast it may be there at most.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from amr.config.robot import RobotConfig
from amr.control.base import MotionLimits
from amr.grid import COST_LETHAL, CostGrid
from amr.kernels.distance import MAX_CAP_16, meters_from_squared_cells, squared_distance
from amr.kernels.path_envelope import envelope_speeds
from amr.kernels.path_profile import cap_squares, measure_path, sweep

Array = NDArray[np.float64]

_CORNER_RAD: Final = 0.8
"""A corner sharper than this within two points is turned in place."""

_FAR_M: Final = 0.2
"""Distances are exact so far beyond what matters: open ground is then passed in long steps."""


@dataclass(frozen=True, slots=True, eq=False)
class PathShape:
    """Lengths, curvatures, directions and stops of a path; see ``amr.kernels.path_profile.measure_path``."""

    gaps_m: Array
    bends_per_m: Array
    drives: NDArray[np.int8]
    stops: NDArray[np.uint8]


def shape_of(path: Array, is_kinematic: bool) -> PathShape:
    """Shape of ``path`` [n >= 2, 3]; ``is_kinematic``: its headings tell reverse stretches and turns in place."""
    n = len(path)
    shape = PathShape(np.empty(n - 1), np.empty((n - 1, 2)), np.empty(n - 1, np.int8), np.empty(n, np.uint8))
    measure_path(path, is_kinematic, _CORNER_RAD, shape.gaps_m, shape.bends_per_m, shape.drives, shape.stops)
    return shape


def fastest_speeds_mps(
    shape: PathShape, limits: MotionLimits, bounds_mps: Array | None = None, start_mps: float = math.inf
) -> Array:
    """Signed speeds [n] at the path's points under ``limits``, at most ``bounds_mps`` [n], and ``start_mps`` at first.

    Between two points the acceleration is constant. 0 everywhere when a limit leaves no motion (v or a of 0).
    """
    n = len(shape.stops)
    if min(limits.a_max_mps2, limits.brake_mps2, limits.alpha_max_radps2) <= 0.0:
        return np.zeros(n)
    bounds = np.full(n, limits.v_max_mps) if bounds_mps is None else bounds_mps
    four = np.array(
        (limits.v_max_mps, limits.v_reverse_max_mps, limits.w_max_radps, limits.a_lateral_max_mps2), np.float64
    )
    caps, squares = np.empty(n), np.empty(n)
    cap_squares(shape.gaps_m, shape.bends_per_m, shape.drives, shape.stops, bounds, np.maximum(four, 0.0), caps)
    sweep(
        shape.gaps_m, shape.bends_per_m, caps, limits.a_max_mps2, limits.brake_mps2, limits.alpha_max_radps2,
        start_mps * start_mps, squares,
    )  # fmt: skip
    speeds: Array = np.sqrt(squares)
    speeds[:-1][shape.drives < 0] *= -1.0
    return speeds


def duration_s(shape: PathShape, speeds_mps: Array) -> float:
    """Time along the path, without turns in place; infinite when it stands still on a stretch."""
    moving = shape.gaps_m > 0.0
    mean = np.abs(speeds_mps[:-1]) + np.abs(speeds_mps[1:])
    with np.errstate(divide="ignore"):
        return math.fsum((2.0 * shape.gaps_m[moving] / mean[moving]).tolist())


class EnvelopeBound:
    """The speed that the safety envelope will allow along a path, from the same numbers of the robot file.

    Obstacles are the lethal cells; unknown cells do not count: they will have been seen when the robot comes near.
    """

    def __init__(self, config: RobotConfig, discs: NDArray[np.float32]) -> None:
        """``discs`` float32 [k, 3] (x m, y m, radius m; base frame) cover the outline."""
        safety, limits = config.safety, config.limits
        self._discs = discs
        hold_s = safety.cycle_s + safety.settle_s
        approach = safety.obstacle_speed_mps
        self._stop_m = limits.v_max_mps * hold_s + 0.5 * limits.v_max_mps**2 / limits.brake_mps2
        margin_m = safety.margin_m + approach * (safety.reaction_s + hold_s)
        per_speed_s = safety.margin_per_speed_s + approach / limits.brake_mps2
        self._reach_m = config.body.circumradius_m
        fastest_mps = limits.v_max_mps + limits.w_max_radps * self._reach_m
        self._cap_m = self._reach_m + margin_m + per_speed_s * fastest_mps + _FAR_M
        self._law = np.array(
            (
                limits.v_max_mps, min(safety.creep_mps, limits.v_max_mps), hold_s, limits.brake_mps2,
                limits.alpha_max_radps2, margin_m, per_speed_s, safety.yaw_error_frac, self._reach_m,
            )
        )  # fmt: skip

    def speeds_mps(self, grid: CostGrid, path: Array, shape: PathShape) -> Array:
        """Largest speeds [n] along ``path`` [n, 3]; at least the creep speed, which the envelope allows anywhere."""
        distance_m, origin_x_m, origin_y_m = self._distances(grid, path)
        speeds = np.empty(len(path))
        envelope_speeds(
            distance_m, self._discs, path, shape.bends_per_m, shape.drives, origin_x_m, origin_y_m,
            grid.frame.resolution_m, self._law, speeds,
        )  # fmt: skip
        return speeds

    def _distances(self, grid: CostGrid, path: Array) -> tuple[NDArray[np.float32], float, float]:
        """Distances to lethal cells around the path, and the corner of that window."""
        frame = grid.frame
        cell_m = frame.resolution_m
        cap = min(MAX_CAP_16, math.ceil(self._cap_m / cell_m) + 2)
        beside = cap + math.ceil((self._stop_m + self._reach_m) / cell_m)
        row0, column0 = frame.cell(float(path[:, 0].min()), float(path[:, 1].min()))
        row1, column1 = frame.cell(float(path[:, 0].max()), float(path[:, 1].max()))
        row0, column0 = max(0, row0 - beside), max(0, column0 - beside)
        cells = grid.cost[row0 : row1 + beside + 1, column0 : column1 + beside + 1].copy()
        squared, distance_m = np.empty(cells.shape, np.int16), np.empty(cells.shape, np.float32)
        squared_distance(cells, COST_LETHAL, cap, squared)
        meters_from_squared_cells(squared, np.float32(cell_m), np.float32(cap * cell_m), distance_m)
        return distance_m, frame.origin_x_m + column0 * cell_m, frame.origin_y_m + row0 * cell_m
