"""What a calibration makes of a robot file, and which of its numbers may be relied on."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any, Final

from amr.calibration import covariance, deceleration
from amr.calibration.base import Estimate
from amr.config.robot import RobotConfig
from amr.runtime.calibrate.fit import Calibration
from amr.runtime.calibrate.robot_file import Changes
from firmware_bridge import wire
from sim.chassis import GRAVITY_MPS2, chassis_of

_COMMAND_BYTES: Final = 27


UNMEASURED: Final = Estimate(math.nan, math.nan)
"""Of what a robot cannot measure: without an accelerometer its brake. It does not pass."""


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the acceptance: ``passed`` when half of the 95 % interval is within ``limit`` (both in ``unit``)."""

    name: str
    unit: str
    before: float | None
    found: Estimate
    limit: float

    @property
    def passed(self) -> bool:
        """Known well enough."""
        return math.isfinite(self.found.value) and self.found.half_width <= self.limit

    def to_json(self) -> dict[str, Any]:
        """For ``--json``."""
        numbers = (self.found.value, *self.found.interval, self.limit)
        value, low, high, limit = (number if math.isfinite(number) else None for number in numbers)
        return {
            "name": self.name, "unit": self.unit, "before": self.before, "value": value, "interval": [low, high],
            "limit": limit, "passed": self.passed,
        }  # fmt: skip


def items(found: Calibration, file: RobotConfig) -> list[Item]:
    """All estimates with what is asked of them."""
    radius_m = file.drive.wheel_radius_m
    left, right, track, x, y, yaw = found.geometry.values
    scales = file.drive.left_radius_scale, file.drive.right_radius_scale
    degrees = 180.0 / math.pi
    rows = [
        Item("left wheel radius", "mm", 1e3 * radius_m * scales[0], left.scaled(1e3), 3.0 * radius_m),
        Item("right wheel radius", "mm", 1e3 * radius_m * scales[1], right.scaled(1e3), 3.0 * radius_m),
        Item("track", "mm", 1e3 * file.drive.track_m, track.scaled(1e3), 5.0 * file.drive.track_m),
        Item("lidar x", "mm", 1e3 * file.lidar.x_m, x.scaled(1e3), 5.0),
        Item("lidar y", "mm", 1e3 * file.lidar.y_m, y.scaled(1e3), 5.0),
        Item("lidar yaw", "deg", degrees * file.lidar.yaw_rad, yaw.scaled(degrees), 0.3),
        Item("delay host to board", "ms", 1e3 * file.link.host_to_mcu_delay_s, found.to_mcu.least.scaled(1e3), 3.0),
        Item("delay board to host", "ms", 1e3 * file.link.mcu_to_host_delay_s, found.to_host.least.scaled(1e3), 3.0),
        Item("lidar latency", "ms", 1e3 * file.lidar.latency_s, found.lidar.least.scaled(1e3), 3.0),
        Item("static duty", "%", 1e2 * file.firmware.feed_forward_static_duty, found.both.static.scaled(1e2), 0.5),
        Item(
            "duty for 1 m/s", "%", 1e2 * file.firmware.feed_forward_duty_s_per_m, found.both.slope.scaled(1e2),
            2.0 * found.both.slope.value,
        ),
        Item("wheel time constant", "ms", None, found.time_constant.scaled(1e3), 0.1e3 * found.time_constant.value),
    ]  # fmt: skip
    brake = found.deceleration if found.deceleration is not None else UNMEASURED
    rows.append(Item("deceleration that the floor holds", "m/s2", None, brake, 0.05 * brake.value))
    rows += _inertial_items(found, file)
    rows.append(
        Item("lidar noise", "mm", 1e3 * file.lidar.noise_sigma_m, found.range_noise_m.scaled(1e3),
             0.1e3 * found.range_noise_m.value)
    )  # fmt: skip
    return rows


def _inertial_items(found: Calibration, file: RobotConfig) -> list[Item]:
    rows = []
    if found.gyro_bias_radps is not None:
        rows.append(
            Item("gyro offset", "mrad/s", 1e3 * file.imu.gyro_offset_radps, found.gyro_bias_radps.scaled(1e3), 1.0)
        )
    if found.gyro_scale is not None:
        rows.append(Item("gyro scale", "1", file.imu.gyro_scale, found.gyro_scale, 0.002))
    if found.gyro_noise_radps is not None:
        noise = found.gyro_noise_radps.scaled(1e3)
        rows.append(Item("gyro noise", "mrad/s", 1e3 * file.imu.gyro_noise_radps, noise, 0.15 * noise.value))
    if found.accel_bias_mps2 is not None:
        for axis, bias in zip("xy", found.accel_bias_mps2, strict=True):
            rows.append(Item(f"accelerometer offset {axis}", "m/s2", None, bias, 0.02))
    if found.accel_scale is not None:
        rows.append(Item("accelerometer scale", "1", None, found.accel_scale, 0.02))
    if found.accel_noise_mps2 is not None:
        noise = found.accel_noise_mps2
        rows.append(Item("accelerometer noise", "m/s2", file.imu.accel_noise_mps2, noise, 0.15 * noise.value))
    return rows


