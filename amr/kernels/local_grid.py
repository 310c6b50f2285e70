"""How one scan changes a grid of cells; used by the local window and by the global map.

A cell is one byte (unknown, free, occupied, and the mark "hit by this scan"), plus a confidence (so many scans must
prove it gone) and the place of its last hit inside the cell, in 1/256 of it. Obstacles are cleared by asking for each
occupied cell which beams pass its hit point, not by tracing beams through cells: that is exact below the cell size, so
grazing beams take nothing from a wall, and posts thinner than a cell stay.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from amr.jit import kernel
from amr.kernels.trig import sin_cos

Array = NDArray[Any]

UNKNOWN = 0
FREE = 1
OCCUPIED = 2
HIT_NOW = 0x80
"""Added to OCCUPIED while one scan is inserted."""

NO_INFORMATION = -1.0
"""Reach of a beam that tells nothing: invalid, or blocked by the robot itself."""

BEAM_COLUMNS = 7
X, Y, YAW, DX, DY, REACH, HIT = range(BEAM_COLUMNS)
"""Columns of a beam table: lidar pose at its time, unit direction, way seen to be free, 1 = ends at a surface."""


@kernel("void(float32[::1], float64[::1], float64[::1], float64[::1], float64[:,::1], int64[::1], float64[:,::1])")
def project_beams(
    ranges: Array, geometry: Array, start: Array, end: Array, edges: Array, polygon_starts: Array, beams: Array
) -> None:
    """Fill the beam table.

    ``geometry``: angle_min rad, increment rad, range_min m, largest range m, lidar x m, y m, yaw rad in the base
    frame, circumradius of the outline m. ``start``, ``end``: base pose (x, y, yaw) at the first and the last beam;
    end yaw is not wrapped against start. ``edges`` [k, 3]: outline half planes a x + b y <= c (base frame), those of
    polygon p in ``polygon_starts[p] : polygon_starts[p + 1]``.
    """
    n = ranges.shape[0]
    angle_min, increment, range_min, range_max = geometry[0], geometry[1], geometry[2], geometry[3]
    mount_x, mount_y, mount_yaw, circumradius = geometry[4], geometry[5], geometry[6], geometry[7]
    last = float(n - 1) if n > 1 else 1.0
    for i in range(np.uint64(n)):
        part = float(i) / last
        base_x = start[0] + part * (end[0] - start[0])
        base_y = start[1] + part * (end[1] - start[1])
        base_yaw = start[2] + part * (end[2] - start[2])
        base_s, base_c = sin_cos(base_yaw)
        beam_base = mount_yaw + angle_min + float(i) * increment
        s, c = sin_cos(beam_base)
        beams[i, X] = base_x + base_c * mount_x - base_s * mount_y
        beams[i, Y] = base_y + base_s * mount_x + base_c * mount_y
        beams[i, YAW] = base_yaw + mount_yaw
        beams[i, DX] = base_c * c - base_s * s
        beams[i, DY] = base_s * c + base_c * s
        measured = float(ranges[i])
        if measured != measured:
            beams[i, REACH] = NO_INFORMATION
            beams[i, HIT] = 0.0
            continue
        if measured > range_max:
            beams[i, REACH] = range_max
            beams[i, HIT] = 0.0
            continue
        reach = measured if measured > range_min else range_min
        # the end point in the base frame: on the robot itself it tells nothing about the world
        px = mount_x + reach * c
        py = mount_y + reach * s
        own = False
        if px * px + py * py < circumradius * circumradius:
            for p in range(np.uint64(polygon_starts.shape[0] - 1)):
                inside = True
                for e in range(polygon_starts[p], polygon_starts[p + np.uint64(1)]):
                    k = np.uint64(e)
                    if edges[k, 0] * px + edges[k, 1] * py > edges[k, 2]:
                        inside = False
                own = own or inside
        beams[i, REACH] = NO_INFORMATION if own else reach
        beams[i, HIT] = 0.0 if own else 1.0


@kernel("int64(float64[:,::1], float64[::1], uint8[:,::1], uint8[:,::1], uint8[:,:,::1], int64, int64)")
def mark_hits(beams: Array, frame: Array, cells: Array, confidence: Array, offsets: Array, gain: int, most: int) -> int:
    """Make the end cells of all hits occupied, and mark them as hit now; returns how many cells that are.

    ``frame``: origin x m, y m, resolution m. Confidence rises by ``gain`` a scan up to ``most``.
    """
    height, width = cells.shape
    origin_x, origin_y, resolution = frame[0], frame[1], frame[2]
    count = 0
    for i in range(np.uint64(beams.shape[0])):
        if beams[i, HIT] == 0.0:
            continue
        column = (beams[i, X] + beams[i, REACH] * beams[i, DX] - origin_x) / resolution
        row = (beams[i, Y] + beams[i, REACH] * beams[i, DY] - origin_y) / resolution
        if not (0.0 <= column < width and 0.0 <= row < height):
            continue
        r = np.uint64(row)
        c = np.uint64(column)
        if cells[r, c] < HIT_NOW:
            count += 1
            held = confidence[r, c] if cells[r, c] == OCCUPIED else 0
            confidence[r, c] = min(held + gain, most)
            cells[r, c] = OCCUPIED + HIT_NOW
        offsets[r, c, 0] = np.uint8((column - float(c)) * 256.0)
        offsets[r, c, 1] = np.uint8((row - float(r)) * 256.0)
    return count


@kernel("void(float64[:,::1], float64[::1], uint8[:,::1], int64[:,::1], int64)")
def stamp_hits(beams: Array, frame: Array, cells: Array, last_hit: Array, stamp_ns: int) -> None:
    """Write the scan's stamp into every cell that is marked as hit now; never an older one over a newer."""
    height, width = cells.shape
    origin_x, origin_y, resolution = frame[0], frame[1], frame[2]
    for i in range(np.uint64(beams.shape[0])):
        if beams[i, HIT] == 0.0:
            continue
        column = (beams[i, X] + beams[i, REACH] * beams[i, DX] - origin_x) / resolution
        row = (beams[i, Y] + beams[i, REACH] * beams[i, DY] - origin_y) / resolution
        if 0.0 <= column < width and 0.0 <= row < height:
            r = np.uint64(row)
            c = np.uint64(column)
            last_hit[r, c] = max(last_hit[r, c], stamp_ns)


