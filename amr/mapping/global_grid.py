"""All that was seen since the start, in the map frame: the planning worker's map.

Cells follow the local window's contract (``amr.mapping.local_grid``) with three differences: obstacles do not decay;
each scan that hits a cell adds confidence, so what stood long must be seen through as often before it goes; and the
grid grows by blocks with the robot's view up to ``global_max_extent_m``. Grazing beams take nothing from a wall.

On a saved map it begins with that map's cells, and to forget means to go back to them.
"""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from amr.config.robot import RobotConfig
from amr.geometry import Pose2, wrap_angle
from amr.grid import CostGrid, GridFrame
from amr.kernels import local_grid as kernels
from amr.kernels import local_grid_clear as clearing
from amr.mapping.base import WHOLE, Inflation, MapImage, ScanVerdict, scan_verdict
from amr.mapping.cell_box import CellBox
from amr.mapping.inflate import inflate, reach_cells
from amr.mapping.outline import outline_half_planes
from amr.mapping.saved_cells import saved_cells
from amr.mapping.scan_check import covers_full_turn
from amr.messages import Scan
from amr.polygons import cells_inside, corners_of

BLOCK_CELLS = 64
_HIT_GAIN = 2
_PIXELS = np.array([205, 254, 0], np.uint8)
"""By cell: unknown, free, occupied (ROS ``map_server``)."""


