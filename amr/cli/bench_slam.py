"""``amr bench slam`` and ``scan-match``: where am I, and where in what I saw before."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from amr.cli.output import JsonOption, note, say, write_json
from amr.errors import ConfigError


def add_to(bench_app: typer.Typer) -> None:
    """Register the commands."""
    bench_app.command(epilog="Example: [bold]amr bench slam --data intel.npz --out runs/slam[/bold]")(slam)
    bench_app.command(
        "slam-loo", epilog="Example: [bold]amr bench slam-loo --data aces.npz --data intel.npz --workers 2[/bold]"
    )(slam_loo)
    bench_app.command("scan-match", epilog="Example: [bold]amr bench scan-match --trials 200[/bold]")(scan_match)


def slam(
    data: Annotated[list[Path], typer.Option("--data", metavar="FILE", help="Log of a robot (.npz); repeatable.")],
    scans: Annotated[str | None, typer.Option(metavar="A-B", help="Only these scans of each log.")] = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Raw results: poses (.csv) and maps.")] = None,
    drop_frac: Annotated[
        float, typer.Option(metavar="PART", min=0.0, max=0.95, help="Lose so many scans at random.")
    ] = 0.0,
    odometry_scale: Annotated[
        float, typer.Option(metavar="FACTOR", min=0.5, max=2.0, help="Multiply ways and turns of the odometry.")
    ] = 1.0,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Which scans are lost.")] = 0,
    json: JsonOption = None,
) -> None:
    """SLAM on logs of real robots: wheel odometry and one lidar; scored by verified relations."""
    from amr.runtime.bench.slam import run
    from amr.runtime.bench.slam_harm import Harm

    result = run(data, parse_scans(scans), out, _progress, Harm(drop_frac, odometry_scale, seed))
    write_json(result, json)
    if json == "-":
        return
    say(f"{'log':<14}{'scans':>7}{'m':>9}{'deg':>8}{'online m':>10}{'deg':>8}{'loops':>7}{'wall s':>8}{'x real':>8}")
    for row in result["logs"]:
        online = row["online"]
        say(
            f"{row['name']:<14}{row['scans']:>7}{_number(row['translation_m']['mean'], 4):>9}"
            f"{_number(row['rotation_deg']['mean']):>8}{_number(online['translation_m']['mean'], 4):>10}"
            f"{_number(online['rotation_deg']['mean']):>8}{row['loop_closures']:>7}{row['wall_s']:>8.1f}"
            f"{row['real_time_factor']:>8.1f}"
        )
        if row["refused"]:
            note(f"{row['name']}: " + ", ".join(f"{reason} {count}" for reason, count in row["refused"].items()))


def slam_loo(
    data: Annotated[list[Path], typer.Option("--data", metavar="FILE", help="Log with relations (.npz); two or more.")],
    workers: Annotated[int, typer.Option(metavar="N", min=1, max=64, help="Processes side by side.")] = 1,
    json: JsonOption = None,
) -> None:
    """SLAM with leave-one-log-out: each log scored with the settings that the other logs chose."""
    from amr.runtime.bench.slam_loo import run

    result = run(data, workers, _progress)
    write_json(result, json)
    if json == "-":
        return
    say(f"{'log':<14}{'m':>9}{'/ mark':>8}{'deg':>8}{'/ mark':>8}  settings that the others chose")
    for row in result["logs"]:
        m, deg = row["translation_m"], row["rotation_deg"]
        chosen = ", ".join(f"{key} {value:g}" for key, value in result["candidates"][row["chosen"]].items())
        say(
            f"{row['name']:<14}{_number(m['mean'], 4):>9}{_number(m['over_mark'], 2):>8}{_number(deg['mean']):>8}"
            f"{_number(deg['over_mark'], 2):>8}  {chosen}"
        )
    beyond = [
        row["name"]
        for row in result["logs"]
        if False in (row["translation_m"]["within"], row["rotation_deg"]["within"])
    ]
    say(f"beyond {result['limit_over_mark']:g} x the mark: {', '.join(beyond) or 'none'}")


def parse_scans(text: str | None) -> tuple[int, int | None]:
    """``A-B`` as numbers (B inclusive); None = all. Raises ``ConfigError``."""
    if text is None:
        return 0, None
    first, dash, last = text.partition("-")
    if not (dash and first.isdigit() and last.isdigit() and int(first) <= int(last)):
        raise ConfigError(f"--scans {text}: expected a range such as 100-2000")
    return int(first), int(last)


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


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        typer.echo(f"\r\033[K{text}", err=True, nl=False)


def _number(value: Any, digits: int = 3) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
