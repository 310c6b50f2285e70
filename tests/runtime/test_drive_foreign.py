"""``amr drive`` with somebody else's base and lidar: real processes, real ptys, models of the devices behind them."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from test_drive_on_pty import START_S, Process

from firmware_bridge.bases.foreign import KEEPER_LIMIT_S

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
DEVICES = Path(__file__).resolve().parents[1] / "bases" / "pty_devices.py"
PROGRAM = "import sys; from amr.cli.main import main; sys.exit(main(sys.argv[1:]))"


@pytest.fixture
def start() -> Iterator[Callable[..., Process]]:
    """Starts processes; all end with the test."""
    started: list[Process] = []

    def start(*command: str) -> Process:
        started.append(Process(sys.executable, *command))
        return started[-1]

    yield start
    for process in started:
        process.kill()


def moves(line: str) -> bool:
    parts = line.split()
    return len(parts) == 3 and float(parts[1]) > 0.05


def test_a_create_with_an_ld19_drives_and_stands_when_the_host_is_killed(
    start: Callable[..., Process], tmp_path: Path
) -> None:
    robot = start(str(DEVICES), str(tmp_path), "create2", "ld19")
    robot.wait_for(lambda line: line == "ready", START_S)
    host = start(
        "-c", PROGRAM, "drive", "--robot", "reference", "--base", f"create2://{tmp_path}/base",
        "--lidar", f"ld19://{tmp_path}/lidar", "--goal", "2,0", "--arm",
    )  # fmt: skip
    host.wait_for(lambda line: "NO time-out" in line, START_S)
    robot.drain()
    robot.wait_for(moves, START_S)
    host.kill()
    killed_s = time.monotonic()
    robot.drain()
    robot.wait_for(lambda line: line.endswith(" 0.000 0.000"), 10.0)
    assert time.monotonic() - killed_s <= KEEPER_LIMIT_S + 1.0
    time.sleep(0.5)
    assert not [line for line in robot.drain() if moves(line)]


def test_a_roboclaw_with_an_rplidar_drives_and_a_person_quits(start: Callable[..., Process], tmp_path: Path) -> None:
    robot = start(str(DEVICES), str(tmp_path), "roboclaw", "rplidar")
    robot.wait_for(lambda line: line == "ready", START_S)
    host = start(
        "-c", PROGRAM, "drive", "--robot", "reference", "--base", f"roboclaw://{tmp_path}/base",
        "--lidar", f"rplidar://{tmp_path}/lidar", "--goal", "2,0", "--arm",
    )  # fmt: skip
    host.wait_for(lambda line: "stops the wheels 0.2 s after" in line, START_S)
    robot.wait_for(moves, START_S)
    host.type("q")
    assert host.wait(30.0) == 1  # the goal was not reached
    robot.drain()
    robot.wait_for(lambda line: line.endswith(" 0.000 0.000"), 10.0)
    assert not [line for line in host.lines if "Traceback" in line]
