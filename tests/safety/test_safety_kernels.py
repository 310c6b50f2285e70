"""Kernels of the ring against slow, plain references."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safety_scene import law, polygons_distance, robot, unit

from amr.safety import kernel
from amr.safety.kernel_outline import arc_pose, lateral, lateral_range, moved_point, outline_distance
from amr.safety.outline import Outline, Polygons, convex_hull

BODY = robot().body
OUTLINE = Outline.from_body(BODY)
RADIUS = OUTLINE.circumradius_m
FRONT = 0.21
WHEEL_SIDE = 0.208
TRIANGLE = [[(0.3, 0.0), (-0.1, 0.2), (-0.2, -0.25)]]
coordinates = st.floats(-1.0, 1.0)
twists = st.tuples(st.floats(-1.0, 1.0), st.floats(-1.0, 1.0)).filter(lambda t: abs(t[0]) + abs(t[1]) > 0.05)


@settings(deadline=None, max_examples=300)
@given(coordinates, coordinates)
def test_outline_distance_is_that_of_ray_casting_and_segments(x: float, y: float) -> None:
    for polygons in (BODY.outline_m, TRIANGLE):
        slow = polygons_distance(polygons, x, y)
        fast = outline_distance(x, y, *Polygons.from_points(polygons).arrays)
        if slow > 0.0:
            assert fast == pytest.approx(slow, abs=1e-9)
        else:
            # inside, depth to the nearest edge of one polygon; both agree that it is inside
            assert fast <= 1e-12


def test_corners_and_edges_have_distance_zero() -> None:
    for polygon in BODY.outline_m:
        for x, y in polygon:
            assert outline_distance(x, y, *OUTLINE.parts.arrays) == pytest.approx(0.0, abs=1e-12)


def test_hull_holds_every_corner_and_has_no_spare_point() -> None:
    points = [point for polygon in BODY.outline_m for point in polygon]
    hull = convex_hull([*points, (0.0, 0.0), points[0]])
    assert len(hull) == 4
    for x, y in points:
        assert outline_distance(x, y, *Polygons.from_points([hull]).arrays) <= 1e-12


@settings(deadline=None, max_examples=100)
@given(twists, st.floats(0.0, 2.0))
def test_arc_is_that_of_many_small_steps(twist: tuple[float, float], progress: float) -> None:
    v, w = unit(twist)
    x = y = yaw = 0.0
    for _ in range(2000):
        step = progress / 2000
        yaw += 0.5 * w * step
        x, y = x + v * step * math.cos(yaw), y + v * step * math.sin(yaw)
        yaw += 0.5 * w * step
    assert arc_pose(v, w, progress) == pytest.approx((x, y, yaw), abs=1e-5)


@pytest.mark.parametrize("w", [0.0, 1e-12, 1e-6, 1e-3])
def test_arc_is_smooth_where_turning_vanishes(w: float) -> None:
    x, y, yaw = arc_pose(1.0, w, 0.5)
    assert x == pytest.approx(0.5, abs=1e-6)
    assert y == pytest.approx(0.5 * w * 0.25, rel=1e-5, abs=1e-30)
    assert yaw == pytest.approx(0.5 * w)


@pytest.mark.parametrize("half", [0.99e-4, 1.01e-4, -0.99e-4])
def test_the_chord_of_a_slight_turn_is_exact_to_rounding(half: float) -> None:
    """On both sides of where the series is taken; the next term of the sine's own series is below 1e-17."""
    x, y, yaw = arc_pose(1.0, 2.0 * half, 1.0)
    ratio = 1.0 - half**2 / 6.0
    assert math.hypot(x, y) == pytest.approx(ratio, abs=1e-14)
    assert yaw == 2.0 * half


