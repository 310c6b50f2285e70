"""The search over blocks that finds the corridor in which the cells are searched (nodes: see ``grid_blocks``).

Rooted at the goal, by the same label-correcting bucket queue as ``grid_search``. A step between nodes costs its length
in blocks times the sum of both blocks' weights: an estimate, no bound. What is exact is what can be reached.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from amr.jit import kernel
from amr.kernels.grid_blocks import PIECES, SIDE, popcount
from amr.kernels.grid_search import Array

STRAIGHT = 10
DIAGONAL = 14
CORNER = 16
"""A diagonal step for which only one of the two blocks beside it is connected to both ends."""
LARGEST_STEP = 2 * 504 * CORNER
SHIFT = 10
HEADS = 128
"""Buckets of ``1 << SHIFT``: they span the largest jump of f along an edge."""
FOUND = 0
EXHAUSTED = 1
POOL_FULL = 2
_LEFT_BITS = 0x00000000000000FF
_LOW_BITS = 0x0101010101010101
_NONE = 0xFFFFFFFF


@kernel("uint64(uint64[::1], uint64, uint64)")
def node_of(nodes: Array, columns_of_blocks: Any, packed: Any) -> Any:
    """The node that holds the cell (row << 32 | column) of the padded grid; 2**64 - 1 when the cell is blocked."""
    row, column = packed >> np.uint64(32), packed & np.uint64(0xFFFFFFFF)
    first = (row // np.uint64(SIDE) * columns_of_blocks + column // np.uint64(SIDE)) * np.uint64(PIECES)
    bit = np.uint64(1) << (np.uint64(8) * (column % np.uint64(SIDE)) + row % np.uint64(SIDE))
    for k in range(np.uint64(PIECES)):
        if nodes[first + k] & bit:
            return first + k
    return np.uint64(0xFFFFFFFFFFFFFFFF)


@kernel("uint64(uint64, uint64)")
def facing(bits: Any, direction: Any) -> Any:
    """The bits that ``bits`` touches across its edge, in the neighbor's own places; directions: E, W, N, S."""
    if direction == np.uint64(0):
        return bits >> np.uint64(56)
    if direction == np.uint64(1):
        return bits << np.uint64(56)
    if direction == np.uint64(2):
        return (bits >> np.uint64(7)) & np.uint64(_LOW_BITS)
    return (bits & np.uint64(_LOW_BITS)) << np.uint64(7)


