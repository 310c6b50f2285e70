"""Speed and acceleration limits, enforced last, for commands that are finite."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from amr.config.hardware import Limits
from amr.geometry import Twist2

_LEAST_GRIP_FRAC = 0.1


@dataclass(frozen=True, slots=True)
class CommandLimits:
    """The robot file's limits as the ring applies them."""

    v_max_mps: float
    v_reverse_max_mps: float
    w_max_radps: float
    a_max_mps2: float
    brake_mps2: float
    alpha_max_radps2: float
    a_lateral_max_mps2: float

    @classmethod
    def from_config(cls, limits: Limits) -> CommandLimits:
        """Those of a robot file; braking is never held below the acceleration that is allowed anyway."""
        return cls(
            limits.v_max_mps,
            limits.v_reverse_max_mps,
            limits.w_max_radps,
            limits.a_max_mps2,
            max(limits.brake_mps2, limits.a_max_mps2),
            limits.alpha_max_radps2,
            limits.a_lateral_max_mps2,
        )


def grip_part(grip_frac: float) -> float:
    """The part of the file's friction to reckon with, in [0.1, 1]; what is no number counts as 0.1."""
    return min(1.0, grip_frac) if grip_frac >= _LEAST_GRIP_FRAC else _LEAST_GRIP_FRAC


def on_floor(limits: CommandLimits, grip_frac: float) -> CommandLimits:
    """What can be relied on where the floor gives this part of the file's friction; never more than the file.

    The speed falls with the root, so that no stop gets longer than on the file's floor. Any value is safe.
    """
    part = grip_part(grip_frac)
    return replace(
        limits,
        v_max_mps=math.sqrt(part) * limits.v_max_mps,
        v_reverse_max_mps=math.sqrt(part) * limits.v_reverse_max_mps,
        a_max_mps2=part * limits.a_max_mps2,
        brake_mps2=part * limits.brake_mps2,
        a_lateral_max_mps2=part * limits.a_lateral_max_mps2,
    )


def limit_speed(wish: Twist2, limits: CommandLimits) -> tuple[Twist2, str]:
    """The wish within v, w and lateral acceleration, and the rule that changed it ('' = none).

    v and w are clipped one by one; then the lateral acceleration ``abs(v w)`` scales both, so the curvature stays.
    """
    cause = ""
    v_mps = min(limits.v_max_mps, max(-limits.v_reverse_max_mps, wish.v_mps))
    w_radps = min(limits.w_max_radps, max(-limits.w_max_radps, wish.w_radps))
    if v_mps != wish.v_mps:
        cause = f"wished v {wish.v_mps:.3f} m/s, limit {v_mps:.3f} m/s"
    elif w_radps != wish.w_radps:
        cause = f"wished w {wish.w_radps:.3f} rad/s, limit {w_radps:.3f} rad/s"
    lateral_mps2 = abs(v_mps * w_radps)
    if lateral_mps2 > limits.a_lateral_max_mps2:
        cause = cause or f"lateral acceleration {lateral_mps2:.2f} m/s2, limit {limits.a_lateral_max_mps2:.2f} m/s2"
        scale = math.sqrt(limits.a_lateral_max_mps2 / lateral_mps2)
        v_mps, w_radps = v_mps * scale, w_radps * scale
    return Twist2(v_mps, w_radps), cause


def limit_turn(wish: Twist2, body_mps: float, limits: CommandLimits, cause: str) -> tuple[Twist2, str]:
    """The wish with no faster turn than the body's own speed allows, maybe above the wish's; the rule, or ``cause``.

    ``body_mps``: over the floor, when this command acts. What brakes into a turn is still faster than told.
    """
    lateral_mps2 = abs(body_mps * wish.w_radps)
    if abs(body_mps) <= abs(wish.v_mps) or lateral_mps2 <= limits.a_lateral_max_mps2:
        return wish, cause
    told = f"lateral acceleration {lateral_mps2:.2f} m/s2 of the body, limit {limits.a_lateral_max_mps2:.2f} m/s2"
    return Twist2(wish.v_mps, wish.w_radps * limits.a_lateral_max_mps2 / lateral_mps2), cause or told


def _approach(value: float, target: float, up: float, down: float) -> float:
    """One axis: may grow in magnitude by ``up``, shrink by ``down`` (at most to zero) or by ``up`` through zero."""
    if value >= 0.0:
        return min(value + up, max(target, min(value - up, max(0.0, value - down))))
    return max(value - up, min(target, max(value + up, min(0.0, value + down))))


def limit_rate(previous: Twist2, wish: Twist2, limits: CommandLimits, duration_s: float) -> tuple[Twist2, str]:
    """The command nearest to the wish that can follow ``previous`` after ``duration_s``, and the rule ('' = none)."""
    v_mps = _approach(previous.v_mps, wish.v_mps, limits.a_max_mps2 * duration_s, limits.brake_mps2 * duration_s)
    turn = limits.alpha_max_radps2 * duration_s
    w_radps = _approach(previous.w_radps, wish.w_radps, turn, turn)
    cause = ""
    if v_mps != wish.v_mps:
        cause = f"acceleration to {wish.v_mps:.3f} m/s, limits {limits.a_max_mps2:.2f} and {limits.brake_mps2:.2f} m/s2"
    elif w_radps != wish.w_radps:
        cause = f"turning acceleration to {wish.w_radps:.3f} rad/s, limit {limits.alpha_max_radps2:.2f} rad/s2"
    return Twist2(v_mps, w_radps), cause


def brake(previous: Twist2, limits: CommandLimits, duration_s: float) -> Twist2:
    """``previous`` after braking for ``duration_s`` along its own curvature, as hard as both limits allow."""
    stop_s = stop_time_s(previous, limits)
    if duration_s >= stop_s:
        return Twist2(0.0, 0.0)
    keep = 1.0 - duration_s / stop_s
    return Twist2(previous.v_mps * keep, previous.w_radps * keep)


def no_faster(command: Twist2, body: Twist2, radius_m: float) -> Twist2:
    """``command`` along its own curvature, at most as fast as the body goes that way; ``radius_m`` weighs the turn.

    A ramp down from a command that the wheels never reached would speed them up.
    """
    size_mps = math.hypot(command.v_mps, radius_m * command.w_radps)
    if size_mps == 0.0:
        return command
    along_mps = command.v_mps / size_mps * body.v_mps + radius_m * command.w_radps / size_mps * radius_m * body.w_radps
    if along_mps >= size_mps:
        return command
    keep = max(0.0, along_mps / size_mps)
    return Twist2(command.v_mps * keep, command.w_radps * keep)


def stop_time_s(twist: Twist2, limits: CommandLimits) -> float:
    """Time to rest along the twist's own curvature."""
    return max(abs(twist.v_mps) / limits.brake_mps2, abs(twist.w_radps) / limits.alpha_max_radps2)


def slowest_fraction(previous: Twist2, candidate: Twist2, limits: CommandLimits, duration_s: float) -> float:
    """Smallest part of ``candidate`` in [0, 1] that braking from ``previous`` reaches within ``duration_s``."""
    fraction = 0.0
    for now, target, rate in (
        (previous.v_mps, candidate.v_mps, limits.brake_mps2),
        (previous.w_radps, candidate.w_radps, limits.alpha_max_radps2),
    ):
        reachable = abs(now) - rate * duration_s
        if now * target > 0.0 and reachable > 0.0:
            fraction = max(fraction, reachable / abs(target))
    return min(1.0, fraction)
