"""From the recording of a programme to numbers: places, geometry, delays, brake, IMU, noise."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from amr.calibration import covariance, deceleration, geometry, inertial, latency, motor
from amr.calibration.base import CalibrationError, Estimate
from amr.calibration.geometry import GeometryEstimate, WheelGeometry
from amr.calibration.latency import Delay
from amr.config.robot import RobotConfig
from amr.geometry import Pose2, wrap_angle
from amr.runtime.calibrate.drives import Drives
from amr.runtime.calibrate.moves import Standstill
from amr.runtime.calibrate.places import BY_GYRO_RAD, BY_WHEELS_RAD, Place, Places, standing_ranges
from amr.runtime.calibrate.recording import Floats, Recording
from amr.runtime.calibrate.swept import Swept, straightened
from firmware_bridge import wire

_FRAME_BYTES: Final = 14
"""Of a frame around its payload, on the line."""
_LEAST_STEP_RAD: Final = 0.3


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """All that one programme tells. Times in s; ``robot`` is the robot file's with what the programme found so far."""

    robot: RobotConfig
    left: motor.FeedForward
    right: motor.FeedForward
    both: motor.FeedForward
    time_constant: Estimate
    geometry: GeometryEstimate
    gyro_bias_radps: Estimate | None
    gyro_noise_radps: Estimate | None
    gyro_scale: Estimate | None
    accel_bias_mps2: tuple[Estimate, Estimate] | None
    accel_noise_mps2: Estimate | None
    accel_scale: Estimate | None
    clock_offset: Estimate
    """By how much the board's stamps are ahead of the scans'."""
    to_mcu: Delay
    to_host: Delay
    lidar: Delay
    deceleration: Estimate | None
    range_noise_m: Estimate
    way_noise_frac: Estimate
    turn_noise_m: Estimate
    plots: dict[str, tuple[Floats, ...]]


def fit(recording: Recording, drives: Drives) -> Calibration:
    """Everything. Raises ``CalibrationError``."""
    assert drives.time_constant is not None
    assert drives.at_rest is not None
    places = _places(recording, drives)
    found, motions = _geometry(recording, drives, places)
    gyro_scale = accel_scale = None
    if drives.rest is not None:
        gyro_scale = _gyro_scale(recording, drives, places)
        accel_scale = _accel_scale(recording, drives, found.geometry)
    offset, swing = _clock_offset(recording, drives, places, found.geometry, gyro_scale)
    to_mcu, to_host, lidar = _delays(recording, drives, offset)
    brake, stops = _deceleration(recording, drives, found.geometry)
    scans = [scan for scan, _ in recording.scans(drives.at_rest.start_ns, drives.at_rest.end_ns)]
    way, turn = _growth(found, motions)
    levels = (np.array([level.duty for level in drives.levels]), drives.speeds_mps["left"], drives.speeds_mps["right"])
    rest = drives.rest
    return Calibration(
        drives.robot,
        drives.forward["left"],
        drives.forward["right"],
        drives.forward["both"],
        drives.time_constant,
        found,
        rest.gyro_bias_radps if rest else None,
        rest.gyro_noise_radps if rest else None,
        gyro_scale,
        (rest.accel_x_bias_mps2, rest.accel_y_bias_mps2) if rest else None,
        rest.accel_noise_mps2 if rest else None,
        accel_scale,
        offset,
        to_mcu,
        to_host,
        lidar,
        brake,
        covariance.range_noise_m(standing_ranges(scans)),
        way,
        turn,
        {"swing": swing, "stops": stops, "levels": levels},
    )


# ------------------------------------------------------------ places and geometry


