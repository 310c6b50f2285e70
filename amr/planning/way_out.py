"""The way out of a tight place: planned for the true outline, on the finest map there is.

The worker's map has cells as large as the room that is left beside a robot that barely fits. So the newest scans also
enter a window of small cells around the robot, and a kinematic planner searches the map with that window laid in. It
prefers to keep a margin, as the safety ring does, and takes what is left where there is no such way.

What lies unseen right behind the lidar is entered last: first a way without it, then a pose from which the robot has
looked there (a turn by a quarter, wherever it has room for one), and only then the way through it.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from amr.config.robot import RobotConfig
from amr.geometry import Pose2, wrap_angle
from amr.grid import COST_INSCRIBED, COST_LETHAL, BlindSector, CostGrid, DistanceField, GridFrame
from amr.mapping.base import LocalMap
from amr.messages import PlanStatus, Scan
from amr.planning.base import PlanOptions, PlanOutcome, refusal
from amr.planning.finish import resampled_motions
from amr.planning.kinematic import KinematicPlanner
from amr.polygons import cells_inside, placed
from amr.portable_math import PI, sin_cos

LOOKS_FIRST: Final = "it looks behind first"
"""Reason of a path that ends not at the goal but where the unseen has been looked at."""
GOES_BLIND: Final = "it goes where it cannot look, as far as it may without asking again"
"""Reason of a path that ends on the way: from there more of the sides can be seen."""
_BLIND_M: Final = 0.15
_MARGIN_CELLS: Final = (2, 1)
"""Kept free around obstacles, in cells of the window: the widest that leaves a way. With less the safety ring, which
keeps ``margin_m``, would not let it pass."""
_STEP_M: Final = 0.1
_NODE_M: Final = 0.04
_SMALL_STEP_M: Final = 0.03
_SMALL_NODE_M: Final = 0.015
_BUDGETS: Final = (8_000, 30_000)
_MOST: Final = 150_000
"""Poses searched, at 6 us each, after which no smaller step or margin is tried for the same wish."""
_START_CELLS: Final = 1.5
_DEAR_M: Final = 0.3
"""Up to this far beyond the inscribed radius clearance has a price."""
_LOOK_RAD: Final = 0.5 * PI
_LOOK_WITHIN_M: Final = 0.4
_LOOK_RINGS: Final = 8
_ROOMIER_M: Final = 0.005
_PARTS: Final = 4
"""Cells of the window along one of the worker's map."""
_WINDOW_CELLS: Final = 384
_CAP_CELLS: Final = 100


def window_config(config: RobotConfig) -> RobotConfig:
    """``config`` for the local map that is the window: small cells, and what is seen through is gone at once."""
    resolution_m = config.mapping.global_resolution_m / _PARTS
    mapping = config.mapping.model_copy(
        update={
            "local_resolution_m": resolution_m,
            "local_cells": _WINDOW_CELLS,
            "distance_cap_m": _CAP_CELLS * resolution_m,
            "clear_margin_m": 0.5 * resolution_m,
        }
    )
    return config.model_copy(update={"mapping": mapping})


