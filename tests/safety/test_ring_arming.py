"""The arm state machine: its table, and what a driver sees of it."""

from __future__ import annotations

import pytest
from safety_scene import STEP_NS, Driver, robot

from amr.geometry import Twist2
from amr.messages import LinkState, McuState, Operator, OperatorAction, Stop, StopCategory, StopReason
from amr.safety.arming import TRANSITIONS, ArmEvent, ArmState, advance

D, A, E = ArmState.DISARMED, ArmState.ARMED, ArmState.ESTOPPED
EXPECTED = {
    #                          from: D  A  E
    ArmEvent.ESTOP: (E, E, E),
    ArmEvent.ESTOP_CLEARED: (D, A, D),
    ArmEvent.LINK_LOST: (D, D, E),
    ArmEvent.MCU_RESTARTED: (D, D, E),
    ArmEvent.MCU_DISARMED: (D, D, E),
    ArmEvent.DISARM: (D, D, E),
    ArmEvent.ARM: (A, A, E),
}
SLOW = Twist2(0.3, 0.0)


@pytest.mark.parametrize("event", ArmEvent)
@pytest.mark.parametrize(("index", "state"), [(0, D), (1, A), (2, E)])
def test_every_pair_of_state_and_event(index: int, state: ArmState, event: ArmEvent) -> None:
    assert TRANSITIONS[state][event] is EXPECTED[event][index]
    assert advance(state, "before", (event,))[0] is EXPECTED[event][index]


def test_only_the_arm_event_leads_to_motion() -> None:
    for state, row in TRANSITIONS.items():
        for event, following in row.items():
            if following is A and state is not A:
                assert event is ArmEvent.ARM


def test_the_cause_names_the_event_that_took_motion_away() -> None:
    assert advance(A, "", (ArmEvent.LINK_LOST,)) == (D, "link is not up")
    assert advance(D, "first", (ArmEvent.DISARM,)) == (D, "first")


def press(driver: Driver, action: OperatorAction) -> Operator:
    return Operator(driver.now_ns, action)


def armed_driver() -> Driver:
    driver = Driver(robot())
    driver.run(0.2, SLOW)
    assert driver.out is not None
    assert driver.out.armed
    assert driver.out.command.v_mps > 0.0
    return driver


def test_nothing_moves_before_it_is_armed() -> None:
    driver = Driver(robot())
    out = driver.run(0.2, SLOW, arm_wish=False)
    assert (out.stop.reason, out.stop_category, out.armed) == (StopReason.NOT_ARMED, StopCategory.RAMP, False)
    assert out.command == Twist2(0.0, 0.0)


def test_it_says_that_it_was_never_armed_and_a_wish_in_its_first_step_arms_it() -> None:
    driver = Driver(robot())
    assert driver.step(SLOW, arm_wish=False).stop == Stop(StopReason.NOT_ARMED, "never armed since the start")
    assert Driver(robot()).step(SLOW, arm_wish=True).armed


def test_a_wish_that_was_there_before_the_link_does_not_arm() -> None:
    driver = Driver(robot())
    driver.run(0.1, SLOW, arm_wish=True, link=LinkState.CONNECTING)
    assert not driver.run(0.1, SLOW, arm_wish=True).armed
    driver.step(SLOW, arm_wish=False)
    assert driver.step(SLOW, arm_wish=True).armed


@pytest.mark.parametrize("link", [LinkState.DOWN, LinkState.CONNECTING])
def test_a_lost_link_disarms_until_a_new_press(link: LinkState) -> None:
    driver = armed_driver()
    out = driver.step(SLOW, link=link)
    assert (out.stop.reason, out.stop_category) == (StopReason.LINK_DOWN, StopCategory.RAMP)
    out = driver.run(0.5, SLOW)
    assert (out.stop.reason, out.stop.cause) == (StopReason.NOT_ARMED, "link is not up")
    out = driver.step(SLOW, operator=(press(driver, OperatorAction.ARM),))
    assert out.armed
    assert driver.run(0.1, SLOW).command.v_mps > 0.0


def test_a_press_while_the_link_is_down_is_lost() -> None:
    driver = armed_driver()
    driver.step(SLOW, link=LinkState.DOWN, operator=(press(driver, OperatorAction.ARM),))
    assert not driver.step(SLOW).armed


