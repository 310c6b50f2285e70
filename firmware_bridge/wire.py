"""The messages of the wire: one table, from which the C header is generated (``firmware_bridge.wire_header``).

Every class is one message and every annotated field one row: raw type, scale to SI, unit, range, meaning. Raw
integers exist only here; ``link`` turns them into SI with the scales of this table. All little endian, no padding.
``PROTOCOL.md`` beside the firmware says what the messages do.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, fields
from enum import IntEnum
from typing import Annotated, Any, get_type_hints
from zlib import crc32

from amr.messages import McuState, StopCategory
from firmware_bridge.faults import Fault, FaultKind
from firmware_bridge.wire_values import (
    EXPIRY_SLACK_US,
    MAX_PAYLOAD,
    NOT_MEASURED,
    PROTOCOL_VERSION,
    SEQUENCE_WINDOW,
    STOP_CATEGORY,
    Board,
    Capability,
    CommandMode,
    ConfigFlag,
    EventCode,
    FaultBit,
    HostCause,
    Refusal,
    StopCause,
    WarningBit,
)

__all__ = [
    "EXPIRY_SLACK_US",
    "MAX_PAYLOAD",
    "MESSAGES",
    "NOT_MEASURED",
    "PROTOCOL_VERSION",
    "SEQUENCE_WINDOW",
    "STOP_CATEGORY",
    "Arm",
    "Board",
    "Boot",
    "Capability",
    "Command",
    "CommandMode",
    "ConfigAck",
    "ConfigFlag",
    "Configure",
    "Disarm",
    "Event",
    "EventCode",
    "FaultBit",
    "FieldSpec",
    "Hello",
    "HelloAck",
    "HostCause",
    "Message",
    "MessageSpec",
    "Nack",
    "Ping",
    "Pong",
    "Raw",
    "Refusal",
    "ResetEstop",
    "Stop",
    "StopCause",
    "Telemetry",
    "WarningBit",
    "arm_token",
    "decode",
    "encode",
    "scale",
    "session_nonce",
    "type_of",
]


@dataclass(frozen=True, slots=True)
class Raw:
    """One row of the table: SI value = raw * ``scale``; ``low``/``high`` bound the raw value (None: the type does)."""

    code: str
    """u8 i8 u16 i16 u32 i32 u64"""
    meaning: str
    scale: float = 1.0
    unit: str = ""
    low: int | None = None
    high: int | None = None


# ---------------------------------------------------------------- host to MCU


@dataclass(frozen=True, slots=True)
class Hello:
    """Opens a session. The only frame with nonce 0 that the MCU obeys, besides STOP."""

    protocol_version: Annotated[int, Raw("u16", "version that the host speaks")]
    host_nonce: Annotated[int, Raw("u32", "random, new for every session of a host", low=1)]


@dataclass(frozen=True, slots=True)
class Configure:
    """What the MCU must know of the robot. Accepted in IDLE, ESTOP and FAULT only; replaces the old one whole."""

    nm_per_tick: Annotated[int, Raw("u32", "wheel surface travel of one encoder count", 1e-9, "m", low=1)]
    track_um: Annotated[int, Raw("u32", "effective track", 1e-6, "m", low=1)]
    wheel_max_mm_s: Annotated[int, Raw("u16", "a command with a faster wheel is refused", 1e-3, "m/s", low=1)]
    v_max_mm_s: Annotated[int, Raw("u16", "a command with a faster mean of both wheels is refused", 1e-3, "m/s", low=1)]
    v_reverse_max_mm_s: Annotated[int, Raw("u16", "the same backward", 1e-3, "m/s")]
    wheel_accel_mm_s2: Annotated[int, Raw("u16", "set-point slew while a wheel's speed grows", 1e-3, "m/s2", low=1)]
    wheel_decel_mm_s2: Annotated[int, Raw("u16", "set-point slew while a wheel's speed shrinks", 1e-3, "m/s2", low=1)]
    stop_ramp_mm_s2: Annotated[int, Raw("u16", "deceleration of both wheels' mean in a RAMP stop", 1e-3, "m/s2", low=1)]
    feed_forward_q16: Annotated[int, Raw("u32", "duty per wheel speed", 2.0**-16, "s/m", high=2**24)]
    proportional_q16: Annotated[int, Raw("u32", "duty per speed error", 2.0**-16, "s/m", high=2**24)]
    integral_q16: Annotated[int, Raw("u32", "duty per integral of the speed error", 2.0**-16, "1/m", high=2**24)]
    static_duty_q15: Annotated[int, Raw("u16", "duty that overcomes static friction", 2.0**-15, "1", high=32767)]
    loop_hz: Annotated[int, Raw("u16", "rate of the velocity loop", 1.0, "Hz", low=50, high=1000)]
    telemetry_hz: Annotated[int, Raw("u16", "rate of TELEMETRY", 1.0, "Hz", low=10, high=500)]
    command_timeout_ms: Annotated[int, Raw("u16", "longest life of a command", 1e-3, "s", low=20, high=1000)]
    battery_min_mv: Annotated[int, Raw("u16", "below this for the hold time the MCU stops; 0 = no battery", 1e-3, "V")]
    encoder_fault_ms: Annotated[
        int, Raw("u16", "encoder and command may disagree for this long", 1e-3, "s", low=20, high=5000)
    ]
    flags: Annotated[int, Raw("u16", "ConfigFlag bits", high=63)]


@dataclass(frozen=True, slots=True)
class Command:
    """Wheel speeds until an absolute time on the MCU's clock."""

    left_um_s: Annotated[int, Raw("i32", "surface speed of the left wheel", 1e-6, "m/s")]
    right_um_s: Annotated[int, Raw("i32", "surface speed of the right wheel", 1e-6, "m/s")]
    expiry_us: Annotated[int, Raw("u32", "dead from this time of the MCU's clock on (modulo 2**32)", 1e-6, "s")]
    mode: Annotated[CommandMode, Raw("u8", "DRIVE, or rest by RAMP, BRAKE or COAST (speeds are then 0)")]


