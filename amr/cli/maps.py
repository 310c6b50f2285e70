"""``amr map``: a place explored, a map from a log, two maps joined, a map as ROS reads it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from amr.cli import explore
from amr.cli.output import JsonOption, passing, say, write_json

MapArgument = Annotated[Path, typer.Argument(metavar="MAP", help="A map of amr map (.amrmap).")]
OutOption = Annotated[Path, typer.Option("--out", metavar="FILE", help="Where to write.")]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    group = typer.Typer(
        no_args_is_help=True, help="Explore a place, make maps from logs, merge them, hand them to ROS."
    )
    group.command(epilog="Example: [bold]amr map make run.mcap --out hall.amrmap[/bold]")(make)
    group.command(epilog="Example: [bold]amr map explore office --out office.amrmap[/bold]")(explore.explore)
    group.command(epilog="Example: [bold]amr map merge monday.amrmap tuesday.amrmap --out both.amrmap[/bold]")(merge)
    group.command(epilog="Example: [bold]amr map export hall.amrmap --out hall.yaml[/bold]")(export)
    app.add_typer(group, name="map")


def make(
    log: Annotated[Path, typer.Argument(metavar="LOG", help="A log of a drive (.mcap), or a SLAM log (.npz).")],
    out: OutOption,
    resolution: Annotated[
        float, typer.Option(metavar="M", min=0.005, max=1.0, help="Cells of its picture; half of them is its error.")
    ] = 0.025,
    json: JsonOption = None,
) -> None:
    """Map what a log has seen: SLAM over all its scans; keeps keyframes and loops, so that it can be merged."""
    from dataclasses import replace

    from amr.runtime.map_file import save_map
    from amr.runtime.map_make import map_of_log

    record = replace(map_of_log(log, passing), resolution_m=resolution)
    save_map(out, record)
    _tell(out, len(record.poses), len(record.pairs), len(record.sessions), json)


def merge(first: MapArgument, second: MapArgument, out: OutOption, json: JsonOption = None) -> None:
    """Join two maps of one place into one, in the frame of the first; refused where they share no place."""
    from amr.runtime.map_file import load_map, save_map
    from amr.runtime.map_make import merged

    record = merged(load_map(first), load_map(second), passing)
    save_map(out, record)
    _tell(out, len(record.poses), len(record.pairs), len(record.sessions), json)


def export(path: MapArgument, out: OutOption) -> None:
    """Write a map as ROS map_server reads it: .yaml and the picture beside it."""
    from amr.runtime.map_file import load_map, map_picture
    from amr.runtime.maps import save_ros_map

    save_ros_map(out, map_picture(load_map(path)))
    say(f"{out} and {out.with_suffix('.pgm')}")


def _tell(out: Path, keyframes: int, loops: int, sessions: int, json: str | None) -> None:
    write_json({"map": str(out), "keyframes": keyframes, "loops": loops, "sessions": sessions}, json)
    say(f"{out}: {keyframes} keyframes, {loops} loops, {sessions} session{'s' if sessions != 1 else ''}", json)