def _places(recording: Recording, drives: Drives) -> list[Place]:
    """Where the lidar stood at each standstill; guesses by wheels and gyro."""
    places = Places(drives.robot.lidar.range_max_m)
    lidar = drives.robot.lidar
    mounting = Pose2(lidar.x_m, lidar.y_m, lidar.yaw_rad)
    guess = Pose2(0.0, 0.0, 0.0)
    window_rad = BY_WHEELS_RAD if drives.rest is None else BY_GYRO_RAD
    for before, still in zip([None, *drives.stands], drives.stands, strict=False):
        if before is not None:
            moved = _moved(recording, drives, before, still)
            guess = guess @ mounting.inverse() @ moved @ mounting
        scans = [scan for scan, _ in recording.scans(still.start_ns, still.end_ns)]
        guess = places.add(scans, guess, window_rad).pose
    places.refine()
    return places.found


def _moved(recording: Recording, drives: Drives, before: Standstill, after: Standstill) -> Pose2:
    """The base's motion by the wheels of the robot file, turned as the gyro says where there is one."""
    drive = drives.robot.drive
    moved = geometry.base_motion(
        _wheel_rad(recording, drives, before, after), drive.wheel_radius_m, drive.wheel_radius_m, drive.track_m
    )
    samples = recording.imu(before.end_ns, after.start_ns)
    if drives.rest is None or len(samples.stamp_s) < 2:
        return moved
    turned = float(np.sum((samples.gyro_radps[1:] - drives.rest.gyro_bias_radps.value) * np.diff(samples.stamp_s)))
    return Pose2(moved.x_m, moved.y_m, turned)


def _wheel_rad(recording: Recording, drives: Drives, before: Standstill, after: Standstill) -> Floats:
    samples = recording.wheels(before.end_ns - 200_000_000, after.start_ns + 200_000_000)
    per_tick = 2.0 * math.pi / drives.robot.drive.ticks_per_wheel_rev
    rows = np.stack([samples.left_ticks, samples.right_ticks], axis=1) * per_tick
    return np.asarray(rows - rows[0])


def _geometry(
    recording: Recording, drives: Drives, places: list[Place]
) -> tuple[GeometryEstimate, list[geometry.Motion]]:
    motions = []
    stands = drives.stands
    # the stops let the wheels slide: their motion tells nothing of the geometry
    for index in range(1, len(stands) - (1 if drives.stops else 0)):
        before, after = places[index - 1], places[index]
        motions.append(
            geometry.Motion(
                _wheel_rad(recording, drives, stands[index - 1], stands[index]),
                before.pose.inverse() @ after.pose,
                math.hypot(before.sigma_m, after.sigma_m),
                math.hypot(before.sigma_rad, after.sigma_rad),
            )
        )
    drive, lidar = drives.robot.drive, drives.robot.lidar
    start = WheelGeometry(
        drive.wheel_radius_m, drive.wheel_radius_m, drive.track_m, lidar.x_m, lidar.y_m, lidar.yaw_rad
    )
    return geometry.estimate(motions, start), motions


def _growth(found: GeometryEstimate, motions: list[geometry.Motion]) -> tuple[Estimate, Estimate]:
    """(noise of the way per root metre, noise of the position per root radian turned)."""
    g = found.geometry
    ways, turns, sigma_m = [], [], []
    for motion in motions:
        step = np.diff(motion.wheel_rad, axis=0)
        ways.append(0.5 * float(np.sum(np.abs(step[:, 0] * g.left_radius_m + step[:, 1] * g.right_radius_m))))
        turns.append(float(np.sum(np.abs(step[:, 1] * g.right_radius_m - step[:, 0] * g.left_radius_m))) / g.track_m)
        sigma_m.append(motion.sigma_m)
    residual_m = found.residuals[:, :2].ravel()
    way, turn, sigma = (np.repeat(np.array(values), 2) for values in (ways, turns, sigma_m))
    straight = way > 0.5
    return (
        covariance.growth(residual_m[straight], sigma[straight], way[straight]),
        covariance.growth(residual_m[~straight], sigma[~straight], turn[~straight]),
    )


# ------------------------------------------------------------ time


