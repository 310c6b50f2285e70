"""The firmware's C core inside this process, stepped in lockstep: the board ``native``."""

from __future__ import annotations

import ctypes
import struct
from enum import IntEnum
from functools import cache
from pathlib import Path
from typing import NamedTuple

from amr.errors import DataError
from firmware_bridge.native_build import build_native
from firmware_bridge.wire import Telemetry, scale

_INPUTS = struct.Struct("<IIIhhhHBBBx")
"""``fw_inputs``: now_us, left_ticks, right_ticks, gyro_z, accel_x, accel_y, battery, estop, imu_ok, driver_fault."""
_OUTPUTS = struct.Struct("<hhBB")
"""``fw_outputs``: left_duty, right_duty, drive, watchdog_ok."""
_SNAPSHOT_HEADER = struct.Struct("<4sII")
"""Magic, build number of the firmware, size of its state."""
_SNAPSHOT_MAGIC = b"AFW1"
_U32 = 0xFFFF_FFFF
_DUTY_ONE = 32767.0
_GYRO_PER_RADPS = 1.0 / scale(Telemetry, "gyro_z_raw")
_ACCEL_PER_MPS2 = 1.0 / scale(Telemetry, "accel_x_mm_s2")
_TX_CHUNK = 2048


class DriveMode(IntEnum):
    """What the H-bridges do (values are those of ``fw_outputs``)."""

    DRIVE = 0
    BRAKE = 1
    """Motor terminals shorted."""
    COAST = 2
    """Motor terminals open."""


_DRIVE_MODES = tuple(DriveMode)


class Duty(NamedTuple):
    """What the firmware puts on the pins; fractions of the supply in [-1, 1], > 0 is forward, 0 unless DRIVE."""

    left_frac: float
    right_frac: float
    drive: DriveMode
    watchdog_ok: bool
    """The loop went through all its work; a board kicks its watchdog only then."""


@cache
def load_library(path: Path | None = None) -> ctypes.PyDLL:
    """The C core as a library: the one at ``path``, or the one built from our sources (once a process)."""
    # PyDLL: a call takes a few us, and handing the GIL around would cost more and let other threads in between.
    library = ctypes.PyDLL(str(build_native() if path is None else path))
    library.native_state_size.argtypes = []
    library.native_state_size.restype = ctypes.c_uint32
    library.native_build.argtypes = []
    library.native_build.restype = ctypes.c_uint32
    library.native_init.argtypes = [ctypes.c_void_p, ctypes.c_uint32, ctypes.c_uint8, ctypes.c_uint32]
    library.native_init.restype = None
    library.fw_rx.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint32]
    library.fw_rx.restype = None
    library.fw_tick.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p]
    library.fw_tick.restype = None
    library.fw_tx.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t]
    library.fw_tx.restype = ctypes.c_size_t
    library.fw_loop_period_us.argtypes = [ctypes.c_void_p]
    library.fw_loop_period_us.restype = ctypes.c_uint32
    return library


def _raw_i16(value: float, per_unit: float, name: str) -> int:
    """Raw value as the sensor's own range has it: it saturates; NaN and infinity are no measurement."""
    try:
        raw = round(value * per_unit)
    except (ValueError, OverflowError):
        raise ValueError(f"{name}: must be finite, got {value}") from None
    return -32767 if raw < -32767 else (min(raw, 32767))


