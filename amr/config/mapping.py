"""Settings of ``amr.mapping``."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from amr.config.base import Section
from amr.config.hardware import Positive


class Mapping(Section):
    """Local rolling window (core) and growing global grid (worker)."""

    local_resolution_m: Positive = 0.04
    local_cells: Annotated[int, Field(ge=32, le=240)] = 240
    recenter_cells: Annotated[int, Field(ge=1, le=60)] = 8
    """The window moves when the robot is this far from its middle."""
    distance_cap_m: Positive = 1.5
    max_range_m: Positive = 12.0
    """Returns beyond are used to clear, not to mark."""
    clear_margin_m: Positive = 0.02
    """A beam must reach this far beyond an obstacle, plus three sigma of the lidar, to prove it gone."""
    clear_scans: Annotated[int, Field(ge=1, le=10)] = 2
    """So many scans must prove a local obstacle gone."""
    obstacle_memory_s: Positive = 60.0
    """An obstacle that was not seen again, and not cleared, is forgotten after this time."""
    scan_max_age_s: Positive = 0.5
    """Older scans are refused by the local window."""
    insert_period_s: Annotated[float, Field(ge=0.0, le=10.0)] = 0.09
    """The worker's map takes a scan this often: a lidar of 10 Hz whole, of a faster one as much as a map needs."""
    global_resolution_m: Positive = 0.05
    global_max_extent_m: Annotated[float, Field(ge=10.0, le=400.0)] = 200.0
    """Longest side of the global map: bounds its memory (5 bytes a cell)."""
    global_confidence: Annotated[int, Field(ge=2, le=100)] = 8
    """So many scans must prove an obstacle gone that was seen at least half as often."""
