"""Candidate motions out of the way of movers: what noise around a plan that stands, or drives on, hardly finds."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from amr.control.base import MotionLimits

_TURN_S: Final = (0.0, 0.2, 0.4, 0.7)
_SPEEDS: Final = (1.0, 0.5)
"""Parts of the largest."""
_BENDS: Final = (-0.35, -0.12, 0.0, 0.12, 0.35)
"""Turn rates, parts of the largest."""


def evasions(limits: MotionLimits, steps: int, step_s: float) -> NDArray[np.float32]:
    """float32 [n, 2, T] of (v, w): full and half speed ahead and back on curves, and turns in place that drive on."""
    found: list[NDArray[np.float32]] = []
    for v_mps in (*(part * limits.v_max_mps for part in _SPEEDS), -limits.v_reverse_max_mps):
        for bend in _BENDS:
            sequence = np.zeros((2, steps), np.float32)
            sequence[0] = v_mps
            sequence[1] = bend * limits.w_max_radps
            found.append(sequence)
    for turn_s in _TURN_S[1:]:
        turning = min(steps, round(turn_s / step_s))
        for side in (-1.0, 1.0):
            for v_mps in (limits.v_max_mps, -limits.v_reverse_max_mps):
                sequence = np.zeros((2, steps), np.float32)
                sequence[1, :turning] = side * limits.w_max_radps
                sequence[0, turning:] = v_mps
                found.append(sequence)
    return np.stack(found)
