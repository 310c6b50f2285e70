"""The C sources under other compilers, sanitizers and coverage, and for the microcontroller."""

from __future__ import annotations

import json
import os
import re
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from firmware_bridge.native_build import FIRMWARE_DIR, WARNINGS, build_number, core_sources

HERE = Path(__file__).resolve().parent
SCENARIOS = [
    "test_guard_table.py",
    "test_guard_stops.py",
    "test_guard_encoders.py",
    "test_session.py",
    "test_wheel_loop.py",
]
RAM_BYTES = {"mega2560": 8192, "uno": 2048}
FLASH_BYTES = {"mega2560": 64 * 1024, "uno": 32 * 1024 - 512}
"""Of the Uno the bootloader's part is taken off."""


def need(*programs: str) -> None:
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} not installed")


def make(target: str, build: Path, *settings: str) -> str:
    command = ["make", "-s", "-C", str(FIRMWARE_DIR), f"BUILD={build}", *settings, target]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_core_compiles_without_a_warning(compiler: str) -> None:
    need(compiler)
    sources = [*core_sources(), FIRMWARE_DIR / "boards/native/native.c", FIRMWARE_DIR / "boards/native/fuzz.c"]
    command = [compiler, *WARNINGS, "-O1", "-fsyntax-only", f"-I{FIRMWARE_DIR / 'core'}", *map(str, sources)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_the_helper_around_simavr_compiles_without_a_warning(compiler: str) -> None:
    need(compiler)
    simavr = Path("/usr/include/simavr")
    if not (simavr / "sim_avr.h").exists():
        pytest.skip("libsimavr-dev not installed")
    sources = sorted((FIRMWARE_DIR / "emulator").glob("*.c"))
    command = [compiler, *WARNINGS, "-std=c11", "-O1", "-fsyntax-only", "-isystem", str(simavr), *map(str, sources)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_core_uses_no_heap_no_io_and_no_float() -> None:
    for path in core_sources():
        code = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.DOTALL)
        assert not re.search(r"\b(malloc|calloc|free|printf|float|double)\b", code), path.name
        includes = set(re.findall(r"#include <(\w+\.h)>", code))
        assert includes <= {"string.h", "stdint.h", "stdbool.h", "stddef.h"}, path.name
        globals_ = re.findall(r"^static (?!const|inline)[^()]*;", code, flags=re.MULTILINE)
        assert not globals_, f"{path.name}: {globals_}"


@pytest.mark.slow
def test_guard_has_every_branch_covered_by_the_scenarios(tmp_path: Path) -> None:
    need("make", "gcc", "gcovr")
    make("coverage", tmp_path, "CC=gcc")
    environment = os.environ | {"AMR_FIRMWARE_LIBRARY": str(tmp_path / "libamr_firmware_coverage.so")}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        *(str(HERE / name) for name in SCENARIOS),
    ]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    report = subprocess.run(
        ["gcovr", "--json", "-", "--root", str(FIRMWARE_DIR), "--filter", ".*core/guard\\.c", str(tmp_path)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    (guard,) = json.loads(report.stdout)["files"]
    lines = [line for line in guard["lines"] if not line.get("gcovr/noncode")]
    not_run = [line["line_number"] for line in lines if line["count"] == 0]
    one_sided = [line["line_number"] for line in lines for branch in line["branches"] if branch["count"] == 0]
    assert len(lines) > 100
    assert sum(len(line["branches"]) for line in lines) > 100
    assert not_run == []
    assert one_sided == []


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_fuzzing_under_sanitizers_breaks_nothing(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    need("make", "gcc")
    build = tmp_path_factory.getbasetemp() / "firmware-fuzz"
    make(str(build / "fuzz"), build, "CC=gcc")
    command = [str(build / "fuzz"), "200000", str(seed)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    driven = int(done.stdout.split("rounds: ")[1].split()[0])
    assert driven > 5000, "the run must reach the states that matter"


@pytest.mark.slow
@pytest.mark.parametrize("board", RAM_BYTES)
def test_avr_boards_build_and_fit(board: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    need("make", "avr-gcc", "avr-size", "avr-objcopy")
    report = make(board, tmp_path)
    with capsys.disabled():
        sys.stdout.write(report)
    ram = int(re.search(r"Data:\s+(\d+) bytes", report)[1])  # type: ignore[index]
    flash = int(re.search(r"Program:\s+(\d+) bytes", report)[1])  # type: ignore[index]
    assert ram < RAM_BYTES[board] * 3 // 4, "the rest is the stack's"
    assert flash < FLASH_BYTES[board]
    assert (tmp_path / f"{board}.hex").stat().st_size > 1000


@pytest.mark.slow
def test_rp2040_builds_to_an_image_that_its_rom_starts(tmp_path: Path) -> None:
    """No RP2040 was driven with it; what can be checked is what the ROM looks at, and that everything fits."""
    need("make", "arm-none-eabi-gcc", "arm-none-eabi-objcopy", "arm-none-eabi-size")
    if not list(Path("/usr").glob("lib/arm-none-eabi/include/string.h")):
        pytest.skip("libnewlib-arm-none-eabi not installed")
    report = make("rp2040", tmp_path, f"PYTHON={sys.executable}")
    text, data, bss = (int(number) for number in report.splitlines()[1].split()[:3])
    assert text < 64 * 1024
    assert data + bss < 16 * 1024
    blocks = (tmp_path / "rp2040.uf2").read_bytes()
    assert len(blocks) % 512 == 0
    flash = b"".join(blocks[at + 32 : at + 288] for at in range(0, len(blocks), 512))
    for number in range(len(blocks) // 512):
        block = blocks[512 * number : 512 * (number + 1)]
        assert struct.unpack_from("<8I", block) == (
            0x0A324655, 0x9E5D5157, 0x2000, 0x10000000 + 256 * number, 256, number, len(blocks) // 512, 0xE48BFF56,
        )  # fmt: skip
        assert block.endswith(struct.pack("<I", 0x0AB16F30))
    crc = 0xFFFFFFFF
    for byte in flash[:252]:  # bit by bit, apart from the script's
        for bit in range(7, -1, -1):
            top = (crc >> 31) ^ (byte >> bit & 1)
            crc = ((crc << 1) & 0xFFFFFFFF) ^ (0x04C11DB7 if top else 0)
    assert flash[252:256] == crc.to_bytes(4, "little")
    vectors = struct.unpack_from("<42I", flash, 256)
    assert vectors[0] == 0x20040000, "the stack begins at the end of RAM"
    assert all(0x10000100 < vector < 0x10000000 + len(flash) and vector & 1 for vector in vectors[1:])
    assert vectors[16 + 13] not in (vectors[1], vectors[2]), "the pins' interrupt"
    assert len(set(vectors)) == 4


def test_make_and_python_agree_on_the_number_of_the_build(tmp_path: Path) -> None:
    need("make", "sha256sum")
    command = ["make", "-n", "-C", str(FIRMWARE_DIR), f"BUILD={tmp_path}", "native"]
    plan = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert f"-DFW_BUILD=0x{build_number():08x}U" in plan
