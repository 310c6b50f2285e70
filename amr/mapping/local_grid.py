"""The rolling window around the robot, in the odom frame, and its memory of obstacles.

The contract, each clause tested in ``tests/mapping/test_local_grid.py``:

seen        One return makes its cell occupied at once. Nearer than the lidar can measure counts as a return at
            ``range_min_m``; beyond ``max_range_m``, and +inf, count as free up to there; nan tells nothing.
cleared     An occupied cell becomes free when ``clear_scans`` scans each see through the very point that was hit:
            the beams that bracket it and their neighbors all reach beyond it by a margin. So what moved away is gone
            after two scans, and beams that graze a wall or pass beside a thin post take nothing away.
kept        What is hidden behind something nearer, outside the field of view, or behind invalid beams stays.
moving      A return of something that moves (``moving``) makes no cell occupied; its beam sees free space up to it.
decayed     ... until it was not seen for ``obstacle_memory_s``.
own body    Returns from inside the robot's outline are ignored. Where the robot stands (outline shrunk by one cell)
            nothing else can be: cells there are free.
unknown     Cells are unknown until a beam crosses or hits them; they become unknown again outside the window.

The window moves by whole cells, so a cell never mixes two places.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from amr.config.robot import RobotConfig
from amr.geometry import Pose2, wrap_angle
from amr.grid import DistanceField, GridFrame
from amr.kernels import distance as distance_kernels
from amr.kernels import local_grid as kernels
from amr.kernels import local_grid_clear as clearing
from amr.mapping.base import ScanVerdict, scan_verdict
from amr.mapping.outline import outline_half_planes
from amr.mapping.scan_check import covers_full_turn
from amr.messages import Scan
from amr.polygons import cells_inside
from amr.portable_math import sin_cos
from amr.units import ns_from_s

_FUTURE_TOLERANCE_S = 0.05
_DECAY_PERIOD_S = 0.5
"""The sweep for forgotten obstacles need not run with every scan."""


class LocalGrid:
    """Square window of ``mapping.local_cells`` cells; ``cells`` uint8 [row, column]: 0 unknown, 1 free, 2 occupied."""

    snapshot_constants: ClassVar[tuple[str, ...]] = ("_edges", "_polygon_starts")

    def __init__(self, config: RobotConfig) -> None:
        """All unknown, centered on the odom origin. Raises ValueError when the distance cap exceeds 127 cells."""
        mapping = config.mapping
        size = mapping.local_cells
        self._size = size
        self._resolution_m = mapping.local_resolution_m
        self._recenter_cells = mapping.recenter_cells
        self._cap_m = mapping.distance_cap_m
        self._cap_cells = math.ceil(mapping.distance_cap_m / mapping.local_resolution_m)
        if self._cap_cells > distance_kernels.MAX_CAP_16:
            raise ValueError("mapping.distance_cap_m: at most 127 cells of local_resolution_m")
        self._max_range_m = mapping.max_range_m
        self._clear_margin_m = mapping.clear_margin_m + 3.0 * config.lidar.noise_sigma_m
        self._clear_scans = mapping.clear_scans
        self._memory_ns = ns_from_s(mapping.obstacle_memory_s)
        self._max_age_ns = ns_from_s(mapping.scan_max_age_s)
        self._mount = (config.lidar.x_m, config.lidar.y_m, config.lidar.yaw_rad)
        self._circumradius_m = config.body.circumradius_m
        self._edges, self._polygon_starts = outline_half_planes(config.body)
        self._column0 = -(size // 2)
        self._row0 = -(size // 2)
        self._next_decay_ns: int | None = None
        self.cells: NDArray[np.uint8] = np.zeros((size, size), np.uint8)
        self._confidence: NDArray[np.uint8] = np.zeros((size, size), np.uint8)
        self._offsets: NDArray[np.uint8] = np.zeros((size, size, 2), np.uint8)
        self._last_hit_ns: NDArray[np.int64] = np.zeros((size, size), np.int64)
        self._forbidden: tuple[NDArray[np.float64], ...] = ()
        self._field: DistanceField | None = None
        """The last distance field while nothing changed since."""
        self.refused: dict[str, int] = {}
        """Count of refused scans by verdict."""

    @property
    def frame(self) -> GridFrame:
        """Where the window lies in the odom frame."""
        resolution_m = self._resolution_m
        return GridFrame(self._column0 * resolution_m, self._row0 * resolution_m, resolution_m, self._size, self._size)

    def recenter(self, odom_from_base: Pose2) -> None:
        """Move the window when the robot is ``recenter_cells`` or more from its middle; never for a pose with nan."""
        if not odom_from_base.is_finite():
            return
        row, column = self.frame.cell(odom_from_base.x_m, odom_from_base.y_m)
        down, right = row - self._size // 2, column - self._size // 2
        if max(abs(down), abs(right)) >= self._recenter_cells:
            self._shift(down, right)

    def insert(
        self,
        scan: Scan,
        odom_from_base_at_scan: Pose2,
        odom_from_base_end: Pose2 | None,
        now_ns: int,
        moving: NDArray[np.bool_] | None = None,
    ) -> ScanVerdict:
        """Add one scan.

        ``odom_from_base_at_scan``: pose at the scan's stamp (first beam); ``odom_from_base_end``: pose at its last
        beam, None = all beams were measured at the stamp. Poses between are interpolated. ``moving`` bool [beams]: True
        = ends on something that moves (see ``amr.tracking``). 0.2 ms for 720 beams.
        """
        verdict = self._verdict(scan, odom_from_base_at_scan, odom_from_base_end, now_ns)
        if verdict is not ScanVerdict.INSERTED:
            self.refused[verdict.value] = self.refused.get(verdict.value, 0) + 1
            return verdict
        self._field = None
        beams = self._project(scan, odom_from_base_at_scan, odom_from_base_end or odom_from_base_at_scan)
        if moving is not None:
            beams[moving, kernels.HIT] = 0.0
        frame = self._frame_array()
        kernels.mark_hits(
            beams, frame, self.cells, self._confidence, self._offsets, self._clear_scans, self._clear_scans
        )
        kernels.stamp_hits(beams, frame, self.cells, self._last_hit_ns, scan.stamp_ns)
        clearing.clear_seen_through(
            beams,
            np.array([scan.angle_min_rad, scan.angle_increment_rad, self._clear_margin_m]),
            frame,
            np.array([0, self._size, 0, self._size]),
            self.cells,
            self._confidence,
            self._offsets,
        )
        kernels.unmark_hits(beams, frame, self.cells)
        kernels.trace_free(beams, frame, self.cells, covers_full_turn(scan), scan.angle_increment_rad)
        self._clear_under(odom_from_base_end or odom_from_base_at_scan)
        self._decay(now_ns)
        return ScanVerdict.INSERTED

    def forbid(self, polygons_odom: tuple[NDArray[np.float64], ...]) -> None:
        """These polygons [n, 2] (m) are obstacles in every distance field from now on, whatever scans show there."""
        self._forbidden = polygons_odom
        self._field = None

    def distance_field(self) -> DistanceField:
        """Exact distances between cell centers, capped. Computed once after a change (0.1 to 0.2 ms).

        Its arrays are never written again: keep them, but do not write to them.
        """
        if self._field is not None:
            return self._field
        squared = np.empty((self._size, self._size), np.int16)
        cells = self.cells if not self._forbidden else self._with_forbidden()
        distance_kernels.squared_distance(cells, kernels.OCCUPIED, self._cap_cells, squared)
        distance_m = np.empty((self._size, self._size), np.float32)
        distance_kernels.meters_from_squared_cells(
            squared, np.float32(self._resolution_m), np.float32(self._cap_m), distance_m
        )
        unknown = (self.cells == kernels.UNKNOWN).view(np.uint8)
        self._field = DistanceField(self.frame, distance_m, unknown, self._cap_m)
        return self._field

    def _with_forbidden(self) -> NDArray[np.uint8]:
        cells = self.cells.copy()
        for polygon in self._forbidden:
            rows, columns, mask = cells_inside(polygon, self.frame)
            cells[rows, columns][mask] = kernels.OCCUPIED
        return cells

    def clear_disc(self, x_m: float, y_m: float, radius_m: float) -> None:
        """Forget the obstacles whose cell center lies in the disc (odom frame); nothing when a value is not finite."""
        if math.isfinite(x_m) and math.isfinite(y_m) and math.isfinite(radius_m) and radius_m >= 0.0:
            self._field = None
            clearing.clear_disc(self.cells, self._confidence, self._frame_array(), x_m, y_m, radius_m)

    def vouch(self, odom_from_base: Pose2, margin_m: float) -> None:
        """What was never seen within ``margin_m`` of the outline counts as free: whoever arms the robot says so."""
        frame = self.frame
        center_row, center_column = frame.cell(odom_from_base.x_m, odom_from_base.y_m)
        reach = int((self._circumradius_m + margin_m) / self._resolution_m) + 1
        rows = slice(max(0, center_row - reach), max(0, center_row + reach + 1))
        columns = slice(max(0, center_column - reach), max(0, center_column + reach + 1))
        part = self.cells[rows, columns]
        dy = frame.origin_y_m + (np.arange(part.shape[0]) + rows.start + 0.5) * self._resolution_m - odom_from_base.y_m
        dx = (
            frame.origin_x_m
            + (np.arange(part.shape[1]) + columns.start + 0.5) * self._resolution_m
            - odom_from_base.x_m
        )
        sine, cosine = sin_cos(odom_from_base.yaw_rad)
        x_m = cosine * dx[None, :] + sine * dy[:, None]
        y_m = cosine * dy[:, None] - sine * dx[None, :]
        near = np.zeros(part.shape, bool)
        for first, end in pairwise(self._polygon_starts.tolist()):
            beyond = [a * x_m + b * y_m - c for a, b, c in self._edges[first:end].tolist()]
            near |= np.max(beyond, axis=0) <= margin_m
        part[near & (part == kernels.UNKNOWN)] = kernels.FREE
        self._field = None

    def forget(self, seen_before_ns: int) -> int:
        """Forget the obstacles that were last seen before this time; returns how many cells became free."""
        self._field = None
        return int(clearing.forget_before(self.cells, self._confidence, self._last_hit_ns, seen_before_ns))

    def _verdict(self, scan: Scan, start: Pose2, end: Pose2 | None, now_ns: int) -> ScanVerdict:
        verdict = scan_verdict(scan)
        if verdict is not ScanVerdict.INSERTED:
            return verdict
        if not start.is_finite() or (end is not None and not end.is_finite()):
            return ScanVerdict.POSE_NOT_FINITE
        if now_ns - scan.stamp_ns > self._max_age_ns:
            return ScanVerdict.STALE
        if scan.stamp_ns - now_ns > ns_from_s(_FUTURE_TOLERANCE_S):
            return ScanVerdict.FUTURE
        for pose in (start, end or start):
            row, column = self.frame.cell(*pose.apply(self._mount[0], self._mount[1]))
            if not self.frame.contains(row, column):
                return ScanVerdict.OUTSIDE_WINDOW
        return verdict

    def surface_points(
        self, scan: Scan, start: Pose2, end: Pose2, moving: NDArray[np.bool_] | None
    ) -> NDArray[np.float64]:
        """float64 [n, 2] (m, odom frame): where the beams of a sound scan ended on something that stands."""
        beams = self._project(scan, start, end, scan.range_max_m)
        hit = beams[:, kernels.HIT] > 0.0
        if moving is not None:
            hit &= ~moving
        beams = beams[hit]
        reach = beams[:, kernels.REACH]
        ends = (beams[:, kernels.X] + reach * beams[:, kernels.DX], beams[:, kernels.Y] + reach * beams[:, kernels.DY])
        return np.stack(ends, axis=1)

    def _project(self, scan: Scan, start: Pose2, end: Pose2, max_range_m: float | None = None) -> NDArray[np.float64]:
        beams = np.empty((scan.ranges_m.size, kernels.BEAM_COLUMNS), np.float64)
        geometry = np.array(
            [
                scan.angle_min_rad,
                scan.angle_increment_rad,
                scan.range_min_m,
                min(scan.range_max_m, self._max_range_m if max_range_m is None else max_range_m),
                *self._mount,
                self._circumradius_m,
            ]
        )
        end_yaw_rad = start.yaw_rad + wrap_angle(end.yaw_rad - start.yaw_rad)
        kernels.project_beams(
            np.array(scan.ranges_m),
            geometry,
            np.array([start.x_m, start.y_m, start.yaw_rad]),
            np.array([end.x_m, end.y_m, end_yaw_rad]),
            self._edges,
            self._polygon_starts,
            beams,
        )
        return beams

    def _frame_array(self) -> NDArray[np.float64]:
        frame = self.frame
        return np.array([frame.origin_x_m, frame.origin_y_m, frame.resolution_m])

    def _clear_under(self, odom_from_base: Pose2) -> None:
        clearing.clear_under_robot(
            self.cells,
            self._confidence,
            self._frame_array(),
            np.array([odom_from_base.x_m, odom_from_base.y_m, odom_from_base.yaw_rad]),
            self._edges,
            self._polygon_starts,
            self._circumradius_m,
            self._resolution_m,
        )

    def _decay(self, now_ns: int) -> None:
        if self._next_decay_ns is None or now_ns >= self._next_decay_ns:
            self.forget(now_ns - self._memory_ns)
            self._next_decay_ns = now_ns + ns_from_s(_DECAY_PERIOD_S)

    def _shift(self, down: int, right: int) -> None:
        """Move the window by whole cells: what leaves it is lost, what enters it is unknown."""
        self._field = None
        self._row0 += down
        self._column0 += right
        size = self._size
        target_rows = slice(max(0, -down), min(size, size - down))
        source_rows = slice(max(0, down), min(size, size + down))
        target_columns = slice(max(0, -right), min(size, size - right))
        source_columns = slice(max(0, right), min(size, size + right))
        overlap = abs(down) < size and abs(right) < size
        for name in ("cells", "_confidence", "_offsets", "_last_hit_ns"):
            old = getattr(self, name)
            new = np.zeros_like(old)
            if overlap:
                new[target_rows, target_columns] = old[source_rows, source_columns]
            setattr(self, name, new)