@settings(deadline=None, max_examples=150)
@given(twists, coordinates, coordinates, st.floats(0.0, 1.5))
def test_lateral_does_not_change_along_the_arc_and_bounds_the_outline(
    twist: tuple[float, float], x: float, y: float, progress: float
) -> None:
    v, w = unit(twist)
    px, py = moved_point(x, y, v, w, progress)
    assert lateral(px, py, v, w) == pytest.approx(lateral(x, y, v, w), abs=1e-9)
    low, high = lateral_range(v, w, *OUTLINE.parts.arrays)
    for polygon in BODY.outline_m:
        for (ax, ay), (bx, by) in zip(polygon, [*polygon[1:], polygon[0]], strict=True):
            for part in np.linspace(0.0, 1.0, 9).tolist():
                value = lateral(ax + part * (bx - ax), ay + part * (by - ay), v, w)
                assert low - 1e-9 <= value <= high + 1e-9


def test_lateral_range_holds_the_center_of_rotation_inside_the_outline() -> None:
    low, high = lateral_range(0.0, 1.0, *OUTLINE.parts.arrays)
    assert lateral(0.0, 0.0, 0.0, 1.0) == 0.0
    assert (low, high) == (pytest.approx(-RADIUS), 0.0)


BOX = [[(0.3, 0.2), (-0.3, 0.2), (-0.3, -0.2), (0.3, -0.2)]]
TURNED = [[(0.35, 0.1), (-0.1, 0.25), (-0.25, -0.2), (0.2, -0.3)]]


@pytest.mark.parametrize("polygons", [BODY.outline_m, BOX, TURNED])
@pytest.mark.parametrize(("v", "w"), [(0.3, 3.0), (-0.2, 1.6), (0.5, 1.2), (-0.5, 1.1), (1.0, -0.4), (0.7, 0.0)])
def test_lateral_range_is_that_of_the_whole_outline(polygons: Any, v: float, w: float) -> None:
    """Also where the centre of rotation lies inside of it, or beside an edge."""
    arrays = Polygons.from_points(polygons).arrays
    values = []
    for x in np.linspace(-0.36, 0.36, 97):
        for y in np.linspace(-0.31, 0.31, 94):
            if outline_distance(x, y, *arrays) <= 0.0:
                values.append(lateral(x, y, v, w))
    low, high = lateral_range(v, w, *arrays)
    assert low <= min(values) <= low + 0.009
    assert high >= max(values) >= high - 0.009


@pytest.mark.parametrize("speed", [0.0, 0.4, 1.0])
def test_stopping_motion_is_hold_and_parabola(speed: float) -> None:
    hold, total, duration = kernel.stopping_motion(speed, law((1.0, 0.0), FLOOR=0.5))
    first = max(speed, 0.5)
    assert (hold, total) == (pytest.approx(0.05 * speed), pytest.approx(0.05 * speed + 0.15 * first**2))
    assert duration == pytest.approx(0.05 + 0.3 * first)


def slow_margins(point: list[float], speed: float, row: Any) -> list[tuple[float, float]]:
    """(distance, margin needed) along the stop from ``speed``, densely."""
    hold, total, duration = kernel.stopping_motion(speed, row)
    fastest = max(speed, row[kernel.FLOOR])
    start = polygons_distance(BODY.outline_m, point[0], point[1])
    out = []
    for progress in np.linspace(0.0, total, 800).tolist():
        x, y, yaw = arc_pose(row[kernel.V], row[kernel.W], progress)
        dx, dy = point[0] - x, point[1] - y
        px, py = math.cos(yaw) * dx + math.sin(yaw) * dy, math.cos(yaw) * dy - math.sin(yaw) * dx
        rest = 1.0 if progress <= hold else math.sqrt(max(0.0, (total - progress) / (total - hold)))
        need = row[kernel.MARGIN] + row[kernel.OBSTACLE_SPEED] * (duration + min(point[3], row[kernel.AGE_MAX_S]))
        need += row[kernel.MARGIN_PER_SPEED] * fastest * rest
        turn = abs(row[kernel.W]) * progress * row[kernel.YAW_ERROR]
        need += turn * (RADIUS + 0.5 * abs(row[kernel.V]) * progress)
        if point[2] > 0.0:
            need = max(need, min(need + point[2], start))
        out.append((polygons_distance(BODY.outline_m, px, py), need))
    return out


