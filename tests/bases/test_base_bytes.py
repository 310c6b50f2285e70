"""Bytes that foreign bases send and understand, from their vendors' documents and from public drivers."""

from __future__ import annotations

import math

import pytest
from base_bench import REFERENCE, make

from firmware_bridge.bases import kobuki, roboclaw
from firmware_bridge.bases.create2 import LENGTH, PACKETS, Create2
from firmware_bridge.bases.kobuki import Kobuki
from firmware_bridge.bases.odrive import ODrive, line_of
from firmware_bridge.bases.roboclaw import RoboClaw
from firmware_bridge.bases.ros_arduino import RosArduino

MS = 1_000_000
TICK_M = REFERENCE.drive.metres_per_tick_m
WHEEL_M = TICK_M * REFERENCE.drive.ticks_per_wheel_rev

# ------------------------------------------------------------ Kobuki

RECORDED = [
    bytes.fromhex(text)
    for text in (
        "aa554d010f90f1000000ed2b58470d0d00129f00030300000004073c1dfcff0000000506f506f90790060602010"
        "10d0e8106a1ff0800c8ff90ff0300cfff10100f00dc0fe00fe00fe00fef0f00000000a1",
        "aa554d010fa4f1000000f42b60470d0d00129f00030300000004073d1d21000000000506ec06f50793060602010"
        "10d0e830691ff0b00ddff9dff2000f5ff10100f00d90fdf0fdb0fdf0fef0f000000008f",
        "aa554d010fb8f1000000fc2b67470d0d00129f00030300000004073e1d4f000000000506e406f40794060602010"
        "10d0e8506a5ff34001200a3ff39002b0010100f00dc0fe40fdb0fdd0ff00f00000000e7",
    )
]
"""Recorded from a Kobuki: github.com/bus710/tortuga, ``Test_formatFeedback``, which also prints what is in them."""
FEEDBACK = RECORDED[0]


def test_kobuki_feedback_as_recorded() -> None:
    dialect = make(Kobuki, "kobuki:///dev/x")
    readings = dialect.feed(b"".join(RECORDED), 0)
    assert [(each.left_count, each.right_count) for each in readings] == [
        (11245, 18264),
        (11252, 18272),
        (11260, 18279),
    ]
    assert [each.clock_ns for each in readings] == [61840 * MS, 61860 * MS, 61880 * MS]
    assert [each.battery_v for each in readings] == [pytest.approx(15.9)] * 3
    gyro = [-0.04, 0.33, 0.79]  # 65532, 33 and 79 hundredths of a degree a second
    assert [each.gyro_z_radps for each in readings] == pytest.approx([math.radians(rate) for rate in gyro])
    assert {each.fault for each in readings} == {""}
    assert dialect.faults.total() == 0


@pytest.mark.parametrize("size", [1, 2, 3, 7, 80])
def test_kobuki_feedback_in_pieces(size: int) -> None:
    dialect, stream = make(Kobuki, "kobuki:///dev/x"), b"\xaa\x55\xaa" + FEEDBACK + b"\x55" + FEEDBACK
    readings = []
    for at in range(0, len(stream), size):
        readings += dialect.feed(stream[at : at + size], 0)
    assert [reading.left_count for reading in readings] == [0x2BED, 0x2BED]


def test_kobuki_base_control() -> None:
    """100 mm/s on a radius of -100 mm, from the test of a public Rust driver (``BaseControl::new(100, -100)``)."""
    assert kobuki.packet(100.0, -100.0) == bytes((0xAA, 0x55, 0x06, 0x01, 0x04, 0x64, 0x00, 0x9C, 0xFF, 0x04))


@pytest.mark.parametrize(
    ("wheels_mps", "speed_radius"),
    [
        # the table "Base Control" of the appendix "Protocol Specification", with b = 230 mm
        ((0.2, 0.2), (200, 0)),  # pure translation
        ((-0.115, 0.115), (115, 1)),  # pure rotation: w b / 2 with w = 1 rad/s
        ((0.085, 0.315), (315, 200)),  # 0.2 m/s and 1 rad/s: radius 200 mm, 200 (200 + 115) / 200
        ((0.315, 0.085), (315, -200)),  # to the right: 200 (-200 - 115) / -200
        ((-0.315, -0.085), (-315, -200)),  # backwards, turning left
    ],
)
def test_kobuki_speed_and_radius(wheels_mps: tuple[float, float], speed_radius: tuple[int, int]) -> None:
    sent = make(Kobuki, "kobuki:///dev/x").drive(*wheels_mps)
    assert sent == kobuki.packet(*speed_radius)


