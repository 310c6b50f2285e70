"""``amr map explore``: drive through an unknown place until it is mapped, and save the map."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from amr.cli.drive import parse_goal
from amr.cli.output import JsonOption, note, passing, say, write_json
from amr.cli.sim import Backend, Display
from amr.errors import ConfigError, DataError

if TYPE_CHECKING:
    from amr.mapping.base import MapImage
    from amr.messages import Goal
    from amr.runtime.explore import Explored
    from amr.runtime.trial import Trial

_TOLERANCE_M = 0.3


def explore(
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where to save the map (.amrmap).")],
    place: Annotated[
        str | None, typer.Argument(metavar="[PLACE]", help="In simulation: a scenario or a world, by name or file.")
    ] = None,
    base: Annotated[str | None, typer.Option(metavar="URL", help="A real robot's base, as in amr drive.")] = None,
    lidar: Annotated[str | None, typer.Option(metavar="URL", help="... and its lidar.")] = None,
    robot: Annotated[str | None, typer.Option(metavar="FILE", help="A robot file or name.")] = None,
    seed: Annotated[int | None, typer.Option(metavar="N", min=0, help="Instead of the scenario's own.")] = None,
    backend: Annotated[Backend | None, typer.Option(help="Default: bullet where PyBullet is installed.")] = None,
    home: Annotated[
        str | None, typer.Option(metavar="X,Y[,YAW]", help="Where to end. Default: where it started.")
    ] = None,
    max_time: Annotated[
        float, typer.Option(metavar="S", min=1.0, help="After this time it turns for home, whatever is left.")
    ] = 1800.0,
    zones: Annotated[Path | None, typer.Option(metavar="FILE", help="Keep-out and speed zones (.toml).")] = None,
    resolution: Annotated[
        float, typer.Option(metavar="M", min=0.005, max=1.0, help="Cells of the map's picture.")
    ] = 0.025,
    record: Annotated[
        Path | None,
        typer.Option("--record", "--log", metavar="FILE", help="The log. Default: run.mcap in a new folder."),
    ] = None,
    export: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write the map as ROS reads it (.yaml).")
    ] = None,
    arm: Annotated[bool, typer.Option("--arm", help="Real robot: arm once, when link and lidar are there.")] = False,
    json: JsonOption = None,
) -> None:
    """Explore an unknown place frontier by frontier, come home, and save the map. Exit 1 = not all was seen.

    Ctrl-C ends the drive; what was seen by then is mapped and saved. After a cut, amr map make does that from the log.
    """
    if (place is None) == (base is None):
        raise ConfigError("expected either a PLACE to simulate, or --base and --lidar of a real robot")
    if out.suffix != ".amrmap":
        raise ConfigError(f"--out {out}: expected a name that ends with .amrmap")
    if export is not None and export.suffix != ".yaml":
        raise ConfigError(f"--export {export}: expected a name that ends with .yaml")
    if not math.isfinite(max_time):
        raise ConfigError(f"--max-time {max_time}: expected seconds")
    folder = Path("runs") / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-explore"
    log = record if record is not None else folder / "run.mcap"
    end = None if home is None else parse_goal(home, _TOLERANCE_M, "--home")
    if place is not None:
        explored, facts, trial = _simulate(place, seed, robot, backend, end, max_time, zones, log)
    else:
        explored, facts, trial = _drive(base, lidar, robot, end, max_time, zones, log, arm=arm), {}, None
    _save(explored, facts, trial, log, out, export, resolution, json)


def _simulate(
    place: str,
    seed: int | None,
    robot: str | None,
    backend: Backend | None,
    home: Goal | None,
    max_time_s: float,
    zones: Path | None,
    log: Path,
) -> tuple[Explored, dict[str, Any], Trial]:
    from amr.runtime.explore import explore_in_simulation, explore_trial
    from amr.runtime.files import load_zones
    from amr.runtime.report import write_report

    trial = explore_trial(place, seed, robot, None if backend is None else backend.value, home, max_time_s)
    if zones is not None:
        trial = replace(trial, robot=trial.robot.model_copy(update={"zones": load_zones(zones)}))
    log.parent.mkdir(parents=True, exist_ok=True)
    with Display() as display:
        explored, result = explore_in_simulation(trial, log, display.update)
    write_report(result, log.parent)
    facts = {
        "scenario": result.scenario,
        "seed": result.seed,
        "collisions": result.collisions,
        "min_clearance_m": result.min_clearance_m,
        "pose_error": result.pose_error,
        "digest": result.digest,
    }
    return explored, facts, trial


def _drive(
    base: str | None,
    lidar: str | None,
    robot: str | None,
    home: Goal | None,
    max_time_s: float,
    zones: Path | None,
    log: Path,
    *,
    arm: bool,
) -> Explored:
    if base is None or lidar is None or robot is None:
        raise ConfigError("a real robot needs --robot, --base and --lidar")
    from amr.messages import Explore
    from amr.runtime.drive import DriveOptions
    from amr.runtime.explore import explore_on_robot
    from amr.runtime.files import load_robot, load_zones
    from amr.runtime.operator import DriveKeys, TerminalKeys, single_keys

    config = load_robot(robot)
    if zones is not None:
        config = config.model_copy(update={"zones": load_zones(zones)})
    log.parent.mkdir(parents=True, exist_ok=True)
    options = DriveOptions(config, base, lidar, log=log, arm=arm, explore=Explore(0, home, max_time_s))
    with single_keys():
        return explore_on_robot(options, DriveKeys(TerminalKeys()))


def _save(
    explored: Explored,
    facts: dict[str, Any],
    trial: Trial | None,
    log: Path,
    out: Path,
    export: Path | None,
    resolution_m: float,
    json: str | None,
) -> None:
    """SLAM over the log; the map, and what there is to say about it."""
    from amr.runtime.map_file import map_picture, save_map
    from amr.runtime.map_make import map_of_log
    from amr.runtime.maps import save_ros_map

    result: dict[str, Any] = {**explored.json(), **facts, "log": str(log), "map": None, "truth": None}
    try:
        made = replace(map_of_log(log, passing), resolution_m=resolution_m)
    except DataError as error:
        note(str(error))
        write_json(result, json)
        raise typer.Exit(1) from None
    save_map(out, made)
    image = map_picture(made)
    if export is not None:
        save_ros_map(export, image)
    result |= {"map": str(out), "keyframes": len(made.poses), "loops": len(made.pairs)}
    if trial is not None:
        from amr.runtime.explore_truth import judge_map

        result["truth"] = judge_map(image, trial.world, trial.start, trial.robot.body.inradius_m)
    write_json(result, json)
    _tell(explored, result, image, json)
    say(f"{out}: {len(made.poses)} keyframes, {len(made.pairs)} loops; log {log}", json)
    if not result["success"]:
        raise typer.Exit(1)


def _tell(explored: Explored, result: dict[str, Any], image: MapImage, json: str | None) -> None:
    free_m2 = float((image.pixels == 254).sum()) * image.frame.resolution_m**2
    contacts = f", {result['collisions']} contacts" if "collisions" in result else ""
    say(
        f"{explored.end}{'' if explored.is_home else ', not home'}: {explored.path_length_m:.1f} m in "
        f"{explored.time_s:.1f} s{contacts}, {explored.visited} frontiers visited, {explored.frontiers_left} left, "
        f"{explored.frontiers_unreachable} out of reach, {free_m2:.1f} m2 free on the map",
        json,
    )
    truth = result["truth"]
    if truth is not None and truth["mapped_frac"] is not None:
        say(
            f"truth: {100.0 * truth['mapped_frac']:.1f} % of {truth['reachable_m2']:.1f} m2 that can be reached are "
            f"mapped, walls off by {100.0 * (truth['wall_error_m']['p50'] or math.nan):.1f} cm (median), "
            f"{100.0 * (truth['wall_error_m']['p95'] or math.nan):.1f} cm (95 %)",
            json,
        )
