"""The host's link against a model of the MCU: handshake, stamps, commands, faults, reconnects."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mcu_model import MS, McuModel, Rig, jackal

from amr.messages import BaseState, Imu, LinkState, LinkStatus, McuState, StopCategory, WheelCommand
from firmware_bridge import wire
from firmware_bridge.arming import ArmState
from firmware_bridge.faults import FaultKind
from firmware_bridge.frames import Frame, FrameReader, encode_frame
from firmware_bridge.link import LIVENESS_PERIODS, HostLink, Phase, link_config_from_robot
from firmware_bridge.odometer import Odometer


def frames_in(data: bytes) -> list[Frame]:
    return [event for event in FrameReader().feed(data) if isinstance(event, Frame)]


def types_in(data: bytes) -> list[type]:
    return [wire.MESSAGES[frame.type].cls for frame in frames_in(data)]


def telemetry_frame(rig: Rig, seq: int, t_us: int, **values: int) -> bytes:
    """A telemetry as the MCU would send it now, with these raw values."""
    rig.mcu.override = values
    message = rig.mcu.telemetry(t_us)
    rig.mcu.override = {}
    return encode_frame(wire.type_of(wire.Telemetry), rig.mcu.nonce, seq & 0xFFFF, wire.encode(message))


def told_number(rig: Rig, before: str) -> float:
    """The number that follows these words in the one status that has them."""
    (found,) = {reason for reason in rig.reasons().splitlines() if reason.startswith(before)}
    return float(found.removeprefix(before).split()[0])


def from_mcu(rig: Rig, message: wire.Message) -> list[BaseState | Imu | LinkStatus]:
    """Hand one more message of the MCU to the link now."""
    rig.mcu.send(message, greeting=isinstance(message, wire.Boot | wire.HelloAck))
    return rig.link.receive(rig.mcu.transmit(), rig.now_ns)


# ---------------------------------------------------------------- handshake


def test_comes_up_and_gives_state_and_imu_in_si_units() -> None:
    rig = Rig()
    rig.bring_up()
    rig.run(0.1)
    state = rig.states()[-1]
    imu = next(event for _, event in reversed(rig.events) if isinstance(event, Imu))
    assert (state.boot_id, state.battery_v, state.state, state.faults) == (77, 24.0, McuState.IDLE, 0)
    assert imu == Imu(state.stamp_ns, pytest.approx(0.03), pytest.approx(0.2), pytest.approx(-0.3))
    assert rig.link.phase is Phase.UP
    assert rig.link.clock_error_ns < 5 * MS
    assert rig.link.faults() == {}


def test_tells_each_step_of_the_handshake_and_its_state_every_half_second() -> None:
    rig = Rig()
    rig.run(3.0)
    told = rig.statuses()
    assert [status.reason for status in told[:4]] == ["not connected yet", "configuring", "synchronizing clocks", ""]
    assert told[-1].state is LinkState.UP
    assert all(later.stamp_ns - earlier.stamp_ns <= 510 * MS for earlier, later in pairwise(told))
    assert told[-1].frames_in > 400
    assert told[-1].frames_out > 10
    assert (told[-1].crc_errors, told[-1].lost) == (0, 0)


def test_no_command_before_the_session_is_up() -> None:
    link = HostLink(link_config_from_robot(jackal()), 1)
    cmd = WheelCommand(0.1, 0.1, 10**9, None, True)
    assert link.command(cmd, 0) == b""
    assert link.reset_estop(0) == b""
    link.poll(0)
    assert link.command(cmd, MS) == b""


def test_hello_is_repeated_every_100_ms_with_the_same_nonce_while_nobody_answers() -> None:
    link = HostLink(link_config_from_robot(jackal()), 5)
    sent = [frame for step in range(100) for frame in frames_in(link.poll(step * 10 * MS)[0])]
    assert len(sent) == 10
    assert {frame.payload for frame in sent} == {wire.encode(wire.Hello(wire.PROTOCOL_VERSION, 5))}
    assert link.status(10**9).state is LinkState.DOWN


@pytest.mark.parametrize("lost", [wire.HelloAck, wire.ConfigAck, wire.Pong, wire.Telemetry])
def test_a_lost_answer_delays_the_handshake_and_never_ends_it(lost: type) -> None:
    rig = Rig()
    rig.mcu.muted = {lost}
    rig.run(0.45)
    assert rig.link.phase is not Phase.UP
    rig.mcu.muted = set()
    rig.bring_up()


def test_a_handshake_that_does_not_end_starts_again_with_another_nonce() -> None:
    rig = Rig()
    rig.mcu.muted = {wire.ConfigAck}
    nonces = set()
    for _ in range(100):
        rig.run(0.05)
        nonces.add(rig.mcu.host_nonce)
    assert len(nonces) >= 3
    assert "no end of the handshake in phase configure" in rig.reasons()
    rig.mcu.muted = set()
    rig.bring_up()


def test_clocks_are_compared_every_20_ms_until_they_agree_and_then_four_times_a_second() -> None:
    rig = Rig()
    rig.mcu.muted = {wire.Pong}
    rig.run(0.5)
    sent: list[type] = []
    rig.up.mangle = lambda data: sent.extend(types_in(data)) or data  # type: ignore[func-returns-value]
    rig.run(0.2)
    assert sent == [wire.Ping] * 10
    rig.mcu.muted = set()
    rig.bring_up()
    sent.clear()
    rig.run(2.0)
    assert sent == [wire.Ping] * 8


def test_the_frames_of_a_session_are_numbered_one_by_one() -> None:
    rig = Rig()
    rig.bring_up()
    sent: list[Frame] = []
    rig.up.mangle = lambda data: sent.extend(frames_in(data)) or data  # type: ignore[func-returns-value]
    rig.bring_to_drive()
    assert len(sent) > 20
    assert [later.seq - earlier.seq for earlier, later in pairwise(sent)] == [1] * (len(sent) - 1)


def test_every_frame_sent_is_counted() -> None:
    rig = Rig()
    sent: list[type] = []
    rig.up.mangle = lambda data: sent.extend(types_in(data)) or data  # type: ignore[func-returns-value]
    rig.run(0.05)
    assert rig.link.frames_out == len(sent) > 0
    rig.bring_to_drive()
    assert rig.link.frames_out == len(sent)
    assert {wire.Hello, wire.Configure, wire.Ping, wire.Arm, wire.Command} <= set(sent)


def test_host_nonce_zero_becomes_a_valid_one() -> None:
    link = HostLink(link_config_from_robot(jackal()), 2**32)
    (frame,) = frames_in(link.poll(0)[0])
    assert wire.decode(frame.type, frame.payload) == wire.Hello(wire.PROTOCOL_VERSION, 1)


def test_another_protocol_version_is_named_and_asked_once_a_second() -> None:
    rig = Rig()
    rig.mcu = McuModel(77, protocol_version=2)
    rig.run(2.0)
    assert rig.link.status(rig.now_ns).reason == "board speaks protocol 2, this host 1"
    assert rig.link.status(rig.now_ns).state is LinkState.CONNECTING
    before = rig.link.frames_out
    rig.run(3.0)
    assert rig.link.frames_out - before <= 4
    assert rig.link.faults()[FaultKind.VERSION] >= 2


def test_a_wrong_configuration_digest_keeps_the_link_down() -> None:
    rig = Rig()
    rig.mcu.override = {"digest": 1}
    rig.run(1.0)
    assert rig.link.phase is Phase.CONFIGURE
    assert "configuration digest 00000001 at the board" in rig.link.status(rig.now_ns).reason
    assert rig.link.faults()[FaultKind.CONFIG_DIGEST] > 5


def test_a_refused_configuration_is_named_and_asked_again() -> None:
    rig = Rig()
    rig.mcu.override = {"config_reason": int(wire.Refusal.WRONG_STATE)}
    rig.run(0.5)
    assert rig.link.status(rig.now_ns).reason == "configuration refused: wrong_state"
    rig.mcu.override = {}
    rig.bring_up()


def test_hello_ack_with_a_foreign_nonce_or_out_of_place_is_refused() -> None:
    rig = Rig()
    ack = wire.HelloAck(wire.PROTOCOL_VERSION, 1, wire.Board.NATIVE, 0, 9, 0)
    frame = encode_frame(wire.type_of(wire.HelloAck), 4711, 0, wire.encode(ack))
    rig.link.receive(frame, 0)
    assert rig.link.phase is Phase.HELLO
    assert rig.link.faults() == {FaultKind.FOREIGN_NONCE: 1}
    rig.bring_up()
    from_mcu(rig, replace(ack, boot_id=77))
    assert rig.link.phase is Phase.UP
    assert rig.link.faults()[FaultKind.UNEXPECTED] == 1


def test_greetings_that_are_wrong_inside_are_refused() -> None:
    rig = Rig()
    rig.link.receive(encode_frame(wire.type_of(wire.Boot), 0, 0, b"short"), 0)
    boot = wire.Boot(1, 9, wire.Board.NATIVE, wire.StopCause.POWER_UP, 0)
    rig.link.receive(encode_frame(wire.type_of(wire.Boot), 1, 0, wire.encode(boot)), 0)
    assert rig.link.faults() == {FaultKind.WRONG_SIZE: 1, FaultKind.FOREIGN_NONCE: 1}
    assert rig.link.status(0).state is LinkState.DOWN


# ---------------------------------------------------------------- telemetry


def test_ticks_are_unwrapped_over_the_32_bit_limit_both_ways() -> None:
    rig = Rig()
    rig.mcu.ticks = (2**31 - 50, -(2**31) + 50)
    rig.bring_up()
    first = rig.states()[0]
    for _ in range(10):
        left, right = rig.mcu.ticks
        rig.mcu.ticks = ((left + 20 + 2**31) % 2**32 - 2**31, (right - 20 + 2**31) % 2**32 - 2**31)
        rig.run(0.02)
    last = rig.states()[-1]
    assert (last.left_ticks - first.left_ticks, last.right_ticks - first.right_ticks) == (200, -200)


def test_stamps_run_on_over_the_wrap_of_the_microsecond_counter() -> None:
    rig = Rig(mcu_start_us=2**32 - 1_000_000)
    rig.bring_to_drive()
    rig.run(2.0)
    stamps = [state.stamp_ns for state in rig.states()]
    assert all(0 < later - earlier < 8 * MS for earlier, later in pairwise(stamps))
    assert rig.mcu.state is McuState.DRIVING
    assert rig.link.reconnects == 0


def test_sequence_numbers_run_on_over_their_wrap() -> None:
    rig = Rig()
    rig.bring_up()
    rig.mcu.tx_seq = rig.link._window.last = 65500
    rig.mcu.last_seq = rig.link._seq = 65500
    rig.bring_to_drive()
    rig.run(1.0)
    assert rig.mcu.tx_seq < 1000
    assert rig.mcu.last_seq < 1000
    assert rig.link.faults() == {}
    assert rig.mcu.refused == 0


@pytest.mark.parametrize("name", ["gyro_z_raw", "accel_x_mm_s2", "accel_y_mm_s2"])
@pytest.mark.parametrize("raw", [wire.NOT_MEASURED, 32767, -32767])
def test_no_imu_message_when_an_axis_is_missing_or_saturated(name: str, raw: int) -> None:
    rig = Rig()
    rig.bring_up()
    out = rig.link.receive(telemetry_frame(rig, rig.mcu.tx_seq + 1, rig.mcu_us() + 1000, **{name: raw}), rig.now_ns)
    assert [type(event) for event in out if not isinstance(event, LinkStatus)] == [BaseState]


def test_fault_bits_reach_the_base_state() -> None:
    rig = Rig()
    rig.bring_up()
    bits = int(wire.FaultBit.BATTERY_LOW | wire.FaultBit.LEFT_WRONG_WAY)
    (state, _) = rig.link.receive(
        telemetry_frame(rig, rig.mcu.tx_seq + 1, rig.mcu_us() + 1000, faults=bits), rig.now_ns
    )
    assert isinstance(state, BaseState)
    assert state.faults == bits


def test_a_stamp_is_never_later_than_its_reception() -> None:
    rig = Rig()
    rig.bring_up()
    data = telemetry_frame(rig, rig.mcu.tx_seq + 1, rig.mcu_us() + 20_000)
    (state, _) = rig.link.receive(data, rig.now_ns)
    assert isinstance(state, BaseState)
    assert state.stamp_ns == rig.now_ns


def test_a_stamp_that_steps_back_is_refused_and_a_board_that_keeps_doing_so_is_reconnected() -> None:
    rig = Rig()
    rig.bring_up()
    rig.mcu_start_us -= 10_000_000
    rig.mcu.next_telemetry_us = None
    rig.run(0.1)
    assert rig.link.faults()[FaultKind.CLOCK_BACKWARD] > 3
    rig.run(0.12)
    assert rig.link.phase is not Phase.UP
    rig.bring_up()
    rig.run(0.5)
    assert rig.link.reconnects == 1
    assert rig.link.phase is Phase.UP


@pytest.mark.parametrize(("ahead_ms", "phase"), [(45, Phase.UP), (60, Phase.HELLO)])
def test_a_board_may_be_50_ms_ahead_and_no_more(ahead_ms: int, phase: Phase) -> None:
    rig = Rig()
    rig.bring_up()
    rig.link.receive(telemetry_frame(rig, rig.mcu.tx_seq + 1, rig.mcu_us() + 1000 * ahead_ms), rig.now_ns)
    assert rig.link.phase is phase


def test_a_second_telemetry_of_the_same_moment_is_refused() -> None:
    rig = Rig()
    rig.bring_up()
    t_us = rig.mcu_us() + 1000
    assert rig.link.receive(telemetry_frame(rig, rig.mcu.tx_seq + 1, t_us), rig.now_ns)
    assert rig.link.receive(telemetry_frame(rig, rig.mcu.tx_seq + 2, t_us), rig.now_ns) == []
    assert rig.link.faults() == {FaultKind.CLOCK_BACKWARD: 1}


def test_a_clock_that_jumps_ahead_reconnects_at_once() -> None:
    rig = Rig()
    rig.bring_to_drive()
    rig.mcu_start_us += 10_000_000
    rig.run(0.01)
    assert rig.link.phase is not Phase.UP
    assert rig.link.faults()[FaultKind.CLOCK_JUMP] == 1
    rig.bring_up()
    ahead_ms = int(told_number(rig, "the board's clock is "))
    assert 9_900 <= ahead_ms <= 10_010
    assert rig.mcu.stops[-1].cause is wire.HostCause.LINK_LOST


# ---------------------------------------------------------------- what the line does to frames


def test_every_single_flipped_bit_of_a_telemetry_gives_no_state_and_one_fault() -> None:
    rig = Rig()
    rig.bring_up()
    good = telemetry_frame(rig, rig.mcu.tx_seq + 1, rig.mcu_us() + 1000)
    for bit in range(8 * (len(good) - 1)):
        bad = bytearray(good)
        bad[bit // 8] ^= 1 << bit % 8
        assert not rig.link.receive(bytes(bad), rig.now_ns), bit
    assert rig.link.faults().total() >= 8 * (len(good) - 1)
    assert len(rig.link.receive(good, rig.now_ns)) == 2


def test_duplicates_reorderings_and_far_jumps_are_refused_by_name_and_gaps_counted() -> None:
    rig = Rig()
    rig.bring_up()
    seq, t_us = rig.mcu.tx_seq, rig.mcu_us()

    def take(step: int) -> int:
        return len(rig.link.receive(telemetry_frame(rig, seq + step, t_us + 1000 + 10 * step), rig.now_ns))

    assert [take(step) for step in (1, 1, 5, 3, 5, 6, 1006, 3000)] == [2, 0, 2, 0, 0, 2, 2, 0]
    assert rig.link.faults() == {FaultKind.DUPLICATE: 2, FaultKind.REORDERED: 1, FaultKind.TOO_FAR: 1}
    assert rig.link.status(rig.now_ns).lost == 3 + 999


def test_frames_of_another_session_direction_type_size_or_range_are_refused_by_name() -> None:
    rig = Rig()
    rig.bring_up()
    telemetry = wire.type_of(wire.Telemetry)
    payload = wire.encode(rig.mcu.telemetry(rig.mcu_us() + 1000))
    bad_state = bytearray(payload)
    bad_state[24] = 99
    for data, kind in (
        (encode_frame(telemetry, rig.mcu.nonce ^ 1, rig.mcu.tx_seq + 1, payload), FaultKind.FOREIGN_NONCE),
        (rig.link.goodbye(), FaultKind.WRONG_DIRECTION),
        (encode_frame(0xEE, rig.mcu.nonce, rig.mcu.tx_seq + 1, b""), FaultKind.UNKNOWN_TYPE),
        (encode_frame(0x7F, rig.mcu.nonce, rig.mcu.tx_seq + 2, b""), FaultKind.WRONG_DIRECTION),
        (encode_frame(0x80, rig.mcu.nonce, rig.mcu.tx_seq + 2, b""), FaultKind.UNKNOWN_TYPE),
        (encode_frame(telemetry, rig.mcu.nonce, rig.mcu.tx_seq + 3, b"x"), FaultKind.WRONG_SIZE),
        (encode_frame(telemetry, rig.mcu.nonce, rig.mcu.tx_seq + 4, bytes(bad_state)), FaultKind.BAD_VALUE),
    ):
        before = rig.link.faults()
        assert rig.link.receive(data, rig.now_ns) == []
        assert rig.link.faults() - before == {kind: 1}


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 2**32 - 1), rate=st.sampled_from([0.002, 0.01]))
def test_a_line_that_flips_drops_doubles_and_cuts_never_gives_a_false_state_or_command(seed: int, rate: float) -> None:
    rng = random.Random(seed)

    def mangle(data: bytes) -> bytes:
        out = bytearray()
        for byte in data:
            if rng.random() >= rate:
                out.append(byte)
                continue
            action = rng.randrange(4)
            if action == 0:
                out.append(byte ^ (1 << rng.randrange(8)))
            elif action == 1:
                out += bytes((byte, byte))
            elif action == 2:
                out += rng.randbytes(rng.randrange(1, 40))
        return bytes(out) + (bytes(data) if rng.random() < rate else b"")

    rig = Rig()
    rig.bring_to_drive(0.25, 0.5)
    rig.up.mangle = rig.down.mangle = mangle
    for step in range(100):
        rig.mcu.ticks = (10 * step, 20 * step)
        rig.run(0.02)
    assert {(cmd.left_um_s, cmd.right_um_s) for _, cmd in rig.mcu.obeyed} <= {(0, 0), (250_000, 500_000)}
    states = [state for state in rig.states() if state.state is McuState.DRIVING]
    assert {(state.left_mps, state.right_mps) for state in states} <= {(0.25, 0.5), (0.0, 0.0)}
    assert all(2 * state.left_ticks == state.right_ticks for state in rig.states())
    rig.up.mangle = rig.down.mangle = lambda data: data
    rig.bring_up()


@settings(deadline=None, max_examples=60)
@given(st.lists(st.binary(max_size=120), max_size=12), st.booleans())
def test_garbage_never_raises_and_never_brings_the_link_up(pieces: list[bytes], up: bool) -> None:
    rig = Rig()
    if up:
        rig.bring_up()
    for number, piece in enumerate(pieces):
        for event in rig.link.receive(piece, rig.now_ns + number * MS):
            assert isinstance(event, LinkStatus)
    assert (rig.link.phase is Phase.UP) is up


# ---------------------------------------------------------------- commands


def test_a_command_is_obeyed_with_an_expiry_on_the_mcu_clock() -> None:
    rig = Rig(mcu_start_us=123_456_789, drift=1e-4)
    rig.bring_to_drive(0.4, 0.6)
    rig.run(1.0)
    mcu_us, command = rig.mcu.obeyed[-1]
    assert (command.left_um_s, command.right_um_s, command.mode) == (400_000, 600_000, wire.CommandMode.DRIVE)
    assert command.expiry_us - mcu_us == pytest.approx(100_000, abs=5000)


def test_a_frozen_inertial_unit_is_named_and_not_passed_on_until_it_measures_again() -> None:
    rig = Rig()
    rig.bring_up()
    for number in range(100):
        rig.mcu.override["gyro_z_raw"] = number % 7
        rig.run(0.005)
    assert "imu" not in rig.reasons()
    rig.run(0.3)  # the same values over and over
    assert "imu: frozen, equal values for 25" in rig.reasons()
    count = len([event for _, event in rig.events if isinstance(event, Imu)])
    rig.run(0.5)
    assert len([event for _, event in rig.events if isinstance(event, Imu)]) == count
    assert rig.reasons().count("imu: frozen") == 1
    rig.mcu.override["gyro_z_raw"] = 4711
    rig.run(0.1)
    assert "imu: measures again" in rig.reasons()
    assert len([event for _, event in rig.events if isinstance(event, Imu)]) > count


def test_an_inertial_unit_that_the_board_does_not_have_is_told_once() -> None:
    rig = Rig()
    rig.mcu.override["gyro_z_raw"] = wire.NOT_MEASURED
    rig.bring_up()
    rig.run(0.5)
    assert rig.reasons().count("imu: the board measures none") == 1


def test_an_expiry_beyond_the_time_out_is_cut_to_it() -> None:
    rig = Rig()
    rig.bring_to_drive()
    cmd = WheelCommand(0.1, 0.1, rig.now_ns + 10**12, None, True)
    (frame,) = frames_in(rig.link.command(cmd, rig.now_ns))
    message = wire.decode(frame.type, frame.payload)
    assert isinstance(message, wire.Command)
    assert message.expiry_us == pytest.approx(rig.mcu_us() + 100_000, abs=5000)


@pytest.mark.parametrize("age_ns", [0, 1, 10**9])
def test_a_command_that_has_expired_is_not_sent(age_ns: int) -> None:
    rig = Rig()
    rig.bring_to_drive()
    cmd = WheelCommand(0.1, 0.1, rig.now_ns - age_ns, None, True)
    assert rig.link.command(cmd, rig.now_ns) == b""
    assert rig.link.faults() == {FaultKind.COMMAND_LATE: 1}
    late_ms = age_ns // MS
    assert rig.link.poll(rig.now_ns)[1][-1].reason == f"command_late: command has been too old for {late_ms} ms"


def test_commands_end_with_the_telemetry_that_they_rest_on_long_before_the_link_counts_as_lost() -> None:
    rig = Rig()
    rig.bring_to_drive()
    last_ns = rig.states()[-1].stamp_ns
    rig.down.mangle = lambda _: b""
    rig.run(0.15)
    assert rig.link.phase is Phase.UP
    assert rig.link.faults()[FaultKind.COMMAND_LATE] > 0
    assert rig.true_ns(rig.mcu.expiry_us) <= last_ns + 110 * MS
    assert "telemetry is too old" in rig.reasons()


@pytest.mark.parametrize(
    ("way_ms", "trust_ms"),
    [(30, 100), (110, 110 + LIVENESS_PERIODS * 5)],
    ids=["time-out", "slow by its file: its way and a few periods"],
)
def test_a_command_outlives_the_last_measurement_by_no_more_than_this_however_late_that_came(
    way_ms: int, trust_ms: int
) -> None:
    robot = jackal()
    rig = Rig(robot.model_copy(update={"link": robot.link.model_copy(update={"mcu_to_host_delay_s": way_ms * 1e-3})}))
    assert rig.link.config.telemetry_period_ns == 5 * MS
    rig.down.delay_ns = lambda: way_ms * MS
    rig.bring_to_drive()
    rig.run(0.5)
    assert rig.link.faults()[FaultKind.COMMAND_LATE] == 0, "it drives"
    cut_ns = rig.now_ns
    rig.down.mangle = lambda _: b""
    rig.run(0.3)
    assert rig.true_ns(rig.mcu.expiry_us) <= cut_ns + (trust_ms + 1) * MS


def test_telemetry_that_is_read_late_keeps_no_command_alive() -> None:
    rig = Rig()
    rig.bring_to_drive()
    rig.down.delay_ns = lambda: 150 * MS
    rig.run(0.1)
    obeyed = len(rig.mcu.obeyed)
    rig.run(1.0)
    assert len(rig.mcu.obeyed) - obeyed <= 2
    assert rig.link.faults()[FaultKind.COMMAND_LATE] > 100


def test_a_host_clock_that_jumps_ahead_ends_the_session_at_the_next_answer() -> None:
    rig = Rig()
    rig.bring_to_drive()
    rig.up.waiting.clear()
    rig.down.waiting.clear()
    jump_ns = 300 * MS
    rig.start_ns += jump_ns  # the board's clock stays where it was
    rig.now_ns += jump_ns
    rig.run(0.3)
    assert rig.link.faults()[FaultKind.CLOCK_JUMP] == 1
    assert 280 <= told_number(rig, "the board answered ") <= 300
    rig.bring_up()


@pytest.mark.parametrize("category", list(StopCategory))
def test_a_stop_by_command_keeps_the_mcu_armed(category: StopCategory) -> None:
    rig = Rig()
    rig.bring_to_drive()
    cmd = WheelCommand(0.0, 0.0, rig.now_ns + 100 * MS, category, True)
    (frame,) = frames_in(rig.link.command(cmd, rig.now_ns))
    message = wire.decode(frame.type, frame.payload)
    assert isinstance(message, wire.Command)
    assert (message.left_um_s, message.right_um_s, message.mode.name) == (0, 0, category.name)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("stop", [None, StopCategory.BRAKE])
def test_a_speed_that_is_not_finite_is_a_stop_frame_and_never_a_command(bad: float, stop: StopCategory | None) -> None:
    for left, right in ((bad, 0.1), (0.1, bad)):
        rig = Rig()
        rig.bring_to_drive()
        data = rig.link.command(WheelCommand(left, right, rig.now_ns + 100 * MS, stop, True), rig.now_ns)
        (frame,) = frames_in(data)
        expected = wire.Stop(StopCategory.RAMP if stop is None else stop, wire.HostCause.COMMAND_NOT_FINITE)
        assert wire.decode(frame.type, frame.payload) == expected
        assert rig.link.faults() == {FaultKind.COMMAND_NOT_FINITE: 1}
        assert rig.link.arm_state is ArmState.LOCKED
        rig.up.put(data, rig.now_ns)
        rig.run(0.5)
        assert rig.mcu.state is McuState.IDLE, "a held wish must not arm again"


@pytest.mark.parametrize(
    ("left", "right", "refused"),
    [
        (2.0, 2.0, False),
        (2.05, 2.05, True),
        (-0.6, -0.6, False),
        (-0.62, -0.62, True),
        (-1.1, 1.1, False),
        (0.8, 3.1, False),
        (0.7, 3.2, True),
        (3.2, 0.7, True),
        (1e300, -1e300, True),
    ],
)
def test_a_speed_beyond_the_limits_is_a_stop_and_not_a_clamp(left: float, right: float, refused: bool) -> None:
    rig = Rig()
    rig.bring_to_drive()
    data = rig.link.command(WheelCommand(left, right, rig.now_ns + 100 * MS, None, True), rig.now_ns)
    assert types_in(data) == [wire.Stop if refused else wire.Command]
    assert rig.link.faults() == ({FaultKind.COMMAND_RANGE: 1} if refused else {})


def test_old_commands_out_of_a_full_buffer_never_move_a_wheel() -> None:
    rig = Rig()
    rig.bring_to_drive()
    held: list[bytes] = []
    rig.up.mangle = lambda data: held.append(data) or b""  # type: ignore[func-returns-value]
    rig.run(0.19)
    assert rig.mcu.speeds == (0, 0), "the last command expired"
    obeyed = len(rig.mcu.obeyed)
    rig.now_ns += 1600 * MS  # a pty holds back 1.6 s of bytes at 115200 baud
    rig.mcu.state = McuState.ARMED
    rig.mcu.receive(b"".join(held), rig.mcu_us())
    assert len(held) > 5
    assert len(rig.mcu.obeyed) == obeyed
    assert rig.mcu.speeds == (0, 0)


def test_a_host_that_falls_silent_stops_the_wheels_within_the_time_out() -> None:
    rig = Rig()
    rig.bring_to_drive()
    rig.wish = None
    rig.run(0.095)
    assert rig.mcu.speeds != (0, 0)
    rig.run(0.012)
    assert rig.mcu.speeds == (0, 0)


# ---------------------------------------------------------------- arming


def test_arming_needs_a_wish_that_rises_while_the_link_is_up() -> None:
    rig = Rig()
    rig.drive(0.0, 0.0, arm=True)
    rig.bring_up()
    rig.run(0.5)
    assert rig.mcu.state is McuState.IDLE
    rig.drive(0.0, 0.0, arm=False)
    rig.run(0.05)
    rig.drive(0.0, 0.0, arm=True)
    rig.run(0.05)
    assert rig.mcu.state is McuState.ARMED
    assert rig.link.arm_state is ArmState.ARMED


def test_disarm_wish_disarms_by_ramp_and_with_a_stop_by_its_category() -> None:
    for stop, expected in ((None, wire.Disarm), (StopCategory.BRAKE, wire.Stop)):
        rig = Rig()
        rig.bring_to_drive()
        data = rig.link.command(WheelCommand(0.0, 0.0, rig.now_ns + MS, stop, False), rig.now_ns)
        assert types_in(data) == [expected]
        rig.drive(0.0, 0.0, arm=False, stop=stop)
        rig.run(0.05)
        assert rig.mcu.state is McuState.IDLE
        assert rig.link.command(WheelCommand(0.0, 0.0, rig.now_ns + MS, stop, False), rig.now_ns) == b""
    assert rig.mcu.stops[-1] == wire.Stop(StopCategory.BRAKE, wire.HostCause.SAFETY)


def test_no_command_while_armed_by_somebody_else() -> None:
    rig = Rig()
    rig.bring_up()
    rig.mcu.state = McuState.ARMED
    rig.run(0.05)
    assert rig.link.command(WheelCommand(0.1, 0.1, rig.now_ns + 100 * MS, None, True), rig.now_ns) == b""


def test_a_refused_arm_is_told_and_not_repeated() -> None:
    rig = Rig()
    rig.bring_up()
    rig.mcu.refuse_arm = True
    rig.drive(0.0, 0.0, arm=False)
    rig.run(0.02)
    rig.drive(0.0, 0.0, arm=True)
    rig.run(0.5)
    assert rig.reasons().count("board refused Arm: bad_token") == 1
    assert rig.link.arm_state is ArmState.LOCKED


def test_resetting_the_estop_does_not_arm_even_when_the_wish_is_held() -> None:
    rig = Rig()
    rig.bring_to_drive()
    rig.mcu.state, rig.mcu.speeds = McuState.ESTOP, (0, 0)
    rig.run(0.1)
    rig.up.put(rig.link.reset_estop(rig.now_ns), rig.now_ns)
    assert rig.link.arm_state is ArmState.LOCKED
    rig.run(0.5)
    assert rig.mcu.state is McuState.IDLE
    assert "reset of e-stop and faults sent" in rig.reasons()


# ---------------------------------------------------------------- what the MCU tells


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (wire.Event(wire.EventCode.STATE, 4 | 3 << 8 | 2 << 16), "board: driving -> stopping, command_expired"),
        (wire.Event(wire.EventCode.STATE, 0xC8FFFE), "board: 255 -> 254, 200"),
        (wire.Event(wire.EventCode.FAULT, 1 | 64), "board: fault left_not_turning battery_low"),
        (wire.Event(wire.EventCode.FAULT_CLEARED, 128), "board: fault_cleared estop_input"),
        (wire.Nack(0x03, wire.Refusal.EXPIRY_TOO_FAR, 9), "board refused Command: expiry_too_far"),
        (wire.Nack(0x77, wire.Refusal.UNKNOWN_TYPE, 9), "board refused type 0x77: unknown_type"),
    ],
)
def test_events_and_refusals_of_the_board_become_status_texts(event: wire.Message, text: str) -> None:
    rig = Rig()
    rig.bring_up()
    (status,) = from_mcu(rig, event)
    assert isinstance(status, LinkStatus)
    assert (status.state, status.reason) == (LinkState.UP, text)


def test_a_flood_of_events_is_bounded() -> None:
    rig = Rig()
    rig.bring_up()
    for _ in range(200):
        rig.mcu.send(wire.Event(wire.EventCode.FAULT, 1))
    assert len(rig.link.receive(rig.mcu.transmit(), rig.now_ns)) == 64


def test_pongs_that_answer_nothing_are_counted_and_ignored() -> None:
    rig = Rig()
    rig.bring_up()
    from_mcu(rig, wire.Pong(1, 2))
    assert rig.link.faults() == {FaultKind.UNEXPECTED: 1}


def test_pings_without_answer_are_not_kept_for_ever() -> None:
    rig = Rig()
    rig.mcu.muted = {wire.Pong}
    rig.run(1.5)
    assert rig.link.phase is Phase.SYNC
    assert len(rig.link._pings) == 32


# ---------------------------------------------------------------- loss and return


def test_a_reboot_is_noticed_within_one_telemetry_period_of_the_boot_and_ticks_start_anew() -> None:
    rig = Rig(host_step_ns=5 * MS)
    rig.mcu.ticks = (1000, 1000)
    rig.bring_to_drive()
    rig.mcu = McuModel(boot_id=78)
    rig.mcu_start_us, rig.start_ns = 0, rig.now_ns
    rig.run(0.006)
    assert rig.link.phase is Phase.HELLO
    assert "board restarted (power_up)" in rig.reasons()
    rig.bring_up()
    rig.run(0.5)
    assert rig.states()[-1].boot_id == 78
    assert rig.states()[-1].left_ticks == 0
    assert rig.mcu.state is McuState.IDLE, "disarmed until a new wish"
    rig.drive(0.0, 0.0, arm=False)
    rig.run(0.05)
    rig.drive(0.5, 0.5)
    rig.run(0.3)
    assert rig.mcu.state is McuState.DRIVING


def test_a_leftover_boot_of_this_boot_is_ignored() -> None:
    rig = Rig()
    rig.bring_up()
    from_mcu(rig, wire.Boot(1, 77, wire.Board.NATIVE, wire.StopCause.POWER_UP, 0))
    assert rig.link.phase is Phase.UP
    assert rig.link.faults() == {FaultKind.UNEXPECTED: 1}


def test_silence_of_the_mcu_ends_the_session_after_200_ms_with_one_stop_frame() -> None:
    rig = Rig()
    rig.bring_to_drive()
    rig.down.mangle = lambda _: b""
    rig.run(0.19)
    assert rig.link.phase is Phase.UP
    rig.run(0.02)
    assert rig.link.phase is Phase.HELLO
    assert [stop.cause for stop in rig.mcu.stops] == [wire.HostCause.LINK_LOST]
    assert rig.mcu.speeds == (0, 0)
    assert "no telemetry for 200 ms" in rig.reasons()
    rig.run(1.5)
    assert rig.link.status(rig.now_ns).state is LinkState.DOWN
    rig.down.mangle = lambda data: data
    rig.bring_up()
    assert rig.link.reconnects == 1


def test_slow_telemetry_gets_four_periods_of_patience() -> None:
    robot = jackal()
    slow = robot.model_copy(update={"link": robot.link.model_copy(update={"telemetry_hz": 10})})
    rig = Rig(slow)
    rig.bring_up()
    rig.down.mangle = lambda _: b""
    rig.run(0.3)
    assert rig.link.phase is Phase.UP
    rig.run(0.2)
    assert rig.link.phase is Phase.HELLO
    assert "no telemetry for 400 ms" in rig.reasons()


def test_slow_telemetry_lets_a_robot_drive_on_until_four_of_them_are_missing() -> None:
    robot = jackal()
    rig = Rig(robot.model_copy(update={"link": robot.link.model_copy(update={"telemetry_hz": 10})}))
    rig.bring_to_drive()
    rig.run(1.0)
    assert rig.mcu.state is McuState.DRIVING
    rig.down.mangle = lambda _: b""
    rig.run(0.29)
    assert rig.mcu.state is McuState.DRIVING
    assert rig.link.faults() == {}


def test_a_dead_line_to_the_mcu_is_noticed_by_missing_pongs() -> None:
    rig = Rig()
    rig.bring_up()
    rig.up.mangle = lambda _: b""
    rig.run(1.1)
    assert "no answer to pings for 1000 ms" in rig.reasons()
    rig.up.mangle = lambda data: data
    rig.bring_up()


def test_after_a_reconnect_ticks_run_on_and_a_held_wish_does_not_arm() -> None:
    rig = Rig()
    rig.bring_to_drive()
    rig.mcu.ticks = (500, 600)
    rig.run(0.05)
    rig.link.disconnected("pulled", rig.now_ns)
    rig.mcu.ticks = (700, 900)
    rig.bring_up()
    rig.run(0.5)
    assert (rig.states()[-1].left_ticks, rig.states()[-1].right_ticks) == (700, 900)
    assert rig.mcu.state is McuState.IDLE
    assert "pulled" in rig.reasons()


def test_a_wish_that_rises_while_the_link_is_down_does_not_arm_when_it_comes_back() -> None:
    rig = Rig()
    rig.bring_up()
    rig.drive(0.0, 0.0, arm=False)
    rig.run(0.1)
    rig.link.disconnected("pulled", rig.now_ns)
    rig.drive(0.0, 0.0, arm=True)
    rig.bring_up()
    rig.run(0.5)
    assert rig.mcu.state is McuState.IDLE
    assert rig.link.arm_state is ArmState.LOCKED


def test_a_reset_right_after_the_wish_fell_needs_a_new_edge_too() -> None:
    rig = Rig()
    rig.bring_up()
    rig.drive(0.0, 0.0, arm=False)
    rig.run(0.05)
    assert rig.link.arm_state is ArmState.READY
    rig.link.reset_estop(rig.now_ns)
    assert rig.link.arm_state is ArmState.LOCKED


def test_a_port_that_is_opened_again_hears_a_greeting_first() -> None:
    rig = Rig()
    rig.bring_to_drive()
    rig.link.disconnected("pulled", rig.now_ns)
    assert types_in(rig.link.poll(rig.now_ns + MS)[0]) == [wire.Hello]


def test_half_a_frame_from_before_a_pulled_cable_does_not_spoil_the_first_frame_after_it() -> None:
    rig = Rig()
    rig.bring_up()
    rig.link.receive(telemetry_frame(rig, rig.mcu.tx_seq + 1, rig.mcu_us())[:20], rig.now_ns)
    rig.link.disconnected("pulled", rig.now_ns)
    rig.mcu.receive(rig.link.poll(rig.now_ns)[0], rig.mcu_us())
    rig.mcu.transmit()  # what it said before the new session
    rig.mcu.receive(rig.link.goodbye(), rig.mcu_us())
    from_mcu(rig, wire.HelloAck(wire.PROTOCOL_VERSION, 1, wire.Board.NATIVE, 0, 77, 0))
    assert rig.link.phase is Phase.CONFIGURE


def test_ticks_that_had_wrapped_start_with_the_raw_ones_after_a_reboot() -> None:
    odometer = Odometer()
    telemetry = Rig().mcu.telemetry(0)
    odometer.read(replace(telemetry, left_ticks=2**31 - 1), 0, 1)
    assert odometer.read(replace(telemetry, left_ticks=-(2**31)), 1, 1).left_ticks == 2**31
    assert odometer.read(replace(telemetry, left_ticks=-5, right_ticks=7), 2, 2).left_ticks == -5


def test_goodbye_is_a_stop_that_needs_no_session() -> None:
    link = HostLink(link_config_from_robot(jackal()), 1)
    (frame,) = frames_in(link.goodbye())
    assert wire.decode(frame.type, frame.payload) == wire.Stop(StopCategory.RAMP, wire.HostCause.SHUTDOWN)


def test_two_runs_give_the_same_bytes_and_events() -> None:
    def run() -> list[object]:
        rig = Rig(drift=2e-4)
        rng = random.Random(3)
        rig.up.delay_ns = rig.down.delay_ns = lambda: rng.randrange(5 * MS)
        rig.bring_to_drive(0.3, 0.2)
        rig.run(1.0)
        return [rig.events, rig.mcu.obeyed]

    assert run() == run()


def test_counters_begin_at_zero() -> None:
    link = HostLink(link_config_from_robot(jackal()), 9)
    assert (link.frames_out, link.reconnects, link.faults().total()) == (0, 0, 0)
