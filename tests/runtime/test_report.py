"""What a run leaves behind: JSON by the contract, a picture, a page that asks nobody for anything."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from amr.errors import DataError
from amr.grid import GridFrame
from amr.runtime.picture import stop_places
from amr.runtime.report import write_report
from amr.runtime.result import (
    LinkCounts,
    MapImage,
    MovingTrack,
    Percentiles,
    PlanRecord,
    RunResult,
    StopEvent,
    WorldOutline,
    result_json,
)

EMPTY = RunResult(
    scenario="corridor",
    seed=3,
    success=False,
    outcome="gave_up: no <path>",
    time_s=0.0,
    path_length_m=0.0,
    collisions=0,
    min_clearance_m=math.inf,
    goals_reached=0,
    goals_total=2,
    stops=(),
    link=LinkCounts(),
    step_ms=Percentiles(),
    real_time_factor=math.nan,
    steps=0,
    digest="ab" * 32,
    log=None,
)


def full() -> RunResult:
    t_s = np.linspace(0.0, 10.0, 200)
    truth = np.stack([t_s, t_s * 0.5, np.sin(t_s), t_s * 0.1, np.full(200, 0.5), np.zeros(200)], axis=1)
    return replace(
        EMPTY,
        success=True,
        outcome="success",
        time_s=10.0,
        path_length_m=7.0,
        min_clearance_m=0.21,
        goals_reached=1,
        stops=(
            StopEvent(0.0, "not_armed", "waiting"),
            StopEvent(4.0, "obstacle", "beam 312 at 0.31 m & <b>"),
            StopEvent(5.0, "obstacle_slow", ""),
        ),
        link=LinkCounts(100, 50, 2, 1),
        step_ms=Percentiles(1.0, 2.0, 3.5),
        log="runs/x/run.mcap",
        goals=((5.0, 0.0, 1.0), (2.0, 2.0, None)),
        outline_m=(((-0.2, -0.2), (0.2, -0.2), (0.2, 0.2)),),
        truth=truth,
        world=WorldOutline(
            (np.array([[0.0, -2.0], [6.0, -2.0], [6.0, -1.9]]),),
            ((3.0, 1.5, 0.2),),
            (MovingTrack(0.25, np.stack([t_s, t_s, t_s], axis=1)),),
        ),
        map=MapImage(GridFrame(-1.0, -3.0, 0.1, 80, 60), np.full((60, 80), 100, np.uint8)),
        plans=(PlanRecord(1.0, truth[::10, 1:4]),),
        latency_ms=(("light to torque", Percentiles(90.0, 100.0, 110.0)),),
        counters=(("log records dropped", 0),),
    )


@pytest.mark.parametrize("result", [EMPTY, full()], ids=["empty", "full"])
def test_folder_holds_json_picture_and_page(result: RunResult, tmp_path: Path) -> None:
    write_report(result, tmp_path / "run")
    data = json.loads((tmp_path / "run" / "result.json").read_text())
    assert data == result_json(result)
    assert (tmp_path / "run" / "run.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    page = (tmp_path / "run" / "report.html").read_text()
    assert "data:image/png;base64," in page
    assert not re.search(r"""(src|href)\s*=\s*(?!"data:)|https?://|@import|url\(""", page)
    assert page.count("<table>") == page.count("</table>") >= 3


CONTRACT = {
    "scenario", "seed", "success", "outcome", "time_s", "path_length_m", "collisions", "min_clearance_m",
    "goals_reached", "goals_total", "stops", "link", "step_ms", "real_time_factor", "steps", "digest", "log",
}  # fmt: skip


def test_json_has_the_contract_keys_and_null_for_what_is_not_finite() -> None:
    data = result_json(EMPTY)
    assert set(data) >= CONTRACT
    assert data["min_clearance_m"] is None
    assert data["step_ms"] == {"p50": None, "p99": None, "max": None}
    json.dumps(data, allow_nan=False)
    assert set(result_json(full())["link"]) == {"frames_in", "frames_out", "crc_errors", "lost"}


def test_page_shows_causes_as_text(tmp_path: Path) -> None:
    write_report(full(), tmp_path)
    page = (tmp_path / "report.html").read_text()
    assert "beam 312 at 0.31 m &amp; &lt;b&gt;" in page
    assert "amr replay runs/x/run.mcap --verify" in page
    write_report(EMPTY, tmp_path)
    assert "gave_up: no &lt;path&gt;" in (tmp_path / "report.html").read_text()


def test_only_real_stops_on_the_way_are_marked() -> None:
    places = stop_places(full())
    assert [stop.reason for stop, _, _ in places] == ["obstacle"]
    assert places[0][1:] == pytest.approx((2.0, math.sin(4.0)), abs=0.05)
    still = replace(full(), truth=np.zeros((5, 6)))
    assert stop_places(still) == []


def test_percentiles_of_nanoseconds() -> None:
    assert Percentiles.of_ns(np.arange(101, dtype=np.int64) * 1_000_000) == Percentiles(50.0, 99.0, 100.0)
    assert math.isnan(Percentiles.of_ns(np.zeros(0, np.int64)).p50)


def test_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="report cannot be written"):
        write_report(EMPTY, tmp_path / "file" / "run")
