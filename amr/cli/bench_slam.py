"""``amr bench scan-match``: where am I in what I saw before."""

from __future__ import annotations

from typing import Annotated

import typer

from amr.cli.output import JsonOption, say, write_json


def add_to(bench_app: typer.Typer) -> None:
    """Register the commands."""
    bench_app.command("scan-match", epilog="Example: [bold]amr bench scan-match --trials 200[/bold]")(scan_match)


def scan_match(
    beams: Annotated[int, typer.Option(metavar="N", min=8, max=4000, help="Beams of a scan.")] = 360,
    trials: Annotated[int, typer.Option(metavar="N", min=1, help="Made rooms.")] = 200,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Seed of the rooms.")] = 0,
    json: JsonOption = None,
) -> None:
    """Finding a scan again within 0.5 m and 20 degrees: time and error, beside plain NumPy."""
    from amr.runtime.bench.scan_match import run

    result = run(beams, trials, seed)
    write_json(result, json)
    if json == "-":
        return
    for name in ("window_ms", "refine_ms", "match_ms", "error_m", "error_rad"):
        say(f"{name:<12}" + "".join(f"{key:>6} {value:>9.4f}" for key, value in result[name].items()))
    ratio = result["numpy_window_ms"] / result["window_ms"]["p50"]
    say(f"found {100.0 * result['right_frac']:.1f} %, {ratio:.0f} x faster than NumPy in the same run")
