"""Dead reckoning: wheel counts and gyro in, pose, twist and covariance in the odom frame out.

An extended Kalman filter over (x, y, yaw, gyro bias). The gyro turns it, the wheels move it; a skid steer's slide over
the floor is computed from friction (``amr.wheel_slide``). Wheels that stand still show the gyro's bias;
wheels that drive only bound it, since their yaw rate is worth little under slip. When the gyro is silent for 50 ms the
wheels turn the pose, with the noise that this deserves.

Measurements count in the order of their stamps, not of their arrival: a history of ``history_s`` is kept, and a late
one re-runs what follows it.
"""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from amr.config.robot import RobotConfig
from amr.estimation.base import Estimate, OdometryFaults
from amr.geometry import IDENTITY, STANDSTILL, Pose2, Twist2, wrap_angle
from amr.kernels import estimation_state as columns
from amr.kernels.estimation_history import apply_events
from amr.messages import BaseState, Imu
from amr.portable_math import sin_cos
from amr.units import GRAVITY_MPS2, NS_PER_S, ns_from_s, s_from_ns

_PENDING = 2048
_GYRO_NOISE_LEAST_RADPS = 1e-4
_BIAS_LEAST_RADPS = 1e-3
"""A perfect sensor in the robot file must not make the filter deaf."""
_POSE_AT_EXTRAPOLATION_NS = 20_000_000


