"""Lidar ranges against a slow reference that knows nothing of angles, and what the sensor makes of them."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amr.config.hardware import Lidar
from amr.errors import ConfigError
from sim.kernels.lidar import cast_sweep, cast_turn, measure
from sim.physics import STATE_WIDTH
from sim.scene import Scene
from sim.sensors import LidarSensor
from sim.world import Circle, MovingObstacle, World, box

MODEL = Lidar(
    x_m=0.1,
    y_m=0.0,
    yaw_rad=0.0,
    beams=360,
    angle_min_rad=-math.pi,
    angle_increment_rad=2.0 * math.pi / 360,
    range_min_m=0.05,
    range_max_m=10.0,
    rate_hz=20.0,
    noise_sigma_m=0.0,
    latency_s=0.03,
)


def plain_range(world: World, x: float, y: float, angle: float, range_max: float) -> float:
    """One beam against everything, by quadratic equation and by line crossing."""
    dx, dy = math.cos(angle), math.sin(angle)
    best = math.inf
    for c in world.circles:
        fx, fy = x - c.x_m, y - c.y_m
        b, square = fx * dx + fy * dy, fx * fx + fy * fy - c.radius_m**2
        if square <= 0.0:
            return 0.0
        root = b * b - square
        if root >= 0.0 and -b - math.sqrt(root) >= 0.0:
            best = min(best, -b - math.sqrt(root))
    for p in world.polygons:
        edges = list(zip(p.points, p.points[1:] + p.points[:1], strict=True))
        if all((q[0] - a[0]) * (y - a[1]) - (q[1] - a[1]) * (x - a[0]) > 0.0 for a, q in edges):
            return 0.0
        for a, q in edges:
            ex, ey = q[0] - a[0], q[1] - a[1]
            across = dx * ey - dy * ex
            if across == 0.0:
                continue
            t = ((a[0] - x) * ey - (a[1] - y) * ex) / across
            u = ((a[0] - x) * dy - (a[1] - y) * dx) / across
            if t >= 0.0 and -1e-9 <= u <= 1.0 + 1e-9:
                best = min(best, t)
    return best if best <= range_max else math.inf


def random_world(seed: int, shapes: int = 25) -> World:
    random = np.random.default_rng(seed)
    circles = tuple(
        Circle(*random.uniform(-8.0, 8.0, 2).tolist(), float(random.uniform(0.02, 0.6))) for _ in range(shapes)
    )
    boxes = tuple(
        box(*random.uniform(-8.0, 8.0, 2).tolist(), *random.uniform(0.1, 2.0, 2).tolist(), float(random.uniform(0, 7)))
        for _ in range(shapes // 3)
    )
    return World("random", circles, boxes)


def turn(world: World, x: float, y: float, yaw: float, angle_min: float, increment: float, beams: int) -> np.ndarray:
    scene = Scene(world)
    angles = angle_min + increment * np.arange(beams)
    ranges = np.zeros(beams)
    cast_turn(
        x, y, yaw, angle_min, increment, 6.0, np.cos(angles), np.sin(angles),
        scene.circles, scene.points, scene.point_start, scene.boxes, ranges,
    )  # fmt: skip
    return ranges


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 10_000),
    st.floats(-4.0, 4.0),
    st.floats(-4.0, 4.0),
    st.floats(-12.0, 12.0),
    st.sampled_from([(-math.pi, 2.0 * math.pi / 180, 180), (-2.356, 0.02618, 181), (0.3, 0.1, 20)]),
)
def test_turn_equals_the_slow_reference(
    seed: int, x: float, y: float, yaw: float, beams: tuple[float, float, int]
) -> None:
    world = random_world(seed)
    angle_min, increment, count = beams
    ranges = turn(world, x, y, yaw, angle_min, increment, count)
    expected = [plain_range(world, x, y, yaw + angle_min + i * increment, 6.0) for i in range(count)]
    finite = np.isfinite(expected)
    # a beam that grazes a circle may hit or miss by rounding
    assert np.mean(np.isfinite(ranges) == finite) > 0.99
    both = finite & np.isfinite(ranges)
    close = np.abs(ranges[both] - np.array(expected)[both]) < 1e-6
    assert close.mean() > 0.99 if both.any() else True


def test_origin_inside_an_obstacle_sees_zero_everywhere() -> None:
    assert not turn(World("c", (Circle(1.0, 1.0, 0.5),)), 1.2, 1.0, 0.0, -3.0, 0.1, 60).any()
    assert not turn(World("p", polygons=(box(1.0, 1.0, 1.0, 1.0),)), 1.2, 1.0, 0.0, -3.0, 0.1, 60).any()


def test_nothing_is_seen_beyond_the_range() -> None:
    near, far = (turn(World("c", (Circle(x, 0.0, 0.5),)), 0.0, 0.0, 0.0, 0.0, 0.1, 1)[0] for x in (6.4, 6.6))
    assert near == pytest.approx(5.9)
    assert far == math.inf


def test_no_beam_slips_through_the_joint_of_two_walls() -> None:
    room = World(
        "room",
        polygons=(box(2.0, 0.0, 0.2, 4.2), box(-2.0, 0.0, 0.2, 4.2), box(0.0, 2.0, 4.2, 0.2), box(0.0, -2.0, 4.2, 0.2)),
    )
    assert np.isfinite(turn(room, 0.1, -0.3, 0.7, -math.pi, 2.0 * math.pi / 5000, 5000)).all()


@pytest.mark.parametrize("seed", range(5))
def test_sweep_of_a_standing_robot_equals_the_turn(seed: int) -> None:
    world = random_world(seed)
    scene = Scene(world)
    poses = np.zeros((3, STATE_WIDTH))
    poses[:, :3] = 0.5, -0.4, 0.3
    swept = np.full(360, -1.0)
    cast_sweep(
        poses, 0.0, 2.0 / 360, 0, 360, 0.1, 0.05, 0.2, -math.pi, 2.0 * math.pi / 360, 6.0,
        scene.circles, scene.points, scene.point_start, scene.boxes, swept,
    )  # fmt: skip
    x, y = 0.5 + 0.1 * math.cos(0.3) - 0.05 * math.sin(0.3), -0.4 + 0.1 * math.sin(0.3) + 0.05 * math.cos(0.3)
    whole = turn(world, x, y, 0.5, -math.pi, 2.0 * math.pi / 360, 360)
    np.testing.assert_allclose(swept, whole, atol=1e-9)


def test_sweep_uses_the_pose_of_each_beam() -> None:
    scene = Scene(World("wall", polygons=(box(5.0, 0.0, 1.0, 20.0),)))
    poses = np.zeros((11, STATE_WIDTH))
    poses[:, 0] = np.linspace(0.0, 1.0, 11)
    ranges = np.zeros(11)
    cast_sweep(
        poses, 0.0, 1.0, 0, 11, 0.0, 0.0, 0.0, 0.0, 1e-9, 9.0,
        scene.circles, scene.points, scene.point_start, scene.boxes, ranges,
    )  # fmt: skip
    np.testing.assert_allclose(ranges, 4.5 - poses[:, 0], atol=1e-9)


def test_measured_ranges_have_the_noise_of_the_robot_file_and_lose_beams() -> None:
    true = np.full(20_000, 2.0)
    true[:100] = math.inf
    out = np.zeros(20_000, np.float32)
    measure(true, 10.0, 0.03, 0.1, np.uint64(4), np.uint64(9), out)
    assert np.isinf(out[:100]).all()
    hits = out[100:][np.isfinite(out[100:])]
    assert len(hits) / 19_900 == pytest.approx(0.9, abs=0.01)
    assert hits.mean() == pytest.approx(2.0, abs=0.001)
    assert hits.std() == pytest.approx(0.03, abs=0.001)
    assert not np.isnan(out).any()


def test_noise_neither_passes_the_range_nor_falls_below_zero() -> None:
    out = np.zeros(2000, np.float32)
    measure(np.full(2000, 9.999), 10.0, 0.05, 0.0, np.uint64(1), np.uint64(1), out)
    assert out[np.isfinite(out)].max() <= 10.0
    assert np.isinf(out).any()
    measure(np.full(2000, 0.01), 10.0, 0.05, 0.0, np.uint64(1), np.uint64(1), out)
    assert out.min() == 0.0


def drive_by(sensor: LidarSensor, total_ms: int, speed_mps: float = 0.0) -> list[tuple[int, int, np.ndarray]]:
    """(now ms, stamp ns, ranges) of each scan as it is delivered, in calls of 5 ms."""
    delivered = []
    for start in range(0, total_ms, 5):
        poses = np.zeros((6, STATE_WIDTH))
        poses[:, 0] = speed_mps * (start + np.arange(6)) * 1e-3
        sensor.watch(poses, start * 1_000_000)
        for scan in sensor.due((start + 5) * 1_000_000):
            delivered.append((start + 5, scan.stamp_ns, scan.ranges_m))
    return delivered


def test_scans_come_at_their_rate_and_after_their_latency() -> None:
    scans = drive_by(LidarSensor(MODEL, Scene(World("w", (Circle(3.0, 0.0, 0.5),))), 1), 1000)
    stamps = [stamp for _, stamp, _ in scans]
    assert len(scans) in (19, 20)
    assert {b - a for a, b in pairwise(stamps)} == {50_000_000}
    for now_ms, stamp, ranges in scans:
        assert 30_000_000 <= now_ms * 1_000_000 - stamp < 35_000_000
        assert ranges.dtype == np.float32
        assert ranges[180] == pytest.approx(2.4)
        assert math.isinf(ranges[0])


def test_scan_phase_depends_on_the_seed_only() -> None:
    scene = Scene(World("w"))
    first = [drive_by(LidarSensor(MODEL, scene, seed), 100)[0][1] for seed in range(8)]
    assert first == [drive_by(LidarSensor(MODEL, scene, seed), 100)[0][1] for seed in range(8)]
    assert len(set(first)) > 3
    assert all(0 < stamp <= 50_000_000 for stamp in first)


def test_rate_that_is_no_whole_number_of_milliseconds_keeps_its_mean() -> None:
    sensor = LidarSensor(MODEL.model_copy(update={"rate_hz": 15.0, "latency_s": 0.0}), Scene(World("w")), 1)
    stamps = [stamp for _, stamp, _ in drive_by(sensor, 4000)]
    assert (stamps[-1] - stamps[0]) / (len(stamps) - 1) == pytest.approx(1e9 / 15.0, rel=1e-3)


def test_sweeping_lidar_delivers_a_whole_turn_after_its_last_beam() -> None:
    sweep = MODEL.model_copy(update={"sweep": True, "x_m": 0.0})
    scans = drive_by(LidarSensor(sweep, Scene(World("wall", polygons=(box(5.0, 0.0, 1.0, 40.0),))), 1), 400, 1.0)
    now_ms, stamp, ranges = scans[0]
    last_beam_ns = stamp + round(359 / 360 * 50e6)
    assert 30_000_000 <= now_ms * 1_000_000 - last_beam_ns < 36_000_000
    # the beam straight ahead is number 180, half a period after the stamp, while the robot drives on
    assert ranges[180] == pytest.approx(4.5 - (stamp * 1e-9 + 0.025), abs=1e-6)


def test_scan_sees_a_moving_obstacle_where_it_is_at_the_stamp() -> None:
    mover = MovingObstacle("m", Circle(0.0, 0.0, 0.5), ((0.0, 2.0, 0.0), (4.0, 6.0, 0.0)), 4.0)
    scans = drive_by(LidarSensor(MODEL, Scene(World("w", moving=(mover,))), 1), 500)
    for _, stamp, ranges in scans:
        assert ranges[180] == pytest.approx(2.0 + stamp * 1e-9 - 0.5 - 0.1, abs=1e-5)


@pytest.mark.parametrize("change", [{"beams": 400}, {"rate_hz": 2000.0}])
def test_lidar_that_cannot_be_simulated_is_refused(change: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=r"lidar\."):
        LidarSensor(MODEL.model_copy(update=change), Scene(World("w")), 1)
