"""A base with somebody else's firmware, behind the interface of our own: arming, expiry, limits and stops by the host.

What our firmware does on the board is done here as far as a host can: a command is dead when it expires, when the
base has not answered for a while, and when a limit is broken; then zero is sent. ``keeper`` does the same when this
process itself can not.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from amr.config.robot import RobotConfig
from amr.errors import PortError
from amr.messages import BaseState, Imu, LinkState, LinkStatus, McuState, WheelCommand
from firmware_bridge.arming import Arming, ArmState
from firmware_bridge.bases.counts import Counts, Motion
from firmware_bridge.bases.dialect import Dialect, Reading
from firmware_bridge.bases.keeper import DRIVING, RESTING, Keeper
from firmware_bridge.commands import judge
from firmware_bridge.link_config import link_config_from_robot
from firmware_bridge.transport import Transport

REOPEN_NS = 500_000_000
LIVENESS_NS = 200_000_000
LIVENESS_PERIODS = 4
STALL_NS = 100_000_000
"""After a pause like this, what waits in the port is old, and nobody knows how old: it is thrown away."""
STATUS_NS = 500_000_000
STOP_AGAIN_NS = 100_000_000
STOPS_AFTER_LOSS = 20
"""Without answers the way out may still work: zero is sent for two seconds."""
HOST_LIMIT_S = 0.1
"""A command lives no longer than this with a firmware that has no time-out, or none as short as the robot file's."""
KEEPER_LIMIT_S = 0.15
CLOCK_JUMP_NS = 1_000_000_000
_DRIFT_DIVISOR = 10_000
_ACTIVE = frozenset({McuState.ARMED, McuState.DRIVING})


