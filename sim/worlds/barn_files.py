"""Worlds of our own in BARN's and DynaBARN's format, so that the benchmarks are tested without outside data."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np

from sim.worlds import cellular
from sim.worlds.cellular import cellular_world

_SPEED_FOR_OPTIMAL_TIME_MPS = 2.0
_DENSITIES = ((0.20, 2), (0.25, 3), (0.28, 3), (0.25, 4), (0.28, 4))
"""(fill, smoothing steps): 200 to 330 cylinders a world, as in BARN."""


def barn_file(count: int, seed: int) -> dict[str, Any]:
    """``count`` static worlds, from open to dense, as BARN's JSON."""
    worlds = []
    for number in range(count):
        fill_frac, steps = _DENSITIES[number % len(_DENSITIES)]
        made = cellular_world(seed * 1000 + number, fill_frac, steps)
        worlds.append(
            {
                "id": number + 1,
                "n_cyl": len(made.cells),
                "cyl": [list(cell) for cell in made.cells],
                "path": [list(cell) for cell in made.path],
                "path_length": round(made.path_length_m, 4),
                "optimal_time": round(made.path_length_m / _SPEED_FOR_OPTIMAL_TIME_MPS, 4),
            }
        )
    meta = {
        "source": f"generated: python -m sim.worlds.generate barn --count {count} --seed {seed}",
        "cylinder": {
            "radius": cellular.RADIUS_M,
            "height": 1.0,
            "x": f"col*{cellular.CELL_M}{cellular.X_OFFSET_M:+}",
            "y": f"row*{cellular.CELL_M}{cellular.Y_OFFSET_M:+}",
        },
        "path": f"[col,row]; x=col*0.15{cellular.PATH_X_OFFSET_M:+}, y=row*0.15{cellular.PATH_Y_OFFSET_M:+}",
        "frame": "metres; +y is the direction of travel",
        "start": [*cellular.START, 1.57],
        "goal": list(cellular.GOAL),
        "goal_radius": 1.0,
        "timeout_s": 100.0,
        "score": "success*OT/clip(AT,2*OT,8*OT)",
    }
    return {"meta": meta, "worlds": worlds}


_YARD_M = 10.0
_ROBOT_START = (11.0, 0.0)
_START_CLEAR_M = 2.5
"""No cylinder enters nearer to the robot's start than this."""
_TURNS_M = 9
"""A cylinder turns at whole metres within this."""
_GRID_M = (-7.78, -5.56, -3.33, -1.11, 1.11, 3.33, 5.56, 7.78)
"""DynaBARN has a keyframe wherever a cylinder passes one of these along its way, too."""


@dataclass(frozen=True, slots=True)
class _Level:
    """What DynaBARN's worlds of one level have in common: ranges, both ends included."""

    cylinders: tuple[int, int]
    speed_mps: tuple[float, float]
    turns: tuple[int, int]


_LEVELS: Final = {
    "easy": _Level((5, 14), (0.4, 0.9), (0, 3)),
    "medium": _Level((15, 19), (1.0, 1.4), (2, 5)),
    "hard": _Level((20, 24), (1.5, 1.9), (3, 7)),
}
LEVELS: Final = tuple(_LEVELS)


def dynabarn_file(count: int, seed: int, level: str | None = None) -> dict[str, Any]:
    """``count`` worlds with moving cylinders, as DynaBARN's JSON; all of one level, or of growing level."""
    worlds = []
    for number in range(count):
        name = level or LEVELS[min(number * len(LEVELS) // count, len(LEVELS) - 1)]
        random = np.random.default_rng((seed, 31, number))
        like = _LEVELS[name]
        obstacles = [_wanderer(random, i, like) for i in range(int(random.integers(*like.cylinders, endpoint=True)))]
        worlds.append({"id": 901 + number, "world": number + 1, "level": name, "obstacles": obstacles})
    asked = f"--level {level} " if level else ""
    meta = {
        "source": f"generated: python -m sim.worlds.generate dynabarn {asked}--count {count} --seed {seed}",
        "obstacle": {"shape": "cylinder", "radius": 0.5, "height": 1.0},
        "keys": "[t_s,x,y]; repeats with the period; Catmull-Rom between keyframes",
        "walls": [
            {"name": "back", "center": [-10, 0], "size": [0.5, 20]},
            {"name": "top", "center": [0, 10], "size": [20, 0.5]},
            {"name": "bottom", "center": [0, -10], "size": [20, 0.5]},
        ],
        "start": [*_ROBOT_START, 3.14],
        "goal": [-9, 0],
        "goal_radius": 1.0,
        "timeout_s": 100.0,
    }
    return {"meta": meta, "worlds": worlds}


def _wanderer(random: np.random.Generator, number: int, level: _Level) -> dict[str, Any]:
    """A cylinder that enters the yard at one side, goes zigzag all the way along one axis, and leaves it.

    Along that axis it never turns back; the speed changes from leg to leg. Then it begins anew where it entered.
    """
    turns = int(random.integers(*level.turns, endpoint=True))
    along = np.sort(random.integers(-_TURNS_M, _TURNS_M, turns, endpoint=True))
    across = random.integers(-_TURNS_M, _TURNS_M, turns, endpoint=True)
    way = [(float(a), float(b)) for a, b in zip(along, across, strict=True)]
    way = [_edge(random, -_YARD_M), *way, _edge(random, _YARD_M)]
    if random.random() < 0.5:
        way.reverse()
    upright = random.random() < 0.3
    while not upright and math.dist(way[0], _ROBOT_START) < _START_CLEAR_M:
        way[0] = _edge(random, way[0][0])
    time_s, keys = 0.0, [_key(0.0, way[0], upright)]
    for begin, end in pairwise(way):
        speed_mps = float(random.uniform(*level.speed_mps))
        parts = sorted((g - begin[0]) / (end[0] - begin[0]) for g in _GRID_M if end[0] != begin[0])
        for part in [*(part for part in parts if 0.02 < part < 0.98), 1.0]:
            place = (begin[0] + part * (end[0] - begin[0]), begin[1] + part * (end[1] - begin[1]))
            keys.append(_key(time_s + part * math.dist(begin, end) / speed_mps, place, upright))
        time_s += math.dist(begin, end) / speed_mps
    keys = [key for key, after in pairwise(keys) if after[0] > key[0]] + keys[-1:]
    return {"name": f"wanderer_{number}", "period": keys[-1][0], "keys": keys}


def _edge(random: np.random.Generator, along_m: float) -> tuple[float, float]:
    """Where a way begins or ends."""
    return along_m, round(float(random.uniform(-_YARD_M, _YARD_M)), 2)


def _key(time_s: float, place: tuple[float, float], upright: bool) -> list[float]:
    x, y = (place[1], place[0]) if upright else place
    return [round(time_s, 2), round(x, 2), round(y, 2)]
