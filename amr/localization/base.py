"""What localization offers to its siblings: the fix that a scan gave."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]


class Belief(StrEnum):
    """What the robot shall think of its pose."""

    SURE = "sure"
    DOUBTFUL = "doubtful"
    """Perhaps lost: slow down."""
    LOST = "lost"
    """Stop, and find out (the pose is the last guess)."""


@dataclass(frozen=True, slots=True, eq=False)
class Fix:
    """Where the robot was at a scan.

    ``pose`` [3] (x m, y m, yaw rad; map frame) and its ``covariance`` [3, 3] in the map's axes, given that it is not
    lost; ``lost_frac`` = probability that it is. ``jumped``: not where the last fix and the odometry lead to.
    """

    pose: Array
    covariance: Array
    lost_frac: float
    belief: Belief
    jumped: bool
