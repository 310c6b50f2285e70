"""The picture of ``amr bench planners``: one map with each planner's path, and time and cost over the queries."""

from __future__ import annotations

from io import BytesIO
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from amr.grid import COST_INSCRIBED, COST_LETHAL, COST_UNKNOWN, CostGrid

_COLORS: Final = {"any_angle": "#c2410c", "astar": "#1d4ed8", "pyastar2d": "#15803d", "skimage": "#7e22ce"}
_OTHERS: Final = ("#0f766e", "#a16207", "#be123c", "#4b5563")
_LARGEST_SIDE: Final = 1200


def picture_png(grid: CostGrid, planners: dict[str, dict[str, Any]], reference: list[float | None]) -> bytes:
    """PNG bytes. ``planners``: as in the result; ``reference``: the best grid path's cost per query, where known."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(14.0, 7.2), dpi=120, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplot_mosaic([["map", "time"], ["map", "cost"]], width_ratios=[1.15, 1.0])
    colors = {name: _COLORS.get(name, _OTHERS[number % len(_OTHERS)]) for number, name in enumerate(sorted(planners))}
    _draw_map(panels["map"], grid, planners, colors)
    _draw_times(panels["time"], planners, reference, colors)
    _draw_costs(panels["cost"], planners, reference, colors)
    for axes in panels.values():
        axes.tick_params(colors="#556", labelsize=8)
        for spine in axes.spines.values():
            spine.set_color("#99a")
    buffer = BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def _draw_map(axes: Any, grid: CostGrid, planners: dict[str, dict[str, Any]], colors: dict[str, str]) -> None:
    frame = grid.frame
    step = max(1, max(grid.cost.shape) // _LARGEST_SIDE)
    extent = (
        frame.origin_x_m,
        frame.origin_x_m + frame.width * frame.resolution_m,
        frame.origin_y_m,
        frame.origin_y_m + frame.height * frame.resolution_m,
    )
    axes.imshow(_shaded(grid.cost[::step, ::step]), origin="lower", extent=extent, interpolation="nearest")
    shown = _dearest_query(planners)
    for name in sorted(planners, reverse=True):
        row = planners[name]["per_query"][shown]
        if row["solved"]:
            path = np.array(row["path"])
            axes.plot(path[:, 0], path[:, 1], color=colors[name], linewidth=1.6, label=f"{name}: {row['cost']:.2f}")
    axes.set_xlabel("x (m)", fontsize=9)
    axes.set_ylabel("y (m)", fontsize=9)
    axes.set_title(f"query {shown}, cost of each path", fontsize=10, loc="left")
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize=8, loc="best", framealpha=0.9)


def _shaded(cost: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Colors of costs: free white, dearer darker, inscribed and lethal dark, unknown bluish."""
    gray = 1.0 - 0.45 * np.minimum(cost, 252) / 252.0
    image = np.stack([gray, gray, gray], axis=2)
    image[cost == COST_INSCRIBED] = (0.42, 0.44, 0.48)
    image[cost == COST_LETHAL] = (0.13, 0.14, 0.17)
    image[cost == COST_UNKNOWN] = (0.72, 0.76, 0.82)
    return image


def _dearest_query(planners: dict[str, dict[str, Any]]) -> int:
    """Number of the query whose solutions cost most, among those that most planners solve."""
    count = len(next(iter(planners.values()))["per_query"])

    def weight(number: int) -> tuple[int, float]:
        rows = [figures["per_query"][number] for figures in planners.values()]
        return sum(row["solved"] for row in rows), max((row["cost"] or 0.0) for row in rows)

    return max(range(count), key=weight)


def _across(rows: list[dict[str, Any]], reference: list[float | None]) -> list[float]:
    """Where each query stands on the horizontal axis: the best grid path's cost, else its own."""
    return [best if best is not None else (row["cost"] or 0.0) for row, best in zip(rows, reference, strict=True)]


def _draw_times(
    axes: Any, planners: dict[str, dict[str, Any]], reference: list[float | None], colors: dict[str, str]
) -> None:
    for name, figures in planners.items():
        rows = figures["per_query"]
        median_ms = figures["time_ms"]["median"]
        label = f"{name}: median {median_ms:.2f} ms"
        times = [row["time_ms"] for row in rows]
        axes.scatter(_across(rows, reference), times, s=13, color=colors[name], alpha=0.8, linewidths=0, label=label)
        axes.axhline(median_ms, color=colors[name], linewidth=0.8, alpha=0.6)
    axes.set_yscale("log")
    axes.set_ylabel("time (ms)", fontsize=9)
    axes.grid(alpha=0.25, which="both")
    axes.legend(fontsize=8, loc="best", framealpha=0.9)


def _draw_costs(
    axes: Any, planners: dict[str, dict[str, Any]], reference: list[float | None], colors: dict[str, str]
) -> None:
    for name, figures in planners.items():
        points = [
            (best, 100.0 * (row["cost"] / best - 1.0))
            for row, best in zip(figures["per_query"], reference, strict=True)
            if row["solved"] and best
        ]
        if points:
            across, excess = zip(*points, strict=True)
            axes.scatter(across, excess, s=13, color=colors[name], alpha=0.8, linewidths=0, label=name)
    axes.axhline(0.0, color="#333", linewidth=0.8)
    axes.set_xlabel("cost of the best grid path (m)", fontsize=9)
    axes.set_ylabel("cost above it (%)", fontsize=9)
    axes.grid(alpha=0.25)
