"""Continuous scan matching: points against a map of local lines, by damped Gauss-Newton.

The reference is a grid whose cells hold the moments of the points that fell into them. A cell's line is the principal
axis of the moments of its neighbourhood, which grows until it holds enough points (a local normal distribution, Biber
and Strasser 2003, used point to line as in Censi 2008). A query point looks for the nearest cell in growing rings, so
the cost does not depend on how dense the reference is.

A wall has two sides, and a thin one is thinner than the reach of a match. So points may remember from where they were
seen: a line is made of one side alone, and what was seen from the other side of it does not belong to it.

Cells are numbered in the order of first use: ``index[j, i]`` is that number or -1, so clearing touches used cells only.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from amr.jit import kernel
from amr.kernels.trig import sin_cos

Array = NDArray[Any]

MOMENTS = 8
"""Columns of ``moments``: n, sum x, sum y, sum xx, sum xy, sum yy, relative to the center of the cell, in cells; sum
of the unit vectors x, y from the points to where they were seen from (0 = not told)."""
LINE = 7
"""Columns of ``lines``: mean x, mean y [m], normal x, normal y, weight in [0, 1] (0: no line here), mean of the unit
vectors x, y to where its points were seen from."""
RESULT = 12
"""Entries of a result: x_m, y_m, yaw_rad; matched weight; cost; points that found a line; H (xx xy xt yy yt tt)."""

_LEAST_POINTS = 5.0
_LEAST_SPREAD_CELLS2 = 0.35
_LARGEST_RING = 5
_LARGEST_FLATNESS = 0.3
_SIDED = 0.1
"""Mean share along the normal (6 degrees from grazing) from which on a cell's points were seen from one side."""


@kernel("int64(float64[:,::1], float64[::1], float64[::1], int32[:,::1], int32[:,::1], float64[:,::1], int64, boolean)")
def add_points(
    points: Array, pose: Array, frame: Array, index: Array, cells: Array, moments: Array, used: int, sided: bool
) -> int:
    """Add ``points`` [n, 2] (m, in the frame that ``pose`` x, y, yaw places in the map); returns the cells now used.

    ``frame`` = origin x, origin y, cell size (m). ``cells`` [capacity, 2] gets the (row, column) of each used cell.
    Points outside of the grid, not finite, or beyond the capacity are left out. ``sided``: ``pose`` has seen them.
    """
    s, c = sin_cos(pose[2])
    height, width = index.shape
    capacity = cells.shape[0]
    scale = 1.0 / frame[2]
    for k in range(np.uint64(points.shape[0])):
        x = (pose[0] + c * points[k, 0] - s * points[k, 1] - frame[0]) * scale
        y = (pose[1] + s * points[k, 0] + c * points[k, 1] - frame[1]) * scale
        if not (0.0 <= x < width and 0.0 <= y < height):
            continue
        i, j = np.uint64(x), np.uint64(y)
        cell = index[j, i]
        if cell < 0:
            if used >= capacity:
                continue
            cell = used
            index[j, i] = cell
            cells[cell, 0] = j
            cells[cell, 1] = i
            moments[cell, :] = 0.0
            used += 1
        u = np.uint64(cell)
        dx, dy = x - (i + 0.5), y - (j + 0.5)
        moments[u, 0] += 1.0
        moments[u, 1] += dx
        moments[u, 2] += dy
        moments[u, 3] += dx * dx
        moments[u, 4] += dx * dy
        moments[u, 5] += dy * dy
        if sided:
            view_x, view_y = pose[0] - frame[0] - x * frame[2], pose[1] - frame[1] - y * frame[2]
            length = math.sqrt(view_x * view_x + view_y * view_y)
            if length > 0.0:
                moments[u, 6] += view_x / length
                moments[u, 7] += view_y / length
    return used


@kernel("void(int32[:,::1], int32[:,::1], int64)")
def clear_cells(index: Array, cells: Array, used: int) -> None:
    """Forget the ``used`` cells."""
    for k in range(np.uint64(used)):
        index[np.uint64(cells[k, 0]), np.uint64(cells[k, 1])] = -1


