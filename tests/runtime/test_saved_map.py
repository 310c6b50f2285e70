"""A saved map on the command line: every bad one is told in one line before anything starts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from amr.cli.drive import told_start
from amr.cli.main import app
from amr.errors import ConfigError, DataError
from amr.geometry import Pose2
from amr.grid import GridFrame
from amr.mapping.base import MapImage
from amr.runtime.files import load_robot
from amr.runtime.maps import save_ros_map
from amr.runtime.saved_map import check_start, load_saved_map, on_saved_map


def room(cells: int = 100) -> MapImage:
    pixels = np.full((cells, cells), 254, np.uint8)
    pixels[:2], pixels[-2:], pixels[:, :2], pixels[:, -2:] = 0, 0, 0, 0
    return MapImage(GridFrame(-1.0, -1.0, 0.05, cells, cells), pixels)


def saved(folder: Path, image: MapImage) -> Path:
    save_ros_map(folder / "map.yaml", image)
    return folder / "map.yaml"


def test_good_map_is_read(tmp_path):
    assert load_saved_map(saved(tmp_path, room()), load_robot("reference")).pixels.shape == (100, 100)


def test_map_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DataError, match=r"nowhere\.yaml: no such file"):
        load_saved_map(tmp_path / "nowhere.yaml", load_robot("reference"))


@pytest.mark.parametrize("text", ["", "resolution: 0\n", "resolution: .nan\n", "resolution: five\n"])
def test_map_of_unknown_resolution_is_refused_by_its_key(tmp_path, text):
    path = saved(tmp_path, room())
    kept = [line for line in path.read_text().splitlines() if not line.startswith("resolution")]
    path.write_text("\n".join(kept) + "\n" + text)
    with pytest.raises(DataError, match="resolution: expected a number"):
        load_saved_map(path, load_robot("reference"))


def test_map_whose_picture_is_missing_is_refused(tmp_path):
    path = saved(tmp_path, room())
    path.with_suffix(".pgm").unlink()
    with pytest.raises(DataError, match="no such file"):
        load_saved_map(path, load_robot("reference"))


def test_map_without_walls_is_of_no_use(tmp_path):
    image = room()
    image.pixels[:] = 254
    with pytest.raises(DataError, match="occupied cells"):
        load_saved_map(saved(tmp_path, image), load_robot("reference"))


def test_map_larger_than_the_planners_extent_is_refused(tmp_path):
    robot = load_robot("reference")
    small = robot.model_copy(update={"mapping": robot.mapping.model_copy(update={"global_max_extent_m": 4.0})})
    with pytest.raises(DataError, match="global_max_extent_m"):
        load_saved_map(saved(tmp_path, room()), small)


@pytest.mark.parametrize("start", [Pose2(-0.98, 0.0, 0.0), Pose2(50.0, 0.0, 0.0)])
def test_start_must_be_free_floor_of_the_map(tmp_path, start):
    with pytest.raises(DataError, match="--start"):
        check_start(room(), tmp_path, start)
    check_start(room(), tmp_path, Pose2(0.5, 0.5, 0.0))


@pytest.mark.parametrize("text", ["1,2", "1,2,x", "1,2,nan", "", "1,2,3,4"])
def test_start_is_three_finite_numbers(text):
    with pytest.raises(ConfigError, match="expected x,y,yaw"):
        told_start(Path("map.yaml"), text)


def test_start_without_a_map_means_nothing():
    with pytest.raises(ConfigError, match="--map"):
        told_start(None, "1,2,3")
    assert told_start(None, None) is None
    assert told_start(Path("map.yaml"), "1,-2,0.5") == Pose2(1.0, -2.0, 0.5)


def test_robot_on_a_map_says_so_in_its_configuration_and_so_in_every_log():
    from amr.config.robot import RobotConfig

    robot = on_saved_map(load_robot("reference"), placed=False)
    again = RobotConfig.model_validate_json(robot.model_dump_json())
    assert again.localization.on_map
    assert not again.localization.placed


@pytest.mark.parametrize(
    "arguments",
    [
        ["sim", "office", "--map", "nowhere.yaml"],
        ["drive", "--robot", "reference", "--base", "bridge://x", "--lidar", "scan://x:1", "--map", "nowhere.yaml"],
        ["sim", "office", "--start", "1,2,3"],
    ],
)
def test_command_line_tells_it_in_one_line(arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code != 0
    text = str(result.exception) if result.exception else result.output
    assert "nowhere.yaml: no such file" in text or "--start: expected --map" in text
