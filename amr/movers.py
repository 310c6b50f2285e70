"""A tracked moving obstacle as control and safety take it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from amr.geometry import Pose2
from amr.portable_math import sin_cos

AHEAD_S = (0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0, 1.4, 2.0, 3.0)
"""Times for which ``Mover.course`` is told."""


@dataclass(frozen=True, slots=True)
class Mover:
    """A disc that moves, odom frame: position and velocity at the time the message that holds it says.

    Its position t seconds later is predicted as p + v t + a f(t), where the acceleration a fades with the time constant
    ``fade_s``: f(t) = fade^2 (t / fade - 1 + exp(-t / fade)).
    """

    x_m: float
    y_m: float
    vx_mps: float
    vy_mps: float
    radius_m: float
    ax_mps2: float = 0.0
    ay_mps2: float = 0.0
    fade_s: float = 0.5
    position_sigma_m: float = 0.02
    """Standard deviation, each axis."""
    velocity_sigma_mps: float = 0.1
    """Standard deviation, each axis."""
    number: int = 0
    """Of the track, unique within a run."""
    unseen_s: float = 0.0
    """Time since it was last measured."""
    resting: bool = False
    """It has stood for a while, and counts as standing: it is in the map, too."""
    course: tuple[tuple[float, float, float], ...] = ()
    """(x_m, y_m, standard deviation m) at each of ``AHEAD_S`` after the message's time, where the way that it came
    tells more than velocity and acceleration do; () = go by those."""


def in_frame_of(pose: Pose2, movers: tuple[Mover, ...]) -> tuple[Mover, ...]:
    """The movers as seen from a pose that is given in their frame, without their courses."""
    sine, cosine = sin_cos(pose.yaw_rad)
    found = []
    for mover in movers:
        dx, dy = mover.x_m - pose.x_m, mover.y_m - pose.y_m
        found.append(
            replace(
                mover,
                x_m=cosine * dx + sine * dy,
                y_m=cosine * dy - sine * dx,
                vx_mps=cosine * mover.vx_mps + sine * mover.vy_mps,
                vy_mps=cosine * mover.vy_mps - sine * mover.vx_mps,
                ax_mps2=cosine * mover.ax_mps2 + sine * mover.ay_mps2,
                ay_mps2=cosine * mover.ay_mps2 - sine * mover.ax_mps2,
                course=(),
            )
        )
    return tuple(found)
