"""Maps and queries for ``amr bench planners``: from files, or generated from a seed."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, label

from amr.errors import DataError
from amr.geometry import Pose2, wrap_angle
from amr.grid import COST_INSCRIBED, COST_LETHAL, COST_UNKNOWN, CostGrid, GridFrame
from amr.runtime.bench.planner_synthetic import GENERATORS
from amr.runtime.maps import load_cost_array, load_moving_ai_map, load_moving_ai_scenario, load_ros_map

_LARGEST_QUERIES_BYTES: Final = 256 << 20
_SYNTHETIC_RESOLUTION_M: Final = 0.05


@dataclass(frozen=True, slots=True)
class Query:
    """One question; ``optimum``: known length of the best octile path in cells, or None."""

    start: Pose2
    goal: Pose2
    optimum: float | None = None


@dataclass(frozen=True, slots=True)
class InflationAsked:
    """How a ROS or synthetic map is inflated before planning (Nav2's inflation layer around obstacles only)."""

    radius_m: float
    scaling_per_m: float
    robot_radius_m: float


@dataclass(frozen=True, slots=True, eq=False)
class PlannerCase:
    """A cost grid (read-only) and the queries on it; all coordinates in the frame of the queries."""

    grid: CostGrid
    queries: list[Query]
    resolution_m: float
    is_octile: bool
    """True for Moving AI: lengths are in cells, and optima are of the eight-connected grid."""


def load_case(
    map_path: Path, queries_path: Path | None, inflation: InflationAsked | None, query_count: int
) -> PlannerCase:
    """The case that the files describe; raises ``DataError`` (one line: file, key, expectation).

    Without ``queries_path``: ``query_count`` random queries inside one connected region (not for .npy, which has no
    resolution).
    """
    if queries_path is None:
        return _with_random_queries(map_path, inflation, query_count)
    name = map_path.name.removesuffix(".gz")
    if name.endswith(".map"):
        grid = load_moving_ai_map(map_path)
        if queries_path.name.removesuffix(".gz").endswith(".scen"):
            problems = load_moving_ai_scenario(queries_path, grid.frame.width, grid.frame.height)
            queries = [Query(_cell_pose(p.start), _cell_pose(p.goal), p.optimum) for p in problems]
        else:
            _, queries = load_queries(queries_path)
        return PlannerCase(grid, queries, 1.0, True)
    asked_m, queries = load_queries(queries_path)
    if name.endswith(".npy"):
        if asked_m is None:
            raise DataError(f"{queries_path}: resolution_m: expected a positive number")
        cost = load_cost_array(map_path)
        return PlannerCase(_framed(cost, asked_m), queries, asked_m, False)
    grid = _load_inflated(map_path, inflation)
    resolution_m = grid.frame.resolution_m
    if asked_m is not None and abs(asked_m - resolution_m) > 1e-9:
        raise DataError(f"{queries_path}: resolution_m: {asked_m:g}, but {map_path.name} has {resolution_m:g}")
    return PlannerCase(grid, queries, resolution_m, False)


def _with_random_queries(map_path: Path, inflation: InflationAsked | None, query_count: int) -> PlannerCase:
    is_octile = map_path.name.removesuffix(".gz").endswith(".map")
    if map_path.name.endswith(".npy"):
        raise DataError(f"{map_path}: --queries: expected a file that gives resolution_m")
    grid = load_moving_ai_map(map_path) if is_octile else _load_inflated(map_path, inflation)
    queries = random_queries(grid, query_count, np.random.default_rng(0))
    return PlannerCase(grid, queries, grid.frame.resolution_m, is_octile)


def _load_inflated(map_path: Path, inflation: InflationAsked | None) -> CostGrid:
    """A ROS map, inflated as asked, in metres from its lower left corner."""
    if not map_path.name.endswith((".yaml", ".yml")):
        raise DataError(f"{map_path}: expected .npy, .yaml, .map or .map.gz")
    image = load_ros_map(map_path)
    resolution_m = image.frame.resolution_m
    return _framed(inflate(image.pixels == 0, image.pixels == 205, resolution_m, inflation), resolution_m)


def _framed(cost: NDArray[np.uint8], resolution_m: float) -> CostGrid:
    """Costs in metres from their lower left corner; from here on nobody writes to them."""
    cost = np.ascontiguousarray(cost) if cost.base is None else cost.copy()
    cost.setflags(write=False)
    return CostGrid(GridFrame(0.0, 0.0, resolution_m, cost.shape[1], cost.shape[0]), cost)


def _cell_pose(cell: tuple[int, int]) -> Pose2:
    return Pose2(float(cell[0]), float(cell[1]), 0.0)


def load_queries(path: Path) -> tuple[float | None, list[Query]]:
    """(resolution_m or None, queries) of ``{"resolution_m", "queries": [{"start": [x, y, yaw], "goal": [...]}]}``."""
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    if path.stat().st_size > _LARGEST_QUERIES_BYTES:
        raise DataError(f"{path}: {path.stat().st_size} bytes: expected at most {_LARGEST_QUERIES_BYTES}")
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise DataError(f"{path}: line {error.lineno}: not JSON: {error.msg}") from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise DataError(f"{path}: expected JSON in UTF-8") from error
    if not isinstance(data, dict) or not isinstance(data.get("queries"), list) or not data["queries"]:
        raise DataError(f"{path}: queries: expected a list of at least one query")
    resolution_m = data.get("resolution_m")
    if resolution_m is not None and not (_is_finite(resolution_m) and 1e-4 <= resolution_m <= 100.0):
        raise DataError(f"{path}: resolution_m: expected a number from 0.0001 to 100, found {resolution_m!r}")
    queries = [
        Query(_pose(path, number, "start", entry), _pose(path, number, "goal", entry))
        for number, entry in enumerate(data["queries"])
    ]
    return resolution_m, queries


def _is_finite(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _pose(path: Path, number: int, key: str, entry: Any) -> Pose2:
    parts = entry.get(key) if isinstance(entry, dict) else None
    if not (isinstance(parts, list) and len(parts) in {2, 3} and all(_is_finite(part) for part in parts)):
        raise DataError(f"{path}: queries[{number}].{key}: expected [x, y, yaw], finite")
    return Pose2(float(parts[0]), float(parts[1]), wrap_angle(float(parts[2])) if len(parts) == 3 else 0.0)


def inflate(
    occupied: NDArray[np.bool_], unknown: NDArray[np.bool_], resolution_m: float, asked: InflationAsked | None
) -> NDArray[np.uint8]:
    """Costs of Nav2's inflation layer: 253 within the robot's radius r, then 252 exp(-scaling (d - r)); 255 unknown."""
    cost = np.zeros(occupied.shape, np.uint8)
    if asked is not None and occupied.any():
        # 14 cells of 0.05 m are 0.7 m, whatever the last bit says
        distance_m = distance_transform_edt(~occupied) * resolution_m - 1e-9
        decay = 252.0 * np.exp(-asked.scaling_per_m * (distance_m - asked.robot_radius_m))
        near = distance_m <= asked.radius_m
        cost[near] = np.minimum(decay[near], 252.0).astype(np.uint8)
        cost[distance_m <= asked.robot_radius_m] = COST_INSCRIBED
    cost[unknown & (cost < COST_INSCRIBED)] = COST_UNKNOWN
    cost[occupied] = COST_LETHAL
    return cost


def synthetic_case(text: str, query_count: int, asked: InflationAsked | None) -> PlannerCase:
    """``KIND:SIZE:SEED`` (blobs, maze or rooms), inflated, with random queries inside one connected region."""
    parts = text.split(":")
    try:
        kind, size, seed = parts[0], int(parts[1]), int(parts[2])
    except (IndexError, ValueError) as error:
        raise DataError(f"--synthetic {text}: expected KIND:SIZE:SEED, such as blobs:1024:1") from error
    if kind not in GENERATORS or len(parts) != 3:
        raise DataError(f"--synthetic {text}: KIND: expected one of {', '.join(GENERATORS)}")
    if not (64 <= size <= 8192 and seed >= 0):
        raise DataError(f"--synthetic {text}: expected 64 <= SIZE <= 8192 and SEED >= 0")
    random = np.random.default_rng(seed)
    occupied = GENERATORS[kind](size, random)
    inflation = asked or InflationAsked(0.70, 3.0, 0.22)
    cost = inflate(occupied, np.zeros_like(occupied), _SYNTHETIC_RESOLUTION_M, inflation)
    grid = _framed(cost, _SYNTHETIC_RESOLUTION_M)
    return PlannerCase(grid, random_queries(grid, query_count, random), _SYNTHETIC_RESOLUTION_M, False)


def random_queries(grid: CostGrid, count: int, random: np.random.Generator) -> list[Query]:
    """Pairs of cell centers drawn from the largest connected region of allowed cells."""
    regions, found = label(grid.cost < COST_INSCRIBED)
    if found == 0:
        raise DataError("map: expected at least one free cell")
    largest = int(np.bincount(regions.ravel())[1:].argmax()) + 1
    rows, columns = np.nonzero(regions == largest)
    picks = random.integers(0, len(rows), (count, 2))

    def pose(index: int) -> Pose2:
        x_m, y_m = grid.frame.center(int(rows[index]), int(columns[index]))
        return Pose2(x_m, y_m, float(random.uniform(-math.pi, math.pi)))

    return [Query(pose(int(a)), pose(int(b))) for a, b in picks]
