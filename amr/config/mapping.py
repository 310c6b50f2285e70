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
    distance_cap_m: Positive = 1.5
    global_resolution_m: Positive = 0.05
    max_range_m: Positive = 12.0
    """Returns beyond are used to clear, not to mark."""
    obstacle_memory_s: Positive = 60.0
    """An obstacle that was not seen again, and not cleared, is forgotten after this time."""
