"""The interface of a physics backend, and what it tells."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from amr.config.robot import RobotConfig
from amr.geometry import Pose2
from sim.world import World

STEP_NS: Final = 1_000_000
STEP_S: Final = 0.001
STATE_WIDTH: Final = 11
"""Columns of a trajectory: the ten fields of ``BodyState`` in their order, then the battery voltage in V."""


class MotorMode(IntEnum):
    """What the H-bridge does with a motor."""

    DRIVE = 0
    BRAKE = 1
    """Terminals shorted: the back EMF brakes."""
    COAST = 2
    """Terminals open: no current."""


@dataclass(frozen=True, slots=True)
class WheelDrive:
    """What the MCU puts on the pins of both motors; ``duty`` in [-1, 1], > 0 is forward, used in DRIVE only."""

    left_duty: float
    right_duty: float
    left_mode: MotorMode = MotorMode.DRIVE
    right_mode: MotorMode = MotorMode.DRIVE


@dataclass(frozen=True, slots=True)
class BodyState:
    """True state of the robot: base origin in the world frame, velocity in the base frame, wheel angles unwrapped."""

    x_m: float
    y_m: float
    yaw_rad: float
    """Unwrapped: it counts full turns."""
    v_mps: float
    vy_mps: float
    """Sideways speed: > 0 only while the wheels slip."""
    w_radps: float
    left_wheel_rad: float
    right_wheel_rad: float
    left_wheel_radps: float
    right_wheel_radps: float

    @property
    def pose(self) -> Pose2:
        """world_from_base, yaw unwrapped."""
        return Pose2(self.x_m, self.y_m, self.yaw_rad)


class Physics(Protocol):
    """One robot on one floor, in fixed steps of 1 ms."""

    def reset(self, world: World, robot: RobotConfig, start: Pose2) -> None:
        """Put the robot at rest at ``start``; forgets all before."""
        ...

    def advance(self, steps: int, drive: WheelDrive, moving_xy_m: NDArray[np.float64]) -> NDArray[np.float64]:
        """Do ``steps`` steps of 1 ms with constant ``drive``; float64 [steps, STATE_WIDTH], row i after step i + 1.

        ``moving_xy_m`` float64 [m, 2]: where the world's moving obstacles stand at the end. The array belongs to the
        backend and is overwritten by the next call.
        """
        ...

    def place(self, pose: Pose2) -> None:
        """Carry the robot to ``pose`` in no time, and put it down at rest; its wheels keep their angles."""
        ...

    def state(self) -> BodyState:
        """State after the last step."""
        ...

    def close(self) -> None:
        """Free what the backend holds; it must not be used again."""
        ...


def body_state(row: NDArray[np.float64]) -> BodyState:
    """The state in one row of a trajectory."""
    x, y, yaw, v, vy, w, left, right, left_speed, right_speed = (float(value) for value in row[:10])
    return BodyState(x, y, yaw, v, vy, w, left, right, left_speed, right_speed)
