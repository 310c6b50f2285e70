"""Wheel radii, track and the lidar's pose on the robot, together, from motions between standstills.

The lidar's motion between two standstills is the wheels' motion seen through its mounting: with the base's motion O and
the mounting X it is X^-1 O X. Least squares over motions with straights, turns in place and arcs determine all six
numbers (Censi, Franchi, Marchionni, Oriolo, "Simultaneous calibration of odometry and sensor parameters for mobile
robots", IEEE T-RO 29(2), 2013; theirs is solved in closed form, ours by Gauss-Newton from the robot file's values,
which needs no small steps). The two errors of UMBmark (Borenstein and Feng, IEEE T-RA 12(6), 1996) follow: E_d = ratio
of the wheels, E_b = track over nominal.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from amr.calibration.base import CalibrationError, Estimate, Floats
from amr.geometry import Pose2, wrap_angle

PARAMETERS = 6
SLIP_FRAC = 0.001
"""Standard deviation of a motion after 1 m that is assumed beside the scan match; residuals may say that it is more."""
TURN_SLIP_RAD = 0.0003
"""The same of the heading after 1 rad."""
ITERATIONS = 30
LARGEST_CHANGE = 0.2
"""Radii or track that differ more from the robot file than this part are not believed."""
LARGEST_SHIFT_M = 0.5


@dataclass(frozen=True, slots=True)
class WheelGeometry:
    """Radii and track in m, the lidar's pose in the base frame (m, rad)."""

    left_radius_m: float
    right_radius_m: float
    track_m: float
    lidar_x_m: float
    lidar_y_m: float
    lidar_yaw_rad: float

    def as_array(self) -> Floats:
        """The six numbers in the order of the fields."""
        return np.array([
            self.left_radius_m, self.right_radius_m, self.track_m, self.lidar_x_m, self.lidar_y_m, self.lidar_yaw_rad,
        ])  # fmt: skip

    @property
    def base_from_lidar(self) -> Pose2:
        """The mounting."""
        return Pose2(self.lidar_x_m, self.lidar_y_m, self.lidar_yaw_rad)


@dataclass(frozen=True, slots=True, eq=False)
class Motion:
    """From one standstill to the next.

    ``wheel_rad`` float64 [n, 2]: how far the (left, right) wheels have turned since the start, n >= 2 samples in time.
    ``lidar``: where the lidar stood at the end, in its own frame at the start; ``sigma_m``, ``sigma_rad`` of that.
    """

    wheel_rad: Floats
    lidar: Pose2
    sigma_m: float
    sigma_rad: float


@dataclass(frozen=True, slots=True, eq=False)
class GeometryEstimate:
    """``values``: mean and sigma in the order of ``WheelGeometry``; ``residuals`` [motions, 3] m, m, rad."""

    geometry: WheelGeometry
    values: tuple[Estimate, ...]
    residuals: Floats
    rms: float
    """Of the residuals over their assumed sigma: about 1 when the model holds."""


def base_motion(wheel_rad: Floats, left_radius_m: float, right_radius_m: float, track_m: float) -> Pose2:
    """Pose of the base at the end, in its frame at the start: arcs between samples, by the midpoint rule."""
    step = np.diff(wheel_rad, axis=0)
    left, right = step[:, 0] * left_radius_m, step[:, 1] * right_radius_m
    turn = (right - left) / track_m
    yaw = np.cumsum(turn)
    middle = yaw - 0.5 * turn
    way = 0.5 * (left + right)
    return Pose2(float(np.sum(way * np.cos(middle))), float(np.sum(way * np.sin(middle))), float(yaw[-1]))


def lidar_motion(motion: Motion, geometry: WheelGeometry) -> Pose2:
    """The motion that the lidar should have seen."""
    moved = base_motion(motion.wheel_rad, geometry.left_radius_m, geometry.right_radius_m, geometry.track_m)
    mounting = geometry.base_from_lidar
    return mounting.inverse() @ moved @ mounting


