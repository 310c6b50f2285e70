"""``amr drive`` as a user has it: real processes, a real pty, the real firmware, faults while it drives."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Empty, Queue
from typing import Any

import pytest

from amr.runtime.files import load_robot
from amr.runtime.log import Log, read_log
from amr.runtime.replay import replay

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

START_S = 120.0
"""Kernels may have to be compiled first."""


class Process:
    """A process whose lines are kept."""

    def __init__(self, *command: str) -> None:
        self._popen = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1
        )
        self.lines: list[str] = []
        self._queue: Queue[str] = Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._popen.stdout is not None
        for line in self._popen.stdout:
            self._queue.put(line.rstrip())

    def type(self, text: str) -> None:
        assert self._popen.stdin is not None
        self._popen.stdin.write(text)
        self._popen.stdin.flush()

    def wait_for(self, wanted: Callable[[str], Any], seconds: float) -> str:
        """The first new line that is wanted."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                line = self._queue.get(timeout=max(0.0, deadline - time.monotonic()))
            except Empty:
                raise AssertionError("not said in time; the last lines:\n" + "\n".join(self.lines[-15:])) from None
            self.lines.append(line)
            if wanted(line):
                return line

    def drain(self) -> list[str]:
        """New lines."""
        new = []
        while not self._queue.empty():
            new.append(self._queue.get())
        self.lines += new
        return new

    def wait(self, seconds: float) -> int:
        code = self._popen.wait(seconds)
        self._reader.join(5.0)
        self.drain()
        return code

    def kill(self) -> None:
        self._popen.kill()
        self._popen.wait()
        self._reader.join(5.0)
        assert self._popen.stdin is not None
        assert self._popen.stdout is not None
        self._popen.stdin.close()
        self._popen.stdout.close()


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


@pytest.fixture
def robot(start: Callable[..., Process], tmp_path: Path) -> Process:
    """The robot behind the pty."""
    process = start(str(Path(__file__).parent / "pty_robot.py"), str(tmp_path))
    process.wait_for(lambda line: line == "ready", START_S)
    return process


@pytest.fixture
def drive(start: Callable[..., Process], robot: Process, tmp_path: Path) -> Callable[..., Process]:
    """Starts ``amr drive`` on it."""
    del robot
    base, lidar = f"bridge://{tmp_path}/base", f"scan://{tmp_path}/lidar.sock"

    def drive(*options: str) -> Process:
        command = "import sys; from amr.cli.main import main; sys.exit(main(sys.argv[1:]))"
        return start(
            "-c", command, "drive", "--robot", "jackal", "--base", base, "--lidar", lidar, "--goal", "4,0",
            "--log", str(tmp_path / "run.mcap"), *options,
        )  # fmt: skip

    return drive


def moves(line: str) -> bool:
    parts = line.split()
    return len(parts) == 3 and parts[0] != "rest" and float(parts[2]) > 0.2


def stop_limit_s() -> float:
    """Command time-out of the firmware, its ramp from the speed limit, and the lag of wheels and polling."""
    config = load_robot("jackal")
    return config.link.command_timeout_s + config.limits.v_max_mps / config.limits.brake_mps2 + 0.35


def arm_until_it_moves(host: Process, robot: Process) -> None:
    """Press the key as a person would: again, where a slow machine lost the link once more meanwhile."""
    for _ in range(3):
        host.type("a")
        try:
            robot.wait_for(moves, 10.0)
        except AssertionError:
            continue
        return
    host.drain()
    raise AssertionError("armed, and it does not move; the host said:\n" + "\n".join(host.lines[-15:]))


def test_pulled_cable_stops_the_wheels_and_the_host_waits_to_be_armed_again(
    robot: Process, drive: Callable[..., Process], tmp_path: Path
) -> None:
    host = drive("--arm")
    robot.wait_for(moves, START_S)
    robot.type("pull\n")
    rest = robot.wait_for(lambda line: line.startswith("rest"), 10.0)
    assert float(rest.split()[1]) <= stop_limit_s()
    host.wait_for(lambda line: "link down" in line and "gone" in line, 10.0)
    robot.type("plug\n")
    host.wait_for(lambda line: "link up" in line and "not armed" in line, 20.0)
    robot.drain()
    time.sleep(1.5)
    assert not [line for line in robot.drain() if moves(line)]
    arm_until_it_moves(host, robot)
    host.type("q")
    assert host.wait(30.0) == 1  # the goal was not reached
    assert not [line for line in host.lines if "Traceback" in line]
    result = replay(tmp_path / "run.mcap")
    assert result.equal, result.first_difference
    assert result.torn is None


