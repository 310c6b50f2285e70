"""The memory of the exact search: allocated and touched once, never cleared between queries.

What lies in it never shows in a result: it is not state, and a planner restored from a snapshot starts with a new one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from amr.kernels.grid_search import DIAGONAL

LARGEST_CELLS = 1 << 27
"""More padded cells than this are refused: 11585 x 11585."""
_BUCKET_SHIFT = 18
_UNSET = 0xFFFFFFFFFFFFFFFF


class SearchScratch:
    """Padded costs, labels, bucket heads and queue entries for maps up to the largest one seen."""

    def __init__(self) -> None:
        self.padded: NDArray[np.uint8] = np.zeros(0, np.uint8)
        self.label: NDArray[np.uint64] = np.zeros(0, np.uint64)
        self.heads: NDArray[np.uint32] = np.zeros(1, np.uint32)
        self.pool: NDArray[np.uint64] = np.zeros(2 << 14, np.uint64)
        self.shift = _BUCKET_SHIFT
        self._label_bits = 63
        self._next_base = 0

    def fit(self, cells: int) -> NDArray[np.uint8]:
        """Padded costs for ``cells`` padded cells, not initialized; everything else grows with it."""
        if cells > self.label.size:
            self.label = np.full(cells, _UNSET, np.uint64)
            self.padded = np.zeros(cells, np.uint8)
            # the dearest path enters each cell once; one bit more for the cost of an escape
            self._label_bits = (cells * 1008 * DIAGONAL).bit_length() + 1
            self._next_base = (1 << 64) - (2 << self._label_bits)
        return self.padded[:cells]

    def new_base(self) -> int:
        """Base of the next query's labels: below every label given out before."""
        if self._next_base < 0:
            self.label.fill(_UNSET)
            self._next_base = (1 << 64) - (2 << self._label_bits)
        base = self._next_base
        self._next_base -= 1 << self._label_bits
        return base

    def label_end(self, base: int) -> int:
        """First value that is no label of the query with this base."""
        return base + (1 << self._label_bits)

    def buckets(self, spread: int) -> NDArray[np.uint32]:
        """Bucket heads that span ``spread`` label units (a power of two of them)."""
        count = 1 << max(4, ((spread >> self.shift) + 2).bit_length())
        if count > self.heads.size:
            self.heads = np.zeros(count, np.uint32)
        return self.heads[:count]

    def grow_pool(self) -> None:
        """Twice as many queue entries."""
        self.pool = np.zeros(2 * self.pool.size, np.uint64)
