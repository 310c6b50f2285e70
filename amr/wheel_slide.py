"""How a skid steer slides: the base's speed over ground from wheel speeds and yaw rate.

Four contacts that cannot roll the way the body turns are dragged over the floor, and Coulomb friction points against
each contact's slip, whatever its size. So any force that the floor gives the body beside the drag of turning (the
centripetal one in a fast curve, braking in a turn) costs a slip in proportion to the turn: a Jackal at 2 m/s and
1.2 rad/s drifts outwards by 13 cm per radian. Odometry without this is wrong by that much.
"""

from __future__ import annotations

import math
from typing import Any

from numpy.typing import NDArray

from amr.jit import kernel

Array = NDArray[Any]

_SUBSTEP_S = 0.005
_ITERATIONS = 6


@kernel("UniTuple(float64, 2)(float64, float64, float64, float64, float64, float64, float64, float64, float64[:,::1])")
def slide(
    vx_mps: float,
    vy_mps: float,
    w_radps: float,
    left_mps: float,
    right_mps: float,
    duration_s: float,
    friction_mps2: float,
    creep_mps: float,
    contacts: Array,
) -> tuple[float, float]:
    """(vx, vy) of the base over ground, base frame, after ``duration_s`` at this yaw rate and these wheel speeds.

    Implicit Euler on m v' = sum of contact forces, in the turning frame: each step minimizes
    |v - v0|^2 / 2 + dt mu g / n sum_i sqrt(|s_i|^2 + creep^2), which is convex; Newton. ``s_i``: slip of contact i,
    base speed there minus wheel speed; equal loads. ``friction_mps2`` = mu g; ``creep_mps`` > 0: slip at which
    friction is 0.7 of its full value. ``contacts`` [n, 2]: x m, y m in the base frame, y > 0 on the left wheels.
    """
    count = contacts.shape[0]
    steps = max(1, min(40, int(duration_s / _SUBSTEP_S + 0.5)))
    dt = duration_s / steps
    weight = dt * friction_mps2 / count
    for _step in range(steps):
        start_x = vx_mps + dt * w_radps * vy_mps
        start_y = vy_mps - dt * w_radps * vx_mps
        for _iteration in range(_ITERATIONS):
            gradient_x = vx_mps - start_x
            gradient_y = vy_mps - start_y
            curve_xx = 1.0
            curve_xy = 0.0
            curve_yy = 1.0
            for i in range(count):
                wheel = left_mps if contacts[i, 1] > 0.0 else right_mps
                slip_x = vx_mps - w_radps * contacts[i, 1] - wheel
                slip_y = vy_mps + w_radps * contacts[i, 0]
                size = math.sqrt(slip_x * slip_x + slip_y * slip_y + creep_mps * creep_mps)
                pull = weight / size
                gradient_x += pull * slip_x
                gradient_y += pull * slip_y
                bend = pull / (size * size)
                curve_xx += pull - bend * slip_x * slip_x
                curve_xy -= bend * slip_x * slip_y
                curve_yy += pull - bend * slip_y * slip_y
            determinant = curve_xx * curve_yy - curve_xy * curve_xy
            vx_mps -= (curve_yy * gradient_x - curve_xy * gradient_y) / determinant
            vy_mps -= (curve_xx * gradient_y - curve_xy * gradient_x) / determinant
    return vx_mps, vy_mps