@dataclass(frozen=True, slots=True)
class Arm:
    """Allows driving. Refused by NACK when configuration, faults, e-stop latch, battery or standstill forbid it."""

    token: Annotated[int, Raw("u32", "configuration digest XOR boot_id: proves that both ends mean the same robot")]


@dataclass(frozen=True, slots=True)
class Disarm:
    """Ramps to rest; then IDLE."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Stops and disarms. Accepted with any nonce and any sequence number; has no other effect, ever."""

    category: Annotated[StopCategory, Raw("u8", "how to come to rest")]
    cause: Annotated[HostCause, Raw("u8", "why, for the record")]


@dataclass(frozen=True, slots=True)
class ResetEstop:
    """Clears the e-stop latch and latched faults when their inputs are clear and the wheels rest. Does not arm."""


@dataclass(frozen=True, slots=True)
class Ping:
    """Asks for the MCU's clock."""

    host_us: Annotated[int, Raw("u64", "returned as it is", 1e-6, "s")]


# ---------------------------------------------------------------- MCU to host


@dataclass(frozen=True, slots=True)
class Boot:
    """Nonce 0: sent at power-up and every BOOT_PERIOD_MS while there is no session."""

    protocol_version: Annotated[int, Raw("u16", "version that the MCU speaks")]
    boot_id: Annotated[int, Raw("u32", "differs from that of the boot before")]
    board: Annotated[Board, Raw("u8", "kind of board")]
    cause: Annotated[StopCause, Raw("u8", "POWER_UP or WATCHDOG_RESET")]
    mcu_us: Annotated[int, Raw("u32", "the MCU's clock (modulo 2**32)", 1e-6, "s")]


@dataclass(frozen=True, slots=True)
class HelloAck:
    """Answers HELLO; carries the session's nonce already."""

    protocol_version: Annotated[int, Raw("u16", "version that the MCU speaks; no session when it differs")]
    firmware_build: Annotated[int, Raw("u32", "number of the firmware's build")]
    board: Annotated[Board, Raw("u8", "kind of board")]
    capabilities: Annotated[int, Raw("u32", "Capability bits")]
    boot_id: Annotated[int, Raw("u32", "differs from that of the boot before")]
    mcu_us: Annotated[int, Raw("u32", "the MCU's clock (modulo 2**32)", 1e-6, "s")]


@dataclass(frozen=True, slots=True)
class ConfigAck:
    """Answers CONFIGURE."""

    digest: Annotated[int, Raw("u32", "CRC-32 of the CONFIGURE payload as received")]
    accepted: Annotated[int, Raw("u8", "1 = in force", high=1)]
    reason: Annotated[Refusal, Raw("u8", "why not")]


