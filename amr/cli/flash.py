"""``amr flash``: put the firmware onto a board."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from amr.cli.output import say


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command(epilog="Example: [bold]amr flash --port /dev/ttyACM0 --robot reference --dry-run[/bold]")(flash)


def flash(
    port: Annotated[str, typer.Option(metavar="DEVICE", help="Serial port of the board.")],
    board: Annotated[str, typer.Option(metavar="NAME", help="Which board: mega2560 or uno.")] = "mega2560",
    robot: Annotated[str, typer.Option(metavar="FILE", help="A robot file or name; its link.baud is built in.")] = (
        "reference"
    ),
    hex_file: Annotated[Path | None, typer.Option("--hex", metavar="FILE", help="Instead of building it.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Build, and print the command that would run.")] = False,
) -> None:
    """Build the firmware and write it by avrdude. The wheels must be off the ground: a board resets when written."""
    from amr.runtime.files import load_robot
    from amr.runtime.flash import flash as write_flash
    from amr.runtime.flash import flash_command
    from firmware_bridge.emulated_build import build_elf

    baud = load_robot(robot).link.baud
    if dry_run:
        flash_command(board, port, Path())
        say(" ".join(flash_command(board, port, build_elf(board, baud, "hex") if hex_file is None else hex_file)))
        return
    say(f"{board} on {port}: {write_flash(board, port, baud, hex_file)}")
