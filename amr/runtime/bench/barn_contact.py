"""Contacts told apart: whose motion closed the gap, and what the safety ring was doing."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from amr.config.hardware import Body
from amr.messages import StopReason
from sim.contact import closing_speeds_mps
from sim.scene import Scene
from sim.world import World

CONTACT_KINDS: Final = ("standing", "struck", "braking", "moving")
_BEFORE_CONTACT_S: Final = 0.02
_CLOSING_S: Final = 0.01
_STANDING_MPS: Final = 0.05
_BRAKING: Final = frozenset({StopReason.OBSTACLE.value, StopReason.OBSTACLE_SLOW.value})


def contact_of(truth: np.ndarray[Any, Any], reasons: list[str], world: World, body: Body) -> dict[str, Any]:
    """The contact fields of a score, from the trace up to the contact.

    ``standing``: no part of the robot went faster than 0.05 m/s; ``struck``: it moved, but what it did closed the gap
    by less than that, so something else ran into it. The others are its own doing: ``braking`` while the safety ring
    was stopping or slowing it for an obstacle, ``moving`` while it drove or turned on inside its envelope. All as of
    20 ms before, which the impact has not changed.
    """
    before = max(0, int(np.searchsorted(truth[:, 0], truth[-1, 0] - _BEFORE_CONTACT_S)) - 1)
    earlier = max(0, int(np.searchsorted(truth[:, 0], truth[before, 0] - _CLOSING_S)))
    speed_mps = abs(float(truth[before, 4]))
    rim_mps = abs(float(truth[before, 5])) * body.circumradius_m
    own_mps, other_mps = 0.0, 0.0
    if earlier < before:
        places = (_pose_of(truth[earlier]), _pose_of(truth[before]))
        times_s = (float(truth[earlier, 0]), float(truth[before, 0]))
        own_mps, other_mps = closing_speeds_mps(body, Scene(world), *places, *times_s)
    if max(speed_mps, rim_mps) < _STANDING_MPS:
        kind = "standing"
    elif own_mps < _STANDING_MPS:
        kind = "struck"
    else:
        kind = "braking" if reasons[before] in _BRAKING else "moving"
    return {
        "contact": kind,
        "contact_speed_mps": speed_mps,
        "contact_own_closing_mps": own_mps,
        "contact_other_closing_mps": other_mps,
        "contact_stop_reason": reasons[before],
    }


def _pose_of(row: np.ndarray[Any, Any]) -> tuple[float, float, float]:
    return float(row[1]), float(row[2]), float(row[3])
