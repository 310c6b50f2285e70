"""Do wheels and gyro tell of the same turn? An encoder that slips lets the firmware drive its wheel too fast.

What they disagree by, beyond what sliding wheels explain, is added up over time and let go slowly. Wheels that lose
their grip while they start or stop do so for a moment; a slipping encoder does it all the time.
"""

from __future__ import annotations

from typing import Final

from amr.config.robot import RobotConfig

ROLLING_FRAC: Final = 0.3
"""Part of the turn by which wheels that roll may be off: track and radii that nobody has measured, and some slip."""
SLIDING_FRAC: Final = 0.7
"""The same of a skid steer, whose wheels slide in every turn."""
FREE_RADPS: Final = 0.25
MOST_RAD: Final = 0.35
"""Turn that may be unexplained."""
FORGET_S: Final = 1.0
_STEP_MOST_S: Final = 0.1


class WheelCheck:
    """``update`` once a step; ``fault`` names what is wrong, '' = nothing. It stays until ``reset``."""

    def __init__(self, config: RobotConfig) -> None:
        self._frac = ROLLING_FRAC if config.drive.kind == "differential" else SLIDING_FRAC
        self._last_ns: int | None = None
        self.unexplained_rad = 0.0
        self.fault = ""

    def reset(self) -> None:
        """A person has looked at it: begin anew."""
        self.unexplained_rad, self.fault = 0.0, ""

    def update(self, now_ns: int, gyro_radps: float, apart_radps: float) -> None:
        """``apart_radps``: yaw rate by wheels minus that by gyro."""
        elapsed_s = 0.0 if self._last_ns is None else min(_STEP_MOST_S, max(0.0, (now_ns - self._last_ns) * 1e-9))
        self._last_ns = now_ns
        wheels_radps = gyro_radps + apart_radps
        allowed = FREE_RADPS + self._frac * max(abs(gyro_radps), abs(wheels_radps))
        beyond = abs(apart_radps) - allowed
        if beyond > 0.0:
            self.unexplained_rad += beyond * elapsed_s
        else:
            self.unexplained_rad *= max(0.0, 1.0 - elapsed_s / FORGET_S)
        if self.unexplained_rad > MOST_RAD and not self.fault:
            self.fault = (
                f"the wheels tell of a turn of {wheels_radps:.2f} rad/s, the gyro of {gyro_radps:.2f}: an encoder "
                "slips, or a wheel spins"
            )
