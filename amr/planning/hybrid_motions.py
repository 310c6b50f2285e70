"""The motions that the SE(2) search expands a pose by: straight, arcs, turns in place; forward and backward.

Headings are ``BINS`` even ones, the same for every query so that walls along the axes are driven along exactly, and
two more: the start's own and the goal's own. Arcs and turns lead from any of them to even ones; from the even ones
next to the goal's they lead there too. So no heading is rounded, at neither end.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np

from amr.geometry import wrap_angle
from amr.kernels.hybrid_search import BACKWARD, FORWARD, NONE, TURN
from amr.portable_math import TWO_PI, sin_cos

BINS: Final = 72
START_HEADING: Final = BINS
GOAL_HEADING: Final = BINS + 1
_FORWARD_ARCS: Final = (1, -1, 3, -3)
_BACKWARD_ARCS: Final = (2, -2)
_TURNS: Final = (1, -1, 3, -3)
_LONG: Final = 3.0
"""Length of the long straight drive, in steps."""


class MotionTables:
    """``hybrid_search.MOTIONS`` for one step length and reach; a start and a goal heading are put in per query."""

    def __init__(self, step: float, reach: float) -> None:
        """``step``: length of a motion, ``reach``: the outline's farthest corner, both in cells."""
        self._step, self._reach = step, reach
        self._delta = TWO_PI / BINS
        most = 3 + len(_FORWARD_ARCS) + len(_BACKWARD_ARCS) + len(_TURNS) + 3
        rows = BINS + 2
        self.yaw = np.array([wrap_angle(k * self._delta) for k in range(BINS)] + [0.0, 0.0])
        self.cosine, self.sine = np.zeros(rows), np.zeros(rows)
        self.kind = np.full((rows, most), NONE, np.int8)
        self.to = np.zeros((rows, most), np.int16)
        self.dx, self.dy = np.zeros((rows, most)), np.zeros((rows, most))
        self.turn, self.margin = np.zeros((rows, most)), np.zeros((rows, most))
        self._count = [0] * rows
        for heading in range(BINS):
            self._fill(heading)
        self._even = list(self._count)

    def arrays(self) -> tuple[Any, ...]:
        """``hybrid_search.MOTIONS``."""
        return (
            self.yaw, self.cosine, self.sine, self.kind, self.to, self.dx, self.dy, self.turn, self.margin,
        )  # fmt: skip

    def aim(self, start_yaw_rad: float, goal_yaw_rad: float) -> None:
        """Put in the headings of a query's ends."""
        for heading in range(BINS):
            for motion in range(self._even[heading], self._count[heading]):
                self.kind[heading, motion] = NONE
            self._count[heading] = self._even[heading]
        for heading, yaw_rad in ((START_HEADING, start_yaw_rad), (GOAL_HEADING, goal_yaw_rad)):
            self.yaw[heading] = wrap_angle(yaw_rad)
            self._fill(heading)
        below = math.floor(self.yaw[GOAL_HEADING] / self._delta)
        for heading in (below % BINS, (below + 1) % BINS):
            for kind in (FORWARD, BACKWARD, TURN):
                self._add(heading, kind, GOAL_HEADING, 0.0 if kind == TURN else self._step)

    def _fill(self, heading: int) -> None:
        """All motions from one heading to itself and to even ones."""
        self._count[heading] = 0
        self.kind[heading] = NONE
        self.sine[heading], self.cosine[heading] = sin_cos(float(self.yaw[heading]))
        for kind, length in ((FORWARD, self._step), (FORWARD, _LONG * self._step), (BACKWARD, self._step)):
            self._add(heading, kind, heading, length)
        for kind, offsets, length in (
            (FORWARD, _FORWARD_ARCS, self._step),
            (BACKWARD, _BACKWARD_ARCS, self._step),
            (TURN, _TURNS, 0.0),
        ):
            for offset in offsets:
                self._add(heading, kind, self._even_heading(heading, offset), length)

    def _even_heading(self, heading: int, offset: int) -> int:
        """The even heading about ``offset`` bins from a heading, always on the asked side of it."""
        if heading < BINS:
            return (heading + offset) % BINS
        scaled = float(self.yaw[heading]) / self._delta
        return (math.floor(scaled) + offset if offset > 0 else math.ceil(scaled) + offset) % BINS

    def _add(self, heading: int, kind: int, to: int, length: float) -> None:
        """A motion along the chord of an arc of ``length``: its direction is half-way between the headings."""
        at = self._count[heading]
        self._count[heading] += 1
        turn = wrap_angle(float(self.yaw[to] - self.yaw[heading]))
        sine, cosine = sin_cos(float(self.yaw[heading]) + 0.5 * turn)
        signed = -length if kind == BACKWARD else length
        self.kind[heading, at], self.to[heading, at], self.turn[heading, at] = kind, to, turn
        self.dx[heading, at], self.dy[heading, at] = signed * cosine, signed * sine
        # sagitta of the farthest corner's arc: radius (length / turn + reach), angle turn
        self.margin[heading, at] = 0.125 * abs(turn) * (length + self._reach * abs(turn))
