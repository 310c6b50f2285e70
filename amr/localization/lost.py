"""Am I lost? The probability, from how scans fit the map; its numbers are fitted by ``amr.runtime.bench.localize_fit``.

Each scan gives evidence by a logistic model; a two-state Bayes filter carries it on, for a robot that was not lost at
the last scan is hardly lost now. Scans in a row err alike, so each counts only in part (``temper``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from amr.portable_math import exponential, logarithm

Array = NDArray[Any]

FEATURES: Final = ("misfit", "through", "open", "spread", "scatter", "innovation")
"""``misfit``: mean nats of the beams that reached a wall, or went through one; ``through``: share of the latter among
them; ``open``: share of the beams that ended where the map is free (people, or a wrong pose) among all that the map can
judge; ``spread``: log of the cluster's deviation in 0.1 m; ``scatter``: weight of the particles outside of the cluster;
``innovation``: log of 1 + squared Mahalanobis distance of the match."""


@dataclass(frozen=True, slots=True)
class LostModel:
    """``weights`` by ``FEATURES`` and ``bias``: log odds of "lost" where half of the robots are.

    People close by are among the fitted cases, so the share of beams that end where the map is free tells nothing.

    ``gets_lost``, ``finds_back``: chances in one scan.
    """

    weights: tuple[float, ...] = (5.429, 12.944, 0.0, 0.238, 0.0, 1.022)
    bias: float = -2.023
    temper: float = 0.2
    gets_lost: float = 1e-4
    finds_back: float = 1e-3
    largest_evidence: float = 6.0

    def evidence(self, features: Array) -> float:
        """Log odds of one scan; a feature that is not finite counts as 0."""
        total = self.bias
        for weight, value in zip(self.weights, features.tolist(), strict=True):
            total += weight * value if math.isfinite(value) else 0.0
        return max(-self.largest_evidence, min(self.largest_evidence, total))


class LostFilter:
    """``lost_frac``: the probability of being lost."""

    def __init__(self, model: LostModel | None = None, lost_frac: float = 0.01) -> None:
        self.model = model or LostModel()
        self.lost_frac = lost_frac

    def reset(self, lost_frac: float) -> None:
        """Begin anew with this probability."""
        self.lost_frac = lost_frac

    def update(self, features: Array) -> float:
        """Take one scan's ``features`` [6] in; the new probability."""
        model = self.model
        prior = self.lost_frac * (1.0 - model.finds_back) + (1.0 - self.lost_frac) * model.gets_lost
        log_odds = logarithm(prior / (1.0 - prior)) + model.temper * model.evidence(features)
        self.lost_frac = 1.0 / (1.0 + exponential(-log_odds))
        return self.lost_frac


def features_of(
    misfit_nats: float, through_frac: float, open_frac: float, spread_m: float, scatter_frac: float, mahalanobis: float
) -> Array:
    """One scan's features in the order of ``FEATURES``."""
    return np.array([
        misfit_nats, through_frac, open_frac, logarithm(max(spread_m, 1e-3) / 0.1), scatter_frac,
        logarithm(1.0 + max(mahalanobis, 0.0)),
    ])  # fmt: skip
