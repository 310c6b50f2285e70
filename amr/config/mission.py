"""Settings of ``amr.mission``."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from amr.config.base import Section
from amr.config.hardware import Positive


class Mission(Section):
    """Goals and recovery."""

    stuck_time_s: Positive = 4.0
    """No progress for this long starts a recovery."""
    stuck_distance_m: Positive = 0.15
    max_recoveries: Annotated[int, Field(ge=0, le=100)] = 8