@settings(deadline=None, max_examples=60)
@given(
    twists,
    st.lists(st.tuples(coordinates, coordinates, st.sampled_from([0.0, 0.05])), min_size=1, max_size=6),
    st.floats(0.05, 2.0),
    st.floats(0.0, 1.0),
    st.sampled_from([0.0, 0.5]),
    st.sampled_from([0.1, 40.0]),
)
def test_the_largest_clear_speed_is_clear_and_no_larger_one_is(
    twist: tuple[float, float],
    places: list[tuple[float, float, float]],
    speed: float,
    floor: float,
    mover: float,
    age: float,
) -> None:
    row = law(twist, MARGIN=0.02, MARGIN_PER_SPEED=0.02, FLOOR=floor, OBSTACLE_SPEED=mover, YAW_ERROR=0.1)
    row[kernel.AGE_MAX_S] = 0.3
    points = np.array([(x, y, uncertainty, age) for x, y, uncertainty in places])
    count = len(points)
    found, worst = kernel.largest_clear_speed(
        points, count, speed, 0.0, row, *OUTLINE.parts.arrays, np.empty(count), np.empty(count, np.int64)
    )
    margins = [min(d - need for d, need in slow_margins(list(p), max(found, 0.0), row)) for p in points.tolist()]
    if found >= 0.0:
        assert min(margins) > -0.5 * kernel.MIN_STEP_M
    else:
        assert margins[worst] < 1e-6
    assert (worst == -1) == (found == speed)
    if 0.0 <= found < speed:
        faster = found + speed / 2**kernel.BISECTIONS * 1.01
        assert min(d - need for d, need in slow_margins(list(points[worst]), faster, row)) < 1e-6


def test_a_point_behind_does_not_limit_and_the_nearest_one_ahead_does() -> None:
    row = law((1.0, 0.0), MARGIN=0.02)
    points = np.array([(-0.3, 0.0, 0.0, 0.0), (0.6, 0.0, 0.0, 0.0), (0.5, 0.1, 0.0, 0.0), (0.7, 0.0, 0.0, 0.0)])
    scratch = (np.empty(4), np.empty(4, np.int64))
    found, worst = kernel.largest_clear_speed(points, 4, 2.0, 0.0, row, *OUTLINE.parts.arrays, *scratch)
    assert worst == 2
    # 0.05 v + 0.15 v^2 = 0.5 - 0.229 (wheel) ... the chassis is at 0.21 for y = 0.1
    assert 0.05 * found + 0.15 * found**2 == pytest.approx(0.5 - 0.21 - 0.02, abs=2e-3)


def test_the_strictest_point_limits_though_another_is_nearer() -> None:
    row = law((1.0, 0.0), MARGIN=0.02, MARGIN_PER_SPEED=0.05)
    beside, ahead, farther = (
        (0.1, WHEEL_SIDE + 0.08, 0.0, 0.0),
        (0.21 + 0.2, 0.1, 0.0, 0.0),
        (0.21 + 0.5, 0.0, 0.0, 0.0),
    )

    def largest(*points: tuple[float, ...]) -> tuple[float, int]:
        n = len(points)
        scratch = (np.empty(n), np.empty(n, np.int64))
        return kernel.largest_clear_speed(np.array(points), n, 2.0, 0.0, row, *OUTLINE.parts.arrays, *scratch)

    alone = [largest(point)[0] for point in (beside, ahead, farther)]
    assert alone[1] < alone[0] < alone[2] < 2.0
    for order in ((beside, ahead, farther), (farther, beside, ahead), (ahead, farther, beside)):
        speed, worst = largest(*order)
        assert speed == pytest.approx(alone[1], abs=5e-3)
        assert order[worst] == ahead


