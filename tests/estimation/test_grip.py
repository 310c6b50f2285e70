"""A skid steer feels how much friction the floor gives; what is not certain changes nothing."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from odometry_drive import PERIOD_NS, robot

from amr.config.robot import RobotConfig
from amr.estimation.grip import GripEstimator
from amr.messages import BaseState, Imu, McuState
from amr.state import restore_into, tree_of
from amr.units import GRAVITY_MPS2
from amr.wheel_slide import slide


@dataclass
class SlidingDrive:
    """A Jackal whose body slides as ``slide`` says, on a floor of ``part`` times the file's friction."""

    part: float
    config: RobotConfig = field(default_factory=lambda: robot("skid_steer"))
    tilt_mps2: float = 0.0
    noise_mps2: float = 0.05
    now_ns: int = 0
    boot_id: int = 1

    def __post_init__(self) -> None:
        self.random = np.random.default_rng(1)
        self.contacts = np.array(self.config.drive.wheel_positions_m)
        self.vx = self.vy = self.w = 0.0

    def step(self, v_mps: float, w_radps: float) -> list[BaseState | Imu]:
        """Wheels as of (v, w), the body turning at ``w_radps``."""
        dt = PERIOD_NS * 1e-9
        half = 0.5 * self.config.drive.track_m * w_radps
        left, right = v_mps - half, v_mps + half
        friction = self.part * self.config.physics.friction * GRAVITY_MPS2
        vx, vy = slide(
            self.vx, self.vy, w_radps, left, right, dt, friction, self.config.estimation.slip_creep_mps, self.contacts
        )
        ax = (vx - self.vx) / dt - w_radps * 0.5 * (vy + self.vy) + self.random.normal(0.0, self.noise_mps2)
        ay = (vy - self.vy) / dt + w_radps * 0.5 * (vx + self.vx) + self.random.normal(0.0, self.noise_mps2)
        self.vx, self.vy = vx, vy
        self.now_ns += PERIOD_NS
        base = BaseState(self.now_ns, self.boot_id, 0, 0, left, right, 24.0, McuState.DRIVING, 0, 0)
        return [Imu(self.now_ns, w_radps, ax + self.tilt_mps2, ay), base]


def drive(grip: GripEstimator, robot_drive: SlidingDrive, seconds: float) -> list[float]:
    """Rest, start, curves to both sides, braking hard: again and again; the answers."""
    parts = []
    for tick in range(round(seconds / (PERIOD_NS * 1e-9))):
        t = (tick * PERIOD_NS * 1e-9) % 4.0
        v = min(1.8, 3.0 * max(0.0, t - 0.6)) if t < 3.0 else max(0.0, 1.8 - 3.5 * (t - 3.0))
        w = 1.3 * math.sin(3.0 * t) if v > 0.3 else 0.0
        for message in robot_drive.step(v, w):
            grip.ingest(message)
        parts.append(grip.part)
    return parts


@pytest.mark.parametrize("part", [0.8, 0.6, 0.4])
def test_a_slippery_floor_is_noticed_in_the_first_seconds(part):
    grip = GripEstimator(robot("skid_steer"))
    parts = drive(grip, SlidingDrive(part), 4.0)
    assert grip.part == pytest.approx(part, abs=0.11)
    assert min(parts) >= part - 0.11


@pytest.mark.parametrize("part", [1.0, 1.4, 2.0])
def test_a_floor_as_good_as_the_file_or_better_changes_nothing(part):
    assert set(drive(GripEstimator(robot("skid_steer")), SlidingDrive(part), 8.0)) == {1.0}


@pytest.mark.parametrize("noise_mps2", [0.3, 1.0])
def test_vibration_alone_is_no_slippery_floor(noise_mps2):
    assert set(drive(GripEstimator(robot("skid_steer")), SlidingDrive(1.0, noise_mps2=noise_mps2), 8.0)) == {1.0}


def test_a_tilted_floor_is_taken_out_at_rest():
    assert set(drive(GripEstimator(robot("skid_steer")), SlidingDrive(1.0, tilt_mps2=0.3), 8.0)) == {1.0}


def test_a_better_floor_is_noticed_again():
    grip, moved = GripEstimator(robot("skid_steer")), SlidingDrive(0.5)
    drive(grip, moved, 4.0)
    moved.part = 1.0
    drive(grip, moved, 24.0)
    assert grip.part == 1.0


def test_a_robot_that_rolls_without_sliding_tells_nothing():
    config = robot("differential")
    assert set(drive(GripEstimator(config), SlidingDrive(0.4), 4.0)) == {1.0}


def test_it_can_be_switched_off():
    config = robot("skid_steer", grip_enabled=False)
    assert set(drive(GripEstimator(config), SlidingDrive(0.4), 4.0)) == {1.0}


def test_what_is_not_finite_doubled_or_late_is_passed_over():
    clean, dirty = GripEstimator(robot("skid_steer")), GripEstimator(robot("skid_steer"))
    moved = SlidingDrive(0.6)
    for tick in range(600):
        for message in moved.step(1.2, 1.5 * math.sin(0.02 * tick)):
            clean.ingest(message)
            dirty.ingest(message)
            dirty.ingest(message)
            if isinstance(message, Imu):
                dirty.ingest(replace(message, stamp_ns=message.stamp_ns + 1, accel_x_mps2=math.nan))
                dirty.ingest(replace(message, stamp_ns=message.stamp_ns - PERIOD_NS, accel_x_mps2=90.0))
            else:
                dirty.ingest(replace(message, stamp_ns=message.stamp_ns + 1, left_mps=math.inf))
    assert clean.part == dirty.part
    assert np.array_equal(clean._log_likelihood, dirty._log_likelihood)


def test_a_restart_of_the_base_or_a_gap_starts_anew_without_a_jump():
    grip, moved = GripEstimator(robot("skid_steer")), SlidingDrive(1.0)
    drive(grip, moved, 2.0)
    moved.boot_id = 2
    drive(grip, moved, 2.0)
    moved.now_ns += 5_000_000_000
    assert set(drive(grip, moved, 2.0)) == {1.0}


def test_it_goes_on_from_a_snapshot_as_if_nothing_had_been():
    grip, moved = GripEstimator(robot("skid_steer")), SlidingDrive(0.6)
    drive(grip, moved, 1.0)
    other = GripEstimator(robot("skid_steer"))
    restore_into(other, tree_of(grip))
    for tick in range(400):
        for message in moved.step(1.5, math.sin(0.02 * tick)):
            grip.ingest(message)
            other.ingest(message)
    assert grip.part == other.part < 1.0
    assert np.array_equal(grip._log_likelihood, other._log_likelihood)
