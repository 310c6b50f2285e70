"""The guard alone: its own state, limits and inputs, set to the digit, with no wheel loop or motor around it.

The structs and constants are read from ``guard.h`` and ``wire.h``, so they cannot drift from what is compiled.
"""

from __future__ import annotations

import ctypes
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from amr.messages import McuState
from firmware_bridge.native import load_library
from firmware_bridge.wire import CommandMode, Refusal, StopCategory, StopCause

CORE = Path(__file__).resolve().parents[2] / "firmware_bridge" / "firmware" / "core"
TICK_US = 5000
_TYPES: dict[str, Any] = {
    "uint8_t": ctypes.c_uint8,
    "uint16_t": ctypes.c_uint16,
    "uint32_t": ctypes.c_uint32,
    "int32_t": ctypes.c_int32,
    "bool": ctypes.c_bool,
}


def _constants(*names: str) -> dict[str, int]:
    text = "".join((CORE / name).read_text() for name in names)
    found = re.findall(r"#define (\w+) \(?(\d+)[UuLl]*\)?", text)
    return {name: int(value) for name, value in found}


def _structs(name: str) -> dict[str, Any]:
    bare = re.sub(r"/\*.*?\*/", "", (CORE / name).read_text(), flags=re.DOTALL)
    known = dict(_TYPES)
    for body, title in re.findall(r"typedef struct \{(.*?)\} (\w+);", bare, flags=re.DOTALL):
        fields = []
        for kind, member, count in re.findall(r"(\w+) (\w+)(?:\[(\d+)\])?;", body):
            fields.append((member, known[kind] * int(count) if count else known[kind]))
        known[title] = type(title, (ctypes.Structure,), {"_fields_": fields})
    return known


CONSTANTS = _constants("guard.h", "wire.h")
_STRUCTS = _structs("guard.h")
PHASES = ["boot", "idle", "armed", "driving", "to_armed", "to_idle", "to_fault", "estop", "fault"]


@dataclass(frozen=True)
class Seen:
    """What the guard is told of one wheel."""

    setpoint_um_s: int = 0
    measured_um_s: int = 0
    duty_q15: int = 0


STILL = Seen()


@dataclass
class GuardAlone:
    """``time_us`` is the clock; it starts shortly before it wraps."""

    shared_object: Path | None
    time_us: int = 0xFFFF_FFFF - 20 * TICK_US
    left: Seen = STILL
    right: Seen = STILL
    battery_mv: int = 24_000
    estop: bool = False
    driver_fault: bool = False
    limits: Any = field(init=False)
    state: Any = field(init=False)

    def __post_init__(self) -> None:
        self._library = load_library(self.shared_object)
        for function in ("guard_obey", "guard_arm", "guard_reset"):
            getattr(self._library, function).restype = ctypes.c_uint8
        self._library.guard_motion_now.restype = ctypes.c_int
        self.state = _STRUCTS["guard_state"]()
        self.limits = _STRUCTS["guard_limits"](3200, 2041, 613, 18_000, 100_000, 300_000, 3277)
        self._library.guard_init(ctypes.byref(self.state), ctypes.c_bool(False))

    # ------------------------------------------------------------ what came of it

    @property
    def phase(self) -> str:
        return PHASES[self.state.phase]

    @property
    def reported(self) -> McuState:
        return McuState(self._library.guard_wire_state(ctypes.c_uint8(self.state.phase)))

    @property
    def cause(self) -> StopCause:
        return StopCause(self.state.cause)

    @property
    def motion(self) -> str:
        return ("track", "ramp", "brake", "coast")[self._library.guard_motion_now(ctypes.byref(self.state))]

    # ------------------------------------------------------------ what is done to it

    def tick(self, dt_us: int = TICK_US) -> None:
        """So much later, one tick."""
        self.time_us = (self.time_us + dt_us) & 0xFFFF_FFFF
        inputs = _STRUCTS["guard_inputs"]()
        inputs.now_us, inputs.dt_us = self.time_us, dt_us
        for side, seen in enumerate((self.left, self.right)):
            inputs.wheel[side] = _STRUCTS["guard_wheel_view"](seen.setpoint_um_s, seen.measured_um_s, seen.duty_q15)
        inputs.battery_mv = self.battery_mv
        inputs.estop_pressed, inputs.driver_fault = self.estop, self.driver_fault
        self._library.guard_tick(ctypes.byref(self.state), ctypes.byref(self.limits), ctypes.byref(inputs))

    def ticks(self, count: int, dt_us: int = TICK_US) -> None:
        for _ in range(count):
            self.tick(dt_us)

    def at_rest(self) -> GuardAlone:
        """Past the start: disarmed, configured, at rest."""
        self.ticks(11)
        self.state.configured = True
        assert self.phase == "idle"
        return self

    def arm(self) -> Refusal:
        return Refusal(self._library.guard_arm(ctypes.byref(self.state), ctypes.c_bool(True)))

    def armed(self) -> GuardAlone:
        assert self.at_rest().arm() is Refusal.NONE
        return self

    def command(
        self, left_um_s: int, right_um_s: int, life_us: int = 100_000, mode: CommandMode = CommandMode.DRIVE
    ) -> Refusal:
        """A command that arrives now."""
        expiry_us = (self.time_us + life_us) & 0xFFFF_FFFF
        command = _STRUCTS["guard_command"](left_um_s, right_um_s, expiry_us, mode)
        refusal = self._library.guard_obey(
            ctypes.byref(self.state), ctypes.byref(self.limits), ctypes.byref(command), ctypes.c_uint32(self.time_us)
        )
        return Refusal(refusal)

    def driving(self, left_um_s: int = 400_000, right_um_s: int = 400_000) -> GuardAlone:
        """Armed and under a command; the wheels are told to stand until a test says otherwise."""
        assert self.armed().command(left_um_s, right_um_s) is Refusal.NONE
        assert self.phase == "driving"
        return self

    def stop(self, category: StopCategory) -> None:
        self._library.guard_stop(ctypes.byref(self.state), ctypes.c_uint8(category), ctypes.c_uint8(0))

    def disarm(self) -> None:
        self._library.guard_disarm(ctypes.byref(self.state))
