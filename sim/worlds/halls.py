"""Generated buildings: rooms with doors, corridors with corners, warehouse aisles; all from a seed."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from sim.worlds.draft import Draft
from sim.worlds.schema import WorldModel

WALL_M = 0.15


def rooms(seed: int, columns: int = 4, rows: int = 3, room_m: float = 4.5) -> WorldModel:
    """A grid of furnished rooms; doors along a random spanning tree (so each room is reached) and a few more."""
    random = np.random.default_rng((seed, 41))
    width, depth = columns * room_m, rows * room_m
    draft = Draft("rooms", f"{columns} x {rows} rooms, seed {seed}", (-0.5, -0.5, width + 0.5, depth + 0.5))
    for y in (0.0, depth):
        draft.wall((-0.5 * WALL_M, y), (width + 0.5 * WALL_M, y), WALL_M)
    for x in (0.0, width):
        draft.wall((x, 0.0), (x, depth), WALL_M)
    doors = _doors(random, columns, rows)
    for row in range(rows):
        for column in range(columns):
            x, y = column * room_m, row * room_m
            if column + 1 < columns:
                center = y + float(random.uniform(1.0, room_m - 1.0))
                opening = [(center, 0.95)] if ((column, row), (column + 1, row)) in doors else []
                draft.wall_with_doors((x + room_m, y), (x + room_m, y + room_m), WALL_M, opening)
            if row + 1 < rows:
                center = x + float(random.uniform(1.0, room_m - 1.0))
                opening = [(center, 0.95)] if ((column, row), (column, row + 1)) in doors else []
                draft.wall_with_doors((x, y + room_m), (x + room_m, y + room_m), WALL_M, opening)
            _furnish(draft, random, x + 0.5 * room_m, y + 0.5 * room_m)
    last = ((columns - 1) * room_m + 0.8, (rows - 1) * room_m + 0.8)
    return draft.finish((0.8, 0.8, 0.0), [(0.8, (rows - 1) * room_m + 0.8), last])


Room = tuple[int, int]


def _doors(random: np.random.Generator, columns: int, rows: int) -> set[tuple[Room, Room]]:
    """Pairs of neighbour rooms that share a door: a random spanning tree and about a fifth of the rest."""
    pairs = [((c, r), (c + 1, r)) for r in range(rows) for c in range(columns - 1)]
    pairs += [((c, r), (c, r + 1)) for r in range(rows - 1) for c in range(columns)]
    group = {(c, r): (c, r) for c in range(columns) for r in range(rows)}

    def root(room: Room) -> Room:
        while group[room] != room:
            room = group[room]
        return room

    doors = set()
    for index in random.permutation(len(pairs)).tolist():
        a, b = pairs[index]
        if root(a) != root(b):
            group[root(a)] = root(b)
            doors.add((a, b))
        elif random.random() < 0.2:
            doors.add((a, b))
    return doors


def _furnish(draft: Draft, random: np.random.Generator, x_m: float, y_m: float) -> None:
    """One or two pieces near the middle of a room: its walls and doors stay free."""
    for _ in range(int(random.integers(1, 3))):
        x, y = x_m + float(random.uniform(-0.6, 0.6)), y_m + float(random.uniform(-0.6, 0.6))
        if random.random() < 0.5:
            draft.circle((x, y), float(random.uniform(0.1, 0.3)))
        else:
            size = float(random.uniform(0.3, 0.9)), float(random.uniform(0.3, 0.9))
            draft.box((x, y), size, float(random.uniform(0.0, math.pi)))


def corridor(seed: int, legs: int = 5, width_m: float = 1.6) -> WorldModel:
    """A corridor that turns left and right, with boxes at its sides, and a door before its end."""
    random = np.random.default_rng((seed, 51))
    corners = [(0.0, 0.0)]
    for leg in range(legs):
        x, y = corners[-1]
        length = float(random.uniform(5.0, 8.0))
        step = (length, 0.0) if leg % 2 == 0 else (0.0, length if random.random() < 0.5 else -length)
        corners.append((round(x + step[0], 2), round(y + step[1], 2)))
    xs, ys = [x for x, _ in corners], [y for _, y in corners]
    margin = width_m + 1.0
    bounds = (min(xs) - margin, min(ys) - margin, max(xs) + margin, max(ys) + margin)
    draft = Draft("corridor", f"A corridor of {legs} legs with a door, seed {seed}", bounds)
    _corridor_walls(draft, corners, width_m)
    for start, end in pairwise(corners):
        _side_boxes(draft, random, start, end, width_m)
    (x0, y0), (x1, y1) = corners[-2:]
    along = (x1 - x0, y1 - y0)
    length = abs(along[0]) + abs(along[1])
    ux, uy = along[0] / length, along[1] / length
    door = (x1 - 1.8 * ux, y1 - 1.8 * uy)
    side = 0.5 * (width_m - 0.9)
    for sign in (-1.0, 1.0):
        offset = sign * 0.5 * (width_m - side)
        size = (0.12, side) if ux else (side, 0.12)
        draft.box((door[0] - uy * offset, door[1] + ux * offset), size)
    return draft.finish((0.0, 0.0, 0.0), [corners[-1]])


def _corridor_walls(draft: Draft, corners: list[tuple[float, float]], width_m: float) -> None:
    """The two sides of the corridor's centre line, moved out by half its width, and both ends closed."""
    half = 0.5 * (width_m + WALL_M)
    headings = [
        (math.copysign(1.0, x1 - x0) if x1 != x0 else 0.0, math.copysign(1.0, y1 - y0) if y1 != y0 else 0.0)
        for (x0, y0), (x1, y1) in pairwise(corners)
    ]
    sides: dict[float, list[tuple[float, float]]] = {-1.0: [], 1.0: []}
    for side, points in sides.items():
        for number, (x, y) in enumerate(corners):
            before = headings[max(number - 1, 0)]
            after = headings[min(number, len(headings) - 1)]
            ends = (number == 0, number == len(corners) - 1)
            # the left of heading (hx, hy) is (-hy, hx); at a corner both lefts add up to the diagonal
            dx, dy = -before[1] * half * side, before[0] * half * side
            if not any(ends):
                dx, dy = dx - after[1] * half * side, dy + after[0] * half * side
            back = -half if ends[0] else half if ends[1] else 0.0
            points.append((x + dx + back * after[0], y + dy + back * after[1]))
        for start, end in pairwise(points):
            draft.wall(start, end, WALL_M)
    draft.wall(sides[-1.0][0], sides[1.0][0], WALL_M)
    draft.wall(sides[-1.0][-1], sides[1.0][-1], WALL_M)


