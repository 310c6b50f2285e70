"""What finished paths are judged by, written apart from what makes them: contact, clearance, wobble, limits."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from amr.config.hardware import Body
from amr.control.base import MotionLimits
from amr.grid import COST_LETHAL, CostGrid
from amr.planning.speed_profile import PathShape

Array = NDArray[np.float64]

_SAMPLE_M: Final = 0.01
_FLAT_PER_M: Final = 0.05
"""Curvature below this (a radius of 20 m) is straight: its sign does not count."""


def body_points_m(body: Body) -> Array:
    """Points [k, 2] of the outline's sides, 1 cm apart, and of its inside, 3 cm apart (base frame)."""
    points = []
    for polygon in body.outline_m:
        corners = np.array(polygon)
        for a, b in zip(corners, np.roll(corners, -1, axis=0), strict=True):
            part = np.linspace(0.0, 1.0, math.ceil(math.dist(a, b) / _SAMPLE_M) + 1)[:, None]
            points.append(a * (1.0 - part) + b * part)
        low, high = corners.min(axis=0), corners.max(axis=0)
        grid = np.stack(np.meshgrid(np.arange(low[0], high[0], 0.03), np.arange(low[1], high[1], 0.03)), -1)
        inside = grid.reshape(-1, 2)
        for a, b in zip(corners, np.roll(corners, -1, axis=0), strict=True):
            inside = inside[(b[0] - a[0]) * (inside[:, 1] - a[1]) - (b[1] - a[1]) * (inside[:, 0] - a[0]) >= 0.0]
        points.append(inside)
    return np.vstack(points)


def dense_poses(path: Array, step_m: float) -> Array:
    """Poses [m, 3] along ``path`` [n, 3] at most ``step_m`` apart; place and heading change evenly between points."""
    steps = np.diff(path[:, :2], axis=0)
    pieces = np.maximum(1, np.ceil(np.hypot(steps[:, 0], steps[:, 1]) / step_m).astype(np.int64))
    index = np.repeat(np.arange(len(steps)), pieces)
    part = (np.arange(len(index)) - np.repeat(np.cumsum(pieces) - pieces, pieces)) / pieces[index]
    turn = np.angle(np.exp(1j * np.diff(path[:, 2])))
    moved = np.column_stack([steps, turn])
    return np.vstack([path[index] + part[:, None] * moved[index], path[-1:]])


@dataclass(frozen=True, slots=True, eq=False)
class Obstacles:
    """Lethal cells of a grid and the distance of each cell to them, by SciPy."""

    grid: CostGrid
    lethal: NDArray[np.bool_]
    distance_m: Array

    @classmethod
    def of(cls, grid: CostGrid) -> Obstacles:
        """Distances between cells' centers; infinite without any obstacle."""
        lethal = grid.cost == COST_LETHAL
        far = np.full(lethal.shape, math.inf)
        distance = distance_transform_edt(~lethal) * grid.frame.resolution_m if lethal.any() else far
        return cls(grid, lethal, distance)

    def cells(self, x_m: Array, y_m: Array) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(rows, columns), clipped to the grid."""
        frame = self.grid.frame
        rows = np.floor((y_m - frame.origin_y_m) / frame.resolution_m).astype(np.int64)
        columns = np.floor((x_m - frame.origin_x_m) / frame.resolution_m).astype(np.int64)
        return np.clip(rows, 0, frame.height - 1), np.clip(columns, 0, frame.width - 1)

    def contacts(self, points_m: Array, reach_m: float, poses: Array) -> int:
        """How many of ``poses`` [n, 3] put one of the body's points (all within ``reach_m``) into a lethal cell."""
        near = self.distance_m[self.cells(poses[:, 0], poses[:, 1])] <= reach_m + 2.0 * self.grid.frame.resolution_m
        count = 0
        for x_m, y_m, yaw_rad in poses[near].tolist():
            c, s = math.cos(yaw_rad), math.sin(yaw_rad)
            x = x_m + c * points_m[:, 0] - s * points_m[:, 1]
            y = y_m + s * points_m[:, 0] + c * points_m[:, 1]
            count += bool(self.lethal[self.cells(x, y)].any())
        return count

    def clearance_m(self, path: Array) -> float:
        """Smallest distance of the cells along ``path`` [n, 2 or 3] (looked at each centimetre) to an obstacle."""
        poses = dense_poses(np.column_stack([path[:, :2], np.zeros(len(path))]), _SAMPLE_M)
        return float(self.distance_m[self.cells(poses[:, 0], poses[:, 1])].min())


def curvatures_per_m(path: Array) -> Array:
    """Curvature [n - 2] of the circles through three points each of ``path`` [n, 2 or 3]."""
    a, b = np.diff(path[:-1, :2], axis=0), np.diff(path[1:, :2], axis=0)
    c = a + b
    area = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
    sides = np.hypot(a[:, 0], a[:, 1]) * np.hypot(b[:, 0], b[:, 1]) * np.hypot(c[:, 0], c[:, 1])
    return np.where(sides > 1e-12, 2.0 * area / np.maximum(sides, 1e-12), 0.0)


def sign_changes(curvature_per_m: Array) -> int:
    """How often the bend changes sides."""
    bent = curvature_per_m[np.abs(curvature_per_m) > _FLAT_PER_M]
    return int((np.diff(np.sign(bent)) != 0).sum())


def worst_use(shape: PathShape, speeds_mps: Array, limits: MotionLimits) -> dict[str, float]:
    """Largest part of each limit that a profile uses, looked at nine times a segment; above 1 is a violation."""
    moving = shape.gaps_m > 0.0
    gaps, bends = shape.gaps_m[moving], shape.bends_per_m[moving]
    squares = speeds_mps * speeds_mps
    first, second = squares[:-1][moving], squares[1:][moving]
    top = np.where(shape.drives[moving] < 0, limits.v_reverse_max_mps, limits.v_max_mps)
    if not len(gaps):
        return dict.fromkeys(("v", "w", "lateral", "accelerate", "brake", "alpha"), 0.0)
    along = (second - first) / (2.0 * gaps)
    slope = (bends[:, 1] - bends[:, 0]) / gaps
    used = {"accelerate": float(along.max() / limits.a_max_mps2), "brake": float(-along.min() / limits.brake_mps2)}
    used |= dict.fromkeys(("v", "w", "lateral", "alpha"), 0.0)
    for part in np.linspace(0.0, 1.0, 9):
        square = first * (1.0 - part) + second * part
        bend = bends[:, 0] * (1.0 - part) + bends[:, 1] * part
        speed = np.sqrt(square)
        rate = bend * along + slope * square
        used["v"] = max(used["v"], float((speed / top).max()))
        used["w"] = max(used["w"], float((np.abs(bend) * speed).max() / limits.w_max_radps))
        used["lateral"] = max(used["lateral"], float((np.abs(bend) * square).max() / limits.a_lateral_max_mps2))
        used["alpha"] = max(used["alpha"], float(np.abs(rate).max() / limits.alpha_max_radps2))
    return used
