"""A rigid body in the plane on wheels with Coulomb friction, motors included: many 1 ms steps in one call.

Time stepping on the velocity level with friction impulses (Stewart and Trinkle 1996) solved by projected Gauss-Seidel
with warm start: a wheel that rolls has exactly no slip, a wheel that slides gets friction of size mu N against its
slip. Friction inside motor and gear is one more impulse per side, so a stopped wheel truly sticks.
"""

from __future__ import annotations

import math

from amr.jit import kernel
from amr.kernels.trig import sin_cos
from sim.kernels.arrays import Floats
from sim.kernels.motor import motor_pair

# positions in ``params``
STEP_S = 0
MASS = 1
INERTIA = 2
COM_X = 3
COM_Y = 4
LEFT_INERTIA = 5
RIGHT_INERTIA = 6
FRICTION = 7
LEFT_JOINT_FRICTION = 8
RIGHT_JOINT_FRICTION = 9
VISCOUS = 10
SUPPLY = 11
SAG = 12
RESISTANCE = 13
TORQUE_CONSTANT = 14
BACK_EMF = 15
CURRENT_LIMIT = 16
SHIFT_PER_FORCE = 17
SHIFT_GAIN = 18
PARAMS = 19

# columns of ``wheels``
WHEEL_X = 0
WHEEL_Y = 1
WHEEL_RADIUS = 2
WHEEL_SIDE = 3
WHEEL_LOAD = 4
WHEEL_IMPULSE_X = 5
WHEEL_IMPULSE_Y = 6
WHEEL_LOAD_AT_REST = 7
WHEEL_LOAD_PER_X = 8
WHEEL_LOAD_PER_Y = 9
WHEEL_WIDTH = 10

# positions in ``memory``
LEFT_JOINT_IMPULSE = 0
RIGHT_JOINT_IMPULSE = 1
SHIFT_X = 2
SHIFT_Y = 3
MEMORY = 4

ITERATIONS = 20


@kernel("void(float64[::1], float64[::1], float64[:, ::1], float64[::1], float64[::1])")
def solve_contacts(body: Floats, memory: Floats, wheels: Floats, params: Floats, omega: Floats) -> None:
    """Change ``body`` (vx, vy, w of the centre of mass, base axes) and ``omega`` (left, right) by friction impulses.

    ``memory`` begins with the last joint impulses, ``wheels`` the last contact impulses: first guess and result.
    """
    dt = params[STEP_S]
    inverse_mass = 1.0 / params[MASS]
    inverse_inertia = 1.0 / params[INERTIA]
    for side in range(2):
        omega[side] += memory[side] / params[LEFT_INERTIA + side]
    for i in range(wheels.shape[0]):
        side = 0 if wheels[i, WHEEL_SIDE] == 0.0 else 1
        px, py = wheels[i, WHEEL_IMPULSE_X], wheels[i, WHEEL_IMPULSE_Y]
        body[0] += px * inverse_mass
        body[1] += py * inverse_mass
        body[2] += (wheels[i, WHEEL_X] * py - wheels[i, WHEEL_Y] * px) * inverse_inertia
        omega[side] -= wheels[i, WHEEL_RADIUS] * px / params[LEFT_INERTIA + side]
    for _ in range(ITERATIONS):
        for side in range(2):
            limit = params[LEFT_JOINT_FRICTION + side] * dt
            wanted = memory[side] - params[LEFT_INERTIA + side] * omega[side]
            wanted = min(max(wanted, -limit), limit)
            omega[side] += (wanted - memory[side]) / params[LEFT_INERTIA + side]
            memory[side] = wanted
        for i in range(wheels.shape[0]):
            side = 0 if wheels[i, WHEEL_SIDE] == 0.0 else 1
            x, y, radius = wheels[i, WHEEL_X], wheels[i, WHEEL_Y], wheels[i, WHEEL_RADIUS]
            inverse_wheel = 1.0 / params[LEFT_INERTIA + side]
            slip_x = body[0] - body[2] * y - radius * omega[side]
            slip_y = body[1] + body[2] * x
            gain_x = 1.0 / (inverse_mass + y * y * inverse_inertia + radius * radius * inverse_wheel)
            gain_y = 1.0 / (inverse_mass + x * x * inverse_inertia)
            limit = params[FRICTION] * wheels[i, WHEEL_LOAD] * dt
            px = wheels[i, WHEEL_IMPULSE_X] - gain_x * slip_x
            py = wheels[i, WHEEL_IMPULSE_Y] - gain_y * slip_y
            if px * px + py * py > limit * limit:
                # sliding: one gain for both axes, else the friction would not point against the slip
                gain = min(gain_x, gain_y)
                px = wheels[i, WHEEL_IMPULSE_X] - gain * slip_x
                py = wheels[i, WHEEL_IMPULSE_Y] - gain * slip_y
                size = math.sqrt(px * px + py * py)
                if size > limit:
                    px *= limit / size
                    py *= limit / size
            dx, dy = px - wheels[i, WHEEL_IMPULSE_X], py - wheels[i, WHEEL_IMPULSE_Y]
            body[0] += dx * inverse_mass
            body[1] += dy * inverse_mass
            body[2] += (x * dy - y * dx) * inverse_inertia
            omega[side] -= radius * dx * inverse_wheel
            wheels[i, WHEEL_IMPULSE_X] = px
            wheels[i, WHEEL_IMPULSE_Y] = py


