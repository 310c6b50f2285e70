"""``amr bench barn`` and ``amr bench dynabarn``: the BARN challenge's worlds through the whole stack.

Rules and score: Xiao et al., "Autonomous Ground Navigation in Highly Constrained Spaces" (BARN challenge); score =
success * OT / clip(AT, 2 OT, 8 OT) with OT = path length / 2 m/s. The clock starts when the robot has moved 0.1 m.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from amr.config.robot import RobotConfig
from amr.errors import ConfigError
from amr.geometry import Pose2
from amr.messages import Goal, StopReason
from amr.runtime.bench import barn_picture
from amr.runtime.bench.barn_contact import CONTACT_KINDS, contact_of
from amr.runtime.bench.workers import WorkerDied, run_in_workers
from amr.runtime.files import load_robot
from amr.runtime.result import finite
from sim.worlds.barn import BarnWorld, load_barn

if TYPE_CHECKING:
    from amr.runtime.simulated_run import SimulatedRun
OPTIMAL_SPEED_MPS: Final = 2.0
MOVED_M: Final = 0.1
_FOR_OBSTACLES: Final = (StopReason.OBSTACLE.value, StopReason.OBSTACLE_SLOW.value)
_ROBOT_GOAL_TOLERANCE_M: Final = 0.4
"""The robot is asked for less than the rules' 1 m, for its own idea of where it is drifts."""


@dataclass(frozen=True, slots=True)
class BarnOptions:
    """What ``amr bench barn`` was asked for.

    ``worlds``: ids and ranges such as ``5-9``, of which those in the file are meant; empty = all of the file.
    """

    data: Path
    worlds: tuple[str, ...] = ()
    trials: int = 1
    workers: int = 1
    firmware: str = "native"
    backend: str | None = None
    controller: str | None = None
    v_max_mps: float | None = None
    robot: str = "jackal"
    seed: int = 0
    out: Path | None = None
    record_log: bool = True


@dataclass(frozen=True, slots=True)
class TrialTask:
    """One trial, small enough to travel to a worker process."""

    options: BarnOptions
    world_id: str
    trial: int


@dataclass(frozen=True, slots=True)
class TrialScore:
    """Result of one trial; ``time_s`` nan when the robot never moved."""

    world: str
    trial: int
    success: bool
    collided: bool
    timeout: bool
    outcome: str
    time_s: float
    score: float
    optimal_s: float
    min_clearance_m: float
    digest: str
    simulated_s: float
    wall_s: float
    step_ms_p50: float
    step_ms_p99: float
    light_to_torque_ms_min: float
    w_sign_changes_per_m: float
    ring_interventions: int
    """Times that the safety ring began to stop or slow the robot for an obstacle."""
    contact: str = ""
    """How the robot moved when something was touched, '' without: see ``contact_of``."""
    contact_speed_mps: float = math.nan
    contact_own_closing_mps: float = math.nan
    """How fast the robot's own motion closed the gap just before, and that of the obstacle; negative = opened it."""
    contact_other_closing_mps: float = math.nan
    contact_stop_reason: str = ""


def run(options: BarnOptions, progress: Callable[[TrialScore, int, int], None] | None = None) -> dict[str, Any]:
    """All trials; the contract's JSON. ``progress(score, done, total)`` is called as each trial ends."""
    worlds = _chosen(load_barn(options.data), options.worlds, options.data)
    robot = _robot(options)
    tasks = [TrialTask(options, world.id, trial) for trial in range(options.trials) for world in worlds]
    if options.out is not None:
        options.out.mkdir(parents=True, exist_ok=True)
    started_s = time.monotonic()
    scores: list[TrialScore] = []
    for task, result in run_in_workers(drive_trial, tasks, options.workers):
        score = _lost(task) if isinstance(result, WorkerDied) else result
        scores.append(score)
        if progress is not None:
            progress(score, len(scores), len(tasks))
    order = {task.world_id: index for index, task in enumerate(tasks[: len(worlds)])}
    scores.sort(key=lambda score: (score.trial, order[score.world]))
    summary = _summary(scores, robot, time.monotonic() - started_s, options.workers)
    if options.out is not None:
        barn_picture.write(options.out, summary["trials"], worlds)
    return summary