def test_kobuki_names_what_is_pressed() -> None:
    packet = bytearray(FEEDBACK)
    packet[7], packet[8], packet[9] = 0x02, 0x01, 0x04  # bumper, wheel drop, cliff
    packet[-1] = kobuki._xor(packet[2:-1])
    (reading,) = make(Kobuki, "kobuki:///dev/x").feed(bytes(packet), 0)
    assert reading.fault == "middle bumper, right wheel dropped, cliff left"


# ------------------------------------------------------------ Create 2


def stream_frame(values: dict[int, int], with_header: bool) -> bytes:
    body = b"".join(bytes((number,)) + values.get(number, 0).to_bytes(size, "big") for number, size in PACKETS.items())
    frame = bytes((19, LENGTH)) + body
    return frame + bytes((-sum(frame if with_header else frame[1:]) & 0xFF,))


def test_create_stream_sums_as_the_manual_and_as_libcreate_have_them() -> None:
    """Create 1 manual, "Stream": 19 5 29 2 25 13 0 182 adds up to 256 without the header; libcreate adds it."""
    manual = bytes((19, 5, 29, 2, 25, 13, 0, 182))
    libcreate = bytes((19, 5, 29, 2, 25, 13, 0, 163))
    for rule, frame in enumerate((manual, libcreate)):
        dialect = Create2.__new__(Create2)
        dialect._with_header, dialect._candidates = None, [0, 0]
        assert [dialect._sums_up(frame) for _ in range(4)] == [None, None, None, True]
        assert dialect._with_header == bool(rule)
        assert dialect._sums_up(manual if rule else libcreate) is False


def test_create_drives_by_wheel_right_one_first_high_byte_first() -> None:
    """OI specification: 145 [right high] [right low] [left high] [left low]; -200 mm/s is 255 56 (example of 137)."""
    dialect = make(Create2, "create2:///dev/x")
    assert dialect.drive(0.5, -0.2) == bytes((145, 255, 56, 1, 244))
    assert dialect.drive(9.0, -9.0) == dialect.drive(0.5, -0.5)
    assert dialect.stop() == bytes((145, 0, 0, 0, 0))
    assert dialect.enable() == bytes((131,))


def test_create_is_started_and_asked_for_its_stream_again_when_none_comes() -> None:
    dialect = make(Create2, "create2:///dev/x")
    asked = bytes((128, 148, 9, 7, 9, 10, 11, 12, 22, 35, 43, 44))
    assert dialect.due(0) == asked
    assert dialect.due(400 * MS) == b""
    assert dialect.due(500 * MS) == asked


def test_create_reads_volts_counts_mode_bumps_and_cliffs() -> None:
    dialect = make(Create2, "create2:///dev/x")
    values = {7: 0b1001, 11: 1, 22: 14_987, 35: 2, 43: 65_535, 44: 258}
    frames = stream_frame(values, with_header=True) * 4
    (reading,) = dialect.feed(frames, 0)
    assert (reading.left_count, reading.right_count, reading.battery_v) == (65_535, 258, pytest.approx(14.987))
    assert reading.fault == "right bumper, left wheel dropped, cliff front right"
    assert dialect.enabled
    dialect.feed(stream_frame(values | {35: 1}, with_header=True), 0)
    assert not dialect.enabled


# ------------------------------------------------------------ RoboClaw


def test_roboclaw_crc_is_crc_16_xmodem() -> None:
    """The manual's loop (polynomial 0x1021, begun with 0) is CRC-16/XMODEM, whose check value is 0x31C3."""
    assert roboclaw.crc16(b"123456789") == 0x31C3
    assert roboclaw.crc16(b"") == 0


