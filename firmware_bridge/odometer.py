"""Telemetry of the wire as the robot's messages: SI units, ticks without wraps."""

from __future__ import annotations

from amr.messages import BaseState, Imu
from firmware_bridge.wire import NOT_MEASURED, Telemetry, scale

_MPS = scale(Telemetry, "left_mm_s")
_RADPS = scale(Telemetry, "gyro_z_raw")
_MPS2 = scale(Telemetry, "accel_x_mm_s2")
_V = scale(Telemetry, "battery_mv")
_SATURATED = 32767
IMU_FROZEN_NS = 250_000_000
"""A sensor with noise does not give the same three numbers for so long."""


def _signed_step(raw: int, last_raw: int) -> int:
    step = (raw - last_raw) & 0xFFFFFFFF
    return step if step < 0x80000000 else step - 0x100000000


class Odometer:
    """Running tick counts of one boot; a new session with the same boot continues them.

    ``scales`` (left, right): radius of a wheel over the one that the robot reckons with. Counts and speeds are told as
    wheels of that one radius would have them, so that only the link knows that wheels differ.
    """

    def __init__(self, scales: tuple[float, float] = (1.0, 1.0)) -> None:
        self.boot_id: int | None = None
        self._scales = scales
        self._raw = (0, 0)
        self._ticks = (0, 0)

    def read(self, telemetry: Telemetry, stamp_ns: int, boot_id: int) -> BaseState:
        """The base's state; counts start with the raw ones at the first telemetry of a boot."""
        left, right = telemetry.left_ticks, telemetry.right_ticks
        if boot_id != self.boot_id:
            self.boot_id = boot_id
            self._raw = self._ticks = (left, right)
        self._ticks = (
            self._ticks[0] + _signed_step(left, self._raw[0]),
            self._ticks[1] + _signed_step(right, self._raw[1]),
        )
        self._raw = (left, right)
        left_scale, right_scale = self._scales
        return BaseState(
            stamp_ns,
            boot_id,
            round(self._ticks[0] * left_scale),
            round(self._ticks[1] * right_scale),
            telemetry.left_mm_s * _MPS * left_scale,
            telemetry.right_mm_s * _MPS * right_scale,
            telemetry.battery_mv * _V,
            telemetry.state,
            telemetry.faults,
            telemetry.last_command_seq,
        )


class ImuWatch:
    """Takes the inertial measurement out of telemetry, and notices a sensor that is gone or repeats itself.

    A frozen gyro is worse than none: without one the wheels turn the pose, with one that says "straight on" nothing.
    """

    def __init__(self, gyro_scale: float = 1.0, gyro_offset_radps: float = 0.0) -> None:
        self._gyro_scale, self._gyro_offset_radps = gyro_scale, gyro_offset_radps
        self._raw: tuple[int, int, int] | None = None
        self._since_ns = 0
        self.trouble = ""
        """Why there is no measurement now; '' while there is one."""

    def read(self, telemetry: Telemetry, stamp_ns: int) -> Imu | None:
        """The measurement; None when there is none, it is frozen, or an axis is saturated (a clipped rate is wrong)."""
        raw = (telemetry.gyro_z_raw, telemetry.accel_x_mm_s2, telemetry.accel_y_mm_s2)
        if raw != self._raw:
            self._raw, self._since_ns = raw, stamp_ns
        if NOT_MEASURED in raw:
            self.trouble = "the board measures none"
        elif stamp_ns - self._since_ns >= IMU_FROZEN_NS:
            self.trouble = f"frozen, equal values for {(stamp_ns - self._since_ns) // 1_000_000} ms"
        else:
            self.trouble = ""
            if _SATURATED not in raw and -_SATURATED not in raw:
                gyro_radps = (raw[0] * _RADPS - self._gyro_offset_radps) * self._gyro_scale
                return Imu(stamp_ns, gyro_radps, raw[1] * _MPS2, raw[2] * _MPS2)
        return None