def test_offenders_are_told_with_their_distances_the_nearest_first() -> None:
    row = law((1.0, 0.0), MARGIN=0.02)
    ahead = (0.7, 0.45, 0.6, 2.5, 0.33, 0.31, 0.5, 0.8)
    points = np.array([(x, 0.03 * k, 0.0, 0.0) for k, x in enumerate(ahead)])
    for order in (list(range(8)), list(range(7, -1, -1)), [3, 5, 0, 1, 2, 4, 6, 7]):
        distances, offenders = np.full(8, np.nan), np.full(8, -1, np.int64)
        mixed = points[order]
        found = kernel.find_offenders(mixed, 8, 2.0, row, *OUTLINE.parts.arrays, distances, offenders)
        true = [polygons_distance(BODY.outline_m, x, y) for x, y in mixed[:, :2]]
        assert found == 7, "all but the one at 2.5 m"
        assert sorted(offenders[:found].tolist()) == [k for k in range(8) if mixed[k, 0] < 2.0]
        assert distances[:found] == pytest.approx([true[k] for k in offenders[:found]])
        assert distances[0] == min(distances[:found])


def test_a_slowest_speed_that_is_blocked_is_told() -> None:
    row = law((1.0, 0.0), MARGIN=0.02)
    points = np.array([(0.4, 0.0, 0.0, 0.0)])
    scratch = (np.empty(1), np.empty(1, np.int64))
    assert kernel.largest_clear_speed(points, 1, 2.0, 1.5, row, *OUTLINE.parts.arrays, *scratch) == (-1.0, 0)


def creep(points: list[tuple[float, float]], twist: tuple[float, float], speed: float = 0.1) -> bool:
    rows = np.array([(x, y, 0.05, 0.0) for x, y in points])
    row = law(twist, MARGIN=0.02)
    return bool(kernel.creep_is_clear(rows, len(rows), speed, 0.005, row, *OUTLINE.parts.arrays, np.empty(len(rows))))


@pytest.mark.parametrize(
    ("points", "twist", "allowed"),
    [
        ([(FRONT + 0.05, 0.0)], (1.0, 0.0), True),  # room: margin is kept, uncertainty does not count
        ([(FRONT + 0.022, 0.0)], (1.0, 0.0), False),  # would end inside the margin
        ([(FRONT + 0.015, 0.0)], (1.0, 0.0), False),  # inside the margin: not nearer
        ([(FRONT + 0.015, 0.0)], (-1.0, 0.0), True),  # but away
        ([(0.1, WHEEL_SIDE + 0.015)], (1.0, 0.0), True),  # along
        ([(0.1, WHEEL_SIDE + 0.015)], (1.0, -0.5), True),  # along and away
        ([(0.1, WHEEL_SIDE + 0.015)], (1.0, 1.5), False),  # the front swings towards it
        ([(0.1, WHEEL_SIDE + 0.003)], (1.0, 0.0), False),  # below the contact margin along is not enough
        ([(FRONT + 0.003, 0.0)], (-1.0, 0.0), True),
        ([(FRONT - 0.01, 0.0)], (-1.0, 0.0), True),  # inside the outline: out
        ([(FRONT - 0.01, 0.0)], (1.0, 0.0), False),
        ([(FRONT + 0.003, 0.0), (-0.229 - 0.004, 0.188)], (-1.0, 0.0), False),  # away from one into another
        ([(3.0, 0.0)], (1.0, 0.0), True),
    ],
)
def test_creeping_leaves_and_slides_but_never_approaches(
    points: list[tuple[float, float]], twist: tuple[float, float], allowed: bool
) -> None:
    assert creep(points, twist) == allowed


