"""The pose that is told: odometry and scan matches in a Kalman filter, with the errors that a map has kept in mind."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from amr.localization.map_field import MapField
from amr.mapping.base import LineMap, LineMatch, LineMatchSettings, compose, turned, wrapped

Array = NDArray[Any]

_LINE_CELL_M: Final = 0.1
_LEAST_VARIANCE: Final = np.array([1e-8, 1e-8, 1e-8])
_FAR_MAHALANOBIS: Final = 1e3


@dataclass(frozen=True, slots=True)
class PoseSettings:
    """``map_cells`` and ``map_yaw_rad``: standard deviations of what a map is wrong by at one place, which no number of
    scans averages out. ``stretch``: errors of a match over what its points claim. ``weak_frac``: a direction that holds
    less of the information than this is not held at all: rough walls of a corridor only seem to tell the way along it.
    """

    map_cells: float = 0.2
    map_yaw_rad: float = math.radians(0.1)
    stretch: float = 3.0
    weak_frac: float = 0.02
    prior_m: float = 0.1
    prior_rad: float = math.radians(3.0)
    matching: LineMatchSettings = field(default_factory=LineMatchSettings)


class PoseFilter:
    """``pose`` [3] (map frame) and ``covariance`` [3, 3] of what the scans and the odometry told, in the map's axes."""

    snapshot_constants: ClassVar[tuple[str, ...]] = (
        "_lines",
        "_matching",
        "_settings",
        "_map_covariance",
        "_weak",
        "_loose",
    )

    def __init__(self, saved: MapField, settings: PoseSettings | None = None) -> None:
        self._settings = settings or PoseSettings()
        low, high = saved.wall_points.min(axis=0), saved.wall_points.max(axis=0)
        reach_m = 0.5 * float((high - low).max()) + 1.0
        self._lines = LineMap(reach_m, max(_LINE_CELL_M, 2.0 * saved.cell_m), len(saved.wall_points))
        self._lines.build(0.5 * (low + high), [saved.wall_points], np.zeros((1, 3)))
        self._matching = self._settings.matching.as_array()
        map_m = self._settings.map_cells * saved.cell_m
        self._map_covariance = np.diag([map_m**2, map_m**2, self._settings.map_yaw_rad**2])
        prior = np.array([self._settings.prior_m, self._settings.prior_m, self._settings.prior_rad])
        self._weak, self._loose = np.diag(prior**-2.0), np.diag(prior**2.0)
        self.pose: Array = np.zeros(3)
        self.covariance: Array = np.diag(_LEAST_VARIANCE)

    @property
    def told_covariance(self) -> Array:
        """With the map's own error."""
        told: Array = self.covariance + self._map_covariance
        return told

    def reset(self, pose: Array, covariance: Array) -> None:
        """Believe this instead."""
        self.pose, self.covariance = np.array(pose, np.float64), np.array(covariance, np.float64)

    def predict(self, step: Array, step_covariance: Array) -> None:
        """Move by ``step`` [3]; its covariance in the axes of the pose that it starts from."""
        moved = compose(self.pose, step)
        lever = np.eye(3)
        lever[0, 2], lever[1, 2] = self.pose[1] - moved[1], moved[0] - self.pose[0]
        self.covariance = lever @ self.covariance @ lever.T + turned(step_covariance, float(self.pose[2]))
        self.pose = moved

    def match(self, points: Array, start: Array, start_covariance: Array | None = None) -> LineMatch:
        """``points`` [n, 2] against the map's walls from ``start`` [3], which holds what the walls do not.

        It may be off by ``prior_m``, ``prior_rad``, and by its covariance [3, 3] where that is told.
        """
        weak = self._weak if start_covariance is None else np.linalg.inv(self._loose + start_covariance)
        return self._lines.match(points, start, self._matching, start, weak)

    def believed(self, match: LineMatch) -> Array:
        """Information [3, 3] of a match that may be believed."""
        held = without_weak_direction(match.information, self._settings.weak_frac) / self._settings.stretch**2
        # a part that nothing holds stays without information: (H^-1 + M)^-1 = H (1 + M H)^-1
        believed = held @ np.linalg.inv(np.eye(3) + self._map_covariance @ held)
        symmetric: Array = 0.5 * (believed + believed.T)
        return symmetric

    def innovation(self, match: LineMatch) -> float:
        """Squared Mahalanobis distance of the match from the prediction, in the directions that the match holds."""
        information = self.believed(match)
        error = self._error(match)
        gain = np.eye(3) + self.covariance @ information
        squared = float(error @ information @ np.linalg.inv(gain) @ error)
        return min(max(squared, 0.0), _FAR_MAHALANOBIS)

    def fuse(self, match: LineMatch) -> None:
        """Take the match in."""
        information = self.believed(match)
        error = self._error(match)
        posterior = np.linalg.inv(np.eye(3) + self.covariance @ information) @ self.covariance
        self.pose = self.pose + posterior @ information @ error
        self.pose[2] = wrapped(self.pose[2])
        self.covariance = 0.5 * (posterior + posterior.T) + np.diag(_LEAST_VARIANCE)

    def _error(self, match: LineMatch) -> Array:
        error: Array = match.pose - self.pose
        error[2] = wrapped(error[2])
        return error


def without_weak_direction(information: Array, weak_frac: float) -> Array:
    """``information`` [3, 3] without what it tells of the weaker direction of travel, when that is next to nothing.

    Weak = its share of both eigenvalues of the translation's part, with the heading given, is below ``weak_frac``.
    """
    a, b, c = information[0, 0], information[0, 1], information[1, 1]
    half = 0.5 * (a - c)
    root = math.sqrt(half * half + b * b)
    large, small = 0.5 * (a + c) + root, 0.5 * (a + c) - root
    if small >= weak_frac * large:
        return information
    nx, ny = (root + half, b) if half >= 0.0 else (b, root - half)
    length = math.sqrt(nx * nx + ny * ny)
    if length == 0.0:
        return np.zeros((3, 3))
    keep = np.zeros((3, 3))
    keep[0, 0], keep[0, 1], keep[1, 1] = nx * nx, nx * ny, ny * ny
    keep[1, 0] = keep[0, 1]
    keep[:2, :2] /= length * length
    keep[2, 2] = 1.0
    kept: Array = keep @ information @ keep
    return kept
