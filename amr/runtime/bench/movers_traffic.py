"""Made-up traffic of many kinds: what the motion model of ``amr.kernels.tracking_foresight`` is fitted and judged on.

A way is float64 [n, 2] (m), one place each ``STEP_S``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from sim.world import Circle, Interpolation, MovingObstacle

Array = NDArray[Any]

STEP_S: Final = 0.02
_LONG_S: Final = 40.0


def ways(kind: str, count: int, seed: int) -> list[Array]:
    """``count`` ways of one of ``KINDS``."""
    make = _KINDS[kind]
    return [make(np.random.default_rng((seed, 41, number))) for number in range(count)]


def _yard(level: str, interpolation: Interpolation) -> Callable[[np.random.Generator], Array]:
    """Cylinders that cross a yard in zigzag, as ``sim.worlds.generate dynabarn`` makes them."""

    def make(random: np.random.Generator) -> Array:
        from sim.worlds.barn_files import dynabarn_file

        made = dynabarn_file(1, int(random.integers(1 << 30)), level)["worlds"][0]["obstacles"]
        chosen = made[int(random.integers(len(made)))]
        keys = tuple((float(t), float(x), float(y)) for t, x, y in chosen["keys"])
        mover = MovingObstacle(
            "mover", Circle(0.0, 0.0, 0.5), keys, chosen["period"], loop=False, interpolation=interpolation
        )
        return np.array([mover.position(t) for t in np.arange(0.0, chosen["period"], STEP_S)])

    return make


def _driven(random: np.random.Generator) -> Array:
    """A vehicle whose speed and turn rate wander (Ornstein-Uhlenbeck processes)."""
    steps = round(_LONG_S / STEP_S)
    fastest, turn = random.uniform(0.5, 2.5), random.uniform(0.1, 1.0)
    calm = math.exp(-STEP_S / random.uniform(0.5, 3.0))
    stir = math.sqrt(1.0 - calm * calm)
    noise = random.standard_normal((2, steps))
    state = np.zeros((2, steps))
    state[:, 0] = noise[:, 0]
    for step in range(1, steps):
        state[:, step] = calm * state[:, step - 1] + stir * noise[:, step]
    speed = np.clip(0.6 + 0.3 * state[0], 0.0, 1.0) * fastest
    heading = random.uniform(0.0, 2.0 * math.pi) + np.cumsum(turn * state[1]) * STEP_S
    return _along(speed, heading)


def _strolling(random: np.random.Generator) -> Array:
    """A person who walks to one place after another, turns within half a second, and sometimes stands."""
    steps = round(_LONG_S / STEP_S)
    usual = random.uniform(0.4, 1.7)
    speed, heading = np.empty(steps), np.empty(steps)
    v, yaw = 0.0, random.uniform(0.0, 2.0 * math.pi)
    wish_v, wish_yaw, left = usual, yaw, 0
    turn_s, hurry_s = random.uniform(0.1, 0.5), random.uniform(0.15, 0.6)
    for step in range(steps):
        if left == 0:
            left = round(random.uniform(0.5, 5.0) / STEP_S)
            wish_v = 0.0 if random.random() < 0.2 else usual * random.uniform(0.6, 1.2)
            wish_yaw = yaw + random.normal(0.0, 0.9)
        left -= 1
        v += (wish_v - v) * STEP_S / hurry_s
        yaw += (wish_yaw - yaw) * STEP_S / turn_s
        speed[step], heading[step] = v, yaw
    return _along(speed, heading)


def _steady(random: np.random.Generator) -> Array:
    """Straight on, or on a circle, at one speed."""
    steps = round(_LONG_S / STEP_S)
    turn = random.choice((0.0, random.normal(0.0, 0.5)))
    heading = random.uniform(0.0, 2.0 * math.pi) + turn * STEP_S * np.arange(steps)
    return _along(np.full(steps, random.uniform(0.1, 2.5)), heading)


def _to_and_fro(random: np.random.Generator) -> Array:
    """Between two places, straight, with a turn on the spot: what many simulated worlds have."""
    steps = round(_LONG_S / STEP_S)
    length, speed = random.uniform(1.0, 8.0), random.uniform(0.2, 2.0)
    place = (speed * STEP_S * np.arange(steps) + random.uniform(0.0, length)) % (2.0 * length)
    along = np.minimum(place, 2.0 * length - place)
    yaw = random.uniform(0.0, 2.0 * math.pi)
    return np.column_stack((math.cos(yaw) * along, math.sin(yaw) * along))


def _along(speed: Array, heading: Array) -> Array:
    return np.cumsum(np.column_stack((speed * np.cos(heading), speed * np.sin(heading))), axis=0) * STEP_S


_KINDS: Final[dict[str, Callable[[np.random.Generator], Array]]] = {
    "yard, slow": _yard("easy", "catmull_rom"),
    "yard": _yard("medium", "catmull_rom"),
    "yard, fast": _yard("hard", "catmull_rom"),
    "yard, straight legs": _yard("hard", "linear"),
    "driven": _driven,
    "strolling": _strolling,
    "steady": _steady,
    "to and fro": _to_and_fro,
}
KINDS: Final = tuple(_KINDS)
