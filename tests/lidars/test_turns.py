"""Points become scans on the robot file's beams: which beam, which time, and what is not known."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import numpy as np
import pytest

from amr.config.hardware import Lidar
from amr.config.robot import RobotConfig
from amr.messages import Scan
from amr.runtime.files import load_robot
from amr.safety.scan_check import ScanRules, refuse
from firmware_bridge.lidars.dialect import Point
from firmware_bridge.lidars.turns import Turns

MS = 1_000_000
TURN_S = 0.1
LIDAR = load_robot("reference").lidar
DELAY_NS = 10 * MS


def world(angle_rad: float) -> float:
    """Range by the bearing seen from above, counter-clockwise: a shape without any symmetry."""
    return 3.0 + math.sin(angle_rad) + 0.5 * math.cos(2.0 * angle_rad) + 0.2 * math.sin(5.0 * angle_rad + 1.0)


def spin(
    lidar: Lidar,
    clockwise: bool,
    turns: float = 6.0,
    points_per_turn: float = 450.0,
    keep: Callable[[float], bool] = lambda _time_s: True,
    chunk_s: float = 0.005,
    arrival_s: Callable[[float], float] = lambda time_s: time_s,
) -> list[Scan]:
    """Scans of a lidar that turns evenly; its points arrive ``DELAY_NS`` after their light, in chunks."""
    assembler = Turns(lidar, clockwise=clockwise, delay_ns=DELAY_NS)
    sense = -1.0 if clockwise else 1.0
    scans, waiting, chunk = [], [], 1
    for number in range(int(turns * points_per_turn)):
        time_s = number * TURN_S / points_per_turn
        while time_s > chunk * chunk_s:
            scans += assembler.add(waiting, round(arrival_s(chunk * chunk_s) * 1e9) + DELAY_NS)
            waiting, chunk = [], chunk + 1
        angle_rad = (2.0 * math.pi * time_s / TURN_S) % (2.0 * math.pi)
        if keep(time_s):
            waiting.append(Point(angle_rad, world(sense * angle_rad)))
        else:
            assembler.skip()
    return scans


@pytest.mark.parametrize("clockwise", [True, False])
@pytest.mark.parametrize("points_per_turn", [450.0, 447.3, 455.9, 1000.0])
def test_each_beam_measures_what_lies_in_its_bearing(clockwise: bool, points_per_turn: float) -> None:
    scans = spin(LIDAR, clockwise, points_per_turn=points_per_turn)
    assert len(scans) >= 3
    for scan in scans:
        bearings = scan.angle_min_rad + scan.angle_increment_rad * np.arange(LIDAR.beams)
        expected = np.array([world(float(bearing)) for bearing in bearings])
        assert not np.isnan(scan.ranges_m).any()
        assert np.abs(scan.ranges_m - expected).max() < 0.05


@pytest.mark.parametrize("clockwise", [True, False])
def test_stamp_and_increment_tell_when_each_beam_was_measured(clockwise: bool) -> None:
    scans = spin(LIDAR, clockwise)
    sense = -1.0 if clockwise else 1.0
    for scan in scans[2:]:
        assert scan.time_increment_s * LIDAR.beams == pytest.approx(sense * TURN_S, rel=0.06)
        for beam in (0, 100, 449):
            bearing_rad = scan.angle_min_rad + beam * scan.angle_increment_rad
            phase = (sense * bearing_rad) % (2.0 * math.pi) / (2.0 * math.pi) * TURN_S
            told_s = scan.stamp_ns * 1e-9 + beam * scan.time_increment_s
            error_s = (told_s - phase + 0.5 * TURN_S) % TURN_S - 0.5 * TURN_S
            assert abs(error_s) < 0.007, "arrival is known to a chunk of 5 ms"


@pytest.mark.parametrize("clockwise", [True, False])
def test_times_are_exact_to_half_a_beam_when_bytes_come_at_once(clockwise: bool) -> None:
    sense = -1.0 if clockwise else 1.0
    for scan in spin(LIDAR, clockwise, points_per_turn=4500.0, chunk_s=1e-4)[2:]:
        for beam in (0, 449):
            bearing_rad = scan.angle_min_rad + beam * scan.angle_increment_rad
            phase_s = (sense * bearing_rad) % (2.0 * math.pi) / (2.0 * math.pi) * TURN_S
            told_s = scan.stamp_ns * 1e-9 + beam * scan.time_increment_s
            assert abs((told_s - phase_s + 0.5 * TURN_S) % TURN_S - 0.5 * TURN_S) < 1.5e-4


def test_turns_are_counted() -> None:
    assembler = Turns(LIDAR, clockwise=True, delay_ns=0)
    given = sum(len(assembler.add([Point(math.radians(8.0 * i), 2.0)], i * 2 * MS)) for i in range(45 * 6))
    assert assembler.turns == given
    assert given >= 3


def test_the_safety_ring_takes_the_scans_of_a_clockwise_lidar() -> None:
    robot = load_robot("reference")
    rules = ScanRules.from_config(robot)
    for scan in spin(robot.lidar, clockwise=True):
        assert refuse(scan, rules, scan.stamp_ns + 20 * MS) == ""
        assert scan.time_increment_s < 0.0


def with_lidar(**changes: float) -> Lidar:
    robot: RobotConfig = load_robot("reference")
    return Lidar.model_validate(robot.lidar.model_dump() | changes)


@pytest.mark.parametrize("clockwise", [True, False])
def test_a_field_of_view_of_270_degrees(clockwise: bool) -> None:
    lidar = with_lidar(beams=271, angle_min_rad=-0.75 * math.pi, angle_increment_rad=math.radians(1.0))
    scans = spin(lidar, clockwise, points_per_turn=720.0)
    assert scans
    for scan in scans:
        assert scan.ranges_m.shape == (271,)
        bearings = scan.angle_min_rad + scan.angle_increment_rad * np.arange(271)
        expected = np.array([world(float(bearing)) for bearing in bearings])
        assert np.abs(scan.ranges_m - expected).max() < 0.06


def test_a_lost_packet_is_not_open_space() -> None:
    def keep(time_s: float) -> bool:
        return not 0.255 < time_s < 0.260  # 5 ms of the turn from 0.2 to 0.3 s: 22 points

    scans = spin(LIDAR, clockwise=True, keep=keep)
    counts = [int(np.isnan(scan.ranges_m).sum()) for scan in scans]
    assert sum(count > 0 for count in counts) == 1
    assert 18 <= max(counts) <= 24
    assert not any(np.isposinf(scan.ranges_m).any() for scan in scans)


def test_half_a_turn_without_points_throws_the_turn_away() -> None:
    scans = spin(LIDAR, clockwise=True, turns=8.0, keep=lambda time_s: not 0.24 < time_s < 0.33)
    for scan in scans:
        assert int(np.isnan(scan.ranges_m).sum()) < 240
        age_ns = scan.stamp_ns - 240 * MS
        assert not 10 * MS < age_ns < 80 * MS, "no scan was made of light from the time without any"


def test_no_return_is_infinite_and_beyond_the_range_too() -> None:
    assembler = Turns(LIDAR, clockwise=True, delay_ns=0)
    scans: list[Scan] = []
    for turn in range(4):
        points = [Point(math.radians(0.8 * i), math.inf if i % 2 else 20.0) for i in range(450)]
        scans += assembler.add(points, turn * 100 * MS)
    assert np.isposinf(scans[-1].ranges_m).all()


def test_of_several_points_in_a_beam_the_nearest_counts() -> None:
    assembler = Turns(LIDAR, clockwise=False, delay_ns=0)
    scans: list[Scan] = []
    for turn in range(4):
        points = [Point(math.radians(0.1 * i), 2.0 if i % 8 == 3 else 5.0) for i in range(3600)]
        scans += assembler.add(points, turn * 100 * MS)
    assert float(scans[-1].ranges_m.max()) == 2.0


def test_late_arrival_does_not_make_old_light_new() -> None:
    def held_up(time_s: float) -> float:
        return max(time_s, 0.68) if time_s > 0.64 else time_s  # the turn that ends at 0.65 s arrives 30 ms late

    scans = spin(LIDAR, clockwise=True, turns=10.0, arrival_s=held_up)
    phases_ms = [scan.stamp_ns / 1e6 % 100.0 for scan in scans]
    assert max(phases_ms) - min(phases_ms) <= 7.0


@pytest.mark.parametrize("seed", range(4))
def test_any_points_at_any_time_give_scans_of_the_right_shape(seed: int) -> None:
    rng = random.Random(seed)
    assembler = Turns(LIDAR, clockwise=bool(seed % 2), delay_ns=0)
    now_ns = 0
    for _ in range(300):
        now_ns += rng.choice((5, 5, 5, 40, 400)) * MS
        if rng.random() < 0.1:
            assembler.skip()
        points = [
            Point(rng.uniform(-20.0, 20.0), rng.choice((0.0, 1.0, 99.0, math.inf))) for _ in range(rng.randrange(60))
        ]
        for scan in assembler.add(points, now_ns):
            assert scan.ranges_m.shape == (450,)
            assert scan.ranges_m.dtype == np.float32
            assert not (scan.ranges_m < 0.0).any()
            assert scan.stamp_ns <= now_ns
            assert math.isfinite(scan.time_increment_s)
