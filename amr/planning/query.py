"""From poses to cells: checks the input, leads the start out, picks the goal cell, and says why there is no way."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from amr.geometry import Pose2
from amr.grid import CostGrid, GridFrame
from amr.kernels import grid_search, grid_search_escape
from amr.messages import PlanStatus
from amr.planning.base import PlanOptions, PlanOutcome, refusal
from amr.planning.cell_search import CellSearch, Seeds
from amr.planning.prepared import unknown_cost
from amr.planning.scratch import LARGEST_CELLS


@dataclass(frozen=True, slots=True, eq=False)
class CellPath:
    """A found way. Cells are indices of the padded grid (``stride`` = width + 2; cell [0, 0] is [1, 1] there).

    ``escape``: cells from the start's to the last forbidden one; ``cells``: the allowed ones, n >= 1.
    ``reaches_goal``: False when another cell within the tolerance stands for the goal; ``note`` then says so.
    """

    padded: NDArray[np.uint8]
    stride: int
    escape: NDArray[np.uint32]
    cells: NDArray[np.uint32]
    reaches_goal: bool
    note: str
    expanded: int


@dataclass(frozen=True, slots=True, eq=False)
class StartCells:
    """The start's own cell, or the allowed cells at the rim of the forbidden region around it."""

    seeds: Seeds
    escape_label: NDArray[np.uint64] | None
    """Labels of the escape (``grid_search_escape``), if there is one."""


def find_cells(
    search: CellSearch, grid: CostGrid, start: Pose2, goal: Pose2, options: PlanOptions
) -> CellPath | PlanOutcome:
    """The cheapest cells from ``start`` to ``goal``, or an outcome that says why there are none."""
    refused = check(grid, start, goal, options)
    if refused is not None:
        return refused
    search.map.refresh(grid, unknown_cost(options))
    begin = start_cells(search.map.padded, grid.frame, start, options)
    if isinstance(begin, PlanOutcome):
        return begin
    target = target_cell(search.map.padded, grid, goal, options.goal_tolerance_m)
    if isinstance(target, PlanOutcome):
        return target
    return find_cells_between(search, grid, begin, target, start, goal, options)


def find_cells_between(
    search: CellSearch,
    grid: CostGrid,
    begin: StartCells,
    target: int,
    start: Pose2,
    goal: Pose2,
    options: PlanOptions,
) -> CellPath | PlanOutcome:
    """``find_cells`` on the map that ``search`` holds already, with the ends in cells."""
    search.expanded = 0
    cells = search.way(begin.seeds, target)
    while cells is None:
        another = nearest_reachable(search, begin.seeds, grid.frame, start, goal, options)
        if isinstance(another, PlanOutcome):
            return another
        target = another
        cells = search.way(begin.seeds, target)
    padded, stride = search.map.padded, search.map.stride
    reaches_goal = target == padded_cell(grid.frame, goal)
    return CellPath(
        padded,
        stride,
        _escape_cells(padded, grid.frame, start, begin, int(cells[0])),
        cells,
        reaches_goal,
        "" if reaches_goal else short_of_goal(grid.frame, target, goal),
        search.expanded,
    )


def check_grid(grid: CostGrid, options: PlanOptions) -> str | None:
    """What is wrong with the grid or the options, or None."""
    frame = grid.frame
    if grid.cost.dtype != np.uint8 or grid.cost.shape != (frame.height, frame.width) or grid.cost.size == 0:
        return f"cost grid is {grid.cost.dtype} {list(grid.cost.shape)}: must be uint8 [{frame.height}, {frame.width}]"
    if (frame.width + 2) * (frame.height + 2) > LARGEST_CELLS:
        return f"cost grid has {grid.cost.size} cells: at most {LARGEST_CELLS} with border"
    if not (
        math.isfinite(frame.origin_x_m) and math.isfinite(frame.origin_y_m) and 0.0 < frame.resolution_m < math.inf
    ):
        return f"cost grid frame is not usable: {frame}"
    for name, value in (("goal_tolerance_m", options.goal_tolerance_m), ("escape_radius_m", options.escape_radius_m)):
        if not 0.0 <= value < math.inf:
            return f"{name} is {value}: must be >= 0"
    if not 0 <= options.unknown_cost <= 252:
        return f"unknown_cost is {options.unknown_cost}: must be 0 to 252"
    return None


