"""Each base and lidar as a user has it: by its URL, through a real pty, against the model of the device."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from amr.errors import PortError
from amr.messages import BaseState, LinkState, LinkStatus, McuState, Scan, WheelCommand
from amr.runtime.files import load_robot
from amr.runtime.ports import make_base, make_lidar
from amr.safety.scan_check import ScanRules, refuse

HERE = Path(__file__).resolve().parent
ROBOT = load_robot("reference")

Start = Callable[[str, str], None]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a base and a lidar on ``tmp_path``."""
    processes = []

    def start(base: str, lidar: str) -> None:
        command = [sys.executable, str(HERE / "pty_devices.py"), str(tmp_path), base, lidar]
        processes.append(subprocess.Popen(command, stdout=subprocess.DEVNULL))
        deadline = time.monotonic() + 20.0
        while not (tmp_path / "lidar").exists() and time.monotonic() < deadline:
            time.sleep(0.01)

    yield start
    for process in processes:
        process.kill()
        process.wait()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("base_name", "lidar_name", "query"),
    [
        ("create2", "ld19", ""),
        ("kobuki", "ld06", ""),
        ("roboclaw", "rplidar", ""),
        ("odrive", "rplidar", "?scan=express"),
        ("ros-arduino", "ld19", ""),
    ],
)
def test_drives_and_sees(tmp_path: Path, start: Start, base_name: str, lidar_name: str, query: str) -> None:
    start(base_name, lidar_name)
    base = make_base(f"{base_name}://{tmp_path}/base", ROBOT, 5)
    lidar = make_lidar(f"{lidar_name}://{tmp_path}/lidar{query}", ROBOT)
    states: list[BaseState] = []
    links: list[LinkStatus] = []
    scans: list[Scan] = []
    base.open()
    lidar.open()
    origin_s = time.monotonic()
    try:
        for number in range(1, 20 * 200):
            time.sleep(max(0.0, origin_s + number * 0.005 - time.monotonic()))
            now_ns = round((time.monotonic() - origin_s) * 1e9)
            for event in base.poll(now_ns):
                if isinstance(event, BaseState):
                    states.append(event)
                elif isinstance(event, LinkStatus):
                    links.append(event)
            scans += lidar.poll(now_ns)
            up = bool(links) and links[-1].state is LinkState.UP
            if number % 4 == 0 and up and scans:
                armed = any(state.state is McuState.IDLE for state in states)
                base.command(WheelCommand(0.2, 0.25, now_ns + 100_000_000, None, armed and number % 400 > 8), now_ns)
            driving = bool(states) and states[-1].state is McuState.DRIVING
            if len(scans) > 12 and driving and min(states[-1].left_mps, states[-1].right_mps) > 0.15:
                break
    finally:
        base.close()
        lidar.close()
    assert states[-1].state is McuState.DRIVING, [link.reason for link in links]
    assert (states[-1].left_mps, states[-1].right_mps) == pytest.approx((0.2, 0.25), abs=0.1)
    rules = ScanRules.from_config(ROBOT)
    good = [scan for scan in scans if refuse(scan, rules, scan.stamp_ns) == ""]
    assert len(good) >= len(scans) - 2
    assert float(good[-1].ranges_m.mean()) == pytest.approx(3.0, abs=0.01)


@pytest.mark.parametrize(
    ("make", "url", "words"),
    [
        (make_base, "nonsense:///dev/x", "bridge, create2, kobuki, odrive, roboclaw, ros-arduino"),
        (make_base, "create2:///dev/x?speed=3", "no option is called 'speed'; there are: baud"),
        (make_base, "create2:///dev/x?baud=fast", "expected an integer from 300 to 115200"),
        (make_base, "odrive:///dev/x?gear=nan", "expected a positive number"),
        (make_base, "odrive:///dev/x?flip=both", "expected one of left, right, none"),
        (make_base, "roboclaw:///dev/x?address=1", "expected an integer from 128 to 135"),
        (make_base, "kobuki:dev", "expected scheme:///dev/..."),
        (make_base, "kobuki://[", "kobuki://["),
        (make_lidar, "nonsense:///dev/x", "ld06, ld19, rplidar, scan"),
        (make_lidar, "ld19:///dev/x?mount=sideways", "expected one of up, down"),
        (make_lidar, "rplidar:///dev/x?scan=ultra", "expected one of standard, express"),
        (make_lidar, "", "expected scheme:///dev/..."),
    ],
)
def test_a_wrong_url_is_one_line_that_says_what_there_is(make: Callable[..., object], url: str, words: str) -> None:
    arguments = (ROBOT, 1) if make is make_base else (ROBOT,)
    with pytest.raises(PortError) as caught:
        make(url, *arguments)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_port_that_is_not_there_is_one_line() -> None:
    for port in (make_base("create2:///dev/no-such-port", ROBOT, 1), make_lidar("ld19:///dev/no-such-port", ROBOT)):
        with pytest.raises(PortError, match="no such port"):
            port.open()