@dataclass(frozen=True, slots=True)
class Telemetry:
    """The state of the base, at telemetry_hz from the moment it is configured."""

    t_us: Annotated[int, Raw("u32", "time of measurement on the MCU's clock (modulo 2**32)", 1e-6, "s")]
    left_ticks: Annotated[int, Raw("i32", "running count since boot (modulo 2**32), forward positive")]
    right_ticks: Annotated[int, Raw("i32", "running count since boot (modulo 2**32), forward positive")]
    left_mm_s: Annotated[int, Raw("i16", "measured surface speed", 1e-3, "m/s")]
    right_mm_s: Annotated[int, Raw("i16", "measured surface speed", 1e-3, "m/s")]
    gyro_z_raw: Annotated[int, Raw("i16", "yaw rate, rounded; NOT_MEASURED = none", 3e-4, "rad/s")]
    accel_x_mm_s2: Annotated[int, Raw("i16", "acceleration forward; NOT_MEASURED = none", 1e-3, "m/s2")]
    accel_y_mm_s2: Annotated[int, Raw("i16", "acceleration left; NOT_MEASURED = none", 1e-3, "m/s2")]
    battery_mv: Annotated[int, Raw("u16", "supply", 1e-3, "V")]
    state: Annotated[McuState, Raw("u8", "state of the MCU")]
    stop_cause: Annotated[StopCause, Raw("u8", "cause of the last stop; NONE while driving")]
    faults: Annotated[int, Raw("u16", "FaultBit bits")]
    warnings: Annotated[int, Raw("u8", "WarningBit bits")]
    last_command_seq: Annotated[int, Raw("u16", "frame number of the last COMMAND that was obeyed")]
    left_duty: Annotated[int, Raw("i8", "applied duty", 1.0 / 127.0, "1")]
    right_duty: Annotated[int, Raw("i8", "applied duty", 1.0 / 127.0, "1")]


@dataclass(frozen=True, slots=True)
class Pong:
    """Answers PING at once."""

    host_us: Annotated[int, Raw("u64", "as in the PING", 1e-6, "s")]
    mcu_us: Annotated[int, Raw("u32", "the MCU's clock when the PING was read (modulo 2**32)", 1e-6, "s")]


@dataclass(frozen=True, slots=True)
class Event:
    """Something happened; sent once, not repeated (TELEMETRY carries the state itself)."""

    code: Annotated[EventCode, Raw("u8", "what")]
    detail: Annotated[int, Raw("u32", "see EventCode")]


@dataclass(frozen=True, slots=True)
class Nack:
    """A message with valid frame was refused."""

    refused_type: Annotated[int, Raw("u8", "type of the refused message")]
    reason: Annotated[Refusal, Raw("u8", "why")]
    refused_seq: Annotated[int, Raw("u16", "its frame number")]


Message = (
    Hello
    | Configure
    | Command
    | Arm
    | Disarm
    | Stop
    | ResetEstop
    | Ping
    | Boot
    | HelloAck
    | ConfigAck
    | Telemetry
    | Pong
    | Event
    | Nack
)

# ---------------------------------------------------------------- the table

