"""The shipped binaries on an emulated Mega and Uno: their pins, wire and watchdog, and the same bytes every time."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest

from amr.config.robot import RobotConfig
from amr.errors import AmrError, ConfigError
from amr.messages import BaseState, Imu, LinkStatus, McuState, WheelCommand
from amr.runtime.files import load_robot
from firmware_bridge.emulated import EmulatedFirmware, Fault
from firmware_bridge.emulated_build import BOARDS, build_elf, build_emulator
from firmware_bridge.link import HostLink, Phase, link_config_from_robot
from firmware_bridge.native import DriveMode, Duty

MS_NS = 1_000_000
BRAKING = Duty(0.0, 0.0, DriveMode.DRIVE, True)
"""Both inputs low and the bridges on: the motors are shorted."""


@pytest.fixture(scope="session")
def emulator() -> None:
    """Both programs that an emulated board needs."""
    try:
        build_emulator()
        for board in BOARDS:
            build_elf(board, 115200)
    except AmrError as error:
        pytest.skip(str(error))


class Rig:
    """A host and an emulated board; wheels follow their duty at once."""

    def __init__(self, robot: RobotConfig, encoder_edges_per_s: float | None = None, board: str = "mega2560") -> None:
        self.robot = robot
        self.board = EmulatedFirmware(board, robot.link.baud)
        self.link = HostLink(link_config_from_robot(robot), host_nonce=77)
        self.duty = Duty(0.0, 0.0, DriveMode.COAST, True)
        self.ms = 0
        self.position_m = [0.0, 0.0]
        self.edges_per_s = encoder_edges_per_s
        self.spun = 0.0
        self.wish: tuple[float, float] | None = None
        self.arm = False
        self.estop = False
        self.bytes_out = hashlib.sha256()
        self.sent_bytes = 0
        self.states: list[BaseState] = []
        self.imus: list[Imu] = []
        self.reasons: list[str] = []

    def run(self, duration_s: float) -> Rig:
        for _ in range(round(duration_s * 1000.0)):
            self._millisecond()
        return self

    def to_drive(self) -> Rig:
        self.run(0.4)
        self.wish = (0.4, 0.5)
        self.run(0.05)
        self.arm = True
        self.run(0.6)
        assert self.states[-1].state is McuState.DRIVING, self.reasons
        return self

    def ticks(self) -> tuple[int, int]:
        if self.edges_per_s is not None:
            return int(self.spun), -int(self.spun)
        left_m, right_m = self.position_m
        return int(left_m / self.robot.drive.metres_per_tick_m), int(right_m / self.robot.drive.metres_per_tick_m)

    def _millisecond(self) -> None:
        self.ms += 1
        if self.edges_per_s is not None:
            self.spun += 0.5e-3 * self.edges_per_s  # half of the edges come from each side
        for side, duty_frac in enumerate((self.duty.left_frac, self.duty.right_frac)):
            self.position_m[side] += 0.97e-3 * duty_frac
        self.duty = self.board.tick(self.ms * 1000, *self.ticks(), 0.1, 0.2, -0.3, 12.0, self.estop)
        data, now_ns = self.board.transmit(), self.ms * MS_NS
        self.bytes_out.update(data)
        self.sent_bytes += len(data)
        self._hear(self.link.receive(data, now_ns))
        if self.ms % 5 == 0:
            to_send, statuses = self.link.poll(now_ns)
            self._hear(statuses)
            if self.wish is not None and self.ms % 20 == 0:
                command = WheelCommand(*self.wish, now_ns + 100 * MS_NS, None, self.arm)
                to_send += self.link.command(command, now_ns)
            self.board.receive(to_send, self.ms * 1000)

    def _hear(self, events: list[BaseState | Imu | LinkStatus] | list[LinkStatus]) -> None:
        for event in events:
            if isinstance(event, BaseState):
                self.states.append(event)
            elif isinstance(event, Imu):
                self.imus.append(event)
            else:
                self.reasons.append(event.reason)


@pytest.fixture(scope="session")
def robot() -> RobotConfig:
    return load_robot("reference")


@pytest.fixture(params=BOARDS)
def board(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def rig(emulator: None, robot: RobotConfig, board: str) -> Iterator[Rig]:  # noqa: ARG001
    made = Rig(robot, board=board)
    yield made
    made.board.close()


def test_drives_measures_and_reports_through_pins_and_wire(rig: Rig) -> None:
    rig.to_drive()
    state = rig.states[-1]
    assert (state.left_mps, state.right_mps) == pytest.approx((0.4, 0.5), abs=0.03)
    assert (rig.duty.left_frac, rig.duty.right_frac) == pytest.approx((0.4 / 0.97, 0.5 / 0.97), abs=0.03)
    assert state.battery_v == pytest.approx(12.0, abs=0.03)
    imu = rig.imus[-1]
    assert (imu.gyro_z_radps, imu.accel_x_mps2, imu.accel_y_mps2) == pytest.approx((0.1, 0.2, -0.3), abs=2e-3)
    assert rig.link.faults() == {}
    assert rig.board.counters.overruns == 0
    assert rig.board.counters.watchdog_resets == 0


def test_the_same_calls_give_the_same_bytes(emulator: None, robot: RobotConfig, board: str) -> None:  # noqa: ARG001
    digests = []
    for _ in range(2):
        rig = Rig(robot, board=board)
        rig.to_drive()
        rig.board.close()
        digests.append(rig.bytes_out.hexdigest())
    assert digests[0] == digests[1]


def test_telemetry_of_200_hz_fits_115200_baud_with_40_000_encoder_edges_a_second_and_none_lost(
    emulator: None,  # noqa: ARG001
    robot: RobotConfig,
    board: str,
) -> None:
    rig = Rig(robot, 0.0, board)
    rig.run(0.1)  # it has booted
    rig.edges_per_s = 40_000.0
    rig.run(0.4)
    before, sent_before = len(rig.states), rig.sent_bytes
    rig.run(1.0)
    rig.edges_per_s = 0.0
    rig.run(0.05)
    assert 198 <= len(rig.states) - before - 10 <= 202
    assert rig.sent_bytes - sent_before < 11_520
    last = rig.states[-1]
    assert (last.left_ticks, last.right_ticks) == (int(rig.spun), -int(rig.spun))
    assert rig.board.counters.edges == 2 * int(rig.spun)
    assert rig.board.counters.overruns == 0
    assert rig.board.counters.stack_unused_bytes >= 128
    rig.board.close()


def test_a_killed_host_stops_the_wheels(rig: Rig) -> None:
    rig.to_drive()
    rig.wish = None
    rig.run(0.1 + 0.5 / 1.5 + 0.1)
    assert (rig.duty.left_frac, rig.duty.right_frac) == pytest.approx((0.0, 0.0), abs=0.01)
    assert any("command_expired" in reason for reason in rig.reasons)


def test_the_estop_input_brakes_at_once(rig: Rig) -> None:
    rig.to_drive()
    rig.estop = True
    rig.run(0.007)  # one loop of 5 ms, and what it takes
    assert rig.duty == BRAKING
    rig.run(0.05)
    assert rig.states[-1].state is McuState.ESTOP


def test_the_watchdog_brakes_at_a_hang_and_the_link_comes_back(rig: Rig) -> None:
    rig.to_drive()
    rig.board.strike(Fault.HANG)
    rig.run(0.070)  # the first time-out of 64 ms
    assert rig.duty == BRAKING
    assert rig.board.counters.watchdog_resets == 0
    rig.run(0.065)
    assert rig.board.counters.watchdog_resets == 1
    assert rig.duty == BRAKING
    rig.run(1.0)
    assert rig.link.phase is Phase.UP
    assert any("watchdog_reset" in reason for reason in rig.reasons)
    assert rig.states[-1].state is McuState.IDLE, "a reset disarms"
    assert rig.duty.drive is DriveMode.COAST


@pytest.mark.parametrize("boot_us", [100, 300, 600])
def test_a_boot_that_hangs_is_ended_by_the_watchdog(rig: Rig, boot_us: int) -> None:
    """From the clearing of RAM on; an emulated boot ends within a millisecond, for its EEPROM takes no time."""
    rig.board.tick(boot_us, 0, 0, 0.0, 0.0, 0.0, 12.0, False)
    rig.board.strike(Fault.HANG)
    rig.ms = boot_us // 1000
    rig.run(0.245)
    assert rig.board.counters.watchdog_resets == 0
    assert rig.sent_bytes == 0, "it had not booted"
    assert rig.duty == BRAKING
    rig.run(0.03)
    assert rig.board.counters.watchdog_resets == 1
    rig.run(1.0)
    assert rig.board.counters.watchdog_resets == 1
    assert rig.link.phase is Phase.UP
    assert rig.states[-1].state is McuState.IDLE


def test_a_reset_brakes_by_its_wiring_while_the_bootloader_runs_and_makes_a_new_boot(rig: Rig) -> None:
    rig.to_drive()
    boot_id = rig.states[-1].boot_id
    rig.board.strike(Fault.EXTERNAL_RESET, held_s=0.1)
    for _ in range(110):
        rig.run(0.001)
        assert rig.duty == BRAKING
    rig.run(1.0)
    assert rig.link.phase is Phase.UP
    assert rig.states[-1].boot_id != boot_id
    assert rig.states[-1].state is McuState.IDLE


def test_without_its_supply_the_robot_coasts_and_brakes_as_soon_as_it_is_back(rig: Rig) -> None:
    rig.to_drive()
    boot_id = rig.states[-1].boot_id
    rig.board.strike(Fault.BROWN_OUT, held_s=0.1)
    rig.run(0.049)
    assert rig.duty.drive is DriveMode.COAST
    rig.run(0.002)
    assert rig.duty == BRAKING
    rig.run(1.0)
    assert rig.link.phase is Phase.UP
    assert rig.states[-1].boot_id != boot_id


def test_a_dead_process_is_one_line(rig: Rig) -> None:
    rig.run(0.01)
    rig.board.close()
    with pytest.raises(AmrError, match=r"emulated \w+: closed"):
        rig.run(0.01)


def test_a_baud_rate_out_of_reach_is_named(emulator: None) -> None:  # noqa: ARG001
    with (
        EmulatedFirmware("mega2560", 460_800) as board,
        pytest.raises(ConfigError, match=r"link\.baud: 460800 is out of reach"),
    ):
        board.tick(20_000, 0, 0, 0.0, 0.0, 0.0, 12.0, False)
