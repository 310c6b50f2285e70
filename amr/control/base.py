"""What every local controller takes and gives: the only file of this package that a sibling may import.

A controller turns the map around the robot, the way to the goal and what is already on its way to the wheels into
one velocity. It is called once a step; its time is ``ControlInput.now_ns``.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from amr.config.hardware import Limits
from amr.geometry import Pose2, Twist2
from amr.grid import DistanceField
from amr.movers import Mover


class ControlStatus(StrEnum):
    """How a control cycle ended; every value but OK comes with a reason."""

    OK = "ok"
    NO_PATH = "no_path"
    """No way to the goal is known inside the window: neither path nor free cells lead towards it."""
    BLOCKED = "blocked"
    """There is a way, but no motion that can be driven now (or an input was not usable); the output brakes."""
    AT_GOAL = "at_goal"


@dataclass(frozen=True, slots=True)
class MotionLimits:
    """Limits of this cycle: those of the robot file, or less where a zone or the safety ring asks for it."""

    v_max_mps: float
    v_reverse_max_mps: float
    w_max_radps: float
    a_max_mps2: float
    """Acceleration that may be commanded."""
    brake_mps2: float
    """Deceleration that is reached with certainty."""
    alpha_max_radps2: float
    a_lateral_max_mps2: float

    @classmethod
    def from_config(cls, limits: Limits) -> MotionLimits:
        """The full limits of a robot file."""
        return cls(
            limits.v_max_mps,
            limits.v_reverse_max_mps,
            limits.w_max_radps,
            limits.a_max_mps2,
            limits.brake_mps2,
            limits.alpha_max_radps2,
            limits.a_lateral_max_mps2,
        )

    def on_floor(self, grip_frac: float) -> MotionLimits:
        """Where the floor gives this part (0 to 1) of the friction that the file counts on.

        The speed falls with the root, so that no stop gets longer.
        """
        if grip_frac == 1.0:
            return self
        return replace(
            self,
            v_max_mps=math.sqrt(grip_frac) * self.v_max_mps,
            v_reverse_max_mps=math.sqrt(grip_frac) * self.v_reverse_max_mps,
            a_max_mps2=grip_frac * self.a_max_mps2,
            brake_mps2=grip_frac * self.brake_mps2,
            a_lateral_max_mps2=grip_frac * self.a_lateral_max_mps2,
        )


@dataclass(frozen=True, slots=True, eq=False)
class ControlInput:
    """Everything one control cycle sees. All poses and arrays are in the odom frame."""

    now_ns: int
    tick: int
    """Number of the step; chooses the noise, so equal ticks and inputs give equal outputs."""
    odom_from_base: Pose2
    """Estimated pose at ``now_ns``."""
    twist: Twist2
    """Estimated velocity at ``now_ns``."""
    pending: tuple[tuple[int, float, float], ...]
    """Commands sent and not yet acting: (time_ns at which it reaches the wheels, v_mps, w_radps), oldest first."""
    delay_s: float
    """From ``now_ns`` until the command of this cycle reaches the wheels."""
    field: DistanceField
    path_odom: NDArray[np.float64]
    """float64 [n, 3] (x m, y m, yaw rad): global path to the current goal; n = 0 when there is none yet."""
    path_version: int
    goal_odom: Pose2
    goal_yaw_matters: bool
    goal_tolerance_m: float
    is_last_goal: bool
    """True = come to rest at the goal; False = drive through it."""
    limits: MotionLimits
    obstacles: tuple[Mover, ...] = ()
    path_speed_mps: NDArray[np.float64] = dataclasses.field(default_factory=lambda: np.zeros(0))
    """float64 [n]: largest speed at each point of ``path_odom``, negative in reverse; [0] = not told."""
    squeeze: bool = False
    """True = getting through counts more than clearance: the robot has stayed before a gap that it fits through."""


@dataclass(frozen=True, slots=True, eq=False)
class ControlOutput:
    """The velocity wished for, and why."""

    v_mps: float
    w_radps: float
    status: ControlStatus
    reason: str
    """One sentence for a person; empty when status is OK."""
    trajectory: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 3), np.float32))
    """float32 [t, 3] (x m, y m, yaw rad): motion that the controller expects, odom frame."""
    cost: float = 0.0
    """Value of the controller's objective for that motion; comparable only within one controller and config."""


class Controller(Protocol):
    """A local controller; built as ``Name(config: RobotConfig, seed: int)``. Its whole state lies in its attributes."""

    def compute(self, control_input: ControlInput, /) -> ControlOutput:
        """The velocity for this cycle. Never raises on bad values in the input: they end as BLOCKED with the reason."""

    def reset(self) -> None:
        """Forget the motion planned so far (new mission, teleoperation, pose jump)."""
