"""``amr bench posegraph``: the least squares of published pose graphs, from whatever poses their files give."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from amr.errors import DataError
from amr.mapping.pose_graph_search import Search, solve_from_nothing
from amr.mapping.pose_graph_solve import PoseGraphSolver
from amr.mapping.pose_graph_start import tree_poses
from amr.runtime.bench.posegraph_picture import picture_png
from amr.runtime.g2o import G2oFile, graph_name, read_g2o, write_g2o


def run(data: list[Path], out_dir: Path | None = None, progress: Callable[[str], None] | None = None) -> dict[str, Any]:
    """The benchmark's result as JSON values (see the command-line contract).

    ``wall_s`` counts from the graph in memory to its solution; reading, writing and pictures are left out. Raw results:
    ``NAME.g2o`` with the solved poses and ``NAME.png`` before and after. Raises ``DataError`` for a wrong file before
    anything is solved.
    """
    tell = progress or (lambda _: None)
    names = [graph_name(path) for path in data]
    if not data:
        raise DataError("--data: expected at least one .g2o file")
    for name in names:
        if names.count(name) > 1:
            raise DataError(f"--data: two graphs named {name}: expected different names")
    files = []
    for path in data:
        tell(f"{path.name}: reading")
        files.append(read_g2o(path))
    _make_folder(out_dir)
    return {"graphs": [_one(name, file, out_dir, tell) for name, file in zip(names, files, strict=True)]}


def _one(name: str, file: G2oFile, out_dir: Path | None, tell: Callable[[str], None]) -> dict[str, Any]:
    """Solve one graph, leave its raw results."""
    graph = file.graph
    before = graph.poses.copy() if file.has_poses else tree_poses(graph, PoseGraphSolver(graph).pinned())
    started_s = time.monotonic()
    search = solve_from_nothing(
        graph, file.has_poses, lambda start, step, cost: tell(f"{name}: from {start}: step {step}, chi2 {cost:.6g}")
    )
    wall_s = time.monotonic() - started_s
    chi2 = graph.chi2()
    tell(f"{name}: chi2 {chi2:.6g}")
    if out_dir is not None:
        write_g2o(out_dir / f"{name}.g2o", file)
        _write_picture(out_dir / f"{name}.png", name, file, before, wall_s)
    return {"name": name, "chi2": chi2, "wall_s": wall_s, **_summary(file, search)}


def _summary(file: G2oFile, search: Search) -> dict[str, Any]:
    return {
        "iterations": search.solution.iterations,
        "converged": search.solution.converged,
        "start": search.best,
        "starts": {
            name: {"chi2": solution.chi2, "iterations": solution.iterations, "converged": solution.converged}
            for name, solution in search.solutions.items()
        },
        "nodes": file.graph.node_count,
        "edges": file.graph.edge_count,
    }


def _write_picture(path: Path, name: str, file: G2oFile, before: Any, wall_s: float) -> None:
    after = file.graph.poses.copy()
    file.graph.poses[:] = before
    chi2_before = file.graph.chi2()
    file.graph.poses[:] = after
    chi2_after = file.graph.chi2()
    titles = (f"{name}: chi2 {chi2_before:.6g}", f"chi2 {chi2_after:.6g} after {wall_s:.2f} s")
    try:
        path.write_bytes(picture_png(file.graph.ends, np.asarray(before), after, titles))
    except OSError as error:
        raise DataError(f"{path}: cannot be written: {error.strerror}") from None


def _make_folder(out_dir: Path | None) -> None:
    if out_dir is None:
        return
    try:
        out_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{out_dir}: cannot be made: {error.strerror}") from None
