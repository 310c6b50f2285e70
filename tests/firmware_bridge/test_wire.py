"""The table of messages: exact round trips, refusals by name, and the C header made from it."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amr.messages import McuState, StopCategory
from firmware_bridge import wire
from firmware_bridge.faults import Fault, FaultKind
from firmware_bridge.frames import encode_frame
from firmware_bridge.wire_header import HEADER_PATH, render_header

SPECS = list(wire.MESSAGES.values())


def messages_of(spec: wire.MessageSpec) -> st.SearchStrategy[Any]:
    columns = []
    for row in spec.fields:
        if row.enumeration is not None:
            columns.append(st.sampled_from(list(row.enumeration)))
        else:
            columns.append(st.integers(*wire.raw_bounds(row.raw)))
    return st.builds(spec.cls, *columns)


def example_of(spec: wire.MessageSpec, *, highest: bool) -> Any:
    values = []
    for row in spec.fields:
        if row.enumeration is not None:
            values.append(max(row.enumeration) if highest else min(row.enumeration))
        else:
            values.append(wire.raw_bounds(row.raw)[highest])
    return spec.cls(*values)


@settings(deadline=None, max_examples=150)
@given(st.sampled_from(SPECS).flatmap(messages_of))
def test_decode_inverts_encode(message: Any) -> None:
    assert wire.decode(wire.type_of(type(message)), wire.encode(message)) == message


@settings(deadline=None, max_examples=300)
@given(st.integers(0, 255), st.binary(max_size=64))
def test_any_payload_is_a_message_that_encodes_back_or_a_named_fault(type_number: int, payload: bytes) -> None:
    message = wire.decode(type_number, payload)
    if isinstance(message, Fault):
        assert message.kind in (FaultKind.UNKNOWN_TYPE, FaultKind.WRONG_SIZE, FaultKind.BAD_VALUE)
        assert message.detail
    else:
        assert wire.encode(message) == payload


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_lowest_and_highest_values_survive_and_a_byte_more_or_less_is_refused(spec: wire.MessageSpec) -> None:
    for highest in (False, True):
        message = example_of(spec, highest=highest)
        payload = wire.encode(message)
        assert wire.decode(spec.number, payload) == message
        longer = wire.decode(spec.number, payload + b"\0")
        assert isinstance(longer, Fault)
        assert longer.kind is FaultKind.WRONG_SIZE
    assert spec.layout.size <= wire.MAX_PAYLOAD


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_a_value_outside_its_range_is_refused_both_ways_and_the_field_named(spec: wire.MessageSpec) -> None:
    good = example_of(spec, highest=True)
    for row in spec.fields:
        low, high = wire.raw_bounds(row.raw)
        for bad in (low - 1, high + 1, 0.5):
            with pytest.raises(ValueError, match=f"{spec.name}.{row.name}"):
                wire.encode(replace(good, **{row.name: bad}))
    for index, lowest, highest in spec.bounds:
        values = list(spec.layout.unpack(wire.encode(good)))
        full_low, full_high = wire.raw_bounds(wire.Raw(spec.fields[index].raw.code, ""))
        for value in (lowest - 1, highest + 1):
            if full_low <= value <= full_high:
                values[index] = value
                fault = wire.decode(spec.number, spec.layout.pack(*values))
                assert isinstance(fault, Fault)
                assert (fault.kind, spec.fields[index].name in fault.detail) == (FaultKind.BAD_VALUE, True)
    for index, members in spec.members:
        values = list(spec.layout.unpack(wire.encode(good)))
        values[index] = max(members) + 1
        fault = wire.decode(spec.number, spec.layout.pack(*values))
        assert isinstance(fault, Fault)
        assert fault.kind is FaultKind.BAD_VALUE


def test_enumerations_are_contiguous_so_that_the_header_can_check_them_by_range() -> None:
    for spec in SPECS:
        for row in spec.fields:
            if row.enumeration is not None:
                assert sorted(row.enumeration) == list(range(len(row.enumeration))), row.name


def test_types_tell_their_direction() -> None:
    assert {spec.name for spec in SPECS if spec.from_host} == {
        "Hello",
        "Configure",
        "Command",
        "Arm",
        "Disarm",
        "Stop",
        "ResetEstop",
        "Ping",
    }


def test_every_stop_cause_has_a_category() -> None:
    assert set(wire.STOP_CATEGORY) == set(wire.StopCause)
    assert wire.STOP_CATEGORY[wire.StopCause.COMMAND_EXPIRED] is StopCategory.RAMP
    assert wire.STOP_CATEGORY[wire.StopCause.LEFT_WRONG_WAY] is StopCategory.BRAKE


def test_states_are_those_of_the_messages() -> None:
    telemetry = example_of(wire.MESSAGES[wire.type_of(wire.Telemetry)], highest=True)
    decoded = wire.decode(wire.type_of(wire.Telemetry), wire.encode(telemetry))
    assert isinstance(decoded, wire.Telemetry)
    assert decoded.state is McuState.FAULT


def test_telemetry_at_200_hz_leaves_reserve_at_115200_baud() -> None:
    def on_line(cls: type) -> int:
        return len(encode_frame(wire.type_of(cls), 1, 1, bytes(wire.MESSAGES[wire.type_of(cls)].layout.size)))

    assert wire.MESSAGES[wire.type_of(wire.Telemetry)].layout.size <= 34
    to_host = 200 * on_line(wire.Telemetry) + 4 * on_line(wire.Pong)
    assert to_host == 9504
    assert to_host < 0.85 * 11520
    assert 50 * on_line(wire.Command) + 4 * on_line(wire.Ping) == 1438


def test_session_nonce_is_never_the_greeting_nonce_and_tells_who_is_who() -> None:
    assert wire.session_nonce(1, 2) != wire.session_nonce(2, 1)
    nonces = {wire.session_nonce(1, boot) for boot in range(2000)}
    assert len(nonces) == 2000
    assert 0 not in nonces
    assert wire.session_nonce(1, 0xF421B2E4) == 1, "the one boot_id whose CRC with host nonce 1 is 0"


def test_arm_token_binds_configuration_and_boot() -> None:
    assert wire.arm_token(0x0F0F, 0x00FF) == 0x0FF0


def test_committed_header_is_what_the_table_gives() -> None:
    assert HEADER_PATH.read_text(encoding="utf-8") == render_header(), "run: python -m firmware_bridge.wire_header"


@pytest.fixture(scope="module")
def c_library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("no C compiler (Debian package gcc)")
    folder = tmp_path_factory.mktemp("wire")
    lines = ['#include "wire.h"']
    for spec in SPECS:
        if spec.fields:
            name = spec.name[0].lower() + "".join("_" + c.lower() if c.isupper() else c for c in spec.name[1:])
            lines.append(
                f"uint8_t again_{spec.number}(const uint8_t *in, uint8_t *out);\n"
                f"uint8_t again_{spec.number}(const uint8_t *in, uint8_t *out) {{ wire_{name}_t m; "
                f"uint8_t ok = wire_unpack_{name}(in, &m); wire_pack_{name}(out, &m); return ok; }}"
            )
    source, library = folder / "again.c", folder / "again.so"
    source.write_text("\n".join(lines) + "\n")
    flags = ["-std=c99", "-pedantic", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-shared", "-fPIC"]
    subprocess.run([compiler, *flags, f"-I{HEADER_PATH.parent}", str(source), "-o", str(library)], check=True)
    return ctypes.CDLL(str(library))


@settings(deadline=None, max_examples=300)
@given(
    choice=st.sampled_from([spec for spec in SPECS if spec.fields]).flatmap(
        lambda spec: st.tuples(
            st.just(spec), st.one_of(st.binary(min_size=64, max_size=64), messages_of(spec).map(wire.encode))
        )
    )
)
def test_c_unpacks_packs_and_judges_like_python(c_library: ctypes.CDLL, choice: tuple[Any, bytes]) -> None:
    spec, data = choice
    payload = data[: spec.layout.size]
    out = ctypes.create_string_buffer(64)
    accepted = getattr(c_library, f"again_{spec.number}")(payload, out)
    assert out.raw[: spec.layout.size] == payload
    assert bool(accepted) is not isinstance(wire.decode(spec.number, payload), Fault)


def test_header_is_inside_the_package() -> None:
    assert Path(wire.__file__).parent in HEADER_PATH.parents
