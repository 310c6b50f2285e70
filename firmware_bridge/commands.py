"""What a wheel command becomes on the wire, and why one must not be sent."""

from __future__ import annotations

import math
from dataclasses import replace
from enum import IntEnum

from amr.messages import McuState, StopCategory, WheelCommand
from firmware_bridge import wire
from firmware_bridge.faults import Fault, FaultKind

_UM_S_PER_MPS = 1.0 / wire.scale(wire.Command, "left_um_s")
_MM_S_PER_MPS = 1.0 / wire.scale(wire.Configure, "v_max_mm_s")
_MODE_OF_STOP = {
    StopCategory.RAMP: wire.CommandMode.RAMP,
    StopCategory.BRAKE: wire.CommandMode.BRAKE,
    StopCategory.COAST: wire.CommandMode.COAST,
}
_CAUSE_OF_FAULT = {
    FaultKind.COMMAND_NOT_FINITE: wire.HostCause.COMMAND_NOT_FINITE,
    FaultKind.COMMAND_RANGE: wire.HostCause.COMMAND_RANGE,
}


def turned_as(cmd: WheelCommand, left_scale: float, right_scale: float) -> WheelCommand:
    """The same wheel speeds for a board that takes each wheel's radius for ``scale`` times smaller than it is."""
    return replace(cmd, left_mps=cmd.left_mps / left_scale, right_mps=cmd.right_mps / right_scale)


def judge(cmd: WheelCommand, limits: wire.Configure) -> Fault | None:
    """Why this command must not be sent: a speed that is not finite or beyond the limits. None = it may."""
    if not (math.isfinite(cmd.left_mps) and math.isfinite(cmd.right_mps)):
        return Fault(FaultKind.COMMAND_NOT_FINITE, f"left {cmd.left_mps}, right {cmd.right_mps} m/s")
    wheel_mm_s = _MM_S_PER_MPS * max(abs(cmd.left_mps), abs(cmd.right_mps))
    mean_mm_s = _MM_S_PER_MPS * 0.5 * (cmd.left_mps + cmd.right_mps)
    if wheel_mm_s > limits.wheel_max_mm_s or not -limits.v_reverse_max_mm_s <= mean_mm_s <= limits.v_max_mm_s:
        return Fault(FaultKind.COMMAND_RANGE, f"left {cmd.left_mps:.3f}, right {cmd.right_mps:.3f} m/s")
    return None


def stop_for(fault: Fault, cmd: WheelCommand) -> wire.Stop:
    """The STOP frame that is sent in place of a command that ``judge`` refused."""
    return wire.Stop(StopCategory.RAMP if cmd.stop is None else cmd.stop, _CAUSE_OF_FAULT[fault.kind])


def drive_message(cmd: WheelCommand, expiry_us: int) -> wire.Command:
    """The COMMAND for a command that ``judge`` let pass."""
    if cmd.stop is not None:
        return wire.Command(0, 0, expiry_us, _MODE_OF_STOP[cmd.stop])
    left_um_s, right_um_s = round(cmd.left_mps * _UM_S_PER_MPS), round(cmd.right_mps * _UM_S_PER_MPS)
    return wire.Command(left_um_s, right_um_s, expiry_us, wire.CommandMode.DRIVE)


def event_text(event: wire.Event) -> str:
    """An EVENT for a person."""
    if event.code is not wire.EventCode.STATE:
        names = [bit.name or "" for bit in wire.FaultBit if event.detail & bit]
        return f"board: {event.code.name} {' '.join(names)}".lower()
    new, old, cause = (event.detail >> shift & 0xFF for shift in (0, 8, 16))
    return f"board: {_name(McuState, old)} -> {_name(McuState, new)}, {_name(wire.StopCause, cause)}".lower()


def _name(enumeration: type[IntEnum], value: int) -> str:
    try:
        return enumeration(value).name
    except ValueError:
        return str(value)
