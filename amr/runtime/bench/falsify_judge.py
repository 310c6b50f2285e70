"""Was a contact one that the stated assumptions forbid?

Forbidden: the robot's own motion closed the gap to something that stood, or moved no faster than the robot was told
to expect, and either the lidar had shown that place within the ring's memory, or the robot went faster into the unseen
than ``safety.blind_mps``. Not forbidden, and counted apart: what ran into a robot that stood or drew back, what came
towards a robot at creeping speed (there the envelope holds only against what stands), what was crept into unseen, and
what was crept at out of view: at that speed a remembered place counts without its uncertainty.
"""

from __future__ import annotations

import math
from enum import StrEnum
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from amr.config.robot import RobotConfig
from amr.messages import Scan
from amr.runtime.bench.barn_contact import contact_of
from sim.trace import TruthTrace
from sim.world import Circle, Shape, World

_SEEN_M: Final = 0.04
"""A beam that ended so near to the place of the contact showed it: the ring's own margin around what it saw, 0.02 m,
and as much again for the steps of the outline and of the robot while the lidar turns."""
_LATEST_SCAN_S: Final = 0.3
"""What moves is shown where it was that long ago, at most."""
_OUTLINE_STEP_M: Final = 0.01
_CREEP_RESERVE: Final = 1.25
"""By so much a body may be faster than it is told while it slows down to a creep."""
_MOVES_MPS: Final = 0.05


class Verdict(StrEnum):
    """What a run's end is worth."""

    CLEAR = "clear"
    RUN_INTO = "run_into"
    """Something ran into the robot."""
    CREEPING = "came_while_creeping"
    """Something came while the robot closed the gap at no more than ``safety.creep_mps``."""
    UNSEEN = "crept_into_unseen"
    REMEMBERED = "crept_at_out_of_view"
    FORBIDDEN = "forbidden"


def verdict_of(
    trace: TruthTrace, scans: list[Scan], world: World, robot: RobotConfig, speed_mps: float
) -> tuple[Verdict, dict[str, Any]]:
    """(verdict, details) of a run that ended in a contact; ``scans``: all that the robot got, in order."""
    truth = trace.array()
    details = contact_of(truth, trace.reasons, world, robot.body)
    if details["contact"] in ("standing", "struck"):
        return Verdict.RUN_INTO, details
    own_mps = details["contact_own_closing_mps"]
    if details["contact_other_closing_mps"] >= _MOVES_MPS and own_mps <= _CREEP_RESERVE * robot.safety.creep_mps:
        return Verdict.CREEPING, details
    place, stands = _contact_place(truth[-1], world, robot)
    tolerance_m = _SEEN_M if stands else _SEEN_M + speed_mps * _LATEST_SCAN_S
    seen = _was_seen(place, truth, scans, robot, tolerance_m, robot.safety.memory_s)
    in_view = seen and _was_seen(place, truth, scans, robot, tolerance_m, _LATEST_SCAN_S)
    details |= {"x_m": place[0], "y_m": place[1], "seen": seen, "in_view": in_view}
    if not seen and own_mps <= _CREEP_RESERVE * robot.safety.blind_mps:
        return Verdict.UNSEEN, details
    if seen and not in_view and own_mps <= _CREEP_RESERVE * robot.safety.creep_mps:
        return Verdict.REMEMBERED, details
    return Verdict.FORBIDDEN, details


def _contact_place(row: NDArray[np.float64], world: World, robot: RobotConfig) -> tuple[tuple[float, float], bool]:
    """(the point of the outline that is nearest to anything, world frame; does what is there stand)."""
    time_s, x_m, y_m, yaw_rad = (float(value) for value in row[:4])
    cosine, sine = math.cos(yaw_rad), math.sin(yaw_rad)
    local = np.vstack([_along(np.array(polygon)) for polygon in robot.body.outline_m])
    points = np.column_stack([x_m + cosine * local[:, 0] - sine * local[:, 1],
                              y_m + sine * local[:, 0] + cosine * local[:, 1]])  # fmt: skip
    shapes: tuple[Shape, ...] = (*world.circles, *world.polygons)
    standing = _nearest_m(points, [(shape, (0.0, 0.0)) for shape in shapes])
    moving = _nearest_m(points, [(mover.shape, mover.position(time_s)) for mover in world.moving])
    best = int(np.minimum(standing, moving).argmin())
    return (float(points[best, 0]), float(points[best, 1])), bool(standing[best] <= moving[best])


def _nearest_m(points: NDArray[np.float64], shapes: list[tuple[Shape, tuple[float, float]]]) -> NDArray[np.float64]:
    """Distances [n] to the nearest of shapes at places (x m, y m); infinite without any."""
    nearest = np.full(len(points), math.inf)
    for shape, offset in shapes:
        nearest = np.minimum(nearest, _distance_m(points - np.array(offset), shape))
    return nearest


def _along(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points along the sides of a polygon, at most ``_OUTLINE_STEP_M`` apart."""
    points = []
    for a, b in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        count = max(1, math.ceil(float(np.hypot(*(b - a))) / _OUTLINE_STEP_M))
        points.append(a + np.linspace(0.0, 1.0, count, endpoint=False)[:, None] * (b - a))
    return np.vstack(points)


def _distance_m(points: NDArray[np.float64], shape: Shape) -> NDArray[np.float64]:
    """Distances [n] to the shape's border (to its inside: 0 or less for a disc)."""
    if isinstance(shape, Circle):
        return np.asarray(np.hypot(points[:, 0] - shape.x_m, points[:, 1] - shape.y_m) - shape.radius_m)
    corners = np.array(shape.points)
    best = np.full(len(points), math.inf)
    for a, b in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        side = b - a
        part = np.clip(((points - a) @ side) / float(side @ side), 0.0, 1.0)
        best = np.minimum(best, np.hypot(*(points - a - part[:, None] * side).T))
    return best


def _was_seen(
    place: tuple[float, float],
    truth: NDArray[np.float64],
    scans: list[Scan],
    robot: RobotConfig,
    tolerance_m: float,
    within_s: float,
) -> bool:
    """True when a beam of a scan of the last ``within_s`` ended near the place."""
    lidar, end_s = robot.lidar, float(truth[-1, 0])
    for scan in reversed(scans):
        stamp_s = scan.stamp_ns * 1e-9
        if end_s - stamp_s > within_s:
            return False
        row = truth[min(len(truth) - 1, int(np.searchsorted(truth[:, 0], stamp_s)))]
        yaw_rad = float(row[3])
        x_m = float(row[1]) + math.cos(yaw_rad) * lidar.x_m - math.sin(yaw_rad) * lidar.y_m
        y_m = float(row[2]) + math.sin(yaw_rad) * lidar.x_m + math.cos(yaw_rad) * lidar.y_m
        ranges = scan.ranges_m.astype(np.float64)
        hit = np.isfinite(ranges) & (ranges >= scan.range_min_m) & (ranges < scan.range_max_m)
        angles = yaw_rad + lidar.yaw_rad + scan.angle_min_rad + scan.angle_increment_rad * np.nonzero(hit)[0]
        dx = x_m + ranges[hit] * np.cos(angles) - place[0]
        dy = y_m + ranges[hit] * np.sin(angles) - place[1]
        if bool((dx * dx + dy * dy <= tolerance_m * tolerance_m).any()):
            return True
    return False
