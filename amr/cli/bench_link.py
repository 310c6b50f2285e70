"""``amr bench link``: the serial line under every fault."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated

import typer

from amr.cli.output import JsonOption, note, say, write_json
from amr.cli.sim import Firmware
from amr.errors import ConfigError


class Faults(StrEnum):
    """What is broken."""

    line = "line"
    sensors = "sensors"


def add_to(bench_app: typer.Typer) -> None:
    """Register the command."""
    bench_app.command(epilog="Example: [bold]amr bench link --firmware mega2560 --fault cable[/bold]")(link)


def link(
    firmware: Annotated[
        Firmware, typer.Option(help="Where the firmware runs: native, mega2560 or uno.")
    ] = Firmware.native,
    robot: Annotated[str, typer.Option(metavar="FILE", help="A robot file or name.")] = "reference",
    fault: Annotated[str, typer.Option(metavar="TEXT", help="Only faults whose name contains this.")] = "",
    state: Annotated[str | None, typer.Option(metavar="NAME", help="Only in this state, as driving.")] = None,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Of noise and of the moment that a fault strikes.")] = 0,
    faults: Annotated[Faults, typer.Option(help="Of the line, or of sensors and motors.")] = Faults.line,
    pty: Annotated[bool, typer.Option("--pty", help="Instead: round trips over a real pty, in real time.")] = False,
    trips: Annotated[int, typer.Option(metavar="N", min=100, max=1_000_000, help="With --pty: how many.")] = 5000,
    json: JsonOption = None,
) -> None:
    """Each fault of line, board and host in each state of the protocol: time to stop, recovery, odometry, outputs."""
    if pty:
        _round_trips(trips, json)
    elif faults is Faults.sensors:
        _sensors(robot, fault, seed, json)
    else:
        _matrix(firmware, robot, fault, state, seed, json)


def _round_trips(trips: int, json: str | None) -> None:
    from amr.runtime.bench.link_pty import measure

    result = measure(trips)
    write_json({"pty": result.to_json()}, json)
    for name, times in (("elapsed", result.wall_ms), ("host time", result.host_ms)):
        say(f"{name:9s} ms: p50 {times['p50']:.3f}, p99 {times['p99']:.3f}, max {times['max']:.3f}", json)
    say(f"{result.trips} round trips, {result.lost} lost, first come first served: {result.fifo}", json)
    if not result.ok:
        raise typer.Exit(1)


def _matrix(firmware: Firmware, robot: str, fault: str, state: str | None, seed: int, json: str | None) -> None:
    from amr.runtime.bench.link import STATES, LinkCase, run_all
    from amr.runtime.files import load_robot

    if firmware is Firmware.pty:
        raise ConfigError("--firmware: must be native, mega2560 or uno here; --pty measures the pty")
    if state not in {None, *STATES}:
        raise ConfigError(f"--state: must be one of {', '.join(STATES)}, is {state!r}")
    cases: list[LinkCase] = []
    say(f"{'fault':34s} {'state':10s} {'stop':>6s} {'limit':>6s} {'again':>6s} ms {'jump mm':>8s} unsafe", json)
    for case in run_all(firmware.value, load_robot(robot), seed, fault, state):
        cases.append(case)
        times = " ".join(f"{_number(value):>6s}" for value in (case.stop_ms, case.limit_ms, case.recovered_ms))
        verdict = "" if case.ok else "  FAILED"
        say(
            f"{case.fault:34s} {case.state:10s} {times} {1e3 * case.odometry_jump_m:11.2f} {case.unsafe:6d}{verdict}",
            json,
        )
    if not cases:
        raise ConfigError(f"--fault: no fault's name contains {fault!r}")
    failed = [case for case in cases if not case.ok]
    write_json({"firmware": firmware.value, "seed": seed, "cases": [case.to_json() for case in cases]}, json)
    for case in failed:
        reasons = dict.fromkeys(re.sub(r"[0-9]+ ms", "N ms", reason) for reason in case.reasons)
        note(f"{case.fault}, {case.state}: {'; '.join(reasons)}")
    say(f"{len(cases)} cases, {len(failed)} failed", json)
    if failed:
        raise typer.Exit(1)


def _sensors(robot: str, fault: str, seed: int, json: str | None) -> None:
    from amr.runtime.bench.link_sensors import SensorCase, run_all
    from amr.runtime.files import load_robot

    cases: list[SensorCase] = []
    say(f"{'fault':28s} {'named':>6s} {'stands':>6s} ms", json)
    for case in run_all(load_robot(robot), seed, fault):
        cases.append(case)
        contact = "  TOUCHED SOMETHING" if case.contact else ""
        verdict = "" if case.ok else "  FAILED"
        times = f"{_number(case.named_ms):>6s} {_number(case.stop_ms):>6s}"
        say(f"{case.fault:28s} {times}  {case.named}{contact}{verdict}", json)
    if not cases:
        raise ConfigError(f"--fault: no fault's name contains {fault!r}")
    failed = sum(not case.ok for case in cases)
    write_json({"seed": seed, "cases": [case.to_json() for case in cases]}, json)
    say(f"{len(cases)} cases, {failed} failed", json)
    if failed:
        raise typer.Exit(1)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}"
