"""A robot with something broken: the faults of sensors and motors that a run can ask for.

What the faults do to the truth: encoders lose, swap or stop their counts, a motor loses its wire, the battery sags, the
inertial unit or the lidar freezes, goes blind or dies, the lidar sits turned on the robot. All from ``from_ns`` on.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from amr.config.robot import RobotConfig
from amr.geometry import Pose2
from amr.messages import Scan
from sim.physics import MotorMode
from sim.plant import Plant
from sim.world import World


class LidarFault(StrEnum):
    """What the lidar does."""

    NONE = "none"
    DEAD = "dead"
    """No scan comes any more."""
    BLIND = "blind"
    """The emitter is off: scans without a return."""
    HALF_BLIND = "half_blind"
    """The first half of the beams has no return any more."""
    FROZEN = "frozen"
    """The last turn again and again, with new stamps."""


@dataclass(frozen=True, slots=True)
class SensorFaults:
    """Pairs are (left, right)."""

    from_ns: int = 0
    encoder_gains: tuple[float, float] = (1.0, 1.0)
    """Counts for a true count: 0 = broken, between = its coupling slips, < 0 = turned round."""
    encoders_swapped: bool = False
    motor_gains: tuple[float, float] = (1.0, 1.0)
    """Share of the duty that reaches the motor: 0 = a wire is off (the motor turns freely)."""
    battery_drop_v: float = 0.0
    imu_frozen: bool = False
    lidar: LidarFault = LidarFault.NONE
    lidar_turned_rad: float = 0.0
    """The lidar sits so much further round than the robot file says; from the start."""


class FaultyPlant(Plant):
    """A ``Plant`` with ``SensorFaults``."""

    def __init__(
        self,
        world: World,
        robot: RobotConfig,
        seed: int,
        backend: str,
        start: Pose2 | None,
        faults: SensorFaults,
    ) -> None:
        lidar = robot.lidar.model_copy(update={"yaw_rad": robot.lidar.yaw_rad + faults.lidar_turned_rad})
        super().__init__(world, robot.model_copy(update={"lidar": lidar}), seed, backend, start)
        self.faults = faults
        self._true_counts = (0, 0)
        self._counts = [0.0, 0.0]
        self._frozen_imu: tuple[float, float, float] | None = None
        self._last_scan: Scan | None = None

    @property
    def _broken(self) -> bool:
        return self.time_ns >= self.faults.from_ns

    def advance(
        self,
        duration_ns: int,
        left_duty: float,
        right_duty: float,
        left_mode: MotorMode = MotorMode.DRIVE,
        right_mode: MotorMode = MotorMode.DRIVE,
    ) -> None:
        """See ``Plant.advance``."""
        if self._broken:
            left_gain, right_gain = self.faults.motor_gains
            left_duty, right_duty = left_duty * left_gain, right_duty * right_gain
            left_mode = left_mode if left_gain else MotorMode.COAST
            right_mode = right_mode if right_gain else MotorMode.COAST
        super().advance(duration_ns, left_duty, right_duty, left_mode, right_mode)

    def encoders(self) -> tuple[int, int]:
        """See ``Plant.encoders``."""
        true = super().encoders()
        gains = self.faults.encoder_gains if self._broken else (1.0, 1.0)
        for side in range(2):
            self._counts[side] += gains[side] * (true[side] - self._true_counts[side])
        self._true_counts = true
        left, right = (math.floor(count) for count in self._counts)
        return (right, left) if self.faults.encoders_swapped and self._broken else (left, right)

    def imu(self) -> tuple[float, float, float]:
        """See ``Plant.imu``."""
        if not (self.faults.imu_frozen and self._broken):
            return super().imu()
        if self._frozen_imu is None:
            self._frozen_imu = super().imu()
        return self._frozen_imu

    def battery_v(self) -> float:
        """See ``Plant.battery_v``."""
        return super().battery_v() - (self.faults.battery_drop_v if self._broken else 0.0)

    def scans_due(self, now_ns: int) -> list[Scan]:
        """See ``Plant.scans_due``."""
        scans = super().scans_due(now_ns)
        if not self._broken or self.faults.lidar is LidarFault.NONE:
            self._last_scan = scans[-1] if scans else self._last_scan
            return scans
        if self.faults.lidar is LidarFault.DEAD:
            return []
        return [self._spoiled(scan) for scan in scans]

    def _spoiled(self, scan: Scan) -> Scan:
        if self.faults.lidar is LidarFault.FROZEN:
            return scan if self._last_scan is None else replace(self._last_scan, stamp_ns=scan.stamp_ns)
        ranges = scan.ranges_m.copy()
        ranges[: len(ranges) // 2 if self.faults.lidar is LidarFault.HALF_BLIND else None] = np.inf
        ranges.setflags(write=False)
        return replace(scan, ranges_m=ranges)
