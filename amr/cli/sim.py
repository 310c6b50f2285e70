"""``amr sim``: drive a scenario in simulation."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from amr.cli.drive import StartOption, told_start
from amr.cli.output import JsonOption, note, say, write_json

if TYPE_CHECKING:
    from amr.runtime.progress import Progress
    from amr.runtime.result import RunResult


class Backend(StrEnum):
    """Which physics."""

    bullet = "bullet"
    planar = "planar"


class Firmware(StrEnum):
    """Where the firmware's C sources run."""

    native = "native"
    pty = "pty"
    mega2560 = "mega2560"
    uno = "uno"


class Pace(StrEnum):
    """Against which clock."""

    fast = "fast"
    real = "real"


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command(epilog="Example: [bold]amr sim office --seed 3 --out runs/office[/bold]")(sim)


def sim(
    scenario: Annotated[str, typer.Argument(metavar="SCENARIO", help="A name in seeds/scenarios or a file.")],
    seed: Annotated[int | None, typer.Option(metavar="N", min=0, help="Instead of the scenario's own.")] = None,
    robot: Annotated[str | None, typer.Option(metavar="FILE", help="A robot file or name, instead of its own.")] = None,
    backend: Annotated[Backend | None, typer.Option(help="Default: bullet where PyBullet is installed.")] = None,
    firmware: Annotated[
        Firmware,
        typer.Option(help="As a library in lockstep, a process on a pty, or the shipped binary on an emulated board."),
    ] = Firmware.native,
    pace: Annotated[Pace, typer.Option(help="As fast as it goes, or in real time.")] = Pace.fast,
    web: Annotated[int | None, typer.Option(metavar="PORT", help="Serve the operator page on this port.")] = None,
    zones: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Keep-out and speed zones (.toml), in the world's frame.")
    ] = None,
    map_file: Annotated[
        Path | None, typer.Option("--map", metavar="FILE", help="A saved map (ROS .yaml) in the world's frame.")
    ] = None,
    start: StartOption = None,
    log: Annotated[Path | None, typer.Option(metavar="FILE", help="Default: run.mcap in the output folder.")] = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Default: runs/<UTC time>-<scenario>/.")] = None,
    json: JsonOption = None,
) -> None:
    """Drive a scenario; leaves log, result.json, run.png and report.html. Exit 1 = the run failed."""
    from amr.runtime.files import load_robot, load_scenario, load_zones

    found = load_scenario(scenario)  # a bad file is told before any kernel is loaded
    load_robot(robot if robot is not None else found.robot)
    rules = None if zones is None else load_zones(zones)
    told = told_start(map_file, start)
    from amr.runtime.report import write_report
    from amr.runtime.simulate import run
    from amr.runtime.trial import MapChoice, default_backend

    if backend is None and default_backend() == Backend.planar:
        note("PyBullet is not installed here (a wheel exists for CPython 3.11 on x86-64 Linux): planar drives")

    folder = out if out is not None else Path("runs") / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{found.name}"
    with Display() as display:
        result = run(
            scenario,
            seed=seed,
            robot=robot,
            backend=None if backend is None else backend.value,
            firmware=firmware.value,
            pace=pace.value,
            web=web,
            zones=rules,
            map_choice=None if map_file is None else MapChoice(map_file, told),
            log=log if log is not None else folder / "run.mcap",
            progress=display.update,
        )
    write_report(result, folder)
    from amr.runtime.result import result_json

    write_json(result_json(result), json)
    if json != "-":
        say(summary(result))
        say(f"{folder}/report.html")
    if not result.success:
        raise typer.Exit(1)


def summary(result: RunResult) -> str:
    """One line about a run."""
    known = ""
    if result.pose_error is not None and result.pose_error["error_m"]["p95"] is not None:
        error = result.pose_error
        known = f"pose p95 {100.0 * error['error_m']['p95']:.1f} cm {error['error_deg']['p95']:.2f} deg, "
    return (
        f"{result.scenario}: {result.outcome}, {result.goals_reached}/{result.goals_total} goals, "
        f"{result.path_length_m:.1f} m in {result.time_s:.1f} s, {result.collisions} contacts, "
        f"nearest {result.min_clearance_m:.2f} m, {known}step p99 {result.step_ms.p99:.1f} ms, "
        f"{result.real_time_factor:.1f} x real time, digest {result.digest[:12]}"
    )


class Display:
    """A live line on a terminal; elsewhere one line every ten seconds."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._shown_s = time.monotonic()

    def __enter__(self) -> Display:
        return self

    def __exit__(self, *_: object) -> None:
        if self._terminal:
            sys.stderr.write("\r\033[K")
            sys.stderr.flush()

    def update(self, progress: Progress) -> None:
        """Show where the run is; called often, shown at most eight times a second."""
        now_s = time.monotonic()
        if now_s - self._shown_s < (0.125 if self._terminal else 10.0):
            return
        self._shown_s = now_s
        text = (
            f"{progress.t_s:6.1f} s  goal {progress.goals_reached}/{progress.goals_total}  "
            f"({progress.x_m:6.2f}, {progress.y_m:6.2f}) m  {progress.v_mps:5.2f} m/s  "
            f"{progress.real_time_factor:4.1f}x  {progress.mission_state}"
        )
        if progress.stop_reason not in ("", "none"):
            text += f"  [{progress.stop_reason}]"
        if not self._terminal:
            note(text)
            return
        done = min(1.0, progress.goals_reached / progress.goals_total) if progress.goals_total else 0.0
        bar = "#" * round(12 * done)
        sys.stderr.write(f"\r\033[K[{bar:<12}] {text}"[:160])
        sys.stderr.flush()
