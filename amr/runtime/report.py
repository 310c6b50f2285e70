"""What a run leaves in its folder: ``result.json``, ``run.png`` and ``report.html`` (one file, no outside requests)."""

from __future__ import annotations

import base64
import html
import json
import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from amr.errors import DataError
from amr.runtime.picture import picture_png
from amr.runtime.result import Percentiles, RunResult, result_json

MAX_STOP_ROWS: Final = 200

_STYLE: Final = """
:root { color-scheme: light dark; --ink: #1d2330; --dim: #667085; --line: #d9dde5; --page: #ffffff; --good: #2e7d32;
  --bad: #b3123f; --soft: #f5f6f8; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ef; --dim: #9aa4b5; --line: #333a47; --page: #14171d;
  --good: #7bc67e; --bad: #ff7d9c; --soft: #1c2028; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page); margin: 2rem auto;
  max-width: 66rem; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin: 0 0 .2rem; } h2 { font-size: 1.05rem; margin: 2rem 0 .5rem; }
p.sub { color: var(--dim); margin: 0 0 1.2rem; }
.tiles { display: flex; flex-wrap: wrap; gap: .6rem; margin: 1rem 0; }
.tile { background: var(--soft); border-radius: .5rem; padding: .6rem .9rem; min-width: 7rem; }
.tile b { display: block; font-size: 1.25rem; } .tile span { color: var(--dim); font-size: .8rem; }
.good { color: var(--good); } .bad { color: var(--bad); }
img { width: 100%; border-radius: .5rem; background: white; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th { text-align: left; color: var(--dim); font-weight: 500; } th, td { padding: .25rem .8rem .25rem 0;
  border-bottom: 1px solid var(--line); vertical-align: top; } td.n, th.n { text-align: right; }
code { font-size: .85em; overflow-wrap: anywhere; }
"""


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
        f"<h1>{_text(result.scenario)}: <span class={_good(result.success)}>{_text(result.outcome)}</span></h1>",
        f'<p class=sub>{_text(_subtitle(result))}</p>',
        _tiles(result),
        f'<img src="data:image/png;base64,{image}" alt="World, map, planned and driven path">',
        _stops(result),
        _timing(result),
        _table("Link", ("", "frames"), [
            ("received", str(result.link.frames_in)),
            ("sent", str(result.link.frames_out)),
            ("faulty (checksum and others)", str(result.link.crc_errors)),
            ("lost", str(result.link.lost)),
        ]),
        _origin(result),
    ]  # fmt: skip
    head = f'<meta charset="utf-8"><title>{_text(result.scenario)}</title><style>{_STYLE}</style>'
    view = '<meta name="viewport" content="width=device-width, initial-scale=1">'
    body = "\n".join(sections)
    return f'<!doctype html>\n<html lang="en"><head>{head}{view}</head><body>\n{body}\n</body></html>\n'


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
        f'<div class=tile><b class="{"" if good is None else _good(good)}">{_text(value)}</b><span>{name}</span></div>'
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
    return _table("Stops and slow-downs", ("t (s)", "reason", "cause"), rows, intro=summary) + more


def _timing(result: RunResult) -> str:
    rows = [("step of the core", *_spread(result.step_ms))]
    rows.extend((name, *_spread(value)) for name, value in result.latency_ms)
    return _table("Time (ms)", ("", "p50", "p99", "max"), rows, numbers_from=1)


def _spread(value: Percentiles) -> tuple[str, str, str]:
    return _unit(value.p50, "", 2), _unit(value.p99, "", 2), _unit(value.max, "", 2)


def _origin(result: RunResult) -> str:
    rows = [("steps", str(result.steps)), ("digest of all outputs", result.digest), ("log", result.log or "none")]
    rows.extend((name, str(count)) for name, count in result.counters)
    if result.log:
        rows.append(("check it again", f"amr replay {result.log} --verify"))
    return _table("Origin", ("", ""), rows)


def _table(
    title: str, heads: tuple[str, ...], rows: Sequence[tuple[str, ...]], intro: str = "", numbers_from: int = 99
) -> str:
    def row(tag: str, cells: tuple[str, ...]) -> str:
        marked = (
            f"<{tag}{' class=n' if index >= numbers_from else ''}>{_text(cell)}</{tag}>"
            for index, cell in enumerate(cells)
        )
        return f"<tr>{''.join(marked)}</tr>"

    head = row("th", heads) if any(heads) else ""
    body = "".join(row("td", cells) for cells in rows)
    return f"<h2>{_text(title)}</h2>{f'<p>{_text(intro)}</p>' if intro else ''}<table>{head}{body}</table>"


def _unit(value: float, unit: str, digits: int) -> str:
    return f"{value:.{digits}f} {unit}".strip() if math.isfinite(value) else "-"


def _good(good: bool) -> str:
    return "good" if good else "bad"


def _text(text: str) -> str:
    return html.escape(text)