@kernel(
    "boolean(float64[::1], int64, int32[:,::1], int32[:,::1], float64[:,::1], boolean, float64[::1], float64[:,::1])"
)
def _fit_line(
    frame: Array, k: int, index: Array, cells: Array, moments: Array, one_side: bool, sums: Array, lines: Array
) -> bool:
    """The line of cell ``k``; with ``one_side`` of cells alone that were seen from the side that it was seen from.

    That side is told by the normal that is there. True when cells of the other side had a part in it.
    """
    height, width = index.shape
    row, column = cells[np.uint64(k), 0], cells[np.uint64(k), 1]
    nx, ny = lines[k, 2], lines[k, 3]
    own = (nx * moments[k, 6] + ny * moments[k, 7]) / moments[k, 0]
    lines[k, 0] = frame[0] + (column + 0.5 + moments[k, 1] / moments[k, 0]) * frame[2]
    lines[k, 1] = frame[1] + (row + 0.5 + moments[k, 2] / moments[k, 0]) * frame[2]
    lines[k, 2] = 1.0
    lines[k, 3] = 0.0
    lines[k, 4] = 0.0
    sums[:] = 0.0
    reached = 0
    for ring in range(_LARGEST_RING + 1):
        reached = ring
        for j in range(max(0, row - ring), min(height, row + ring + 1)):
            whole = abs(j - row) == ring
            step = 1 if whole or ring == 0 else 2 * ring
            for i in range(column - ring, column + ring + 1, step):
                if i < 0 or i >= width:
                    continue
                other = index[np.uint64(j), np.uint64(i)]
                if other < 0:
                    continue
                u = np.uint64(other)
                n = moments[u, 0]
                if one_side and own * (nx * moments[u, 6] + ny * moments[u, 7]) / n < -_SIDED * _SIDED:
                    continue
                dx, dy = float(i - column), float(j - row)
                sums[0] += n
                sums[1] += moments[u, 1] + n * dx
                sums[2] += moments[u, 2] + n * dy
                sums[3] += moments[u, 3] + 2.0 * dx * moments[u, 1] + n * dx * dx
                sums[4] += moments[u, 4] + dx * moments[u, 2] + dy * moments[u, 1] + n * dx * dy
                sums[5] += moments[u, 5] + 2.0 * dy * moments[u, 2] + n * dy * dy
                sums[6] += moments[u, 6]
                sums[7] += moments[u, 7]
        if ring == 0 or sums[0] < _LEAST_POINTS:
            continue
        mx, my = sums[1] / sums[0], sums[2] / sums[0]
        xx, xy, yy = sums[3] / sums[0] - mx * mx, sums[4] / sums[0] - mx * my, sums[5] / sums[0] - my * my
        half, cross = 0.5 * (xx - yy), xy
        root = math.sqrt(half * half + cross * cross)
        large, small = 0.5 * (xx + yy) + root, max(0.5 * (xx + yy) - root, 0.0)
        if large < _LEAST_SPREAD_CELLS2:
            continue
        # normal = eigenvector of the small eigenvalue; the better conditioned of two forms
        nx, ny = (cross, -(root + half)) if half >= 0.0 else (root - half, -cross)
        length = math.sqrt(nx * nx + ny * ny)
        flatness = small / large
        if length > 0.0 and flatness < _LARGEST_FLATNESS:
            lines[k, 0] = frame[0] + (column + 0.5 + mx) * frame[2]
            lines[k, 1] = frame[1] + (row + 0.5 + my) * frame[2]
            lines[k, 2] = nx / length
            lines[k, 3] = ny / length
            lines[k, 4] = 1.0 - flatness / _LARGEST_FLATNESS
        elif length > 0.0 and not one_side:
            # no line, maybe because it has two sides: this tells which
            lines[k, 2] = nx / length
            lines[k, 3] = ny / length
        break
    lines[k, 5] = sums[6] / sums[0]
    lines[k, 6] = sums[7] / sums[0]
    if one_side:
        return False
    nx, ny = lines[k, 2], lines[k, 3]
    own = (nx * moments[k, 6] + ny * moments[k, 7]) / moments[k, 0]
    if abs(own) < _SIDED:
        return False
    for j in range(max(0, row - reached), min(height, row + reached + 1)):
        for i in range(max(0, column - reached), min(width, column + reached + 1)):
            other = index[np.uint64(j), np.uint64(i)]
            if other >= 0:
                u = np.uint64(other)
                if own * (nx * moments[u, 6] + ny * moments[u, 7]) / moments[u, 0] < -_SIDED * _SIDED:
                    return True
    return False