@kernel(
    "UniTuple(int64, 2)(uint64[::1], uint16[::1], uint64, uint64, uint64[::1], uint64, uint64, uint64[::1], uint64,"
    " uint32[::1], uint64[::1])"
)
def search_blocks(
    nodes: Array,
    weights: Array,
    columns_of_blocks: Any,
    weight_min: Any,
    label: Array,
    base: Any,
    root: Any,
    ends: Array,
    bias: Any,
    heads: Array,
    pool: Array,
) -> Any:
    """Label nodes with their cost to ``root`` until every node of ``ends`` is settled or nothing is left.

    ``bias`` 1 aims at the first end by octile distance, 0 at nothing (and all that can be reached is labelled).
    Returns (FOUND: all ends have labels; EXHAUSTED: some have none; or POOL_FULL, nodes expanded).
    """
    one = np.uint64(1)
    mask = np.uint64(heads.size) - one
    capacity = np.uint64(pool.size) >> one
    low32 = np.uint64(_NONE)
    aim = ends[np.uint64(0)] // np.uint64(PIECES) if ends.size > 0 else np.uint64(0)
    aim_row, aim_column = np.int64(aim // columns_of_blocks), np.int64(aim % columns_of_blocks)
    straight = np.uint64(2 * STRAIGHT) * weight_min * bias
    extra = np.uint64(2 * (DIAGONAL - STRAIGHT)) * weight_min * bias
    step_x = np.array([1, -1, 0, 0, 1, -1, 1, -1])
    step_y = np.array([0, 0, 1, -1, 1, 1, -1, -1])
    via = np.zeros(4, np.uint64)
    heads[:] = np.uint32(_NONE)
    used = np.uint64(1)
    free_slot = low32
    live = 1
    label[root] = base
    block = root // np.uint64(PIECES)
    dx = abs(np.int64(block % columns_of_blocks) - aim_column)
    dy = abs(np.int64(block // columns_of_blocks) - aim_row)
    cursor = (straight * np.uint64(max(dx, dy)) + extra * np.uint64(min(dx, dy))) >> np.uint64(SHIFT)
    pool[0] = root | (low32 << np.uint64(32))
    pool[1] = 0
    heads[cursor & mask] = 0
    end_cost = np.uint64(0xFFFFFFFFFFFFFFFF)
    expanded = 0
    while live > 0:
        slot = np.uint64(heads[cursor & mask])
        while slot == low32:
            cursor += one
            slot = np.uint64(heads[cursor & mask])
        if (cursor << np.uint64(SHIFT)) >= end_cost:
            break
        entry = pool[slot << one]
        cost_here = pool[(slot << one) + one]
        heads[cursor & mask] = np.uint32(entry >> np.uint64(32))
        pool[slot << one] = free_slot
        free_slot = slot
        live -= 1
        node = entry & low32
        if label[node] != base + cost_here:
            continue
        expanded += 1
        if bias == one:
            for k in range(np.uint64(ends.size)):
                if ends[k] == node:
                    end_cost = np.uint64(0)
                    for n in range(np.uint64(ends.size)):
                        there = label[ends[n]] - base if label[ends[n]] >= base else np.uint64(0xFFFFFFFFFFFFFFFF)
                        end_cost = max(end_cost, there)
                    break
        bits = nodes[node]
        block = node // np.uint64(PIECES)
        weight = np.uint64(weights[block])
        row, column = np.int64(block // columns_of_blocks), np.int64(block % columns_of_blocks)
        for d in range(np.uint64(8)):
            if d < np.uint64(4):
                touching = facing(bits, d)
                other = touching
                via[d] = np.uint64(0)
            else:
                side, ahead = np.uint64(d & one), np.uint64(2) + ((d - np.uint64(4)) >> one)
                touching = facing(via[side], ahead)
                other = facing(via[ahead], side)
            if (touching | other) == np.uint64(0):
                continue
            to_row, to_column = row + step_y[d], column + step_x[d]
            to = np.uint64(to_row) * columns_of_blocks + np.uint64(to_column)
            for k in range(np.uint64(PIECES)):
                neighbor = to * np.uint64(PIECES) + k
                there_bits = nodes[neighbor]
                if there_bits == np.uint64(0):
                    break
                if not (there_bits & (touching | other)):
                    continue
                if d < np.uint64(4):
                    via[d] |= there_bits
                    unit = np.uint64(STRAIGHT)
                elif (there_bits & touching) and (there_bits & other):
                    unit = np.uint64(DIAGONAL)
                else:
                    unit = np.uint64(CORNER)
                there = cost_here + (weight + np.uint64(weights[to])) * unit
                if base + there >= label[neighbor]:
                    continue
                label[neighbor] = base + there
                dx, dy = abs(to_column - aim_column), abs(to_row - aim_row)
                f = there + straight * np.uint64(max(dx, dy)) + extra * np.uint64(min(dx, dy))
                if free_slot != low32:
                    slot = free_slot
                    free_slot = pool[slot << one]
                elif used < capacity:
                    slot = used
                    used += one
                else:
                    return POOL_FULL, expanded
                bucket = (f >> np.uint64(SHIFT)) & mask
                pool[slot << one] = neighbor | (np.uint64(heads[bucket]) << np.uint64(32))
                pool[(slot << one) + one] = there
                heads[bucket] = np.uint32(slot)
                live += 1
    for k in range(np.uint64(ends.size)):
        if label[ends[k]] - base > np.uint64(nodes.size) * np.uint64(LARGEST_STEP) or label[ends[k]] < base:
            return EXHAUSTED, expanded
    return FOUND, expanded


@kernel("int64(uint64[::1], uint64[::1], uint64, uint64)")
def reached_cells(nodes: Array, label: Array, base: Any, limit: Any) -> Any:
    """Free cells in the nodes that carry a label of this search (``limit``: first value that is none)."""
    total = np.uint64(0)
    for n in range(np.uint64(nodes.size)):
        if nodes[n] != np.uint64(0) and label[n] >= base and label[n] < limit:
            total += popcount(nodes[n])
    return np.int64(total)


@kernel(
    "int64(uint64[::1], uint16[::1], uint64, uint64, uint64[::1], uint64, uint64, int64, uint32[::1], uint32,"
    " uint32[::1], int64)"
)
def mark_corridor(
    nodes: Array,
    weights: Array,
    columns_of_blocks: Any,
    rows_of_blocks: Any,
    label: Array,
    base: Any,
    node: Any,
    reach: Any,
    stamps: Array,
    stamp: Any,
    blocks: Array,
    count: Any,
) -> Any:
    """Follow the labels from ``node`` down to the root and collect all blocks within ``reach`` straight steps of it.

    ``stamps`` [blocks]: ``stamp`` where already collected. Appends to ``blocks`` from ``count`` on; returns how many.
    """
    step_x = np.array([1, -1, 0, 0, 1, -1, 1, -1])
    step_y = np.array([0, 0, 1, -1, 1, 1, -1, -1])
    via = np.zeros(4, np.uint64)
    while True:
        block = node // np.uint64(PIECES)
        row, column = np.int64(block // columns_of_blocks), np.int64(block % columns_of_blocks)
        for j in range(max(0, row - reach), min(np.int64(rows_of_blocks), row + reach + 1)):
            for i in range(max(0, column - reach), min(np.int64(columns_of_blocks), column + reach + 1)):
                near = np.uint64(j) * columns_of_blocks + np.uint64(i)
                if stamps[near] != stamp and abs(j - row) + abs(i - column) <= reach:
                    stamps[near] = stamp
                    blocks[np.uint64(count)] = np.uint32(near)
                    count += 1
        here = label[node]
        if here == base:
            return count
        bits = nodes[node]
        weight = np.uint64(weights[block])
        best = node
        for d in range(np.uint64(8)):
            if d < np.uint64(4):
                touching = facing(bits, d)
                other = touching
                via[d] = np.uint64(0)
            else:
                side, ahead = np.uint64(d & np.uint64(1)), np.uint64(2) + ((d - np.uint64(4)) >> np.uint64(1))
                touching = facing(via[side], ahead)
                other = facing(via[ahead], side)
            if (touching | other) == np.uint64(0):
                continue
            to = np.uint64(row + step_y[d]) * columns_of_blocks + np.uint64(column + step_x[d])
            for k in range(np.uint64(PIECES)):
                neighbor = to * np.uint64(PIECES) + k
                there_bits = nodes[neighbor]
                if there_bits == np.uint64(0):
                    break
                if not (there_bits & (touching | other)):
                    continue
                if d < np.uint64(4):
                    via[d] |= there_bits
                    unit = np.uint64(STRAIGHT)
                elif (there_bits & touching) and (there_bits & other):
                    unit = np.uint64(DIAGONAL)
                else:
                    unit = np.uint64(CORNER)
                step = (weight + np.uint64(weights[to])) * unit
                if label[neighbor] >= base and label[neighbor] + step == here:
                    best = neighbor
        if best == node:
            return -1
        node = best


@kernel("void(uint8[::1], uint8[::1], uint64, uint64, uint32[::1], boolean)")
def carve(padded: Array, corridor: Array, stride: Any, columns_of_blocks: Any, blocks: Array, blank: bool) -> None:
    """Copy the cells of ``blocks`` from ``padded`` to ``corridor``, or make them blocked there again (``blank``)."""
    rows = padded.size // np.int64(stride)
    for n in range(np.uint64(blocks.size)):
        block = np.uint64(blocks[n])
        row, column = block // columns_of_blocks * np.uint64(SIDE), block % columns_of_blocks * np.uint64(SIDE)
        width = min(np.uint64(SIDE), stride - column)
        for j in range(min(np.uint64(SIDE), np.uint64(rows) - row)):
            begin = (row + j) * stride + column
            if blank:
                for i in range(width):
                    corridor[begin + i] = np.uint8(255)
            else:
                for i in range(width):
                    corridor[begin + i] = padded[begin + i]
