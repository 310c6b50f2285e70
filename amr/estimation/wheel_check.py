"""Do wheels and gyro tell of turns that go together? An encoder that slips lets the firmware drive its wheel too fast.

Wheels that roll turn the body as they turn, to some per cent. Wheels that slide drag the body towards the turn that
they tell of: it may turn less, down to not at all, but neither the other way nor more than the wheels' true distance
allows. What is beyond is added up over time and let go slowly, for wheels lose their grip for a moment when they start
or stop, while a slipping encoder does it all the time.
"""

from __future__ import annotations

from typing import ClassVar, Final

from amr.config.robot import RobotConfig
from amr.messages import Imu

ROLLING_FRAC: Final = 0.3
"""Part of the turn by which wheels that roll may be off: track and radii that nobody has measured, and some slip."""
FREE_RADPS: Final = 0.25
ROLLING_MOST_RAD: Final = 0.35
"""Turn that may be unexplained."""
SLIDING_MOST_RAD: Final = 1.5
"""The same of a skid steer: a Jackal that spins at 4 rad/s turns by 1.2 rad until a floor of friction 0.1 stops it."""
FORGET_S: Final = 1.0
_STEP_MOST_S: Final = 0.1


class WheelCheck:
    """``update`` once a step; ``fault`` names what is wrong, '' = nothing. It stays until ``reset``."""

    snapshot_constants: ClassVar[tuple[str, ...]] = ("_slides", "_most", "_most_rad")

    def __init__(self, config: RobotConfig) -> None:
        drive = config.drive
        self._slides = drive.kind == "skid_steer"
        self._most_rad = SLIDING_MOST_RAD if self._slides else ROLLING_MOST_RAD
        ys = [y for _, y in drive.wheel_positions_m]
        self._most = 1.0 + ROLLING_FRAC
        """Largest turn of the body over that of the wheels."""
        if self._slides and max(ys) > min(ys):
            self._most = max(self._most, drive.track_m / (max(ys) - min(ys)))
        self._last_ns: int | None = None
        self._last_gyro_radps = 0.0
        self.unexplained_rad = 0.0
        self.fault = ""

    def reset(self) -> None:
        """A person has looked at it: begin anew."""
        self.unexplained_rad, self.fault = 0.0, ""

    def update(self, now_ns: int, samples: tuple[Imu, ...], gyro_radps: float, apart_radps: float) -> None:
        """``gyro_radps``: yaw rate; ``apart_radps``: that by wheels minus that by gyro, both smoothed.

        ``samples`` of this step: without any, or with one value again and again, the gyro tells nothing.
        """
        elapsed_s = 0.0 if self._last_ns is None else min(_STEP_MOST_S, max(0.0, (now_ns - self._last_ns) * 1e-9))
        self._last_ns = now_ns
        before, self._last_gyro_radps = self._last_gyro_radps, samples[-1].gyro_z_radps if samples else 0.0
        if all(sample.gyro_z_radps == before for sample in samples):
            return
        wheels_radps = gyro_radps + apart_radps
        beyond = self._beyond_radps(gyro_radps, wheels_radps) - FREE_RADPS
        if beyond > 0.0:
            self.unexplained_rad += beyond * elapsed_s
        else:
            self.unexplained_rad *= max(0.0, 1.0 - elapsed_s / FORGET_S)
        if self.unexplained_rad > self._most_rad and not self.fault:
            self.fault = (
                f"the wheels tell of a turn of {wheels_radps:.2f} rad/s, the gyro of {gyro_radps:.2f}: an encoder "
                "slips, or a wheel spins"
            )

    def _beyond_radps(self, gyro_radps: float, wheels_radps: float) -> float:
        """How far the gyro is from what the wheels allow."""
        least = 0.0 if self._slides else (1.0 - ROLLING_FRAC) * wheels_radps
        most = self._most * wheels_radps
        return max(min(least, most) - gyro_radps, gyro_radps - max(least, most))
