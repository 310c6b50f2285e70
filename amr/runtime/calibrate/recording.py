"""What a calibration hears and says, in the order of time, as arrays when asked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from amr.messages import BaseState, Imu, Scan, WheelCommand

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class WheelSamples:
    """float64 [n] each: stamp and arrival (s), counts, surface speeds (m/s) by the file's radius, command number."""

    stamp_s: Floats
    arrival_s: Floats
    left_ticks: Floats
    right_ticks: Floats
    left_mps: Floats
    right_mps: Floats
    command_seq: Floats
    battery_v: Floats


@dataclass(frozen=True, slots=True, eq=False)
class ImuSamples:
    """float64 [n] each."""

    stamp_s: Floats
    gyro_radps: Floats
    accel_x_mps2: Floats
    accel_y_mps2: Floats


@dataclass(frozen=True, slots=True, eq=False)
class CommandSamples:
    """float64 [n] each: time of sending (s), wheel speeds (m/s), frame number."""

    sent_s: Floats
    left_mps: Floats
    right_mps: Floats
    seq: Floats


class Recording:
    """Grows through one programme. Windows are half-open in ns of the host's clock."""

    def __init__(self) -> None:
        self._wheels: list[tuple[int, int, int, int, float, float, int, float]] = []
        self._imu: list[tuple[int, float, float, float]] = []
        self._scans: list[tuple[Scan, int]] = []
        self._commands: list[tuple[int, float, float, int]] = []

    def add(self, message: BaseState | Imu | Scan, arrival_ns: int) -> None:
        """One measurement."""
        if isinstance(message, Scan):
            self._scans.append((message, arrival_ns))
        elif isinstance(message, Imu):
            self._imu.append((message.stamp_ns, message.gyro_z_radps, message.accel_x_mps2, message.accel_y_mps2))
        else:
            self._wheels.append(
                (
                    message.stamp_ns, arrival_ns, message.left_ticks, message.right_ticks, message.left_mps,
                    message.right_mps, message.last_command_seq, message.battery_v,
                )
            )  # fmt: skip

    def add_command(self, command: WheelCommand, sent_ns: int, seq: int) -> None:
        """One command as sent."""
        self._commands.append((sent_ns, command.left_mps, command.right_mps, seq))

    def wheels(self, start_ns: int, end_ns: int) -> WheelSamples:
        """Telemetry stamped in the window."""
        rows = _table([row for row in self._wheels if start_ns <= row[0] < end_ns], 8)
        return WheelSamples(1e-9 * rows[0], 1e-9 * rows[1], *rows[2:])

    def imu(self, start_ns: int, end_ns: int) -> ImuSamples:
        """Inertial samples stamped in the window."""
        rows = _table([row for row in self._imu if start_ns <= row[0] < end_ns], 4)
        return ImuSamples(1e-9 * rows[0], *rows[1:])

    def commands(self, start_ns: int, end_ns: int) -> CommandSamples:
        """Commands sent in the window."""
        rows = _table([row for row in self._commands if start_ns <= row[0] < end_ns], 4)
        return CommandSamples(1e-9 * rows[0], *rows[1:])

    def scans(self, start_ns: int, end_ns: int) -> list[tuple[Scan, int]]:
        """(scan, arrival ns) of the scans whose first and last beam lie in the window."""
        return [
            (scan, arrival_ns)
            for scan, arrival_ns in self._scans
            if scan.stamp_ns >= start_ns
            and scan.stamp_ns + round(1e9 * scan.time_increment_s * len(scan.ranges_m)) < end_ns
        ]

    @property
    def newest_scan(self) -> Scan | None:
        """The last one."""
        return self._scans[-1][0] if self._scans else None

    @property
    def newest_wheels(self) -> tuple[int, int] | None:
        """(left, right) counts of the newest telemetry."""
        return (self._wheels[-1][2], self._wheels[-1][3]) if self._wheels else None

    @property
    def has_imu(self) -> bool:
        """An inertial sample came."""
        return bool(self._imu)

    def turned_rad(self, start_ns: int, bias_radps: float) -> float:
        """By the gyro since ``start_ns``; nan without one."""
        rows = []
        for row in reversed(self._imu):
            if row[0] < start_ns:
                break
            rows.append(row)
        if len(rows) < 2:
            return float("nan")
        times = np.array([row[0] for row in rows[::-1]], np.float64) * 1e-9
        rates = np.array([row[1] for row in rows[::-1]]) - bias_radps
        return float(np.sum(0.5 * (rates[1:] + rates[:-1]) * np.diff(times)))


def _table(rows: list[tuple[float, ...]], width: int) -> list[Floats]:
    table = np.array(rows, np.float64).reshape(-1, width)
    return [np.ascontiguousarray(table[:, column]) for column in range(width)]
