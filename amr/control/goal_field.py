"""Cost-to-go to the goal over the local window: what tells a controller which way round an obstacle is shorter.

The field is in metres of easy driving: unknown space, space near obstacles, and space away from the planned route
count for more than their length. The planner has seen more of the world than the window holds, and with the exact
outline; the field alone decides only what is close.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from amr.config.robot import RobotConfig
from amr.control.base import ControlInput
from amr.geometry import Pose2
from amr.grid import BlindSector, GridFrame
from amr.kernels import cost_to_go, cost_to_go_route, cost_to_go_seeds
from amr.units import ns_from_s

FAR_M = 1000.0
"""Value of cells from which no way to a seed is known."""
_STOP_MARGIN_M = 4.0
"""How far beyond the robot's own value the field is computed: the robot may have to back out of a dead end."""
_SEED_LENGTH_M = 0.6
_WALL_RINGS = 3
"""Rings of blocked cells that get a value: a robot that starts inside inflation sees the way out."""
_WALL_RISE = 8.0
"""Cost of a metre across those rings."""
_BLIND_M = 2.5
"""What was never seen and lies behind the lidar's view, this near, is crossed only when there is no other way."""


@dataclass(frozen=True, slots=True, eq=False)
class GoalField:
    """Cost-to-go on cells of two by two cells of the distance field it was made from; odom frame."""

    origin_x_m: float
    origin_y_m: float
    resolution_m: float
    value_m: NDArray[np.float32]
    """float32 [rows, columns]; ``FAR_M`` and above where no way is known."""
    stamp_ns: int
    reachable: bool
    """True when a way is known from the robot to where the field starts."""
    source: str
    """Where it starts: "goal", "path" or "border"; "" when not reachable."""
    blind: bool = False
    """True when every way known leads through what was never seen, right behind the robot."""

    def sample(self, x_m: float, y_m: float) -> tuple[float, float, float]:
        """(value, slope along x, slope along y) at a point of the odom frame; clamped to the window's rim."""
        column = np.float32((x_m - self.origin_x_m) / self.resolution_m - 0.5)
        row = np.float32((y_m - self.origin_y_m) / self.resolution_m - 0.5)
        value, slope_x, slope_y = cost_to_go.sample(self.value_m, column, row)
        return float(value), float(slope_x) / self.resolution_m, float(slope_y) / self.resolution_m


