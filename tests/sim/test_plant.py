"""The plant: time, sensors, truth and the judge together; the same seed gives the same run to the bit."""

from __future__ import annotations

import math
import tomllib
from pathlib import Path

import numpy as np
import pytest

from amr.config.robot import RobotConfig
from amr.errors import ConfigError
from amr.geometry import Pose2
from sim.physics import MotorMode
from sim.plant import Plant
from sim.world import Circle, MovingObstacle, World, box
from sim.worlds.files import load_world

SEEDS = Path(__file__).resolve().parents[2] / "seeds" / "robots"
TICK_NS = 5_000_000
EMPTY = World("empty")


def robot(name: str = "jackal", **sections: dict[str, float]) -> RobotConfig:
    config = RobotConfig.model_validate(tomllib.loads((SEEDS / f"{name}.toml").read_text()))
    return config.model_copy(
        update={key: getattr(config, key).model_copy(update=values) for key, values in sections.items()}
    )


def run(plant: Plant, ticks: int, left: float, right: float) -> list[tuple[object, ...]]:
    """All that the sensors say, tick by tick."""
    record: list[tuple[object, ...]] = []
    for _ in range(ticks):
        plant.advance(TICK_NS, left, right)
        scans = [(scan.stamp_ns, scan.ranges_m.tobytes()) for scan in plant.scans_due(plant.time_ns)]
        record.append((plant.encoders(), plant.imu(), plant.battery_v(), scans, plant.truth(), plant.clearance_m))
    return record


@pytest.mark.parametrize("name", ["jackal", "reference"])
def test_same_seed_gives_the_same_run_and_another_seed_another(name: str) -> None:
    world = load_world("office")
    first, second, other = (run(Plant(world, robot(name), seed, "planar"), 60, 0.4, 0.5) for seed in (3, 3, 4))
    assert first == second
    assert first != other


def test_call_length_does_not_change_the_truth() -> None:
    world = load_world("office")
    short, long = Plant(world, robot(), 1, "planar"), Plant(world, robot(), 1, "planar")
    for _ in range(100):
        short.advance(1_000_000, 0.4, 0.3)
    for _ in range(10):
        long.advance(10_000_000, 0.4, 0.3)
    assert short.time_ns == long.time_ns == 100_000_000
    assert short.truth() == long.truth()
    assert short.min_clearance_m == long.min_clearance_m
    stamps = [[scan.stamp_ns for scan in plant.scans_due(10**9)] for plant in (short, long)]
    assert stamps[0] == stamps[1]
    assert len(stamps[0]) in (4, 5)


@pytest.mark.parametrize("duration_ns", [0, -1_000_000, 1_500_000, 1])
def test_duration_that_is_no_whole_number_of_steps_is_refused(duration_ns: int) -> None:
    with pytest.raises(ValueError, match="duration_ns"):
        Plant(EMPTY, robot(), 1, "planar").advance(duration_ns, 0.0, 0.0)


def test_nan_duty_is_refused_and_nothing_moves() -> None:
    plant = Plant(EMPTY, robot(), 1, "planar")
    with pytest.raises(ValueError, match="left_duty"):
        plant.advance(TICK_NS, math.nan, 0.0)
    assert plant.time_ns == 0
    assert plant.truth().v_mps == 0.0


def test_unknown_backend_and_negative_seed_are_refused() -> None:
    with pytest.raises(ConfigError, match="backend"):
        Plant(EMPTY, robot(), 1, "gazebo")
    with pytest.raises(ConfigError, match="seed"):
        Plant(EMPTY, robot(), -1, "planar")


def test_encoders_count_wheel_turns_and_forward_is_positive() -> None:
    plant = Plant(EMPTY, robot("reference"), 1, "planar")
    run(plant, 400, 0.3, 0.3)
    left, right = plant.encoders()
    assert left == right
    assert left == math.floor(plant.truth().left_wheel_rad * 3200 / (2.0 * math.pi))
    # 0.3 of 12 V less friction: about 0.25 m/s, soon after the start
    assert left * 2.0 * math.pi * 0.045 / 3200 == pytest.approx(plant.truth().x_m, abs=0.01)


def test_encoder_of_a_backward_turn_counts_down() -> None:
    plant = Plant(EMPTY, robot("reference"), 1, "planar")
    run(plant, 100, -0.3, 0.3)
    left, right = plant.encoders()
    assert left < -100
    assert right > 100


