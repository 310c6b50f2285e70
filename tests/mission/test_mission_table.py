"""The mission's transition table, pair by pair."""

from __future__ import annotations

import pytest

from amr.mission.states import ACTIVE, DRIVING, RECOVERING, TRANSITIONS, MissionEvent, MissionState, follow_on

S, E = MissionState, MissionEvent

START = {E.SET: S.PLANNING, E.CANCEL: S.IDLE}
RUN = {**START, E.PAUSE: S.PAUSED, E.REACHED: S.PLANNING, E.FINISHED: S.DONE, E.GIVE_UP: S.FAILED, E.LOST: S.RELOCATING}
RECOVER = {
    E.WAIT: S.WAITING,
    E.CLEAR: S.CLEARING,
    E.BACK_UP: S.BACKING_UP,
    E.TURN: S.TURNING,
    E.ESCAPE: S.ESCAPING,
    E.MANEUVER: S.MANEUVERING,
}
EXPECTED = {
    S.IDLE: START,
    S.DONE: START,
    S.FAILED: START,
    S.RELOCATING: {
        E.SET: S.RELOCATING,
        E.CANCEL: S.IDLE,
        E.PAUSE: S.PAUSED,
        E.FOUND: S.PLANNING,
        E.GIVE_UP: S.FAILED,
    },
    S.PAUSED: {**START, E.RESUME: S.PLANNING},
    S.PLANNING: {**RUN, **RECOVER, E.PATH: S.FOLLOWING},
    S.FOLLOWING: {**RUN, **RECOVER},
    **{state: {**RUN, E.RECOVERED: S.PLANNING} for state in RECOVER.values()},
}


@pytest.mark.parametrize("state", S)
@pytest.mark.parametrize("event", E)
def test_every_pair_of_state_and_event(state: MissionState, event: MissionEvent) -> None:
    assert follow_on(state, event) is EXPECTED[state].get(event, state)


def test_every_state_has_a_row_and_can_be_left_and_reached() -> None:
    assert set(TRANSITIONS) == set(S)
    reached = {following for row in TRANSITIONS.values() for following in row.values()}
    assert reached == set(S)


def test_the_groups_part_the_states() -> None:
    assert DRIVING | RECOVERING == ACTIVE
    assert not DRIVING & RECOVERING
    assert set(S) - ACTIVE == {S.IDLE, S.RELOCATING, S.PAUSED, S.DONE, S.FAILED}
