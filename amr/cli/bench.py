"""``amr bench``: measurements on outside data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from amr.cli import (
    bench_falsify,
    bench_link,
    bench_localize,
    bench_mcu,
    bench_planning,
    bench_slam,
    bench_worlds,
    calibrate,
)
from amr.cli.output import JsonOption, OutOption, number, percent, say, status_line, write_json

if TYPE_CHECKING:
    pass

bench_app = typer.Typer(
    no_args_is_help=True, help="Measurements on outside data; each leaves raw results.", rich_markup_mode="rich"
)


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    bench_worlds.add_to(bench_app)
    bench_planning.add_to(bench_app)
    bench_slam.add_to(bench_app)
    bench_localize.add_to(bench_app)
    bench_mcu.add_to(bench_app)
    bench_link.add_to(bench_app)
    bench_falsify.add_to(bench_app)
    calibrate.add_bench_to(bench_app)
    app.add_typer(bench_app, name="bench", epilog="Example: [bold]amr bench loop --seconds 20[/bold]")


@bench_app.command(epilog="Example: [bold]amr bench control --samples 2000 --steps 56[/bold]")
def control(
    samples: Annotated[int, typer.Option(metavar="N", min=1, max=100_000, help="Sampled motions.")] = 2000,
    steps: Annotated[int, typer.Option(metavar="N", min=2, max=1000, help="Steps of each.")] = 56,
    out: OutOption = None,
    json: JsonOption = None,
) -> None:
    """The whole controller on recorded maps, poses and paths."""
    from amr.runtime.bench.control import run

    result = run(samples=samples, steps=steps, out=out)
    write_json(result, json)
    if json == "-":
        return
    cycle = result["cycle_ms"]
    say(
        f"{result['controller']} {result['samples']} x {result['steps']}: p50 {number(cycle['p50'])} ms, "
        f"p99 {number(cycle['p99'])} ms, max {number(cycle['max'])} ms; "
        f"the same in NumPy {number(result['numpy_reference_ms'])} ms; {result['threads']} thread"
    )


@bench_app.command(epilog="Example: [bold]amr bench posegraph --data intel.g2o.gz --out solved[/bold]")
def posegraph(
    data: Annotated[list[Path], typer.Option(metavar="FILE", help="A .g2o[.gz] file; repeatable.")],
    more: Annotated[list[Path] | None, typer.Argument(metavar="[FILE]...", help="Further files.")] = None,
    out: OutOption = None,
    json: JsonOption = None,
) -> None:
    """Pose graphs: the least chi2, from whatever poses the files give."""
    from amr.runtime.bench.posegraph import run

    result = run([*data, *(more or [])], out, status_line)
    status_line("")
    write_json(result, json)
    if json == "-":
        return
    say(f"{'graph':<24}{'nodes':>8}{'edges':>8}{'chi2':>14}{'iterations':>12}{'wall s':>9}  start")
    for row in result["graphs"]:
        say(
            f"{row['name']:<24}{row['nodes']:>8}{row['edges']:>8}{number(row['chi2']):>14}{row['iterations']:>12}"
            f"{number(row['wall_s'], 2):>9}  {row['start']}{'' if row['converged'] else ' (not converged)'}"
        )


@bench_app.command(epilog="Example: [bold]amr bench loop --hz 100 --seconds 60 --load[/bold]")
def loop(
    hz: Annotated[float, typer.Option(metavar="HZ", min=1.0, max=2000.0, help="Rate of the loop.")] = 100.0,
    seconds: Annotated[float, typer.Option(metavar="S", min=0.5, max=86400.0, help="How long.")] = 300.0,
    load: Annotated[bool, typer.Option("--load", help="With planner-like work in other processes.")] = False,
    out: OutOption = None,
    json: JsonOption = None,
) -> None:
    """How late the real-time loop of the robot wakes up on this machine."""
    from amr.runtime.bench.loop import run

    result = run(hz=hz, seconds=seconds, load=load, out=out)
    write_json(result, json)
    if json == "-":
        return
    for name in ("lateness_us", "idle_baseline_us"):
        row = result[name]
        say(f"{name:<18}" + "".join(f"{key:>6} {number(row[key], 0):>8}" for key in ("p50", "p99", "p999", "max")))
    say(f"missed {result['missed']}, FIFO {result['fifo']}, CPU stolen {percent(result['cpu_steal_frac'])}")
