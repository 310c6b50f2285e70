"""``amr doctor``: is everything here that a drive or a simulation needs, and what to do when not."""

from __future__ import annotations

from typing import Annotated

import typer

from amr.cli.output import JsonOption, say, write_json


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command(epilog="Example: [bold]amr doctor --robot my_robot.toml[/bold]")(doctor)


def doctor(
    robot: Annotated[str | None, typer.Option(metavar="FILE", help="Also check this robot file.")] = None,
    probe: Annotated[
        bool, typer.Option("--probe", help="Open each free port and ask what is there; an Arduino restarts by that.")
    ] = False,
    json: JsonOption = None,
) -> None:
    """Check Python, packages, kernel cache, compiler, ports and real-time rights. Exit 1 on a fault.

    No port is opened, except with --probe, and then none that another program has open.
    """
    from amr.runtime.doctor import examine

    checks = examine(robot, probe=probe)
    write_json({"ok": all(check.ok for check in checks), "checks": [check.to_json() for check in checks]}, json)
    if json != "-":
        for check in checks:
            say(f"{check.mark:<5} {check.name:<18} {check.found}")
            if check.advice:
                say(f"{'':<25}-> {check.advice}")
    if not all(check.ok for check in checks):
        raise typer.Exit(1)
