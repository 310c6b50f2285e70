"""Puts the firmware onto a board by avrdude; everything that can be wrong is found before the board is touched."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from amr.errors import AmrError, PortError
from firmware_bridge.emulated_build import build_elf
from firmware_bridge.transport import require_free

_TIMEOUT_S: Final = 180.0


@dataclass(frozen=True, slots=True)
class Programmer:
    """What avrdude must know of a board."""

    part: str
    protocol: str
    """Of the board's bootloader."""
    baud: int


PROGRAMMERS: Final = {
    "mega2560": Programmer("atmega2560", "wiring", 115200),
    "uno": Programmer("atmega328p", "arduino", 115200),
}


def flash_command(board: str, port: str, hex_file: Path, avrdude: str = "avrdude") -> list[str]:
    """The avrdude call. ``-D``: the bootloader erases page by page. Raises ``AmrError`` for a board without one."""
    programmer = PROGRAMMERS.get(board)
    if programmer is None:
        raise AmrError(f"--board {board}: expected one of {', '.join(PROGRAMMERS)}")
    options = ["-p", programmer.part, "-c", programmer.protocol, "-b", str(programmer.baud), "-P", port, "-D"]
    return [avrdude, *options, "-U", f"flash:w:{hex_file}:i"]


def check_port(port: str) -> None:
    """Raises ``PortError`` with one line: not there, no permission, or open in another process."""
    device = Path(port)
    if not device.exists():
        raise PortError(f"{port}: no such port (amr doctor lists what is there)")
    if not os.access(device, os.R_OK | os.W_OK):
        raise PortError(f"{port}: no permission (add yourself to the group dialout, then log in again)")
    require_free(port, device.resolve())


def flash(board: str, port: str, baud: int, hex_file: Path | None = None) -> str:
    """Build the firmware for this baud rate of the link (or take ``hex_file``) and write it; what avrdude verified.

    Raises ``AmrError`` with one line: no avrdude, no compiler, no such port or file, or avrdude's own last error.
    """
    flash_command(board, port, Path())  # an unknown board is told before anything is built
    check_port(port)
    avrdude = shutil.which("avrdude")
    if avrdude is None:
        raise AmrError("flash: no avrdude found; on Debian: apt install avrdude")
    firmware = build_elf(board, baud, "hex") if hex_file is None else hex_file
    if not firmware.is_file():
        raise AmrError(f"{firmware}: no such file")
    command = flash_command(board, port, firmware, avrdude)
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise AmrError(f"flash: avrdude could not be run or did not end: {error}") from None
    lines = [line.removeprefix("avrdude: ").strip() for line in done.stderr.splitlines() if line.strip()]
    if done.returncode != 0:
        told = next((line for line in lines if "error" in line or "not" in line), lines[-1] if lines else "no message")
        raise AmrError(f"flash: avrdude failed: {told} (is it a {board}, and does its bootloader run?)")
    return next((line for line in lines if "verified" in line), "written")