class WayOut:
    """The window and the search. ``near``: a local map in the map frame whose cells divide those of the worker's map.

    ``blind``, ``vouched_m``: the sector that the lidar never sees, and how far from the base it counts as free.
    """

    snapshot_constants: ClassVar[tuple[str, ...]] = (
        "_exact",
        "_careful",
        "_blind",
        "_outline",
        "_base_from_lidar",
        "_lidar_from_base",
    )

    def __init__(self, config: RobotConfig, near: LocalMap, blind: BlindSector, vouched_m: float) -> None:
        self._near = near
        body, prices = config.body, config.planning.kinematic
        self._exact = KinematicPlanner(body, prices, step_m=_STEP_M, node_m=_NODE_M, budgets=_BUDGETS)
        self._careful = KinematicPlanner(body, prices, step_m=_SMALL_STEP_M, node_m=_SMALL_NODE_M, budgets=_BUDGETS)
        self._blind, self._vouched_m = blind, vouched_m
        self._inradius_m, self._circumradius_m = config.body.inradius_m, config.body.circumradius_m
        self._outline = tuple(np.array(polygon) for polygon in config.body.outline_m)
        self._spacing_m = config.planning.point_spacing_m
        self._base_from_lidar = Pose2(config.lidar.x_m, config.lidar.y_m, config.lidar.yaw_rad)
        self._lidar_from_base = self._base_from_lidar.inverse()

    def insert(self, scan: Scan, map_from_lidar: Pose2, map_from_lidar_end: Pose2 | None) -> None:
        """Add a scan; poses as those of ``GlobalMap.insert``."""
        base = map_from_lidar @ self._lidar_from_base
        end = None if map_from_lidar_end is None else map_from_lidar_end @ self._lidar_from_base
        self._near.recenter(base)
        self._near.insert(scan, base, end, scan.stamp_ns)

    def forget_disc(self, x_m: float, y_m: float, radius_m: float) -> None:
        """As ``GlobalMap.forget_disc``."""
        self._near.clear_disc(x_m, y_m, radius_m)

    def plan(
        self, coarse: CostGrid, unseen: NDArray[np.bool_], start: Pose2, goal: Pose2, options: PlanOptions
    ) -> PlanOutcome:
        """A path with the headings to be driven, from ``start`` to ``goal`` or to where it has looked behind itself.

        ``coarse``: the worker's costs; ``unseen`` bool of its shape. A refusal's reason is that of the planner on a map
        without any margin, so "no way" means that the outline fits through nowhere.
        """
        if not start.is_finite():
            return refusal(PlanStatus.OUTSIDE_MAP, f"start is not finite: ({start.x_m}, {start.y_m}, {start.yaw_rad})")
        field = self._near.distance_field()
        grids = [self._with_start(coarse, field, margin_cells, start) for margin_cells in _MARGIN_CELLS]
        rows, columns, hidden = self._hidden(coarse, unseen, field, start)
        closed = [_with_lethal(grid, rows, columns, hidden) for grid in grids]
        seen = self._best(closed, start, goal, options)
        if seen.status is PlanStatus.OK or not hidden.any():
            return self._refused_for(seen, coarse, field, start, goal, options)
        blind = self._best(grids, start, goal, options)
        expanded = seen.expanded + blind.expanded
        if blind.status is not PlanStatus.OK:
            return self._refused_for(replace(blind, expanded=expanded), coarse, field, start, goal, options)
        look = replace(options, goal_tolerance_m=0.0, goal_yaw_matters=True)
        place = self._roomiest(field, start)
        for turn_rad in (_LOOK_RAD, -_LOOK_RAD):
            there = replace(place, yaw_rad=wrap_angle(start.yaw_rad + turn_rad))
            looking = self._best(closed, start, there, look)
            expanded += looking.expanded
            if looking.status is PlanStatus.OK:
                return replace(looking, reason=LOOKS_FIRST, expanded=expanded)
        return replace(blind, path=_beginning(blind.path), reason=GOES_BLIND, expanded=expanded)

    def _with_start(self, coarse: CostGrid, field: DistanceField, margin_cells: int, start: Pose2) -> CostGrid:
        """The fine grid with a margin, but for what the outline is nearer to already: leaving that is free."""
        grid = fine_grid(coarse, field, self._inradius_m, margin_cells)
        if margin_cells:
            bare = fine_grid(coarse, field, self._inradius_m, 0)
            reach_m = _START_CELLS * grid.frame.resolution_m
            for x_m, y_m in ((reach_m, 0.0), (-reach_m, 0.0), (0.0, reach_m), (0.0, -reach_m)):
                self._free_under(grid, Pose2(start.x_m + x_m, start.y_m + y_m, start.yaw_rad), bare.cost)
        # where it stands nothing else is
        self._free_under(grid, start, np.minimum(grid.cost, np.uint8(COST_INSCRIBED - 1)))
        return grid

    def _free_under(self, grid: CostGrid, pose: Pose2, cost: NDArray[np.uint8]) -> None:
        """Take the costs of the cells under the outline from another array of the same shape."""
        for corners in self._outline:
            rows, columns, mask = cells_inside(placed(corners, pose), grid.frame)
            grid.cost[rows, columns][mask] = cost[rows, columns][mask]

    def _roomiest(self, field: DistanceField, start: Pose2) -> Pose2:
        """The nearest place in which it could turn on the spot, or that with the most room."""
        best, most_m = start, -1.0
        for ring in range(_LOOK_RINGS + 1):
            for part in range(16 if ring else 1):
                away = ring * _LOOK_WITHIN_M / _LOOK_RINGS
                sine, cosine = sin_cos(part * PI / 8.0)
                x_m, y_m = start.x_m + away * cosine, start.y_m + away * sine
                room_m = self._room_m(field, x_m, y_m)
                if room_m > most_m + _ROOMIER_M:
                    best, most_m = Pose2(x_m, y_m, 0.0), room_m
            if most_m > self._circumradius_m + _MARGIN_CELLS[0] * field.frame.resolution_m:
                break
        return best

    def _room_m(self, field: DistanceField, x_m: float, y_m: float) -> float:
        row, column = field.frame.cell(x_m, y_m)
        if not field.frame.contains(row, column):
            return -math.inf
        return float(field.distance_m[row, column])

    def _best(self, grids: list[CostGrid], start: Pose2, target: Pose2, options: PlanOptions) -> PlanOutcome:
        """A way on the first of the ``grids`` that has one, with points as they are driven; by small steps at last."""
        expanded = 0
        for search in (self._exact, self._careful):
            for grid in grids:
                outcome = search.plan(grid, start, target, replace(options, goal_tolerance_m=0.0))
                if outcome.status is PlanStatus.GOAL_BLOCKED:
                    outcome = search.plan(grid, start, target, options)
                expanded += outcome.expanded
                if expanded > _MOST and outcome.status is not PlanStatus.OK:
                    return replace(outcome, expanded=expanded)
                if outcome.status is PlanStatus.OK:
                    path = resampled_motions(outcome.path, self._spacing_m)
                    return replace(outcome, path=path, expanded=expanded)
        return replace(outcome, expanded=expanded)

    def _refused_for(
        self,
        outcome: PlanOutcome,
        coarse: CostGrid,
        field: DistanceField,
        start: Pose2,
        goal: Pose2,
        options: PlanOptions,
    ) -> PlanOutcome:
        """``outcome``; a refusal's reason is that of the planner on a map without any margin."""
        if outcome.status is PlanStatus.OK:
            return outcome
        bare = self._exact.plan(self._with_start(coarse, field, 0, start), start, goal, options)
        expanded = outcome.expanded + bare.expanded
        if bare.status is PlanStatus.OK:
            return refusal(PlanStatus.NO_PATH, "the only way leaves less room than the safety margin", expanded)
        return replace(bare, expanded=expanded)

    def _hidden(
        self, coarse: CostGrid, unseen: NDArray[np.bool_], field: DistanceField, start: Pose2
    ) -> tuple[slice, slice, NDArray[np.bool_]]:
        """(rows, columns, mask of that part) of the fine grid: what was never seen behind the lidar."""
        parts = parts_of_cell(coarse.frame, field.frame)
        frame = _fine_frame(coarse.frame, parts)
        rows, columns, behind = self._blind.cells(frame, start @ self._base_from_lidar, self._vouched_m)
        own_rows, own_columns = np.arange(rows.start, rows.stop), np.arange(columns.start, columns.stop)
        hidden = unseen[np.ix_(own_rows // parts, own_columns // parts)].copy()
        row0, column0 = _offset(frame, field.frame)
        height, width = field.unknown.shape
        inside = np.ix_(
            (own_rows >= row0) & (own_rows < row0 + height), (own_columns >= column0) & (own_columns < column0 + width)
        )
        window = np.ix_(
            own_rows[(own_rows >= row0) & (own_rows < row0 + height)] - row0,
            own_columns[(own_columns >= column0) & (own_columns < column0 + width)] - column0,
        )
        hidden[inside] &= field.unknown[window] != 0
        return rows, columns, behind & hidden


def fine_grid(coarse: CostGrid, field: DistanceField, inradius_m: float, margin_cells: int) -> CostGrid:
    """``coarse`` in cells of the window, and the window's own costs where that has seen something.

    Lethal: within ``margin_cells`` of an obstacle; inscribed: where the base origin would be nearer than the inscribed
    radius, less half a cell on each side.
    """
    parts = parts_of_cell(coarse.frame, field.frame)
    frame = _fine_frame(coarse.frame, parts)
    cost = np.repeat(np.repeat(coarse.cost, parts, axis=0), parts, axis=1)
    row0, column0 = _offset(frame, field.frame)
    rows = slice(max(0, row0), max(0, min(frame.height, row0 + field.frame.height)))
    columns = slice(max(0, column0), max(0, min(frame.width, column0 + field.frame.width)))
    window = (
        slice(rows.start - row0, rows.stop - row0),
        slice(columns.start - column0, columns.stop - column0),
    )
    if rows.stop <= rows.start or columns.stop <= columns.start:
        return CostGrid(frame, cost)
    distance_m = field.distance_m[window]
    nearest_m = inradius_m - frame.resolution_m
    near_frac = np.clip(1.0 - (distance_m - nearest_m) / _DEAR_M, 0.0, 1.0)
    own = ((COST_INSCRIBED - 1) * near_frac * near_frac).astype(np.uint8)
    own[distance_m < nearest_m] = COST_INSCRIBED
    part = cost[rows, columns]
    seen = field.unknown[window] == 0
    part[seen] = own[seen]
    part[distance_m < (margin_cells + 0.5) * frame.resolution_m] = COST_LETHAL
    return CostGrid(frame, cost)


def _beginning(path: NDArray[np.float64]) -> NDArray[np.float64]:
    """``path`` [n, 3] up to the point before which ``_BLIND_M`` are driven."""
    steps = np.diff(path[:, :2], axis=0)
    driven_m = np.cumsum(np.sqrt(steps[:, 0] * steps[:, 0] + steps[:, 1] * steps[:, 1]))
    return np.ascontiguousarray(path[: 2 + int(np.searchsorted(driven_m, _BLIND_M))])


def _with_lethal(grid: CostGrid, rows: slice, columns: slice, mask: NDArray[np.bool_]) -> CostGrid:
    """``grid`` with obstacles where the mask of a part says so."""
    if not mask.any():
        return grid
    cost = grid.cost.copy()
    cost[rows, columns][mask] = COST_LETHAL
    return CostGrid(grid.frame, cost)


def parts_of_cell(coarse: GridFrame, fine: GridFrame) -> int:
    """How many cells of ``fine`` lie along a cell of ``coarse``."""
    return max(1, round(coarse.resolution_m / fine.resolution_m))


def _fine_frame(coarse: GridFrame, parts: int) -> GridFrame:
    return GridFrame(
        coarse.origin_x_m, coarse.origin_y_m, coarse.resolution_m / parts, coarse.width * parts, coarse.height * parts
    )


def _offset(frame: GridFrame, window: GridFrame) -> tuple[int, int]:
    """(row, column) of ``frame`` at which the window begins; both have the same cells."""
    return (
        math.floor((window.origin_y_m - frame.origin_y_m) / frame.resolution_m + 0.5),
        math.floor((window.origin_x_m - frame.origin_x_m) / frame.resolution_m + 0.5),
    )