class GoalFieldBuilder:
    """Makes goal fields, reusing its buffers, not more often than asked."""

    def __init__(self, config: RobotConfig) -> None:
        self._settings = config.control.goal_field
        self._inradius_m = config.body.inradius_m
        self._blind = BlindSector(config.lidar.blind_from_rad, _BLIND_M)
        self._base_from_lidar = Pose2(config.lidar.x_m, config.lidar.y_m, config.lidar.yaw_rad)
        self._field: GoalField | None = None
        self._path_version = -1
        self._goal: tuple[float, float, float] | None = None
        self._cost = np.empty((0, 0), np.float32)
        self._on_route = np.empty((0, 0), np.uint8)
        self._value = np.empty((0, 0), np.float32)
        self._head = np.empty(4096, np.int32)
        self._following = np.empty(0, np.int32)
        self._entry = np.empty(0, np.int32)
        self._seed_cells = np.empty(0, np.int32)
        self._seed_values = np.empty(0, np.float32)

    def reset(self) -> None:
        """The next call computes the field anew."""
        self._field = None

    def update(self, control_input: ControlInput, distance_m: NDArray[np.float32]) -> GoalField:
        """The field for this cycle: a new one when path or goal changed or the old one's time is over.

        ``distance_m`` is the input's field, C-contiguous and writable.
        """
        goal = (control_input.goal_odom.x_m, control_input.goal_odom.y_m, control_input.goal_tolerance_m)
        old = self._field
        if (
            old is not None
            and goal == self._goal
            and control_input.path_version == self._path_version
            and 0 <= control_input.now_ns - old.stamp_ns < ns_from_s(self._settings.period_s)
        ):
            return old
        self._goal, self._path_version = goal, control_input.path_version
        self._field = self._build(control_input, distance_m)
        return self._field

    def _build(self, control_input: ControlInput, distance_m: NDArray[np.float32]) -> GoalField:
        frame, settings = control_input.field.frame, self._settings
        self._resize(frame.height // 2, frame.width // 2)
        resolution_m = 2.0 * frame.resolution_m
        cost_to_go.cost_grid(
            distance_m,
            control_input.field.unknown,
            np.float32(self._inradius_m + settings.block_margin_m),
            np.float32(self._inradius_m + settings.tight_m),
            np.float32(settings.tight_weight),
            np.float32(settings.comfort_m),
            np.float32(settings.comfort_weight),
            np.float32(settings.unknown_weight),
            self._cost,
        )
        cost_to_go_route.price_off_route(
            self._cost,
            frame.origin_x_m,
            frame.origin_y_m,
            resolution_m,
            np.ascontiguousarray(control_input.path_odom, dtype=np.float64),
            settings.route_half_width_m,
            np.float32(1.0 + settings.off_route_weight),
            self._on_route,
        )
        source, blind = self._march_seeing(control_input, resolution_m)
        value = self._value
        for _ in range(_WALL_RINGS):
            filled = np.empty_like(value)
            cost_to_go.fill_walls(value, np.float32(FAR_M), np.float32(_WALL_RISE * resolution_m), filled)
            value = filled
        return GoalField(
            frame.origin_x_m, frame.origin_y_m, resolution_m, value, control_input.now_ns, source != "", source, blind
        )

    def _march_seeing(self, control_input: ControlInput, resolution_m: float) -> tuple[str, bool]:
        """(source, blind): first without the unseen cells behind the robot, and with them when that finds no way."""
        field = control_input.field
        coarse = GridFrame(
            field.frame.origin_x_m, field.frame.origin_y_m, resolution_m, self._cost.shape[1], self._cost.shape[0]
        )
        rows, columns, behind = self._blind.cells(coarse, control_input.odom_from_base @ self._base_from_lidar)
        unseen = field.unknown[2 * rows.start : 2 * rows.stop : 2, 2 * columns.start : 2 * columns.stop : 2] != 0
        part = self._cost[rows, columns]
        unseen = behind & unseen & (part != cost_to_go.BLOCKED)
        if not unseen.any():
            return self._march(control_input, resolution_m), False
        before = part.copy()
        part[unseen] = cost_to_go.BLOCKED
        source = self._march(control_input, resolution_m)
        if source:
            return source, False
        part[:] = before
        return self._march(control_input, resolution_m), True

    def _march(self, control_input: ControlInput, resolution_m: float) -> str:
        """Try the goal, then the path, then the border, until one is reached; the source, "" when none is."""
        frame, goal, pose = control_input.field.frame, control_input.goal_odom, control_input.odom_from_base
        rows, columns = self._cost.shape
        column = min(max(math.floor((pose.x_m - frame.origin_x_m) / resolution_m), 0), columns - 1)
        row = min(max(math.floor((pose.y_m - frame.origin_y_m) / resolution_m), 0), rows - 1)
        grid = (self._cost, frame.origin_x_m, frame.origin_y_m, resolution_m)
        seeds = (self._seed_cells, self._seed_values)
        radius_m = max(control_input.goal_tolerance_m, 1.5 * resolution_m)
        path = np.ascontiguousarray(control_input.path_odom, dtype=np.float64)
        for source in ("goal", "path", "border"):
            if source == "goal":
                count = cost_to_go_seeds.disc_seeds(*grid, goal.x_m, goal.y_m, radius_m, *seeds)
            elif source == "path":
                count = cost_to_go_seeds.path_seeds(*grid, pose.x_m, pose.y_m, path, _SEED_LENGTH_M, *seeds)
            else:
                count = cost_to_go_seeds.border_seeds(*grid, goal.x_m, goal.y_m, *seeds)
            if count == 0:
                continue
            cost_to_go.march(
                self._cost,
                np.float32(resolution_m),
                self._seed_cells[:count],
                self._seed_values[:count],
                row * columns + column,
                np.float32(_STOP_MARGIN_M),
                np.float32(FAR_M),
                self._value,
                self._head,
                self._following,
                self._entry,
            )
            around = self._value[
                max(row - _WALL_RINGS, 0) : row + _WALL_RINGS + 1,
                max(column - _WALL_RINGS, 0) : column + _WALL_RINGS + 1,
            ]
            if float(around.min()) < FAR_M:
                return source
        self._value.fill(FAR_M)
        return ""

    def _resize(self, rows: int, columns: int) -> None:
        if self._cost.shape == (rows, columns):
            return
        self._cost = np.empty((rows, columns), np.float32)
        self._on_route = np.empty((rows, columns), np.uint8)
        self._value = np.empty((rows, columns), np.float32)
        self._following = np.empty(5 * rows * columns, np.int32)
        self._entry = np.empty(5 * rows * columns, np.int32)
        self._seed_cells = np.empty(rows * columns, np.int32)
        self._seed_values = np.empty(rows * columns, np.float32)
