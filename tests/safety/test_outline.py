"""The outline as the kernels take it: edges, bounding discs, convex hull."""

from __future__ import annotations

import math

import numpy as np
import pytest
from safety_scene import robot

from amr.safety.outline import Outline, Polygons, convex_hull

TRIANGLE = ((0.3, -0.1), (0.6, 0.3), (-0.2, 0.5))
SQUARE = ((1.0, 1.0), (2.0, 1.0), (2.0, 2.0), (1.0, 2.0))


def test_edges_go_round_and_each_disc_holds_its_polygon() -> None:
    polygons = Polygons.from_points((TRIANGLE, SQUARE))
    assert polygons.starts.tolist() == [0, 3, 7]
    for own, row in zip((*TRIANGLE, *SQUARE), polygons.edges.tolist(), strict=True):
        assert tuple(row[:2]) == own
    ends = (*TRIANGLE[1:], TRIANGLE[0], *SQUARE[1:], SQUARE[0])
    for end, (x, y, ux, uy, length_m) in zip(ends, polygons.edges.tolist(), strict=True):
        assert (x + ux * length_m, y + uy * length_m) == pytest.approx(end)
        assert math.hypot(ux, uy) == pytest.approx(1.0)
    for corners, (x, y, radius_m) in zip((TRIANGLE, SQUARE), polygons.discs.tolist(), strict=True):
        assert (x, y) == pytest.approx(np.mean(corners, axis=0).tolist())
        farthest_m = max(math.dist((x, y), corner) for corner in corners)
        assert farthest_m < radius_m < farthest_m + 1e-8, "a disc's rim belongs to it"


@pytest.mark.parametrize("ahead_m", [0.0, 0.131, -0.4])
def test_an_outline_is_seen_from_a_point_on_the_long_axis(ahead_m: float) -> None:
    body = robot().body
    outline = Outline.from_body(body, ahead_m)
    corners = [corner for polygon in body.outline_m for corner in polygon]
    assert outline.ahead_m == ahead_m
    assert outline.circumradius_m == pytest.approx(max(math.dist((ahead_m, 0.0), corner) for corner in corners))
    seen = [(x + ahead_m, y) for x, y in outline.parts.edges[:, :2].tolist()]
    assert seen == [pytest.approx(corner) for corner in corners]


def test_without_a_point_it_is_seen_from_the_base() -> None:
    body = robot().body
    assert Outline.from_body(body).ahead_m == 0.0
    assert Outline.from_body(body).parts.edges[0, :2].tolist() == list(body.outline_m[0][0])


def test_a_hull_has_only_true_corners_counter_clockwise() -> None:
    points = [
        (0.0, 0.0),
        (1.0, 0.0),
        (2.0, 0.0),
        (2.0, 1.0),
        (2.0, 2.0),
        (1.0, 2.0),
        (0.0, 2.0),
        (0.0, 1.0),
        (1.0, 1.0),
    ]
    assert convex_hull([*points, *points]) == [(0.0, 0.0), (2.0, 0.0), (2.0, 2.0), (0.0, 2.0)]


@pytest.mark.parametrize("seed", range(6))
def test_a_hull_holds_every_point_and_turns_left_everywhere(seed: int) -> None:
    points = [tuple(row) for row in (np.random.default_rng(seed).normal(0.3, 1.0, (4 + 3 * seed, 2))).tolist()]
    hull = convex_hull(points)
    assert set(hull) <= set(points)
    for k, (ax, ay) in enumerate(hull):
        (bx, by), after = hull[(k + 1) % len(hull)], hull[(k + 2) % len(hull)]
        for x, y in points:
            assert (bx - ax) * (y - ay) - (by - ay) * (x - ax) >= -1e-12
        assert (bx - ax) * (after[1] - ay) - (by - ay) * (after[0] - ax) > 0.0
