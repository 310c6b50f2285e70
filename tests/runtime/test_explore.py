"""``amr map explore``: a place driven until nothing is left to see, its map, and its log."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from amr.cli.main import main
from amr.errors import ConfigError
from amr.geometry import Pose2
from amr.grid import GridFrame
from amr.mapping.base import MapImage
from amr.messages import Explore, SetMission
from amr.runtime.explore import explore_in_simulation, explore_trial
from amr.runtime.explore_truth import judge_map, surface_distance
from amr.runtime.files import load_robot
from amr.runtime.map_file import load_map, map_picture
from amr.runtime.map_make import map_of_log
from amr.runtime.replay import replay
from amr.runtime.trial import Trial
from sim.world import Bounds, Circle, World, wall

TWO_ROOMS = World(
    name="two rooms",
    circles=(Circle(4.4, 0.6, 0.2),),
    polygons=(
        wall((-1.0, -1.5), (6.0, -1.5), 0.1),
        wall((6.0, -1.5), (6.0, 1.5), 0.1),
        wall((6.0, 1.5), (-1.0, 1.5), 0.1),
        wall((-1.0, 1.5), (-1.0, -1.5), 0.1),
        wall((2.5, -1.5), (2.5, 0.3), 0.1),
    ),
    bounds=Bounds(-1.2, -1.7, 6.2, 1.7),
)


def rooms_trial(max_time_s: float = 120.0) -> Trial:
    return Trial(
        name="rooms",
        world=TWO_ROOMS,
        robot=load_robot("reference"),
        seed=3,
        start=Pose2(0.0, 0.0, 0.4),
        goals=(),
        timeout_s=300.0,
        backend="planar",
        explore=Explore(0, None, max_time_s),
    )


@pytest.mark.slow
def test_two_rooms_are_mapped_and_the_robot_is_home_and_its_log_replays(tmp_path: Path) -> None:
    log = tmp_path / "run.mcap"
    explored, result = explore_in_simulation(rooms_trial(), log)
    assert explored.end.startswith("complete")
    assert explored.is_complete
    assert explored.is_home
    assert result.collisions == 0
    assert math.hypot(*result.truth[-1, 1:3]) < 0.5
    assert explored.json()["success"]
    made = map_of_log(log)
    truth = judge_map(map_picture(made), TWO_ROOMS, Pose2(0.0, 0.0, 0.4), 0.13)
    assert truth["mapped_frac"] > 0.97
    assert truth["wall_error_m"]["p95"] < 0.06
    replayed = replay(log)
    assert replayed.equal
    assert replayed.steps == result.steps
    assert replay(log, from_s=15.0).equal


@pytest.mark.slow
def test_when_the_time_is_over_the_robot_comes_home_and_says_so(tmp_path: Path) -> None:
    explored, _ = explore_in_simulation(rooms_trial(max_time_s=5.0), tmp_path / "run.mcap")
    assert explored.end == "time"
    assert explored.is_home
    assert not explored.is_complete
    assert not explored.json()["success"]


@pytest.mark.slow
def test_the_office_is_explored_from_the_command_line(tmp_path: Path) -> None:
    out, report = tmp_path / "office.amrmap", tmp_path / "result.json"
    arguments = ["map", "explore", "office", "--seed", "2", "--max-time", "25", "--out", str(out)]
    arguments += ["--record", str(tmp_path / "run.mcap"), "--export", str(tmp_path / "office.yaml")]
    assert main([*arguments, "--json", str(report)]) == 1  # not all of it was seen in that time
    result = json.loads(report.read_text(encoding="utf-8"))
    assert (result["end"], result["home"], result["success"], result["collisions"]) == ("time", True, False, 0)
    assert result["frontiers_left"] > 0
    assert result["truth"]["mapped_frac"] > 0.3
    assert result["truth"]["wall_error_m"]["p95"] < 0.05
    assert len(load_map(out).poses) == result["keyframes"]
    assert (tmp_path / "office.yaml").is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nowhere", "--out", "a.amrmap"), "no scenario or world of that name"),
        (("office", "--out", "a.yaml"), "expected a name that ends with .amrmap"),
        (("office", "--out", "a.amrmap", "--export", "b.pgm"), "expected a name that ends with .yaml"),
        (("--out", "a.amrmap"), "expected either a PLACE"),
        (("office", "--base", "bridge:///dev/null", "--out", "a.amrmap"), "expected either a PLACE"),
        (("--base", "bridge:///dev/null", "--out", "a.amrmap"), "needs --robot, --base and --lidar"),
        (("office", "--out", "a.amrmap", "--home", "1,nan"), "--home 1,nan"),
        (("office", "--out", "a.amrmap", "--max-time", "inf"), "--max-time inf"),
    ],
)
def test_wrong_use_is_one_line_and_exit_2(
    arguments: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["map", "explore", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_a_scenario_a_world_and_a_world_s_file_can_be_explored(tmp_path: Path) -> None:
    path = tmp_path / "hut.toml"
    path.write_text(
        'name = "hut"\ndescription = ""\nbounds_m = [-2.0, -2.0, 2.0, 2.0]\nstart = [0.0, 0.0, 0.0]\n'
        "goals = [[1.0, 1.0]]\n",
        encoding="utf-8",
    )
    for place, name in (("office", "office"), ("office_mapped", "office_mapped"), (str(path), "hut")):
        trial = explore_trial(place, 5, None, "planar", None, 60.0)
        assert (trial.name, trial.seed, trial.goals, trial.map_path, trial.kidnaps) == (name, 5, (), None, ())
        assert trial.order == Explore(0, None, 60.0)
    with pytest.raises(ConfigError):
        explore_trial(str(tmp_path / "none.toml"), None, None, "planar", None, 60.0)


def test_a_trial_with_goals_is_ordered_to_drive_there() -> None:
    assert replace(rooms_trial(), explore=None).order == SetMission(0, ())


def test_distances_are_those_from_the_nearest_surface() -> None:
    points = np.array([(1.0, -1.45), (1.0, -1.30), (4.4, 0.6), (4.4, 0.9)])
    assert surface_distance(TWO_ROOMS, points) == pytest.approx([0.0, 0.15, 0.2, 0.1], abs=1e-9)
    assert np.isinf(surface_distance(World(name="empty"), points)).all()


def test_a_map_is_judged_by_what_can_be_reached() -> None:
    frame = GridFrame(-1.2, -1.7, 0.05, 148, 68)
    pixels = np.full((68, 148), 205, np.uint8)
    pixels[:, :74] = 254  # the left half is known
    pixels[4, 10] = 0
    truth = judge_map(MapImage(frame, pixels), TWO_ROOMS, Pose2(0.0, 0.0, 0.0), 0.13)
    assert 0.4 < truth["mapped_frac"] < 0.6
    assert truth["wall_cells"] == 1
    assert truth["wall_error_m"]["p95"] < 0.05
    outside = judge_map(MapImage(frame, pixels), TWO_ROOMS, Pose2(40.0, 0.0, 0.0), 0.13)
    assert outside["mapped_frac"] is None
