"""The planar backend against theory and against a slow simulation with friction of another kind."""

from __future__ import annotations

import math
import tomllib
from pathlib import Path

import numpy as np
import pytest

from amr.config.robot import RobotConfig
from amr.errors import ConfigError
from amr.geometry import Pose2
from sim.chassis import GRAVITY_MPS2, chassis_of, support_loads_n
from sim.motor import motor_output
from sim.physics import BodyState, MotorMode, WheelDrive
from sim.planar import PlanarPhysics
from sim.world import World

SEEDS = Path(__file__).resolve().parents[2] / "seeds" / "robots"
EMPTY = World("empty")
NOTHING_MOVES = np.zeros((0, 2))


def robot(name: str, **physics: float) -> RobotConfig:
    config = RobotConfig.model_validate(tomllib.loads((SEEDS / f"{name}.toml").read_text()))
    return config.model_copy(update={"physics": config.physics.model_copy(update=physics)})


def drive(config: RobotConfig, *legs: tuple[int, WheelDrive], world: World = EMPTY) -> list[BodyState]:
    """State after each leg (ms, drive)."""
    physics = PlanarPhysics()
    physics.reset(world, config, Pose2(0.0, 0.0, 0.0))
    states = []
    for duration_ms, command in legs:
        physics.advance(duration_ms, command, NOTHING_MOVES)
        states.append(physics.state())
    return states


def wheel_travel(config: RobotConfig, state: BodyState) -> tuple[float, float]:
    radius = config.drive.wheel_radius_m
    return state.left_wheel_rad * radius, state.right_wheel_rad * radius


@pytest.mark.parametrize("name", ["jackal", "reference"])
def test_gentle_straight_drive_has_no_slip(name: str) -> None:
    config = robot(name)
    legs = [(20, WheelDrive(0.005 * i, 0.005 * i)) for i in range(60)]
    state = drive(config, *legs)[-1]
    assert state.x_m > 0.05
    assert wheel_travel(config, state)[0] == pytest.approx(state.x_m, rel=1e-6)
    assert state.y_m == pytest.approx(0.0, abs=1e-3 * state.x_m)


def test_skid_steer_turns_as_if_its_track_were_wider() -> None:
    """Sliding contacts in balance: half track y + x^2 / y, the robot file's 0.5586 m."""
    config = robot("jackal")
    state = drive(config, (2000, WheelDrive(-0.3, 0.3)))[-1]
    left, right = (speed * config.drive.wheel_radius_m for speed in (state.left_wheel_radps, state.right_wheel_radps))
    assert state.w_radps > 1.0
    assert (right - left) / state.w_radps == pytest.approx(config.drive.track_m, rel=1e-3)


def test_true_track_scale_changes_the_turn() -> None:
    config = robot("jackal", track_true_scale=1.1)
    state = drive(config, (2000, WheelDrive(-0.3, 0.3)))[-1]
    left, right = (speed * config.drive.wheel_radius_m for speed in (state.left_wheel_radps, state.right_wheel_radps))
    assert (right - left) / state.w_radps == pytest.approx(1.1 * config.drive.track_m, rel=1e-3)


def test_larger_left_wheel_pulls_to_the_right() -> None:
    config = robot("reference", left_radius_true_scale=1.05)
    state = drive(config, *[(20, WheelDrive(0.005 * i, 0.005 * i)) for i in range(100)])[-1]
    left, right = wheel_travel(config, state)
    assert state.yaw_rad == pytest.approx((right - 1.05 * left) / config.drive.track_m, rel=1e-3)
    assert state.yaw_rad < 0.0


def test_differential_drive_follows_its_odometry_through_a_circle() -> None:
    config = robot("reference")
    physics = PlanarPhysics()
    physics.reset(EMPTY, config, Pose2(0.0, 0.0, 0.0))
    x = y = 0.0
    before = physics.state()
    # slowly up to speed, then on
    for i in range(2000):
        level = min(1.0, i / 300)
        physics.advance(5, WheelDrive(0.3 * level, 0.5 * level), NOTHING_MOVES)
        now = physics.state()
        left = (now.left_wheel_rad - before.left_wheel_rad) * config.drive.wheel_radius_m
        right = (now.right_wheel_rad - before.right_wheel_rad) * config.drive.wheel_radius_m
        heading = (now.right_wheel_rad + before.right_wheel_rad - now.left_wheel_rad - before.left_wheel_rad) / 2
        heading *= config.drive.wheel_radius_m / config.drive.track_m
        x += 0.5 * (left + right) * math.cos(heading)
        y += 0.5 * (left + right) * math.sin(heading)
        before = now
    state = physics.state()
    assert state.yaw_rad > 2.0 * math.pi
    assert (x, y) == pytest.approx((state.x_m, state.y_m), abs=2e-3)


