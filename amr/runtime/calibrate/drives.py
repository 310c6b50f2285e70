"""What a programme leaves behind: what was driven when, and what was found on the way."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from amr.calibration import inertial, motor, wiring
from amr.calibration.base import Estimate
from amr.config.robot import RobotConfig
from amr.runtime.calibrate.moves import Standstill
from amr.runtime.calibrate.recording import Floats

STAND_S: Final = 1.3
"""How long the robot stands for a place to be measured."""


@dataclass(frozen=True, slots=True)
class Level:
    """An open-loop run: what was commanded when settled (the ring may have slowed it); the run, and its settled end."""

    duty: float
    duty_s_per_m: float
    start_ns: int
    settled_ns: int
    end_ns: int


@dataclass(slots=True)
class Drives:
    """What was driven when, and what was found on the way."""

    robot: RobotConfig
    """As the programme knows it so far: wiring, wheel loop and the lidar's yaw are replaced."""
    at_rest: Standstill | None = None
    rest: inertial.AtRest | None = None
    pushes: list[wiring.Push] = field(default_factory=list)
    levels: list[Level] = field(default_factory=list)
    forward: dict[str, motor.FeedForward] = field(default_factory=dict)
    speeds_mps: dict[str, Floats] = field(default_factory=dict)
    """Settled speeds of the left and right wheel, one for each level."""
    time_constant: Estimate | None = None
    lidar_yaw_rad: float = 0.0
    stands: list[Standstill] = field(default_factory=list)
    swing: tuple[int, int] = (0, 0)
    stops: list[tuple[int, int, int]] = field(default_factory=list)
    """(ns at rest before the run-up, ns of the order, ns at rest)."""
