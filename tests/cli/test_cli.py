"""The command line: one line and exit 2 for every wrong use, help with an example everywhere."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from amr.cli.main import main
from amr.cli.output import without_infinities
from amr.runtime.log import LogWriter, make_header

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def amr(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command in this process: (exit code, standard output, standard error)."""

    def run(*arguments: str | Path) -> tuple[int, str, str]:
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


COMMANDS = [
    "sim", "drive", "teleop", "replay", "doctor", "warmup", "log info", "log recover", "log snapshots",
    "bench barn", "bench dynabarn", "bench planners", "bench control", "bench posegraph", "bench loop",
    "bench scan-match", "bench slam", "bench slam-loo", "bench link", "bench localize", "map make", "map merge",
    "map export", "map explore", "calibrate", "bench calibrate",
]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command: str, amr: Run) -> None:
    code, out, _ = amr(*command.split(), "--help")
    assert code == 0
    assert f"Example: amr {command.split()[0]}" in " ".join(out.split())


CONTRACT_OPTIONS = {
    "sim": "--seed --robot --backend --firmware --pace --web --log --out --json",
    "drive": "--robot --base --lidar --map --goal --web --log --json",
    "replay": "--verify --from --json",
    "bench barn": "--data --worlds --trials --workers --firmware --backend --controller --robot --seed --out --json",
    "bench dynabarn": "--data --worlds --trials --workers --json --out",
    "bench planners": "--map --queries --planner --repeat --allow-unknown --json --out",
    "bench control": "--samples --steps --json",
    "bench posegraph": "--data --out --json",
    "bench loop": "--hz --seconds --load --json",
    "bench scan-match": "--beams --trials --seed --json",
    "bench link": "--firmware --robot --json",
    "map make": "--out --json",
    "map explore": "--out --robot --seed --max-time --json --record --export --base --lidar --home --arm",
    "map merge": "--out --json",
    "map export": "--out",
    "calibrate": "--robot --sim --base --lidar --seed --true-robot --out --json",
    "bench calibrate": "--robots --seed --robot --json",
    "bench slam": "--data --scans --out --json",
    "bench slam-loo": "--data --workers --json",
}


@pytest.mark.parametrize("command", CONTRACT_OPTIONS)
def test_options_of_the_contract_exist(command: str, amr: Run) -> None:
    _, out, _ = amr(*command.split(), "--help")
    for option in CONTRACT_OPTIONS[command].split():
        assert option in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["dance"], "No such command 'dance'"),
        (["sim"], "Missing"),
        (["sim", "office", "--sed", "1"], "No such option"),
        (["sim", "office", "--seed", "many"], "integer"),
        (["sim", "office", "--backend", "gazebo"], "gazebo"),
        (["sim", "nowhere"], "nowhere: no such name in seeds/scenarios"),
        (["sim", "/nowhere.toml"], "/nowhere.toml: no such file"),
        (["sim", "office", "--robot", "r2d2"], "r2d2: no such name in seeds/robots"),
        (["replay", "/nowhere.mcap"], "/nowhere.mcap: log cannot be read"),
        (["log", "info", "/"], "/: is a folder"),
        (["bench", "loop", "--hz", "0"], "hz"),
        (["bench", "barn", "--data", "/nowhere.json"], "/nowhere.json"),
        (["drive", "--robot", "jackal", "--base", "bridge:///dev/none", "--lidar", "x"], "expected scheme:///dev/"),
        (["drive", "--robot", "jackal", "--base", "carrier://x", "--lidar", "scan:///none.sock"], "carrier://x"),
        (["drive", "--robot", "jackal", "--base", "/dev/none", "--lidar", "scan:///none"], "lidar cannot be reached"),
        (["drive", "--robot", "jackal", "--base", "/d", "--lidar", "scan:///n", "--goal", "1"], "--goal 1: expected"),
        (["drive", "--robot", "jackal", "--base", "/d", "--lidar", "scan:///n", "--goal", "1,nan"], "expected x,y"),
        (["teleop", "--robot", "none.toml", "--base", "/dev/x", "--lidar", "scan:///n"], "none.toml: no such file"),
    ],
)  # fmt: skip
def test_wrong_use_is_one_line_and_exit_2(arguments: list[str], message: str, amr: Run) -> None:
    code, out, err = amr(*arguments)
    assert code == 2
    assert out == ""
    assert err.count("\n") == 1
    assert message in err
    assert "Traceback" not in err


