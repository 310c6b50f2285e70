"""Picture of ``bench control``: how long cycles take, and where the time of one goes."""

from __future__ import annotations

from io import BytesIO

import numpy as np

_BAR = "#4c78a8"
_MEDIAN = "#bf1650"


def picture_png(panels: list[tuple[int, list[float]]], steps: int, parts_ms: dict[str, float]) -> bytes:
    """PNG bytes: a histogram of cycle times for each (samples, times in ms), and the parts of the first.

    ``parts_ms``: mean time of each part in a cycle.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.2 * (len(panels) + 1), 4.2), dpi=110, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    *histograms, bars = figure.subplots(1, len(panels) + 1)
    for axes, (samples, times_ms) in zip(histograms, panels, strict=True):
        p50, p99 = np.percentile(times_ms, (50, 99))
        axes.hist(times_ms, bins=60, range=(0.0, 1.5 * p99), color=_BAR)
        axes.axvline(p50, color=_MEDIAN, linewidth=1.2)
        axes.set_title(f"{samples} x {steps}: p50 {p50:.2f} ms, p99 {p99:.2f} ms", fontsize=10, loc="left")
        axes.set_xlabel("cycle (ms)")
        axes.set_ylabel("cycles")
    names = sorted(parts_ms, key=lambda name: parts_ms[name])
    bars.barh(names, [parts_ms[name] * 1e3 for name in names], color=_BAR)
    bars.set_xlabel(f"mean in a cycle of {panels[0][0]} samples (us)")
    bars.set_title("Where the time goes", fontsize=10, loc="left")
    bars.tick_params(axis="y", labelsize=8)
    buffer = BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()
