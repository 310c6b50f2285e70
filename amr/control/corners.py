"""Blind corners: so fast only that the robot could stand before somebody who comes round one.

Behind a door frame or a shelf there may be a person who walks. What the lidar cannot look at now, and is wide enough
for one, may hold one; who it is comes out at ``speed_mps`` at most. The robot may be as fast as lets it notice that
person, brake and stand before they meet (Chung et al. 2009, Safe navigation of a mobile robot considering visibility of
environment). Who walks into a standing robot is not prevented. As the robot comes round the corner it sees more, and
goes on.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from amr.config.robot import RobotConfig
from amr.control.base import MotionLimits
from amr.geometry import Pose2
from amr.grid import DistanceField
from amr.kernels import cost_to_go
from amr.kernels.distance import squared_distance
from amr.kernels.sight import in_sight
from amr.portable_math import sin_cos

_STRIDE: Final = 2
"""Every second cell of the window is looked at."""
_FAR_M: Final = 100.0
_RIM_CELLS: Final = 3
"""Rings of cells beside walls, where no person fits but the robot does."""
_LONG_CELLS: Final = 1.5
"""By so much a march of first order on such cells takes a way round a door frame for longer than it is."""
_SPEEDS: Final = 15
_ON_PATH_M: Final = 0.5
"""Farther from its path the robot is taken to go straight on."""
_STEP_M: Final = 0.05


class BlindCorners:
    """Made once from the configuration."""

    snapshot_constants: ClassVar[tuple[str, ...]] = ("_eye", "_buckets")

    def __init__(self, config: RobotConfig) -> None:
        self._settings = config.control.corners
        self._circumradius_m = config.body.circumradius_m
        self._eye = Pose2(config.lidar.x_m, config.lidar.y_m, config.lidar.yaw_rad)
        self._blind_from_rad = config.lidar.blind_from_rad
        self._buckets = np.empty(256, np.int32)

    def limits(
        self, full: MotionLimits, field: DistanceField, odom_from_base: Pose2, path_odom: NDArray[np.float64]
    ) -> MotionLimits:
        """``full``, or less speed ahead where somebody could come round a corner; all in the odom frame.

        ``path_odom`` float64 [n, 3] (x m, y m, yaw rad): where the robot is going. ``full`` where nobody is expected
        (``speed_mps`` 0) and where the pose is not finite (the safety ring then lets nothing move).
        """
        if self._settings.speed_mps == 0.0 or not odom_from_base.is_finite():
            return full
        eye = odom_from_base @ self._eye
        stop_m = self._stop_m(full.v_max_mps, full.brake_mps2)
        # who is farther away comes too late at any speed; the last part is for the rim of the part that is looked at
        reach_m = stop_m + self._meet_m(full.v_max_mps, full.brake_mps2) + 2.0 * self._settings.radius_m
        way = hidden_way_m(field, eye, self._blind_from_rad, self._settings.radius_m, reach_m, self._buckets)
        if way is None:
            return full
        origin_x_m, origin_y_m, resolution_m, value_m = way
        points = _way_ahead(odom_from_base, path_odom, stop_m)
        column = np.clip(((points[:, 0] - origin_x_m) / resolution_m).astype(np.int64), 0, value_m.shape[1] - 1)
        row = np.clip(((points[:, 1] - origin_y_m) / resolution_m).astype(np.int64), 0, value_m.shape[0] - 1)
        nearest_m = np.minimum.accumulate(value_m[row, column])
        return self._slowed(full, nearest_m)

    def _slowed(self, full: MotionLimits, nearest_m: NDArray[np.float32]) -> MotionLimits:
        """``nearest_m`` [n]: least way of somebody hidden to the places up to each ``_STEP_M`` of the way ahead."""
        settings = self._settings
        least_mps = min(settings.least_mps, full.v_max_mps)
        for speed_mps in np.linspace(full.v_max_mps, least_mps, _SPEEDS).tolist():
            at = min(math.ceil(self._stop_m(speed_mps, full.brake_mps2) / _STEP_M), nearest_m.size - 1)
            if nearest_m[at] >= self._meet_m(speed_mps, full.brake_mps2):
                return replace(full, v_max_mps=speed_mps) if speed_mps < full.v_max_mps else full
        return replace(full, v_max_mps=least_mps)

    def _stop_m(self, speed_mps: float, brake_mps2: float) -> float:
        return speed_mps * self._settings.notice_s + speed_mps * speed_mps / (2.0 * brake_mps2)

    def _meet_m(self, speed_mps: float, brake_mps2: float) -> float:
        """How far somebody must be, at least, not to reach the robot before it stands."""
        settings = self._settings
        stop_s = settings.notice_s + speed_mps / brake_mps2
        return settings.radius_m + self._circumradius_m + settings.speed_mps * stop_s


def hidden_way_m(
    field: DistanceField,
    eye: Pose2,
    blind_from_rad: float,
    radius_m: float,
    reach_m: float,
    buckets: NDArray[np.int32],
) -> tuple[float, float, float, NDArray[np.float32]] | None:
    """How far somebody of ``radius_m`` who is hidden now has to walk to each place within ``reach_m``, along x and y,
    of the lidar at ``eye``.

    (x, y of the corner, cell, m; float32 [rows, columns]), in the field's frame; None when there is no place to hide.
    Where no beam looks at all is no corner: that is not slowed for.
    """
    frame = field.frame
    resolution_m = _STRIDE * frame.resolution_m
    row, column = frame.cell(eye.x_m, eye.y_m)
    if not frame.contains(row, column):
        return None
    reach = math.ceil(reach_m / frame.resolution_m)
    row, column = max(row - reach, 0), max(column - reach, 0)
    distance_m = np.ascontiguousarray(field.distance_m)
    part = distance_m[row : row + 2 * reach : _STRIDE, column : column + 2 * reach : _STRIDE]
    visible = np.empty(part.shape, np.bool_)
    eye_x = (eye.x_m - frame.origin_x_m) / frame.resolution_m
    eye_y = (eye.y_m - frame.origin_y_m) / frame.resolution_m
    in_sight(distance_m, frame.resolution_m, eye_x, eye_y, row, column, _STRIDE, visible)
    if blind_from_rad < math.pi:
        visible |= _behind(part.shape, eye, eye_x - column, eye_y - row, blind_from_rad)
    walkable = part >= radius_m - frame.resolution_m
    # nothing of a person there is in sight: a cell in sight counts as such to its rim
    off = np.empty(part.shape, np.int16)
    squared_distance(visible.view(np.uint8), 1, math.ceil(radius_m / resolution_m) + 1, off)
    hidden = walkable & (off >= (radius_m / resolution_m - 0.5) ** 2)
    seeds = np.flatnonzero(hidden).astype(np.int32)
    if seeds.size == 0:
        return None
    cost = np.where(walkable, np.float32(1.0), cost_to_go.BLOCKED)
    value = np.empty(part.shape, np.float32)
    scratch = np.empty((2, 4 * cost.size + seeds.size), np.int32)
    cost_to_go.march(
        cost,
        np.float32(resolution_m),
        seeds,
        np.zeros(seeds.size, np.float32),
        -1,
        np.float32(0.0),
        np.float32(_FAR_M),
        value,
        buckets,
        scratch[0],
        scratch[1],
    )
    for _ in range(_RIM_CELLS):
        filled = np.empty_like(value)
        cost_to_go.fill_walls(value, np.float32(_FAR_M), np.float32(resolution_m), filled)
        value = filled
    return (
        frame.origin_x_m + column * frame.resolution_m,
        frame.origin_y_m + row * frame.resolution_m,
        resolution_m,
        np.maximum(value - np.float32(_LONG_CELLS * resolution_m), np.float32(0.0)),
    )


def _behind(shape: tuple[int, ...], eye: Pose2, eye_x: float, eye_y: float, blind_from_rad: float) -> NDArray[np.bool_]:
    """Cells where no beam looks."""
    dx = _STRIDE * np.arange(shape[1])[None, :] + 0.5 - eye_x
    dy = _STRIDE * np.arange(shape[0])[:, None] + 0.5 - eye_y
    sine, cosine = sin_cos(eye.yaw_rad)
    behind: NDArray[np.bool_] = cosine * dx + sine * dy < sin_cos(blind_from_rad)[1] * np.sqrt(dx * dx + dy * dy)
    return behind


def _way_ahead(pose: Pose2, path_odom: NDArray[np.float64], length_m: float) -> NDArray[np.float64]:
    """Points [n, 2] each ``_STEP_M`` of the next ``length_m`` of the path, or straight on where the robot is off it."""
    along_m = np.arange(0.0, length_m + _STEP_M, _STEP_M)
    if len(path_odom) >= 2:
        away = np.sqrt((path_odom[:, 0] - pose.x_m) ** 2 + (path_odom[:, 1] - pose.y_m) ** 2)
        nearest = int(away.argmin())
        rest = path_odom[nearest:, :2]
        if away[nearest] <= _ON_PATH_M and len(rest) >= 2:
            steps = np.diff(rest, axis=0)
            at_m = np.concatenate(((0.0,), np.cumsum(np.sqrt((steps * steps).sum(axis=1)))))
            return np.stack((np.interp(along_m, at_m, rest[:, 0]), np.interp(along_m, at_m, rest[:, 1])), axis=1)
    sine, cosine = sin_cos(pose.yaw_rad)
    return np.stack((pose.x_m + cosine * along_m, pose.y_m + sine * along_m), axis=1)
