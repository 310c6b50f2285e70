"""Cholesky factorization of a sparse symmetric matrix of 3 x 3 blocks: structure once, numbers many times.

Up-looking: row k of L solves the triangular system of the rows above it (Davis, Direct Methods for Sparse Linear
Systems, 2006, ch. 4), its pattern is what the elimination tree reaches (Liu 1990). A block is nine floats, row by row.
The matrix is given by its diagonal blocks and, column by column, the blocks above the diagonal.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from amr.jit import kernel

Array = NDArray[Any]


@kernel("void(int64[::1], int64[::1], int64[::1], int64[::1])")
def count_rows(upper_start: Array, upper_row: Array, parent: Array, row_count: Array) -> None:
    """Write the elimination tree into ``parent`` [n] (-1 = root), and the blocks left of the diagonal of each row of L.

    ``upper_start`` [n + 1], ``upper_row``: for column k the rows < k that hold a block.
    """
    n = parent.shape[0]
    seen = np.full(n, np.int64(-1))
    for k in range(n):
        parent[k] = -1
        seen[k] = k
        count = 0
        for p in range(upper_start[k], upper_start[k + 1]):
            i = upper_row[p]
            while seen[i] != k:
                if parent[i] == -1:
                    parent[i] = k
                seen[i] = k
                count += 1
                i = parent[i]
        row_count[k] = count


@kernel("void(int64[::1], int64[::1], int64[::1], int64[::1], int64[::1], int64[::1], int64[::1])")
def fill_pattern(
    upper_start: Array,
    upper_row: Array,
    parent: Array,
    row_start: Array,
    row_column: Array,
    column_start: Array,
    column_row: Array,
) -> None:
    """Write the pattern of L left of the diagonal, by rows in an order of elimination and by columns in rising rows.

    ``row_start`` [n + 1] comes from ``count_rows``; ``column_start`` [n + 1] is written too.
    """
    n = parent.shape[0]
    seen = np.full(n, np.int64(-1))
    branch = np.empty(n, np.int64)
    column_count = np.zeros(n, np.int64)
    for k in range(n):
        seen[k] = k
        top = row_start[k + 1]
        for p in range(upper_start[k], upper_start[k + 1]):
            i = upper_row[p]
            length = 0
            while seen[i] != k:
                branch[length] = i
                length += 1
                seen[i] = k
                i = parent[i]
            while length > 0:
                length -= 1
                top -= 1
                row_column[top] = branch[length]
                column_count[branch[length]] += 1
    column_start[0] = 0
    for k in range(n):
        column_start[k + 1] = column_start[k] + column_count[k]
        column_count[k] = column_start[k]
    for k in range(n):
        for p in range(row_start[k], row_start[k + 1]):
            i = row_column[p]
            column_row[column_count[i]] = k
            column_count[i] += 1


@kernel(
    "int64(float64[:,::1], float64[:,::1], int64[::1], int64[::1], int64[::1], int64[::1], int64[::1], int64[::1], "
    "float64[:,::1], float64[:,::1], float64[:,::1])"
)
def factor(
    diagonal: Array,
    upper: Array,
    upper_start: Array,
    upper_row: Array,
    row_start: Array,
    row_column: Array,
    column_start: Array,
    column_row: Array,
    lower: Array,
    inverse: Array,
    work: Array,
) -> int:
    """Numbers of L: ``lower`` [blocks, 9] by columns, ``inverse`` [n, 6] the inverses of its diagonal blocks.

    ``inverse`` holds the lower triangle by rows. ``work`` [n, 9] must be zero and is left zero. Returns -1, or the
    first row whose pivot is not positive.
    """
    n = diagonal.shape[0]
    filled = column_start[:n].copy()
    for row in range(n):
        k = np.uint64(row)
        for p in range(upper_start[row], upper_start[row + 1]):
            q, i = np.uint64(p), np.uint64(upper_row[p])
            # the row of the lower triangle: the transposed block
            for a in range(3):
                for b in range(3):
                    work[i, np.uint64(3 * a + b)] = upper[q, np.uint64(3 * b + a)]
        d00, d10, d11 = diagonal[k, 0], diagonal[k, 3], diagonal[k, 4]
        d20, d21, d22 = diagonal[k, 6], diagonal[k, 7], diagonal[k, 8]
        for p in range(row_start[row], row_start[row + 1]):
            column = row_column[p]
            i = np.uint64(column)
            v00, v10, v11 = inverse[i, 0], inverse[i, 1], inverse[i, 2]
            v20, v21, v22 = inverse[i, 3], inverse[i, 4], inverse[i, 5]
            x00, x01, x02 = work[i, 0], work[i, 1], work[i, 2]
            x10, x11, x12 = work[i, 3], work[i, 4], work[i, 5]
            x20, x21, x22 = work[i, 6], work[i, 7], work[i, 8]
            for a in range(9):
                work[i, np.uint64(a)] = 0.0
            l00, l01, l02 = x00 * v00, x00 * v10 + x01 * v11, x00 * v20 + x01 * v21 + x02 * v22
            l10, l11, l12 = x10 * v00, x10 * v10 + x11 * v11, x10 * v20 + x11 * v21 + x12 * v22
            l20, l21, l22 = x20 * v00, x20 * v10 + x21 * v11, x20 * v20 + x21 * v21 + x22 * v22
            for s in range(column_start[column], filled[column]):
                t = np.uint64(s)
                r = np.uint64(column_row[s])
                m00, m01, m02 = lower[t, 0], lower[t, 1], lower[t, 2]
                m10, m11, m12 = lower[t, 3], lower[t, 4], lower[t, 5]
                m20, m21, m22 = lower[t, 6], lower[t, 7], lower[t, 8]
                work[r, 0] -= l00 * m00 + l01 * m01 + l02 * m02
                work[r, 1] -= l00 * m10 + l01 * m11 + l02 * m12
                work[r, 2] -= l00 * m20 + l01 * m21 + l02 * m22
                work[r, 3] -= l10 * m00 + l11 * m01 + l12 * m02
                work[r, 4] -= l10 * m10 + l11 * m11 + l12 * m12
                work[r, 5] -= l10 * m20 + l11 * m21 + l12 * m22
                work[r, 6] -= l20 * m00 + l21 * m01 + l22 * m02
                work[r, 7] -= l20 * m10 + l21 * m11 + l22 * m12
                work[r, 8] -= l20 * m20 + l21 * m21 + l22 * m22
            t = np.uint64(filled[column])
            filled[column] += 1
            lower[t, 0], lower[t, 1], lower[t, 2] = l00, l01, l02
            lower[t, 3], lower[t, 4], lower[t, 5] = l10, l11, l12
            lower[t, 6], lower[t, 7], lower[t, 8] = l20, l21, l22
            d00 -= l00 * l00 + l01 * l01 + l02 * l02
            d10 -= l10 * l00 + l11 * l01 + l12 * l02
            d11 -= l10 * l10 + l11 * l11 + l12 * l12
            d20 -= l20 * l00 + l21 * l01 + l22 * l02
            d21 -= l20 * l10 + l21 * l11 + l22 * l12
            d22 -= l20 * l20 + l21 * l21 + l22 * l22
        if not d00 > 0.0:
            return row
        c00 = math.sqrt(d00)
        c10, c20 = d10 / c00, d20 / c00
        d11 -= c10 * c10
        if not d11 > 0.0:
            return row
        c11 = math.sqrt(d11)
        c21 = (d21 - c20 * c10) / c11
        d22 -= c20 * c20 + c21 * c21
        if not d22 > 0.0 or not math.isfinite(d22):
            return row
        c22 = math.sqrt(d22)
        inverse[k, 0], inverse[k, 2], inverse[k, 5] = 1.0 / c00, 1.0 / c11, 1.0 / c22
        inverse[k, 1] = -c10 * inverse[k, 0] * inverse[k, 2]
        inverse[k, 4] = -c21 * inverse[k, 2] * inverse[k, 5]
        inverse[k, 3] = -(c20 * inverse[k, 0] + c21 * inverse[k, 1]) * inverse[k, 5]
    return -1


@kernel("void(int64[::1], int64[::1], float64[:,::1], float64[:,::1], float64[:,::1])")
def solve(column_start: Array, column_row: Array, lower: Array, inverse: Array, x: Array) -> None:
    """Replace ``x`` [n, 3], the right side in the order of elimination, by the solution."""
    n = x.shape[0]
    for row in range(n):
        k = np.uint64(row)
        b0, b1, b2 = x[k, 0], x[k, 1], x[k, 2]
        y0 = inverse[k, 0] * b0
        y1 = inverse[k, 1] * b0 + inverse[k, 2] * b1
        y2 = inverse[k, 3] * b0 + inverse[k, 4] * b1 + inverse[k, 5] * b2
        x[k, 0], x[k, 1], x[k, 2] = y0, y1, y2
        for p in range(column_start[row], column_start[row + 1]):
            t = np.uint64(p)
            r = np.uint64(column_row[p])
            x[r, 0] -= lower[t, 0] * y0 + lower[t, 1] * y1 + lower[t, 2] * y2
            x[r, 1] -= lower[t, 3] * y0 + lower[t, 4] * y1 + lower[t, 5] * y2
            x[r, 2] -= lower[t, 6] * y0 + lower[t, 7] * y1 + lower[t, 8] * y2
    for back in range(n):
        row = n - 1 - back
        k = np.uint64(row)
        b0, b1, b2 = x[k, 0], x[k, 1], x[k, 2]
        for p in range(column_start[row], column_start[row + 1]):
            t = np.uint64(p)
            r = np.uint64(column_row[p])
            b0 -= lower[t, 0] * x[r, 0] + lower[t, 3] * x[r, 1] + lower[t, 6] * x[r, 2]
            b1 -= lower[t, 1] * x[r, 0] + lower[t, 4] * x[r, 1] + lower[t, 7] * x[r, 2]
            b2 -= lower[t, 2] * x[r, 0] + lower[t, 5] * x[r, 1] + lower[t, 8] * x[r, 2]
        x[k, 0] = inverse[k, 0] * b0 + inverse[k, 1] * b1 + inverse[k, 3] * b2
        x[k, 1] = inverse[k, 2] * b1 + inverse[k, 4] * b2
        x[k, 2] = inverse[k, 5] * b2
