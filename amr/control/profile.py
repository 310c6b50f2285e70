"""Speed limits that follow from where the robot is: the trapezoid before a goal, and curves."""

from __future__ import annotations

import math

from amr.control.base import MotionLimits
from amr.geometry import Twist2


def approach_speed_mps(distance_m: float, brake_mps2: float, reaction_s: float = 0.0) -> float:
    """Largest speed from which the robot comes to rest within ``distance_m``, when it brakes after ``reaction_s``.

    Solves v t + v^2 / (2 a) = d; 0 for distances <= 0.
    """
    if distance_m <= 0.0:
        return 0.0
    lag = brake_mps2 * reaction_s
    return math.sqrt(lag * lag + 2.0 * brake_mps2 * distance_m) - lag


def curve_speed_mps(curvature_per_m: float, limits: MotionLimits) -> float:
    """Largest speed on a circle of that curvature under the limits of lateral acceleration and turn rate."""
    bend = abs(curvature_per_m)
    if bend < 1e-9:
        return limits.v_max_mps
    return min(limits.v_max_mps, math.sqrt(limits.a_lateral_max_mps2 / bend), limits.w_max_radps / bend)


def limit_command(wish: Twist2, before: Twist2, limits: MotionLimits, duration_s: float) -> Twist2:
    """``wish`` brought within the limits of speed, and of change over ``duration_s`` from the command ``before``.

    Away from rest the acceleration is limited by ``a_max_mps2``, towards rest by the brake.
    """
    v_mps = max(min(wish.v_mps, limits.v_max_mps), -limits.v_reverse_max_mps)
    w_radps = max(min(wish.w_radps, limits.w_max_radps), -limits.w_max_radps)
    brake_mps2 = max(limits.brake_mps2, limits.a_max_mps2)
    up = (limits.a_max_mps2 if before.v_mps >= 0.0 else brake_mps2) * duration_s
    down = (limits.a_max_mps2 if before.v_mps <= 0.0 else brake_mps2) * duration_s
    turn = limits.alpha_max_radps2 * duration_s
    return Twist2(
        max(min(v_mps, before.v_mps + up), before.v_mps - down),
        max(min(w_radps, before.w_radps + turn), before.w_radps - turn),
    )
