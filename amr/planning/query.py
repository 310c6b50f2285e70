"""One exact search on a cost grid, from poses to cells: checks the input, leads the start out, picks the goal cell."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from amr.geometry import Pose2
from amr.grid import COST_UNKNOWN, CostGrid, GridFrame
from amr.kernels import grid_search, grid_search_escape
from amr.messages import PlanStatus
from amr.planning.base import PlanOptions, PlanOutcome, refusal
from amr.planning.scratch import LARGEST_CELLS, SearchScratch


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
class _Seeds:
    """Where the search starts: padded cells and what each costs to begin with; the labels of the escape, if any."""

    cells: NDArray[np.uint32]
    costs: NDArray[np.uint64]
    escape_label: NDArray[np.uint64] | None


def find_cells(
    scratch: SearchScratch, grid: CostGrid, start: Pose2, goal: Pose2, options: PlanOptions
) -> CellPath | PlanOutcome:
    """The cheapest cells from ``start`` to ``goal``, or an outcome that says why there are none."""
    refused = _check(grid, start, goal, options)
    if refused is not None:
        return refused
    frame, stride = grid.frame, grid.frame.width + 2
    padded = scratch.fit(stride * (frame.height + 2))
    unknown_as = {"free": 0, "costly": options.unknown_cost, "lethal": COST_UNKNOWN}[options.unknown]
    least = int(grid_search.pad_costs(np.ascontiguousarray(grid.cost), padded, unknown_as))
    seeds = _seeds(padded, frame, start, options)
    if isinstance(seeds, PlanOutcome):
        return seeds
    target = _target(padded, frame, goal, options.goal_tolerance_m)
    if target is None:
        row, column = frame.cell(goal.x_m, goal.y_m)
        return refusal(
            PlanStatus.GOAL_BLOCKED,
            f"goal ({goal.x_m:.2f}, {goal.y_m:.2f}) m lies in {_name(int(grid.cost[row, column]))}, "
            f"and no cell within {options.goal_tolerance_m:.2f} m of it is allowed",
        )
    return _search(scratch, padded, frame, 252 + min(least, 252), seeds, target, start, goal, options)


def _check(grid: CostGrid, start: Pose2, goal: Pose2, options: PlanOptions) -> PlanOutcome | None:
    """The first thing that is wrong with the input, or None."""
    frame = grid.frame
    if grid.cost.dtype != np.uint8 or grid.cost.shape != (frame.height, frame.width) or grid.cost.size == 0:
        return refusal(
            PlanStatus.NO_PATH,
            f"cost grid is {grid.cost.dtype} {list(grid.cost.shape)}: must be uint8 [{frame.height}, {frame.width}]",
        )
    if (frame.width + 2) * (frame.height + 2) > LARGEST_CELLS:
        return refusal(PlanStatus.NO_PATH, f"cost grid has {grid.cost.size} cells: at most {LARGEST_CELLS} with border")
    if not (
        math.isfinite(frame.origin_x_m) and math.isfinite(frame.origin_y_m) and 0.0 < frame.resolution_m < math.inf
    ):
        return refusal(PlanStatus.NO_PATH, f"cost grid frame is not usable: {frame}")
    for name, value in (("goal_tolerance_m", options.goal_tolerance_m), ("escape_radius_m", options.escape_radius_m)):
        if not 0.0 <= value < math.inf:
            return refusal(PlanStatus.NO_PATH, f"{name} is {value}: must be >= 0")
    if not 0 <= options.unknown_cost <= 252:
        return refusal(PlanStatus.NO_PATH, f"unknown_cost is {options.unknown_cost}: must be 0 to 252")
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


def _seeds(padded: NDArray[np.uint8], frame: GridFrame, start: Pose2, options: PlanOptions) -> _Seeds | PlanOutcome:
    """The start's own cell, or the rim of the forbidden region around it."""
    row, column = frame.cell(start.x_m, start.y_m)
    stride = frame.width + 2
    cell = (row + 1) * stride + column + 1
    value = int(padded[cell])
    if value < grid_search.BLOCKED:
        return _Seeds(np.array([cell], np.uint32), np.zeros(1, np.uint64), None)
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
    return _Seeds(cells[allowed], label[j[allowed], i[allowed]], label)


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