def estimate(motions: list[Motion], start: WheelGeometry) -> GeometryEstimate:
    """All six numbers. Raises ``CalibrationError`` when the motions do not determine them, or tell the impossible."""
    if 3 * len(motions) <= PARAMETERS:
        raise CalibrationError(f"{len(motions)} motions between standstills, at least 3 are needed")
    weights = _weights(motions, start)
    scale = np.array([start.left_radius_m, start.right_radius_m, start.track_m, 0.1, 0.1, 0.1])
    values = start.as_array()
    for _ in range(ITERATIONS):
        residual = _residuals(motions, values) * weights
        jacobian = _jacobian(motions, values, scale) * weights[:, None]
        if np.linalg.cond(jacobian) > 1e5:
            raise CalibrationError(
                "the motions do not determine wheels and lidar: straights, turns and arcs are needed"
            )
        step = np.linalg.lstsq(jacobian, residual, rcond=None)[0]
        values = values - step * scale
        if float(np.max(np.abs(step))) < 1e-9:
            break
    found = WheelGeometry(*(float(value) for value in values))
    _refuse_the_impossible(found, start)
    residual = _residuals(motions, values)
    freedom = residual.size - PARAMETERS
    rms = math.sqrt(float(np.sum((residual * weights) ** 2)) / freedom)
    jacobian = _jacobian(motions, values, scale) * weights[:, None]
    covariance = np.linalg.inv(jacobian.T @ jacobian) * max(1.0, rms**2)
    sigmas = np.sqrt(np.diag(covariance)) * scale
    return GeometryEstimate(
        replace(found, lidar_yaw_rad=wrap_angle(found.lidar_yaw_rad)),
        tuple(Estimate(float(v), float(s), freedom) for v, s in zip(values, sigmas, strict=True)),
        residual.reshape(-1, 3),
        rms,
    )


def _weights(motions: list[Motion], start: WheelGeometry) -> Floats:
    rows = []
    for motion in motions:
        step = np.abs(np.diff(motion.wheel_rad, axis=0))
        way_m = 0.5 * float(np.sum(step)) * start.left_radius_m
        turn_rad = float(np.sum(np.abs(np.diff(motion.wheel_rad @ np.array([-1.0, 1.0]))))) * start.left_radius_m
        turn_rad /= start.track_m
        position = math.hypot(motion.sigma_m, SLIP_FRAC * math.sqrt(way_m))
        heading = math.hypot(motion.sigma_rad, TURN_SLIP_RAD * math.sqrt(turn_rad))
        rows.append((1.0 / position, 1.0 / position, 1.0 / heading))
    return np.array(rows).ravel()


def _residuals(motions: list[Motion], values: Floats) -> Floats:
    geometry = WheelGeometry(*(float(value) for value in values))
    rows = []
    for motion in motions:
        told = lidar_motion(motion, geometry)
        seen = motion.lidar
        rows.append((told.x_m - seen.x_m, told.y_m - seen.y_m, wrap_angle(told.yaw_rad - seen.yaw_rad)))
    return np.array(rows).ravel()


def _jacobian(motions: list[Motion], values: Floats, scale: Floats) -> Floats:
    """Central differences, in units of ``scale``."""
    columns = []
    for index in range(PARAMETERS):
        step = np.zeros(PARAMETERS)
        step[index] = 1e-5 * scale[index]
        more, less = _residuals(motions, values + step), _residuals(motions, values - step)
        columns.append((more - less) / 2e-5)
    return np.stack(columns, axis=1)


def _refuse_the_impossible(found: WheelGeometry, start: WheelGeometry) -> None:
    for name in ("left_radius_m", "right_radius_m", "track_m"):
        value, before = float(getattr(found, name)), float(getattr(start, name))
        if not abs(value / before - 1.0) <= LARGEST_CHANGE:
            raise CalibrationError(
                f"{name}: {value:.4f} m is more than {LARGEST_CHANGE:.0%} from the robot file's {before:.4f} m: wrong "
                "ticks_per_wheel_rev, or slipping wheels?"
            )
    if math.hypot(found.lidar_x_m - start.lidar_x_m, found.lidar_y_m - start.lidar_y_m) > LARGEST_SHIFT_M:
        raise CalibrationError(
            f"the lidar would sit at ({found.lidar_x_m:.2f}, {found.lidar_y_m:.2f}) m, more than {LARGEST_SHIFT_M} m "
            "from where the robot file puts it"
        )
