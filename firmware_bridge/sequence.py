"""The sequence window: nothing is accepted twice, gaps are counted (``PROTOCOL.md``, section 2)."""

from __future__ import annotations

from firmware_bridge.faults import FaultKind
from firmware_bridge.wire_values import SEQUENCE_WINDOW


class SequenceWindow:
    """Receiver's side of one direction of one session."""

    def __init__(self) -> None:
        self.last = 0
        self.lost = 0
        """Numbers skipped since construction, over all sessions."""

    def restart(self) -> None:
        """A new session begins: the next number is 1."""
        self.last = 0

    def accept(self, seq: int) -> FaultKind | None:
        """None when the frame is new and in the window, which then moves; else why it is refused."""
        step = (seq - self.last) & 0xFFFF
        if 1 <= step <= SEQUENCE_WINDOW:
            self.lost += step - 1
            self.last = seq
            return None
        if step == 0:
            return FaultKind.DUPLICATE
        return FaultKind.TOO_FAR if step < 0x8000 else FaultKind.REORDERED
