"""Picture of ``bench barn``: the scores, time against clearance, and the way through the worst world."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.world import World
from sim.worlds.barn import BarnWorld

_GOOD, _BAD = "#4c78a8", "#bf1650"


def write(folder: Path, trials: list[dict[str, Any]], worlds: Sequence[BarnWorld]) -> None:
    """``barn.png`` in the folder of raw results, where the true motion of each trial lies."""
    driven = [trial for trial in trials if (folder / _csv_name(trial)).exists()]
    if not driven:
        return
    worst = worst_of(driven)
    truth = np.loadtxt(folder / _csv_name(worst), delimiter=",", skiprows=1, usecols=range(5), ndmin=2)
    world = next(world.world for world in worlds if world.id == worst["world"])
    (folder / "barn.png").write_bytes(picture_png(trials, worst, world, truth))


def _csv_name(trial: dict[str, Any]) -> str:
    return f"{trial['world']}-{trial['trial']}.csv"


def picture_png(trials: list[dict[str, Any]], worst: dict[str, Any], world: World, truth: NDArray[np.float64]) -> bytes:
    """PNG bytes. ``trials``: of the result; ``worst``: the one of them that drove ``truth`` [n, >= 5] in ``world``."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(15.0, 5.2), dpi=110, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    scores, scatter, yard = figure.subplots(1, 3)
    _draw_scores(scores, trials)
    _draw_clearance(scatter, trials)
    _draw_world(yard, world)
    colors = yard.scatter(truth[::4, 1], truth[::4, 2], c=np.abs(truth[::4, 4]), s=4, cmap="viridis", vmin=0.0)
    figure.colorbar(colors, ax=yard, label="speed (m/s)", shrink=0.7)
    clearance_m = worst["min_clearance_m"]
    yard.set_title(f"World {worst['world']}: {worst['outcome']}, clearance {clearance_m or 0.0:.3f} m", loc="left")
    buffer = BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def worst_of(trials: list[dict[str, Any]]) -> dict[str, Any]:
    """A failure before any success, then the least clearance."""
    return min(trials, key=lambda trial: (trial["success"], trial["min_clearance_m"] or 0.0))


def _draw_scores(axes: Any, trials: list[dict[str, Any]]) -> None:
    values = sorted(trial["score"] if trial["score"] is not None else 0.0 for trial in trials)
    axes.plot(values, np.linspace(0.0, 1.0, len(values)), drawstyle="steps-post", color=_GOOD)
    axes.set_xlim(-0.01, 0.52)
    axes.set_xlabel("score (at most 0.5)")
    axes.set_ylabel("part of the trials at or below")
    axes.set_title(f"{len(trials)} trials, mean score {np.mean(values):.4f}", loc="left")


def _draw_clearance(axes: Any, trials: list[dict[str, Any]]) -> None:
    done = [
        trial for trial in trials if trial["optimal_s"] and trial["time_s"] and trial["min_clearance_m"] is not None
    ]
    clearance_m = [trial["min_clearance_m"] for trial in done]
    ratio = [trial["time_s"] / trial["optimal_s"] for trial in done]
    axes.scatter(clearance_m, ratio, s=9, c=[_GOOD if trial["success"] else _BAD for trial in done])
    axes.axvline(0.05, color="#999", linewidth=0.8)
    axes.axhline(2.0, color="#999", linewidth=0.8)
    axes.set_xlabel("least clearance (m)")
    axes.set_ylabel("time / optimal time (2 and below: full score)")
    axes.set_ylim(0.5, min(max([2.1, *ratio]) * 1.05, 8.5))
    axes.set_title("Clearance and time; failures in red", loc="left")


def _draw_world(axes: Any, world: World) -> None:
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import Circle, Polygon

    shapes: list[Any] = [Circle((shape.x_m, shape.y_m), shape.radius_m) for shape in world.circles]
    shapes += [Polygon(shape.points) for shape in world.polygons]
    axes.add_collection(PatchCollection(shapes, facecolor="#3b4252"))
    axes.set_aspect("equal")
    axes.set_xlim(world.bounds.x_min_m, world.bounds.x_max_m)
    axes.set_ylim(world.bounds.y_min_m, world.bounds.y_max_m)
    axes.set_xlabel("x (m)")
    axes.set_ylabel("y (m)")
