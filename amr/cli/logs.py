"""``amr log``: what is in a log, making a torn one whole, adding snapshots."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from amr.cli.output import JsonOption, say, write_json

log_app = typer.Typer(no_args_is_help=True, help="Look into logs, mend torn ones.", rich_markup_mode="rich")


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.add_typer(log_app, name="log", epilog="Example: [bold]amr log info runs/x/run.mcap[/bold]")


@log_app.command(epilog="Example: [bold]amr log info run.mcap --json -[/bold]")
def info(
    log: Annotated[Path, typer.Argument(metavar="LOG", help="A log (.mcap).")],
    json: JsonOption = None,
) -> None:
    """Origin of a log, its topics and whether it is whole."""
    from amr.runtime.log_header import difference_to_here
    from amr.runtime.log_reader import topic_counts

    header, counts, (first_ns, last_ns), torn = topic_counts(log)
    result = {
        "scenario": header.scenario,
        "seed": header.seed,
        "robot": header.robot().name,
        "robot_digest": header.robot_digest,
        "amr_version": header.amr_version,
        "kernel_hash": header.kernel_hash,
        "cpu": header.cpu,
        "created_utc": header.created_utc,
        "extra": header.extra,
        "duration_s": (last_ns - first_ns) * 1e-9,
        "topics": counts,
        "torn": torn,
        "notice": difference_to_here(header),
    }
    write_json(result, json)
    if json == "-":
        return
    for key, value in result.items():
        if key == "topics":
            for topic, count in sorted(counts.items()):
                say(f"  {topic:<22}{count:>9}")
        elif value not in (None, {}):
            say(f"{key:<14}{value}")


@log_app.command(epilog="Example: [bold]amr log recover torn.mcap whole.mcap[/bold]")
def recover(
    log: Annotated[Path, typer.Argument(metavar="LOG", help="A log that was torn (killed process, full disk).")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The whole log to write.")],
    json: JsonOption = None,
) -> None:
    """Write everything that is readable in a torn log as a finished one."""
    from amr.runtime.log_reader import recover as run_recover

    result = run_recover(log, out)
    write_json({"steps": result.steps, "messages": result.messages, "torn": result.torn, "out": str(out)}, json)
    say(f"{out}: {result.steps} steps, {result.messages} messages ({result.torn or 'the log was whole'})", json)


@log_app.command(epilog="Example: [bold]amr log snapshots run.mcap with.mcap --every 10[/bold]")
def snapshots(
    log: Annotated[Path, typer.Argument(metavar="LOG", help="A log, for instance of a real drive.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The log to write.")],
    every_s: Annotated[float, typer.Option("--every", metavar="S", min=0.1, help="Seconds between snapshots.")] = 10.0,
    json: JsonOption = None,
) -> None:
    """Copy a log and store the core's state every few seconds, so that a replay can start in the middle."""
    from amr.runtime.replay import add_snapshots

    count = add_snapshots(log, out, every_s)
    write_json({"snapshots": count, "out": str(out)}, json)
    say(f"{out}: {count} snapshots", json)
