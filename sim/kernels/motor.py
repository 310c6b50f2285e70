"""Two DC gear motors on one battery, quasi-static current (the electrical time constant is far under 1 ms)."""

from __future__ import annotations

from amr.jit import kernel

DRIVE = 0
BRAKE = 1
COAST = 2


@kernel(
    "UniTuple(float64, 5)(float64, float64, int64, int64, float64, float64, "
    "float64, float64, float64, float64, float64, float64)"
)
def motor_pair(
    left_duty: float,
    right_duty: float,
    left_mode: int,
    right_mode: int,
    left_radps: float,
    right_radps: float,
    supply_v: float,
    sag_ohm: float,
    resistance_ohm: float,
    torque_constant: float,
    back_emf: float,
    current_limit_a: float,
) -> tuple[float, float, float, float, float]:
    """(left torque Nm, right torque Nm, left A, right A, battery V) at the wheels, before friction.

    Drive: the bridge puts duty times the battery's voltage on the motor (fast PWM, so the average counts) and cuts the
    current at the limit. Brake: the shorted motor turns its back EMF into current, which no driver limits.
    The battery gives duty times the motor current; its sag couples the two motors, which is a linear equation.
    """
    left_u = left_duty if left_mode == DRIVE else 0.0
    right_u = right_duty if right_mode == DRIVE else 0.0
    ratio = sag_ohm / resistance_ohm
    voltage = (supply_v + ratio * back_emf * (left_u * left_radps + right_u * right_radps)) / (
        1.0 + ratio * (left_u * left_u + right_u * right_u)
    )
    left_a = (left_u * voltage - back_emf * left_radps) / resistance_ohm
    right_a = (right_u * voltage - back_emf * right_radps) / resistance_ohm
    if left_mode == DRIVE:
        left_a = min(max(left_a, -current_limit_a), current_limit_a)
    elif left_mode == COAST:
        left_a = 0.0
    if right_mode == DRIVE:
        right_a = min(max(right_a, -current_limit_a), current_limit_a)
    elif right_mode == COAST:
        right_a = 0.0
    battery = supply_v - sag_ohm * (left_u * left_a + right_u * right_a)
    return torque_constant * left_a, torque_constant * right_a, left_a, right_a, battery