@pytest.mark.parametrize(("margin", "beyond", "allowed"), [(0.5, 0.1, False), (1.2, 0.1, False), (1.2, 0.2, True)])
def test_creeping_reckons_with_all_that_can_come_within_its_margin(margin: float, beyond: float, allowed: bool) -> None:
    """A point in the direction of a corner: as far from the middle as any that counts."""
    row = law((1.0, 0.0), HOLD_S=1.0, MARGIN=margin)
    distance = RADIUS + margin + beyond
    corner = (0.229, WHEEL_SIDE)
    points = np.array([[distance * corner[0] / RADIUS, distance * corner[1] / RADIUS, 0.0, 0.0]])
    assert kernel.creep_is_clear(points, 1, 0.16, 0.005, row, *OUTLINE.parts.arrays, np.empty(1)) == allowed


@pytest.mark.parametrize(
    ("obstacle_speed", "ahead", "allowed"), [(0.0, 0.033, True), (0.05, 0.033, False), (0.05, 0.038, True)]
)
def test_while_it_creeps_points_may_approach(obstacle_speed: float, ahead: float, allowed: bool) -> None:
    row = law((1.0, 0.0), MARGIN=0.02, OBSTACLE_SPEED=obstacle_speed)
    points = np.array([[FRONT + ahead, 0.0, 0.0, 0.0]])
    assert kernel.creep_is_clear(points, 1, 0.15, 0.005, row, *OUTLINE.parts.arrays, np.empty(1)) == allowed


def test_a_sweep_that_comes_to_no_end_counts_as_not_clear() -> None:
    """It turns a hundred times beside a point that it never touches: nothing is said of the last of them."""
    row = law((0.0, 1.0))
    point = (RADIUS + 0.0005, 0.0)
    start = outline_distance(*point, *OUTLINE.parts.arrays)
    arguments = (0.0, start, 0.1, 0.0)
    assert kernel.point_is_clear(*point, *arguments, 2.0, 0.0, row, *OUTLINE.parts.arrays)
    assert not kernel.point_is_clear(*point, *arguments, 200.0, 0.0, row, *OUTLINE.parts.arrays)


def test_a_long_graze_is_judged_for_its_400_steps_of_4_mm_and_no_longer() -> None:
    """A train of 6 m passes a millimetre beside a point; the first step stands at the start."""
    train = Polygons.from_points([[(2.0, -0.2), (2.0, 0.2), (-4.0, 0.2), (-4.0, -0.2)]]).arrays
    row = law((1.0, 0.0))
    for total, clear in ((1.596, True), (1.5985, False), (1.7, False)):
        assert kernel.point_is_clear(0.0, 0.201, 0.0, 0.001, 0.1, 0.0, total, 0.0, row, *train) == clear


def test_the_steps_of_a_graze_are_no_shorter_than_the_outline_moves() -> None:
    """A drum turns on the spot beside a point that moves faster about its middle than its rim does."""
    radius = 0.3
    rim = [(radius * math.cos(a), radius * math.sin(a)) for a in np.arange(0.0, 6.28, math.pi / 60).tolist()]
    drum = Polygons.from_points([rim]).arrays
    row = np.zeros(kernel.LAW_SIZE)
    row[kernel.W], row[kernel.REACH] = 1.0 / radius, radius
    place, margin = radius + 0.101, 0.1
    start = outline_distance(place, 0.0, *drum)
    assert kernel.point_is_clear(place, 0.0, 0.0, start, 0.1, 0.0, 1.5, margin, row, *drum)
    assert not kernel.point_is_clear(place, 0.0, 0.0, start, 0.1, 0.0, 1.5, margin + 0.002, row, *drum)


@pytest.mark.parametrize(("uncertainty", "age", "found"), [(0.1, 0.0, 1), (0.0, 0.0, 0), (0.1, 3.0, 1), (0.03, 0.0, 0)])
def test_what_is_not_known_well_may_stand_in_the_way(uncertainty: float, age: float, found: int) -> None:
    """A point ahead and beside the way, 6 cm farther out than the margin."""
    row = law((1.0, 0.0), MARGIN=0.02)
    points = np.array([[0.6, WHEEL_SIDE + 0.08, uncertainty, age]])
    distances, offenders = np.empty(1), np.empty(1, np.int64)
    assert kernel.find_offenders(points, 1, 2.0, row, *OUTLINE.parts.arrays, distances, offenders) == found


