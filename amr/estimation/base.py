"""What estimation offers to its siblings: the estimate and the interface of its maker."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

from amr.geometry import Pose2, Twist2
from amr.messages import BaseState, Imu

Matrix3 = tuple[tuple[float, float, float], tuple[float, float, float], tuple[float, float, float]]


@dataclass(frozen=True, slots=True)
class Estimate:
    """Where the base is and how it moves, at ``stamp_ns``."""

    stamp_ns: int
    odom_from_base: Pose2
    twist: Twist2
    """In the base frame: speed along x, yaw rate without the gyro's bias."""
    covariance: Matrix3
    """Of (x m, y m, yaw rad) in the odom frame; symmetric."""

    @property
    def pose_sigma(self) -> tuple[float, float, float]:
        """Standard deviations (x m, y m, yaw rad)."""
        c = self.covariance
        return math.sqrt(c[0][0]), math.sqrt(c[1][1]), math.sqrt(c[2][2])


@dataclass(frozen=True, slots=True)
class OdometryFaults:
    """Running counts of what was refused; a rise names its cause."""

    not_finite: int
    """Imu with a nan or infinite value."""
    duplicate: int
    """Same kind and stamp as one already held."""
    too_late: int
    """Older than the history reaches back."""
    future: int
    """Stamped later than now."""
    overflow: int
    """More messages between two predictions than can be kept."""
    implausible_ticks: int
    """Encoder counts that moved faster than any wheel can."""
    reboots: int
    """Changes of ``boot_id``: not a refusal, but the way between is unknown."""


class Odometry(Protocol):
    """Dead reckoning from wheels and gyro in the odom frame."""

    def ingest(self, message: BaseState | Imu) -> None: ...

    def predict(self, now_ns: int) -> Estimate: ...

    def pose_at(self, stamp_ns: int) -> Pose2 | None: ...