class OdometryFilter:
    """Feed with ``ingest`` as messages come, then ``predict`` once a step: that is where they take effect.

    The odom frame is where the robot stood at the first message. Cost: 0.02 ms a step with 4 + 4 messages.
    """

    snapshot_constants: ClassVar[tuple[str, ...]] = ("_friction_mps2", "_contacts")

    def __init__(self, config: RobotConfig) -> None:
        """At the odom origin, at rest, with the bias unknown to ``imu.gyro_bias_radps``."""
        estimation = config.estimation
        self._settings = _settings(config)
        self._friction_mps2 = float(self._settings[columns.FRICTION_MPS2])
        skid_steer = config.drive.kind == "skid_steer"
        self._contacts: NDArray[np.float64] = np.array(
            config.drive.wheel_positions_m if skid_steer else (), np.float64
        ).reshape(-1, 2)
        self._history_ns = ns_from_s(estimation.history_s)
        self._extrapolate_ns = ns_from_s(estimation.extrapolate_s)
        self._future_ns = ns_from_s(estimation.future_tolerance_s)
        self._slip_threshold_radps = estimation.slip_threshold_radps
        capacity = max(512, int(5 * config.link.telemetry_hz * estimation.history_s))
        self._events: NDArray[np.int64] = np.zeros((capacity, columns.EVENT_COLUMNS), np.int64)
        self._gyro: NDArray[np.float64] = np.zeros(capacity, np.float64)
        self._floats: NDArray[np.float64] = np.zeros((capacity, columns.FLOATS), np.float64)
        self._ints: NDArray[np.int64] = np.zeros((capacity, columns.INTS), np.int64)
        self._count = 1
        self._events[0, columns.EVENT_TIME] = columns.NEVER
        for column in (columns.TIME, columns.WHEEL_TIME, columns.IMU_TIME, columns.DOUBT_TIME):
            self._ints[0, column] = columns.NEVER
        bias_sigma_radps = max(config.imu.gyro_bias_radps, _BIAS_LEAST_RADPS)
        self._floats[0, columns.P + columns.BIAS * columns.STATE + columns.BIAS] = bias_sigma_radps**2
        self._fresh: list[tuple[int, int, int, int, int]] = []
        self._fresh_gyro: list[float] = []
        self._refused: NDArray[np.int64] = np.zeros(2, np.int64)
        self._not_finite = 0
        self._future = 0
        self._overflow = 0

    def set_grip(self, part: float) -> None:
        """From now on the floor gives this part of the file's friction (``estimation.grip``)."""
        self._settings[columns.FRICTION_MPS2] = part * self._friction_mps2

    @property
    def slip_radps(self) -> float:
        """Yaw rate by wheels minus yaw rate by gyro, smoothed over 0.1 s: wheels that slide."""
        return float(self._floats[self._count - 1, columns.SLIP])

    @property
    def slipping(self) -> bool:
        """True when ``slip_radps`` exceeds ``slip_threshold_radps``."""
        return abs(self.slip_radps) > self._slip_threshold_radps

    @property
    def gyro_bias_radps(self) -> float:
        """The estimate of the gyro's bias."""
        return float(self._floats[self._count - 1, columns.BIAS])

    @property
    def faults(self) -> OdometryFaults:
        """What was refused so far."""
        newest = self._ints[self._count - 1]
        return OdometryFaults(
            not_finite=self._not_finite,
            duplicate=int(self._refused[0]),
            too_late=int(self._refused[1]),
            future=self._future,
            overflow=self._overflow,
            implausible_ticks=int(newest[columns.IMPLAUSIBLE]),
            reboots=int(newest[columns.REBOOTS]),
        )

    def ingest(self, message: BaseState | Imu) -> None:
        """Take one measurement; it counts from the next ``predict`` on. Never raises; see ``faults``."""
        if len(self._fresh) >= _PENDING:
            self._overflow += 1
        elif isinstance(message, Imu):
            if math.isfinite(message.gyro_z_radps):
                self._fresh.append((message.stamp_ns, columns.IS_IMU, 0, 0, 0))
                self._fresh_gyro.append(message.gyro_z_radps)
            else:
                self._not_finite += 1
        else:
            self._fresh.append(
                (message.stamp_ns, columns.IS_WHEELS, message.boot_id, message.left_ticks, message.right_ticks)
            )
            self._fresh_gyro.append(0.0)

    def predict(self, now_ns: int) -> Estimate:
        """The estimate at ``now_ns``, from all that was ingested.

        The last speed is carried on for at most ``extrapolate_s`` after the last wheel sample, then the pose is held
        and the speed is 0.
        """
        self._apply(now_ns)
        pose = self._carried_on(now_ns)
        f, k = self._floats[self._count - 1], self._ints[self._count - 1]
        wheel_ns = int(k[columns.WHEEL_TIME])
        heard = wheel_ns != columns.NEVER and now_ns - wheel_ns <= self._extrapolate_ns
        turning = int(k[columns.TIME]) != columns.NEVER and now_ns - int(k[columns.TIME]) <= self._extrapolate_ns
        twist = Twist2(
            float(f[columns.VX]) if heard else 0.0,
            float(f[columns.W]) if turning else 0.0,
        )
        p = [float(value) for value in f[columns.P : columns.P + columns.STATE * 3]]
        return Estimate(
            now_ns,
            pose,
            twist if twist.is_finite() else STANDSTILL,
            ((p[0], p[1], p[2]), (p[4], p[5], p[6]), (p[8], p[9], p[10])),
        )

    def pose_at(self, stamp_ns: int) -> Pose2 | None:
        """The pose at a past time, as known at the last ``predict``; between wheel samples interpolated.

        At most 20 ms later than the last wheel sample; None when later than that, or before the history.
        """
        times = self._events[: self._count, columns.EVENT_TIME]
        after = int(np.searchsorted(times, stamp_ns))
        later = self._wheel_row(after, 1)
        earlier = self._wheel_row(after - 1, -1)
        if later is not None and int(self._ints[later, columns.WHEEL_TIME]) == stamp_ns:
            return self._row_pose(later)
        if earlier is None:
            return None
        if later is None:
            if stamp_ns - int(times[earlier]) > _POSE_AT_EXTRAPOLATION_NS:
                return None
            return self._carried_on(stamp_ns)
        part = (stamp_ns - int(times[earlier])) / (int(times[later]) - int(times[earlier]))
        a, b = self._row_pose(earlier), self._row_pose(later)
        return Pose2(
            a.x_m + part * (b.x_m - a.x_m),
            a.y_m + part * (b.y_m - a.y_m),
            wrap_angle(a.yaw_rad + part * wrap_angle(b.yaw_rad - a.yaw_rad)),
        )

    def _wheel_row(self, row: int, step: int) -> int | None:
        """The next row from ``row`` on, in steps of ``step``, that holds a wheel sample."""
        while 0 < row < self._count:
            if self._events[row, columns.EVENT_KIND] == columns.IS_WHEELS:
                return row
            row += step
        return None

    def _row_pose(self, row: int) -> Pose2:
        f = self._floats[row]
        return Pose2(float(f[columns.X]), float(f[columns.Y]), float(f[columns.YAW]))

    def _apply(self, now_ns: int) -> None:
        """Run the filter over what came since the last time."""
        if not self._fresh:
            return
        latest_ns = now_ns + self._future_ns
        events = np.array(self._fresh, np.int64)
        gyro = np.array(self._fresh_gyro, np.float64)
        early = events[:, columns.EVENT_TIME] <= latest_ns
        if not early.all():
            self._future += int((~early).sum())
            events, gyro = events[early], gyro[early]
        self._fresh.clear()
        self._fresh_gyro.clear()
        self._count = int(
            apply_events(
                events,
                gyro,
                len(events),
                self._events,
                self._gyro,
                self._floats,
                self._ints,
                self._count,
                self._history_ns,
                self._settings,
                self._contacts,
                self._refused,
            )
        )

    def _carried_on(self, stamp_ns: int) -> Pose2:
        """The newest state moved on to ``stamp_ns`` at its own speed."""
        f, k = self._floats[self._count - 1], self._ints[self._count - 1]
        if int(k[columns.TIME]) == columns.NEVER:
            return IDENTITY
        turn_s = s_from_ns(min(max(0, stamp_ns - int(k[columns.TIME])), self._extrapolate_ns))
        yaw_rad = wrap_angle(float(f[columns.YAW]) + float(f[columns.W]) * turn_s)
        x_m, y_m = float(f[columns.X]), float(f[columns.Y])
        if int(k[columns.WHEEL_TIME]) != columns.NEVER:
            move_s = s_from_ns(min(max(0, stamp_ns - int(k[columns.WHEEL_TIME])), self._extrapolate_ns))
            turned_rad = wrap_angle(yaw_rad - float(f[columns.YAW_AT_WHEELS]))
            s, c = sin_cos(yaw_rad - 0.5 * turned_rad)
            vx, vy = float(f[columns.VX]), float(f[columns.VY])
            x_m += (c * vx - s * vy) * move_s
            y_m += (s * vx + c * vy) * move_s
        return Pose2(x_m, y_m, yaw_rad)


