"""Settings of ``amr.safety``."""

from __future__ import annotations

from amr.config.base import Section
from amr.config.hardware import NotNegative, Positive


class Safety(Section):
    """The last stage."""

    margin_m: NotNegative = 0.02
    """Kept free around the outline, beyond the stopping distance."""
    scan_timeout_s: Positive = 0.3
    base_timeout_s: Positive = 0.1
    reaction_s: NotNegative = 0.1
    """Light on the lidar to torque on the wheel."""
    dead_man_s: Positive = 0.5
