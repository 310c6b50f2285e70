"""What may happen to a log: scans that are lost, and odometry that is wrong in scale."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from amr.mapping.pose_arrays import between, compose
from amr.runtime.bench.slam_log import SlamLog

Array = NDArray[Any]

DROPPED: Final = "dropped_on_purpose"


@dataclass(frozen=True, slots=True)
class Harm:
    """Nothing by default."""

    drop_frac: float = 0.0
    """Part of the scans that are lost at random."""
    odometry_scale: float = 1.0
    """Ways and turns of the odometry are multiplied by this."""
    seed: int = 0

    def done_to(self, log: SlamLog) -> SlamLog:
        """The log as SLAM then sees it; its ``refused`` counts what was dropped."""
        points, refused, lost = log.points, dict(log.refused), log.lost
        if self.drop_frac > 0.0:
            lost = np.random.default_rng(self.seed).random(len(points)) < self.drop_frac
            points = [None if gone else own for own, gone in zip(points, lost, strict=True)]
            refused[DROPPED] = int(lost.sum())
        odometry = _scaled(log.odometry, self.odometry_scale)
        return replace(log, points=points, odometry=odometry, refused=refused, lost=lost)


def _scaled(odometry: Array, scale: float) -> Array:
    """Poses [N, 3] whose steps, each in the frame of the pose before, are ``scale`` times as large."""
    if scale == 1.0:
        return odometry
    scaled = odometry.copy()
    for k, step in enumerate(scale * between(odometry[:-1], odometry[1:])):
        scaled[k + 1] = compose(scaled[k], step)
    return scaled
