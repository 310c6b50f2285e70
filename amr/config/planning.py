"""Settings of ``amr.planning``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from amr.config.base import Section
from amr.config.hardware import Fraction, NotNegative, Positive


class Kinematic(Section):
    """What a way that can be driven costs beside the grid's measure, the integral of (1 + c/252) ds."""

    reverse_factor: Annotated[float, Field(ge=1.0)] = 2.0
    """A metre backwards, in metres ahead."""
    cusp_m: NotNegative = 0.3
    """Changing between forward and backward."""
    stop_m: NotNegative = 0.1
    """Stopping to turn in place."""
    turn_m_per_rad: NotNegative = 0.1
    """Turning in place."""
    arc_m_per_rad: NotNegative = 0.03
    """Turning along an arc."""


class Planning(Section):
    """Global planner (worker)."""

    planner: Literal["astar", "any_angle"] = "any_angle"
    unknown: Literal["free", "costly", "lethal"] = "costly"
    """How cells never seen are planned through: like free ones, at ``unknown_cost``, or not at all."""
    unknown_cost: Annotated[int, Field(ge=0, le=252)] = 40
    """Cost of an unknown cell under ``costly`` (0 to 252): 40 makes an unseen metre as dear as 1.16 seen ones."""
    inflation_radius_m: Positive = 0.7
    inflation_scaling_per_m: Positive = 3.0
    replan_period_s: Positive = 0.5
    escape_radius_m: NotNegative = 0.6
    """How far a start inside inflation or an obstacle may be led out to the nearest allowed cell."""
    kinematic: Kinematic = Kinematic()
    narrow_m: NotNegative = 0.12
    """A place is narrow where the inscribed disc has less room than this; ways around are looked for ..."""
    narrow_s: NotNegative = 3.0
    """... and taken when they are longer by less than this time, for each narrow place."""
    keep_path_frac: Fraction = 0.05
    """The previous path is kept unless a new one is quicker by more than this part."""
    keep_path_distance_m: NotNegative = 0.5
    """... or the robot is farther than this from the previous path."""
    map_margin_m: NotNegative = 5.0
    """Unknown space added around map, start and goal, so that a way around may leave what was seen."""
    point_spacing_m: Positive = 0.05
    """Distance of the points of a finished path."""
    scan_memory: Annotated[int, Field(ge=1, le=4096)] = 128
    """Scans kept for the ``InsertScan`` requests to come."""
    latency_base_s: NotNegative = 0.010
    """Modelled time of an answer with ``--pace fast``: base + expanded * latency_per_expansion_s."""
    latency_per_expansion_s: NotNegative = 2.0e-7
    latency_way_out_s: NotNegative = 0.045
    """The same for an exact request (see ``PlanRequest.exact``): this, for its grids of small cells, ..."""
    latency_per_pose_s: NotNegative = 6.0e-6
    """... and this for each pose searched, whose motions are swept with the outline."""
