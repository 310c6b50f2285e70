"""Bytes that lidars send and understand, from their vendors' documents and public drivers."""

from __future__ import annotations

import math

import pytest

from firmware_bridge.faults import FaultKind
from firmware_bridge.lidars.dialect import Point
from firmware_bridge.lidars.ld19 import Ld19, crc8
from firmware_bridge.lidars.rplidar import RpLidar
from firmware_bridge.lidars.rplidar_points import CAPSULES, NodeReader, PointReader
from firmware_bridge.port_url import parse_port_url

MS = 1_000_000

# ------------------------------------------------------------ LD06 and LD19

MANUAL = bytes.fromhex("542C6808AB7EE000E4DC00E2D900E5D500E3D300E4D000E9CD00E4CA00E2C700E9C500E5C200E5C000E5BE823A1A50")
"""The example of LDROBOT's "LD19 Development Manual", with its CRC 0x50."""
SEEN = bytes.fromhex("542C7408B0860000D40000D40000D40000D40000D40000D50000D500004900005F0000B00000D20000D402891E091F")
"""Printed by a real LD19 (github.com, a tutorial that shows it beside the manual's): nothing came back."""


def ld19() -> Ld19:
    return Ld19(parse_port_url("ld19:///dev/x"))


def test_ld19_packet_of_the_manual() -> None:
    """The manual's table: start 324.27 degrees, end 334.70, the first points 224 mm and 220 mm, the last 192 mm."""
    points = ld19().feed(MANUAL, 0)
    assert len(points) == 12
    degrees = [math.degrees(point.angle_rad) for point in points]
    assert (degrees[0], degrees[-1]) == pytest.approx((324.27, 334.70))
    assert [round(point.range_m * 1000) for point in points] == [
        224,
        220,
        217,
        213,
        211,
        208,
        205,
        202,
        199,
        197,
        194,
        192,
    ]
    steps = [after - before for before, after in zip(degrees, degrees[1:], strict=False)]  # noqa: RUF007
    assert steps == pytest.approx([10.43 / 11] * 11)


def test_ld19_distance_of_zero_is_no_return() -> None:
    dialect = ld19()
    assert {point.range_m for point in dialect.feed(SEEN, 0)} == {math.inf}
    assert not dialect.gap


def test_ld19_check_byte_is_crc_8_with_polynomial_0x4d() -> None:
    assert crc8(MANUAL[:-1]) == 0x50
    assert crc8(b"\x01") == 0x4D  # the vendor's table: CrcTable[1]
    assert crc8(b"\xff") == 0xA8  # ... and CrcTable[255]


@pytest.mark.parametrize("size", [1, 5, 46, 47, 100])
def test_ld19_in_pieces_between_garbage(size: int) -> None:
    dialect, stream = ld19(), b"\x54\x54\x2c" + MANUAL + b"\x00\x54" + MANUAL + MANUAL[:20]
    points: list[Point] = []
    gaps = 0
    for at in range(0, len(stream), size):
        points += dialect.feed(stream[at : at + size], 0)
        gaps += dialect.gap
    assert len(points) == 24
    assert gaps >= 1


@pytest.mark.parametrize("at", range(2, 47))
def test_ld19_refuses_a_packet_with_one_wrong_bit(at: int) -> None:
    wrong = bytearray(MANUAL)
    wrong[at] ^= 0x10
    dialect = ld19()
    assert dialect.feed(bytes(wrong) + bytes(60), 0) == []
    assert dialect.faults[FaultKind.CRC] >= 1
    assert dialect.gap


def test_ld19_refuses_angles_further_apart_than_its_speed_allows() -> None:
    wrong = bytearray(MANUAL)
    wrong[42:44] = (20_000).to_bytes(2, "little")
    wrong[46] = crc8(bytes(wrong[:46]))
    dialect = ld19()
    assert dialect.feed(bytes(wrong), 0) == []
    assert dialect.faults[FaultKind.BAD_VALUE] == 1


# ------------------------------------------------------------ RPLIDAR: requests and answers

INFO = bytes.fromhex("A55A1400000004" + "18" + "1D01" + "07" + "AB" * 16)
HEALTHY = bytes.fromhex("A55A0300000006" + "000000")
ILL = bytes.fromhex("A55A0300000006" + "020180")
STANDARD = bytes.fromhex("A55A0500004081")
EXPRESS = bytes.fromhex("A55A5400004082")
"""Response descriptors of "Interface Protocol and Application Notes": A5 5A, length and mode, type."""


