"""What a cost term sees, and what it does: it adds to the cost of each sampled motion.

A term is a function ``add(context: TermContext) -> None`` in a file of its own. To drive with your own, write
``package.module:function`` in ``control.mppi.terms``; for example, to keep out of the half-plane right of the start::

    from amr.kernels.mppi_rollout import Y

    def stay_left(context: TermContext) -> None:
        context.cost[:] += 10.0 * np.maximum(-context.state[Y].min(axis=0), 0.0)

Samples come in batches, so a term must treat each sample alike, whatever its number. Costs may only be added, never
taken away, before the last term: it leaves out samples that are too dear already. A cost of ``COLLISION_COST``
(``amr.kernels.mppi_obstacle``) and above forbids a motion. NaN gives a sample no weight.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from amr.config.control import MppiSettings
from amr.control.base import ControlInput
from amr.control.goal_field import GoalField
from amr.control.prediction import StartState
from amr.control.window import Window


@dataclass(frozen=True, slots=True, eq=False)
class TermContext:
    """One batch of K motions of T steps.

    Positions in ``state`` count from the start of the motion, in metres, with the odom frame's axes.
    """

    settings: MppiSettings
    control_input: ControlInput
    start: StartState
    step_s: float
    state: NDArray[np.float32]
    """float32 [6, T, K]: x, y, cosine and sine of the heading, v, w after each step (``amr.kernels.mppi_rollout``)."""
    cost: NDArray[np.float32]
    """float32 [K]: to be added to."""
    hit_step: NDArray[np.int32]
    """int32 [K]: step of the first collision, T when there is none."""
    window: Window
    """Distance field and outline."""
    hard_margin_m: float
    """Clearance that motions must keep."""
    touch_m: float
    """Clearance below which a motion collides: the same, or less where the robot already stands nearer than that."""
    goal_field: GoalField
    count: int
    """Samples from the first on whose cost will be read; a term need not price the others."""
    prune_margin: float
    """For the last term: a sample this much above the cheapest has no weight, and need not be priced to its end."""
    known_cost: float
    """For the last term: lowest complete cost among the batches before this one; inf for the first."""
