"""A saved map as localization reads it: what a beam's end is worth in each cell, and where its walls are."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from amr.kernels.beam_check import SHORT, THROUGH, UNKNOWN, check_beams
from amr.kernels.distance import squared_distance
from amr.mapping.base import MapImage, border_cells, centers, placed
from amr.portable_math import exponential, logarithm

Array = NDArray[Any]

LARGEST_CELLS: Final = 1 << 24
"""Of a map, with its border: indices of ``beam_penalties`` are exact in 32 bits."""
_OCCUPIED, _FREE = 0, 254
_LEAST_WALL_CELLS: Final = 20


@dataclass(frozen=True, slots=True)
class BeamModel:
    """Likelihood field (Thrun 2005, 6.4): ``hit_frac`` of the beams end near a wall, the rest anywhere.

    ``temper`` = independent share of the beams: neighbours see the same surface, and err together.
    """

    sigma_m: float = 0.08
    hit_frac: float = 0.9
    reach_m: float = 0.5
    temper: float = 0.25


@dataclass(frozen=True, slots=True)
class BeamPrices:
    """What a beam has against a pose, beside its distance from a wall.

    ``unknown_nats``: it ended where nothing was ever seen. ``short_nats``: at most so much when it ended where the map
    is free: somebody stands there. ``through_nats``: more when it went through a wall, which nobody can explain.
    """

    unknown_nats: float = 0.6
    short_nats: float = 0.8
    through_nats: float = 2.0


class MapField:
    """Tables of one map. Cell [0, 0] of every table is a border cell: ``frame`` [3] = its corner x, y, cell size (m).

    ``penalty`` uint8: 0 at a wall, 255 beyond ``reach_m``, ``nats_per_unit`` each; ``clearance`` uint8: whole cells
    to the nearest wall; ``unknown`` and ``free`` uint8 0 or 1; ``wall_points`` [n, 2] (m): a point in each occupied
    cell that borders on free ones, which is what a lidar sees of a wall: where the map knows it, else the center.
    """

    def __init__(self, image: MapImage, model: BeamModel | None = None) -> None:
        """Raises ``ValueError`` when the map is too large or has no walls to be seen."""
        model = model or BeamModel()
        height, width = image.pixels.shape
        if (height + 2) * (width + 2) > LARGEST_CELLS:
            raise ValueError(f"map: {width} x {height} cells: expected at most {LARGEST_CELLS}")
        cell_m = image.frame.resolution_m
        self.model = model
        self.cell_m = cell_m
        self.frame = np.array([image.frame.origin_x_m - cell_m, image.frame.origin_y_m - cell_m, cell_m])
        pixels = np.full((height + 2, width + 2), 205, np.uint8)
        pixels[1:-1, 1:-1] = image.pixels
        self.free = (pixels == _FREE).astype(np.uint8)
        occupied = (pixels == _OCCUPIED).astype(np.uint8)
        self.unknown = np.uint8(1) - self.free - occupied
        cap = min(max(2, math.ceil(model.reach_m / cell_m)), 120)
        squared = np.empty(pixels.shape, np.int16)
        squared_distance(occupied, 1, cap, squared)
        penalties, self.nats_per_unit = penalty_table(model, cell_m, cap)
        self.penalty: Array = penalties[squared]
        self.clearance: Array = np.sqrt(np.arange(cap * cap + 1)).astype(np.uint8)[squared]
        self.hit_cells = 1.5 + model.sigma_m / cell_m
        rows, columns = border_cells(image.pixels)
        if len(rows) < _LEAST_WALL_CELLS:
            raise ValueError(f"map: {len(rows)} occupied cells border on free ones: expected {_LEAST_WALL_CELLS}")
        self.wall_points = centers(image.frame, rows, columns) if image.wall_points is None else image.wall_points

    def is_free(self, x_m: float, y_m: float) -> bool:
        """True when the robot may stand there: a finite point in a free cell."""
        if not (math.isfinite(x_m) and math.isfinite(y_m)):
            return False
        row = math.floor((y_m - self.frame[1]) / self.cell_m)
        column = math.floor((x_m - self.frame[0]) / self.cell_m)
        inside = 0 <= row < self.free.shape[0] and 0 <= column < self.free.shape[1]
        return inside and bool(self.free[row, column])

    def end_nats(self, ends: Array) -> Array:
        """What each of ``ends`` [n, 2] (map frame) has against it: 0 at a wall; beyond the map as at its border."""
        height, width = self.penalty.shape
        cells = (ends - self.frame[:2]) / self.cell_m
        rows = np.clip(cells[:, 1], 0, height - 1).astype(np.int64)
        columns = np.clip(cells[:, 0], 0, width - 1).astype(np.int64)
        nats: Array = self.penalty[rows, columns] * self.nats_per_unit
        return nats

    def nats(self, points: Array, pose: Array) -> float:
        """Mean of ``end_nats`` of ``points`` [n, 2] (robot's frame) from ``pose`` [3]."""
        return float(self.end_nats(placed(points, pose)).mean())

    def judged_nats(self, points: Array, origin: Array, pose: Array, prices: BeamPrices) -> Array:
        """What each of ``points`` [n, 2], measured from ``origin`` [2], has against ``pose`` [3]."""
        verdicts, nats = self.verdicts(points, origin, pose), self.end_nats(placed(points, pose))
        nats[verdicts == UNKNOWN] = prices.unknown_nats
        short = verdicts == SHORT
        nats[short] = np.minimum(nats[short], prices.short_nats)
        nats[verdicts == THROUGH] += prices.through_nats
        return nats

    def verdicts(self, points: Array, origin: Array, pose: Array) -> Array:
        """``amr.kernels.beam_check`` for each of ``points`` [n, 2], measured from ``origin`` [2], robot at ``pose``."""
        out = np.empty(len(points), np.uint8)
        margin = 0.3 / self.cell_m
        check_beams(
            points, origin, pose, self.clearance, self.unknown, self.frame, self.hit_cells, margin, out
        )  # fmt: skip
        return out


def penalty_table(model: BeamModel, cell_m: float, cap: int) -> tuple[Array, float]:
    """uint8 [cap^2 + 1] by squared distance in cells, and the nats that one unit stands for."""
    floor = 1.0 - model.hit_frac
    most = logarithm(1.0 / floor)
    table = np.empty(cap * cap + 1)
    for squared in range(cap * cap + 1):
        distance_m = math.sqrt(squared) * cell_m
        near = exponential(-0.5 * (distance_m / model.sigma_m) ** 2)
        table[squared] = -logarithm(model.hit_frac * near + floor) / most
    return np.rint(255.0 * table).astype(np.uint8), most / 255.0