def test_wheel_with_a_larger_radius_travels_further_for_the_same_ticks() -> None:
    scaled = robot("reference", physics={"left_radius_true_scale": 1.02, "right_radius_true_scale": 1.02})
    plant = Plant(EMPTY, scaled, 1, "planar")
    for i in range(200):
        plant.advance(TICK_NS, 0.002 * i, 0.002 * i)
    counted_m = plant.encoders()[0] * scaled.drive.metres_per_tick_m
    assert plant.truth().x_m / counted_m == pytest.approx(1.02, abs=1e-3)


def test_gyro_integrates_to_the_turn_up_to_its_bias_and_scale() -> None:
    quiet = robot(imu={"gyro_noise_radps": 0.0, "gyro_bias_radps": 0.0, "gyro_scale_frac": 0.0})
    plant = Plant(EMPTY, quiet, 1, "planar")
    angle = sum(sample[1][0] * 0.005 for sample in run(plant, 300, -0.3, 0.3))  # type: ignore[index]
    assert angle == pytest.approx(plant.truth().yaw_rad, abs=1e-12)


def test_gyro_bias_is_constant_in_a_run_and_differs_between_seeds() -> None:
    still = robot(imu={"gyro_noise_radps": 0.0, "gyro_bias_radps": 0.01})
    biases = []
    for seed in range(5):
        samples = {sample[1][0] for sample in run(Plant(EMPTY, still, seed, "planar"), 10, 0.0, 0.0)}  # type: ignore[index]
        assert len(samples) == 1
        biases.append(samples.pop())
    assert len(set(biases)) == 5
    assert 0.0 < np.std(biases) < 0.04


def test_accelerometer_feels_acceleration_and_the_curve() -> None:
    quiet = robot("reference", imu={"accel_noise_mps2": 0.0})
    plant = Plant(EMPTY, quiet, 1, "planar")
    speed = 0.0
    for _ in range(100):
        plant.advance(TICK_NS, 0.3, 0.3)
        speed += plant.imu()[1] * 0.005
    assert speed == pytest.approx(plant.truth().v_mps, abs=1e-6)
    run(plant, 400, 0.2, 0.4)
    truth = plant.truth()
    assert plant.imu()[2] == pytest.approx(truth.v_mps * truth.w_radps, rel=0.02)


def test_battery_sags_under_load() -> None:
    plant = Plant(EMPTY, robot(), 1, "planar")
    assert plant.battery_v() == 24.0
    plant.advance(TICK_NS, 1.0, 1.0)
    assert 20.0 < plant.battery_v() < 24.0


def test_brake_mode_stops_sooner_than_zero_torque() -> None:
    distances = []
    for mode in (MotorMode.BRAKE, MotorMode.COAST):
        plant = Plant(EMPTY, robot(), 1, "planar")
        run(plant, 300, 0.4, 0.4)
        start = plant.truth().x_m
        for _ in range(200):
            plant.advance(TICK_NS, 0.0, 0.0, mode, mode)
        distances.append(plant.truth().x_m - start)
    assert distances[0] < 0.3 * distances[1]


def test_scan_shows_the_world_from_where_the_robot_was() -> None:
    world = World("w", polygons=(box(5.0, 0.0, 1.0, 8.0),))
    plant = Plant(world, robot(lidar={"noise_sigma_m": 0.0}), 1, "planar")
    truths, seen = {}, []
    for _ in range(400):
        plant.advance(1_000_000, 0.5, 0.5)
        truths[plant.time_ns] = plant.truth().x_m
        seen += plant.scans_due(plant.time_ns)
    assert len(seen) in (17, 18)
    for scan in seen:
        middle = (720 - 1) // 2
        expected = (4.5 - truths[scan.stamp_ns] - 0.055) / math.cos(0.5 * scan.angle_increment_rad)
        assert scan.ranges_m[middle] == pytest.approx(expected, abs=1e-5)
        assert plant.time_ns - scan.stamp_ns >= 50_000_000


def test_touching_a_wall_is_recorded_once_with_its_time() -> None:
    world = World("w", polygons=(box(1.0, 0.0, 0.2, 2.0),))
    plant = Plant(world, robot(), 1, "planar")
    assert plant.contact is None
    assert plant.min_clearance_m == pytest.approx(0.9 - 0.229)
    run(plant, 300, 0.4, 0.4)
    contact = plant.contact
    assert contact is not None
    assert contact.obstacle == "polygon 0"
    assert contact.robot_moving
    assert plant.min_clearance_m == 0.0
    run(plant, 10, 0.4, 0.4)
    assert plant.contact == contact


