"""``amr bench localize``: where am I on this map, and am I lost?"""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from amr.cli.output import JsonOption, say, write_json
from amr.errors import ConfigError


class Backend(StrEnum):
    """Which physics."""

    bullet = "bullet"
    planar = "planar"


class MapBy(StrEnum):
    """Who made the map."""

    truth = "truth"
    slam = "slam"


def add_to(bench_app: typer.Typer) -> None:
    """Register the command."""
    bench_app.command(epilog="Example: [bold]amr bench localize --world office:7 --out runs/localize[/bold]")(localize)


def localize(
    world: Annotated[
        list[str] | None, typer.Option("--world", metavar="KIND:SEED", help="Made world, repeatable; or --data.")
    ] = None,
    data: Annotated[
        list[Path] | None, typer.Option("--data", metavar="FILE", help="Log of a robot (.npz), repeatable.")
    ] = None,
    map_path: Annotated[
        Path | None, typer.Option("--map", metavar="FILE", help="With --data: the map (.yaml) to be found on.")
    ] = None,
    map_by: Annotated[MapBy, typer.Option(help="Map of the made world: its truth, or our SLAM.")] = MapBy.truth,
    resolution: Annotated[
        float, typer.Option(metavar="M", min=0.01, max=0.2, help="Cells of the made world's map.")
    ] = 0.05,
    drives: Annotated[int, typer.Option(metavar="N", min=0, help="Drives of 60 s for each world.")] = 4,
    kidnaps: Annotated[int, typer.Option(metavar="N", min=0, help="Drives with a kidnap for each world.")] = 6,
    places: Annotated[int, typer.Option(metavar="N", min=0, help="Starts from nothing for each world or log.")] = 20,
    robot_drives: Annotated[
        int, typer.Option(metavar="N", min=0, help="Drives of the whole robot: N told, N from nothing, N carried off.")
    ] = 0,
    backend: Annotated[Backend, typer.Option(help="Physics of the whole robot.")] = Backend.planar,
    people: Annotated[int, typer.Option(metavar="N", min=0, max=200, help="People added to each world.")] = 0,
    crowd: Annotated[
        int, typer.Option(metavar="N", min=0, help="Drives for each world among people who stay close.")
    ] = 0,
    elsewhere: Annotated[
        bool, typer.Option("--elsewhere", help="Only: each world's (log's) robot on the maps of the others.")
    ] = False,
    robot: Annotated[str, typer.Option(metavar="FILE", help="A robot file or name.")] = "reference",
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Seed of drives and places.")] = 0,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Raw results, maps and pictures.")] = None,
    json: JsonOption = None,
) -> None:
    """Localization on a map: pose error, kidnaps, starts from nothing, the probability of being lost."""
    from amr.runtime.bench.localize import LocalizeOptions, run_logs, run_worlds
    from amr.runtime.bench.localize_elsewhere import logs_elsewhere, worlds_elsewhere

    if data and world:
        raise ConfigError("--data, --world: expected one of them")
    if map_path is not None and not data:
        raise ConfigError("--map: expected --data FILE with it")
    options = LocalizeOptions(
        worlds=tuple(world or LocalizeOptions().worlds), robot=robot, drives=drives, kidnaps=kidnaps,
        places=places, robot_drives=robot_drives, backend=backend.value, people=people, crowd=crowd,
        map_by=map_by.value, resolution_m=resolution, seed=seed, out=out,
    )  # fmt: skip
    if elsewhere:
        if map_path is not None:
            raise ConfigError("--map: not with --elsewhere, which makes its maps")
        result = logs_elsewhere(data, places, _progress) if data else worlds_elsewhere(options, _progress)
    elif data:
        result = run_logs(data, map_path, out, places, _progress)
    else:
        result = run_worlds(options, _progress)
    write_json(result, json)
    if json == "-":
        return
    if elsewhere:
        _say_elsewhere(result)
    elif data:
        _say_logs(result)
    else:
        _say_worlds(result)


