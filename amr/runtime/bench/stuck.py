"""``amr bench stuck``: from thousands of tight places the robot either gets out or says truly why it cannot.

Each case (``sim.worlds.tight``) runs through core, worker, link, firmware and the planar physics. A report that there
is no way is checked by an exhaustive search over (x, y, heading) with the true outline: where that finds a way with
``SURE_WAY_M`` to spare the report is false, and where the way is narrower it is neither ("too tight").
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from amr.config.robot import RobotConfig
from amr.messages import Goal
from amr.runtime.bench.workers import WorkerDied, run_in_workers
from amr.runtime.files import load_robot
from sim.worlds.passable_outline import outline_space
from sim.worlds.tight import GOAL_RADIUS_M, TightStart, tight_start

LIMIT_S: Final = 120.0
"""A robot that has neither got out nor reported by then is stuck."""
SURE_WAY_M: Final = 0.03
_SAMPLES: Final = 600
"""Fewer than the robot files': what is tested here is who decides, not how smoothly it drives."""

GOT_OUT, TRUE_REPORT, TOO_TIGHT, FALSE_REPORT, STUCK, CONTACT, DIED = (
    "got_out", "true_report", "too_tight", "false_report", "stuck", "contact", "worker_died",
)  # fmt: skip
FAILURES: Final = (FALSE_REPORT, STUCK, CONTACT, DIED)


@dataclass(frozen=True, slots=True)
class StuckTask:
    """One case, small enough to travel to a worker process."""

    seed: int
    robot: str
    samples: int


@dataclass(frozen=True, slots=True)
class StuckCase:
    """How one case ended."""

    seed: int
    kind: str
    verdict: str
    reason: str
    """What the mission said last."""
    time_s: float
    min_clearance_m: float


def run(
    count: int,
    seed: int = 0,
    workers: int = 1,
    robot: str = "jackal",
    samples: int = _SAMPLES,
    progress: Callable[[StuckCase, int, int], None] | None = None,
    out: Path | None = None,
) -> dict[str, Any]:
    """Cases of the seeds ``seed`` to ``seed + count - 1``; counts of the verdicts and every case.

    ``out``: folder in which ``cases.jsonl`` grows by a line as each case ends. Ctrl-C ends the run early: the counts
    are then those of the cases that ended (``interrupted``).
    """
    tasks = [StuckTask(number, robot, samples) for number in range(seed, seed + count)]
    cases: list[StuckCase] = []
    interrupted = False
    path = None
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        path = out / "cases.jsonl"
        path.write_text("", encoding="utf-8")
    try:
        for case in _cases(tasks, workers):
            cases.append(case)
            if path is not None:
                with path.open("a", encoding="utf-8") as lines:
                    lines.write(json.dumps(asdict(case)) + "\n")
            if progress is not None:
                progress(case, len(cases), count)
    except KeyboardInterrupt:
        interrupted = True
    return {**_summary(cases), "asked": count, "interrupted": interrupted}


def _summary(cases: list[StuckCase]) -> dict[str, Any]:
    """Counts of the verdicts, in all and by kind, and the cases by seed."""
    cases.sort(key=lambda case: case.seed)
    verdicts = Counter(case.verdict for case in cases)
    kinds: dict[str, Counter[str]] = {}
    for case in cases:
        kinds.setdefault(case.kind, Counter())[case.verdict] += 1
    reports = verdicts[TRUE_REPORT] + verdicts[TOO_TIGHT] + verdicts[FALSE_REPORT]
    return {
        "count": len(cases),
        "verdicts": dict(verdicts),
        "kinds": {kind: dict(row) for kind, row in sorted(kinds.items())},
        "false_report_rate": verdicts[FALSE_REPORT] / reports if reports else 0.0,
        "failed_seeds": [case.seed for case in cases if case.verdict in FAILURES],
        "time_s_max": max((case.time_s for case in cases), default=math.nan),
        "cases": [asdict(case) for case in cases],
    }


def _cases(tasks: list[StuckTask], workers: int) -> Iterator[StuckCase]:
    for task, result in run_in_workers(drive_case, tasks, workers):
        if isinstance(result, WorkerDied):
            yield StuckCase(task.seed, "", DIED, f"exit code {result.exit_code}", math.nan, math.nan)
        else:
            yield result


def drive_case(task: StuckTask) -> StuckCase:
    """One case in this process."""
    from amr.runtime.simulated_run import SimulatedRun
    from amr.runtime.trial import Trial

    robot = load_robot(task.robot)
    robot = robot.model_copy(update={"control": robot.control.model_copy(update={"samples": task.samples})})
    case = tight_start(task.seed, robot.body, robot.lidar.blind_from_rad)
    trial = Trial(
        name=f"stuck-{task.seed}",
        world=case.world,
        robot=robot,
        seed=task.seed,
        start=case.start,
        goals=(Goal(*case.goal_xy_m, None, GOAL_RADIUS_M),),
        timeout_s=LIMIT_S,
        backend="planar",
        goal_circle_m=(*case.goal_xy_m, 2.0 * GOAL_RADIUS_M),
    )
    simulated = SimulatedRun(trial)
    outcome = simulated.run()
    simulated.close()
    reason = outcome.partition("gave_up: ")[2]
    if outcome == "timeout" and simulated.last is not None:
        telemetry = simulated.last.outputs.telemetry
        reason = f"{telemetry.mission_state}: {telemetry.mission_reason}"
    return StuckCase(
        task.seed,
        case.kind,
        verdict_of(outcome, case, robot),
        reason,
        simulated.plant.time_ns * 1e-9,
        simulated.plant.min_clearance_m,
    )


def verdict_of(outcome: str, case: TightStart, robot: RobotConfig) -> str:
    """What a run's outcome is worth, by the true world."""
    if outcome == "success":
        return GOT_OUT
    if outcome == "contact":
        return CONTACT
    if not outcome.startswith("gave_up"):
        return STUCK
    for clearance_m, verdict in ((SURE_WAY_M, FALSE_REPORT), (0.0, TOO_TIGHT)):
        if outline_space(case.world, robot.body, clearance_m).joins(case.start, case.goal_xy_m, GOAL_RADIUS_M):
            return verdict
    return TRUE_REPORT