def _clock_offset(
    recording: Recording, drives: Drives, places: list[Place], found: WheelGeometry, gyro_scale: Estimate | None
) -> tuple[Estimate, tuple[Floats, ...]]:
    """By how much the wheels' stamps are ahead, from the swing; scans are straightened with the offset itself."""
    start_ns, end_ns = drives.swing
    wheels = recording.wheels(start_ns - 300_000_000, end_ns + 300_000_000)
    per_tick = 2.0 * math.pi / drives.robot.drive.ticks_per_wheel_rev
    yaw = None
    if gyro_scale is not None and drives.rest is not None and drives.robot.drive.kind == "skid_steer":
        samples = recording.imu(start_ns - 300_000_000, end_ns + 300_000_000)
        rate = (samples.gyro_radps - drives.rest.gyro_bias_radps.value) * gyro_scale.value
        # an inertial sample is the mean over the time since the one before (the sensor's own filter)
        turned = np.concatenate([[0.0], np.cumsum(rate[1:] * np.diff(samples.stamp_s))])
        yaw = np.interp(wheels.stamp_s, samples.stamp_s, turned)
    swept = Swept.of(wheels.stamp_s, wheels.left_ticks * per_tick, wheels.right_ticks * per_tick, found, yaw)
    scans = [scan for scan, _ in recording.scans(start_ns, end_ns)]
    before = len(drives.stands) - (3 if drives.stops else 2)
    lines = _map_of(drives, places)
    offset = Estimate(0.0, 1.0)
    for _ in range(4):
        times, yaws = straightened(scans, swept, places[before].pose, lines, offset.value)
        told = np.interp(times, wheels.stamp_s, swept.yaw_rad)
        unwrapped = told + np.array([wrap_angle(float(y - t)) for y, t in zip(yaws, told, strict=True)])
        offset = latency.time_offset(times, unwrapped, wheels.stamp_s, swept.yaw_rad, offset.value)
    return offset, (times, unwrapped - np.mean(unwrapped), wheels.stamp_s, swept.yaw_rad - np.mean(told))


def _map_of(drives: Drives, places: list[Place]) -> Places:
    lines = Places(drives.robot.lidar.range_max_m)
    lines.found = places
    return lines


def _delays(recording: Recording, drives: Drives, offset: Estimate) -> tuple[Delay, Delay, Delay]:
    """(host to board, board to host, lidar to host), without the bytes' own time on the line."""
    start_ns, end_ns = drives.swing
    byte_s = 10.0 / drives.robot.link.baud
    wheels = recording.wheels(start_ns, end_ns)
    commands = recording.commands(start_ns, end_ns)
    first_seen: dict[float, float] = {}
    for stamp_s, seq in zip(wheels.stamp_s.tolist(), wheels.command_seq.tolist(), strict=True):
        first_seen.setdefault(seq, stamp_s)
    up = np.array(
        [
            first_seen[seq] - sent_s
            for sent_s, seq in zip(commands.sent_s.tolist(), commands.seq.tolist(), strict=True)
            if seq in first_seen
        ]
    )
    command_s = byte_s * (_FRAME_BYTES + wire.MESSAGES[wire.type_of(wire.Command)].layout.size)
    telemetry_s = byte_s * (_FRAME_BYTES + wire.MESSAGES[wire.type_of(wire.Telemetry)].layout.size)
    to_mcu = latency.least_delay(up - offset.value - command_s, 1.0 / drives.robot.firmware.loop_hz)
    to_host = latency.least_delay(wheels.arrival_s - wheels.stamp_s + offset.value - telemetry_s, 0.005)
    late = [
        1e-9 * (arrival_ns - scan.stamp_ns) - scan.time_increment_s * (len(scan.ranges_m) - 1)
        for scan, arrival_ns in recording.scans(0, 2**62)
    ]
    return _beside(to_mcu, offset), _beside(to_host, offset), latency.least_delay(np.array(late), 0.005)


