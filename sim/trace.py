"""The true motion of a simulated robot, tick by tick: what scores and pictures are made of."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from amr.geometry import Twist2
from sim.physics import BodyState

COLUMNS: Final = ("t_s", "x_m", "y_m", "yaw_rad", "v_mps", "w_radps", "cmd_v_mps", "cmd_w_radps", "clearance_m")


class TruthTrace:
    """Grows by one row a tick; world frame, SI units."""

    def __init__(self) -> None:
        self._rows: list[tuple[float, ...]] = []
        self._reasons: list[str] = []

    def add(self, time_ns: int, body: BodyState, command: Twist2, stop_reason: str, clearance_m: float) -> None:
        """One tick: the true state, the newest command of the core, and why it was stopped or slowed (or '')."""
        self._rows.append(
            (
                time_ns * 1e-9,
                body.x_m,
                body.y_m,
                body.yaw_rad,
                body.v_mps,
                body.w_radps,
                command.v_mps,
                command.w_radps,
                clearance_m,
            )
        )
        self._reasons.append(stop_reason)

    def __len__(self) -> int:
        return len(self._rows)

    def array(self) -> NDArray[np.float64]:
        """float64 [n, 9] in the order of ``COLUMNS``."""
        return np.array(self._rows, dtype=np.float64).reshape(-1, len(COLUMNS))

    @property
    def reasons(self) -> list[str]:
        """Why the safety ring stopped or slowed the robot at each row, '' where it did not."""
        return self._reasons

    def path_length_m(self) -> float:
        """Length of the driven way."""
        xy_m = self.array()[:, 1:3]
        return float(np.hypot(*np.diff(xy_m, axis=0).T).sum()) if len(xy_m) > 1 else 0.0

    def write_csv(self, path: Path) -> None:
        """``t_s,...,cmd_w_radps,stop_reason`` as the command-line contract wants it."""
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow([*COLUMNS[:8], "stop_reason", COLUMNS[8]])
            for row, reason in zip(self._rows, self._reasons, strict=True):
                writer.writerow([*(f"{value:.6g}" if i else f"{value:.4f}" for i, value in enumerate(row[:8])),
                                 reason, f"{row[8]:.5g}"])  # fmt: skip
