"""The robot as it is built: body, wheels, motors, sensors, link.

Shared by the robot's mind, its firmware and its simulation.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from amr.config.base import Section

Positive = Annotated[float, Field(gt=0.0)]
NotNegative = Annotated[float, Field(ge=0.0)]
Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
Scale = Annotated[float, Field(ge=0.5, le=2.0)]
Point = tuple[float, float]
Crossed = Literal[
    "left_encoder_inverted",
    "right_encoder_inverted",
    "left_motor_inverted",
    "right_motor_inverted",
    "encoders_swapped",
    "motors_swapped",
]


class Body(Section):
    """Shape and mass. Frame: base (origin on the wheel axis, half-way between the wheels; x forward)."""

    outline_m: tuple[tuple[Point, ...], ...]
    """Convex polygons, counter-clockwise; their union is the true outline that must not touch anything."""
    height_m: Positive
    mass_kg: Positive
    """Everything without the wheels."""
    inertia_kgm2: Positive
    """Yaw inertia of the same about its centre of mass."""
    center_of_mass_m: Point = (0.0, 0.0)

    @model_validator(mode="after")
    def _outline_is_convex(self) -> Self:
        for number, polygon in enumerate(self.outline_m):
            if len(polygon) < 3:
                raise ValueError(f"outline_m[{number}]: needs at least 3 points")
            for a, b, c in zip(polygon, polygon[1:] + polygon[:1], polygon[2:] + polygon[:2], strict=True):
                cross = (b[0] - a[0]) * (c[1] - b[1]) - (b[1] - a[1]) * (c[0] - b[0])
                if cross <= 0.0:
                    raise ValueError(f"outline_m[{number}]: must be convex and counter-clockwise")
        if not self.outline_m:
            raise ValueError("outline_m: needs at least one polygon")
        return self

    @property
    def length_bounds_m(self) -> tuple[float, float]:
        """(rear, front): smallest and largest x of the outline."""
        xs = [p[0] for polygon in self.outline_m for p in polygon]
        return min(xs), max(xs)

    @property
    def width_bounds_m(self) -> tuple[float, float]:
        """(right, left): smallest and largest y of the outline."""
        ys = [p[1] for polygon in self.outline_m for p in polygon]
        return min(ys), max(ys)

    @property
    def circumradius_m(self) -> float:
        """Distance of the outline's farthest point from the base origin."""
        return max(math.hypot(*p) for polygon in self.outline_m for p in polygon)

    @property
    def inradius_m(self) -> float:
        """Radius of the largest disc about the base origin inside the outline's bounding box."""
        (rear, front), (right, left) = self.length_bounds_m, self.width_bounds_m
        return max(0.0, min(-rear, front, -right, left))


class Drive(Section):
    """Two driven sides. A skid steer has two wheels a side, driven by one motor each side."""

    kind: Literal["differential", "skid_steer"]
    wheel_radius_m: Positive
    wheel_width_m: Positive
    wheel_mass_kg: Positive
    wheel_positions_m: tuple[Point, ...]
    """Driven wheels' contact points, left and right: y > 0 belongs to the left motor, y < 0 to the right."""
    caster_positions_m: tuple[Point, ...] = ()
    """Frictionless supports."""
    track_m: Positive
    """Effective track of the kinematics (for a skid steer larger than the distance of the wheels)."""
    left_radius_scale: Scale = 1.0
    """Radius of the left wheels over ``wheel_radius_m``: no two wheels are equal."""
    right_radius_scale: Scale = 1.0
    ticks_per_wheel_rev: Annotated[int, Field(gt=0)]
    """Encoder counts per turn of the wheel (after 4x decoding and gear)."""

    @property
    def metres_per_tick_m(self) -> float:
        """Wheel surface travel of one encoder count."""
        return 2.0 * 3.141592653589793 * self.wheel_radius_m / self.ticks_per_wheel_rev


class Motor(Section):
    """DC gear motor of one side, seen at the wheel.

    Source: permanent-magnet DC machine with quasi-static current (Kirtley, MIT OCW 6.685).
    """

    supply_v: Positive
    supply_sag_v_per_a: NotNegative = 0.0
    """Internal resistance of the battery, in ohm."""
    resistance_ohm: Positive
    torque_constant_nm_per_a: Positive
    """Kt times gear ratio times gear efficiency: torque at the wheel for one ampere."""
    back_emf_v_s_per_rad: Positive
    """Ke times gear ratio: back EMF for 1 rad/s of the wheel."""
    rotor_inertia_kgm2: NotNegative
    """Rotor inertia times gear ratio squared."""
    static_friction_nm: NotNegative
    viscous_friction_nm_s_per_rad: NotNegative
    current_limit_a: Positive


