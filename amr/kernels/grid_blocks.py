"""A cost grid in blocks of 8 x 8 padded cells: what each block's free cells cost, and in how many pieces they lie.

A node is one connected piece of a block's free cells, kept as a bit set (bit 8 * column + row inside the block), so
that two nodes of adjacent blocks are connected exactly when their facing edges share a bit. A diagonal step between
cells needs both cells beside it, so four neighbors decide what is connected. A block keeps at most ``PIECES`` nodes;
further pieces are merged into the last one, which can only connect more than there is.

Everything is a pure function of the costs, block by block: when some cells change, only their blocks are made again.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from amr.jit import kernel
from amr.kernels.grid_search import BLOCKED, Array

SIDE = 8
PIECES = 4
_LOW = 0x0101010101010101
_HIGH = 0x8080808080808080


@kernel("uint64(uint64, uint64)")
def flood(seed: Any, free: Any) -> Any:
    """All bits of ``free`` that are connected to ``seed`` through edges, as a set of 8 x 8 bits."""
    reached = seed & free
    while True:
        more = (reached << np.uint64(1)) & ~np.uint64(_LOW)
        more |= (reached >> np.uint64(1)) & ~np.uint64(_HIGH)
        more |= reached << np.uint64(8)
        more |= reached >> np.uint64(8)
        more = (more & free) | reached
        if more == reached:
            return reached
        reached = more


@kernel("uint64(uint64)")
def popcount(bits: Any) -> Any:
    """Number of set bits."""
    bits = bits - ((bits >> np.uint64(1)) & np.uint64(0x5555555555555555))
    bits = (bits & np.uint64(0x3333333333333333)) + ((bits >> np.uint64(2)) & np.uint64(0x3333333333333333))
    bits = (bits + (bits >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return (bits * np.uint64(_LOW)) >> np.uint64(56)


@kernel("void(uint64, uint64[::1], uint64)")
def _pieces(free: Any, nodes: Array, first: Any) -> None:
    """Split ``free`` into its connected pieces, into ``nodes`` [first : first + PIECES]; 0 = no piece."""
    for k in range(np.uint64(PIECES)):
        piece = np.uint64(0)
        if free != np.uint64(0):
            piece = free if k == np.uint64(PIECES - 1) else flood(free & (~free + np.uint64(1)), free)
        nodes[first + k] = piece
        free &= ~piece


@kernel("void(uint8[::1], uint64, uint64, uint64, uint64, uint64[::1], uint16[::1], uint8[::1], uint8[::1])")
def make_blocks(
    padded: Array,
    stride: Any,
    block_row: Any,
    first: Any,
    last: Any,
    nodes: Array,
    weights: Array,
    least: Array,
    most: Array,
) -> None:
    """Make the blocks ``first`` to ``last`` (inclusive) of one row of blocks from the padded costs.

    ``nodes``: uint64 [blocks * PIECES]. ``weights``: uint16 [blocks], what a cell there costs a path: 252 + the middle
    between the block's cheapest free cell and the mean of them. ``least`` and ``most``: uint8 [blocks], the cheapest
    and the dearest free cell (255 and 0 where there is none).
    """
    columns_of_blocks = (stride + np.uint64(SIDE - 1)) // np.uint64(SIDE)
    rows = padded.size // np.int64(stride)
    begin = first * np.uint64(SIDE)
    end = min(stride, (last + np.uint64(1)) * np.uint64(SIDE))
    width = np.int64((last - first + np.uint64(1)) * np.uint64(SIDE))
    bits = np.zeros(width, np.uint8)
    total = np.zeros(width, np.uint16)
    lowest = np.full(width, 255, np.uint8)
    highest = np.zeros(width, np.uint8)
    for r in range(SIDE):
        row = np.int64(block_row) * SIDE + r
        if row >= rows:
            break
        line = padded[np.uint64(row) * stride + begin : np.uint64(row) * stride + end]
        bit = np.uint8(1 << r)
        for i in range(line.size):
            value = line[i]
            free = value < np.uint8(BLOCKED)
            bits[i] |= bit if free else np.uint8(0)
            total[i] += np.uint16(value) if free else np.uint16(0)
            lowest[i] = min(lowest[i], value) if free else lowest[i]
            highest[i] = max(highest[i], value) if free else highest[i]
    for b in range(np.uint64(last - first + np.uint64(1))):
        free_cells = np.uint64(0)
        cost, cheapest, dearest = np.uint64(0), np.uint8(255), np.uint8(0)
        for i in range(np.uint64(SIDE)):
            column = b * np.uint64(SIDE) + i
            free_cells |= np.uint64(bits[column]) << (np.uint64(8) * i)
            cost += np.uint64(total[column])
            cheapest = min(cheapest, lowest[column])
            dearest = max(dearest, highest[column])
        block = np.uint64(block_row) * columns_of_blocks + first + b
        least[block], most[block] = cheapest, dearest
        if free_cells == np.uint64(0) or free_cells == np.uint64(0xFFFFFFFFFFFFFFFF):
            for k in range(np.uint64(PIECES)):
                nodes[block * np.uint64(PIECES) + k] = free_cells if k == np.uint64(0) else np.uint64(0)
        else:
            _pieces(free_cells, nodes, block * np.uint64(PIECES))
        if free_cells != np.uint64(0):
            mean = cost // popcount(free_cells)
            weights[block] = np.uint16(np.uint64(252) + (mean + np.uint64(cheapest) + np.uint64(1)) // np.uint64(2))


@kernel(
    "UniTuple(int64, 2)(Array(uint8, 2, 'C', True), uint8, boolean, uint8[::1], uint64[::1], uint16[::1], uint8[::1],"
    " uint8[::1], uint32[::1], int64, int64, int64, int64)"
)
def refresh(
    cost: Array,
    unknown_as: Any,
    all_new: bool,
    padded: Array,
    nodes: Array,
    weights: Array,
    least: Array,
    most: Array,
    changed: Array,
    row_from: Any,
    row_to: Any,
    column_from: Any,
    column_to: Any,
) -> Any:
    """Make ``padded`` the border-padded copy of ``cost`` [height, width] (255 becomes ``unknown_as``), blocks included.

    Only what differs from before is written, unless ``all_new`` (then ``padded`` may hold anything). Looked at are the
    cells [row_from, row_to) x [column_from, column_to), inside the map and with ``all_new`` all of it. ``changed``:
    receives the padded indices of the cells that differ, as many as it holds. Returns (number of cells that differ,
    blocks made).
    """
    height, width = cost.shape
    stride = np.uint64(width + 2)
    first_row, end_row = (row_from + 1) // SIDE, (row_to + SIDE) // SIDE
    if all_new:
        for i in range(stride):
            padded[np.uint64(i)] = np.uint8(255)
            padded[np.uint64(height + 1) * stride + np.uint64(i)] = np.uint8(255)
        first_row = np.int64(0)
        end_row = np.int64((np.uint64(height + 2) + np.uint64(SIDE - 1)) // np.uint64(SIDE))
    differ, made = np.int64(0), np.int64(0)
    for block_row in range(first_row, end_row):
        low, high = np.int64(stride), np.int64(-1)
        for r in range(SIDE):
            j = block_row * SIDE + r - 1
            if j < row_from or j >= row_to:
                continue
            begin = np.uint64(j + 1) * stride
            line = cost[np.uint64(j)]
            out = padded[begin + np.uint64(1) : begin + stride - np.uint64(1)]
            if all_new:
                padded[begin] = np.uint8(255)
                padded[begin + stride - np.uint64(1)] = np.uint8(255)
                for i in range(np.uint64(width)):
                    value: Any = line[i]
                    out[i] = unknown_as if value == np.uint8(255) else value
                continue
            difference = np.uint8(0)
            for i in range(np.uint64(column_from), np.uint64(column_to)):
                value = line[i]
                value = unknown_as if value == np.uint8(255) else value
                difference |= value ^ out[i]
            if difference == np.uint8(0):
                continue
            for i in range(np.uint64(column_from), np.uint64(column_to)):
                value = line[i]
                value = unknown_as if value == np.uint8(255) else value
                if value != out[i]:
                    out[i] = value
                    if differ < changed.size:
                        changed[np.uint64(differ)] = np.uint32(begin + np.uint64(1) + np.uint64(i))
                    differ += 1
                    low, high = min(low, np.int64(i) + 1), max(high, np.int64(i) + 1)
        if all_new:
            low, high = np.int64(0), np.int64(stride) - 1
        if high >= low:
            first, last = np.uint64(low) // np.uint64(SIDE), np.uint64(high) // np.uint64(SIDE)
            make_blocks(padded, stride, np.uint64(block_row), first, last, nodes, weights, least, most)
            made += np.int64(last - first) + 1
    return (height * width if all_new else differ), made
