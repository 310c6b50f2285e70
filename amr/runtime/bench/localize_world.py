"""Drives through generated worlds, for ``amr bench localize``: what the robot measures, and where it truly was.

The body follows its way exactly; encoders, gyro and lidar measure it with the errors of the robot file and those of
``conditions`` (a wheel scale the robot does not know), and the robot's own odometry filter makes poses of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from amr.config.robot import RobotConfig
from amr.estimation.odometry import OdometryFilter
from amr.geometry import Pose2
from amr.localization.scan_points import scan_points
from amr.mapping.base import MapImage
from amr.mapping.slam_map import map_image
from amr.messages import BaseState, Imu, McuState
from sim.scene import Scene
from sim.sensors import ImuSensor, LidarSensor, encoder_ticks
from sim.world import Circle, MovingObstacle, World
from sim.worlds.draft import Draft
from sim.worlds.passable import FreeSpace, Node, free_space, shortest_path
from sim.worlds.schema import WorldModel

Array = NDArray[Any]

STEP_S: Final = 0.01
STANDS_S: Final = 1.5
_ROWS: Final = 10
_STRIDE: Final = 4
_CLEAR_M: Final = 0.4
_MAP_CLEAR_M: Final = 0.25
_MAP_STRIDE: Final = 20
_LOOK_AHEAD_M: Final = 0.5


@dataclass(frozen=True, slots=True)
class Sighting:
    """One scan: ``points`` [n, 2] in the robot's frame at its first beam, with odometry, its covariance, and truth."""

    stamp_ns: int
    points: Array
    odometry: Array
    covariance: Array
    truth: Array


@dataclass(frozen=True, slots=True)
class Site:
    """A world with its free space on a coarse grid: where a robot can drive."""

    world: World
    space: FreeSpace
    clear: NDArray[np.bool_]

    def node(self, x_m: float, y_m: float) -> Node:
        """The coarse cell of a point."""
        row, column = self.space.cell(x_m, y_m)
        return row // _STRIDE, column // _STRIDE

    def center(self, node: Node) -> tuple[float, float]:
        """(x m, y m) of a coarse cell's sample."""
        bounds, resolution_m = self.space.bounds, self.space.resolution_m
        return (
            bounds.x_min_m + (node[1] * _STRIDE + 0.5) * resolution_m,
            bounds.y_min_m + (node[0] * _STRIDE + 0.5) * resolution_m,
        )


def site_of(world: World) -> Site:
    """Where a robot can drive from the world's start."""
    from scipy import ndimage

    space = free_space(world)
    labels, _ = ndimage.label(space.distance_m[::_STRIDE, ::_STRIDE] > _CLEAR_M)
    row, column = space.cell(world.start.x_m, world.start.y_m)
    row, column = row // _STRIDE, column // _STRIDE
    near = labels[max(0, row - 2) : row + 3, max(0, column - 2) : column + 3]
    label = np.bincount(near[near > 0]).argmax() if (near > 0).any() else 1
    return Site(world, space, labels == label)


def tube(seed: int) -> WorldModel:
    """A straight corridor of 60 m without a feature but its ends, turned by a heading of the seed."""
    yaw_rad = float(np.random.default_rng((seed, 74)).uniform(-math.pi, math.pi))
    from_middle = Pose2(0.0, 0.0, yaw_rad)
    ends = {side: [from_middle.apply(x, side) for x in (-30.0, 30.0)] for side in (-1.0, 1.0)}
    draft = Draft("tube", f"A corridor without features, seed {seed}", (-32.0, -32.0, 32.0, 32.0))
    for side in (-1.0, 1.0):
        draft.wall(ends[side][0], ends[side][1], 0.15)
    for end in (0, 1):
        draft.wall(ends[-1.0][end], ends[1.0][end], 0.15)
    start = from_middle.apply(-8.0, 0.0)
    return draft.finish((*start, yaw_rad), [from_middle.apply(8.0, 0.0)])


def crowded(site: Site, people: int, seed: int) -> Site:
    """The same with ``people`` more who walk to and fro between random places, through walls if need be."""
    random = np.random.default_rng((seed, 73))
    nodes = np.argwhere(site.clear)
    walkers = []
    for number in range(people):
        ends = [site.center((int(r), int(c))) for r, c in nodes[random.integers(len(nodes), size=2)]]
        half_s = max(1.0, math.dist(*ends) / float(random.uniform(0.4, 1.2)))
        keys = ((0.0, *ends[0]), (half_s, *ends[1]), (2.0 * half_s, *ends[0]))
        walkers.append(MovingObstacle(f"walker {number}", Circle(0.0, 0.0, 0.25), keys, 2.0 * half_s))
    return replace(site, world=replace(site.world, moving=(*site.world.moving, *walkers)))


