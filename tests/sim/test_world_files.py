"""World files: what is written is read back, and every bad file has one line that names file and key."""

from __future__ import annotations

import contextlib
import math
from pathlib import Path

import pytest

from amr.errors import ConfigError, DataError
from sim.worlds.files import load_json, load_world, world_names
from sim.worlds.generate import PASSABLE_RADIUS_M
from sim.worlds.passable import free_space
from sim.worlds.schema import MovingModel, PolygonModel, WallModel, WorldModel, world_toml

GOOD = """
name = "yard"
bounds_m = [-5.0, -5.0, 5.0, 5.0]
start = [0.0, 0.0, 0.0]
goals = [[1.0, 2.0], [3.0, 4.0, 1.57]]
friction = 0.4
walls = [{ from_m = [-5.0, 5.0], to_m = [5.0, 5.0], thickness_m = 0.2 }]
boxes = [{ center_m = [2.0, 0.0], size_m = [1.0, 0.5], yaw_rad = 0.3 }]
circles = [{ center_m = [-2.0, 0.0], radius_m = 0.25 }]
polygons = [{ points_m = [[0.0, 3.0], [1.0, 3.0], [0.5, 4.0]] }]

[[moving]]
name = "anna"
radius_m = 0.25
keyframes = [[0.0, 0.0, -3.0], [4.0, 3.0, -3.0]]
period_s = 8.0
interpolation = "catmull_rom"
"""


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "world.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_all_parts_of_a_world_file_are_read(tmp_path: Path) -> None:
    world = load_world(written(tmp_path, GOOD))
    assert world.name == "yard"
    assert [len(part) for part in (world.circles, world.polygons, world.moving, world.goals)] == [1, 3, 1, 2]
    assert world.friction == 0.4
    assert world.goals == ((1.0, 2.0), (3.0, 4.0, 1.57))
    assert world.moving[0].position(4.0) == (3.0, -3.0)
    assert world.bounds.x_max_m == 5.0
    assert load_world(str(tmp_path / "world.toml")) == world


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('name = "yard"', "", "name: missing"),
        ("[0.0, 0.0, 0.0]", "[0.0, 0.0]", r"start"),
        ("[0.0, 0.0, 0.0]", "[0.0, nan, 0.0]", r"start\[1\]"),
        ("[0.0, 0.0, 0.0]", "[0.0, inf, 0.0]", r"start\[1\]"),
        ("radius_m = 0.25 }", "radius_m = -0.25 }", r"circles\[0\].radius_m"),
        ("radius_m = 0.25 }", 'radius_m = "0.25" }', r"circles\[0\].radius_m"),
        ("radius_m = 0.25 }", "radius_m = true }", r"circles\[0\].radius_m"),
        ("radius_m = 0.25 }", "radius = 0.25 }", r"circles\[0\].radius"),
        ("friction = 0.4", "gravity = 9.0", "gravity: unknown key"),
        ("to_m = [5.0, 5.0]", "to_m = [-5.0, 5.0]", r"walls\[0\]: to_m"),
        ("[0.5, 4.0]]", "[0.5, 2.0]]", r"polygons\[0\]: a polygon must be convex"),
        ("[4.0, 3.0, -3.0]", "[0.0, 3.0, -3.0]", r"moving\[0\]: keyframes: times must rise"),
        ("period_s = 8.0", "period_s = 1.0", r"moving\[0\]: period_s"),
        ("radius_m = 0.25\n", "", r"moving\[0\]: needs either radius_m or size_m"),
        ("-5.0, -5.0, 5.0, 5.0]", "5.0, -5.0, -5.0, 5.0]", "bounds_m"),
        ("[1.0, 2.0]", "[1.0]", r"goals\[0\]"),
        ("[[moving]]", "[[moving", "not TOML"),
        ('"catmull_rom"', '"cubic"', r"moving\[0\].interpolation"),
    ],
)
def test_bad_value_is_one_line_with_file_and_key(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in GOOD
    path = written(tmp_path, GOOD.replace(old, new, 1))
    with pytest.raises(ConfigError, match=message) as caught:
        load_world(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_truncated_file_never_passes_as_something_else(tmp_path: Path) -> None:
    whole = load_world(written(tmp_path, GOOD))
    for end in range(0, len(GOOD), 7):
        # a cut between two tables leaves a shorter but valid file
        with contextlib.suppress(ConfigError):
            assert load_world(written(tmp_path, GOOD[:end])).start == whole.start


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"\xff\xfe\x00", "UTF-8"), (b"x = " + b"[" * 5000, "not TOML"), (b"#" * 16_000_001, "larger than 16 MB")],
    ids=["binary", "deep", "huge"],
)
def test_file_that_is_no_text_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_world(written(tmp_path, content))


def test_missing_file_folder_and_unknown_name_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        load_world(tmp_path / "none.toml")
    with pytest.raises(ConfigError, match="is a folder"):
        load_world(tmp_path)
    with pytest.raises(ConfigError, match=r"one of .*office"):
        load_world("atlantis")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_world("a/\0b.toml")


def test_written_world_reads_back_equal(tmp_path: Path) -> None:
    model = WorldModel(
        name='a "quoted" name',
        bounds_m=(-1.0, -1.0, 1.0, 1.0),
        start=(0.0, 0.1, -0.2),
        goals=((1.0, 2.0, 3.0),),
        friction=0.3,
        walls=(WallModel(from_m=(0.0, 1.0), to_m=(1.0, 1.0), thickness_m=0.1),),
        polygons=(PolygonModel(points_m=((0.0, 0.0), (1.0, 0.0), (0.0, 1.0))),),
        moving=(MovingModel(name="cart", size_m=(1.0, 0.5), keyframes=((0.0, 0.0, 0.0),), period_s=1.0, loop=False),),
    )
    assert load_world(written(tmp_path, world_toml(model))) == model.world()


@pytest.mark.parametrize("name", ["office", "warehouse", "corridor"])
def test_packaged_world_loads_and_its_goals_can_be_reached(name: str) -> None:
    assert name in world_names()
    world = load_world(name)
    places = [(world.start.x_m, world.start.y_m), *((goal[0], goal[1]) for goal in world.goals)]
    assert free_space(world).joined(places, PASSABLE_RADIUS_M)


def test_office_is_what_the_first_run_needs() -> None:
    world = load_world("office")
    assert len(world.goals) == 3
    assert len(world.moving) == 3
    space = free_space(world)
    for person in world.moving:
        for step in range(int(person.period_s * 4)):
            x, y = person.position(0.25 * step)
            row, column = space.cell(x, y)
            assert space.distance_m[row, column] > 0.25, f"{person.name} walks through something at ({x:.2f}, {y:.2f})"
        speeds = [math.hypot(*person.velocity(0.25 * step + 0.1)) for step in range(int(person.period_s * 4))]
        assert 0.55 < max(speeds) < 1.05


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"a": NaN}', "NaN"),
        (b'{"a": -Infinity}', "Infinity"),
        (b'{"a": 1', "not JSON"),
        (b"", "not JSON"),
        (b"\xff", "UTF-8"),
        (b"[" * 200_000, "nested too deep|not JSON"),
        (b'{"a": ' + b"9" * 10_000 + b"}", "not JSON"),
    ],
    ids=["nan", "infinity", "torn", "empty", "binary", "deep", "long number"],
)
def test_bad_json_is_one_line(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "data.json"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        load_json(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)
