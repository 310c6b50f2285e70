"""Yards harder than BARN's: narrow gaps, traps and dead ends 5 m deep, mazes, clutter, on three times the area.

Frame: yard [0, 9] x [0, 15] m with walls on all sides; start near y = 1 facing +y, goal near y = 13.6. Every gap that
must be passed is ``GAP_M`` wide or wider. Worlds come in ``KINDS``; each is a function of a random generator that
adds its shapes to a ``Yard``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

import numpy as np

WIDTH_M: Final = 9.0
LENGTH_M: Final = 15.0
GAP_M: Final = 0.536
"""Width of the Jackal and 0.12 m."""
TRAP_M: Final = 5.0
"""Depth of traps and dead ends."""
WALL_M: Final = 0.12
_CELL_M: Final = 1.5

Point = tuple[float, float]


@dataclass(slots=True)
class Yard:
    """A world in the making: ``walls`` (x, y, x, y, thickness), ``discs`` (x, y, radius), in whole millimetres."""

    walls: list[tuple[float, float, float, float, float]] = field(default_factory=list)
    discs: list[tuple[float, float, float]] = field(default_factory=list)
    start: Point = (0.5 * WIDTH_M, 1.0)
    goal: Point = (0.5 * WIDTH_M, LENGTH_M - 1.4)

    def wall(self, a: Point, b: Point, thickness_m: float = WALL_M) -> None:
        """A wall from a to b; nothing when they coincide."""
        if math.dist(a, b) > 0.01:
            values = (round(value, 3) for value in (*a, *b, thickness_m))
            self.walls.append(tuple(values))  # type: ignore[arg-type]

    def disc(self, center: Point, radius_m: float) -> None:
        """A post."""
        self.discs.append((round(center[0], 3), round(center[1], 3), round(radius_m, 3)))

    def wall_with_gaps(self, a: Point, b: Point, gaps: list[tuple[float, float]]) -> None:
        """A wall with openings (distance of the middle from a, width), in rising order."""
        length_m = math.dist(a, b)
        ux, uy = (b[0] - a[0]) / length_m, (b[1] - a[1]) / length_m
        position = 0.0
        for middle, width in [*gaps, (length_m, 0.0)]:
            end = middle - 0.5 * width
            self.wall((a[0] + ux * position, a[1] + uy * position), (a[0] + ux * end, a[1] + uy * end))
            position = middle + 0.5 * width

    def box(self, center: Point, size: Point, yaw_rad: float) -> None:
        """A box, as a thick wall."""
        dx, dy = 0.5 * size[0] * math.cos(yaw_rad), 0.5 * size[0] * math.sin(yaw_rad)
        self.wall((center[0] - dx, center[1] - dy), (center[0] + dx, center[1] + dy), size[1])

    def enclose(self) -> None:
        """The yard's own walls."""
        corners = [(0.0, 0.0), (WIDTH_M, 0.0), (WIDTH_M, LENGTH_M), (0.0, LENGTH_M), (0.0, 0.0)]
        for a, b in pairwise(corners):
            self.wall(a, b)


def gap_walls(yard: Yard, random: np.random.Generator) -> None:
    """Five walls across, up to 11 degrees aslant, each with one gap."""
    _random_ends(yard, random)
    for y in (3.0, 5.0, 7.0, 9.0, 11.0):
        _gap_wall(yard, random, y)


def u_traps(yard: Yard, random: np.random.Generator) -> None:
    """A trap 5 m deep that opens towards the start, on the straight way, and another or a gap wall behind it."""
    _random_ends(yard, random)
    _trap(yard, random, yard.start[0], 2.6, TRAP_M)
    if random.random() < 0.5:
        _trap(yard, random, yard.goal[0], 8.8, 3.0)
    else:
        _gap_wall(yard, random, 9.3)
        _gap_wall(yard, random, 11.2)


def dead_ends(yard: Yard, random: np.random.Generator) -> None:
    """Corridors side by side, 5 m and deeper; one leads on, through a gap."""
    _random_ends(yard, random)
    count = int(random.integers(5, 8))
    width = WIDTH_M / count
    low, high = 2.8, 2.8 + TRAP_M + float(random.uniform(0.1, 0.8))
    way = int(random.integers(count))
    for number in range(1, count):
        yard.wall((number * width, low), (number * width, high))
    for number in range(count):
        middle = 0.5 * width
        left, right = number * width, (number + 1) * width
        if random.random() < 0.4:
            yard.wall_with_gaps((left, low), (right, low), [(middle, GAP_M)])
        yard.wall_with_gaps((left, high), (right, high), [(middle, GAP_M)] if number == way else [])
    _gap_wall(yard, random, 10.2)
    _clutter(yard, random, 10.8, 12.4, 12)


