"""Handshake, numbering and refusals, as PROTOCOL.md has them."""

from __future__ import annotations

import random
import struct
from dataclasses import replace
from zlib import crc32

import pytest
from firmware_bench import JACKAL_CONFIG, Bench

from amr.messages import McuState
from firmware_bridge.frames import encode_frame
from firmware_bridge.native_build import build_number
from firmware_bridge.wire import (
    Board,
    Boot,
    Capability,
    Command,
    CommandMode,
    ConfigAck,
    Configure,
    Disarm,
    Event,
    Hello,
    HelloAck,
    Nack,
    Ping,
    Pong,
    Refusal,
    Stop,
    StopCause,
    Telemetry,
    WarningBit,
    decode,
    encode,
    session_nonce,
    type_of,
)


def frame_of(bench: Bench, message: Disarm | Ping | Command, seq: int) -> bytes:
    return encode_frame(type_of(type(message)), bench.nonce, seq, encode(message))


# ---------------------------------------------------------------- before and at the handshake


def test_without_a_session_it_announces_itself_every_100_ms_and_says_nothing_else(bench: Bench) -> None:
    bench.run(1.0)
    assert [type(message) for message in bench.messages] == [Boot] * 10
    first = bench.last(Boot)
    assert (first.boot_id, first.board, first.cause) == (0x1234, Board.NATIVE, StopCause.POWER_UP)
    assert {(frame.nonce, frame.seq) for frame in bench.frames} == {(0, 0)}


def test_boot_after_a_watchdog_reset_says_so(bench: Bench) -> None:
    bench.firmware.reset(0x99, 0, after_watchdog=True)
    bench.boot_id = 0x99
    bench.connect()
    assert bench.all(Boot)[0].cause is StopCause.WATCHDOG_RESET
    assert bench.telemetry.warnings & WarningBit.AFTER_WATCHDOG
    assert bench.telemetry.stop_cause is StopCause.WATCHDOG_RESET


def test_hello_opens_a_session(bench: Bench) -> None:
    bench.step(3)
    bench.hello(0xCAFE)
    ack = bench.last(HelloAck)
    assert (ack.protocol_version, ack.boot_id, ack.board) == (1, 0x1234, Board.NATIVE)
    assert ack.firmware_build == build_number()
    assert ack.capabilities == Capability.IMU | Capability.BATTERY | Capability.ESTOP_INPUT | Capability.BRAKE
    assert (bench.frames[-1].nonce, bench.frames[-1].seq) == (session_nonce(0xCAFE, 0x1234), 0)
    bench.run(0.5)
    assert bench.all(Telemetry) == [], "telemetry starts with the configuration"
    assert len(bench.all(Boot)) == 1


def test_repeated_hello_is_answered_and_changes_nothing(driving: Bench) -> None:
    seq = driving.sent_seq
    driving.hello()
    assert driving.frames[-1].seq == 0
    assert len(driving.all(HelloAck)) == 2
    driving.sent_seq = seq
    driving.drive(1.0, 1.0, 0.2)
    assert driving.state is McuState.DRIVING


def test_other_protocol_version_gets_an_answer_but_no_session(bench: Bench) -> None:
    bench.step()
    bench.hello(version=2)
    assert bench.last(HelloAck).protocol_version == 1
    bench.send(Ping(1))
    assert not bench.all(Pong)
    bench.run(0.3)
    assert len(bench.all(Boot)) >= 3


@pytest.mark.parametrize(("nonce", "host_nonce"), [(7, 5), (0, 0)])
def test_hello_with_a_nonce_or_of_nonce_zero_is_ignored(bench: Bench, nonce: int, host_nonce: int) -> None:
    bench.step()
    bench.feed(encode_frame(1, nonce, 0, struct.pack("<HI", 1, host_nonce)))
    assert not bench.all(HelloAck)


# ---------------------------------------------------------------- configuration


def test_configuration_is_acknowledged_with_its_digest(connected: Bench) -> None:
    assert connected.last(ConfigAck).digest == crc32(encode(JACKAL_CONFIG))
    assert connected.firmware.loop_period_us == 5000
    assert connected.configure(replace(JACKAL_CONFIG, loop_hz=500)).accepted == 1
    assert connected.firmware.loop_period_us == 2000


def test_repeating_the_configuration_in_force_is_accepted_in_any_state(driving: Bench) -> None:
    assert driving.configure(JACKAL_CONFIG).accepted == 1
    driving.step()
    assert driving.state is McuState.DRIVING
    other = driving.configure(replace(JACKAL_CONFIG, static_duty_q15=0))
    assert (other.accepted, other.reason) == (0, Refusal.WRONG_STATE)


