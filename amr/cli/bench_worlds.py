"""``amr bench barn``, ``dynabarn``, ``hard`` and ``stuck``: whole drives in many worlds."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from amr.cli.output import JsonOption, OutOption, RobotOption, SeedOption, note, number, percent, say, write_json
from amr.cli.sim import Backend, Firmware
from amr.errors import ConfigError

if TYPE_CHECKING:
    from amr.runtime.bench.barn import TrialScore

DataOption = Annotated[Path, typer.Option("--data", metavar="FILE", help="Worlds in BARN's JSON format.")]
WorldsOption = Annotated[str | None, typer.Option(metavar="1,2,5-9", help="Only these worlds.")]
TrialsOption = Annotated[int, typer.Option(metavar="N", min=1, help="Trials of each world.")]
WorkersOption = Annotated[int, typer.Option(metavar="N", min=1, max=64, help="Processes side by side.")]
FirmwareOption = Annotated[Firmware, typer.Option(help="Where the firmware runs: native, mega2560 or uno.")]
BackendOption = Annotated[Backend | None, typer.Option(help="Which physics; default as amr sim.")]
ControllerOption = Annotated[str | None, typer.Option(metavar="NAME", help="Instead of the robot file's.")]
SpeedOption = Annotated[
    float | None, typer.Option("--v-max", metavar="MPS", help="Instead of the robot file's limits.v_max_mps.")
]
LogOption = Annotated[bool, typer.Option("--log/--no-log", help="With --out: also a log of each trial.")]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command(epilog="Example: [bold]amr bench barn --data barn_visible.json --worlds 0-9 --workers 2[/bold]")(barn)
    app.command(epilog="Example: [bold]amr bench dynabarn --data dynabarn_visible.json --trials 5[/bold]")(dynabarn)
    app.command(epilog="Example: [bold]amr bench hard --trials 2 --workers 2[/bold]")(hard)
    app.command(epilog="Example: [bold]amr bench stuck --count 2000 --workers 2[/bold]")(stuck)


def barn(
    data: DataOption,
    worlds: WorldsOption = None,
    trials: TrialsOption = 1,
    workers: WorkersOption = 1,
    firmware: FirmwareOption = Firmware.native,
    backend: BackendOption = None,
    controller: ControllerOption = None,
    v_max: SpeedOption = None,
    robot: RobotOption = "jackal",
    seed: SeedOption = 0,
    out: OutOption = None,
    log: LogOption = True,
    baseline: Annotated[
        bool, typer.Option("--baseline", help="Also drive DWA at 0.5 m/s, and print it beside.")
    ] = False,
    json: JsonOption = None,
) -> None:
    """BARN challenge: static worlds through the whole stack; the official score."""
    _barn(data, worlds, trials, workers, firmware, backend, controller, v_max, robot, seed, out, log, json, baseline)


def dynabarn(
    data: DataOption,
    worlds: WorldsOption = None,
    trials: TrialsOption = 1,
    workers: WorkersOption = 1,
    firmware: FirmwareOption = Firmware.native,
    backend: BackendOption = None,
    controller: ControllerOption = None,
    v_max: SpeedOption = None,
    robot: RobotOption = "jackal",
    seed: SeedOption = 0,
    out: OutOption = None,
    log: LogOption = True,
    json: JsonOption = None,
) -> None:
    """DynaBARN: worlds with moving cylinders; the success rate."""
    _barn(data, worlds, trials, workers, firmware, backend, controller, v_max, robot, seed, out, log, json)


def hard(
    data: Annotated[
        Path | None, typer.Option("--data", metavar="FILE", help="Worlds; default the committed suite.")
    ] = None,
    fresh: Annotated[int | None, typer.Option(metavar="SEED", min=0, help="New worlds from this seed instead.")] = None,
    count: Annotated[int, typer.Option(metavar="N", min=1, max=10_000, help="With --fresh: how many.")] = 60,
    worlds: Annotated[str | None, typer.Option(metavar="ID,ID", help="Only these worlds.")] = None,
    trials: TrialsOption = 2,
    workers: WorkersOption = 1,
    backend: BackendOption = None,
    robot: RobotOption = "jackal",
    seed: SeedOption = 0,
    out: OutOption = None,
    log: LogOption = False,
    json: JsonOption = None,
) -> None:
    """Harder than BARN: narrow gaps, traps, dead ends, mazes; late, slippery, odometry 5 % off."""
    from amr.runtime.bench.barn import BarnOptions
    from amr.runtime.bench.hard import packaged, run

    options = BarnOptions(
        data=packaged() if data is None else data,
        worlds=() if worlds is None else tuple(part.strip() for part in worlds.split(",")),
        trials=trials,
        workers=workers,
        backend=None if backend is None else backend.value,
        robot=robot,
        seed=seed,
        out=out,
        record_log=log,
    )
    result = run(options, fresh, count, _trial_line)
    write_json(result, json)
    if json == "-":
        return
    for kind, (succeeded, driven, contacts) in result["kinds"].items():
        say(f"{kind:<12}{succeeded:>5} of {driven:<5} contacts {contacts}")
    say(
        f"{result['controller']}: {len(result['trials'])} trials: success {percent(result['success_rate'])}, "
        f"contacts {result['contacts']}, timeouts {result['timeouts']}, "
        f"light to torque >= {number(result['light_to_torque_ms_min'], 0)} ms, "
        f"smallest clearance {number(result['min_clearance_m'])} m, "
        f"{number(result['real_time_factor'], 1)} x real time, {result['wall_s']:.0f} s"
    )


def stuck(
    count: Annotated[int, typer.Option(metavar="N", min=1, max=100_000, help="Starts.")] = 200,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Seed of the first; each takes the next.")] = 0,
    workers: WorkersOption = 1,
    robot: RobotOption = "jackal",
    samples: Annotated[int, typer.Option(metavar="N", min=16, max=32768, help="Of MPPI.")] = 600,
    out: OutOption = None,
    json: JsonOption = None,
) -> None:
    """Starts in tight places: each gets out, or says truly why it cannot."""
    from amr.runtime.bench.stuck import FAILURES, StuckCase, run

    def progress(case: StuckCase, done: int, total: int) -> None:
        if case.verdict in FAILURES:
            note(f"seed {case.seed} {case.kind}: {case.verdict} after {case.time_s:.1f} s {case.reason}")
        if done % 50 == 0 or done == total:
            note(f"{done}/{total} starts")

    result = run(count, seed, workers, robot, samples, progress, out)
    write_json(result, json)
    if json == "-":
        return
    for kind, row in result["kinds"].items():
        say(f"{kind:<14}" + ", ".join(f"{verdict} {number}" for verdict, number in sorted(row.items())))
    verdicts = result["verdicts"]
    names = ("got_out", "true_report", "too_tight", "false_report", "stuck", "contact")
    early = f" of {count}, interrupted" if result["interrupted"] else ""
    say(f"{result['count']} starts{early}: " + ", ".join(f"{name} {verdicts.get(name, 0)}" for name in names))
    say(f"longest {result['time_s_max']:.0f} s; failed seeds: {result['failed_seeds'] or 'none'}")


def _barn(
    data: Path,
    worlds: str | None,
    trials: int,
    workers: int,
    firmware: Firmware,
    backend: Backend | None,
    controller: str | None,
    v_max_mps: float | None,
    robot: str,
    seed: int,
    out: Path | None,
    log: bool,
    json: str | None,
    baseline: bool = False,
) -> None:
    from amr.runtime.bench.barn import BarnOptions, run

    options = BarnOptions(
        data=data,
        worlds=parse_worlds(worlds),
        trials=trials,
        workers=workers,
        firmware=firmware.value,
        backend=None if backend is None else backend.value,
        controller=controller,
        v_max_mps=v_max_mps,
        robot=robot,
        seed=seed,
        out=out,
        record_log=log,
    )
    result = run(options, _trial_line)
    if baseline:
        result["baseline"] = run(replace(options, controller="dwa", v_max_mps=0.5, out=None), _trial_line)
    write_json(result, json)
    if json == "-":
        return
    say(f"{result['controller']}: {_barn_line(result)}")
    if baseline:
        say(f"dwa at 0.5 m/s: {_barn_line(result['baseline'])}")


def _barn_line(result: dict[str, Any]) -> str:
    return (
        f"{len(result['trials'])} trials: success {percent(result['success_rate'])}, mean score "
        f"{number(result['mean_score'])}, AT/OT {number(result['mean_time_over_optimal'])}, "
        f"contacts {result['contacts']}{_contacts(result['contacts_while'])}, timeouts {result['timeouts']}, "
        f"w sign changes {number(result['w_sign_changes_per_m'], 2)} a metre, "
        f"{number(result['real_time_factor'], 1)} x real time, {result['wall_s']:.0f} s"
    )


def _contacts(kinds: dict[str, int]) -> str:
    """How the robot moved at the contacts, '' when there were none."""
    named = ", ".join(f"{count} while {kind}" for kind, count in kinds.items() if count)
    return f" ({named})" if named else ""


def _trial_line(score: TrialScore, done: int, total: int) -> None:
    """Each failure on its own line, the count on one line that changes (terminal) or every 20 trials."""
    if not score.success:
        how = f" while {score.contact} at {score.contact_speed_mps:.2f} m/s" if score.contact else ""
        reason = f" ({score.contact_stop_reason})" if score.contact_stop_reason else ""
        line = f"world {score.world} trial {score.trial}: {score.outcome}{how}{reason}"
        note(f"\r\033[K{line}" if sys.stderr.isatty() else line)
    if sys.stderr.isatty():
        typer.echo(f"\r\033[K{done}/{total}  world {score.world}: {score.time_s:.1f} s", err=True, nl=done == total)
    elif done % 20 == 0 or done == total:
        note(f"{done}/{total} trials")


def parse_worlds(text: str | None) -> tuple[str, ...]:
    """``1,2,5-9`` as ``("1", "2", "5-9")``; None = all. Raises ``ConfigError``."""
    if text is None:
        return ()
    parts = tuple(dict.fromkeys(part.strip() for part in text.split(",")))
    for part in parts:
        first, dash, last = part.partition("-")
        if not part or (dash and not (first.isdigit() and last.isdigit() and int(first) <= int(last))):
            raise ConfigError(f"--worlds {text}: expected numbers and ranges such as 1,2,5-9")
    return parts
