"""Where the robot will be, and how fast, when the command that is computed now starts to act.

Delay that a controller does not model costs more than anything else: at 2 m/s and 0.1 s it aims 20 cm behind itself.
"""

from __future__ import annotations

from dataclasses import dataclass

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


def lag_gain(duration_s: float, lag_s: float) -> float:
    """Part of a step that a first-order lag has made good after ``duration_s``; 1 when ``lag_s`` is 0."""
    return 1.0 - exponential(-duration_s / lag_s) if lag_s > 0.0 else 1.0


def predict_start(control_input: ControlInput, lag_s: float, last_command: Twist2) -> StartState:
    """Drive the estimated state through the commands in flight for ``delay_s``, with the wheels' lag.

    ``last_command``: what was sent last, used where nothing is in flight.
    """
    pose, twist = control_input.odom_from_base, control_input.twist
    now_ns = control_input.now_ns
    end_ns = now_ns + ns_from_s(control_input.delay_s)
    acting = last_command if not control_input.pending else None
    changes = list(control_input.pending)
    time_ns = now_ns
    while time_ns < end_ns:
        while changes and changes[0][0] <= time_ns:
            acting = Twist2(changes[0][1], changes[0][2])
            changes.pop(0)
        next_ns = min(time_ns + _SUBSTEP_NS, end_ns, changes[0][0] if changes else end_ns)
        duration_s = s_from_ns(next_ns - time_ns)
        after = twist
        if acting is not None:  # before the first known command acts, the speed is taken to stay
            gain = lag_gain(duration_s, lag_s)
            after = Twist2(
                twist.v_mps + gain * (acting.v_mps - twist.v_mps),
                twist.w_radps + gain * (acting.w_radps - twist.w_radps),
            )
        mean = Twist2(0.5 * (twist.v_mps + after.v_mps), 0.5 * (twist.w_radps + after.w_radps))
        pose = integrate_twist(pose, mean, duration_s)
        twist = after
        time_ns = next_ns
    if control_input.pending:
        last = control_input.pending[-1]
        return StartState(pose, twist, Twist2(last[1], last[2]))
    return StartState(pose, twist, last_command)
