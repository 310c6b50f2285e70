"""Turns as fast as was asked: what the body owes the command in yaw rate, integrated while driving and added to it.

Wheels that slide sideways (skid steer, casters, soft ground) turn the body less than their speeds say, and by another
part in each turn, so no calibrated track makes up for it. Control and safety reckon with the commanded yaw rate. This
compares it, as it should show by now, with the measured one and integrates the difference (integral action on the
output of a reference model; Astrom and Murray, Feedback Systems, ch. 10).

Loop gain: the plant from trim to yaw rate is a delay T and a lag L, near crossover together a delay of T + L. With
k = 0.3 / (T + L) the phase margin is 90 deg - 0.3 rad = 73 deg, whatever the robot's delay.
"""

from __future__ import annotations

from typing import Final

from amr.config.robot import RobotConfig
from amr.geometry import Twist2

_CROSSOVER: Final = 0.3
"""Integral gain times the loop's delay, rad."""
_MOST_FRAC: Final = 0.15
"""Most that is added, as a part of the largest yaw rate: a gyro that stands still must not spin the robot."""
_LOOP_MIN_S: Final = 0.05
"""A loop is never taken for quicker than this."""
_STEP_MAX_S: Final = 0.1
"""A longer step counts as this: nothing is learned from a gap in time."""


class TurnTrim:
    """Integrates what is missing of the commanded yaw rate. Used once a step, after the safety ring."""

    def __init__(self, config: RobotConfig) -> None:
        self._lag_s = config.control.turn_lag_s
        self._gain_per_s = _CROSSOVER / max(
            config.link.host_to_mcu_delay_s + config.control.extra_delay_s + self._lag_s, _LOOP_MIN_S
        )
        self._most_radps = _MOST_FRAC * config.limits.w_max_radps
        self._expected_radps = 0.0
        self._trim_radps = 0.0
        self._last_ns: int | None = None

    def trimmed(self, command: Twist2, acting: Twist2, measured_radps: float, now_ns: int) -> Twist2:
        """The command with the yaw rate that makes the body turn as ``command`` says; standstill stays standstill.

        ``acting``: the command, without trim, that acts on the wheels now; ``measured_radps``: yaw rate of the body.
        """
        step_s = 0.0 if self._last_ns is None else min(max((now_ns - self._last_ns) * 1e-9, 0.0), _STEP_MAX_S)
        self._last_ns = now_ns
        if acting.v_mps == 0.0 and acting.w_radps == 0.0:
            self._expected_radps = self._trim_radps = 0.0  # held wheels owe nothing
        elif step_s > 0.0:
            self._expected_radps += (acting.w_radps - self._expected_radps) * step_s / (self._lag_s + step_s)
            owed_radps = self._expected_radps - measured_radps
            trim_radps = self._trim_radps + self._gain_per_s * step_s * owed_radps
            self._trim_radps = min(max(trim_radps, -self._most_radps), self._most_radps)
        if command.v_mps == 0.0 and command.w_radps == 0.0:
            return command
        return Twist2(command.v_mps, command.w_radps + self._trim_radps)
