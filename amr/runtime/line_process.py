"""Status lines of a drive, shown by another process: a terminal that is stopped or slow never stops the wheels."""

from __future__ import annotations

import sys
import time
from typing import Final

from amr.runtime.child import Child, become_child, parent_is_gone
from amr.runtime.ring import Ring

RING_BYTES: Final = 1 << 16
POLL_S: Final = 0.05


class LineProcess:
    """The control process's end."""

    def __init__(self) -> None:
        self._ring = Ring.create(RING_BYTES, "amr-lines")
        self._child = Child("amr.runtime.line_process", (self._ring,), show_errors=True)

    def line(self, text: str) -> None:
        """Show a line that stays."""
        self._ring.push(text.encode("utf-8", "replace"))

    def close(self) -> None:
        """Show the rest and end."""
        self._ring.close_writing()
        self._child.finish()
        self._ring.close()


def main() -> None:
    """``python -m amr.runtime.line_process RING PARENT``."""
    become_child(outlive_parent=True)
    ring, parent = Ring(int(sys.argv[1])), int(sys.argv[2])
    while True:
        last = ring.closed_by_writer or parent_is_gone(parent)
        for blob in ring.pop():
            sys.stderr.write(blob.decode("utf-8", "replace") + "\n")
        sys.stderr.flush()
        if last:
            return
        time.sleep(POLL_S)


if __name__ == "__main__":
    main()
