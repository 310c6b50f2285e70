"""The helper processes of a drive, with real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from fake_core import FakeCore, fake_inputs

from amr.errors import DataError
from amr.geometry import Pose2
from amr.grid import GridFrame
from amr.mapping.base import MapImage
from amr.messages import Goal, InsertScan, LocateScan, PlanRequest, PlanResult, PlanStatus, PoseFix, Scan
from amr.runtime.child import Child
from amr.runtime.files import load_robot
from amr.runtime.log import Log, LogHeader, read_log
from amr.runtime.log_process import LogProcess, write_until_closed
from amr.runtime.maps import save_ros_map
from amr.runtime.replay import replay
from amr.runtime.ring import Ring
from amr.runtime.saved_map import on_saved_map
from amr.runtime.slow_processes import SlowProcesses
from amr.runtime.snapshot import encode, pack
from amr.runtime.worker_process import WorkerProcess, WorkerSetup

pytestmark = pytest.mark.slow


def wait_for(condition: Callable[[], bool], seconds: float = 30.0) -> bool:
    """Poll until it holds; False when it did not in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False


def test_log_written_by_the_other_process_is_whole_and_replays(tmp_path: Path, header: LogHeader) -> None:
    path = tmp_path / "run.mcap"
    log = LogProcess(path, header)
    core = FakeCore()
    for number in range(200):
        inputs = fake_inputs(number)
        log.record(inputs, core.step(inputs))
    assert log.close() == ""
    assert log.dropped == 0
    result = replay(path, make_core=lambda _header: FakeCore())
    assert (result.steps, result.equal, result.torn) == (200, True, None)


def test_log_that_cannot_be_made_is_told_at_once(tmp_path: Path, header: LogHeader) -> None:
    with pytest.raises(DataError, match="log cannot be written"):
        LogProcess(tmp_path, header)


def test_writer_that_stands_still_drops_steps_and_never_blocks(tmp_path: Path, header: LogHeader) -> None:
    log = LogProcess(tmp_path / "run.mcap", header)
    pid = log._child._process.pid
    os.kill(pid, signal.SIGSTOP)
    core, inputs = FakeCore(), fake_inputs(0)
    outputs = core.step(inputs)
    longest_s = 0.0
    for _ in range(6000):
        began_s = time.monotonic()
        log.record(inputs, outputs)
        longest_s = max(longest_s, time.monotonic() - began_s)
    assert log.dropped > 0
    assert longest_s < 0.5
    os.kill(pid, signal.SIGCONT)
    assert log.close() == ""


def helper(seconds: float) -> Child:
    child = Child.__new__(Child)
    child._process = subprocess.Popen(["sleep", str(seconds)], stderr=subprocess.PIPE)
    return child


def test_helper_is_given_time_as_long_as_it_gets_on() -> None:
    began_s = time.monotonic()
    assert helper(0.8).finish(0.1, unread=lambda: -time.monotonic_ns()) == ""
    assert time.monotonic() - began_s >= 0.8


@pytest.mark.parametrize("unread", [None, lambda: 7])
def test_helper_that_does_not_get_on_is_ended(unread: Callable[[], int] | None) -> None:
    child = helper(60.0)
    assert child.finish(0.1, unread) == "did not end in time"
    assert not child.alive


OWNER = """
import sys, time
sys.path.insert(0, sys.argv[2])
from pathlib import Path
from fake_core import FakeCore, fake_inputs
from amr.runtime.files import load_robot
from amr.runtime.log_process import LogProcess
from amr.runtime.log import make_header
if __name__ == "__main__":
    core, log = FakeCore(), LogProcess(Path(sys.argv[1]), make_header(load_robot("jackal"), "killed", 1))
    for number in range(100):
        inputs = fake_inputs(number)
        log.record(inputs, core.step(inputs))
    print("written", flush=True)
    time.sleep(60)
"""


def test_log_is_finished_when_the_control_process_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "run.mcap"
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(path), str(Path(__file__).parent)], stdout=subprocess.PIPE, text=True
    )
    assert owner.stdout is not None
    assert owner.stdout.readline().strip() == "written"
    owner.kill()
    owner.wait()
    owner.stdout.close()

    def whole() -> bool:
        log = Log(path)
        return sum(1 for _ in log.steps()) == 100 and log.torn is None

    assert wait_for(lambda: path.exists() and path.stat().st_size > 0 and whole())


