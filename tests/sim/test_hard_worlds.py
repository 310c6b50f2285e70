"""The suite "harder than BARN": worlds from seeds, a way for the outline, conditions that are named and checked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from amr.errors import DataError
from amr.geometry import Pose2
from amr.runtime.files import load_robot
from sim.world import Bounds, Circle, World, box
from sim.worlds.barn import BarnWorld, load_barn
from sim.worlds.hard import GAP_M, KINDS, TRAP_M, Yard
from sim.worlds.hard_files import CLEARANCE_M, CONDITIONS, hard_file, jackal_body, passable_yard, world_of
from sim.worlds.passable_outline import outline_space

SUITE = Path(__file__).resolve().parents[2] / "seeds" / "worlds" / "hard.json"
BODY = jackal_body()


@pytest.fixture(scope="module")
def suite() -> list[BarnWorld]:
    return load_barn(SUITE)


def test_suite_has_sixty_worlds_over_all_kinds_under_all_conditions_at_once(suite: list[BarnWorld]) -> None:
    assert len(suite) >= 60
    assert {world.id.split("-")[0] for world in suite} == set(KINDS)
    assert all(world.conditions == CONDITIONS and world.world.friction == 0.3 for world in suite)
    assert all(abs(scale - 1.0) == pytest.approx(0.05) for scale in CONDITIONS.wheel_true_scales)


def test_every_world_of_the_suite_encloses_three_times_barns_area(suite: list[BarnWorld]) -> None:
    for world in suite:
        xs = [x for polygon in world.world.polygons for x, _ in polygon.points]
        ys = [y for polygon in world.world.polygons for _, y in polygon.points]
        assert (max(xs) - min(xs)) * (max(ys) - min(ys)) >= 3 * 4.5 * 10.0


@pytest.mark.slow
def test_committed_suite_begins_as_its_generator_makes_it() -> None:
    made, committed = hard_file(6, 1), json.loads(SUITE.read_text(encoding="utf-8"))
    assert committed["worlds"][:6] == json.loads(json.dumps(made["worlds"]))
    assert committed["meta"]["conditions"] == made["meta"]["conditions"]


@pytest.mark.slow
@pytest.mark.parametrize("kind", list(KINDS))
def test_another_seed_gives_another_world_with_a_way_for_the_outline(kind: str) -> None:
    yard = passable_yard(kind, 77, 0, BODY)
    assert outline_space(world_of(yard), BODY, CLEARANCE_M).joins(Pose2(*yard.start, 1.57), yard.goal, 0.5)


def test_gap_is_the_robots_width_and_twelve_centimetres() -> None:
    right_m, left_m = BODY.width_bounds_m
    assert pytest.approx(left_m - right_m + 0.12) == GAP_M
    yard = Yard()
    KINDS["gap_walls"](yard, np.random.default_rng(3))
    first, second = yard.walls[0], yard.walls[1]
    assert np.hypot(second[0] - first[2], second[1] - first[3]) == pytest.approx(GAP_M, abs=2e-3)


def test_a_trap_is_five_metres_deep_and_opens_towards_the_start() -> None:
    yard = Yard()
    KINDS["u_traps"](yard, np.random.default_rng(3))
    left, right, back = yard.walls[:3]
    assert left[3] - left[1] == pytest.approx(TRAP_M)
    assert left[1] == right[1] > yard.start[1]
    assert (back[1], back[3]) == (left[3], right[3])


def gap_world(gap_m: float) -> World:
    half = 0.5 * gap_m
    walls = box(-1.0 - half, 1.5, 2.0, 0.1), box(1.0 + half, 1.5, 2.0, 0.1)
    return World("gap", polygons=walls, bounds=Bounds(-1.5, 0.0, 1.5, 3.0))


@pytest.mark.parametrize(("gap_m", "passes"), [(0.536, True), (0.48, False), (0.40, False)])
def test_outline_passes_a_gap_that_is_wide_enough_with_its_clearance(gap_m: float, passes: bool) -> None:
    space = outline_space(gap_world(gap_m), BODY, 0.04)
    assert space.joins(Pose2(0.0, 0.6, 0.0), (0.0, 2.5), 0.1) is passes


def test_outline_is_stopped_by_a_post_thinner_than_itself() -> None:
    world = World("post", circles=(Circle(0.0, 0.0, 0.06),), bounds=Bounds(-1.0, -1.0, 1.0, 1.0))
    space = outline_space(world, BODY, 0.0)
    for x in np.arange(-0.2, 0.21, 0.04).tolist():
        assert not space.free[space.cell(Pose2(x, 0.0, 0.0))]
    assert space.free[space.cell(Pose2(0.4, 0.0, 0.0))]


def test_conditions_change_the_truth_of_the_wheels_and_not_what_the_robot_believes() -> None:
    robot = load_robot("jackal")
    first, second = CONDITIONS.robot(robot, 0), CONDITIONS.robot(robot, 1)
    assert first.drive == second.drive == robot.drive
    assert first.physics.friction == robot.physics.friction
    assert (first.physics.left_radius_true_scale, second.physics.right_radius_true_scale) == (1.05, 0.95)
    assert first.link.host_to_mcu_delay_s == CONDITIONS.host_to_mcu_delay_s


def file_with(folder: Path, **changes: Any) -> Path:
    meta = {"goal_radius": 1.0, "timeout_s": 10.0, "conditions": {"friction": 0.3}}
    record = {"id": 1, "start": [0, 0, 0], "goal": [5, 0], "walls": [[0, 1, 5, 1, 0.1]], "discs": [[1, 0, 0.1]]}
    for key, value in changes.items():
        (record if key in record else meta)[key] = value
    path = folder / "data.json"
    path.write_text(json.dumps({"meta": meta, "worlds": [record]}), encoding="utf-8")
    return path


def test_file_gives_walls_discs_and_ends_of_its_own(tmp_path: Path) -> None:
    (made,) = load_barn(file_with(tmp_path))
    assert (made.world.start, made.goal_xy_m) == (Pose2(0.0, 0.0, 0.0), (5.0, 0.0))
    assert made.world.circles == (Circle(1.0, 0.0, 0.1),)
    assert len(made.world.polygons) == 1
    assert made.world.friction == 0.3


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"conditions": {"friction": 0.0}}, "meta.conditions.friction"),
        ({"conditions": {"grip": 1.0}}, "meta.conditions.grip"),
        ({"conditions": {"wheel_true_scales": []}}, "meta.conditions.wheel_true_scales"),
        ({"conditions": 3}, "meta.conditions"),
        ({"walls": [[0, 1, 0, 1, 0.1]]}, "worlds[0].walls[0]"),
        ({"walls": [[0, 1, 5, 1, -0.1]]}, "worlds[0].walls[0][4]"),
        ({"discs": [[0, 1]]}, "worlds[0].discs[0]"),
        ({"goal": [0]}, "worlds[0].goal"),
    ],
)
def test_bad_file_is_refused_with_the_key(changes: dict[str, Any], key: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=key.replace("[", r"\[")):
        load_barn(file_with(tmp_path, **changes))
