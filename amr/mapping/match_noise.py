"""What a match is worth: its own information, stretched by what the log shows."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from amr.mapping.odometry_trust import OdometryTrust
from amr.mapping.pose_arrays import Array

_LEAST_INFORMATION: Final = np.diag([1e2, 1e2, 1e2])


class MatchNoise:
    """How much more a match errs than its points say: they share the errors of the map and of the lidar.

    The log tells (``OdometryTrust.match_m``, ``match_rad``); until then twice.
    """

    def __init__(self) -> None:
        self._usual_m = 0.0
        self._usual_rad = 0.0
        self._count = 0
        self.stretch = np.array([2.0, 2.0, 2.0])

    def see(self, information: Array) -> None:
        """Learn what matches of this log usually claim."""
        variance = np.diag(np.linalg.inv(information + _LEAST_INFORMATION))
        self._count += 1
        gain = max(0.01, 1.0 / self._count)
        self._usual_m += gain * (math.sqrt(0.5 * (variance[0] + variance[1])) - self._usual_m)
        self._usual_rad += gain * (math.sqrt(variance[2]) - self._usual_rad)

    def learn(self, trust: OdometryTrust) -> None:
        """Take over what the log told."""
        if trust.match_m is not None and trust.match_rad is not None and self._count > 0:
            translation = max(1.0, trust.match_m / self._usual_m)
            self.stretch = np.array([translation, translation, max(1.0, trust.match_rad / self._usual_rad)])

    def honest(self, information: Array) -> Array:
        """``information`` [3, 3] of a match with its deviations stretched."""
        scaled: Array = information / np.outer(self.stretch, self.stretch)
        return scaled
