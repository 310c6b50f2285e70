"""SLAM from wheel odometry and one lidar: front end, loops, pose graph, and a last pass over all scans."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from amr.mapping.odometry_trust import learned_trust
from amr.mapping.pose_arrays import Array, between, compose
from amr.mapping.slam_back import BackEnd
from amr.mapping.slam_front import FrontEnd, FrontSettings, Keyframe
from amr.mapping.slam_loops import LoopSettings
from amr.mapping.slam_refine import rematched, smoothed

_LEARN_EVERY: Final = 200
_LEARN_FROM: Final = 6000


@dataclass(frozen=True, slots=True)
class SlamSettings:
    """One set for all robots; what differs between them is learned from the log."""

    front: FrontSettings = field(default_factory=FrontSettings)
    loops: LoopSettings = field(default_factory=LoopSettings)


class Slam:
    """Add scans in order; each answers with the pose as it is known then. ``finish`` gives all poses once more."""

    def __init__(self, settings: SlamSettings | None = None) -> None:
        settings = settings or SlamSettings()
        self.front = FrontEnd(settings.front)
        self.back = BackEnd(settings.loops)
        self._loose = FrontEnd(settings.front, loose=True)
        self._points: list[Array | None] = []
        self._odometry: list[Array] = []
        self._seen: list[tuple[Array, Array]] = []
        self._owner: list[int] = []
        self._offset: list[Array] = []

    @property
    def keyframes(self) -> list[Keyframe]:
        """The scans that the map is made of."""
        return self.back.keyframes

    def add(self, points: Array | None, odometry: Array) -> Array:
        """Pose [3] of this scan: ``points`` [n, 2] (m) in the robot's frame, None for a scan that cannot be used."""
        scan = len(self._points)
        self._points.append(points)
        self._odometry.append(np.array(odometry, np.float64))
        if points is None:
            self.front.skip(odometry)
        else:
            self._learn(points, odometry)
            tracked = self.front.add(scan, points, odometry)
            self.back.finder.usual_frac = self.front.usual_frac
            if tracked.keyframe is not None and self.back.add(tracked.keyframe):
                self.front.correct(self.back.poses[-len(self.front.recent) :])
        last = len(self.back.poses) - 1
        pose = self.front.pose.copy()
        self._owner.append(last)
        self._offset.append(between(self.back.poses[last], pose) if last >= 0 else pose)
        return pose

    def finish(self, progress: Callable[[str], None] | None = None) -> Array:
        """Final poses [N, 3] of all scans; call once, after the last scan."""
        say = progress or (lambda _: None)
        if not self._points:
            return np.zeros((0, 3))
        if not self.back.keyframes:
            return np.array(self._offset)
        say("searching loops")
        self.back.finish()
        owner = np.array(self._owner)
        poses = np.array(self._offset)
        poses[owner >= 0] = compose(self.back.poses[owner[owner >= 0]], poses[owner >= 0])
        say("matching all scans again")
        key_scans = np.array([key.scan for key in self.back.keyframes])
        matches, information = rematched(self._points, poses, key_scans, self.front.settings.matching)
        return smoothed(matches, matches, information, np.array(self._odometry), self.front.trust, self.front.noise)

    def _learn(self, points: Array, odometry: Array) -> None:
        """Let the loose tracker run along, and take over what it tells about the odometry."""
        self._seen.append((odometry, self._loose.add(0, points, odometry).pose))
        if len(self._seen) % _LEARN_EVERY == 0:
            seen = self._seen[-_LEARN_FROM:]
            self.front.learn(learned_trust(np.array([o for o, _ in seen]), np.array([p for _, p in seen])))
