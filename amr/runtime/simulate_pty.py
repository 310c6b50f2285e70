"""``amr sim --firmware pty``: the drive of a real robot, where the robot is a simulated one behind a real pty.

This process runs what ``amr drive`` runs: the real-time loop, the link through pyserial, the worker and the log in
processes of their own. The world runs in real time beside it (``amr.runtime.live_world``).
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TypeVar

import numpy as np

from amr.errors import AmrError, DataError
from amr.messages import Inputs, InsertScan, LinkStatus, Outputs, PlanResult, Scan
from amr.registry import make_planning_worker
from amr.runtime.digest import RunDigest
from amr.runtime.drive import DriveOptions, DriveSummary, drive
from amr.runtime.live_world import WorldAddress, WorldReport, serve_world
from amr.runtime.log import read_log
from amr.runtime.operator import Wishes
from amr.runtime.progress import Progress
from amr.runtime.result import LinkCounts, MapImage, PlanRecord, RunResult
from amr.runtime.run_result import map_image, world_outline
from amr.runtime.saved_map import load_saved_map
from amr.runtime.simulated_run import StopLog
from amr.runtime.trial import Trial
from amr.units import NS_PER_S, ns_from_s

Kind = TypeVar("Kind")

_START_TIMEOUT_S = 60.0
_END_TIMEOUT_S = 20.0


class _Watcher:
    """Sees every step of the drive: digest, stops, plans, link counts, progress for the display."""

    def __init__(self, trial: Trial, progress: Callable[[Progress], None] | None) -> None:
        self._trial, self._progress = trial, progress
        self.digest, self.stops = RunDigest(), StopLog()
        self.plans: list[PlanRecord] = []
        self.link = LinkCounts()
        self.goals_reached = 0

    def record(self, inputs: Inputs, outputs: Outputs) -> None:
        """A ``StepSink``."""
        self.digest.record(inputs, outputs)
        self.stops.record(inputs, outputs)
        for message in inputs.messages:
            if isinstance(message, PlanResult) and len(message.path_map):
                self.plans.append(PlanRecord(inputs.now_ns / NS_PER_S, message.path_map))
            elif isinstance(message, LinkStatus):
                self.link = LinkCounts(message.frames_in, message.frames_out, message.crc_errors, message.lost)
        telemetry = outputs.telemetry
        self.goals_reached = telemetry.goals_reached
        if self._progress is not None and outputs.step % 5 == 0:
            pose = telemetry.map_from_odom @ telemetry.odom_from_base
            self._progress(
                Progress(
                    t_s=inputs.now_ns / NS_PER_S,
                    timeout_s=self._trial.timeout_s,
                    x_m=pose.x_m,
                    y_m=pose.y_m,
                    v_mps=telemetry.twist.v_mps,
                    goals_reached=telemetry.goals_reached,
                    goals_total=telemetry.goals_total,
                    mission_state=telemetry.mission_state,
                    stop_reason=outputs.stop.reason.value,
                    real_time_factor=1.0,
                )
            )


class _Overseer:
    """Hands that press nothing and quit when the time is up or the world reports a contact."""

    help = "driving by itself"

    def __init__(self, pipe: Connection, timeout_ns: int) -> None:
        self._pipe, self._timeout_ns = pipe, timeout_ns
        self.verdict = ""

    def poll(self, now_ns: int) -> Wishes:
        """See ``amr.runtime.drive.Hands``."""
        try:
            while not self.verdict and self._pipe.poll():
                self.verdict = str(self._pipe.recv())
        except (EOFError, OSError):
            self.verdict = "the simulated world ended"
        if not self.verdict and now_ns >= self._timeout_ns:
            self.verdict = "timeout"
        return Wishes(quit=bool(self.verdict))


def run_on_pty(trial: Trial, log: Path | None, progress: Callable[[Progress], None] | None) -> RunResult:
    """One run in real time. Raises ``AmrError`` when the world cannot be started."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    boot_id = time.time_ns() & 0xFFFF_FFFF
    world = context.Process(target=serve_world, args=(trial, boot_id, theirs), daemon=True)
    world.start()
    theirs.close()
    try:
        address = _receive(ours, WorldAddress, _START_TIMEOUT_S)
        watcher, overseer = _Watcher(trial, progress), _Overseer(ours, ns_from_s(trial.timeout_s))
        options = DriveOptions(
            robot=trial.robot,
            base_url=address.base_url,
            lidar_url=address.lidar_url,
            goals=trial.goals,
            log=log,
            arm=True,
            seed=trial.seed,
            start=trial.map_from_odom,
            map_path=trial.map_path,
            told_start=trial.told_start,
            explore=trial.explore,
        )
        summary = drive(options, overseer, sinks=(watcher,), show_lines=progress is None)
        ours.send("end")
        report = _receive(ours, WorldReport, _END_TIMEOUT_S)
    finally:
        ours.close()
        world.join(timeout=5.0)
        if world.is_alive():
            world.kill()
    return _result(trial, log, watcher, _outcome(summary, overseer, report), summary, report)