def _side_boxes(
    draft: Draft,
    random: np.random.Generator,
    start: tuple[float, float],
    end: tuple[float, float],
    width_m: float,
) -> None:
    """Two boxes a leg, each at one wall, so that a lane of more than half the width stays."""
    for part in (0.38, 0.66):
        x = start[0] + part * (end[0] - start[0])
        y = start[1] + part * (end[1] - start[1])
        sign = 1.0 if random.random() < 0.5 else -1.0
        depth = float(random.uniform(0.2, 0.4))
        offset = sign * 0.5 * (width_m - depth)
        along_x = start[1] == end[1]
        size = (float(random.uniform(0.3, 0.8)), depth)
        draft.box((x, y + offset) if along_x else (x + offset, y), size if along_x else (size[1], size[0]))


def warehouse(seed: int, aisles: int = 6) -> WorldModel:
    """Racks with aisles of 1.8 m between them, pallets left in some aisles, two people at work."""
    random = np.random.default_rng((seed, 61))
    pitch, rack_depth, rack_length = 2.9, 1.1, 9.0
    width, depth = aisles * pitch + 3.0, 2.0 * rack_length + 8.0
    draft = Draft("warehouse", f"{aisles} aisles of racks, seed {seed}", (-0.5, -0.5, width + 0.5, depth + 0.5))
    for y in (0.0, depth):
        draft.wall((-0.1, y), (width + 0.1, y), 0.2)
    for x in (0.0, width):
        draft.wall((x, 0.0), (x, depth), 0.2)
    for number in range(aisles):
        x = 2.6 + number * pitch
        for low in (2.6, 2.6 + rack_length + 2.8):
            bays = 3
            for bay in range(bays):
                length = rack_length / bays
                draft.box((x, low + (bay + 0.5) * length), (rack_depth, length - 0.12))
            if random.random() < 0.6 and number + 1 < aisles:
                side = 1.0 if random.random() < 0.5 else -1.0
                y = low + float(random.uniform(2.0, rack_length - 2.0))
                draft.box((x + 0.5 * pitch + side * 0.5, y), (0.8, 1.2), float(random.uniform(-0.05, 0.05)))
    for x in (1.0, width - 1.0):
        draft.circle((x, 0.5 * depth), 0.2)
    middle = 2.6 + rack_length + 1.4
    draft.patrol("picker", [(2.2, middle + 0.4), (width - 2.5, middle + 0.4)], 0.9, 2.0)
    draft.patrol("carrier", [(width - 2.0, depth - 1.6), (2.0, depth - 1.6)], 1.0, 2.0)
    aisle = [2.6 + (number + 0.5) * pitch for number in range(aisles - 1)]
    # at the aisles' ends, where no pallet is left
    goals = [(aisle[1], depth - 3.2), (aisle[-1], 3.2), (aisle[2], middle + 2.2)]
    return draft.finish((1.2, 1.2, 0.0), goals)