def test_roboclaw_commands() -> None:
    """User manual: 37 = [Address, 37, SpeedM1(4), SpeedM2(4), CRC(2)]; 78 and 15 are sent without a CRC."""
    dialect = make(RoboClaw, "roboclaw:///dev/x")
    sent = dialect.drive(100 * TICK_M, -2 * TICK_M)
    assert sent[:-2] == bytes((0x80, 37, 0, 0, 0, 100, 255, 255, 255, 254))
    assert roboclaw.crc16(sent) == 0, "a packet with its CRC behind it leaves nothing"
    asked = make(RoboClaw, "roboclaw:///dev/x").due(10**9)
    assert asked[:2] == bytes((0x80, 78))
    assert asked[2:5] == bytes((0x80, 14, 2))  # 200 ms
    assert asked[7:] == bytes((0x80, 15, 0x80, 24))


def test_roboclaw_address_and_swapped_motors() -> None:
    dialect = make(RoboClaw, "roboclaw:///dev/x?address=131&left=2")
    assert dialect.drive(TICK_M, 2 * TICK_M)[:-2] == bytes((0x83, 37, 0, 0, 0, 2, 0, 0, 0, 1))


def answer_of(command: int, data: bytes) -> bytes:
    """Manual, "CRC16 Checksum Calculation for Received data": over address, command and data."""
    return data + roboclaw.crc16(bytes((0x80, command)) + data).to_bytes(2, "big")


def test_roboclaw_answers_come_in_order() -> None:
    dialect = make(RoboClaw, "roboclaw:///dev/x")
    dialect.due(MS)
    stream = answer_of(78, bytes((0, 0, 1, 0, 255, 255, 255, 255))) + b"\xff" + answer_of(15, b"\x02")
    stream += answer_of(24, bytes((0, 124)))
    readings = []
    for at in range(len(stream)):
        readings += dialect.feed(stream[at : at + 1], 5 * MS)
    assert [(each.left_count, each.right_count, each.asked_ns) for each in readings] == [(256, 2**32 - 1, MS)]
    assert dialect.enabled
    dialect.due(30 * MS)
    (reading,) = dialect.feed(answer_of(78, bytes(8)), 35 * MS)
    assert reading.battery_v == pytest.approx(12.4)


def test_roboclaw_answer_to_another_command_is_not_taken() -> None:
    dialect = make(RoboClaw, "roboclaw:///dev/x")
    dialect.due(MS)
    assert dialect.feed(answer_of(79, bytes(8)), 5 * MS) == []
    assert dialect.faults.total() == 1
    assert dialect.due(6 * MS) == b"", "the RoboClaw needs a pause of 10 ms to forget half a packet"
    assert dialect.due(40 * MS)[:2] == bytes((0x80, 78))


# ------------------------------------------------------------ ODrive


def test_odrive_checksum_is_that_of_the_documentation() -> None:
    """docs/ascii-protocol.md: "Example of a valid checksum: ``r vbus_voltage *93``"."""
    assert line_of("r vbus_voltage ") == b"r vbus_voltage *93\n"


def test_odrive_speeds_are_turns_of_the_motor() -> None:
    """docs/ascii-protocol.md: ``v motor velocity torque_ff`` in turns a second."""
    dialect = make(ODrive, "odrive:///dev/x?gear=10&flip=right")
    lines = dialect.drive(0.5 * WHEEL_M, 0.5 * WHEEL_M).split(b"\n")
    assert [line.partition(b"*")[0] for line in lines] == [b"v 0 5.00000 0", b"v 1 -5.00000 0", b""]
    other = make(ODrive, "odrive:///dev/x?left=1&right=0&flip=none").drive(WHEEL_M, 2.0 * WHEEL_M)
    assert b"v 1 1.00000 0*" in other
    assert b"v 0 2.00000 0*" in other


def odrive_answer(text: str) -> bytes:
    """ascii_protocol.cpp, ``respond``: text, asterisk, checksum in decimal, CR LF."""
    return line_of(text).replace(b"\n", b"\r\n")


def test_odrive_feedback_belongs_to_the_axis_that_was_asked() -> None:
    dialect = make(ODrive, "odrive:///dev/x")
    assert b"f 0*" in dialect.due(10 * MS)
    assert dialect.feed(odrive_answer("12.500000 0.250000"), 15 * MS) == []
    assert b"f 1*" in dialect.due(15 * MS)
    (reading,) = dialect.feed(odrive_answer("-3.000000 -1.000000"), 20 * MS)
    assert (reading.left_count, reading.right_count) == (40_000, 9600)  # 3200 counts a turn; the right one is flipped
    assert (reading.left_mps, reading.right_mps) == pytest.approx((0.25 * WHEEL_M, WHEEL_M))


