"""Where the lidar stood: scans of standstills averaged, matched to a map of lines that they make together."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from amr.calibration.base import CalibrationError
from amr.geometry import Pose2
from amr.mapping.scan_matching import LineMap, LineMatch, LineMatchSettings, WindowMap
from amr.messages import Scan

Floats = NDArray[np.float64]

SETTINGS: Final = LineMatchSettings(first_reach_m=0.3, last_reach_m=0.08, sigma_m=0.01, kernel_m=0.02, iterations=40)
SCANS_LEAST: Final = 4
INLIERS_LEAST: Final = 0.5
"""Part of a scan that must lie on the lines of the others: else the surroundings moved, or the match is wrong."""
SIGMA_LEAST_M: Final = 0.0005
SIGMA_LEAST_RAD: Final = 0.0002
"""What cells and lines err by, however many beams are averaged."""
_EDGE_M: Final = 0.10
_WINDOW_M: Final = 0.15
BY_GYRO_RAD: Final = 0.35
BY_WHEELS_RAD: Final = 0.9
"""A file that is 5 % off is within these after each motion of the programme, with and without a gyro."""


@dataclass(slots=True, eq=False)
class Place:
    """``points`` [n, 2] lidar frame; ``pose``: of the lidar in the frame of the first place."""

    points: Floats
    pose: Pose2
    sigma_m: float = SIGMA_LEAST_M
    sigma_rad: float = SIGMA_LEAST_RAD


@dataclass(slots=True, eq=False)
class Places:
    """Standstills in order. The first one's lidar pose is the frame."""

    reach_m: float
    found: list[Place] = field(default_factory=list)

    def add(self, scans: list[Scan], guess: Pose2, window_rad: float = BY_GYRO_RAD) -> Place:
        """Average, match, keep. ``guess``: within 0.15 m and ``window_rad``. Raises ``CalibrationError``."""
        points = standing_points(scans)
        if not self.found:
            self.found.append(Place(points, Pose2(0.0, 0.0, 0.0)))
            return self.found[0]
        center = _array(guess)
        poses = np.array([_array(place.pose) for place in self.found])
        window = WindowMap([place.points for place in self.found], poses, window_m=_WINDOW_M + 0.05)
        found = window.search(points, center, _WINDOW_M, window_rad, 0.01, 0.25)
        start = center if found is None else found[0]
        place = Place(points, guess)
        self._place(place, self.found, start)
        self.found.append(place)
        return place

    def refine(self) -> None:
        """Match each standstill but the first to all others, twice."""
        for _ in range(2):
            for place in self.found[1:]:
                others = [other for other in self.found if other is not place]
                self._place(place, others, _array(place.pose))

    def map(self) -> LineMap:
        """Lines of all standstills."""
        return self._map(self.found)

    def _map(self, places: list[Place]) -> LineMap:
        lines = LineMap(self.reach_m + 1.0)
        poses = np.array([_array(place.pose) for place in places])
        lines.build(np.zeros(2), [place.points for place in places], poses)
        return lines

    def _place(self, place: Place, others: list[Place], start: Floats) -> None:
        match = self._map(others).match(place.points, start, SETTINGS.as_array())
        if match.inlier_frac < INLIERS_LEAST:
            raise CalibrationError(
                f"a scan at rest fits the others by {match.inlier_frac:.0%} only: something moved around the robot, or "
                "there is too little to see"
            )
        place.pose = Pose2(*(float(value) for value in match.pose))
        place.sigma_m, place.sigma_rad = _sigmas(match)


def standing_points(scans: list[Scan]) -> Floats:
    """Mean of the scans of a robot at rest, float64 [n, 2], lidar frame; beams at edges are left out."""
    if len(scans) < SCANS_LEAST:
        raise CalibrationError(f"{len(scans)} scans during a standstill, at least {SCANS_LEAST} are needed")
    ranges = standing_ranges(scans)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a beam without any return
        mean, spread = np.nanmean(ranges, axis=0), np.nanstd(ranges, axis=0)
    used = (np.isfinite(ranges).sum(axis=0) >= 0.6 * len(scans)) & (spread < _EDGE_M)
    first = scans[0]
    angles = first.angle_min_rad + first.angle_increment_rad * np.arange(len(mean))
    points = np.stack([mean * np.cos(angles), mean * np.sin(angles)], axis=1)
    return np.ascontiguousarray(points[used])


def standing_ranges(scans: list[Scan]) -> Floats:
    """float64 [scans, beams]; nan = no return."""
    ranges = np.array([scan.ranges_m for scan in scans], np.float64)
    ranges[~np.isfinite(ranges)] = np.nan
    ranges[ranges < scans[0].range_min_m] = np.nan
    return ranges


def between(before: list[Scan], after: list[Scan], reach_m: float) -> Place:
    """The lidar's small motion between two standstills, as a place in the frame of the first."""
    places = Places(reach_m)
    places.add(before, Pose2(0.0, 0.0, 0.0))
    return places.add(after, Pose2(0.0, 0.0, 0.0))


def _sigmas(match: LineMatch) -> tuple[float, float]:
    """Standard deviations of position (the worse axis) and heading, from the residuals of the match."""
    covariance = np.linalg.inv(match.information + 1e-9 * np.eye(3)) * (match.rms_m / SETTINGS.sigma_m) ** 2
    position = math.sqrt(max(float(np.linalg.eigvalsh(covariance[:2, :2])[-1]), 0.0))
    return math.hypot(position, SIGMA_LEAST_M), math.hypot(math.sqrt(covariance[2, 2]), SIGMA_LEAST_RAD)


def _array(pose: Pose2) -> Floats:
    return np.array([pose.x_m, pose.y_m, pose.yaw_rad])