class ForeignBase:
    """See ``firmware_bridge.base.Base``. ``open_port`` gives a new port each time.

    ``make_keeper`` starts the process that stops the wheels when this one dies; None for tests.
    """

    def __init__(
        self,
        url: str,
        dialect: Dialect,
        robot: RobotConfig,
        nonce: int,
        open_port: Callable[[], Transport],
        make_keeper: Callable[[int, bytes, float], Keeper] | None = Keeper,
    ) -> None:
        self.url = url
        self.dialect = dialect
        self._robot = robot
        self._nonce = nonce & 0xFFFF_FFFF
        self._open_port, self._make_keeper = open_port, make_keeper
        self._limits = link_config_from_robot(robot)
        wheel_max_mps = self._limits.configure.wheel_max_mm_s * 1e-3
        self._counts = Counts(dialect.counter_bits, robot.drive.metres_per_tick_m, wheel_max_mps)
        own_s = dialect.capabilities.firmware_timeout_s
        timeout_s = robot.link.command_timeout_s
        if own_s is None or own_s > timeout_s:
            timeout_s = min(timeout_s, HOST_LIMIT_S)
        self._timeout_ns = round(timeout_s * 1e9)
        self._liveness_ns = max(LIVENESS_NS, LIVENESS_PERIODS * dialect.period_ns)
        self._transport: Transport | None = None
        self._keeper: Keeper | None = None
        self._left: list[Keeper] = []
        """Of ports that are gone; they end by themselves."""
        self._arming = Arming()
        self._fault = ""
        self._held = False
        self._state = McuState.BOOT
        self._deadline_ns: int | None = None
        self._tried_ns: int | None = None
        self._polled_ns: int | None = None
        self._heard_ns: int | None = None
        self._round_trip_ns: int | None = None
        self._offset: tuple[int, int] | None = None
        self._stops_left = 0
        self._stopped_ns = 0
        self._link = LinkState.DOWN
        self._reason = "not connected yet"
        self._told: tuple[LinkState, str] | None = None
        self._status_ns = 0
        self._sent = 0
        self._battery_v = float("nan")
        self.range_faults = 0
        """Commands refused because a limit was broken."""

    # ------------------------------------------------------------ Base

    @property
    def note(self) -> str:
        """What a person should know before the wheels turn."""
        capabilities = self.dialect.capabilities
        own_s = capabilities.firmware_timeout_s
        if own_s is None:
            firmware = "its firmware has NO time-out and drives on with the last command when the host falls silent"
        else:
            firmware = f"its firmware stops the wheels {own_s:g} s after the last command"
        keeper = f"a process of its own sends zero {KEEPER_LIMIT_S * 1e3:.0f} ms after this program falls silent"
        pulled = "only the e-stop stops it when the cable is pulled" if own_s is None else ""
        text = f"base {capabilities.name}: {firmware}; a command lives {self._timeout_ns / 1e6:.0f} ms; {keeper}"
        return f"{text}; {pulled}" if pulled else text

    def open(self) -> None:
        """See ``Base``."""
        if self._transport is not None:
            return
        self._connect()
        if self._keeper is not None and not self._keeper.wait_until_ready():
            self.close()
            raise PortError(f"{self.url}: the process that stops the wheels did not start")

    def poll(self, now_ns: int) -> list[BaseState | Imu | LinkStatus]:
        """See ``Base``."""
        events: list[BaseState | Imu | LinkStatus] = []
        transport = self._transport or self._try_reopen(now_ns)
        if transport is not None:
            try:
                self._exchange(transport, now_ns, events)
            except PortError as error:
                self._lose(str(error), now_ns)
        self._tell(now_ns, events)
        return events

    def command(self, cmd: WheelCommand, now_ns: int) -> None:
        """See ``Base``."""
        if self._link is not LinkState.UP:
            return
        fault = judge(cmd, self._limits.configure)
        if fault is not None:
            self.range_faults += 1
            self._arming.lock()
            self._come_to_rest(now_ns, f"{fault.kind}: {fault.detail}")
            return
        self._arm(cmd.arm and not self._fault, now_ns)
        if not cmd.arm and self._state in _ACTIVE:
            self._write(self.dialect.disable(), now_ns)
            self._rest(McuState.IDLE)
        expiry_ns = min(cmd.expiry_ns, now_ns + self._timeout_ns)
        if self._arming.state is not ArmState.ARMED or self._state not in _ACTIVE:
            return
        if cmd.stop is not None or expiry_ns <= now_ns:
            self._write(self.dialect.stop(), now_ns)
            self._rest(McuState.ARMED)
            return
        if not self._is_kept:
            self._come_to_rest(now_ns, "the process that stops the wheels has ended")
            return
        if self._keeper is not None:
            self._keeper.say(DRIVING)
        self._deadline_ns, self._state = expiry_ns, McuState.DRIVING
        self._write(self.dialect.drive(cmd.left_mps, cmd.right_mps), now_ns)

    def reset_estop(self, now_ns: int) -> None:
        """See ``Base``: forgets a latched bumper, cliff or dropped wheel, if it is over."""
        self._arming.lock()
        self._held = bool(self._fault)
        self._report(f"{self._fault} (still there)" if self._fault else "", now_ns)

    def close(self) -> None:
        """See ``Base``."""
        transport, self._transport = self._transport, None
        if transport is None:
            return
        with contextlib.suppress(PortError):
            transport.write(self.dialect.goodbye())
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            keeper.close()  # it sends the stop once more, after a pause
        transport.close()
        self._rest(McuState.BOOT)

    def _arm(self, wish: bool, now_ns: int) -> None:
        """Follow the wish; armed is who takes speeds, with somebody there to stop the wheels."""
        before = self._arming.state
        if self._arming.step(wish, self._state, now_ns):
            self._write(self.dialect.enable(), now_ns)
        if self._arming.state is ArmState.ASKING and self.dialect.enabled and self._is_kept:
            self._state = McuState.ARMED
        elif before is ArmState.ASKING and self._arming.state is ArmState.LOCKED:
            self._report("not armed: the base takes no speeds (its mode, axes or time-out are not as asked)", now_ns)

    @property
    def _is_kept(self) -> bool:
        return self._make_keeper is None or (self._keeper is not None and self._keeper.ready)

    # ------------------------------------------------------------ port

    def _connect(self) -> None:
        transport = self._open_port()
        try:
            transport.write(self.dialect.goodbye())
            if self._make_keeper is not None:
                self._keeper = self._make_keeper(transport.fileno(), self.dialect.goodbye(), KEEPER_LIMIT_S)
        except (OSError, PortError) as error:
            transport.close()
            raise PortError(f"{self.url}: {error}") from None
        self.dialect.begin()
        self._counts.restart()
        self._transport, self._polled_ns, self._heard_ns = transport, None, None

    def _try_reopen(self, now_ns: int) -> Transport | None:
        if self._tried_ns is not None and now_ns - self._tried_ns < REOPEN_NS:
            return None
        self._tried_ns = now_ns
        self._left = [keeper for keeper in self._left if not keeper.release()]
        try:
            self._connect()
        except PortError as error:
            self._reason = str(error)
        return self._transport

    def _lose(self, why: str, now_ns: int) -> None:
        if self._transport is not None:
            self._transport.close()
        if self._keeper is not None:
            self._keeper.release()
            self._left.append(self._keeper)
            self._keeper = None
        self._transport, self._tried_ns = None, now_ns
        self._silence(LinkState.DOWN, why)

    def _write(self, data: bytes, now_ns: int) -> None:
        if self._transport is None or not data:
            return
        try:
            self._transport.write(data)
            self._sent += 1
        except PortError as error:
            self._lose(str(error), now_ns)

    # ------------------------------------------------------------ state

    def _exchange(self, transport: Transport, now_ns: int, events: list[BaseState | Imu | LinkStatus]) -> None:
        """Read, judge, ask, stop what has expired."""
        data = transport.read_available()
        stalled = self._polled_ns is None or now_ns - self._polled_ns > STALL_NS
        self._polled_ns = now_ns
        if stalled:
            self.dialect.begin()
        elif data:
            for reading in self.dialect.feed(data, now_ns):
                self._take(reading, now_ns, events)
        if self._link is LinkState.UP and self._heard_ns is not None and now_ns - self._heard_ns > self._liveness_ns:
            self._silence(LinkState.CONNECTING, f"no reading for {(now_ns - self._heard_ns) // 1_000_000} ms")
        transport.write(self.dialect.due(now_ns))
        if self._deadline_ns is not None and now_ns >= self._deadline_ns:
            self._write(self.dialect.stop(), now_ns)
            self._rest(McuState.ARMED)
            self._report("command expired: zero sent", now_ns)
        if self._link is not LinkState.UP and self._stops_left and now_ns - self._stopped_ns >= STOP_AGAIN_NS:
            self._stops_left, self._stopped_ns = self._stops_left - 1, now_ns
            transport.write(self.dialect.stop())

    def _take(self, reading: Reading, now_ns: int, events: list[BaseState | Imu | LinkStatus]) -> None:
        stamp_ns = self._stamp(reading, now_ns)
        motion = self._counts.take(reading.left_count, reading.right_count, stamp_ns)
        if reading.battery_v is not None:
            self._battery_v = reading.battery_v
        self._watch_fault(reading.fault, now_ns)
        if motion is None:
            return
        if self._link is not LinkState.UP:
            self._link, self._reason, self._stops_left = LinkState.UP, "", 0
            self._arming.lock()
            self._state = McuState.IDLE
        self._heard_ns = now_ns
        if self._state in _ACTIVE and not self.dialect.enabled:
            self._come_to_rest(now_ns, "the base gave up driving by itself")
        state = McuState.ESTOP if self._held else self._state
        events.append(self._base_state(motion, reading, state))
        if reading.gyro_z_radps is not None:  # no base here measures acceleration
            events.append(Imu(stamp_ns, reading.gyro_z_radps, float("nan"), float("nan")))

    def _base_state(self, motion: Motion, reading: Reading, state: McuState) -> BaseState:
        left_mps = motion.left_mps if reading.left_mps is None else reading.left_mps
        right_mps = motion.right_mps if reading.right_mps is None else reading.right_mps
        boot_id = (self._nonce + motion.boot * 0x9E37_79B9) & 0xFFFF_FFFF
        return BaseState(
            motion.stamp_ns,
            boot_id,
            motion.left_ticks,
            motion.right_ticks,
            left_mps,
            right_mps,
            self._battery_v,
            state,
            0,
            self._sent & 0xFFFF,
        )

    def _stamp(self, reading: Reading, now_ns: int) -> int:
        """When it was measured.

        Of an answer: half the shortest round trip after the question. Else by the base's clock, as far behind ours as
        the promptest reading was; without a clock the known delay before its arrival.
        """
        if reading.asked_ns is None:
            arrival_ns = now_ns - reading.older_ns
            if reading.clock_ns is not None:
                arrival_ns = min(now_ns, reading.clock_ns + self._clock_offset(now_ns - reading.clock_ns, now_ns))
            return arrival_ns - self._limits.mcu_to_host_delay_ns
        round_trip_ns = now_ns - reading.asked_ns
        if self._round_trip_ns is None or round_trip_ns < self._round_trip_ns:
            self._round_trip_ns = round_trip_ns
        return min(now_ns, reading.asked_ns + self._round_trip_ns // 2)

    def _clock_offset(self, seen_ns: int, now_ns: int) -> int:
        """Our clock less the base's: the smallest difference seen, which may grow by 100 ppm, for clocks differ."""
        if self._offset is not None:
            offset_ns, at_ns = self._offset
            if abs(seen_ns - offset_ns) < CLOCK_JUMP_NS:
                seen_ns = min(seen_ns, offset_ns + (now_ns - at_ns) // _DRIFT_DIVISOR)
        self._offset = (seen_ns, now_ns)
        return seen_ns

    def _watch_fault(self, fault: str, now_ns: int) -> None:
        """A bumper, a cliff, a dropped wheel: zero at once, and a person has to reset it."""
        if fault and fault != self._fault:
            self._held = True
            self._arming.lock()
            self._come_to_rest(now_ns, fault)
        self._fault = fault

    def _come_to_rest(self, now_ns: int, why: str) -> None:
        self._write(self.dialect.disable(), now_ns)
        self._rest(McuState.IDLE)
        self._report(why, now_ns)

    def _rest(self, state: McuState) -> None:
        self._deadline_ns, self._state = None, state
        if self._keeper is not None:
            self._keeper.say(RESTING)

    def _silence(self, link: LinkState, why: str) -> None:
        """The base is not heard any more: disarmed, and zero is sent for a while, for the way out may still work."""
        if self._state in _ACTIVE:
            self._stops_left, self._stopped_ns = STOPS_AFTER_LOSS, -STOP_AGAIN_NS
        self._link, self._reason = link, why
        self._arming.lock()
        self._counts.restart()
        self._rest(McuState.BOOT)
        self._round_trip_ns = self._offset = None

    def _report(self, why: str, now_ns: int) -> None:
        self._reason = why
        self._told = None
        self._status_ns = now_ns

    def _tell(self, now_ns: int, events: list[BaseState | Imu | LinkStatus]) -> None:
        """A status at each change, and every half second."""
        if self._transport is not None and self._link is LinkState.DOWN:
            self._link = LinkState.CONNECTING
            self._reason = self._reason or "waiting for an answer"
        if (self._link, self._reason) == self._told and now_ns - self._status_ns < STATUS_NS:
            return
        self._told, self._status_ns = (self._link, self._reason), now_ns
        faults = self.dialect.faults.total() + self._counts.refused
        events.append(LinkStatus(now_ns, self._link, self._reason, self.dialect.replies, self._sent, faults, 0))