def check(grid: CostGrid, start: Pose2, goal: Pose2, options: PlanOptions) -> PlanOutcome | None:
    """The first thing that is wrong with the input, or None."""
    wrong = check_grid(grid, options)
    if wrong is not None:
        return refusal(PlanStatus.NO_PATH, wrong)
    frame = grid.frame
    for name, pose, yaw_matters in (("start", start, False), ("goal", goal, options.goal_yaw_matters)):
        if not (
            math.isfinite(pose.x_m) and math.isfinite(pose.y_m) and (math.isfinite(pose.yaw_rad) or not yaw_matters)
        ):
            return refusal(PlanStatus.OUTSIDE_MAP, f"{name} is not finite: ({pose.x_m}, {pose.y_m}, {pose.yaw_rad})")
        if not frame.contains(*frame.cell(pose.x_m, pose.y_m)):
            return refusal(PlanStatus.OUTSIDE_MAP, f"{name} ({pose.x_m:.2f}, {pose.y_m:.2f}) m lies outside the map")
    return None


def _name(cost: int) -> str:
    """What a forbidden cell is, for a person."""
    return {253: "the inflation of an obstacle", 254: "an obstacle", 255: "unknown space"}.get(cost, f"cost {cost}")


def padded_cell(frame: GridFrame, pose: Pose2) -> int:
    """Padded index of the cell that holds ``pose``."""
    row, column = frame.cell(pose.x_m, pose.y_m)
    return (row + 1) * (frame.width + 2) + column + 1


def start_cells(
    padded: NDArray[np.uint8], frame: GridFrame, start: Pose2, options: PlanOptions
) -> StartCells | PlanOutcome:
    """Where the search starts, or why the start is refused."""
    row, column = frame.cell(start.x_m, start.y_m)
    stride = frame.width + 2
    cell = padded_cell(frame, start)
    value = int(padded[cell])
    if value < grid_search.BLOCKED:
        return StartCells(Seeds(np.array([cell], np.uint32), np.zeros(1, np.uint64)), None)
    where = f"start ({start.x_m:.2f}, {start.y_m:.2f}) m lies in {_name(value)}"
    radius = int(options.escape_radius_m / frame.resolution_m)
    if radius == 0:
        return refusal(PlanStatus.START_BLOCKED, where)
    label = np.empty((2 * radius + 1, 2 * radius + 1), np.uint64)
    grid_search_escape.escape_labels(padded, stride, row + 1, column + 1, radius, label)
    j, i = np.nonzero(label != np.uint64(0xFFFFFFFFFFFFFFFF))
    cells = ((row + 1 - radius + j) * stride + (column + 1 - radius + i)).astype(np.uint32)
    allowed = padded[cells] < grid_search.BLOCKED
    if not allowed.any():
        return refusal(
            PlanStatus.START_BLOCKED,
            f"{where}, and no allowed cell can be reached within {options.escape_radius_m:.2f} m",
        )
    # seeds may lie on all sides: their distances to the goal differ by up to the size of the region
    return StartCells(Seeds(cells[allowed], label[j[allowed], i[allowed]], 4 * label.shape[0]), label)