@kernel("void(float64[:,::1], float64[::1], uint8[:,::1])")
def unmark_hits(beams: Array, frame: Array, cells: Array) -> None:
    """Take the mark "hit now" away again."""
    height, width = cells.shape
    origin_x, origin_y, resolution = frame[0], frame[1], frame[2]
    for i in range(np.uint64(beams.shape[0])):
        if beams[i, HIT] == 0.0:
            continue
        column = (beams[i, X] + beams[i, REACH] * beams[i, DX] - origin_x) / resolution
        row = (beams[i, Y] + beams[i, REACH] * beams[i, DY] - origin_y) / resolution
        if 0.0 <= column < width and 0.0 <= row < height:
            cells[np.uint64(row), np.uint64(column)] &= 0x7F


@kernel("void(float64[:,::1], float64[::1], uint8[:,::1], boolean, float64)")
def trace_free(beams: Array, frame: Array, cells: Array, full_turn: bool, increment_rad: float) -> None:
    """Make unknown cells free along each beam, as far as it and both its neighbors see (Amanatides and Woo 1987).

    Occupied cells are left as they are. The neighbors keep one beam that a wall did not return from opening the
    space behind that wall. Near the lidar, where beams lie closer than cells, every second, fourth and eighth do.
    """
    height, width = cells.shape
    n = beams.shape[0]
    origin_x, origin_y, resolution = frame[0], frame[1], frame[2]
    for i in range(n):
        here = np.uint64(i)
        reach = beams[here, REACH]
        if reach <= 0.0:
            continue
        if i > 0 or full_turn:
            near = beams[np.uint64(i - 1 if i > 0 else n - 1), REACH]
            if near >= 0.0:
                reach = min(reach, near)
        if i < n - 1 or full_turn:
            near = beams[np.uint64(i + 1 if i < n - 1 else 0), REACH]
            if near >= 0.0:
                reach = min(reach, near)
        dx = beams[here, DX]
        dy = beams[here, DY]
        # up to here the beams whose number has one more factor 2 are closer than a cell
        skipped = 0.0
        if i % 8 != 0:
            factor = 2.0 if i % 2 != 0 else (4.0 if i % 4 != 0 else 8.0)
            skipped = 1.0 / (factor * abs(increment_rad))
        left_over = reach / resolution - skipped
        if left_over <= 0.0:
            continue
        px = (beams[here, X] - origin_x) / resolution + skipped * dx
        py = (beams[here, Y] - origin_y) / resolution + skipped * dy
        if not (0.0 <= px < width and 0.0 <= py < height):
            continue
        column = int(px)
        row = int(py)
        step_column = 1 if dx > 0.0 else -1
        step_row = 1 if dy > 0.0 else -1
        per_column = abs(1.0 / dx) if dx != 0.0 else math.inf
        per_row = abs(1.0 / dy) if dy != 0.0 else math.inf
        to_column = (column + 1 - px if dx > 0.0 else px - column) * per_column if dx != 0.0 else math.inf
        to_row = (row + 1 - py if dy > 0.0 else py - row) * per_row if dy != 0.0 else math.inf
        while True:
            r = np.uint64(row)
            c = np.uint64(column)
            if cells[r, c] == UNKNOWN:
                cells[r, c] = FREE
            if to_column < to_row:
                if to_column > left_over:
                    break
                column += step_column
                to_column += per_column
                if column < 0 or column >= width:
                    break
            else:
                if to_row > left_over:
                    break
                row += step_row
                to_row += per_row
                if row < 0 or row >= height:
                    break
