"""How far a simulated run has come."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """What a live display shows; sent about ten times a simulated second."""

    t_s: float
    timeout_s: float
    x_m: float
    y_m: float
    v_mps: float
    goals_reached: int
    goals_total: int
    mission_state: str
    stop_reason: str
    real_time_factor: float
