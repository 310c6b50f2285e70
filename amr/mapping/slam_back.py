"""Back end of SLAM: the keyframes as a graph, the search for loops in it, and its solution."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

from amr.mapping.pose_arrays import Array, between
from amr.mapping.pose_graph import UPPER, PoseGraph, RobustKernel
from amr.mapping.pose_graph_solve import PoseGraphSolver
from amr.mapping.slam_front import Keyframe
from amr.mapping.slam_loops import SUPPORT_GAP, Loop, LoopFinder, LoopSettings, supports

_WIDEST_M: Final = 25.0
_WINDOW_M: Final = 0.5
_WINDOW_PER_M: Final = 0.02
"""How wide loops are searched: what a front end loses in a meter, at worst."""
_TURN_RAD: Final = math.radians(4.0)
_TURN_PER_M: Final = 0.005
_WIDEST_TURN_RAD: Final = math.radians(30.0)
_APART_M: Final = 4.0
_LOOP_STEP_M: Final = 0.5
_MOVED_M: Final = 0.05
_MOVED_RAD: Final = math.radians(0.5)
_STEP_FLOOR: Final = (0.008, math.radians(0.15))
_LOOP_FLOOR: Final = (0.02, math.radians(0.3))
"""Deviations (m, rad) that no edge goes below: errors that all points of a match share."""
_SHARED_FRAC: Final = 0.2
"""Share of the points of a match that count as independent."""
_FADING_WIDTHS: Final = (10.0, 3.2)
"""Deviations from which on a loop loses weight: wide first, so that a right one far off is not lost."""
_TOLERANCE: Final = 1e-5


class BackEnd:
    """Keyframes in, corrected keyframe poses out."""

    def __init__(self, settings: LoopSettings | None = None) -> None:
        self.finder = LoopFinder(settings)
        self.keyframes: list[Keyframe] = []
        self.scans: list[Array] = []
        self.poses = np.zeros((0, 3))
        self.pending: dict[tuple[int, int], Loop] = {}
        self._by_second: dict[int, dict[int, Loop]] = {}
        self.optimizations = 0
        self._way_m: list[float] = []

    @property
    def loops(self) -> list[Loop]:
        """The accepted loops."""
        return [loop for loops in self._by_second.values() for loop in loops.values()]

    def add(self, keyframe: Keyframe) -> bool:
        """True when a loop was found that moves the graph: then ``poses`` are new."""
        self.append(keyframe)
        settings, newest = self.finder.settings, len(self.keyframes) - 1
        if newest % settings.query_step != 0 or newest <= settings.least_gap:
            return False
        first = max(0, newest - 2 * settings.query_half)
        if not self._search(newest, first, newest, _WIDEST_M):
            return False
        self._optimize(4)
        return True

    def append(self, keyframe: Keyframe, way_m: float | None = None) -> None:
        """Add it without a search; ``way_m``: from the one before, where that is not the length of its step."""
        before = self._way_m[-1] if self._way_m else 0.0
        self._way_m.append(before + (math.hypot(keyframe.step[0], keyframe.step[1]) if way_m is None else way_m))
        self.keyframes.append(keyframe)
        self.scans.append(keyframe.points)
        self.poses = np.vstack([self.poses, keyframe.pose])

    def finish(self) -> None:
        """Search all loops again with all that is known now: wide, then between all that lies near."""
        half, last = self.finder.settings.query_half, len(self.poses) - 1
        if self._by_second:
            self._optimize(10)
        for widest_m in (_WIDEST_M, 3.0):
            for query in range(0, last + 1, self.finder.settings.query_step):
                self._search(query, max(0, query - half), min(last, query + half), widest_m)
            if self._by_second:
                self._optimize(15)

    def _search(self, query: int, first: int, last: int, widest_m: float) -> bool:
        """Loops of ``query``, seen by keyframes ``first`` to ``last``; True when the graph should be solved again."""
        distance_m = self._graph_distance_m(query)
        window_m = np.minimum(widest_m, _WINDOW_M + _WINDOW_PER_M * distance_m)
        window_rad = np.minimum(_WIDEST_TURN_RAD, _TURN_RAD + _TURN_PER_M * distance_m)
        found = False
        for target in self._candidates(query, window_m):
            loop = self.finder.find(
                self.scans, self.poses, query, target, range(first, last + 1),
                float(window_m[target]), float(window_rad[target]),
            )  # fmt: skip
            if loop is not None:
                found |= self._consider(loop)
        return found

    def _candidates(self, query: int, window_m: Array) -> list[int]:
        """The nearest keyframe of each stretch of the path that comes near ``query``, nearest first."""
        settings = self.finder.settings
        numbers = np.arange(len(self.poses))
        apart_m = np.hypot(*(self.poses[:, :2] - self.poses[query, :2]).T)
        fits = (np.abs(numbers - query) > settings.least_gap) & (apart_m < window_m + _APART_M)
        ids = numbers[fits & (numbers % settings.target_step == 0)]
        if len(ids) == 0:
            return []
        stretches = np.split(ids, np.nonzero(np.diff(ids) > 3 * settings.target_step)[0] + 1)
        nearest = [int(stretch[np.argmin(apart_m[stretch])]) for stretch in stretches]
        return sorted(nearest, key=lambda k: float(apart_m[k]))[: settings.candidates]

    def _consider(self, loop: Loop) -> bool:
        """Accept ``loop`` when another one speaks for it (then that one too); True when it moves the graph."""
        friends = [other for other in self._near_in_path(loop) if supports(other, loop, self.poses)]
        if not friends:
            self.pending[loop.first, loop.second] = loop
            return False
        added = [loop, *(other for other in friends if self.pending.pop((other.first, other.second), None))]
        self.pending.pop((loop.first, loop.second), None)
        for new in added:
            self.accept(new)
        pairs, measured = _ends(added)
        error = between(measured, between(self.poses[pairs[:, 0]], self.poses[pairs[:, 1]]))
        return bool(np.hypot(error[:, 0], error[:, 1]).max() > _MOVED_M or np.abs(error[:, 2]).max() > _MOVED_RAD)

    def _near_in_path(self, loop: Loop) -> list[Loop]:
        """Accepted and waiting loops whose ends lie near those of ``loop`` on the path."""
        seconds = range(loop.second - SUPPORT_GAP, loop.second + SUPPORT_GAP + 1)
        accepted = [other for second in seconds for other in self._by_second.get(second, {}).values()]
        return [
            *(other for other in self.pending.values() if abs(other.second - loop.second) <= SUPPORT_GAP),
            *accepted,
        ]

    def accept(self, loop: Loop) -> None:
        """The newest of two loops between the same keyframes stays: it was measured from better poses."""
        self._by_second.setdefault(loop.second, {})[loop.first] = loop

    def _graph_distance_m(self, query: int) -> Array:
        """[N] shortest way from ``query`` along the path and through strong loops.

        A weak loop may be wrong: it must not narrow the search that could find the right one.
        """
        count = len(self.poses)
        loops = _ends([loop for loop in self.loops if loop.strong])[0]
        i = np.concatenate([np.arange(count - 1), loops[:, 0]])
        j = np.concatenate([np.arange(1, count), loops[:, 1]])
        way_m = np.concatenate([np.maximum(np.diff(self._way_m), 0.05), np.full(len(loops), _LOOP_STEP_M)])
        graph = csr_matrix((way_m, (i, j)), shape=(count, count))
        distance_m: Array = dijkstra(graph, directed=False, indices=np.array([query]))[0]
        return distance_m

    def _optimize(self, iterations: int) -> None:
        self.optimizations += 1
        steps, loops = len(self.keyframes) - 1, self.loops
        loop_pairs, loop_measured = _ends(loops)
        pairs = np.vstack([np.column_stack([np.arange(steps), np.arange(1, steps + 1)]), loop_pairs])
        measured = np.vstack([np.array([key.step for key in self.keyframes[1:]]), loop_measured])
        information = np.concatenate([
            _floored(np.array([key.information for key in self.keyframes[1:]]), *_STEP_FLOOR),
            _floored(np.array([loop.information for loop in loops]), *_LOOP_FLOOR),
        ])  # fmt: skip
        graph = PoseGraph.of_arrays(self.poses, pairs, measured, _in_axes_of(measured, information))
        graph.kernel[steps:] = RobustKernel.DCS
        solver = PoseGraphSolver(graph)
        for width_sigma in _FADING_WIDTHS:
            graph.width_sigma[steps:] = width_sigma
            solver.solve(iterations, _TOLERANCE)
        self.poses = graph.poses.copy()


def _ends(loops: list[Loop]) -> tuple[Array, Array]:
    """(pairs [K, 2], measured [K, 3])."""
    pairs = np.array([(loop.first, loop.second) for loop in loops], np.int64).reshape(-1, 2)
    return pairs, np.array([loop.measured for loop in loops]).reshape(-1, 3)


def _in_axes_of(measured: Array, information: Array) -> Array:
    """[K, 6] upper parts of ``information`` [K, 3, 3], turned from the axes of the first pose to the measured one's."""
    turn = np.zeros((len(measured), 3, 3))
    s, c = np.sin(measured[:, 2]), np.cos(measured[:, 2])
    turn[:, 0, 0], turn[:, 0, 1], turn[:, 1, 0], turn[:, 1, 1], turn[:, 2, 2] = c, -s, s, c, 1.0
    full = np.einsum("kji,kjl,klm->kim", turn, information, turn)
    return np.stack([full[:, row, column] for row, column in UPPER], axis=1)


def _floored(information: Array, sigma_m: float, sigma_rad: float) -> Array:
    """[K, 3, 3] with no deviation below the floors."""
    covariance = np.linalg.inv(information * _SHARED_FRAC + np.diag([1e-2, 1e-2, 1e-1]))
    return np.linalg.inv(covariance + np.diag([sigma_m**2, sigma_m**2, sigma_rad**2]))
