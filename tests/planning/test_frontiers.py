"""Where the seen floor ends, what it is worth, and which end comes next."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from amr.config.exploration import Exploration
from amr.geometry import Pose2
from amr.grid import COST_INSCRIBED, COST_LETHAL, CostGrid, GridFrame
from amr.kernels import frontiers as kernels
from amr.messages import CloseFrontier, FrontierRequest, FrontierResult, Goal
from amr.planning.explore_desk import ExploreDesk
from amr.planning.frontiers import GainStrategy, NearestStrategy

CELL_M = 0.05
WALL, FREE, UNSEEN = 0, 1, 2


def labels_by_hand(allowed: NDArray[np.uint8], unseen: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Plain reference of ``label_frontiers``."""
    height, width = allowed.shape
    around = np.pad(unseen, 1, constant_values=1) != 0
    ends = around[:-2, 1:-1] | around[2:, 1:-1] | around[1:-1, :-2] | around[1:-1, 2:]
    todo = {(int(r), int(c)) for r, c in np.argwhere((allowed != 0) & ends)}
    label = np.zeros((height, width), np.int32)
    for first in sorted(todo):
        if label[first]:
            continue
        number, queue = int(label.max()) + 1, [first]
        label[first] = number
        while queue:
            row, column = queue.pop()
            for near in ((row + i, column + j) for i in (-1, 0, 1) for j in (-1, 0, 1)):
                if near in todo and not label[near]:
                    label[near] = number
                    queue.append(near)
    return label


def area_by_hand(
    kinds: NDArray[np.uint8], place: tuple[int, int], directions: NDArray[np.float64], reach: int
) -> float:
    """Plain reference of ``unseen_area``."""
    total = 0.0
    for dx, dy in directions:
        for n in range(reach):
            x, y = place[1] + 0.5 + (n + 0.5) * dx, place[0] + 0.5 + (n + 0.5) * dy
            inside = 0.0 <= x < kinds.shape[1] and 0.0 <= y < kinds.shape[0]
            kind = kinds[int(y), int(x)] if inside else kernels.UNSEEN
            if kind == kernels.OPAQUE:
                break
            if kind == kernels.UNSEEN:
                total += (n + 0.5) * 2.0 * math.pi / len(directions)
    return total


@pytest.mark.parametrize("seed", range(6))
def test_labels_are_those_of_the_plain_reference(seed: int) -> None:
    random = np.random.default_rng(seed)
    unseen = (random.random((23, 31)) < 0.3).astype(np.uint8)
    allowed = ((random.random((23, 31)) < 0.6) & (unseen == 0)).astype(np.uint8)
    label, stack = np.empty(allowed.shape, np.int32), np.empty(allowed.size, np.int32)
    count = kernels.label_frontiers(allowed, unseen, label, stack)
    expected = labels_by_hand(allowed, unseen)
    assert count == expected.max()
    np.testing.assert_array_equal(label, expected)


@pytest.mark.parametrize("seed", range(4))
def test_areas_are_those_of_the_plain_reference(seed: int) -> None:
    random = np.random.default_rng(seed)
    kinds = random.choice(np.array([0, 0, 0, 1, 1, 2], np.uint8), (40, 50))
    places = np.array([(3, 4), (20, 25), (39, 49)], np.int32)
    angles = np.arange(12) * 2.0 * math.pi / 12
    directions = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    area = np.empty(3)
    kernels.unseen_area(kinds, places, directions, 15.0, area)
    expected = [area_by_hand(kinds, (int(r), int(c)), directions, 15) for r, c in places]
    np.testing.assert_allclose(area, expected, rtol=1e-12)


# ------------------------------------------------------------ made places


def costs(kinds: NDArray[np.int64], inradius_m: float = 0.2) -> tuple[CostGrid, NDArray[np.bool_]]:
    """Costs of walls, free and unseen cells for a disc, and which are unseen."""
    from scipy import ndimage

    distance_m = ndimage.distance_transform_edt(kinds != WALL) * CELL_M
    cost = np.zeros(kinds.shape, np.uint8)
    cost[distance_m < inradius_m] = COST_INSCRIBED
    cost[kinds == WALL] = COST_LETHAL
    return CostGrid(GridFrame(0.0, 0.0, CELL_M, kinds.shape[1], kinds.shape[0]), cost), kinds == UNSEEN


def room(width: int = 100, height: int = 80) -> NDArray[np.int64]:
    """Unseen all around a free room of walls, with 20 unseen cells on each side."""
    kinds = np.full((height + 40, width + 40), UNSEEN)
    kinds[20:-20, 20:-20] = WALL
    kinds[21:-21, 21:-21] = FREE
    return kinds


MIDDLE = Pose2(3.0, 3.0, 0.0)


