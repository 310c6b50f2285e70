"""Keep-out zones in the local window: they lie on the map, the window in the odometry's frame."""

from __future__ import annotations

from typing import ClassVar, Final

from amr.config.zones import Zones
from amr.geometry import Pose2
from amr.localization.base import shift_of
from amr.mapping.base import LocalMap
from amr.polygons import corners_of, placed

_SHIFT_M: Final = 0.01
_SHIFT_RAD: Final = 0.003
"""They are drawn anew when ``map_from_odom`` has moved the robot by more than this."""


class KeepOutInWindow:
    """Draws the zones into ``window``, and again when they have to lie elsewhere."""

    snapshot_constants: ClassVar[tuple[str, ...]] = ("_polygons",)

    def __init__(self, zones: Zones, window: LocalMap, map_from_odom: Pose2) -> None:
        self._polygons = tuple(corners_of(zone.polygon_m) for zone in zones.keep_out)
        self._drawn_at = map_from_odom
        self._draw(window)

    def update(self, window: LocalMap, map_from_odom: Pose2, odom_from_base: Pose2) -> None:
        """Once a step."""
        if not self._polygons:
            return
        shift_m, shift_rad = shift_of(self._drawn_at, map_from_odom, odom_from_base)
        if shift_m > _SHIFT_M or shift_rad > _SHIFT_RAD:
            self._drawn_at = map_from_odom
            self._draw(window)

    def _draw(self, window: LocalMap) -> None:
        odom_from_map = self._drawn_at.inverse()
        window.forbid(tuple(placed(corners, odom_from_map) for corners in self._polygons))
