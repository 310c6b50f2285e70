"""Foreign bases end to end on a line in memory: they drive, measure, stop when nothing is told, and come back."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from itertools import pairwise

import pytest
from base_bench import MS, Bench, make
from devices import Create2Model, KobukiModel, ODriveModel, RoboClawModel, RosArduinoModel, Wheels

from amr.messages import BaseState, Imu, LinkState, LinkStatus, McuState, StopCategory, WheelCommand
from firmware_bridge.bases.create2 import Create2
from firmware_bridge.bases.foreign import HOST_LIMIT_S, LIVENESS_NS
from firmware_bridge.bases.kobuki import Kobuki
from firmware_bridge.bases.odrive import ODrive
from firmware_bridge.bases.roboclaw import RoboClaw
from firmware_bridge.bases.ros_arduino import RosArduino

BASES: dict[str, tuple[type, Callable[[], Wheels]]] = {
    "ros-arduino": (RosArduino, RosArduinoModel),
    "create2": (Create2, Create2Model),
    "kobuki": (Kobuki, KobukiModel),
    "roboclaw": (RoboClaw, RoboClawModel),
    "odrive": (ODrive, ODriveModel),
}
BOTH = [(0.2, 0.3), (0.3, 0.3), (-0.2, 0.2), (-0.15, -0.1), (0.02, 0.0)]


@pytest.fixture(params=BASES)
def bench(request: pytest.FixtureRequest) -> Bench:
    dialect, model = BASES[request.param]
    return Bench(make(dialect, f"{request.param}:///dev/x"), model())


@pytest.mark.parametrize("speeds_mps", BOTH)
def test_drives_and_measures(bench: Bench, speeds_mps: tuple[float, float]) -> None:
    bench.to_drive(*speeds_mps)
    tick_hz_m = 30 * bench.robot.drive.metres_per_tick_m
    slack = 0.5 * tick_hz_m if isinstance(bench.dialect, RosArduino) else 0.002
    assert bench.device.speeds_mps == pytest.approx(list(speeds_mps), abs=slack)
    last = bench.states()[-1]
    first = next(state for state in bench.states() if state.stamp_ns > last.stamp_ns - 500 * MS)
    duration_s = (last.stamp_ns - first.stamp_ns) * 1e-9
    for side, speed in enumerate(bench.device.speeds_mps):
        ticks = (last.left_ticks, last.right_ticks)[side] - (first.left_ticks, first.right_ticks)[side]
        travel_m = ticks * bench.robot.drive.metres_per_tick_m
        assert travel_m == pytest.approx(speed * duration_s, abs=0.004)
    assert (last.left_mps, last.right_mps) == pytest.approx(bench.device.speeds_mps, abs=0.015)
    assert last.faults == 0
    assert bench.dialect.faults.total() <= 1


def test_stamps_rise_lie_in_the_past_and_come_often_enough_for_the_safety_ring(bench: Bench) -> None:
    bench.to_drive()
    stamps = [state.stamp_ns for state in bench.states()]
    assert stamps == sorted(set(stamps))
    assert stamps[-1] <= bench.now_ns
    gaps = [after - before for before, after in pairwise(stamps)]
    assert max(gaps[20:]) <= 60 * MS, "the ring calls telemetry stale after 100 ms"


def test_a_command_that_expires_is_followed_by_zero(bench: Bench) -> None:
    bench.to_drive()
    bench.cmd = None
    bench.run(HOST_LIMIT_S + 0.03)
    assert bench.device.speeds_mps == pytest.approx([0.0, 0.0], abs=1e-9)
    assert bench.states()[-1].state is McuState.ARMED
    bench.cmd = (0.2, 0.2, True)
    bench.run(0.3)
    assert bench.states()[-1].state is McuState.DRIVING


def test_a_stop_is_zero_and_keeps_it_armed(bench: Bench) -> None:
    bench.to_drive()
    bench.cmd = None
    bench.base.command(WheelCommand(0.0, 0.0, bench.now_ns + 100 * MS, StopCategory.RAMP, True), bench.now_ns)
    bench.run(0.05)
    assert bench.device.speeds_mps == pytest.approx([0.0, 0.0], abs=1e-9)
    assert bench.states()[-1].state is McuState.ARMED


def test_disarming_stops_and_arming_again_needs_a_rising_wish(bench: Bench) -> None:
    bench.to_drive()
    bench.cmd = (0.2, 0.2, False)
    bench.run(0.2)
    assert bench.device.speeds_mps == pytest.approx([0.0, 0.0], abs=1e-9)
    assert bench.states()[-1].state is McuState.IDLE
    bench.cmd = (0.2, 0.2, True)
    bench.run(1.0)
    assert bench.states()[-1].state is McuState.DRIVING


def test_a_wish_from_before_the_link_was_up_does_not_arm(bench: Bench) -> None:
    bench.base.open()
    bench.cmd = (0.2, 0.2, True)
    bench.run(2.0)
    assert bench.link is LinkState.UP
    assert bench.device.speeds_mps == pytest.approx([0.0, 0.0], abs=1e-9)


@pytest.mark.parametrize("speed_mps", [float("nan"), float("inf"), 5.0])
def test_a_speed_that_no_robot_may_have_stops_and_disarms(bench: Bench, speed_mps: float) -> None:
    bench.to_drive()
    bench.cmd = (speed_mps, 0.1, True)
    bench.run(0.1)
    assert bench.device.speeds_mps == pytest.approx([0.0, 0.0], abs=1e-9)
    assert bench.states()[-1].state is McuState.IDLE
    assert any("command_" in reason for reason in bench.reasons())
    bench.cmd = (0.1, 0.1, True)
    bench.run(0.5)
    assert bench.device.speeds_mps == pytest.approx([0.0, 0.0], abs=1e-9), "no rising wish"


def test_silence_is_told_in_time_zero_is_sent_and_it_comes_back_disarmed_as_a_new_boot(bench: Bench) -> None:
    bench.to_drive()
    boot_id = bench.states()[-1].boot_id
    bench.mangle = lambda _data: b""
    bench.run(LIVENESS_NS * 1e-9 + 0.1)
    assert bench.link is not LinkState.UP
    assert bench.device.speeds_mps == pytest.approx([0.0, 0.0], abs=1e-9)
    bench.mangle = lambda data: data
    bench.run(1.5)
    assert bench.link is LinkState.UP
    assert bench.states()[-1].state is McuState.IDLE
    assert bench.states()[-1].boot_id != boot_id
    assert bench.device.speeds_mps == pytest.approx([0.0, 0.0], abs=1e-9)


def test_a_pulled_cable_is_told_and_reopened(bench: Bench) -> None:
    bench.to_drive()
    bench.present = False
    bench.port.cut()
    bench.run(1.2)
    assert bench.link is LinkState.DOWN
    assert any("gone" in reason for reason in bench.reasons())
    bench.present = True
    bench.run(2.0)
    assert bench.link is LinkState.UP
    assert bench.states()[-1].state is McuState.IDLE


def test_close_stops_the_wheels_and_may_be_called_again(bench: Bench) -> None:
    bench.to_drive()
    line, sent = bench.port, bytearray()
    line.write = sent.extend  # type: ignore[method-assign]
    bench.base.close()
    bench.base.close()
    bench.device.receive(bytes(sent), bench.now_ns * 1e-9 + 0.001)
    bench.device.tick(bench.now_ns * 1e-9 + 0.001)
    assert bench.device.speeds_mps == pytest.approx([0.0, 0.0], abs=1e-9)


def test_a_host_that_stood_still_does_not_take_what_waited_for_new(bench: Bench) -> None:
    bench.to_drive()
    bench.cmd = None
    before = len(bench.states())
    for _ in range(100):
        bench.now_ns += 5 * MS
        bench.device.tick(bench.now_ns * 1e-9)
        bench.line.write(bench.device.transmit())
    bench.events += bench.base.poll(bench.now_ns)
    assert len(bench.states()) == before
    assert bench.states()[-1].stamp_ns <= bench.now_ns - 500 * MS


def check_no_jump(states: list[BaseState], metres_per_tick_m: float) -> None:
    """No two readings of one boot lie further apart than wheels of 0.35 m/s turn."""
    for before, after in pairwise(states):
        if before.boot_id != after.boot_id:
            continue
        bound_m = 0.35 * (after.stamp_ns - before.stamp_ns) * 1e-9 + 0.012
        assert abs(after.left_ticks - before.left_ticks) * metres_per_tick_m <= bound_m
        assert abs(after.right_ticks - before.right_ticks) * metres_per_tick_m <= bound_m


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", ["flip", "drop", "duplicate", "garbage", "tear", "digits"])
def test_garbled_replies_make_no_jump_and_raise_nothing(bench: Bench, kind: str, seed: int) -> None:
    rng = random.Random(seed)

    def mangle(data: bytes) -> bytes:
        if not data or rng.random() > 0.1:
            return data
        at = rng.randrange(len(data))
        return {
            "flip": lambda: data[:at] + bytes((data[at] ^ (1 << rng.randrange(8)),)) + data[at + 1 :],
            "drop": lambda: data[:at] + data[at + 1 :],
            "duplicate": lambda: data + data,
            "garbage": lambda: data[:at] + rng.randbytes(rng.randrange(1, 40)) + data[at:],
            "tear": lambda: data[:at],
            "digits": lambda: data[:at] + rng.choice((b"9", b"-", b"nan", b"1e99", b"99999999999999")) + data[at:],
        }[kind]()

    bench.to_drive(0.25, 0.3)
    bench.mangle = mangle
    bench.run(2.5)
    check_no_jump(bench.states(), bench.robot.drive.metres_per_tick_m)
    bench.mangle = lambda data: data
    bench.run(1.2)
    assert bench.link is LinkState.UP
    travelled = (bench.device.travel_m[0], bench.device.travel_m[1])  # type: ignore[attr-defined]
    boot = [state for state in bench.states() if state.boot_id == bench.states()[-1].boot_id]
    if boot[0] is bench.states()[0]:  # the session outlived all of it: then the counts are those of the wheels
        for side, ticks in enumerate((boot[-1].left_ticks, boot[-1].right_ticks)):
            assert ticks * bench.robot.drive.metres_per_tick_m == pytest.approx(travelled[side], abs=0.02)


@pytest.mark.parametrize("seed", range(3))
def test_pure_noise_never_brings_the_link_up(bench: Bench, seed: int) -> None:
    rng = random.Random(seed)
    bench.mangle = lambda _data: rng.randbytes(rng.randrange(120))
    bench.base.open()
    bench.run(3.0)
    assert bench.link is LinkState.CONNECTING
    assert bench.states() == []


def test_counters_wrap_without_a_jump(bench: Bench) -> None:
    bits = bench.dialect.counter_bits
    device = bench.device
    assert isinstance(device, Wheels)
    if bits <= 32:
        device.offset = [(1 << bits) - 50, (1 << (bits - 1)) - 50]
    bench.to_drive(0.3, 0.3)
    first, last = bench.states()[0], bench.states()[-1]
    assert first.boot_id == last.boot_id
    check_no_jump(bench.states(), bench.robot.drive.metres_per_tick_m)
    assert last.left_ticks - first.left_ticks == pytest.approx(last.right_ticks - first.right_ticks, abs=20)
    assert last.left_ticks - first.left_ticks > 200


def test_counts_that_begin_anew_are_a_new_boot_not_a_jump(bench: Bench) -> None:
    bench.to_drive()
    device, boot_id = bench.device, bench.states()[-1].boot_id
    assert isinstance(device, Wheels)
    device.travel_m = [50.0, -70.0]
    bench.run(0.3)
    assert bench.states()[-1].boot_id != boot_id
    check_no_jump(bench.states(), bench.robot.drive.metres_per_tick_m)


def test_a_base_without_a_time_out_is_told_as_such(bench: Bench) -> None:
    note, own_s = bench.base.note, bench.dialect.capabilities.firmware_timeout_s
    assert ("NO time-out" in note) == (own_s is None)
    assert f"a command lives {HOST_LIMIT_S * 1e3:.0f} ms" in note


def test_a_status_comes_at_least_every_half_second(bench: Bench) -> None:
    bench.base.open()
    bench.run(3.0)
    stamps = [event.stamp_ns for event in bench.events if isinstance(event, LinkStatus)]
    assert max(after - before for before, after in pairwise(stamps)) <= 505 * MS


def test_bumper_and_cliff_stop_and_stay_until_a_person_resets_them() -> None:
    for model, dialect, url in (
        (Create2Model(), Create2, "create2:///dev/x"),
        (KobukiModel(), Kobuki, "kobuki:///dev/x"),
    ):
        bench = Bench(make(dialect, url), model)
        bench.to_drive()
        if isinstance(model, Create2Model):
            model.bumps = 2
        else:
            model.bumper = 4
        bench.run(0.1)
        assert model.speeds_mps == pytest.approx([0.0, 0.0], abs=1e-9)
        assert bench.states()[-1].state is McuState.ESTOP
        assert any("left bumper" in reason for reason in bench.reasons())
        bench.base.reset_estop(bench.now_ns)
        bench.run(0.1)
        assert bench.states()[-1].state is McuState.ESTOP, "it is still pressed"
        if isinstance(model, Create2Model):
            model.bumps = 0
        else:
            model.bumper = 0
        bench.run(0.1)
        assert bench.states()[-1].state is McuState.ESTOP
        bench.base.reset_estop(bench.now_ns)
        bench.cmd = (0.2, 0.2, False)
        bench.run(0.2)
        assert bench.states()[-1].state is McuState.IDLE
        bench.cmd = (0.2, 0.2, True)
        bench.run(0.5)
        assert bench.states()[-1].state is McuState.DRIVING


def test_kobukis_gyro_is_handed_on() -> None:
    bench = Bench(make(Kobuki, "kobuki:///dev/x"), KobukiModel())
    bench.to_drive(-0.1, 0.1)
    imu = [event for event in bench.events if isinstance(event, Imu)][-1]
    assert imu.gyro_z_radps == pytest.approx(0.2 / 0.23, abs=1e-3)
    assert math.isnan(imu.accel_x_mps2), "it has no accelerometer"


def test_a_create_that_leaves_safe_mode_disarms() -> None:
    model = Create2Model()
    bench = Bench(make(Create2, "create2:///dev/x"), model)
    bench.to_drive()
    model.mode, model.speeds_mps = 1, [0.0, 0.0]  # a person pressed "clean"
    bench.run(0.1)
    assert bench.states()[-1].state is McuState.IDLE
    assert any("gave up driving" in reason for reason in bench.reasons())


@pytest.mark.parametrize("with_header", [True, False])
def test_create_sums_with_and_without_the_header_are_both_understood(with_header: bool) -> None:
    bench = Bench(make(Create2, "create2:///dev/x"), Create2Model(with_header))
    bench.to_drive()
    assert bench.dialect.faults.total() <= 3


def test_a_roboclaw_does_not_drive_before_its_own_time_out_is_confirmed() -> None:
    model = RoboClawModel()
    model.LENGTHS = {**model.LENGTHS, 15: 99}  # it never answers that question
    bench = Bench(make(RoboClaw, "roboclaw:///dev/x"), model)
    bench.base.open()
    bench.run(1.0)
    bench.cmd = (0.0, 0.0, False)
    bench.run(0.1)
    bench.cmd = (0.2, 0.2, True)
    bench.run(2.0)
    assert model.speeds_mps == [0.0, 0.0]


def test_kobuki_readings_that_were_held_up_keep_the_time_at_which_they_were_made() -> None:
    bench = Bench(make(Kobuki, "kobuki:///dev/x"), KobukiModel())
    bench.to_drive()
    held = bytearray()

    def hold(data: bytes) -> bytes:
        held.extend(data)
        return b""

    bench.mangle = hold
    bench.run(0.07)
    bench.mangle = lambda data: bytes(held) + data
    before = len(bench.states())
    bench.run(0.005)
    bench.mangle = lambda data: data
    bench.run(0.1)
    states = bench.states()[before - 1 :]
    assert len(states) >= 6
    gaps_ms = [round((after.stamp_ns - first.stamp_ns) / MS) for first, after in pairwise(states)]
    assert set(gaps_ms) <= {20, 25}, "the model speaks at the first step after 20 ms"
    assert max(state.stamp_ns for state in states) <= bench.now_ns


def test_create_readings_of_one_read_are_15_ms_apart() -> None:
    bench = Bench(make(Create2, "create2:///dev/x"), Create2Model())
    bench.to_drive()
    held = bytearray()

    def hold(data: bytes) -> bytes:
        held.extend(data)
        return b""

    bench.mangle = hold
    bench.run(0.06)
    bench.mangle = lambda data: bytes(held) + data
    before = len(bench.states())
    bench.run(0.005)
    states = bench.states()[before:]
    assert len(states) >= 3
    assert [after.stamp_ns - first.stamp_ns for first, after in pairwise(states)] == [15 * MS] * (len(states) - 1)


class NoKeeper:
    """A process that has died."""

    ready = False

    def wait_until_ready(self) -> bool:
        return True

    def say(self, _state: bytes) -> None: ...
    def close(self) -> None: ...


def test_without_the_process_that_stops_the_wheels_nothing_is_armed_and_what_drives_stops() -> None:
    model = KobukiModel()
    bench = Bench(make(Kobuki, "kobuki:///dev/x"), model)
    bench.to_drive()
    bench.base._make_keeper = lambda *_: NoKeeper()  # type: ignore[assignment,return-value]
    bench.base._keeper = NoKeeper()  # type: ignore[assignment]
    bench.run(0.05)
    assert model.speeds_mps == [0.0, 0.0]
    assert any("the process that stops the wheels has ended" in reason for reason in bench.reasons())
    bench.cmd = (0.2, 0.2, False)
    bench.run(0.1)
    bench.cmd = (0.2, 0.2, True)
    bench.run(1.5)
    assert model.speeds_mps == [0.0, 0.0]
    assert any("not armed: the base takes no speeds" in reason for reason in bench.reasons())


def test_the_status_counts_replies_commands_and_everything_refused() -> None:
    bench = Bench(make(Kobuki, "kobuki:///dev/x"), KobukiModel())
    bench.to_drive()

    def status() -> LinkStatus:
        return [event for event in bench.events if isinstance(event, LinkStatus)][-1]

    bench.run(1.0)
    before = status()
    assert before.frames_in > 100
    assert before.frames_out > 50
    assert before.crc_errors == 0
    model = bench.device
    assert isinstance(model, Wheels)
    model.travel_m[0] += 5.0
    bench.run(0.02)
    model.travel_m[0] -= 5.0
    bench.mangle = lambda data: data[:-1] + b"?" if data else data
    bench.run(0.02)
    bench.mangle = lambda data: data
    bench.run(1.0)
    assert status().crc_errors == 2, "one reading that no wheel made, one wrong checksum"
    assert status().frames_in > before.frames_in
    assert bench.link is LinkState.UP
