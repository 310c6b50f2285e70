"""What an exploration strategy takes and gives: where to look next.

A strategy is named in ``amr.registry.EXPLORATION_STRATEGIES``, or by ``module:Class`` in the robot file, and built
from its settings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from amr.geometry import Pose2
from amr.grid import CostGrid


@dataclass(frozen=True, slots=True, eq=False)
class ExplorationView:
    """All that was seen so far. Arrays [height, width] belong to ``grid.frame``, which lies in the map frame."""

    grid: CostGrid
    """Planning costs; cells never seen are 255 or what an obstacle beside them makes of them."""
    unseen: NDArray[np.bool_]
    closed: NDArray[np.bool_]
    """Where frontiers were given up."""
    start: Pose2
    """The robot."""
    way_m: NDArray[np.float32]
    """Cost in metres of getting to each cell over seen floor; infinite where nothing leads."""
    target: tuple[float, float] | None
    """(x m, y m) that it drives to now."""


@dataclass(frozen=True, slots=True)
class ExplorationChoice:
    """Where to look next: ``target`` (x m, y m) is a cell with a finite ``way_m``; None = nowhere.

    ``frontiers`` are those worth a visit that can be reached; ``unreachable``: those that nothing leads to.
    """

    target: tuple[float, float] | None
    way_m: float = 0.0
    gain_m2: float = 0.0
    frontiers: int = 0
    unreachable: int = 0


class ExplorationStrategy(Protocol):
    """Keeps scratch memory only: equal views give equal choices, to the bit."""

    def choose(self, view: ExplorationView) -> ExplorationChoice:
        """Where to look next. Never raises on values."""
        ...
