"""Does the lidar see the motion that the wheels tell of? A lidar mounted otherwise, or encoders that slip, show here.

Every few centimetres of way a scan is matched to the one before (``scan_matching``), from the motion by odometry. The
ways of the last pairs, as complex numbers in the base frame, are compared by one factor: scans = q odometry (least
squares). Its angle is the lidar's error of mounting, its size the scale of the wheels. Pairs whose surroundings do not
hold every direction (a corridor) tell nothing and are left out; so are beams that end on what moves.
"""

from __future__ import annotations

import math
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from amr.geometry import Pose2
from amr.mapping.scan_matching import LineMap, LineMatch, LineMatchSettings
from amr.portable_math import arctan2, sin_cos

Array = NDArray[np.float64]

STEP_M: Final = 0.12
"""Way between two scans that are compared: half of the match's reach, so that a lidar turned round is still matched."""
STEP_MOST_M: Final = 0.35
TURN_MOST_RAD: Final = 0.5
"""Between two compared scans; after more the older one is given up."""
PAIRS: Final = 8
PAIRS_LEAST: Final = 5
ANGLE_MOST_RAD: Final = 0.26
"""15 degrees: twice what a skid steer's drift in curves, which odometry does not know to the last, was seen to do."""
AGREED: Final = 40
"""So many pairs that agree, about 5 m of way: the lidar sits right, and no bolt turns it by 15 degrees within a metre.
What looks like it then is a body that slides otherwise than its wheels turn."""
LASTING: Final = 16
"""So many judgements in a row, 2 m of way, must find a turned lidar once others have found it right. A crowd that comes
into view and goes one way turns the matches, too, but not for so long; a bolt that came loose stays loose."""
SCALE_MOST: Final = 1.35
"""Tyres and slip are off by a few per cent, half of the counts by a factor."""
SPREAD_MOST: Final = 0.15
"""Part of the way by which the pairs may differ from their common factor. Sound robots among things that stand have
0.08 at most; more comes of people, whose motion is in the matches."""
SIGMA_MOST_M: Final = 0.012
"""Of a match in its worst direction."""
INLIERS_LEAST: Final = 0.5
POINTS_MOST: Final = 240
_REACH_M: Final = 9.0
_SETTINGS: Final = LineMatchSettings(
    first_reach_m=0.5, last_reach_m=0.15, sigma_m=0.03, kernel_m=0.05, iterations=20, reach_kept_frac=0.8
)


