"""The table of arming, whole: every state with every wish and MCU state."""

from __future__ import annotations

import pytest

from amr.messages import McuState
from firmware_bridge.arming import Arming, ArmState

ACTIVE = {McuState.ARMED, McuState.DRIVING, McuState.STOPPING}


def arming_in(state: ArmState) -> Arming:
    arming = Arming()
    arming.state = state
    return arming


@pytest.mark.parametrize("state", list(ArmState))
@pytest.mark.parametrize("mcu", list(McuState))
def test_wish_false_makes_ready_from_any_state(state: ArmState, mcu: McuState) -> None:
    arming = arming_in(state)
    assert arming.step(False, mcu, 0) is False
    assert arming.state is ArmState.READY


@pytest.mark.parametrize("mcu", list(McuState))
def test_table_for_a_wish(mcu: McuState) -> None:
    locked = arming_in(ArmState.LOCKED)
    assert locked.step(True, mcu, 0) is False
    assert locked.state is ArmState.LOCKED

    ready = arming_in(ArmState.READY)
    assert ready.step(True, mcu, 0) is (mcu is McuState.IDLE)
    expected = ArmState.ASKING if mcu is McuState.IDLE else ArmState.READY if mcu in ACTIVE else ArmState.LOCKED
    assert ready.state is expected

    asking = arming_in(ArmState.READY)
    asking.step(True, McuState.IDLE, 0)
    assert asking.step(True, mcu, 1) is False
    assert asking.state is (ArmState.ARMED if mcu in (McuState.ARMED, McuState.DRIVING) else ArmState.ASKING)

    armed = arming_in(ArmState.ARMED)
    assert armed.step(True, mcu, 0) is False
    assert armed.state is (ArmState.ARMED if mcu in ACTIVE else ArmState.LOCKED)


def test_arm_is_repeated_every_100_ms_and_given_up_after_1_s() -> None:
    arming = arming_in(ArmState.READY)
    sent = [t for t in range(0, 2_000_000_000, 20_000_000) if arming.step(True, McuState.IDLE, t)]
    assert sent == list(range(0, 1_000_000_000, 100_000_000))
    assert arming.state is ArmState.LOCKED


def test_a_held_wish_does_not_arm_again_after_the_mcu_disarmed_itself() -> None:
    arming = arming_in(ArmState.ARMED)
    arming.step(True, McuState.IDLE, 0)
    assert not any(arming.step(True, McuState.IDLE, t) for t in range(0, 10**10, 10**8))
    arming.step(False, McuState.IDLE, 10**10)
    assert arming.step(True, McuState.IDLE, 10**10 + 1)


def test_a_wish_during_estop_does_not_arm_when_the_estop_is_reset() -> None:
    arming = arming_in(ArmState.READY)
    arming.step(True, McuState.ESTOP, 0)
    assert arming.step(True, McuState.IDLE, 1) is False


def test_lock_needs_a_new_edge() -> None:
    arming = arming_in(ArmState.ARMED)
    arming.lock()
    assert arming.step(True, McuState.ARMED, 0) is False
    assert arming.state is ArmState.LOCKED
