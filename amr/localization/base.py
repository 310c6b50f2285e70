"""What localization offers to its siblings: the fix that a scan gave, and what the robot makes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from numpy.typing import NDArray

from amr.geometry import Pose2, wrap_angle
from amr.messages import Belief

__all__ = ["KNOWN", "Belief", "Fix", "Whereabouts", "shift_of"]

Array = NDArray[Any]


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


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """How well the robot knows its place in this step, for those who decide what it may do."""

    belief: Belief = Belief.SURE
    lost_frac: float = 0.0
    cause: str = ""
    """Why it is not sure, for a person; empty while it is."""
    stand: bool = False
    """It has been found elsewhere: come to rest, then ``map_from_odom`` jumps there."""
    placed_anew: bool = False
    """``map_from_odom`` jumped in this step, at rest: all that was placed by it is somewhere else."""


KNOWN: Final = Whereabouts()
"""As without a saved map."""


def shift_of(before: Pose2, after: Pose2, odom_from_base: Pose2) -> tuple[float, float]:
    """(m, rad) by which the robot's place differs between two values of ``map_from_odom``."""
    here, there = before @ odom_from_base, after @ odom_from_base
    return here.distance_m(there), abs(wrap_angle(there.yaw_rad - here.yaw_rad))
