"""A tiny core: log and replay need no robot to be tested."""

from __future__ import annotations

from typing import Any

import numpy as np

from amr.geometry import Pose2, Twist2
from amr.messages import (
    BaseState,
    Goal,
    Imu,
    Inputs,
    InsertScan,
    McuState,
    Outputs,
    PlanRequest,
    Scan,
    SetMission,
    Stop,
    StopCategory,
    StopReason,
    Telemetry,
    WheelCommand,
)
from amr.state import restore_into, tree_of

STEP_NS = 20_000_000


class FakeCore:
    """Adds up what it sees; ``wrong_at`` makes its left wheel one bit faster in that step."""

    def __init__(self, wrong_at: int | None = None) -> None:
        self.total = 0.0
        self.count = 0
        self.history = np.zeros(4)
        self.wrong_at = -1 if wrong_at is None else wrong_at

    def step(self, inputs: Inputs) -> Outputs:
        for message in inputs.messages:
            if isinstance(message, Scan):
                self.total += float(message.ranges_m[0]) if len(message.ranges_m) else 0.0
            elif isinstance(message, Imu):
                self.history[self.count % 4] = message.gyro_z_radps
        left_mps = self.total * 0.01 + float(self.history[0])
        if self.count == self.wrong_at:
            left_mps = np.nextafter(left_mps, 9.0).item()
        stopped = self.count % 40 > 30
        outputs = Outputs(
            self.count,
            inputs.now_ns,
            WheelCommand(left_mps, 0.5, inputs.now_ns + 10**8, StopCategory.RAMP if stopped else None, True),
            Stop(StopReason.OBSTACLE, "beam 7") if stopped else Stop(StopReason.NONE, ""),
            Telemetry(
                Pose2(self.total, 0.0, 0.1), (0.1, 0.1, 0.01), Pose2(0.0, 0.0, 0.0), Twist2(0.5, 0.0), Twist2(0.5, 0.0),
                Twist2(0.5, 0.0), True, "driving", "", 0, 3, float("inf"), 2, np.full((3, 3), self.total, np.float32),
            ),
            (
                InsertScan(inputs.now_ns, Pose2(1.0, 2.0, 3.0), self.count),
                PlanRequest(self.count, inputs.now_ns, Pose2(0.0, 0.0, 0.0), Goal(1.0, 2.0, None, 0.3), self.count),
            ),
        )  # fmt: skip
        self.count += 1
        return outputs

    def state(self) -> dict[str, Any]:
        return tree_of(self)

    def restore(self, tree: dict[str, Any]) -> None:
        restore_into(self, tree)


def fake_inputs(number: int) -> Inputs:
    """Inputs of a step as a robot has them: a scan, four states of the base, four of the IMU."""
    rng = np.random.default_rng((5, number))
    now_ns = number * STEP_NS
    messages: list[Any] = [
        Scan(now_ns - 7, -2.356194490192345, 0.006554086, 0.1, 30.0, 0.0, rng.uniform(1, 9, 90).astype(np.float32))
    ]
    for part in range(4):
        stamp_ns = now_ns - 5_000_000 * (3 - part)
        messages.append(BaseState(stamp_ns, 9, number, number + 1, 0.5, 0.5, 24.0, McuState.DRIVING, 0, number))
        messages.append(Imu(stamp_ns, float(rng.normal()), 0.0, 0.1))
    if number == 0:
        messages.insert(0, SetMission(0, (Goal(1.0, 2.0, None, 0.3), Goal(3.0, 4.0, -1.0, 0.3))))
    return Inputs(now_ns, tuple(messages))
