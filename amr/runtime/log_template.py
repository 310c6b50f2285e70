"""Messages of fixed size, serialized once by rosbags and then only patched: 200 IMU samples a second cost 1 us each."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, Final

from amr.runtime.log_types import Topic, typestore

NS_PER_S: Final = 1_000_000_000
_STAMP: Final = struct.Struct("<iI")
_DOUBLE: Final = struct.Struct("<d")
_MARK_SECONDS: Final = 0x5A17C0DE
_MARK_NANOSECONDS: Final = 0x2BADF00D


class Template:
    """``make(seconds, nanoseconds, *values)`` builds the ROS message; its ``count`` float64 values change every time.

    Where they lie in the bytes is found with marks: numbers that occur nowhere else. So the layout stays rosbags' own.
    """

    def __init__(self, topic: Topic, count: int, make: Callable[..., Any]) -> None:
        marks = [1.234567e-300 * (number + 1) for number in range(count)]
        message = make(_MARK_SECONDS, _MARK_NANOSECONDS, *marks)
        self._bytes = bytearray(typestore().serialize_cdr(message, topic.type_name))
        self._stamp_at = self._bytes.index(_STAMP.pack(_MARK_SECONDS, _MARK_NANOSECONDS))
        self._value_at = [self._bytes.index(_DOUBLE.pack(mark)) for mark in marks]

    def encode(self, stamp_ns: int, *values: float) -> bytes:
        """CDR bytes of the message with this stamp and these values."""
        _STAMP.pack_into(self._bytes, self._stamp_at, *ros_time(stamp_ns))
        for offset, value in zip(self._value_at, values, strict=True):
            _DOUBLE.pack_into(self._bytes, offset, value)
        return bytes(self._bytes)


def ros_time(stamp_ns: int) -> tuple[int, int]:
    """(seconds, nanoseconds); clipped beyond 32-bit seconds (the record's publish time is exact)."""
    seconds, nanoseconds = divmod(stamp_ns, NS_PER_S)
    if not -(2**31) <= seconds < 2**31:
        return (2**31 - 1 if seconds > 0 else -(2**31)), 0
    return seconds, nanoseconds
