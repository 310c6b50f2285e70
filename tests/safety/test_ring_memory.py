"""What the ring remembers: points that left the view, ghosts that do not stay, space that was seen or not."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from safety_scene import MS, STEP_NS, Driver, polygons_distance, ranges_of, robot, scan_of

from amr.geometry import Pose2, Twist2
from amr.messages import StopReason
from amr.safety import kernel_memory as kernel
from amr.safety import memory
from amr.safety.dead_reckoning import Odometer
from amr.safety.outline import Outline

CONFIG = robot(memory_s=8.0)
OUTLINE = Outline.from_body(CONFIG.body)
RULES = memory.MemoryRules.from_config(CONFIG, 1.1)


def odometer(x: float = 0.0, y: float = 0.0, yaw: float = 0.0, stamp_ns: int = 0, drift: float = 0.0) -> Odometer:
    trail = ((stamp_ns - STEP_NS, x, y, yaw), (stamp_ns, x, y, yaw))
    return Odometer(7, 0, 0, drift, 0.0, None, math.nan, 0.0, 0.0, 0.0, trail)


def see(
    state: memory.Memory, circles: Any, at: Odometer | None = None, config: Any = CONFIG, times: int = 8
) -> memory.Memory:
    """The memory after scans (so many that all rows of cells had their turn) of these circles from this pose."""
    at = at or odometer()
    stamp_ns, x, y, yaw = at.trail[-1]
    ranges = ranges_of(config, Pose2(x, y, yaw), circles)
    rules = memory.MemoryRules.from_config(config, 1.1)
    for _ in range(times):
        scan = scan_of(config, stamp_ns, ranges)
        geometry = memory.scan_geometry(scan, at, rules)
        assert geometry is not None
        state = memory.insert(state, scan, geometry, at, rules, OUTLINE)
    return state


def fresh_memory(config: Any = CONFIG) -> memory.Memory:
    return memory.empty(RULES, config.lidar.beams)


def remembered(state: memory.Memory, near: tuple[float, float], radius: float = 0.1) -> int:
    points = state.points[: state.count]
    return int(np.count_nonzero(np.hypot(points[:, 0] - near[0], points[:, 1] - near[1]) < radius))


def is_unseen(state: memory.Memory, x: float, y: float, at: Odometer | None = None, now_ns: int = 0) -> bool:
    points, count = memory.unseen_near(state, at or odometer(), (0.0, 0.0, 0.0), 1.5, now_ns, RULES)
    cells = points[:count, :2]
    return bool((np.hypot(cells[:, 0] - x, cells[:, 1] - y) < 0.75 * RULES.cell_m).any())


# ------------------------------------------------------------ placing


@pytest.mark.parametrize("moved", [(0.0, 0.0, 0.0), (0.1, -0.05, 0.3)])
def test_points_of_a_scan_lie_where_each_beam_hit(moved: tuple[float, float, float]) -> None:
    config = robot(lidar={"x_m": 0.05, "y_m": 0.02, "yaw_rad": 0.4})
    ranges = np.full(720, np.inf, np.float32)
    ranges[::7] = np.linspace(0.05, 5.0, len(ranges[::7]))
    ranges[3] = np.nan
    ranges[4] = 31.0
    geometry = np.array(
        (
            config.lidar.angle_min_rad,
            config.lidar.angle_increment_rad,
            0.1,
            30.0,
            0.05,
            0.02,
            0.4,
            1.0,
            2.0,
            0.7,
            *moved,
        )
    )
    points, beams = np.zeros((720, 2)), np.zeros(720, np.int32)
    count = kernel.place_scan(ranges, geometry, points, beams)
    assert count == len(ranges[::7])
    for index in range(count):
        beam = int(beams[index])
        part = beam / 719
        base = Pose2(1.0 + part * moved[0], 2.0 + part * moved[1], 0.7 + part * moved[2])
        lidar = base @ Pose2(0.05, 0.02, 0.4)
        angle = config.lidar.angle_min_rad + beam * config.lidar.angle_increment_rad
        r = max(0.1, float(ranges[beam]))
        assert points[index] == pytest.approx(lidar.apply(r * math.cos(angle), r * math.sin(angle)), abs=1e-9)


@pytest.mark.parametrize("yaw", [0.0, 3.0, -3.0, 9.5, -40.0])
def test_the_beam_towards_a_point_is_the_one_that_placed_it(yaw: float) -> None:
    geometry = np.array((-2.3, 0.0065, 0.1, 30.0, 0.05, 0.0, 0.0, 1.0, 2.0, yaw, 0.02, 0.01, 0.2))
    ranges = np.full(700, 1.5, np.float32)
    points, beams = np.zeros((700, 2)), np.zeros(700, np.int32)
    kernel.place_scan(ranges, geometry, points, beams)
    middle = kernel.lidar_pose(geometry, 0.5)
    for beam in range(0, 700, 50):
        number, distance = kernel.beam_of(points[beam, 0], points[beam, 1], geometry, *middle, 700)
        assert number == pytest.approx(beam, abs=0.6)
        assert distance == pytest.approx(1.5, abs=2e-3)


def test_a_point_out_of_view_has_no_beam() -> None:
    geometry = np.array((-2.3, 0.0065, 0.1, 30.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0))
    number, _ = kernel.beam_of(-1.0, 0.0, geometry, 0.0, 0.0, 0.0, 700)
    assert number >= 699.5


# ------------------------------------------------------------ points


POST = [(-0.6, 0.4, 0.05)]  # behind and left: seen from x = -0.8, out of view from x = 0.3 on
BEHIND = (-0.5, 0.1)
"""Seen from x = -1.2, out of view from x = 0.3."""
BEFORE, AFTER = odometer(-1.2, 0.0), odometer(0.3, 0.0)


def test_a_point_that_left_the_view_is_kept() -> None:
    state = see(fresh_memory(), POST, BEFORE)
    state = see(state, POST, AFTER)
    assert remembered(state, (-0.65, 0.4)) > 0


def test_a_ghost_is_dropped_as_soon_as_a_scan_sees_past_it() -> None:
    state = see(fresh_memory(), [(0.8, 0.0, 0.1)])
    state = see(state, [(3.0, 0.0, 0.5)], times=1)
    assert remembered(state, (0.7, 0.0)) == 0


def test_a_point_seen_again_is_not_kept_twice() -> None:
    state = see(fresh_memory(), [(0.8, 0.0, 0.1)], times=10)
    assert state.count == 0
    assert state.fresh_count > 0


def test_an_occluded_point_is_kept() -> None:
    state = see(fresh_memory(), [(1.0, 0.0, 0.05)])
    state = see(state, [(1.0, 0.0, 0.05), (0.6, 0.0, 0.2)])
    assert remembered(state, (0.95, 0.0)) > 0


def test_a_point_behind_invalid_beams_is_kept() -> None:
    state = see(fresh_memory(), [(0.8, 0.0, 0.1)])
    at = odometer()
    scan = scan_of(CONFIG, 0, np.full(720, np.nan, np.float32))
    geometry = memory.scan_geometry(scan, at, RULES)
    assert geometry is not None
    assert remembered(memory.insert(state, scan, geometry, at, RULES, OUTLINE), (0.7, 0.0)) > 0


@pytest.mark.parametrize("drift", [0.0, 0.03])
def test_a_thin_post_at_the_edge_of_a_beam_is_not_cleared_by_one_beam(drift: float) -> None:
    state = see(fresh_memory(), [(1.0, 0.0, 0.015)])
    seen = ranges_of(CONFIG, Pose2(0.0, 0.0, 0.0), [(1.0, 0.0, 0.015), (4.0, 0.0, 1.0)])
    # the middle of the post is a hole in this scan, its sides are still nearer
    hit = np.flatnonzero(seen < 1.5)
    ranges = np.where(np.arange(720) == hit[len(hit) // 2], np.float32(3.0), np.float32(0.5))
    at = odometer(drift=drift)
    scan = scan_of(CONFIG, 0, ranges.astype(np.float32))
    geometry = memory.scan_geometry(scan, at, RULES)
    assert geometry is not None
    assert remembered(memory.insert(state, scan, geometry, at, RULES, OUTLINE), (0.985, 0.0), 0.03) > 0


@pytest.mark.parametrize(("age_s", "kept"), [(7.9, True), (8.1, False)])
def test_an_old_point_is_forgotten_and_its_place_becomes_unseen(age_s: float, kept: bool) -> None:
    state = see(fresh_memory(), POST, BEFORE)
    later = odometer(0.3, 0.0, stamp_ns=round(age_s * 1e9))
    state = see(state, [], later)
    assert (remembered(state, (-0.65, 0.4)) > 0) == kept
    assert is_unseen(state, *BEHIND, now_ns=round(age_s * 1e9)) == (not kept)


@pytest.mark.parametrize(("beside_m", "kept"), [(RULES.beside_m - 0.02, True), (RULES.beside_m + 0.02, False)])
def test_a_point_that_a_turn_could_touch_stays_however_old_it_is(beside_m: float, kept: bool) -> None:
    radius_m = 0.02
    state = see(fresh_memory(), [(0.5, 0.0, radius_m)])  # ahead, then behind: the robot has turned and driven past it
    later = odometer(0.5 - radius_m + beside_m, 0.0, stamp_ns=round(100e9))
    assert (remembered(see(state, [], later), (0.5 - radius_m, 0.0), 0.015) > 0) == kept


@pytest.mark.parametrize(("drift", "kept"), [(0.149, True), (0.151, False)])
def test_a_point_is_forgotten_when_odometry_has_drifted(drift: float, kept: bool) -> None:
    state = see(fresh_memory(), POST, BEFORE)
    later = odometer(0.3, 0.0, drift=drift)
    state = see(state, [], later)
    assert (remembered(state, (-0.65, 0.4)) > 0) == kept
    assert is_unseen(state, *BEHIND, later) == (not kept)


def seen_place(state: memory.Memory) -> tuple[float, float]:
    """A point of the newest scan whose cell counts as seen."""
    points = state.fresh[: state.fresh_count].tolist()
    return next((x, y) for x, y in points if x < 0.0 and not is_unseen(state, *center(x, y)))


def center(x: float, y: float) -> tuple[float, float]:
    """Middle of the cell that holds a point."""
    return (math.floor(x / RULES.cell_m) + 0.5) * RULES.cell_m, (math.floor(y / RULES.cell_m) + 0.5) * RULES.cell_m


def is_cell_unseen(state: memory.Memory, x: float, y: float) -> bool:
    points, count = memory.unseen_near(state, odometer(), (0.0, 0.0, 0.0), 1.5, 0, RULES)
    return any(math.dist(point[:2], center(x, y)) < 1e-9 for point in points[:count].tolist())


def test_a_far_point_is_forgotten_and_its_cell_becomes_unseen() -> None:
    state = see(fresh_memory(), POST, BEFORE)
    place = seen_place(state)
    assert not is_cell_unseen(state, *place)
    state = see(state, [], odometer(2.0, 0.0))
    assert remembered(state, place) == 0
    assert is_cell_unseen(state, *place)


def test_without_room_a_point_becomes_unseen_space() -> None:
    state = see(fresh_memory(), POST, BEFORE)
    place = seen_place(state)
    state.points[:] = (-0.9, 0.0, 0.0, 0.0)  # out of view from where they will be judged, so all are kept
    state = see(replace(state, count=memory.CAPACITY), POST, AFTER, times=1)
    assert state.count == memory.CAPACITY
    assert remembered(state, place) == 0
    assert is_cell_unseen(state, *place)


def test_a_cell_that_belongs_to_another_place_is_left_alone() -> None:
    state = see(fresh_memory(), [], BEFORE)
    side_m = RULES.cells * RULES.cell_m
    kernel.forget_cell(BEHIND[0] + side_m, BEHIND[1], RULES.cell_m, state.owners)
    kernel.forget_cell(BEHIND[0], BEHIND[1] - side_m, RULES.cell_m, state.owners)
    assert not is_cell_unseen(state, *BEHIND)
    kernel.forget_cell(BEHIND[0], BEHIND[1], RULES.cell_m, state.owners)
    assert is_cell_unseen(state, *BEHIND)


def test_kept_points_carry_their_uncertainty_and_age() -> None:
    state = see(fresh_memory(), POST, BEFORE)
    later = odometer(0.3, 0.0, stamp_ns=2_000_000_000, drift=0.05)
    state = see(state, [(0.9, 0.0, 0.1)], later)
    points, sources, count = memory.points_near(state, later, (0.3, 0.0, 0.0), 2.0, 2_100_000_000)
    old = points[:count][sources[:count] < 0]
    new = points[:count][sources[:count] >= 0]
    assert old[:, 2] == pytest.approx(0.05 + kernel.THINNING_M)
    assert old[:, 3] == pytest.approx(2.1)
    assert new[:, 2] == pytest.approx(0.0)
    assert new[:, 3] == pytest.approx(0.1)
    assert "beam" in memory.describe(state, int(sources[0]), points[0])
    assert "last seen 2.1 s ago" in memory.describe(state, -1, old[0])


def test_a_point_is_described_from_the_base() -> None:
    state = see(fresh_memory(), [(0.9, 0.2, 0.05)])
    point = np.array((0.75, -0.25, 0.034, 1.24))
    beam = int(state.fresh_beams[3])
    assert memory.describe(state, 3, point) == f"beam {beam} sees an obstacle at (0.75, -0.25) m from the base"
    assert memory.describe(state, 3, point, 0.131) == f"beam {beam} sees an obstacle at (0.88, -0.25) m from the base"
    old = "remembered obstacle at (0.65, -0.25) m from the base, last seen 1.2 s ago, known within 0.034 m"
    assert memory.describe(state, -1, point, -0.1) == old


# ------------------------------------------------------------ space


def test_space_in_view_is_seen_and_space_behind_is_not() -> None:
    state = see(fresh_memory(), [])
    assert not is_unseen(state, 1.0, 0.0)
    assert not is_unseen(state, 0.5, 0.8)
    assert is_unseen(state, -0.6, 0.0)


def test_space_under_the_body_is_seen() -> None:
    state = see(fresh_memory(), [])
    assert not is_unseen(state, -0.15, 0.0)


def test_space_behind_an_obstacle_or_invalid_beams_is_unseen() -> None:
    state = see(fresh_memory(), [(0.8, 0.0, 0.2)])
    assert is_unseen(state, 1.3, 0.0)
    state = fresh_memory()
    scan = scan_of(CONFIG, 0, np.full(720, np.nan, np.float32))
    geometry = memory.scan_geometry(scan, odometer(), RULES)
    assert geometry is not None
    assert is_unseen(memory.insert(state, scan, geometry, odometer(), RULES, OUTLINE), 1.0, 0.0)


def test_space_that_was_driven_through_stays_seen() -> None:
    state = see(fresh_memory(), [], odometer(-1.0, 0.0))
    state = see(state, [], odometer(0.0, 0.0))
    assert not is_unseen(state, -0.6, 0.0)


def test_all_space_is_unseen_at_first() -> None:
    points, count = memory.unseen_near(fresh_memory(), odometer(), (0.0, 0.0, 0.0), 1.0, 0, RULES)
    assert count == pytest.approx(math.pi / RULES.cell_m**2, rel=0.05)
    assert np.hypot(points[:count, 0], points[:count, 1]).max() <= 1.0


def test_a_slow_lidar_updates_every_row_at_once() -> None:
    assert memory.MemoryRules.from_config(robot(lidar={"rate_hz": 10.0}), 1.1).phases == 1
    assert RULES.phases == 8


def test_nearest_is_the_smallest_distance_of_a_point_to_the_outline() -> None:
    state = see(fresh_memory(), [(0.8, 0.3, 0.1), (0.2, -0.9, 0.2)])
    slow = min(polygons_distance(CONFIG.body.outline_m, *point) for point in state.fresh[: state.fresh_count].tolist())
    assert memory.nearest_m(state, (0.0, 0.0, 0.0), OUTLINE) == pytest.approx(slow, abs=1e-9)


# ------------------------------------------------------------ in the ring


def test_it_does_not_turn_into_a_post_that_it_can_no_longer_see() -> None:
    driver = Driver(robot(), circles=[(-0.32, 0.3, 0.03)], pose=Pose2(-1.2, 0.0, 0.0))
    driver.run(1.4, Twist2(1.0, 0.0))
    driver.run(1.0, Twist2(0.0, 0.0))
    assert driver.pose.x_m == pytest.approx(0.0, abs=0.35)
    causes = set()
    for _ in range(150):
        out = driver.step(Twist2(-0.3, -0.8))
        causes.add(out.stop.cause.split(" at ")[0])
        assert driver.clearance_m() > 0.0
    assert "remembered obstacle" in causes


def test_reversing_into_unseen_space_is_slow_and_into_seen_space_is_not() -> None:
    driver = Driver(robot(armed_clear_m=0.0, blind_mps=0.15))
    driver.run(0.2)
    blind = driver.run(1.0, Twist2(-0.5, 0.0))
    assert blind.stop.reason is StopReason.UNSEEN_SLOW
    assert "not seen" in blind.stop.cause
    assert blind.command.v_mps == pytest.approx(-0.15, abs=0.01)
    driver = Driver(robot())
    driver.run(2.0, Twist2(0.7, 0.0))
    driver.run(1.0)
    seen = driver.run(0.8, Twist2(-0.5, 0.0))
    assert seen.stop.reason is StopReason.NONE
    assert seen.command.v_mps == pytest.approx(-0.5)


def test_a_fast_entry_into_unseen_space_brakes() -> None:
    driver = Driver(robot(memory_s=1.0, blind_mps=0.15))
    driver.run(1.5, Twist2(1.5, 0.0))
    driver.run(0.9)
    fastest = 0.0
    for _ in range(60):
        out = driver.step(Twist2(-0.6, 0.0))
        fastest = max(fastest, -out.command.v_mps)
    assert out.stop.reason is StopReason.UNSEEN_SLOW
    assert out.command.v_mps == pytest.approx(-0.15, abs=0.01)
    assert fastest > 0.15


def test_arming_vouches_for_the_space_close_around() -> None:
    fastest = {}
    for clear_m in (0.0, 0.1, 0.3):
        driver = Driver(robot(armed_clear_m=clear_m, blind_mps=0.15))
        driver.run(0.3)
        fastest[clear_m] = max(driver.step(Twist2(0.0, 2.0)).command.w_radps for _ in range(20))
    assert fastest[0.0] == pytest.approx(0.15 / OUTLINE.circumradius_m, rel=0.01)
    assert fastest[0.1] > 1.5
    driver = Driver(robot(armed_clear_m=0.1, blind_mps=0.15))
    driver.run(0.3)
    assert driver.run(1.0, Twist2(-0.5, 0.0)).command.v_mps == pytest.approx(-0.15, abs=0.02)


def test_what_is_seen_or_vouched_for_lies_around_the_newest_pose() -> None:
    """Of a robot that has just been carried half a metre: its body covers where it is, not where it was."""
    trail = ((-STEP_NS, 0.0, 0.0, 0.0), (0, 0.0, 0.5, 0.0))
    here = replace(odometer(), trail=trail)
    vouched = fresh_memory()
    memory.vouch(vouched, here, 0, RULES, OUTLINE)
    assert not is_unseen(vouched, 0.0, 0.5, here)
    assert is_unseen(vouched, 0.0, -0.1, here)
    state = fresh_memory()
    blind = scan_of(CONFIG, 0, np.full(CONFIG.lidar.beams, np.nan, np.float32))
    for _ in range(8):
        geometry = memory.scan_geometry(blind, here, RULES)
        assert geometry is not None
        state = memory.insert(state, blind, geometry, here, RULES, OUTLINE)
    assert not is_unseen(state, 0.0, 0.5, here)
    assert is_unseen(state, 0.0, -0.1, here)


@pytest.mark.parametrize("sweep_ms", [0.0, 50.0, -50.0])
def test_the_beams_of_a_sweep_begin_and_end_where_the_robot_was_then(sweep_ms: float) -> None:
    """A robot that drives 1 m/s and turns; a lidar that turns clockwise takes its last beam first."""
    trail = tuple((20 * k * MS, 0.02 * k, -0.01 * k, 0.03 * k) for k in range(12))
    increment_s = sweep_ms * 1e-3 / (CONFIG.lidar.beams - 1)
    scan = replace(scan_of(CONFIG, 110 * MS, ranges_of(CONFIG, Pose2(0.0, 0.0, 0.0), [])), time_increment_s=increment_s)
    geometry = memory.scan_geometry(scan, replace(odometer(), trail=trail), RULES)
    assert geometry is not None
    assert geometry[7:10].tolist() == pytest.approx([0.11, -0.055, 0.165])
    moved_m = sweep_ms * 1e-3
    assert geometry[10:13].tolist() == pytest.approx([moved_m, -0.5 * moved_m, 1.5 * moved_m])


@pytest.mark.parametrize(("stamp_ms", "sweep_ms"), [(0.0, 50.0), (40.0, -50.0), (-30.0, -50.0), (50.0, 50.0)])
def test_a_sweep_of_which_only_a_part_can_be_placed_is_not_placed(stamp_ms: float, sweep_ms: float) -> None:
    """The odometry knows 20 ms before and after now."""
    increment_s = sweep_ms * 1e-3 / (CONFIG.lidar.beams - 1)
    ranges = ranges_of(CONFIG, Pose2(0.0, 0.0, 0.0), [])
    scan = replace(scan_of(CONFIG, round(stamp_ms * MS), ranges), time_increment_s=increment_s)
    assert memory.scan_geometry(scan, odometer(), RULES) is None


@pytest.mark.parametrize("together", [True, False])
def test_arming_vouches_for_the_space_behind_also_with_the_first_telemetry(together: bool) -> None:
    """So the first step back is as fast as what a person who looked allows; unseen space would allow a tenth."""
    driver = Driver(robot(blind_mps=0.02))
    for _ in range(3):
        driver.step(arm_wish=False, **({"base": None} if together else {}))
    out = driver.step(arm_wish=True)
    assert out.armed
    for _ in range(4):
        out = driver.step(Twist2(-0.2, 0.0), arm_wish=True)
    assert out.command.v_mps == pytest.approx(-0.2)


@pytest.mark.parametrize(
    ("reach_m", "rate_hz", "safety", "radius_m", "cells", "phases", "free_s"),
    [
        (1.0, 50.0, {}, 1.5, 60, 8, 15.0),
        (3.0, 5.0, {"obstacle_speed_mps": 0.3}, 3.5, 64, 1, 0.5),
        (1.01, 100.0, {"obstacle_speed_mps": 0.3, "memory_s": 0.25}, 1.51, 62, 8, 0.25),
        (1.0, 20.0, {"memory_s": 2.5}, 1.5, 60, 3, 2.5),
    ],
)
def test_how_much_is_remembered_and_how_long(
    reach_m: float, rate_hz: float, safety: Any, radius_m: float, cells: int, phases: int, free_s: float
) -> None:
    config = robot({"rate_hz": rate_hz}, armed_clear_m=0.12, **safety)
    rules = memory.MemoryRules.from_config(config, reach_m)
    assert (rules.cells, rules.phases) == (cells, phases)
    assert rules.radius_m == pytest.approx(radius_m)
    assert rules.cell_m == pytest.approx(2.0 * radius_m / cells)
    assert (rules.free_age_ns, rules.age_ns) == (round(free_s * 1e9), round(config.safety.memory_s * 1e9))
    assert rules.beside_m == pytest.approx(config.body.circumradius_m + 0.12)


def test_at_first_nothing_was_seen() -> None:
    state = memory.empty(RULES, 720)
    assert (state.points.shape, state.fresh.shape, state.fresh_beams.shape) == ((2048, 4), (720, 2), (720,))
    assert (state.owners.shape, state.drifts.shape) == ((RULES.cells, RULES.cells, 3), (RULES.cells, RULES.cells))
    assert (state.count, state.fresh_count, state.fresh_drift_m, state.fresh_stamp_ns, state.phase) == (0, 0, 0.0, 0, 0)
    assert not any(each.any() for each in (state.points, state.fresh, state.fresh_beams, state.drifts))


def test_points_are_given_in_the_frame_of_a_pose_with_their_age() -> None:
    """One return of 30 ms ago, and one of another 2 s before, since when the odometry got 4 cm worse."""
    state = memory.empty(RULES, 720)
    state.fresh[0], state.points[0] = (1.0, 2.0), (1.5, 2.0, 0.01, -2000.0 * MS)
    state = replace(state, count=1, fresh_count=1, fresh_stamp_ns=-30 * MS)
    pose = (1.0, 1.5, 0.5 * math.pi)
    points, sources, count = memory.points_near(state, odometer(drift=0.05), pose, 0.8, 0)
    assert (count, len(points), sources.tolist()) == (2, 2, [0, -1])
    assert points[0].tolist() == pytest.approx([0.5, 0.0, 0.0, 0.03])
    assert points[1].tolist() == pytest.approx([0.5, -0.5, 0.04 + kernel.THINNING_M, 2.0])
    assert memory.points_near(state, odometer(drift=0.05), pose, 0.6, 0)[2] == 1
