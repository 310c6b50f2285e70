"""Several maps in one run: how much faster and cheaper our planners are than the peers, as medians over the maps."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from amr.errors import DataError
from amr.registry import PLANNERS
from amr.runtime.bench.planners import run


def run_suite(
    maps: list[Path],
    queries: list[Path],
    synthetic: list[str],
    planner_names: list[str] | None,
    repeat: int,
    allow_unknown: bool,
    out_dir: Path | None,
    *,
    progress: Callable[[str], None] | None = None,
    **options: Any,
) -> dict[str, Any]:
    """``{"maps": [result of ``run`` with its "name"], "faster", "cheaper", "replan"}``.

    ``queries``: none (random ones are made), or one for each of ``maps``. ``faster[ours][peer]``: the peer's median
    time over ours, as median, min and max over the maps. ``cheaper[ours][peer]``: on how many maps our mean cost is
    lower (over the queries that both solve), and the largest ratio of the means. ``worst_over_median[name]``: a
    planner's slowest query over its median, the largest over the maps. Raw results go to a folder for each map.
    """
    if queries and len(queries) != len(maps):
        raise DataError(f"--queries: {len(queries)} files for {len(maps)} maps: expected none, or one for each --map")
    jobs: list[tuple[str, Path | None, Path | None, str | None]] = [
        (path.name.removesuffix(".gz"), path, queries[number] if queries else None, None)
        for number, path in enumerate(maps)
    ]
    jobs += [(text, None, None, text) for text in synthetic]
    results = []
    for name, map_path, queries_path, made in jobs:
        folder = None if out_dir is None else out_dir / name.replace(":", "-")
        tell = None if progress is None else (lambda text, name=name: progress(f"{name}: {text}"))
        result = run(
            map_path,
            queries_path,
            planner_names,
            repeat,
            allow_unknown,
            folder,
            synthetic=made,
            progress=tell,
            **options,
        )
        results.append({"name": name} | result)
    summary = {"maps": results} | compared(results)
    if out_dir is not None:
        (out_dir / "suite.json").write_text(json.dumps(summary, allow_nan=False), encoding="utf-8")
    return summary


def compared(results: list[dict[str, Any]]) -> dict[str, Any]:
    """The comparisons of several maps' results (see ``run_suite``)."""
    names = list(results[0]["planners"])
    ours = [name for name in names if name in PLANNERS]
    peers = [name for name in names if name not in PLANNERS]
    figures: dict[str, Any] = {
        "faster": {mine: {peer: _faster(results, mine, peer) for peer in peers} for mine in ours},
        "cheaper": {mine: {peer: _cheaper(results, mine, peer) for peer in peers} for mine in ours},
        "worst_over_median": {
            name: max(r["planners"][name]["time_ms"]["max"] / r["planners"][name]["time_ms"]["median"] for r in results)
            for name in names
        },
    }
    replans = [result["replan"]["cold_over_replan"] for result in results if "replan" in result]
    if replans:
        figures["replan"] = {
            kind: _spread([float(r[kind]) for r in replans if r[kind] is not None]) for kind in replans[0]
        }
    return figures


def _spread(values: list[float]) -> dict[str, float | None]:
    if not values:
        return {"median": None, "min": None, "max": None}
    return {"median": float(np.median(values)), "min": min(values), "max": max(values)}


def _faster(results: list[dict[str, Any]], mine: str, peer: str) -> dict[str, float | None]:
    medians = [(r["planners"][peer]["time_ms"]["median"], r["planners"][mine]["time_ms"]["median"]) for r in results]
    return _spread([theirs / own for theirs, own in medians])


def _cheaper(results: list[dict[str, Any]], mine: str, peer: str) -> dict[str, Any]:
    ratios = []
    for result in results:
        rows = zip(result["planners"][mine]["per_query"], result["planners"][peer]["per_query"], strict=True)
        both = [(own["cost"], theirs["cost"]) for own, theirs in rows if own["solved"] and theirs["solved"]]
        if both and sum(theirs for _, theirs in both) > 0.0:
            ratios.append(sum(own for own, _ in both) / sum(theirs for _, theirs in both))
    return {"maps": len(ratios), "cheaper_on": sum(r < 1.0 for r in ratios), "largest_ratio": max(ratios, default=None)}
