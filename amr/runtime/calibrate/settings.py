"""The careful robots that a calibration drives: slow, gentle, and at first without any regulation of the wheels."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final

from amr.calibration.motor import FeedForward, LoopGains
from amr.config.robot import RobotConfig
from firmware_bridge.link import LinkConfig
from firmware_bridge.link_config import link_config_from_robot

SPEED_MPS: Final = 0.35
"""Of the careful motions, where the robot may be that fast."""
ACCELERATION_MPS2: Final = 0.4
BRAKE_MPS2: Final = 0.6
"""The safety ring reckons with it until the floor is known: a floor of friction 0.08 gives that much."""
TURN_RADPS: Final = 1.5
PUSH_DUTY_S_PER_M: Final = 5.0
"""In the search for the wiring a set-point of 0.05 m/s is a quarter of full duty."""
_ENCODER_FAULT_MS: Final = 1000
"""Wrong encoders are what is looked for: the guard waits longer, the programme ends each push after millimetres."""
_STOP_RAMP_MM_S2: Final = 12_000
_AT_ONCE_MM_S2: Final = 20_000


def back_mps(robot: RobotConfig) -> float:
    """Careful speed in reverse: one that the ring does not slow where no beam looks back."""
    fastest_mps = min(SPEED_MPS, robot.limits.v_reverse_max_mps)
    blind = robot.lidar.blind_from_rad < math.pi
    return min(fastest_mps, 0.9 * robot.safety.blind_mps) if blind else fastest_mps


def careful(robot: RobotConfig, v_max_mps: float = SPEED_MPS) -> RobotConfig:
    """``robot`` with gentle limits; both axes of a motion then rise together. Never above the robot file's."""
    limits = robot.limits
    half_track_m = 0.5 * robot.drive.track_m
    a_mps2 = min(ACCELERATION_MPS2, limits.a_max_mps2)
    gentle = limits.model_copy(
        update={
            "v_max_mps": min(v_max_mps, limits.v_max_mps),
            "v_reverse_max_mps": min(SPEED_MPS, limits.v_reverse_max_mps),
            "w_max_radps": min(TURN_RADPS, limits.w_max_radps),
            "a_max_mps2": a_mps2,
            "brake_mps2": min(BRAKE_MPS2, limits.brake_mps2),
            "alpha_max_radps2": min(a_mps2 / half_track_m, limits.alpha_max_radps2),
        }
    )
    return robot.model_copy(update={"limits": gentle})


def closed_loop(robot: RobotConfig, flags: int | None = None) -> LinkConfig:
    """As the robot file says, but of delays nothing is believed: too large ones would put stamps into the future."""
    return replace(link_config_from_robot(robot, flags), host_to_mcu_delay_ns=0, mcu_to_host_delay_ns=0)


def open_loop(robot: RobotConfig, flags: int, duty_s_per_m: float) -> LinkConfig:
    """The board puts out ``duty_s_per_m`` times the commanded speed and nothing else; its guard stays in force."""
    link = closed_loop(robot, flags)
    configure = replace(
        link.configure,
        feed_forward_q16=round(duty_s_per_m * 65536.0),
        static_duty_q15=0,
        proportional_q16=0,
        integral_q16=0,
        wheel_accel_mm_s2=_AT_ONCE_MM_S2,
        wheel_decel_mm_s2=_AT_ONCE_MM_S2,
        encoder_fault_ms=_ENCODER_FAULT_MS,
    )
    return replace(link, configure=configure)


def stopping_hard(robot: RobotConfig) -> LinkConfig:
    """The board's own ramp is steeper than any floor holds."""
    link = closed_loop(robot)
    return replace(link, configure=replace(link.configure, stop_ramp_mm_s2=_STOP_RAMP_MM_S2))


def regulated(robot: RobotConfig, forward: FeedForward, gains: LoopGains) -> RobotConfig:
    """``robot`` with the wheel loop that was found."""
    firmware = robot.firmware.model_copy(
        update={
            "feed_forward_duty_s_per_m": forward.slope.value,
            "feed_forward_static_duty": forward.static.value,
            "proportional_duty_s_per_m": gains.proportional,
            "integral_duty_per_m": gains.integral,
        }
    )
    return robot.model_copy(update={"firmware": firmware})
