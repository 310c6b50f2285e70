"""A cost term of a user's own, as the documentation describes it."""

from __future__ import annotations

from amr.control.terms.base import TermContext
from amr.kernels.mppi_rollout import Y


def prefer_left(context: TermContext) -> None:
    """Ten for each metre that the motion ends right of a line one metre to the left."""
    context.cost[:] += 10.0 * abs(context.state[Y, -1] - 1.0)
