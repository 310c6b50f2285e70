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

FEATURES: Final = ("misfit", "through", "open", "spread", "scatter", "innovation", "unknown")
"""``misfit``: mean nats of the beams that reached a wall, or went through one; ``through``: share of the latter among
them; ``open``: share of the beams that ended where the map is free (people, or a wrong pose) among all that the map can
judge; ``spread``: log of the cluster's deviation in 0.1 m; ``scatter``: weight of the particles outside of the cluster;
``innovation``: log of 1 + squared Mahalanobis distance of the match; ``unknown``: share of the beams of which the map
knows nothing."""


@dataclass(frozen=True, slots=True)
class LostModel:
    """``weights`` by ``FEATURES`` (but the last) and ``bias``: log odds of "lost" where half of the robots are.

    A scan counts by the share of it that the map can judge: one that sees none of the map tells nothing.

    People close by are among the fitted cases, so beams that end where the map is free tell little.

    ``gets_lost``, ``finds_back``: chances in one scan. The former fits made worlds better than a tenth of it (log
    loss), with which scans that fitted before somebody carried the robot off go on to count for seconds.
    """

    weights: tuple[float, ...] = (6.208, 5.136, 1.000, 0.092, 0.188, 0.614)
    bias: float = -4.119
    temper: float = 0.3
    gets_lost: float = 1e-3
    finds_back: float = 1e-3
    largest_evidence: float = 6.0

    def evidence(self, features: Array) -> float:
        """Log odds of one scan by its ``features`` [7]; one that is not finite counts as 0."""
        *told, unknown_frac = (value if math.isfinite(value) else 0.0 for value in features.tolist())
        total = self.bias + sum(weight * value for weight, value in zip(self.weights, told, strict=True))
        total *= 1.0 - unknown_frac
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
        """Take one scan's ``features`` [7] in; the new probability."""
        model = self.model
        prior = self.lost_frac * (1.0 - model.finds_back) + (1.0 - self.lost_frac) * model.gets_lost
        log_odds = logarithm(prior / (1.0 - prior)) + model.temper * model.evidence(features)
        self.lost_frac = 1.0 / (1.0 + exponential(-log_odds))
        return self.lost_frac


def features_of(
    misfit_nats: float,
    through_frac: float,
    open_frac: float,
    spread_m: float,
    scatter_frac: float,
    mahalanobis: float,
    unknown_frac: float,
) -> Array:
    """One scan's features in the order of ``FEATURES``."""
    return np.array([
        misfit_nats, through_frac, open_frac, logarithm(max(spread_m, 1e-3) / 0.1), scatter_frac,
        logarithm(1.0 + max(mahalanobis, 0.0)), unknown_frac,
    ])  # fmt: skip
