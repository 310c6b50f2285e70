"""Poses and twists in the plane (REP 103: x forward, y left, yaw counter-clockwise, radians in (-pi, pi]).

A transform is named ``a_from_b`` and maps what is expressed in frame b into frame a; names cancel:
``map_from_base = map_from_odom @ odom_from_base``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from amr.portable_math import PI, TWO_PI, arctan2, sin_cos


def wrap_angle(angle_rad: float) -> float:
    """The same direction in (-pi, pi]; nan when not finite."""
    if -PI < angle_rad <= PI:
        return angle_rad
    wrapped = (
        math.remainder(angle_rad, TWO_PI) if math.isfinite(angle_rad) else math.nan
    )  # exact, so the same bits everywhere
    return PI if wrapped == -PI else wrapped


@dataclass(frozen=True, slots=True)
class Pose2:
    """A pose in the plane, or the transform parent_from_child that it stands for."""

    x_m: float
    y_m: float
    yaw_rad: float

    def __matmul__(self, other: Pose2) -> Pose2:
        """Composition: ``a_from_b @ b_from_c`` is ``a_from_c``."""
        s, c = sin_cos(self.yaw_rad)
        return Pose2(
            self.x_m + c * other.x_m - s * other.y_m,
            self.y_m + s * other.x_m + c * other.y_m,
            wrap_angle(self.yaw_rad + other.yaw_rad),
        )

    def inverse(self) -> Pose2:
        """``b_from_a`` for ``a_from_b``."""
        s, c = sin_cos(self.yaw_rad)
        return Pose2(-c * self.x_m - s * self.y_m, s * self.x_m - c * self.y_m, wrap_angle(-self.yaw_rad))

    def apply(self, x_m: float, y_m: float) -> tuple[float, float]:
        """The point (x_m, y_m), given in the child frame, in the parent frame."""
        s, c = sin_cos(self.yaw_rad)
        return self.x_m + c * x_m - s * y_m, self.y_m + s * x_m + c * y_m

    def distance_m(self, other: Pose2) -> float:
        """Distance of the two origins."""
        dx, dy = other.x_m - self.x_m, other.y_m - self.y_m
        return math.sqrt(dx * dx + dy * dy)

    def bearing_rad(self, other: Pose2) -> float:
        """Direction of the other origin in this frame, in (-pi, pi]."""
        return wrap_angle(arctan2(other.y_m - self.y_m, other.x_m - self.x_m) - self.yaw_rad)

    def is_finite(self) -> bool:
        """True when no coordinate is nan or infinite."""
        return math.isfinite(self.x_m) and math.isfinite(self.y_m) and math.isfinite(self.yaw_rad)


IDENTITY = Pose2(0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Twist2:
    """Velocity of a differential-drive base in its own frame."""

    v_mps: float
    w_radps: float

    def is_finite(self) -> bool:
        """True when neither part is nan or infinite."""
        return math.isfinite(self.v_mps) and math.isfinite(self.w_radps)


STANDSTILL = Twist2(0.0, 0.0)


def integrate_twist(pose: Pose2, twist: Twist2, duration_s: float) -> Pose2:
    """``pose`` after driving ``twist`` for ``duration_s`` (midpoint rule, error O(dt^3))."""
    dyaw = twist.w_radps * duration_s
    s, c = sin_cos(pose.yaw_rad + 0.5 * dyaw)
    step_m = twist.v_mps * duration_s
    return Pose2(pose.x_m + c * step_m, pose.y_m + s * step_m, wrap_angle(pose.yaw_rad + dyaw))