def _near(frame: GridFrame, goal: Pose2, radius_m: float) -> NDArray[np.int64]:
    """Padded indices of the cells whose centers lie within ``radius_m`` of the goal or that holds it; nearest first."""
    row, column = frame.cell(goal.x_m, goal.y_m)
    reach = int(radius_m / frame.resolution_m) + 1
    rows = np.arange(max(0, row - reach), min(frame.height, row + reach + 1))
    columns = np.arange(max(0, column - reach), min(frame.width, column + reach + 1))
    dy = frame.origin_y_m + (rows + 0.5) * frame.resolution_m - goal.y_m
    dx = frame.origin_x_m + (columns + 0.5) * frame.resolution_m - goal.x_m
    distance_m = np.sqrt(dy[:, None] * dy[:, None] + dx[None, :] * dx[None, :])
    distance_m[row - rows[0], column - columns[0]] = 0.0
    cells = (rows[:, None] + 1) * (frame.width + 2) + columns[None, :] + 1
    inside = distance_m <= radius_m
    nearest_first: NDArray[np.int64] = cells[inside][np.argsort(distance_m[inside], kind="stable")]
    return nearest_first


def target_cell(padded: NDArray[np.uint8], grid: CostGrid, goal: Pose2, tolerance_m: float) -> int | PlanOutcome:
    """The goal's padded cell, or the nearest allowed one within the tolerance, or why there is none."""
    row, column = grid.frame.cell(goal.x_m, goal.y_m)
    cell = padded_cell(grid.frame, goal)
    if padded[cell] < grid_search.BLOCKED:
        return cell
    cells = _near(grid.frame, goal, tolerance_m)
    allowed = cells[padded[cells] < grid_search.BLOCKED]
    if allowed.size:
        return int(allowed[0])
    return refusal(
        PlanStatus.GOAL_BLOCKED,
        f"goal ({goal.x_m:.2f}, {goal.y_m:.2f}) m lies in {_name(int(grid.cost[row, column]))}, "
        f"and no cell within {tolerance_m:.2f} m of it is allowed",
    )


def nearest_reachable(
    search: CellSearch, seeds: Seeds, frame: GridFrame, start: Pose2, goal: Pose2, options: PlanOptions
) -> int | PlanOutcome:
    """The padded cell nearest to the goal, within the tolerance, that can be reached; or that there is none."""
    near = _near(frame, goal, options.goal_tolerance_m).astype(np.uint32)
    reached, total = search.reachable(seeds, near)
    if not reached.any():
        return no_way(start, goal, search.expanded, total)
    return int(near[reached][0])


def no_way(start: Pose2, goal: Pose2, expanded: int, reached: int) -> PlanOutcome:
    """Start and goal are not connected; ``reached``: how many cells the start is connected with."""
    return refusal(
        PlanStatus.NO_PATH,
        f"no way from ({start.x_m:.2f}, {start.y_m:.2f}) to ({goal.x_m:.2f}, {goal.y_m:.2f}) m: "
        f"the goal is not among the {reached} cells that can be reached",
        expanded,
    )


def short_of_goal(frame: GridFrame, target: int, goal: Pose2) -> str:
    """How far from the goal the path ends that leads to ``target`` in its place."""
    stride = frame.width + 2
    x_m, y_m = frame.center(target // stride - 1, target % stride - 1)
    away_m = math.sqrt((x_m - goal.x_m) * (x_m - goal.x_m) + (y_m - goal.y_m) * (y_m - goal.y_m))
    return f"the goal itself cannot be reached: the path ends {away_m:.2f} m from it"


def _escape_cells(
    padded: NDArray[np.uint8], frame: GridFrame, start: Pose2, begin: StartCells, first: int
) -> NDArray[np.uint32]:
    """Forbidden cells from the start's own to the one before ``first``; none for an allowed start."""
    if begin.escape_label is None:
        return np.zeros(0, np.uint32)
    row, column = frame.cell(start.x_m, start.y_m)
    stride = frame.width + 2
    out = np.empty(begin.escape_label.size, np.uint32)
    size = grid_search_escape.escape_way(
        padded, stride, row + 1, column + 1, begin.escape_label, first // stride, first % stride, out
    )
    return out[1:size][::-1]
