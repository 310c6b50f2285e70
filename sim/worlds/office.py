"""An office floor of 20 x 14 m: a corridor with rooms on both sides, furniture, people who walk about."""

from __future__ import annotations

import math

import numpy as np

from amr.geometry import Pose2
from sim.worlds.draft import Draft
from sim.worlds.schema import WorldModel

WIDTH_M, DEPTH_M = 20.0, 14.0
CORRIDOR_LOW_M, CORRIDOR_HIGH_M = 5.9, 8.1
OUTER_M, INNER_M = 0.24, 0.12
DOOR_M = 0.95
LEG_RADIUS_M = 0.022


def office(seed: int) -> WorldModel:
    """The floor; ``seed`` moves the chairs and turns the desks' chairs a little, the architecture stays."""
    draft = Draft(
        "office", "An office floor: seven rooms on a corridor, furniture, three people.", (0.0, 0.0, WIDTH_M, DEPTH_M)
    )
    random = np.random.default_rng((seed, 11))
    _walls(draft)
    _south_rooms(draft, random)
    _meeting_room(draft, random)
    _open_plan(draft, random)
    _kitchen(draft, random)
    _corridor(draft)
    draft.patrol("anna", [(1.6, 6.65), (8.0, 6.65)], 0.8, 2.0)
    draft.patrol("ben", [(18.4, 7.5), (12.4, 7.5)], 1.0, 1.5)
    draft.patrol("clara", [(9.0, 11.05), (9.0, 7.5), (11.6, 7.5)], 0.6, 3.0)
    return draft.finish((1.4, 3.0, 0.5 * math.pi), [(3.4, 9.1), (17.9, 9.4), (17.3, 1.2)])


def _walls(draft: Draft) -> None:
    edge = 0.5 * OUTER_M
    draft.wall((0.0, edge), (WIDTH_M, edge), OUTER_M)
    draft.wall((0.0, DEPTH_M - edge), (WIDTH_M, DEPTH_M - edge), OUTER_M)
    draft.wall((edge, 0.0), (edge, DEPTH_M), OUTER_M)
    draft.wall((WIDTH_M - edge, 0.0), (WIDTH_M - edge, DEPTH_M), OUTER_M)
    south, north = CORRIDOR_LOW_M - 0.5 * INNER_M, CORRIDOR_HIGH_M + 0.5 * INNER_M
    draft.wall_with_doors(
        (OUTER_M, south), (WIDTH_M - OUTER_M, south), INNER_M, [(x, DOOR_M) for x in (3.9, 8.7, 11.3, 16.6)]
    )
    draft.wall_with_doors(
        (OUTER_M, north), (WIDTH_M - OUTER_M, north), INNER_M, [(4.6, DOOR_M), (9.0, 1.0), (15.5, DOOR_M)]
    )
    for x in (5.0, 10.0, 15.2):
        draft.wall((x, OUTER_M), (x, south - 0.5 * INNER_M), INNER_M)
    draft.wall((6.0, north + 0.5 * INNER_M), (6.0, DEPTH_M - OUTER_M), INNER_M)
    draft.wall_with_doors((14.0, north + 0.5 * INNER_M), (14.0, DEPTH_M - OUTER_M), INNER_M, [(12.6, DOOR_M)])


def _chair(draft: Draft, random: np.random.Generator, x_m: float, y_m: float, yaw_rad: float) -> None:
    """Four legs; a person left it a little out of place."""
    dx, dy, turn = (float(value) for value in random.uniform(-1.0, 1.0, 3))
    draft.legs(Pose2(x_m + 0.05 * dx, y_m + 0.05 * dy, yaw_rad + 0.3 * turn), 0.4, 0.4, LEG_RADIUS_M)


def _desk(draft: Draft, random: np.random.Generator, x_m: float, y_m: float, yaw_rad: float) -> None:
    """A desk of 1.6 x 0.75 m with panels to the floor; its chair stands behind it, seen along ``yaw_rad``."""
    pose = Pose2(x_m, y_m, yaw_rad)
    draft.box((x_m, y_m), (0.75, 1.6), yaw_rad)
    chair = pose.apply(-0.72, 0.0)
    _chair(draft, random, *chair, yaw_rad)


def _south_rooms(draft: Draft, random: np.random.Generator) -> None:
    west, east, north = math.pi, 0.0, 0.5 * math.pi
    # two offices for two, an office for one, a store room with shelves
    _desk(draft, random, 0.75, 1.25, west)
    _desk(draft, random, 4.45, 1.35, east)
    draft.box((2.4, 0.45), (1.6, 0.4))
    draft.circle((0.6, 5.4), 0.2)
    draft.box((4.72, 4.2), (0.42, 1.0))
    _desk(draft, random, 5.6, 1.6, west)
    _desk(draft, random, 5.6, 4.1, west)
    draft.box((8.2, 0.45), (2.0, 0.4))
    draft.circle((9.5, 0.7), 0.22)
    _desk(draft, random, 9.4, 3.2, east)
    _desk(draft, random, 12.6, 1.0, -north)
    draft.box((14.85, 3.6), (0.5, 1.8))
    draft.box((10.35, 2.2), (0.42, 1.4))
    draft.circle((14.6, 5.3), 0.2)
    for x in (15.6, 19.45):
        draft.box((x, 2.6), (0.55, 2.4))
    draft.box((17.5, 3.3), (0.5, 1.8))


def _meeting_room(draft: Draft, random: np.random.Generator) -> None:
    draft.box((2.9, 11.3), (2.8, 1.2))
    for x in (2.0, 2.9, 3.8):
        _chair(draft, random, x, 10.45, 0.5 * math.pi)
        _chair(draft, random, x, 12.15, -0.5 * math.pi)
    _chair(draft, random, 1.2, 11.3, 0.0)
    draft.box((0.5, 9.4), (0.4, 1.5))
    draft.circle((5.5, 13.3), 0.22)


def _open_plan(draft: Draft, random: np.random.Generator) -> None:
    for x in (7.2, 12.0):
        for y in (10.3, 12.6):
            _desk(draft, random, x - 0.385, y, 0.0)
            _desk(draft, random, x + 0.385, y, math.pi)
    draft.circle((10.2, 9.6), 0.18)
    draft.circle((10.2, 12.4), 0.18)
    draft.box((9.6, 13.55), (1.8, 0.4))
    draft.box((13.62, 9.0), (0.6, 0.7))


def _kitchen(draft: Draft, random: np.random.Generator) -> None:
    draft.box((17.0, 13.43), (5.0, 0.62))
    draft.box((19.44, 12.4), (0.62, 1.3))
    table = Pose2(16.9, 11.3, 0.0)
    draft.legs(table, 1.5, 0.8, 0.03)
    for dx, yaw in ((-1.0, 0.0), (1.0, math.pi)):
        _chair(draft, random, table.x_m + dx, table.y_m, yaw)
    for dy, yaw in ((-0.62, 0.5 * math.pi), (0.62, -0.5 * math.pi)):
        _chair(draft, random, table.x_m, table.y_m + dy, yaw)
    draft.circle((19.3, 8.7), 0.22)


def _corridor(draft: Draft) -> None:
    draft.box((6.6, CORRIDOR_LOW_M + 0.2), (1.0, 0.38))
    draft.box((13.9, CORRIDOR_LOW_M + 0.22), (0.7, 0.44))
    draft.circle((0.55, 7.75), 0.2)
    draft.circle((19.45, 6.25), 0.2)