def out_of_range(field: str, value: int) -> bytes:
    names = list(Configure.__dataclass_fields__)
    offsets, at = {}, 0
    for name in names:
        offsets[name] = at
        at += 4 if name in {"nm_per_tick", "track_um", "feed_forward_q16", "proportional_q16", "integral_q16"} else 2
    payload = bytearray(encode(JACKAL_CONFIG))
    width = offsets.get(names[min(names.index(field) + 1, len(names) - 1)], at) - offsets[field] or 2
    payload[offsets[field] : offsets[field] + width] = value.to_bytes(width, "little")
    return bytes(payload)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("nm_per_tick", 0),
        ("track_um", 0),
        ("wheel_max_mm_s", 0),
        ("stop_ramp_mm_s2", 0),
        ("wheel_accel_mm_s2", 0),
        ("proportional_q16", 2**24 + 1),
        ("static_duty_q15", 40_000),
        ("loop_hz", 49),
        ("loop_hz", 1001),
        ("command_timeout_ms", 1001),
        ("flags", 64),
    ],
)
def test_configuration_out_of_range_is_refused_whole(bench: Bench, field: str, value: int) -> None:
    bench.step()
    bench.hello()
    bench.feed(encode_frame(type_of(Configure), bench.nonce, 1, out_of_range(field, value)))
    ack = bench.last(ConfigAck)
    assert (ack.accepted, ack.reason) == (0, Refusal.BAD_VALUE)
    bench.run(0.1)
    assert bench.all(Telemetry) == []


# ---------------------------------------------------------------- numbers


def test_no_frame_is_accepted_twice(connected: Bench) -> None:
    frame = frame_of(connected, Ping(42), connected.sent_seq + 1)
    for _ in range(3):
        connected.feed(frame)
    assert len(connected.all(Pong)) == 1
    connected.step()
    assert connected.telemetry.warnings & WarningBit.RX_REFUSED


@pytest.mark.parametrize(("ahead", "accepted"), [(1, True), (1000, True), (1001, False), (0, False), (65535, False)])
def test_sequence_window(connected: Bench, ahead: int, accepted: bool) -> None:
    connected.feed(frame_of(connected, Ping(1), connected.sent_seq + ahead & 0xFFFF))
    assert len(connected.all(Pong)) == int(accepted)


def test_sequence_number_wraps(connected: Bench) -> None:
    for seq in range(500, 66_600, 500):
        connected.feed(frame_of(connected, Ping(seq), seq & 0xFFFF))
    assert [pong.host_us for pong in connected.all(Pong)] == list(range(500, 66_600, 500))


def test_its_own_frames_are_numbered_without_gaps(driving: Bench) -> None:
    numbers = [frame.seq for frame in driving.frames if frame.nonce == driving.nonce][1:]
    assert numbers == list(range(1, len(numbers) + 1))


def test_frames_of_another_session_are_ignored(driving: Bench) -> None:
    stranger = session_nonce(0x1111, driving.boot_id)
    driving.send(Disarm(), nonce=stranger)
    driving.send(Ping(1), nonce=0)
    driving.step()
    assert driving.state is McuState.DRIVING
    assert not driving.all(Pong)


def test_old_commands_of_a_session_before_never_move_a_wheel(driving: Bench) -> None:
    old = frame_of(driving, Command(500_000, 500_000, driving.now_us + 3_000_000 & 0xFFFF_FFFF, CommandMode.DRIVE), 9)
    driving.hello(0x9999)
    driving.run(0.7)
    driving.configure(JACKAL_CONFIG)
    driving.run(0.2)
    driving.arm()
    driving.feed(old)
    driving.run(0.3)
    assert driving.left.speed_mps == 0.0


def test_reboot_in_the_middle_is_seen_and_forgets_everything(driving: Bench) -> None:
    driving.firmware.reset(0x4321, driving.now_us)
    driving.messages.clear()
    driving.step()
    assert driving.last(Boot).boot_id == 0x4321
    assert driving.duty.drive.name == "BRAKE"
    driving.drive(1.0, 1.0, 0.3)
    assert driving.duty[:2] == (0.0, 0.0)


# ---------------------------------------------------------------- answers


def test_ping_is_answered_with_the_clock_at_which_it_was_read(bench: Bench) -> None:
    bench.now_us = 2**32 + 77_000
    bench.step()
    bench.hello()
    bench.send(Ping(2**63 + 5))
    pong = bench.last(Pong)
    assert (pong.host_us, pong.mcu_us) == (2**63 + 5, bench.now_us & 0xFFFF_FFFF)


def test_unknown_type_and_wrong_size_are_named(connected: Bench) -> None:
    connected.feed(encode_frame(0x30, connected.nonce, connected.sent_seq + 1, b"abc"))
    assert connected.last(Nack) == Nack(0x30, Refusal.UNKNOWN_TYPE, connected.sent_seq + 1)
    connected.feed(encode_frame(type_of(Ping), connected.nonce, connected.sent_seq + 2, b"abc"))
    assert connected.last(Nack).reason is Refusal.BAD_SIZE


