"""The host's link against the real firmware core, compiled for this machine, with a first-order wheel."""

from __future__ import annotations

import random

import pytest
from mcu_model import MS, Rig

from amr.errors import AmrError
from amr.messages import McuState, StopCategory, WheelCommand
from firmware_bridge import wire
from firmware_bridge.frames import encode_frame
from firmware_bridge.link import Phase
from firmware_bridge.native import DriveMode, NativeFirmware

TICK_M = 150.329e-6
SPEED_PER_DUTY_MPS = 1.0 / 0.345


class FirmwareRig(Rig):
    """A rig whose MCU is the C core; wheels follow their duty with a time constant of 50 ms, brake with 25 ms."""

    def __init__(self, *, boot_id: int = 77, mcu_start_us: int = 0, drift: float = 0.0) -> None:
        super().__init__(boot_id=boot_id, mcu_start_us=mcu_start_us, drift=drift)
        try:
            self.firmware = NativeFirmware(boot_id, mcu_start_us)
        except AmrError as error:  # no C compiler on this machine
            pytest.skip(str(error))
        self.position_m = [0.0, 0.0]
        self.speed_mps = [0.0, 0.0]
        self.estop = False
        self.battery_v = 24.0

    def run(self, duration_s: float) -> None:
        end_ns = self.now_ns + round(duration_s * 1e9)
        while self.now_ns < end_ns:
            self.now_ns += 5 * MS
            now_us = self.mcu_us()
            self.firmware.receive(self.up.take(self.now_ns), now_us)
            left, right = (int(position_m / TICK_M) for position_m in self.position_m)
            duty = self.firmware.tick(now_us, left, right, 0.1, 0.0, 0.0, self.battery_v, self.estop)
            self._move(duty.left_frac, duty.right_frac, duty.drive)
            self.down.put(self.firmware.transmit(), self.now_ns)
            self.host_step()

    def _move(self, left_frac: float, right_frac: float, drive: DriveMode) -> None:
        for side, duty_frac in enumerate((left_frac, right_frac)):
            target_mps, gain = duty_frac * SPEED_PER_DUTY_MPS, 0.1
            if drive is DriveMode.BRAKE:
                target_mps, gain = 0.0, 0.2
            elif drive is DriveMode.COAST:
                target_mps, gain = 0.0, 0.02
            self.speed_mps[side] += (target_mps - self.speed_mps[side]) * gain
            self.position_m[side] += self.speed_mps[side] * 0.005

    def fastest_mps(self) -> float:
        return max(abs(speed_mps) for speed_mps in self.speed_mps)

    def to_drive(self, left_mps: float = 0.5, right_mps: float = 0.7) -> None:
        self.bring_up()
        self.drive(0.0, 0.0, arm=False)
        self.run(0.05)
        self.drive(left_mps, right_mps)
        self.run(1.0)
        assert self.states()[-1].state is McuState.DRIVING, self.reasons()


@pytest.fixture
def rig() -> FirmwareRig:
    return FirmwareRig()


def test_drives_at_the_commanded_speeds_and_odometry_agrees(rig: FirmwareRig) -> None:
    rig.to_drive()
    state = rig.states()[-1]
    assert rig.speed_mps == pytest.approx([0.5, 0.7], abs=0.02)
    assert (state.left_mps, state.right_mps) == pytest.approx((0.5, 0.7), abs=0.02)
    assert state.left_ticks * TICK_M == pytest.approx(rig.position_m[0], abs=0.01)
    assert rig.link.faults() == {}


def test_drives_over_the_wrap_of_the_microsecond_counter() -> None:
    rig = FirmwareRig(mcu_start_us=2**32 - 1_200_000, drift=2e-4)
    rig.to_drive()
    rig.run(1.5)
    assert rig.speed_mps == pytest.approx([0.5, 0.7], abs=0.02)
    assert "stopping" not in rig.reasons()


def test_a_killed_host_stops_within_time_out_and_ramp(rig: FirmwareRig) -> None:
    rig.to_drive()
    rig.wish = None
    rig.run(0.100 + 0.7 / 3.5 + 0.1)
    assert rig.fastest_mps() < 0.02
    assert "driving -> stopping, command_expired" in rig.reasons()


def test_old_commands_out_of_a_full_buffer_never_move_a_wheel(rig: FirmwareRig) -> None:
    rig.to_drive()
    held: list[bytes] = []
    rig.up.mangle = lambda data: held.append(data) or b""  # type: ignore[func-returns-value]
    rig.run(0.9)
    assert rig.fastest_mps() < 0.02
    rig.wish = None
    rig.up.mangle = lambda data: data
    rig.up.put(b"".join(held), rig.now_ns)
    rig.run(0.5)
    assert rig.fastest_mps() < 0.02


def test_a_stop_frame_of_a_stranger_is_obeyed_and_his_command_is_not(rig: FirmwareRig) -> None:
    rig.to_drive()
    command = wire.Command(2_000_000, 2_000_000, (rig.mcu_us() + 90_000) & 0xFFFFFFFF, wire.CommandMode.DRIVE)
    rig.up.put(encode_frame(wire.type_of(wire.Command), 4711, 1, wire.encode(command)), rig.now_ns)
    rig.run(0.1)
    assert rig.speed_mps == pytest.approx([0.5, 0.7], abs=0.02)
    stop = wire.Stop(StopCategory.BRAKE, wire.HostCause.OPERATOR)
    rig.up.put(encode_frame(wire.type_of(wire.Stop), 4711, 9, wire.encode(stop)), rig.now_ns)
    rig.run(0.5)
    assert rig.fastest_mps() < 0.02
    assert rig.states()[-1].state is McuState.IDLE, "a held wish does not arm again"


