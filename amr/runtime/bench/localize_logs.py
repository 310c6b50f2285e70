"""Relocalization on logs of real robots, for ``amr bench localize --data``: five scans in a row, from nothing.

With ``--map`` the map is given, and the truth is the log's reference when it holds one. Without, the reference poses of
every second scan make the map, and the scans between them are the question. Truth is read for the score alone.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from amr.errors import DataError
from amr.localization.localizer import Localizer, LocalizerSettings
from amr.localization.map_field import MapField
from amr.localization.pose_filter import PoseFilter
from amr.localization.relocalize import Place, Relocalizer, Relocation
from amr.mapping.base import MapImage, between, compose
from amr.mapping.slam_map import map_image
from amr.runtime.bench.localize_fit import is_lost
from amr.runtime.bench.slam_log import SlamLog, load_slam_log

Array = NDArray[Any]

KEYFRAMES: Final = 5
KIDNAPS: Final = 3
_REACH_M: Final = 25.0
_FIRST_VARIANCE: Final = (0.01, 0.01, 0.001)


@dataclass(frozen=True, slots=True)
class LogTrial:
    """``truth`` [3] is nan where the log holds none; then ``verdict`` is "found" for an answer."""

    first_scan: int
    scans: int
    verdict: str
    probability: float
    truth: Array
    guess: Array
    search_ms: float


def reference_of(path: Path, log: SlamLog) -> Array | None:
    """Poses [n, 3] of the log's scans, or None when they were taken out."""
    with np.load(path, allow_pickle=False) as file:
        if "ref_xyt" not in file.files:
            return None
        poses: Array = file["ref_xyt"][log.first : log.first + len(log.points)].astype(np.float64)
    return poses if poses.shape == (len(log.points), 3) and np.isfinite(poses).all() else None


def reference_map(log: SlamLog, reference: Array) -> MapImage:
    """Of the even scans."""
    used = [k for k in range(0, len(reference), 2) if log.points[k] is not None]
    return map_image([points for k in used if (points := log.points[k]) is not None], reference[used])


def read(path: Path, image: MapImage | None) -> tuple[SlamLog, Array | None, MapImage]:
    """Log, reference poses when it holds them, and the map: ``image``, or that of the reference.

    Raises ``DataError`` when there is neither.
    """
    log = load_slam_log(path)
    reference = reference_of(path, log)
    if image is None:
        if reference is None:
            raise DataError(f"{path}: expected ref_xyt to make a map of, or --map FILE")
        image = reference_map(log, reference)
    return log, reference, image


def log_trials(log: SlamLog, reference: Array | None, image: MapImage, most: int) -> list[LogTrial]:
    """At most ``most`` trials, see ``scans_in_a_row``."""
    field = MapField(image)
    relocalizer = Relocalizer(field, PoseFilter(field))
    done = [_trial(log, relocalizer, scans, reference) for scans in scans_in_a_row(log, reference, most)]
    return [one for one in done if one is not None]


def scans_in_a_row(log: SlamLog, reference: Array | None, most: int) -> list[range]:
    """``KEYFRAMES`` scans each, at most ``most`` times, evenly: odd ones where the even ones make the map."""
    stride = 2 if reference is not None else 1
    firsts = range(1, len(log.points) - (KEYFRAMES - 1) * stride, 2)
    if most == 0:
        return []
    return [range(first, first + KEYFRAMES * stride, stride) for first in firsts[:: max(1, -(-len(firsts) // most))]]


def sought(log: SlamLog, relocalizer: Relocalizer, scans: range) -> tuple[Relocation | None, int, list[float]]:
    """The last answer when ``scans`` are told one by one until it is an answer, the scan that it is of, times (ms)."""
    relocalizer.clear()
    answer: Relocation | None = None
    spent_ms, last = [], scans[0]
    for scan in scans:
        points = log.points[scan]
        if points is None or not relocalizer.add(
            points[np.hypot(*points.T) < _REACH_M], np.zeros(2), log.odometry[scan]
        ):
            continue
        begin_ns = time.perf_counter_ns()
        answer, last = relocalizer.search(), scan
        spent_ms.append((time.perf_counter_ns() - begin_ns) / 1e6)
        if answer.place is Place.FOUND:
            break
    return answer, last, spent_ms


def _trial(log: SlamLog, relocalizer: Relocalizer, scans: range, reference: Array | None) -> LogTrial | None:
    answer, last, spent_ms = sought(log, relocalizer, scans)
    if answer is None:
        return None
    truth = np.full(3, math.nan) if reference is None else reference[last]
    guess = answer.poses[0] if len(answer.poses) else np.full(3, math.nan)
    verdict = answer.place.value
    if answer.place is Place.FOUND and reference is not None:
        verdict = "wrong" if is_lost(guess, truth) else "right"
    probability = float(answer.probabilities[0]) if len(answer.probabilities) else 0.0
    return LogTrial(scans[0], relocalizer.scans, verdict, probability, truth, guess, float(np.median(spent_ms)))


def log_scores(name: str, trials: list[LogTrial]) -> dict[str, Any]:
    """Counts by verdict; ``right_frac`` of all trials, None where the truth is not known."""
    verdicts = [one.verdict for one in trials]
    known = any(math.isfinite(float(one.truth[0])) for one in trials)
    counts = {key: verdicts.count(key) for key in ("right", "wrong", "found", "ambiguous", "nowhere")}
    return {
        "name": name,
        "trials": len(trials),
        **counts,
        "right_frac": counts["right"] / len(trials) if trials and known else None,
        "search_ms": float(np.median([one.search_ms for one in trials])) if trials else None,
    }


def kidnapped_log(log: SlamLog, reference: Array, image: MapImage) -> list[tuple[Array, Array]]:
    """(features [n, 7], lost [n]) of ``KIDNAPS`` pieces of the odd scans, as ``localize_fit.kidnapped_run``: each
    begins at a place that the robot is told, and in its middle the log is cut and goes on elsewhere."""
    field = MapField(image)
    localizer = Localizer(field, 0, np.zeros(2), LocalizerSettings(searches=False))
    scans = [k for k in range(1, len(log.points), 2) if log.points[k] is not None]
    piece = len(scans) // (2 * KIDNAPS)
    runs = []
    odometry, covariance = np.zeros(3), np.diag(_FIRST_VARIANCE)
    for number in range(KIDNAPS):
        here = scans[2 * number * piece : (2 * number + 1) * piece]
        # what comes half a log later is elsewhere, for hardly a robot drives the same way twice in step
        there_from = (2 * number * piece + len(scans) // 2) % (len(scans) - piece)
        there = scans[there_from : there_from + piece]
        localizer.start_at(reference[here[0]])
        last, features, lost = here[0], [], []
        for scan in (*here, *there):
            points = log.points[scan]
            step = np.zeros(3) if scan == there[0] else between(log.odometry[last], log.odometry[scan])
            covariance = covariance + np.diag(_step_variance(step))
            odometry, last = compose(odometry, step), scan
            fix = None if points is None else localizer.update(points, odometry, covariance)
            if fix is not None:
                features.append(localizer.features.copy())
                lost.append(is_lost(fix.pose, reference[scan]))
        runs.append((np.array(features), np.array(lost)))
    return runs


def _step_variance(step: Array) -> Array:
    """Of a log that states none: a tenth of the way, and of the turn."""
    way_m, turn_rad = math.hypot(step[0], step[1]), abs(float(step[2]))
    sigma = np.array([0.02 + 0.1 * way_m, 0.02 + 0.1 * way_m, 0.01 + 0.05 * way_m + 0.1 * turn_rad])
    variance: Array = sigma**2
    return variance