class MotionCheck:
    """``update`` with each scan that odometry could place; ``fault`` names what is wrong, '' = nothing is known of it.

    A fault stays until ``reset``. Cost: 0.2 ms for each pair, about 4 to 12 times a second at speed.
    """

    snapshot_constants: ClassVar[tuple[str, ...]] = ("_lines", "_settings")

    def __init__(self) -> None:
        self._lines = LineMap(_REACH_M, cell_m=0.1, capacity=8000)
        self._settings = _SETTINGS.as_array()
        self._key_points: Array = np.zeros((0, 2))
        self._key = Pose2(0.0, 0.0, 0.0)
        self._has_key = False
        self._pairs: Array = np.zeros((PAIRS, 4))
        """x, y (m) by odometry, x, y by scans, base frame at the older scan."""
        self._count = 0
        self._agreed = self._turned = 0
        self.fault = ""

    def reset(self) -> None:
        """A person has looked at it: begin anew."""
        self._has_key, self._count, self._agreed, self._turned, self.fault = False, 0, 0, 0, ""

    def is_due(self, odom_from_base: Pose2) -> bool:
        """The next ``update`` compares, or takes a scan to compare with."""
        return not self.fault and (not self._has_key or self._key.distance_m(odom_from_base) >= STEP_M)

    def update(self, points_odom: Array, odom_from_base: Pose2) -> None:
        """``points_odom`` [n, 2]: what a scan met, each beam placed by odometry; the base at the middle of the scan."""
        if self._has_key:
            moved = self._key.inverse() @ odom_from_base
            way_m = math.sqrt(moved.x_m * moved.x_m + moved.y_m * moved.y_m)
            if way_m <= STEP_MOST_M and abs(moved.yaw_rad) <= TURN_MOST_RAD:
                self._compare(points_odom, moved)
        self._key_points, self._key, self._has_key = points_odom, odom_from_base, True

    @property
    def factor(self) -> tuple[float, float, float]:
        """(size, angle rad, spread) of q over the pairs; size 0 without any."""
        pairs = self._pairs[: min(self._count, PAIRS)]
        ox, oy, sx, sy = (pairs[:, column] for column in range(4))
        power = float(np.sum(ox * ox + oy * oy))
        if power <= 0.0:
            return 0.0, 0.0, 0.0
        real, imaginary = float(np.sum(ox * sx + oy * sy)) / power, float(np.sum(ox * sy - oy * sx)) / power
        dx, dy = sx - (real * ox - imaginary * oy), sy - (imaginary * ox + real * oy)
        spread = math.sqrt(float(np.sum(dx * dx + dy * dy)) / power)
        return math.sqrt(real * real + imaginary * imaginary), arctan2(imaginary, real), spread

    def _compare(self, points_odom: Array, moved: Pose2) -> None:
        """Match both scans in the frame of the base at the older one, where odometry says that they coincide."""
        older, newer = _in_frame(self._key, self._key_points), _thinned(_in_frame(self._key, points_odom))
        self._lines.build(np.zeros(2), [older], np.zeros((1, 3)))
        match = self._lines.match(newer, np.zeros(3), self._settings)
        if match.inlier_frac < INLIERS_LEAST or _worst_sigma_m(match) > SIGMA_MOST_M:
            return
        x_m, y_m, yaw_rad = (float(value) for value in match.pose)
        s, c = sin_cos(yaw_rad)
        self._pairs[self._count % PAIRS] = (
            moved.x_m, moved.y_m, x_m + c * moved.x_m - s * moved.y_m, y_m + s * moved.x_m + c * moved.y_m,
        )  # fmt: skip
        self._count += 1
        if self._count >= PAIRS_LEAST:
            self._judge()

    def _judge(self) -> None:
        size, angle_rad, spread = self.factor
        if spread > SPREAD_MOST * max(1.0, size):
            return
        if abs(angle_rad) > ANGLE_MOST_RAD:
            self._turned += 1
            if self._agreed == 0 or (self._agreed < AGREED and self._turned >= LASTING):
                degrees = 57.29577951308232 * angle_rad
                self.fault = (
                    f"the lidar sees the robot go {degrees:.0f} degrees beside where the wheels go: it is mounted "
                    "otherwise than the robot file says"
                )
            return
        self._agreed += 1
        self._turned = 0
        if not 1.0 / SCALE_MOST <= size <= SCALE_MOST:
            self.fault = (
                f"the lidar sees {size:.2f} times the way that the wheels tell of: an encoder slips, or the wheels spin"
            )


def _in_frame(frame: Pose2, points: Array) -> Array:
    """``points`` [n, 2] as seen from ``frame``."""
    s, c = sin_cos(frame.yaw_rad)
    dx, dy = points[:, 0] - frame.x_m, points[:, 1] - frame.y_m
    return np.ascontiguousarray(np.stack([c * dx + s * dy, c * dy - s * dx], axis=1))


def _thinned(points: Array) -> Array:
    """At most ``POINTS_MOST``, evenly."""
    step = max(1, -(-len(points) // POINTS_MOST))
    return np.ascontiguousarray(points[::step])


def _worst_sigma_m(match: LineMatch) -> float:
    """Standard deviation of the position in its worst direction, the heading unknown; inf where nothing holds it."""
    h = match.information
    if not h[2, 2] > 0.0:
        return math.inf
    xx = float(h[0, 0] - h[0, 2] * h[0, 2] / h[2, 2])
    xy = float(h[0, 1] - h[0, 2] * h[1, 2] / h[2, 2])
    yy = float(h[1, 1] - h[1, 2] * h[1, 2] / h[2, 2])
    least = 0.5 * (xx + yy) - math.sqrt(0.25 * (xx - yy) * (xx - yy) + xy * xy)
    return 1.0 / math.sqrt(least) if least > 0.0 else math.inf