class GlobalGrid:
    """Growing map; ``cells`` uint8 [row, column]: 0 unknown, 1 free, 2 occupied."""

    snapshot_constants: ClassVar[tuple[str, ...]] = ("_edges", "_polygon_starts", "_keep_out", "_saved")

    def __init__(self, config: RobotConfig, saved: MapImage | None = None) -> None:
        """One unknown block around the map's origin, or ``saved``; ``ValueError`` when that is too large."""
        mapping = config.mapping
        self._resolution_m = mapping.global_resolution_m
        self._max_cells = max(BLOCK_CELLS, int(mapping.global_max_extent_m / mapping.global_resolution_m))
        self._max_range_m = mapping.max_range_m
        self._clear_margin_m = mapping.clear_margin_m + 3.0 * config.lidar.noise_sigma_m
        self._confidence_most = mapping.global_confidence
        lidar = config.lidar
        base_from_lidar = Pose2(lidar.x_m, lidar.y_m, lidar.yaw_rad)
        self._mount = (lidar.x_m, lidar.y_m, lidar.yaw_rad)
        self._lidar_from_base = base_from_lidar.inverse()
        self._circumradius_m = config.body.circumradius_m
        self._edges, self._polygon_starts = outline_half_planes(config.body)
        half = BLOCK_CELLS // 2
        self._box = CellBox(-half, half, -half, half)
        shape = (BLOCK_CELLS, BLOCK_CELLS)
        self.cells: NDArray[np.uint8] = np.zeros(shape, np.uint8)
        self._confidence: NDArray[np.uint8] = np.zeros(shape, np.uint8)
        self._offsets: NDArray[np.uint8] = np.zeros((*shape, 2), np.uint8)
        self._keep_out = tuple(corners_of(zone.polygon_m) for zone in config.zones.keep_out)
        self._changed: CellBox | None = None
        """What changed since the costs were computed last."""
        self._cost_inflation: Inflation | None = None
        self._cost: NDArray[np.uint8] = np.zeros(shape, np.uint8)
        self._cost_box: CellBox = self._box
        self.refused: dict[str, int] = {}
        """Count of refused scans by verdict."""
        self._saved = None if saved is None else saved_cells(saved, self._resolution_m, self._max_cells)
        if self._saved is not None:
            box = self._box.joined(self._saved.box)
            rows = self._limited(self._box.row0, self._box.row1, *_blocks(box.row0, box.row1))
            columns = self._limited(self._box.column0, self._box.column1, *_blocks(box.column0, box.column1))
            self._resize(CellBox(*rows, *columns))
            self._lay_saved(self._box)
        for polygon in self._keep_out:
            self._grow_around(polygon)

    @property
    def frame(self) -> GridFrame:
        """Where the grid lies in the map frame; grows."""
        return self._frame_of(self._box)

    def insert(self, scan: Scan, map_from_lidar: Pose2, map_from_lidar_end: Pose2 | None = None) -> ScanVerdict:
        """Add one scan, measured from ``map_from_lidar`` (first beam) to ``map_from_lidar_end`` (last beam).

        Without the latter all beams were measured from one place. The grid grows as far as they see.
        """
        last = map_from_lidar_end if map_from_lidar_end is not None else map_from_lidar
        verdict = scan_verdict(scan)
        if verdict is ScanVerdict.INSERTED and not (map_from_lidar.is_finite() and last.is_finite()):
            verdict = ScanVerdict.POSE_NOT_FINITE
        if verdict is ScanVerdict.INSERTED:
            beams = self._project(scan, map_from_lidar, last)
            seen = self._seen_box(beams)
            if not self._grow(seen, map_from_lidar):
                verdict = ScanVerdict.OUTSIDE_EXTENT
        if verdict is not ScanVerdict.INSERTED:
            self.refused[verdict.value] = self.refused.get(verdict.value, 0) + 1
            return verdict
        frame = self._frame_array()
        kernels.mark_hits(beams, frame, self.cells, self._confidence, self._offsets, _HIT_GAIN, self._confidence_most)
        # occupied cells beyond the farthest beam cannot be seen through
        look = seen.clipped(self._box)
        clearing.clear_seen_through(
            beams,
            np.array([scan.angle_min_rad, scan.angle_increment_rad, self._clear_margin_m]),
            frame,
            np.array(
                [
                    look.row0 - self._box.row0,
                    look.row1 - self._box.row0,
                    look.column0 - self._box.column0,
                    look.column1 - self._box.column0,
                ]
            ),
            self.cells,
            self._confidence,
            self._offsets,
        )
        kernels.unmark_hits(beams, frame, self.cells)
        kernels.trace_free(beams, frame, self.cells, covers_full_turn(scan), scan.angle_increment_rad)
        self._clear_under(map_from_lidar @ self._lidar_from_base)
        self._note_change(look)
        return ScanVerdict.INSERTED

    def forget_disc(self, x_m: float, y_m: float, radius_m: float) -> None:
        """Clear the obstacles whose cell center lies in the disc (map frame); nothing when a value is not finite.

        What the saved map holds around there stands again.
        """
        if not (math.isfinite(x_m) and math.isfinite(y_m) and math.isfinite(radius_m) and radius_m >= 0.0):
            return
        clearing.clear_disc(self.cells, self._confidence, self._frame_array(), x_m, y_m, radius_m)
        row, column = math.floor(y_m / self._resolution_m), math.floor(x_m / self._resolution_m)
        disc = CellBox(row, row + 1, column, column + 1).grown(math.ceil(radius_m / self._resolution_m) + 1)
        self._lay_saved(disc)
        self._note_change(disc)

    def cost_grid(self, inflation: Inflation) -> CostGrid:
        """Planning costs of the whole map; a new array. Only what changed since the last call is computed.

        Raises ValueError when a length or the scaling of ``inflation`` is negative or not finite, or when the larger of
        radius and circumradius exceeds 126 cells.
        """
        reach = reach_cells(inflation, self._resolution_m)
        if self._cost_inflation != inflation or self._cost_box != self._box:
            self._cost = np.zeros(self.cells.shape, np.uint8)
            self._cost_inflation, self._cost_box, self._changed = inflation, self._box, self._box
        if self._changed is not None:
            self._update_costs(self._changed, inflation, reach)
        self._changed = None
        return CostGrid(self.frame, self._cost.copy())

    def unseen(self, frame: GridFrame, rows: slice = WHOLE, columns: slice = WHOLE) -> NDArray[np.bool_]:
        """Which cells of a part of ``frame``, a frame with this map's cells and maybe more, were never seen."""
        own = self.frame
        own_rows = np.arange(frame.height)[rows] - round((own.origin_y_m - frame.origin_y_m) / own.resolution_m)
        own_columns = np.arange(frame.width)[columns] - round((own.origin_x_m - frame.origin_x_m) / own.resolution_m)
        unseen = np.ones((len(own_rows), len(own_columns)), bool)
        inside = (own_rows >= 0) & (own_rows < own.height), (own_columns >= 0) & (own_columns < own.width)
        unseen[np.ix_(*inside)] = self.cells[np.ix_(own_rows[inside[0]], own_columns[inside[1]])] == kernels.UNKNOWN
        return unseen

    def image(self) -> MapImage:
        """The map as ROS ``map_server`` colors it; row 0 = smallest y."""
        return MapImage(self.frame, _PIXELS[self.cells])

    def _lay_saved(self, where: CellBox) -> None:
        """Obstacles and free cells of the saved map, as sure as what was seen often; where it is unknown, as it was."""
        if self._saved is None:
            return
        box = where.clipped(self._saved.box).clipped(self._box)
        if box.row1 <= box.row0 or box.column1 <= box.column0:
            return
        own, theirs = self._slices(box), box.slices_in(self._saved.box)
        cells = self._saved.cells[theirs]
        known, occupied = cells != kernels.UNKNOWN, cells == kernels.OCCUPIED
        self.cells[own][known] = cells[known]
        self._confidence[own][known] = 0
        self._confidence[own][occupied] = self._confidence_most
        self._offsets[own][occupied] = 128

    def _note_change(self, box: CellBox) -> None:
        self._changed = box if self._changed is None else self._changed.joined(box)

    def _update_costs(self, changed: CellBox, inflation: Inflation, reach: int) -> None:
        # a change reaches as far as its inflation, and what lies there depends on obstacles as far again
        write = changed.grown(reach).clipped(self._box)
        read = write.grown(reach).clipped(self._box)
        if write.row1 <= write.row0 or write.column1 <= write.column0:
            return
        cells = np.array(self.cells[self._slices(read)], order="C")
        for polygon in self._keep_out:
            rows, columns, mask = cells_inside(polygon, self._frame_of(read))
            cells[rows, columns][mask] = kernels.OCCUPIED
        cost = inflate(cells, inflation, self._resolution_m)
        inner = (
            slice(write.row0 - read.row0, write.row1 - read.row0),
            slice(write.column0 - read.column0, write.column1 - read.column0),
        )
        self._cost[self._slices(write)] = cost[inner]

    def _frame_of(self, box: CellBox) -> GridFrame:
        resolution_m = self._resolution_m
        return GridFrame(
            box.column0 * resolution_m,
            box.row0 * resolution_m,
            resolution_m,
            box.column1 - box.column0,
            box.row1 - box.row0,
        )

    def _frame_array(self) -> NDArray[np.float64]:
        frame = self.frame
        return np.array([frame.origin_x_m, frame.origin_y_m, frame.resolution_m])

    def _slices(self, box: CellBox) -> tuple[slice, slice]:
        return box.slices_in(self._box)

    def _project(self, scan: Scan, map_from_lidar: Pose2, map_from_lidar_end: Pose2) -> NDArray[np.float64]:
        beams = np.empty((scan.ranges_m.size, kernels.BEAM_COLUMNS), np.float64)
        map_from_base = map_from_lidar @ self._lidar_from_base
        geometry = np.array(
            [
                scan.angle_min_rad,
                scan.angle_increment_rad,
                scan.range_min_m,
                min(scan.range_max_m, self._max_range_m),
                *self._mount,
                self._circumradius_m,
            ]
        )
        pose = np.array([map_from_base.x_m, map_from_base.y_m, map_from_base.yaw_rad])
        last = map_from_lidar_end @ self._lidar_from_base
        # the kernel goes from one heading to the other as told: through pi that must not be the long way round
        end_yaw_rad = map_from_base.yaw_rad + wrap_angle(last.yaw_rad - map_from_base.yaw_rad)
        pose_end = np.array([last.x_m, last.y_m, end_yaw_rad])
        kernels.project_beams(
            np.array(scan.ranges_m), geometry, pose, pose_end, self._edges, self._polygon_starts, beams
        )
        return beams

    def _seen_box(self, beams: NDArray[np.float64]) -> CellBox:
        """Cells that the beams or the robot's own body can touch."""
        reach = np.maximum(beams[:, kernels.REACH], 0.0)
        x_m = beams[:, kernels.X] + reach * beams[:, kernels.DX]
        y_m = beams[:, kernels.Y] + reach * beams[:, kernels.DY]
        resolution_m = self._resolution_m
        return CellBox(
            math.floor(min(y_m.min(), beams[0, kernels.Y]) / resolution_m),
            math.floor(max(y_m.max(), beams[0, kernels.Y]) / resolution_m) + 1,
            math.floor(min(x_m.min(), beams[0, kernels.X]) / resolution_m),
            math.floor(max(x_m.max(), beams[0, kernels.X]) / resolution_m) + 1,
        ).grown(1 + math.ceil(2.0 * self._circumradius_m / resolution_m))

    def _grow(self, seen: CellBox, map_from_lidar: Pose2) -> bool:
        """Grow by whole blocks to hold ``seen``, or what the extent allows; False when not even the lidar fits."""
        target = self._box.joined(seen)
        wanted = CellBox(*_blocks(target.row0, target.row1), *_blocks(target.column0, target.column1))
        row0, row1 = self._limited(self._box.row0, self._box.row1, wanted.row0, wanted.row1)
        column0, column1 = self._limited(self._box.column0, self._box.column1, wanted.column0, wanted.column1)
        grown = CellBox(row0, row1, column0, column1)
        row = math.floor(map_from_lidar.y_m / self._resolution_m)
        column = math.floor(map_from_lidar.x_m / self._resolution_m)
        if not (row0 <= row < row1 and column0 <= column < column1):
            return False
        if grown != self._box:
            self._resize(grown)
        return True

    def _grow_around(self, polygon: NDArray[np.float64]) -> None:
        """Hold a keep-out zone from the start, as far as the extent allows."""
        low, high = polygon.min(axis=0) / self._resolution_m, polygon.max(axis=0) / self._resolution_m
        zone = CellBox(math.floor(low[1]), math.floor(high[1]) + 1, math.floor(low[0]), math.floor(high[0]) + 1)
        box = self._box.joined(zone.grown(1))
        rows = self._limited(self._box.row0, self._box.row1, *_blocks(box.row0, box.row1))
        columns = self._limited(self._box.column0, self._box.column1, *_blocks(box.column0, box.column1))
        self._resize(CellBox(*rows, *columns))

    def _limited(self, low: int, high: int, wanted_low: int, wanted_high: int) -> tuple[int, int]:
        """As much of [wanted_low, wanted_high) as fits the extent: the lower side first, then the upper."""
        spare = self._max_cells - (high - low)
        low_growth = min(low - wanted_low, max(0, spare))
        high_growth = min(wanted_high - high, max(0, spare - low_growth))
        return low - low_growth, high + high_growth

    def _resize(self, grown: CellBox) -> None:
        shape = (grown.row1 - grown.row0, grown.column1 - grown.column0)
        rows = slice(self._box.row0 - grown.row0, self._box.row1 - grown.row0)
        columns = slice(self._box.column0 - grown.column0, self._box.column1 - grown.column0)
        for name in ("cells", "_confidence", "_offsets"):
            old = getattr(self, name)
            new = np.zeros(shape + old.shape[2:], np.uint8)
            new[rows, columns] = old
            setattr(self, name, new)
        self._box = grown

    def _clear_under(self, map_from_base: Pose2) -> None:
        clearing.clear_under_robot(
            self.cells,
            self._confidence,
            self._frame_array(),
            np.array([map_from_base.x_m, map_from_base.y_m, map_from_base.yaw_rad]),
            self._edges,
            self._polygon_starts,
            self._circumradius_m,
            self._resolution_m,
        )


def _blocks(low: int, high: int) -> tuple[int, int]:
    """The whole blocks that hold [low, high)."""
    return low // BLOCK_CELLS * BLOCK_CELLS, -(-high // BLOCK_CELLS) * BLOCK_CELLS
