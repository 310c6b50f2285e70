"""What mapping offers to its siblings: verdicts on scans, inflation settings, and the interface of a map."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from amr.geometry import Pose2
from amr.grid import CostGrid, DistanceField, GridFrame
from amr.messages import Scan

UnknownPolicy = Literal["free", "costly", "lethal"]


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


@dataclass(frozen=True, slots=True, eq=False)
class MapImage:
    """A map to look at. ``pixels`` uint8 [height, width], row 0 = smallest y: 0 occupied, 254 free, 205 unknown."""

    frame: GridFrame
    pixels: NDArray[np.uint8]


class LocalMap(Protocol):
    """The rolling window around the robot, in the odom frame."""

    def recenter(self, odom_from_base: Pose2) -> None: ...

    def insert(
        self, scan: Scan, odom_from_base_at_scan: Pose2, odom_from_base_end: Pose2 | None, now_ns: int
    ) -> ScanVerdict: ...

    def distance_field(self) -> DistanceField: ...

    def clear_disc(self, x_m: float, y_m: float, radius_m: float) -> None: ...


class GlobalMap(Protocol):
    """All that was seen since the start, in the map frame; held by the planning worker."""

    def insert(self, scan: Scan, map_from_lidar: Pose2, map_from_lidar_end: Pose2 | None = None) -> ScanVerdict: ...

    def forget_disc(self, x_m: float, y_m: float, radius_m: float) -> None: ...

    def cost_grid(self, inflation: Inflation) -> CostGrid: ...

    def image(self) -> MapImage: ...