def drive_trial(task: TrialTask) -> TrialScore:
    """One trial in this process."""
    from amr.runtime.log import LogWriter
    from amr.runtime.simulated_run import SimulatedRun
    from amr.runtime.trial import Trial, default_backend, log_header

    options = task.options
    world = next(world for world in _load_cached(options.data) if world.id == task.world_id)
    goal_x_m, goal_y_m = world.goal_xy_m
    trial = Trial(
        name=f"barn-{world.id}-{task.trial}",
        world=world.world,
        robot=world.conditions.robot(_robot(options), task.trial),
        seed=trial_seed(options.seed, world.id, task.trial),
        start=world.world.start,
        goals=(Goal(goal_x_m, goal_y_m, None, world.conditions.goal_tolerance_m or _ROBOT_GOAL_TOLERANCE_M),),
        timeout_s=world.timeout_s,
        backend=options.backend or default_backend(),
        goal_circle_m=(goal_x_m, goal_y_m, world.goal_radius_m),
    )
    optimal_s = math.nan if world.path_length_m is None else world.path_length_m / OPTIMAL_SPEED_MPS
    started_s = time.monotonic()
    simulated = SimulatedRun(trial, options.firmware)
    if options.out is not None and options.record_log:
        with LogWriter(options.out / f"{world.id}-{task.trial}.mcap", log_header(trial)) as log:
            outcome = simulated.run((log,))
    else:
        outcome = simulated.run()
    wall_s = time.monotonic() - started_s
    if options.out is not None:
        simulated.lockstep.trace.write_csv(options.out / f"{world.id}-{task.trial}.csv")
    simulated.close()
    truth = simulated.lockstep.trace.array()
    time_s = driving_time_s(truth, trial.start)
    success = outcome == "success"
    steps_ms = np.array(simulated.step_wall_ns) * 1e-6
    return TrialScore(
        world=world.id,
        trial=task.trial,
        success=success,
        collided=outcome == "contact",
        timeout=outcome == "timeout",
        outcome=outcome,
        time_s=time_s,
        score=barn_score(success, time_s, optimal_s),
        optimal_s=optimal_s,
        min_clearance_m=simulated.plant.min_clearance_m,
        digest=simulated.digest,
        simulated_s=simulated.plant.time_ns * 1e-9,
        wall_s=wall_s,
        step_ms_p50=float(np.percentile(steps_ms, 50)),
        step_ms_p99=float(np.percentile(steps_ms, 99)),
        light_to_torque_ms_min=min(simulated.light_to_torque_ns, default=0) * 1e-6,
        w_sign_changes_per_m=sign_changes_per_m(truth),
        ring_interventions=sum(event.reason in _FOR_OBSTACLES for event in simulated.stops.events),
        **(_contact(simulated) if outcome == "contact" else {}),
    )


def trial_seed(seed: int, world_id: str, trial: int) -> int:
    """Seed of one trial: the same on every machine and independent of which other trials run."""
    text = f"{seed}/{world_id}/{trial}".encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=6).digest(), "little")


def driving_time_s(truth: np.ndarray[Any, Any], start: Pose2) -> float:
    """Time from having moved 0.1 m to the end; nan when that never happened. ``truth`` [n, >= 3]: t, x, y, ..."""
    moved = np.hypot(truth[:, 1] - start.x_m, truth[:, 2] - start.y_m) >= MOVED_M
    return float(truth[-1, 0] - truth[int(np.argmax(moved)), 0]) if moved.any() else math.nan


def barn_score(success: bool, time_s: float, optimal_s: float) -> float:
    """success * OT / clip(AT, 2 OT, 8 OT); nan when the optimal time is unknown."""
    if not success:
        return 0.0 if math.isfinite(optimal_s) else math.nan
    return optimal_s / min(max(time_s, 2.0 * optimal_s), 8.0 * optimal_s)


def sign_changes_per_m(truth: np.ndarray[Any, Any], threshold_radps: float = 0.1) -> float:
    """Sign changes of the commanded turn rate a metre driven; turns slower than the threshold count as straight."""
    w_radps = truth[:, 7]
    signs = np.sign(w_radps[np.abs(w_radps) > threshold_radps])
    length_m = float(np.hypot(np.diff(truth[:, 1]), np.diff(truth[:, 2])).sum())
    return float(np.count_nonzero(np.diff(signs))) / length_m if length_m > 0.0 else 0.0


# ------------------------------------------------------------ helpers


