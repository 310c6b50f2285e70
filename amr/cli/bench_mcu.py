"""``amr bench mcu``: the emulated microcontroller by itself."""

from __future__ import annotations

from typing import Annotated

import typer

from amr.cli.output import JsonOption, say, write_json


def add_to(bench_app: typer.Typer) -> None:
    """Register the command."""
    bench_app.command(epilog="Example: [bold]amr bench mcu --edges 40000 --seconds 20[/bold]")(mcu)


def mcu(
    edges: Annotated[
        list[float] | None, typer.Option(metavar="PER_S", min=0.0, help="Encoder edges a second; repeatable.")
    ] = None,
    seconds: Annotated[float, typer.Option(metavar="S", min=0.5, max=3600.0, help="Simulated, for each.")] = 10.0,
    robot: Annotated[str, typer.Option(metavar="FILE", help="A robot file or name.")] = "reference",
    json: JsonOption = None,
) -> None:
    """The shipped binary in the emulated ATmega2560: speed, telemetry, lost encoder counts, processor to spare."""
    from amr.runtime.bench.mcu import run

    loads = [run("mega2560", robot, seconds, rate) for rate in edges or [0.0, 20_000.0, 40_000.0]]
    write_json({"loads": [load.to_json() for load in loads]}, json)
    if json == "-":
        return
    for load in loads:
        say(
            f"{load.edges_per_s:8.0f} edges/s: {load.simulated_s / load.wall_s:5.1f} x real time, telemetry "
            f"{load.telemetry_hz:.1f} Hz in {load.bytes_per_s:.0f} bytes/s, counts lost {load.lost_counts}, frames "
            f"damaged {load.crc_errors}, overruns {load.overruns}, processor idle "
            f"{100.0 * load.processor_idle_frac:.0f} %, digest {load.digest[:12]}"
        )
