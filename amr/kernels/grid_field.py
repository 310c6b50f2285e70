"""From the labels of ``grid_search`` to a field of costs in metres."""

from __future__ import annotations

from typing import Any

import numpy as np

from amr.jit import kernel
from amr.kernels.grid_search import Array


@kernel("int64(uint64[::1], uint64, uint64, float64, float32[:,::1])")
def field_of_labels(label: Array, base: Any, most: Any, metres_per_unit: float, field: Array) -> Any:
    """Write into ``field`` [height, width] the metres of each label from ``base`` to ``base + most``, else infinity.

    ``label``: of the padded cells. Returns how many cells have a finite value.
    """
    height, width = field.shape
    count = 0
    for j in range(np.uint64(height)):
        begin = (j + np.uint64(1)) * np.uint64(width + 2) + np.uint64(1)
        for i in range(np.uint64(width)):
            cost = label[begin + i] - base  # other queries' labels are larger: the difference cannot wrap
            if cost <= most:
                field[j, i] = np.float32(np.float64(cost) * metres_per_unit)
                count += 1
            else:
                field[j, i] = np.float32(np.inf)
    return np.int64(count)
