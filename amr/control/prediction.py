"""Where the robot will be, and how fast, when the command that is computed now starts to act.

Delay that a controller does not model costs more than anything else: at 2 m/s and 0.1 s it aims 20 cm behind itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from amr.config.control import Control
from amr.control.base import ControlInput
from amr.geometry import Pose2, Twist2, integrate_twist
from amr.portable_math import exponential
from amr.units import ns_from_s, s_from_ns

_SUBSTEP_NS = 10_000_000


@dataclass(frozen=True, slots=True)
class StartState:
    """State at the time at which this cycle's command reaches the wheels."""

    odom_from_base: Pose2
    twist: Twist2
    command: Twist2
    """Command that the wheels follow just before: the base of the acceleration limits."""


@dataclass(frozen=True, slots=True)
class Actuation:
    """How the wheels follow a command: after a delay, as first-order lags."""

    speed_lag_s: float
    turn_lag_s: float
    extra_delay_s: float
    """Beyond the delay that the input names."""

    @classmethod
    def of(cls, control: Control) -> Actuation:
        """As configured."""
        return cls(control.wheel_lag_s, control.turn_lag_s, control.extra_delay_s)


@lru_cache(256)  # a few durations, asked for in each cycle
def lag_gain(duration_s: float, lag_s: float) -> float:
    """Part of a step that a first-order lag has made good after ``duration_s``; 1 when ``lag_s`` is 0."""
    return 1.0 - exponential(-duration_s / lag_s) if lag_s > 0.0 else 1.0


def predict_start(control_input: ControlInput, actuation: Actuation, last_command: Twist2) -> StartState:
    """Drive the estimated state through the commands in flight until this cycle's command acts.

    ``last_command``: what was sent last, used where nothing is in flight.
    """
    pose, twist = control_input.odom_from_base, control_input.twist
    time_ns = control_input.now_ns
    extra_ns = ns_from_s(actuation.extra_delay_s)
    end_ns = time_ns + ns_from_s(control_input.delay_s) + extra_ns
    changes = [(act_ns + extra_ns, Twist2(v_mps, w_radps)) for act_ns, v_mps, w_radps in control_input.pending]
    newest = changes[-1][1] if changes else last_command
    acting = None if changes else last_command
    while time_ns < end_ns:
        while changes and changes[0][0] <= time_ns:
            acting = changes.pop(0)[1]
        next_ns = min(time_ns + _SUBSTEP_NS, end_ns, changes[0][0] if changes else end_ns)
        duration_s = s_from_ns(next_ns - time_ns)
        after = twist  # before the first known command acts, the speed is taken to stay
        if acting is not None:
            gain_v, gain_w = lag_gain(duration_s, actuation.speed_lag_s), lag_gain(duration_s, actuation.turn_lag_s)
            after = Twist2(
                twist.v_mps + gain_v * (acting.v_mps - twist.v_mps),
                twist.w_radps + gain_w * (acting.w_radps - twist.w_radps),
            )
        mean = Twist2(0.5 * (twist.v_mps + after.v_mps), 0.5 * (twist.w_radps + after.w_radps))
        pose = integrate_twist(pose, mean, duration_s)
        twist = after
        time_ns = next_ns
    return StartState(pose, twist, newest)
