"""A cost grid and a robot's outline, laid out for the kernels that check motions: ``footprint_sweep.ROOM``."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from amr.config.hardware import Body
from amr.geometry import Pose2
from amr.grid import COST_UNKNOWN, CostGrid, GridFrame
from amr.kernels import tight_cells
from amr.kernels.drive_check import STEP
from amr.kernels.footprint_sweep import LETHAL, TILE, swept_lethal
from amr.kernels.grid_search import BLOCKED, pad_costs
from amr.planning.base import PlanOptions
from amr.portable_math import PI, sin_cos

_LARGEST_CAP: Final = 127


def _narrowest_m(body: Body | None) -> float:
    """Least distance of the base origin from a straight wall that the outline touches, over all headings."""
    if body is None:
        return 0.0
    corners = np.array([point for polygon in body.outline_m for point in polygon])
    directions = np.array([sin_cos(k * PI / 180.0) for k in range(360)])
    # between two of the directions the outline reaches less far by at most r * (1 - cos(0.5 degrees))
    return max(0.0, float((corners @ directions.T).max(axis=0).min()) - 4e-5 * body.circumradius_m)


class Room:
    """Scratch memory for maps up to the largest one seen. ``body`` None: a disc that the grid's 253 stands for."""

    def __init__(self, body: Body | None) -> None:
        self._polygons = () if body is None else body.outline_m
        self._reach_m = 0.0 if body is None else body.circumradius_m
        self._narrowest_m = _narrowest_m(body)
        self._padded = np.zeros(0, np.uint8)
        self._saved = np.zeros(0, np.uint8)
        self._squared = np.zeros((0, 0), np.int16)
        self._tiles = np.zeros((1, 1), np.uint8)
        self._resolution_m = 0.0
        self._corners = np.zeros((0, 2))
        self._starts = np.zeros(1, np.int64)
        self._spans = np.zeros((1, 2))
        self.frame = GridFrame(0.0, 0.0, 1.0, 0, 0)
        self.arrays: tuple[Any, ...] = ()
        """``footprint_sweep.ROOM``, after ``enter``."""

    @property
    def has_outline(self) -> bool:
        """False for the disc."""
        return len(self._polygons) > 0

    @property
    def reach_m(self) -> float:
        """Distance of the outline's farthest corner from the base origin."""
        return self._reach_m

    def enter(self, grid: CostGrid, options: PlanOptions) -> None:
        """Take the costs of a grid that a planner has accepted."""
        frame = self.frame = grid.frame
        rows, stride = frame.height + 2, frame.width + 2
        if rows * stride > self._padded.size:
            self._padded = np.zeros(rows * stride, np.uint8)
        padded = self._padded[: rows * stride]
        unknown_as = {"free": 0, "costly": options.unknown_cost, "lethal": COST_UNKNOWN}[options.unknown]
        pad_costs(np.ascontiguousarray(grid.cost), padded, unknown_as)
        if frame.resolution_m != self._resolution_m:
            self._lay_outline(frame.resolution_m)
        if self.has_outline:
            self._close_rim(padded.reshape(rows, stride))
            if self._squared.shape != (rows, stride):
                self._squared = np.zeros((rows, stride), np.int16)
                self._tiles = np.zeros((rows // TILE + 1, stride // TILE + 1), np.uint8)
            self._tiles[:] = 0
        reach = self._reach_m / frame.resolution_m
        cap = min(_LARGEST_CAP, math.ceil(reach + 0.5 * STEP) + 3)
        self.arrays = (
            padded,
            np.uint64(stride),
            self._corners,
            self._starts,
            reach,
            cap,
            self._tiles,
            self._squared,
            self._spans,
        )

    def _lay_outline(self, resolution_m: float) -> None:
        self._resolution_m = resolution_m
        points = [point for polygon in self._polygons for point in polygon]
        self._corners = np.array(points, np.float64).reshape(-1, 2) / resolution_m
        self._starts = np.cumsum([0, *(len(polygon) for polygon in self._polygons)], dtype=np.int64)
        self._spans = np.zeros((math.ceil(2.0 * self._reach_m / resolution_m + STEP) + 4, 2))

    def _close_rim(self, padded: NDArray[np.uint8]) -> None:
        """Forbid the base origin cells so close to the map's edge that the outline hangs over it at any heading."""
        rim = max(1, min(int(self._narrowest_m / self.frame.resolution_m), min(padded.shape) // 2))
        for edge in (padded[1:rim], padded[-rim:-1], padded[:, 1:rim], padded[:, -rim:-1]):
            np.maximum(edge, BLOCKED, out=edge)

    def close_tight(self, points: NDArray[np.float64]) -> None:
        """Until ``reopen``: costs around the way ``points`` [n, 2] that say where the outline has room."""
        if self.has_outline:
            if self._saved.size != self._padded.size:
                self._saved = np.zeros(self._padded.size, np.uint8)
            tight_cells.close_tight(self.arrays, points, self._narrowest_m / self.frame.resolution_m, self._saved)

    def reopen(self) -> None:
        """The true costs again."""
        if self.has_outline:
            tight_cells.reopen(self.arrays, self._saved)

    def cells(self, pose: Pose2) -> tuple[float, float]:
        """x and y of a pose in cells of the padded grid."""
        frame = self.frame
        return (
            (pose.x_m - frame.origin_x_m) / frame.resolution_m + 1.0,
            (pose.y_m - frame.origin_y_m) / frame.resolution_m + 1.0,
        )

    def metres(self, path: NDArray[np.float64]) -> NDArray[np.float64]:
        """Poses [n, 3] in cells of the padded grid, in the grid's frame."""
        frame = self.frame
        out = path.copy()
        out[:, 0] = (path[:, 0] - 1.0) * frame.resolution_m + frame.origin_x_m
        out[:, 1] = (path[:, 1] - 1.0) * frame.resolution_m + frame.origin_y_m
        return out

    def cost_at(self, x: float, y: float) -> int:
        """Cost of the cell that holds a point (padded cells)."""
        return int(self.arrays[0][int(y) * int(self.arrays[1]) + int(x)])

    def touched(self, x: float, y: float, yaw_rad: float) -> int:
        """How many lethal cells the outline touches at a pose (padded cells); 0 = none, and always 0 for the disc."""
        padded, stride, corners, starts, _, _, _, _, spans = self.arrays
        sine, cosine = sin_cos(yaw_rad)
        return int(swept_lethal(padded, stride, corners, starts, x, y, cosine, sine, x, y, cosine, sine, 0.0, spans))

    def is_free(self, x: float, y: float, yaw_rad: float) -> bool:
        """True when the base origin lies in an allowed cell and the outline touches no lethal one."""
        return self.cost_at(x, y) < BLOCKED and self.touched(x, y, yaw_rad) == 0

    def holds(self, x: float, y: float) -> bool:
        """True when a point (padded cells) lies on the map."""
        return 1.0 <= x < self.frame.width + 1.0 and 1.0 <= y < self.frame.height + 1.0

    def ahead(self, x: float, y: float, yaw_rad: float, distance: float) -> tuple[float, float]:
        """The point ``distance`` cells ahead of a pose."""
        sine, cosine = sin_cos(yaw_rad)
        return x + distance * cosine, y + distance * sine

    def way_out(self, x: float, y: float, yaw_rad: float, sign: float, most: float, touched: int) -> float:
        """Cells to drive straight (``sign`` -1: backward) to the first free pose; infinite without one up to ``most``.

        On the way the outline touches no more lethal cells than ``touched``, and the base origin enters none that
        it is not in already.
        """
        in_lethal = self.cost_at(x, y) >= LETHAL
        distance = 0.0
        while distance < most:
            distance = min(most, distance + 0.5)
            at_x, at_y = self.ahead(x, y, yaw_rad, sign * distance)
            if not self.holds(at_x, at_y) or self.touched(at_x, at_y, yaw_rad) > touched:
                return math.inf
            if self.is_free(at_x, at_y, yaw_rad):
                return distance
            if not in_lethal and self.cost_at(at_x, at_y) >= LETHAL:
                return math.inf
        return math.inf
