"""The ring as a whole: faults of base and wish, the stopping envelope, narrow gaps, escapes, snapshots."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from safety_scene import MS, STEP_NS, Driver, robot, wall

from amr.config.robot import RobotConfig
from amr.geometry import STANDSTILL, Pose2, Twist2
from amr.messages import Imu, LinkState, McuState, StopCategory, StopReason
from amr.safety.base import SafetyInput
from amr.safety.dead_reckoning import (
    WheelGeometry,
    advance,
    discontinuity,
    pose_at,
    start,
)
from amr.safety.ring import SafetyRing
from amr.state import restore_into, tree_of
from amr.units import GRAVITY_MPS2

SLOW = Twist2(0.2, 0.0)
NAN = math.nan
FLOOR_MPS2 = robot().physics.friction * GRAVITY_MPS2
WIDTH = 0.416


def driving(seconds: float = 0.3) -> Driver:
    driver = Driver(robot())
    assert driver.run(seconds, SLOW).stop.reason is StopReason.NONE
    return driver


# ------------------------------------------------------------ base


def test_nothing_moves_without_telemetry() -> None:
    out = Driver(robot()).run(0.2, SLOW, base=None)
    assert (out.stop.reason, out.stop.cause) == (StopReason.BASE_STALE, "no telemetry yet")
    assert out.stop_category is StopCategory.RAMP


@pytest.mark.parametrize(("age_ms", "stopped"), [(99, False), (100, False), (101, True), (1000, True)])
def test_telemetry_is_stale_after_its_time(age_ms: int, stopped: bool) -> None:
    driver = driving()
    now_ns = driver.now_ns + age_ms * MS
    out = driver.step(SLOW, base=None, now_ns=now_ns, wish_stamp_ns=now_ns, scan=None)
    assert (out.stop.reason is StopReason.BASE_STALE) == stopped


def test_old_telemetry_does_not_keep_a_base_alive() -> None:
    driver = driving()
    old = driver.base()
    out = driver.run(0.3, SLOW, base=old)
    assert out.stop.reason is StopReason.BASE_STALE


@pytest.mark.parametrize(("faults", "words"), [(1, "bits 0 "), (0x8012, "bits 1, 4, 15 (mask 0x8012)")])
def test_fault_bits_stop_and_are_named(faults: int, words: str) -> None:
    driver = driving()
    out = driver.step(SLOW, base=driver.base(stamp_ns=driver.now_ns + STEP_NS, faults=faults))
    assert out.stop.reason is StopReason.BASE_FAULT
    assert words in out.stop.cause


def test_a_masked_fault_bit_does_not_stop() -> None:
    driver = Driver(robot(base_fault_mask=0xFFFE))
    for _ in range(10):
        driver.advance()
        out = driver.step(SLOW, base=driver.base(stamp_ns=driver.now_ns + STEP_NS, faults=1))
    assert out.stop.reason is not StopReason.BASE_FAULT


def test_sensors_that_disagree_stop_and_are_named_and_nothing_is_held_when_they_agree_again() -> None:
    driver = driving()
    out = driver.step(SLOW, disagreement="the lidar is mounted otherwise")
    assert out.stop.reason is StopReason.SENSORS_DISAGREE
    assert "mounted otherwise" in out.stop.cause
    out = driver.run(1.0, SLOW, disagreement="the lidar is mounted otherwise")
    assert out.command == Twist2(0.0, 0.0)
    assert driver.run(1.0, SLOW).command.v_mps > 0.0


def test_the_state_fault_stops() -> None:
    driver = driving()
    out = driver.step(SLOW, base=driver.base(stamp_ns=driver.now_ns + STEP_NS, state=McuState.FAULT))
    assert out.stop.reason is StopReason.BASE_FAULT
    assert "FAULT" in out.stop.cause


@pytest.mark.parametrize("speeds", [(NAN, 0.0), (0.0, NAN), (math.inf, 0.0)])
def test_a_wheel_speed_that_is_not_finite_stops(speeds: tuple[float, float]) -> None:
    driver = driving()
    bad = driver.base(stamp_ns=driver.now_ns + STEP_NS, left_mps=speeds[0], right_mps=speeds[1])
    out = driver.step(SLOW, base=bad)
    assert out.stop.reason is StopReason.BASE_FAULT
    assert "not finite" in out.stop.cause
    assert driver.step(SLOW).stop.reason is not StopReason.BASE_FAULT


@pytest.mark.parametrize(("jump_m", "stopped"), [(0.12, False), (0.2, True), (-0.2, True), (1e6, True)])
def test_ticks_that_jump_stop_and_what_was_seen_is_forgotten(jump_m: float, stopped: bool) -> None:
    driver = driving()
    driver.left_m += jump_m
    out = driver.step(SLOW, scan=None)
    assert (out.stop.reason is StopReason.BASE_FAULT) == stopped
    assert ("ticks jumped" in out.stop.cause) == stopped
    out = driver.step(SLOW, scan=None)
    assert (out.stop.reason is StopReason.SCAN_MISSING) == stopped


def rolling() -> RobotConfig:
    """The Jackal as if it rolled without sliding."""
    config = robot()
    return config.model_copy(update={"drive": config.drive.model_copy(update={"kind": "differential"})})


def test_dead_reckoning_follows_the_wheels() -> None:
    config = rolling()
    wheels = WheelGeometry.from_config(config)
    driver = Driver(config)
    odometer = start(driver.base())
    driver.twist = Twist2(0.5, 0.8)
    for _ in range(50):
        driver.advance()
        assert discontinuity(odometer, driver.base(), wheels) == ""
        odometer = advance(odometer, driver.base(), (), wheels, FLOOR_MPS2)
    _, x, y, yaw = odometer.trail[-1]
    assert (x, y, yaw) == pytest.approx((driver.pose.x_m, driver.pose.y_m, driver.pose.yaw_rad), abs=2e-3)
    assert odometer.drift_m == pytest.approx(0.02 * 0.5 + 0.09 * 0.8, rel=0.01)
    assert advance(odometer, driver.base(), (), wheels, FLOOR_MPS2) is odometer


@pytest.mark.parametrize(("v", "w"), [(0.5, 1.0), (1.0, 2.0), (-1.0, 2.0), (-0.5, -1.0), (0.0, 3.0), (2.0, 1.2)])
def test_a_skid_steer_is_known_to_slide(v: float, w: float) -> None:
    driver = Driver(robot())
    wheels = WheelGeometry.from_config(driver.config)
    odometer = start(driver.base())
    driver.twist = Twist2(v, w)
    for _ in range(50):
        driver.advance()
        odometer = advance(odometer, driver.base(), driver.imu, wheels, FLOOR_MPS2)
    _, x, y, yaw = odometer.trail[-1]
    assert (x, y, yaw) == pytest.approx((driver.pose.x_m, driver.pose.y_m, driver.pose.yaw_rad), abs=0.02)
    assert (odometer.vx_mps, odometer.vy_mps) == pytest.approx(driver.sliding, abs=0.02)
    if v * w != 0.0:
        # outward
        assert odometer.vy_mps * v * w < 0.0


def turned_rad(gyro_radps: tuple[float, ...]) -> float:
    """Of a robot whose wheels turn faster and faster, by these samples of the gyro."""
    config = rolling()
    wheels = WheelGeometry.from_config(config)
    driver = Driver(config)
    odometer = start(driver.base())
    for k, rate_radps in enumerate(gyro_radps):
        driver.twist = Twist2(0.3, 0.1 * k)
        driver.advance()
        gyro = tuple(replace(sample, gyro_z_radps=rate_radps) for sample in driver.imu)
        odometer = advance(odometer, driver.base(), gyro, wheels, FLOOR_MPS2)
    return odometer.trail[-1][3]


def test_a_gyro_that_says_the_very_same_while_the_wheels_turn_otherwise_is_not_believed() -> None:
    wheels_rad = 0.02 * sum(0.1 * k for k in range(20))
    assert turned_rad((0.0,) * 20) > 0.85 * wheels_rad
    assert turned_rad((0.5,) * 20) == pytest.approx(wheels_rad, rel=0.25)


def test_a_gyro_that_lives_is_believed_against_the_wheels() -> None:
    assert turned_rad(tuple(0.001 * (k % 2) for k in range(20))) == pytest.approx(0.0, abs=0.01)


@pytest.mark.parametrize("grip", [1.0, 0.4])
def test_wheels_that_lock_on_a_slippery_floor_leave_a_body_that_slides_on(grip: float) -> None:
    """The ring reckons with it: a wall that it saw comes nearer by what friction leaves of the speed."""
    driver = Driver(robot(), wall(2.5))
    driver.run(0.2)
    driver.run(0.8, Twist2(1.0, 0.0))
    driver.step(Twist2(1.0, 0.0))
    before_m = driver.out.min_range_m
    locked = driver.base(left_mps=0.0, right_mps=0.0)
    for k in range(1, 4):
        out = driver.step(scan=None, base=replace(locked, stamp_ns=locked.stamp_ns + k * STEP_NS), grip_frac=grip)
    slid_m = 1.0 * 0.06 - 0.5 * grip * driver.config.physics.friction * 9.81 * 0.06**2
    assert before_m - out.min_range_m == pytest.approx(slid_m, abs=0.004)


def test_a_differential_drive_does_not_slide() -> None:
    config = rolling()
    wheels = WheelGeometry.from_config(config)
    assert wheels.contacts_m.size == 0
    driver = Driver(config)
    odometer = start(driver.base())
    driver.twist = Twist2(1.0, 2.0)
    driver.advance()
    odometer = advance(odometer, driver.base(), driver.imu, wheels, FLOOR_MPS2)
    assert (odometer.vx_mps, odometer.vy_mps) == (1.0, 0.0)


@pytest.mark.parametrize("speed_mps", [1e9, -1e300])
def test_absurd_wheel_speeds_do_not_poison_the_slide(speed_mps: float) -> None:
    driver = Driver(robot())
    wheels = WheelGeometry.from_config(driver.config)
    odometer = start(driver.base())
    driver.advance()
    odometer = advance(odometer, driver.base(left_mps=speed_mps), driver.imu, wheels, FLOOR_MPS2)
    assert odometer.vy_mps == 0.0
    driver.advance()
    odometer = advance(odometer, driver.base(), driver.imu, wheels, FLOOR_MPS2)
    assert all(math.isfinite(value) for value in (odometer.vx_mps, odometer.vy_mps, *odometer.trail[-1]))


def gyro_samples(driver: Driver, rate_radps: float, missing: int = 0) -> tuple[Imu, ...]:
    """Four samples over the last step of a driver, without the first ``missing``."""
    stamps = [driver.now_ns - 15 * MS, driver.now_ns - 10 * MS, driver.now_ns - 5 * MS, driver.now_ns]
    return tuple(Imu(stamp_ns, rate_radps, 0.0, 0.0) for stamp_ns in stamps[missing:])


@pytest.mark.parametrize(
    ("gyro", "wheel", "missing", "turn", "drift", "rate"),
    [
        (0.8, 1.0, 0, 0.8, 0.02 * 0.8, 0.8),  # wheels slip by a fifth: the gyro knows
        (0.8, 1.0, 2, 0.8, 0.02 * 0.8, 0.8),  # 15 ms without a sample are bridged
        (0.8, 1.0, 3, 1.0, 0.09 * 1.0, None),  # more are not
        (NAN, 1.0, 0, 1.0, 0.09 * 1.0, None),
        (99.0, 1.0, 0, 1.0, 0.09 * 1.0, None),
        (0.0, 1.0, 0, 0.0, 0.35 * 0.4, 0.0),  # they contradict each other
        (0.01, 0.0, 0, 0.0, 0.0, 0.01),  # at rest the gyro only has its bias
    ],
)
def test_the_gyro_tells_the_turn_where_it_can(
    gyro: float, wheel: float, missing: int, turn: float, drift: float, rate: float | None
) -> None:
    driver = Driver(robot())
    wheels = WheelGeometry.from_config(driver.config)
    odometer = start(driver.base())
    driver.twist = Twist2(0.0, wheel)
    for _ in range(50):
        driver.advance()
        odometer = advance(odometer, driver.base(), gyro_samples(driver, gyro, missing), wheels, FLOOR_MPS2)
    assert odometer.trail[-1][3] == pytest.approx(turn, abs=2e-3)
    assert odometer.drift_m == pytest.approx(drift, abs=2e-3)
    assert odometer.yaw_rate_radps == rate


def test_the_ring_predicts_with_the_gyro() -> None:
    driver = Driver(robot(), circles=[(0.05, 0.26, 0.02)])
    driver.run(0.3)
    other = SafetyRing(driver.config)
    restore_into(other, tree_of(driver.ring))
    driver.advance()
    driver.left_m -= 0.001
    view = SafetyInput(
        driver.now_ns, Twist2(0.0, 0.3), driver.now_ns, driver.scan(), driver.base(), LinkState.UP, True, (), ()
    )
    calm = driver.ring.step(view)
    turning = other.step(replace(view, imu=gyro_samples(driver, 2.5)))
    assert calm.command.w_radps > 0.1
    assert turning.command == STANDSTILL


@pytest.mark.parametrize("factor", [0.8, 1.0, 1.25])
def test_a_robot_that_turns_more_or_less_than_its_wheels_still_stops_in_time(factor: float) -> None:
    driver = Driver(robot(), circles=[(1.3, 0.52, 0.1), (1.3, -0.1, 0.05)])
    driver.yaw_factor = factor
    driver.run(0.4)
    for _ in range(120):
        driver.step(Twist2(1.2, 0.35))
        assert driver.clearance_m() > 0.01
    assert driver.pose.x_m > 0.5


@pytest.mark.parametrize("post", [(0.8, 0.32), (0.9, 0.24), (1.0, 0.24), (1.0, 0.28), (1.1, 0.24)])
@pytest.mark.parametrize("wish", [Twist2(1.4, -1.5), Twist2(1.0, -2.0)])
def test_a_drifting_skid_steer_does_not_swing_into_a_post(post: tuple[float, float], wish: Twist2) -> None:
    driver = Driver(robot(), circles=[(*post, 0.03)])
    driver.yaw_factor = 1.2
    driver.run(0.4)
    driver.run(0.6, Twist2(wish.v_mps, 0.0))
    for _ in range(60):
        driver.step(wish)
        assert driver.clearance_m() > 0.008


def test_poses_between_telemetry_are_interpolated_and_unknown_times_refused() -> None:
    config = rolling()
    driver = Driver(config)
    odometer = start(driver.base())
    assert pose_at(odometer, 0) is None
    driver.twist = Twist2(1.0, 0.0)
    for _ in range(70):
        driver.advance()
        odometer = advance(odometer, driver.base(), (), WheelGeometry.from_config(config), FLOOR_MPS2)
    assert len(odometer.trail) == 64
    newest_ns = odometer.trail[-1][0]
    for back_ns, x in ((0, 1.4), (10 * MS, 1.39), (30 * MS, 1.37), (-20 * MS, 1.42)):
        pose = pose_at(odometer, newest_ns - back_ns)
        assert pose is not None
        assert pose[0] == pytest.approx(x, abs=1e-3)
    assert pose_at(odometer, newest_ns + 21 * MS) is None
    assert pose_at(odometer, odometer.trail[0][0] - 1) is None


# ------------------------------------------------------------ wish


@pytest.mark.parametrize("wish", [Twist2(NAN, 0.0), Twist2(0.0, NAN), Twist2(math.inf, 0.0), Twist2(0.0, -math.inf)])
def test_a_wish_that_is_not_finite_stops(wish: Twist2) -> None:
    driver = driving()
    out = driver.step(wish)
    assert (out.stop.reason, out.stop_category) == (StopReason.COMMAND_NOT_FINITE, StopCategory.RAMP)
    assert out.command == STANDSTILL
    assert driver.step(SLOW).stop.reason is not StopReason.COMMAND_NOT_FINITE


@pytest.mark.parametrize(("age_ms", "stopped"), [(499, False), (500, False), (501, True), (60_000, True)])
def test_a_dead_mans_wish_stops(age_ms: int, stopped: bool) -> None:
    driver = driving()
    driver.advance()
    out = driver.step(SLOW, wish_stamp_ns=driver.now_ns + STEP_NS - age_ms * MS)
    assert (out.stop.reason is StopReason.COMMAND_STALE) == stopped


def test_no_wish_is_no_stop() -> None:
    driver = driving()
    out = driver.run(0.2)
    assert (out.command, out.stop_category, out.stop.reason) == (STANDSTILL, None, StopReason.NONE)


def test_after_a_fault_it_starts_again_from_where_braking_has_brought_it() -> None:
    driver = Driver(robot())
    driver.run(1.0, Twist2(1.0, 0.0))
    driver.step(Twist2(NAN, 0.0))
    out = driver.step(Twist2(1.0, 0.0))
    assert 0.85 < out.command.v_mps < 1.0
    driver.step(Twist2(NAN, 0.0))
    out = driver.run(0.5, Twist2(NAN, 0.0))
    assert driver.step(Twist2(1.0, 0.0)).command.v_mps <= 0.06 + 1e-9


# ------------------------------------------------------------ envelope


@pytest.mark.parametrize(("speed", "way"), [(0.2, 0.5), (1.0, 1.5), (2.0, 2.5)])
def test_it_stops_before_a_wall_at_the_margin(speed: float, way: float) -> None:
    driver = Driver(robot(), circles=wall(way))
    fastest = 0.0
    for _ in range(160):
        out = driver.step(Twist2(speed, 0.0))
        fastest = max(fastest, out.command.v_mps)
        assert driver.clearance_m() > 0.01
    assert fastest > 0.9 * min(speed, 1.9)
    assert out.stop.reason is StopReason.OBSTACLE
    assert "beam" in out.stop.cause
    assert out.stop_category is None
    assert out.command == STANDSTILL
    assert driver.clearance_m() < 0.05
    assert out.min_range_m == pytest.approx(driver.clearance_m(), abs=0.005)


def test_slower_brakes_and_a_longer_reaction_begin_earlier() -> None:
    def where_it_slows(config_changes: dict[str, float], brake_mps2: float) -> float:
        config = robot(**config_changes)
        config = config.model_copy(update={"limits": config.limits.model_copy(update={"brake_mps2": brake_mps2})})
        driver = Driver(config, circles=wall(4.0))
        for _ in range(200):
            if driver.step(Twist2(1.5, 0.0)).stop.reason is StopReason.OBSTACLE_SLOW:
                break
        return driver.pose.x_m

    usual = where_it_slows({}, 3.5)
    assert where_it_slows({"reaction_s": 0.2}, 3.5) == pytest.approx(usual - 0.15, abs=0.05)
    assert where_it_slows({}, 3.0) < usual - 0.02
    assert where_it_slows({"obstacle_speed_mps": 0.5}, 3.5) < usual - 0.15


@pytest.mark.parametrize("offset", [0.0, 0.02, -0.03])
def test_a_gap_of_its_width_and_twelve_centimetres_can_be_passed(offset: float) -> None:
    half = 0.5 * (WIDTH + 0.12) + 0.05
    posts = [(1.0 + 0.04 * k, side * half, 0.05) for k in range(12) for side in (1, -1)]
    driver = Driver(robot(), circles=posts, pose=Pose2(0.0, offset, 0.0))
    for _ in range(400):
        driver.step(Twist2(1.0, 0.0))
        if driver.pose.x_m > 1.9:
            break
    assert driver.pose.x_m > 1.9


def test_a_gap_narrower_than_the_robot_cannot() -> None:
    half = 0.5 * (WIDTH - 0.02) + 0.05
    driver = Driver(robot(), circles=[(1.0, half, 0.05), (1.0, -half, 0.05)])
    out = driver.run(3.0, Twist2(1.0, 0.0))
    assert out.stop.reason is StopReason.OBSTACLE
    assert driver.clearance_m() > 0.005


def test_turning_stops_before_the_corner_touches() -> None:
    driver = Driver(robot(), circles=[(0.05, 0.26, 0.02)])
    for _ in range(150):
        out = driver.step(Twist2(0.0, 1.0))
        assert driver.clearance_m() > 0.01
    assert out.stop.reason is StopReason.OBSTACLE
    assert driver.pose.yaw_rad < 1.0


def test_turning_in_the_open_is_free() -> None:
    driver = Driver(robot())
    driver.run(9.0, Twist2(0.0, 0.45))
    out = driver.run(1.0, Twist2(0.0, 3.0))
    assert out.stop.reason is StopReason.NONE
    assert out.command.w_radps == 3.0


def test_from_a_place_too_near_it_may_leave_but_not_approach() -> None:
    driver = Driver(robot(), circles=wall(0.229 + 0.012, 0.4))
    assert driver.run(0.3, Twist2(1.0, 0.0)).command == STANDSTILL
    assert driver.out is not None
    assert driver.out.stop.reason is StopReason.OBSTACLE
    out = driver.run(0.2, Twist2(-1.0, 0.0))
    assert out.command.v_mps < 0.0
    driver.run(2.0, Twist2(-1.0, 0.0))
    assert driver.clearance_m() > 0.1


def test_along_a_wall_inside_the_margin_it_creeps() -> None:
    side = [(x, 0.208 + 0.012 + 0.02, 0.02) for x in [0.02 * k for k in range(-30, 60)]]
    driver = Driver(robot(), circles=side)
    driver.run(0.2)
    for _ in range(100):
        out = driver.step(Twist2(1.0, 0.0))
        assert out.command.v_mps <= 0.15 + 1e-9
    assert driver.pose.x_m > 0.1
    assert driver.clearance_m() > 0.005


def test_a_corner_beside_a_post_keeps_it_from_turning_but_not_from_driving_on() -> None:
    driver = Driver(robot(), circles=[(0.2, 0.25, 0.02)])
    driver.run(0.3)
    out = driver.run(0.3, Twist2(0.1, 1.5))
    assert out.command.v_mps > 0.0 == out.command.w_radps
    assert (out.stop.reason, out.stop.cause.endswith("; straight only")) == (StopReason.OBSTACLE_SLOW, True)
    for _ in range(150):
        driver.step(Twist2(0.3, 1.5))
        assert driver.clearance_m() > 0.008
    assert driver.pose.x_m > 0.15


def test_something_that_appears_too_near_to_brake_for_is_braked_for_hardest() -> None:
    driver = Driver(robot())
    driver.run(1.5, Twist2(2.0, 0.0))
    driver.circles += [(driver.pose.x_m + 0.7, 0.0, 0.1)]
    out = driver.step(Twist2(2.0, 0.0))
    assert (out.stop.reason, out.stop_category) == (StopReason.OBSTACLE, StopCategory.BRAKE)
    assert out.command == STANDSTILL


def test_something_that_moves_towards_a_robot_at_rest_is_no_emergency() -> None:
    driver = Driver(robot(), circles=wall(1.0))
    driver.run(2.0, Twist2(1.0, 0.0))
    driver.circles = [(driver.pose.x_m + 0.25, 0.0, 0.02), *driver.circles]
    out = driver.run(0.1, Twist2(1.0, 0.0))
    assert (out.stop.reason, out.stop_category) == (StopReason.OBSTACLE, None)


def test_a_mover_that_left_does_not_hold_it_up() -> None:
    driver = Driver(robot())
    driver.run(0.2)
    person = (1.0, 0.0, 0.25)
    driver.circles.append(person)
    out = driver.run(2.5, Twist2(0.5, 0.0))
    assert out.stop.reason in {StopReason.OBSTACLE, StopReason.OBSTACLE_SLOW}
    assert out.command.v_mps < 0.01
    driver.circles.remove(person)
    assert driver.run(0.6, Twist2(0.5, 0.0)).command.v_mps > 0.3


# ------------------------------------------------------------ state


def test_a_ring_restored_from_a_snapshot_goes_on_to_the_bit() -> None:
    driver = Driver(robot(), circles=[*wall(2.0), (-0.3, 0.5, 0.1)])
    driver.run(1.0, Twist2(0.8, 0.4))
    twin = SafetyRing(driver.config)
    restore_into(twin, tree_of(driver.ring))
    other = Driver(driver.config, driver.circles)
    other.ring, other.now_ns, other.pose, other.twist = twin, driver.now_ns, driver.pose, driver.twist
    other.sliding = driver.sliding
    other.left_m, other.right_m, other.pending = driver.left_m, driver.right_m, driver.pending
    for k in range(60):
        wish = Twist2(0.8, math.sin(0.3 * k))
        assert driver.step(wish) == other.step(wish)


def test_the_output_is_the_same_for_the_same_input() -> None:
    runs = []
    for _ in range(2):
        driver = Driver(robot(), circles=wall(1.5))
        runs.append([driver.step(Twist2(1.0, 0.2)) for _ in range(60)])
    assert runs[0] == runs[1]


def test_settings_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(ValueError, match="contact_margin_m"):
        robot(contact_margin_m=0.03)


def test_a_command_in_flight_counts() -> None:
    driver = Driver(robot(reaction_s=0.2), circles=wall(0.29))
    driver.run(0.2)
    other = SafetyRing(driver.config)
    restore_into(other, tree_of(driver.ring))
    driver.advance()
    view = SafetyInput(
        driver.now_ns, SLOW, driver.now_ns, driver.scan(), driver.base(), LinkState.UP, True, (), driver.pending
    )
    assert driver.ring.step(view).command.v_mps > 0.05
    fast = ((driver.now_ns - STEP_NS, 0.0, 0.0), (driver.now_ns, 0.4, 0.0))
    out = other.step(replace(view, pending=fast))
    assert (out.stop.reason, out.command) == (StopReason.OBSTACLE, STANDSTILL)


def test_how_old_an_input_is_is_told() -> None:
    driver = Driver(robot())
    driver.run(0.4)
    assert driver.run(1.0, base=None).stop.cause == "telemetry is 1.00 s old"
    driver = Driver(robot())
    driver.run(0.4)
    assert driver.run(1.0, scan=None).stop.cause == "newest scan is 1.00 s old"
    driver = Driver(robot())
    driver.run(0.4)
    out = driver.step(wish_stamp_ns=driver.now_ns + STEP_NS - 1000 * MS)
    assert out.stop.cause == "wish is 1.00 s old (dead man)"


def test_a_step_without_telemetry_or_with_a_bad_one_does_not_disarm() -> None:
    driver = Driver(robot())
    driver.run(0.4)
    assert driver.step(base=None).armed
    driver.advance()
    assert driver.step(base=driver.base(left_mps=NAN)).armed
    assert driver.step(Twist2(0.2, 0.0)).command.v_mps > 0.0


def test_the_first_telemetry_is_no_restart() -> None:
    driver = Driver(robot())
    assert driver.run(0.2, base=None).armed
    assert driver.step().armed


def test_a_jump_of_the_ticks_is_told_with_its_time() -> None:
    driver = Driver(robot())
    odometer = start(driver.base())
    driver.advance()
    driver.now_ns += 5000 * MS
    driver.left_m += 100.0
    cause = discontinuity(odometer, driver.base(), WheelGeometry.from_config(driver.config))
    assert cause.endswith("in 5020 ms")


@pytest.mark.parametrize(("at_ms", "x_m"), [(10, 0.5), (30, 2.0), (50, 5.0), (70, 9.0)])
def test_a_pose_lies_between_its_own_neighbors(at_ms: int, x_m: float) -> None:
    trail = tuple((20 * MS * k, x, 0.0, 0.0) for k, x in enumerate((0.0, 1.0, 3.0, 7.0)))
    odometer = replace(start(Driver(robot()).base()), trail=trail)
    pose = pose_at(odometer, at_ms * MS)
    assert pose is not None
    assert pose[0] == pytest.approx(x_m)
