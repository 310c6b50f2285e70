"""What mapping offers to its siblings: verdicts on scans, inflation settings, and the interface of a map."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from amr.geometry import Pose2
from amr.grid import COST_INSCRIBED, CostGrid, DistanceField, GridFrame
from amr.mapping.outline import outline_half_planes
from amr.mapping.pose_arrays import between, compose, placed, turned, wrapped
from amr.mapping.scan_matching import LineMap, LineMatch, LineMatchSettings, WindowMap
from amr.mapping.wall_points import border_cells, centers
from amr.messages import Scan
from amr.portable_math import exponential

__all__ = [
    "WHOLE",
    "GlobalMap",
    "Inflation",
    "LineMap",
    "LineMatch",
    "LineMatchSettings",
    "LocalMap",
    "MapImage",
    "ScanVerdict",
    "UnknownPolicy",
    "WindowMap",
    "between",
    "border_cells",
    "centers",
    "compose",
    "outline_half_planes",
    "placed",
    "scan_verdict",
    "turned",
    "wrapped",
]

UnknownPolicy = Literal["free", "costly", "lethal"]

WHOLE: Final = slice(None)
_TURN_TOLERANCE_BEAMS = 1.5


class ScanVerdict(StrEnum):
    """Whether a scan entered a grid, and if not, why. A refused scan changes nothing but a counter."""

    INSERTED = "inserted"
    EMPTY = "empty"
    """No beams."""
    GEOMETRY_INVALID = "geometry_invalid"
    """Angles, range limits or array type make no scan."""
    POSE_NOT_FINITE = "pose_not_finite"
    STALE = "stale"
    """Measured too long before now."""
    FUTURE = "future"
    """Stamped later than now."""
    OUTSIDE_WINDOW = "outside_window"
    """The lidar is not inside the local window."""
    OUTSIDE_EXTENT = "outside_extent"
    """The map may not grow that far (``mapping.global_max_extent_m``)."""


def scan_verdict(scan: Scan) -> ScanVerdict:
    """INSERTED when the scan's geometry is sound, else the reason to refuse it. Ranges may hold nan and infinities."""
    ranges = scan.ranges_m
    if not isinstance(ranges, np.ndarray) or ranges.ndim != 1 or ranges.dtype != np.float32:
        return ScanVerdict.GEOMETRY_INVALID
    if ranges.size == 0:
        return ScanVerdict.EMPTY
    values = (scan.angle_min_rad, scan.angle_increment_rad, scan.range_min_m, scan.range_max_m, scan.time_increment_s)
    if not all(math.isfinite(value) for value in values):
        return ScanVerdict.GEOMETRY_INVALID
    increment = abs(scan.angle_increment_rad)
    if increment < 1e-6 or (ranges.size - _TURN_TOLERANCE_BEAMS) * increment > 2.0 * math.pi:
        return ScanVerdict.GEOMETRY_INVALID
    if not 0.0 <= scan.range_min_m < scan.range_max_m or abs(scan.angle_min_rad) > 4.0 * math.pi:
        return ScanVerdict.GEOMETRY_INVALID
    return ScanVerdict.INSERTED


@dataclass(frozen=True, slots=True)
class Inflation:
    """How obstacles become costs (Nav2 ``InflationLayer``): 254 in obstacles, 253 nearer than ``inradius_m``,
    then ``252 * exp(-scaling_per_m * (d - inradius_m))`` up to the larger of ``radius_m`` and ``circumradius_m``.

    ``unknown``: "free" = as free space, "costly" = at least ``unknown_cost``, "lethal" = 255.
    """

    radius_m: float
    scaling_per_m: float
    inradius_m: float
    circumradius_m: float
    unknown: UnknownPolicy = "costly"
    unknown_cost: int = 40

    def cost_of(self, excess_m: float) -> int:
        """Cost that far beyond ``inradius_m``; no cell of a greater distance costs more."""
        return int((COST_INSCRIBED - 1) * exponential(-self.scaling_per_m * excess_m))


@dataclass(frozen=True, slots=True, eq=False)
class MapImage:
    """A map to look at. ``pixels`` uint8 [height, width], row 0 = smallest y: 0 occupied, 254 free, 205 unknown.

    ``wall_points`` [n, 2] (m): where in the occupied cells that border on free ones the wall lies, in the order of
    ``border_cells``; None = nobody knows better than the cells' centers.
    """

    frame: GridFrame
    pixels: NDArray[np.uint8]
    wall_points: NDArray[np.float64] | None = None


class LocalMap(Protocol):
    """The rolling window around the robot, in the odom frame."""

    def recenter(self, odom_from_base: Pose2) -> None: ...

    def insert(
        self,
        scan: Scan,
        odom_from_base_at_scan: Pose2,
        odom_from_base_end: Pose2 | None,
        now_ns: int,
        moving: NDArray[np.bool_] | None = None,
    ) -> ScanVerdict: ...

    def distance_field(self) -> DistanceField: ...

    def clear_disc(self, x_m: float, y_m: float, radius_m: float) -> None: ...

    def forbid(self, polygons_odom: tuple[NDArray[np.float64], ...]) -> None: ...


class GlobalMap(Protocol):
    """All that was seen since the start, in the map frame; held by the planning worker."""

    def insert(self, scan: Scan, map_from_lidar: Pose2, map_from_lidar_end: Pose2 | None = None) -> ScanVerdict: ...

    def forget_disc(self, x_m: float, y_m: float, radius_m: float) -> None: ...

    def cost_grid(self, inflation: Inflation) -> CostGrid: ...

    def unseen(self, frame: GridFrame, rows: slice = WHOLE, columns: slice = WHOLE) -> NDArray[np.bool_]: ...

    def image(self) -> MapImage: ...
