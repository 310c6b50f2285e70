"""When the host asks the MCU to arm: only on a wish that rises while the link is up.

LOCKED  -- wish is False -->                         READY
READY   -- wish, MCU idle -->                        ASKING    (ARM is sent, again every 100 ms)
READY   -- wish, MCU in e-stop, fault or boot -->    LOCKED    (resetting must not arm by an old wish)
ASKING  -- MCU armed -->                             ARMED
ASKING  -- refused, or 1 s without effect -->        LOCKED
ARMED   -- MCU disarmed itself -->                   LOCKED
any     -- wish is False -->                         READY
any     -- link lost, command refused by us -->      LOCKED
"""

from __future__ import annotations

from enum import StrEnum

from amr.messages import McuState

ARM_RETRY_NS = 100_000_000
ARM_PATIENCE_NS = 1_000_000_000
ACTIVE_STATES = frozenset({McuState.ARMED, McuState.DRIVING, McuState.STOPPING})
"""States in which the MCU may be armed."""
_ARMED_STATES = frozenset({McuState.ARMED, McuState.DRIVING})


class ArmState(StrEnum):
    """See the table above."""

    LOCKED = "locked"
    READY = "ready"
    ASKING = "asking"
    ARMED = "armed"


class Arming:
    """The table above as a state."""

    def __init__(self) -> None:
        self.state = ArmState.LOCKED
        self._asked_ns = 0
        self._sent_ns = 0

    def lock(self) -> None:
        """The link was lost, ARM was refused, or a command was refused by us: a new rising wish is needed."""
        self.state = ArmState.LOCKED

    def step(self, wish: bool, mcu_state: McuState, now_ns: int) -> bool:
        """Advance by one command; True = send ARM now."""
        if not wish:
            self.state = ArmState.READY
            return False
        if self.state is ArmState.READY:
            return self._ask(mcu_state, now_ns)
        if self.state is ArmState.ASKING:
            return self._ask_again(mcu_state, now_ns)
        if self.state is ArmState.ARMED and mcu_state not in ACTIVE_STATES:
            self.state = ArmState.LOCKED
        return False

    def _ask(self, mcu_state: McuState, now_ns: int) -> bool:
        if mcu_state in ACTIVE_STATES:
            return False
        if mcu_state is not McuState.IDLE:
            self.state = ArmState.LOCKED
            return False
        self.state = ArmState.ASKING
        self._asked_ns = self._sent_ns = now_ns
        return True

    def _ask_again(self, mcu_state: McuState, now_ns: int) -> bool:
        if mcu_state in _ARMED_STATES:
            self.state = ArmState.ARMED
        elif now_ns - self._asked_ns >= ARM_PATIENCE_NS:
            self.state = ArmState.LOCKED
        elif now_ns - self._sent_ns >= ARM_RETRY_NS:
            self._sent_ns = now_ns
            return True
        return False