def test_killed_host_stops_the_wheels_and_leaves_a_whole_log(
    robot: Process, drive: Callable[..., Process], tmp_path: Path
) -> None:
    host = drive("--arm")
    robot.wait_for(moves, START_S)
    killed_s = time.monotonic()
    host.kill()
    robot.wait_for(lambda line: not moves(line) and float(line.split()[2]) < 0.01, 10.0)
    assert time.monotonic() - killed_s <= stop_limit_s() + 0.3

    def whole() -> bool:
        log = Log(tmp_path / "run.mcap")
        return sum(1 for _ in log.steps()) > 10 and log.torn is None

    deadline = time.monotonic() + 20.0
    while not whole() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert whole()
    steps = list(read_log(tmp_path / "run.mcap"))
    assert [step.step for step in steps] == list(range(len(steps)))


def test_port_that_speaks_garbage_is_waited_out(robot: Process, drive: Callable[..., Process]) -> None:
    robot.type("noise\n")
    host = drive("--arm")
    host.wait_for(lambda line: "link down" in line and "not armed" in line, START_S)
    time.sleep(1.0)
    assert not [line for line in robot.drain() if moves(line)]
    host.type("q")
    assert host.wait(30.0) == 1
    assert not [line for line in host.lines if "Traceback" in line]


def test_busy_port_is_one_line_and_exit_2(robot: Process, drive: Callable[..., Process]) -> None:
    first = drive()
    first.wait_for(lambda line: "link up" in line, START_S)
    second = drive()
    assert second.wait(START_S) == 2
    assert len(second.lines) == 1
    assert "busy" in second.lines[0]
    assert robot.lines


def test_teleop_drives_while_a_key_repeats_and_stops_when_it_does_not(
    robot: Process, start: Callable[..., Process], tmp_path: Path
) -> None:
    command = "import sys; from amr.cli.main import main; sys.exit(main(sys.argv[1:]))"
    host = start(
        "-c", command, "teleop", "--robot", "jackal", "--base", f"bridge://{tmp_path}/base",
        "--lidar", f"scan://{tmp_path}/lidar.sock", "--arm",
    )  # fmt: skip
    host.wait_for(lambda line: ", armed" in line, START_S)
    robot.drain()
    for _ in range(15):
        host.type("w")
        time.sleep(0.1)
    assert any(moves(line) for line in robot.drain())
    released_s = time.monotonic()
    robot.wait_for(lambda line: abs(float(line.split()[2])) < 0.01, 10.0)
    assert time.monotonic() - released_s <= 0.5 + stop_limit_s() + 0.5
    host.type("q")
    assert host.wait(30.0) == 0


def test_an_exploration_that_is_ended_keeps_what_was_mapped(
    robot: Process, start: Callable[..., Process], tmp_path: Path
) -> None:
    from amr.runtime.map_file import load_map

    del robot
    command = "import sys; from amr.cli.main import main; sys.exit(main(sys.argv[1:]))"
    base, lidar = f"bridge://{tmp_path}/base", f"scan://{tmp_path}/lidar.sock"
    host = start(
        "-c", command, "map", "explore", "--robot", "jackal", "--base", base, "--lidar", lidar, "--arm",
        "--out", str(tmp_path / "hall.amrmap"), "--record", str(tmp_path / "run.mcap"),
    )  # fmt: skip
    host.wait_for(lambda line: ", armed" in line, START_S)
    time.sleep(1.0)
    host.type("q")
    assert host.wait(60.0) == 1
    assert [line for line in host.lines if line.startswith("stopped, not home")]
    assert len(load_map(tmp_path / "hall.amrmap").poses) >= 1
    result = replay(tmp_path / "run.mcap")
    assert result.equal, result.first_difference
