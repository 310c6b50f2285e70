"""BARN's files: rules and geometry as published, answers optional, every bad value named."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from amr.errors import DataError
from amr.geometry import Pose2
from sim.world import Circle
from sim.worlds.barn import load_barn

SEEDS = Path(__file__).resolve().parents[2] / "seeds" / "worlds"
STATIC: dict[str, Any] = {
    "meta": {
        "cylinder": {"radius": 0.075, "x": "col*0.15-4.425", "y": "row*0.15+0.075"},
        "start": [-2.25, 3.0, 1.57],
        "goal": [-2.25, 13.0],
        "goal_radius": 1.0,
        "timeout_s": 100.0,
    },
    "worlds": [{"id": 7, "cyl": [[0, 0], [10, 40]], "path_length": 11.0, "optimal_time": 5.5}],
}
MOVING: dict[str, Any] = {
    "meta": {
        "obstacle": {"shape": "cylinder", "radius": 0.5},
        "walls": [{"center": [-10, 0], "size": [0.5, 20]}],
        "start": [11, 0, 3.14],
        "goal": [-9, 0],
        "goal_radius": 1.0,
        "timeout_s": 100.0,
    },
    "worlds": [
        {"id": 301, "level": "easy", "obstacles": [{"name": "a", "period": 9.0, "keys": [[0, 1, 2], [4, 3, 2]]}]}
    ],
}


def written(folder: Path, data: object) -> Path:
    path = folder / "data.json"
    path.write_text(json.dumps(data))
    return path


def test_static_world_has_the_published_geometry_and_rules(tmp_path: Path) -> None:
    (made,) = load_barn(written(tmp_path, STATIC))
    assert made.id == "7"
    assert made.world.circles == (
        Circle(-4.425, 0.075, 0.075),
        Circle(pytest.approx(10 * 0.15 - 4.425), pytest.approx(40 * 0.15 + 0.075), 0.075),  # type: ignore[arg-type]
    )
    assert made.world.start == Pose2(-2.25, 3.0, 1.57)
    assert made.goal_xy_m == (-2.25, 13.0)
    assert (made.goal_radius_m, made.timeout_s) == (1.0, 100.0)
    assert (made.path_length_m, made.optimal_time_s) == (11.0, 5.5)


def test_moving_world_has_walls_and_smooth_obstacles(tmp_path: Path) -> None:
    (made,) = load_barn(written(tmp_path, MOVING))
    assert made.level == "easy"
    assert len(made.world.polygons) == 1
    (mover,) = made.world.moving
    assert mover.interpolation == "catmull_rom"
    assert mover.position(4.0) == (3.0, 2.0)
    assert mover.position(9.0) == (1.0, 2.0)
    assert made.optimal_time_s is None


def test_file_without_answers_still_loads(tmp_path: Path) -> None:
    data = copy.deepcopy(STATIC)
    del data["worlds"][0]["path_length"], data["worlds"][0]["optimal_time"]
    (made,) = load_barn(written(tmp_path, data))
    assert made.path_length_m is None
    assert made.optimal_time_s is None
    assert len(made.world.circles) == 2


def change(data: dict[str, Any], path: list[str | int], value: object) -> dict[str, Any]:
    """A copy with the value at ``path`` replaced."""
    copied = copy.deepcopy(data)
    place: Any = copied
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    return copied


@pytest.mark.parametrize(
    ("data", "path", "value", "message"),
    [
        (STATIC, ["meta"], None, "meta: expected an object"),
        (STATIC, ["worlds"], {}, "worlds: expected a list"),
        (STATIC, ["worlds", 0], [], r"worlds\[0\]: expected an object"),
        (STATIC, ["worlds", 0, "id"], None, r"worlds\[0\].id"),
        (STATIC, ["worlds", 0, "id"], True, r"worlds\[0\].id"),
        (STATIC, ["worlds", 0, "cyl"], "x", r"worlds\[0\].cyl: expected a list"),
        (STATIC, ["worlds", 0, "cyl", 1], [1], r"cyl\[1\]: expected 2 numbers"),
        (STATIC, ["worlds", 0, "cyl", 1], [1, "2"], r"cyl\[1\]\[1\]: expected a number"),
        (STATIC, ["worlds", 0, "cyl", 1], [1, 1e300], r"cyl\[1\]\[1\]: expected a number"),
        (STATIC, ["worlds", 0, "cyl"], [[0, 0]] * 20_001, r"cyl: expected at most 20000"),
        (STATIC, ["worlds", 0, "path_length"], -1, r"path_length: expected a number > 0"),
        (STATIC, ["worlds", 0, "optimal_time"], "5", r"optimal_time: expected a number"),
        (STATIC, ["meta", "start"], [1, 2], "meta.start: expected 3 numbers"),
        (STATIC, ["meta", "goal_radius"], 0, "meta.goal_radius"),
        (STATIC, ["meta", "timeout_s"], None, "meta.timeout_s"),
        (STATIC, ["meta", "cylinder", "x"], "__import__('os')", "meta.cylinder.x"),
        (STATIC, ["meta", "cylinder", "radius"], 0.0, "meta.cylinder.radius"),
        (MOVING, ["meta", "obstacle", "shape"], "cube", "meta.obstacle.shape"),
        (MOVING, ["meta", "walls", 0, "size"], [0, 20], r"walls\[0\].size"),
        (MOVING, ["worlds", 0, "obstacles", 0, "keys"], [], r"obstacles\[0\]: keyframes"),
        (MOVING, ["worlds", 0, "obstacles", 0, "keys", 1], [0, 3, 2], r"obstacles\[0\]: keyframes"),
        (MOVING, ["worlds", 0, "obstacles", 0, "period"], 1.0, r"obstacles\[0\]: period_s"),
        (MOVING, ["worlds", 0, "obstacles", 0, "period"], 0, r"obstacles\[0\].period"),
    ],
)
def test_bad_value_is_named(
    tmp_path: Path, data: dict[str, Any], path: list[str | int], value: object, message: str
) -> None:
    file = written(tmp_path, change(data, path, value))
    with pytest.raises(DataError, match=message) as caught:
        load_barn(file)
    assert str(caught.value).startswith(f"{file}: ")
    assert "\n" not in str(caught.value)


def test_world_of_neither_kind_and_repeated_id_are_refused(tmp_path: Path) -> None:
    neither = change(STATIC, ["worlds", 0], {"id": 1})
    with pytest.raises(DataError, match="expected cyl"):
        load_barn(written(tmp_path, neither))
    twice = change(STATIC, ["worlds"], STATIC["worlds"] * 2)
    with pytest.raises(DataError, match=r"worlds\[1\].id: 7 occurs twice"):
        load_barn(written(tmp_path, twice))


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        load_barn(tmp_path / "none.json")


@pytest.mark.parametrize(("name", "count"), [("barn_like", 10), ("dynabarn_like", 3)])
def test_committed_benchmark_worlds_load(name: str, count: int) -> None:
    worlds = load_barn(SEEDS / f"{name}.json")
    assert len(worlds) == count
    for made in worlds:
        if name == "barn_like":
            assert made.path_length_m is not None
            assert made.optimal_time_s == pytest.approx(made.path_length_m / 2.0, abs=1e-4)
            assert 10.0 <= made.path_length_m < 14.0
            assert 200 <= len(made.world.circles) <= 370
        else:
            assert len(made.world.moving) >= 6
            start = made.world.start
            gaps = [math.dist(m.position(0.0), (start.x_m, start.y_m)) for m in made.world.moving]
            assert min(gaps) > 2.0


def test_published_files_load_whole(outside_data: Callable[[str], Path]) -> None:
    static = load_barn(outside_data("barn/barn_visible.json"))
    assert len(static) == 200
    assert static[0].path_length_m == 12.4312
    assert len(static[0].world.circles) == 237
    moving = load_barn(outside_data("barn/dynabarn_visible.json"))
    assert len(moving) == 40
    assert all(len(made.world.polygons) == 3 for made in moving)
