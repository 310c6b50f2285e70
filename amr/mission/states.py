"""The mission as a table.

Rules
1. A new mission starts from every state; an empty one ends in IDLE.
2. Only the active states can pause; a resumed mission plans anew before it moves.
3. A recovery always ends in PLANNING: whatever it changed, the next motion follows a fresh path.
4. DONE and FAILED are left only by a new or an empty mission.
5. A robot that is lost neither follows nor recovers: it looks around until it is found, then plans anew.
6. A pair that a row does not name leaves the state as it is.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class MissionState(StrEnum):
    """What the mission is doing."""

    IDLE = "idle"
    PLANNING = "planning"
    """Rests until a path to the active goal arrives."""
    FOLLOWING = "following"
    WAITING = "waiting"
    """Follows when it can, but lets something that moves (or a blocked goal) have its time."""
    CLEARING = "clearing"
    """Has asked to forget the obstacles around it; rests until the maps have done so."""
    BACKING_UP = "backing_up"
    TURNING = "turning"
    ESCAPING = "escaping"
    MANEUVERING = "maneuvering"
    """Has asked for a way that is exact for its outline, and drives it as told."""
    RELOCATING = "relocating"
    """Does not know where on the map it is: rests, then looks around."""
    PAUSED = "paused"
    DONE = "done"
    FAILED = "failed"


class MissionEvent(StrEnum):
    """What can happen to it."""

    SET = "set"
    CANCEL = "cancel"
    PAUSE = "pause"
    RESUME = "resume"
    PATH = "path"
    """A path to the active goal arrived."""
    REACHED = "reached"
    """The active goal is reached and another follows."""
    FINISHED = "finished"
    """The last goal is reached."""
    WAIT = "wait"
    CLEAR = "clear"
    BACK_UP = "back_up"
    TURN = "turn"
    ESCAPE = "escape"
    MANEUVER = "maneuver"
    LOST = "lost"
    """The localizer does not know the place any more."""
    FOUND = "found"
    """It does again."""
    RECOVERED = "recovered"
    """A recovery has run its course."""
    GIVE_UP = "give_up"


_S, _E = MissionState, MissionEvent

_ACTIVE: Final = {
    _E.SET: _S.PLANNING,
    _E.CANCEL: _S.IDLE,
    _E.PAUSE: _S.PAUSED,
    _E.REACHED: _S.PLANNING,
    _E.FINISHED: _S.DONE,
    _E.GIVE_UP: _S.FAILED,
    _E.LOST: _S.RELOCATING,
}
_DRIVING: Final = {
    **_ACTIVE,
    _E.WAIT: _S.WAITING,
    _E.CLEAR: _S.CLEARING,
    _E.BACK_UP: _S.BACKING_UP,
    _E.TURN: _S.TURNING,
    _E.ESCAPE: _S.ESCAPING,
    _E.MANEUVER: _S.MANEUVERING,
}
_RECOVERING: Final = {**_ACTIVE, _E.RECOVERED: _S.PLANNING}
_ENDED: Final = {_E.SET: _S.PLANNING, _E.CANCEL: _S.IDLE}

TRANSITIONS: Final[dict[MissionState, dict[MissionEvent, MissionState]]] = {
    _S.IDLE: _ENDED,
    _S.PLANNING: {**_DRIVING, _E.PATH: _S.FOLLOWING},
    _S.FOLLOWING: _DRIVING,
    _S.WAITING: _RECOVERING,
    _S.CLEARING: _RECOVERING,
    _S.BACKING_UP: _RECOVERING,
    _S.TURNING: _RECOVERING,
    _S.ESCAPING: _RECOVERING,
    _S.MANEUVERING: _RECOVERING,
    _S.RELOCATING: {
        _E.SET: _S.RELOCATING,
        _E.CANCEL: _S.IDLE,
        _E.PAUSE: _S.PAUSED,
        _E.FOUND: _S.PLANNING,
        _E.GIVE_UP: _S.FAILED,
    },
    _S.PAUSED: {_E.SET: _S.PLANNING, _E.CANCEL: _S.IDLE, _E.RESUME: _S.PLANNING},
    _S.DONE: _ENDED,
    _S.FAILED: _ENDED,
}

DRIVING: Final = frozenset({_S.PLANNING, _S.FOLLOWING})
RECOVERING: Final = frozenset({_S.WAITING, _S.CLEARING, _S.BACKING_UP, _S.TURNING, _S.ESCAPING, _S.MANEUVERING})
ACTIVE: Final = DRIVING | RECOVERING


def follow_on(state: MissionState, event: MissionEvent) -> MissionState:
    """The state after ``event``."""
    return TRANSITIONS[state].get(event, state)
