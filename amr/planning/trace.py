"""From cells to points and back: a way through cells as a polyline, its cost, its headings."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from amr.geometry import Pose2, wrap_angle
from amr.grid import GridFrame
from amr.kernels.path_cost import polyline_costs
from amr.kernels.path_shape import set_headings
from amr.planning.query import CellPath

Points = NDArray[np.float64]


def cells_from_metres(frame: GridFrame, points_m: Points) -> Points:
    """Points [n, 2] of the grid's frame in cells of the padded grid."""
    cells = np.empty((len(points_m), 2))
    cells[:, 0] = (points_m[:, 0] - frame.origin_x_m) / frame.resolution_m + 1.0
    cells[:, 1] = (points_m[:, 1] - frame.origin_y_m) / frame.resolution_m + 1.0
    return cells


def metres_from_cells(frame: GridFrame, points: Points) -> Points:
    """Points [n, 2] in cells of the padded grid, in the grid's frame."""
    metres = np.empty((len(points), 2))
    metres[:, 0] = (points[:, 0] - 1.0) * frame.resolution_m + frame.origin_x_m
    metres[:, 1] = (points[:, 1] - 1.0) * frame.resolution_m + frame.origin_y_m
    return metres


def centers(cells: NDArray[np.uint32], stride: int) -> Points:
    """Centers of padded cells, [n, 2], in cells of the padded grid."""
    points = np.empty((len(cells), 2))
    points[:, 0] = cells % np.uint32(stride) + 0.5
    points[:, 1] = cells // np.uint32(stride) + 0.5
    return points


def cost_cells(found: CellPath, points: Points) -> float:
    """Cost of a polyline, in cells; infinite when it touches a forbidden cell."""
    return float(polyline_costs(found.padded, found.stride, points, np.empty(max(1, len(points) - 1))))


def anchored(found: CellPath, frame: GridFrame, start: Pose2, goal: Pose2) -> Points:
    """The way through the centers of ``found.cells``, from the very start to the very goal (padded cells, n >= 2).

    Start and goal take the place of their cells' centers, or stand before and after them where that would touch a
    forbidden cell. After an escape, or short of the goal, the cell's center stays the end.
    """
    points = centers(found.cells, found.stride)
    ends = cells_from_metres(frame, np.array([[start.x_m, start.y_m], [goal.x_m, goal.y_m]]))
    if not len(found.escape):
        points = _with_first(found, points, ends[0])
    if found.reaches_goal:
        points = np.ascontiguousarray(_with_first(found, np.ascontiguousarray(points[::-1]), ends[1])[::-1])
    return points if len(points) > 1 else np.ascontiguousarray(np.repeat(points, 2, axis=0))


def _with_first(found: CellPath, points: Points, first: Points) -> Points:
    """``points`` with ``first`` in place of its first point, or before it."""
    if len(points) > 1:
        moved = points.copy()
        moved[0] = first
        if math.isfinite(cost_cells(found, np.ascontiguousarray(moved[:2]))):
            return moved
    return np.ascontiguousarray(np.vstack([first[None, :], points]))


def finished_path(
    found: CellPath, frame: GridFrame, points: Points, start: Pose2, goal: Pose2, goal_yaw_matters: bool
) -> tuple[Points, int]:
    """The path [n, 3] in the grid's frame with headings along it, the escape in front, and the number of escape points.

    The first and last points are the start and the goal to the bit (the goal only when it was reached).
    """
    escape = centers(found.escape, found.stride)
    path = np.empty((len(escape) + len(points), 3))
    path[:, :2] = metres_from_cells(frame, np.vstack([escape, points]))
    path[0, 0], path[0, 1] = start.x_m, start.y_m
    if found.reaches_goal:
        path[-1, 0], path[-1, 1] = goal.x_m, goal.y_m
    set_headings(path)
    if goal_yaw_matters:
        path[-1, 2] = wrap_angle(goal.yaw_rad)
    return path, len(escape)
