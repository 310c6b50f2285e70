"""Robot and scenario files: every kind of bad file has one answer, in one line."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import pytest

from amr.errors import ConfigError
from amr.runtime.files import MAX_TOML_BYTES, load_robot, load_scenario, seed_names

JACKAL = (files("seeds") / "robots" / "jackal.toml").read_text(encoding="utf-8")
SCENARIO = 'name = "s"\nworld = "office"\nrobot = "jackal"\n'


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str | bytes], Path]:
    """Writes a file; returns its path."""

    def write(content: str | bytes) -> Path:
        path = tmp_path / "file.toml"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


@pytest.mark.parametrize("name", seed_names("robots"))
def test_every_packaged_robot_loads_by_name_and_by_path(name: str) -> None:
    robot = load_robot(name)
    assert robot.name == name
    assert load_robot(str(files("seeds") / "robots" / f"{name}.toml")) == robot


@pytest.mark.parametrize("name", seed_names("scenarios"))
def test_every_packaged_scenario_loads_and_names_a_known_robot(name: str) -> None:
    scenario = load_scenario(name)
    assert scenario.name == name
    assert load_robot(scenario.robot).name


def changed(old: str, new: str) -> str:
    assert old in JACKAL
    return JACKAL.replace(old, new, 1)


BAD_ROBOTS = {
    "unknown key": (changed("[body]", "[body]\ncolour = 3"), r"body\.colour: unknown key"),
    "missing key": (changed("mass_kg = 16.5", ""), r"body\.mass_kg: missing, must be given"),
    "wrong type": (changed("mass_kg = 16.5", 'mass_kg = "16.5"'), r"body\.mass_kg: .*valid number.*'16\.5'"),
    "bool as number": (changed("mass_kg = 16.5", "mass_kg = true"), r"body\.mass_kg: .*valid number"),
    "nan": (changed("mass_kg = 16.5", "mass_kg = nan"), r"body\.mass_kg: .*finite number"),
    "infinite": (changed("mass_kg = 16.5", "mass_kg = inf"), r"body\.mass_kg: .*finite number"),
    "out of range": (changed("mass_kg = 16.5", "mass_kg = -1.0"), r"body\.mass_kg: .*greater than 0, got -1"),
    "date": (changed("mass_kg = 16.5", "mass_kg = 1979-05-27"), r"body\.mass_kg: .*valid number"),
    "table as number": (changed("mass_kg = 16.5", "mass_kg = {a = 1}"), r"body\.mass_kg: .*valid number"),
    "point with three numbers": (changed("[-0.210, -0.155]", "[-0.210, -0.155, 1.0]"), r"body\.outline_m\[0\]\[0\]"),
    "not convex": (
        changed("[[-0.210, -0.155], [0.210, -0.155], [0.210, 0.155]", "[[0.210, 0.155], [0.210, -0.155], [0.0, 0.0]"),
        r"body: outline_m\[0\]: must be convex",
    ),
    "broken line": (changed("[drive]", "[drive"), r"not TOML: .*line \d+"),
    "key twice": (changed("[body]", "[body]\nmass_kg = 1.0"), r"not TOML: .*line \d+"),
    "empty": ("", r"name: missing, must be given \(and \d+ more\)"),
    "nested too deep": ("a = " + "[" * 5000 + "]" * 5000, r"not TOML"),
    "huge number": (changed("mass_kg = 16.5", "mass_kg = 1e999"), r"body\.mass_kg: .*finite number"),
}


@pytest.mark.parametrize("kind", BAD_ROBOTS)
def test_bad_robot_file_is_one_line_with_file_and_key(kind: str, write: Callable[[str | bytes], Path]) -> None:
    content, message = BAD_ROBOTS[kind]
    path = write(content)
    with pytest.raises(ConfigError, match=message) as caught:
        load_robot(path)
    text = str(caught.value)
    assert text.startswith(f"{path}: ")
    assert "\n" not in text
    assert len(text) < 500


def test_file_that_is_no_text_is_refused(write: Callable[[str | bytes], Path]) -> None:
    with pytest.raises(ConfigError, match="not UTF-8 at byte 4"):
        load_robot(write(b"abc \xff\xfe"))


def test_huge_file_is_refused_unread(write: Callable[[str | bytes], Path]) -> None:
    with pytest.raises(ConfigError, match="larger than 4 MB"):
        load_robot(write(b"#" * (MAX_TOML_BYTES + 1)))


def test_missing_file_folder_and_unknown_name_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.toml: no such file"):
        load_robot(tmp_path / "none.toml")
    with pytest.raises(ConfigError, match="is a folder"):
        load_robot(tmp_path)
    with pytest.raises(ConfigError, match=r"r2d2: no such name in seeds/robots \(known: jackal.*\)"):
        load_robot("r2d2")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_robot("a\0b/c.toml")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("goals = [[1.0]]", r"goals\[0\]: .*at least 2"),
        ("goals = [[1.0, 2.0, 3.0, 4.0]]", r"goals\[0\]: .*at most 3"),
        ("goals = [[1.0, nan]]", r"goals\[0\]\[1\]: .*finite"),
        ("goals = [1.0, 2.0]", r"goals\[0\]: .*array"),
        ("timeout_s = 0.0", r"timeout_s: .*greater than 0"),
        ("seed = -1", r"seed: .*greater than or equal to 0"),
        ("seed = 1.5", r"seed: .*valid integer"),
        ('faults = [{kind = "x"}]', r"faults: must be empty"),
        ("[marks]\nmin_goals = 1", r"marks\.min_goals: unknown key"),
        ("goals = [[1.0, 2.0]]\n[marks]\nmin_goals_reached = 2", r"min_goals_reached: must be <= 1"),
        ('start = "here"', r"start: .*array"),
    ],
)
def test_bad_scenario_is_one_line(line: str, message: str, write: Callable[[str | bytes], Path]) -> None:
    with pytest.raises(ConfigError, match=message):
        load_scenario(write(SCENARIO + line + "\n"))


def test_paths_in_a_scenario_count_from_its_own_folder(write: Callable[[str | bytes], Path], tmp_path: Path) -> None:
    path = write('name = "s"\nworld = "./w.toml"\nrobot = "/abs/r.toml"\ngoals = [[1.0, 2], [3, 4.0, 0.5]]\n')
    scenario = load_scenario(path)
    assert scenario.world == str(tmp_path / "w.toml")
    assert scenario.robot == "/abs/r.toml"
    assert scenario.goals == ((1.0, 2.0), (3.0, 4.0, 0.5))
