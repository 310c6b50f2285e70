"""The whole robot on a saved map, for ``amr bench localize``: told where it starts, from nothing, and carried off.

Firmware, link, physics and control take part (``SimulatedRun``); the error is that of the robot's pose at every step.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from amr.config.conditions import Conditions
from amr.config.robot import RobotConfig
from amr.geometry import Pose2
from amr.mapping.base import MapImage
from amr.messages import Goal
from amr.runtime.bench.localize_world import Site, random_poses
from amr.runtime.maps import save_ros_map
from amr.runtime.result import finite
from amr.runtime.saved_map import on_saved_map
from amr.runtime.simulated_run import SimulatedRun
from amr.runtime.trial import Trial

MODES: Final = ("told", "nothing", "kidnapped")
_KIDNAP_S: Final = 12.0
_TIMEOUT_S: Final = 240.0
_TOLERANCE_M: Final = 0.3
_WHEEL_SCALE: Final = 1.02
"""Wheels 2 % off, and the robot does not know."""


@dataclass(frozen=True, slots=True)
class RobotDrive:
    """One drive: ``mode`` of ``MODES``, outcome as ``amr sim`` tells it, ``pose`` as ``amr.runtime.pose_error``."""

    mode: str
    seed: int
    outcome: str
    goals_reached: int
    time_s: float
    step_p99_ms: float
    pose: dict[str, Any]


def robot_drives(
    site: Site, image: MapImage, robot: RobotConfig, seed: int, count: int, backend: str
) -> list[RobotDrive]:
    """``count`` drives of each mode to the world's goals."""
    with tempfile.TemporaryDirectory(prefix="amr-") as folder:
        path = Path(folder) / "map.yaml"
        save_ros_map(path, image)
        return [
            robot_drive(trial_of(site, path, robot, mode, 100 * seed + k, backend), mode)
            for mode in MODES
            for k in range(count)
        ]


def trial_of(site: Site, map_path: Path, robot: RobotConfig, mode: str, seed: int, backend: str) -> Trial:
    """A drive from the world's start, in mode ``nothing`` from anywhere; ``kidnapped``: carried off on the way."""
    anywhere = Pose2(*random_poses(site, 1, seed)[0].tolist())
    start = anywhere if mode == "nothing" else site.world.start
    told = None if mode == "nothing" else start
    return Trial(
        name=f"localize-{mode}",
        world=site.world,
        robot=Conditions(wheel_true_scales=(_WHEEL_SCALE,)).robot(on_saved_map(robot, placed=told is not None)),
        seed=seed,
        start=start,
        goals=tuple(Goal(point[0], point[1], None, _TOLERANCE_M) for point in site.world.goals),
        timeout_s=_TIMEOUT_S,
        backend=backend,
        map_path=map_path,
        told_start=told,
        kidnaps=((round(_KIDNAP_S * 1e9), anywhere),) if mode == "kidnapped" else (),
    )


def robot_drive(trial: Trial, mode: str) -> RobotDrive:
    """Drive it."""
    run = SimulatedRun(trial)
    try:
        outcome = run.run()
        reached = run.last.outputs.telemetry.goals_reached if run.last is not None else 0
        p99_ms = float(np.percentile(run.step_wall_ns, 99)) * 1e-6
        if outcome == "contact" and run.plant.contact is not None:
            how = "" if run.plant.contact.robot_moving else " (the robot stood)"
            outcome = f"contact: {run.plant.contact.obstacle}{how}"
        return RobotDrive(mode, trial.seed, outcome, reached, run.plant.time_ns * 1e-9, p99_ms, run.pose_errors.json())
    finally:
        run.close()


def robot_scores(drives: list[RobotDrive]) -> dict[str, Any]:
    """By mode: arrivals, the largest p95 of the error, shares of the steps, times."""
    return {mode: _scores([drive for drive in drives if drive.mode == mode]) for mode in MODES}


def _scores(drives: list[RobotDrive]) -> dict[str, Any]:
    def largest(key: str, part: str) -> float | None:
        values = [drive.pose[key][part] for drive in drives if drive.pose[key][part] is not None]
        return max(values) if values else None

    def mean(key: str) -> float | None:
        return finite(float(np.mean([drive.pose[key] for drive in drives]))) if drives else None

    return {
        "drives": len(drives),
        "arrived": sum(drive.outcome == "success" for drive in drives),
        "outcomes": [drive.outcome for drive in drives],
        "error_p95_m": largest("error_m", "p95"),
        "error_p95_deg": largest("error_deg", "p95"),
        "doubtful_frac": mean("doubtful_frac"),
        "lost_frac": mean("lost_frac"),
        "sure_and_wrong_frac": mean("sure_and_wrong_frac"),
        "relocated": sum(drive.pose["relocated"] for drive in drives),
        "time_s": [drive.time_s for drive in drives],
        "step_p99_ms": max((drive.step_p99_ms for drive in drives), default=None),
    }
