"""Frontiers of the seen floor, what each is worth, and which comes next.

Frontiers lie where the robot's inscribed disc fits: a gap that no robot passes has none (Yamauchi, "A frontier-based
approach for autonomous exploration", 1997). ``gain``: unseen area times ``exp(-way / decay)`` (Gonzalez-Banos and
Latombe, "Navigation strategies for exploring indoor environments", 2002); ``nearest``: the shortest way, as Yamauchi.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from amr.config.exploration import Exploration
from amr.grid import COST_INSCRIBED, COST_LETHAL
from amr.kernels import frontiers as kernels
from amr.planning.exploration import ExplorationChoice, ExplorationView
from amr.portable_math import exponential, sin_cos

_RAYS: Final = 90
_SAME_M: Final = 1.0
"""A frontier this near to the target is the one that the robot drives to: its cells move as it is seen."""


@dataclass(frozen=True, slots=True)
class Frontier:
    """``x_m``, ``y_m``: its cell to drive to, the reachable one nearest to the middle of those that are."""

    x_m: float
    y_m: float
    length_m: float
    way_m: float
    gain_m2: float


class FrontierSearch:
    """Finds all frontiers of a view."""

    snapshot_constants: ClassVar[tuple[str, ...]] = ("_directions",)

    def __init__(self, settings: Exploration) -> None:
        self._settings = settings
        turns = [sin_cos(2.0 * math.pi * k / _RAYS) for k in range(_RAYS)]
        self._directions = np.array([(cosine, sine) for sine, cosine in turns])

    def find(self, view: ExplorationView) -> tuple[list[Frontier], int]:
        """Those that can be reached and are worth a visit, and how many long ones nothing leads to."""
        cost, frame = view.grid.cost, view.grid.frame
        allowed = (cost < COST_INSCRIBED) & ~view.unseen & ~view.closed
        label, stack = np.empty(cost.shape, np.int32), np.empty(cost.size, np.int32)
        kernels.label_frontiers(allowed.view(np.uint8), np.ascontiguousarray(view.unseen).view(np.uint8), label, stack)
        rows, columns = np.nonzero(label)
        if not len(rows):
            return [], 0
        numbers = label[rows, columns]
        order = np.argsort(numbers, kind="stable")
        bounds = np.flatnonzero(np.diff(numbers[order])) + 1
        places: list[tuple[int, int]] = []
        lengths: list[float] = []
        unreachable = 0
        for members in np.split(order, bounds):
            length_m = len(members) * frame.resolution_m
            if length_m < self._settings.frontier_min_m:
                continue
            place = _middle(rows[members], columns[members], view.way_m)
            if place is None:
                unreachable += 1
                continue
            places.append(place)
            lengths.append(length_m)
        gains_m2 = self._gains(view, places)
        found = [
            Frontier(*frame.center(*place), length_m, float(view.way_m[place]), gain_m2)
            for place, length_m, gain_m2 in zip(places, lengths, gains_m2, strict=True)
            if gain_m2 >= self._settings.gain_min_m2
        ]
        return found, unreachable

    def _gains(self, view: ExplorationView, places: list[tuple[int, int]]) -> list[float]:
        if not places:
            return []
        kinds = np.full(view.unseen.shape, kernels.SEEN, np.uint8)
        kinds[view.unseen] = kernels.UNSEEN
        kinds[view.grid.cost == COST_LETHAL] = kernels.OPAQUE
        area, cell_m = np.empty(len(places)), view.grid.frame.resolution_m
        cells = np.array(places, np.int32)
        kernels.unseen_area(kinds, cells, self._directions, self._settings.look_m / cell_m, area)
        return [value * cell_m * cell_m for value in area.tolist()]


class GainStrategy:
    """Much to see for a short way; see the module."""

    def __init__(self, settings: Exploration) -> None:
        self._settings = settings
        self._search = FrontierSearch(settings)

    def choose(self, view: ExplorationView) -> ExplorationChoice:
        """The frontier with the largest worth."""
        found, unreachable = self._search.find(view)
        return _best(found, unreachable, [self._worth(item, view) for item in found])

    def _worth(self, item: Frontier, view: ExplorationView) -> float:
        worth = item.gain_m2 * exponential(-item.way_m / self._settings.decay_m)
        return worth * (1.0 + self._settings.keep_frac) if _is_target(item, view) else worth


class NearestStrategy:
    """The shortest way; see the module."""

    def __init__(self, settings: Exploration) -> None:
        self._settings = settings
        self._search = FrontierSearch(settings)

    def choose(self, view: ExplorationView) -> ExplorationChoice:
        """The frontier with the shortest way."""
        found, unreachable = self._search.find(view)
        kept = 1.0 / (1.0 + self._settings.keep_frac)
        return _best(found, unreachable, [-item.way_m * (kept if _is_target(item, view) else 1.0) for item in found])


def _middle(rows: NDArray[np.int64], columns: NDArray[np.int64], way_m: NDArray[np.float32]) -> tuple[int, int] | None:
    """The cell with a way to it that is nearest to the middle of all that have one; None where no cell has."""
    reached = np.isfinite(way_m[rows, columns])
    if not reached.any():
        return None
    rows, columns = rows[reached], columns[reached]
    # sums of integers: equal on every machine
    row, column = int(rows.sum()) / len(rows), int(columns.sum()) / len(columns)
    nearest = int(np.argmin((rows - row) * (rows - row) + (columns - column) * (columns - column)))
    return int(rows[nearest]), int(columns[nearest])


def _is_target(item: Frontier, view: ExplorationView) -> bool:
    return view.target is not None and math.dist(view.target, (item.x_m, item.y_m)) <= _SAME_M


def _best(found: list[Frontier], unreachable: int, worths: list[float]) -> ExplorationChoice:
    if not found:
        return ExplorationChoice(None, unreachable=unreachable)
    item = found[int(np.argmax(worths))]
    return ExplorationChoice((item.x_m, item.y_m), item.way_m, item.gain_m2, len(found), unreachable)
