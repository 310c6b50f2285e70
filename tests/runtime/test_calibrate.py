"""``amr calibrate`` in simulation: what it finds, and how it refuses."""

from __future__ import annotations

import multiprocessing
import tomllib
from pathlib import Path
from typing import Any

import pytest

from amr.config.robot import RobotConfig
from amr.errors import ConfigError
from amr.geometry import Pose2
from amr.runtime.calibrate import bench
from amr.runtime.calibrate.drives import Drives
from amr.runtime.calibrate.programme import programme
from amr.runtime.calibrate.report import write_calibration
from amr.runtime.calibrate.result import changed
from amr.runtime.calibrate.robot_file import with_values
from amr.runtime.calibrate.run import Outcome, calibrate_real, run_simulated, simulate
from amr.runtime.calibrate.truth import hidden_robot, room
from amr.runtime.files import load_robot, load_toml_section, resolve_seed
from amr.runtime.live_world import serve_world
from amr.runtime.trial import Trial
from firmware_bridge.native import Duty, NativeFirmware
from sim.faults import FaultyPlant, LidarFault, SensorFaults
from sim.plant import Plant
from sim.virtual_robot import VirtualRobot
from sim.world import World, box

SEED = 7


@pytest.fixture(scope="module")
def file() -> RobotConfig:
    return load_robot("reference")


def why(file: RobotConfig, plant: Plant, seed: int = SEED) -> tuple[str, Drives, Plant]:
    """Run the programme: why it was broken off, what it found, and the world after it."""
    drives = Drives(file)
    robot = VirtualRobot(plant, NativeFirmware(boot_id=seed))
    failure = run_simulated(robot, file, seed, lambda pilot: programme(pilot, drives))
    robot.close()
    return failure, drives, plant


# ------------------------------------------------------------ what it finds


@pytest.mark.slow
@pytest.mark.parametrize(("name", "seed"), [("reference", SEED), ("jackal", 2)])
def test_a_hidden_robot_is_found_within_the_limits(name: str, seed: int) -> None:
    file = load_robot(name)
    truth = hidden_robot(file, seed)
    outcome = simulate(file, Plant(room(seed), truth, seed, "planar"), seed)
    assert not outcome.failure
    assert outcome.robot is not None
    errors = bench.errors_of(outcome, truth)
    assert {key: error for key, error in errors.items() if error > bench.LIMITS[key]} == {}
    assert set(outcome.robot.firmware.wiring) == set(truth.firmware.wiring)
    assert outcome.passed
    assert outcome.robot.limits.brake_mps2 <= file.limits.brake_mps2
    assert outcome.robot.safety.reaction_s >= file.safety.reaction_s


@pytest.mark.slow
def test_a_square_by_the_written_file_closes(file: RobotConfig, tmp_path: Path) -> None:
    truth = hidden_robot(file, SEED)
    outcome = simulate(file, Plant(room(SEED), truth, SEED, "planar"), SEED)
    text = resolve_seed("robots", "reference").read_text(encoding="utf-8")
    written = write_calibration(outcome, text, tmp_path, "reference")
    assert written is not None
    calibrated = load_toml_section(written, RobotConfig)
    assert "# Pololu 37D metal gearmotors" in written.read_text(encoding="utf-8")
    report = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "left wheel radius" in report
    assert "passed" in report
    assert "http" not in report.replace("http://www.w3.org", "")
    closing = [bench.closing_m(calibrated, truth, room(SEED), SEED, 1.0, left) for left in (True, False)]
    assert max(closing) < 0.02
    # the file of before does not close: the calibration is what makes the difference
    assert bench.closing_m(wired_as(file, truth), truth, room(SEED), SEED, 1.0, left=True) > 2.0 * max(closing)


class WithoutImu(NativeFirmware):
    """A board that has no inertial sensor."""

    def tick(self, *inputs: Any, **more: Any) -> Duty:
        return super().tick(*inputs, **{**more, "imu_ok": False})


@pytest.mark.slow
def test_without_an_imu_all_but_the_brake_is_found_and_that_does_not_pass(file: RobotConfig, tmp_path: Path) -> None:
    truth = hidden_robot(file, SEED)
    plant = Plant(room(SEED), truth, SEED, "planar")
    outcome = simulate(file, plant, SEED, mcu=WithoutImu(boot_id=SEED))
    assert not outcome.failure
    errors = bench.errors_of(outcome, truth)
    assert {key for key, error in errors.items() if not error <= bench.LIMITS[key]} == {"brake"}
    assert [item.name for item in outcome.items if not item.passed] == ["deceleration that the floor holds"]
    assert not outcome.passed
    assert ("limits", "brake_mps2") not in outcome.changes
    text = resolve_seed("robots", "reference").read_text(encoding="utf-8")
    assert write_calibration(outcome, text, tmp_path, "reference") is not None


