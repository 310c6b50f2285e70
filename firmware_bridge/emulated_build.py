"""Builds what an emulated board needs: the firmware as ``make firmware`` builds it, and the helper around simavr.

simavr is GPL-3. Its library is the distribution's; the helper is compiled from our source on the machine that uses it
and runs as a process of its own: nothing of it is shipped or linked into the host package.
"""

from __future__ import annotations

import platform
from pathlib import Path

from firmware_bridge.build_cache import cached, find_program, key_of, run_compiler
from firmware_bridge.native_build import FIRMWARE_DIR, build_number, find_compiler

BOARDS = ("mega2560", "uno")
_LABEL = "emulated board"
_AVR_ADVICE = "on Debian: apt install gcc-avr avr-libc make"
_SIMAVR_ADVICE = "on Debian: apt install gcc libc6-dev libsimavr-dev libelf-dev"
_FLAGS = ("-O2", "-I/usr/include/simavr", "-I/usr/local/include/simavr")
_LIBRARIES = ("-lsimavr", "-lelf", "-lm")


def build_elf(board: str, baud: int, suffix: str = "elf") -> Path:
    """What ``make firmware BAUD=...`` makes for this board (``elf`` or ``hex``), built now if these sources are new.

    Raises ``AmrError`` naming the packages to install when there is no AVR compiler.
    """
    sources = [FIRMWARE_DIR / "Makefile", *sorted((FIRMWARE_DIR / "boards").rglob("*.[ch]"))]

    def compile_firmware(scratch: Path) -> None:
        find_program(("avr-gcc",), f"{_LABEL}: no AVR compiler", _AVR_ADVICE)
        make = find_program(("make",), f"{_LABEL}: no make", _AVR_ADVICE)
        settings = [f"BUILD={scratch.parent}", f"BAUD={baud}UL"]
        run_compiler([make, "-s", "-C", str(FIRMWARE_DIR), *settings, str(scratch)], _LABEL, _AVR_ADVICE)

    return cached("firmware-avr", key_of((build_number(), baud), sources), f"{board}.{suffix}", compile_firmware)


def build_emulator() -> Path:
    """The helper process. Raises ``AmrError`` naming the packages to install when simavr is not there."""
    folder = FIRMWARE_DIR / "emulator"
    sources = sorted(folder.glob("*.c"))

    def compile_helper(scratch: Path) -> None:
        command = [find_compiler(), *_FLAGS, "-o", str(scratch), *map(str, sources), *_LIBRARIES]
        run_compiler(command, _LABEL, _SIMAVR_ADVICE)

    facts = (_FLAGS, platform.machine(), platform.libc_ver())
    return cached("emulator", key_of(facts, sorted(folder.glob("*.[ch]"))), "emulate", compile_helper)