class Limits(Section):
    """What the robot may do; the firmware enforces the same numbers."""

    v_max_mps: Positive
    v_reverse_max_mps: Positive
    w_max_radps: Positive
    a_max_mps2: Positive
    """Acceleration along the path that may be commanded."""
    brake_mps2: Positive
    """Deceleration that is reached on the floor with certainty: the safety envelope is built on it."""
    alpha_max_radps2: Positive
    a_lateral_max_mps2: Positive


class Lidar(Section):
    """2D lidar."""

    x_m: float
    y_m: float
    yaw_rad: float
    beams: Annotated[int, Field(ge=8, le=8192)]
    angle_min_rad: float
    angle_increment_rad: Positive
    range_min_m: Positive
    range_max_m: Positive
    rate_hz: Positive
    sweep: bool = False
    """True = the beams of a turn are measured one after the other over the whole period; False = all at the stamp."""
    noise_sigma_m: NotNegative
    dropout_frac: Fraction = 0.0
    """Part of the beams that return nothing at random."""
    latency_s: NotNegative
    """From the light of the last beam to the message at the host."""

    @property
    def blind_from_rad(self) -> float:
        """Bearing from the lidar's x axis from which on, to both sides, no beam looks; pi = it looks all around."""
        last_rad = self.angle_min_rad + (self.beams - 1) * self.angle_increment_rad
        if last_rad - self.angle_min_rad >= 2.0 * math.pi - 1.5 * self.angle_increment_rad:
            return math.pi
        return min(abs(self.angle_min_rad), abs(last_rad), math.pi)

    @model_validator(mode="after")
    def _ranges_are_ordered(self) -> Self:
        if self.range_min_m >= self.range_max_m:
            raise ValueError("range_min_m: must be < range_max_m")
        return self


class ImuModel(Section):
    """Inertial sensor read by the MCU."""

    gyro_noise_radps: NotNegative
    """Standard deviation of one sample."""
    gyro_bias_radps: NotNegative
    """Standard deviation of the constant bias, drawn at start."""
    gyro_scale_frac: NotNegative = 0.0
    """Standard deviation of the scale error, drawn at start."""
    accel_noise_mps2: NotNegative
    gyro_scale: Scale = 1.0
    """True rate over told rate, after the offset."""
    gyro_offset_radps: Annotated[float, Field(ge=-1.0, le=1.0)] = 0.0
    """What the gyro tells at rest; the link takes it off."""


class Link(Section):
    """Serial line between host and MCU."""

    baud: Annotated[int, Field(ge=9600, le=4_000_000)]
    host_to_mcu_delay_s: NotNegative
    """Beyond the bytes' own time on the line: USB stack, driver, motor controller."""
    mcu_to_host_delay_s: NotNegative
    telemetry_hz: Annotated[int, Field(ge=10, le=500)] = 200
    command_timeout_s: Annotated[float, Field(ge=0.02, le=1.0)] = 0.1
    """A command is dead this long after it was made; the firmware then stops the wheels."""


class Firmware(Section):
    """Wheel velocity loop on the MCU (duty is a fraction of the supply, -1 to 1)."""

    loop_hz: Annotated[int, Field(ge=50, le=1000)] = 200
    feed_forward_duty_s_per_m: NotNegative
    feed_forward_static_duty: Fraction
    proportional_duty_s_per_m: NotNegative
    integral_duty_per_m: NotNegative
    battery_min_v: Positive
    wiring: tuple[Crossed, ...] = ()
    """What is wired otherwise than the pin map says; the firmware undoes it. Sides are those of the robot: an inverted
    one is turned round first, then the two are swapped."""


class Physics(Section):
    """What only a simulation needs to know of floor and body; a calibrated robot has the same table."""

    friction: Positive
    """Coulomb coefficient wheel on floor; brakes are limited by it."""
    rolling_resistance_nm: NotNegative = 0.0
    track_true_scale: Positive = 1.0
    """True over configured track: what calibration has not caught."""
    left_radius_true_scale: Positive = 1.0
    right_radius_true_scale: Positive = 1.0
