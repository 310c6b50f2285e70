"""How much room the robot's outline has in a distance field."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from amr.config.hardware import Body
from amr.geometry import Pose2, Twist2, integrate_twist
from amr.grid import DistanceField
from amr.portable_math import sin_cos

_SPACING_M = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class Footprint:
    """Points on the outline's edges, at most 5 cm apart, in the base frame: float64 [n], m."""

    x_m: NDArray[np.float64]
    y_m: NDArray[np.float64]
    circumradius_m: float
    rear_m: float
    """Smallest x of the outline: the rear edge."""
    half_width_m: float

    @classmethod
    def from_body(cls, body: Body) -> Footprint:
        """From a robot file."""
        points: list[tuple[float, float]] = []
        for polygon in body.outline_m:
            for a, b in zip(polygon, polygon[1:] + polygon[:1], strict=True):
                parts = max(1, math.ceil(math.dist(a, b) / _SPACING_M))
                points += [(a[0] + (b[0] - a[0]) * k / parts, a[1] + (b[1] - a[1]) * k / parts) for k in range(parts)]
        return cls(
            np.array([p[0] for p in points]), np.array([p[1] for p in points]), body.circumradius_m,
            body.length_bounds_m[0], body.width_bounds_m[1],
        )  # fmt: skip


def distance_at(field: DistanceField, x_m: NDArray[np.float64], y_m: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distance to the nearest obstacle at points of the field's frame, of the cell that holds each; the cap outside."""
    frame = field.frame
    column = np.floor((x_m - frame.origin_x_m) / frame.resolution_m).astype(np.int64)
    row = np.floor((y_m - frame.origin_y_m) / frame.resolution_m).astype(np.int64)
    inside = (column >= 0) & (column < frame.width) & (row >= 0) & (row < frame.height)
    values: NDArray[np.float64] = np.full(len(x_m), field.cap_m)
    values[inside] = field.distance_m[row[inside], column[inside]]
    return values


def clearances_m(field: DistanceField, footprint: Footprint, poses: list[Pose2]) -> list[float]:
    """For each pose in the field's frame the smallest distance of the outline to an obstacle, within a cell's size."""
    turns = [sin_cos(pose.yaw_rad) for pose in poses]
    sine, cosine = (np.array([turn[k] for turn in turns])[:, None] for k in (0, 1))
    x_m = np.array([pose.x_m for pose in poses])[:, None] + cosine * footprint.x_m - sine * footprint.y_m
    y_m = np.array([pose.y_m for pose in poses])[:, None] + sine * footprint.x_m + cosine * footprint.y_m
    distances = distance_at(field, x_m.ravel(), y_m.ravel()).reshape(x_m.shape)
    return [float(value) for value in distances.min(axis=1)]


def clearance_m(field: DistanceField, footprint: Footprint, odom_from_base: Pose2) -> float:
    """The same for one pose."""
    return clearances_m(field, footprint, [odom_from_base])[0]


def poses_along(odom_from_base: Pose2, twist: Twist2, duration_s: float, step_s: float) -> list[Pose2]:
    """Poses after each ``step_s`` of a constant twist, up to ``duration_s``."""
    poses = []
    pose = odom_from_base
    for _ in range(max(1, math.ceil(duration_s / step_s - 1.0e-9))):
        pose = integrate_twist(pose, twist, step_s)
        poses.append(pose)
    return poses
