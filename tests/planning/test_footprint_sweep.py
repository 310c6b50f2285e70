"""The outline's sweep against a plain check by separating axes, pose by pose."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from amr.config.hardware import Body
from amr.geometry import Pose2
from amr.grid import CostGrid, GridFrame
from amr.kernels.drive_check import drive_cost, turn_angle
from amr.kernels.footprint_sweep import sweep_is_free, swept_lethal
from amr.planning.base import PlanOptions
from amr.planning.room import Room
from amr.portable_math import sin_cos
from amr.runtime.bench.outline_check import OutlineCheck, dense_poses

RESOLUTION_M = 0.05


def body_of(*polygons: tuple[tuple[float, float], ...]) -> Body:
    return Body(outline_m=polygons, height_m=0.2, mass_kg=1.0, inertia_kgm2=0.1)


def box(length_m: float, width_m: float, x_m: float = 0.0, y_m: float = 0.0) -> tuple[tuple[float, float], ...]:
    """A rectangle about (x, y)."""
    a, b = 0.5 * length_m, 0.5 * width_m
    return ((x_m - a, y_m - b), (x_m + a, y_m - b), (x_m + a, y_m + b), (x_m - a, y_m + b))


BODIES = (
    body_of(box(0.42, 0.31), box(0.2, 0.04, 0.13, 0.19), box(0.2, 0.04, -0.13, -0.19)),
    body_of(((-0.3, -0.1), (0.2, -0.2), (0.35, 0.0), (0.2, 0.2), (-0.3, 0.1))),
    body_of(box(1.1, 0.3, 0.2)),
)


def scattered(seed: int, part: float = 0.01, size: int = 60) -> CostGrid:
    """Single lethal cells on a free map."""
    random = np.random.default_rng(seed)
    cost = np.where(random.random((size, size)) < part, 254, 0).astype(np.uint8)
    return CostGrid(GridFrame(-0.7, 0.3, RESOLUTION_M, size, size), cost)


def entered(body: Body, grid: CostGrid) -> Room:
    room = Room(body)
    room.enter(grid, PlanOptions())
    return room


def driven(begin: NDArray[np.float64], way_m: float) -> NDArray[np.float64]:
    """Two poses, a straight drive apart."""
    path = np.array([begin, begin])
    path[1, :2] += way_m * np.cos(begin[2]), way_m * np.sin(begin[2])
    return path


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), which=st.integers(0, len(BODIES) - 1))
def test_a_pose_touches_what_separating_axes_say_and_never_less(seed: int, which: int) -> None:
    random = np.random.default_rng(seed)
    grid, body = scattered(seed), BODIES[which]
    room = entered(body, grid)
    poses = np.column_stack([random.uniform(-0.7, 2.3, 40), random.uniform(0.3, 3.3, 40), random.uniform(-4, 4, 40)])
    expected = OutlineCheck(grid, body).touching(poses)
    for pose, touches in zip(poses, expected, strict=True):
        x, y = room.cells(Pose2(*pose))
        free = room.touched(x, y, float(pose[2])) == 0
        in_lethal = room.cost_at(x, y) >= 254
        assert (not free or in_lethal) == touches


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), which=st.integers(0, len(BODIES) - 1), kind=st.sampled_from(["drive", "turn"]))
def test_a_free_sweep_is_free_at_every_pose_between(seed: int, which: int, kind: str) -> None:
    random = np.random.default_rng(seed)
    grid, body = scattered(seed, 0.004), BODIES[which]
    room = entered(body, grid)
    begin = np.array([random.uniform(0.0, 1.6), random.uniform(1.0, 2.6), random.uniform(-math.pi, math.pi)])
    x, y = room.cells(Pose2(*begin))
    if kind == "turn":
        turned = turn_angle(room.arrays, x, y, float(begin[2]), float(begin[2]) + 1.3)
        if not abs(turned) < 1.31:
            return
        path = np.array([begin, begin])
        path[1, 2] += turned
    else:
        way_m = random.uniform(-1.0, 1.0)
        path = driven(begin, way_m)
        to_x, to_y = room.cells(Pose2(*path[1]))
        if drive_cost(room.arrays, x, y, to_x, to_y, float(begin[2])) == math.inf:
            return
    poses = dense_poses(path, body.circumradius_m, 0.1 * RESOLUTION_M)
    assert not OutlineCheck(grid, body).touching(poses).any()


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), which=st.integers(0, len(BODIES) - 1))
def test_a_straight_sweep_forbids_nothing_that_is_free(seed: int, which: int) -> None:
    random = np.random.default_rng(seed)
    grid, body = scattered(seed, 0.004), BODIES[which]
    room = entered(body, grid)
    begin = np.array([random.uniform(0.3, 1.3), random.uniform(1.2, 2.3), random.uniform(-math.pi, math.pi)])
    path = driven(begin, 0.2)
    (x0, y0), (x1, y1) = (room.cells(Pose2(*pose)) for pose in path)
    sine, cosine = sin_cos(float(begin[2]))
    padded, stride, corners, starts, *_, spans = room.arrays
    touched = swept_lethal(padded, stride, corners, starts, x0, y0, cosine, sine, x1, y1, cosine, sine, 0.0, spans)
    assert sweep_is_free(room.arrays, x0, y0, cosine, sine, x1, y1, cosine, sine, 0.0) == (touched == 0)
    on_lethal = OutlineCheck(grid, None).touching(dense_poses(path, 0.0, 1e-3)).any()
    dense = OutlineCheck(grid, body).touching(dense_poses(path, body.circumradius_m, 1e-3)).any()
    assert (touched > 0) == (dense and not on_lethal) or on_lethal


def test_what_hangs_over_the_edge_touches() -> None:
    grid = CostGrid(GridFrame(0.0, 0.0, RESOLUTION_M, 40, 40), np.zeros((40, 40), np.uint8))
    room = entered(BODIES[0], grid)
    for x_m, y_m in ((0.1, 1.0), (1.9, 1.0), (1.0, 0.1), (1.0, 1.9), (0.0, 0.0)):
        assert room.touched(*room.cells(Pose2(x_m, y_m, 0.4)), 0.4) > 0
    assert room.touched(*room.cells(Pose2(1.0, 1.0, 0.4)), 0.4) == 0


def test_an_outline_larger_than_the_map_touches_everywhere() -> None:
    grid = CostGrid(GridFrame(0.0, 0.0, RESOLUTION_M, 8, 8), np.zeros((8, 8), np.uint8))
    room = entered(BODIES[2], grid)
    assert room.touched(*room.cells(Pose2(0.2, 0.2, 1.0)), 1.0) > 0


def test_the_disc_has_no_outline() -> None:
    room = Room(None)
    room.enter(scattered(1), PlanOptions())
    assert room.touched(30.0, 30.0, 0.0) == 0
    assert turn_angle(room.arrays, 30.0, 30.0, 0.0, 1.0) == pytest.approx(1.0)
