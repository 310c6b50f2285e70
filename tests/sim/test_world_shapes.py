"""World values: shapes refuse what is not convex, moving obstacles follow their keyframes, in Python and compiled."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.scene import Scene
from sim.world import Circle, Interpolation, MovingObstacle, Polygon, World, box, wall

DISC = Circle(0.0, 0.0, 0.25)


def test_box_turns_about_its_center() -> None:
    corners = box(1.0, 2.0, 2.0, 1.0, 0.5 * math.pi).points
    assert {(round(x, 9), round(y, 9)) for x, y in corners} == {(0.5, 1.0), (0.5, 3.0), (1.5, 1.0), (1.5, 3.0)}


def test_wall_has_half_its_thickness_on_either_side() -> None:
    corners = wall((0.0, 0.0), (0.0, 2.0), 0.2).points
    assert {(round(x, 9), round(y, 9)) for x, y in corners} == {(-0.1, 0.0), (0.1, 0.0), (0.1, 2.0), (-0.1, 2.0)}


def test_wall_without_length_is_refused() -> None:
    with pytest.raises(ValueError, match="two different ends"):
        wall((1.0, 1.0), (1.0, 1.0), 0.1)


@pytest.mark.parametrize(
    "points",
    [
        ((0.0, 0.0), (1.0, 0.0)),
        ((0.0, 0.0), (0.0, 1.0), (1.0, 1.0), (1.0, 0.0)),
        ((0.0, 0.0), (2.0, 0.0), (0.5, 0.5), (0.0, 2.0)),
        ((0.0, 0.0), (1.0, 0.0), (2.0, 0.0), (1.0, 1.0)),
        ((0.0, 0.0), (1.0, math.nan), (1.0, 1.0)),
    ],
    ids=["two points", "clockwise", "dented", "three on a line", "nan"],
)
def test_polygon_that_is_not_convex_is_refused(points: tuple[tuple[float, float], ...]) -> None:
    with pytest.raises(ValueError, match=r"convex|3 points"):
        Polygon(points)


@pytest.mark.parametrize(
    ("keyframes", "period_s"),
    [
        ((), 1.0),
        (((1.0, 0.0, 0.0),), 2.0),
        (((0.0, 0.0, 0.0), (0.0, 1.0, 0.0)), 2.0),
        (((0.0, 0.0, 0.0), (3.0, 1.0, 0.0)), 2.0),
    ],
    ids=["none", "late first", "same time", "period too short"],
)
def test_keyframes_out_of_order_are_refused(keyframes: tuple[tuple[float, float, float], ...], period_s: float) -> None:
    with pytest.raises(ValueError, match=r"keyframes|period_s"):
        MovingObstacle("x", DISC, keyframes, period_s)


def test_linear_obstacle_waits_repeats_and_tells_its_velocity() -> None:
    mover = MovingObstacle("x", DISC, ((0.0, 0.0, 0.0), (2.0, 4.0, 2.0)), 3.0)
    assert mover.position(1.0) == (2.0, 1.0)
    assert mover.position(2.5) == (4.0, 2.0)
    assert mover.position(4.0) == (2.0, 1.0)
    assert mover.velocity(1.0) == pytest.approx((2.0, 1.0))
    assert mover.velocity(2.5) == pytest.approx((0.0, 0.0))


def test_obstacle_without_loop_stays_at_its_last_keyframe() -> None:
    mover = MovingObstacle("x", DISC, ((0.0, 0.0, 0.0), (2.0, 4.0, 2.0)), 3.0, loop=False)
    assert mover.position(100.0) == (4.0, 2.0)


def test_catmull_rom_passes_through_keyframes_and_rounds_the_corner() -> None:
    keys = ((0.0, 0.0, 0.0), (1.0, 1.0, 0.0), (2.0, 1.0, 1.0), (3.0, 2.0, 1.0))
    smooth = MovingObstacle("x", DISC, keys, 3.0, interpolation="catmull_rom")
    for t, x, y in keys[:-1]:
        assert smooth.position(t) == pytest.approx((x, y))
    # tangents (p3 - p1) / 2: at the middle of the second segment p = (p1 + p2) / 2 + (m1 - m2) / 8
    assert smooth.position(1.5) == pytest.approx((1.0, 0.5))
    assert smooth.position(0.5) == pytest.approx((0.5 + (1.0 * 0.5 - 0.5) / 8, 0.0 + (0.0 - 0.5) / 8))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0.01, 5.0), st.floats(-9.0, 9.0), st.floats(-9.0, 9.0)), min_size=0, max_size=6),
    st.sampled_from(["linear", "catmull_rom"]),
    st.booleans(),
    st.floats(0.0, 60.0),
)
def test_compiled_positions_equal_the_plain_ones(
    rest: list[tuple[float, float, float]], interpolation: Interpolation, loop: bool, time_s: float
) -> None:
    keys, t = [(0.0, 1.0, 2.0)], 0.0
    for dt, x, y in rest:
        t += dt
        keys.append((t, x, y))
    movers = tuple(
        MovingObstacle(name, shape, tuple(keys), t + 1.0, loop, interpolation)
        for name, shape in (("disc", Circle(0.1, 0.2, 0.3)), ("box", box(0.0, 0.0, 1.0, 2.0)))
    )
    scene = Scene(World("w", circles=(Circle(5.0, 5.0, 1.0),), polygons=(box(8.0, 8.0, 1.0, 1.0),), moving=movers))
    scene.move_to(time_s)
    x, y = movers[0].position(time_s)
    assert scene.position[0] == pytest.approx((x, y), abs=1e-12)
    assert scene.circles[1] == pytest.approx((x + 0.1, y + 0.2, 0.3), abs=1e-12)
    assert scene.boxes[1] == pytest.approx((x - 0.5, y - 1.0, x + 0.5, y + 1.0), abs=1e-12)
    np.testing.assert_array_equal(scene.circles[0], (5.0, 5.0, 1.0))
    np.testing.assert_array_equal(scene.boxes[0], (7.5, 7.5, 8.5, 8.5))


def test_scene_names_obstacles_by_kind() -> None:
    movers = (
        MovingObstacle("anna", DISC, ((0.0, 0.0, 0.0),), 1.0),
        MovingObstacle("cart", box(0, 0, 1, 1), ((0.0, 0.0, 0.0),), 1.0),
    )
    scene = Scene(World("w", circles=(Circle(5.0, 5.0, 1.0),), polygons=(box(8.0, 8.0, 1.0, 1.0),), moving=movers))
    assert [scene.obstacle_name(code) for code in range(-1, 4)] == [
        "",
        "circle 0",
        "moving anna",
        "polygon 0",
        "moving cart",
    ]
    assert [scene.is_moving(code) for code in range(-1, 4)] == [False, False, True, False, True]
