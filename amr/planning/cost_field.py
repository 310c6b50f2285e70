"""Cost-to-go: what it costs to get from each cell to the cheapest of several goals, over eight neighbors, in metres.

The values are exact for ways from cell center to cell center by the measure of ``amr.planning.base``. Ways at any
angle are up to 8.24 % cheaper (1 / cos(22.5 degrees)), so a planner that needs a lower bound divides by that.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from amr.geometry import Pose2
from amr.grid import CostGrid
from amr.kernels import grid_search
from amr.kernels.grid_field import field_of_labels
from amr.planning.base import PlanOptions
from amr.planning.prepared import PreparedMap, unknown_cost
from amr.planning.query import check_grid, padded_cell
from amr.planning.scratch import LARGEST_STEP, SearchScratch

OCTILE_EXCESS = 1.0 / math.cos(math.pi / 8.0)
"""How much longer a way over eight neighbors is than a straight one, at most."""
_NOWHERE = 0
"""Padded cell that no search reaches: a corner of the border."""


@dataclass(frozen=True, slots=True, eq=False)
class CostField:
    """``metres``: float32 [height, width], infinite in cells that are blocked, not connected, or beyond the bound.

    ``bound_m``: every cell that costs less has its value. ``reason``: why all is infinite, for a person, else empty.
    """

    metres: NDArray[np.float32]
    bound_m: float
    reached: int
    reason: str = ""


class CostToGo:
    """Makes cost fields; keeps the map prepared and its memory from one to the next."""

    def __init__(self) -> None:
        self._map = PreparedMap()
        self._scratch = SearchScratch()

    def field(
        self,
        grid: CostGrid,
        goals: list[tuple[Pose2, float]],
        options: PlanOptions,
        *,
        bound_m: float = math.inf,
        until: Pose2 | None = None,
        margin_m: float = 0.0,
    ) -> CostField:
        """The field of ``goals``, each a pose in the grid's frame and what it costs in metres to end there.

        Goals outside the map, in forbidden cells, or without a finite cost >= 0 are left out. ``bound_m`` ends the
        field at that cost; ``until`` ends it ``margin_m`` beyond the cost of that pose, where that can be reached.
        About 30 ns a cell. Never raises on values.
        """
        refused = check_grid(grid, options)
        if refused is None and (math.isnan(bound_m) or not 0.0 <= margin_m < math.inf):
            refused = f"bound_m is {bound_m}, margin_m is {margin_m}: must be numbers, margin_m >= 0"
        if refused is not None:
            return CostField(np.full(grid.cost.shape, np.inf, np.float32), 0.0, 0, refused)
        frame, prepared, scratch = grid.frame, self._map, self._scratch
        prepared.refresh(grid, unknown_cost(options))
        per_metre = grid_search.UNITS_PER_CELL / frame.resolution_m
        seeds: dict[int, int] = {}
        for pose, cost_m in goals:
            cell = self._allowed_cell(grid, pose)
            if cell is not None and 0.0 <= cost_m < 1e6 * frame.resolution_m:
                units = round(cost_m * per_metre)
                seeds[cell] = min(seeds.get(cell, units), units)
        field = np.empty(grid.cost.shape, np.float32)
        if not seeds:
            field.fill(np.inf)
            return CostField(field, 0.0, 0, "no goal lies in an allowed cell")
        largest = prepared.padded.size * LARGEST_STEP + max(seeds.values())
        most = largest if bound_m * per_metre >= largest else max(0, int(bound_m * per_metre))
        end_cell = None if until is None else self._allowed_cell(grid, until)
        # room for what the seeds cost to begin with, too
        scratch.labels.fit(prepared.padded.size + max(seeds.values()) // LARGEST_STEP + 1)
        most, base = self._search(seeds, most, _NOWHERE if end_cell is None else end_cell, round(margin_m * per_metre))
        reached = field_of_labels(scratch.labels.label, base, most, 1.0 / per_metre, field)
        return CostField(field, math.inf if most >= largest else most / per_metre, reached)

    def _allowed_cell(self, grid: CostGrid, pose: Pose2) -> int | None:
        """Padded index of the cell under ``pose``; None outside the map and where nobody may go."""
        if not (math.isfinite(pose.x_m) and math.isfinite(pose.y_m)):
            return None
        if not grid.frame.contains(*grid.frame.cell(pose.x_m, pose.y_m)):
            return None
        cell = padded_cell(grid.frame, pose)
        return cell if self._map.padded[cell] < grid_search.BLOCKED else None

    def _search(self, seeds: dict[int, int], most: int, end_cell: int, margin: int) -> tuple[int, int]:
        """Label everything up to ``most``, or up to ``margin`` beyond ``end_cell``; returns (that bound, base)."""
        scratch, prepared = self._scratch, self._map
        cells = np.fromiter(seeds, np.uint32, len(seeds))
        costs = np.fromiter(seeds.values(), np.uint64, len(seeds))
        heads, shift = scratch.buckets(1008 * grid_search.DIAGONAL + int(costs.max() - costs.min()))
        if scratch.pool.size < 4 * (len(cells) + 8):
            scratch.grow_pool(4 * (len(cells) + 8))
        while True:
            base = scratch.labels.new_base()
            status, _, cost = grid_search.search(
                prepared.padded,
                prepared.stride,
                0,
                scratch.labels.label,
                base,
                scratch.labels.end(base),
                cells,
                costs,
                end_cell,
                margin,
                most,
                1 << 62,
                heads,
                scratch.pool,
                shift,
            )
            if status == grid_search.FOUND:
                return min(most, int(cost) + margin), base
            if status == grid_search.EXHAUSTED:
                return most, base
            scratch.grow_pool()
