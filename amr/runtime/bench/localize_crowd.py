"""A corridor full of people, for ``amr bench localize``: does the pose hold, and does the robot keep believing it?

The robot drives its tour as if nobody were there; the people walk about close to it and give way to it, as people do.
So the tour does not end at somebody's feet, and what is left is what the lidar sees: legs where the walls were.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from amr.config.robot import RobotConfig
from amr.localization.map_field import MapField
from amr.mapping.base import placed
from amr.runtime.bench.localize_tracks import DRIVE_S, SETTLED_S, Track, errors, followed
from amr.runtime.bench.localize_world import Sighting, Site, drive
from sim.world import Circle, MovingObstacle

Array = NDArray[Any]

PEOPLE: Final = (6, 12, 24, 36)
"""Within a few meters of the robot; each number for one drive in turn."""
CROWDED_FRAC: Final = (0.3, 0.6)
"""Share of the beams that end on people in what counts as a crowd here."""
RIGHT_M: Final = 0.05
_SPEED_MPS: Final = 0.3
_STEP_S: Final = 0.1
_RADIUS_M: Final = 0.25
_APART_M: Final = 0.5
"""No nearer to the robot's middle do people come with theirs."""
_AROUND_M: Final = (1.0, 6.0)
_AWAY_M: Final = 8.0
_PATIENCE_STEPS: Final = 10
_TURNS_RAD: Final = (0.0, 0.5, -0.5, 1.0, -1.0, 1.6, -1.6, 2.4, -2.4, math.pi)


@dataclass(frozen=True, slots=True)
class CrowdDrive:
    """``track`` of one drive among ``people``, and ``people_frac`` [n]: share of each scan's beams that ended on one."""

    people: int
    track: Track
    people_frac: Array


def crowd_drives(site: Site, field: MapField, robot: RobotConfig, seed: int, count: int) -> list[CrowdDrive]:
    """``count`` drives from a known start, wheels 2 % off, with the numbers of ``PEOPLE`` in turn."""
    alone = replace(site, world=replace(site.world, moving=()))
    drives = []
    for number in range(count):
        people, its_seed = PEOPLE[number % len(PEOPLE)], seed + number
        way = drive(alone, robot, its_seed, DRIVE_S, _SPEED_MPS, wheel_scale=1.02)
        walks = walks_around(alone, way, people, its_seed)
        full = replace(alone, world=replace(alone.world, moving=_walkers(walks)))
        sightings = drive(full, robot, its_seed, DRIVE_S, _SPEED_MPS, wheel_scale=1.02)
        track = followed(sightings, field, robot, its_seed)
        shares = {sighting.stamp_ns: _people_frac(sighting, walks) for sighting in sightings}
        drives.append(CrowdDrive(people, track, np.array([shares[round(s * 1e9)] for s in track.stamps_s])))
    return drives


def crowd_scores(drives: list[CrowdDrive]) -> dict[str, Any]:
    """Over the scans with a crowd after the first second of driving: error, and how often it was called lost.

    ``held``: drives that saw a crowd, had ``RIGHT_M`` at 95 % of those scans, and were never called lost.
    """
    error_m, people, sure, lost, held, with_crowd = [], [], [], [], 0, 0
    for one in drives:
        crowd = (one.track.stamps_s > SETTLED_S) & (one.people_frac >= CROWDED_FRAC[0])
        crowd &= one.people_frac <= CROWDED_FRAC[1]
        if not crowd.any():
            continue
        with_crowd += 1
        its_error_m = errors(one.track)[0][crowd]
        held += bool(np.percentile(its_error_m, 95) <= RIGHT_M and not one.track.lost.any())
        error_m.append(its_error_m)
        people.append(one.people_frac[crowd])
        sure.append(one.track.sure[crowd])
        lost.append(one.track.lost[crowd])
    if not with_crowd:
        return {"drives": len(drives), "with_crowd": 0, "held": 0, "scans": 0, "people_frac": None, "error_m": None,
                "within_frac": None, "sure_frac": None, "called_lost_frac": None}  # fmt: skip
    m = np.concatenate(error_m)
    return {
        "drives": len(drives),
        "with_crowd": with_crowd,
        "held": held,
        "scans": len(m),
        "people_frac": float(np.concatenate(people).mean()),
        "error_m": dict(zip(("p50", "p95", "max"), np.percentile(m, (50, 95, 100)).tolist(), strict=True)),
        "within_frac": float((m <= RIGHT_M).mean()),
        "sure_frac": float(np.concatenate(sure).mean()),
        "called_lost_frac": float(np.concatenate(lost).mean()),
    }


def walks_around(site: Site, way: list[Sighting], people: int, seed: int) -> Array:
    """[steps, people, 2] (m) places each ``_STEP_S``: people walk between places near the robot and give way to it."""
    random = np.random.default_rng((seed, 75))
    steps = math.ceil(DRIVE_S / _STEP_S) + 1
    times = np.arange(steps) * _STEP_S
    stamps = np.array([sighting.stamp_ns for sighting in way]) / 1e9
    truths = np.array([sighting.truth for sighting in way])
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
    return near[random.integers(len(near), size=count)].copy()


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
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
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


def _people_frac(sighting: Sighting, walks: Array) -> float:
    """Share of the points that lie on somebody."""
    time_s = min(sighting.stamp_ns / 1e9 / _STEP_S, len(walks) - 1.001)
    step = int(time_s)
    at = walks[step] + (time_s - step) * (walks[step + 1] - walks[step])
    ends = placed(sighting.points, sighting.truth)
    gaps_m = np.hypot(ends[:, None, 0] - at[None, :, 0], ends[:, None, 1] - at[None, :, 1])
    return float((gaps_m.min(axis=1) < _RADIUS_M + 0.1).mean()) if len(ends) else 0.0
