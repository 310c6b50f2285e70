"""The stopping envelope: at any speed the robot can brake before everything it sees or remembers.

Model of a stop, when the command of this step is the last good one:

1. Until this command reaches the wheels, those in flight act (``actuation_s``); nothing can change that.
2. It then acts until the next one could (``cycle_s``), and the wheels follow late (``settle_s``).
3. Then the robot brakes to rest along the command's curvature, both wheels in proportion, at ``limits.brake_mps2``
   and ``limits.alpha_max_radps2``. Where the wheels still run faster than the command, braking starts from that speed;
   where they never reached it, the command to brake begins at theirs (``limits.no_faster``).

A skid steer slides (``dead_reckoning``): it follows its wheels late, brakes less while it is told to turn, turns less
or more than its wheels (in simulation between half and one and a half times), and drifts outward: its centre of
rotation moves ahead, at most as far as its leading wheels. So two stops are checked: along the command's curvature
about the base, and along the curvature that the body has now or is told in flight, from its own speed, about the
leading wheels (``situation``).
The second counts too where the command turns back or in place while the body still slides on. What may be wrong beyond
both (``yaw_error_frac``) widens the sweep along the way.

The swept outline of 2 and 3 keeps ``margin_m`` (plus ``margin_per_speed_s`` times the speed there) to every point. The
world is at rest but for ``obstacle_speed_mps``, by which every point may approach from its measurement to the stop.

A remembered point adds its uncertainty to the margin, but never forbids to leave it. At ``creep_mps`` the uncertainty
does not count, and inside the margin the robot may slide along and away: so it gets out of every place it got into.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from amr.config.robot import RobotConfig
from amr.geometry import Twist2
from amr.safety import kernel
from amr.safety.limits import CommandLimits
from amr.safety.outline import Outline

_REST_MPS = 1.0e-6


@dataclass(frozen=True, slots=True)
class EnvelopeSettings:
    """From the robot file."""

    actuation_s: float
    """From this step to torque on the wheels: the reaction time without the part that a scan's age already counts."""
    hold_s: float
    margin_m: float
    margin_per_speed_s: float
    contact_margin_m: float
    creep_mps: float
    blind_mps: float
    obstacle_speed_mps: float
    yaw_error_frac: float
    age_max_s: float
    """A point may have approached since it was seen, but for no longer than the memory lasts elsewhere."""

    @classmethod
    def from_config(cls, config: RobotConfig) -> EnvelopeSettings:
        """From a robot file; the actuation takes at least the line's own delay."""
        safety = config.safety
        return cls(
            max(safety.reaction_s - config.lidar.latency_s, config.link.host_to_mcu_delay_s),
            safety.cycle_s + safety.settle_s,
            safety.margin_m,
            safety.margin_per_speed_s,
            safety.contact_margin_m,
            safety.creep_mps,
            safety.blind_mps,
            safety.obstacle_speed_mps,
            safety.yaw_error_frac,
            safety.memory_s,
        )


@dataclass(frozen=True, slots=True)
class Motion:
    """A twist as direction and speed: ``unit`` times ``speed_mps``, the bound on the speed of the outline's points."""

    unit: Twist2
    """v in m/s and w in rad/s per m/s of the bound."""
    speed_mps: float
    brake_s_per_mps: float
    """Time to rest per speed, along this curvature."""


def motion_of(twist: Twist2, limits: CommandLimits, circumradius_m: float) -> Motion | None:
    """The twist taken apart, None at rest."""
    speed_mps = outline_speed_mps(twist, circumradius_m)
    if speed_mps < _REST_MPS:
        return None
    unit = Twist2(twist.v_mps / speed_mps, twist.w_radps / speed_mps)
    return Motion(
        unit, speed_mps, max(abs(unit.v_mps) / limits.brake_mps2, abs(unit.w_radps) / limits.alpha_max_radps2)
    )


def outline_speed_mps(twist: Twist2, circumradius_m: float) -> float:
    """Bound on the speed of every point of the outline."""
    return abs(twist.v_mps) + abs(twist.w_radps) * circumradius_m