def test_base_that_is_no_port_is_one_line_when_the_lidar_is_there(amr: Run, tmp_path: Path) -> None:
    from amr.runtime.scan_stream import ScanServer

    server = ScanServer("scan://127.0.0.1:0")
    for base, message in (
        (tmp_path / "none", "no such port"),
        (tmp_path, "not a serial port"),
        ("/dev/null", "not a serial port"),
        ("socket://127.0.0.1:1", "cannot connect"),
    ):
        code, _, err = amr("drive", "--robot", "jackal", "--base", str(base), "--lidar", server.url)
        assert code == 2
        assert err.count("\n") == 1
        assert message in err
    server.close()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A log without a step."""
    from amr.runtime.files import load_robot

    LogWriter(tmp_path / "run.mcap", make_header(load_robot("jackal"), "office", 4)).close()
    return tmp_path / "run.mcap"


def test_log_info_tells_the_origin(amr: Run, log: Path) -> None:
    code, out, _ = amr("log", "info", log, "--json", "-")
    assert code == 0
    info = json.loads(out)
    assert (info["scenario"], info["seed"], info["robot"], info["torn"]) == ("office", 4, "jackal", None)


def test_log_recover_writes_a_whole_file(amr: Run, log: Path, tmp_path: Path) -> None:
    code, out, _ = amr("log", "recover", log, tmp_path / "whole.mcap")
    assert code == 0
    assert "0 steps" in out
    assert amr("log", "info", tmp_path / "whole.mcap")[0] == 0


def test_json_file_is_written_and_an_impossible_one_is_named(amr: Run, log: Path, tmp_path: Path) -> None:
    code, out, _ = amr("log", "info", log, "--json", tmp_path / "deep" / "info.json")
    assert code == 0
    assert "office" in out
    assert json.loads((tmp_path / "deep" / "info.json").read_text())["seed"] == 4
    code, _, err = amr("log", "info", log, "--json", "/dev/full")
    assert code == 2
    assert "/dev/full: cannot be written" in err


def test_doctor_opens_nothing_and_reports_as_json(amr: Run) -> None:
    code, out, _ = amr("doctor", "--json", "-", "--robot", "jackal")
    report = json.loads(out)
    names = {check["name"] for check in report["checks"]}
    assert {"python", "packages", "kernel cache", "C compiler", "pybullet", "real time", "robot file"} <= names
    assert (code == 0) == report["ok"]
    code, out, _ = amr("doctor", "--robot", "r2d2")
    assert code == 1
    assert "FAIL  robot file" in out


def test_loop_bench_prints_the_contract_as_json_alone(amr: Run, tmp_path: Path) -> None:
    code, out, _ = amr("bench", "loop", "--seconds", "0.5", "--hz", "200", "--json", "-", "--out", tmp_path)
    assert code == 0
    result = json.loads(out)
    assert set(result) >= {"hz", "lateness_us", "missed", "fifo", "cpu_steal_frac", "idle_baseline_us"}
    assert set(result["lateness_us"]) == {"p50", "p99", "p999", "max"}
    assert result["ticks"] + result["missed"] >= 95
    assert len((tmp_path / "lateness_us.csv").read_text().splitlines()) == result["ticks"] + 1


@pytest.mark.parametrize(
    ("text", "names"),
    [(None, ()), ("1,2,5-7", ("1", "2", "5-7")), ("3,3", ("3",)), ("w-1", None), ("5-2", None), (",", None)],
)
def test_world_lists_are_read(text: str | None, names: tuple[str, ...] | None) -> None:
    from amr.cli.bench_worlds import parse_worlds
    from amr.errors import ConfigError

    if names is None:
        with pytest.raises(ConfigError, match="--worlds"):
            parse_worlds(text)
    else:
        assert parse_worlds(text) == names


def test_numbers_that_json_lacks_become_null() -> None:
    import numpy as np

    assert without_infinities({"a": [float("nan"), np.float32(1.5), np.arange(2)], 3: Path("x")}) == {
        "a": [None, 1.5, [0, 1]],
        "3": "x",
    }


HEAVY = ("numba", "scipy", "numpy", "pybullet", "matplotlib", "pydantic", "rosbags", "mcap", "serial")


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys, amr.cli.main as m; assert m.main(['--help']) == 0; "
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert [name for name in HEAVY if f"'{name}'" in done.stderr and name != "pydantic"] == []


@pytest.mark.slow
def test_drive_starts_without_pybullet_and_simulation() -> None:
    code = "import sys, amr.runtime.drive, amr.robot; print('pybullet' in sys.modules or 'sim' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize(
    "options", [(), ("--sim", "--base", "/dev/null", "--lidar", "scan://x:1"), ("--base", "/dev/null")]
)
def test_calibrate_wants_either_a_simulated_or_a_real_robot(options: tuple[str, ...], amr: Run) -> None:
    code, _, err = amr("calibrate", *options)
    assert code == 2
    assert "either --sim, or both --base and --lidar" in err


def test_a_true_robot_is_for_the_simulation_alone(amr: Run) -> None:
    code, _, err = amr("calibrate", "--base", "/dev/null", "--lidar", "scan://x:1", "--true-robot", "jackal")
    assert code == 2
    assert "--true-robot goes with --sim" in err
