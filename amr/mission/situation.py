"""What a recovery is chosen and driven by, and the motions that are possible in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from amr.config.mission import Mission
from amr.geometry import Pose2, Twist2
from amr.messages import Goal, PlanStatus
from amr.mission import path, recovery
from amr.mission.base import MissionInput
from amr.mission.footprint import Footprint
from amr.mission.plans import PlanDesk
from amr.mission.states import MissionState
from amr.mission.trail import Trail

_PATH_AHEAD_M: Final = 0.5
_CREEP_AHEAD_M: Final = 0.35


@dataclass(frozen=True, slots=True, eq=False)
class Situation:
    """One step of an active mission."""

    view: MissionInput
    odom_from_base: Pose2
    state: MissionState
    goal: Goal
    """The active one, map frame."""
    is_errand: bool
    tries_max: int
    """Recoveries at one place before it gives up."""
    path_map: NDArray[np.float64]
    """float64 [n, 3], map frame; n = 0 without one."""
    desk: PlanDesk
    trail: Trail
    footprint: Footprint
    settings: Mission

    def back_up(self) -> Twist2 | None:
        """Along the way it came; None when the rear is not free."""
        return recovery.back_up(self.view.field, self.footprint, self.odom_from_base, self.trail, self.settings)

    def rear_is_unseen(self) -> bool:
        """True when a point of what it would back into was never seen."""
        return recovery.rear_is_unseen(self.view.field, self.footprint, self.odom_from_base)

    def turn(self, direction: int) -> Twist2 | None:
        """On the spot; ``direction`` 1 = left, -1 = right. None without room for it."""
        return recovery.turn(self.view.field, self.footprint, self.odom_from_base, direction, self.settings)

    def creep(self) -> Twist2 | None:
        """Along the path; None without one or without room for it."""
        if self.desk.status is not PlanStatus.OK or not len(self.path_map):
            return None
        here, target = self.view.map_from_base, self._path_ahead(_CREEP_AHEAD_M)
        bearing_rad, distance_m = here.bearing_rad(target), here.distance_m(target)
        return recovery.creep(
            self.view.field, self.footprint, self.odom_from_base, bearing_rad, distance_m, self.settings
        )

    def escape(self) -> Twist2 | None:
        """To where there is more room; None when no motion gains any."""
        return recovery.escape(self.view.field, self.footprint, self.odom_from_base, self.settings)

    def path_bearing_rad(self) -> float:
        """Direction, from the robot's heading, of the path half a metre ahead; of the goal without a path."""
        return self.view.map_from_base.bearing_rad(self._path_ahead(_PATH_AHEAD_M))

    def _path_ahead(self, distance_m: float) -> Pose2:
        return path.point_ahead(self.path_map, self.goal, self.view.map_from_base, distance_m)
