"""What can be wrong with bytes or a peer, as values: nothing that a peer sends raises."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class FaultKind(StrEnum):
    """Name of a fault; one counter each."""

    OVERSIZE = "oversize"
    """More bytes without a delimiter than any frame has."""
    STUFFING = "stuffing"
    """Not a COBS block."""
    LENGTH = "length"
    """Shorter than a frame, or the length field contradicts the bytes."""
    CRC = "crc"
    UNKNOWN_TYPE = "unknown_type"
    WRONG_SIZE = "wrong_size"
    """The payload has not the size of its message."""
    BAD_VALUE = "bad_value"
    """A field is outside its range."""
    WRONG_DIRECTION = "wrong_direction"
    """A host's message came back to the host: an echoing line."""
    FOREIGN_NONCE = "foreign_nonce"
    """A frame of another session."""
    DUPLICATE = "duplicate"
    REORDERED = "reordered"
    """A sequence number behind the last accepted one."""
    TOO_FAR = "too_far"
    """A sequence number more than the window ahead."""
    CLOCK_BACKWARD = "clock_backward"
    """The MCU's time stamp did not advance."""
    CLOCK_JUMP = "clock_jump"
    """The MCU's time stamp lies in the host's future, or an answer before its question, by more than 50 ms."""
    UNEXPECTED = "unexpected"
    """A valid message that has no place in this state of the link."""
    VERSION = "version"
    """The peer speaks another protocol version."""
    CONFIG_DIGEST = "config_digest"
    """The peer acknowledged another configuration than the one sent."""
    COMMAND_NOT_FINITE = "command_not_finite"
    COMMAND_RANGE = "command_range"
    """A wheel speed beyond the configured limits: stopped, not clamped."""
    COMMAND_LATE = "command_late"
    """A command that had expired before it could be sent, by itself or because the newest telemetry is too old."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault; ``detail`` names frame, field or number for a person."""

    kind: FaultKind
    detail: str = ""
