"""Loop detection: the newest part of the path against all older parts that it may be near to."""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

import numpy as np

from amr.mapping.pose_arrays import Array, between, compose, placed, wrapped
from amr.mapping.scan_matching import LineMap, LineMatchSettings, WindowMap

_CACHE: Final = 24
_PLAIN_WINDOW_M: Final = 1.5
"""In a window up to this size the best place is taken; in a larger one it must have no rival."""
_LEAST_RIVAL_M: Final = 3.0
"""A place of low score must have no rival in a window of this size, however sure the graph is."""
_RIVAL_FRAC: Final = 0.88
_RIVAL_APART_M: Final = 1.0
_SUPPORT_M: Final = 0.3
_SUPPORT_RAD: Final = math.radians(3.0)
SUPPORT_GAP: Final = 40
_INDEPENDENT_GAP: Final = 10
_REFINED_M: Final = 0.3
_REFINED_RAD: Final = math.radians(3.0)


@dataclass(frozen=True, slots=True)
class LoopSettings:
    """Sizes in keyframes unless a unit is named."""

    target_half: int = 14
    query_half: int = 6
    query_step: int = 3
    target_step: int = 5
    least_gap: int = 30
    """Younger keyframes than this are the front end's own."""
    reach_m: float = 20.0
    cell_m: float = 0.1
    query_points: int = 400
    least_score: float = 0.2
    strong_score: float = 0.45
    strong_inlier_frac: float = 0.7
    """Of what the front end's matches usually reach. From both on a loop may be supported by one of almost the same
    scans; below, by independent ones alone."""
    candidates: int = 6


@dataclass(frozen=True, slots=True)
class Loop:
    """Keyframe ``second`` as ``first`` sees it: ``measured`` [3], ``information`` [3, 3] in the axes of ``first``."""

    first: int
    second: int
    measured: Array
    information: Array
    inlier_frac: float
    score: float
    strong: bool


class LoopFinder:
    """Searches and refines; knows nothing of the graph."""

    def __init__(self, settings: LoopSettings | None = None) -> None:
        self.settings = settings or LoopSettings()
        self._lines = LineMap(self.settings.reach_m + 15.0, 0.1, 60_000, sided=True)
        self._matching = LineMatchSettings(first_reach_m=0.5, last_reach_m=0.2, kernel_m=0.05).as_array()
        self._windows: OrderedDict[int, tuple[Array, WindowMap]] = OrderedDict()
        self.usual_frac = 0.5
        self.searches = 0
        self.ambiguous = 0
        self.diverged = 0

    def find(
        self, scans: list[Array], poses: Array, query: int, target: int, members: range, window_m: float,
        window_rad: float,
    ) -> Loop | None:  # fmt: skip
        """A loop from keyframe ``target`` to ``query``, which ``members`` around it see; None when there is none.

        ``scans`` and ``poses`` [N, 3] of all keyframes as now known. The search covers ``window_m`` and ``window_rad``
        around what the poses say.
        """
        settings = self.settings
        points, eyes = self._merged(scans, poses, members, poses[query])
        inside = (points**2).sum(axis=1) < settings.reach_m**2
        near, near_eyes = points[inside], eyes[inside]
        sparse = _thinned(near, settings.query_points)
        window = self._window(scans, poses, target, window_m)
        guess = between(poses[target], poses[query])
        self.searches += 1
        found = window.search(sparse, guess, window_m, window_rad, math.radians(1.0), settings.least_score)
        if found is None:
            return None
        start, score = found
        rival_m = window_m if score >= settings.strong_score else max(window_m, _LEAST_RIVAL_M)
        if rival_m > _PLAIN_WINDOW_M and window.search(
            sparse, guess, rival_m, window_rad, math.radians(1.0), _RIVAL_FRAC * score,
            (float(start[0]), float(start[1]), _RIVAL_APART_M),
        ):  # fmt: skip
            self.ambiguous += 1
            return None
        ids = self._target_members(target, len(scans))
        self._lines.build(start[:2], [scans[k] for k in ids], between(poses[target][None, :], poses[ids]))
        match = self._lines.match(near, start, self._matching, eyes=near_eyes)
        moved = between(start, match.pose)
        if math.hypot(moved[0], moved[1]) > _REFINED_M or abs(moved[2]) > _REFINED_RAD:
            self.diverged += 1
            return None
        strong = score >= settings.strong_score and match.inlier_frac >= settings.strong_inlier_frac * self.usual_frac
        information = match.information / max(len(members), 1)
        return Loop(target, query, match.pose, information, match.inlier_frac, score, strong)

    def _target_members(self, target: int, count: int) -> list[int]:
        half = self.settings.target_half
        return list(range(max(0, target - half), min(count, target + half + 1)))

    def _window(self, scans: list[Array], poses: Array, target: int, window_m: float) -> WindowMap:
        ids = self._target_members(target, len(scans))
        relative = between(poses[target][None, :], poses[ids])
        kept = self._windows.get(target)
        if (
            kept is not None
            and kept[0].shape == relative.shape
            and kept[1].window_m >= window_m
            and np.abs(kept[0] - relative).max() < 0.02
        ):
            self._windows.move_to_end(target)
            return kept[1]
        reach = self.settings.reach_m
        near = [scans[k][(scans[k] ** 2).sum(axis=1) < reach * reach] for k in ids]
        window = WindowMap(
            near, relative, max(window_m, _LEAST_RIVAL_M), self.settings.cell_m, levels=3 if window_m > 2.0 else 2
        )
        self._windows[target] = (relative, window)
        while len(self._windows) > _CACHE:
            self._windows.popitem(last=False)
        return window

    @staticmethod
    def _merged(scans: list[Array], poses: Array, members: range, origin: Array) -> tuple[Array, Array]:
        """The points of all ``members`` as ``origin`` [3] sees them, and from where each was seen (both [n, 2])."""
        led = {k: between(origin, poses[k]) for k in members}
        eyes = [np.broadcast_to(led[k][:2], scans[k].shape) for k in members]
        return np.concatenate([placed(scans[k], led[k]) for k in members]), np.concatenate(eyes)


def _thinned(points: Array, count: int) -> Array:
    """One point for each cell of 0.15 m, then every n-th so that at most ``count`` stay."""
    cells = np.floor(points / 0.15).astype(np.int64)
    _, index = np.unique(cells[:, 0] * 1_000_003 + cells[:, 1], return_index=True)
    kept = points[np.sort(index)]
    step = max(1, -(-len(kept) // count))
    return np.ascontiguousarray(kept[::step])


def supports(one: Loop, other: Loop, poses: Array) -> bool:
    """True when ``one`` speaks for ``other``: both say the same about how their ends lie to each other.

    Two loops of nearly the same scans err alike, so that only strong ones count for each other there.
    """
    gap = abs(one.second - other.second)
    if gap == 0 or gap > SUPPORT_GAP or abs(one.first - other.first) > 2 * SUPPORT_GAP:
        return False
    if gap < _INDEPENDENT_GAP and not (one.strong and other.strong):
        return False
    chain = between(poses[one.second], poses[other.second])
    around = compose(
        compose(between(one.measured, np.zeros(3)), between(poses[one.first], poses[other.first])), other.measured
    )
    error = between(chain, around)
    return bool(math.hypot(error[0], error[1]) < _SUPPORT_M and abs(wrapped(error[2])) < _SUPPORT_RAD)