def rplidar(query: str = "") -> RpLidar:
    return RpLidar(parse_port_url(f"rplidar:///dev/x{query}"))


def start(dialect: RpLidar, answer: bytes, at_ms: int = 0) -> bytes:
    """From the stop to the request for a scan; gives that request."""
    assert dialect.due(at_ms * MS) == bytes.fromhex("A525")  # STOP
    assert dialect.due((at_ms + 5) * MS) == b""
    assert dialect.due((at_ms + 25) * MS) == bytes.fromhex("A550")  # GET_INFO
    assert dialect.feed(INFO, (at_ms + 30) * MS) == []
    assert dialect.due((at_ms + 30) * MS) == bytes.fromhex("A552")  # GET_HEALTH
    dialect.feed(answer, (at_ms + 35) * MS)
    return dialect.due((at_ms + 35) * MS)


def test_rplidar_starts_as_its_protocol_asks() -> None:
    dialect = rplidar()
    assert start(dialect, HEALTHY) == bytes.fromhex("A5F0029402C1A520")  # SET_MOTOR_PWM 660, SCAN
    assert dialect.name == "RPLIDAR model 0x18, firmware 1.29"
    assert dialect.feed(STANDARD, 40 * MS) == []
    assert dialect.due(41 * MS) == b""
    assert dialect.goodbye() == bytes.fromhex("A525A5F002000057")
    assert dialect.dtr is False, "the A1's adapter switches the motor with DTR"


def test_rplidar_express_request() -> None:
    assert start(rplidar("?scan=express"), HEALTHY) == bytes.fromhex("A5F0029402C1A58205000000000022")


def test_rplidar_that_protects_itself_is_told_and_asked_again() -> None:
    dialect = rplidar()
    assert start(dialect, ILL) == b""
    assert "error 32769" in dialect.trouble
    assert dialect.due(1000 * MS) == b""
    assert dialect.due(1040 * MS) == bytes.fromhex("A550")


def test_rplidar_that_does_not_answer_is_begun_again() -> None:
    dialect = rplidar()
    assert dialect.due(0) == bytes.fromhex("A525")
    assert dialect.due(25 * MS) == bytes.fromhex("A550")
    assert dialect.due(1030 * MS) == bytes.fromhex("A525")
    assert dialect.trouble == "no answer"


def test_rplidar_without_points_for_two_seconds_is_begun_again() -> None:
    dialect = rplidar()
    start(dialect, HEALTHY)
    dialect.feed(STANDARD, 40 * MS)
    assert dialect.due(2000 * MS) == b""
    assert dialect.due(2050 * MS) == bytes.fromhex("A525")
    assert dialect.trouble == "no points for 2 s"


def test_rplidar_answer_of_an_unknown_type_is_named() -> None:
    dialect = rplidar("?scan=express")
    start(dialect, HEALTHY)
    dialect.feed(bytes.fromhex("A55A8400004084"), 40 * MS)  # the ultra capsules of an A3
    assert "type 0x84" in dialect.trouble


# ------------------------------------------------------------ RPLIDAR: points


def node(angle_deg: float, distance_mm: float, start_of_turn: bool = False, quality: int = 15) -> bytes:
    """Figure 4-4: quality 6 bits, !S, S; angle_q6 and C = 1; distance_q2."""
    angle_q6, distance_q2 = round(angle_deg * 64), round(distance_mm * 4)
    sync = 0b01 if start_of_turn else 0b10
    return bytes((quality << 2 | sync,)) + (angle_q6 << 1 | 1).to_bytes(2, "little") + distance_q2.to_bytes(2, "little")


def test_rplidar_node_byte_by_byte() -> None:
    """Figure 4-4 by hand: 0x3E = quality 15, S 0; angle 0x5A01 / 2 / 64 = 180 degrees, C 1; 0x0FA0 / 4 = 1000 mm."""
    assert node(180.0, 1000.0) == bytes.fromhex("3E015AA00F")
    points = NodeReader().feed(bytes.fromhex("3E015AA00F") * 4)
    assert points == [Point(pytest.approx(math.pi), pytest.approx(1.0))] * 4


