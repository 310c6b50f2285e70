"""A rectangle of cells."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CellBox:
    """Cells [row0, row1) x [column0, column1), counted from the map's origin; row0 may be negative."""

    row0: int
    row1: int
    column0: int
    column1: int

    def grown(self, cells: int) -> CellBox:
        """Larger by ``cells`` on each side."""
        return CellBox(self.row0 - cells, self.row1 + cells, self.column0 - cells, self.column1 + cells)

    def joined(self, other: CellBox) -> CellBox:
        """The smallest box around both."""
        return CellBox(
            min(self.row0, other.row0),
            max(self.row1, other.row1),
            min(self.column0, other.column0),
            max(self.column1, other.column1),
        )

    def clipped(self, other: CellBox) -> CellBox:
        """What both share; may be empty (row1 <= row0 or column1 <= column0)."""
        return CellBox(
            max(self.row0, other.row0),
            min(self.row1, other.row1),
            max(self.column0, other.column0),
            min(self.column1, other.column1),
        )

    def slices_in(self, other: CellBox) -> tuple[slice, slice]:
        """(rows, columns) of these cells in an array that holds those of ``other``."""
        return (
            slice(self.row0 - other.row0, self.row1 - other.row0),
            slice(self.column0 - other.column0, self.column1 - other.column0),
        )
