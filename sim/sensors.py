"""What the sensors report of the truth: encoders, inertial unit, lidar. All noise comes from the seed and a counter."""

from __future__ import annotations

import math
from collections import deque
from typing import Final

import numpy as np
from numpy.typing import NDArray

from amr.config.hardware import Drive, ImuModel, Lidar
from amr.errors import ConfigError
from amr.messages import Scan
from amr.portable_math import TWO_PI, sin_cos
from amr.units import NS_PER_S, ns_from_s
from sim.kernels.lidar import cast_sweep, cast_turn, measure
from sim.kernels.noise import normal, uniform
from sim.physics import STEP_NS
from sim.scene import Scene

# 1 and 2 belong to sim.kernels.lidar
_IMU_CONSTANT_STREAM: Final = np.uint64(3)
_IMU_NOISE_STREAM: Final = np.uint64(4)
_LIDAR_PHASE_STREAM: Final = np.uint64(5)


def encoder_ticks(wheel_rad: float, drive: Drive) -> int:
    """Count of a quadrature encoder that stood at 0 with the wheel at 0 rad."""
    return math.floor(wheel_rad * drive.ticks_per_wheel_rev / TWO_PI)


class ImuSensor:
    """Gyro with constant bias and scale error, accelerometer with noise; a sample is the mean over its interval.

    What the robot file says of scale and offset is in it, and what a calibration leaves over is drawn.
    """

    def __init__(self, model: ImuModel, seed: int) -> None:
        self._model = model
        self._seed = np.uint64(seed)
        zero = np.uint64(0)
        self._bias_radps = model.gyro_bias_radps * float(normal(self._seed, _IMU_CONSTANT_STREAM, zero, zero))
        self._scale = 1.0 + model.gyro_scale_frac * float(normal(self._seed, _IMU_CONSTANT_STREAM, zero, np.uint64(1)))

    def sample(
        self, before: NDArray[np.float64], after: NDArray[np.float64], duration_s: float, tick: int
    ) -> tuple[float, float, float]:
        """(gyro z rad/s, accelerometer x, y m/s2) in the base frame between two rows of a trajectory."""
        turn = float(after[2] - before[2])
        ax, ay = _mean_acceleration(before, after, duration_s)
        noise = [float(normal(self._seed, _IMU_NOISE_STREAM, np.uint64(tick), np.uint64(i))) for i in range(3)]
        told_radps = turn / duration_s * self._scale / self._model.gyro_scale + self._model.gyro_offset_radps
        return (
            told_radps + self._bias_radps + self._model.gyro_noise_radps * noise[0],
            ax + self._model.accel_noise_mps2 * noise[1],
            ay + self._model.accel_noise_mps2 * noise[2],
        )


def _mean_acceleration(
    before: NDArray[np.float64], after: NDArray[np.float64], duration_s: float
) -> tuple[float, float]:
    """Acceleration of the base origin, in the axes of the middle of the interval."""
    half = 0.5 * float(after[2] - before[2])
    sine, cosine = sin_cos(half)
    v0, vy0, v1, vy1 = float(before[3]), float(before[4]), float(after[3]), float(after[4])
    ax = (cosine * v1 - sine * vy1) - (cosine * v0 + sine * vy0)
    ay = (sine * v1 + cosine * vy1) - (cosine * vy0 - sine * v0)
    return ax / duration_s, ay / duration_s


