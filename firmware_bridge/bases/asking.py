"""One question at a time, at a steady rate."""

from __future__ import annotations

_NEVER_NS = -(1 << 62)


class Asking:
    """When to ask, and what an answer belongs to.

    A question that is not answered for ``patience_ns`` is given up; then ``pause_ns`` of silence let a late answer
    pass, so that it is not taken for that to the next question.
    """

    def __init__(self, period_ns: int, patience_ns: int, pause_ns: int = 0) -> None:
        self._period_ns, self._patience_ns, self._pause_ns = period_ns, patience_ns, pause_ns
        self.lost = 0
        """Questions given up."""
        self.restart()

    def restart(self) -> None:
        """Nothing is asked, and nothing was."""
        self._asked_ns: int | None = None
        self._last_ns = _NEVER_NS
        self._quiet_until_ns = _NEVER_NS

    @property
    def waiting(self) -> bool:
        """A question is open."""
        return self._asked_ns is not None

    def due(self, now_ns: int) -> bool:
        """True = ask now."""
        if self._asked_ns is not None and now_ns - self._asked_ns >= self._patience_ns:
            self.lost += 1
            self.give_up(now_ns)
        if self._asked_ns is not None or now_ns < self._quiet_until_ns or now_ns - self._last_ns < self._period_ns:
            return False
        self._asked_ns = self._last_ns = now_ns
        return True

    def answered(self) -> int | None:
        """When the open question was asked, None = none is open: this answers nothing."""
        asked_ns, self._asked_ns = self._asked_ns, None
        return asked_ns

    def give_up(self, now_ns: int) -> None:
        """The answer was garbled."""
        self._asked_ns, self._quiet_until_ns = None, now_ns + self._pause_ns
