"""Logs of a robot's wheel odometry and laser scans (``.npz``), for ``amr bench slam``: read, checked, turned to points.

Answers that a file may hold (relations, reference poses) are not read here: ``slam_ruler`` does, after the run.
"""

from __future__ import annotations

import io
import math
import zipfile
import zlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from amr.errors import DataError

Array = NDArray[Any]

MISSING_MM: Final = 65535
_SATURATED_FRAC: Final = 0.99
_LEAST_RANGE_M: Final = 0.1
_LEAST_POINTS: Final = 10
_LEAST_BEAMS_FRAC: Final = 0.98
_USUAL_FRAC: Final = 0.01
_TORN: Final = (ValueError, OSError, EOFError, KeyError, AttributeError, zipfile.BadZipFile, zlib.error,
                NotImplementedError)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SlamLog:
    """One log in its own order.

    ``points[k]``: [n, 2] (m) in the robot's frame, None where the scan was refused; ``odometry`` [N, 3] (m, rad), for
    a refused pose the last good one; ``stamps_s`` [N]; ``first`` = number of the first scan in the file;
    ``refused`` = how many scans, by reason. ``stamp_steps_back`` is counted too, but such a scan is used: the order of
    the log is the order of the measurements.
    """

    name: str
    stamps_s: Array
    points: list[Array | None]
    odometry: Array
    first: int
    refused: dict[str, int]
    lost: Array
    """bool [N]: scans that were dropped on purpose (``slam_harm``)."""

    @property
    def duration_s(self) -> float:
        """What the log lasts, without the gaps in which nothing was recorded for over 5 s."""
        steps = np.diff(self.stamps_s)
        return float(steps[(steps > 0.0) & (steps < 5.0)].sum())


def load_slam_log(path: Path, first: int = 0, last: int | None = None) -> SlamLog:
    """Scans ``first`` to ``last`` (inclusive) of a log; raises ``DataError`` in one line."""
    arrays = _read(path)
    for key in ("t", "ranges_mm", "odom", "angle_min", "angle_inc"):
        if key not in arrays:
            raise DataError(f"{path}: expected an array {key}")
    ranges, stamps_s, odometry = arrays["ranges_mm"], arrays["t"], arrays["odom"]
    count = len(stamps_s)
    if ranges.ndim != 2 or ranges.shape[0] != count or odometry.shape != (count, 3) or stamps_s.ndim != 1:
        raise DataError(
            f"{path}: expected t [N], ranges_mm [N, B], odom [N, 3]; found {stamps_s.shape}, {ranges.shape}, "
            f"{odometry.shape}"
        )
    if count == 0 or first >= count:
        raise DataError(f"{path}: expected at least {first + 1} scans, found {count}")
    beams = arrays.get("n_beams", np.full(count, ranges.shape[1]))
    if beams.shape != (count,):
        raise DataError(f"{path}: n_beams: expected [{count}], found {beams.shape}")
    laser = _vector(path, arrays, "laser_xyt", 3, np.zeros(3))
    angle_min = float(_vector(path, arrays, "angle_min", 1, np.zeros(1))[0])
    angle_inc = float(_vector(path, arrays, "angle_inc", 1, np.zeros(1))[0])
    max_range_m = float(_vector(path, arrays, "max_range", 1, np.array([np.inf]))[0])
    if angle_inc == 0.0:
        raise DataError(f"{path}: angle_inc: expected a number that is not 0")
    end = count if last is None else min(last + 1, count)
    refused: Counter[str] = Counter()
    points: list[Array | None] = []
    poses = odometry[first:end].astype(np.float64)
    times = stamps_s[first:end].astype(np.float64)
    good = np.zeros(3)
    latest_s = -math.inf
    widest = _usual_widest(beams, ranges.shape[1])
    for k in range(end - first):
        row, n = ranges[first + k], beams[first + k]
        reason = None
        if not np.isfinite(poses[k]).all():
            reason = "odometry_not_finite"
        elif not np.isfinite(times[k]):
            reason = "stamp_not_finite"
        elif not _LEAST_BEAMS_FRAC * widest <= n <= widest:
            reason = "beam_count"
        else:
            # one beam more or less: the lidar sees the same middle
            start = angle_min + 0.5 * (widest - int(n)) * angle_inc
            found = scan_points(row[: int(n)], start, angle_inc, max_range_m, laser)
            if len(found) < _LEAST_POINTS:
                reason = "too_few_points"
        if reason is None:
            if times[k] < latest_s:
                refused["stamp_steps_back"] += 1
            latest_s = times[k]
            good = poses[k]
            points.append(found)
        else:
            refused[reason] += 1
            points.append(None)
            poses[k] = good if reason == "odometry_not_finite" else poses[k]
    return SlamLog(path.stem, times, points, poses, first, dict(refused), np.zeros(len(points), bool))


def _usual_widest(beams: Array, columns: int) -> int:
    """The largest number of beams that a hundredth of the scans has: a scan of quite another size is no scan of it."""
    sizes, counts = np.unique(beams[(beams > 0) & (beams <= columns)].astype(np.int64), return_counts=True)
    usual = sizes[counts >= _USUAL_FRAC * len(beams)]
    return int(usual.max()) if len(usual) else columns


def scan_points(ranges_mm: Array, start_rad: float, increment_rad: float, max_range_m: float, laser: Array) -> Array:
    """Points [n, 2] (m) in the robot's frame of the beams that met something."""
    ranges_m = ranges_mm.astype(np.float64) * 1e-3
    with np.errstate(invalid="ignore"):
        good = (
            np.isfinite(ranges_m)
            & (ranges_mm != MISSING_MM)
            & (ranges_m >= _LEAST_RANGE_M)
            & (ranges_m < _SATURATED_FRAC * max_range_m)
        )
    angles = start_rad + increment_rad * np.nonzero(good)[0] + laser[2]
    distance_m = ranges_m[good]
    return np.column_stack([laser[0] + distance_m * np.cos(angles), laser[1] + distance_m * np.sin(angles)])


def _read(path: Path) -> dict[str, Array]:
    wanted = ("t", "ranges_mm", "odom", "angle_min", "angle_inc", "laser_xyt", "max_range", "n_beams")
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as file:
            arrays = {key: file[key] for key in wanted if key in file.files}
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file") from error
    except _TORN as error:
        raise DataError(f"{path}: expected a whole .npz of a robot's log") from error
    for key, array in arrays.items():
        if not (np.issubdtype(array.dtype, np.number)) or np.issubdtype(array.dtype, np.complexfloating):
            raise DataError(f"{path}: {key}: expected numbers, found {array.dtype}")
    return arrays


def _vector(path: Path, arrays: dict[str, Array], key: str, size: int, default: Array) -> Array:
    values = np.atleast_1d(arrays[key]) if key in arrays else default
    if values.shape != (size,) or np.isnan(values).any():
        raise DataError(f"{path}: {key}: expected {size} number(s)")
    return values.astype(np.float64)
