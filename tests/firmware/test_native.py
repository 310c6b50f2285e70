"""The native board's Python side: values in and out, snapshots, building."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from firmware_bench import Bench

from amr.errors import AmrError, DataError
from firmware_bridge import native_build
from firmware_bridge.native import DriveMode, Duty, NativeFirmware


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("name", ["gyro_z_radps", "accel_x_mps2", "accel_y_mps2", "battery_v"])
def test_sensor_value_that_is_not_finite_is_named(bench: Bench, name: str, value: float) -> None:
    sensors = {"gyro_z_radps": 0.0, "accel_x_mps2": 0.0, "accel_y_mps2": 0.0, "battery_v": 24.0} | {name: value}
    with pytest.raises(ValueError, match=name):
        bench.firmware.tick(0, 0, 0, estop=False, **sensors)


def test_sensors_saturate_at_their_range(connected: Bench) -> None:
    connected.firmware.tick(connected.now_us, 0, 0, 1e9, -1e9, 50.0, 1e9, False)
    connected._listen()
    report = connected.telemetry
    assert (report.gyro_z_raw, report.accel_x_mm_s2, report.accel_y_mm_s2) == (32767, -32767, 32767)
    assert report.battery_mv == 65535
    connected.firmware.tick(connected.now_us + 5000, 0, 0, 0.0, 0.0, 0.0, -1.0, False)
    connected._listen()
    assert connected.telemetry.battery_mv == 0


def test_duty_is_a_fraction_with_a_mode(bench: Bench) -> None:
    duty = bench.firmware.tick(0, 0, 0, 0.0, 0.0, 0.0, 24.0, False)
    assert duty == Duty(0.0, 0.0, DriveMode.BRAKE, True)
    assert isinstance(duty.drive, DriveMode)


def test_snapshot_goes_on_bit_for_bit(driving: Bench) -> None:
    snapshot = driving.firmware.snapshot()

    def go_on(firmware: NativeFirmware) -> list[tuple[Duty, bytes]]:
        now_us = driving.now_us
        left = driving.left.ticks
        result = []
        for n in range(40):
            firmware.receive(bytes([n % 7, 0]), now_us)
            duty = firmware.tick(now_us + n * 5000, left + 30 * n, left + 31 * n, 0.1, 0.2, 0.3, 23.0, n > 30)
            result.append((duty, firmware.transmit()))
        return result

    first = go_on(driving.firmware)
    other = NativeFirmware(1, shared_object=driving.shared_object)
    other.restore(snapshot)
    assert other.snapshot() == snapshot
    assert go_on(other) == first


def test_snapshot_that_is_torn_or_foreign_is_refused(bench: Bench) -> None:
    snapshot = bench.firmware.snapshot()
    for wrong in (b"", snapshot[:-1], snapshot + b"\0"):
        with pytest.raises(DataError, match="bytes, expected"):
            bench.firmware.restore(wrong)
    with pytest.raises(DataError, match="another build"):
        bench.firmware.restore(snapshot[:4] + b"\x12\x34\x56\x78" + snapshot[8:])
    assert bench.firmware.snapshot() == snapshot


def test_two_firmwares_share_nothing(driving: Bench) -> None:
    other = Bench(boot_id=5, shared_object=driving.shared_object)
    other.step(3)
    assert other.duty[:2] == (0.0, 0.0)
    driving.drive(1.0, 1.0, 0.1)
    assert driving.duty.left_frac > 0.2


def test_huge_receive_is_bounded(connected: Bench) -> None:
    connected.feed(os.urandom(200_000))
    connected.feed(b"\x05" * 100_000)
    connected.step()
    assert connected.telemetry.left_ticks == 0


def test_tick_costs_a_few_microseconds(connected: Bench) -> None:
    """Ten times the aim, because tests run on busy machines; the least of many runs is what the code costs."""
    firmware, best_s = connected.firmware, math.inf
    for round_number in range(30):
        start = time.perf_counter()
        for n in range(100):
            firmware.tick(connected.now_us + (round_number * 100 + n) * 5000, n, n, 0.1, 0.1, 0.1, 24.0, False)
        firmware.transmit()
        best_s = min(best_s, (time.perf_counter() - start) / 100)
    assert best_s < 100e-6


# ---------------------------------------------------------------- building


def test_build_is_cached_by_the_sources(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    first = native_build.build_native()
    stamp = first.stat().st_mtime_ns
    assert tmp_path in first.parents
    assert native_build.build_native() == first
    assert first.stat().st_mtime_ns == stamp
    assert [path.name for path in first.parent.iterdir()] == [first.name], "no scratch file is left"


def test_unwritable_cache_falls_back(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("not a folder")
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocker))
    monkeypatch.setenv("HOME", str(home))
    assert home in native_build.build_native().parents


def test_folder_that_others_can_write_is_not_trusted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = native_build.build_native().parent
    folder.chmod(0o777)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    assert home in native_build.build_native().parents


def test_missing_compiler_names_the_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(AmrError, match="apt install gcc"):
        native_build.build_native()


def test_failing_compiler_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "cc"
    broken.write_text("#!/bin/sh\necho 'x.c:1: error: no' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(AmrError, match=r"cc failed: x\.c:1: error: no") as caught:
        native_build.build_native()
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_builds_at_the_same_time_do_not_disturb_each_other(tmp_path: Path) -> None:
    code = (
        "from firmware_bridge.native import NativeFirmware; NativeFirmware(1).tick(0, 0, 0, 0.0, 0.0, 0.0, 9.0, False)"
    )
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path)}
    running = [subprocess.Popen([sys.executable, "-c", code], env=environment) for _ in range(3)]
    assert [process.wait(timeout=120) for process in running] == [0, 0, 0]