def test_rplidar_nodes_lock_on_in_a_stream_of_anything() -> None:
    nodes = [node(degrees, 2000 if degrees % 3 else 0, degrees == 0) for degrees in range(360)]
    stream = bytes.fromhex("A55A3E00FF") + b"".join(nodes[:100]) + b"\x3e\x01" + b"".join(nodes[100:])
    for size in (1, 3, 50, 5000):
        reader = NodeReader()
        points: list[Point] = []
        for at in range(0, len(stream), size):
            points += reader.feed(stream[at : at + size])
        assert 340 <= len(points) <= 361
        wrong = [p for p in points if p.range_m not in (2.0, math.inf)]
        assert len(wrong) <= 1
        assert reader.faults.total() >= 1


def capsule(start_deg: float, cabins: list[tuple[int, int, int, int]], first: bool = False) -> bytes:
    """Figures 4-12 and 4-13; a cabin is (distance 1 mm, distance 2 mm, angle 1 in 1/8 degree, angle 2)."""
    body = (round(start_deg * 64) | (0x8000 if first else 0)).to_bytes(2, "little")
    for one_mm, two_mm, one_q3, two_q3 in cabins:
        body += (one_mm << 2 | one_q3 >> 4).to_bytes(2, "little") + (two_mm << 2 | two_q3 >> 4).to_bytes(2, "little")
        body += bytes((one_q3 & 0xF | (two_q3 & 0xF) << 4,))
    total = 0
    for byte in body:
        total ^= byte
    return bytes((0xA0 | total & 0xF, 0x50 | total >> 4)) + body


CABINS = [(1000 + i, 2000 + i, i, 40 + i) for i in range(16)]


def test_rplidar_capsule_angles_follow_the_vendors_formula() -> None:
    """handler_capsules.cpp: start + i * (next start - start) / 32 - offset / 8 degrees; distances in mm."""
    reader = CAPSULES[0x82]()
    assert reader.feed(capsule(350.0, CABINS, first=True)) == [], "its angles need the next one"
    points = reader.feed(capsule(2.0, CABINS))
    assert len(points) == 32
    for i, point in enumerate(points):
        one_mm, two_mm, one_q3, two_q3 = CABINS[i // 2]
        offset_deg = (two_q3 if i % 2 else one_q3) / 8.0
        assert math.degrees(point.angle_rad) == pytest.approx(350.0 + 12.0 * i / 32.0 - offset_deg)
        assert point.range_m == pytest.approx((two_mm if i % 2 else one_mm) / 1000.0)


def test_rplidar_dense_capsule() -> None:
    """Figures 4-20 and 4-21: forty distances in mm, evenly spaced."""
    body = (100 * 64).to_bytes(2, "little") + b"".join((1000 + i).to_bytes(2, "little") for i in range(40))
    total = 0
    for byte in body:
        total ^= byte
    dense = bytes((0xA0 | total & 0xF, 0x50 | total >> 4)) + body
    following = bytearray(dense)
    following[2:4] = (108 * 64).to_bytes(2, "little")
    total ^= body[0] ^ body[1] ^ following[2] ^ following[3]
    following[0], following[1] = 0xA0 | total & 0xF, 0x50 | total >> 4
    points = CAPSULES[0x85]().feed(dense + bytes(following))
    assert [round(point.range_m * 1000) for point in points] == list(range(1000, 1040))
    assert [math.degrees(point.angle_rad) for point in points] == pytest.approx([100 + i / 5 for i in range(40)])


@pytest.mark.parametrize("at", range(84))
def test_rplidar_capsule_with_one_wrong_bit_is_refused_with_both_its_gaps(at: int) -> None:
    wrong = bytearray(capsule(20.0, CABINS))
    wrong[at] ^= 0x04
    reader: PointReader = CAPSULES[0x82]()
    stream = capsule(10.0, CABINS) + bytes(wrong) + capsule(30.0, CABINS) + capsule(40.0, CABINS)
    points = reader.feed(stream)
    assert len(points) == 32
    assert min(math.degrees(point.angle_rad) for point in points) > 20.0
    assert reader.gap


def test_rplidar_capsules_far_apart_are_no_pair() -> None:
    reader = CAPSULES[0x82]()
    assert reader.feed(capsule(10.0, CABINS) + capsule(200.0, CABINS)) == []
    assert reader.faults[FaultKind.BAD_VALUE] == 1
