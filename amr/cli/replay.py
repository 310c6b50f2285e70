"""``amr replay``: run a log through the core again."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from amr.cli.output import JsonOption, note, say, write_json


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command(epilog="Example: [bold]amr replay runs/x/run.mcap --verify[/bold]")(replay)


def replay(
    log: Annotated[Path, typer.Argument(metavar="LOG", help="A log (.mcap) of a simulation or a real drive.")],
    verify: Annotated[bool, typer.Option("--verify", help="Exit 1 at the first step whose output differs.")] = False,
    from_s: Annotated[
        float | None, typer.Option("--from", metavar="T_S", help="Start at the last snapshot at or before this time.")
    ] = None,
    json: JsonOption = None,
) -> None:
    """Run the log through the core and compare every output, to the bit."""
    from amr.runtime.replay import replay as run_replay

    live = sys.stderr.isatty()

    def progress(steps: int, t_s: float) -> None:
        if live:
            typer.echo(f"\r{steps} steps, {t_s:.1f} s ", err=True, nl=False)

    result = run_replay(log, from_s=from_s, stop_at_difference=verify, progress=progress)
    if live:
        note("")
    write_json(result.to_json(), json)
    if result.torn is not None:
        note(f"{log}: the log ends early ({result.torn}); replayed up to there (amr log recover makes it whole)")
    if result.notice is not None:
        note(f"{log}: {result.notice}")
    difference = result.first_difference
    if difference is None:
        say(f"equal: {result.steps} steps from step {result.from_step}", json)
        return
    say(f"differs at step {difference.step} ({difference.t_s:.3f} s): {difference.field}", json)
    if verify:
        raise typer.Exit(1)
