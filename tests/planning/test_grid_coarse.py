"""The search over blocks against a plain Dijkstra over sets of cells."""

from __future__ import annotations

import heapq
import math
from itertools import product

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from amr.grid import CostGrid, GridFrame
from amr.kernels.grid_blocks import PIECES, SIDE
from amr.kernels.grid_coarse import CORNER, DIAGONAL, STRAIGHT
from amr.planning.base import PlanOptions
from amr.planning.cell_search import CellSearch
from amr.planning.prepared import PreparedMap, unknown_cost

Node = tuple[int, int, int]
Cells = set[tuple[int, int]]


def nodes_of(prepared: PreparedMap) -> dict[Node, Cells]:
    """(block row, block column, piece) -> its cells (row, column) of the padded grid."""
    found: dict[Node, Cells] = {}
    for index, bits in enumerate(prepared.nodes.tolist()):
        block, piece = divmod(index, PIECES)
        j, i = divmod(block, prepared.block_columns)
        if bits:
            found[j, i, piece] = {(SIDE * j + b % 8, SIDE * i + b // 8) for b in range(64) if bits >> b & 1}
    return found


def touch(a: Cells, b: Cells) -> bool:
    """Some cell of one stands beside a cell of the other."""
    return any({(r + 1, c), (r - 1, c), (r, c + 1), (r, c - 1)} & b for r, c in a)


def neighbors(nodes: dict[Node, Cells], node: Node) -> dict[Node, int]:
    """Node -> factor of the step to it."""
    j, i, _ = node
    steps: dict[Node, int] = {}
    beside: dict[tuple[int, int], Cells] = {}
    for dj, di in ((0, 1), (0, -1), (1, 0), (-1, 0)):
        met = [(j + dj, i + di, k) for k in range(PIECES) if touch(nodes[node], nodes.get((j + dj, i + di, k), set()))]
        steps |= dict.fromkeys(met, STRAIGHT)
        beside[dj, di] = set().union(*(nodes[m] for m in met))
    for dj, di in product((1, -1), (1, -1)):
        for k in range(PIECES):
            there = nodes.get((j + dj, i + di, k), set())
            ways = touch(beside[dj, 0], there) + touch(beside[0, di], there)
            if ways:
                steps[j + dj, i + di, k] = DIAGONAL if ways == 2 else CORNER
    return steps


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    height=st.integers(1, 36),
    width=st.integers(1, 36),
    blocked_frac=st.sampled_from([0.0, 0.2, 0.45]),
)
def test_labels_of_blocks_equal_plain_dijkstra(seed: int, height: int, width: int, blocked_frac: float) -> None:
    random = np.random.default_rng(seed)
    cost = random.integers(0, 253, (height, width)).astype(np.uint8)
    cost[random.random((height, width)) < blocked_frac] = 254
    cost[height // 2, width // 2] = 0
    search = CellSearch(exact=False)
    grid = CostGrid(GridFrame(0.0, 0.0, 1.0, width, height), cost)
    search.map.refresh(grid, unknown_cost(PlanOptions()))
    nodes = nodes_of(search.map)
    root_cell = (height // 2 + 1, width // 2 + 1)
    root = next(node for node, cells in nodes.items() if root_cell in cells)

    def index(node: Node) -> int:
        return (node[0] * search.map.block_columns + node[1]) * PIECES + node[2]

    assert search._node(root_cell[0] * search.map.stride + root_cell[1]) == index(root)
    search._search_blocks(index(root), np.zeros(0, np.uint64), aimed=False)
    best = {root: 0}
    heap = [(0, root)]
    while heap:
        here, node = heapq.heappop(heap)
        if here > best[node]:
            continue
        for other, factor in neighbors(nodes, node).items():
            weights = search.map.weights[[index(node) // PIECES, index(other) // PIECES]]
            there = here + int(weights.astype(int).sum()) * factor
            if there < best.get(other, math.inf):  # type: ignore[operator]
                best[other] = there
                heapq.heappush(heap, (there, other))
    label, base, end = search._labels.label, search._base, search._labels.end(search._base)
    found = {node: int(label[index(node)]) - base for node in nodes if base <= int(label[index(node)]) < end}
    assert found == best
