"""Friction of the wheels and torque of the motors for one step of an engine that integrates the body itself."""

from __future__ import annotations

from amr.jit import kernel
from amr.kernels.trig import arctan2, sin_cos
from sim.kernels import planar
from sim.kernels.arrays import Floats
from sim.kernels.motor import motor_pair
from sim.kernels.planar import solve_contacts

PI = 3.141592653589793
TWO_PI = 6.283185307179586

STEP_S = planar.STEP_S
COM_X, COM_Y = planar.COM_X, planar.COM_Y
LEFT_INERTIA, RIGHT_INERTIA = planar.LEFT_INERTIA, planar.RIGHT_INERTIA
VISCOUS, SUPPLY, SAG, RESISTANCE = planar.VISCOUS, planar.SUPPLY, planar.SAG, planar.RESISTANCE
TORQUE_CONSTANT, BACK_EMF, CURRENT_LIMIT = planar.TORQUE_CONSTANT, planar.BACK_EMF, planar.CURRENT_LIMIT
WHEEL_X, WHEEL_Y = planar.WHEEL_X, planar.WHEEL_Y
IMPULSE_X, IMPULSE_Y = planar.WHEEL_IMPULSE_X, planar.WHEEL_IMPULSE_Y


@kernel(
    "UniTuple(float64, 3)(float64[::1], float64[::1], float64[:, ::1], float64[::1], float64[::1], float64[::1], "
    "float64, float64, int64, int64, float64[:, ::1])"
)
def wheel_forces(
    row: Floats,
    memory: Floats,
    wheels: Floats,
    params: Floats,
    body: Floats,
    omega: Floats,
    left_duty: float,
    right_duty: float,
    left_mode: int,
    right_mode: int,
    forces: Floats,
) -> tuple[float, float, float]:
    """(left Nm, right Nm, battery V): torque on the axle of each side, its friction included.

    ``row`` is the state before the step (columns of a trajectory). Fills ``forces`` [wheels, 4]: force x, y in N and
    contact point x, y in m, world frame. The other arrays are as in ``sim.kernels.planar.advance``.
    """
    dt = params[STEP_S]
    body[0] = row[3] - row[5] * params[COM_Y]
    body[1] = row[4] + row[5] * params[COM_X]
    body[2] = row[5]
    omega[0], omega[1] = row[8], row[9]
    left_nm, right_nm, _, _, battery = motor_pair(
        left_duty,
        right_duty,
        left_mode,
        right_mode,
        omega[0],
        omega[1],
        params[SUPPLY],
        params[SAG],
        params[RESISTANCE],
        params[TORQUE_CONSTANT],
        params[BACK_EMF],
        params[CURRENT_LIMIT],
    )
    left_nm -= params[VISCOUS] * omega[0]
    right_nm -= params[VISCOUS] * omega[1]
    omega[0] += dt * left_nm / params[LEFT_INERTIA]
    omega[1] += dt * right_nm / params[RIGHT_INERTIA]
    solve_contacts(body, memory, wheels, params, omega)
    sine, cosine = sin_cos(row[2])
    for i in range(wheels.shape[0]):
        px, py = wheels[i, IMPULSE_X], wheels[i, IMPULSE_Y]
        forces[i, 0] = (cosine * px - sine * py) / dt
        forces[i, 1] = (sine * px + cosine * py) / dt
        x, y = wheels[i, WHEEL_X] + params[COM_X], wheels[i, WHEEL_Y] + params[COM_Y]
        forces[i, 2] = row[0] + cosine * x - sine * y
        forces[i, 3] = row[1] + sine * x + cosine * y
    return left_nm + memory[0] / dt, right_nm + memory[1] / dt, battery


@kernel(
    "void(float64, float64, float64, float64, float64, float64, float64, float64, float64, float64, float64, "
    "float64, float64[::1])"
)
def base_state(
    x: float,
    y: float,
    qx: float,
    qy: float,
    qz: float,
    qw: float,
    vx: float,
    vy: float,
    w: float,
    center_x: float,
    center_y: float,
    yaw_before: float,
    row: Floats,
) -> None:
    """Fill the first six columns of a trajectory row from the pose and velocity of the body's centre of mass.

    (x, y) with the quaternion is its pose, (vx, vy, w) its velocity in the world frame, (center_x, center_y) where it
    sits in the base frame. The yaw is unwrapped against ``yaw_before``.
    """
    heading = arctan2(2.0 * (qw * qz + qx * qy), 1.0 - 2.0 * (qy * qy + qz * qz))
    turn = heading - yaw_before
    while turn > PI:
        turn -= TWO_PI
    while turn < -PI:
        turn += TWO_PI
    yaw = yaw_before + turn
    sine, cosine = sin_cos(yaw)
    row[0] = x - (cosine * center_x - sine * center_y)
    row[1] = y - (sine * center_x + cosine * center_y)
    row[2] = yaw
    row[3] = cosine * vx + sine * vy + w * center_y
    row[4] = cosine * vy - sine * vx - w * center_x
    row[5] = w
