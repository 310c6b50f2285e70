"""``amr warmup``: compile every kernel now, so that nothing compiles while the robot is armed."""

from __future__ import annotations

import typer

from amr.cli.output import JsonOption, say, write_json


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command(epilog="Example: [bold]amr warmup[/bold]")(warmup)


def warmup(json: JsonOption = None) -> None:
    """Compile all kernels into the cache (or load them from it) and say how long it took."""
    from amr.runtime.warmup import compile_all

    result = compile_all(lambda name, seconds: say(f"{name:<40}{seconds:7.2f} s", json))
    write_json(result.to_json(), json)
    folder = result.cache_folder or "no cache folder can be written: every start compiles again"
    say(f"{len(result.modules)} modules in {result.wall_s:.1f} s; cache: {folder}", json)