@pytest.mark.parametrize("friction", [0.2, 0.5])
def test_hard_braking_is_limited_by_the_floor(friction: float) -> None:
    config = robot("jackal", friction=friction)
    physics = PlanarPhysics()
    physics.reset(EMPTY, config, Pose2(0.0, 0.0, 0.0))
    for i in range(2500):
        physics.advance(1, WheelDrive(i / 3500, i / 3500), NOTHING_MOVES)
    start = physics.state()
    physics.advance(100, WheelDrive(-1.0, -1.0), NOTHING_MOVES)
    state = physics.state()
    assert start.v_mps > 1.4
    assert (start.v_mps - state.v_mps) / 0.1 == pytest.approx(friction * GRAVITY_MPS2, rel=0.02)


def test_world_friction_replaces_the_robots() -> None:
    icy = World("ice", friction=0.05)
    state = drive(robot("jackal"), (500, WheelDrive(0.8, 0.8)), world=icy)[-1]
    assert state.v_mps == pytest.approx(0.05 * GRAVITY_MPS2 * 0.5, rel=0.05)
    assert state.left_wheel_radps * 0.098 > 2.0 * state.v_mps


@pytest.mark.parametrize("mode", [MotorMode.BRAKE, MotorMode.COAST])
def test_robot_comes_to_a_full_rest(mode: MotorMode) -> None:
    stop = WheelDrive(0.0, 0.0, mode, mode)
    for name in ("jackal", "reference"):
        moving, resting = drive(robot(name), (1500, WheelDrive(0.3, 0.5)), (6000, stop))
        assert moving.v_mps > 0.2
        assert (resting.v_mps, resting.vy_mps, resting.w_radps) == pytest.approx((0.0, 0.0, 0.0), abs=1e-9)
        assert resting.left_wheel_radps == pytest.approx(0.0, abs=1e-9)


def test_braking_moves_weight_to_the_front_wheels() -> None:
    """A tail-heavy robot with its caster behind brakes harder than it accelerates: the driven wheels gain load."""
    config = robot("reference")
    push = drive(config, (150, WheelDrive(1.0, 1.0)))[-1]
    running, braked = drive(
        config, *[(20, WheelDrive(i / 100, i / 100)) for i in range(90)], (50, WheelDrive(-1.0, -1.0))
    )[-2:]
    at_rest_mps2 = config.physics.friction * sum(w.load_n for w in chassis_of(config, None).wheels) / 2.66
    assert push.v_mps / 0.15 < 0.95 * at_rest_mps2
    assert (running.v_mps - braked.v_mps) / 0.05 > 1.05 * at_rest_mps2


def test_brake_stops_sooner_than_coast() -> None:
    start = (1500, WheelDrive(0.5, 0.5))
    distances = []
    for mode in (MotorMode.BRAKE, MotorMode.COAST):
        moving, resting = drive(robot("jackal"), start, (8000, WheelDrive(0.0, 0.0, mode, mode)))
        distances.append(resting.x_m - moving.x_m)
    assert distances[0] < 0.3 * distances[1]


def test_duty_below_static_friction_does_not_move_the_robot() -> None:
    config = robot("jackal")
    stalled_nm = config.motor.static_friction_nm
    duty = (
        0.9 * stalled_nm / config.motor.torque_constant_nm_per_a * config.motor.resistance_ohm / config.motor.supply_v
    )
    state = drive(config, (2000, WheelDrive(duty, duty)))[-1]
    assert abs(state.x_m) < 1e-9


def test_mirrored_duty_gives_the_mirrored_path() -> None:
    left, right = (drive(robot("jackal"), (1500, WheelDrive(*duty)))[-1] for duty in ((0.1, 0.6), (0.6, 0.1)))
    # the solver visits the wheels in one order, which is not the mirrored one
    assert left.x_m == pytest.approx(right.x_m, rel=1e-3)
    assert left.y_m == pytest.approx(-right.y_m, rel=1e-3)
    assert left.yaw_rad == pytest.approx(-right.yaw_rad, rel=1e-3)