def maze(yard: Yard, random: np.random.Generator) -> None:
    """A maze of 6 x 10 cells of 1.5 m with some loops; three of ten passages are as narrow as the gaps."""
    columns, rows = round(WIDTH_M / _CELL_M), round(LENGTH_M / _CELL_M)
    first, last = int(random.integers(columns)), int(random.integers(columns))
    yard.start = ((first + 0.5) * _CELL_M, 0.5 * _CELL_M)
    yard.goal = ((last + 0.5) * _CELL_M, (rows - 0.5) * _CELL_M)
    open_sides = _spanning_tree(random, columns, rows)
    for row in range(rows):
        for column in range(columns):
            x, y = column * _CELL_M, row * _CELL_M
            sides = (
                ((column + 1, row), (x + _CELL_M, y), (x + _CELL_M, y + _CELL_M)),
                ((column, row + 1), (x, y + _CELL_M), (x + _CELL_M, y + _CELL_M)),
            )
            for other, a, b in sides:
                if other[0] >= columns or other[1] >= rows:
                    continue
                if ((column, row), other) not in open_sides and random.random() > 0.12:
                    yard.wall(a, b)
                elif random.random() < 0.3:
                    yard.wall_with_gaps(a, b, [(0.5 * _CELL_M, GAP_M)])


def clutter(yard: Yard, random: np.random.Generator) -> None:
    """Posts and boxes strewn as densely as gaps between them allow."""
    _random_ends(yard, random)
    _clutter(yard, random, 2.2, 12.2, 400)


def mixture(yard: Yard, random: np.random.Generator) -> None:
    """Clutter, a trap 5 m deep and gap walls, one after the other."""
    _random_ends(yard, random)
    _clutter(yard, random, 2.0, 3.6, 60)
    _trap(yard, random, float(random.uniform(3.0, 6.0)), 4.4, TRAP_M)
    _gap_wall(yard, random, 10.6)
    _clutter(yard, random, 11.2, 12.4, 30)


KINDS: Final[dict[str, Callable[[Yard, np.random.Generator], None]]] = {
    "gap_walls": gap_walls,
    "u_traps": u_traps,
    "dead_ends": dead_ends,
    "maze": maze,
    "clutter": clutter,
    "mixture": mixture,
}


# ------------------------------------------------------------ parts


def _random_ends(yard: Yard, random: np.random.Generator) -> None:
    yard.start = (round(float(random.uniform(1.5, WIDTH_M - 1.5)), 2), 1.0)
    yard.goal = (round(float(random.uniform(1.5, WIDTH_M - 1.5)), 2), LENGTH_M - 1.4)


def _gap_wall(yard: Yard, random: np.random.Generator, y: float) -> None:
    """Across the whole yard about height y, aslant, with one gap."""
    tilt = float(random.uniform(-0.8, 0.8))
    a, b = (0.0, y - tilt), (WIDTH_M, y + tilt)
    yard.wall_with_gaps(a, b, [(float(random.uniform(0.9, WIDTH_M - 0.9)), GAP_M)])


def _trap(yard: Yard, random: np.random.Generator, x: float, y: float, depth_m: float) -> None:
    """Opens downwards at height y about x; beside it one gap at a random depth, or two."""
    half = float(random.uniform(0.5, 1.4))
    left, right, back = max(1.0, x - half), min(WIDTH_M - 1.0, x + half), y + depth_m
    yard.wall((left, y), (left, back))
    yard.wall((right, y), (right, back))
    yard.wall((left, back), (right, back))
    heights = [y + float(random.uniform(0.5, depth_m - 0.3)) for _ in range(2)]
    passable = random.integers(3)
    for side, (a_x, b_x) in enumerate(((0.0, left), (right, WIDTH_M))):
        width = b_x - a_x
        gaps = [(float(random.uniform(0.5, width - 0.5)), GAP_M)] if passable in (side, 2) else []
        yard.wall_with_gaps((a_x, heights[side]), (b_x, heights[side]), gaps)


def _clutter(yard: Yard, random: np.random.Generator, low: float, high: float, tries: int) -> None:
    """Posts and boxes between two heights, no nearer to anything strewn before than a gap."""
    placed: list[tuple[float, float, float]] = []
    for _ in range(tries):
        x, y = float(random.uniform(0.1, WIDTH_M - 0.1)), float(random.uniform(low, high))
        if random.random() < 0.6:
            radius = float(random.uniform(0.06, 0.2))
            size, yaw = (0.0, 0.0), 0.0
        else:
            size = float(random.uniform(0.2, 0.9)), float(random.uniform(0.1, 0.5))
            yaw = float(random.uniform(0.0, math.pi))
            radius = 0.5 * math.hypot(*size)
        if any(math.dist((x, y), (px, py)) < radius + pr + GAP_M for px, py, pr in placed):
            continue
        placed.append((x, y, radius))
        if size[0]:
            yard.box((x, y), size, yaw)
        else:
            yard.disc((x, y), radius)


def _spanning_tree(
    random: np.random.Generator, columns: int, rows: int
) -> set[tuple[tuple[int, int], tuple[int, int]]]:
    """Pairs of neighbour cells (the lower first) that a depth-first walk joins: long corridors, deep dead ends."""
    stack, seen = [(0, 0)], {(0, 0)}
    joined = set()
    while stack:
        column, row = stack[-1]
        neighbors = [(column + 1, row), (column - 1, row), (column, row + 1), (column, row - 1)]
        free = [n for n in neighbors if 0 <= n[0] < columns and 0 <= n[1] < rows and n not in seen]
        if not free:
            stack.pop()
            continue
        following = free[int(random.integers(len(free)))]
        joined.add((min((column, row), following), max((column, row), following)))
        seen.add(following)
        stack.append(following)
    return joined