def changes(found: Calibration, file: RobotConfig) -> dict[tuple[str, str], Any]:
    """New values of the robot file. What protects is never made laxer: brake, reaction time."""
    g, drive = found.geometry.geometry, file.drive
    radius_m = 0.5 * (g.left_radius_m + g.right_radius_m)
    per_speed = drive.wheel_radius_m / radius_m
    firmware = found.robot.firmware
    values: dict[tuple[str, str], Any] = {
        ("drive", "wheel_radius_m"): radius_m,
        ("drive", "left_radius_scale"): g.left_radius_m / radius_m,
        ("drive", "right_radius_scale"): g.right_radius_m / radius_m,
        ("drive", "track_m"): g.track_m,
        ("lidar", "x_m"): g.lidar_x_m,
        ("lidar", "y_m"): g.lidar_y_m,
        ("lidar", "yaw_rad"): g.lidar_yaw_rad,
        ("lidar", "latency_s"): found.lidar.least.value,
        ("lidar", "noise_sigma_m"): found.range_noise_m.interval[1],
        ("link", "host_to_mcu_delay_s"): found.to_mcu.least.value,
        ("link", "mcu_to_host_delay_s"): found.to_host.least.value,
        ("firmware", "wiring"): list(firmware.wiring),
        ("firmware", "feed_forward_duty_s_per_m"): found.both.slope.value * per_speed,
        ("firmware", "feed_forward_static_duty"): found.both.static.value,
        ("firmware", "proportional_duty_s_per_m"): firmware.proportional_duty_s_per_m * per_speed,
        ("firmware", "integral_duty_per_m"): firmware.integral_duty_per_m * per_speed,
        ("safety", "reaction_s"): max(file.safety.reaction_s, reaction_s(found, file)),
        ("estimation", "wheel_speed_noise_frac"): _noise(
            found.way_noise_frac, file.estimation.wheel_speed_noise_frac, covariance.WAY_LEAST_FRAC
        ),
        ("estimation", "turn_slip_noise_m"): _noise(
            found.turn_noise_m, file.estimation.turn_slip_noise_m, covariance.TURN_LEAST_M
        ),
    }
    if drive.kind == "differential":
        scale = g.track_m / drive.track_m
        values["drive", "wheel_positions_m"] = [[x, y * scale] for x, y in drive.wheel_positions_m]
    values |= _inertial_changes(found, file)
    if found.deceleration is not None:
        values["limits", "brake_mps2"] = deceleration.certain_brake_mps2(file.limits.brake_mps2, found.deceleration)
        values["limits", "a_max_mps2"] = min(file.limits.a_max_mps2, values["limits", "brake_mps2"])
        values["physics", "friction"] = friction(found.deceleration.value, file)
    before = json.loads(file.model_dump_json())
    return {(section, key): value for (section, key), value in values.items() if before[section][key] != value}


def _inertial_changes(found: Calibration, file: RobotConfig) -> dict[tuple[str, str], Any]:
    values: dict[tuple[str, str], Any] = {}
    if found.gyro_bias_radps is not None and found.gyro_noise_radps is not None:
        values["imu", "gyro_offset_radps"] = found.gyro_bias_radps.value
        values["imu", "gyro_noise_radps"] = found.gyro_noise_radps.interval[1]
    if found.gyro_scale is not None:
        values["imu", "gyro_scale"] = found.gyro_scale.value
        values["imu", "gyro_scale_frac"] = min(file.imu.gyro_scale_frac, max(0.001, found.gyro_scale.half_width))
    if found.accel_noise_mps2 is not None:
        values["imu", "accel_noise_mps2"] = found.accel_noise_mps2.interval[1]
    return values


def _noise(found: Estimate, before: float, least: float) -> float:
    """Its upper bound; a short drive on one floor may not halve it more than once."""
    return max(found.interval[1], least, 0.5 * before)


def reaction_s(found: Calibration, file: RobotConfig) -> float:
    """Light on the lidar to torque on the wheel, at its slowest: both delays, their jitter (which has the waits for the
    loops in it), and the command's own bytes."""
    line_s = _COMMAND_BYTES * 10.0 / file.link.baud
    delays = (found.lidar, found.to_mcu)
    return sum(delay.least.interval[1] + delay.jitter_s for delay in delays) + line_s


def friction(deceleration_mps2: float, robot: RobotConfig) -> float:
    """Coulomb coefficient behind a deceleration with sliding wheels: driven wheels brake, and braking loads them."""
    chassis = chassis_of(robot, None)
    weight_n = chassis.mass_kg * GRAVITY_MPS2
    shift_m = robot.drive.wheel_radius_m * deceleration_mps2 / GRAVITY_MPS2
    load_n = sum(wheel.load_n + shift_m * wheel.load_per_shift_npm[0] for wheel in chassis.wheels)
    return deceleration_mps2 * chassis.mass_kg / min(load_n, weight_n)


def changed(file: RobotConfig, values: Changes) -> RobotConfig:
    """The robot file's configuration with these values, checked as a file is."""
    tree = json.loads(file.model_dump_json())
    for (section, key), value in values.items():
        tree[section][key] = value
    return RobotConfig.model_validate_json(json.dumps(tree))


assert wire.MESSAGES[wire.type_of(wire.Command)].layout.size + 14 == _COMMAND_BYTES
