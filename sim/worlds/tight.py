"""Tight places to start from: inside inflation, in corners, dead ends, between posts, in boxes without an exit.

``tight_start(seed)`` gives a world without outer walls, a start pose in which the outline touches nothing, and a goal
outside of the clutter. What lies in the lidar's blind sector keeps the distance that whoever arms a robot vouches for.

Two kinds of starts are left out, for nothing that a robot with a blind sector does there can be safe: corridors too
narrow to turn in and closed at both ends, where the only way to learn what is behind is to touch it; and boxes whose
sides are shorter than 1.2 diagonals of the outline, where it cannot turn far enough to look. Such places are entered
by hand only, and whoever arms a robot in one has to look for it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from amr.config.hardware import Body
from amr.geometry import Pose2
from sim.contact import OutlineJudge
from sim.physics import STATE_WIDTH
from sim.scene import Scene
from sim.world import Bounds, Circle, Polygon, World, box, wall

GOAL_RADIUS_M: Final = 0.4
TOUCH_M: Final = 0.005
"""A start whose outline is nearer than this to anything is no free pose."""
BLIND_M: Final = 0.1
_BOUNDS: Final = Bounds(-4.0, -4.0, 4.0, 4.0)
_WALL_M: Final = 0.1
_TRIES: Final = 2000

Shapes = tuple[list[Circle], list[Polygon], Pose2]


@dataclass(frozen=True, slots=True)
class TightStart:
    """One case; ``kind`` names the place."""

    kind: str
    world: World
    start: Pose2
    goal_xy_m: tuple[float, float]


def tight_start(seed: int, body: Body, blind_from_rad: float = math.pi) -> TightStart:
    """The case of a seed. ``blind_from_rad``: bearing from which on, to both sides, the lidar sees nothing."""
    kinds = list(KINDS)
    kind = kinds[seed % len(kinds)]
    random = np.random.default_rng((seed, 83))
    for _ in range(_TRIES):
        circles, polygons, start = KINDS[kind](random, body)
        angle = float(random.uniform(-math.pi, math.pi))
        goal = (3.4 * math.cos(angle), 3.4 * math.sin(angle))
        world = World(f"tight-{kind}", tuple(circles), tuple(polygons), (), start, (goal,), _BOUNDS)
        if _is_free(world, body, start, blind_from_rad) and _goal_is_open(world, goal):
            return TightStart(kind, world, start, goal)
    raise ValueError(f"{kind}: seed {seed} gives no free start")


def _wall_ahead(random: np.random.Generator, body: Body) -> Shapes:
    """Facing a wall, 1 to 6 cm before it, a little askew."""
    front = body.length_bounds_m[1]
    gap, skew = float(random.uniform(0.01, 0.06)), float(random.uniform(-0.3, 0.3))
    length = float(random.uniform(0.6, 4.0))
    start = Pose2(0.0, float(random.uniform(-0.5, 0.5)) * length, skew)
    return [], [wall((front + gap, -length), (front + gap, length), _WALL_M)], start


def _corner(random: np.random.Generator, body: Body) -> Shapes:
    """In a corner of two walls, any heading, near to both."""
    reach = body.circumradius_m + 0.05
    start = Pose2(float(random.uniform(0.2, reach)), float(random.uniform(0.2, reach)), _any_yaw(random))
    length = float(random.uniform(1.0, 2.5))
    half = 0.5 * _WALL_M
    return [], [wall((-half, -half), (length, -half), _WALL_M), wall((-half, -half), (-half, length), _WALL_M)], start


def _between_posts(random: np.random.Generator, body: Body) -> Shapes:
    """Between two posts, two pairs of them, or three, that the outline just passes."""
    width = 2.0 * body.width_bounds_m[1] + float(random.uniform(0.06, 0.2))
    posts = []
    for _ in range(int(random.integers(1, 3))):
        x = float(random.uniform(-0.3, 0.3))
        radius = float(random.uniform(0.03, 0.15))
        posts += [Circle(x, side * (0.5 * width + radius), radius) for side in (-1.0, 1.0)]
    if random.random() < 0.4:
        posts.append(Circle(float(random.uniform(0.33, 0.6)), float(random.uniform(-0.3, 0.3)), 0.05))
    return posts, [], Pose2(0.0, float(random.uniform(-0.03, 0.03)), float(random.uniform(-0.1, 0.1)))


def _corridor(random: np.random.Generator, body: Body) -> Shapes:
    """In a corridor narrower than the outline's diagonal; one end may be closed.

    Not both: who arms a robot that cannot turn to look behind vouches for that side.
    """
    width = float(random.uniform(2.0 * body.width_bounds_m[1] + 0.07, 2.0 * body.circumradius_m))
    length = float(random.uniform(0.6, 1.8))
    half = 0.5 * (width + _WALL_M)
    walls = [wall((-length, side * half), (length, side * half), _WALL_M) for side in (-1.0, 1.0)]
    if random.random() < 0.6:
        walls.append(wall((length, -half), (length, half), _WALL_M))
    x = float(random.uniform(-0.7, 0.7)) * length
    yaw = float(random.uniform(-0.05, 0.05)) + (math.pi if random.random() < 0.5 else 0.0)
    return [], walls, Pose2(x, float(random.uniform(-0.02, 0.02)), yaw)


def _dead_end(random: np.random.Generator, body: Body) -> Shapes:
    """In a pocket that opens to one side, with room to turn or just not."""
    width = 2.0 * body.circumradius_m * float(random.uniform(0.95, 1.6))
    depth = float(random.uniform(0.8, 2.5))
    half = 0.5 * (width + _WALL_M)
    walls = [wall((0.0, side * half), (depth, side * half), _WALL_M) for side in (-1.0, 1.0)]
    walls.append(wall((depth, -half), (depth, half), _WALL_M))
    start = Pose2(float(random.uniform(0.4, depth)), float(random.uniform(-0.5, 0.5)) * width, _any_yaw(random))
    return [], walls, start


def _closed_box(random: np.random.Generator, body: Body) -> Shapes:
    """In a box; in two of three cases one side has a slit, too narrow, just wide enough, or wide."""
    width, depth = (2.0 * body.circumradius_m * float(random.uniform(1.2, 2.2)) for _ in range(2))
    x, y = 0.5 * (width + _WALL_M), 0.5 * (depth + _WALL_M)
    corners = [(-x, -y), (x, -y), (x, y), (-x, y)]
    walls = [wall(a, b, _WALL_M) for a, b in zip(corners[1:], [*corners[2:], corners[0]], strict=True)]
    slit = float(random.choice([0.0, 0.3, 2.0 * body.width_bounds_m[1] + 0.12]))
    if slit == 0.0 or slit > 2.0 * x - 0.2:
        walls.append(wall(corners[0], corners[1], _WALL_M))
    else:
        middle = float(random.uniform(-x + 0.5 * slit + 0.06, x - 0.5 * slit - 0.06))
        walls += [
            wall(corners[0], (middle - 0.5 * slit, -y), _WALL_M),
            wall((middle + 0.5 * slit, -y), corners[1], _WALL_M),
        ]
    spread = 0.5 * min(width, depth) - 0.2
    return [], walls, Pose2(*_point(random, spread), _any_yaw(random))


def _clutter(random: np.random.Generator, _body: Body) -> Shapes:
    """Among posts and boxes, near to some of them."""
    circles, polygons = [], []
    for _ in range(int(random.integers(15, 45))):
        x, y = _point(random, 2.2)
        if random.random() < 0.6:
            circles.append(Circle(x, y, float(random.uniform(0.03, 0.25))))
        else:
            size = float(random.uniform(0.1, 0.7)), float(random.uniform(0.1, 0.7))
            polygons.append(box(x, y, *size, _any_yaw(random)))
    return circles, polygons, Pose2(*_point(random, 1.8), _any_yaw(random))


KINDS: Final[dict[str, Callable[[np.random.Generator, Body], Shapes]]] = {
    "wall_ahead": _wall_ahead,
    "corner": _corner,
    "between_posts": _between_posts,
    "corridor": _corridor,
    "dead_end": _dead_end,
    "closed_box": _closed_box,
    "clutter": _clutter,
}


def _point(random: np.random.Generator, half_m: float) -> tuple[float, float]:
    """Anywhere in a square about the origin."""
    return float(random.uniform(-half_m, half_m)), float(random.uniform(-half_m, half_m))


def _any_yaw(random: np.random.Generator) -> float:
    return float(random.uniform(-math.pi, math.pi))


def _is_free(world: World, body: Body, start: Pose2, blind_from_rad: float) -> bool:
    """The outline touches nothing, and nothing is nearer than ``BLIND_M`` to it where the lidar does not look."""
    if _clearance_m(world, body, start) < TOUCH_M:
        return False
    if blind_from_rad >= math.pi:
        return True
    # the part of the world behind: everything that the outline, moved back or turned a little there, would touch
    rear_m = -body.length_bounds_m[0]
    half = rear_m * math.tan(math.pi - blind_from_rad) if blind_from_rad > 0.5 * math.pi else 10.0
    sweep = Body(
        outline_m=(((-rear_m - BLIND_M, -half), (-rear_m, -half), (-rear_m, half), (-rear_m - BLIND_M, half)),),
        height_m=body.height_m, mass_kg=body.mass_kg, inertia_kgm2=body.inertia_kgm2,
    )  # fmt: skip
    return _clearance_m(world, sweep, start) > 0.0


def _clearance_m(world: World, body: Body, pose: Pose2) -> float:
    judge = OutlineJudge(body, Scene(world))
    rows = np.zeros((1, STATE_WIDTH))
    rows[0, :3] = pose.x_m, pose.y_m, pose.yaw_rad
    judge.watch(rows, 0)
    return judge.min_clearance_m


def _goal_is_open(world: World, goal_xy_m: tuple[float, float]) -> bool:
    """Nothing within a metre of the goal (all shapes lie inside of it but for walls, which are sampled)."""
    for polygon in world.polygons:
        for a, b in zip(polygon.points, polygon.points[1:] + polygon.points[:1], strict=True):
            for k in range(11):
                if math.dist((a[0] + (b[0] - a[0]) * k / 10, a[1] + (b[1] - a[1]) * k / 10), goal_xy_m) < 0.8:
                    return False
    return all(math.dist((c.x_m, c.y_m), goal_xy_m) > 0.8 + c.radius_m for c in world.circles)