def _beside(delay: Delay, offset: Estimate) -> Delay:
    """The clock's own doubt belongs to both ways, and no delay is negative."""
    least = delay.least
    sigma = math.hypot(least.sigma, offset.sigma)
    return Delay(Estimate(max(0.0, least.value), sigma, least.freedom), delay.jitter_s)


# ------------------------------------------------------------ IMU and brake


def _gyro_scale(recording: Recording, drives: Drives, places: list[Place]) -> Estimate | None:
    """True turn over told turn, over all motions with a turn; the bias is interpolated between the standstills."""
    true, told, sigma = [], [], 0.0
    stands = drives.stands
    for index in range(1, len(stands)):
        before, after = stands[index - 1], stands[index]
        bias = [float(np.mean(recording.imu(s.start_ns, s.end_ns).gyro_radps)) for s in (before, after)]
        samples = recording.imu(before.end_ns, after.start_ns)
        if len(samples.stamp_s) < 2:
            continue
        rate = samples.gyro_radps - 0.5 * (bias[0] + bias[1])
        turned = float(np.sum(0.5 * (rate[1:] + rate[:-1]) * np.diff(samples.stamp_s)))
        if abs(turned) < _LEAST_STEP_RAD:
            continue
        seen = wrap_angle(places[index].pose.yaw_rad - places[index - 1].pose.yaw_rad)
        true.append(turned + wrap_angle(seen - turned))
        told.append(turned)
        sigma = max(sigma, math.hypot(places[index].sigma_rad, places[index - 1].sigma_rad))
    return inertial.scale_of(np.array(true), np.array(told), sigma) if len(true) >= 2 else None


def _accel_scale(recording: Recording, drives: Drives, found: WheelGeometry) -> Estimate | None:
    """Speed gained by the wheels over speed gained by the accelerometer, in the run-ups to the stops."""
    assert drives.rest is not None
    per_tick = 2.0 * math.pi / drives.robot.drive.ticks_per_wheel_rev
    true, told = [], []
    for start_ns, ordered_ns, _ in drives.stops:
        wheels = recording.wheels(ordered_ns - 60_000_000, ordered_ns)
        way = per_tick * 0.5 * (wheels.left_ticks * found.left_radius_m + wheels.right_ticks * found.right_radius_m)
        samples = recording.imu(start_ns, ordered_ns - 30_000_000)
        accel = samples.accel_x_mps2 - drives.rest.accel_x_bias_mps2.value
        told.append(float(np.sum(0.5 * (accel[1:] + accel[:-1]) * np.diff(samples.stamp_s))))
        true.append(float(np.polyfit(wheels.stamp_s, way, 1)[0]))
    return inertial.scale_of(np.array(true), np.array(told), 0.003) if len(true) >= 2 else None


def _deceleration(
    recording: Recording, drives: Drives, found: WheelGeometry
) -> tuple[Estimate | None, tuple[Floats, ...]]:
    """Achievable deceleration by the accelerometer; None without one."""
    if drives.rest is None or not drives.stops:
        return None, ()
    per_tick = 2.0 * math.pi / drives.robot.drive.ticks_per_wheel_rev
    plateaus, curves = [], []
    for _, ordered_ns, end_ns in drives.stops:
        wheels = recording.wheels(ordered_ns - 100_000_000, ordered_ns)
        way = per_tick * 0.5 * (wheels.left_ticks * found.left_radius_m + wheels.right_ticks * found.right_radius_m)
        speed = float(np.polyfit(wheels.stamp_s, way, 1)[0])
        samples = recording.imu(ordered_ns, end_ns)
        accel = samples.accel_x_mps2 - drives.rest.accel_x_bias_mps2.value
        if speed < 0.1:
            raise CalibrationError(f"the run-up to a stop reached {speed:.2f} m/s only")
        plateaus.append(deceleration.plateau(accel, 1.0 / drives.robot.link.telemetry_hz, speed))
        curves += [samples.stamp_s - 1e-9 * ordered_ns, accel]
    return deceleration.achievable_mps2(plateaus), tuple(curves)
