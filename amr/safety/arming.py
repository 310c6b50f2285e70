"""May the wheels turn at all: the arm state machine.

Rules
1. Everything starts disarmed.
2. Only an *edge* of the arm wish arms; a wish that was there before does not. It counts only while the link is up.
3. An e-stop (a press here, or the MCU's own) wins over everything, and is left only when all its sources are cleared.
4. Leaving the e-stop is not arming: the robot is then disarmed.
5. A lost link, a restarted MCU, or an MCU that dropped out by itself disarms until a new edge.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class ArmState(StrEnum):
    """Whether motion is allowed."""

    DISARMED = "disarmed"
    ARMED = "armed"
    ESTOPPED = "estopped"


class ArmEvent(StrEnum):
    """What happens to it; the texts serve as causes."""

    ESTOP = "e-stop is pressed"
    ESTOP_CLEARED = "e-stop was cleared, which does not arm"
    LINK_LOST = "link is not up"
    MCU_RESTARTED = "the microcontroller restarted"
    MCU_DISARMED = "the microcontroller left its armed state by itself"
    DISARM = "disarmed by the operator"
    ARM = "armed by the operator"


_D, _A, _E = ArmState.DISARMED, ArmState.ARMED, ArmState.ESTOPPED

TRANSITIONS: Final[dict[ArmState, dict[ArmEvent, ArmState]]] = {
    _D: {
        ArmEvent.ESTOP: _E,
        ArmEvent.ESTOP_CLEARED: _D,
        ArmEvent.LINK_LOST: _D,
        ArmEvent.MCU_RESTARTED: _D,
        ArmEvent.MCU_DISARMED: _D,
        ArmEvent.DISARM: _D,
        ArmEvent.ARM: _A,
    },
    _A: {
        ArmEvent.ESTOP: _E,
        ArmEvent.ESTOP_CLEARED: _A,
        ArmEvent.LINK_LOST: _D,
        ArmEvent.MCU_RESTARTED: _D,
        ArmEvent.MCU_DISARMED: _D,
        ArmEvent.DISARM: _D,
        ArmEvent.ARM: _A,
    },
    _E: {
        ArmEvent.ESTOP: _E,
        ArmEvent.ESTOP_CLEARED: _D,
        ArmEvent.LINK_LOST: _E,
        ArmEvent.MCU_RESTARTED: _E,
        ArmEvent.MCU_DISARMED: _E,
        ArmEvent.DISARM: _E,
        ArmEvent.ARM: _E,
    },
}


def advance(state: ArmState, cause: str, events: tuple[ArmEvent, ...]) -> tuple[ArmState, str]:
    """(state, cause) after ``events`` in order; the cause is the event that led into a state without motion."""
    for event in events:
        following = TRANSITIONS[state][event]
        if following is not state or event is ArmEvent.ESTOP:
            cause = event.value
        state = following
    return state, cause