def _say_worlds(result: dict[str, Any]) -> None:
    for row in result["worlds"]:
        say(row["name"])
        if row["pose"] is not None:
            error_m, error_deg = row["pose"]["error_m"], row["pose"]["error_deg"]
            say(
                f"  pose p95 {100.0 * error_m['p95']:.1f} cm {error_deg['p95']:.2f} deg, "
                f"max {100.0 * error_m['max']:.1f} cm; "
                f"across p95 {100.0 * row['pose']['across_p95_m']:.1f} cm; "
                f"beyond 3 sigma {100.0 * row['pose']['beyond_3_sigma_frac']:.2f} % "
                f"(along {100.0 * row['pose']['along_beyond_3_sigma_frac']:.2f} %), "
                f"called lost {100.0 * row['pose']['called_lost_frac']:.2f} %"
            )
        kidnap = row["kidnap"]
        say(
            f"  kidnaps {kidnap['kidnaps']}: noticed p50 {_s(kidnap['noticed_s']['p50'])} max "
            f"{_s(kidnap['noticed_s']['max'])}, back p50 {_s(kidnap['found_s']['p50'])} "
            f"p90 {_s(kidnap['found_s']['p90'])}; "
            f"not noticed {kidnap['never_noticed']}, not back {kidnap['never_found']}, sure and wrong "
            f"{kidnap['sure_at_a_wrong_place']}"
        )
        _say_crowd(row["crowd"])
        _say_places(row["places"])
        _say_robot(row["robot"])
        speed = row["speed"]
        say(
            f"  particles {speed['particles']} x {speed['beams']}: p50 {speed['update_ms']['p50']:.3f} ms, NumPy "
            f"{speed['numpy_update_ms']:.2f} ms"
        )
    _say_lost(result["lost"])
    say("all places")
    _say_places(result["places"])


def _say_crowd(crowd: dict[str, Any] | None) -> None:
    if crowd is None:
        return
    if not crowd["scans"]:
        say(f"  crowd: {crowd['drives']} drives, none with a crowd")
        return
    say(
        f"  crowd ({100.0 * crowd['people_frac']:.0f} % of the beams on people): held in {crowd['held']} of "
        f"{crowd['with_crowd']} drives; pose p95 {100.0 * crowd['error_m']['p95']:.1f} cm, across "
        f"{100.0 * crowd['across_p95_m']:.1f} cm, right {100.0 * crowd['right_frac']:.2f} %, "
        f"called lost {100.0 * crowd['called_lost_frac']:.2f} % of {crowd['scans']} scans"
    )


def _say_lost(lost: dict[str, Any] | None) -> None:
    if lost is None or lost["auc"] is None:
        return
    say(f"am I lost (told only, {lost['scans_lost']} scans lost, {lost['scans_fine']} not): AUC {lost['auc']:.4f}")
    for at in lost["at"]:
        say(
            f"  from {at['lost_frac']:.2f} on: false alarms {100.0 * at['false_alarm_frac']:.2f} %, "
            f"misses {100.0 * at['miss_frac']:.2f} % of the scans"
        )


def _say_robot(modes: dict[str, Any] | None) -> None:
    for mode, row in (modes or {}).items():
        error_m, error_deg = row["error_p95_m"], row["error_p95_deg"]
        say(
            f"  whole robot, {mode}: arrived {row['arrived']} of {row['drives']}, worst pose p95 "
            f"{100.0 * (error_m or 0.0):.1f} cm {error_deg or 0.0:.2f} deg, "
            f"doubtful {100.0 * row['doubtful_frac']:.1f} %, lost {100.0 * row['lost_frac']:.1f} %, "
            f"sure and wrong {100.0 * row['sure_and_wrong_frac']:.2f} % of the steps; "
            f"{', '.join(sorted(set(row['outcomes']) - {'success'})) or 'nothing else'}"
        )


def _say_places(row: dict[str, Any]) -> None:
    share = "-" if row["right_frac"] is None else f"{100.0 * row['right_frac']:.2f} %"
    say(
        f"  from nothing {row['trials']}: right {row['right']} ({share}), wrong {row['wrong']}, "
        f"ambiguous and shown to be {row['shown_ambiguous']}, no answer {row['unshown']}; "
        f"scans {row['scans']['mean'] or 0.0:.1f}"
    )


def _say_elsewhere(result: dict[str, Any]) -> None:
    say(f"{'map':<20}{'robot in':<20}{'trials':>8}{'found':>7}{'ambiguous':>11}{'nowhere':>9}")
    for row in result["pairs"]:
        say(
            f"{row['map']:<20}{row['robot_in']:<20}{row['trials']:>8}{row['found']:>7}{row['ambiguous']:>11}"
            f"{row['nowhere']:>9}"
        )
    say(f"found where it is not: {result['found']} of {result['trials']}")


def _say_logs(result: dict[str, Any]) -> None:
    say(f"{'log':<14}{'trials':>8}{'right':>7}{'wrong':>7}{'found':>7}{'ambiguous':>11}{'nowhere':>9}{'search ms':>11}")
    for row in result["logs"]:
        say(
            f"{row['name']:<14}{row['trials']:>8}{row['right']:>7}{row['wrong']:>7}{row['found']:>7}"
            f"{row['ambiguous']:>11}{row['nowhere']:>9}{row['search_ms'] or 0.0:>11.0f}"
        )
    _say_lost(result["lost"])


def _s(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} s"


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        typer.echo(f"\r\033[K{text}", err=True, nl=False)
