"""``amr bench control``: the whole MPPI controller on recorded maps, poses and paths."""

from __future__ import annotations

import hashlib
import io
import json
import time
import zipfile
import zlib
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any, Final

import numpy as np

from amr.config.robot import RobotConfig
from amr.control import recording
from amr.control.base import ControlInput, ControlOutput
from amr.control.mppi import MppiController, Problem
from amr.errors import DataError
from amr.kernels.mppi_obstacle import COLLISION_COST
from amr.runtime.bench import mppi_reference as reference
from amr.runtime.bench.control_parts import TimedController
from amr.runtime.bench.control_picture import picture_png
from amr.runtime.files import load_robot

_REFERENCE_CYCLES: Final = 8
"""NumPy takes some hundred times as long: a few cycles tell its time."""


def run(
    samples: int = 2000,
    steps: int = 56,
    robot: str = "jackal",
    recordings: Sequence[Path] | None = None,
    repeats: int = 4,
    seed: int = 0,
    out: Path | None = None,
) -> dict[str, Any]:
    """Times of whole control cycles (cost-to-go included), replayed ``repeats`` times; the contract's JSON.

    ``recordings``: files as of ``amr.control.recording``; None = those that come with the package, recorded in
    generated worlds. ``out``: folder for ``control.json`` and ``control.png``, which shows ten times the samples
    beside. Raises ``ConfigError`` and ``DataError``.
    """
    config = load_robot(robot)
    control = config.control.model_copy(update={"samples": samples, "steps": steps})
    config = config.model_copy(update={"control": control})
    drives = packaged() if recordings is None else [load(path) for path in recordings]
    times_ms = _times_ms(MppiController(config, seed), drives, repeats)
    p50, p99, largest = np.percentile(times_ms, (50, 99, 100))
    timed = TimedController(config, seed)
    _times_ms(timed, drives, 1)
    result = {
        "controller": "mppi",
        "samples": samples,
        "steps": steps,
        "terms": list(config.control.mppi.terms),
        "config_digest": hashlib.sha256(json.dumps(config.model_dump(), sort_keys=True).encode()).hexdigest()[:16],
        "cycles": len(times_ms),
        "cycle_ms": {"p50": float(p50), "p99": float(p99), "max": float(largest), "min": min(times_ms)},
        "numpy_reference_ms": _reference_ms(config, seed, drives),
        "parts_ms": timed.parts_ms(),
        "threads": 1,
    }
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        (out / "control.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
        many = config.model_copy(update={"control": control.model_copy(update={"samples": min(10 * samples, 32768)})})
        panels = [
            (samples, times_ms),
            (many.control.samples, _times_ms(MppiController(many, seed), drives, 1)),
        ]
        (out / "control.png").write_bytes(picture_png(panels, steps, timed.parts_ms()))
    return result


def _times_ms(controller: MppiController, drives: list[list[ControlInput]], repeats: int) -> list[float]:
    """Time of each cycle of the drives; a pass before them warms caches and pages."""
    times_ms: list[float] = []
    for repeat in range(repeats + 1):
        for drive in drives:
            controller.reset()
            for control_input in drive:
                begin_ns = time.perf_counter_ns()
                controller.compute(control_input)
                if repeat > 0:
                    times_ms.append((time.perf_counter_ns() - begin_ns) / 1e6)
    return times_ms


def packaged() -> list[list[ControlInput]]:
    """The recordings that come with the package."""
    folder = resources.files("seeds") / "recordings"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".npz"))
    return [_parse((folder / name).read_bytes(), name) for name in names]


def load(path: Path) -> list[ControlInput]:
    """One recording; raises ``DataError`` in one line."""
    try:
        return _parse(path.read_bytes(), str(path))
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from error


def save(path: Path, inputs: Sequence[ControlInput]) -> None:
    """Write a recording."""
    np.savez_compressed(path, **recording.to_arrays(inputs))  # type: ignore[arg-type]


def _parse(data: bytes, name: str) -> list[ControlInput]:
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            return recording.from_arrays({key: arrays[key] for key in arrays.files})
    except DataError as error:
        raise DataError(f"{name}: {error}") from error
    except (ValueError, EOFError, OSError, KeyError, NotImplementedError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{name}: not a recording of control inputs ({type(error).__name__})") from error


def _reference_ms(config: RobotConfig, seed: int, drives: list[list[ControlInput]]) -> float:
    """Median time of the same sampling problem in plain NumPy (without the cost-to-go field)."""
    controller = MppiController(config, seed)
    inputs = [drive[len(drive) // 2] for drive in drives]
    times_ms = []
    for control_input in (inputs * _REFERENCE_CYCLES)[:_REFERENCE_CYCLES]:
        controller.reset()
        problem = controller.prepare(control_input)
        if isinstance(problem, ControlOutput):
            continue
        begin_ns = time.perf_counter_ns()
        numpy_cycle(controller, problem, config.control.samples, config.control.mppi.temperature)
        times_ms.append((time.perf_counter_ns() - begin_ns) / 1e6)
    return float(np.median(times_ms))


def numpy_cycle(controller: MppiController, problem: Problem, samples: int, temperature: float) -> Any:
    """One cycle in NumPy: (cost [K], mean command [2, T])."""
    blocks = -(-samples // 80) * 80
    first, limits = problem.first.astype(np.float64), problem.limits.astype(np.float64)
    noise_v, noise_w = controller.noise_v, controller.noise_w
    controls = reference.controls_of(noise_v, noise_w, problem.column, problem.plan, problem.fixed, blocks)  # type: ignore[arg-type]
    commands = reference.limited_commands(controls, first, limits)
    state = reference.rollout(commands, first, limits)
    empty = np.zeros(0, np.float32)
    context = controller.context(problem, empty.reshape(0, 0, 0), empty, np.zeros(0, np.int32), 0)
    cost, _ = reference.obstacle_cost(context, state, COLLISION_COST)
    cost = cost + reference.goal_cost(context, state) + reference.motion_cost(context, state)
    cost = cost + reference.stop_cost(context, state)
    return cost, reference.weighted_mean(cost, commands, temperature)
