"""Speed zones as limits of a control cycle, so that the controller plans with what the safety ring would allow."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Final

from amr.config.hardware import Body
from amr.config.zones import Zones
from amr.control.base import MotionLimits
from amr.geometry import Pose2, Twist2
from amr.polygons import corners_of, signed_distance_m

_EASE_FRAC: Final = 0.6
"""Part of the full braking that a slow-down ahead of a zone is planned with."""


class SpeedZones:
    """Made once from the configuration."""

    snapshot_constants: ClassVar[tuple[str, ...]] = ("_zones", "_circumradius_m")

    def __init__(self, zones: Zones, body: Body) -> None:
        self._zones = tuple((corners_of(zone.polygon_m), zone.speed_max_mps) for zone in zones.speed)
        self._circumradius_m = body.circumradius_m

    def limits(self, full: MotionLimits, map_from_base: Pose2, twist: Twist2) -> MotionLimits:
        """``full``, or less: inside a zone its speed, before it the speed from which easy braking reaches that.

        The full limits where the pose is not finite (the safety ring then lets nothing move).
        """
        if not self._zones or not map_from_base.is_finite():
            return full
        speed_mps = abs(twist.v_mps)
        cap_mps = full.v_max_mps + full.w_max_radps * self._circumradius_m
        for corners, zone_mps in self._zones:
            away_m = signed_distance_m(corners, map_from_base.x_m, map_from_base.y_m) - self._circumradius_m
            braking_m = (speed_mps * speed_mps - zone_mps * zone_mps) / (2.0 * _EASE_FRAC * full.brake_mps2)
            if away_m <= max(0.0, braking_m):
                cap_mps = min(cap_mps, zone_mps)
        return capped(full, cap_mps, self._circumradius_m)


def capped(full: MotionLimits, cap_mps: float, circumradius_m: float) -> MotionLimits:
    """``full``, or what moves no point of the outline faster than ``cap_mps``, straight on or turning in place."""
    return replace(
        full,
        v_max_mps=min(full.v_max_mps, cap_mps),
        v_reverse_max_mps=min(full.v_reverse_max_mps, cap_mps),
        w_max_radps=min(full.w_max_radps, cap_mps / circumradius_m),
    )
