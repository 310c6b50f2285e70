"""The judge's distances against a slow reference, and what it records of a touch."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amr.config.hardware import Body
from amr.geometry import Pose2
from sim.contact import OutlineJudge
from sim.physics import STATE_WIDTH
from sim.scene import Scene
from sim.world import Circle, MovingObstacle, World, box

JACKAL = Body(
    outline_m=(
        ((-0.21, -0.155), (0.21, -0.155), (0.21, 0.155), (-0.21, 0.155)),
        ((0.033, 0.168), (0.229, 0.168), (0.229, 0.208), (0.033, 0.208)),
        ((-0.229, 0.168), (-0.033, 0.168), (-0.033, 0.208), (-0.229, 0.208)),
    ),
    height_m=0.2,
    mass_kg=16.0,
    inertia_kgm2=0.4,
)
SQUARE = Body(outline_m=(((-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)),), height_m=1, mass_kg=1, inertia_kgm2=1)
Points = Sequence[tuple[float, float]]


def crosses(a: Points, b: Points) -> bool:
    """Do two convex polygons overlap: projections on every edge normal (a formulation of its own, with intervals)."""
    for polygon in (a, b):
        for (px, py), (qx, qy) in zip(polygon, [*polygon[1:], polygon[0]], strict=True):
            nx, ny = qy - py, px - qx
            first = [nx * x + ny * y for x, y in a]
            second = [nx * x + ny * y for x, y in b]
            if max(first) < min(second) or max(second) < min(first):
                return False
    return True


def segment_distance(p: tuple[float, float], a: tuple[float, float], b: tuple[float, float]) -> float:
    ex, ey = b[0] - a[0], b[1] - a[1]
    t = max(0.0, min(1.0, ((p[0] - a[0]) * ex + (p[1] - a[1]) * ey) / (ex * ex + ey * ey)))
    return math.hypot(p[0] - a[0] - t * ex, p[1] - a[1] - t * ey)


def plain_clearance(world: World, body: Body, pose: Pose2) -> float:
    best = math.inf
    for outline in body.outline_m:
        placed = [pose.apply(*point) for point in outline]
        edges = list(zip(placed, [*placed[1:], placed[0]], strict=True))
        for c in world.circles:
            center = (c.x_m, c.y_m)
            inside = all((b[0] - a[0]) * (center[1] - a[1]) >= (b[1] - a[1]) * (center[0] - a[0]) for a, b in edges)
            distance = 0.0 if inside else min(segment_distance(center, a, b) for a, b in edges)
            best = min(best, max(0.0, distance - c.radius_m))
        for p in world.polygons:
            others = list(zip(p.points, [*p.points[1:], p.points[0]], strict=True))
            if crosses(placed, p.points):
                return 0.0
            best = min(best, *(segment_distance(point, a, b) for point in placed for a, b in others))
            best = min(best, *(segment_distance(point, a, b) for point in p.points for a, b in edges))
    return best


def rows(*poses: tuple[float, float, float], v_mps: float = 0.0) -> np.ndarray:
    trajectory = np.zeros((len(poses), STATE_WIDTH))
    trajectory[:, :3] = poses
    trajectory[:, 3] = v_mps
    return trajectory


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 12), st.integers(0, 6))
def test_clearance_equals_the_slow_reference_at_each_step(seed: int, circles: int, boxes: int) -> None:
    random = np.random.default_rng(seed)
    world = World(
        "w",
        tuple(Circle(*random.uniform(-2, 2, 2).tolist(), float(random.uniform(0.02, 0.5))) for _ in range(circles)),
        tuple(
            box(*random.uniform(-2, 2, 2).tolist(), *random.uniform(0.05, 3, 2).tolist(), float(random.uniform(0, 7)))
            for _ in range(boxes)
        ),
    )
    poses = [tuple(random.uniform(-2, 2, 3).tolist()) for _ in range(4)]
    expected = [plain_clearance(world, JACKAL, Pose2(*pose)) for pose in poses]
    judge = OutlineJudge(JACKAL, Scene(world))
    for pose, clearance in zip(poses, expected, strict=True):
        judge.watch(rows(pose), 0)
        assert judge.interval_clearance_m == pytest.approx(clearance, abs=1e-9)
    assert judge.min_clearance_m == pytest.approx(min(expected), abs=1e-9)
    assert (judge.contact is not None) == (min(expected) == 0.0)


@pytest.mark.parametrize(("gap_m", "touches"), [(1e-7, False), (0.0, True), (-1e-7, True)])
def test_a_tenth_of_a_micrometre_decides(gap_m: float, touches: bool) -> None:
    for world in (
        World("c", (Circle(0.5 + 0.25 + gap_m, 0.0, 0.25),)),
        World("p", (), (box(1.0 + gap_m, 0.0, 1.0, 1.0),)),
    ):
        judge = OutlineJudge(SQUARE, Scene(world))
        judge.watch(rows((0.0, 0.0, 0.0)), 0)
        assert (judge.contact is not None) == touches


def test_obstacle_inside_the_outline_and_outline_inside_an_obstacle_are_contacts() -> None:
    for world in (
        World("small", (Circle(0.1, 0.1, 0.01),)),
        World("large", (Circle(0.1, 0.1, 9.0),)),
        World("small box", (), (box(0.1, 0.1, 0.01, 0.01),)),
        World("large box", (), (box(0.1, 0.1, 9.0, 9.0),)),
    ):
        judge = OutlineJudge(SQUARE, Scene(world))
        judge.watch(rows((0.0, 0.0, 0.3)), 0)
        assert judge.contact is not None, world.name
        assert judge.min_clearance_m == 0.0


def test_gap_between_the_parts_of_the_outline_is_free() -> None:
    judge = OutlineJudge(JACKAL, Scene(World("pin", (Circle(0.0, 0.18, 0.02),))))
    judge.watch(rows((0.0, 0.0, 0.0)), 0)
    assert judge.contact is None
    assert judge.min_clearance_m == pytest.approx(0.18 - 0.155 - 0.02)


def test_empty_world_has_infinite_clearance() -> None:
    judge = OutlineJudge(SQUARE, Scene(World("empty")))
    judge.watch(rows((0.0, 0.0, 0.0), (1.0, 0.0, 0.0)), 0)
    assert judge.min_clearance_m == math.inf
    assert judge.contact is None


def test_first_contact_names_time_obstacle_and_whether_the_robot_moved() -> None:
    world = World("w", (Circle(9.0, 9.0, 0.1),), (box(2.0, 0.0, 1.0, 1.0),))
    judge = OutlineJudge(SQUARE, Scene(world))
    judge.watch(rows((0.9, 0.0, 0.0), (1.01, 0.0, 0.0), (1.2, 0.0, 0.0), v_mps=0.4), 7_000_000)
    judge.watch(rows((1.3, 0.0, 0.0)), 10_000_000)
    assert judge.contact is not None
    assert judge.contact.time_ns == 9_000_000
    assert judge.contact.obstacle == "polygon 0"
    assert not judge.contact.by_moving_obstacle
    assert judge.contact.robot_moving


def test_person_who_walks_into_a_standing_robot_is_told_apart() -> None:
    person = MovingObstacle("anna", Circle(0.0, 0.0, 0.25), ((0.0, 2.0, 0.0), (2.0, 0.0, 0.0)), 2.0)
    judge = OutlineJudge(SQUARE, Scene(World("w", moving=(person,))))
    for start_ms in range(0, 1500, 5):
        judge.watch(rows(*[(0.0, 0.0, 0.0)] * 5, v_mps=0.01), start_ms * 1_000_000)
    assert judge.contact is not None
    assert judge.contact.obstacle == "moving anna"
    assert judge.contact.by_moving_obstacle
    assert not judge.contact.robot_moving
    # 2.0 m - 1 m/s x t = 0.5 + 0.25
    assert judge.contact.time_ns == pytest.approx(1_250_000_000, abs=1_000_000)
