"""The picture of a run: true world, mapped obstacles, planned and driven path, stops, goals."""

from __future__ import annotations

import math
from io import BytesIO
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from amr.runtime.result import RunResult, StopEvent

PLOT_WIDTH_IN: Final = 10.5
PLOT_HEIGHT_IN: Final = 8.5
DPI: Final = 130
PLAN_SHOWN_M: Final = 4.0
WALL: Final = "#3b4252"
MAPPED: Final = "#d08770"
PLAN: Final = "#81a1c1"
GOAL: Final = "#2e7d32"
STOP: Final = "#bf1650"
PEOPLE: Final = "#8e6bbf"
STOP_WORDS: Final = frozenset({"obstacle_slow", "unseen_slow", "limit", "none"})
"""Reasons that slow the robot but do not stop it: they are not marked."""


def picture_png(result: RunResult) -> bytes:
    """The picture as PNG bytes."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    (left, right), (bottom, top) = _bounds(result)
    width_in = min(PLOT_WIDTH_IN, PLOT_HEIGHT_IN * (right - left) / (top - bottom))
    height_in = width_in * (top - bottom) / (right - left)
    size_in = (max(width_in, 5.0) + 1.7, max(height_in, 2.5) + 1.3)
    figure = Figure(figsize=size_in, dpi=DPI, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.set_aspect("equal")
    axes.set_xlim(left, right)
    axes.set_ylim(bottom, top)
    axes.set_facecolor("#fbfbf8")
    axes.set_xlabel("x (m)")
    axes.set_ylabel("y (m)")
    axes.tick_params(colors="#667", labelsize=8)
    for spine in axes.spines.values():
        spine.set_color("#99a")
    _draw_map(axes, result)
    _draw_world(axes, result)
    _draw_plans(axes, result)
    colors = _draw_driven(axes, result)
    _draw_goals(axes, result)
    _draw_robot(axes, result)
    _draw_stops(axes, result)
    if colors is not None:
        bar = figure.colorbar(colors, ax=axes, shrink=0.7, pad=0.015, aspect=35)
        bar.set_label("speed (m/s)", fontsize=9)
        bar.ax.tick_params(labelsize=8)
        bar.outline.set_visible(False)
    axes.set_title(_title(result), fontsize=11, loc="left", color="#222")
    figure.legend(loc="outside lower center", ncols=7 if size_in[0] > 9.0 else 4, fontsize=8, frameon=False)
    buffer = BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def _title(result: RunResult) -> str:
    return (
        f"{result.scenario}: {result.outcome}, {result.goals_reached}/{result.goals_total} goals, "
        f"{result.path_length_m:.1f} m in {result.time_s:.1f} s"
    )


def _bounds(result: RunResult) -> tuple[tuple[float, float], tuple[float, float]]:
    """((left, right), (bottom, top)) of everything that was driven or stands in the world, with a margin."""
    points: list[NDArray[np.float64]] = [np.array([result.start[:2]])]
    points.extend(polygon[:, :2] for polygon in result.world.polygons if len(polygon))
    points.extend(np.array([[x - r, y - r], [x + r, y + r]]) for x, y, r in result.world.circles)
    points.extend(np.array([[x, y]]) for x, y, _ in result.goals)
    if len(result.truth):
        points.append(result.truth[:, 1:3])
    every = np.concatenate(points)
    every = every[np.isfinite(every).all(axis=1)]
    low, high = every.min(axis=0) - 0.4, every.max(axis=0) + 0.4
    return (float(low[0]), float(high[0])), (float(low[1]), float(high[1]))


def _draw_map(axes: Any, result: RunResult) -> None:
    """What the robot believes: free ground light, occupied cells in color; what it never saw stays blank."""
    if result.map is None:
        return
    frame, cells = result.map.frame, result.map.cells
    image = np.zeros((*cells.shape, 4))
    image[cells < 50] = (0.90, 0.94, 0.97, 1.0)
    image[(cells >= 50) & (cells <= 100)] = (*_rgb(MAPPED), 1.0)
    extent = (
        frame.origin_x_m,
        frame.origin_x_m + frame.width * frame.resolution_m,
        frame.origin_y_m,
        frame.origin_y_m + frame.height * frame.resolution_m,
    )
    axes.imshow(image, origin="lower", extent=extent, interpolation="nearest", zorder=1, aspect="equal")
    axes.plot([], [], "s", color=MAPPED, markersize=5, label="mapped by the robot")


def _draw_world(axes: Any, result: RunResult) -> None:
    from matplotlib.collections import LineCollection, PatchCollection
    from matplotlib.patches import Circle, Polygon

    polygons = [Polygon(polygon[:, :2]) for polygon in result.world.polygons if len(polygon) >= 3]
    circles = [Circle((x, y), r) for x, y, r in result.world.circles]
    axes.add_collection(
        PatchCollection([*polygons, *circles], facecolor="#3b425222", edgecolor=WALL, linewidth=0.9, zorder=3)
    )
    axes.plot([], [], color=WALL, linewidth=1.2, label="true world")
    tracks = [moving.track[:, 1:3] for moving in result.world.moving if len(moving.track) >= 2]
    axes.add_collection(LineCollection(tracks, colors=PEOPLE, linewidths=1.0, linestyles=":", alpha=0.8, zorder=2))
    last = [
        Circle(tuple(moving.track[-1, 1:3]), moving.radius_m) for moving in result.world.moving if len(moving.track)
    ]
    axes.add_collection(PatchCollection(last, facecolor=PEOPLE, alpha=0.55, edgecolor="none", zorder=4))
    if tracks:
        axes.plot([], [], ":", color=PEOPLE, linewidth=1.2, label="moving obstacles")


def _draw_plans(axes: Any, result: RunResult) -> None:
    from matplotlib.collections import LineCollection

    paths = [_first_metres(plan.path_map) for plan in result.plans if len(plan.path_map) >= 2]
    if not paths:
        return
    axes.add_collection(LineCollection(paths, colors=PLAN, linewidths=0.7, alpha=0.5, zorder=5))
    axes.plot([], [], color=PLAN, linewidth=1.0, label=f"planned ({len(paths)} times, first {PLAN_SHOWN_M:.0f} m)")


def _first_metres(path_map: NDArray[np.float64]) -> NDArray[np.float64]:
    """The part that the robot could follow before the next plan: farther on it only guesses at unknown ground."""
    lengths = np.hypot(np.diff(path_map[:, 0]), np.diff(path_map[:, 1]))
    return path_map[: max(2, int(np.searchsorted(np.cumsum(lengths), PLAN_SHOWN_M)) + 1), :2]


def _draw_driven(axes: Any, result: RunResult) -> Any:
    """The driven path colored by speed; what the color bar needs, or None."""
    from matplotlib.collections import LineCollection

    truth = result.truth[np.isfinite(result.truth).all(axis=1)] if len(result.truth) else result.truth
    if len(truth) < 2:
        return None
    stride = max(1, len(truth) // 4000)
    truth = truth[::stride]
    segments = np.stack([truth[:-1, 1:3], truth[1:, 1:3]], axis=1)
    speeds = np.abs(truth[1:, 4])
    lines = LineCollection(list(segments), cmap="viridis", array=speeds, linewidths=2.4, zorder=6, capstyle="round")
    lines.set_clim(0.0, max(0.2, float(np.percentile(speeds, 99.5))))
    axes.add_collection(lines)
    axes.plot([], [], color="#21918c", linewidth=2.4, label="driven")
    return lines


def _draw_goals(axes: Any, result: RunResult) -> None:
    for number, (x_m, y_m, yaw_rad) in enumerate(result.goals, start=1):
        reached = number <= result.goals_reached
        axes.plot(x_m, y_m, "o", markersize=15, color=GOAL if reached else "#999", alpha=0.9, zorder=8)
        axes.annotate(str(number), (x_m, y_m), ha="center", va="center", color="white", fontsize=9, zorder=9)
        if yaw_rad is not None:
            axes.plot([x_m, x_m + 0.5 * math.cos(yaw_rad)], [y_m, y_m + 0.5 * math.sin(yaw_rad)], color=GOAL, zorder=8)
    if result.goals:
        axes.plot([], [], "o", color=GOAL, markersize=8, label="goals")


def _draw_robot(axes: Any, result: RunResult) -> None:
    """The robot's outline at the start (hollow) and at the end (filled)."""
    from matplotlib.patches import Polygon

    poses = [(result.start, "none", "#555")]
    if len(result.truth):
        poses.append((tuple(result.truth[-1, 1:4]), "#ebcb8b", "#222"))
    for (x_m, y_m, yaw_rad), fill, edge in poses:
        if not (math.isfinite(x_m) and math.isfinite(y_m) and math.isfinite(yaw_rad)):
            continue
        c, s = math.cos(yaw_rad), math.sin(yaw_rad)
        for part in result.outline_m:
            corners = [(x_m + c * x - s * y, y_m + s * x + c * y) for x, y in part]
            axes.add_patch(Polygon(corners, facecolor=fill, edgecolor=edge, linewidth=0.8, zorder=7))