@pytest.mark.parametrize(
    ("value", "target", "after"),
    [(0.0, 1.0, 0.03), (1.0, 0.0, 0.965), (0.5, -1.0, 0.465), (-0.5, 0.0, -0.465), (0.0, 0.01, 0.01), (1.0, 1.0, 1.0)],
)
def test_approach_brakes_and_accelerates_at_its_own_rates(value: float, target: float, after: float) -> None:
    assert kernel.approach(value, target, 3.0, 3.5, 0.01) == pytest.approx(after)


def test_prediction_follows_the_commands_in_flight() -> None:
    pending = np.array([(0.02, 0.5, 0.0), (0.05, 0.5, 1.0)])
    x, y, yaw, v, w = kernel.predict_in_flight(0.0, 0.0, 0.0, 0.5, 0.0, 3.0, 3.5, 3.5, 1e9, 0.005, pending, 0.0, 0.1)
    assert (v, w) == (0.5, 1.0)
    assert yaw == pytest.approx(0.05)
    assert x == pytest.approx(0.05, abs=1e-4)
    assert y == pytest.approx(0.5 * 0.5 * 0.05**2, abs=1e-5)


def test_prediction_without_commands_keeps_the_speed_and_zero_time_changes_nothing() -> None:
    nothing = np.zeros((0, 3))
    x, _, _, v, _ = kernel.predict_in_flight(1.0, 0.0, 0.0, 0.5, 0.0, 3.0, 3.5, 1.75, 12.0, 0.005, nothing, 0.0, 0.1)
    assert (x, v) == (pytest.approx(1.05), 0.5)
    assert kernel.predict_in_flight(1.0, 2.0, 3.0, 0.5, 0.1, 3.0, 3.5, 1.75, 12.0, 0.005, nothing, 0.0, 0.0) == (
        1.0, 2.0, 3.0, 0.5, 0.1,
    )  # fmt: skip


def test_prediction_ends_at_its_very_time() -> None:
    nothing = np.zeros((0, 3))
    limits = (3.0, 3.5, 1.75, 12.0, 0.005)
    x, y, yaw, v, w = kernel.predict_in_flight(0.0, 0.0, 0.3, 0.5, 0.8, *limits, nothing, 0.021, 0.033)
    assert (yaw, v, w) == (pytest.approx(0.3 + 0.8 * 0.012), 0.5, 0.8)
    assert (x, y) == pytest.approx((0.006 * math.cos(0.3048), 0.006 * math.sin(0.3048)), abs=1e-7)


@pytest.mark.parametrize(("w", "v_after"), [(0.0, 0.65), (0.3, 0.65), (0.31, 0.825), (-2.0, 0.825)])
def test_prediction_brakes_less_where_a_turn_is_commanded(w: float, v_after: float) -> None:
    pending = np.array([(0.0, 0.0, w)])
    _, _, _, v, _ = kernel.predict_in_flight(0.0, 0.0, 0.0, 1.0, 0.0, 3.0, 3.5, 1.75, 12.0, 0.005, pending, 0.0, 0.1)
    assert v == pytest.approx(v_after)


@settings(deadline=None, max_examples=60)
@given(twists, st.floats(0.01, 1.5), st.floats(-0.1, 0.1))
def test_no_corner_is_off_its_arc_by_more_than_the_deviation(
    twist: tuple[float, float], progress: float, error: float
) -> None:
    row = law(twist, YAW_ERROR=0.1)
    v, w = row[kernel.V], row[kernel.W]
    right, wrong = arc_pose(v, w, progress), arc_pose(v, w * (1.0 + error), progress)
    for polygon in BODY.outline_m:
        for x, y in polygon:
            places = [
                (px + math.cos(yaw) * x - math.sin(yaw) * y, py + math.sin(yaw) * x + math.cos(yaw) * y)
                for px, py, yaw in (right, wrong)
            ]
            assert math.dist(*places) <= kernel.yaw_deviation(progress, row) + 1e-9


