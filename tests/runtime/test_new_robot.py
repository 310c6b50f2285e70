"""``amr init``: answers become a robot file that loads; wrong ones are one line; nothing is written over silently."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from amr.cli.main import app, main
from amr.errors import ConfigError
from amr.runtime.files import load_robot
from amr.runtime.new_robot import LIDARS, PRESETS, ask_all, robot_text
from amr.runtime.ports import make_base, make_lidar


@pytest.mark.parametrize("base", PRESETS)
@pytest.mark.parametrize("lidar", LIDARS)
def test_defaults_of_every_base_and_lidar_make_a_robot_that_loads(tmp_path: Path, base: str, lidar: str) -> None:
    file = tmp_path / "robot.toml"
    assert main(["init", str(file), "--set", f"base={base}", "--set", f"lidar={lidar}", "--yes"]) == 0
    robot = load_robot(file)
    assert robot.body.outline_m
    make_base(PRESETS[base].url, robot, 1)
    make_lidar(f"{lidar}:///dev/ttyUSB1", robot)


def test_known_bases_roll_as_far_per_count_as_their_documents_say() -> None:
    """Create 2: pi 72 mm / 508.8; Kobuki: 0.002436916871 rad of a wheel of 35 mm."""
    for base, expected_m in (("create2", 3.14159265 * 0.072 / 508.8), ("kobuki", 0.002436916871363930187 * 0.035)):
        preset = PRESETS[base]
        per_count_m = 2.0 * 3.14159265 * preset.wheel_radius_m / preset.ticks_per_wheel_rev
        assert per_count_m == pytest.approx(expected_m, rel=1e-4)


def test_answers_come_a_line_each_from_standard_input(tmp_path: Path) -> None:
    file = tmp_path / "robot.toml"
    lines = ["rover", "roboclaw", "rplidar", "0.05", "0.3", "2000", "box", "0.2", "0.1", "0.36"]
    done = CliRunner().invoke(app, ["init", str(file)], input="\n".join(lines) + "\n")
    assert done.exit_code == 0, done.output
    robot = load_robot(file)
    assert (robot.name, robot.drive.wheel_radius_m, robot.drive.track_m) == ("rover", 0.05, 0.3)
    assert robot.body.length_bounds_m == (-0.1, 0.2)
    assert robot.body.width_bounds_m == (-0.18, 0.18)
    assert robot.lidar.beams == 360


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"base": "tank"}, "base: 'tank': expected one of bridge, create2"),
        ({"wheel_radius_m": "nan"}, "wheel_radius_m: 'nan': expected a number from 0.005 to 1"),
        ({"wheel_radius_m": "-1"}, "expected a number"),
        ({"ticks": "12.5"}, "ticks: '12.5': expected a whole number"),
        ({"ticks": "9" * 400}, "expected a whole number"),
        ({"name": 'x"\n[body]'}, "expected letters"),
        ({"wheels": "4"}, "--set wheels: there is no such question"),
        ({"v_max_mps": "1e9"}, "expected a number from 0.05 to 5"),
    ],
)
def test_a_wrong_answer_is_one_line_with_what_was_expected(given: dict[str, str], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        ask_all(given, lambda _question, _default: None)
    assert words in str(caught.value)


def test_a_circle_holds_its_radius_and_little_more() -> None:
    answers = ask_all({"shape": "circle", "radius_m": "0.2"}, lambda _question, _default: None)
    text = robot_text(answers)
    assert "outline_m" in text
    corners = [float(part.strip("[] ")) for part in text.split("outline_m = [[")[1].split("]]")[0].split(",")]
    reach_m = max((x * x + y * y) ** 0.5 for x, y in zip(corners[::2], corners[1::2], strict=True))
    assert 0.2 <= reach_m <= 0.208


def test_a_file_that_is_there_is_not_written_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "robot.toml"
    file.write_text("mine")
    assert main(["init", str(file), "--yes"]) == 2
    assert "exists already; --force" in capsys.readouterr().err
    assert file.read_text() == "mine"
    assert main(["init", str(file), "--yes", "--force"]) == 0
    assert load_robot(file).name == "my_robot"


def test_a_folder_that_is_not_there_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", str(tmp_path / "none" / "robot.toml"), "--yes"]) == 2
    assert "cannot be written (No such file or directory)" in capsys.readouterr().err


def test_an_answer_without_a_key_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "x/y.toml", "--set", "create2", "--yes"]) == 2
    assert "expected KEY=VALUE" in capsys.readouterr().err
