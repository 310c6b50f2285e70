"""The two drive motors of a robot file, in the order that the kernels take them."""

from __future__ import annotations

from dataclasses import dataclass

from amr.config.hardware import Motor
from sim.kernels.motor import motor_pair
from sim.physics import WheelDrive


@dataclass(frozen=True, slots=True)
class MotorOutput:
    """Torque at each wheel side before friction, motor currents and the battery's voltage under this load."""

    left_nm: float
    right_nm: float
    left_a: float
    right_a: float
    battery_v: float


def motor_output(motor: Motor, drive: WheelDrive, left_radps: float, right_radps: float) -> MotorOutput:
    """What both motors do at these wheel speeds (see ``sim.kernels.motor`` for the model)."""
    return MotorOutput(
        *motor_pair(
            drive.left_duty,
            drive.right_duty,
            int(drive.left_mode),
            int(drive.right_mode),
            left_radps,
            right_radps,
            motor.supply_v,
            motor.supply_sag_v_per_a,
            motor.resistance_ohm,
            motor.torque_constant_nm_per_a,
            motor.back_emf_v_s_per_rad,
            motor.current_limit_a,
        )
    )


def checked_drive(drive: WheelDrive) -> WheelDrive:
    """The drive with duties cut to [-1, 1], as a PWM timer does; ``ValueError`` for a duty that is not finite."""
    for name, duty in (("left_duty", drive.left_duty), ("right_duty", drive.right_duty)):
        if not duty - duty == 0.0:
            raise ValueError(f"{name}: must be finite, is {duty}")
    return WheelDrive(
        min(max(drive.left_duty, -1.0), 1.0),
        min(max(drive.right_duty, -1.0), 1.0),
        drive.left_mode,
        drive.right_mode,
    )