@pytest.mark.parametrize(("yaw_error", "per_speed"), [(0.0, 0.0), (0.0, 0.15), (0.3, 0.05), (1.0, 0.0)])
def test_a_point_is_clear_where_a_walk_in_small_steps_keeps_its_margin(yaw_error: float, per_speed: float) -> None:
    rng = np.random.default_rng(12)
    told = {True: 0, False: 0}
    for _ in range(60):
        row = law(tuple(rng.uniform(-1.0, 1.0, 2)), YAW_ERROR=yaw_error, MARGIN_PER_SPEED=per_speed)
        v, w = row[kernel.V], row[kernel.W]
        speed, margin = float(rng.uniform(0.4, 1.6)), 0.02
        hold, total, _ = kernel.stopping_motion(speed, row)
        x, y = rng.uniform(-0.55, 0.55, 2)
        least = math.inf
        for progress in np.linspace(0.0, total, 250):
            braked = max(0.0, (total - progress) / (total - hold)) if progress > hold else 1.0
            turned = abs(w) * progress * yaw_error * (RADIUS + 0.5 * abs(v) * progress)
            need = margin + per_speed * speed * math.sqrt(braked) + turned
            place = moved_point(x, y, v, w, progress)
            least = min(least, outline_distance(*place, *OUTLINE.parts.arrays) - need)
        if abs(least) < 0.006:
            continue  # too close to tell
        start = outline_distance(x, y, *OUTLINE.parts.arrays)
        found = kernel.point_is_clear(
            x, y, 0.0, start, speed, hold, total, margin, row, *OUTLINE.parts.arrays
        )  # fmt: skip
        assert found == (least > 0.0)
        told[bool(found)] += 1
    assert min(told.values()) > 8


@pytest.mark.parametrize("ahead", [0.05, 0.12, 0.2, 0.3])
def test_the_margin_beside_a_braking_robot_is_that_of_its_speed_there(ahead: float) -> None:
    """A point beside the way, which the front wheel reaches while the robot brakes."""
    row = law((1.0, 0.0), MARGIN=0.02, MARGIN_PER_SPEED=0.1)
    hold, total, _ = kernel.stopping_motion(1.6, row)
    speed_there = 1.6 * math.sqrt((total - max(ahead, hold)) / (total - hold))
    for more, clear in ((0.015, True), (-0.004, False)):
        point = (0.229 + ahead, WHEEL_SIDE + 0.02 + 0.1 * speed_there + more)
        start = outline_distance(*point, *OUTLINE.parts.arrays)
        found = kernel.point_is_clear(*point, 0.0, start, 1.6, hold, total, 0.02, row, *OUTLINE.parts.arrays)
        assert found == clear


@pytest.mark.parametrize(
    ("twist", "yaw_error", "speed", "point"),
    [
        ((0.0837, 0.6004), 0.3, 1.59, (0.5142, 0.0333)),
        ((-0.0642, -0.337), 0.6, 2.01, (-0.0471, -0.4398)),
        ((0.0695, 0.8437), 0.6, 1.46, (-0.0735, -0.4161)),
        ((-0.0534, -0.4205), 0.6, 0.82, (0.1953, -0.2919)),
        ((-0.0096, -0.6661), 0.3, 1.008, (0.1382, -0.3387)),
    ],
)
def test_the_steps_along_a_sweep_are_short_where_its_margin_grows(
    twist: tuple[float, float], yaw_error: float, speed: float, point: tuple[float, float]
) -> None:
    """A corner brushes by while the margin grows with the turn: a step by what is left would jump over it."""
    row = law(twist, YAW_ERROR=yaw_error)
    hold, total, _ = kernel.stopping_motion(speed, row)
    start = outline_distance(*point, *OUTLINE.parts.arrays)
    assert start > 0.02
    assert not kernel.point_is_clear(*point, 0.0, start, speed, hold, total, 0.02, row, *OUTLINE.parts.arrays)
