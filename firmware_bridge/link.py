"""The host's end of the wire, sans-IO: bytes and times in, messages and bytes out (``PROTOCOL.md``, sections 2 to 7).

The shell calls ``receive`` with what the port had, then ``poll``, and ``command`` once a completed step: that is the
only heartbeat. Nothing here raises for anything that a peer sends; faults are counted and named in ``LinkStatus``.
"""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from typing import cast
from zlib import crc32

from amr.messages import BaseState, Imu, LinkState, LinkStatus, McuState, StopCategory, WheelCommand
from firmware_bridge import wire
from firmware_bridge.arming import ACTIVE_STATES, Arming, ArmState
from firmware_bridge.clock import ClockMap
from firmware_bridge.commands import drive_message, event_text, judge, stop_for, turned_as
from firmware_bridge.faults import Fault, FaultKind
from firmware_bridge.frames import Frame, FrameReader, encode_frame
from firmware_bridge.link_config import LinkConfig, link_config_from_robot
from firmware_bridge.odometer import ImuWatch, Odometer
from firmware_bridge.sequence import SequenceWindow

__all__ = ["HostLink", "LinkConfig", "Phase", "link_config_from_robot"]

RETRY_NS = 100_000_000
VERSION_RETRY_NS = 1_000_000_000
HANDSHAKE_NS = 2_000_000_000
SYNC_PING_NS = 20_000_000
PING_NS = 250_000_000
PONG_TIMEOUT_NS = 1_000_000_000
LIVENESS_NS = 200_000_000
LIVENESS_PERIODS = 4
HEARD_NS = 1_000_000_000
STATUS_NS = 500_000_000
FUTURE_NS = 50_000_000
PINGS_KEPT = 32
STATUSES_KEPT = 64
_NONCE_STEP = 0x9E3779B9
_BOOT = wire.type_of(wire.Boot)
_HELLO_ACK = wire.type_of(wire.HelloAck)
_ARM = wire.type_of(wire.Arm)


class Phase(StrEnum):
    """How far the handshake is."""

    HELLO = "hello"
    CONFIGURE = "configure"
    SYNC = "sync"
    UP = "up"


