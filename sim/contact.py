"""The judge: exact clearance of the robot's true outline at every physics step; the robot shares none of it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from amr.config.hardware import Body
from amr.units import NS_PER_S
from sim.kernels.contact import clearance_along, clearance_at
from sim.physics import STEP_NS, STEP_S
from sim.scene import Scene

MOVING_ROBOT_MPS = 0.05
"""Slower than this the robot counts as standing: a person who walks into it is then not its fault."""


@dataclass(frozen=True, slots=True)
class Contact:
    """The first touch of a run."""

    time_ns: int
    obstacle: str
    """``circle 12``, ``polygon 3`` or ``moving NAME``."""
    by_moving_obstacle: bool
    robot_moving: bool
    """True when the robot itself moved at more than 0.05 m/s."""


class OutlineJudge:
    """Watches one robot in one scene; moves the scene's obstacles with time."""

    def __init__(self, body: Body, scene: Scene) -> None:
        self._scene = scene
        self._outline = np.array([p for polygon in body.outline_m for p in polygon], np.float64)
        self._start = np.cumsum([0, *(len(polygon) for polygon in body.outline_m)], dtype=np.int64)
        self._scratch = np.zeros_like(self._outline)
        # 1 nm of reserve: a bound that is too small by rounding would skip the obstacle that touches
        self._circumradius_m = math.sqrt(max(x * x + y * y for polygon in body.outline_m for x, y in polygon)) + 1e-9
        self._guess = -1
        self._clearance = np.zeros(0)
        self._nearest = np.zeros(0, np.int64)
        self.contact: Contact | None = None
        self.interval_clearance_m = math.inf
        """Smallest clearance of the last ``watch``."""
        self.min_clearance_m = math.inf
        """Smallest clearance so far."""

    def watch(self, trajectory: NDArray[np.float64], start_ns: int) -> None:
        """Judge the poses in the rows (x, y, yaw, v, ...) that follow ``start_ns`` in steps of 1 ms."""
        if self._clearance.shape[0] != trajectory.shape[0]:
            self._clearance = np.zeros(trajectory.shape[0])
            self._nearest = np.zeros(trajectory.shape[0], np.int64)
        s = self._scene
        self._guess = clearance_along(
            trajectory,
            start_ns / NS_PER_S,
            STEP_S,
            self._guess,
            self._outline,
            self._start,
            self._scratch,
            self._circumradius_m,
            s.circles,
            s.points,
            s.point_start,
            s.boxes,
            s.circle_local,
            s.circle_owner,
            s.first_moving_circle,
            s.points_local,
            s.polygon_owner,
            s.first_moving_polygon,
            s.keys,
            s.key_start,
            s.period_s,
            s.loop,
            s.cubic,
            s.position,
            self._clearance,
            self._nearest,
        )
        self.interval_clearance_m = float(self._clearance.min())
        self.min_clearance_m = min(self.min_clearance_m, self.interval_clearance_m)
        if self.contact is None and self.interval_clearance_m <= 0.0:
            self._record(int(np.argmax(self._clearance <= 0.0)), trajectory, start_ns)

    def _record(self, row: int, trajectory: NDArray[np.float64], start_ns: int) -> None:
        code = int(self._nearest[row])
        v, vy = float(trajectory[row, 3]), float(trajectory[row, 4])
        self.contact = Contact(
            start_ns + (row + 1) * STEP_NS,
            self._scene.obstacle_name(code),
            self._scene.is_moving(code),
            v * v + vy * vy > MOVING_ROBOT_MPS * MOVING_ROBOT_MPS,
        )


Pose = tuple[float, float, float]


def closing_speeds_mps(
    body: Body, scene: Scene, before: Pose, after: Pose, before_s: float, after_s: float
) -> tuple[float, float]:
    """(by the robot, by the obstacles): how fast each alone closed the gap between outline and nearest obstacle.

    ``before`` and ``after`` are the poses (x m, y m, yaw rad; world) at two times shortly before a contact. Negative
    where it opened the gap; (0, 0) in an empty world. Leaves the scene at ``after_s``. Raises ``ValueError`` unless
    ``after_s`` is later.
    """
    if not after_s > before_s:
        raise ValueError(f"after_s: must be later than {before_s}, is {after_s}")
    outline = np.array([p for polygon in body.outline_m for p in polygon], np.float64)
    starts = np.cumsum([0, *(len(polygon) for polygon in body.outline_m)], dtype=np.int64)
    reach_m = math.sqrt(max(x * x + y * y for x, y in outline.tolist())) + 1e-9
    scratch = np.zeros_like(outline)

    def clearance_m(pose: Pose) -> float:
        s = scene
        found = clearance_at(*pose, -1, outline, starts, scratch, reach_m, s.circles, s.points, s.point_start, s.boxes)
        return float(found[0])

    scene.move_to(before_s)
    first_m, robot_moved_m = clearance_m(before), clearance_m(after)
    scene.move_to(after_s)
    obstacles_moved_m = clearance_m(before)
    if math.isinf(first_m):
        return 0.0, 0.0
    duration_s = after_s - before_s
    return (first_m - robot_moved_m) / duration_s, (first_m - obstacles_moved_m) / duration_s
