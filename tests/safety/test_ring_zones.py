"""The ring at zones: it stops before a keep-out border, slows before a speed zone, and lets the robot leave."""

from __future__ import annotations

import math
from typing import Any

import pytest
from safety_scene import Driver, robot

from amr.config.robot import RobotConfig
from amr.config.zones import KeepOut, SpeedZone, Zones
from amr.geometry import Pose2, Twist2
from amr.messages import StopReason
from amr.polygons import corners_of, signed_distance_m
from amr.safety.base import SafetyOutput

BOX = ((2.0, -2.0), (4.0, -2.0), (4.0, 2.0), (2.0, 2.0))


def with_zones(zones: Zones) -> RobotConfig:
    return robot().model_copy(update={"zones": zones})


KEEP = with_zones(Zones(keep_out=(KeepOut(name="stairs", polygon_m=BOX),)))
SLOW = with_zones(Zones(speed=(SpeedZone(name="school", polygon_m=BOX, speed_max_mps=0.4),)))


class MapDriver(Driver):
    """Tells the ring where the robot truly is, or what the test wants it to believe."""

    believed: Pose2 | None = None
    lost = False

    def step(self, wish: Twist2 = Twist2(0.0, 0.0), **changes: Any) -> SafetyOutput:  # noqa: B008 - a frozen value
        self.advance()
        self.advance, advance = lambda: None, self.advance
        try:
            place = None if self.lost else self.believed or self.pose
            return super().step(wish, map_from_base=place, **changes)
        finally:
            self.advance = advance


def outline_gap_m(config: RobotConfig, pose: Pose2) -> float:
    polygon = corners_of(BOX)
    return min(signed_distance_m(polygon, *pose.apply(x, y)) for corners in config.body.outline_m for x, y in corners)


@pytest.mark.parametrize("speed_mps", [0.3, 1.0, 2.0])
def test_stops_before_a_keep_out_border_and_says_which(speed_mps):
    driver = MapDriver(KEEP)
    driver.run(0.2)
    gaps, reasons = [], set()
    for _ in range(400):
        out = driver.step(Twist2(speed_mps, 0.0))
        gaps.append(outline_gap_m(KEEP, driver.pose))
        reasons.add(out.stop.reason)
    assert min(gaps) > 0.0
    assert gaps[-1] < 0.15
    assert StopReason.KEEP_OUT in reasons
    assert "stairs" in out.stop.cause
    assert abs(driver.twist.v_mps) < 1e-6


def test_may_turn_and_leave_at_the_border():
    driver = MapDriver(KEEP)
    driver.run(0.2)
    for _ in range(300):
        driver.step(Twist2(1.0, 0.0))
    for _ in range(200):
        driver.step(Twist2(-0.3, 0.0))
    assert outline_gap_m(KEEP, driver.pose) > 0.3


def test_inside_a_keep_out_zone_it_only_creeps_out():
    driver = MapDriver(KEEP, pose=Pose2(2.3, 0.0, 0.0))
    driver.run(0.2)
    for _ in range(50):
        driver.step(Twist2(0.5, 0.0))
    assert driver.pose.x_m < 2.31
    for _ in range(200):
        driver.step(Twist2(-0.5, 0.0))
        assert abs(driver.twist.v_mps) <= KEEP.safety.creep_mps + 1e-9 or driver.pose.x_m < 2.0
    assert outline_gap_m(KEEP, driver.pose) > 0.0


def test_is_no_faster_than_a_speed_zone_allows_from_its_border_on():
    driver = MapDriver(SLOW)
    driver.run(0.2)
    fastest_before = 0.0
    for _ in range(400):
        driver.step(Twist2(2.0, 0.0))
        if outline_gap_m(SLOW, driver.pose) <= 0.0 and driver.pose.x_m < 4.0:
            assert driver.twist.v_mps <= 0.4 + 1e-3
        else:
            fastest_before = max(fastest_before, driver.twist.v_mps)
    assert driver.pose.x_m > 4.0
    assert fastest_before > 1.0


def test_a_place_that_is_not_known_stops_the_robot_where_zones_are_set():
    driver = MapDriver(KEEP)
    driver.run(0.2)
    driver.believed = Pose2(math.nan, 0.0, 0.0)
    for _ in range(20):
        out = driver.step(Twist2(0.5, 0.0))
    assert out.stop.reason is StopReason.KEEP_OUT
    assert driver.twist.v_mps == 0.0


def test_lost_robot_goes_as_slowly_as_the_slowest_zone_asks_wherever_it_is():
    zones = Zones(
        speed=(
            SpeedZone(name="school", polygon_m=BOX, speed_max_mps=0.4),
            SpeedZone(name="shop", polygon_m=((8.0, 8.0), (9.0, 8.0), (9.0, 9.0)), speed_max_mps=0.25),
        )
    )
    driver = MapDriver(with_zones(zones), pose=Pose2(-3.0, 0.0, 0.0))
    driver.lost = True
    driver.run(0.2)
    for _ in range(100):
        out = driver.step(Twist2(1.0, 0.0))
        assert driver.twist.v_mps <= 0.25 + 1e-3
    assert driver.twist.v_mps > 0.2
    assert out.stop.reason is StopReason.SPEED_ZONE
    assert "shop" in out.stop.cause


def test_lost_robot_does_not_even_turn_where_places_are_kept_out_of():
    driver = MapDriver(KEEP, pose=Pose2(-3.0, 0.0, 0.0))
    driver.lost = True
    driver.run(0.2)
    for wish in (Twist2(0.5, 0.0), Twist2(-0.2, 0.0), Twist2(0.0, 0.5)):
        for _ in range(30):
            out = driver.step(wish)
        assert out.stop.reason is StopReason.KEEP_OUT
        assert "not known" in out.stop.cause
        assert (driver.twist.v_mps, driver.twist.w_radps) == (0.0, 0.0)