def look(
    kinds: NDArray[np.int64],
    start: Pose2 = MIDDLE,
    target: Goal | None = None,
    desk: ExploreDesk | None = None,
    strategy: str = "gain",
) -> FrontierResult:
    desk = desk or ExploreDesk({"gain": GainStrategy, "nearest": NearestStrategy}[strategy](Exploration()), 0.25, 0.6)
    return desk.answer(FrontierRequest(1, 0, start, target, 0.3, 1), *costs(kinds))


def with_door(kinds: NDArray[np.int64], cells: int, column: int = 60) -> NDArray[np.int64]:
    """An open door of so many cells in the lower wall."""
    kinds[20, column : column + cells] = FREE
    return kinds


def test_a_closed_room_has_no_frontier() -> None:
    answer = look(room())
    assert (answer.target, answer.frontiers, answer.unreachable, answer.reason) == (None, 0, 0, "")


def test_an_open_door_is_the_frontier() -> None:
    answer = look(with_door(room(), 20))
    assert answer.target is not None
    assert answer.frontiers == 1
    assert (answer.target.x_m, answer.target.y_m) == pytest.approx((3.5, 1.025), abs=0.1)
    assert answer.way_m == pytest.approx(2.0, abs=0.3)
    assert answer.gain_m2 > 5.0


def test_a_door_that_no_robot_passes_is_none() -> None:
    assert look(with_door(room(), 6)).target is None


def test_where_the_map_ends_is_a_frontier() -> None:
    kinds = room()[:, 40:-20]  # the grid begins inside the room
    answer = look(kinds)
    assert answer.target is not None
    assert answer.target.x_m < 0.1


def test_an_end_behind_a_wall_is_out_of_reach() -> None:
    kinds = room()
    kinds[:, 69] = WALL
    kinds[40:60, 118:121] = FREE  # open on the right, where the robot is not
    answer = look(kinds, Pose2(2.0, 3.0, 0.0))
    assert answer.target is None
    assert answer.unreachable == 1


def test_all_known_has_no_frontier_but_the_border() -> None:
    kinds = np.full((60, 60), FREE)
    kinds[0], kinds[-1], kinds[:, 0], kinds[:, -1] = WALL, WALL, WALL, WALL
    assert look(kinds, Pose2(1.5, 1.5, 0.0)).target is None


def test_nearest_takes_the_near_door_and_gain_the_one_behind_which_is_more() -> None:
    kinds = with_door(room(), 14, 50)
    kinds[5:20, 40:75] = FREE  # the near door leads to a niche, seen but for its end
    kinds[4, 40:75] = WALL
    kinds[5:20, 39], kinds[5:20, 75] = WALL, WALL
    kinds[5:13, 40:75] = UNSEEN
    kinds[-21, 60:90] = FREE
    near, rich = look(kinds, Pose2(3.0, 2.5, 0.0), strategy="nearest"), look(kinds, Pose2(3.0, 2.5, 0.0))
    assert near.target is not None
    assert rich.target is not None
    assert near.frontiers == rich.frontiers == 2
    assert near.target.y_m < 1.0
    assert rich.target.y_m > 4.0


def test_the_target_is_kept_when_another_is_only_a_little_better() -> None:
    kinds = with_door(with_door(room(), 16, 40), 16, 80)
    left, right = look(kinds, Pose2(2.9, 3.0, 0.0)).target, look(kinds, Pose2(3.6, 3.0, 0.0)).target
    assert left is not None
    assert right is not None
    assert left.x_m < 3.0 < right.x_m
    assert look(kinds, Pose2(2.9, 3.0, 0.0), right).target == right
    assert look(kinds, Pose2(3.6, 3.0, 0.0), left).target == left


def test_a_frontier_that_was_given_up_is_not_named_again_until_an_exploration_begins() -> None:
    desk, kinds = ExploreDesk(GainStrategy(Exploration()), 0.25, 0.6), with_door(room(), 16)
    first = look(kinds, desk=desk).target
    assert first is not None
    desk.close(CloseFrontier(first.x_m, first.y_m, 0.5, 1))
    desk.close(CloseFrontier(math.nan, first.y_m, 0.5, 1))
    assert look(kinds, desk=desk).target is None
    afresh = desk.answer(FrontierRequest(2, 0, MIDDLE, None, 0.3, 1, afresh=True), *costs(kinds))
    assert afresh.target == first


def test_a_start_beside_a_wall_is_led_out_and_one_inside_a_wall_is_told() -> None:
    kinds = with_door(room(), 20)
    assert look(kinds, Pose2(1.1, 3.0, 0.0)).target is not None
    for start in (Pose2(math.nan, 0.0, 0.0), Pose2(-50.0, 0.0, 0.0)):
        answer = look(kinds, start)
        assert answer.target is None
        assert answer.reason


def test_equal_questions_get_equal_answers() -> None:
    kinds = with_door(with_door(room(), 16, 40), 16, 80)
    assert look(kinds) == look(kinds)