def test_start_inside_an_obstacle_is_a_contact_at_time_zero() -> None:
    plant = Plant(World("w", (Circle(0.2, 0.0, 0.1),)), robot(), 1, "planar")
    assert plant.contact is not None
    assert plant.contact.time_ns == 0


def test_start_can_be_overridden_and_people_move_with_time() -> None:
    person = MovingObstacle("anna", Circle(0.0, 0.0, 0.25), ((0.0, 4.0, 0.0), (10.0, 4.0, 5.0)), 10.0)
    plant = Plant(World("w", moving=(person,)), robot(), 1, "planar", start=Pose2(1.0, 2.0, 0.5))
    assert plant.truth().pose == Pose2(1.0, 2.0, 0.5)
    assert plant.moving_positions() == [(4.0, 0.0)]
    run(plant, 200, 0.0, 0.0)
    assert plant.moving_positions()[0] == pytest.approx((4.0, 0.5))


@pytest.mark.parametrize("name", ["jackal", "reference"])
def test_robot_file_keeps_its_promises_on_its_floor(name: str) -> None:
    """The limits that the safety envelope is built on are within what motors and floor can do."""
    config = robot(name)
    plant = Plant(EMPTY, config, 1, "planar")
    while plant.truth().v_mps < config.limits.v_max_mps:
        plant.advance(TICK_NS, min(1.0, plant.time_ns * 5e-10), min(1.0, plant.time_ns * 5e-10))
        assert plant.time_ns < 5_000_000_000, "never reaches v_max_mps"
    speed, start = plant.truth().v_mps, plant.truth().x_m
    while plant.truth().v_mps > 0.0:
        plant.advance(TICK_NS, -0.6, -0.6)
    assert speed * speed / (2.0 * (plant.truth().x_m - start)) > config.limits.brake_mps2
    assert config.limits.a_max_mps2 < config.physics.friction * 9.81
    assert config.firmware.battery_min_v < config.motor.supply_v
    steady_duty = config.motor.back_emf_v_s_per_rad / config.drive.wheel_radius_m / config.motor.supply_v
    assert config.firmware.feed_forward_duty_s_per_m == pytest.approx(steady_duty, rel=0.1)


def test_bullet_plant_runs_the_same_sensors() -> None:
    pytest.importorskip("pybullet", reason="PyBullet has no wheel for this Python or machine")
    world = load_world("office")
    plants = [Plant(world, robot(), 1, backend) for backend in ("bullet", "planar")]
    records = [run(plant, 60, 0.3, 0.3) for plant in plants]
    assert plants[0].truth().v_mps == pytest.approx(plants[1].truth().v_mps, abs=0.01)
    assert plants[0].clearance_m == pytest.approx(plants[1].clearance_m, abs=0.01)
    assert [len(record[3]) for record in records[0]] == [len(record[3]) for record in records[1]]  # type: ignore[arg-type]
    plants[0].close()


@pytest.mark.parametrize("backend", ["planar", "bullet"])
def test_robot_that_is_carried_off_does_not_notice_by_its_wheels_or_its_gyro(backend: str) -> None:
    if backend == "bullet":
        pytest.importorskip("pybullet")
    there = Pose2(3.0, -2.0, 2.0)
    plant = Plant(EMPTY, robot(), 1, backend, kidnaps=((300_000_000, there),))
    run(plant, 59, 0.4, 0.4)
    before, ticks = plant.truth(), plant.encoders()
    (after,) = [record[:2] for record in run(plant, 1, 0.4, 0.4)]
    body = plant.truth()
    assert before.x_m < 0.5
    assert (body.x_m, body.y_m, body.yaw_rad) == pytest.approx((3.0, -2.0, 2.0))
    assert (body.v_mps, body.w_radps) == (0.0, 0.0)
    assert max(abs(a - b) for a, b in zip(after[0], ticks, strict=True)) < 100
    gyro = [record[1][0] for record in run(plant, 20, 0.4, 0.4)]
    assert max(abs(rate) for rate in gyro) < 0.1
    run(plant, 100, 0.4, 0.4)
    assert plant.truth().pose.distance_m(there) > 0.1
    assert there.bearing_rad(plant.truth().pose) == pytest.approx(0.0, abs=0.05)
