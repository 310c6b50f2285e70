"""A map with its memory: keyframes, scans and loops, so that mapping can go on and two maps can be joined."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from amr.mapping.base import MapImage
from amr.mapping.pose_arrays import Array, between, compose
from amr.mapping.slam_back import BackEnd
from amr.mapping.slam_front import Keyframe
from amr.mapping.slam_loops import Loop
from amr.mapping.slam_map import map_image

_APART_M: Final = 1.0e4
"""Way between the last keyframe of one session and the first of the next: nobody knows it, so loops alone lead over."""


@dataclass(frozen=True, slots=True, eq=False)
class SlamRecord:
    """N keyframes and K loops between them.

    ``poses`` [N, 3] (x m, y m, yaw rad; map frame), ``points`` of each [n, 2] float32 (m, robot's frame), ``steps``
    [N, 3] from the keyframe before and their ``step_information`` [N, 3, 3], in that one's axes. ``sessions`` [S]:
    numbers of the keyframes with which a session begins. ``pairs`` [K, 2], ``measured`` [K, 3], ``information``
    [K, 3, 3], ``quality`` [K, 3] (inlier share, score, 1 = strong): see ``Loop``. ``resolution_m``: of its picture.
    """

    poses: Array
    points: tuple[Array, ...]
    steps: Array
    step_information: Array
    sessions: Array
    pairs: Array
    measured: Array
    information: Array
    quality: Array
    resolution_m: float = 0.025
    """Half of what a planner needs: a wall in 5 cm cells is known to 2.5 cm, and so is a robot that looks at it."""

    def image(self) -> MapImage:
        """The map as ROS ``map_server`` colors it."""
        return map_image([np.asarray(scan, np.float64) for scan in self.points], self.poses, self.resolution_m)


def record_of(back: BackEnd, poses: Array, sessions: Array | None = None) -> SlamRecord:
    """What ``back`` knows, its keyframes at ``poses`` [N, 3]."""
    loops = sorted(back.loops, key=lambda loop: (loop.second, loop.first))
    return SlamRecord(
        poses=np.array(poses, np.float64),
        points=tuple(np.ascontiguousarray(key.points, np.float32) for key in back.keyframes),
        steps=np.array([key.step for key in back.keyframes]).reshape(-1, 3),
        step_information=np.array([key.information for key in back.keyframes]).reshape(-1, 3, 3),
        sessions=np.zeros(1, np.int64) if sessions is None else sessions,
        pairs=np.array([(loop.first, loop.second) for loop in loops], np.int64).reshape(-1, 2),
        measured=np.array([loop.measured for loop in loops]).reshape(-1, 3),
        information=np.array([loop.information for loop in loops]).reshape(-1, 3, 3),
        quality=np.array([(loop.inlier_frac, loop.score, float(loop.strong)) for loop in loops]).reshape(-1, 3),
    )


def back_of(record: SlamRecord) -> BackEnd:
    """A back end that knows what ``record`` holds; more keyframes and loops may follow."""
    back = BackEnd()
    _append(back, record, np.zeros(3))
    return back


def joined(first: SlamRecord, second: SlamRecord, anchors: list[tuple[int, int, Array]]) -> SlamRecord:
    """Both in the frame of ``first``. ``anchors``: (keyframe of first, keyframe of second, measured [3]), at least one.

    The sessions hang together by the anchors and by the loops that are then searched between them.
    """
    back = back_of(first)
    count = len(first.poses)
    at, seen, measured = anchors[0]
    moved = compose(compose(first.poses[at], measured), between(second.poses[seen], np.zeros(3)))
    _append(back, second, moved)
    for at, seen, measured in anchors:
        information = np.diag([1.0 / 0.03**2, 1.0 / 0.03**2, 1.0 / 0.01**2]) * 5.0
        back.accept(Loop(at, count + seen, measured, information, 1.0, 1.0, strong=True))
    back.finish()
    sessions = np.concatenate([first.sessions, second.sessions + count])
    return replace(record_of(back, back.poses, sessions), resolution_m=first.resolution_m)


def _append(back: BackEnd, record: SlamRecord, moved: Array) -> None:
    """Add all keyframes of ``record``, moved by ``moved`` [3], and its loops, as they are."""
    count = len(back.poses)
    begins = set(record.sessions.tolist())
    for k, pose in enumerate(compose(moved, record.poses)):
        step, information = record.steps[k], record.step_information[k]
        way_m = None
        if k in begins and count + k > 0:
            step, information, way_m = between(back.poses[-1], pose), np.zeros((3, 3)), _APART_M
        scan = np.ascontiguousarray(record.points[k], np.float64)
        back.append(Keyframe(count + k, scan, pose, step, information), way_m)
    rows = zip(record.pairs, record.measured, record.information, record.quality, strict=True)
    for (one, other), measured, information, (inlier_frac, score, strong) in rows:
        back.accept(
            Loop(count + int(one), count + int(other), measured, information, float(inlier_frac), float(score),
                 strong=bool(strong))
        )  # fmt: skip
