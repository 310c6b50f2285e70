"""The best solution that can be found from nothing: several starts, each solved, the least cost kept.

Starts that have little in common and still lead to one minimum are taken as proof enough: of a large graph two, of a
small one all. Where no second start confirms the least cost, or on a small graph any ends elsewhere, the graph is one
that a descent gets stuck on, and the dear relaxation is tried.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from amr.mapping.block_system import Floats
from amr.mapping.pose_graph import PoseGraph
from amr.mapping.pose_graph_solve import PoseGraphSolver, Solution
from amr.mapping.pose_graph_start import chordal_poses, lifted_poses, tree_poses

AGREED_FRAC: Final = 1e-5
CHEAP_NODES: Final = 2000
_EQUAL_FRAC: Final = 1e-9

Progress = Callable[[str, int, float], None]
"""(name of the start, iteration, cost)."""


@dataclass(frozen=True, slots=True)
class Search:
    """What each start led to, by name; the graph holds the poses of ``best``."""

    best: str
    solutions: dict[str, Solution]

    @property
    def solution(self) -> Solution:
        """The best one."""
        return self.solutions[self.best]

    @property
    def agreeing(self) -> int:
        """How many starts led to the least cost."""
        least = self.solution.cost
        return sum(solution.cost - least <= AGREED_FRAC * least + 1e-9 for solution in self.solutions.values())

    @property
    def agreed(self) -> bool:
        """Whether all starts did."""
        return self.agreeing == len(self.solutions)


def solve_from_nothing(graph: PoseGraph, poses_are_a_guess: bool, progress: Progress | None = None) -> Search:
    """Solve from the chordal relaxation, a tree, if ``poses_are_a_guess`` the graph's poses, and the odometry.

    Pinned nodes (see ``PoseGraphSolver.pinned``) stay where they are. Costs one structure, and a solve a start.
    """
    solver = PoseGraphSolver(graph)
    pinned = solver.pinned()
    search = Search("", {})
    for name, start in _starts(solver, pinned, poses_are_a_guess).items():
        search = _tried(solver, search, name, start, progress)
        if graph.node_count > CHEAP_NODES and search.agreeing >= 2:
            break
    if search.agreeing < 2 or (not search.agreed and graph.node_count <= CHEAP_NODES):
        if progress is not None:
            progress("lifted", 0, search.solution.cost)
        lifted = lifted_poses(solver, pinned)
        if lifted is not None:
            search = _tried(solver, search, "lifted", lifted, progress)
    return search


def _starts(solver: PoseGraphSolver, pinned: NDArray[np.uint8], poses_are_a_guess: bool) -> dict[str, Floats]:
    graph = solver.graph
    starts = {"chordal": chordal_poses(solver, pinned)}
    starts["tree"] = tree_poses(graph, pinned)
    if poses_are_a_guess:
        starts["given"] = graph.poses.copy()
    starts["chain"] = tree_poses(graph, pinned, along_chain=True)
    return {name: poses for name, poses in starts.items() if poses is not None}


def _tried(solver: PoseGraphSolver, search: Search, name: str, start: Floats, progress: Progress | None) -> Search:
    """The search with one more start; the graph keeps the poses of the better one."""
    graph, before = solver.graph, solver.graph.poses.copy()
    graph.poses[:] = start
    tell = None if progress is None else _named(progress, name)
    solutions = {**search.solutions, name: solver.solve(progress=tell)}
    if search.best and not solutions[name].cost < search.solution.cost * (1.0 - _EQUAL_FRAC):
        graph.poses[:] = before
        return Search(search.best, solutions)
    return Search(name, solutions)


def _named(progress: Progress, name: str) -> Callable[[int, float], None]:
    return lambda iteration, cost: progress(name, iteration, cost)
