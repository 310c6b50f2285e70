"""The map of a SLAM run as an image: cells that scans hit or passed, and where in them the walls lie."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from amr.grid import GridFrame
from amr.kernels.scan_raster import count_beams
from amr.mapping.base import MapImage
from amr.mapping.pose_arrays import Array, placed
from amr.mapping.wall_points import wall_points

LARGEST_CELLS: Final = 40_000_000
_REACH_M: Final = 25.0
_BORDER_M: Final = 1.0
_OCCUPIED_FRAC: Final = 0.3
_OCCUPIED, _UNKNOWN, _FREE = 0, 205, 254


def map_image(scans: list[Array], poses: Array, resolution_m: float = 0.05) -> MapImage:
    """``scans`` (each [n, 2], own frame) at ``poses`` [len, 3]; coarser cells where the area asks for too many."""
    ends = [placed(scan[(scan**2).sum(axis=1) < _REACH_M**2], pose) for scan, pose in zip(scans, poses, strict=True)]
    seen = np.concatenate([*ends, poses[:, :2], np.zeros((1, 2))])
    low, high = seen.min(axis=0) - _BORDER_M, seen.max(axis=0) + _BORDER_M
    area_m2 = float(np.prod(high - low))
    cell_m = resolution_m * max(1, math.ceil(math.sqrt(area_m2 / LARGEST_CELLS) / resolution_m))
    width, height = (int(n) for n in np.ceil((high - low) / cell_m))
    hits, passes = np.zeros((height, width), np.int32), np.zeros((height, width), np.int32)
    frame = np.array([low[0], low[1], cell_m])
    for scan, pose in zip(scans, poses, strict=True):
        count_beams(scan, pose, frame, _REACH_M, hits, passes)
    pixels = np.full((height, width), _UNKNOWN, np.uint8)
    pixels[passes + hits > 0] = _FREE
    pixels[hits > _OCCUPIED_FRAC * (passes + hits)] = _OCCUPIED
    place = GridFrame(float(low[0]), float(low[1]), cell_m, width, height)
    return MapImage(place, pixels, wall_points(np.concatenate(ends), place, pixels))
