"""Where on the map, from nothing: a search of every place and heading, then a hearing of all that fit.

A few scans are laid together by odometry. Branch and bound finds every pose whose walls fit (``modes_in_window``); each
is refined, and judged by all beams of all scans: ends at walls, in the open, in the unknown, and walls that a beam went
through, which the search cannot see. Found is the place that leaves no rival, and that fits, or stands out of all
wrong places (``standing_out``), twice in a row; else it is ambiguous.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from amr.localization.hearing import TURNS_RAD, KeptScan, against, turned_by, way_back
from amr.localization.map_field import BeamPrices, MapField
from amr.localization.pose_filter import PoseFilter
from amr.localization.standing_out import chance_frac, standing_nats
from amr.mapping.base import LineMatch, WindowMap, between, compose, placed, wrapped

Array = NDArray[Any]

_TILE_CELLS: Final = 255
_SEARCH_CELL_M: Final = 0.1
_CARRIED: Final = 12
"""Of the last search's places, so many are heard again, whether or not this search finds them."""
_SLIPPED: Final = 3
"""The best of these also as if wheels had slipped in the last turn."""
_THOROUGH: Final = 10
"""So many of the best are heard thoroughly."""


class Place(StrEnum):
    """What a search says."""

    FOUND = "found"
    AMBIGUOUS = "ambiguous"
    """Several places fit what was seen."""
    NOWHERE = "nowhere"
    """No place on the map fits."""


@dataclass(frozen=True, slots=True)
class SearchSettings:
    """``least_score`` and ``keep_frac``: of the search; places from ``hear_frac`` of the best on are heard.
    ``beams``: of each scan in the search and in the hearing.

    ``beam_nats``: a pose whose beams are worth less each is worse than "not on this map"; but by no more than
    ``changed_nats``, for one place in ten has changed so much that this tells nothing. ``certain``: probability of the
    best that makes it the answer. ``stayed_nats``: so much better, by ``crowd_prices``, must a place be than the
    one that odometry led to, for robots are seldom carried off, and a crowd looks like another place. Poses within
    ``same_m``, ``same_rad`` are heard once; within ``near_m``, ``near_rad`` they are one place.
    """

    scans: int = 10
    apart_m: float = 0.15
    apart_rad: float = math.radians(10.0)
    beams: int = 60
    search_points: int = 120
    step_rad: float = math.radians(1.0)
    least_score: float = 0.4
    keep_frac: float = 0.7
    hear_frac: float = 0.8
    near_m: float = 0.5
    near_rad: float = math.radians(20.0)
    same_m: float = 0.1
    same_rad: float = 0.1
    beam_nats: float = 0.6
    changed_nats: float = 2.3
    prices: BeamPrices = field(default_factory=lambda: BeamPrices(short_nats=math.inf))
    crowd_prices: BeamPrices = field(default_factory=BeamPrices)
    stayed_nats: float = 9.0
    independent_frac: float = 0.25
    certain: float = 0.999
    largest_sigma_m: float = 0.1


@dataclass(frozen=True, slots=True)
class Relocation:
    """``poses`` [k, 3] at the newest scan, best first; ``probabilities`` [k] (what is missing to 1: none of them)."""

    place: Place
    poses: Array
    probabilities: Array


@dataclass(frozen=True, slots=True)
class _Candidate:
    match: LineMatch
    nats: float
    """What all kept scans have against it, tempered."""


