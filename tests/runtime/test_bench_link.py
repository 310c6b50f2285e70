"""``amr bench link``: representative rows of the fault matrix, and that it would notice."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from amr.cli.main import main
from amr.config.robot import RobotConfig
from amr.errors import AmrError
from amr.messages import BaseState, McuState
from amr.runtime.bench import link_sensors
from amr.runtime.bench.link import STATES, LinkCase, reach, run_all, run_case
from amr.runtime.bench.link_cases import LinkFault
from amr.runtime.bench.link_rig import LinkRig
from amr.runtime.files import load_robot
from firmware_bridge.emulated_build import build_elf, build_emulator


@pytest.fixture(scope="module")
def robot() -> RobotConfig:
    return load_robot("reference")


def cases(firmware: str, robot: RobotConfig, fault: str, state: str | None = None) -> list[LinkCase]:
    return list(run_all(firmware, robot, 3, fault, state))


@pytest.mark.parametrize(
    "fault", ["drop to host", "slow reader", "MCU reset", "MCU loop hangs", "300 ms ahead", "cable"]
)
def test_a_driving_robot_stops_within_its_limit_and_drives_again_without_a_restart(
    robot: RobotConfig, fault: str
) -> None:
    (case,) = cases("native", robot, fault, "driving")
    assert case.ok, case
    assert case.stop_ms is not None
    assert case.limit_ms is not None
    assert 100.0 < case.stop_ms <= case.limit_ms < 610.0


@pytest.mark.parametrize("fault", ["duplicate", "split", "corrupt 1 %", "delay 20 ms"])
def test_a_line_that_is_merely_bad_does_not_stop_it(robot: RobotConfig, fault: str) -> None:
    (case,) = cases("native", robot, fault, "driving")
    assert case.ok, case
    assert case.stop_ms is None


def test_a_fault_in_any_state_is_recovered_from(robot: RobotConfig) -> None:
    found = cases("native", robot, "noise")
    assert [case.state for case in found] == list(STATES)
    assert all(case.ok for case in found), found


def test_the_emulated_board_does_the_same(robot: RobotConfig) -> None:
    try:
        build_emulator()
        build_elf("mega2560", robot.link.baud)
    except AmrError as error:
        pytest.skip(str(error))
    for fault in ("drop to host", "brown-out", "MCU loop hangs"):
        (case,) = cases("mega2560", robot, fault, "driving")
        assert case.ok, case


def test_equal_seeds_give_equal_cases(robot: RobotConfig) -> None:
    assert cases("native", robot, "corrupt", "driving") == cases("native", robot, "corrupt", "driving")


def test_the_bench_notices_wheels_that_do_not_stop_and_a_robot_that_stays_down(robot: RobotConfig) -> None:
    with LinkRig("native", robot) as rig:
        case = run_case(rig, LinkFault("nothing at all", lambda _: None), "driving")
    assert case.stop_ms is None
    assert not case.ok
    with LinkRig("native", robot) as rig:
        case = run_case(rig, LinkFault("for ever", LinkRig.cut, lambda _: None), "driving")
    assert case.recovered_ms is None
    assert not case.ok


def test_the_bench_notices_a_jump_of_the_odometry(robot: RobotConfig) -> None:
    with LinkRig("native", robot) as rig:
        reach(rig, "driving", 0.5)
        assert rig.odometry_jump_m == 0.0
        state = BaseState(rig.now_ns, 0, 0, 0, 0.0, 0.0, 12.0, McuState.DRIVING, 0, 0)
        assert rig._boot is not None
        left, right = (rig._truth[-1][side] + rig._boot[side] for side in (1, 2))
        rig._compare(replace(state, boot_id=rig._boot[0], left_ticks=left + 500, right_ticks=right))
    assert rig.odometry_jump_m == pytest.approx(500 * robot.drive.metres_per_tick_m, rel=0.3)


def test_the_command_prints_a_table_writes_json_and_fails_with_a_wrong_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "link.json"
    assert main(["bench", "link", "--fault", "host killed", "--state", "driving", "--json", str(target)]) == 0
    assert "1 cases, 0 failed" in capsys.readouterr().out
    (case,) = json.loads(target.read_text())["cases"]
    keys = {"fault", "state", "stop_ms", "limit_ms", "recovered_ms", "odometry_jump_m", "ok"}
    assert keys <= case.keys()
    assert main(["bench", "link", "--fault", "no such thing"]) == 2


@pytest.mark.slow
@pytest.mark.parametrize(
    "fault",
    [
        "right encoder broken",
        "encoders swapped",
        "left encoder slips",
        "both encoders slip",
        "lidar half blind",
        "lidar turned by 30 deg",
        "lidar turned by 180 deg",
        "IMU frozen",
    ],
)
def test_a_broken_part_is_named_and_nothing_is_touched(robot: RobotConfig, fault: str) -> None:
    (case,) = link_sensors.run_all(robot, 0, fault)
    assert case.ok, case
    assert (case.stop_ms is not None) == case.must_stop


def test_round_trips_on_a_pty_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "link", "--pty", "--trips", "100", "--json", "-"]) == 0
    result = json.loads(capsys.readouterr().out)["pty"]
    assert (result["trips"], result["lost"]) == (100, 0)
    assert result["host_ms"]["p99"] < result["limit_ms"] == 2.0
