"""``amr bench slam-loo``: each log scored with the settings that the other logs chose (leave-one-log-out).

Every candidate of ``slam_candidates`` runs on every log, once. For a log that is left out the candidate with the least
sum of normalised errors over the others is taken (the first of equals), and its score on the log left out is reported:
what a user may expect on a log that nobody tuned on, as far as these settings go.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from amr.errors import ConfigError, DataError
from amr.runtime.bench.slam import scored
from amr.runtime.bench.slam_candidates import candidates, settings_of
from amr.runtime.bench.slam_log import load_slam_log
from amr.runtime.bench.workers import WorkerDied, run_in_workers

Progress = Callable[[str], None]

MARKS: Final = {
    "aces": (0.0375, 0.373),
    "intel": (0.0229, 0.453),
    "mit-csail": (0.0319, 0.369),
    "fr-clinic": (0.1078, 0.747),
}
"""Mean m and deg that Cartographer publishes (Hess et al. 2016, table I)."""
LIMIT_OVER_MARK: Final = 1.15
_FIGURES: Final = ("translation_m", "rotation_deg")


@dataclass(frozen=True, slots=True)
class LooTask:
    """One log with one candidate."""

    path: Path
    candidate: int


def run(data: list[Path], workers: int = 1, progress: Progress | None = None) -> dict[str, Any]:
    """Scores of all pairs and, for each log, of the candidate that the others chose.

    Raises ``ConfigError`` for fewer than two logs or two of one name, ``DataError`` for a log without relations.
    """
    say = progress or (lambda _: None)
    names = [path.stem for path in data]
    if len(set(names)) < max(2, len(names)):
        raise ConfigError(f"--data: expected two or more logs of different names, found {', '.join(names) or 'none'}")
    tried = candidates()
    tasks = [LooTask(path, k) for path in data for k in range(len(tried))]
    rows: dict[tuple[str, int], dict[str, Any]] = {}
    for task, result in run_in_workers(run_task, tasks, workers):
        if isinstance(result, WorkerDied):
            raise DataError(f"{task.path}: candidate {task.candidate}: worker ended with {result.exit_code}")
        rows[task.path.stem, task.candidate] = result
        say(f"{task.path.stem}: candidate {task.candidate} ({len(rows)}/{len(tasks)})")
    errors = {key: (float(row["translation_m"]), float(row["rotation_deg"])) for key, row in rows.items()}
    return {
        "candidates": [dict(candidate) for candidate in tried],
        "runs": [{"log": name, "candidate": k, **rows[name, k]} for name in names for k in range(len(tried))],
        "logs": [left_out(name, names, errors, len(tried)) for name in names],
        "limit_over_mark": LIMIT_OVER_MARK,
    }


def run_task(task: LooTask) -> dict[str, Any]:
    """Mean errors of one run; raises ``DataError`` when the log has no answers to choose by."""
    row = scored(task.path, load_slam_log(task.path), None, lambda _: None, settings_of(candidates()[task.candidate]))
    if row["relations"] == 0:
        raise DataError(f"{task.path}: expected relations (rel_ij, rel_xyt) to score by")
    return {
        **{figure: row[figure]["mean"] for figure in _FIGURES},
        "loop_closures": row["loop_closures"],
        "cpu_s": row["cpu_s"],
    }


def left_out(
    name: str, names: list[str], errors: dict[tuple[str, int], tuple[float, float]], count: int
) -> dict[str, Any]:
    """The row of log ``name``: ``errors`` (m, deg) of each (log, candidate); ``count`` candidates."""
    scales = {other: _scale(other, errors, count) for other in names}
    sums = [
        sum(error / scale for other in names if other != name
            for error, scale in zip(errors[other, k], scales[other], strict=True))
        for k in range(count)
    ]  # fmt: skip
    chosen = sums.index(min(sums))
    own = [sum(e / s for e, s in zip(errors[name, k], scales[name], strict=True)) for k in range(count)]
    row: dict[str, Any] = {
        "name": name,
        "chosen": chosen,
        "others_sum": sums[chosen],
        "best_of_its_own": own.index(min(own)),
    }
    for figure, value, mark in zip(_FIGURES, errors[name, chosen], MARKS.get(name, (None, None)), strict=True):
        over = None if mark is None else value / mark
        row[figure] = {"mean": value, "mark": mark, "over_mark": over,
                       "within": None if over is None else over <= LIMIT_OVER_MARK}  # fmt: skip
    return row


def _scale(name: str, errors: dict[tuple[str, int], tuple[float, float]], count: int) -> tuple[float, float]:
    """What an error of this log is divided by: its mark, or, where none is published, the best that was reached."""
    if name in MARKS:
        return MARKS[name]
    m, deg = (min(errors[name, k][figure] for k in range(count)) for figure in range(2))
    return max(m, 1e-9), max(deg, 1e-9)
