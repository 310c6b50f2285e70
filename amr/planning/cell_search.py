"""From seed cells to a target cell on a prepared map: exact over the whole map, or inside a corridor of blocks.

Both first ask the blocks (``grid_coarse``) whether there is a way at all; that costs about a 64th of a search over
cells. The corridor is what lies within a block of the blocks' cheapest way. It holds a way whenever the map does,
except where a block had more pieces than are told apart: then it widens, up to the whole map. Where all cells cost
the same (a map without inflation) nothing keeps ways off the walls and gaps may be narrower than a block, so that the
blocks are a poor guide: such maps are searched as a whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from amr.kernels import grid_coarse, grid_search
from amr.planning.prepared import PreparedMap
from amr.planning.scratch import Labels, SearchScratch

Cells = NDArray[np.uint32]
_WIDTHS: Final = (1, 4)
"""Blocks beside the coarse way that the corridor takes in, one try after the other; then the whole map."""
_FEW_BLOCKS: Final = 45
"""A corridor of fewer blocks saves nothing (a way of some 100 cells): the whole map is searched."""
_NO_NODE = 0xFFFFFFFFFFFFFFFF


@dataclass(frozen=True, slots=True, eq=False)
class Seeds:
    """Where a search starts: padded cells, what each costs to begin with (label units), and how far they lie apart."""

    cells: Cells
    costs: NDArray[np.uint64]
    spread_cells: int = 0


class CellSearch:
    """A prepared map and the memory of the searches on it. Equal costs give equal answers, whatever came before."""

    def __init__(self, exact: bool) -> None:
        """``exact``: the optimum of the whole map; else a way inside a corridor."""
        self.map = PreparedMap()
        self._exact = exact
        self._scratch = SearchScratch()
        self._labels = Labels(grid_coarse.LARGEST_STEP)
        self._heads: NDArray[np.uint32] = np.zeros(grid_coarse.HEADS, np.uint32)
        self._pool: NDArray[np.uint64] = np.zeros(2 << 12, np.uint64)
        self._base = 0
        self._corridor: NDArray[np.uint8] = np.zeros(0, np.uint8)
        self._stamps: NDArray[np.uint32] = np.zeros(0, np.uint32)
        self._stamp = 0
        self._blocks: NDArray[np.uint32] = np.zeros(0, np.uint32)
        self._exhausted: int | None = None
        """Base of the labels of a search over the whole map that found no way, though the blocks had one."""
        self.expanded = 0
        """Nodes and cells whose neighbors were looked at since it was last set to 0."""

    def way(self, seeds: Seeds, target: int) -> Cells | None:
        """Cells of the cheapest way from one of ``seeds`` to ``target``, both ends included, or None."""
        self._exhausted = None
        nodes = self._nodes(seeds.cells)
        if not self._search_blocks(self._node(target), nodes, aimed=True):
            reached = self._reached(nodes)
            if not reached.any():
                return None
            seeds = Seeds(seeds.cells[reached], seeds.costs[reached], seeds.spread_cells)
            nodes = nodes[reached]
        if not (self._exact or self.map.is_uniform):
            for width in _WIDTHS:
                cells = self._way_in_corridor(seeds, nodes, target, width)
                if cells is not None:
                    return cells
        return self._way_on(self.map.padded, seeds, target)

    def connected(self, seeds: Seeds, target: int) -> bool:
        """False when the blocks have no way from any seed to ``target``: then there is none."""
        self._exhausted = None
        nodes = self._nodes(seeds.cells)
        return self._search_blocks(self._node(target), nodes, aimed=True) or bool(self._reached(nodes).any())

    def reachable(self, seeds: Seeds, cells: Cells) -> tuple[NDArray[np.bool_], int]:
        """After ``way`` or ``connected`` found none: which of ``cells`` can be reached, and how many of the map can."""
        if self._exhausted is not None:
            label = self._scratch.labels.label[: self.map.padded.size]
            end = np.uint64(self._scratch.labels.end(self._exhausted))
            inside = (label >= np.uint64(self._exhausted)) & (label < end)
            return inside[cells], int(np.count_nonzero(inside))
        total, inside = 0, np.zeros(len(cells), bool)
        wanted, left = self._nodes(cells), self._nodes(seeds.cells)
        while left.size:
            self._search_blocks(int(left[0]), wanted, aimed=False)
            total += grid_coarse.reached_cells(
                self.map.nodes, self._labels.label, self._base, self._labels.end(self._base)
            )
            inside |= self._reached(wanted)
            left = left[~self._reached(left)]
        return inside, total

    def _node(self, cell: int) -> int:
        row, column = divmod(cell, self.map.stride)
        return int(grid_coarse.node_of(self.map.nodes, self.map.block_columns, row << 32 | column))

    def _nodes(self, cells: Cells) -> NDArray[np.uint64]:
        return np.array([self._node(cell) for cell in cells.tolist()], np.uint64)

    def _reached(self, nodes: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Which nodes carry a label of the last search over blocks."""
        found = np.zeros(len(nodes), bool)
        real = nodes != np.uint64(_NO_NODE)
        label = self._labels.label[nodes[real]]
        found[real] = (label >= np.uint64(self._base)) & (label < np.uint64(self._labels.end(self._base)))
        return found

    def _search_blocks(self, root: int, ends: NDArray[np.uint64], aimed: bool) -> bool:
        """Label the nodes from ``root`` on; True when all ``ends`` were reached."""
        self._labels.fit(self.map.nodes.size)
        while True:
            self._base = self._labels.new_base()
            status, expanded = grid_coarse.search_blocks(
                self.map.nodes,
                self.map.weights,
                self.map.block_columns,
                self.map.weight_min,
                self._labels.label,
                self._base,
                root,
                ends if aimed else ends[:0],
                1 if aimed else 0,
                self._heads,
                self._pool,
            )
            self.expanded += expanded
            if status != grid_coarse.POOL_FULL:
                return bool(status == grid_coarse.FOUND)
            self._pool = np.zeros(2 * self._pool.size, np.uint64)

    def _way_in_corridor(self, seeds: Seeds, nodes: NDArray[np.uint64], target: int, width: int) -> Cells | None:
        at = self.map
        if self._corridor.size != at.padded.size:
            self._corridor = np.full(at.padded.size, 255, np.uint8)
        if self._stamps.size != at.weights.size:
            self._stamps = np.zeros(at.weights.size, np.uint32)
            self._blocks = np.zeros(at.weights.size, np.uint32)
            self._stamp = 0
        self._stamp = self._stamp + 1 if self._stamp < 0xFFFFFFFF else 1
        if self._stamp == 1:
            self._stamps.fill(0)
        count = 0
        for node in dict.fromkeys(nodes.tolist()):
            count = grid_coarse.mark_corridor(
                at.nodes,
                at.weights,
                at.block_columns,
                at.block_rows,
                self._labels.label,
                self._base,
                node,
                width,
                self._stamps,
                self._stamp,
                self._blocks,
                count,
            )
        if count < _FEW_BLOCKS:
            return self._way_on(at.padded, seeds, target)
        blocks = self._blocks[:count]
        grid_coarse.carve(at.padded, self._corridor, at.stride, at.block_columns, blocks, False)
        cells = self._way_on(self._corridor, seeds, target)
        grid_coarse.carve(at.padded, self._corridor, at.stride, at.block_columns, blocks, True)
        return cells

    def _way_on(self, padded: NDArray[np.uint8], seeds: Seeds, target: int) -> Cells | None:
        """The cheapest way over the cells of ``padded``."""
        scratch = self._scratch
        scratch.labels.fit(padded.size)
        spread = 1512 * grid_search.DIAGONAL + seeds.spread_cells * 504 * grid_search.DIAGONAL
        if len(seeds.costs) > 1:
            spread += int(seeds.costs.max() - seeds.costs.min())
        heads, shift = scratch.buckets(spread)
        while True:
            base = scratch.labels.new_base()
            status, expanded, cost = grid_search.search(
                padded,
                self.map.stride,
                self.map.weight_min,
                scratch.labels.label,
                base,
                scratch.labels.end(base),
                seeds.cells,
                seeds.costs,
                target,
                0,
                grid_search.UNREACHED,
                1 << 62,
                heads,
                scratch.pool,
                shift,
            )
            self.expanded += expanded
            if status != grid_search.POOL_FULL:
                break
            scratch.grow_pool()
        if status == grid_search.EXHAUSTED:
            self._exhausted = base if padded is self.map.padded else None
            return None
        out = np.empty(int(cost) // grid_search.UNITS_PER_CELL + 2, np.uint32)
        size = grid_search.backtrack(padded, self.map.stride, scratch.labels.label, base, target, out)
        return out[:size][::-1]
