"""``amr bench link``: every fault of the serial line, of the board and of the host, in every state of the protocol."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from amr.config.robot import RobotConfig
from amr.messages import McuState, StopCategory
from amr.runtime.bench.link_cases import LinkFault, faults
from amr.runtime.bench.link_rig import STANDING_MPS, LinkRig
from firmware_bridge.link import Phase

FAULT_S: Final = 1.0
"""How long a fault lasts."""
RECOVERY_LIMIT_S: Final = 6.0
JUMP_LIMIT_M: Final = 0.002
"""The wheels' way in the 1 ms between two looks at them, and the rounding to counts."""
STATES: Final = ("boot", "handshake", "idle", "armed", "driving", "stopping")


@dataclass(frozen=True, slots=True)
class LinkCase:
    """One fault in one state; None = it did not stop, or did not recover."""

    fault: str
    state: str
    must_stop: bool
    stop_ms: float | None
    """From the fault until both wheels stand, and stay so until it ends."""
    limit_ms: float | None
    recovered_ms: float | None
    """From the end of the fault until an operator who wishes so drives again; nothing is started anew but what died."""
    odometry_jump_m: float
    unsafe: int
    """Looks at the wheels in which they turned faster than commanded, or turned though nobody had armed them."""
    ok: bool
    reasons: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return {name: getattr(self, name) for name in self.__slots__ if name != "reasons"}


def run_all(
    firmware: str, robot: RobotConfig, seed: int = 0, only: str = "", state: str | None = None
) -> Iterator[LinkCase]:
    """All cases whose fault's name contains ``only``, one at a time."""
    for number, fault in enumerate(faults(seed)):
        for place, where in enumerate(STATES):
            if only in fault.name and state in {None, where}:
                with LinkRig(firmware, robot, boots=len(STATES) * number + place) as rig:
                    yield run_case(rig, fault, where, 5e-3 * ((number + place + seed) % 4))


def run_case(rig: LinkRig, fault: LinkFault, state: str, phase_s: float = 0.0) -> LinkCase:
    """Bring the robot into the state, let the fault strike ``phase_s`` later for a second, and see it drive again."""
    speed_mps = rig.robot.limits.v_max_mps
    reach(rig, state, speed_mps)
    rig.run(phase_s)
    struck_ns, struck_mps = rig.now_ns, rig.speed_mps
    rig.operator = False
    may_turn = state in {"driving", "stopping"} or (state == "armed" and not fault.must_stop)
    fault.begin(rig)
    stop_ns, unsafe = _watch(rig, struck_ns, speed_mps, may_turn)
    fault.end(rig)
    healed_ns = rig.now_ns
    recovered = _recover(rig, speed_mps)
    if recovered:
        recovered_ms = (rig.now_ns - healed_ns) * 1e-6
        unsafe += _hold(rig, speed_mps)
    limit_ms = _limit_ms(rig.robot, struck_mps) if fault.must_stop else None
    stop_ms = None if stop_ns is None else (stop_ns - struck_ns) * 1e-6
    in_time = limit_ms is None or (stop_ms is not None and stop_ms <= limit_ms)
    return LinkCase(
        fault.name,
        state,
        fault.must_stop,
        stop_ms,
        limit_ms,
        recovered_ms if recovered else None,
        rig.odometry_jump_m,
        unsafe,
        in_time and recovered and unsafe == 0 and rig.odometry_jump_m <= JUMP_LIMIT_M,
        tuple(dict.fromkeys(rig.reasons)),
    )


def reach(rig: LinkRig, state: str, speed_mps: float) -> None:
    """Run until the robot is in this state; the wish of a driving robot is held from then on."""
    if state == "boot":
        rig.start_host()
        return
    rig.run(0.12)
    rig.start_host()
    steps: dict[str, Callable[[], bool]] = {
        "handshake": lambda: rig.link is not None and rig.link.phase is Phase.CONFIGURE,
        "idle": lambda: rig.link_is_up and rig.mcu_state is McuState.IDLE,
    }
    if not rig.run(3.0, steps.get(state, steps["idle"])):
        raise AssertionError(f"the link does not come up: {rig.reasons}")
    if state in {"handshake", "idle"}:
        return
    rig.arm = True
    rig.run(0.3)
    if state == "armed":
        return
    rig.wish = (speed_mps, speed_mps)
    rig.run(0.4 + speed_mps / rig.robot.limits.a_max_mps2)
    if state == "stopping":
        rig.stop = StopCategory.RAMP
        rig.run(1.0, lambda: rig.mcu_state is McuState.STOPPING)


def _limit_ms(robot: RobotConfig, speed_mps: float) -> float:
    """Time-out of a command, the loop that sees it, ramp, and how much later wheels follow (``safety.settle_s``)."""
    ramp_s = speed_mps / robot.limits.brake_mps2 + robot.safety.settle_s
    return 1e3 * (robot.link.command_timeout_s + 1.0 / robot.firmware.loop_hz + ramp_s)


def _watch(rig: LinkRig, struck_ns: int, speed_mps: float, may_turn: bool) -> tuple[int | None, int]:
    """While the fault lasts: when the wheels came to stand for good, and in how many looks they were unsafe."""
    stood_ns: int | None = struck_ns if rig.speed_mps < STANDING_MPS else None
    unsafe = 0
    end_ns = struck_ns + round(FAULT_S * 1e9)
    while rig.now_ns < end_ns:
        rig.run(1e-3)
        if rig.speed_mps >= STANDING_MPS:
            stood_ns = None
            unsafe += not may_turn
        elif stood_ns is None:
            stood_ns = rig.now_ns
        unsafe += rig.speed_mps > 1.1 * speed_mps
    return stood_ns, unsafe


def _recover(rig: LinkRig, speed_mps: float) -> bool:
    """An operator wishes to drive until the robot does."""
    rig.operator, rig.arm, rig.stop, rig.wish = True, True, None, (speed_mps, speed_mps)
    return rig.run(
        RECOVERY_LIMIT_S,
        lambda: rig.link_is_up and rig.mcu_state is McuState.DRIVING and rig.speed_mps > 0.9 * speed_mps,
    )


def _hold(rig: LinkRig, speed_mps: float) -> int:
    """It goes on as commanded; looks in which it did not."""
    wrong = 0
    for _ in range(50):
        rig.run(5e-3)
        wrong += not 0.85 * speed_mps < rig.speed_mps < 1.1 * speed_mps
    return wrong
