"""What a run leaves in its folder: ``result.json``, ``run.png`` and ``report.html`` (one file, no outside requests)."""

from __future__ import annotations

import base64
import json
import math
from collections import Counter
from pathlib import Path
from typing import Final

from amr.errors import DataError
from amr.runtime.html_page import page, table, text_of
from amr.runtime.picture import picture_png
from amr.runtime.result import Percentiles, RunResult, result_json

MAX_STOP_ROWS: Final = 200


def write_report(result: RunResult, folder: str | Path) -> None:
    """Write all three files; the folder is made. Raises ``DataError`` when that fails."""
    folder = Path(folder)
    picture = picture_png(result)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(result_json(result), indent=1, allow_nan=False)
        (folder / "result.json").write_text(text + "\n", encoding="utf-8")
        (folder / "run.png").write_bytes(picture)
        (folder / "report.html").write_text(report_html(result, picture), encoding="utf-8")
    except OSError as error:
        raise DataError(f"{folder}: report cannot be written: {error.strerror}") from None


def report_html(result: RunResult, picture: bytes) -> str:
    """The report as one page; the picture is inside it."""
    image = base64.b64encode(picture).decode()
    sections = [
        f"<h1>{text_of(result.scenario)}: <span class={_good(result.success)}>{text_of(result.outcome)}</span></h1>",
        f'<p class=sub>{text_of(_subtitle(result))}</p>',
        _tiles(result),
        f'<img src="data:image/png;base64,{image}" alt="World, map, planned and driven path">',
        _stops(result),
        _timing(result),
        table("Link", ("", "frames"), [
            ("received", str(result.link.frames_in)),
            ("sent", str(result.link.frames_out)),
            ("faulty (checksum and others)", str(result.link.crc_errors)),
            ("lost", str(result.link.lost)),
        ]),
        _origin(result),
    ]  # fmt: skip
    return page(result.scenario, sections)


def _subtitle(result: RunResult) -> str:
    parts = [
        f"robot {result.robot}" if result.robot else "",
        f"controller {result.controller}" if result.controller else "",
        f"seed {result.seed}",
        f"physics {result.backend}" if result.backend else "",
        f"firmware {result.firmware}" if result.firmware else "",
        f"pace {result.pace}" if result.pace else "",
    ]
    return ", ".join(part for part in parts if part)


def _tiles(result: RunResult) -> str:
    tiles = [
        ("goals", f"{result.goals_reached}/{result.goals_total}", result.goals_reached == result.goals_total),
        ("time", _unit(result.time_s, "s", 1), None),
        ("path", _unit(result.path_length_m, "m", 1), None),
        ("contacts", str(result.collisions), result.collisions == 0),
        ("nearest obstacle", _unit(result.min_clearance_m, "m", 3), None),
        ("mean speed", _unit(result.path_length_m / result.time_s if result.time_s > 0 else math.nan, "m/s", 2), None),
        ("real-time factor", _unit(result.real_time_factor, "x", 1), None),
    ]
    cells = [
        f'<div class=tile><b class="{"" if good is None else _good(good)}">{text_of(value)}</b>'
        f"<span>{name}</span></div>"
        for name, value, good in tiles
    ]
    return f"<div class=tiles>{''.join(cells)}</div>"


def _stops(result: RunResult) -> str:
    if not result.stops:
        return "<h2>Stops and slow-downs</h2><p>None.</p>"
    counts = Counter(stop.reason for stop in result.stops)
    summary = ", ".join(f"{reason.replace('_', ' ')} {count}" for reason, count in counts.most_common())
    rows = [(f"{stop.t_s:.2f}", stop.reason, stop.cause) for stop in result.stops[:MAX_STOP_ROWS]]
    left = len(result.stops) - len(rows)
    more = f"<p>{left} more in result.json.</p>" if left > 0 else ""
    return table("Stops and slow-downs", ("t (s)", "reason", "cause"), rows, intro=summary) + more


def _timing(result: RunResult) -> str:
    rows = [("step of the core", *_spread(result.step_ms))]
    rows.extend((name, *_spread(value)) for name, value in result.latency_ms)
    return table("Time (ms)", ("", "p50", "p99", "max"), rows, numbers_from=1)


def _spread(value: Percentiles) -> tuple[str, str, str]:
    return _unit(value.p50, "", 2), _unit(value.p99, "", 2), _unit(value.max, "", 2)


def _origin(result: RunResult) -> str:
    rows = [("steps", str(result.steps)), ("digest of all outputs", result.digest), ("log", result.log or "none")]
    rows.extend((name, str(count)) for name, count in result.counters)
    if result.log:
        rows.append(("check it again", f"amr replay {result.log} --verify"))
    return table("Origin", ("", ""), rows)


def _unit(value: float, unit: str, digits: int) -> str:
    return f"{value:.{digits}f} {unit}".strip() if math.isfinite(value) else "-"


def _good(good: bool) -> str:
    return "good" if good else "bad"