class NativeFirmware:
    """One microcontroller. All its state is in the C core: ``snapshot`` and ``restore`` copy it whole.

    Times are the MCU's own clock in microseconds, taken modulo 2**32. ``boot_id`` must differ from boot to boot.
    ``shared_object`` takes a library built otherwise (``make asan``, ``make coverage``).
    Raises ``AmrError`` when the core cannot be compiled.
    """

    def __init__(
        self, boot_id: int, now_us: int = 0, *, after_watchdog: bool = False, shared_object: Path | None = None
    ) -> None:
        library = self._library = load_library(shared_object)
        self._fw_rx, self._fw_tick, self._fw_tx = library.fw_rx, library.fw_tick, library.fw_tx
        self._state = ctypes.create_string_buffer(library.native_state_size())
        self._inputs = ctypes.create_string_buffer(_INPUTS.size)
        self._outputs = ctypes.create_string_buffer(_OUTPUTS.size)
        self._sent = ctypes.create_string_buffer(_TX_CHUNK)
        self._at = ctypes.addressof(self._state)
        self._inputs_at, self._outputs_at = ctypes.addressof(self._inputs), ctypes.addressof(self._outputs)
        self.reset(boot_id, now_us, after_watchdog=after_watchdog)

    def reset(self, boot_id: int, now_us: int, *, after_watchdog: bool = False) -> None:
        """Power-up, or the restart that a watchdog forced: session, configuration and counters are gone."""
        self._library.native_init(self._at, boot_id & _U32, after_watchdog, now_us & _U32)

    def receive(self, data: bytes, now_us: int) -> None:
        """Bytes from the line; any bytes are safe."""
        self._fw_rx(self._at, data, len(data), now_us & _U32)

    def tick(
        self,
        now_us: int,
        left_ticks: int,
        right_ticks: int,
        gyro_z_radps: float,
        accel_x_mps2: float,
        accel_y_mps2: float,
        battery_v: float,
        estop: bool,
        imu_ok: bool = True,
        driver_fault: bool = False,
    ) -> Duty:
        """One loop; counts run modulo 2**32. Raises ``ValueError`` naming a sensor value that is not finite."""
        try:
            battery_mv = round(battery_v * 1000.0)
        except (ValueError, OverflowError):
            raise ValueError(f"battery_v: must be finite, got {battery_v}") from None
        _INPUTS.pack_into(
            self._inputs,
            0,
            now_us & _U32,
            left_ticks & _U32,
            right_ticks & _U32,
            _raw_i16(gyro_z_radps, _GYRO_PER_RADPS, "gyro_z_radps"),
            _raw_i16(accel_x_mps2, _ACCEL_PER_MPS2, "accel_x_mps2"),
            _raw_i16(accel_y_mps2, _ACCEL_PER_MPS2, "accel_y_mps2"),
            0 if battery_mv < 0 else (min(battery_mv, 65535)),
            estop,
            imu_ok,
            driver_fault,
        )
        self._fw_tick(self._at, self._inputs_at, self._outputs_at)
        left, right, drive, watchdog_ok = _OUTPUTS.unpack_from(self._outputs)
        return Duty(left / _DUTY_ONE, right / _DUTY_ONE, _DRIVE_MODES[drive], watchdog_ok != 0)

    def transmit(self) -> bytes:
        """All bytes that wait for the line (at most 512)."""
        count = self._fw_tx(self._at, self._sent, _TX_CHUNK)
        return self._sent.raw[:count] if count else b""

    @property
    def loop_period_us(self) -> int:
        """Period at which the firmware wants its ``tick``; 5000 until a configuration says otherwise."""
        return int(self._library.fw_loop_period_us(self._at))

    def snapshot(self) -> bytes:
        """The whole state; valid for the same firmware build on the same kind of machine."""
        return _SNAPSHOT_HEADER.pack(_SNAPSHOT_MAGIC, self._library.native_build(), len(self._state)) + self._state.raw

    def restore(self, snapshot: bytes) -> None:
        """Go back to a snapshot. Raises ``DataError`` when it is torn or of another build."""
        header = snapshot[: _SNAPSHOT_HEADER.size]
        expected = self.snapshot()
        if len(snapshot) != len(expected):
            raise DataError(f"firmware snapshot: {len(snapshot)} bytes, expected {len(expected)}")
        if header != expected[: _SNAPSHOT_HEADER.size]:
            raise DataError("firmware snapshot: made by another build of the firmware")
        ctypes.memmove(self._at, snapshot[_SNAPSHOT_HEADER.size :], len(self._state))
