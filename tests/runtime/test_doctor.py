"""The examination of a machine, on made-up devices; no port is opened."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from amr.runtime import doctor
from amr.runtime.doctor import Check, examine
from amr.runtime.warmup import kernel_modules


@pytest.fixture
def machine(tmp_path: Path) -> tuple[Path, Path]:
    """(dev, sys) with one board, its stable name and its latency timer."""
    dev, sys_folder = tmp_path / "dev", tmp_path / "sys"
    (dev / "serial" / "by-id").mkdir(parents=True)
    (dev / "ttyUSB0").write_text("")
    (dev / "serial" / "by-id" / "usb-FTDI-if00").symlink_to(dev / "ttyUSB0")
    timer = sys_folder / "bus" / "usb-serial" / "devices" / "ttyUSB0"
    timer.mkdir(parents=True)
    (timer / "latency_timer").write_text("16\n")
    return dev, sys_folder


def test_slow_latency_timer_comes_with_the_command_that_mends_it(machine: tuple[Path, Path]) -> None:
    (check,) = doctor._ports(*machine)
    assert check.ok
    assert "usb-FTDI-if00: latency timer 16 ms" in check.found
    assert check.advice.startswith("echo 1 | sudo tee ")
    (machine[1] / "bus/usb-serial/devices/ttyUSB0/latency_timer").write_text("1\n")
    (check,) = doctor._ports(*machine)
    assert (check.mark, check.advice) == ("ok", "")


def test_port_in_use_is_told_without_being_opened(machine: tuple[Path, Path]) -> None:
    child = os.fork()
    if child == 0:
        os.open(machine[0] / "ttyUSB0", os.O_RDONLY)
        os.read(os.open("/dev/zero", os.O_RDONLY), 1)
        os.kill(os.getpid(), 19)  # stand still with the file open
        os._exit(0)
    os.waitpid(child, os.WUNTRACED)
    (check,) = doctor._ports(*machine)
    os.kill(child, 9)
    os.waitpid(child, 0)
    assert f"({child})" in check.found
    assert check.advice


def test_port_that_may_not_be_opened_fails_and_names_the_group(tmp_path: Path) -> None:
    check = doctor._port(tmp_path / "ttyUSB9", None, tmp_path)
    assert not check.ok
    assert "usermod -aG" in check.advice


def test_group_of_a_device_is_named() -> None:
    assert "sudo usermod -aG " in doctor._group_advice(Path("/dev/null"))
    assert "dialout" in doctor._group_advice(Path("/dev/none"))


def test_no_board_is_a_warning_not_a_failure(tmp_path: Path) -> None:
    (check,) = doctor._ports(tmp_path, tmp_path)
    assert check.mark == "warn"


def test_bad_robot_file_fails_with_its_line() -> None:
    checks = {check.name: check for check in examine("none/robot.toml")}
    assert checks["robot file"] == Check("robot file", False, "none/robot.toml: no such file", "correct that key")
    assert checks["python"].ok
    assert checks["packages"].ok


def test_warmup_knows_every_kernel_module() -> None:
    root = Path(doctor.__file__).resolve().parents[2]
    decorated = {
        str(path.relative_to(root)).removesuffix(".py").replace("/", ".")
        for top in ("amr", "sim")
        for path in (root / top).rglob("*.py")
        if "@kernel(" in path.read_text(encoding="utf-8")
    }
    assert decorated <= set(kernel_modules())