def _settings(config: RobotConfig) -> NDArray[np.float64]:
    estimation, drive, imu = config.estimation, config.drive, config.imu
    fastest_mps = config.limits.v_max_mps + 0.5 * config.limits.w_max_radps * drive.track_m
    settings = np.zeros(columns.SETTINGS, np.float64)
    settings[columns.METERS_PER_TICK] = drive.metres_per_tick_m
    settings[columns.TRACK_M] = drive.track_m
    settings[columns.WAY_VARIANCE_PER_M] = estimation.wheel_speed_noise_frac**2
    settings[columns.TURN_VARIANCE_PER_RAD] = estimation.turn_slip_noise_m**2
    settings[columns.WHEEL_YAW_NOISE] = estimation.wheel_slip_yaw_noise_radps
    settings[columns.GYRO_NOISE] = max(imu.gyro_noise_radps, _GYRO_NOISE_LEAST_RADPS)
    settings[columns.GYRO_SCALE_NOISE] = imu.gyro_scale_frac
    settings[columns.BIAS_WALK] = estimation.gyro_bias_walk_radps2
    settings[columns.STANDSTILL_NS] = estimation.standstill_s * NS_PER_S
    settings[columns.STANDSTILL_RATE] = estimation.standstill_rate_radps
    settings[columns.FASTEST_MPS] = fastest_mps * estimation.tick_speed_limit_factor
    settings[columns.FRICTION_MPS2] = config.physics.friction * GRAVITY_MPS2
    settings[columns.CREEP_MPS] = estimation.slip_creep_mps
    return settings
