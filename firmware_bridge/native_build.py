"""Builds the firmware's C core as a shared library, once for each state of its sources.

The wheel stays pure Python: the library is compiled on the machine that runs it, into a cache folder named by a hash
of sources, flags and machine.
"""

from __future__ import annotations

import hashlib
import platform
from pathlib import Path

from firmware_bridge.build_cache import cached, find_program, key_of, run_compiler

FIRMWARE_DIR = Path(__file__).resolve().parent / "firmware"
WARNINGS = ("-Wall", "-Wextra", "-Wconversion", "-Werror", "-std=c99", "-pedantic")
_FLAGS = ("-shared", "-fPIC", "-O2", *WARNINGS)
_LABEL = "firmware"
_ADVICE = "on Debian: apt install gcc libc6-dev"


def core_sources() -> list[Path]:
    """The C files of the core, in a fixed order."""
    return sorted((FIRMWARE_DIR / "core").glob("*.c"))


def build_number() -> int:
    """Number of the firmware's build: the first 32 bits of SHA-256 over the core's C files, then its headers."""
    digest = hashlib.sha256()
    for path in core_sources() + sorted((FIRMWARE_DIR / "core").glob("*.h")):
        digest.update(path.read_bytes())
    return int(digest.hexdigest()[:8], 16)


def find_compiler() -> str:
    """Path of a C compiler. Raises ``AmrError`` naming the package to install when there is none."""
    return find_program(("cc", "gcc", "clang"), f"{_LABEL}: no C compiler", f"install one, {_ADVICE}")


def build_native() -> Path:
    """Path of the shared library, compiled now if there is none of these sources.

    Raises ``AmrError`` when there is no compiler, no writable folder, or the compiler fails.
    """
    build = build_number()
    board = FIRMWARE_DIR / "boards" / "native" / "native.c"

    def compile_library(scratch: Path) -> None:
        command = [find_compiler(), *_FLAGS, f"-DFW_BUILD={build}U", f"-I{FIRMWARE_DIR / 'core'}", "-o", str(scratch)]
        run_compiler([*command, *map(str, core_sources()), str(board)], _LABEL, _ADVICE)
        scratch.chmod(0o644)

    key = key_of((build, _FLAGS, platform.machine(), platform.libc_ver()), [board])
    return cached(_LABEL, key, "libamr_firmware.so", compile_library)