def _contact(simulated: SimulatedRun) -> dict[str, Any]:
    trace = simulated.lockstep.trace
    return contact_of(trace.array(), trace.reasons, simulated.trial.world, simulated.trial.robot.body)


_CACHE: dict[Path, tuple[BarnWorld, ...]] = {}


def _load_cached(path: Path) -> tuple[BarnWorld, ...]:
    """The file's worlds, read once a process."""
    if path not in _CACHE:
        _CACHE[path] = tuple(load_barn(path))
    return _CACHE[path]


def _chosen(worlds: list[BarnWorld], wanted: tuple[str, ...], path: Path) -> list[BarnWorld]:
    if not wanted:
        return worlds
    chosen: dict[str, BarnWorld] = {}
    for part in wanted:
        found = {world.id: world for world in worlds if _is_meant(world.id, part)}
        if not found:
            raise ConfigError(f"{path}: --worlds {part}: no such world in the file")
        chosen |= found
    return list(chosen.values())


def _is_meant(world_id: str, part: str) -> bool:
    """True when ``part`` is the id, or a range such as ``5-9`` that holds it."""
    first, dash, last = part.partition("-")
    if world_id == part or not dash:
        return world_id == part
    return first.isdigit() and last.isdigit() and world_id.isdigit() and int(first) <= int(world_id) <= int(last)


def _robot(options: BarnOptions) -> RobotConfig:
    """The robot file with what the command line overrides."""
    robot = load_robot(options.robot)
    if options.controller is not None:
        robot = robot.model_copy(
            update={"control": robot.control.model_copy(update={"controller": options.controller})}
        )
    if options.v_max_mps is not None:
        robot = robot.model_copy(update={"limits": robot.limits.model_copy(update={"v_max_mps": options.v_max_mps})})
    return robot


def _lost(task: TrialTask) -> TrialScore:
    """Stands for a trial whose worker process died: it counts as failed and is named as such."""
    nan = math.nan
    return TrialScore(
        task.world_id,
        task.trial,
        False,
        False,
        False,
        "worker_died",
        nan,
        0.0,
        nan,
        nan,
        "",
        0.0,
        0.0,
        nan,
        nan,
        nan,
        nan,
        0,
    )


def _summary(scores: list[TrialScore], robot: RobotConfig, wall_s: float, workers: int) -> dict[str, Any]:
    """The contract's keys, and what else is worth knowing."""
    succeeded = [score for score in scores if score.success]
    per_world: dict[str, list[float]] = {}
    for score in scores:
        per_world.setdefault(score.world, []).append(score.score)
    over_optimal = [score.time_s / score.optimal_s for score in succeeded]
    simulated_s = sum(score.simulated_s for score in scores)
    worker_s = sum(score.wall_s for score in scores)
    return {
        "trials": [{key: _plain(value) for key, value in asdict(score).items()} for score in scores],
        "success_rate": len(succeeded) / len(scores) if scores else None,
        "mean_score": _plain(_mean([_mean(values) for values in per_world.values()])),
        "mean_time_over_optimal": _plain(_mean(over_optimal)),
        "contacts": sum(score.collided for score in scores),
        "contacts_while": {kind: sum(score.contact == kind for score in scores) for kind in CONTACT_KINDS},
        "timeouts": sum(score.timeout for score in scores),
        "min_clearance_m": _plain(min((score.min_clearance_m for score in scores), default=math.nan)),
        "clearance_at_least_0.05_m_frac": _plain(_mean([float(score.min_clearance_m >= 0.05) for score in scores])),
        "w_sign_changes_per_m": _plain(_mean([score.w_sign_changes_per_m for score in scores])),
        "ring_interventions_per_trial": _plain(_mean([float(score.ring_interventions) for score in scores])),
        "light_to_torque_ms_min": _plain(min((score.light_to_torque_ms_min for score in scores), default=math.nan)),
        "step_ms": {
            "p50": _plain(_mean([score.step_ms_p50 for score in scores])),
            "p99": _plain(max((score.step_ms_p99 for score in scores), default=math.nan)),
        },
        "controller": robot.control.controller,
        "config_digest": hashlib.sha256(json.dumps(robot.model_dump(), sort_keys=True).encode()).hexdigest()[:16],
        "wall_s": wall_s,
        "workers": workers,
        "real_time_factor": simulated_s / worker_s if worker_s > 0.0 else None,
    }


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else math.nan


def _plain(value: Any) -> Any:
    return finite(value) if isinstance(value, float) else value
