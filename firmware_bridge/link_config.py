"""What a link must know of its robot, in the wire's units."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from amr.config.robot import RobotConfig
from amr.errors import ConfigError
from amr.units import ns_from_s
from firmware_bridge.wire import MESSAGES, ConfigFlag, Configure, raw_bounds, type_of

LIMIT_ROOM = 1.02
"""The MCU refuses beyond the robot file's limits times this, plus 1 mm/s: rounding must never stop a robot."""
ENCODER_FAULT_S = 0.3


@dataclass(frozen=True, slots=True)
class LinkConfig:
    """Settings of ``HostLink``."""

    configure: Configure
    command_timeout_ns: int
    telemetry_period_ns: int
    host_to_mcu_delay_ns: int
    mcu_to_host_delay_ns: int
    left_scale: float = 1.0
    """Radius of the left wheels over the one that the firmware reckons with."""
    right_scale: float = 1.0
    gyro_scale: float = 1.0
    """True rate over told rate, after ``gyro_offset_radps`` is taken off."""
    gyro_offset_radps: float = 0.0


def _raw(field_name: str, key: str, value: float, *, round_up: bool = False) -> int:
    """Raw integer of an SI value; ``ConfigError`` naming the robot file's key when the wire cannot carry it."""
    row = next(row for row in MESSAGES[type_of(Configure)].fields if row.name == field_name)
    low, high = raw_bounds(row.raw)
    raw = math.ceil(value / row.raw.scale) if round_up else round(value / row.raw.scale)
    if not low <= raw <= high:
        bounds = f"{low * row.raw.scale:g} to {high * row.raw.scale:g} {row.raw.unit}"
        raise ConfigError(f"{key}: {value:g} {row.raw.unit} does not fit the wire ({bounds})")
    return raw


def wiring_flags(wiring: Iterable[str]) -> int:
    """``ConfigFlag`` bits of crossed wires, as the robot file names them."""
    return sum({ConfigFlag[name.upper()] for name in wiring})


def link_config_from_robot(robot: RobotConfig, flags: int | None = None) -> LinkConfig:
    """Settings for this robot; ``ConfigError`` for what the wire cannot carry.

    ``flags`` are ``ConfigFlag`` bits; None = the wiring of the robot file.
    """
    limits, drive, firmware, link = robot.limits, robot.drive, robot.firmware, robot.link
    half_track_m = 0.5 * drive.track_m
    wheel_max_mps = max(limits.v_max_mps, limits.v_reverse_max_mps) + limits.w_max_radps * half_track_m
    turn_mps2 = limits.alpha_max_radps2 * half_track_m

    # the firmware knows one radius: a smaller wheel has to turn faster than its speed says
    faster = max(1.0, 1.0 / min(drive.left_radius_scale, drive.right_radius_scale))

    def speed(field_name: str, key: str, value: float) -> int:
        return _raw(field_name, key, value * faster * LIMIT_ROOM + 0.001, round_up=True)

    configure = Configure(
        nm_per_tick=_raw("nm_per_tick", "drive.wheel_radius_m per tick", drive.metres_per_tick_m),
        track_um=_raw("track_um", "drive.track_m", drive.track_m),
        wheel_max_mm_s=speed("wheel_max_mm_s", "limits.v_max_mps with limits.w_max_radps", wheel_max_mps),
        v_max_mm_s=speed("v_max_mm_s", "limits.v_max_mps", limits.v_max_mps),
        v_reverse_max_mm_s=speed("v_reverse_max_mm_s", "limits.v_reverse_max_mps", limits.v_reverse_max_mps),
        wheel_accel_mm_s2=_raw(
            "wheel_accel_mm_s2", "limits.a_max_mps2 with limits.alpha_max_radps2", limits.a_max_mps2 + turn_mps2
        ),
        wheel_decel_mm_s2=_raw(
            "wheel_decel_mm_s2", "limits.brake_mps2 with limits.alpha_max_radps2", limits.brake_mps2 + turn_mps2
        ),
        stop_ramp_mm_s2=_raw("stop_ramp_mm_s2", "limits.brake_mps2", limits.brake_mps2),
        feed_forward_q16=_raw(
            "feed_forward_q16", "firmware.feed_forward_duty_s_per_m", firmware.feed_forward_duty_s_per_m
        ),
        proportional_q16=_raw(
            "proportional_q16", "firmware.proportional_duty_s_per_m", firmware.proportional_duty_s_per_m
        ),
        integral_q16=_raw("integral_q16", "firmware.integral_duty_per_m", firmware.integral_duty_per_m),
        static_duty_q15=_raw(
            "static_duty_q15",
            "firmware.feed_forward_static_duty",
            min(firmware.feed_forward_static_duty, 32767.0 / 32768.0),  # full duty is one step short of 1 on the wire
        ),
        loop_hz=firmware.loop_hz,
        telemetry_hz=link.telemetry_hz,
        command_timeout_ms=_raw("command_timeout_ms", "link.command_timeout_s", link.command_timeout_s),
        battery_min_mv=_raw("battery_min_mv", "firmware.battery_min_v", firmware.battery_min_v),
        encoder_fault_ms=_raw("encoder_fault_ms", "encoder fault time", ENCODER_FAULT_S),
        flags=wiring_flags(robot.firmware.wiring) if flags is None else flags,
    )
    return LinkConfig(
        configure=configure,
        command_timeout_ns=configure.command_timeout_ms * 1_000_000,
        telemetry_period_ns=1_000_000_000 // link.telemetry_hz,
        host_to_mcu_delay_ns=ns_from_s(link.host_to_mcu_delay_s),
        mcu_to_host_delay_ns=ns_from_s(link.mcu_to_host_delay_s),
        left_scale=drive.left_radius_scale,
        right_scale=drive.right_radius_scale,
        gyro_scale=robot.imu.gyro_scale,
        gyro_offset_radps=robot.imu.gyro_offset_radps,
    )