@kernel("void(float64[::1], int32[:,::1], int32[:,::1], float64[:,::1], int64, float64[:,::1])")
def fit_lines(frame: Array, index: Array, cells: Array, moments: Array, used: int, lines: Array) -> None:
    """The line of each used cell; rings grow to ``_LARGEST_RING`` cells until the points are many and spread enough."""
    sums = np.empty(MOMENTS, np.float64)
    for k in range(used):
        lines[k, 2] = 1.0
        lines[k, 3] = 0.0
        if _fit_line(frame, k, index, cells, moments, False, sums, lines):
            _fit_line(frame, k, index, cells, moments, True, sums, lines)


@kernel("int64(int32[:,::1], float64[:,::1], float64, float64, float64)")
def nearest_cell(index: Array, moments: Array, x: float, y: float, reach: float) -> int:
    """Number of the used cell whose mean is nearest to (x, y), all in cells, within ``reach``; -1: there is none."""
    height, width = index.shape
    row, column = math.floor(y), math.floor(x)
    best, best_squared = -1, reach * reach
    rings = math.ceil(reach)
    for ring in range(rings + 1):
        # whatever lies in this ring is at least ring - 1 away (plus the part of the own cell, ignored)
        if best >= 0 and best_squared <= (ring - 1.0) * (ring - 1.0):
            break
        for j in range(max(0, row - ring), min(height, row + ring + 1)):
            step = 1 if abs(j - row) == ring or ring == 0 else 2 * ring
            for i in range(column - ring, column + ring + 1, step):
                if i < 0 or i >= width:
                    continue
                cell = index[np.uint64(j), np.uint64(i)]
                if cell < 0:
                    continue
                u = np.uint64(cell)
                dx = i + 0.5 + moments[u, 1] / moments[u, 0] - x
                dy = j + 0.5 + moments[u, 2] / moments[u, 0] - y
                squared = dx * dx + dy * dy
                if squared < best_squared:
                    best, best_squared = cell, squared
    return best


@kernel("boolean(float64[::1], float64[::1], float64[::1])")
def solve_symmetric(h: Array, g: Array, out: Array) -> bool:
    """Solve the 3 x 3 system H x = g by Cholesky, H as xx xy xt yy yt tt; False when H is not positive definite."""
    if not h[0] > 0.0:
        return False
    l00 = math.sqrt(h[0])
    l10, l20 = h[1] / l00, h[2] / l00
    d1 = h[3] - l10 * l10
    if not d1 > 0.0:
        return False
    l11 = math.sqrt(d1)
    l21 = (h[4] - l20 * l10) / l11
    d2 = h[5] - l20 * l20 - l21 * l21
    if not d2 > 0.0:
        return False
    l22 = math.sqrt(d2)
    a = g[0] / l00
    b = (g[1] - l10 * a) / l11
    c = (g[2] - l20 * a - l21 * b) / l22
    out[2] = c / l22
    out[1] = (b - l21 * out[2]) / l11
    out[0] = (a - l10 * out[1] - l20 * out[2]) / l00
    return True