def test_unknown_command_mode_is_refused(armed: Bench) -> None:
    payload = struct.pack("<iiIB", 0, 0, armed.now_us + 50_000, 4)
    armed.feed(encode_frame(type_of(Command), armed.nonce, armed.sent_seq + 1, payload))
    assert armed.last(Nack).reason is Refusal.BAD_VALUE


def test_its_own_frames_echoed_by_the_line_are_refused(connected: Bench) -> None:
    frame = connected.frames[-1]
    connected.feed(encode_frame(frame.type, frame.nonce, connected.sent_seq + 1, frame.payload))
    connected.step()
    assert connected.telemetry.warnings & WarningBit.RX_REFUSED
    assert not connected.all(Nack)


@pytest.mark.parametrize("payload", [b"", b"\1\0\5\0\0", b"\1\0\5\0\0\0\0"])
def test_hello_of_another_size_is_ignored(bench: Bench, payload: bytes) -> None:
    bench.feed(encode_frame(1, 0, 0, payload))
    assert bench.messages == []


def test_frames_of_a_stranger_are_not_answered(connected: Bench) -> None:
    connected.feed(encode_frame(0x30, 0x1, 1, b""))
    assert not connected.all(Nack)


def test_a_flood_of_mistakes_is_answered_ten_times_a_second(connected: Bench) -> None:
    start_us = connected.now_us
    while connected.now_us - start_us < 1_000_000:
        for _ in range(5):
            connected.send(Command(0, 0, connected.now_us + 900_000 & 0xFFFF_FFFF, CommandMode.DRIVE))
        connected.step()
    assert len(connected.all(Nack)) == 10


@pytest.mark.parametrize("payload", [b"", b"\x01", b"\x09\x00", b"\x01\xff", b"\x00" * 64])
def test_even_an_odd_stop_frame_stops(driving: Bench, payload: bytes) -> None:
    driving.feed(encode_frame(type_of(Stop), 0, 0, payload))
    driving.step()
    assert driving.state is McuState.STOPPING
    assert driving.telemetry.stop_cause is StopCause.STOP_FRAME


# ---------------------------------------------------------------- the line


def test_every_flipped_bit_of_a_command_is_refused(armed: Bench) -> None:
    good = frame_of(
        armed, Command(500_000, 500_000, armed.now_us + 100_000, CommandMode.DRIVE), armed.sent_seq + 1
    )  # fmt: skip
    for bit in range(8 * (len(good) - 1)):
        bad = bytearray(good)
        bad[bit // 8] ^= 1 << bit % 8
        armed.feed(bytes(bad) + b"\0")
    armed.step()
    assert armed.state is McuState.ARMED
    armed.feed(good)
    armed.step()
    assert armed.state is McuState.DRIVING


@pytest.mark.parametrize("piece", [1, 2, 7, 1000])
def test_bytes_may_come_in_any_pieces(connected: Bench, piece: int) -> None:
    stream = b"".join(frame_of(connected, Ping(n), connected.sent_seq + n) for n in range(1, 16))
    for at in range(0, len(stream), piece):
        connected.feed(stream[at : at + piece])
    assert [pong.host_us for pong in connected.all(Pong)] == list(range(1, 16))


def test_garbage_between_frames_costs_at_most_one_frame(connected: Bench) -> None:
    numbers = random.Random(5)
    for n in range(1, 200):
        connected.feed(numbers.randbytes(numbers.randrange(200)).replace(b"\0", b"\1") + b"\0")
        connected.feed(frame_of(connected, Ping(n), connected.sent_seq + n))
    assert [pong.host_us for pong in connected.all(Pong)] == list(range(1, 200))
    connected.step()
    assert connected.telemetry.warnings & WarningBit.RX_REFUSED


def test_full_line_drops_telemetry_before_answers_and_says_so(connected: Bench) -> None:
    firmware = connected.firmware
    for tick in range(100):  # nobody reads
        firmware.tick(connected.now_us + tick * 5000, 0, 0, 0.0, 0.0, 0.0, 24.0, False)
    connected.now_us += 500_000
    before = len(connected.all(Telemetry))
    for n in range(5):
        firmware.receive(frame_of(connected, Ping(n), connected.sent_seq + 1 + n), connected.now_us)
    connected.sent_seq += 5
    connected._listen()
    assert len(connected.all(Pong)) == 5
    assert 5 <= len(connected.all(Telemetry)) - before <= 10
    connected.step()
    assert connected.telemetry.warnings & WarningBit.TX_DROPPED
    connected.step()
    assert not connected.telemetry.warnings & WarningBit.TX_DROPPED


def test_telemetry_of_the_firmware_decodes_in_every_state(driving: Bench) -> None:
    assert all(not isinstance(decode(frame.type, frame.payload), Hello) for frame in driving.frames)
    assert len(driving.all(Event)) >= 2
