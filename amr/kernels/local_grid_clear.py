"""How obstacles leave a grid: seen through, forgotten with age, cleared on request, or under the robot itself."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from amr.jit import kernel
from amr.kernels.local_grid import FREE, OCCUPIED, REACH, YAW, X, Y
from amr.kernels.trig import arctan2, sin_cos

Array = NDArray[Any]

_TWO_PI = 6.283185307179586


@kernel("int64(float64[:,::1], float64[::1], float64[::1], int64[::1], uint8[:,::1], uint8[:,::1], uint8[:,:,::1])")
def clear_seen_through(
    beams: Array, geometry: Array, frame: Array, box: Array, cells: Array, confidence: Array, offsets: Array
) -> int:
    """Take one confidence from each occupied cell whose hit point the scan sees through; returns how many became free.

    Seen through: both beams that bracket the bearing of the hit point tell something, and they and their outer
    neighbors all reach further than the point plus a margin. Two neighbors, since along a wall seen at a grazing
    angle the beams before a point are short, and a post that is narrower than the beams' spacing still stops one.
    ``geometry``: angle_min rad, increment rad, margin m.
    ``box``: rows and columns [row0, row1, column0, column1) to look at.
    """
    n = beams.shape[0]
    angle_min, increment, margin = geometry[0], geometry[1], geometry[2]
    origin_x, origin_y, resolution = frame[0], frame[1], frame[2]
    turn_beams = abs(_TWO_PI / increment)
    full_turn = turn_beams < n + 0.5
    middle = np.uint64(n // 2)
    sweep = beams[0, X] != beams[n - 1, X] or beams[0, Y] != beams[n - 1, Y] or beams[0, YAW] != beams[n - 1, YAW]
    cleared = 0
    for row in range(np.uint64(box[0]), np.uint64(box[1])):
        for column in range(np.uint64(box[2]), np.uint64(box[3])):
            if cells[row, column] != OCCUPIED:
                continue
            x = origin_x + (float(column) + (float(offsets[row, column, 0]) + 0.5) / 256.0) * resolution
            y = origin_y + (float(row) + (float(offsets[row, column, 1]) + 0.5) / 256.0) * resolution
            at = middle
            seen = True
            first = 0
            distance = 0.0
            # a sweep lidar moves while it turns: the second look uses the pose of the beam that the first one found
            for _look in range(2 if sweep else 1):
                dx = x - beams[at, X]
                dy = y - beams[at, Y]
                distance = math.sqrt(dx * dx + dy * dy)
                place = (arctan2(dy, dx) - beams[at, YAW] - angle_min) / increment
                place -= math.floor(place / turn_beams) * turn_beams
                first = int(place)
                if first >= n or (first == n - 1 and not full_turn):
                    seen = False
                    break
                at = np.uint64(first)
            if not seen:
                continue
            for k in range(first - 1, first + 3):
                beam = k
                if beam < 0 or beam >= n:
                    if not full_turn:
                        continue
                    beam = beam + n if beam < 0 else beam - n
                reach = beams[np.uint64(beam), REACH]
                if reach < 0.0:
                    # an unknown bracket proves nothing; an unknown outer neighbor does not disprove
                    if k == first or k == first + 1:
                        seen = False
                elif reach < distance + margin:
                    seen = False
            if seen:
                left = int(confidence[row, column]) - 1
                if left <= 0:
                    cells[row, column] = FREE
                    confidence[row, column] = 0
                    cleared += 1
                else:
                    confidence[row, column] = left
    return cleared


@kernel("int64(uint8[:,::1], uint8[:,::1], int64[:,::1], int64)")
def forget_before(cells: Array, confidence: Array, last_hit: Array, stamp_ns: int) -> int:
    """Make occupied cells free that were last hit before ``stamp_ns``; returns how many."""
    height, width = cells.shape
    count = 0
    for row in range(np.uint64(height)):
        for column in range(np.uint64(width)):
            if cells[row, column] == OCCUPIED and last_hit[row, column] < stamp_ns:
                cells[row, column] = FREE
                confidence[row, column] = 0
                count += 1
    return count


@kernel("int64(uint8[:,::1], uint8[:,::1], float64[::1], float64, float64, float64)")
def clear_disc(cells: Array, confidence: Array, frame: Array, x_m: float, y_m: float, radius_m: float) -> int:
    """Make occupied cells free whose center lies within the disc; returns how many."""
    height, width = cells.shape
    origin_x, origin_y, resolution = frame[0], frame[1], frame[2]
    row0 = max(0.0, min(height, math.floor((y_m - radius_m - origin_y) / resolution)))
    row1 = max(0.0, min(height, math.floor((y_m + radius_m - origin_y) / resolution) + 1.0))
    column0 = max(0.0, min(width, math.floor((x_m - radius_m - origin_x) / resolution)))
    column1 = max(0.0, min(width, math.floor((x_m + radius_m - origin_x) / resolution) + 1.0))
    count = 0
    for row in range(np.uint64(row0), np.uint64(row1)):
        dy = origin_y + (float(row) + 0.5) * resolution - y_m
        for column in range(np.uint64(column0), np.uint64(column1)):
            dx = origin_x + (float(column) + 0.5) * resolution - x_m
            if cells[row, column] == OCCUPIED and dx * dx + dy * dy <= radius_m * radius_m:
                cells[row, column] = FREE
                confidence[row, column] = 0
                count += 1
    return count


@kernel("int64(uint8[:,::1], uint8[:,::1], float64[::1], float64[::1], float64[:,::1], int64[::1], float64, float64)")
def clear_under_robot(
    cells: Array,
    confidence: Array,
    frame: Array,
    pose: Array,
    edges: Array,
    polygon_starts: Array,
    circumradius_m: float,
    shrink_m: float,
) -> int:
    """Make all cells free whose center lies inside the outline shrunk by ``shrink_m``; returns how many were not.

    ``pose``: base (x, y, yaw) in the grid's frame; outline as in ``project_beams``, half planes with unit normals.
    """
    height, width = cells.shape
    origin_x, origin_y, resolution = frame[0], frame[1], frame[2]
    s, c = sin_cos(pose[2])
    row0 = max(0.0, min(height, math.floor((pose[1] - circumradius_m - origin_y) / resolution)))
    row1 = max(0.0, min(height, math.floor((pose[1] + circumradius_m - origin_y) / resolution) + 1.0))
    column0 = max(0.0, min(width, math.floor((pose[0] - circumradius_m - origin_x) / resolution)))
    column1 = max(0.0, min(width, math.floor((pose[0] + circumradius_m - origin_x) / resolution) + 1.0))
    count = 0
    for row in range(np.uint64(row0), np.uint64(row1)):
        dy = origin_y + (float(row) + 0.5) * resolution - pose[1]
        for column in range(np.uint64(column0), np.uint64(column1)):
            if cells[row, column] == FREE:
                continue
            dx = origin_x + (float(column) + 0.5) * resolution - pose[0]
            px = c * dx + s * dy
            py = c * dy - s * dx
            own = False
            for p in range(np.uint64(polygon_starts.shape[0] - 1)):
                inside = True
                for e in range(polygon_starts[p], polygon_starts[p + np.uint64(1)]):
                    k = np.uint64(e)
                    if edges[k, 0] * px + edges[k, 1] * py > edges[k, 2] - shrink_m:
                        inside = False
                own = own or inside
            if own:
                cells[row, column] = FREE
                confidence[row, column] = 0
                count += 1
    return count
