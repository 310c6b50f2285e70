"""People who walk about close to a robot and give way to it, as people do, for ``amr bench localize``.

Its tour was driven before they were there, so it does not end at somebody's feet, and what is left is what the lidar
sees: legs where the walls were.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from amr.mapping.base import placed
from amr.runtime.bench.localize_world import Sighting, Site
from sim.world import Circle, MovingObstacle

Array = NDArray[Any]

_STEP_S: Final = 0.1
_RADIUS_M: Final = 0.25
_APART_M: Final = 0.5
"""No nearer to the robot's middle do people come with theirs."""
_AROUND_M: Final = (1.0, 6.0)
_AWAY_M: Final = 8.0
_PATIENCE_STEPS: Final = 10
_TURNS_RAD: Final = (0.0, 0.5, -0.5, 1.0, -1.0, 1.6, -1.6, 2.4, -2.4, math.pi)


def among(site: Site, walks: Array) -> Site:
    """``site`` with people on ``walks`` in place of all that moved in it."""
    return replace(site, world=replace(site.world, moving=_walkers(walks)))


def walks_around(site: Site, way: list[Sighting], people: int, seed: int) -> Array:
    """[steps, people, 2] (m) places each ``_STEP_S``: people walk between places near the robot and give way to it."""
    random = np.random.default_rng((seed, 75))
    stamps = np.array([sighting.stamp_ns for sighting in way]) / 1e9
    truths = np.array([sighting.truth for sighting in way])
    steps = math.ceil(stamps[-1] / _STEP_S) + 3
    times = np.arange(steps) * _STEP_S
    robots = np.column_stack([np.interp(times, stamps, truths[:, k]) for k in range(2)])
    nodes = np.array([site.center((int(r), int(c))) for r, c in np.argwhere(site.clear)])
    at = _near(nodes, robots[0], people, random)
    goals = _near(nodes, robots[0], people, random)
    speeds = random.uniform(0.3, 1.2, people)
    waited = np.zeros(people, np.int64)
    walks = np.empty((steps, people, 2))
    for step in range(steps):
        robot = robots[step]
        at, went = _stepped(site, at, goals, speeds * _STEP_S, robot)
        waited = np.where(went, 0, waited + 1)
        there = np.hypot(*(goals - at).T) < 0.3
        again = there | (waited > _PATIENCE_STEPS)
        goals[again] = _near(nodes, robot, int(again.sum()), random)
        waited[again] = 0
        apart_m = np.hypot(*(at - robot).T)
        gone = (apart_m > _AWAY_M) | (apart_m < _APART_M - 1e-9)
        at[gone] = _near(nodes, robot, int(gone.sum()), random)
        walks[step] = at
    return walks


def _near(nodes: Array, robot: Array, count: int, random: np.random.Generator) -> Array:
    apart_m = np.hypot(*(nodes - robot).T)
    near = nodes[(apart_m > _AROUND_M[0]) & (apart_m < _AROUND_M[1])]
    picked: Array = near[random.integers(len(near), size=count)]
    return picked


def _stepped(site: Site, at: Array, goals: Array, reach_m: Array, robot: Array) -> tuple[Array, Array]:
    """Places [people, 2] after one step of ``reach_m`` [people] towards the goals, or as near to that as walls and the
    robot allow; and who moved. Who finds no way stays."""
    ahead = np.arctan2(goals[:, 1] - at[:, 1], goals[:, 0] - at[:, 0])
    after, went = at.copy(), np.zeros(len(at), np.bool_)
    for turn_rad in _TURNS_RAD:
        heading = ahead + turn_rad
        wish = at + reach_m[:, None] * np.column_stack([np.cos(heading), np.sin(heading)])
        fits = ~went & _stands_free(site, wish) & (np.hypot(*(wish - robot).T) >= _APART_M)
        after[fits] = wish[fits]
        went |= fits
    return after, went


def _stands_free(site: Site, places: Array) -> Array:
    bounds, space = site.space.bounds, site.space
    rows = np.floor((places[:, 1] - bounds.y_min_m) / space.resolution_m).astype(np.int64)
    columns = np.floor((places[:, 0] - bounds.x_min_m) / space.resolution_m).astype(np.int64)
    height, width = space.distance_m.shape
    inside: Array = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    inside[inside] = space.distance_m[rows[inside], columns[inside]] > _RADIUS_M
    return inside


def _walkers(walks: Array) -> tuple[MovingObstacle, ...]:
    last_s = (len(walks) - 1) * _STEP_S
    return tuple(
        MovingObstacle(
            f"walker {number}", Circle(0.0, 0.0, _RADIUS_M),
            tuple((k * _STEP_S, *place) for k, place in enumerate(walks[:, number].tolist())), last_s, loop=False,
        )
        for number in range(walks.shape[1])
    )  # fmt: skip


def people_frac(sighting: Sighting, walks: Array) -> float:
    """Share of a scan's points that lie on somebody of ``walks`` [steps, people, 2]."""
    time_s = min(sighting.stamp_ns / 1e9 / _STEP_S, len(walks) - 1.001)
    step = int(time_s)
    at = walks[step] + (time_s - step) * (walks[step + 1] - walks[step])
    ends = placed(sighting.points, sighting.truth)
    gaps_m = np.hypot(ends[:, None, 0] - at[None, :, 0], ends[:, None, 1] - at[None, :, 1])
    return float((gaps_m.min(axis=1) < _RADIUS_M + 0.1).mean()) if len(ends) else 0.0
