"""From occupied cells to planning costs (Nav2's ``InflationLayer``, with exact distances)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from amr.grid import COST_INSCRIBED, COST_LETHAL, COST_UNKNOWN
from amr.kernels.distance import MAX_CAP_16, squared_distance
from amr.kernels.global_grid import costs_from_distances
from amr.kernels.local_grid import OCCUPIED
from amr.mapping.base import Inflation


def inflate(cells: NDArray[np.uint8], inflation: Inflation, resolution_m: float) -> NDArray[np.uint8]:
    """Costs uint8 of the shape of ``cells`` (0 unknown, 1 free, 2 occupied; C order). 3 ms for 1200 x 1200 cells.

    Raises ValueError as ``reach_cells`` does.
    """
    reach = reach_cells(inflation, resolution_m)
    squared = np.empty(cells.shape, np.int16)
    squared_distance(cells, OCCUPIED, reach, squared)
    cost = np.empty(cells.shape, np.uint8)
    costs_from_distances(squared, cells, _cost_table(inflation, reach, resolution_m), _unknown_least(inflation), cost)
    return cost


def reach_cells(inflation: Inflation, resolution_m: float) -> int:
    """So many cells from an obstacle costs are zero again.

    Raises ValueError when a length or the scaling is negative or not finite, or when the reach exceeds 127 cells.
    """
    lengths = (inflation.radius_m, inflation.scaling_per_m, inflation.inradius_m, inflation.circumradius_m)
    if not all(math.isfinite(value) and value >= 0.0 for value in lengths):
        raise ValueError("inflation: radii and scaling must be finite and not negative")
    if not 0 <= inflation.unknown_cost < COST_INSCRIBED:
        raise ValueError("inflation: unknown_cost must be 0 to 252")
    reach_m = max(inflation.radius_m, inflation.circumradius_m, inflation.inradius_m)
    reach = math.ceil(reach_m / resolution_m) + 1
    if reach > MAX_CAP_16:
        raise ValueError(f"inflation: reaches {reach} cells, at most {MAX_CAP_16}")
    return reach


def _unknown_least(inflation: Inflation) -> int:
    if inflation.unknown == "lethal":
        return COST_UNKNOWN
    return inflation.unknown_cost if inflation.unknown == "costly" else 0


def _cost_table(inflation: Inflation, reach_cells: int, resolution_m: float) -> NDArray[np.uint8]:
    """uint8 [reach^2 + 1]: cost by squared distance in cells; the last entry stands for all beyond."""
    table = np.zeros(reach_cells * reach_cells + 1, np.uint8)
    reach_m = max(inflation.radius_m, inflation.circumradius_m)
    table[0] = COST_LETHAL
    for squared in range(1, reach_cells * reach_cells):
        distance_m = math.sqrt(squared) * resolution_m
        if distance_m <= inflation.inradius_m:
            table[squared] = COST_INSCRIBED
        elif distance_m <= reach_m:
            table[squared] = inflation.cost_of(distance_m - inflation.inradius_m)
    return table