class Relocalizer:
    """Give it scans as the robot moves, and ask."""

    snapshot_constants: ClassVar[tuple[str, ...]] = (
        "_field",
        "_matcher",
        "_settings",
        "_window",
        "_tiles",
        "_chance_frac",
    )

    def __init__(self, field: MapField, matcher: PoseFilter, settings: SearchSettings | None = None) -> None:
        """``matcher`` refines; its own pose is left alone."""
        self._field = field
        self._matcher = matcher
        self._settings = settings or SearchSettings()
        cell_m = max(_SEARCH_CELL_M, field.cell_m)
        self._window = WindowMap(
            [field.wall_points], np.zeros((1, 3)), 2.0 * (_TILE_CELLS // 2 + 1) * cell_m, cell_m, levels=3
        )
        self._tiles = _tiles(field, cell_m)
        self._chance_frac = chance_frac(field, cell_m)
        self._kept: deque[KeptScan] = deque(maxlen=self._settings.scans)
        self._last: Array = np.zeros((0, 3))
        self._last_odometry: Array = np.zeros(3)
        self._was_certain = False

    @property
    def scans(self) -> int:
        """How many scans are kept."""
        return len(self._kept)

    def clear(self) -> None:
        """Forget all: the robot was moved by somebody, or is found."""
        self._kept.clear()
        self._last = np.zeros((0, 3))
        self._was_certain = False

    def add(self, points: Array, origin: Array, odometry: Array) -> bool:
        """Keep ``points`` [n, 2], seen from ``origin`` [2] (robot's frame), when the robot has moved since the last."""
        settings = self._settings
        if len(points) == 0:
            return False
        if self._kept:
            step = between(self._kept[-1].odometry, odometry)
            if math.hypot(step[0], step[1]) < settings.apart_m and abs(step[2]) < settings.apart_rad:
                return False
        thin = points[:: max(1, len(points) // settings.beams)]
        self._kept.append(KeptScan(np.ascontiguousarray(thin), origin, np.array(odometry, np.float64)))
        return True

    def search(self, led: Array | None = None) -> Relocation:
        """Every place that fits, at the newest scan kept; ``led`` [3]: where a known place and the odometry lead to."""
        if not self._kept:
            return Relocation(Place.NOWHERE, np.zeros((0, 3)), np.zeros(0))
        newest = self._kept[-1]
        steps = [between(newest.odometry, kept.odometry) for kept in self._kept]
        together = np.concatenate([placed(kept.points, step) for kept, step in zip(self._kept, steps, strict=True)])
        modes = self._modes(together[:: max(1, len(together) // self._settings.search_points)])
        modes = modes[np.argsort(-modes[:, 0], kind="stable")]
        good = int((modes[:, 0] >= self._settings.hear_frac * modes[:, 0].max(initial=0.0)).sum())
        carried = compose(self._last[:_CARRIED], between(self._last_odometry, newest.odometry))
        slipped = [turned_by(turn, carried[:_SLIPPED]) for turn in TURNS_RAD]
        matches = [
            self._matcher.match(newest.points, start) for start in np.concatenate([modes[:good, 1:], carried, *slipped])
        ]
        candidates = self._heard(matches)
        poses = np.array([one.match.pose for one in candidates]).reshape(-1, 3)
        found = [*(match.pose for match in matches[:good]), *modes[good:, 1:]]
        standing = self._standing_nats(poses[0], found, modes[:, 0], len(together)) if len(poses) else 0.0
        probabilities = self._probabilities(candidates, standing)
        is_held = bool(candidates) and self._spread_m2(candidates[0].match) < self._settings.largest_sigma_m**2
        contested = led is not None and bool(candidates) and self._contested(poses[0], led)
        fits = bool(candidates) and self._is_certain(self._probabilities(candidates, 0.0))
        place = self._place(poses, probabilities, is_held and not contested, fits)
        return Relocation(place, poses, probabilities)

    def _heard(self, matches: list[LineMatch]) -> list[_Candidate]:
        """Distinct places, the one that least speaks against first; the best are heard thoroughly."""
        settings = self._settings
        heard = sorted((self._hear(match, thorough=False) for match in matches), key=lambda one: one.nats)
        fine = _distinct(heard, settings.same_m, settings.same_rad)
        best = [self._hear(one.match, thorough=True) for one in fine[:_THOROUGH]]
        ranked = sorted((*best, *fine[_THOROUGH:]), key=lambda one: one.nats)
        return _distinct(ranked, settings.near_m, settings.near_rad)

    def _hear(self, match: LineMatch, thorough: bool) -> _Candidate:
        way = way_back(tuple(self._kept), match.pose, self._field, self._matcher, thorough)
        return _Candidate(match, self._against(way, self._settings.prices))

    def _against(self, way: list[Array], prices: BeamPrices) -> float:
        """Tempered: neighbouring beams err together."""
        return self._settings.independent_frac * against(self._kept, way, self._field, prices)

    def _spread_m2(self, match: LineMatch) -> float:
        return float(np.trace(np.linalg.inv(self._matcher.believed(match) + np.eye(3))[:2, :2]))

    def _contested(self, pose: Array, led: Array) -> bool:
        """True when ``pose`` is elsewhere than ``led`` and not much better, were all short beams of people close by."""
        if not self._apart(pose, led):
            return False
        stayed = self._matcher.match(self._kept[-1].points, led).pose
        kept, prices = tuple(self._kept), self._settings.crowd_prices
        here, there = (
            self._against(way_back(kept, place, self._field, self._matcher), prices) for place in (pose, stayed)
        )
        return here > there - self._settings.stayed_nats

    def _is_certain(self, probabilities: Array) -> bool:
        return bool(probabilities[0] >= self._settings.certain)

    def _place(self, poses: Array, probabilities: Array, is_held: bool, fits: bool) -> Place:
        last, last_odometry, was_certain = self._last, self._last_odometry, self._was_certain
        self._last, self._last_odometry = poses, self._kept[-1].odometry
        self._was_certain = len(poses) > 0 and self._is_certain(probabilities)
        if len(poses) == 0 or probabilities.sum() < 0.5:
            return Place.NOWHERE
        # a rival may be out of sight of one search: what only stands out has to do so twice
        if not self._was_certain or not is_held or len(last) == 0 or not (fits or was_certain):
            return Place.AMBIGUOUS
        again = compose(last[0], between(last_odometry, self._last_odometry))
        return Place.AMBIGUOUS if self._apart(again, poses[0]) else Place.FOUND

    def _modes(self, points: Array) -> Array:
        settings = self._settings
        found = np.zeros((0, 4))
        for center, allowed in self._tiles:
            found = self._window.modes(
                points, center, allowed, settings.step_rad, settings.least_score, settings.keep_frac,
                (settings.near_m, settings.near_rad), found,
            )  # fmt: skip
        return found

    def _standing_nats(self, best: Array, found: list[Array], scores: Array, points: int) -> float:
        """How far ``best`` stands out of what the search ``found`` elsewhere, with ``scores`` [k], highest first."""
        settings = self._settings
        is_here = np.array([not self._apart(pose, best) for pose in found], bool)
        if not is_here.any():
            return 0.0
        # what the search did not keep may be as good as this
        unseen = max(settings.least_score, settings.keep_frac * float(scores[0]))
        rival = max(unseen, float(scores[~is_here].max(initial=0.0)))
        independent = settings.independent_frac * min(points, settings.search_points)
        return standing_nats(float(scores[is_here].max()), rival, self._chance_frac, independent)

    def _probabilities(self, candidates: list[_Candidate], standing: float) -> Array:
        """Of each candidate, beside "none of them"; ``standing``: what the best has against that by standing out."""
        settings = self._settings
        beams = sum(len(kept.points) for kept in self._kept)
        none = settings.independent_frac * settings.beam_nats * beams
        nats = np.array([one.nats for one in candidates])
        if len(nats):
            none = max(none, float(nats.min()) - settings.changed_nats) + standing
        least = min(float(nats.min()), none) if len(nats) else none
        weight = np.exp(least - nats)
        result: Array = weight / (weight.sum() + math.exp(least - none))
        return result

    def _apart(self, a: Array, b: Array) -> bool:
        return _apart(a, b, self._settings.near_m, self._settings.near_rad)


def _apart(a: Array, b: Array, near_m: float, near_rad: float) -> bool:
    return math.hypot(a[0] - b[0], a[1] - b[1]) > near_m or abs(float(wrapped(a[2] - b[2]))) > near_rad


def _distinct(ranked: list[_Candidate], near_m: float, near_rad: float) -> list[_Candidate]:
    """Those that have no better one near them."""
    kept: list[_Candidate] = []
    for one in ranked:
        if all(_apart(one.match.pose, other.match.pose, near_m, near_rad) for other in kept):
            kept.append(one)
    return kept


def _tiles(field: MapField, cell_m: float) -> list[tuple[Array, Array]]:
    """(center [2], allowed cells) of the squares that cover the map, where the robot may stand in at least one."""
    height, width = field.free.shape
    size_m = _TILE_CELLS * cell_m
    half = _TILE_CELLS // 2
    tiles = []
    for j in range(math.ceil(height * field.cell_m / size_m)):
        for i in range(math.ceil(width * field.cell_m / size_m)):
            center = np.array([field.frame[0] + (i + 0.5) * size_m, field.frame[1] + (j + 0.5) * size_m])
            offsets = (np.arange(_TILE_CELLS) - half) * cell_m
            columns = np.floor((center[0] + offsets - field.frame[0]) / field.cell_m).astype(np.int64)
            rows = np.floor((center[1] + offsets - field.frame[1]) / field.cell_m).astype(np.int64)
            inside = (rows[:, None] >= 0) & (rows[:, None] < height) & (columns[None] >= 0) & (columns[None] < width)
            allowed = field.free[np.clip(rows, 0, height - 1)[:, None], np.clip(columns, 0, width - 1)[None]] * inside
            if allowed.any():
                tiles.append((center, allowed.astype(np.uint8)))
    return tiles
