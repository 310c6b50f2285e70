"""``amr bench planners``, ``paths`` and ``kinematic``: planners beside their peers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from amr.cli.output import JsonOption, OutOption, RobotOption, SeedOption, note, number, say, status_line, write_json
from amr.errors import DataError


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command(epilog="Example: [bold]amr bench planners --map depot.yaml --queries depot.json --repeat 5[/bold]")(
        planners
    )
    app.command(epilog="Example: [bold]amr bench paths --count 10000[/bold]")(paths)
    app.command(epilog="Example: [bold]amr bench kinematic --synthetic blobs:1024:1 --robot jackal[/bold]")(kinematic)


def planners(
    map_file: Annotated[
        list[Path] | None,
        typer.Option("--map", metavar="FILE", help=".npy costs, ROS map .yaml, or Moving AI .map[.gz]; repeatable."),
    ] = None,
    queries: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help=".json or Moving AI .scen[.gz], one for each --map; none = random ones."),
    ] = None,
    planner: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Repeatable; default all.")] = None,
    repeat: Annotated[int, typer.Option(metavar="N", min=1, help="Times each query is solved.")] = 1,
    allow_unknown: Annotated[bool, typer.Option("--allow-unknown", help="Unknown cells may be entered.")] = False,
    inflate: Annotated[
        float | None, typer.Option(metavar="M", help="Inflate the map by this radius before planning.")
    ] = None,
    scaling: Annotated[float, typer.Option(metavar="PER_M", help="Decay of the inflation.")] = 3.0,
    robot_radius: Annotated[float, typer.Option(metavar="M", help="Inscribed radius for the inflation.")] = 0.22,
    synthetic: Annotated[
        list[str] | None,
        typer.Option(metavar="KIND:SIZE:SEED", help="A made map (blobs, maze or rooms); repeatable."),
    ] = None,
    query_count: Annotated[int, typer.Option(metavar="N", min=1, help="How many random queries.")] = 100,
    replan: Annotated[
        bool, typer.Option("--replan", help="Also plan from nothing, and again after small changes.")
    ] = False,
    plot: Annotated[Path | None, typer.Option(metavar="FILE.png", help="A picture; with --out always.")] = None,
    out: OutOption = None,
    json: JsonOption = None,
) -> None:
    """Grid planners on one map or several, in one process, measured by one independent cost."""
    from amr.runtime.bench.planner_suite import run_suite
    from amr.runtime.bench.planners import run

    maps, files, made = map_file or [], queries or [], synthetic or []
    options: dict[str, Any] = {
        "inflate_m": inflate,
        "scaling_per_m": scaling,
        "robot_radius_m": robot_radius,
        "query_count": query_count,
        "replan": replan,
    }
    if len(maps) + len(made) > 1:
        if plot is not None:
            raise DataError("--plot: expected one map (with several, --out DIR holds a picture of each)")
        result = run_suite(
            maps, files, made, planner, repeat, allow_unknown, out, progress=lambda text: note(text), **options
        )
        write_json(result, json)
        if json != "-":
            _say_suite(result)
        return
    result = run(
        maps[0] if maps else None,
        files[0] if files else None,
        planner or None,
        repeat,
        allow_unknown,
        out,
        synthetic=made[0] if made else None,
        plot=plot,
        **options,
    )
    write_json(result, json)
    if json != "-":
        _say_planners(result)


def _say_planners(result: dict[str, Any]) -> None:
    say(
        f"{'planner':<14}{'solved':>12}{'median ms':>12}{'p99 ms':>10}{'max ms':>10}{'cost':>12}{'length m':>12}"
        f"{'above best':>12}"
    )
    for name, row in result["planners"].items():
        above = row["suboptimality"]
        solved = f"{row['solved']}/{row['queries']}"
        say(
            f"{name:<14}{solved:>12}{number(row['time_ms']['median']):>12}{number(row['time_ms']['p99']):>10}"
            f"{number(row['time_ms']['max']):>10}{number(row['cost']['mean']):>12}"
            f"{number(row['length_m']['mean']):>12}"
            f"{'-' if above is None else format(100.0 * above['max'], '.3f') + ' %':>12}"
        )
    for name, row in result["planners"].items():
        if "cold_ms" in row:
            cold = row["cold_ms"]
            say(f"{name}, map prepared anew: {number(cold['median'])} ms, max {number(cold['max'])} ms")
    if "replan" in result:
        again = result["replan"]
        for kind, ratio in again["cold_over_replan"].items():
            say(
                f"replan, {kind}: {number(again[f'{kind}_ms']['median'])} ms against "
                f"{number(again['cold_ms']['median'])} ms from nothing, {number(ratio, 1)} x; "
                f"{again['plans']} plans, costs equal: {again['equal_cost']}"
            )


def _say_suite(result: dict[str, Any]) -> None:
    for row in result["maps"]:
        say(f"{row['name']}: {row['map']['width']} x {row['map']['height']}")
        _say_planners(row)
    for mine, peers in result["faster"].items():
        for peer, times in peers.items():
            cost = result["cheaper"][mine][peer]
            say(
                f"{mine} against {peer}: {number(times['median'], 1)} x faster in the median of the maps "
                f"({number(times['min'], 1)} to {number(times['max'], 1)}); cheaper on {cost['cheaper_on']} of "
                f"{cost['maps']} maps, at most {number(cost['largest_ratio'], 4)} of its cost"
            )
    for name, ratio in result["worst_over_median"].items():
        say(f"{name}: slowest query {number(ratio, 1)} x the map's median at most")
    for kind, ratios in result.get("replan", {}).items():
        say(
            f"replan, {kind}: {number(ratios['median'], 1)} x faster than cold in the median of the maps "
            f"({number(ratios['min'], 1)} to {number(ratios['max'], 1)})"
        )


def paths(
    count: Annotated[int, typer.Option(metavar="N", min=1, help="Random queries.")] = 1000,
    planner: Annotated[str, typer.Option(metavar="NAME", help="Which grid planner.")] = "any_angle",
    robot: RobotOption = "jackal",
    seed: SeedOption = 0,
    out: OutOption = None,
    json: JsonOption = None,
) -> None:
    """Finished paths on made maps: contact of the outline, clearance, wobble, speed limits, time."""
    from amr.runtime.bench.paths import run

    result = run(count=count, seed=seed, robot=robot, planner=planner, progress=status_line)
    if out is not None:
        write_json(result, str(out / "paths.json"))
    write_json(result, json)
    if json == "-":
        return
    say(
        f"{result['queries']} queries, {result['paths']} paths; outline touches: {result['touching_before_repair']} "
        f"before repair, {result['told_to_touch']} after and told, {result['touching_untold']} untold"
    )
    say(
        f"clearance: {result['below_margin']} below the inscribed radius, {result['enters_forbidden']} enter a "
        f"forbidden cell; smoothing lowered the least clearance of {result['clearance_lowered']} paths"
    )
    for name, row in result["shape"].items():
        bend = (row["curvature_max_per_m"] or {}).get("p50")
        say(
            f"{name:<7} {number(row['length_m'], 2)} m, cost {number(row['cost_m'], 2)}, curvature changes sides "
            f"{number(row['sign_changes_per_m'])} times a metre, varies "
            f"{number(row['curvature_variation_per_m2'], 2)} /m2, largest (median) {number(bend, 2)} /m"
        )
    finish_ms, profile_ms = ((result[name] or {}).get("p50") for name in ("finish_ms", "profile_ms"))
    say(
        f"limits exceeded: {sum(result['limit_violations'].values())}; smoothing {number(finish_ms)} ms, profile "
        f"{number(profile_ms)} ms (median); mean speed {number(result['mean_speed_mps'], 2)} m/s"
    )


def kinematic(
    map_file: Annotated[Path | None, typer.Option("--map", metavar="FILE", help="ROS map .yaml.")] = None,
    synthetic: Annotated[
        str | None, typer.Option(metavar="KIND:SIZE:SEED", help="A made map in place of a file: blobs, maze, rooms.")
    ] = None,
    planner: Annotated[str, typer.Option(metavar="NAME", help="kinematic, or hybrid_astar: its search alone.")] = (
        "kinematic"
    ),
    robot: Annotated[
        str | None, typer.Option(metavar="FILE", help="Robot file or name with the outline; default: a disc.")
    ] = None,
    count: Annotated[int, typer.Option(metavar="N", min=1, help="Random pairs whose ends are free.")] = 100,
    reference: Annotated[
        int, typer.Option(metavar="N", min=0, help="Give N of them to hybrid A* with Reeds-Shepp motions too (slow).")
    ] = 0,
    robot_radius: Annotated[float, typer.Option(metavar="M", help="Radius of the disc, without --robot.")] = 0.22,
    inflate: Annotated[float, typer.Option(metavar="M", help="Inflation radius.")] = 0.70,
    scaling: Annotated[float, typer.Option(metavar="PER_M", help="Decay of the inflation.")] = 3.0,
    repeat: Annotated[int, typer.Option(metavar="N", min=1, help="Times each query is solved.")] = 1,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Draws the pairs.")] = 20,
    json: JsonOption = None,
) -> None:
    """Plans for the robot's true outline, every path checked densely by a second opinion."""
    from amr.runtime.bench.kinematic import run
    from amr.runtime.files import load_robot

    config = load_robot(robot) if robot is not None else None
    result = run(
        map_file,
        synthetic,
        planner,
        None if config is None else config.body,
        None if config is None else config.planning.kinematic,
        count=count,
        references=reference,
        robot_radius_m=robot_radius,
        inflate_m=inflate,
        scaling_per_m=scaling,
        repeat=repeat,
        seed=seed,
    )
    write_json(result, json)
    if json == "-":
        return
    times, mark, other = result["time_ms"], result["cost_over_any_angle"], result["reference"]
    say(
        f"{planner}: {result['solved']}/{result['queries']} solved, {result['touching']} touch anything; "
        f"median {number(times['median'])} ms, p99 {number(times['p99'])} ms, max {number(times['max'])} ms"
    )
    if mark is not None:
        say(f"cost over the any-angle grid path: mean {number(mark['mean'])}, max {number(mark['max'])}")
    if other["queries"]:
        cost = other["cost_over_reference"] or {"mean": None, "max": None}
        say(
            f"Reeds-Shepp hybrid A*: {other['solved']}/{other['queries']} solved, {other['solved_by_it_alone']} "
            f"not by us, {other['solved_by_us_alone']} by us alone; cost over its: mean {number(cost['mean'])}, "
            f"max {number(cost['max'])}; its median {number(other['median_s'])} s"
        )
