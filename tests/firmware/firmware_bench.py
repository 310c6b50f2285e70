"""A bench for the firmware: the native library, a motor model on each side, and a host that can also misbehave."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from amr.messages import McuState
from firmware_bridge.frames import Frame, FrameReader, encode_frame
from firmware_bridge.native import DriveMode, Duty, NativeFirmware
from firmware_bridge.wire import (
    Arm,
    Command,
    CommandMode,
    ConfigAck,
    Configure,
    Hello,
    HelloAck,
    Message,
    Telemetry,
    arm_token,
    decode,
    encode,
    session_nonce,
    type_of,
)

TICK_US = 5000
AnyMessage = TypeVar("AnyMessage")


@dataclass(frozen=True)
class MotorModel:
    """One side of a robot: a DC gear motor at the wheel, with the mass that it moves as inertia."""

    supply_v: float
    resistance_ohm: float
    torque_constant_nm_per_a: float
    back_emf_v_s_per_rad: float
    friction_nm: float
    inertia_kgm2: float
    wheel_radius_m: float
    ticks_per_rev: int
    current_limit_a: float

    @property
    def m_per_tick(self) -> float:
        return 2.0 * math.pi * self.wheel_radius_m / self.ticks_per_rev


JACKAL = MotorModel(24.0, 0.6, 0.72, 0.80, 0.32, 0.092, 0.098, 4096, 20.0)
"""Half a Jackal: 8.25 kg at the wheel's radius, two wheels, rotor."""
SMALL = MotorModel(12.0, 2.2, 0.35, 0.55, 0.05, 0.0022, 0.035, 3200, 5.0)
"""Half of a 3 kg robot with 12 V gear motors and wheels of 70 mm."""

JACKAL_CONFIG = Configure(
    nm_per_tick=round(JACKAL.m_per_tick * 1e9),
    track_um=558_600,
    wheel_max_mm_s=3200,
    v_max_mm_s=2041,
    v_reverse_max_mm_s=613,
    wheel_accel_mm_s2=6352,
    wheel_decel_mm_s2=6852,
    stop_ramp_mm_s2=3500,
    feed_forward_q16=round(0.345 * 65536),
    proportional_q16=round(0.6 * 65536),
    integral_q16=round(3.0 * 65536),
    static_duty_q15=round(0.02 * 32768),
    loop_hz=200,
    telemetry_hz=200,
    command_timeout_ms=100,
    battery_min_mv=18_000,
    encoder_fault_ms=300,
    flags=0,
)
SMALL_CONFIG = replace(
    JACKAL_CONFIG,
    nm_per_tick=round(SMALL.m_per_tick * 1e9),
    track_um=220_000,
    wheel_max_mm_s=1100,
    v_max_mm_s=720,
    v_reverse_max_mm_s=310,
    wheel_accel_mm_s2=2500,
    wheel_decel_mm_s2=3000,
    stop_ramp_mm_s2=1500,
    feed_forward_q16=round(1.31 * 65536),
    proportional_q16=round(1.5 * 65536),
    integral_q16=round(8.0 * 65536),
    static_duty_q15=round(0.026 * 32768),
    battery_min_mv=9_500,
)


@dataclass
class Wheel:
    """True motion of one side, and what its encoder makes of it."""

    model: MotorModel
    speed_radps: float = 0.0
    angle_rad: float = 0.0
    encoder_dead: bool = False
    encoder_sign: int = 1
    blocked: bool = False
    push_nm: float = 0.0
    """Torque from outside: a slope, or a hand."""
    _seen_ticks: int = 0

    @property
    def speed_mps(self) -> float:
        return self.speed_radps * self.model.wheel_radius_m

    @property
    def ticks(self) -> int:
        if not self.encoder_dead:
            count = math.floor(self.angle_rad * self.model.ticks_per_rev / (2.0 * math.pi))
            self._seen_ticks = self.encoder_sign * count
        return self._seen_ticks

    def advance(self, duty_frac: float, drive: DriveMode, step_s: float = 0.001) -> None:
        model = self.model
        volts = duty_frac * model.supply_v if drive is DriveMode.DRIVE else 0.0
        current = (volts - model.back_emf_v_s_per_rad * self.speed_radps) / model.resistance_ohm
        limit = model.current_limit_a
        current = 0.0 if drive is DriveMode.COAST else max(-limit, min(limit, current))
        torque = current * model.torque_constant_nm_per_a + self.push_nm
        if self.blocked or (self.speed_radps == 0.0 and abs(torque) <= model.friction_nm):
            self.speed_radps = 0.0
            return
        direction = math.copysign(1.0, self.speed_radps if self.speed_radps != 0.0 else torque)
        faster = self.speed_radps + (torque - direction * model.friction_nm) / model.inertia_kgm2 * step_s
        self.speed_radps = 0.0 if self.speed_radps * faster < 0.0 else faster
        self.angle_rad += self.speed_radps * step_s


