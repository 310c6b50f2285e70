"""``amr teleop``: drive by keys."""

from __future__ import annotations

from typing import Annotated

import typer

from amr.cli.drive import BaseOption, LidarOption, LogOption, RobotOption, finish, run_drive
from amr.cli.output import JsonOption


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    example = "amr teleop --robot reference --base bridge:///dev/ttyACM0 --lidar scan://127.0.0.1:7000"
    app.command(epilog=f"Example: [bold]{example}[/bold]")(teleop)


def teleop(
    robot: RobotOption,
    base: BaseOption,
    lidar: LidarOption,
    speed: Annotated[
        float, typer.Option(metavar="FRAC", min=0.05, max=1.0, help="Part of the robot's limits to start with.")
    ] = 0.3,
    arm: Annotated[bool, typer.Option("--arm", help="Arm once, when link and lidar are there.")] = False,
    log: LogOption = None,
    json: JsonOption = None,
) -> None:
    """Drive by keys, behind the same safety ring. A key that does not repeat for 0.5 s counts as released."""
    from amr.runtime.files import load_robot
    from amr.runtime.operator import TeleopKeys, TerminalKeys

    config = load_robot(robot)
    hands = TeleopKeys(TerminalKeys(), config.limits.v_max_mps, config.limits.w_max_radps, speed)
    finish(run_drive(config, base, lidar, (), log, arm, hands), log, json)
