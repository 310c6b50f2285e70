"""``amr sim``: one simulated run, logged, paced and shown."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from amr.config.zones import Zones
from amr.errors import ConfigError
from amr.runtime.log import LogWriter
from amr.runtime.progress import Progress
from amr.runtime.result import RunResult
from amr.runtime.run_result import run_result
from amr.runtime.simulated_run import SimulatedRun
from amr.runtime.snapshot import encode
from amr.runtime.trial import MapChoice, load_trial, log_header
from amr.units import NS_PER_S


def run(
    scenario: str,
    *,
    seed: int | None = None,
    robot: str | None = None,
    backend: str | None = None,
    firmware: str = "native",
    pace: str = "fast",
    web: int | None = None,
    zones: Zones | None = None,
    map_choice: MapChoice | None = None,
    log: Path | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> RunResult:
    """``amr sim``: one run of a scenario, logged to ``log``, with the rules of ``zones``, on a saved map.

    Raises ``AmrError`` for what cannot be run.
    """
    if web is not None:
        raise ConfigError("--web: the operator page is not in this version")
    trial = load_trial(scenario, seed, robot, backend, map_choice)
    if zones is not None:
        trial = replace(trial, robot=trial.robot.model_copy(update={"zones": zones}))
    if firmware == "pty":
        from amr.runtime.simulate_pty import run_on_pty

        return run_on_pty(trial, log, progress)
    started_ns = time.monotonic_ns()
    simulated = SimulatedRun(trial, firmware)
    with ExitStack() as stack:
        writer = stack.enter_context(LogWriter(log, log_header(trial))) if log is not None else None
        watchers: list[Callable[[SimulatedRun], None]] = [_Pacer(started_ns)] if pace == "real" else []
        if writer is not None:
            watchers.append(Snapshots(writer))
        if progress is not None:
            watchers.append(Reporter(progress, started_ns))
        stack.callback(simulated.close)
        simulated.run(() if writer is None else (writer,), watchers)
    return run_result(simulated, (time.monotonic_ns() - started_ns) * 1e-9, log, pace)


class _Pacer:
    """Holds the virtual time back to the wall's."""

    def __init__(self, started_ns: int) -> None:
        self._started_ns = started_ns

    def __call__(self, run: SimulatedRun) -> None:
        ahead_ns = run.plant.time_ns - (time.monotonic_ns() - self._started_ns)
        if ahead_ns > 0:
            time.sleep(ahead_ns * 1e-9)


class Snapshots:
    """Puts the core's state into the log every ten seconds of virtual time, between steps, where nothing waits."""

    PERIOD_NS = 10 * NS_PER_S

    def __init__(self, writer: LogWriter) -> None:
        self._writer = writer
        self._next_ns = self.PERIOD_NS

    def __call__(self, run: SimulatedRun) -> None:
        if run.last is not None and run.last.inputs.now_ns >= self._next_ns:
            self._next_ns += self.PERIOD_NS
            outputs = run.last.outputs
            self._writer.snapshot(outputs.step, outputs.now_ns, encode(run.core.state()))


class Reporter:
    """Tells a live display where the run is, ten times a virtual second."""

    PERIOD_STEPS = 5

    def __init__(self, progress: Callable[[Progress], None], started_ns: int) -> None:
        self._progress = progress
        self._started_ns = started_ns

    def __call__(self, run: SimulatedRun) -> None:
        if run.last is None or run.last.outputs.step % self.PERIOD_STEPS:
            return
        telemetry, body = run.last.outputs.telemetry, run.plant.truth()
        wall_ns = max(1, time.monotonic_ns() - self._started_ns)
        self._progress(
            Progress(
                t_s=run.plant.time_ns * 1e-9,
                timeout_s=run.trial.timeout_s,
                x_m=body.x_m,
                y_m=body.y_m,
                v_mps=body.v_mps,
                goals_reached=telemetry.goals_reached,
                goals_total=telemetry.goals_total,
                mission_state=telemetry.mission_state,
                stop_reason=run.last.outputs.stop.reason.value,
                real_time_factor=run.plant.time_ns / wall_ns,
            )
        )