@kernel(
    "void(float64[:,::1], float64[::1], int32[:,::1], float64[:,::1], float64[:,::1],"
    " float64[::1], float64[::1], float64[::1], float64[::1], float64[:,::1])"
)
def match_lines(
    points: Array, frame: Array, index: Array, moments: Array, lines: Array,
    start: Array, prior: Array, settings: Array, result: Array, eyes: Array,
) -> None:  # fmt: skip
    """Pose of ``points`` [n, 2] in the map from ``start`` (x, y, yaw); the answer goes to ``result`` [RESULT].

    ``prior`` [9] = a pose and its information in the map's axes (xx xy xt yy yt tt, zeros: no prior).
    ``settings`` = first reach m, last reach m, sigma of a residual m, scale of the Cauchy kernel m, iterations, share
    of the reach that is kept at each iteration. H in the result holds the points' part alone, without the prior.
    ``eyes`` [n or 1, 2]: from where each point was seen, or all, in their frame.
    """
    height, width = index.shape
    scale = 1.0 / frame[2]
    reach, kernel_squared = settings[0], settings[3] * settings[3]
    precision = 1.0 / (settings[2] * settings[2])
    x, y, yaw = start[0], start[1], start[2]
    h, own, g, step = np.empty(6), np.empty(6), np.empty(3), np.empty(3)
    iterations = int(settings[4])
    for iteration in range(iterations + 1):
        s, c = sin_cos(yaw)
        own[:] = 0.0
        g[:] = 0.0
        weight_sum, cost, found = 0.0, 0.0, 0.0
        for k in range(np.uint64(points.shape[0])):
            rx = c * points[k, 0] - s * points[k, 1]
            ry = s * points[k, 0] + c * points[k, 1]
            px, py = x + rx, y + ry
            cx, cy = (px - frame[0]) * scale, (py - frame[1]) * scale
            if not (0.0 <= cx < width and 0.0 <= cy < height):
                continue
            cell = nearest_cell(index, moments, cx, cy, reach * scale)
            if cell < 0:
                continue
            u = np.uint64(cell)
            if lines[u, 4] <= 0.0:
                continue
            nx, ny = lines[u, 2], lines[u, 3]
            side = nx * lines[u, 5] + ny * lines[u, 6]
            if side != 0.0:
                eye = np.uint64(min(k, eyes.shape[0] - 1))
                dx, dy = eyes[eye, 0] - points[k, 0], eyes[eye, 1] - points[k, 1]
                across = nx * (c * dx - s * dy) + ny * (s * dx + c * dy)
                if side * across < -_SIDED * _SIDED * math.sqrt(dx * dx + dy * dy):
                    continue
            residual = nx * (px - lines[u, 0]) + ny * (py - lines[u, 1])
            robust = 1.0 / (1.0 + residual * residual / kernel_squared)
            w = lines[u, 4] * robust
            t = nx * -ry + ny * rx
            own[0] += w * nx * nx
            own[1] += w * nx * ny
            own[2] += w * nx * t
            own[3] += w * ny * ny
            own[4] += w * ny * t
            own[5] += w * t * t
            g[0] -= w * nx * residual
            g[1] -= w * ny * residual
            g[2] -= w * t * residual
            weight_sum += w
            cost += lines[u, 4] * residual * residual * robust
            found += 1.0
        result[0], result[1], result[2] = x, y, yaw
        result[3], result[4], result[5] = weight_sum, cost, found
        for k in range(6):
            own[k] *= precision
            result[6 + k] = own[k]
        if iteration == iterations:
            break
        ex, ey, et = prior[0] - x, prior[1] - y, prior[2] - yaw
        et -= 2.0 * math.pi * math.floor(et / (2.0 * math.pi) + 0.5)
        for k in range(6):
            h[k] = own[k] + prior[3 + k]
        g[0] = g[0] * precision + prior[3] * ex + prior[4] * ey + prior[5] * et
        g[1] = g[1] * precision + prior[4] * ex + prior[6] * ey + prior[7] * et
        g[2] = g[2] * precision + prior[5] * ex + prior[7] * ey + prior[8] * et
        # as good as no damping where the points hold the pose, and a small step where they do not
        h[0] += 1.0 + 1e-6 * h[0]
        h[3] += 1.0 + 1e-6 * h[3]
        h[5] += 1.0 + 1e-6 * h[5]
        if not solve_symmetric(h, g, step):
            break
        x += step[0]
        y += step[1]
        yaw += step[2]
        small = abs(step[0]) + abs(step[1]) < 2e-4 and abs(step[2]) < 5e-5
        if small and reach <= settings[1]:
            iterations = iteration + 1
        reach = max(settings[1], reach * settings[5])
    result[2] -= 2.0 * math.pi * math.floor(result[2] / (2.0 * math.pi) + 0.5)
