"""A cost grid made ready for searching, kept from one query to the next, with only what changed made again.

Each query compares the grid's costs with the copy (a pass over the bytes, far cheaper than any search), so nobody has
to say what changed, and equal costs give equal answers whatever was here before. An array that nobody can write to
and that was the last one too is known to be the same. Who knows where the map changed
may say so: only that is compared.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from amr.grid import COST_UNKNOWN, CostGrid
from amr.kernels import grid_blocks
from amr.planning.base import PlanOptions

_CHANGES = 1 << 16

Cells = tuple[slice, slice]
"""Rows and columns of a grid, with step 1."""


def unknown_cost(options: PlanOptions) -> int:
    """What an unknown cell counts as under these options: 255 stays forbidden."""
    return {"free": 0, "costly": options.unknown_cost, "lethal": COST_UNKNOWN}[options.unknown]


class PreparedMap:
    """Padded costs (``stride`` = width + 2; cell [0, 0] is [1, 1] there) and their blocks of 8 x 8 cells."""

    def __init__(self) -> None:
        self.height = self.width = self.stride = 0
        self.block_columns = self.block_rows = 0
        self.padded: NDArray[np.uint8] = np.zeros(0, np.uint8)
        self.nodes: NDArray[np.uint64] = np.zeros(0, np.uint64)
        self.weights: NDArray[np.uint16] = np.zeros(0, np.uint16)
        self.least: NDArray[np.uint8] = np.zeros(0, np.uint8)
        self.most: NDArray[np.uint8] = np.zeros(0, np.uint8)
        self.changed: NDArray[np.uint32] = np.zeros(0, np.uint32)
        """Padded cells that the last refresh changed."""
        self.too_much_changed = True
        """The last refresh changed more than ``changed`` tells (or everything)."""
        self._last: tuple[NDArray[np.uint8], int] | None = None
        """The costs that were refreshed from last, when they cannot change, and what unknown was taken as."""
        self._unknown_as = -1
        self.weight_min = 252
        self.is_uniform = False
        """All allowed cells cost the same."""
        self._changes: NDArray[np.uint32] = np.zeros(_CHANGES, np.uint32)
        self._memory = _Memory(0, 0)

    def forget(self) -> None:
        """The next refresh makes everything again, in the memory that is here."""
        self.height = self.width = 0
        self._last = None

    def refresh(self, grid: CostGrid, unknown_as: int, within: Cells | None = None) -> None:
        """Become the prepared form of ``grid`` (uint8, checked by the caller), unknown cells as ``unknown_as``.

        ``within``: the caller's promise that only cells in there differ from the grid before, if that had this shape.
        """
        if (
            self._last is not None
            and self._last[0] is grid.cost
            and self._last[1] == unknown_as
            and _is_frozen(grid.cost)
        ):
            self.changed, self.too_much_changed = self._changes[:0], False
            return
        cost = np.ascontiguousarray(grid.cost)
        all_new = cost.shape != (self.height, self.width)
        if all_new:
            self._fit(*cost.shape)
        if within is None or unknown_as != self._unknown_as:
            within = slice(None), slice(None)
        rows, columns = within[0].indices(self.height), within[1].indices(self.width)
        differ, made = grid_blocks.refresh(
            cost, unknown_as, all_new, self.padded, self.nodes, self.weights, self.least, self.most, self._changes,
            *(0, self.height, 0, self.width) if all_new else (rows[0], rows[1], columns[0], columns[1]),
        )  # fmt: skip
        self._unknown_as = unknown_as
        self.too_much_changed = bool(all_new or differ > _CHANGES)
        self.changed = self._changes[: 0 if self.too_much_changed else differ]
        self._last = (grid.cost, unknown_as) if _is_frozen(grid.cost) else None
        if made:
            least = int(self.least.min())
            self.weight_min = 252 + min(least, 252)
            self.is_uniform = int(self.most.max()) <= least

    def _fit(self, height: int, width: int) -> None:
        self.height, self.width, self.stride = height, width, width + 2
        self.block_columns = -(-self.stride // grid_blocks.SIDE)
        self.block_rows = -(-(height + 2) // grid_blocks.SIDE)
        cells, blocks = self.stride * (height + 2), self.block_columns * self.block_rows
        if self._memory.padded.size < cells or self._memory.weights.size < blocks:
            self._memory = _Memory(cells, blocks)
        memory = self._memory
        self.padded, self.nodes = memory.padded[:cells], memory.nodes[: blocks * grid_blocks.PIECES]
        self.weights, self.least, self.most = memory.weights[:blocks], memory.least[:blocks], memory.most[:blocks]


def _is_frozen(array: NDArray[np.uint8]) -> bool:
    """Nobody can write to this array: it is read-only and no view of another."""
    return array.base is None and not array.flags.writeable


class _Memory:
    """Arrays for the largest map so far."""

    def __init__(self, cells: int, blocks: int) -> None:
        self.padded: NDArray[np.uint8] = np.zeros(cells, np.uint8)
        self.nodes: NDArray[np.uint64] = np.zeros(blocks * grid_blocks.PIECES, np.uint64)
        self.weights: NDArray[np.uint16] = np.zeros(blocks, np.uint16)
        self.least: NDArray[np.uint8] = np.zeros(blocks, np.uint8)
        self.most: NDArray[np.uint8] = np.zeros(blocks, np.uint8)