@pytest.mark.parametrize(
    "answer",
    [
        b"12.500000 0.250000\r\n",  # no checksum
        b"12.500000 0.250000*1\r\n",
        odrive_answer("nan nan"),
        odrive_answer("inf 0.0"),
        odrive_answer("1e99 0.0"),
        odrive_answer("12.5"),
        odrive_answer("1 2 3"),
        odrive_answer("invalid motor 0"),
        odrive_answer("999999999 0.0"),
        b"\xff\xfe*3\r\n",
    ],
)
def test_odrive_answers_that_are_none_are_refused_and_the_axes_are_not_mixed_up(answer: bytes) -> None:
    dialect = make(ODrive, "odrive:///dev/x")
    dialect.due(10 * MS)
    assert dialect.feed(answer, 15 * MS) == []
    assert dialect.faults.total() == 1
    assert b"f 1*" not in dialect.due(200 * MS)


def test_odrive_is_enabled_when_both_axes_hold_their_speed_with_their_watchdogs_on() -> None:
    dialect = make(ODrive, "odrive:///dev/x")
    answers = {
        b"f": "0.000000 0.000000",
        b"r axis0.current_state": "8",
        b"r axis1.current_state": "8",
        b"r axis0.config.enable_watchdog": "1",
        b"r axis1.config.enable_watchdog": "1",
        b"r vbus_voltage": "24.087744",
    }
    enabled_after = None
    for number in range(60):
        for line in dialect.due(number * 5 * MS).split(b"\n"):
            command = line.partition(b"*")[0]
            for question, answer in answers.items():
                if command.startswith(question):
                    dialect.feed(odrive_answer(answer), number * 5 * MS + MS)
        enabled_after = enabled_after or (number if dialect.enabled else None)
    assert dialect.enabled
    assert enabled_after is not None
    assert enabled_after >= 11, (
        "two feedbacks and one slow question a round: the fourth slow one comes with the twelfth"
    )


# ------------------------------------------------------------ ros_arduino_bridge


def test_ros_arduino_commands_and_replies() -> None:
    """ROSArduinoBridge.ino: ``m`` takes ticks per frame of 1/30 s, ``e`` prints "left right" CR LF, ``m`` prints OK."""
    dialect = make(RosArduino, "ros-arduino:///dev/x")
    assert dialect.drive(30 * 12 * TICK_M, -30 * 7 * TICK_M) == b"m 12 -7\r"
    assert dialect.stop() == b"m 0 0\r"
    assert dialect.due(MS) == b"e\re\r"
    (reading,) = dialect.feed(b"OK\r\n1234 -77\r\n1234 -76\r\n", 9 * MS)
    assert (reading.left_count, reading.right_count, reading.asked_ns) == (1234, -77, MS)
    assert dialect.feed(b"1234 -77\r\n", 10 * MS) == [], "nobody asked"
    assert make(RosArduino, "ros-arduino:///dev/x?pid_hz=50").drive(50 * TICK_M, 0.0) == b"m 1 0\r"


@pytest.mark.parametrize(
    "replies",
    [
        b"1234 -77\r\n9234 -77\r\n",
        b"1234\r\n-77\r\n",
        b"12 34 56\r\n12 34 56\r\n",
        b"nan nan\r\nnan nan\r\n",
        b"99999999999 1\r\n99999999999 1\r\n",
        b"4000000000 1\r\n4000000000 1\r\n",
        b"1e5 2\r\n1e5 2\r\n",
        b"Invalid Command\r\n" * 2,
        b"\xff\xfe\x00 1\r\n" * 2,
        b"7" * 5000 + b" 1\r\n",
    ],
)
def test_ros_arduino_replies_that_are_none_are_refused(replies: bytes) -> None:
    dialect = make(RosArduino, "ros-arduino:///dev/x")
    dialect.due(MS)
    assert dialect.feed(replies, 9 * MS) == []
