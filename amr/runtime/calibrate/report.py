"""The acceptance report of a calibration: every item with interval and verdict, and the curves behind it."""

from __future__ import annotations

import base64
import json
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from amr.errors import DataError
from amr.runtime.calibrate.robot_file import with_values
from amr.runtime.calibrate.run import Outcome
from amr.runtime.html_page import page, table, text_of

if TYPE_CHECKING:
    from amr.runtime.calibrate.fit import Calibration

_INK: Final = "#3b4252"
_LEFT: Final = "#2f6db5"
_RIGHT: Final = "#c0562b"


def write_calibration(outcome: Outcome, robot_text: str, folder: Path, robot_name: str) -> Path | None:
    """``robot.toml`` (when the programme came to its end), ``calibration.json`` and ``report.html``; the robot file.

    Raises ``DataError`` when that fails.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        result = json.dumps(outcome.to_json(), indent=1, allow_nan=False)
        (folder / "calibration.json").write_text(result + "\n", encoding="utf-8")
        (folder / "report.html").write_text(report_html(outcome, robot_name), encoding="utf-8")
        if not outcome.changes:
            return None
        robot = folder / "robot.toml"
        robot.write_text(with_values(robot_text, outcome.changes), encoding="utf-8")
        return robot
    except OSError as error:
        raise DataError(f"{folder}: cannot be written: {error.strerror}") from None


def report_html(outcome: Outcome, robot_name: str) -> str:
    """The page."""
    word, color = ("passed", "good") if outcome.passed else ("not passed", "bad")
    sections = [
        f"<h1>Calibration of {text_of(robot_name)}: <span class={color}>{word}</span></h1>",
        f"<p class=sub>{outcome.duration_s:.0f} s of programme</p>",
    ]
    if outcome.failure:
        sections.append(f"<p class=bad>Broken off: {text_of(outcome.failure)}</p>")
    if outcome.robot is not None:
        crossed = ", ".join(name.replace("_", " ") for name in outcome.robot.firmware.wiring)
        sections.append(f"<p>Wiring: {text_of(crossed or 'as the pin map says')}.</p>")
    if outcome.items:
        sections.append(_items(outcome))
        sections.append(_checks(outcome))
    if outcome.found is not None:
        image = base64.b64encode(_curves(outcome.found, outcome)).decode()
        sections.append(f'<h2>Behind it</h2><img src="data:image/png;base64,{image}" alt="Fits and residuals">')
    if outcome.changes:
        rows = [(f"{section}.{key}", _short(value)) for (section, key), value in outcome.changes.items()]
        sections.append(table("New values of the robot file", ("key", "value"), rows))
    return page(f"Calibration of {robot_name}", sections)


def _items(outcome: Outcome) -> str:
    rows = []
    for item in outcome.items:
        low, high = item.found.interval
        before = "" if item.before is None else f"{item.before:.4g}"
        rows.append(
            (
                item.name, before, f"{item.found.value:.5g}", f"{low:.5g} to {high:.5g}", item.unit,
                f"{item.found.half_width:.2g} of {item.limit:.2g}", "pass" if item.passed else "FAIL",
            )
        )  # fmt: skip
    heads = ("", "file said", "found", "95 % interval", "unit", "half width of allowed", "")
    intro = "An item passes when half of its interval is within what is allowed."
    return table("Items", heads, rows, intro=intro)


def _checks(outcome: Outcome) -> str:
    rows = [
        (
            f"square to the {'left' if check.left else 'right'}, {check.perimeter_m:.1f} m",
            f"{100.0 * check.closing_frac:.3f} % of the way", "pass" if check.passed else "FAIL",
        )
        for check in outcome.checks
    ]  # fmt: skip
    intro = "Fresh motions by the new file: the end by odometry against the end by scans (limit 0.5 %)."
    return table("Check", ("", "apart", ""), rows, intro=intro)


def _curves(found: Calibration, outcome: Outcome) -> bytes:
    """PNG with five pictures."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10.5, 10.0), dpi=110, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(3, 2)
    _draw_levels(axes[0, 0], found)
    _draw_stops(axes[0, 1], found)
    _draw_residuals(axes[1, 0], axes[1, 1], found)
    _draw_swing(axes[2, 0], found)
    _draw_widths(axes[2, 1], outcome)
    for axis in axes.ravel():
        axis.tick_params(labelsize=8)
        axis.title.set_fontsize(10)
    buffer = BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def _draw_levels(axis: Any, found: Calibration) -> None:
    duty, left, right = found.plots["levels"]
    axis.plot(left, duty, "o", color=_LEFT, label="left", markersize=4)
    axis.plot(right, duty, "s", color=_RIGHT, label="right", markersize=4)
    speed = np.linspace(0.0, float(np.max(np.abs(left))), 20)
    for sign in (1.0, -1.0):
        axis.plot(sign * speed, sign * (found.both.static.value + found.both.slope.value * speed), color=_INK, lw=1)
    axis.set(title="Feed-forward: duty over settled speed", xlabel="m/s", ylabel="duty")
    axis.legend(fontsize=8)


def _draw_stops(axis: Any, found: Calibration) -> None:
    curves = found.plots["stops"]
    for time_s, accel in zip(curves[::2], curves[1::2], strict=True):
        axis.plot(time_s, -accel, lw=0.8, color=_LEFT)
    if found.deceleration is not None:
        axis.axhline(found.deceleration.value, color=_RIGHT, lw=1)
    axis.set(title="Hard stops: deceleration", xlabel="s after the order", ylabel="m/s²", xlim=(0.0, 0.6))


def _draw_residuals(way: Any, heading: Any, found: Calibration) -> None:
    residual = found.geometry.residuals
    number = np.arange(1, len(residual) + 1)
    way.plot(number, 1e3 * residual[:, 0], "o", color=_LEFT, label="x", markersize=4)
    way.plot(number, 1e3 * residual[:, 1], "s", color=_RIGHT, label="y", markersize=4)
    way.set(title="Geometry: residual of each motion", xlabel="motion", ylabel="mm")
    way.legend(fontsize=8)
    heading.plot(number, np.degrees(residual[:, 2]), "o", color=_LEFT, markersize=4)
    heading.set(title="Geometry: residual of the heading", xlabel="motion", ylabel="deg")
    for axis in (way, heading):
        axis.axhline(0.0, color=_INK, lw=0.6)


def _draw_swing(axis: Any, found: Calibration) -> None:
    lidar_s, lidar_rad, wheel_s, wheel_rad = found.plots["swing"]
    start_s = float(wheel_s[0])
    axis.plot(wheel_s - start_s, np.degrees(wheel_rad), color=_INK, lw=0.8, label="wheels or gyro")
    axis.plot(lidar_s - start_s, np.degrees(lidar_rad), "o", color=_RIGHT, markersize=3, label="scans")
    axis.set(
        title=f"Clocks: board's stamps ahead by {1e3 * found.clock_offset.value:.2f} ms",
        xlabel="s",
        ylabel="heading, deg",
    )
    axis.legend(fontsize=8)


def _draw_widths(axis: Any, outcome: Outcome) -> None:
    names = [item.name for item in outcome.items][::-1]
    parts = [min(1.5, item.found.half_width / item.limit) if item.limit > 0.0 else 1.5 for item in outcome.items][::-1]
    axis.barh(names, parts, color=[_LEFT if part <= 1.0 else _RIGHT for part in parts])
    axis.axvline(1.0, color=_INK, lw=1)
    axis.set(title="Half width of the interval over what is allowed", xlim=(0.0, 1.5))


def _short(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else json.dumps(value)
