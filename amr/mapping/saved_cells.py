"""A saved map in the cells of the worker's own: what the robot knows before it has seen anything."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from amr.kernels.local_grid import FREE, OCCUPIED, UNKNOWN
from amr.mapping.base import MapImage
from amr.mapping.cell_box import CellBox

_BY_PIXEL: Final = {0: OCCUPIED, 254: FREE}


@dataclass(frozen=True, slots=True, eq=False)
class SavedCells:
    """``cells`` uint8 [rows, columns] of ``box``: ``amr.kernels.local_grid`` UNKNOWN, FREE or OCCUPIED."""

    box: CellBox
    cells: NDArray[np.uint8]


def saved_cells(image: MapImage, resolution_m: float, most_cells: int) -> SavedCells:
    """``image`` in cells of ``resolution_m`` that begin at the map frame's origin.

    A cell is what the picture shows at its center, and occupied where the center of an occupied pixel lies in it.
    Raises ``ValueError`` when a side is longer than ``most_cells``.
    """
    frame = image.frame
    column0, row0 = (math.floor(o / resolution_m) for o in (frame.origin_x_m, frame.origin_y_m))
    columns, rows = (math.ceil(n * frame.resolution_m / resolution_m) + 1 for n in (frame.width, frame.height))
    if max(columns, rows) > most_cells:
        raise ValueError(
            f"map: {frame.width * frame.resolution_m:.0f} x {frame.height * frame.resolution_m:.0f} m: "
            f"expected at most {most_cells * resolution_m:.0f} m (mapping.global_max_extent_m)"
        )
    x_m = (column0 + np.arange(columns) + 0.5) * resolution_m
    y_m = (row0 + np.arange(rows) + 0.5) * resolution_m
    i = np.floor((x_m - frame.origin_x_m) / frame.resolution_m).astype(np.int64)
    j = np.floor((y_m - frame.origin_y_m) / frame.resolution_m).astype(np.int64)
    in_rows, in_columns = (j >= 0) & (j < frame.height), (i >= 0) & (i < frame.width)
    table = np.full(256, UNKNOWN, np.uint8)
    for pixel, cell in _BY_PIXEL.items():
        table[pixel] = cell
    cells = np.full((rows, columns), UNKNOWN, np.uint8)
    cells[np.ix_(in_rows, in_columns)] = table[image.pixels[np.ix_(j[in_rows], i[in_columns])]]
    if frame.resolution_m < resolution_m:
        above, right = np.nonzero(image.pixels == 0)
        row = np.floor((frame.origin_y_m + (above + 0.5) * frame.resolution_m) / resolution_m).astype(np.int64) - row0
        column = np.floor((frame.origin_x_m + (right + 0.5) * frame.resolution_m) / resolution_m).astype(np.int64)
        cells[row, column - column0] = OCCUPIED
    return SavedCells(CellBox(row0, row0 + rows, column0, column0 + columns), cells)