def _receive(pipe: Connection, kind: type[Kind], timeout_s: float) -> Kind:
    """The next message of that kind; others are passed over. Raises ``AmrError`` when none comes."""
    deadline_s = time.monotonic() + timeout_s
    try:
        while pipe.poll(max(0.0, deadline_s - time.monotonic())):
            message = pipe.recv()
            if isinstance(message, kind):
                return message
    except (EOFError, OSError):
        pass
    raise AmrError("the simulated world did not answer (its process ended or hangs)")


def _outcome(summary: DriveSummary, overseer: _Overseer, report: WorldReport) -> str:
    if report.contact:
        return "contact"
    if overseer.verdict:
        return overseer.verdict
    return "success" if summary.outcome == "done" else summary.outcome.replace("failed", "gave_up", 1)


def _map_from_log(trial: Trial, log: Path) -> MapImage | None:
    """The worker's map, made again from the log's scans and requests; None when the log tells nothing."""
    saved = None if trial.map_path is None else load_saved_map(trial.map_path, trial.robot)
    worker = make_planning_worker(trial.robot, saved=saved)
    try:
        for step in read_log(log):
            for message in step.inputs.messages:
                if isinstance(message, Scan):
                    worker.offer_scan(message)
            for request in step.requests():
                if isinstance(request, InsertScan):
                    worker.handle(request)
    except DataError:
        return None
    return map_image(worker)


def _result(
    trial: Trial, log: Path | None, watcher: _Watcher, outcome: str, summary: DriveSummary, report: WorldReport
) -> RunResult:
    truth = report.truth
    length_m = float(np.hypot(np.diff(truth[:, 1]), np.diff(truth[:, 2])).sum()) if len(truth) > 1 else 0.0
    return RunResult(
        scenario=trial.name,
        seed=trial.seed,
        success=outcome == "success",
        outcome=outcome,
        time_s=report.time_s,
        path_length_m=length_m,
        collisions=int(report.contact),
        min_clearance_m=report.min_clearance_m,
        goals_reached=watcher.goals_reached,
        goals_total=len(trial.goals),
        stops=tuple(watcher.stops.events),
        link=watcher.link,
        step_ms=summary.step_ms,
        real_time_factor=1.0,
        steps=summary.steps,
        digest=watcher.digest.text(),
        log=str(log) if log is not None else None,
        robot=trial.robot.name,
        description=trial.robot.description,
        backend=trial.backend,
        firmware="pty",
        pace="real",
        controller=trial.robot.control.controller,
        goals=tuple((goal.x_m, goal.y_m, goal.yaw_rad) for goal in trial.goals),
        start=(trial.start.x_m, trial.start.y_m, trial.start.yaw_rad),
        outline_m=trial.robot.body.outline_m,
        truth=truth[:, :6],
        world=world_outline(trial.world, report.time_s),
        map=_map_from_log(trial, log) if log is not None else None,
        plans=tuple(watcher.plans),
        counters=(
            ("missed control ticks", summary.missed_ticks),
            ("late simulator ticks", report.late_ticks),
            ("log records dropped", summary.log_dropped),
        ),
    )