def true_map(
    site: Site, robot: RobotConfig, resolution_m: float = 0.05, errors: Callable[[int], Array] | None = None
) -> MapImage:
    """The map that perfect mapping makes: scans without noise from all over the free space, people left out.

    ``errors``: what the mapping of n scans got wrong, [n, 3] added to their poses.
    """
    from scipy import ndimage

    still = replace(site.world, moving=())
    sharp = robot.lidar.model_copy(update={
        "noise_sigma_m": 0.0, "dropout_frac": 0.0, "sweep": False, "beams": 1440, "angle_min_rad": -math.pi,
        "angle_increment_rad": 2.0 * math.pi / 1440, "x_m": 0.0, "y_m": 0.0, "yaw_rad": 0.0, "rate_hz": 1000.0,
        "latency_s": 0.0,
    })  # fmt: skip
    sensor, space = LidarSensor(sharp, Scene(still), 0), site.space
    labels, _ = ndimage.label(space.distance_m > _MAP_CLEAR_M)
    inside = (
        labels
        == np.bincount(
            labels[np.repeat(np.repeat(site.clear, 4, 0), 4, 1)[: labels.shape[0], : labels.shape[1]]]
        ).argmax()
    )
    nodes = np.argwhere(inside[::_MAP_STRIDE, ::_MAP_STRIDE]) * _MAP_STRIDE
    poses, scans = [], []
    for k, (row, column) in enumerate(nodes.tolist()):
        x_m = space.bounds.x_min_m + (column + 0.5) * space.resolution_m
        y_m = space.bounds.y_min_m + (row + 0.5) * space.resolution_m
        rows = np.array([[x_m, y_m, 0.0], [x_m, y_m, 0.0]])
        sensor.watch(rows, k * 1_000_000)
        for scan in sensor.due(1 << 62):
            poses.append((x_m, y_m, 0.0))
            scans.append(scan_points(scan, Pose2(0.0, 0.0, 0.0), Pose2(0.0, 0.0, 0.0), 25.0))
    wrong = errors(len(poses)) if errors is not None else 0.0
    return map_image(scans, np.array(poses) + wrong, resolution_m)


def drive(
    site: Site,
    robot: RobotConfig,
    seed: int,
    duration_s: float,
    speed_mps: float = 0.5,
    wheel_scale: float = 1.0,
    kidnaps_s: tuple[float, ...] = (),
) -> list[Sighting]:
    """A tour between random places, as the robot measures it; the truth in the world's frame.

    ``wheel_scale``: how much farther the wheels go than the robot believes. ``kidnaps_s``: when it is carried to some
    other place in no time, without its wheels or its gyro telling. It stands for ``STANDS_S`` first.
    """
    random = np.random.default_rng((seed, 71))
    pose = _first_pose(site, random)
    way: list[tuple[float, float]] = []
    scene = Scene(site.world)
    lidar, imu, odometry = LidarSensor(robot.lidar, scene, seed), ImuSensor(robot.imu, seed), OdometryFilter(robot)
    base_from_lidar = Pose2(robot.lidar.x_m, robot.lidar.y_m, robot.lidar.yaw_rad)
    wheels = np.zeros(2)
    v_mps, w_radps = 0.0, 0.0
    before = np.array([*pose, 0.0, 0.0])
    sightings: list[Sighting] = []
    truths: list[tuple[int, Array]] = []
    waiting: list[Any] = []
    kidnap_ticks = {round(time_s / STEP_S) for time_s in kidnaps_s}
    for tick in range(int(duration_s / STEP_S)):
        now_ns = tick * 10_000_000
        if tick in kidnap_ticks:
            pose, way = _first_pose(site, random), []
            before = np.array([*pose, v_mps, 0.0])
        while not way:
            way = _way(site, pose, random)
        wanted_v, wanted_w = _steer(pose, way, speed_mps) if tick * STEP_S >= STANDS_S else (0.0, 0.0)
        v_mps += max(-0.01, min(0.01, wanted_v - v_mps))
        w_radps += max(-0.05, min(0.05, wanted_w - w_radps))
        rows = _moved(pose, v_mps, w_radps)
        lidar.watch(rows, now_ns)
        truths.append((now_ns, rows[0].copy()))
        pose = rows[-1].copy()
        after = np.array([*pose, v_mps, 0.0])
        half = 0.5 * w_radps * robot.drive.track_m
        wheels += np.array([v_mps - half, v_mps + half]) * STEP_S / wheel_scale / robot.drive.wheel_radius_m
        stamp_ns = now_ns + 10_000_000
        gyro, accel_x, accel_y = imu.sample(before, after, STEP_S, tick)
        odometry.ingest(Imu(stamp_ns, gyro, accel_x, accel_y))
        left, right = (encoder_ticks(float(angle), robot.drive) for angle in wheels)
        odometry.ingest(BaseState(stamp_ns, 1, left, right, v_mps - half, v_mps + half, 12.0, McuState.DRIVING, 0, 0))
        estimate = odometry.predict(stamp_ns)
        before = after
        waiting += lidar.due(stamp_ns)
        while waiting:
            scan = waiting[0]
            sweep_ns = round(scan.time_increment_s * len(scan.ranges_m) * 1e9)
            first, last = odometry.pose_at(scan.stamp_ns), odometry.pose_at(scan.stamp_ns + sweep_ns)
            waiting.pop(0)
            if first is None or last is None:
                continue
            points = scan_points(scan, base_from_lidar, first.inverse() @ last, robot.mapping.max_range_m)
            sightings.append(
                Sighting(scan.stamp_ns, points, np.array([first.x_m, first.y_m, first.yaw_rad]),
                         np.array(estimate.covariance), _truth_at(truths, scan.stamp_ns))
            )  # fmt: skip
    return sightings


