"""A person at the terminal: single keys become messages for the core. Reading never waits."""

from __future__ import annotations

import contextlib
import os
import select
import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Protocol

from amr.messages import Message, Operator, OperatorAction, Teleop

DEAD_MAN_NS: Final = 500_000_000
QUIT_KEYS: Final = frozenset({"q", "\x03", "\x04"})
_ESCAPE_KEYS: Final = {"\x1b[A": "w", "\x1b[B": "s", "\x1b[C": "d", "\x1b[D": "a"}


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the keys since the last time ask for."""

    messages: tuple[Message, ...] = ()
    quit: bool = False
    reset_estop: bool = False


class Keyboard(Protocol):
    """Where keys come from."""

    def keys(self) -> str:
        """What was typed since the last call."""
        ...


class TerminalKeys:
    """Standard input without echo and without waiting for Enter; nothing when it is no terminal."""

    def __init__(self) -> None:
        self._descriptor = _standard_input()
        self._open = self._descriptor >= 0

    def keys(self) -> str:
        """See ``Keyboard``."""
        if not self._open or not select.select([self._descriptor], [], [], 0)[0]:
            return ""
        data = os.read(self._descriptor, 256)
        if not data:  # end of file: nobody there
            self._open = False
        return data.decode("utf-8", "ignore")


def _standard_input() -> int:
    """Its descriptor; -1 when this process has none."""
    try:
        return sys.stdin.fileno()
    except (AttributeError, OSError, ValueError):
        return -1


@contextmanager
def single_keys() -> Iterator[None]:
    """Keys arrive one by one while the block runs; the terminal is as before afterwards."""
    descriptor = _standard_input()
    if descriptor < 0 or not os.isatty(descriptor):
        yield
        return
    before = termios.tcgetattr(descriptor)
    tty.setcbreak(descriptor)
    try:
        yield
    finally:
        with contextlib.suppress(termios.error):
            termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


DRIVE_KEYS: Final = {
    "a": OperatorAction.ARM,
    "d": OperatorAction.DISARM,
    "e": OperatorAction.ESTOP,
    " ": OperatorAction.ESTOP,
    "r": OperatorAction.RESET_ESTOP,
    "p": OperatorAction.PAUSE,
    "c": OperatorAction.RESUME,
}
DRIVE_HELP: Final = "keys: a arm, d disarm, space or e e-stop, r reset e-stop, p pause, c continue, q quit"


class DriveKeys:
    """Keys of ``amr drive``."""

    help = DRIVE_HELP

    def __init__(self, keyboard: Keyboard) -> None:
        self._keyboard = keyboard

    def poll(self, now_ns: int) -> Wishes:
        """Messages for what was typed."""
        typed = self._keyboard.keys()
        actions = [DRIVE_KEYS[key] for key in typed if key in DRIVE_KEYS]
        return Wishes(
            tuple(Operator(now_ns, action) for action in actions),
            quit=any(key in QUIT_KEYS for key in typed),
            reset_estop=OperatorAction.RESET_ESTOP in actions,
        )


TELEOP_HELP: Final = (
    "keys: w/s/a/d or arrows drive while held, space stop, + and - speed, m arm, x disarm, e e-stop, r reset, q quit"
)
_TELEOP_ACTIONS: Final = {
    "m": OperatorAction.ARM,
    "x": OperatorAction.DISARM,
    "e": OperatorAction.ESTOP,
    "r": OperatorAction.RESET_ESTOP,
}


class TeleopKeys:
    """Keys of ``amr teleop``, with a dead man's switch: a key that does not repeat for 0.5 s is released.

    A terminal tells no release, only repeats; most wait 0.25 to 0.66 s before the first one, so a held key may drive,
    rest for a moment, and drive on. Speeds are fractions of the robot's limits.
    """

    help = TELEOP_HELP

    def __init__(self, keyboard: Keyboard, v_max_mps: float, w_max_radps: float, speed_frac: float) -> None:
        self._keyboard = keyboard
        self._v_max_mps, self._w_max_radps = v_max_mps, w_max_radps
        self._speed_frac = speed_frac
        self._v_sign, self._v_ns = 0, 0
        self._w_sign, self._w_ns = 0, 0
        self._driving = False

    def poll(self, now_ns: int) -> Wishes:
        """Messages for what is held and what was typed."""
        text = self._keyboard.keys()
        for sequence, key in _ESCAPE_KEYS.items():
            text = text.replace(sequence, key)
        messages: list[Message] = []
        for key in text:
            self._press(key, now_ns)
            if key in _TELEOP_ACTIONS:
                messages.append(Operator(now_ns, _TELEOP_ACTIONS[key]))
        messages.extend(self._held(now_ns))
        return Wishes(tuple(messages), quit=any(key in QUIT_KEYS for key in text), reset_estop="r" in text)

    def _press(self, key: str, now_ns: int) -> None:
        if key in "ws":
            self._v_sign, self._v_ns = (1 if key == "w" else -1), now_ns
        elif key in "ad":
            self._w_sign, self._w_ns = (1 if key == "a" else -1), now_ns
        elif key == " ":
            self._v_sign = self._w_sign = 0
        elif key == "+":
            self._speed_frac = min(1.0, self._speed_frac * 1.25)
        elif key == "-":
            self._speed_frac = max(0.05, self._speed_frac / 1.25)

    def _held(self, now_ns: int) -> list[Message]:
        """A velocity while a key is held, and one zero when the last is released."""
        if now_ns - self._v_ns > DEAD_MAN_NS:
            self._v_sign = 0
        if now_ns - self._w_ns > DEAD_MAN_NS:
            self._w_sign = 0
        holds = self._v_sign != 0 or self._w_sign != 0
        if not holds and not self._driving:
            return []
        self._driving = holds
        v_mps = self._v_sign * self._speed_frac * self._v_max_mps
        return [Teleop(now_ns, v_mps, self._w_sign * self._speed_frac * self._w_max_radps)]
