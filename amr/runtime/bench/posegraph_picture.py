"""The picture of a pose graph before and after: consecutive nodes joined dark, loops light."""

from __future__ import annotations

from io import BytesIO
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

DPI: Final = 110
TRACK: Final = "#3b4252"
LOOP: Final = "#d08770"


def picture_png(
    ends: NDArray[np.int64], before: NDArray[np.float64], after: NDArray[np.float64], titles: tuple[str, str]
) -> bytes:
    """PNG bytes: the edges ``ends`` [m, 2] at the poses [n, 3] before (left) and after (right), x to the right."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13.0, 6.8), dpi=DPI, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    for number, (poses, title) in enumerate(zip((before, after), titles, strict=True)):
        axes = figure.add_subplot(1, 2, number + 1)
        _draw(axes, ends, poses)
        axes.set_title(title, fontsize=11, loc="left", color="#222")
    buffer = BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def _draw(axes: Any, ends: NDArray[np.int64], poses: NDArray[np.float64]) -> None:
    from matplotlib.collections import LineCollection

    consecutive = np.abs(ends[:, 1] - ends[:, 0]) == 1
    for chosen, color, width in ((~consecutive, LOOP, 0.5), (consecutive, TRACK, 0.8)):
        axes.add_collection(LineCollection(list(poses[ends[chosen], :2]), colors=color, linewidths=width))
    axes.set_aspect("equal")
    axes.autoscale_view()
    axes.set_facecolor("#fbfbf8")
    axes.set_xlabel("x (m)")
    axes.set_ylabel("y (m)")
    axes.tick_params(colors="#667", labelsize=8)
    for spine in axes.spines.values():
        spine.set_color("#99a")