def test_a_speed_that_is_not_finite_stops_the_real_wheels(rig: FirmwareRig) -> None:
    rig.to_drive()
    rig.drive(float("nan"), 0.5)
    rig.run(0.5)
    assert rig.fastest_mps() < 0.02
    rig.drive(0.5, 0.5)
    rig.run(0.5)
    assert rig.fastest_mps() < 0.02


def test_a_stop_by_command_keeps_it_armed_and_it_drives_on(rig: FirmwareRig) -> None:
    rig.to_drive()
    rig.drive(0.0, 0.0, stop=StopCategory.BRAKE)
    rig.run(0.6)
    assert rig.fastest_mps() < 0.02
    assert rig.states()[-1].state is McuState.ARMED
    rig.drive(0.5, 0.7)
    rig.run(0.8)
    assert rig.speed_mps == pytest.approx([0.5, 0.7], abs=0.02)


def test_estop_release_is_not_reset_and_reset_is_not_arm(rig: FirmwareRig) -> None:
    rig.to_drive()
    rig.estop = True
    rig.run(0.5)
    assert rig.fastest_mps() < 0.02
    rig.estop = False
    rig.run(0.5)
    assert rig.states()[-1].state is McuState.ESTOP
    rig.up.put(rig.link.reset_estop(rig.now_ns), rig.now_ns)
    rig.run(0.5)
    assert rig.states()[-1].state is McuState.IDLE
    assert rig.fastest_mps() < 0.02


def test_the_link_comes_up_while_the_estop_is_pressed(rig: FirmwareRig) -> None:
    rig.estop = True
    rig.bring_up()
    rig.run(0.1)
    assert rig.states()[-1].state is McuState.ESTOP
    assert rig.states()[-1].faults & wire.FaultBit.ESTOP_INPUT


def test_a_reboot_while_driving_is_noticed_at_once_and_comes_back_disarmed(rig: FirmwareRig) -> None:
    rig.to_drive()
    ticks_before = rig.states()[-1].left_ticks
    rig.firmware.reset(78, rig.mcu_us())
    rig.run(0.015)
    assert rig.link.phase is not Phase.UP
    rig.bring_up()
    rig.run(0.6)  # a board that restarts brakes first of all
    assert rig.states()[-1].boot_id == 78
    assert rig.states()[-1].state is McuState.IDLE
    assert rig.fastest_mps() < 0.02
    same_boot = [state.left_ticks for state in rig.states() if state.boot_id == 77]
    assert abs(same_boot[-1] - ticks_before) < 200


def test_pulled_and_put_back_the_odometry_does_not_jump_and_it_waits_to_be_armed(rig: FirmwareRig) -> None:
    rig.to_drive()
    rig.up.mangle = rig.down.mangle = lambda _: b""
    rig.run(1.0)
    rig.link.disconnected("pulled", rig.now_ns)
    rig.up.mangle = rig.down.mangle = lambda data: data
    rig.bring_up()
    rig.run(0.3)
    state = rig.states()[-1]
    assert state.state is McuState.IDLE
    assert state.left_ticks * TICK_M == pytest.approx(rig.position_m[0], abs=0.01)


def test_battery_low_is_a_fault_bit_and_arming_is_refused_while_it_lasts(rig: FirmwareRig) -> None:
    rig.to_drive()
    rig.battery_v = 12.0
    rig.run(5.0)
    assert rig.fastest_mps() < 0.02
    assert rig.states()[-1].faults & wire.FaultBit.BATTERY_LOW
    rig.drive(0.0, 0.0, arm=False)
    rig.run(0.1)
    rig.drive(0.3, 0.3)
    rig.run(0.5)
    assert rig.fastest_mps() < 0.02
    assert "board refused Arm" in rig.reasons()


@pytest.mark.parametrize("seed", range(4))
def test_a_bad_line_never_drives_faster_than_commanded_and_recovers(seed: int) -> None:
    rng = random.Random(seed)

    def mangle(data: bytes) -> bytes:
        out = bytearray()
        for byte in data:
            action = rng.random()
            if action < 0.004:
                out += rng.randbytes(rng.randrange(0, 3))
            elif action < 0.008:
                out.append(byte ^ (1 << rng.randrange(8)))
            else:
                out.append(byte)
        return bytes(out) + (data if rng.random() < 0.01 else b"")

    rig = FirmwareRig()
    rig.to_drive(0.3, 0.3)
    rig.up.mangle = rig.down.mangle = mangle
    for _ in range(100):
        rig.run(0.02)
        assert rig.fastest_mps() < 0.36
    assert all(abs(state.left_mps) < 0.36 for state in rig.states())
    rig.up.mangle = rig.down.mangle = lambda data: data
    rig.bring_up()
    rig.drive(0.0, 0.0, arm=False)
    rig.run(1.0)
    rig.drive(0.3, 0.3)
    rig.run(1.0)
    assert rig.speed_mps == pytest.approx([0.3, 0.3], abs=0.02)


def test_late_and_far_expiries_are_refused(rig: FirmwareRig) -> None:
    rig.to_drive(0.2, 0.2)
    cmd = WheelCommand(0.5, 0.5, rig.now_ns + 100 * MS, None, True)
    data = rig.link.command(cmd, rig.now_ns)
    rig.mcu_start_us += 60_000_000  # the MCU's clock jumps: what was valid is late now
    rig.firmware.receive(data, rig.mcu_us())
    rig.run(0.01)
    assert rig.fastest_mps() < 0.25
