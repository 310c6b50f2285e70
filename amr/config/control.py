"""Settings of ``amr.control``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from amr.config.base import Section
from amr.config.hardware import Positive


class Control(Section):
    """Which controller drives, and its parameters."""

    controller: Literal["mppi", "pure_pursuit", "dwa"] = "mppi"
    samples: Annotated[int, Field(ge=16, le=32768)] = 2000
    steps: Annotated[int, Field(ge=4, le=256)] = 56
    step_s: Positive = 0.05
