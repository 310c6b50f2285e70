"""What the mission takes and gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from amr.control.base import ControlStatus
from amr.geometry import Pose2, Twist2
from amr.grid import DistanceField
from amr.localization.base import KNOWN, Whereabouts
from amr.messages import (
    CloseFrontier,
    ForgetObstacles,
    FrontierRequest,
    Goal,
    Operator,
    PlanRequest,
    PlanResult,
    SetMission,
    Stop,
    StopReason,
)
from amr.movers import Mover

NO_STOP = Stop(StopReason.NONE, "")
_IN_THE_WAY: Final = frozenset({StopReason.OBSTACLE, StopReason.KEEP_OUT})
_HELD_BY: Final = frozenset(
    {
        StopReason.NOT_ARMED,
        StopReason.ESTOP,
        StopReason.LINK_DOWN,
        StopReason.BASE_STALE,
        StopReason.BASE_FAULT,
        StopReason.SCAN_MISSING,
        StopReason.SCAN_STALE,
        StopReason.SCAN_FROZEN,
        StopReason.SCAN_INVALID,
        StopReason.COMMAND_STALE,
    }
)
"""Stops that the mission can neither cause nor cure."""


@dataclass(frozen=True, slots=True, eq=False)
class MissionInput:
    """One step's view. ``armed``, ``control_status``, ``control_reason`` and ``stop`` are those of the step before."""

    now_ns: int
    new_mission: SetMission | None
    operator: tuple[Operator, ...]
    """Presses of this step; PAUSE and RESUME matter here."""
    map_from_base: Pose2
    map_from_odom: Pose2
    twist: Twist2
    plan_result: PlanResult | None
    """The answer that arrived in this step."""
    map_version: int
    """Of the map as requests of this step mean it."""
    field: DistanceField
    """Obstacles around the robot, odom frame."""
    movers: tuple[Mover, ...] = ()
    """Tracked, odom frame; what they cover is not in ``field``."""
    whereabouts: Whereabouts = KNOWN
    """How well it knows its place on the map."""
    armed: bool = True
    control_status: ControlStatus | None = None
    """None = control did not run."""
    control_reason: str = ""
    stop: Stop = NO_STOP
    errand: Goal | None = None
    """A place to look from, of an exploration: replaces what runs, without a stop on the way."""

    @property
    def blocked(self) -> bool:
        """The safety ring holds it before something that stands in the way."""
        return self.stop.reason in _IN_THE_WAY

    @property
    def held(self) -> str:
        """Why it is not allowed to move, whatever the mission wants; '' when it is."""
        if self.stop.reason in _HELD_BY:
            return f"held: {self.stop.cause or self.stop.reason.value}"
        return "" if self.armed else "held: not armed"


@dataclass(frozen=True, slots=True, eq=False)
class MissionOutput:
    """What the mission wants in this step."""

    state: str
    """Name of the state, for people and logs."""
    reason: str
    """Why it is in that state; empty while all is well."""
    active_goal: Goal | None
    is_last_goal: bool
    path_map: NDArray[np.float64]
    """float64 [n, 3] (x m, y m, yaw rad), map frame; n = 0 when there is none."""
    path_speed_mps: NDArray[np.float64]
    """float64 [n]: largest speed at each point of the path, see ``PlanResult.speed_mps``; [0] when not told."""
    path_version: int
    """Grows with each new path (an empty one included)."""
    requests: tuple[PlanRequest | ForgetObstacles | FrontierRequest | CloseFrontier, ...]
    behavior: Twist2 | None
    """A recovery motion that replaces control's wish; None = no such motion."""
    follow: bool
    """True = control shall drive to ``active_goal``."""
    done: bool
    """All goals reached."""
    failed: bool
    """Gave up; ``reason`` names the last cause."""
    goals_reached: int
    goals_total: int
    squeeze: bool = False
    """True = control shall get through even where it is tight, see ``ControlInput.squeeze``."""
