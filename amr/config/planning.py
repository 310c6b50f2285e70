"""Settings of ``amr.planning``."""

from __future__ import annotations

from typing import Literal

from amr.config.base import Section
from amr.config.hardware import NotNegative, Positive


class Planning(Section):
    """Global planner (worker)."""

    planner: str = "astar"
    unknown: Literal["free", "costly", "lethal"] = "costly"
    inflation_radius_m: Positive = 0.7
    inflation_scaling_per_m: Positive = 3.0
    replan_period_s: Positive = 0.5
    latency_base_s: NotNegative = 0.010
    """Modelled time of an answer with ``--pace fast``: base + expanded * latency_per_expansion_s."""
    latency_per_expansion_s: NotNegative = 2.0e-7
