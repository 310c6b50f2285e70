"""Settings of exploration: ``amr.planning.frontiers`` in the worker, ``amr.mission.explorer`` in the core."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from amr.config.base import Section
from amr.config.hardware import NotNegative, Positive


class Exploration(Section):
    """Driving to where the map ends until it ends nowhere that can be reached."""

    strategy: str = "gain"
    """Which frontier comes next: a name in ``amr.registry.EXPLORATION_STRATEGIES``, or ``module:Class`` of your own."""
    frontier_min_m: Positive = 0.25
    """Shorter borders between seen and unseen floor are left alone."""
    gain_min_m2: NotNegative = 0.4
    """... and those behind which less than this can be seen."""
    look_m: Positive = 4.0
    """How far beyond a frontier the unseen area counts."""
    decay_m: Positive = 5.0
    """Over this way the worth of a frontier falls by the factor e."""
    keep_frac: NotNegative = 0.3
    """The frontier that it drives to counts for this part more, so that the choice does not flip."""
    ask_period_s: Positive = 0.5
    """How often the next frontier is asked for while it drives."""
    tolerance_m: Positive = 0.3
    """A frontier counts as reached, and the robot as home, within this distance."""
    closed_radius_m: Positive = 0.5
    """Frontiers within this distance of one that was given up are given up with it."""
    news_m2: Positive = 0.5
    """New floor of this size is progress ..."""
    patience_s: Positive = 25.0
    """... and a frontier that brought none in this time, and thrice that of the way to it, is given up."""
    recoveries_max: Annotated[int, Field(ge=0, le=100)] = 3
    """Recoveries at one place on the way to a frontier before it is given up."""