@dataclass
class Sample:
    """What a tick left."""

    now_us: int
    duty: Duty
    left_mps: float
    right_mps: float


@dataclass
class Bench:
    """Firmware, wheels and host in lockstep. ``now_us`` is the MCU's clock, not wrapped."""

    model: MotorModel = JACKAL
    config: Configure = JACKAL_CONFIG
    boot_id: int = 0x1234
    now_us: int = 0
    shared_object: Path | None = None
    battery_v: float = 24.0
    estop: bool = False
    driver_fault: bool = False
    imu_ok: bool = True
    tick_us: int = TICK_US
    host_nonce: int = 0xABCD
    sent_seq: int = 0
    messages: list[Message] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.firmware = NativeFirmware(self.boot_id, self.now_us, shared_object=self.shared_object)
        self.left, self.right = Wheel(self.model), Wheel(self.model)
        self.reader = FrameReader()
        self.frames: list[Frame] = []
        self.duty = Duty(0.0, 0.0, DriveMode.COAST, True)

    # ------------------------------------------------------------ the host

    @property
    def nonce(self) -> int:
        return session_nonce(self.host_nonce, self.boot_id)

    def send(self, message: Message, *, nonce: int | None = None, seq: int | None = None) -> None:
        """One frame to the firmware; numbered as the protocol wants unless told otherwise."""
        if seq is None:
            self.sent_seq = (self.sent_seq + 1) & 0xFFFF
            seq = self.sent_seq
        number = type_of(type(message))
        self.feed(encode_frame(number, self.nonce if nonce is None else nonce, seq, encode(message)))

    def feed(self, data: bytes) -> None:
        """Any bytes to the firmware; its answers are read at once."""
        self.firmware.receive(data, self.now_us)
        self._listen()

    def hello(self, host_nonce: int | None = None, version: int = 1) -> None:
        if host_nonce is not None:
            self.host_nonce = host_nonce
        self.sent_seq = 0
        self.send(Hello(version, self.host_nonce), nonce=0, seq=0)

    def configure(self, config: Configure | None = None) -> ConfigAck:
        self.config = config or self.config
        self.send(self.config)
        return self.last(ConfigAck)

    def connect(self) -> Bench:
        """Handshake, configuration, and a moment of standstill."""
        self.step(2)
        self.hello()
        assert self.last(HelloAck).boot_id == self.boot_id
        assert self.configure().accepted == 1
        self.step(15)
        return self

    def arm(self, token: int | None = None) -> Bench:
        digest = self.last(ConfigAck).digest
        self.send(Arm(arm_token(digest, self.boot_id) if token is None else token))
        self.step()
        return self

    def command(
        self, left_mps: float, right_mps: float, life_us: int = 100_000, mode: CommandMode = CommandMode.DRIVE
    ) -> None:
        self.send(Command(round(left_mps * 1e6), round(right_mps * 1e6), self.now_us + life_us & 0xFFFF_FFFF, mode))

    def drive(self, left_mps: float, right_mps: float, seconds: float, every_ticks: int = 4) -> Bench:
        """Commands at 50 Hz for so long."""
        for tick in range(round(seconds * 1e6 / self.tick_us)):
            if tick % every_ticks == 0:
                self.command(left_mps, right_mps)
            self.step()
        return self

    # ------------------------------------------------------------ time and motion

    def step(self, ticks: int = 1) -> None:
        """Ticks of the firmware, with the physics of 1 ms steps between them."""
        for _ in range(ticks):
            self.duty = self.firmware.tick(
                self.now_us, self.left.ticks, self.right.ticks, 0.1, 0.2, -0.3, self.battery_v, self.estop,
                self.imu_ok, self.driver_fault,
            )  # fmt: skip
            self._listen()
            self.samples.append(Sample(self.now_us, self.duty, self.left.speed_mps, self.right.speed_mps))
            for _ in range(max(1, self.tick_us // 1000)):
                self.left.advance(self.duty.left_frac, self.duty.drive)
                self.right.advance(self.duty.right_frac, self.duty.drive)
            self.now_us += self.tick_us

    def run(self, seconds: float) -> None:
        self.step(round(seconds * 1e6 / self.tick_us))

    # ------------------------------------------------------------ what came back

    def _listen(self) -> None:
        for event in self.reader.feed(self.firmware.transmit()):
            assert isinstance(event, Frame), event
            self.frames.append(event)
            message = decode(event.type, event.payload)
            assert not hasattr(message, "kind"), message
            self.messages.append(message)  # type: ignore[arg-type]

    def all(self, kind: type[AnyMessage]) -> list[AnyMessage]:
        return [message for message in self.messages if isinstance(message, kind)]

    def last(self, kind: type[AnyMessage]) -> AnyMessage:
        return self.all(kind)[-1]

    @property
    def telemetry(self) -> Telemetry:
        return self.last(Telemetry)

    @property
    def state(self) -> McuState:
        return self.telemetry.state
