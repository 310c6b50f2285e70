"""``amr bench slam``: logs of real robots through SLAM, scored by manually verified relations."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from amr.errors import DataError
from amr.mapping.slam import Slam, SlamSettings
from amr.mapping.slam_map import map_image
from amr.runtime.bench.slam_harm import Harm
from amr.runtime.bench.slam_log import SlamLog, load_slam_log
from amr.runtime.bench.slam_ruler import relation_errors
from amr.runtime.maps import save_ros_map

Array = NDArray[Any]
Progress = Callable[[str], None]

_EVERY_SCANS = 500


def run(
    data: list[Path],
    scans: tuple[int, int | None] = (0, None),
    out: Path | None = None,
    progress: Progress | None = None,
    harm: Harm | None = None,
) -> dict[str, Any]:
    """The contract's result over all logs, after ``harm`` was done to them; raises ``DataError`` in one line."""
    say = progress or (lambda _: None)
    harm = harm or Harm()
    logs = [harm.done_to(load_slam_log(path, *scans)) for path in data]
    return {"logs": [scored(path, log, out, say) for path, log in zip(data, logs, strict=True)]}


def scored(
    path: Path, log: SlamLog, out: Path | None, say: Progress, settings: SlamSettings | None = None
) -> dict[str, Any]:
    """One log of the contract's result: ``log`` is run, then ``path`` is asked for the answers."""
    begin_ns = time.perf_counter_ns()
    begin_cpu_s = time.process_time()
    slam = Slam(settings)
    online = np.empty_like(log.odometry)
    for k, (points, odometry) in enumerate(zip(log.points, log.odometry, strict=True)):
        online[k] = slam.add(points, odometry)
        if k % _EVERY_SCANS == 0:
            say(f"{log.name}: {k}/{len(online)} scans")
    final = slam.finish(lambda text: say(f"{log.name}: {text}"))
    wall_s = (time.perf_counter_ns() - begin_ns) / 1e9
    cpu_s = time.process_time() - begin_cpu_s
    if out is not None:
        _write(out, log, slam, final, online)
    scores = relation_errors(path, log.first, final, log.lost)
    scores_online = relation_errors(path, log.first, online, log.lost)
    thirds = [relation_errors(path, log.first, final, log.lost, (k / 3.0, (k + 1) / 3.0)) for k in range(3)]
    return {
        "name": log.name,
        "scans": len(final),
        "wall_s": wall_s,
        "cpu_s": cpu_s,
        "log_s": log.duration_s,
        "real_time_factor": log.duration_s / wall_s,
        **scores,
        "online": {key: scores_online[key] for key in ("translation_m", "rotation_deg")},
        "thirds": thirds,
        "loop_closures": len(slam.back.loops),
        "keyframes": len(slam.keyframes),
        "refused": log.refused,
    }


def _write(out: Path, log: SlamLog, slam: Slam, final: Array, online: Array) -> None:
    """``NAME.csv`` with every scan, and the map as ``NAME.pgm``, ``.yaml`` and ``.png``."""
    from PIL import Image

    try:
        out.mkdir(parents=True, exist_ok=True)
        with (out / f"{log.name}.csv").open("w", newline="", encoding="utf-8") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(["scan", "x_m", "y_m", "yaw_rad", "x_online_m", "y_online_m", "yaw_online_rad"])
            for k, (pose, known) in enumerate(zip(final, online, strict=True)):
                table.writerow([log.first + k, *(f"{value:.6f}" for value in (*pose, *known))])
        image = map_image([key.points for key in slam.keyframes], final[[key.scan for key in slam.keyframes]])
        save_ros_map(out / f"{log.name}.yaml", image)
        Image.fromarray(image.pixels[::-1]).save(out / f"{log.name}.png")
    except OSError as error:
        raise DataError(f"{out}: cannot be written: {error.strerror}") from error