def test_a_restarted_microcontroller_disarms_and_forgets_what_was_seen() -> None:
    driver = armed_driver()
    out = driver.step(SLOW, base=driver.base(stamp_ns=driver.now_ns + STEP_NS, boot_id=8, left_ticks=0, right_ticks=0))
    assert out.stop.reason is StopReason.BASE_FAULT
    assert "boot id 7 to 8" in out.stop.cause
    driver.left_m = driver.right_m = 0.0
    driver.step(SLOW, base=driver.base(stamp_ns=driver.now_ns + STEP_NS, boot_id=8), scan=None)
    out = driver.step(
        SLOW,
        base=driver.base(stamp_ns=driver.now_ns + STEP_NS, boot_id=8),
        scan=None,
        operator=(press(driver, OperatorAction.ARM),),
    )
    assert (out.armed, out.stop.reason) == (True, StopReason.SCAN_MISSING)


def test_a_microcontroller_that_restarted_unnoticed_disarms_all_the_same() -> None:
    """It may say at once that it drives: another boot id is enough, and the robot stays disarmed with that cause."""
    driver = armed_driver()
    driver.advance()
    driver.advance = lambda: None  # type: ignore[method-assign]
    assert not driver.step(SLOW, base=driver.base(boot_id=8)).armed
    out = driver.step(SLOW, base=driver.base(stamp_ns=driver.now_ns + STEP_NS, boot_id=8))
    assert (out.armed, out.stop) == (False, Stop(StopReason.NOT_ARMED, "the microcontroller restarted"))


@pytest.mark.parametrize("state", [McuState.IDLE, McuState.BOOT])
def test_a_microcontroller_that_drops_out_by_itself_disarms(state: McuState) -> None:
    driver = armed_driver()
    driver.advance()
    out = driver.step(SLOW, base=driver.base(stamp_ns=driver.now_ns + STEP_NS, state=state))
    assert not out.armed
    assert out.stop.reason is StopReason.NOT_ARMED
    assert "by itself" in out.stop.cause


def test_arming_waits_for_a_microcontroller_that_is_still_idle() -> None:
    driver = Driver(robot())
    for _ in range(10):
        driver.advance()
        out = driver.step(SLOW, base=driver.base(stamp_ns=driver.now_ns + STEP_NS, state=McuState.IDLE))
    assert out.armed


def test_disarming_stops() -> None:
    driver = armed_driver()
    out = driver.step(SLOW, arm_wish=False)
    assert (out.armed, out.stop.cause) == (False, "disarmed by the operator")
    driver = armed_driver()
    out = driver.step(SLOW, operator=(press(driver, OperatorAction.DISARM),))
    assert not out.armed


def test_estop_brakes_and_reset_is_not_arming() -> None:
    driver = armed_driver()
    out = driver.step(SLOW, operator=(press(driver, OperatorAction.ESTOP),))
    assert (out.stop.reason, out.stop_category, out.armed) == (StopReason.ESTOP, StopCategory.BRAKE, False)
    assert "operator" in out.stop.cause
    assert driver.step(SLOW, operator=(press(driver, OperatorAction.ARM),)).stop.reason is StopReason.ESTOP
    out = driver.step(SLOW, operator=(press(driver, OperatorAction.RESET_ESTOP),))
    assert (out.stop.reason, out.armed) == (StopReason.NOT_ARMED, False)
    assert driver.step(SLOW, operator=(press(driver, OperatorAction.ARM),)).armed


def test_estop_and_reset_in_one_step_still_disarm() -> None:
    driver = armed_driver()
    presses = (press(driver, OperatorAction.ESTOP), press(driver, OperatorAction.RESET_ESTOP))
    assert not driver.step(SLOW, operator=presses).armed


def test_estop_of_the_microcontroller_counts_until_it_reports_another_state() -> None:
    driver = armed_driver()
    driver.advance()
    out = driver.step(SLOW, base=driver.base(stamp_ns=driver.now_ns + STEP_NS, state=McuState.ESTOP))
    assert out.stop.reason is StopReason.ESTOP
    assert "microcontroller" in out.stop.cause
    driver.advance()
    out = driver.step(SLOW, base=driver.base(stamp_ns=driver.now_ns + STEP_NS, state=McuState.IDLE))
    assert (out.stop.reason, out.armed) == (StopReason.NOT_ARMED, False)


def test_pause_and_resume_are_not_the_rings_business() -> None:
    driver = armed_driver()
    out = driver.step(SLOW, operator=(press(driver, OperatorAction.PAUSE), press(driver, OperatorAction.RESUME)))
    assert out.armed
