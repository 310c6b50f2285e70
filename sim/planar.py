"""The planar backend: friction in the plane, no contact with walls (the exact outline test ends a run first).

Simplified against a full 3D engine: the body does not pitch or roll; weight moves between the wheels as it would.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from amr.config.robot import RobotConfig
from amr.geometry import Pose2
from sim.chassis import GRAVITY_MPS2, Chassis, chassis_of
from sim.kernels import planar as kernel
from sim.physics import STATE_WIDTH, STEP_S, BodyState, WheelDrive, body_state
from sim.world import World

_TYRE_TIME_S: Final = 0.01
"""How fast weight moves between the wheels: a rubber tyre's order of magnitude."""


class PlanarPhysics:
    """``sim.physics.Physics`` by ``sim.kernels.planar``."""

    def __init__(self) -> None:
        self._params = np.zeros(kernel.PARAMS)
        self._wheels = np.zeros((0, kernel.WHEEL_WIDTH))
        self._memory = np.zeros(kernel.MEMORY)
        self._body = np.zeros(3)
        self._omega = np.zeros(2)
        self._motion = np.zeros(10)
        self._rows = np.zeros((0, STATE_WIDTH))
        self._last = np.zeros(STATE_WIDTH)

    def reset(self, world: World, robot: RobotConfig, start: Pose2) -> None:
        """See ``Physics.reset``; raises ``ConfigError`` for a robot that tips over."""
        chassis = chassis_of(robot, world.friction)
        self._params = planar_params(chassis, robot)
        self._wheels = wheel_rows(chassis)
        self._memory[:] = 0.0
        self._motion[:] = 0.0
        self._motion[:3] = start.x_m, start.y_m, start.yaw_rad
        self._last[:] = 0.0
        self._last[:3] = self._motion[:3]
        self._last[10] = robot.motor.supply_v

    def advance(self, steps: int, drive: WheelDrive, moving_xy_m: NDArray[np.float64]) -> NDArray[np.float64]:
        """See ``Physics.advance``."""
        del moving_xy_m  # nothing here can be pushed
        if self._rows.shape[0] != steps:
            self._rows = np.zeros((steps, STATE_WIDTH))
        kernel.advance(
            self._motion,
            self._memory,
            self._wheels,
            self._params,
            self._body,
            self._omega,
            drive.left_duty,
            drive.right_duty,
            int(drive.left_mode),  # numba takes 40 µs to find out what an enum is
            int(drive.right_mode),
            self._rows,
        )
        self._last[:] = self._rows[-1]
        return self._rows

    def place(self, pose: Pose2) -> None:
        """See ``Physics.place``."""
        self._motion[:6] = pose.x_m, pose.y_m, pose.yaw_rad, 0.0, 0.0, 0.0
        self._motion[8:10] = 0.0
        self._memory[:] = 0.0
        self._last[:10] = self._motion

    def state(self) -> BodyState:
        """See ``Physics.state``."""
        return body_state(self._last)

    def close(self) -> None:
        """Nothing is held."""


def planar_params(chassis: Chassis, robot: RobotConfig) -> NDArray[np.float64]:
    """The robot as ``sim.kernels.planar`` takes it."""
    motor = robot.motor
    params = np.zeros(kernel.PARAMS)
    params[kernel.STEP_S] = STEP_S
    params[kernel.MASS] = chassis.mass_kg
    params[kernel.INERTIA] = chassis.inertia_kgm2
    params[kernel.COM_X], params[kernel.COM_Y] = chassis.center_of_mass_m
    params[kernel.LEFT_INERTIA], params[kernel.RIGHT_INERTIA] = chassis.spin_inertia_kgm2
    params[kernel.FRICTION] = chassis.friction
    params[kernel.LEFT_JOINT_FRICTION], params[kernel.RIGHT_JOINT_FRICTION] = chassis.joint_friction_nm
    params[kernel.VISCOUS] = motor.viscous_friction_nm_s_per_rad
    params[kernel.SUPPLY] = motor.supply_v
    params[kernel.SAG] = motor.supply_sag_v_per_a
    params[kernel.RESISTANCE] = motor.resistance_ohm
    params[kernel.TORQUE_CONSTANT] = motor.torque_constant_nm_per_a
    params[kernel.BACK_EMF] = motor.back_emf_v_s_per_rad
    params[kernel.CURRENT_LIMIT] = motor.current_limit_a
    params[kernel.SHIFT_PER_FORCE] = robot.drive.wheel_radius_m / (chassis.mass_kg * GRAVITY_MPS2)
    params[kernel.SHIFT_GAIN] = STEP_S / _TYRE_TIME_S
    return params


def wheel_rows(chassis: Chassis) -> NDArray[np.float64]:
    """The driven wheels as ``sim.kernels.planar`` takes them, about the centre of mass."""
    com_x, com_y = chassis.center_of_mass_m
    rows = np.zeros((len(chassis.wheels), kernel.WHEEL_WIDTH))
    for row, wheel in zip(rows, chassis.wheels, strict=True):
        row[kernel.WHEEL_X], row[kernel.WHEEL_Y] = wheel.x_m - com_x, wheel.y_m - com_y
        row[kernel.WHEEL_RADIUS], row[kernel.WHEEL_SIDE] = wheel.radius_m, wheel.side
        row[kernel.WHEEL_LOAD] = row[kernel.WHEEL_LOAD_AT_REST] = wheel.load_n
        row[kernel.WHEEL_LOAD_PER_X], row[kernel.WHEEL_LOAD_PER_Y] = wheel.load_per_shift_npm
    return rows
