"""Where the robot is, and where it will be when the command of this step reaches its wheels.

Twice: as its wheels are told, and as its body goes on when it slides. Telemetry is late, and the commands in flight act
before this one does.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from amr.config.robot import RobotConfig
from amr.geometry import Pose2, Twist2
from amr.kinematics import WheelSpeeds, twist_from_wheel_speeds
from amr.messages import BaseState
from amr.movers import Mover
from amr.portable_math import sin_cos
from amr.safety import kernel
from amr.safety.base import SafetyInput
from amr.safety.dead_reckoning import Odometer, WheelGeometry
from amr.safety.envelope import EnvelopeSettings
from amr.safety.limits import CommandLimits
from amr.safety.memory import Memory
from amr.safety.outline import Outline
from amr.units import ns_from_s

_PREDICTION_STEP_S = 0.005
_SKID_TURNING_BRAKE_FRAC = 0.5
"""Part of a skid steer's brake that is left while a turn begins: its wheels slide sideways (measured in simulation)."""


@dataclass(frozen=True, slots=True)
class Instant:
    """Pose (x_m, y_m, yaw_rad) in the ring's odometry frame, and twist."""

    pose: tuple[float, float, float]
    twist: Twist2


@dataclass(frozen=True, slots=True)
class Situation:
    """Where the robot is now, and will be when this step's command reaches the wheels."""

    now_ns: int
    odometer: Odometer
    memory: Memory
    limits: CommandLimits
    """Those that the floor leaves."""
    sliding: CommandLimits
    """Those by which a body that slides comes to rest."""
    now: Instant
    acting: Instant
    """If the body turns as the wheels are told to, about the base."""
    coasting: Instant
    """If it turns as it does, or faster where it is told to, about its leading wheels, and slides on: a skid steer."""
    leading: Outline
    """The outline from there."""
    turning_mps: float
    """Least speed of the body to reckon with when this step's command turns it."""
    movers: tuple[Mover, ...] = ()
    """Base frame, now."""
    map_from_base: Pose2 | None = None
    """Now."""


_SKID_SLIDING_TURN_FRAC = 2.0 / 3.0
"""Part of its turning deceleration that a skid steer keeps while it slides: its body turns on after its wheels."""
_SIDEWAYS_MPS = 0.05
"""From here on the slide tells which wheels hold; a body that is thrown into reverse keeps them for a while."""


class Foresight:
    """Looks ahead by the delays of a robot file; it keeps nothing between steps."""

    def __init__(self, config: RobotConfig, wheels: WheelGeometry, settings: EnvelopeSettings) -> None:
        self._track_m = wheels.track_m
        self._front = Outline.from_body(config.body, wheels.front_m)
        self._rear = Outline.from_body(config.body, -wheels.rear_m)
        self._actuation_s = settings.actuation_s
        self._base_timeout_ns = ns_from_s(config.safety.base_timeout_s)
        skids = config.drive.kind == "skid_steer"
        self._turning_brake_frac = _SKID_TURNING_BRAKE_FRAC if skids else 1.0
        self._sliding_turn_frac = _SKID_SLIDING_TURN_FRAC if skids else 1.0

    def situation(
        self, odometer: Odometer, base: BaseState, memory: Memory, limits: CommandLimits, view: SafetyInput
    ) -> Situation:
        """Poses and twists from the newest telemetry and the commands in flight."""
        stamp_ns, x_m, y_m, yaw_rad = odometer.trail[-1]
        twist = twist_from_wheel_speeds(WheelSpeeds(base.left_mps, base.right_mps), self._track_m)
        if odometer.yaw_rate_radps is not None:
            twist = Twist2(twist.v_mps, odometer.yaw_rate_radps)
        rows = [((at_ns - stamp_ns) * 1e-9, v_mps, w_radps) for at_ns, v_mps, w_radps in view.pending]
        pending: NDArray[np.float64] = np.array(rows, np.float64).reshape(len(rows), 3)
        body = Twist2(odometer.vx_mps, twist.w_radps)
        leading = self._front if _turns_ahead(odometer, twist.w_radps) else self._rear
        # While it brakes in a turn, wheels that slide sideways slide along, too: the body is faster than they are, by
        # about as much as the leading wheels go sideways when friction is shared evenly.
        ahead_mps = abs(twist.w_radps) * leading.ahead_m
        lazy = pending.copy()
        lazy[:, 1] += ahead_mps
        lazy[:, 2] = _faster_turn(twist.w_radps, pending[:, 2])
        now_s = min(self._base_timeout_ns, max(0, view.now_ns - stamp_ns)) * 1e-9
        acts_s = now_s + self._actuation_s
        now = self._drive(limits, (x_m, y_m, yaw_rad), twist, pending, 0.0, now_s)
        acting = self._drive(limits, now.pose, now.twist, pending, now_s, acts_s)
        sine, cosine = sin_cos(yaw_rad)
        pose = (x_m + leading.ahead_m * cosine, y_m + leading.ahead_m * sine, yaw_rad)
        coasting = self._drive(limits, pose, body, lazy, 0.0, acts_s)
        turning_mps = min(abs(body.v_mps), abs(coasting.twist.v_mps))
        sliding = replace(limits, alpha_max_radps2=self._sliding_turn_frac * limits.alpha_max_radps2)
        return Situation(
            view.now_ns, odometer, memory, limits, sliding, now, acting, coasting, leading, turning_mps, view.movers,
            view.map_from_base,
        )  # fmt: skip

    def _drive(
        self,
        limits: CommandLimits,
        pose: tuple[float, float, float],
        twist: Twist2,
        pending: NDArray[np.float64],
        start_s: float,
        end_s: float,
    ) -> Instant:
        x_m, y_m, yaw_rad, v_mps, w_radps = kernel.predict_in_flight(
            *pose, twist.v_mps, twist.w_radps, limits.a_max_mps2, limits.brake_mps2,
            self._turning_brake_frac * limits.brake_mps2, limits.alpha_max_radps2,
            _PREDICTION_STEP_S, pending, start_s, end_s,
        )  # fmt: skip
        return Instant((x_m, y_m, yaw_rad), Twist2(v_mps, w_radps))


def _turns_ahead(odometer: Odometer, w_radps: float) -> bool:
    """True where the point of the robot's length that does not go sideways lies ahead of the base."""
    aside_mps = -odometer.vy_mps if w_radps >= 0.0 else odometer.vy_mps
    if abs(aside_mps) > _SIDEWAYS_MPS:
        return aside_mps > 0.0
    return odometer.vx_mps >= 0.0


def _faster_turn(w_radps: float, told_radps: NDArray[np.float64]) -> NDArray[np.float64]:
    """The yaw rates to reckon with: that of the body, or what it is told where that is faster in the same sense."""
    return np.maximum(told_radps, w_radps) if w_radps >= 0.0 else np.minimum(told_radps, w_radps)
