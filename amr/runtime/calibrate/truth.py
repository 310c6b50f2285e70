"""A hidden robot that differs from its file, and the room in which it is calibrated."""

from __future__ import annotations

from typing import Final, get_args

import numpy as np

from amr.config.hardware import Crossed
from amr.config.robot import RobotConfig
from amr.geometry import Pose2
from sim.world import Circle, World, box, wall

WALL_M: Final = 0.2


def hidden_robot(robot: RobotConfig, seed: int) -> RobotConfig:
    """``robot`` as it truly is: everything that a calibration looks for is off by what people build and buy."""
    rng = np.random.default_rng(seed)

    def off(share: float) -> float:
        return float(1.0 + rng.uniform(-share, share))

    both = off(0.03)
    physics = robot.physics.model_copy(
        update={
            "left_radius_true_scale": both * off(0.01),
            "right_radius_true_scale": both * off(0.01),
            "track_true_scale": off(0.04),
            "friction": float(rng.uniform(0.2, 0.9)),
        }
    )
    gear = off(0.15)
    motor = robot.motor.model_copy(
        update={
            "torque_constant_nm_per_a": robot.motor.torque_constant_nm_per_a * gear,
            "back_emf_v_s_per_rad": robot.motor.back_emf_v_s_per_rad * gear,
            "static_friction_nm": robot.motor.static_friction_nm * float(rng.uniform(0.6, 1.8)),
            "supply_v": robot.motor.supply_v * float(rng.uniform(0.92, 1.06)),
        }
    )
    lidar = robot.lidar.model_copy(
        update={
            "x_m": robot.lidar.x_m + float(rng.uniform(-0.04, 0.04)),
            "y_m": robot.lidar.y_m + float(rng.uniform(-0.04, 0.04)),
            "yaw_rad": robot.lidar.yaw_rad + float(rng.uniform(-0.1, 0.1)),
            "latency_s": float(rng.uniform(0.002, 0.04)),
        }
    )
    imu = robot.imu.model_copy(
        update={
            "gyro_scale": off(0.02),
            "gyro_offset_radps": float(rng.uniform(-0.02, 0.02)),
            "gyro_bias_radps": 0.0,
            "gyro_scale_frac": 0.0,
        }
    )
    link = robot.link.model_copy(
        update={
            "host_to_mcu_delay_s": float(rng.uniform(0.001, 0.025)),
            "mcu_to_host_delay_s": float(rng.uniform(0.001, 0.015)),
        }
    )
    wiring = tuple(sorted(name for name in get_args(Crossed) if rng.uniform() < 0.5))
    firmware = robot.firmware.model_copy(update={"wiring": wiring})
    return robot.model_copy(
        update={"physics": physics, "motor": motor, "lidar": lidar, "imu": imu, "link": link, "firmware": firmware}
    )


def room(seed: int) -> World:
    """A closed room of 8 to 10 m with a few things along its walls; the middle 6 m are free."""
    rng = np.random.default_rng(seed + 1_000_003)
    half_x, half_y = float(rng.uniform(4.0, 5.0)), float(rng.uniform(4.0, 5.0))
    corners = [(-half_x, -half_y), (half_x, -half_y), (half_x, half_y), (-half_x, half_y)]
    walls = tuple(wall(corners[i], corners[(i + 1) % 4], WALL_M) for i in range(4))
    boxes = tuple(
        box(
            float(sx * (half_x - 0.35)), float(sy * (half_y - 0.35)), float(rng.uniform(0.3, 0.7)),
            float(rng.uniform(0.3, 0.7)), float(rng.uniform(-0.5, 0.5)),
        )
        for sx, sy in ((1, 1), (-1, 1), (-1, -1))
    )  # fmt: skip
    pillar = Circle(half_x - 0.4, float(rng.uniform(-1.0, 1.0)), 0.15)
    return World("room", (pillar,), (*walls, *boxes), start=Pose2(0.0, 0.0, 0.0))