_STRUCT_CODES = {"u8": "B", "i8": "b", "u16": "H", "i16": "h", "u32": "I", "i32": "i", "u64": "Q"}


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One field as the table has it, with its enumeration if it is one."""

    name: str
    raw: Raw
    enumeration: type[IntEnum] | None


@dataclass(frozen=True, slots=True)
class MessageSpec:
    """One message: type number, class, fields and what follows from them."""

    number: int
    cls: type[Any]
    fields: tuple[FieldSpec, ...]
    layout: struct.Struct
    bounds: tuple[tuple[int, int, int], ...]
    """(index, lowest, highest) of fields that are narrower than their type."""
    members: tuple[tuple[int, dict[int, IntEnum]], ...]
    """(index, value to member) of enumerations."""

    @property
    def name(self) -> str:
        """Class name."""
        return str(self.cls.__name__)

    @property
    def from_host(self) -> bool:
        """True when the host sends it."""
        return self.number < 0x80


def raw_bounds(raw: Raw) -> tuple[int, int]:
    """(lowest, highest) raw value by type and range."""
    bits = int(raw.code[1:])
    low, high = (0, 2**bits - 1) if raw.code[0] == "u" else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    return low if raw.low is None else raw.low, high if raw.high is None else raw.high


def _spec(type_number: int, cls: type[Any]) -> MessageSpec:
    hints = get_type_hints(cls, include_extras=True)
    rows: list[FieldSpec] = []
    for item in fields(cls):
        base, raw = hints[item.name].__origin__, hints[item.name].__metadata__[0]
        rows.append(FieldSpec(item.name, raw, base if base is not int else None))
    layout = struct.Struct("<" + "".join(_STRUCT_CODES[row.raw.code] for row in rows))
    bounds = tuple(
        (index, *raw_bounds(row.raw))
        for index, row in enumerate(rows)
        if row.raw.low is not None or row.raw.high is not None
    )
    members: tuple[tuple[int, dict[int, IntEnum]], ...] = tuple(
        (index, {int(member): member for member in row.enumeration})
        for index, row in enumerate(rows)
        if row.enumeration is not None
    )
    return MessageSpec(type_number, cls, tuple(rows), layout, bounds, members)


MESSAGES: dict[int, MessageSpec] = {
    number: _spec(number, cls)
    for number, cls in (
        (0x01, Hello),
        (0x02, Configure),
        (0x03, Command),
        (0x04, Arm),
        (0x05, Disarm),
        (0x06, Stop),
        (0x07, ResetEstop),
        (0x08, Ping),
        (0x81, Boot),
        (0x82, HelloAck),
        (0x83, ConfigAck),
        (0x84, Telemetry),
        (0x85, Pong),
        (0x86, Event),
        (0x87, Nack),
    )
}

_SPEC_BY_CLASS: dict[type[Any], MessageSpec] = {spec.cls: spec for spec in MESSAGES.values()}


def type_of(message_class: type[Any]) -> int:
    """Type number of a message class."""
    return _SPEC_BY_CLASS[message_class].number


def scale(message_class: type[Any], field_name: str) -> float:
    """SI value of one raw unit of a field."""
    return next(row.raw.scale for row in _SPEC_BY_CLASS[message_class].fields if row.name == field_name)


def encode(message: Message) -> bytes:
    """Payload. Raises ``ValueError`` naming the field when a value does not fit (our own error, never the peer's)."""
    spec = _SPEC_BY_CLASS[type(message)]
    values = [getattr(message, row.name) for row in spec.fields]
    for row, value in zip(spec.fields, values, strict=True):
        low, high = raw_bounds(row.raw)
        if not (isinstance(value, int) and low <= value <= high):
            raise ValueError(f"{spec.name}.{row.name}: {value!r} is not an integer in [{low}, {high}]")
    return spec.layout.pack(*values)


def decode(type_number: int, payload: bytes) -> Message | Fault:
    """The message, or the fault that refuses it. Never raises for any bytes."""
    spec = MESSAGES.get(type_number)
    if spec is None:
        return Fault(FaultKind.UNKNOWN_TYPE, f"type 0x{type_number:02x}")
    if len(payload) != spec.layout.size:
        return Fault(FaultKind.WRONG_SIZE, f"{spec.name}: {len(payload)} bytes, not {spec.layout.size}")
    values: list[int] = list(spec.layout.unpack(payload))
    for index, low, high in spec.bounds:
        if not low <= values[index] <= high:
            return Fault(FaultKind.BAD_VALUE, f"{spec.name}.{spec.fields[index].name}: {values[index]}")
    for index, members in spec.members:
        member = members.get(values[index])
        if member is None:
            return Fault(FaultKind.BAD_VALUE, f"{spec.name}.{spec.fields[index].name}: {values[index]}")
        values[index] = member
    build: Callable[..., Message] = spec.cls
    return build(*values)


# ---------------------------------------------------------------- derived numbers


def session_nonce(host_nonce: int, boot_id: int) -> int:
    """Nonce of the session between this host and this boot: CRC-32 of both as u32, little endian; 0 becomes 1.

    Not their XOR: that is equal for (1, 2) and (2, 1), and boards that count boots produce such pairs.
    """
    return crc32(struct.pack("<II", host_nonce, boot_id)) or 1


def arm_token(config_digest: int, boot_id: int) -> int:
    """Token of ARM."""
    return config_digest ^ boot_id
