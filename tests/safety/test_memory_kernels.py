"""Kernels of the ring's memory against plain references: poses by ``Pose2``, every beam and every cell tried."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from safety_scene import polygons_distance, robot

from amr.geometry import Pose2
from amr.safety import kernel_memory as kernel
from amr.safety.outline import Outline, Polygons

BODY = robot().body
OUTLINE = Outline.from_body(BODY)
MOUNT = Pose2(0.3, -0.2, 0.5)
POSE = Pose2(1.4, -2.3, 0.8)
AWAY = (0.9, 0.6, 0.7)
"""How far the robot moves while a slow lidar turns."""
STILL = (0.0, 0.0, 0.0)
RANGE_MAX_M = 6.0


def geometry_of(beams: int, moved: tuple[float, float, float], first_rad: float = -2.2) -> NDArray[np.float64]:
    increment_rad = -2.0 * first_rad / (beams - 1)
    start = (POSE.x_m, POSE.y_m, POSE.yaw_rad)
    return np.array((first_rad, increment_rad, 0.1, RANGE_MAX_M, MOUNT.x_m, MOUNT.y_m, MOUNT.yaw_rad, *start, *moved))


def lidar_at(beam: int, beams: int, moved: tuple[float, float, float]) -> Pose2:
    part = beam / (beams - 1)
    base = Pose2(POSE.x_m + part * moved[0], POSE.y_m + part * moved[1], POSE.yaw_rad + part * moved[2])
    return base @ MOUNT


def towards(lidar: Pose2, geometry: NDArray[np.float64], x: float, y: float) -> tuple[float, float]:
    """(number of the beam, distance m), without a turn too many or too few, from one pose."""
    px, py = lidar.inverse().apply(x, y)
    angle_rad = math.remainder(math.atan2(py, px), 2.0 * math.pi)
    number = (angle_rad - geometry[0]) / geometry[1]
    turn = 2.0 * math.pi / geometry[1]
    while number < -0.5:
        number += turn
    while number >= turn - 0.5:
        number -= turn
    return number, math.hypot(px, py)


def arms(geometry: NDArray[np.float64]) -> tuple[float, float, float]:
    return kernel.lidar_pose(geometry, 0.5)


# ------------------------------------------------------------ where the lidar is


@pytest.mark.parametrize("yaw", [-40.0, -0.6, 0.4, 6.2, 100.0])
@pytest.mark.parametrize("part", [0.0, 0.4, 1.0])
def test_the_pose_of_the_lidar_is_that_of_the_base_and_its_mount_with_a_yaw_within_one_turn(
    yaw: float, part: float
) -> None:
    geometry = geometry_of(6, AWAY)
    geometry[kernel.POSE_YAW] = yaw
    base = Pose2(POSE.x_m + part * AWAY[0], POSE.y_m + part * AWAY[1], yaw + part * AWAY[2])
    expected = base @ MOUNT
    x, y, found = kernel.lidar_pose(geometry, part)
    assert (x, y) == pytest.approx((expected.x_m, expected.y_m))
    assert 0.0 <= found < 2.0 * math.pi
    assert math.remainder(found - expected.yaw_rad, 2.0 * math.pi) == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("moved", [STILL, (0.1, 0.0, 0.0), (0.0, -0.1, 0.0), (0.0, 0.0, 0.1)])
def test_a_lidar_has_moved_when_any_part_of_its_pose_has(moved: tuple[float, float, float]) -> None:
    assert kernel.has_moved(geometry_of(6, moved)) is (moved != STILL)


# ------------------------------------------------------------ which beam points there


def test_the_number_of_a_beam_stays_within_one_turn() -> None:
    increment_rad = 0.01
    number, distance = kernel.beam_towards(-2.0, 2e-3, 0.0, 0.0, 0.0, -math.pi, increment_rad)
    assert number == pytest.approx(-0.1, abs=1e-3), "a milliradian before the first beam"
    assert distance == pytest.approx(2.0, abs=1e-5)
    number, _ = kernel.beam_towards(-2.0, -2e-3, 0.0, 0.0, 0.0, -math.pi, increment_rad)
    assert number == pytest.approx(0.1, abs=1e-3)
    number, _ = kernel.beam_towards(1.0, 1.0, 0.0, 0.0, 1.5 * math.pi, 0.0, increment_rad)
    assert number == pytest.approx(
        0.75 * math.pi / increment_rad - 0.25 * math.pi / increment_rad + 0.25 * math.pi / 0.01
    )


@pytest.mark.parametrize("beams", [6, 21])
def test_a_moving_lidar_sees_a_point_with_the_beam_that_hits_it(beams: int) -> None:
    geometry = geometry_of(beams, AWAY)
    points, numbers = np.zeros((beams, 2)), np.zeros(beams, np.int32)
    assert kernel.place_scan(np.full(beams, 5.0, np.float32), geometry, points, numbers) == beams
    for beam in range(beams):
        number, distance = kernel.beam_of(points[beam, 0], points[beam, 1], geometry, *arms(geometry), beams)
        assert number == pytest.approx(beam, abs=0.06 * beams / 6)
        assert distance == pytest.approx(5.0, abs=0.1)


@pytest.mark.parametrize("beams", [11, 21])
def test_out_of_view_the_nearer_end_of_the_scan_tells(beams: int) -> None:
    moved = (0.2, 0.1, 0.3)
    geometry = geometry_of(beams, moved)
    for end, beyond in ((0, -0.75), (beams - 1, 0.75)):
        lidar = lidar_at(end, beams, moved)
        angle_rad = geometry[0] + (end + beyond) * geometry[1]
        x, y = lidar.apply(3.0 * math.cos(angle_rad), 3.0 * math.sin(angle_rad))
        number, distance = kernel.beam_of(x, y, geometry, *arms(geometry), beams)
        turn = 2.0 * math.pi / geometry[1]
        assert number == pytest.approx(beams - 1 + 0.75 if end else turn - 0.75, abs=1e-6)
        assert distance == pytest.approx(3.0)


def test_a_return_from_the_very_end_of_the_range_is_one() -> None:
    ranges = np.array([RANGE_MAX_M, RANGE_MAX_M + 0.01, np.inf, np.nan, 0.05, 1.0], np.float32)
    points, numbers = np.zeros((6, 2)), np.zeros(6, np.int32)
    assert kernel.place_scan(ranges, geometry_of(6, STILL), points, numbers) == 3
    assert numbers[:3].tolist() == [0, 4, 5]


# ------------------------------------------------------------ what a scan says of a remembered point


def superseded(
    ranges: list[float], uncertainty_m: float, distance_m: float = 3.0, beam: float = 10.0, others_m: float = 5.0
) -> bool:
    """Of a point at that beam and distance; ``ranges``: of the beams around the tenth."""
    geometry = geometry_of(21, STILL)
    lidar = lidar_at(0, 21, STILL)
    angle_rad = geometry[0] + beam * geometry[1]
    x, y = lidar.apply(distance_m * math.cos(angle_rad), distance_m * math.sin(angle_rad))
    scan = np.full(21, others_m, np.float32)
    scan[10 - len(ranges) // 2 : 10 - len(ranges) // 2 + len(ranges)] = ranges
    return bool(kernel.is_superseded(x, y, uncertainty_m, scan, geometry, *arms(geometry)))


NAN, INF = math.nan, math.inf


@pytest.mark.parametrize(
    ("ranges", "uncertainty_m", "gone"),
    [
        ([3.0], 0.0, True),  # seen again
        ([3.029], 0.0, True),
        ([2.971], 0.0, True),
        ([2.969], 0.0, False),  # something before it
        ([3.031], 0.0, True),  # seen past
        ([2.90], 0.06, False),
        ([2.92], 0.085, True),
        ([INF], 0.0, True),
        ([NAN], 0.0, True),  # those beside it see past
        ([NAN, NAN, NAN], 0.0, False),  # not judged
        ([NAN, 5.0, NAN], 0.0, True),
        ([2.0, 5.0, 5.0], 0.0, False),  # it may stand between two beams
        ([2.0, 5.0, 5.0], 0.4, False),
        ([5.0, 5.0, 2.0], 0.4, False),
        ([3.0, 2.0, 2.0], 0.4, True),
        ([2.0, NAN, 5.0], 0.4, False),
        ([NAN, NAN, NAN], 0.4, False),
        ([NAN, NAN, 5.0], 0.4, True),
        ([1.5, 5.0, 5.0, 5.0, 5.0], 1.0, False),  # the more uncertain, the more beams count
        ([5.0, 5.0, 5.0, 5.0, 1.5], 1.0, False),
        ([1.5, 5.0, 5.0, 5.0, 5.0, 5.0, 5.0], 1.0, True),
        ([5.0, 5.0, 5.0, 5.0, 5.0, 5.0, 1.5], 1.0, True),
    ],
)
def test_a_remembered_point_is_dropped_when_it_is_seen_again_or_past(
    ranges: list[float], uncertainty_m: float, gone: bool
) -> None:
    assert superseded(ranges, uncertainty_m) is gone


def test_a_point_beyond_the_range_of_the_lidar_or_its_view_is_not_judged() -> None:
    assert superseded([INF], 0.0, distance_m=5.99, others_m=INF)
    assert not superseded([INF], 0.0, distance_m=6.01, others_m=INF)
    assert not superseded([INF], 0.0, beam=20.52)
    assert superseded([INF], 0.0, beam=20.48)
    assert superseded([INF], 0.0, beam=-0.48)


def test_the_rims_of_a_scan_judge_what_lies_at_them() -> None:
    geometry = geometry_of(21, STILL)
    for beam in (0.0, 20.0):
        angle_rad = geometry[0] + beam * geometry[1]
        x, y = lidar_at(0, 21, STILL).apply(3.0 * math.cos(angle_rad), 3.0 * math.sin(angle_rad))
        for rim_m, gone in ((5.0, True), (1.0, False)):
            scan = np.full(21, 5.0, np.float32)
            scan[int(beam)] = rim_m
            assert bool(kernel.is_superseded(x, y, 1.0, scan, geometry, *arms(geometry))) is gone


@pytest.mark.parametrize(("beam", "neighbor"), [(10.45, 11), (9.55, 9), (10.2, 11), (9.8, 9)])
def test_the_beams_on_both_sides_of_a_point_must_see_past_it(beam: float, neighbor: int) -> None:
    geometry = geometry_of(21, STILL)
    angle_rad = geometry[0] + beam * geometry[1]
    x, y = lidar_at(0, 21, STILL).apply(3.0 * math.cos(angle_rad), 3.0 * math.sin(angle_rad))
    uncertainty_m = 0.15 * 3.0 * geometry[1]
    for blocked in range(8, 14):
        scan = np.full(21, 5.0, np.float32)
        scan[blocked] = 1.0
        gone = bool(kernel.is_superseded(x, y, uncertainty_m, scan, geometry, *arms(geometry)))
        assert gone is (blocked not in {10, neighbor})


@pytest.mark.parametrize(
    ("uncertainty_m", "blocked", "gone"),
    [
        (0.2, 191, True), (0.2, 192, False), (0.2, 209, False), (0.2, 210, True), (0.2, 200, False),
        (0.01, 194, True), (0.01, 195, False), (0.01, 205, False), (0.01, 206, True),
    ],
)  # fmt: skip
def test_the_more_uncertain_a_near_point_is_the_more_beams_judge_it_up_to_a_few(
    uncertainty_m: float, blocked: int, gone: bool
) -> None:
    geometry = geometry_of(401, STILL)
    angle_rad = geometry[0] + 200.2 * geometry[1]
    x, y = lidar_at(0, 401, STILL).apply(0.3 * math.cos(angle_rad), 0.3 * math.sin(angle_rad))
    scan = np.full(401, 5.0, np.float32)
    scan[blocked] = 0.05
    assert bool(kernel.is_superseded(x, y, uncertainty_m, scan, geometry, *arms(geometry))) is gone


# ------------------------------------------------------------ points


def test_points_are_given_in_the_frame_of_the_base_with_their_age_and_doubt() -> None:
    rng = np.random.default_rng(3)
    kept, fresh = rng.uniform(-4.0, 4.0, (30, 4)), rng.uniform(-4.0, 4.0, (40, 2))
    kept[:, 2], kept[:, 3] = rng.uniform(0.0, 0.2, 30), rng.uniform(0.0, 1e9, 30)
    points, sources = np.zeros((70, 4)), np.zeros(70, np.int64)
    count = kernel.gather_points(
        kept, 30, 0.5, fresh, 40, 0.07, 3e9, POSE.x_m, POSE.y_m, POSE.yaw_rad, 2.5, points, sources
    )
    expected = []
    for k, (x, y) in enumerate(fresh):
        expected.append((k, *POSE.inverse().apply(x, y), 0.0, 0.07))
    for k, (x, y, drift, stamp) in enumerate(kept):
        expected.append((-1 - k, *POSE.inverse().apply(x, y), 0.5 - drift + 0.008, (3e9 - stamp) * 1e-9))
    near = [row for row in expected if math.hypot(row[1], row[2]) <= 2.5]
    assert 10 < count == len(near) < 70
    assert sources[:count].tolist() == [row[0] for row in near]
    assert points[:count] == pytest.approx(np.array([row[1:] for row in near]))


LOPSIDED = [[(0.9, 0.1), (0.5, 0.3), (0.4, -0.1)], [(-0.1, 0.0), (-0.3, 0.2), (-0.4, -0.5), (-0.1, -0.4)]]


ROW = [[(x, -0.2), (x + 0.2, -0.2), (x + 0.2, 0.1), (x, 0.1)] for x in (-1.1, -0.5, 0.0, 0.5, 1.1)]


@pytest.mark.parametrize("outline", [BODY.outline_m, LOPSIDED, ROW])
def test_the_smallest_clearance_is_that_of_the_nearest_point(outline: Any) -> None:
    rng = np.random.default_rng(4)
    parts = Polygons.from_points(outline)
    for _ in range(40):
        points = np.column_stack([rng.uniform(0.2, 2.6, 6), rng.uniform(-3.5, -1.1, 6)])
        expected_m = min(max(polygons_distance(outline, *POSE.inverse().apply(x, y)), 0.0) for x, y in points[:5])
        found_m = kernel.smallest_clearance(points, 5, POSE.x_m, POSE.y_m, POSE.yaw_rad, *parts.arrays)
        assert max(found_m, 0.0) == pytest.approx(expected_m, abs=1e-9)
    assert kernel.smallest_clearance(points, 0, 0.0, 0.0, 0.0, *OUTLINE.parts.arrays) == math.inf


# ------------------------------------------------------------ judging what is remembered

NOW_DRIFT_M, LIMIT_M, OLDEST = 0.5, 0.2, 1e9


def refreshed(kept: Any, fresh: Any, room: int = 8, owners: NDArray[np.int64] | None = None) -> list[tuple[float, ...]]:
    """The memory after a scan that judges nothing; the robot stands at (1, 2), radius 3 m, beside 0.5 m."""
    memory = np.zeros((room, 4))
    memory[: len(kept)] = np.array(kept).reshape(-1, 4)
    points = np.array(fresh, np.float64).reshape(-1, 2)
    ranges = np.full(21, np.nan, np.float32)
    if owners is None:
        owners = np.zeros((4, 4, 3), np.int64)
    count = kernel.refresh_memory(
        memory, len(kept), points, len(points), 0.4, 5e9, NOW_DRIFT_M, LIMIT_M, OLDEST, 1.0, 2.0, 3.0, 0.5, ranges,
        geometry_of(21, STILL), 0.5, owners,
    )  # fmt: skip
    return [tuple(row) for row in memory[:count].tolist()]


def test_what_is_too_old_too_far_or_too_uncertain_is_forgotten() -> None:
    good = (2.0, 2.5, 0.45, 2e9)
    assert refreshed([good], []) == [good]
    assert refreshed([(2.0, 2.5, 0.31, 2e9)], []) == [(2.0, 2.5, 0.31, 2e9)]
    assert refreshed([(2.0, 2.5, 0.29, 2e9)], []) == [], "more than 0.2 m of drift since"
    assert refreshed([(2.0, 2.5, 0.45, 0.9e9)], []) == [], "old"
    assert refreshed([(1.3, 2.39, 0.45, 0.9e9)], []) == [(1.3, 2.39, 0.45, 0.9e9)], "old, but beside the robot"
    assert refreshed([(1.3, 2.41, 0.45, 0.9e9)], []) == []
    assert refreshed([(3.1, 4.1, 0.45, 2e9)], []) == [(3.1, 4.1, 0.45, 2e9)]
    assert refreshed([(3.2, 4.1, 0.45, 2e9)], []) == [], "more than 3 m away"
    assert refreshed([(-1.2, -0.1, 0.45, 2e9), good], []) == [good]


def test_fresh_points_are_kept_thinly_with_the_stamp_of_their_scan() -> None:
    row = [(2.0, 2.5), (2.005, 2.505), (2.0079, 2.5), (2.0081, 2.5), (2.0081, 2.5079), (2.5, 2.5), (2.0081, 2.5)]
    kept = refreshed([], row)
    assert kept == [(x, y, 0.4, 5e9) for x, y in (row[0], row[3], row[5], row[6])]


def test_where_there_is_no_room_the_cell_becomes_unseen() -> None:
    owners = np.zeros((4, 4, 3), np.int64)
    for j in range(4):
        for i in range(4):
            owners[j, i] = (i + 4, j + 4, 7)  # columns and rows 4 to 7: x and y from 2 to 4 m
    kept = refreshed([(2.1, 2.1, 0.45, 2e9), (2.6, 2.1, 0.45, 2e9)], [(2.1, 3.6), (3.1, 2.6), (-0.4, 1.0)], 3, owners)
    assert len(kept) == 3
    forgotten = [(int(i), int(j)) for j, i in zip(*np.nonzero(owners[:, :, 2] == kernel.NEVER_NS), strict=True)]
    assert forgotten == [(2, 1)], "only (3.1, 2.6): column 6, row 5; the cell of (-0.4, 1.0) is somebody else's"


# ------------------------------------------------------------ space


CELL_M, CELLS = 0.1, 24


def cells_around(x_m: float, y_m: float) -> Any:
    """(column, row, x, y) of all cells that the torus holds around a place."""
    first_column, first_row = math.floor(x_m / CELL_M) - CELLS // 2, math.floor(y_m / CELL_M) - CELLS // 2
    for row in range(first_row, first_row + CELLS):
        for column in range(first_column, first_column + CELLS):
            yield column, row, (column + 0.5) * CELL_M, (row + 0.5) * CELL_M


def space() -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    owners = np.zeros((CELLS, CELLS, 3), np.int64)
    owners[:, :, 2] = kernel.NEVER_NS
    return owners, np.zeros((CELLS, CELLS))


def hull_distance(x: float, y: float) -> float:
    corners = [(edge[0], edge[1]) for edge in OUTLINE.hull.edges.tolist()]
    return polygons_distance([corners], *POSE.inverse().apply(x, y))


def test_around_the_body_every_cell_within_the_margin_is_marked_and_no_other() -> None:
    owners, drifts = space()
    kernel.mark_around(
        POSE.x_m, POSE.y_m, POSE.yaw_rad, 0.8, 77, 0.25, CELL_M, owners, drifts, *OUTLINE.hull.arrays
    )  # fmt: skip
    marked = 0
    for column, row, x, y in cells_around(POSE.x_m, POSE.y_m):
        distance_m = hull_distance(x, y)
        if abs(distance_m - 0.85) < 1e-6:
            continue
        slot = owners[row % CELLS, column % CELLS]
        assert (slot.tolist() == [column, row, 77]) == (distance_m < 0.85)
        assert drifts[row % CELLS, column % CELLS] == (0.25 if distance_m < 0.85 else 0.0)
        marked += distance_m < 0.85
    assert 60 < marked < CELLS * CELLS - 60


@pytest.mark.parametrize("moved", [STILL, (0.1, 0.15, 0.2)])
@pytest.mark.parametrize("phases", [1, 3])
def test_a_scan_marks_what_its_beams_pass_and_what_the_body_covers(
    moved: tuple[float, float, float], phases: int
) -> None:
    beams = 61
    geometry = geometry_of(beams, moved)
    rng = np.random.default_rng(5)
    ranges = rng.uniform(0.3, 1.6, beams).astype(np.float32)
    ranges[5:12], ranges[20:24], ranges[30] = np.nan, np.inf, 7.0
    owners, drifts = space()
    here = Pose2(POSE.x_m + moved[0], POSE.y_m + moved[1], POSE.yaw_rad + moved[2])
    for phase in range(phases):
        before = owners.copy()
        kernel.mark_seen(
            here.x_m, here.y_m, here.yaw_rad, 88, 0.125, phase, phases, ranges, geometry, CELL_M, owners, drifts,
            *OUTLINE.hull.arrays,
        )  # fmt: skip
        changed = {int(row) for row in owners[(owners != before).any(axis=2)][:, 1]}
        assert {row % phases for row in changed} <= {phase}
    corners = [(edge[0], edge[1]) for edge in OUTLINE.hull.edges.tolist()]
    sure = seen = 0
    for column, row, x, y in cells_around(here.x_m, here.y_m):
        covered = polygons_distance([corners], *here.inverse().apply(x, y)) <= 0.0
        # the beam that points there best, each from its own pose
        offsets = [towards(lidar_at(k, beams, moved), geometry, x, y) for k in range(beams)]
        best = min(range(beams), key=lambda k: abs(offsets[k][0] - k))
        off, distance_m = abs(offsets[best][0] - best), offsets[best][1]
        r = min(float(ranges[best]), RANGE_MAX_M)
        if not covered and (0.4 < off < (1.0 if moved[0] else 0.6) or abs(r - distance_m + 0.5 * CELL_M) < 0.02):
            continue  # between two beams, or at the very end of one
        if moved[0] and not covered and distance_m < 0.5:
            continue  # so near that several beams pass it from where they were
        sure += 1
        is_seen = covered or (off < 0.5 and not math.isnan(r) and r >= distance_m - 0.5 * CELL_M)
        assert (owners[row % CELLS, column % CELLS].tolist() == [column, row, 88]) == is_seen, (x, y, best, off)
        seen += is_seen
    assert sure > 0.6 * CELLS * CELLS
    assert 80 < seen < sure - 80


def test_unseen_cells_are_all_but_those_seen_lately_with_little_drift_since() -> None:
    owners, drifts = space()
    rng = np.random.default_rng(6)
    expected = []
    for column, row, x, y in cells_around(POSE.x_m, POSE.y_m):
        j, i = row % CELLS, column % CELLS
        kind = int(rng.integers(5))
        owners[j, i] = (column, row, 100)
        drifts[j, i] = 0.4
        if kind == 1:
            owners[j, i, 2] = 49
        elif kind == 2:
            drifts[j, i] = 0.29
        elif kind == 3:
            owners[j, i, 0] = column + CELLS
        elif kind == 4:
            owners[j, i, 1] = row - CELLS
        if kind and math.hypot(x - POSE.x_m, y - POSE.y_m) <= 0.9:
            expected.append(POSE.inverse().apply(x, y))
    points = np.zeros((CELLS * CELLS, 4))
    count = kernel.gather_unseen(
        POSE.x_m, POSE.y_m, POSE.yaw_rad, 0.9, 0.2, 50, 0.5, CELL_M, owners, drifts, points
    )  # fmt: skip
    assert 100 < count == len(expected)
    assert points[:count, :2] == pytest.approx(np.array(expected))
    assert (points[:count, 2:] == (CELL_M, 0.0)).all()
    edge = np.zeros((5, 4))
    assert kernel.gather_unseen(
        POSE.x_m, POSE.y_m, POSE.yaw_rad, 0.9, 0.2, 50, 0.5, CELL_M, owners, drifts, edge
    ) == len(edge), "no more than there is room for"


@pytest.mark.parametrize(("stamp", "drift", "seen"), [(50, 0.3, True), (49, 0.3, False), (50, 0.299, False)])
def test_a_cell_counts_as_seen_up_to_its_limits(stamp: int, drift: float, seen: bool) -> None:
    owners, drifts = space()
    owners[0, 0], drifts[0, 0] = (0, 0, stamp), drift
    points = np.zeros((9, 4))
    assert kernel.gather_unseen(0.05, 0.05, 0.0, 0.04, 0.2, 50, 0.5, CELL_M, owners, drifts, points) == (not seen)
