"""The mission's path, which lies on the map, as control follows it: in the odometry's frame."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from amr.geometry import IDENTITY, Pose2
from amr.localization.base import shift_of

_SHIFT_M: Final = 0.03
_SHIFT_RAD: Final = 0.01
"""A path is placed anew when ``map_from_odom`` has moved the robot by more than this since."""


class PlacedPath:
    """``path_odom`` float64 [n, 3] (x m, y m, yaw rad); ``version`` changes with it."""

    def __init__(self) -> None:
        self.path_odom: NDArray[np.float64] = np.zeros((0, 3))
        self.version = -1
        self._mission_version = -1
        self._replaced = 0
        self._map_from_odom = IDENTITY

    def update(
        self, mission_version: int, path_map: NDArray[np.float64], map_from_odom: Pose2, odom_from_base: Pose2
    ) -> None:
        """Take the mission's path; it is placed when it is another one or has to lie elsewhere."""
        if mission_version == self._mission_version:
            shift_m, shift_rad = shift_of(self._map_from_odom, map_from_odom, odom_from_base)
            if shift_m <= _SHIFT_M and shift_rad <= _SHIFT_RAD:
                return
            self._replaced += 1
        self._mission_version, self._map_from_odom = mission_version, map_from_odom
        self.version = mission_version + self._replaced
        self.path_odom = transform_path(map_from_odom.inverse(), path_map)


def transform_path(target_from_source: Pose2, path_xyyaw: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same path in another frame; float64 [n, 3] (x m, y m, yaw rad)."""
    moved = np.empty_like(path_xyyaw)
    for index, (x_m, y_m, yaw_rad) in enumerate(path_xyyaw.tolist()):
        pose = target_from_source @ Pose2(x_m, y_m, yaw_rad)
        moved[index] = (pose.x_m, pose.y_m, pose.yaw_rad)
    return moved
