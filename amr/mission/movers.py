"""Does something move around a robot that stands: clearances at fixed places that change, tracked movers included."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from amr.geometry import Pose2
from amr.grid import DistanceField
from amr.mission.footprint import distance_at
from amr.movers import Mover

_PLACES: Final = tuple((x_m, y_m) for x_m in (0.5, 1.0, 1.5) for y_m in (-0.6, 0.0, 0.6))
"""In the base frame, m: in front, where a mover is in the way."""


@dataclass(frozen=True, slots=True)
class Sentry:
    """Smallest and largest clearance seen at each place since the robot stands."""

    place: Pose2
    smallest_m: tuple[float, ...]
    largest_m: tuple[float, ...]


def look(sentry: Sentry | None, field: DistanceField, odom_from_base: Pose2, movers: tuple[Mover, ...] = ()) -> Sentry:
    """With this step's field, and the movers, which are not in it (odom frame); None begins at the present pose."""
    place = odom_from_base if sentry is None else sentry.place
    points = [place.apply(x_m, y_m) for x_m, y_m in _PLACES]
    values = distance_at(field, np.array([p[0] for p in points]), np.array([p[1] for p in points]))
    seen = tuple(
        min(float(value), *(math.hypot(x_m - mover.x_m, y_m - mover.y_m) - mover.radius_m for mover in movers))
        if movers
        else float(value)
        for value, (x_m, y_m) in zip(values, points, strict=True)
    )
    if sentry is None:
        return Sentry(place, seen, seen)
    return Sentry(
        place,
        tuple(min(a, b) for a, b in zip(sentry.smallest_m, seen, strict=True)),
        tuple(max(a, b) for a, b in zip(sentry.largest_m, seen, strict=True)),
    )


def largest_change_m(sentry: Sentry | None) -> float:
    """Largest change at any place; 0 without a sentry."""
    if sentry is None:
        return 0.0
    return max(large - small for small, large in zip(sentry.smallest_m, sentry.largest_m, strict=True))
