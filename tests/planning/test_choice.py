"""Choice among routes: seconds decide, a narrow place costs seconds, and the answer is a path of the true grid."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from amr.config.planning import Planning
from amr.control.footprint import cover_discs
from amr.geometry import Pose2
from amr.grid import COST_INSCRIBED, COST_UNKNOWN, CostGrid, GridFrame
from amr.kernels.local_grid import FREE, OCCUPIED
from amr.mapping.base import Inflation, MapImage, ScanVerdict
from amr.mapping.inflate import inflate
from amr.messages import Goal, PlanRequest, PlanResult, PlanStatus, Scan
from amr.planning.base import PlanOutcome
from amr.planning.choice import RoutePricer
from amr.planning.route import Route
from amr.planning.worker_core import PlanningWorker
from amr.registry import make_planning_worker
from amr.runtime.files import load_robot

ROBOT = load_robot("jackal")
CELL_M = 0.05
START, GOAL = Pose2(1.0, 3.0, 0.0), Goal(7.0, 3.0, None, 0.2)


def wall_with_gaps(*gaps_m: tuple[float, float]) -> NDArray[np.uint8]:
    """Cells of a room of 8 x 6 m with a wall at x = 4 m that has gaps (low y, high y)."""
    cells = np.full((120, 160), FREE, np.uint8)
    cells[:, 79:81] = OCCUPIED
    for low_m, high_m in gaps_m:
        cells[round(low_m / CELL_M) : round(high_m / CELL_M), 79:81] = FREE
    return cells


def inflation_of(planning: Planning) -> Inflation:
    body = ROBOT.body
    return Inflation(
        planning.inflation_radius_m, planning.inflation_scaling_per_m, body.inradius_m, body.circumradius_m, "lethal"
    )


class Room:
    """A finished map of these cells."""

    def __init__(self, cells: NDArray[np.uint8]) -> None:
        self.cells = cells

    def insert(self, scan: Scan, map_from_lidar: Pose2, map_from_lidar_end: Pose2 | None = None) -> ScanVerdict:
        raise NotImplementedError

    def forget_disc(self, x_m: float, y_m: float, radius_m: float) -> None:
        raise NotImplementedError

    def cost_grid(self, inflation: Inflation) -> CostGrid:
        frame = GridFrame(0.0, 0.0, CELL_M, self.cells.shape[1], self.cells.shape[0])
        return CostGrid(frame, inflate(self.cells, inflation, CELL_M))

    def unseen(self, frame: GridFrame, rows: slice, columns: slice) -> NDArray[np.bool_]:
        return np.zeros((frame.height, frame.width), bool)[rows, columns]

    def image(self) -> MapImage:
        raise NotImplementedError


def worker_in(cells: NDArray[np.uint8], **settings: object) -> PlanningWorker:
    planning = Planning(**({"map_margin_m": 0.0, "unknown": "lethal"} | settings))  # type: ignore[arg-type]
    config = ROBOT.model_copy(update={"planning": planning})
    return make_planning_worker(config, Room(cells))


def answer_of(worker: PlanningWorker, start: Pose2 = START) -> PlanResult:
    answer = worker.handle(PlanRequest(1, 1000, start, GOAL, 1))
    assert answer is not None
    assert answer.status is PlanStatus.OK
    return answer


def crossing_y_m(answer: PlanResult) -> float:
    """Where the path crosses the wall."""
    path = answer.path_map
    return float(np.interp(4.0, path[:, 0], path[:, 1]))


NARROW, WIDE_NEAR, WIDE_FAR = (2.725, 3.275), (3.9, 5.1), (4.7, 5.9)


def test_a_narrow_gap_is_gone_around_where_that_takes_little_longer() -> None:
    answer = answer_of(worker_in(wall_with_gaps(NARROW, WIDE_NEAR)))
    assert 4.1 < crossing_y_m(answer) < 4.9
    assert np.isfinite(answer.cost)
    assert len(answer.speed_mps) == len(answer.path_map)


@pytest.mark.parametrize(
    ("gaps", "settings"),
    [((NARROW,), {}), ((NARROW, WIDE_FAR), {"narrow_s": 0.2}), ((NARROW, WIDE_NEAR), {"narrow_m": 0.0})],
)
def test_it_is_passed_where_there_is_no_other_way_or_it_is_worth_it(
    gaps: tuple[tuple[float, float], ...], settings: dict[str, float]
) -> None:
    answer = answer_of(worker_in(wall_with_gaps(*gaps), **settings))
    assert 2.8 < crossing_y_m(answer) < 3.2


def test_a_robot_in_the_gap_goes_on_through_it() -> None:
    worker = worker_in(wall_with_gaps(NARROW, WIDE_NEAR))
    path = answer_of(worker, Pose2(4.0, 3.0, 0.0)).path_map
    assert path[:, 0].min() > 3.9
    assert abs(path[:, 1] - 3.0).max() < 0.2


def test_the_detour_is_kept_from_answer_to_answer() -> None:
    worker = worker_in(wall_with_gaps(NARROW, WIDE_NEAR))
    for x_m in (1.0, 1.2, 1.4, 1.6):
        y_m = float(np.interp(x_m, *answer_of(worker).path_map[:, :2].T))
        assert crossing_y_m(answer_of(worker, Pose2(x_m, y_m, 0.2))) > 4.1


# ------------------------------------------------------------ prices


def pricer() -> RoutePricer:
    return RoutePricer(ROBOT, inflation_of(ROBOT.planning), cover_discs(ROBOT.body))


def straight(length_m: float, y_m: float = 3.0, x_m: float = 1.0) -> Route:
    x = np.arange(x_m, x_m + length_m, 0.05)
    path = np.stack([x, np.full(len(x), y_m), np.zeros(len(x))], axis=1)
    return Route(PlanOutcome(PlanStatus.OK, "", path, length_m, 0))


def grid_of(*gaps_m: tuple[float, float]) -> CostGrid:
    return Room(wall_with_gaps(*gaps_m)).cost_grid(inflation_of(ROBOT.planning))


def test_the_price_is_driving_time_and_time_for_each_narrow_place() -> None:
    wide = pricer().price(straight(6.0), START, grid_of((2.0, 4.0)))
    tight = pricer().price(straight(6.0), START, grid_of(NARROW))
    assert (wide.narrow, tight.narrow) == (0, 1)
    assert 6.0 / ROBOT.limits.v_max_mps < wide.price_s < 5.0
    assert tight.price_s >= wide.price_s + ROBOT.planning.narrow_s - 1e-9
    assert wide.speed_mps.shape == (len(wide.route.outcome.path),)


def test_a_narrow_place_at_either_end_does_not_count() -> None:
    grid = grid_of(NARROW)
    assert pricer().price(straight(2.0, x_m=3.95), START, grid).narrow == 0
    assert pricer().price(straight(3.1), START, grid).narrow == 0


def test_turning_to_where_it_begins_takes_time() -> None:
    grid = grid_of((2.0, 4.0))
    ahead = pricer().price(straight(2.0), START, grid).price_s
    behind = pricer().price(straight(2.0), Pose2(1.0, 3.0, 3.0), grid).price_s
    unknown = pricer().price(straight(2.0), Pose2(1.0, 3.0, float("nan")), grid).price_s
    assert behind == pytest.approx(ahead + 3.0 / (0.5 * ROBOT.limits.w_max_radps), abs=0.02)
    assert unknown == ahead


def test_without_narrow_places_it_is_the_grid_of_a_wider_body() -> None:
    grid = grid_of(NARROW, WIDE_NEAR)
    inflation = inflation_of(ROBOT.planning)
    wider_m = inflation.inradius_m + ROBOT.planning.narrow_m
    wider = Room(wall_with_gaps(NARROW, WIDE_NEAR)).cost_grid(replace(inflation, inradius_m=wider_m)).cost
    grid.cost[0, 0] = wider[0, 0] = COST_UNKNOWN
    closed = pricer().without_narrow(grid).cost
    near = grid.cost > 0
    assert (abs(closed[near].astype(int) - wider[near]) <= 2).all()
    assert np.array_equal(closed >= COST_INSCRIBED, wider >= COST_INSCRIBED)
    assert closed[60, 80] == COST_INSCRIBED > grid.cost[60, 80]
