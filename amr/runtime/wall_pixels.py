"""Where in its cell a wall lies, kept in the gray of a map's black pixels.

A reader of trinary maps takes 0 to 88 for occupied. Of these 1 to 81 say in which ninth of the cell's width and height
the wall lies: 1 + 9 x row + column, from the corner with the smallest x and y; 0 is a cell of which nobody knows,
such as one that somebody drew. The key ``wall_offsets: 9`` in the ``.yaml`` says so; other readers pass over it.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from amr.mapping.base import MapImage, border_cells, centers

PARTS: Final = 9
KEY: Final = "wall_offsets"


def shaded(image: MapImage) -> NDArray[np.uint8]:
    """The pixels of ``image`` with its wall points in them, to a ninth of a cell; those outside of their cell at its
    edge. Raises ``ValueError`` when there is not one point for each of the ``border_cells``."""
    if image.wall_points is None:
        return image.pixels
    rows, columns = border_cells(image.pixels)
    if len(rows) != len(image.wall_points):
        raise ValueError(f"wall points: expected {len(rows)}, found {len(image.wall_points)}")
    frame = image.frame
    corner = centers(frame, rows, columns) - 0.5 * frame.resolution_m
    parts = np.floor((image.wall_points - corner) / frame.resolution_m * PARTS)
    part = np.clip(parts, 0, PARTS - 1).astype(np.uint8)
    pixels = image.pixels.copy()
    pixels[rows, columns] = 1 + PARTS * part[:, 1] + part[:, 0]
    return pixels


def with_wall_points(image: MapImage, shades: NDArray[np.float64]) -> MapImage:
    """``image`` with the wall points that its picture's gray ``shades`` [height, width] hold (row 0 = smallest y)."""
    rows, columns = border_cells(image.pixels)
    points = centers(image.frame, rows, columns)
    shade = np.rint(shades[rows, columns]).astype(np.int64) - 1
    told = (shade >= 0) & (shade < PARTS * PARTS)
    part = np.column_stack([shade % PARTS, shade // PARTS])[told]
    points[told] += ((part + 0.5) / PARTS - 0.5) * image.frame.resolution_m
    return MapImage(image.frame, image.pixels, points)
