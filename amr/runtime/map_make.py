"""``amr map``: maps from logs, and two of them joined into one."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from amr.errors import DataError
from amr.estimation.odometry import OdometryFilter
from amr.geometry import Pose2
from amr.localization.map_field import MapField
from amr.localization.pose_filter import PoseFilter
from amr.localization.relocalize import Place, Relocalizer
from amr.localization.scan_points import scan_points
from amr.mapping.base import between, compose, wrapped
from amr.mapping.slam import Slam
from amr.mapping.slam_record import SlamRecord, joined, record_of
from amr.messages import BaseState, Imu, Scan
from amr.runtime.log_reader import Log
from amr.runtime.map_file import map_picture
from amr.units import ns_from_s

Array = NDArray[Any]
Progress = Callable[[str], None]

_EVERY_SCANS: Final = 500
_LEAST_POINTS: Final = 20
_STANDS_M: Final = 0.003
_STANDS_RAD: Final = math.radians(0.1)
_AGREE_M: Final = 0.3
_AGREE_RAD: Final = math.radians(3.0)
_ANCHORS_MAX: Final = 12
_ANCHOR_GAP: Final = 12
"""Keyframes between two places at which the second map is found on the first."""


def map_of_log(path: Path, progress: Progress | None = None) -> SlamRecord:
    """The map of one drive: a log of this program (``.mcap``) or one of ``amr bench slam`` (``.npz``).

    Raises ``DataError``.
    """
    say = progress or (lambda _: None)
    slam = Slam()
    ways: list[Array] = []
    for k, (points, odometry) in enumerate(_sightings(path)):
        slam.add(points, odometry)
        ways.append(odometry)
        if k % _EVERY_SCANS == 0:
            say(f"{path.name}: {k} scans")
    poses = slam.finish(lambda text: say(f"{path.name}: {text}"))
    if not slam.keyframes:
        raise DataError(f"{path}: expected scans and odometry to make a map of, found none that can be used")
    if path.suffix != ".npz":
        poses = _where_it_began(poses, np.array(ways), Log(path).header.start)
    return record_of(slam.back, poses[[key.scan for key in slam.keyframes]])


def _where_it_began(poses: Array, odometry: Array, start: Pose2) -> Array:
    """``poses`` [N, 3] in the frame of the drive's goals: the robot stood at ``start`` when its ``odometry`` began.

    All scans up to the first motion tell where that is on the map.
    """
    gap = between(odometry[0], odometry)
    moved = (np.hypot(gap[:, 0], gap[:, 1]) > _STANDS_M) | (np.abs(wrapped(gap[:, 2])) > _STANDS_RAD)
    stood = poses[: int(np.argmax(moved)) or 1] if moved.any() else poses[:1]
    offset = between(stood[0], stood)
    offset[:, 2] = wrapped(offset[:, 2])
    mean = compose(stood[0], offset.mean(axis=0))
    first = compose(np.array([start.x_m, start.y_m, start.yaw_rad]), odometry[0])
    return compose(compose(first, between(mean, np.zeros(3))), poses)


def merged(first: SlamRecord, second: SlamRecord, progress: Progress | None = None) -> SlamRecord:
    """Both as one map in the frame of ``first``. Raises ``DataError`` where no two places tell the same."""
    say = progress or (lambda _: None)
    say("looking for places that both have seen")
    anchors = common_places(first, second)
    if len(anchors) < 2:
        raise DataError("no places that both maps have seen (expected two that agree): they cannot be merged")
    say(f"{len(anchors)} places; searching loops")
    return joined(first, second, anchors)


def common_places(first: SlamRecord, second: SlamRecord) -> list[tuple[int, int, Array]]:
    """(keyframe of first, keyframe of second, measured [3]) at places that agree about how both maps lie."""
    field = MapField(map_picture(first))
    relocalizer = Relocalizer(field, PoseFilter(field))
    found: list[tuple[int, Array]] = []
    next_k = 0
    for k, scan in enumerate(second.points):
        if k in second.sessions:
            relocalizer.clear()
        if k < next_k or not relocalizer.add(np.asarray(scan, np.float64), np.zeros(2), second.poses[k]):
            continue
        answer = relocalizer.search()
        if answer.place is Place.FOUND:
            found.append((k, answer.poses[0]))
            relocalizer.clear()
            next_k = k + _ANCHOR_GAP
    best = _largest_agreement(found, second)
    anchors = []
    for k, pose in best[:_ANCHORS_MAX]:
        near = int(np.argmin(((first.poses - pose)[:, :2] ** 2).sum(axis=1)))
        anchors.append((near, k, between(first.poses[near], pose)))
    return anchors


def _largest_agreement(found: list[tuple[int, Array]], second: SlamRecord) -> list[tuple[int, Array]]:
    """Those of ``found`` that put the second map in the same place as most others do."""
    best: list[tuple[int, Array]] = []
    for k, pose in found:
        moved = compose(pose, between(second.poses[k], np.zeros(3)))
        agree = []
        for other_k, other in found:
            gap = compose(moved, second.poses[other_k]) - other
            if math.hypot(gap[0], gap[1]) < _AGREE_M and abs(float(wrapped(gap[2]))) < _AGREE_RAD:
                agree.append((other_k, other))
        if len(agree) > len(best):
            best = agree
    return best


def _sightings(path: Path) -> Iterator[tuple[Array | None, Array]]:
    """(points [n, 2] in the robot's frame or None, odometry [3]) of each scan."""
    if path.suffix == ".npz":
        from amr.runtime.bench.slam_log import load_slam_log

        log = load_slam_log(path)
        yield from zip(log.points, log.odometry, strict=True)
        return
    yield from _scans_of_drive(path)


def _scans_of_drive(path: Path) -> Iterator[tuple[Array | None, Array]]:
    """Scans of our own log, each at the odometry that the robot's filter gives; what cannot be placed is left out."""
    log = Log(path)
    robot = log.header.robot()
    odometry = OdometryFilter(robot)
    base_from_lidar = Pose2(robot.lidar.x_m, robot.lidar.y_m, robot.lidar.yaw_rad)
    waiting: list[Scan] = []
    for step in log.steps():
        for message in step.inputs.messages:
            if isinstance(message, BaseState | Imu):
                odometry.ingest(message)
            elif isinstance(message, Scan):
                waiting.append(message)
        estimate = odometry.predict(step.inputs.now_ns)
        still: list[Scan] = []
        for scan in waiting:
            sweep_ns = ns_from_s(scan.time_increment_s * len(scan.ranges_m))
            first, last = odometry.pose_at(scan.stamp_ns), odometry.pose_at(scan.stamp_ns + sweep_ns)
            if first is None or last is None:
                if scan.stamp_ns + sweep_ns > estimate.stamp_ns:
                    still.append(scan)
                continue
            points = scan_points(scan, base_from_lidar, first.inverse() @ last, robot.mapping.max_range_m)
            usable = points if len(points) >= _LEAST_POINTS else None
            yield usable, np.array([first.x_m, first.y_m, first.yaw_rad])
        waiting = still
