"""How far the best place of a search stands out of the wrong ones, in nats: extreme values of the search's own scores.

A scan of another building fits somewhere, too: the best of many wrong places is good, but hardly better than the
next. Where the world has changed, the right place may cost as much for each beam, but no other comes near its score.

At a wrong place a point meets a wall by chance with probability p, so n independent points give a share of at least s
with probability exp(-n KL(s || p)) (Chernoff; Cover and Thomas 2006, 11.9). The best of all wrong places has the s
where that is one over their number, which nobody has to know: the best of the others shows it. A wrong place beyond
it, at s1, is then met exp(-n (KL(s1 || p) - KL(s2 || p))) times.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from amr.localization.map_field import MapField
from amr.portable_math import exponential, logarithm

Array = NDArray[Any]

_EDGE: Final = 1e-6


def standing_nats(score: float, rival: float, chance_frac: float, points: float) -> float:
    """Against "a wrong one": the place has ``score``, the best other one ``rival`` (0 to 1), of ``points`` independent
    ones; 0 when it is not the best. ``chance_frac``: score of a random point.
    """
    if score <= rival:
        return 0.0
    return points * (_divergence(score, chance_frac) - _divergence(max(rival, chance_frac), chance_frac))


def chance_frac(field: MapField, cell_m: float) -> float:
    """Mean score of points anywhere on the map's free floor, in a search with cells of ``cell_m``."""
    counts = np.bincount(field.clearance[field.free == 1])
    cells = field.cell_m / cell_m
    # the stamp of a wall in the search's grid, see ``amr.mapping.scan_matching``
    scores = [exponential(-((gap * cells) ** 2) / 3.0) for gap in range(len(counts))]
    total = max(1, int(counts.sum()))
    return _inside(sum(float(n) * score for n, score in zip(counts, scores, strict=True)) / total)


def _divergence(share: float, chance: float) -> float:
    """KL (nats) of a coin of ``share`` from one of ``chance``; 0 for less than chance."""
    share, chance = _inside(share), _inside(chance)
    if share <= chance:
        return 0.0
    return share * logarithm(share / chance) + (1.0 - share) * logarithm((1.0 - share) / (1.0 - chance))


def _inside(share: float) -> float:
    return min(max(share, _EDGE), 1.0 - _EDGE)
