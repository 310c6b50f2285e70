"""Differential-drive kinematics: body twist to wheel surface speeds and back.

``track_m`` is the *effective* track: for a skid steer it is larger than the distance of the wheels, since they slide
sideways in a turn (the robot file gives it).
"""

from __future__ import annotations

from dataclasses import dataclass

from amr.geometry import Twist2


@dataclass(frozen=True, slots=True)
class WheelSpeeds:
    """Surface speeds of the left and right wheels."""

    left_mps: float
    right_mps: float


def wheel_speeds_from_twist(twist: Twist2, track_m: float) -> WheelSpeeds:
    """Inverse kinematics; ``track_m`` > 0."""
    half = 0.5 * track_m * twist.w_radps
    return WheelSpeeds(twist.v_mps - half, twist.v_mps + half)


def twist_from_wheel_speeds(speeds: WheelSpeeds, track_m: float) -> Twist2:
    """Forward kinematics; ``track_m`` > 0."""
    return Twist2(0.5 * (speeds.left_mps + speeds.right_mps), (speeds.right_mps - speeds.left_mps) / track_m)


def limit_wheel_speeds(speeds: WheelSpeeds, limit_mps: float) -> WheelSpeeds:
    """Both speeds scaled by one factor so that neither exceeds ``limit_mps``: the curvature is kept."""
    fastest = max(abs(speeds.left_mps), abs(speeds.right_mps))
    if fastest <= limit_mps:
        return speeds
    factor = limit_mps / fastest
    return WheelSpeeds(speeds.left_mps * factor, speeds.right_mps * factor)