def _truth_at(truths: list[tuple[int, Array]], stamp_ns: int) -> Array:
    index = min(stamp_ns // 10_000_000, len(truths) - 2)
    part = (stamp_ns - truths[index][0]) / 1e7
    return truths[index][1] + part * (truths[index + 1][1] - truths[index][1])


def random_poses(site: Site, count: int, seed: int) -> Array:
    """[count, 3]: any place where a robot can drive, any heading."""
    random = np.random.default_rng((seed, 72))
    nodes = np.argwhere(site.clear)
    picked = nodes[random.integers(len(nodes), size=count)]
    headings = random.uniform(-math.pi, math.pi, count)
    return np.array([(*site.center((int(r), int(c))), h) for (r, c), h in zip(picked, headings, strict=True)])


def _first_pose(site: Site, random: np.random.Generator) -> Array:
    pose: Array = random_poses(site, 1, int(random.integers(1 << 30)))[0]
    return pose


def _way(site: Site, pose: Array, random: np.random.Generator) -> list[tuple[float, float]]:
    nodes = np.argwhere(site.clear)
    goal: Node = tuple(nodes[int(random.integers(len(nodes)))].tolist())
    start = site.node(float(pose[0]), float(pose[1]))
    if not site.clear[start]:
        gaps = ((nodes - np.array(start)) ** 2).sum(axis=1)
        start = tuple(nodes[int(gaps.argmin())].tolist())
    height, width = site.clear.shape
    path = shortest_path(
        {start: 0.0},
        lambda node: 0 <= node[0] < height and 0 <= node[1] < width and bool(site.clear[node]),
        lambda node: 0.0 if node == goal else None,
    )
    return [site.center(node) for node in path or []]


def _steer(pose: Array, way: list[tuple[float, float]], speed_mps: float) -> tuple[float, float]:
    """Pure pursuit with a turn on the spot; points that are passed leave ``way``."""
    while len(way) > 1 and math.hypot(way[0][0] - pose[0], way[0][1] - pose[1]) < _LOOK_AHEAD_M:
        way.pop(0)
    dx, dy = way[0][0] - pose[0], way[0][1] - pose[1]
    if math.hypot(dx, dy) < 0.15:
        way.pop(0)
        return 0.0, 0.0
    bearing = math.remainder(math.atan2(dy, dx) - float(pose[2]), 2.0 * math.pi)
    if abs(bearing) > 0.6:
        return 0.0, math.copysign(1.0, bearing)
    return speed_mps * max(0.2, math.cos(2.0 * bearing)), 2.5 * bearing


def _moved(pose: Array, v_mps: float, w_radps: float) -> Array:
    """[11, 3] poses each millisecond, the first is ``pose``; headings are not wrapped."""
    times = np.arange(_ROWS + 1) * (STEP_S / _ROWS)
    yaw = pose[2] + w_radps * times
    middle = pose[2] + 0.5 * w_radps * times
    return np.column_stack([
        pose[0] + v_mps * times * np.cos(middle), pose[1] + v_mps * times * np.sin(middle), yaw,
    ])  # fmt: skip
