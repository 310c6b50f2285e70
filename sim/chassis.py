"""What both physics backends derive from a robot file: wheels as they truly are, loads, inertias, frictions."""

from __future__ import annotations

from dataclasses import dataclass

from amr.config.robot import RobotConfig
from amr.errors import ConfigError
from sim.physics import STEP_S

GRAVITY_MPS2 = 9.81


@dataclass(frozen=True, slots=True)
class Wheel:
    """One driven wheel: contact point in the base frame, true radius, side (0 left, 1 right), share of the weight.

    The centre of mass is taken at axle height: there the force at the floor tips the body with the wheel's radius.
    """

    x_m: float
    y_m: float
    radius_m: float
    side: int
    load_n: float
    load_per_shift_npm: tuple[float, float]
    """Change of the load when the centre of mass moves by 1 m along x, along y."""


@dataclass(frozen=True, slots=True)
class Chassis:
    """Masses, inertias and frictions. Frame: base; tuples are (left, right)."""

    wheels: tuple[Wheel, ...]
    mass_kg: float
    """All of it, wheels included."""
    center_of_mass_m: tuple[float, float]
    inertia_kgm2: float
    """Yaw inertia about the centre of mass, wheels included."""
    spin_inertia_kgm2: tuple[float, float]
    """Wheels and rotor of a side about the wheel axis."""
    joint_friction_nm: tuple[float, float]
    """Coulomb friction of motor, gear and tyres of a side."""
    friction: float


def wheel_spin_inertia_kgm2(mass_kg: float, radius_m: float) -> float:
    """A solid cylinder about its axis."""
    return 0.5 * mass_kg * radius_m * radius_m


def chassis_of(robot: RobotConfig, friction: float | None) -> Chassis:
    """The chassis on a floor of ``friction`` (None: the robot file's).

    Raises ``ConfigError`` for a robot that would tip over, or whose motor is too stiff for the step.
    """
    drive, physics, body = robot.drive, robot.physics, robot.body
    scale = physics.track_true_scale
    places = [(x * scale, y * scale) for x, y in drive.wheel_positions_m]
    if not any(y > 0.0 for _, y in places) or not any(y < 0.0 for _, y in places):
        raise ConfigError(f"{robot.name}: drive.wheel_positions_m: needs a wheel on either side")
    mass = body.mass_kg + len(places) * drive.wheel_mass_kg
    com_x = (body.mass_kg * body.center_of_mass_m[0] + drive.wheel_mass_kg * sum(x for x, _ in places)) / mass
    com_y = (body.mass_kg * body.center_of_mass_m[1] + drive.wheel_mass_kg * sum(y for _, y in places)) / mass
    dx, dy = body.center_of_mass_m[0] - com_x, body.center_of_mass_m[1] - com_y
    inertia = body.inertia_kgm2 + body.mass_kg * (dx * dx + dy * dy)
    for x, y in places:
        inertia += drive.wheel_mass_kg * ((x - com_x) ** 2 + (y - com_y) ** 2)
        inertia += drive.wheel_mass_kg * (3.0 * drive.wheel_radius_m**2 + drive.wheel_width_m**2) / 12.0
    supports = [*places, *drive.caster_positions_m]
    loads = support_loads_n(supports, (com_x, com_y), mass * GRAVITY_MPS2)
    if min(loads) < 0.0:
        raise ConfigError(f"{robot.name}: drive: the centre of mass lies outside the wheels and casters: it tips over")
    along_x = support_loads_n(supports, (com_x + 1.0, com_y), mass * GRAVITY_MPS2)
    along_y = support_loads_n(supports, (com_x, com_y + 1.0), mass * GRAVITY_MPS2)
    shares = [(a - load, b - load) for load, a, b in zip(loads, along_x, along_y, strict=True)]
    radii = (
        drive.wheel_radius_m * drive.left_radius_scale * physics.left_radius_true_scale,
        drive.wheel_radius_m * drive.right_radius_scale * physics.right_radius_true_scale,
    )
    wheels = tuple(
        Wheel(x, y, radii[0 if y > 0.0 else 1], 0 if y > 0.0 else 1, load, share)
        for (x, y), load, share in zip(places, loads, shares, strict=False)
    )
    counts = tuple(sum(wheel.side == side for wheel in wheels) for side in (0, 1))
    spin = [
        robot.motor.rotor_inertia_kgm2 + counts[s] * wheel_spin_inertia_kgm2(drive.wheel_mass_kg, radii[s])
        for s in (0, 1)
    ]
    _check_step(robot, min(spin))
    stick = [robot.motor.static_friction_nm + counts[s] * physics.rolling_resistance_nm for s in (0, 1)]
    return Chassis(
        wheels,
        mass,
        (com_x, com_y),
        inertia,
        (spin[0], spin[1]),
        (stick[0], stick[1]),
        physics.friction if friction is None else friction,
    )


def support_loads_n(supports: list[tuple[float, float]], center_m: tuple[float, float], weight_n: float) -> list[float]:
    """Share of the weight on each support: the plane a + b x + c y that balances force and both moments.

    For three supports that is statics; for more it is the even answer (least squares of the loads). Supports on one
    line cannot balance a moment about it: that moment is left out. A negative load means that the body tips.
    """
    count = float(len(supports))
    mean_x = sum(x for x, _ in supports) / count
    mean_y = sum(y for _, y in supports) / count
    xx = sum((x - mean_x) ** 2 for x, _ in supports)
    yy = sum((y - mean_y) ** 2 for _, y in supports)
    xy = sum((x - mean_x) * (y - mean_y) for x, y in supports)
    lever_x, lever_y = weight_n * (center_m[0] - mean_x), weight_n * (center_m[1] - mean_y)
    determinant = xx * yy - xy * xy
    if determinant > 1e-12 * (xx + yy) ** 2:
        slope_x = (yy * lever_x - xy * lever_y) / determinant
        slope_y = (xx * lever_y - xy * lever_x) / determinant
    else:
        trace = xx + yy
        slope_x = lever_x * xx / (trace * trace) + lever_y * xy / (trace * trace) if trace > 0.0 else 0.0
        slope_y = lever_x * xy / (trace * trace) + lever_y * yy / (trace * trace) if trace > 0.0 else 0.0
    return [weight_n / count + slope_x * (x - mean_x) + slope_y * (y - mean_y) for x, y in supports]


def _check_step(robot: RobotConfig, spin_inertia_kgm2: float) -> None:
    """An explicit step of 1 ms must resolve how the free wheel is braked by its own back EMF."""
    motor = robot.motor
    damping = motor.torque_constant_nm_per_a * motor.back_emf_v_s_per_rad / motor.resistance_ohm
    damping += motor.viscous_friction_nm_s_per_rad
    if damping * STEP_S > spin_inertia_kgm2:
        raise ConfigError(
            f"{robot.name}: motor.rotor_inertia_kgm2: wheel and rotor have {spin_inertia_kgm2:.2e} kg m2, "
            f"a step of 1 ms needs at least {damping * STEP_S:.2e}"
        )
