"""The guard's transition table, every phase with every event, against a table written independently of the C one."""

from __future__ import annotations

import ctypes
from pathlib import Path

import pytest

from amr.messages import McuState
from firmware_bridge.native import load_library

PHASES = ["boot", "idle", "armed", "driving", "to_armed", "to_idle", "to_fault", "estop", "fault"]
EVENTS = ["arm", "drive", "settled", "halt", "stop", "fault", "estop", "reset", "rest"]
REFUSED = "refused"
REPORTED = {
    "boot": McuState.BOOT,
    "idle": McuState.IDLE,
    "armed": McuState.ARMED,
    "driving": McuState.DRIVING,
    "to_armed": McuState.STOPPING,
    "to_idle": McuState.STOPPING,
    "to_fault": McuState.STOPPING,
    "estop": McuState.ESTOP,
    "fault": McuState.FAULT,
}
CHANGES = {
    ("boot", "rest"): "idle",
    ("idle", "arm"): "armed",
    ("armed", "drive"): "driving",
    ("armed", "stop"): "to_idle",
    ("armed", "fault"): "to_fault",
    ("driving", "settled"): "armed",
    ("driving", "halt"): "to_armed",
    ("driving", "stop"): "to_idle",
    ("driving", "fault"): "to_fault",
    ("to_armed", "drive"): "driving",
    ("to_armed", "stop"): "to_idle",
    ("to_armed", "fault"): "to_fault",
    ("to_armed", "rest"): "armed",
    ("to_idle", "fault"): "to_fault",
    ("to_idle", "rest"): "idle",
    ("to_fault", "rest"): "fault",
    ("estop", "reset"): "idle",
    ("fault", "reset"): "idle",
}
"""Besides: the e-stop leads to estop from everywhere, arming and driving are refused where they are not listed or
already so, and everything else changes nothing."""
MAY_ARM = {"idle", "armed", "driving", "to_armed"}
MAY_DRIVE = {"armed", "driving", "to_armed"}


def expected(phase: str, event: str) -> str:
    if event == "estop":
        return "estop"
    if (event == "arm" and phase not in MAY_ARM) or (event == "drive" and phase not in MAY_DRIVE):
        return REFUSED
    return CHANGES.get((phase, event), phase)


@pytest.fixture
def library(shared_object: Path | None) -> ctypes.PyDLL:
    loaded = load_library(shared_object)
    for function in (loaded.guard_next, loaded.guard_wire_state):
        function.restype = ctypes.c_uint8
    return loaded


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("event", EVENTS)
def test_every_phase_answers_every_event_as_the_protocol_says(phase: str, event: str, library: ctypes.PyDLL) -> None:
    found = library.guard_next(PHASES.index(phase), EVENTS.index(event))
    assert (REFUSED if found == 255 else PHASES[found]) == expected(phase, event)


def test_numbers_beyond_the_table_are_refused(library: ctypes.PyDLL) -> None:
    assert library.guard_next(len(PHASES), 0) == 255
    assert library.guard_next(0, len(EVENTS)) == 255
    assert library.guard_wire_state(len(PHASES)) == McuState.FAULT


@pytest.mark.parametrize("phase", PHASES)
def test_every_phase_is_reported_as_its_state(phase: str, library: ctypes.PyDLL) -> None:
    assert library.guard_wire_state(PHASES.index(phase)) == REPORTED[phase]


def test_no_phase_that_forbids_driving_leads_to_driving_without_being_armed() -> None:
    leads = {(p, expected(p, e)) for p in PHASES for e in EVENTS}
    assert {p for p, to in leads if to == "driving"} == MAY_DRIVE
    assert {p for p, to in leads if to == "armed"} == {"idle", "armed", "driving", "to_armed"}
    assert {to for p, to in leads if p == "estop"} == {"estop", "idle", REFUSED}
