"""A tiny kinematic robot, a planner that answers late, and a distance field, for tests of the mission."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from amr.config.robot import RobotConfig
from amr.control.base import ControlStatus
from amr.geometry import IDENTITY, Pose2, Twist2, integrate_twist
from amr.grid import DistanceField, GridFrame
from amr.messages import ForgetObstacles, Goal, PlanRequest, PlanResult, PlanStatus, SetMission
from amr.mission.base import MissionInput, MissionOutput
from amr.mission.runner import MissionRunner

JACKAL = Path(__file__).resolve().parents[2] / "seeds" / "robots" / "jackal.toml"
STEP_NS = 20_000_000
CELL_M = 0.05

Circle = tuple[float, float, float]
Planner = Callable[[PlanRequest], PlanResult | None]


def robot(**mission: Any) -> RobotConfig:
    """The Jackal with other mission settings."""
    values = tomllib.loads(JACKAL.read_text(encoding="utf-8"))
    values["mission"] = {**values.get("mission", {}), **mission}
    return RobotConfig.model_validate(values)


def field_of(circles: Sequence[Circle]) -> DistanceField:
    """Exact distances to circles (x m, y m, radius m) on a 10 m square about the origin."""
    frame = GridFrame(-5.0, -5.0, CELL_M, 200, 200)
    axis = -5.0 + (np.arange(200) + 0.5) * CELL_M
    x, y = np.meshgrid(axis, axis)
    distance = np.full((200, 200), 1.5)
    for cx, cy, radius in circles:
        distance = np.minimum(distance, np.maximum(0.0, np.hypot(x - cx, y - cy) - radius))
    return DistanceField(frame, distance.astype(np.float32), np.zeros((200, 200), np.uint8), 1.5)


def straight(request: PlanRequest) -> PlanResult:
    """A planner that always finds the straight way."""
    start, goal = request.start_map, request.goal_map
    path = np.array([(start.x_m, start.y_m, 0.0), (goal.x_m, goal.y_m, 0.0)])
    return PlanResult(0, request.request_id, PlanStatus.OK, "", path, 1.0, 10, request.map_version)


def refusing(status: PlanStatus, reason: str = "because") -> Planner:
    """A planner that never finds one."""
    return lambda request: PlanResult(0, request.request_id, status, reason, np.zeros((0, 3)), 0.0, 10, 1)


class World:
    """Steps a mission: the robot turns towards its goal and drives, unless ``blocked`` says that it cannot."""

    def __init__(
        self, goals: Sequence[Goal] = (), planner: Planner = straight, circles: Sequence[Circle] = (), **mission: Any
    ) -> None:
        self.config = robot(**mission)
        self.runner = MissionRunner(self.config)
        self.planner = planner
        self.field = field_of(circles)
        self.pose = Pose2(0.0, 0.0, 0.0)
        self.twist = Twist2(0.0, 0.0)
        self.now_ns = 0
        self.delay_ns = 0
        self.blocked: Callable[[Pose2], bool] = lambda _: False
        self.answers: list[tuple[int, PlanResult]] = []
        self.requests: list[PlanRequest] = []
        self.forgotten: list[ForgetObstacles] = []
        self.states: list[str] = []
        self.reasons: list[str] = []
        self.out: MissionOutput | None = None
        self.first = SetMission(0, tuple(goals)) if goals else None

    def step(self, **changes: Any) -> MissionOutput:
        """One step; ``changes`` replace fields of the mission's input."""
        self.now_ns += STEP_NS
        due = [answer for at_ns, answer in self.answers if at_ns <= self.now_ns]
        self.answers = [entry for entry in self.answers if entry[0] > self.now_ns]
        values: dict[str, Any] = {
            "now_ns": self.now_ns, "new_mission": self.first, "operator": (), "map_from_base": self.pose,
            "map_from_odom": IDENTITY, "twist": self.twist, "plan_result": due[-1] if due else None,
            "map_version": 1, "field": self.field, "control_status": ControlStatus.OK,
        }  # fmt: skip
        values.update(changes)
        self.first = None
        out = self.runner.step(MissionInput(**values))
        self._note(out)
        self._move(out)
        self.out = out
        return out

    def run(self, seconds: float, until: str = "", **changes: Any) -> MissionOutput:
        """Steps until the state is ``until`` or the time is over."""
        for _ in range(round(seconds * 50)):
            out = self.step(**changes)
            if out.state == until:
                break
        return out

    def _note(self, out: MissionOutput) -> None:
        if not self.states or self.states[-1] != out.state:
            self.states.append(out.state)
            self.reasons.append(out.reason)
        for request in out.requests:
            if isinstance(request, ForgetObstacles):
                self.forgotten.append(request)
            else:
                self.requests.append(request)
                answer = self.planner(request)
                if answer is not None:
                    self.answers.append((self.now_ns + self.delay_ns, answer))

    def _move(self, out: MissionOutput) -> None:
        self.twist = Twist2(0.0, 0.0)
        if out.behavior is not None:
            self.twist = out.behavior
        elif out.follow and out.active_goal is not None:
            bearing = self.pose.bearing_rad(Pose2(out.active_goal.x_m, out.active_goal.y_m, 0.0))
            self.twist = Twist2(0.5 if abs(bearing) < 0.5 else 0.0, max(-2.0, min(2.0, 4.0 * bearing)))
            near = math.hypot(out.active_goal.x_m - self.pose.x_m, out.active_goal.y_m - self.pose.y_m)
            self.twist = Twist2(min(self.twist.v_mps, 0.1 + near), self.twist.w_radps)
        following = integrate_twist(self.pose, self.twist, STEP_NS * 1e-9)
        if self.blocked(following):
            self.twist = Twist2(0.0, self.twist.w_radps)
            following = Pose2(self.pose.x_m, self.pose.y_m, following.yaw_rad)
        self.pose = following
