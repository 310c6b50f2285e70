"""``amr bench planners``: the result, the ruler's verdicts, peers beside us, and one line for each wrong file."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from amr.errors import DataError
from amr.runtime.bench.planner_cases import InflationAsked, inflate, synthetic_case
from amr.runtime.bench.planner_suite import compared, run_suite
from amr.runtime.bench.planners import run

OPTIMUM = 2.0 + 2.0 * math.sqrt(2.0)


def moving_ai(folder: Path, optimum: str) -> tuple[Path, Path]:
    """A wall that hangs from the top, and one problem: to the other side of it."""
    rows = ["...@...", "...@...", "...@...", ".......", "......."]
    (folder / "wall.map").write_text("type octile\nheight 5\nwidth 7\nmap\n" + "\n".join(rows) + "\n")
    (folder / "wall.map.scen").write_text(f"version 1\n0\twall.map\t7\t5\t1\t2\t5\t2\t{optimum}\n")
    return folder / "wall.map", folder / "wall.map.scen"


def npy_case(folder: Path, cost: np.ndarray[Any, Any], queries: list[dict[str, list[float]]]) -> tuple[Path, Path]:
    np.save(folder / "costs.npy", cost)
    (folder / "queries.json").write_text(json.dumps({"resolution_m": 0.1, "queries": queries}))
    return folder / "costs.npy", folder / "queries.json"


def test_moving_ai_length_equals_the_optimum_that_a_person_counted(tmp_path: Path) -> None:
    # from (1, 2) past the wall's end: diagonal to (2, 3), two steps to (4, 3), diagonal to (5, 2); no corner is cut
    result = run(*moving_ai(tmp_path, f"{OPTIMUM:.8f}"))
    for name in ("astar", "any_angle"):
        figures = result["planners"][name]
        assert (figures["queries"], figures["solved"]) == (1, 1)
        assert figures["per_query"][0]["path"][0][:2] == [1.0, 2.0]
        assert figures["per_query"][0]["path"][-1][:2] == [5.0, 2.0]
    astar = result["planners"]["astar"]
    assert astar["length_m"]["mean"] == pytest.approx(OPTIMUM, abs=1e-8)
    assert astar["suboptimality"]["max"] == pytest.approx(0.0, abs=1e-8)
    assert result["planners"]["any_angle"]["suboptimality"]["max"] <= 1e-8
    assert result["map"] == {"width": 7, "height": 5, "resolution_m": 1.0}


def test_without_the_answers_the_score_is_null(tmp_path: Path) -> None:
    result = run(*moving_ai(tmp_path, "0"), ["astar"])
    assert result["planners"]["astar"]["solved"] == 1
    assert result["planners"]["astar"]["suboptimality"] is None


def test_cost_map_with_queries_in_metres(tmp_path: Path) -> None:
    cost = np.zeros((20, 30), np.uint8)
    cost[:, 10] = 126
    queries = [
        {"start": [0.25, 0.25, 0.0], "goal": [2.25, 0.25, 1.5]},
        {"start": [0.25, 0.25, 0.0], "goal": [9.0, 0.2, 0.0]},
    ]
    result = run(*npy_case(tmp_path, cost, queries), ["astar", "any_angle"], 2, False, tmp_path / "out")
    for figures in result["planners"].values():
        assert (figures["queries"], figures["solved"]) == (2, 1)
        first, second = figures["per_query"]
        assert first["cost"] == pytest.approx(2.0 + 0.1 * 0.5)
        assert first["length_m"] == pytest.approx(2.0)
        assert first["path"][-1] == [2.25, 0.25, 1.5]
        assert not second["solved"]
        assert "outside the map" in second["reason"]
        assert second["cost"] is None
        assert set(figures["time_ms"]) >= {"median", "p99", "min"}
    assert result["planners"]["astar"]["suboptimality"] == {"max": 0.0, "mean": 0.0}
    written = json.loads((tmp_path / "out" / "planners.json").read_text())
    assert written == json.loads(json.dumps(result))
    assert (np.load(tmp_path / "out" / "costs.npy") == cost).all()
    assert len(json.loads((tmp_path / "out" / "queries.json").read_text())["queries"]) == 2


def test_unknown_is_lethal_unless_allowed(tmp_path: Path) -> None:
    cost = np.zeros((5, 30), np.uint8)
    cost[:, 15] = 255
    files = npy_case(tmp_path, cost, [{"start": [0.25, 0.25, 0.0], "goal": [2.25, 0.25, 0.0]}])
    assert run(*files, ["astar"])["planners"]["astar"]["solved"] == 0
    allowed = run(*files, ["astar", "any_angle"], 1, True)
    assert allowed["planners"]["astar"]["cost"]["mean"] == pytest.approx(2.0)
    assert allowed["planners"]["any_angle"]["cost"]["mean"] == pytest.approx(2.0)


def test_ros_map_is_flipped_and_inflated_as_asked(tmp_path: Path) -> None:
    pixels = np.full((40, 60), 254, np.uint8)
    pixels[:10, 30] = 0  # the top of the picture: large y
    pixels[39, 0] = 205
    Image.fromarray(pixels).save(tmp_path / "m.png")
    (tmp_path / "m.yaml").write_text("image: m.png\nresolution: 0.05\norigin: [5.0, 5.0, 0]\n")
    queries = [{"start": [0.5, 1.75, 0.0], "goal": [2.5, 1.75, 0.0]}]
    (tmp_path / "q.json").write_text(json.dumps({"resolution_m": 0.05, "queries": queries}))
    plain = run(tmp_path / "m.yaml", tmp_path / "q.json", ["any_angle"])
    inflated = run(tmp_path / "m.yaml", tmp_path / "q.json", ["any_angle"], inflate_m=0.7, robot_radius_m=0.22)
    first, second = (r["planners"]["any_angle"]["per_query"][0] for r in (plain, inflated))
    assert min(y for _, y, _ in first["path"]) == pytest.approx(1.475, abs=0.03)
    assert min(y for _, y, _ in second["path"]) < 1.475 - 0.2
    assert second["cost"] > second["length_m"]


def test_inflation_follows_nav2() -> None:
    occupied = np.zeros((1, 30), bool)
    occupied[0, 0] = True
    unknown = np.zeros_like(occupied)
    unknown[0, [2, 20]] = True
    cost = inflate(occupied, unknown, 0.05, InflationAsked(0.7, 3.0, 0.22))[0]
    assert cost[0] == 254
    assert (cost[1:5] == 253).all()
    assert cost[5] == int(252 * math.exp(-3.0 * (0.25 - 0.22)))
    assert cost[14] == int(252 * math.exp(-3.0 * (0.70 - 0.22)))
    assert cost[15] == 0
    assert cost[20] == 255


@pytest.mark.parametrize("kind", ["blobs", "maze", "rooms"])
def test_synthetic_maps_repeat_and_can_be_solved(kind: str) -> None:
    case = synthetic_case(f"{kind}:256:3", 5, None)
    again = synthetic_case(f"{kind}:256:3", 5, None)
    assert (case.grid.cost == again.grid.cost).all()
    assert case.queries == again.queries
    assert (synthetic_case(f"{kind}:256:4", 5, None).grid.cost != case.grid.cost).any()
    result = run(None, None, ["astar", "any_angle"], synthetic=f"{kind}:256:3", query_count=5)
    astar, any_angle = (result["planners"][name] for name in ("astar", "any_angle"))
    assert astar["solved"] == any_angle["solved"] == 5
    assert any_angle["suboptimality"]["max"] <= 1e-9


@pytest.mark.benchmark_peer
def test_peers_are_measured_by_the_same_ruler_and_are_never_cheaper_than_any_angle() -> None:
    pytest.importorskip("pyastar2d")
    pytest.importorskip("skimage")
    result = run(None, None, ["any_angle", "pyastar2d", "skimage"], synthetic="blobs:256:1", query_count=10)
    ours = result["planners"]["any_angle"]["per_query"]
    for name in ("pyastar2d", "skimage"):
        for mine, theirs in zip(ours, result["planners"][name]["per_query"], strict=True):
            if theirs["solved"]:
                assert mine["cost"] <= theirs["cost"] * (1 + 1e-9)


def test_limit_spreads_over_the_list(tmp_path: Path) -> None:
    queries = [{"start": [0.05, 0.05, 0.0], "goal": [0.05 + 0.1 * k, 0.05, 0.0]} for k in range(10)]
    files = npy_case(tmp_path, np.zeros((3, 30), np.uint8), queries)
    result = run(*files, ["astar"], limit=5)
    lengths = [row["length_m"] for row in result["planners"]["astar"]["per_query"]]
    assert lengths == pytest.approx([0.0, 0.2, 0.4, 0.6, 0.8])


GOOD = {"start": [0.2, 0.2, 0.0], "goal": [0.3, 0.3, 0.0]}


@pytest.mark.parametrize(
    ("queries", "words"),
    [
        ("{", "line 1: not JSON"),
        ("[]", "queries: expected a list"),
        (json.dumps({"resolution_m": 0.1, "queries": []}), "queries: expected a list"),
        (json.dumps({"queries": [GOOD]}), "resolution_m: expected"),
        (json.dumps({"resolution_m": -1, "queries": [GOOD]}), "resolution_m: expected"),
        (json.dumps({"resolution_m": 0.1, "queries": [GOOD, {"start": [1, 2, 3]}]}), "queries[1].goal"),
        (json.dumps({"resolution_m": 0.1, "queries": [{"start": ["a", 2, 3], "goal": [1, 2, 3]}]}), "queries[0].start"),
        ('{"resolution_m": 0.1, "queries": [{"start": [NaN, 2, 3], "goal": [1, 2, 3]}]}', "queries[0].start"),
    ],
)
def test_wrong_queries_are_named_in_one_line(tmp_path: Path, queries: str, words: str) -> None:
    files = npy_case(tmp_path, np.zeros((10, 10), np.uint8), [])
    files[1].write_text(queries)
    with pytest.raises(DataError) as caught:
        run(*files)
    assert words in str(caught.value)
    assert "queries.json" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_wrong_arguments_are_named(tmp_path: Path) -> None:
    files = npy_case(tmp_path, np.zeros((10, 10), np.uint8), [GOOD])
    cases: list[tuple[Callable[[], Any], str]] = [
        (lambda: run(*files, ["dijkstra"]), "--planner dijkstra: expected one of any_angle, astar, hybrid_astar"),
        (lambda: run(*files, repeat=0), "--repeat"),
        (lambda: run(*files, limit=0), "--limit"),
        (lambda: run(*files, inflate_m=math.nan), "--inflate"),
        (lambda: run(tmp_path / "none.npy", files[1]), "none.npy: no such file"),
        (lambda: run(files[0], tmp_path / "none.json"), "none.json: no such file"),
        (lambda: run(tmp_path / "map.tiff", files[1]), "expected .npy, .yaml, .map"),
        (lambda: run(None, None), "--map is needed"),
        (lambda: run(None, None, synthetic="blobs"), "expected KIND:SIZE:SEED"),
        (lambda: run(None, None, synthetic="holes:256:1"), "KIND: expected one of blobs"),
        (lambda: run(None, None, synthetic="blobs:10:1"), "64 <= SIZE"),
    ]
    for call, words in cases:
        with pytest.raises(DataError) as caught:
            call()
        assert words in str(caught.value)


def test_published_optima_are_met(outside_data: Callable[[str], Path]) -> None:
    folder = outside_data("grid/movingai/random")
    for name in ("random512-25-0", "random512-40-5"):
        result = run(folder / f"{name}.map.gz", folder / f"{name}.map.scen.gz", limit=5)
        astar, any_angle = (result["planners"][planner] for planner in ("astar", "any_angle"))
        assert astar["solved"] == 5
        # the files give six digits
        assert max(abs(astar["suboptimality"]["max"]), abs(astar["suboptimality"]["mean"])) < 1e-5
        assert any_angle["suboptimality"]["max"] < 1e-5


def test_several_maps_give_ratios_over_the_maps(tmp_path: Path) -> None:
    files = npy_case(tmp_path, np.zeros((30, 40), np.uint8), [{"start": [0.5, 0.5, 0.0], "goal": [3.0, 2.0, 0.0]}])
    result = run_suite(
        [files[0]],
        [files[1]],
        ["blobs:128:1", "maze:128:2"],
        ["any_angle", "astar"],
        1,
        False,
        tmp_path / "out",
        query_count=3,
        replan=True,
    )
    assert [row["name"] for row in result["maps"]] == ["costs.npy", "blobs:128:1", "maze:128:2"]
    assert all(row["replan"]["equal_cost"] for row in result["maps"])
    assert set(result["replan"]) == {"start_moved", "map_changed"}
    assert all(row["planners"][name]["cold_ms"]["max"] > 0.0 for row in result["maps"] for name in row["planners"])
    assert result["replan"]["map_changed"]["min"] > 0.0
    assert set(result["worst_over_median"]) == {"any_angle", "astar"}
    assert result["faster"] == {"any_angle": {}, "astar": {}}
    for folder in ("costs.npy", "blobs-128-1", "maze-128-2"):
        assert (tmp_path / "out" / folder / "planners.png").read_bytes().startswith(b"\x89PNG")
    assert json.loads((tmp_path / "out" / "suite.json").read_text()) == json.loads(json.dumps(result))


def test_peers_are_compared_by_medians_and_by_what_both_solve() -> None:
    def figures(times_ms: float, costs: list[float | None]) -> dict[str, Any]:
        rows = [{"solved": cost is not None, "cost": cost} for cost in costs]
        return {"time_ms": {"median": times_ms, "max": 3.0 * times_ms}, "per_query": rows}

    results = [
        {"planners": {"astar": figures(1.0, [1.0, 2.0]), "peer": figures(4.0, [2.0, None])}},
        {"planners": {"astar": figures(1.0, [3.0, 3.0]), "peer": figures(6.0, [2.0, 3.0])}},
        {"planners": {"astar": figures(1.0, [3.0, 3.0]), "peer": figures(9.0, [None, None])}},
    ]
    summary = compared(results)
    assert summary["faster"]["astar"]["peer"] == {"median": 6.0, "min": 4.0, "max": 9.0}
    assert summary["cheaper"]["astar"]["peer"] == {"maps": 2, "cheaper_on": 1, "largest_ratio": 1.2}
    assert summary["worst_over_median"] == {"astar": 3.0, "peer": 3.0}


def test_a_map_without_queries_gets_random_ones_and_a_picture(tmp_path: Path) -> None:
    Image.fromarray(np.full((40, 60), 254, np.uint8)).save(tmp_path / "m.png")
    (tmp_path / "m.yaml").write_text("image: m.png\nresolution: 0.05\norigin: [5.0, 5.0, 0]\n")
    result = run(tmp_path / "m.yaml", None, query_count=4, plot=tmp_path / "picture.png")
    assert result["planners"]["any_angle"]["solved"] == 4
    assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")
    np.save(tmp_path / "c.npy", np.zeros((5, 5), np.uint8))
    with pytest.raises(DataError, match=r"c\.npy: --queries"):
        run(tmp_path / "c.npy", None)
    with pytest.raises(DataError, match="2 files for 1 maps"):
        run_suite([tmp_path / "m.yaml"], [tmp_path / "a", tmp_path / "b"], [], None, 1, False, None)
