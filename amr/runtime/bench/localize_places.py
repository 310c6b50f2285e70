"""Relocalization from nothing, for ``amr bench localize``: right, ambiguous or wrong, and whether a place is ambiguous.

An answer "ambiguous" is shown to be one when, from one of the rivals that it names, a perfect lidar in the true world
measures the same as from the true poses, within ``SAME_M`` on ``SAME_FRAC`` of the beams of every scan.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from amr.config.robot import RobotConfig
from amr.localization.map_field import MapField
from amr.localization.pose_filter import PoseFilter
from amr.localization.relocalize import Place, Relocalizer, Relocation
from amr.mapping.base import between, compose
from amr.runtime.bench.localize_fit import is_lost
from amr.runtime.bench.localize_world import Site, drive
from sim.kernels.lidar import cast_turn
from sim.scene import Scene

Array = NDArray[Any]

SCANS: Final = 10
TRIAL_S: Final = 12.0
SAME_M: Final = 0.15
SAME_FRAC: Final = 0.9
_BEAMS: Final = 180


@dataclass(frozen=True, slots=True)
class Trial:
    """``truth`` and ``guess`` [3] at the last scan used; ``verdict``: right, wrong, shown_ambiguous, unshown."""

    verdict: str
    place: Place
    scans: int
    probability: float
    truth: Array
    guess: Array
    search_ms: float


def trial(site: Site, scene: Scene, relocalizer: Relocalizer, robot: RobotConfig, seed: int) -> Trial:
    """One start at a random place; at most ``SCANS`` scans are looked at, as the robot drives."""
    origin = np.array([robot.lidar.x_m, robot.lidar.y_m])
    relocalizer.clear()
    truths: list[Array] = []
    answer: Relocation | None = None
    spent_ms: list[float] = []
    for sighting in drive(site, robot, seed, TRIAL_S, wheel_scale=1.02):
        if not relocalizer.add(sighting.points, origin, sighting.odometry):
            continue
        truths.append(sighting.truth)
        begin_ns = time.perf_counter_ns()
        answer = relocalizer.search()
        spent_ms.append((time.perf_counter_ns() - begin_ns) / 1e6)
        if answer.place is Place.FOUND or len(truths) == SCANS:
            break
    if answer is None:
        nobody = np.full(3, math.nan)
        return Trial("unshown", Place.NOWHERE, 0, 0.0, nobody, nobody, 0.0)
    guess = answer.poses[0] if len(answer.poses) else np.full(3, math.nan)
    if answer.place is Place.FOUND:
        verdict = "wrong" if is_lost(guess, truths[-1]) else "right"
    else:
        verdict = "shown_ambiguous" if has_double(scene, answer.poses, truths, robot) else "unshown"
    probability = float(answer.probabilities[0]) if len(answer.probabilities) else 0.0
    return Trial(verdict, answer.place, len(truths), probability, truths[-1], guess, float(np.median(spent_ms)))


def has_double(scene: Scene, poses: Array, truths: list[Array], robot: RobotConfig) -> bool:
    """True when one of ``poses`` that is not the true one looks the same in the true world, all along the way."""
    steps = [between(truths[-1], truth) for truth in truths]
    for pose in poses:
        if is_lost(pose, truths[-1]):
            shares = [
                _same_frac(scene, truth, compose(pose, step), robot) for truth, step in zip(truths, steps, strict=True)
            ]
            if min(shares) >= SAME_FRAC:
                return True
    return False


def _same_frac(scene: Scene, a: Array, b: Array, robot: RobotConfig) -> float:
    first, second = _ranges(scene, a, robot), _ranges(scene, b, robot)
    both_far = np.isinf(first) & np.isinf(second)
    with np.errstate(invalid="ignore"):
        return float((both_far | (np.abs(first - second) < SAME_M)).mean())


def _ranges(scene: Scene, pose: Array, robot: RobotConfig) -> Array:
    angles = np.arange(_BEAMS) * (2.0 * math.pi / _BEAMS) - math.pi
    ranges = np.zeros(_BEAMS)
    cast_turn(
        float(pose[0]), float(pose[1]), float(pose[2]), -math.pi, 2.0 * math.pi / _BEAMS,
        min(robot.lidar.range_max_m, robot.mapping.max_range_m), np.cos(angles), np.sin(angles), scene.circles,
        scene.points, scene.point_start, scene.boxes, ranges,
    )  # fmt: skip
    return ranges


def trials(site: Site, field: MapField, robot: RobotConfig, seed: int, count: int) -> list[Trial]:
    """``count`` trials on one map; people walk about, but are left out of the question whether a place has a double."""
    from dataclasses import replace

    scene = Scene(replace(site.world, moving=()))
    relocalizer = Relocalizer(field, PoseFilter(field))
    return [trial(site, scene, relocalizer, robot, 10_000 * seed + number) for number in range(count)]


def place_scores(done: list[Trial]) -> dict[str, Any]:
    """``right_frac``: of the trials that were not shown to be ambiguous."""
    count = {
        name: sum(one.verdict == name for one in done) for name in ("right", "wrong", "shown_ambiguous", "unshown")
    }
    asked = len(done) - count["shown_ambiguous"]
    scans = [one.scans for one in done if one.verdict == "right"]
    return {
        "trials": len(done),
        **count,
        "right_frac": count["right"] / asked if asked else None,
        "scans": {"mean": float(np.mean(scans)) if scans else None, "max": max(scans, default=None)},
        "search_ms": float(np.median([one.search_ms for one in done])) if done else None,
    }
