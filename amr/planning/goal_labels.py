"""Exact labels around one goal that survive a moved start and a changed map: D* Lite's use, by label repair.

The search is that of ``grid_search``, rooted at the goal. Its open cells are kept; the next question puts them back
into the queue in the order that the new start gives, after the labels that no longer hold were withdrawn
(``grid_repair``). Koenig and Likhachev's D* Lite (2002) keeps its queue and shifts the keys instead; taking up the
open cells again is simpler, exact under any change of the heuristic, and costs nothing beside the search itself.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from amr.kernels import grid_repair, grid_search
from amr.planning.prepared import PreparedMap
from amr.planning.scratch import SearchScratch

_JUMP: Final = 1512 * grid_search.DIAGONAL
"""Largest rise of f along a step."""
_WITHDRAWN: Final = 1 << 16
"""More withdrawn labels than this, or twice the queue: a search from anew is no slower."""


class GoalLabels:
    """Label units from every cell that matters to one root cell, kept from question to question."""

    def __init__(self) -> None:
        self._scratch = SearchScratch()
        self._base = 0
        self.root: int | None = None
        """Padded cell of the goal; None = nothing is kept."""
        self._cells: NDArray[np.uint32] = np.zeros(1 << 12, np.uint32)
        self._costs: NDArray[np.uint64] = np.zeros(1 << 12, np.uint64)
        self._count = 0
        self._withdrawn: NDArray[np.uint32] = np.zeros(_WITHDRAWN, np.uint32)
        self._keys: NDArray[np.uint64] = np.zeros(2 * _WITHDRAWN, np.uint64)
        self._key_cells: NDArray[np.uint32] = np.zeros(2 * _WITHDRAWN, np.uint32)
        self._marks: NDArray[np.bool_] = np.zeros(0, bool)
        self.expanded = 0
        """Cells expanded or withdrawn since it was last set to 0."""

    def begin(self, prepared: PreparedMap, root: int) -> None:
        """Forget everything; the labels to come lead to ``root``."""
        self._scratch.labels.fit(prepared.padded.size)
        if self._marks.size < prepared.padded.size:
            self._marks = np.zeros(prepared.padded.size, bool)
        self._base = self._scratch.labels.new_base()
        self.root = root
        self._scratch.labels.label[root] = self._base
        self._cells[0], self._costs[0] = root, 0
        self._count = 1

    def repair(self, prepared: PreparedMap) -> bool:
        """Take in what the last refresh of ``prepared`` changed; False when that is too much: then ``begin``."""
        if self.root is None or prepared.too_much_changed:
            return False
        changed = prepared.changed
        if changed.size == 0:
            return True
        if 9 * changed.size > self._keys.size:
            return False
        beside = np.empty(9 * changed.size, np.uint32)
        label, end = self._scratch.labels.label, self._scratch.labels.end(self._base)
        withdrawn, seen = grid_repair.withdraw(
            prepared.padded,
            prepared.stride,
            label,
            end,
            changed,
            self.root,
            self._withdrawn,
            self._keys,
            self._key_cells,
            beside,
            self._marks,
        )
        beside = beside[:seen]
        if withdrawn < 0:
            return False
        self.expanded += withdrawn
        self._room(self._count + withdrawn + beside.size + 1)
        for cells in (self._withdrawn[:withdrawn], beside):
            self._count = grid_repair.relabel(
                prepared.padded,
                prepared.stride,
                label,
                self._base,
                end,
                cells,
                self.root,
                self._cells,
                self._costs,
                self._count,
            )
        if int(self.root) in changed:  # its own steps cost something else now
            self._cells[self._count], self._costs[self._count] = self.root, 0
            self._count += 1
        return True

    def search(self, prepared: PreparedMap, start: int, budget: int) -> bool | None:
        """Go on until the label of ``start`` is exact: True. No way: False. Still open after ``budget`` cells: None."""
        label, end = self._scratch.labels.label, self._scratch.labels.end(self._base)
        while True:
            self._count, least, most = grid_repair.still_open(
                prepared.stride,
                prepared.weight_min,
                label,
                self._base,
                start,
                self._cells,
                self._costs,
                self._count,
            )
            spread = _JUMP + (int(most) - int(least) if self._count else 0)
            heads, shift = self._scratch.buckets(spread)
            if self._scratch.pool.size < 4 * (self._count + 8):
                self._scratch.grow_pool(4 * (self._count + 8))
            status, expanded, _ = grid_search.search(
                prepared.padded,
                prepared.stride,
                prepared.weight_min,
                label,
                self._base,
                end,
                self._cells[: self._count],
                self._costs[: self._count],
                start,
                0,
                grid_search.UNREACHED,
                budget,
                heads,
                self._scratch.pool,
                shift,
            )
            self.expanded += expanded
            budget -= expanded
            self._keep_open(label, heads, start, end)
            if status != grid_search.POOL_FULL:
                return {grid_search.FOUND: True, grid_search.EXHAUSTED: False, grid_search.PAUSED: None}[status]
            self._scratch.grow_pool()

    def way(self, prepared: PreparedMap, start: int) -> NDArray[np.uint32]:
        """Cells from ``start``, which has an exact label, to the root."""
        cost = int(self._scratch.labels.label[start]) - self._base
        out = np.empty(cost // grid_search.UNITS_PER_CELL + 2, np.uint32)
        size = grid_search.backtrack(
            prepared.padded, prepared.stride, self._scratch.labels.label, self._base, start, out
        )
        return out[:size]

    def _keep_open(self, label: NDArray[np.uint64], heads: NDArray[np.uint32], start: int, end: int) -> None:
        """What the search left in its queue, and the start, which it never expands."""
        count = grid_search.open_cells(label, self._base, heads, self._scratch.pool, self._cells, self._costs)
        if count >= self._cells.size:
            self._room(count + 1)
            count = grid_search.open_cells(label, self._base, heads, self._scratch.pool, self._cells, self._costs)
        if int(label[start]) < end:
            self._cells[count], self._costs[count] = start, int(label[start]) - self._base
            count += 1
        self._count = count

    def _room(self, size: int) -> None:
        """Room for ``size`` open cells; those that are there stay."""
        if size > self._cells.size:
            cells, costs = np.zeros(2 * size, np.uint32), np.zeros(2 * size, np.uint64)
            cells[: self._count], costs[: self._count] = self._cells[: self._count], self._costs[: self._count]
            self._cells, self._costs = cells, costs
