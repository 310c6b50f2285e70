"""The memory of the searches: allocated and touched once, never cleared between queries.

What lies in it never shows in a result: it is not state, and a planner restored from a snapshot starts with a new one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from amr.kernels.grid_search import DIAGONAL

LARGEST_CELLS = 1 << 27
"""More padded cells than this are refused: 11585 x 11585."""
UNSET = 0xFFFFFFFFFFFFFFFF
_BUCKET_SHIFT = 18
_MOST_BUCKETS = 1 << 17
"""Where these do not span what they must, they become wider."""
LARGEST_STEP = 1008 * DIAGONAL


class Labels:
    """Labels of a search, each query's below all of the one before: so nothing is ever cleared."""

    def __init__(self, largest_step: int) -> None:
        """``largest_step``: what entering one more node can cost at most."""
        self.label: NDArray[np.uint64] = np.zeros(0, np.uint64)
        self._largest_step = largest_step
        self._bits = 63
        self._next_base = 0

    def fit(self, size: int) -> None:
        """Room for ``size`` nodes."""
        if size > self.label.size:
            self.label = np.full(size, UNSET, np.uint64)
            # the dearest path enters each node once; one bit more for the cost of an escape
            self._bits = (size * self._largest_step).bit_length() + 1
            self._next_base = (1 << 64) - (2 << self._bits)

    def new_base(self) -> int:
        """Base of the next query's labels: below every label given out before."""
        if self._next_base < 0:
            self.label.fill(UNSET)
            self._next_base = (1 << 64) - (2 << self._bits)
        base = self._next_base
        self._next_base -= 1 << self._bits
        return base

    def end(self, base: int) -> int:
        """First value that is no label of the query with this base."""
        return base + (1 << self._bits)


class SearchScratch:
    """Labels, bucket heads and queue entries of the search over cells, for maps up to the largest one seen."""

    def __init__(self) -> None:
        self.labels = Labels(LARGEST_STEP)
        self.pool: NDArray[np.uint64] = np.zeros(2 << 14, np.uint64)
        self._heads: NDArray[np.uint32] = np.zeros(1, np.uint32)

    def buckets(self, spread: int) -> tuple[NDArray[np.uint32], int]:
        """(bucket heads, shift): a power of two of buckets of ``1 << shift`` label units that span ``spread``."""
        shift = max(_BUCKET_SHIFT, (spread // (_MOST_BUCKETS // 2)).bit_length())
        count = 1 << max(4, ((spread >> shift) + 2).bit_length())
        if count > self._heads.size:
            self._heads = np.zeros(count, np.uint32)
        return self._heads[:count], shift

    def grow_pool(self, entries: int = 0) -> None:
        """Twice as many queue entries, or at least ``entries``."""
        self.pool = np.zeros(max(2 * self.pool.size, 2 * entries), np.uint64)
