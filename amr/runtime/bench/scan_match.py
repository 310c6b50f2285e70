"""``amr bench scan-match``: how long it takes to find a scan of a made room again, beside plain NumPy."""

from __future__ import annotations

import math
import time
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from amr.mapping.pose_arrays import placed
from amr.mapping.scan_matching import LineMap, LineMatchSettings, WindowMap

Array = NDArray[Any]

WINDOW_M: Final = 0.5
WINDOW_RAD: Final = math.radians(20.0)
STEP_RAD: Final = math.radians(0.5)
NOISE_M: Final = 0.01
_WARM: Final = 5


def run(beams: int = 360, trials: int = 200, seed: int = 0) -> dict[str, Any]:
    """Times in ms and errors over ``trials`` made rooms, each seen twice from poses up to the window apart."""
    rng = np.random.default_rng(seed)
    angles = np.arange(beams) * (2.0 * math.pi / beams)
    line_map, settings = LineMap(30.0), LineMatchSettings().as_array()
    window_ms, line_ms, errors_m, errors_rad = [], [], [], []
    for trial in range(trials + _WARM):
        boxes = _room(rng)
        true = np.append(rng.uniform(-WINDOW_M, WINDOW_M, 2), rng.uniform(-WINDOW_RAD, WINDOW_RAD)) * 0.95
        reference, query = (_scan(pose, boxes, angles, rng) for pose in (np.zeros(3), true))
        window = WindowMap([reference], np.zeros((1, 3)), WINDOW_M)
        line_map.build(np.zeros(2), [reference], np.zeros((1, 3)))
        begin_ns = time.perf_counter_ns()
        found = window.search(query, np.zeros(3), WINDOW_M, WINDOW_RAD, STEP_RAD, 0.0)
        middle_ns = time.perf_counter_ns()
        start = np.zeros(3) if found is None else found[0]
        match = line_map.match(query, start, settings)
        end_ns = time.perf_counter_ns()
        if trial < _WARM:
            continue
        window_ms.append((middle_ns - begin_ns) / 1e6)
        line_ms.append((end_ns - middle_ns) / 1e6)
        errors_m.append(float(np.hypot(*(match.pose - true)[:2])))
        errors_rad.append(float(abs(match.pose[2] - true[2])))
    numpy_ms = _numpy_ms(reference, query)
    return {
        "beams": beams,
        "trials": trials,
        "window_m": WINDOW_M,
        "window_rad": WINDOW_RAD,
        "window_ms": _percentiles(window_ms),
        "refine_ms": _percentiles(line_ms),
        "match_ms": _percentiles([a + b for a, b in zip(window_ms, line_ms, strict=True)]),
        "numpy_window_ms": numpy_ms,
        "error_m": _percentiles(errors_m),
        "error_rad": _percentiles(errors_rad),
        "right_frac": float(np.mean((np.array(errors_m) < 0.03) & (np.array(errors_rad) < 0.01))),
    }


def _percentiles(values: list[float]) -> dict[str, float]:
    p50, p99, largest = np.percentile(values, (50, 99, 100))
    return {"p50": float(p50), "p99": float(p99), "max": float(largest), "min": min(values)}


def _room(rng: np.random.Generator) -> Array:
    """[n, 4] boxes x0, y0, x1, y1: the room itself and furniture that leaves its middle free."""
    width, depth = rng.uniform(2.5, 6.0, 2)
    middles = rng.uniform(-1.0, 1.0, (8, 2)) * (width, depth)
    middles = middles[np.hypot(*middles.T) > 1.6]
    halves = rng.uniform(0.1, 0.4, (len(middles), 2))
    return np.vstack([[-width, -depth, width, depth], np.hstack([middles - halves, middles + halves])])


def _scan(pose: Array, boxes: Array, angles: Array, rng: np.random.Generator) -> Array:
    """[n, 2] points in the robot's frame: the nearest side of any box along each beam."""
    directions = np.stack([np.cos(angles + pose[2]), np.sin(angles + pose[2])], axis=1)
    nearest = np.full(len(angles), np.inf)
    for axis in (0, 1):
        other = 1 - axis
        for side in (axis, axis + 2):
            with np.errstate(divide="ignore", invalid="ignore"):
                t = (boxes[:, side][None, :] - pose[axis]) / directions[:, axis][:, None]
                across = pose[other] + t * directions[:, other][:, None]
            good = (t > 0.0) & (across >= boxes[:, other][None, :]) & (across <= boxes[:, other + 2][None, :])
            nearest = np.minimum(nearest, np.where(good, t, np.inf).min(axis=1))
    nearest += rng.normal(0.0, NOISE_M, len(angles))
    return np.column_stack([nearest * np.cos(angles), nearest * np.sin(angles)])


def _numpy_ms(reference: Array, query: Array) -> float:
    """The same window by brute force in NumPy: every pose of the lattice, one gather for each angle and row."""
    cell_m = 0.05
    size = 800
    grid = np.zeros((size, size), np.uint8)
    cells = np.floor(reference / cell_m).astype(int) + size // 2
    grid[cells[:, 1], cells[:, 0]] = 100
    half = math.ceil(WINDOW_M / cell_m)
    steps = np.arange(-half, half + 1)
    begin_ns = time.perf_counter_ns()
    best = -1
    for angle in np.arange(-WINDOW_RAD, WINDOW_RAD + STEP_RAD, STEP_RAD):
        turned = np.floor(placed(query, np.array([0.0, 0.0, angle])) / cell_m).astype(int) + size // 2
        columns = turned[:, 0][:, None] + steps
        for step in steps:
            best = max(best, int(grid[(turned[:, 1] + step)[:, None], columns].sum(axis=0, dtype=np.int64).max()))
    return (time.perf_counter_ns() - begin_ns) / 1e6