def slow_reference(config: RobotConfig, command: WheelDrive, duration_s: float) -> tuple[float, float, float]:
    """Explicit steps of 40 us with friction that grows linearly up to 4 mm/s of slip, then stays at mu N."""
    chassis, dt, slip_mps = chassis_of(config, None), 4e-5, 4e-3
    supports = [(wheel.x_m, wheel.y_m) for wheel in chassis.wheels] + list(config.drive.caster_positions_m)
    weight_n, shift = chassis.mass_kg * GRAVITY_MPS2, [0.0, 0.0]
    com_x, com_y = chassis.center_of_mass_m
    x, y, yaw, vx, vy, w = com_x, com_y, 0.0, 0.0, 0.0, 0.0  # centre of mass, velocity in its own axes
    omega = [0.0, 0.0]
    for _ in range(round(duration_s / dt)):
        output = motor_output(config.motor, command, *omega)
        torque = [output.left_nm, output.right_nm]
        fx = fy = moment = 0.0
        loads = support_loads_n(supports, (com_x + shift[0], com_y + shift[1]), weight_n)
        for wheel, load_n in zip(chassis.wheels, loads, strict=False):
            wx, wy = wheel.x_m - com_x, wheel.y_m - com_y
            sx = vx - w * wy - wheel.radius_m * omega[wheel.side]
            sy = vy + w * wx
            size = max(math.hypot(sx, sy), slip_mps)
            px, py = (-chassis.friction * max(load_n, 0.0) * s / size for s in (sx, sy))
            fx, fy, moment = fx + px, fy + py, moment + wx * py - wy * px
            torque[wheel.side] -= wheel.radius_m * px
        for side in (0, 1):
            free = (
                omega[side]
                + dt
                * (torque[side] - config.motor.viscous_friction_nm_s_per_rad * omega[side])
                / chassis.spin_inertia_kgm2[side]
            )
            stick = dt * chassis.joint_friction_nm[side] / chassis.spin_inertia_kgm2[side]
            omega[side] = math.copysign(max(0.0, abs(free) - stick), free)
        for axis, force in enumerate((fx, fy)):
            shift[axis] += dt / 0.01 * (-force * config.drive.wheel_radius_m / weight_n - shift[axis])
        vx, vy = vx + dt * (fx / chassis.mass_kg + w * vy), vy + dt * (fy / chassis.mass_kg - w * vx)
        w += dt * moment / chassis.inertia_kgm2
        x += dt * (vx * math.cos(yaw) - vy * math.sin(yaw))
        y += dt * (vx * math.sin(yaw) + vy * math.cos(yaw))
        yaw += dt * w
    return x - (com_x * math.cos(yaw) - com_y * math.sin(yaw)), y - (com_x * math.sin(yaw) + com_y * math.cos(yaw)), yaw


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "left", "right"), [("jackal", 0.2, 0.7), ("jackal", -0.4, 0.4), ("reference", 0.3, 0.5)]
)
def test_kernel_agrees_with_a_slow_simulation_of_regularized_friction(name: str, left: float, right: float) -> None:
    config, command = robot(name), WheelDrive(left, right)
    state = drive(config, (600, command))[-1]
    x, y, yaw = slow_reference(config, command, 0.6)
    assert (state.x_m, state.y_m) == pytest.approx((x, y), abs=4e-3)
    assert state.yaw_rad == pytest.approx(yaw, abs=0.02)


def test_loads_balance_weight_and_moments() -> None:
    supports = [(0.0, 0.1), (0.0, -0.1), (-0.14, 0.0)]
    loads = support_loads_n(supports, (-0.03, 0.01), 20.0)
    assert sum(loads) == pytest.approx(20.0)
    assert sum(n * x for n, (x, _) in zip(loads, supports, strict=True)) == pytest.approx(20.0 * -0.03)
    assert sum(n * y for n, (_, y) in zip(loads, supports, strict=True)) == pytest.approx(20.0 * 0.01)


def test_two_wheels_alone_share_by_the_sideways_lever_only() -> None:
    assert support_loads_n([(0.0, 0.1), (0.0, -0.1)], (0.3, 0.05), 20.0) == pytest.approx([15.0, 5.0])


def test_robot_that_tips_over_is_refused() -> None:
    config = robot("reference")
    tipping = config.model_copy(update={"body": config.body.model_copy(update={"center_of_mass_m": (-0.3, 0.0)})})
    with pytest.raises(ConfigError, match="reference: drive: the centre of mass"):
        PlanarPhysics().reset(EMPTY, tipping, Pose2(0.0, 0.0, 0.0))


def test_robot_with_wheels_on_one_side_is_refused() -> None:
    config = robot("reference")
    lame = config.drive.model_copy(update={"wheel_positions_m": ((0.0, 0.1), (0.1, 0.1))})
    with pytest.raises(ConfigError, match="wheel_positions_m"):
        chassis_of(config.model_copy(update={"drive": lame}), None)


def test_motor_too_stiff_for_the_step_is_refused() -> None:
    config = robot("reference")
    stiff = config.motor.model_copy(update={"rotor_inertia_kgm2": 0.0, "resistance_ohm": 0.001})
    with pytest.raises(ConfigError, match="rotor_inertia_kgm2"):
        chassis_of(config.model_copy(update={"motor": stiff}), None)