def wired_as(file: RobotConfig, truth: RobotConfig) -> RobotConfig:
    firmware = file.firmware.model_copy(update={"wiring": truth.firmware.wiring})
    return file.model_copy(update={"firmware": firmware})


# ------------------------------------------------------------ how it refuses


def faulty(truth: RobotConfig, **values: object) -> FaultyPlant:
    faults = SensorFaults(1_000_000_000, **values)  # type: ignore[arg-type]
    return FaultyPlant(room(SEED), truth, SEED, "planar", None, faults)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"encoder_gains": (0.0, 1.0)}, "no encoder counts"),
        ({"motor_gains": (1.0, 0.0)}, "nothing moved|right_not_turning"),
        ({"imu_frozen": True}, "the IMU has gone silent"),
        ({"lidar": LidarFault.DEAD}, "is the lidar alive"),
        ({"lidar": LidarFault.BLIND}, "is the lidar alive|too little to measure|scan"),
        ({"lidar": LidarFault.FROZEN}, "the lidar does not see it|frozen"),
        ({"lidar_turned_rad": 3.14159}, "disagree about what is forward"),
        ({"lidar_turned_rad": 1.57}, "wrong by about 90"),
        ({"battery_drop_v": 4.0}, "battery"),
    ],
)
def test_what_cannot_be_calibrated_is_named_and_the_robot_stays_where_it_is(
    file: RobotConfig, values: dict[str, object], words: str
) -> None:
    failure, _, plant = why(file, faulty(file, **values))
    assert failure
    assert any(word in failure for word in words.split("|")), failure
    body = plant.truth()
    assert abs(body.v_mps) < 0.01
    assert Pose2(0.0, 0.0, 0.0).distance_m(body.pose) < 0.2
    assert plant.contact is None


def test_a_robot_without_room_does_not_start(file: RobotConfig) -> None:
    world = World("nook", (), (*room(SEED).polygons, box(-1.2, 0.0, 0.2, 1.0)))
    failure, drives, plant = why(file, Plant(world, file, SEED, "planar"))
    assert "free floor" in failure
    assert drives.pushes == []
    assert plant.truth().x_m == 0.0


@pytest.mark.slow
def test_the_same_programme_runs_over_a_real_line(file: RobotConfig) -> None:
    world = World("nook", (), (*room(SEED).polygons, box(-1.2, 0.0, 0.2, 1.0)))
    trial = Trial("nook", world, file, SEED, Pose2(0.0, 0.0, 0.0), (), 60.0, "planar")
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve_world, args=(trial, 4711, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        address = ours.recv()
        outcome = calibrate_real(file, address.base_url, address.lidar_url, lambda _: None)
    finally:
        ours.send("end")
        process.join(10.0)
        ours.close()
    assert "free floor" in outcome.failure


def test_a_base_with_another_firmware_is_refused(file: RobotConfig) -> None:
    with pytest.raises(ConfigError, match="our firmware"):
        calibrate_real(file, "create2:///dev/ttyNONE", "scan://127.0.0.1:1", lambda _: None)


# ------------------------------------------------------------ the file


def test_values_enter_a_robot_file_and_the_rest_stays() -> None:
    drive = "[drive]\n# of the wheel\nradius_m = 0.1  # measured\npoints_m = [\n  [1.0, 2.0],\n]\n"
    text = f"name = 'a'\n\n{drive}\n[link]\nbaud = 1\n"
    values = {
        ("drive", "radius_m"): 0.25,
        ("drive", "points_m"): [[0.0, 1.0]],
        ("drive", "wiring"): ["a"],
        ("x", "y"): 1,
    }
    result = with_values(text, values)
    told = tomllib.loads(result)
    assert told["drive"] == {"radius_m": 0.25, "points_m": [[0.0, 1.0]], "wiring": ["a"]}
    assert told["x"] == {"y": 1}
    assert told["link"] == {"baud": 1}
    assert "# of the wheel" in result
    assert "# measured" in result


def test_a_file_that_cannot_take_a_value_is_refused() -> None:
    with pytest.raises(ConfigError, match="by hand"):
        with_values("[drive]\nother = 1\n\n[[drive.list]]\na = 1\n", {("drive.list", "b"): 2})


def test_changed_values_are_checked_as_a_file_is(file: RobotConfig) -> None:
    assert changed(file, {("drive", "track_m"): 0.25}).drive.track_m == 0.25
    with pytest.raises(ValueError, match="track_m"):
        changed(file, {("drive", "track_m"): -1.0})


def test_an_outcome_without_a_result_has_not_passed(file: RobotConfig) -> None:
    outcome = Outcome(file)
    assert not outcome.passed
    assert outcome.to_json()["passed"] is False
