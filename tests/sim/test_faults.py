"""Broken parts of a simulated robot do what they say."""

from __future__ import annotations

import numpy as np
import pytest

from amr.geometry import Pose2
from amr.runtime.files import load_robot
from sim.faults import FaultyPlant, LidarFault, SensorFaults
from sim.world import World, wall

MS = 1_000_000
ROOM = World("room", (), tuple(wall(a, b, 0.1) for a, b in (((4, -4), (4, 4)), ((-4, 4), (4, 4)), ((-4, -4), (-4, 4)))))


def plant(**values: object) -> FaultyPlant:
    made = FaultyPlant(ROOM, load_robot("reference"), 1, "planar", Pose2(0.0, 0.0, 0.0), SensorFaults(**values))  # type: ignore[arg-type]
    for _ in range(80):
        made.advance(5 * MS, 0.4, 0.2)
        made.encoders()
    return made


def test_without_a_fault_it_is_the_healthy_plant_until_the_fault_begins() -> None:
    healthy, late = plant(from_ns=10**12), plant(from_ns=10**12, encoder_gains=(0.0, 0.0), imu_frozen=True)
    assert healthy.encoders() == late.encoders()
    assert healthy.imu() == late.imu()
    assert min(healthy.encoders()) > 100


def test_encoders_lose_turn_and_swap_their_counts() -> None:
    left, right = plant().encoders()
    assert plant(encoder_gains=(0.0, 1.0)).encoders() == (0, right)
    assert plant(encoder_gains=(-1.0, 0.5)).encoders() == (pytest.approx(-left, abs=1), pytest.approx(right / 2, abs=1))
    assert plant(encoders_swapped=True).encoders() == (right, left)


def test_a_motor_without_its_wire_does_not_drive_and_a_battery_sags() -> None:
    assert abs(plant(motor_gains=(0.0, 0.0)).truth().v_mps) < 1e-6
    assert plant(battery_drop_v=3.0).battery_v() == pytest.approx(plant().battery_v() - 3.0)


def test_a_frozen_imu_repeats_itself() -> None:
    made = plant(imu_frozen=True)
    before = made.imu()
    made.advance(5 * MS, 0.4, 0.2)
    assert made.imu() == before


@pytest.mark.parametrize("fault", list(LidarFault))
def test_a_lidar_fails_as_told(fault: LidarFault) -> None:
    made = plant(from_ns=200 * MS, lidar=fault)
    scans = made.scans_due(made.time_ns)
    if fault is LidarFault.DEAD:
        assert scans == []
        return
    first, last = scans[0], scans[-1]
    returns = np.isfinite(last.ranges_m)
    half = len(returns) // 2
    if fault is LidarFault.BLIND:
        assert not returns.any()
    elif fault is LidarFault.HALF_BLIND:
        assert not returns[:half].any()
        assert returns[half:].any()
    else:
        assert returns[:half].any()
    assert last.stamp_ns > first.stamp_ns


def test_a_turned_lidar_measures_from_where_it_really_is() -> None:
    straight, turned = plant(), plant(lidar_turned_rad=0.5)
    ahead = [float(made.scans_due(made.time_ns)[0].ranges_m[225]) for made in (straight, turned)]
    assert ahead[1] > ahead[0] * 1.05
