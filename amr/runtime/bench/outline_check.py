"""Does a driven path touch anything? A plain second opinion, written apart from every planner and its kernels.

The path is cut into poses so close that no corner moves more than a quarter of a cell, position and heading changing
evenly between two points; at each pose each polygon is tested against each cell near it by separating axes.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from amr.config.hardware import Body
from amr.geometry import wrap_angle
from amr.grid import COST_INSCRIBED, COST_LETHAL, COST_UNKNOWN, CostGrid

_STEP_CELLS = 0.25
_TOUCH_CELLS = 1e-6
"""Overlaps thinner than this are touches."""
_CHUNK = 512


def dense_poses(path: NDArray[np.float64], reach_m: float, step_m: float) -> NDArray[np.float64]:
    """Poses [m, 3] along ``path`` [n, 3]; from one to the next no point within ``reach_m`` moves over ``step_m``."""
    pieces = [path[:1]]
    for before, after in pairwise(path):
        turn = wrap_angle(float(after[2] - before[2]))
        way = math.hypot(after[0] - before[0], after[1] - before[1]) + abs(turn) * reach_m
        part = np.linspace(0.0, 1.0, max(1, math.ceil(way / step_m)) + 1)[1:, None]
        pieces.append(before + part * np.array([after[0] - before[0], after[1] - before[1], turn]))
    return np.concatenate(pieces)


class OutlineCheck:
    """The check on one grid for one body (None: the base origin alone). ``allow_unknown``: unknown cells are free."""

    def __init__(self, grid: CostGrid, body: Body | None, allow_unknown: bool = False) -> None:
        self._frame, self._body = grid.frame, body
        unknown = allow_unknown & (grid.cost == COST_UNKNOWN)
        self._forbidden = (grid.cost >= COST_INSCRIBED) & ~unknown
        self._reach_m = 0.0 if body is None else body.circumradius_m
        self._reach = math.ceil(self._reach_m / grid.frame.resolution_m) + 1
        self._lethal = np.pad((grid.cost >= COST_LETHAL) & ~unknown, self._reach, constant_values=True)

    def touches(self, path: NDArray[np.float64], step_cells: float = _STEP_CELLS) -> bool:
        """True when a robot that drives ``path`` [n, 3] touches what it must not, anywhere between its points."""
        return bool(self.touching(dense_poses(path, self._reach_m, step_cells * self._frame.resolution_m)).any())

    def touching(self, poses: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Per pose [n, 3]: does the outline overlap a lethal cell, or hang over the edge? bool [n].

        Also True where the base origin lies in a cell of 253 and above.
        """
        frame = self._frame
        x = (poses[:, 0] - frame.origin_x_m) / frame.resolution_m
        y = (poses[:, 1] - frame.origin_y_m) / frame.resolution_m
        columns, rows = np.floor(x).astype(np.int64), np.floor(y).astype(np.int64)
        outside = (rows < 0) | (columns < 0) | (rows >= frame.height) | (columns >= frame.width)
        rows, columns = np.clip(rows, 0, frame.height - 1), np.clip(columns, 0, frame.width - 1)
        touching: NDArray[np.bool_] = outside | self._forbidden[rows, columns]
        if self._body is None:
            return touching
        offsets = np.arange(-self._reach, self._reach + 1)
        for first in range(0, len(poses), _CHUNK):
            part = slice(first, first + _CHUNK)
            near = self._lethal[
                (rows[part, None, None] + offsets[None, :, None]) + self._reach,
                (columns[part, None, None] + offsets[None, None, :]) + self._reach,
            ]
            which, j, i = np.nonzero(near)
            if len(which) == 0:
                continue
            left = (columns[part][which] + offsets[i]).astype(np.float64) - x[part][which]
            bottom = (rows[part][which] + offsets[j]).astype(np.float64) - y[part][which]
            yaw = poses[part, 2][which]
            for polygon in self._body.outline_m:
                corners = np.array(polygon) / frame.resolution_m
                hit = _overlaps(corners, np.cos(yaw), np.sin(yaw), left, bottom)
                touching[first + which[hit]] = True
        return touching


def _overlaps(
    corners: NDArray[np.float64],
    cosine: NDArray[np.float64],
    sine: NDArray[np.float64],
    left: NDArray[np.float64],
    bottom: NDArray[np.float64],
) -> NDArray[np.bool_]:
    """Per pair: does the turned convex polygon ``corners`` [k, 2] overlap the unit square at (left, bottom)?"""
    px = cosine[:, None] * corners[:, 0] - sine[:, None] * corners[:, 1]
    py = sine[:, None] * corners[:, 0] + cosine[:, None] * corners[:, 1]
    apart = px.min(axis=1) >= left + 1.0 - _TOUCH_CELLS
    apart |= px.max(axis=1) <= left + _TOUCH_CELLS
    apart |= py.min(axis=1) >= bottom + 1.0 - _TOUCH_CELLS
    apart |= py.max(axis=1) <= bottom + _TOUCH_CELLS
    for k in range(len(corners)):
        edge = corners[(k + 1) % len(corners)] - corners[k]
        normal = np.array([edge[1], -edge[0]]) / math.hypot(*edge)  # outward: corners run counter-clockwise
        nx, ny = cosine * normal[0] - sine * normal[1], sine * normal[0] + cosine * normal[1]
        farthest = float(corners[k] @ normal)
        nearest = nx * (left + (nx < 0.0)) + ny * (bottom + (ny < 0.0))
        apart |= nearest >= farthest - _TOUCH_CELLS
    overlaps: NDArray[np.bool_] = ~apart
    return overlaps
