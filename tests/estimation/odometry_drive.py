"""A driven robot to estimate: true motion, and what its encoders and gyro tell of it."""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass, field
from importlib import resources

import numpy as np

from amr.config.robot import RobotConfig
from amr.messages import BaseState, Imu, McuState

PERIOD_NS = 5_000_000


def robot(kind: str = "differential", **estimation: object) -> RobotConfig:
    """The packaged Jackal, with skid steering or, as a robot that does not slide, with plain differential drive."""
    text = (resources.files("seeds") / "robots" / "jackal.toml").read_text(encoding="utf-8")
    tables = tomllib.loads(text)
    tables["drive"]["kind"] = kind
    return RobotConfig(**{**tables, "estimation": estimation})


def base_state(stamp_ns: int, left_ticks: int, right_ticks: int, boot_id: int = 1) -> BaseState:
    return BaseState(stamp_ns, boot_id, left_ticks, right_ticks, 0.0, 0.0, 24.0, McuState.DRIVING, 0, 0)


@dataclass
class Drive:
    """A robot without slip that follows (v, w) exactly; messages every 5 ms, exact but for what is asked."""

    config: RobotConfig = field(default_factory=robot)
    gyro_bias_radps: float = 0.0
    gyro_noise_radps: float = 0.0
    way_noise_frac: float = 0.0
    """Standard deviation of the way after 1 m, as a random walk."""
    turn_slip_m: float = 0.0
    """Standard deviation of a random step to all sides after 1 rad."""
    seed: int = 0

    def __post_init__(self) -> None:
        self.random = np.random.default_rng(self.seed)
        self.x_m = self.y_m = self.yaw_rad = 0.0
        self.left_m = self.right_m = 0.0
        self.now_ns = 0

    def step(self, v_mps: float, w_radps: float) -> list[BaseState | Imu]:
        """Drive 5 ms; the messages at its end."""
        dt = PERIOD_NS * 1e-9
        turn = w_radps * dt
        way = v_mps * dt
        slid_x, slid_y = self.random.normal(0.0, self.turn_slip_m, 2) * math.sqrt(abs(turn))
        self.x_m += way * math.cos(self.yaw_rad + 0.5 * turn) + slid_x
        self.y_m += way * math.sin(self.yaw_rad + 0.5 * turn) + slid_y
        self.yaw_rad += turn
        measured = way + self.random.normal(0.0, self.way_noise_frac) * math.sqrt(abs(way))
        half = 0.5 * self.config.drive.track_m * turn
        self.left_m += measured - half
        self.right_m += measured + half
        self.now_ns += PERIOD_NS
        gyro = w_radps + self.gyro_bias_radps + self.random.normal(0.0, self.gyro_noise_radps)
        per_tick = self.config.drive.metres_per_tick_m
        return [
            base_state(self.now_ns, math.floor(self.left_m / per_tick), math.floor(self.right_m / per_tick)),
            Imu(self.now_ns, gyro, 0.0, 0.0),
        ]
