"""How far a simulated robot's idea of its place was from the truth, step by step."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np

from amr.geometry import Pose2, wrap_angle
from amr.messages import Belief, Outputs
from amr.runtime.result import finite

_PERCENT: Final = (50.0, 95.0, 100.0)
_NAMES: Final = ("p50", "p95", "max")
_WRONG_M: Final = 0.5
_WRONG_RAD: Final = 0.3


class PoseErrors:
    """Fed with every step; the errors count from the step on in which the robot is armed for the first time."""

    def __init__(self) -> None:
        self._rows: list[tuple[float, float, float]] = []
        self._armed = False
        self.relocated = 0
        """Times that it was lost and has found itself."""
        self._was_lost = False

    def add(self, outputs: Outputs, truth: Pose2) -> None:
        """One step, with where the robot truly was."""
        telemetry = outputs.telemetry
        lost = telemetry.belief is Belief.LOST
        self.relocated += self._was_lost and not lost
        self._was_lost = lost
        self._armed = self._armed or telemetry.armed
        if self._armed:
            pose = telemetry.map_from_odom @ telemetry.odom_from_base
            grade = {Belief.SURE: 0.0, Belief.DOUBTFUL: 1.0, Belief.LOST: 2.0}[telemetry.belief]
            self._rows.append(
                (pose.distance_m(truth), abs(wrap_angle(pose.yaw_rad - wrap_angle(truth.yaw_rad))), grade)
            )

    def json(self) -> dict[str, Any]:
        """Errors while it was sure; shares of its steps; and how often it was sure of a wrong place."""
        rows = np.array(self._rows).reshape(-1, 3)
        sure = rows[rows[:, 2] == 0.0]
        count = max(1, len(rows))
        wrong = (sure[:, 0] > _WRONG_M) | (sure[:, 1] > _WRONG_RAD)
        return {
            "error_m": _spread(sure[:, 0]),
            "error_deg": _spread(np.degrees(sure[:, 1])),
            "steps": len(rows),
            "doubtful_frac": float((rows[:, 2] == 1.0).sum()) / count,
            "lost_frac": float((rows[:, 2] == 2.0).sum()) / count,
            "sure_and_wrong_frac": float(wrong.sum()) / count,
            "relocated": int(self.relocated),
        }


def _spread(values: np.ndarray[Any, Any]) -> dict[str, float | None]:
    found = np.percentile(values, _PERCENT) if len(values) else np.full(len(_PERCENT), math.nan)
    return {name: finite(value) for name, value in zip(_NAMES, found.tolist(), strict=True)}
