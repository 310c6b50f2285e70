"""``amr calibrate``: a robot that measures itself and writes its file; and its benchmark against hidden robots."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from amr.cli.output import JsonOption, note, say, write_json
from amr.cli.sim import Backend
from amr.errors import ConfigError

if TYPE_CHECKING:
    from amr.config.robot import RobotConfig
    from amr.runtime.calibrate.run import Outcome

RobotOption = Annotated[str, typer.Option("--robot", metavar="FILE", help="The robot file to start from, or a name.")]


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command(epilog="Example: [bold]amr calibrate --sim --seed 3 --out calibrated[/bold]")(calibrate)


def add_bench_to(bench_app: typer.Typer) -> None:
    """Register the benchmark."""
    bench_app.command("calibrate", epilog="Example: [bold]amr bench calibrate --robots 10 --seed 0[/bold]")(bench)


def calibrate(
    robot: RobotOption = "reference",
    sim: Annotated[bool, typer.Option("--sim", help="A simulated robot that differs from its file in secret.")] = False,
    base: Annotated[str | None, typer.Option("--base", metavar="URL", help="bridge:///dev/ttyACM0 or a pty.")] = None,
    lidar: Annotated[str | None, typer.Option("--lidar", metavar="URL", help="scan://host:port or a socket.")] = None,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="With --sim: which robot, room and noise.")] = 0,
    true_robot: Annotated[
        str | None, typer.Option("--true-robot", metavar="FILE", help="With --sim: it is as this file says instead.")
    ] = None,
    backend: Annotated[Backend, typer.Option(help="With --sim: which physics.")] = Backend.planar,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether floor and e-stop are ready.")] = False,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Default: runs/calibration-<robot>/.")] = None,
    json: JsonOption = None,
) -> None:
    """Drive a short programme; write robot.toml and report.html. Needs 1.6 m of free floor to all sides, and a person
    beside the e-stop: the robot arms itself.

    First one motor at a time by millimetres (wiring, signs), then open loop (dead band, feed-forward, gains), straights
    and turns between standstills (wheels, track, lidar), a swing (delays), hard stops (brake), and squares with the new
    file as a check. Exit 1 when it is broken off or an item is not known well enough.
    """
    from amr.runtime.calibrate.report import write_calibration
    from amr.runtime.calibrate.truth import hidden_robot
    from amr.runtime.files import load_robot, resolve_seed

    if sim == (base is not None or lidar is not None) or (base is None) != (lidar is None):
        raise ConfigError("amr calibrate: give either --sim, or both --base and --lidar")
    if true_robot is not None and not sim:
        raise ConfigError("amr calibrate: --true-robot goes with --sim")
    file = load_robot(robot)
    if base is None or lidar is None:
        outcome = _simulated(
            file, hidden_robot(file, seed) if true_robot is None else load_robot(true_robot), seed, backend
        )
    else:
        from amr.runtime.calibrate.run import calibrate_real

        if not yes:
            typer.confirm("Is 1.6 m of floor free to all sides, and a hand at the e-stop?", abort=True, err=True)
        outcome = calibrate_real(file, base, lidar, note)
    folder = out if out is not None else Path("runs") / f"calibration-{file.name}"
    written = write_calibration(outcome, resolve_seed("robots", robot).read_text(encoding="utf-8"), folder, file.name)
    write_json(outcome.to_json(), json)
    _tell(outcome, json)
    if written is not None:
        say(f"robot file: {written}", json)
    say(f"report: {folder / 'report.html'}", json)
    if not outcome.passed:
        raise typer.Exit(1)


def _simulated(file: RobotConfig, truth: RobotConfig, seed: int, backend: Backend) -> Outcome:
    from amr.runtime.calibrate.run import simulate
    from amr.runtime.calibrate.truth import room
    from sim.plant import Plant

    return simulate(file, Plant(room(seed), truth, seed, backend.value), seed, note)


def _tell(outcome: Outcome, json: str | None) -> None:
    if outcome.failure:
        say(f"broken off: {outcome.failure}", json)
    for item in outcome.items:
        before = "" if item.before is None else f"{item.before:.4g}"
        mark = "" if item.passed else "  NOT WELL ENOUGH"
        found = f"{item.found.value:10.5g} ± {item.found.half_width:<8.2g} {item.unit}"
        say(f"{item.name:34s} {before:>8s} -> {found}{mark}", json)
    if outcome.robot is not None:
        say(f"{'wiring':34s} {', '.join(outcome.robot.firmware.wiring) or 'as the pin map says'}", json)
    for check in outcome.checks:
        sense = "left" if check.left else "right"
        mark = "" if check.passed else "  FAILED"
        say(f"{'square to the ' + sense:34s} odometry off by {100.0 * check.closing_frac:.3f} % of the way{mark}", json)


def bench(
    robots: Annotated[int, typer.Option(metavar="N", min=1, max=1000, help="How many hidden robots.")] = 10,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Of the first robot.")] = 0,
    robot: RobotOption = "reference",
    json: JsonOption = None,
) -> None:
    """Random robots that differ from their file, wires crossed: errors of each calibration against the truth, and how a
    4 m square in both senses closes with the written file. Exit 1 when any error is beyond its limit."""
    from amr.runtime.calibrate.bench import LIMITS, UNITS, RobotCase, run_all
    from amr.runtime.files import load_robot

    cases: list[RobotCase] = []
    say("robot " + " ".join(f"{key + ' ' + UNITS[key]:>12s}" for key in LIMITS) + "  wiring  accepts", json)
    say("limit " + " ".join(f"{limit:12.3f}" for limit in LIMITS.values()), json)
    for case in run_all(load_robot(robot), robots, seed):
        cases.append(case)
        numbers = " ".join(f"{case.errors[key]:12.3f}" if key in case.errors else f"{'-':>12s}" for key in LIMITS)
        words = f"{'right' if case.wiring_right else 'WRONG':>6s}  {'yes' if case.passed_own else 'no'}"
        say(f"{case.robot:5d} {numbers}  {words}{'' if case.ok else '  FAILED ' + case.failure}", json)
    failed = sum(not case.ok for case in cases)
    write_json({"seed": seed, "limits": LIMITS, "robots": [case.to_json() for case in cases]}, json)
    say(f"{len(cases)} robots, {failed} failed", json)
    if failed:
        raise typer.Exit(1)
