"""``amr bench``: measurements on outside data."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from amr.cli import bench_falsify, bench_link, bench_localize, bench_mcu, bench_slam, calibrate
from amr.cli.output import JsonOption, note, say, write_json
from amr.cli.sim import Backend, Firmware
from amr.errors import ConfigError, DataError

if TYPE_CHECKING:
    from amr.runtime.bench.barn import TrialScore

bench_app = typer.Typer(
    no_args_is_help=True, help="Measurements on outside data; each leaves raw results.", rich_markup_mode="rich"
)

DataOption = Annotated[Path, typer.Option("--data", metavar="FILE", help="Worlds in BARN's JSON format.")]
WorldsOption = Annotated[str | None, typer.Option(metavar="1,2,5-9", help="Only these worlds.")]
TrialsOption = Annotated[int, typer.Option(metavar="N", min=1, help="Trials of each world.")]
WorkersOption = Annotated[int, typer.Option(metavar="N", min=1, max=64, help="Processes side by side.")]
FirmwareOption = Annotated[Firmware, typer.Option(help="Where the firmware runs: native, mega2560 or uno.")]
BackendOption = Annotated[Backend | None, typer.Option(help="Which physics; default as amr sim.")]
ControllerOption = Annotated[str | None, typer.Option(metavar="NAME", help="Instead of the robot file's.")]
SpeedOption = Annotated[
    float | None, typer.Option("--v-max", metavar="MPS", help="Instead of the robot file's limits.v_max_mps.")
]
RobotOption = Annotated[str, typer.Option(metavar="FILE", help="A robot file or name.")]
SeedOption = Annotated[int, typer.Option(metavar="N", min=0, help="Seed of all trials.")]
OutOption = Annotated[Path | None, typer.Option(metavar="DIR", help="Raw results.")]
LogOption = Annotated[bool, typer.Option("--log/--no-log", help="With --out: also a log of each trial.")]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    bench_slam.add_to(bench_app)
    bench_localize.add_to(bench_app)
    bench_mcu.add_to(bench_app)
    bench_link.add_to(bench_app)
    bench_falsify.add_to(bench_app)
    calibrate.add_bench_to(bench_app)
    app.add_typer(bench_app, name="bench", epilog="Example: [bold]amr bench loop --seconds 20[/bold]")


@bench_app.command(epilog="Example: [bold]amr bench barn --data barn_visible.json --worlds 0-9 --workers 2[/bold]")
def barn(
    data: DataOption,
    worlds: WorldsOption = None,
    trials: TrialsOption = 1,
    workers: WorkersOption = 1,
    firmware: FirmwareOption = Firmware.native,
    backend: BackendOption = None,
    controller: ControllerOption = None,
    v_max: SpeedOption = None,
    robot: RobotOption = "jackal",
    seed: SeedOption = 0,
    out: OutOption = None,
    log: LogOption = True,
    baseline: Annotated[
        bool, typer.Option("--baseline", help="Also drive DWA at 0.5 m/s, and print it beside.")
    ] = False,
    json: JsonOption = None,
) -> None:
    """BARN challenge: static worlds through the whole stack; the official score."""
    _barn(data, worlds, trials, workers, firmware, backend, controller, v_max, robot, seed, out, log, json, baseline)


@bench_app.command(epilog="Example: [bold]amr bench dynabarn --data dynabarn_visible.json --trials 5[/bold]")
def dynabarn(
    data: DataOption,
    worlds: WorldsOption = None,
    trials: TrialsOption = 1,
    workers: WorkersOption = 1,
    firmware: FirmwareOption = Firmware.native,
    backend: BackendOption = None,
    controller: ControllerOption = None,
    v_max: SpeedOption = None,
    robot: RobotOption = "jackal",
    seed: SeedOption = 0,
    out: OutOption = None,
    log: LogOption = True,
    json: JsonOption = None,
) -> None:
    """DynaBARN: worlds with moving cylinders; the success rate."""
    _barn(data, worlds, trials, workers, firmware, backend, controller, v_max, robot, seed, out, log, json)


@bench_app.command(epilog="Example: [bold]amr bench hard --trials 2 --workers 2[/bold]")
def hard(
    data: Annotated[
        Path | None, typer.Option("--data", metavar="FILE", help="Worlds; default the committed suite.")
    ] = None,
    fresh: Annotated[int | None, typer.Option(metavar="SEED", min=0, help="New worlds from this seed instead.")] = None,
    count: Annotated[int, typer.Option(metavar="N", min=1, max=10_000, help="With --fresh: how many.")] = 60,
    worlds: Annotated[str | None, typer.Option(metavar="ID,ID", help="Only these worlds.")] = None,
    trials: TrialsOption = 2,
    workers: WorkersOption = 1,
    backend: BackendOption = None,
    robot: RobotOption = "jackal",
    seed: SeedOption = 0,
    out: OutOption = None,
    log: LogOption = False,
    json: JsonOption = None,
) -> None:
    """Harder than BARN: narrow gaps, traps, dead ends, mazes; late, slippery, odometry 5 % off."""
    from amr.runtime.bench.barn import BarnOptions
    from amr.runtime.bench.hard import packaged, run

    options = BarnOptions(
        data=packaged() if data is None else data,
        worlds=() if worlds is None else tuple(part.strip() for part in worlds.split(",")),
        trials=trials,
        workers=workers,
        backend=None if backend is None else backend.value,
        robot=robot,
        seed=seed,
        out=out,
        record_log=log,
    )
    result = run(options, fresh, count, _trial_line)
    write_json(result, json)
    if json == "-":
        return
    for kind, (succeeded, driven, contacts) in result["kinds"].items():
        say(f"{kind:<12}{succeeded:>5} of {driven:<5} contacts {contacts}")
    say(
        f"{result['controller']}: {len(result['trials'])} trials: success {_percent(result['success_rate'])}, "
        f"contacts {result['contacts']}, timeouts {result['timeouts']}, "
        f"light to torque >= {_number(result['light_to_torque_ms_min'], 0)} ms, "
        f"smallest clearance {_number(result['min_clearance_m'])} m, "
        f"{_number(result['real_time_factor'], 1)} x real time, {result['wall_s']:.0f} s"
    )


@bench_app.command(epilog="Example: [bold]amr bench stuck --count 2000 --workers 2[/bold]")
def stuck(
    count: Annotated[int, typer.Option(metavar="N", min=1, max=100_000, help="Starts.")] = 200,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Seed of the first; each takes the next.")] = 0,
    workers: WorkersOption = 1,
    robot: RobotOption = "jackal",
    samples: Annotated[int, typer.Option(metavar="N", min=16, max=32768, help="Of MPPI.")] = 600,
    out: OutOption = None,
    json: JsonOption = None,
) -> None:
    """Starts in tight places: each gets out, or says truly why it cannot."""
    from amr.runtime.bench.stuck import FAILURES, StuckCase, run

    def progress(case: StuckCase, done: int, total: int) -> None:
        if case.verdict in FAILURES:
            note(f"seed {case.seed} {case.kind}: {case.verdict} after {case.time_s:.1f} s {case.reason}")
        if done % 50 == 0 or done == total:
            note(f"{done}/{total} starts")

    result = run(count, seed, workers, robot, samples, progress, out)
    write_json(result, json)
    if json == "-":
        return
    for kind, row in result["kinds"].items():
        say(f"{kind:<14}" + ", ".join(f"{verdict} {number}" for verdict, number in sorted(row.items())))
    verdicts = result["verdicts"]
    names = ("got_out", "true_report", "too_tight", "false_report", "stuck", "contact")
    early = f" of {count}, interrupted" if result["interrupted"] else ""
    say(f"{result['count']} starts{early}: " + ", ".join(f"{name} {verdicts.get(name, 0)}" for name in names))
    say(f"longest {result['time_s_max']:.0f} s; failed seeds: {result['failed_seeds'] or 'none'}")


def _barn(
    data: Path,
    worlds: str | None,
    trials: int,
    workers: int,
    firmware: Firmware,
    backend: Backend | None,
    controller: str | None,
    v_max_mps: float | None,
    robot: str,
    seed: int,
    out: Path | None,
    log: bool,
    json: str | None,
    baseline: bool = False,
) -> None:
    from amr.runtime.bench.barn import BarnOptions, run

    options = BarnOptions(
        data=data,
        worlds=parse_worlds(worlds),
        trials=trials,
        workers=workers,
        firmware=firmware.value,
        backend=None if backend is None else backend.value,
        controller=controller,
        v_max_mps=v_max_mps,
        robot=robot,
        seed=seed,
        out=out,
        record_log=log,
    )
    result = run(options, _trial_line)
    if baseline:
        result["baseline"] = run(replace(options, controller="dwa", v_max_mps=0.5, out=None), _trial_line)
    write_json(result, json)
    if json == "-":
        return
    say(f"{result['controller']}: {_barn_line(result)}")
    if baseline:
        say(f"dwa at 0.5 m/s: {_barn_line(result['baseline'])}")


def _barn_line(result: dict[str, Any]) -> str:
    return (
        f"{len(result['trials'])} trials: success {_percent(result['success_rate'])}, mean score "
        f"{_number(result['mean_score'])}, AT/OT {_number(result['mean_time_over_optimal'])}, "
        f"contacts {result['contacts']}{_contacts(result['contacts_while'])}, timeouts {result['timeouts']}, "
        f"w sign changes {_number(result['w_sign_changes_per_m'], 2)} a metre, "
        f"{_number(result['real_time_factor'], 1)} x real time, {result['wall_s']:.0f} s"
    )


def _contacts(kinds: dict[str, int]) -> str:
    """How the robot moved at the contacts, '' when there were none."""
    named = ", ".join(f"{count} while {kind}" for kind, count in kinds.items() if count)
    return f" ({named})" if named else ""


def _trial_line(score: TrialScore, done: int, total: int) -> None:
    """Each failure on its own line, the count on one line that changes (terminal) or every 20 trials."""
    if not score.success:
        how = f" while {score.contact} at {score.contact_speed_mps:.2f} m/s" if score.contact else ""
        reason = f" ({score.contact_stop_reason})" if score.contact_stop_reason else ""
        line = f"world {score.world} trial {score.trial}: {score.outcome}{how}{reason}"
        note(f"\r\033[K{line}" if sys.stderr.isatty() else line)
    if sys.stderr.isatty():
        typer.echo(f"\r\033[K{done}/{total}  world {score.world}: {score.time_s:.1f} s", err=True, nl=done == total)
    elif done % 20 == 0 or done == total:
        note(f"{done}/{total} trials")


def _count_line(text: str) -> None:
    """Progress on one line that changes, on a terminal only."""
    if sys.stderr.isatty():
        typer.echo(f"\r\033[K{text}", err=True, nl=False)


def parse_worlds(text: str | None) -> tuple[str, ...]:
    """``1,2,5-9`` as ``("1", "2", "5-9")``; None = all. Raises ``ConfigError``."""
    if text is None:
        return ()
    parts = tuple(dict.fromkeys(part.strip() for part in text.split(",")))
    for part in parts:
        first, dash, last = part.partition("-")
        if not part or (dash and not (first.isdigit() and last.isdigit() and int(first) <= int(last))):
            raise ConfigError(f"--worlds {text}: expected numbers and ranges such as 1,2,5-9")
    return parts


@bench_app.command(epilog="Example: [bold]amr bench planners --map depot.yaml --queries depot.json --repeat 5[/bold]")
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
            f"{name:<14}{solved:>12}{_number(row['time_ms']['median']):>12}{_number(row['time_ms']['p99']):>10}"
            f"{_number(row['time_ms']['max']):>10}{_number(row['cost']['mean']):>12}"
            f"{_number(row['length_m']['mean']):>12}"
            f"{'-' if above is None else format(100.0 * above['max'], '.3f') + ' %':>12}"
        )
    for name, row in result["planners"].items():
        if "cold_ms" in row:
            cold = row["cold_ms"]
            say(f"{name}, map prepared anew: {_number(cold['median'])} ms, max {_number(cold['max'])} ms")
    if "replan" in result:
        again = result["replan"]
        for kind, ratio in again["cold_over_replan"].items():
            say(
                f"replan, {kind}: {_number(again[f'{kind}_ms']['median'])} ms against "
                f"{_number(again['cold_ms']['median'])} ms from nothing, {_number(ratio, 1)} x; "
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
                f"{mine} against {peer}: {_number(times['median'], 1)} x faster in the median of the maps "
                f"({_number(times['min'], 1)} to {_number(times['max'], 1)}); cheaper on {cost['cheaper_on']} of "
                f"{cost['maps']} maps, at most {_number(cost['largest_ratio'], 4)} of its cost"
            )
    for name, ratio in result["worst_over_median"].items():
        say(f"{name}: slowest query {_number(ratio, 1)} x the map's median at most")
    for kind, ratios in result.get("replan", {}).items():
        say(
            f"replan, {kind}: {_number(ratios['median'], 1)} x faster than cold in the median of the maps "
            f"({_number(ratios['min'], 1)} to {_number(ratios['max'], 1)})"
        )


@bench_app.command(epilog="Example: [bold]amr bench paths --count 10000[/bold]")
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

    result = run(count=count, seed=seed, robot=robot, planner=planner, progress=_count_line)
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
            f"{name:<7} {_number(row['length_m'], 2)} m, cost {_number(row['cost_m'], 2)}, curvature changes sides "
            f"{_number(row['sign_changes_per_m'])} times a metre, varies "
            f"{_number(row['curvature_variation_per_m2'], 2)} /m2, largest (median) {_number(bend, 2)} /m"
        )
    finish_ms, profile_ms = ((result[name] or {}).get("p50") for name in ("finish_ms", "profile_ms"))
    say(
        f"limits exceeded: {sum(result['limit_violations'].values())}; smoothing {_number(finish_ms)} ms, profile "
        f"{_number(profile_ms)} ms (median); mean speed {_number(result['mean_speed_mps'], 2)} m/s"
    )


@bench_app.command(epilog="Example: [bold]amr bench kinematic --synthetic blobs:1024:1 --robot jackal[/bold]")
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
        f"median {_number(times['median'])} ms, p99 {_number(times['p99'])} ms, max {_number(times['max'])} ms"
    )
    if mark is not None:
        say(f"cost over the any-angle grid path: mean {_number(mark['mean'])}, max {_number(mark['max'])}")
    if other["queries"]:
        cost = other["cost_over_reference"] or {"mean": None, "max": None}
        say(
            f"Reeds-Shepp hybrid A*: {other['solved']}/{other['queries']} solved, {other['solved_by_it_alone']} "
            f"not by us, {other['solved_by_us_alone']} by us alone; cost over its: mean {_number(cost['mean'])}, "
            f"max {_number(cost['max'])}; its median {_number(other['median_s'])} s"
        )


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
        f"{result['controller']} {result['samples']} x {result['steps']}: p50 {_number(cycle['p50'])} ms, "
        f"p99 {_number(cycle['p99'])} ms, max {_number(cycle['max'])} ms; "
        f"the same in NumPy {_number(result['numpy_reference_ms'])} ms; {result['threads']} thread"
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

    result = run([*data, *(more or [])], out, _status_line)
    _status_line("")
    write_json(result, json)
    if json == "-":
        return
    say(f"{'graph':<24}{'nodes':>8}{'edges':>8}{'chi2':>14}{'iterations':>12}{'wall s':>9}  start")
    for row in result["graphs"]:
        say(
            f"{row['name']:<24}{row['nodes']:>8}{row['edges']:>8}{_number(row['chi2']):>14}{row['iterations']:>12}"
            f"{_number(row['wall_s'], 2):>9}  {row['start']}{'' if row['converged'] else ' (not converged)'}"
        )


def _status_line(text: str) -> None:
    """Progress on one line that changes; nothing when that is no terminal."""
    if sys.stderr.isatty():
        typer.echo(f"\r\033[K{text}", err=True, nl=False)


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
        say(f"{name:<18}" + "".join(f"{key:>6} {_number(row[key], 0):>8}" for key in ("p50", "p99", "p999", "max")))
    say(f"missed {result['missed']}, FIFO {result['fifo']}, CPU stolen {_percent(result['cpu_steal_frac'])}")


def _number(value: Any, digits: int = 3) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100.0 * value:.1f} %"