def reach_m(
    motion: Motion,
    floor_mps: float,
    settings: EnvelopeSettings,
    circumradius_m: float,
    age_s: float = 0.0,
    uncertainty_m: float = 0.0,
) -> float:
    """Distance from the outline's own origin within which a point can matter for the stop of ``motion``.

    ``age_s`` and ``uncertainty_m``: the largest of any point. Turning keeps the outline within its circumradius.
    """
    speed_mps = max(motion.speed_mps, floor_mps)
    brake_s = speed_mps * motion.brake_s_per_mps
    way_m = speed_mps * (settings.hold_s + 0.5 * brake_s)
    stop_s = settings.hold_s + brake_s
    return (
        circumradius_m
        + abs(motion.unit.v_mps) * way_m
        + settings.margin_m
        + settings.margin_per_speed_s * speed_mps
        + settings.yaw_error_frac * abs(motion.unit.w_radps) * way_m * (circumradius_m + 0.5 * way_m)
        + settings.obstacle_speed_mps * (age_s + stop_s)
        + uncertainty_m
    )


def full_reach_m(limits: CommandLimits, settings: EnvelopeSettings, circumradius_m: float) -> float:
    """The same for any motion within the limits, for points that are fresh and certain."""
    stop_s = max(limits.v_max_mps / limits.brake_mps2, limits.w_max_radps / limits.alpha_max_radps2)
    fastest_mps = limits.v_max_mps + limits.w_max_radps * circumradius_m
    return (
        circumradius_m
        + limits.v_max_mps * (settings.hold_s + 0.5 * stop_s)
        + settings.margin_m
        + settings.margin_per_speed_s * fastest_mps
        + settings.obstacle_speed_mps * (settings.hold_s + stop_s)
    )


def clear_speed(
    motion: Motion,
    slowest_mps: float,
    floor_mps: float,
    points: NDArray[np.float64],
    count: int,
    settings: EnvelopeSettings,
    outline: Outline,
) -> tuple[float, int]:
    """(largest speed in [slowest, motion's] whose stop is clear of all points, index of the limiting point or -1).

    -1.0 when even the slowest is not. ``floor_mps``: the speed at which the wheels still run when braking begins.
    """
    speed_mps, worst = kernel.largest_clear_speed(
        points, count, motion.speed_mps, slowest_mps, law_of(motion, floor_mps, settings, outline),
        *outline.parts.arrays, np.empty(count), np.empty(count, np.int64),
    )  # fmt: skip
    return float(speed_mps), int(worst)


def unseen_speed(
    motion: Motion,
    slowest_mps: float,
    floor_mps: float,
    cells: NDArray[np.float64],
    count: int,
    settings: EnvelopeSettings,
    outline: Outline,
) -> float:
    """Largest speed whose stop does not enter the unseen cells, at least ``blind_mps``."""
    bare = _without_margins(settings)
    speed_mps, _ = clear_speed(motion, slowest_mps, floor_mps, cells, count, bare, outline)
    return max(speed_mps, min(motion.speed_mps, settings.blind_mps))


def may_creep(
    motion: Motion,
    speed_mps: float,
    floor_mps: float,
    points: NDArray[np.float64],
    count: int,
    settings: EnvelopeSettings,
    outline: Outline,
) -> bool:
    """True when this low speed is allowed although a normal stop would not be clear; rules in ``creep_is_clear``."""
    resting = replace(settings, yaw_error_frac=0.0)
    law = law_of(motion, floor_mps, resting, outline)
    clear = kernel.creep_is_clear(
        points, count, speed_mps, settings.contact_margin_m, law, *outline.parts.arrays, np.empty(count)
    )
    return bool(clear)


def touches_while_braking(
    motion: Motion, points: NDArray[np.float64], count: int, settings: EnvelopeSettings, outline: Outline
) -> bool:
    """True when even braking at once, from the speed that the wheels have, touches a point."""
    bare = replace(
        settings, hold_s=0.0, margin_m=0.0, margin_per_speed_s=0.0, obstacle_speed_mps=0.0, yaw_error_frac=0.0
    )
    speed_mps, _ = clear_speed(motion, motion.speed_mps, motion.speed_mps, points, count, bare, outline)
    return speed_mps < 0.0


def _without_margins(settings: EnvelopeSettings) -> EnvelopeSettings:
    """For what only must not be touched."""
    return replace(settings, margin_m=0.0, margin_per_speed_s=0.0, obstacle_speed_mps=0.0, yaw_error_frac=0.0)


def law_of(motion: Motion, floor_mps: float, settings: EnvelopeSettings, outline: Outline) -> NDArray[np.float64]:
    """The stop along this motion as the kernels take it."""
    return np.array(
        (
            motion.unit.v_mps, motion.unit.w_radps, floor_mps, settings.hold_s, motion.brake_s_per_mps,
            settings.margin_m, settings.margin_per_speed_s, settings.obstacle_speed_mps, outline.circumradius_m,
            settings.yaw_error_frac, settings.age_max_s,
        )
    )  # fmt: skip
