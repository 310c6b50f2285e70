"""Values on a regular grid: what mapping makes, and planning and control read.

Arrays are indexed ``[row, column]`` = ``[y, x]``; row 0 is the smallest y. ``origin`` is the outer corner of cell
[0, 0], so the centre of cell [j, i] lies at ``origin + ((i + 0.5), (j + 0.5)) * resolution_m``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from amr.geometry import Pose2
from amr.portable_math import sin_cos

COST_FREE: Final = 0
COST_INSCRIBED: Final = 253
COST_LETHAL: Final = 254
COST_UNKNOWN: Final = 255


@dataclass(frozen=True, slots=True)
class GridFrame:
    """Where a grid lies in its frame (odom or map; the holder's name says which)."""

    origin_x_m: float
    origin_y_m: float
    resolution_m: float
    width: int
    height: int

    def cell(self, x_m: float, y_m: float) -> tuple[int, int]:
        """(row, column) of the cell that holds the point; may lie outside the grid."""
        return (
            math.floor((y_m - self.origin_y_m) / self.resolution_m),
            math.floor((x_m - self.origin_x_m) / self.resolution_m),
        )

    def center(self, row: int, column: int) -> tuple[float, float]:
        """(x_m, y_m) of a cell's centre."""
        return (
            self.origin_x_m + (column + 0.5) * self.resolution_m,
            self.origin_y_m + (row + 0.5) * self.resolution_m,
        )

    def contains(self, row: int, column: int) -> bool:
        """True when the cell lies in the grid."""
        return 0 <= row < self.height and 0 <= column < self.width


@dataclass(frozen=True, slots=True, eq=False)
class DistanceField:
    """Distance from each cell's centre to the nearest occupied cell's centre.

    ``distance_m``: float32 [height, width], 0 in occupied cells, capped at ``cap_m`` (also the value where no
    obstacle is known). ``unknown``: uint8 [height, width], 1 where nothing was ever seen.
    """

    frame: GridFrame
    distance_m: NDArray[np.float32]
    unknown: NDArray[np.uint8]
    cap_m: float

    def is_unseen(self, x_m: float, y_m: float) -> bool:
        """True when the cell of a finite point was never seen, and outside of the window."""
        row, column = self.frame.cell(x_m, y_m)
        return not self.frame.contains(row, column) or bool(self.unknown[row, column])


@dataclass(frozen=True, slots=True, eq=False)
class CostGrid:
    """Planning costs, uint8 [height, width], in Nav2's convention: 0 to 252, 253 inscribed, 254 lethal, 255 unknown."""

    frame: GridFrame
    cost: NDArray[np.uint8]


RIM_RAD: Final = 0.4


@dataclass(frozen=True, slots=True)
class BlindSector:
    """Where a sensor of less than a full turn does not look: behind the robot, to ``radius_m`` from it."""

    from_rad: float
    """Bearing from the heading from which on, to both sides, nothing is seen; pi = no such sector.

    Counted are cells from ``RIM_RAD`` before it on: what stands at the rim of the view hides what is beside it.
    """
    radius_m: float

    def cells(self, frame: GridFrame, pose: Pose2, from_m: float = 0.0) -> tuple[slice, slice, NDArray[np.bool_]]:
        """(rows, columns, mask of that part): the sector's cells of a grid, at least ``from_m`` from the robot.

        ``pose`` is finite and in the grid's frame; what lies outside of the grid is left out.
        """
        row, column = frame.cell(pose.x_m, pose.y_m)
        reach = int(self.radius_m / frame.resolution_m) + 1
        rows = slice(max(0, row - reach), max(0, min(frame.height, row + reach + 1)))
        columns = slice(max(0, column - reach), max(0, min(frame.width, column + reach + 1)))
        dy = frame.origin_y_m + (np.arange(rows.start, rows.stop) + 0.5) * frame.resolution_m - pose.y_m
        dx = frame.origin_x_m + (np.arange(columns.start, columns.stop) + 0.5) * frame.resolution_m - pose.x_m
        squared = dx[None, :] * dx[None, :] + dy[:, None] * dy[:, None]
        sine, cosine = sin_cos(pose.yaw_rad)
        ahead = cosine * dx[None, :] + sine * dy[:, None]
        behind = ahead < sin_cos(self.from_rad - RIM_RAD)[1] * np.sqrt(squared)
        mask = behind & (squared <= self.radius_m**2) & (squared >= from_m**2)
        return rows, columns, mask & (self.from_rad < math.pi)
