"""Front end of SLAM: each scan against the lines of the last keyframes, with the odometry as prior."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from amr.mapping.match_noise import MatchNoise
from amr.mapping.odometry_trust import OdometryTrust
from amr.mapping.pose_arrays import Array, between, compose, turned, wrapped
from amr.mapping.scan_matching import LineMap, LineMatch, LineMatchSettings, WindowMap

_POOR_FRAC: Final = 0.75
"""A match is doubted below this share of what matches in this log usually reach."""
_LEAST_VARIANCE: Final = np.array([1e-6, 1e-6, 2.5e-7])
"""(1 mm)^2 and (0.03 deg)^2: no pose is known better in its local map."""
_WEAK_VARIANCE: Final = np.array([2.5e-5, 2.5e-5, 4e-6])
_APART_M_PER_RAD: Final = 1.0
_SEARCH_REACH_M: Final = 20.0


@dataclass(frozen=True, slots=True)
class FrontSettings:
    """Keyframes after ``key_step_m`` or ``key_turn_rad``; matched against the last ``newest`` of them and the nearest
    of the last ``kept``, ``used`` together."""

    key_step_m: float = 0.35
    key_turn_rad: float = math.radians(15.0)
    kept: int = 40
    newest: int = 4
    used: int = 12
    reach_m: float = 60.0
    search_m: float = 0.5
    search_rad: float = math.radians(20.0)
    matching: LineMatchSettings = field(default_factory=LineMatchSettings)


@dataclass(slots=True)
class Keyframe:
    """``points`` [n, 2] in the robot's frame; ``pose`` [3] as the front end knew it; ``scan``: number in the log.

    ``step`` [3] from the last keyframe and its ``information`` [3, 3] in that keyframe's axes.
    """

    scan: int
    points: Array
    pose: Array
    step: Array
    information: Array


@dataclass(frozen=True, slots=True)
class Tracked:
    """What the front end found for a scan."""

    pose: Array
    keyframe: Keyframe | None
    match: LineMatch | None


class FrontEnd:
    """Tracks the robot from scan to scan; :meth:`correct` moves what it keeps when the back end says so.

    Each scan is matched with hardly any prior, then fused with the odometry by its covariance (a Kalman filter whose
    measurement is the match). ``loose``: without the fusion, to learn from.
    """

    def __init__(self, settings: FrontSettings | None = None, loose: bool = False) -> None:
        self.settings = settings or FrontSettings()
        self.loose = loose
        self.trust = OdometryTrust()
        self.noise = MatchNoise()
        self.pose = np.zeros(3)
        self.covariance = np.diag(_LEAST_VARIANCE)
        self.recent: deque[Keyframe] = deque(maxlen=self.settings.kept)
        self.poor_matches = 0
        self._odometry: Array | None = None
        self._used: list[Keyframe] = []
        self._since_key = np.zeros(3)
        self._weak = OdometryTrust()
        self._map = LineMap(self.settings.reach_m, sided=True)
        self._matching = self.settings.matching.as_array()
        self.usual_frac = 0.5

    def learn(self, trust: OdometryTrust) -> None:
        """Use this noise from now on."""
        self.trust = trust
        self.noise.learn(trust)

    def add(self, scan: int, points: Array, odometry: Array) -> Tracked:
        """Track scan number ``scan``: ``points`` [n, 2] and ``odometry`` [3], both of the robot's frame."""
        step = self._predict(odometry)
        match = None
        if self.recent:
            match = self._match(points, self.pose, step)
            self.noise.see(match.information)
            self._fuse(match)
        return Tracked(self.pose, self._keyframe(scan, points, match), match)

    def skip(self, odometry: Array) -> Array:
        """Dead reckoning over a scan that cannot be used."""
        self._predict(odometry)
        return self.pose

    def _predict(self, odometry: Array) -> Array:
        step = np.zeros(3) if self._odometry is None else self.trust.corrected(between(self._odometry, odometry))
        self._odometry = odometry.copy()
        predicted = compose(self.pose, step)
        lever = np.eye(3)
        lever[0, 2], lever[1, 2] = self.pose[1] - predicted[1], predicted[0] - self.pose[0]
        self.covariance = lever @ self.covariance @ lever.T + turned(self.trust.covariance(step), self.pose[2])
        self.pose = predicted
        self._since_key = compose(self._since_key, step)
        return step

    def _fuse(self, match: LineMatch) -> None:
        if self.loose:
            self.pose = match.pose
            return
        information = self.noise.honest(match.information)
        posterior = np.linalg.inv(np.linalg.inv(self.covariance) + information)
        innovation = match.pose - self.pose
        innovation[2] = wrapped(innovation[2])
        self.pose = self.pose + posterior @ information @ innovation
        self.pose[2] = wrapped(self.pose[2])
        self.covariance = posterior + np.diag(_LEAST_VARIANCE)

    def _match(self, points: Array, predicted: Array, step: Array) -> LineMatch:
        prior = np.linalg.inv(turned(self._weak.covariance(step) + np.diag(_WEAK_VARIANCE), predicted[2] - step[2]))
        match = self._map.match(points, predicted, self._matching, predicted, prior)
        if match.inlier_frac < _POOR_FRAC * self.usual_frac:
            self.poor_matches += 1
            match = self._search(points, predicted, prior, match)
        self.usual_frac += 0.02 * (match.inlier_frac - self.usual_frac)
        return match

    def _search(self, points: Array, predicted: Array, prior: Array, match: LineMatch) -> LineMatch:
        """The better of ``match`` and what a search of the whole window finds."""
        settings = self.settings
        near = [key.points[(key.points**2).sum(axis=1) < _SEARCH_REACH_M**2] for key in self._used]
        window = WindowMap(near, np.array([key.pose for key in self._used]), settings.search_m)
        found = window.search(points, predicted, settings.search_m, settings.search_rad, math.radians(0.5), 0.3)
        if found is None:
            return match
        other = self._map.match(points, found[0], self._matching, predicted, prior)
        return other if other.inlier_frac > 1.2 * match.inlier_frac else match

    def _keyframe(self, scan: int, points: Array, match: LineMatch | None) -> Keyframe | None:
        step, information = np.zeros(3), np.eye(3)
        if self.recent:
            last = self.recent[-1]
            step = between(last.pose, self.pose)
            if math.hypot(step[0], step[1]) < self.settings.key_step_m and abs(step[2]) < self.settings.key_turn_rad:
                return None
            information = np.linalg.inv(self.trust.covariance(self._since_key) + np.diag(_LEAST_VARIANCE))
            if match is not None:
                information = information + turned(self.noise.honest(match.information), -last.pose[2])
        keyframe = Keyframe(scan, points, self.pose.copy(), step, information)
        self._since_key = np.zeros(3)
        self.recent.append(keyframe)
        self.rebuild()
        return keyframe

    def correct(self, poses: Array) -> None:
        """Take over ``poses`` [len(recent), 3] for the kept keyframes; the robot moves with the newest."""
        self.pose = compose(poses[-1], between(self.recent[-1].pose, self.pose))
        for keyframe, pose in zip(self.recent, poses, strict=True):
            keyframe.pose = pose.copy()
        self.rebuild()

    def rebuild(self) -> None:
        """The local map anew from the kept keyframes."""
        poses = np.array([key.pose for key in self.recent])
        offset = poses - poses[-1]
        apart = np.hypot(offset[:, 0], offset[:, 1]) + _APART_M_PER_RAD * np.abs(wrapped(offset[:, 2]))
        apart[-self.settings.newest :] = 0.0
        used = np.sort(np.argsort(apart, kind="stable")[: self.settings.used])
        self._used = [self.recent[k] for k in used]
        self._map.build(poses[-1, :2], [key.points for key in self._used], poses[used])
