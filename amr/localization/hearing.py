"""What scans taken one after the other have against a place: each is matched again along the way back.

Odometry leads from scan to scan. Wheels that slip in a turn lead astray by some tenths of a radian, so a thorough
hearing also tries other turns where a scan does not fit where it is led to.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from amr.localization.map_field import BeamPrices, MapField
from amr.localization.pose_filter import PoseFilter
from amr.mapping.base import between, compose, wrapped

Array = NDArray[Any]

TURNS_RAD: Final = (0.25, -0.25, 0.5, -0.5)
"""By which wheels may have slipped between two scans."""
_REACH_M: Final = 0.5
_REACH_RAD: Final = math.radians(20.0)
_FITS_NATS: Final = 0.6
"""Mean of a scan's beams from which on it does not fit where odometry leads."""


@dataclass(frozen=True, slots=True)
class KeptScan:
    """``points`` [n, 2] seen from ``origin`` [2] (robot's frame), odometry [3] there."""

    points: Array
    origin: Array
    odometry: Array


def way_back(
    kept: Sequence[KeptScan], pose: Array, field: MapField, matcher: PoseFilter, thorough: bool = False
) -> list[Array]:
    """Poses [3] of ``kept`` (oldest first) when the newest was taken at ``pose``."""
    way = [pose]
    for newer, one in zip(reversed(kept[1:]), reversed(kept[:-1]), strict=True):
        led = compose(way[-1], between(newer.odometry, one.odometry))
        at = _matched(one.points, led, led, matcher)
        if thorough and field.nats(one.points, at) > _FITS_NATS:
            tried = [at, *(_matched(one.points, turned_by(turn, led), led, matcher) for turn in TURNS_RAD)]
            at = tried[int(np.argmin([field.nats(one.points, other) for other in tried]))]
        way.append(at)
    return way[::-1]


def against(kept: Sequence[KeptScan], way: Iterable[Array], field: MapField, prices: BeamPrices) -> float:
    """Sum over all beams of ``kept`` from the poses ``way``."""
    return sum(
        float(field.judged_nats(one.points, one.origin, pose, prices).sum())
        for one, pose in zip(kept, way, strict=True)
    )


def turned_by(turn_rad: float, poses: Array) -> Array:
    """``poses`` [..., 3] with other headings."""
    turned = poses.copy()
    turned[..., 2] = wrapped(poses[..., 2] + turn_rad)
    return turned


def _matched(points: Array, start: Array, led: Array, matcher: PoseFilter) -> Array:
    """Where ``points`` fit near ``start``; ``led`` when that is too far from either."""
    pose: Array = matcher.match(points, start).pose
    far = math.hypot(pose[0] - led[0], pose[1] - led[1]) > _REACH_M
    return led if far or abs(float(wrapped(pose[2] - start[2]))) > _REACH_RAD else pose