class HostLink:
    """One host's session with one MCU, through any number of reconnects.

    ``host_nonce`` is any number that no earlier host of this MCU's boot used (random, or from the run's seed);
    each further handshake derives its own from it.
    """

    def __init__(self, config: LinkConfig, host_nonce: int) -> None:
        self._adopt(config)
        self._reader = FrameReader()
        self._window = SequenceWindow()
        self._arming = Arming()
        self._faults: Counter[FaultKind] = Counter()
        self.frames_out = 0
        self.reconnects = 0
        """Sessions lost after they were up."""
        self._host_nonce = (host_nonce & 0xFFFFFFFF) or 1
        self._statuses: list[LinkStatus] = []
        self._stop_due = False
        self._heard_ns: int | None = None
        self._status_ns: int | None = None
        self._link_state = LinkState.DOWN
        self._reason = "not connected yet"
        self._told_reason = self._reason
        self._begin()

    # ------------------------------------------------------------ what the shell calls

    def receive(self, data: bytes, now_ns: int) -> list[BaseState | Imu | LinkStatus]:
        """All that these bytes complete; stamps are robot time. Call before ``poll``."""
        out: list[BaseState | Imu | LinkStatus] = []
        for event in self._reader.feed(data):
            if isinstance(event, Frame):
                self._take_frame(event, now_ns, out)
        self._report_change(now_ns)
        out.extend(self._drain())
        return out

    def poll(self, now_ns: int) -> tuple[bytes, list[LinkStatus]]:
        """Bytes that time asks for (handshake, pings, a stop after a loss) and the status; call at least every step."""
        if self._phase is Phase.UP:
            self._check_liveness(now_ns)
        elif self._phase is not Phase.HELLO and now_ns - self._phase_ns >= HANDSHAKE_NS:
            self._restart(f"no end of the handshake in phase {self._phase}: {self._reason}")
        data = b""
        if self._stop_due:
            self._stop_due = False
            data = self._outside_session(wire.Stop(StopCategory.RAMP, wire.HostCause.LINK_LOST))
        data += self._handshake(now_ns)
        self._report_change(now_ns)
        if self._status_ns is None or now_ns - self._status_ns >= STATUS_NS:
            self._report(now_ns, self._reason)
        return data, self._drain()

    def command(self, cmd: WheelCommand, now_ns: int) -> bytes:
        """The bytes of one completed step's command; nothing unless the link is up.

        A speed that is not finite or beyond the configured limits is a STOP frame and a fault; it locks arming.
        """
        if self._phase is not Phase.UP:
            return b""
        cmd = turned_as(cmd, self.config.left_scale, self.config.right_scale)
        fault = judge(cmd, self.config.configure)
        if fault is not None:
            self._count(fault.kind)
            self._arming.lock()
            self._report(now_ns, f"{fault.kind}: {fault.detail}")
            return self._send(stop_for(fault, cmd))
        data = b""
        if self._arming.step(cmd.arm, self._mcu_state, now_ns):
            data = self._send(wire.Arm(wire.arm_token(self._digest, self._boot_id)))
        if self._mcu_state not in ACTIVE_STATES:
            return data
        if not cmd.arm:
            if cmd.stop is None:
                return self._send(wire.Disarm())
            return self._send(wire.Stop(cmd.stop, wire.HostCause.SAFETY))
        if self._arming.state is not ArmState.ARMED:
            return data
        return data + self._drive(cmd, now_ns)

    def reset_estop(self, now_ns: int) -> bytes:
        """The bytes of an operator's reset of e-stop latch and latched faults; it does not arm, and locks arming."""
        if self._phase is not Phase.UP:
            return b""
        self._arming.lock()
        self._report(now_ns, "reset of e-stop and faults sent")
        return self._send(wire.ResetEstop())

    def goodbye(self) -> bytes:
        """The bytes to send before the port is closed on purpose: a stop that is accepted in any state."""
        return self._outside_session(wire.Stop(StopCategory.RAMP, wire.HostCause.SHUTDOWN))

    def disconnected(self, reason: str, now_ns: int) -> None:
        """The port is gone: forget half a frame and the session; the next ``poll`` tells it and says HELLO again."""
        self._reader.reset()
        self._restart(reason)
        self._stop_due = False
        self._heard_ns = None
        self._report_change(now_ns)

    def reconfigure(self, config: LinkConfig) -> None:
        """Other settings from now on: the next ``poll`` stops the wheels and begins a new session, disarmed."""
        self._adopt(config)
        self._restart("other settings")

    def _adopt(self, config: LinkConfig) -> None:
        self.config = config
        self._digest = crc32(wire.encode(config.configure))
        self._liveness_ns = max(LIVENESS_NS, LIVENESS_PERIODS * config.telemetry_period_ns)
        few_ns = LIVENESS_PERIODS * config.telemetry_period_ns
        self._trust_ns = max(config.command_timeout_ns, config.mcu_to_host_delay_ns + few_ns)
        self._odometer = Odometer((config.left_scale, config.right_scale))

    @property
    def sent_seq(self) -> int:
        """Number of the last frame of this session; after ``command`` of an armed robot that of the COMMAND."""
        return self._seq

    def status(self, now_ns: int) -> LinkStatus:
        """The link now."""
        return self._status(now_ns, self._reason)

    @property
    def phase(self) -> Phase:
        """How far the handshake is."""
        return self._phase

    @property
    def arm_state(self) -> ArmState:
        """What the host thinks of arming."""
        return self._arming.state

    @property
    def clock_error_ns(self) -> int:
        """Stated error of the stamps (``ClockMap.error_ns``)."""
        return self._clock.error_ns

    def faults(self) -> Counter[FaultKind]:
        """All faults by kind since construction."""
        return self._reader.faults + self._faults

    # ------------------------------------------------------------ session

    def _begin(self) -> None:
        """Everything that belongs to one session."""
        self._phase = Phase.HELLO
        self._phase_ns = 0
        self._sent_ns: int | None = None
        self._retry_ns = RETRY_NS
        self._nonce = 0
        self._boot_id = 0
        self._seq = 0
        self._clock = ClockMap(self.config.host_to_mcu_delay_ns, self.config.mcu_to_host_delay_ns)
        self._pings: dict[int, int] = {}
        self._pong_ns = 0
        self._telemetry_ns = 0
        self._measured_ns = 0
        self._stamp_mcu_ns: int | None = None
        self._imu = ImuWatch(self.config.gyro_scale, self.config.gyro_offset_radps)
        self._mcu_state = McuState.BOOT
        self._arming.lock()

    def _restart(self, reason: str) -> None:
        if self._phase is Phase.UP:
            self.reconnects += 1
            self._stop_due = True
        self._reason = reason
        self._host_nonce = ((self._host_nonce + _NONCE_STEP) & 0xFFFFFFFF) or 1
        self._begin()

    def _enter(self, phase: Phase, now_ns: int, reason: str) -> None:
        self._phase, self._phase_ns, self._reason = phase, now_ns, reason
        self._sent_ns = None

    def _check_liveness(self, now_ns: int) -> None:
        if now_ns - self._telemetry_ns >= self._liveness_ns:
            self._restart(f"no telemetry for {(now_ns - self._telemetry_ns) // 1_000_000} ms")
        elif now_ns - self._pong_ns >= PONG_TIMEOUT_NS:
            self._restart(f"no answer to pings for {(now_ns - self._pong_ns) // 1_000_000} ms")

    def _handshake(self, now_ns: int) -> bytes:
        """What the phase repeats until it is answered."""
        period_ns = {Phase.SYNC: SYNC_PING_NS, Phase.UP: PING_NS}.get(self._phase, self._retry_ns)
        if self._sent_ns is not None and now_ns - self._sent_ns < period_ns:
            return b""
        self._sent_ns = now_ns
        if self._phase is Phase.HELLO:
            return self._outside_session(wire.Hello(wire.PROTOCOL_VERSION, self._host_nonce))
        if self._phase is Phase.CONFIGURE:
            return self._send(self.config.configure)
        return self._ping(now_ns)

    def _ping(self, now_ns: int) -> bytes:
        host_us = (now_ns // 1000) & 0xFFFFFFFFFFFFFFFF
        self._pings[host_us] = now_ns
        if len(self._pings) > PINGS_KEPT:
            del self._pings[next(iter(self._pings))]
        return self._send(wire.Ping(host_us))

    # ------------------------------------------------------------ out

    def _send(self, message: wire.Message) -> bytes:
        self._seq = (self._seq + 1) & 0xFFFF
        self.frames_out += 1
        return encode_frame(wire.type_of(type(message)), self._nonce, self._seq, wire.encode(message))

    def _outside_session(self, message: wire.Message) -> bytes:
        self.frames_out += 1
        return encode_frame(wire.type_of(type(message)), 0, 0, wire.encode(message))

    def _drive(self, cmd: WheelCommand, now_ns: int) -> bytes:
        """The COMMAND, which outlives neither itself nor what the board last measured by more than the time-out.

        So a line that is dead, late or slowly read on its way here stops the wheels as soon as one that is dead there.
        """
        trusted_ns = self._measured_ns + self._trust_ns
        expiry_ns = min(cmd.expiry_ns, now_ns + self.config.command_timeout_ns, trusted_ns)
        if expiry_ns <= now_ns:
            self._count(FaultKind.COMMAND_LATE)
            what = "telemetry is" if expiry_ns == trusted_ns else "command has been"
            self._report(now_ns, f"{FaultKind.COMMAND_LATE}: {what} too old for {(now_ns - expiry_ns) // 1_000_000} ms")
            return b""
        return self._send(drive_message(cmd, self._clock.mcu_us(expiry_ns)))

    # ------------------------------------------------------------ in

    def _take_frame(self, frame: Frame, now_ns: int, out: list[BaseState | Imu | LinkStatus]) -> None:
        if frame.type < 0x80:
            self._count(FaultKind.WRONG_DIRECTION)
            return
        if frame.type in (_BOOT, _HELLO_ACK):
            self._take_greeting(frame, now_ns)
            return
        if frame.nonce != self._nonce or self._phase is Phase.HELLO:
            self._count(FaultKind.FOREIGN_NONCE)
            return
        refused = self._window.accept(frame.seq)
        if refused is not None:
            self._count(refused)
            return
        message = wire.decode(frame.type, frame.payload)
        if isinstance(message, Fault):
            self._count(message.kind)
            return
        self._heard_ns = now_ns
        if isinstance(message, wire.Telemetry):
            self._take_telemetry(message, now_ns, out)
        elif isinstance(message, wire.Pong):
            self._take_pong(message, now_ns)
        elif isinstance(message, wire.ConfigAck):
            self._take_config_ack(message, now_ns)
        elif isinstance(message, wire.Event):
            self._report(now_ns, event_text(message))
        else:  # greetings and the host's own types were sorted out above
            self._take_nack(cast("wire.Nack", message), now_ns)

    def _take_greeting(self, frame: Frame, now_ns: int) -> None:
        message = wire.decode(frame.type, frame.payload)
        if isinstance(message, Fault):
            self._count(message.kind)
        elif isinstance(message, wire.Boot):
            self._take_boot(message, frame.nonce, now_ns)
        else:
            self._take_hello_ack(cast("wire.HelloAck", message), frame.nonce, now_ns)

    def _take_boot(self, boot: wire.Boot, nonce: int, now_ns: int) -> None:
        if nonce != 0:
            self._count(FaultKind.FOREIGN_NONCE)
            return
        self._heard_ns = now_ns
        if self._phase is Phase.HELLO:
            return
        if boot.boot_id == self._boot_id:
            self._count(FaultKind.UNEXPECTED)  # a leftover from before this session
            return
        self._restart(f"board restarted ({boot.cause.name.lower()})")

    def _take_hello_ack(self, ack: wire.HelloAck, nonce: int, now_ns: int) -> None:
        if self._phase is not Phase.HELLO:
            self._count(FaultKind.UNEXPECTED)
            return
        if nonce != wire.session_nonce(self._host_nonce, ack.boot_id):
            self._count(FaultKind.FOREIGN_NONCE)
            return
        self._heard_ns = now_ns
        if ack.protocol_version != wire.PROTOCOL_VERSION:
            self._count(FaultKind.VERSION)
            self._retry_ns = VERSION_RETRY_NS
            self._reason = f"board speaks protocol {ack.protocol_version}, this host {wire.PROTOCOL_VERSION}"
            return
        self._nonce, self._boot_id = nonce, ack.boot_id
        self._window.restart()
        self._enter(Phase.CONFIGURE, now_ns, "configuring")

    def _take_config_ack(self, ack: wire.ConfigAck, now_ns: int) -> None:
        if self._phase is not Phase.CONFIGURE:
            return  # the answer to a repeat
        if ack.digest != self._digest:
            self._count(FaultKind.CONFIG_DIGEST)
            self._reason = f"configuration digest {ack.digest:08x} at the board, {self._digest:08x} here"
        elif not ack.accepted:
            self._reason = f"configuration refused: {ack.reason.name.lower()}"
        else:
            self._enter(Phase.SYNC, now_ns, "synchronizing clocks")

    def _take_pong(self, pong: wire.Pong, now_ns: int) -> None:
        sent_ns = self._pings.pop(pong.host_us, None)
        if sent_ns is None:
            self._count(FaultKind.UNEXPECTED)
            return
        mcu_ns = self._clock.unwrap(pong.mcu_us)
        if self._clock.synced and (early_ns := sent_ns - self._clock.robot_ns(mcu_ns)) > FUTURE_NS:
            self._count(FaultKind.CLOCK_JUMP)
            self._restart(f"the board answered {early_ns // 1_000_000} ms before it was asked: a clock jumped")
            return
        self._pong_ns = now_ns
        self._clock.ponged(sent_ns, mcu_ns, now_ns)

    def _take_nack(self, nack: wire.Nack, now_ns: int) -> None:
        spec = wire.MESSAGES.get(nack.refused_type)
        name = spec.name if spec is not None else f"type 0x{nack.refused_type:02x}"
        if nack.refused_type == _ARM:
            self._arming.lock()
        self._report(now_ns, f"board refused {name}: {nack.reason.name.lower()}")

    def _take_telemetry(self, telemetry: wire.Telemetry, now_ns: int, out: list[BaseState | Imu | LinkStatus]) -> None:
        if self._phase is Phase.CONFIGURE:
            return
        mcu_ns = self._clock.unwrap(telemetry.t_us)
        if self._stamp_mcu_ns is not None and mcu_ns <= self._stamp_mcu_ns:
            self._count(FaultKind.CLOCK_BACKWARD)
            return
        if not self._clock.synced:
            self._clock.arrived(mcu_ns, now_ns)
            return
        stamp_ns = self._clock.stamp(mcu_ns, now_ns)
        if stamp_ns > now_ns + FUTURE_NS:
            self._count(FaultKind.CLOCK_JUMP)
            self._restart(f"the board's clock is {(stamp_ns - now_ns) // 1_000_000} ms ahead")
            return
        self._stamp_mcu_ns = mcu_ns
        self._telemetry_ns = now_ns
        self._measured_ns = stamp_ns
        self._mcu_state = telemetry.state
        if self._phase is Phase.SYNC:
            self._enter(Phase.UP, now_ns, "")
            self._report_change(now_ns)
            out.extend(self._drain())
        stamp_ns = min(stamp_ns, now_ns)
        out.append(self._odometer.read(telemetry, stamp_ns, self._boot_id))
        imu = self._take_imu(telemetry, stamp_ns, now_ns)
        if imu is not None:
            out.append(imu)

    def _take_imu(self, telemetry: wire.Telemetry, stamp_ns: int, now_ns: int) -> Imu | None:
        """The inertial measurement; a status tells when it is lost and when it is back."""
        before = self._imu.trouble
        imu = self._imu.read(telemetry, stamp_ns)
        if bool(self._imu.trouble) != bool(before):
            self._report(now_ns, f"imu: {self._imu.trouble or 'measures again'}")
        return imu

    # ------------------------------------------------------------ faults and status

    def _count(self, kind: FaultKind) -> None:
        self._faults[kind] += 1

    def _status(self, now_ns: int, reason: str) -> LinkStatus:
        faults, lost = self._reader.faults.total(), self._window.lost
        return LinkStatus(now_ns, self._link_state, reason, self._reader.frames, self.frames_out, faults, lost)

    def _report(self, now_ns: int, reason: str) -> None:
        self._statuses.append(self._status(now_ns, reason))
        del self._statuses[:-STATUSES_KEPT]
        self._status_ns = now_ns

    def _report_change(self, now_ns: int) -> None:
        """A status when state or reason changed since the last one of this kind."""
        state = LinkState.DOWN
        if self._phase is Phase.UP:
            state = LinkState.UP
        elif self._heard_ns is not None and now_ns - self._heard_ns < HEARD_NS:
            state = LinkState.CONNECTING
        if (state, self._reason) != (self._link_state, self._told_reason):
            self._link_state, self._told_reason = state, self._reason
            self._report(now_ns, self._reason)

    def _drain(self) -> list[LinkStatus]:
        statuses, self._statuses = self._statuses, []
        return statuses
