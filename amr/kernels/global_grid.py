"""Distances to costs, for the global map."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from amr.jit import kernel
from amr.kernels.local_grid import UNKNOWN

Array = NDArray[Any]


@kernel("void(int16[:,::1], uint8[:,::1], uint8[::1], uint8, uint8[:,::1])")
def costs_from_distances(squared: Array, cells: Array, cost_of_squared: Array, unknown_least: int, out: Array) -> None:
    """``out`` = ``cost_of_squared[squared]``, in unknown cells at least ``unknown_least``. 2D arrays of one shape."""
    height, width = cells.shape
    for j in range(np.uint64(height)):
        distances = squared[j]
        row = cells[j]
        target = out[j]
        for i in range(np.uint64(width)):
            cost = cost_of_squared[np.uint64(distances[i])]
            if row[i] == UNKNOWN and cost < unknown_least:
                cost = unknown_least
            target[i] = cost
