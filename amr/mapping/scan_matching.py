"""Scan matching for callers: a map of lines to refine a pose in, and a window search that needs no good start."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from amr.kernels import scan_match_lines as line_kernel
from amr.kernels import scan_match_modes as modes_kernel
from amr.kernels import scan_match_window as window_kernel

Array = NDArray[Any]

LARGEST_MODES: Final = 48
_ORIGIN: Final[Array] = np.zeros((1, 2))
_SMEAR_CELLS: Final = 2
_MARGIN_CELLS: Final = 40
"""Border of a window map beyond its reach, for the vector loads of its coarsest level."""


@dataclass(frozen=True, slots=True)
class LineMatchSettings:
    """How a pose is refined. ``sigma_m``: of one residual; ``kernel_m``: scale of the Cauchy kernel."""

    first_reach_m: float = 0.5
    last_reach_m: float = 0.2
    sigma_m: float = 0.03
    kernel_m: float = 0.03
    iterations: int = 30
    reach_kept_frac: float = 0.7

    def as_array(self) -> Array:
        """As the kernel takes it."""
        return np.array([
            self.first_reach_m, self.last_reach_m, self.sigma_m, self.kernel_m, self.iterations, self.reach_kept_frac,
        ])  # fmt: skip


@dataclass(frozen=True, slots=True)
class LineMatch:
    """``pose`` [3] (m, rad) in the map; ``information`` [3, 3] of the points alone, in the map's axes.

    ``inlier_frac``: weight of the points that lie on lines (0 to 1) over all points; ``found_frac``: points that had
    any line in reach; ``rms_m``: of the weighted residuals.
    """

    pose: Array
    information: Array
    inlier_frac: float
    found_frac: float
    rms_m: float


def symmetric(packed: Array) -> Array:
    """The 3 x 3 matrix of xx xy xt yy yt tt."""
    xx, xy, xt, yy, yt, tt = packed
    return np.array([[xx, xy, xt], [xy, yy, yt], [xt, yt, tt]])


class LineMap:
    """Local lines of the points that were put in; reused, cleared in the time that its used cells take."""

    def __init__(self, reach_m: float, cell_m: float = 0.1, capacity: int = 40_000, *, sided: bool = False) -> None:
        """``sided``: the scans of a map were each seen from their own origin, so that walls have two sides."""
        size = 2 * math.ceil(reach_m / cell_m)
        self.reach_m = reach_m
        self.cell_m = cell_m
        self._sided = sided
        self._index = np.full((size, size), -1, np.int32)
        self._cells = np.empty((capacity, 2), np.int32)
        self._moments = np.empty((capacity, line_kernel.MOMENTS))
        self._lines = np.empty((capacity, line_kernel.LINE))
        self._frame = np.zeros(3)
        self._used = 0
        self._result = np.empty(line_kernel.RESULT)
        self._prior = np.zeros(9)

    def build(self, center_m: Array, scans: list[Array], poses: Array) -> None:
        """Start anew around ``center_m`` [2] with ``scans`` (each [n, 2], own frame) at ``poses`` [len, 3]."""
        line_kernel.clear_cells(self._index, self._cells, self._used)
        self._frame = np.array([center_m[0] - self.reach_m, center_m[1] - self.reach_m, self.cell_m])
        self._used = 0
        for points, pose in zip(scans, poses, strict=True):
            self._used = line_kernel.add_points(
                points, pose, self._frame, self._index, self._cells, self._moments, self._used, self._sided
            )
        line_kernel.fit_lines(self._frame, self._index, self._cells, self._moments, self._used, self._lines)

    def match(
        self,
        points: Array,
        start: Array,
        settings: Array,
        prior_pose: Array | None = None,
        prior_information: Array | None = None,
        eyes: Array | None = None,
    ) -> LineMatch:
        """Refine ``start`` [3] for ``points`` [n, 2]; the prior is a pose and its 3 x 3 information.

        ``eyes`` [n, 2]: from where each point was seen; None = all from the origin.
        """
        self._prior[:] = 0.0
        if prior_pose is not None and prior_information is not None:
            self._prior[:3] = prior_pose
            self._prior[3:] = prior_information[np.triu_indices(3)]
        line_kernel.match_lines(
            points, self._frame, self._index, self._moments, self._lines, start, self._prior, settings,
            self._result, _ORIGIN if eyes is None else eyes,
        )  # fmt: skip
        weight, cost, found = self._result[3:6]
        count = max(len(points), 1)
        return LineMatch(
            self._result[:3].copy(),
            symmetric(self._result[6:]),
            float(weight) / count,
            float(found) / count,
            math.sqrt(cost / weight) if weight > 0.0 else math.inf,
        )


class WindowMap:
    """A likelihood grid with its pyramid, to search the best pose in a window."""

    def __init__(
        self, scans: list[Array], poses: Array, window_m: float, cell_m: float = 0.05, levels: int = 2
    ) -> None:
        """``scans`` (each [n, 2], own frame) at ``poses``; searches reach at most ``window_m`` from their start."""
        self.cell_m = cell_m
        self.window_m = window_m
        low, high = _bounding_box(scans, poses)
        border_m = window_m + _MARGIN_CELLS * cell_m
        shape = np.ceil((high - low + 2.0 * border_m) / cell_m).astype(int) + 1
        self._frame = np.array([low[0] - border_m, low[1] - border_m, cell_m])
        grids = [np.zeros((shape[1], shape[0]), np.uint8)]
        stamp = _stamp()
        for points, pose in zip(scans, poses, strict=True):
            window_kernel.stamp_points(points, pose, self._frame, stamp, grids[0])
        for _ in range(levels - 1):
            fine = grids[-1]
            grids.append(np.zeros((-(-fine.shape[0] // 4) + 8, -(-fine.shape[1] // 4) + 8), np.uint8))
            window_kernel.coarser(fine, grids[-1])
        offsets = np.cumsum([0] + [grid.size for grid in grids[:-1]])
        self._levels = np.array([(o, g.shape[1], g.shape[0]) for o, g in zip(offsets, grids, strict=True)], np.int64)
        self._flat = np.concatenate([grid.ravel() for grid in grids] + [np.zeros(4096, np.uint8)])
        self._result = np.zeros(3)

    def search(
        self,
        points: Array,
        center: Array,
        window_m: float,
        window_rad: float,
        step_rad: float,
        least_score: float,
        banned_m: tuple[float, float, float] | None = None,
    ) -> tuple[Array, float] | None:
        """(pose [3], score in 0 to 1) of the best pose with a score above ``least_score``, or None.

        ``banned_m`` = x, y, half a side: no pose from that square.
        """
        if len(points) == 0 or window_m > self.window_m:
            return None
        half = math.ceil(window_m / self.cell_m)
        angles = 2 * math.ceil(window_rad / step_rad) + 1
        full = window_kernel.FULL * len(points)
        least = int(least_score * full)
        banned = np.array([0, 0, -1], np.int64)
        if banned_m is not None:
            x_m, y_m, side_m = banned_m
            banned = np.rint(np.array([x_m - center[0], y_m - center[1], side_m]) / self.cell_m).astype(np.int64)
        score = window_kernel.best_in_window(
            points, self._flat, self._levels, self._frame, center, half, angles, step_rad, least, banned, self._result
        )
        return (self._result.copy(), score / full) if score > least else None

    def modes(
        self,
        points: Array,
        center: Array,
        allowed: Array,
        step_rad: float,
        least_score: float,
        keep_frac: float,
        near: tuple[float, float],
        found: Array,
    ) -> Array:
        """The modes ``found`` [m, 4] (score in 0 to 1; x m, y m, yaw rad) and those of one more window, all headings.

        ``allowed`` uint8 [span, span], span odd: the cells around ``center`` [2] where the robot may stand; twice that
        reach must be within ``window_m``. Poses nearer than ``near`` (m, rad) to a better one are no mode; nor are
        those below ``keep_frac`` of the best. At most ``LARGEST_MODES``, which are not sorted.
        """
        span, coarsest = allowed.shape[0], 4 ** (len(self._levels) - 1)
        if len(points) == 0 or span * self.cell_m > self.window_m + self.cell_m:
            return found
        blocks = -(-span // coarsest)
        padded = np.zeros((blocks * coarsest, blocks * coarsest), np.uint8)
        padded[:span, :span] = allowed
        squares = np.ascontiguousarray(padded.reshape(blocks, coarsest, blocks, coarsest).max(axis=(1, 3)))
        if not squares.any():
            return found
        full = window_kernel.FULL * len(points)
        table = np.zeros((LARGEST_MODES, modes_kernel.MODE))
        table[: len(found)] = found * np.array([full, 1.0, 1.0, 1.0])
        first = np.array([center[0], center[1], -math.pi])
        count = modes_kernel.modes_in_window(
            np.ascontiguousarray(points), self._flat, self._levels, self._frame, first,
            np.ascontiguousarray(allowed), squares, math.ceil(2.0 * math.pi / step_rad), step_rad,
            int(least_score * full), int(100.0 * keep_frac), near[0], near[1], table, len(found),
        )  # fmt: skip
        kept: Array = table[:count] / np.array([full, 1.0, 1.0, 1.0])
        return kept[kept[:, 0] >= keep_frac * kept[:, 0].max()] if count else kept


def _bounding_box(scans: list[Array], poses: Array) -> tuple[Array, Array]:
    low, high = np.full(2, np.inf), np.full(2, -np.inf)
    for points, (x_m, y_m, yaw_rad) in zip(scans, poses, strict=True):
        if len(points):
            c, s = math.cos(yaw_rad), math.sin(yaw_rad)
            placed = np.array([x_m, y_m]) + points @ np.array([[c, s], [-s, c]])
            low, high = np.minimum(low, placed.min(axis=0)), np.maximum(high, placed.max(axis=0))
    return (low, high) if np.isfinite(low).all() else (np.zeros(2), np.zeros(2))


def _stamp() -> Array:
    """A point's likelihood over its neighbour cells: 100 in its own, falling with the distance."""
    steps = np.arange(-_SMEAR_CELLS, _SMEAR_CELLS + 1)
    squared = steps[:, None] ** 2 + steps[None, :] ** 2
    return np.where(squared <= _SMEAR_CELLS**2, window_kernel.FULL * np.exp(-squared / 3.0), 0.0).astype(np.uint8)
