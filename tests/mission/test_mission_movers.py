"""The sentry that tells "something moves here" from "something stands here"."""

from __future__ import annotations

import math

import numpy as np

from amr.geometry import IDENTITY
from amr.grid import DistanceField, GridFrame
from amr.mission.movers import largest_change_m, look
from amr.movers import Mover

_FRAME = GridFrame(-2.4, -2.4, 0.04, 120, 120)
EMPTY = DistanceField(_FRAME, np.full((120, 120), 1.5, np.float32), np.zeros((120, 120), np.uint8), 1.5)


def test_a_tracked_mover_that_crosses_in_front_is_noticed_though_no_map_holds_it() -> None:
    sentry = None
    for step in range(10):
        sentry = look(sentry, EMPTY, IDENTITY, (Mover(1.0, -1.0 + 0.1 * step, 0.0, 1.0, 0.3),))
    assert largest_change_m(sentry) > 0.2


def test_an_empty_floor_and_a_mover_that_stands_change_nothing() -> None:
    for movers in ((), (Mover(1.0, 0.2, 0.0, 0.0, 0.3),)):
        sentry = None
        for _ in range(3):
            sentry = look(sentry, EMPTY, IDENTITY, movers)
        assert largest_change_m(sentry) == 0.0
        assert math.isfinite(largest_change_m(sentry))
