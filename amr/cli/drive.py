"""``amr drive``: drive a real robot."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from amr.cli.output import JsonOption, note, say, write_json
from amr.errors import ConfigError

if TYPE_CHECKING:
    from amr.config.robot import RobotConfig
    from amr.geometry import Pose2
    from amr.messages import Goal
    from amr.runtime.drive import DriveSummary
    from amr.runtime.operator import DriveKeys, TeleopKeys

RobotOption = Annotated[str, typer.Option("--robot", metavar="FILE", help="A robot file or name.")]
BaseOption = Annotated[
    str,
    typer.Option(
        "--base",
        metavar="URL",
        help="bridge:///dev/ttyACM0 is our firmware; create2, kobuki, roboclaw, odrive and ros-arduino are others'.",
    ),
]
LidarOption = Annotated[
    str,
    typer.Option("--lidar", metavar="URL", help="ld19:///dev/ttyUSB0 (also ld06, rplidar), or scan://host:port."),
]
StartOption = Annotated[
    str | None,
    typer.Option("--start", metavar="X,Y,YAW", help="With --map: where it stands. Without, it searches the whole map."),
]
LogOption = Annotated[Path | None, typer.Option("--log", metavar="FILE", help="Write a log (.mcap).")]


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    example = "amr drive --robot reference --base bridge:///dev/ttyACM0 --lidar scan://127.0.0.1:7000 --goal 2,0"
    app.command(epilog=f"Example: [bold]{example}[/bold]")(drive)


def drive(
    robot: RobotOption,
    base: BaseOption,
    lidar: LidarOption,
    goal: Annotated[
        list[str] | None, typer.Option(metavar="X,Y[,YAW]", help="In metres and radians; repeatable, in order.")
    ] = None,
    goal_tolerance: Annotated[float, typer.Option(metavar="M", min=0.02, help="When a goal counts as reached.")] = 0.3,
    map_file: Annotated[
        Path | None,
        typer.Option("--map", metavar="FILE", help="A saved map (ROS .yaml); it then finds its place on it."),
    ] = None,
    start: StartOption = None,
    zones: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Keep-out and speed zones (.toml); with --map in its frame, else seen from the start."
        ),
    ] = None,
    web: Annotated[int | None, typer.Option(metavar="PORT", help="Serve the operator page on this port.")] = None,
    arm: Annotated[bool, typer.Option("--arm", help="Arm once, when link and lidar are there.")] = False,
    log: LogOption = None,
    json: JsonOption = None,
) -> None:
    """Drive a real robot to goals. It stands until it is armed (key a), and again after every loss of the link."""
    from amr.runtime.files import load_robot, load_zones
    from amr.runtime.operator import DriveKeys, TerminalKeys

    told = told_start(map_file, start)
    if web is not None:
        raise ConfigError("--web: this version has no operator page")
    config = load_robot(robot)
    if zones is not None:
        config = config.model_copy(update={"zones": load_zones(zones)})
    goals = tuple(parse_goal(text, goal_tolerance) for text in goal or ())
    if map_file is not None:
        from amr.runtime.saved_map import check_start, load_saved_map, on_saved_map

        image = load_saved_map(map_file, config)
        if told is not None:
            check_start(image, map_file, told)
        config = on_saved_map(config, placed=told is not None)
    hands = DriveKeys(TerminalKeys())
    summary = run_drive(config, base, lidar, goals, log, arm, hands, map_file, told)
    finish(summary, log, json)
    if goals and summary.outcome != "done":
        raise typer.Exit(1)


def run_drive(
    robot: RobotConfig,
    base: str,
    lidar: str,
    goals: tuple[Goal, ...],
    log: Path | None,
    arm: bool,
    hands: DriveKeys | TeleopKeys,
    map_path: Path | None = None,
    told: Pose2 | None = None,
) -> DriveSummary:
    """Drive with the keys of ``hands``; ``told``: where on the map the robot stands."""
    from amr.geometry import IDENTITY
    from amr.runtime.drive import DriveOptions
    from amr.runtime.drive import drive as run
    from amr.runtime.operator import single_keys

    with single_keys():
        options = DriveOptions(
            robot, base, lidar, goals, log, arm, start=told or IDENTITY, map_path=map_path, told_start=told
        )  # fmt: skip
        return run(options, hands)


def finish(summary: DriveSummary, log: Path | None, json: str | None) -> None:
    """Say how a drive ended."""
    from amr.runtime.result import percentiles_json

    write_json(
        {
            "outcome": summary.outcome,
            "steps": summary.steps,
            "missed_ticks": summary.missed_ticks,
            "step_ms": percentiles_json(summary.step_ms),
            "log": None if log is None else str(log),
            "log_dropped": summary.log_dropped,
            "log_fault": summary.log_fault or None,
            "digest": summary.digest,
            "requests_dropped": summary.worker_dropped,
            "answers_torn": summary.answers_torn,
        },
        json,
    )
    text = f"{summary.outcome}: {summary.steps} steps, {summary.missed_ticks} ticks missed"
    if log is not None:
        text += f", log {log} ({summary.log_dropped} steps dropped)"
    say(text, json)
    if summary.log_fault:
        note(summary.log_fault)


def parse_goal(text: str, tolerance_m: float, option: str = "--goal") -> Goal:
    """``x,y`` or ``x,y,yaw``. Raises ``ConfigError`` that names ``option``."""
    from amr.messages import Goal

    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) not in (2, 3) or not all(math.isfinite(number) for number in numbers):
        raise ConfigError(f"{option} {text}: expected x,y or x,y,yaw (finite numbers, metres and radians)")
    return Goal(numbers[0], numbers[1], numbers[2] if len(numbers) == 3 else None, tolerance_m)


def told_start(map_file: Path | None, text: str | None) -> Pose2 | None:
    """The pose of ``--start``, which needs ``--map``; None without. Raises ``ConfigError``."""
    from amr.geometry import Pose2

    if text is None:
        return None
    if map_file is None:
        raise ConfigError("--start: expected --map FILE with it")
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != 3 or not all(math.isfinite(number) for number in numbers):
        raise ConfigError(f"--start {text}: expected x,y,yaw (finite numbers, metres and radians)")
    return Pose2(*numbers)
