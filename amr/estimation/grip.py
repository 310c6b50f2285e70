"""How much of the file's friction the floor really gives, from wheels, gyro and accelerometer of a skid steer.

Multiple-model estimation (Magill 1965): the slide of ``amr.wheel_slide`` runs side by side on floors of
100, 90, ... 30 % of ``physics.friction``, and the accelerometer tells which of them the robot is on. A skid steer shows
it in its first curve, long before it brakes hard. A floor is believed to be slippery only on strong evidence, and a
better one than the file says never: whoever listens may only become more careful.

Source: D. T. Magill, "Optimal adaptive estimation of sampled stochastic processes", IEEE TAC 10 (1965).
"""

from __future__ import annotations

import math
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from amr.config.robot import RobotConfig
from amr.kernels.estimation_grip import slide_on_each, weigh
from amr.messages import BaseState, Imu
from amr.units import GRAVITY_MPS2, s_from_ns

_PARTS: Final = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3)
_SPAN_S: Final = 0.04
"""Accelerations are compared as means over this: long against the lag of the wheel speeds (10 ms)."""
_GAP_S: Final = 0.1
"""After a longer silence of the wheels everything starts anew."""
_ERROR_CAP: Final = 9.0
"""A bump counts as no more than three sigma."""
_MEMORY_S: Final = 3.0
"""Of time that tells something; then evidence counts e-fold less, so a better floor is noticed too."""
_EVIDENCE: Final = 12.0
"""Log likelihood ratio from which the file's friction is given up: 1 to 160 000."""
_DOUBT: Final = 4.0
"""Below this it is believed again."""
_REST_S: Final = 0.5
_BIAS_GAIN: Final = 0.02
"""Part by which a sample at rest moves the accelerometer's offset (its bias, and the floor's tilt)."""


class GripEstimator:
    """Feed with ``ingest`` in order of arrival; ``part`` is the answer. Without contacts that slide it stays 1.

    What is late, doubled or not finite is passed over; a restart of the base or a gap starts anew. Cost: 8 us a
    wheel sample.
    """

    snapshot_constants: ClassVar[tuple[str, ...]] = ("_frictions", "_contacts", "_creep_mps", "_sigma_mps2", "_enabled")

    def __init__(self, config: RobotConfig) -> None:
        estimation = config.estimation
        self._enabled = estimation.grip_enabled and config.drive.kind == "skid_steer"
        self._frictions = np.array(_PARTS) * (config.physics.friction * GRAVITY_MPS2)
        self._contacts: NDArray[np.float64] = np.array(config.drive.wheel_positions_m, np.float64).reshape(-1, 2)
        self._creep_mps = estimation.slip_creep_mps
        self._sigma_mps2 = math.hypot(estimation.accel_model_noise_mps2, config.imu.accel_noise_mps2)
        self._log_likelihood = np.zeros(len(_PARTS))
        self._velocities = np.zeros((len(_PARTS), 2))
        self._span_velocities = np.zeros((len(_PARTS), 2))
        self._span_turn_rad = 0.0
        self._span_s = 0.0
        self._sum_x = self._sum_y = 0.0
        self._samples = 0
        self._bias_x = self._bias_y = 0.0
        self._rest_s = 0.0
        self._w_radps = 0.0
        self._base: BaseState | None = None
        self._imu_ns: int | None = None
        self._part = 1.0

    @property
    def part(self) -> float:
        """The floor's friction as a part of the file's, in [0.3, 1]."""
        return self._part

    def ingest(self, message: BaseState | Imu) -> None:
        """Take one measurement."""
        if not self._enabled:
            return
        if isinstance(message, Imu):
            self._take_imu(message)
        else:
            self._take_wheels(message)

    def _take_imu(self, imu: Imu) -> None:
        values = (imu.gyro_z_radps, imu.accel_x_mps2, imu.accel_y_mps2)
        if not all(map(math.isfinite, values)) or (self._imu_ns is not None and imu.stamp_ns <= self._imu_ns):
            return
        self._imu_ns = imu.stamp_ns
        self._w_radps, x, y = values
        if self._rest_s >= _REST_S:
            self._bias_x += _BIAS_GAIN * (x - self._bias_x)
            self._bias_y += _BIAS_GAIN * (y - self._bias_y)
        self._sum_x += x - self._bias_x
        self._sum_y += y - self._bias_y
        self._samples += 1

    def _take_wheels(self, base: BaseState) -> None:
        left_mps, right_mps = base.left_mps, base.right_mps
        if not (math.isfinite(left_mps) and math.isfinite(right_mps)):
            return
        last = self._base
        if last is not None and last.boot_id == base.boot_id and base.stamp_ns <= last.stamp_ns:
            return
        self._base = base
        duration_s = 0.0 if last is None else s_from_ns(base.stamp_ns - last.stamp_ns)
        if last is None or last.boot_id != base.boot_id or duration_s > _GAP_S:
            self._velocities[:] = (0.5 * (left_mps + right_mps), 0.0)
            self._start_span()
            return
        self._rest_s = self._rest_s + duration_s if left_mps == 0.0 == right_mps else 0.0
        slide_on_each(
            self._velocities, self._w_radps, left_mps, right_mps, duration_s,
            self._frictions, self._creep_mps, self._contacts,
        )  # fmt: skip
        self._span_turn_rad += self._w_radps * duration_s
        self._span_s += duration_s
        if self._span_s >= _SPAN_S:
            self._finish_span()

    def _finish_span(self) -> None:
        if self._samples > 0:
            weigh(
                self._span_velocities, self._velocities, self._span_turn_rad, self._span_s,
                self._sum_x / self._samples, self._sum_y / self._samples,
                self._sigma_mps2, _ERROR_CAP, 1.0 - self._span_s / _MEMORY_S, self._log_likelihood,
            )  # fmt: skip
            self._judge()
        self._start_span()

    def _start_span(self) -> None:
        self._span_velocities[:] = self._velocities
        self._span_turn_rad = self._span_s = self._sum_x = self._sum_y = 0.0
        self._samples = 0

    def _judge(self) -> None:
        best = int(self._log_likelihood.argmax())
        evidence = float(self._log_likelihood[best] - self._log_likelihood[0])
        if evidence >= (_EVIDENCE if self._part == 1.0 else _DOUBT):
            self._part = _PARTS[best]
        else:
            self._part = 1.0