def _target(padded: NDArray[np.uint8], frame: GridFrame, goal: Pose2, tolerance_m: float) -> int | None:
    """The goal's padded cell, or the nearest allowed one within the tolerance, or None."""
    row, column = frame.cell(goal.x_m, goal.y_m)
    cell = (row + 1) * (frame.width + 2) + column + 1
    if padded[cell] < grid_search.BLOCKED:
        return cell
    cells = _near(frame, goal, tolerance_m)
    allowed = cells[padded[cells] < grid_search.BLOCKED]
    return int(allowed[0]) if allowed.size else None


def _search(
    scratch: SearchScratch,
    padded: NDArray[np.uint8],
    frame: GridFrame,
    weight_min: int,
    seeds: _Seeds,
    target: int,
    start: Pose2,
    goal: Pose2,
    options: PlanOptions,
) -> CellPath | PlanOutcome:
    """Run the kernel (again with a larger queue when it was full) and read the way off the labels."""
    stride = frame.width + 2
    spread = 1512 * grid_search.DIAGONAL + int(seeds.costs.max() - seeds.costs.min())
    if seeds.escape_label is not None:  # seeds may lie on all sides: their distances to the goal differ too
        spread += 8 * seeds.escape_label.shape[0] * 252 * grid_search.DIAGONAL
    heads = scratch.buckets(spread)
    while True:
        base = scratch.new_base()
        status, expanded, cost = grid_search.search(
            padded,
            stride,
            weight_min,
            scratch.label,
            base,
            seeds.cells,
            seeds.costs,
            target,
            heads,
            scratch.pool,
            scratch.shift,
        )
        if status != grid_search.POOL_FULL:
            break
        scratch.grow_pool()
    row, column = frame.cell(goal.x_m, goal.y_m)
    reaches_goal, note = target == (row + 1) * stride + column + 1, ""
    if status == grid_search.EXHAUSTED:
        near = _near(frame, goal, options.goal_tolerance_m)
        reached = near[scratch.label[near] < np.uint64(scratch.label_end(base))]
        if reached.size == 0:
            return refusal(
                PlanStatus.NO_PATH,
                f"no way from ({start.x_m:.2f}, {start.y_m:.2f}) to ({goal.x_m:.2f}, {goal.y_m:.2f}) m: "
                f"all {expanded} cells that can be reached were searched",
                expanded,
            )
        target, reaches_goal = int(reached[0]), False
        cost = scratch.label[target] - np.uint64(base)
    if not reaches_goal:
        x_m, y_m = frame.center(target // stride - 1, target % stride - 1)
        away_m = math.sqrt((x_m - goal.x_m) * (x_m - goal.x_m) + (y_m - goal.y_m) * (y_m - goal.y_m))
        note = f"the goal itself cannot be reached: the path ends {away_m:.2f} m from it"
    out = np.empty(int(cost) // (504 * grid_search.STRAIGHT) + 2, np.uint32)
    size = grid_search.backtrack(padded, stride, scratch.label, base, target, out)
    cells = out[:size][::-1]
    return CellPath(
        padded,
        stride,
        _escape_cells(padded, frame, start, seeds, int(cells[0])),
        cells,
        reaches_goal,
        note,
        int(expanded),
    )


def _escape_cells(
    padded: NDArray[np.uint8], frame: GridFrame, start: Pose2, seeds: _Seeds, first: int
) -> NDArray[np.uint32]:
    """Forbidden cells from the start's own to the one before ``first``; none for an allowed start."""
    if seeds.escape_label is None:
        return np.zeros(0, np.uint32)
    row, column = frame.cell(start.x_m, start.y_m)
    stride = frame.width + 2
    out = np.empty(seeds.escape_label.size, np.uint32)
    size = grid_search_escape.escape_way(
        padded, stride, row + 1, column + 1, seeds.escape_label, first // stride, first % stride, out
    )
    return out[1:size][::-1]