@kernel("void(float64[::1], float64[:, ::1], float64[::1])")
def shift_loads(memory: Floats, wheels: Floats, params: Floats) -> None:
    """Move weight between the wheels: force at the floor tips the body, as if the centre of mass shifted against it.

    The shift is the force times the centre's height over the weight, smoothed by what tyres give; no load is negative.
    """
    force_x = force_y = 0.0
    for i in range(wheels.shape[0]):
        force_x += wheels[i, WHEEL_IMPULSE_X] / params[STEP_S]
        force_y += wheels[i, WHEEL_IMPULSE_Y] / params[STEP_S]
    memory[SHIFT_X] += params[SHIFT_GAIN] * (-params[SHIFT_PER_FORCE] * force_x - memory[SHIFT_X])
    memory[SHIFT_Y] += params[SHIFT_GAIN] * (-params[SHIFT_PER_FORCE] * force_y - memory[SHIFT_Y])
    for i in range(wheels.shape[0]):
        shifted = memory[SHIFT_X] * wheels[i, WHEEL_LOAD_PER_X] + memory[SHIFT_Y] * wheels[i, WHEEL_LOAD_PER_Y]
        wheels[i, WHEEL_LOAD] = max(wheels[i, WHEEL_LOAD_AT_REST] + shifted, 0.0)


@kernel(
    "void(float64[::1], float64[::1], float64[:, ::1], float64[::1], float64[::1], float64[::1], "
    "float64, float64, int64, int64, float64[:, ::1])"
)
def advance(
    state: Floats,
    memory: Floats,
    wheels: Floats,
    params: Floats,
    body: Floats,
    omega: Floats,
    left_duty: float,
    right_duty: float,
    left_mode: int,
    right_mode: int,
    out: Floats,
) -> None:
    """One step for each row of ``out`` (columns as ``sim.physics.STATE_WIDTH`` says).

    ``state``: x, y, yaw of the base origin, world velocity (x, y) of the centre of mass, yaw rate, wheel angles (left,
    right), wheel speeds (left, right). ``body`` and ``omega`` are scratch.
    """
    dt = params[STEP_S]
    com_x, com_y = params[COM_X], params[COM_Y]
    for row in range(out.shape[0]):
        # the heading at the middle of the step, so that a circle closes
        sine, cosine = sin_cos(state[2] + 0.5 * dt * state[5])
        body[0] = cosine * state[3] + sine * state[4]
        body[1] = cosine * state[4] - sine * state[3]
        body[2] = state[5]
        omega[0], omega[1] = state[8], state[9]
        left_torque, right_torque, _, _, battery = motor_pair(
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
        omega[0] += dt * (left_torque - params[VISCOUS] * omega[0]) / params[LEFT_INERTIA]
        omega[1] += dt * (right_torque - params[VISCOUS] * omega[1]) / params[RIGHT_INERTIA]
        solve_contacts(body, memory, wheels, params, omega)
        shift_loads(memory, wheels, params)
        # centre of mass in the world, moved, then back to the base origin
        sine_0, cosine_0 = sin_cos(state[2])
        world_x = state[0] + cosine_0 * com_x - sine_0 * com_y
        world_y = state[1] + sine_0 * com_x + cosine_0 * com_y
        state[3] = cosine * body[0] - sine * body[1]
        state[4] = sine * body[0] + cosine * body[1]
        state[5] = body[2]
        world_x += dt * state[3]
        world_y += dt * state[4]
        state[2] += dt * state[5]
        sine_1, cosine_1 = sin_cos(state[2])
        state[0] = world_x - (cosine_1 * com_x - sine_1 * com_y)
        state[1] = world_y - (sine_1 * com_x + cosine_1 * com_y)
        state[6] += dt * omega[0]
        state[7] += dt * omega[1]
        state[8], state[9] = omega[0], omega[1]
        out[row, 0] = state[0]
        out[row, 1] = state[1]
        out[row, 2] = state[2]
        out[row, 3] = cosine_1 * state[3] + sine_1 * state[4] + state[5] * com_y
        out[row, 4] = cosine_1 * state[4] - sine_1 * state[3] - state[5] * com_x
        out[row, 5] = state[5]
        out[row, 6] = state[6]
        out[row, 7] = state[7]
        out[row, 8] = state[8]
        out[row, 9] = state[9]
        out[row, 10] = battery
