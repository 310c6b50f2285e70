"""Worlds of our own in BARN's and DynaBARN's format, so that the benchmarks are tested without outside data."""

from __future__ import annotations

import math
from typing import Any

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


def dynabarn_file(count: int, seed: int) -> dict[str, Any]:
    """``count`` worlds with moving cylinders of growing number and speed, as DynaBARN's JSON."""
    levels = ("easy", "medium", "hard")
    worlds = []
    for number in range(count):
        level = min(number * len(levels) // count, len(levels) - 1)
        random = np.random.default_rng((seed, 31, number))
        obstacles = [_wanderer(random, i, 0.4 + 0.3 * level) for i in range(6 + 3 * level)]
        worlds.append({"id": 901 + number, "world": number + 1, "level": levels[level], "obstacles": obstacles})
    meta = {
        "source": f"generated: python -m sim.worlds.generate dynabarn --count {count} --seed {seed}",
        "obstacle": {"shape": "cylinder", "radius": 0.5, "height": 1.0},
        "keys": "[t_s,x,y]; repeats with the period; Catmull-Rom between keyframes",
        "walls": [
            {"name": "back", "center": [-10, 0], "size": [0.5, 20]},
            {"name": "top", "center": [0, 10], "size": [20, 0.5]},
            {"name": "bottom", "center": [0, -10], "size": [20, 0.5]},
        ],
        "start": [11, 0, 3.14],
        "goal": [-9, 0],
        "goal_radius": 1.0,
        "timeout_s": 100.0,
    }
    return {"meta": meta, "worlds": worlds}


def _wanderer(random: np.random.Generator, number: int, speed_mps: float) -> dict[str, Any]:
    """A cylinder that crosses the yard and comes back; it keeps away from start and goal."""
    x = float(random.uniform(-6.5, 7.5))
    y = float(random.uniform(-8.5, 8.5))
    keys = [[0.0, round(x, 2), round(y, 2)]]
    time_s = 0.0
    for _ in range(5):
        next_x = min(max(x + float(random.uniform(-3.0, 3.0)), -6.5), 7.5)
        next_y = float(random.uniform(-8.5, 8.5))
        time_s += max(math.dist((x, y), (next_x, next_y)), 0.5) / speed_mps
        x, y = next_x, next_y
        keys.append([round(time_s, 2), round(x, 2), round(y, 2)])
    time_s += max(math.dist((x, y), (keys[0][1], keys[0][2])), 0.5) / speed_mps
    keys.append([round(time_s, 2), keys[0][1], keys[0][2]])
    return {"name": f"wanderer_{number}", "period": round(time_s, 2), "keys": keys}
