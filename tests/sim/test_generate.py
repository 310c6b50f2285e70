"""Generators: the same seed gives the same world, every world can be crossed, the automaton follows its rule."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from sim.world import Bounds, Circle, World, box
from sim.worlds.barn import load_barn
from sim.worlds.cellular import (
    GOAL,
    GROWTH_M,
    START,
    cellular_world,
    grow_field,
    path_length_m,
    reference_path,
    yard_cells,
)
from sim.worlds.files import load_world
from sim.worlds.generate import is_passable, main, world_of
from sim.worlds.passable import free_space, shortest_path

SEEDS = Path(__file__).resolve().parents[2] / "seeds" / "worlds"


@pytest.mark.parametrize("kind", ["office", "warehouse", "corridor"])
def test_committed_world_is_what_its_generator_makes(kind: str, tmp_path: Path) -> None:
    out = tmp_path / "world.toml"
    assert main([kind, "--seed", "1", "--out", str(out)]) == 0
    assert out.read_bytes() == (SEEDS / f"{kind}.toml").read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "count"), [("barn", 10), ("dynabarn", 3)])
def test_committed_benchmark_file_is_what_its_generator_makes(kind: str, count: int, tmp_path: Path) -> None:
    out = tmp_path / "worlds.json"
    assert main([kind, "--seed", "1", "--count", str(count), "--out", str(out)]) == 0
    assert out.read_bytes() == (SEEDS / f"{kind}_like.json").read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["office", "warehouse", "corridor", "rooms", "cellular"])
def test_every_seed_gives_another_world_that_can_be_crossed(kind: str) -> None:
    # world_of raises when a goal cannot be reached
    worlds = [world_of(kind, seed) for seed in range(5)]
    assert len({world.model_dump_json() for world in worlds}) == 5


def test_generated_file_loads(tmp_path: Path) -> None:
    out = tmp_path / "rooms.toml"
    assert main(["rooms", "--seed", "3", "--out", str(out)]) == 0
    assert load_world(out).name == "rooms"
    out = tmp_path / "dyna.json"
    assert main(["dynabarn", "--count", "2", "--out", str(out)]) == 0
    assert len(load_barn(out)) == 2


@pytest.mark.parametrize(("level", "slowest", "fastest"), [("easy", 0.4, 0.9), ("hard", 1.5, 1.9)])
def test_cylinders_of_a_level_cross_the_yard_within_its_speeds(
    level: str, slowest: float, fastest: float, tmp_path: Path
) -> None:
    out = tmp_path / "dyna.json"
    assert main(["dynabarn", "--level", level, "--count", "3", "--seed", "5", "--out", str(out)]) == 0
    for world in load_barn(out):
        assert world.level == level
        for mover in world.world.moving:
            times, xs, ys = np.array(mover.keyframes).T
            assert np.abs((xs, ys)).max() <= 10.0
            assert max(abs(xs[0]), abs(ys[0])) == 10.0
            speed_mps = np.hypot(np.diff(xs), np.diff(ys)).sum() / times[-1]
            assert slowest - 0.02 <= speed_mps <= fastest + 0.02


@pytest.mark.parametrize(
    "arguments",
    [
        ["office", "--seed", "-1"],
        ["barn", "--level", "hard"],
        ["barn", "--count", "0"],
        ["office", "--out", "/nowhere/at/all.toml"],
    ],
)
def test_command_refuses_bad_arguments_in_one_line(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments[:1], "--out", str(tmp_path / "x"), *arguments[1:]]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_world_with_an_unreachable_goal_is_not_passable() -> None:
    model = world_of("rooms", 1)
    assert is_passable(model)
    assert not is_passable(model.model_copy(update={"goals": ((-0.3, -0.3),)}))
    assert not is_passable(model.model_copy(update={"goals": ((99.0, 0.0),)}))


def test_automaton_fills_dense_and_empties_lonely_cells() -> None:
    field = np.zeros((5, 5), bool)
    field[0, 0] = True
    field[2:5, 2:5] = True
    field[3, 3] = False
    grown = grow_field(field, 1)
    assert not grown[0, 0]
    assert grown[3, 3]
    assert grown[2, 3]
    assert grow_field(field, 0) is field


def test_yard_is_walled_on_three_sides() -> None:
    cells = set(yard_cells(np.zeros((30, 30), bool)))
    assert len(cells) == 30 + 2 * 63
    assert {(0, 0), (29, 63), (15, 0)} <= cells
    assert (15, 63) not in cells


def test_reference_path_of_an_empty_field_is_straight_and_keeps_its_distance() -> None:
    cells = yard_cells(np.zeros((30, 30), bool))
    path = reference_path(cells)
    assert path is not None
    assert [row for _, row in path] == list(range(30))
    assert path_length_m(path) == pytest.approx(math.dist(START, GOAL), abs=0.02)


def test_reference_path_goes_around_and_keeps_its_distance() -> None:
    made = cellular_world(5, 0.25, 3)
    assert made.path_length_m > 10.0
    points = [(c * 0.15 - 4.575, r * 0.15 + 5.075) for c, r in made.path]
    axes = [(c * 0.15 - 4.425, r * 0.15 + 0.075) for c, r in made.cells]
    assert min(math.dist(p, a) for p in points for a in axes) >= GROWTH_M
    steps = {(abs(b[0] - a[0]), abs(b[1] - a[1])) for a, b in zip(made.path, made.path[1:], strict=False)}
    assert steps <= {(0, 1), (1, 0), (1, 1)}


def test_closed_field_has_no_path() -> None:
    field = np.zeros((30, 30), bool)
    field[10, :] = True
    assert reference_path(yard_cells(field)) is None


def test_field_that_is_too_full_is_refused() -> None:
    with pytest.raises(ValueError, match="no passable field"):
        cellular_world(1, 0.6, 2)


def test_shortest_path_weighs_start_costs_and_diagonals() -> None:
    def inside(node: tuple[int, int]) -> bool:
        return 0 <= node[0] < 4 and 0 <= node[1] < 5

    def end(node: tuple[int, int]) -> float | None:
        return 0.0 if node == (3, 0) else None

    # 2 + 3 straight steps are less than three diagonals and one step, 2.5 + 3 are more
    assert shortest_path({(0, 0): 2.0, (0, 4): 0.0}, inside, end) == [(0, 0), (1, 0), (2, 0), (3, 0)]
    detour = shortest_path({(0, 0): 2.5, (0, 4): 0.0}, inside, end)
    assert detour is not None
    assert detour[0] == (0, 4)
    assert len(detour) == 5
    assert shortest_path({(0, 0): 0.0}, lambda node: node == (0, 0), end) is None


def test_free_space_measures_to_the_surface() -> None:
    world = World("w", (Circle(1.0, 1.0, 0.3),), (box(3.0, 1.0, 1.0, 2.0),), bounds=Bounds(0.0, 0.0, 4.0, 2.0))
    space = free_space(world, 0.1)
    row, column = space.cell(2.05, 1.05)
    assert space.distance_m[row, column] == pytest.approx(0.45)
    row, column = space.cell(3.05, 1.05)
    assert space.distance_m[row, column] == 0.0
    row, column = space.cell(1.55, 1.05)
    assert space.distance_m[row, column] == pytest.approx(math.hypot(0.55, 0.05) - 0.3)


def test_gap_lets_a_smaller_disc_pass_and_no_larger_one() -> None:
    walls = (box(1.0, 0.55, 0.2, 0.9), box(1.0, 2.45, 0.2, 1.1))  # the gap is from 1.0 to 1.9
    space = free_space(World("gap", polygons=walls, bounds=Bounds(0.0, 0.1, 2.0, 3.0)), 0.02)
    assert space.joined([(0.4, 1.5), (1.6, 1.5)], 0.40)
    assert not space.joined([(0.4, 1.5), (1.6, 1.5)], 0.47)
    assert not space.joined([(0.4, 1.5), (9.0, 1.5)], 0.1)