def _draw_stops(axes: Any, result: RunResult) -> None:
    """A cross where the safety ring stopped the robot on its way, with the reason beside the first of each kind."""
    if not len(result.truth):
        return
    named: set[str] = set()
    marked = False
    for stop, x_m, y_m in stop_places(result):
        axes.plot(x_m, y_m, "X", color=STOP, markersize=8, markeredgecolor="white", zorder=10)
        marked = True
        if stop.reason not in named and len(named) < 6:
            named.add(stop.reason)
            axes.annotate(
                stop.reason.replace("_", " "),
                (x_m, y_m),
                xytext=(7, 6),
                textcoords="offset points",
                fontsize=8,
                color=STOP,
                zorder=10,
                bbox={"boxstyle": "round,pad=0.2", "facecolor": "white", "edgecolor": "none", "alpha": 0.8},
            )
    if marked:
        axes.plot([], [], "X", color=STOP, markersize=8, label="stopped by the safety ring")


def stop_places(result: RunResult) -> list[tuple[StopEvent, float, float]]:
    """(stop, x m, y m) of each full stop after the robot had moved 5 cm."""
    times_s = result.truth[:, 0]
    moved = np.hypot(result.truth[:, 1] - result.truth[0, 1], result.truth[:, 2] - result.truth[0, 2]) > 0.05
    if not moved.any():
        return []
    began_s = float(times_s[int(np.argmax(moved))])
    places = []
    for stop in result.stops:
        if stop.reason in STOP_WORDS or stop.t_s < began_s:
            continue
        row = min(int(np.searchsorted(times_s, stop.t_s)), len(times_s) - 1)
        places.append((stop, float(result.truth[row, 1]), float(result.truth[row, 2])))
    return places


def _rgb(color: str) -> tuple[float, float, float]:
    return int(color[1:3], 16) / 255, int(color[3:5], 16) / 255, int(color[5:7], 16) / 255