def test_writer_ends_with_one_line_when_the_disk_refuses(tmp_path: Path, header: LogHeader) -> None:
    ring = Ring.create(1 << 16)
    ring.push(encode((str(tmp_path), header)))
    assert "log cannot be written" in write_until_closed(ring, os.getppid())
    ring.close()


def test_worker_process_plans_on_the_scans_it_was_given() -> None:
    robot = load_robot("jackal")
    worker = WorkerProcess(WorkerSetup("planning", robot.model_dump_json()))
    ranges = np.full(robot.lidar.beams, 6.0, np.float32)
    lidar = robot.lidar
    for stamp_ns in (10, 20, 30):
        scan = Scan(stamp_ns, lidar.angle_min_rad, lidar.angle_increment_rad, 0.1, 30.0, 0.0, ranges)
        worker.offer_scan(scan)
        worker.request(InsertScan(stamp_ns, Pose2(0.0, 0.0, 0.0), 1))
    worker.request(InsertScan(999, Pose2(0.0, 0.0, 0.0), 1))  # no such scan: nothing to insert
    worker.request(PlanRequest(7, 40, Pose2(0.0, 0.0, 0.0), Goal(3.0, 0.0, None, 0.3), 1))
    answers: list[PlanResult] = []

    def answered() -> bool:
        answers.extend(worker.answers(12345))
        return bool(answers)

    assert wait_for(answered, 120.0), "the worker has to load its kernels, but not for that long"
    assert (answers[0].request_id, answers[0].stamp_ns) == (7, 12345)
    assert len(answers[0].path_map) >= 2
    assert worker.alive
    assert worker.dropped == 0
    worker.close()


def test_localizer_answers_from_a_process_of_its_own_and_torn_answers_are_counted(tmp_path: Path) -> None:
    robot = load_robot("reference")
    pixels = np.full((200, 200), 254, np.uint8)
    pixels[:4], pixels[-4:], pixels[:, :4], pixels[:, -4:] = 0, 0, 0, 0
    save_ros_map(tmp_path / "map.yaml", MapImage(GridFrame(-5.0, -5.0, 0.05, 200, 200), pixels))
    start = Pose2(0.0, 0.0, 0.0)
    workers = SlowProcesses(on_saved_map(robot, placed=True), 1, tmp_path / "map.yaml", start)
    try:
        assert workers.wait_until_ready() == ""
        lidar = robot.lidar
        angles = lidar.angle_min_rad + lidar.angle_increment_rad * np.arange(lidar.beams)
        with np.errstate(divide="ignore"):
            ranges = np.minimum(4.8 / np.abs(np.cos(angles)), 4.8 / np.abs(np.sin(angles))).astype(np.float32)
        scan = Scan(10, lidar.angle_min_rad, lidar.angle_increment_rad, 0.05, 30.0, 0.0, ranges)
        workers.offer_scan(scan)
        covariance = (1e-4, 0.0, 0.0, 1e-4, 0.0, 1e-5)
        workers.request(LocateScan(3, 20, 10, start, start, covariance))
        workers.request(PlanRequest(7, 20, start, Goal(3.0, 0.0, None, 0.3), 1))
        answers: list[PlanResult | PoseFix] = []

        def answered() -> bool:
            answers.extend(workers.answers(12345))
            return len(answers) == 2

        assert wait_for(answered)
        fix, plan = sorted(answers, key=lambda answer: answer.request_id)
        assert isinstance(fix, PoseFix)
        assert (fix.refused, fix.stamp_ns, fix.scan_stamp_ns) == ("", 12345, 10)
        assert isinstance(plan, PlanResult)
        assert plan.status is PlanStatus.OK
        assert workers._localization is not None
        for blob in (b"", b"torn", pack(3), pack(fix)[:-4]):
            workers._localization._answers.push(blob)
        assert workers.answers(1) == []
        assert workers.torn == 4
        assert workers.dropped == 0
    finally:
        workers.close()


def test_log_read_while_it_is_written_is_not_torn_in_the_middle(tmp_path: Path, header: LogHeader) -> None:
    path = tmp_path / "run.mcap"
    log = LogProcess(path, header)
    core = FakeCore()
    for number in range(120):
        inputs = fake_inputs(number)
        log.record(inputs, core.step(inputs))
    assert wait_for(lambda: path.stat().st_size > 50_000)
    steps = [step.step for step in read_log(path)]
    assert steps == list(range(len(steps)))
    log.close()
