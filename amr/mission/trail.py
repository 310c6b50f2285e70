"""The way the robot came, as poses in the odom frame, newest last."""

from __future__ import annotations

from typing import Final

from amr.geometry import Pose2

_LENGTH: Final = 200

Trail = tuple[Pose2, ...]


def record(trail: Trail, odom_from_base: Pose2, backs_up: bool, spacing_m: float) -> Trail:
    """With the pose of this step; poses that it backs over are taken off again."""
    if backs_up:
        while trail and trail[-1].distance_m(odom_from_base) < spacing_m:
            trail = trail[:-1]
    elif not trail or trail[-1].distance_m(odom_from_base) >= spacing_m:
        trail = (*trail[-(_LENGTH - 1) :], odom_from_base)
    return trail