class LidarSensor:
    """Makes scans at the rate of the robot file and delivers them with its latency.

    Scans start on whole milliseconds; the first one falls at a random place in the first period (by the seed), since a
    real lidar does not know when the robot's loop runs.
    """

    def __init__(self, model: Lidar, scene: Scene, seed: int) -> None:
        if model.beams * model.angle_increment_rad > TWO_PI + model.angle_increment_rad:
            raise ConfigError("lidar.beams: must cover at most one turn")
        if model.rate_hz > 1000.0:
            raise ConfigError("lidar.rate_hz: must be at most 1000 (one scan a physics step)")
        self._model, self._scene, self._seed = model, scene, np.uint64(seed)
        directions = [sin_cos(model.angle_min_rad + i * model.angle_increment_rad) for i in range(model.beams)]
        self._beam_sin = np.array([s for s, _ in directions])
        self._beam_cos = np.array([c for _, c in directions])
        self._ranges = np.zeros(model.beams)
        self._period_ns = ns_from_s(1.0 / model.rate_hz)
        zero = np.uint64(0)
        share = float(uniform(self._seed, _LIDAR_PHASE_STREAM, zero, zero))
        self._phase_ns = STEP_NS * (1 + math.floor(share * self._period_ns / STEP_NS))
        self._scan = 0
        self._next_beam = 0
        self._pending: deque[tuple[int, Scan]] = deque()

    def watch(self, poses: NDArray[np.float64], start_ns: int) -> None:
        """Measure what falls into the time of ``poses``: row 0 is the pose at ``start_ns``, then one each ms."""
        end_ns = start_ns + (poses.shape[0] - 1) * STEP_NS
        if self._model.sweep:
            self._watch_sweep(poses, start_ns, end_ns)
            return
        while self._stamp_ns() <= end_ns:
            stamp_ns = self._stamp_ns()
            self._measure_turn(poses[(stamp_ns - start_ns) // STEP_NS], stamp_ns)
            self._finish(stamp_ns, 0.0)

    def due(self, now_ns: int) -> list[Scan]:
        """Scans whose delivery time has come, oldest first; each is given out once."""
        scans = []
        while self._pending and self._pending[0][0] <= now_ns:
            scans.append(self._pending.popleft()[1])
        return scans

    def _stamp_ns(self) -> int:
        """Time of the first beam of the scan that is measured now or next, on a whole millisecond."""
        return self._phase_ns + self._scan * self._period_ns // STEP_NS * STEP_NS

    def _measure_turn(self, row: NDArray[np.float64], stamp_ns: int) -> None:
        scene, model = self._scene, self._model
        scene.move_to(stamp_ns / NS_PER_S)
        sine, cosine = sin_cos(float(row[2]))
        cast_turn(
            float(row[0]) + cosine * model.x_m - sine * model.y_m,
            float(row[1]) + sine * model.x_m + cosine * model.y_m,
            float(row[2]) + model.yaw_rad,
            model.angle_min_rad,
            model.angle_increment_rad,
            model.range_max_m,
            self._beam_cos,
            self._beam_sin,
            scene.circles,
            scene.points,
            scene.point_start,
            scene.boxes,
            self._ranges,
        )

    def _watch_sweep(self, poses: NDArray[np.float64], start_ns: int, end_ns: int) -> None:
        scene, model = self._scene, self._model
        beam_s = 1.0 / (model.rate_hz * model.beams)
        beam_ns = beam_s * NS_PER_S
        # obstacles stand still for the few ms of one call: 5 mm at 1 m/s
        scene.move_to(end_ns / NS_PER_S)
        while (elapsed_ns := end_ns - self._stamp_ns()) >= 0:
            first, end = self._next_beam, min(math.floor(elapsed_ns / beam_ns) + 1, model.beams)
            cast_sweep(
                poses,
                (self._stamp_ns() - start_ns) / STEP_NS,
                beam_ns / STEP_NS,
                first,
                end,
                model.x_m,
                model.y_m,
                model.yaw_rad,
                model.angle_min_rad,
                model.angle_increment_rad,
                model.range_max_m,
                scene.circles,
                scene.points,
                scene.point_start,
                scene.boxes,
                self._ranges,
            )
            self._next_beam = end
            if end < model.beams:
                return
            self._finish(self._stamp_ns(), beam_s)

    def _finish(self, stamp_ns: int, beam_s: float) -> None:
        """Turn the true ranges into a scan that waits for its delivery."""
        model = self._model
        ranges = np.zeros(model.beams, np.float32)
        measure(
            self._ranges,
            model.range_max_m,
            model.noise_sigma_m,
            model.dropout_frac,
            self._seed,
            np.uint64(self._scan),
            ranges,
        )
        ranges.setflags(write=False)
        last_beam_ns = stamp_ns + ns_from_s((model.beams - 1) * beam_s)
        scan = Scan(
            stamp_ns,
            model.angle_min_rad,
            model.angle_increment_rad,
            model.range_min_m,
            model.range_max_m,
            beam_s,
            ranges,
        )
        self._pending.append((last_beam_ns + ns_from_s(model.latency_s), scan))
        self._scan += 1
        self._next_beam = 0
