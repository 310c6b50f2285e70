"""Robot time from the MCU's 32-bit microsecond clock, and back.

Each exchange bounds the offset ``robot - mcu`` from both sides: a PING that was sent at s and read at m gives
``offset >= s + d_up - m``; any stamp m that arrived at r gives ``offset <= r - d_down - m`` (Cristian, "Probabilistic
clock synchronization", Distributed Computing 3, 1989; the lower envelope of one-way delays: Moon, Skelly, Towsley,
INFOCOM 1999). The tightest bounds of each quarter second are kept for four seconds and carried to now with the
estimated drift; the offset is the middle of what is left. Half the width is the error, however unequal the ways are.
"""

from __future__ import annotations

from dataclasses import dataclass

BUCKET_NS = 250_000_000
BUCKETS = 16
PONGS_TO_SYNC = 4
DRIFT_FIRST = 5e-3
"""Bound of the drift before it is measured: a ceramic resonator."""
DRIFT_LEFT = 5e-4
"""Bound of the error of the measured drift."""
DRIFT_LIMIT = 1e-2
DRIFT_GAIN = 0.2
SLEW_LIMIT = 2e-2
"""A correction runs at most this fast: 20 ms a second."""
SLEW_TIME_S = 1.0


@dataclass(frozen=True, slots=True)
class Bound:
    """At ``mcu_ns`` the offset was at most (or at least) ``offset_ns``."""

    mcu_ns: int
    offset_ns: int


@dataclass(frozen=True, slots=True)
class Bucket:
    """Tightest bounds of one quarter second."""

    upper: Bound | None
    lower: Bound | None


class ClockMap:
    """Map between the clocks of one session. After ``synced`` it is continuous and strictly increasing.

    ``up_ns`` and ``down_ns`` are the least delays to and from the MCU as far as they are known (0 = unknown).
    """

    def __init__(self, up_ns: int, down_ns: int) -> None:
        self._up_ns = up_ns
        self._down_ns = down_ns
        self._mcu_us: int | None = None
        self._index: int | None = None
        self._upper: Bound | None = None
        self._lower: Bound | None = None
        self._buckets: tuple[Bucket, ...] = ()
        self._advance_due = False
        self._pongs = 0
        self._drift = 0.0
        self._slope = 0.0
        """Drift plus the correction that runs."""
        self._anchor_mcu_ns = 0
        self._anchor_robot_ns = 0
        self.synced = False
        self.error_ns = 0
        """Half the width of the bounds at the last update, plus the correction that was still to run."""

    def unwrap(self, mcu_us: int) -> int:
        """The MCU's time in ns without wraps; ``mcu_us`` lies within 35 min of the one before."""
        if self._mcu_us is None:
            self._mcu_us = mcu_us
        step = (mcu_us - self._mcu_us) & 0xFFFFFFFF
        self._mcu_us += step if step < 0x80000000 else step - 0x100000000
        return self._mcu_us * 1000

    def arrived(self, mcu_ns: int, received_ns: int) -> None:
        """A stamp taken at ``mcu_ns`` came in at ``received_ns``."""
        self._enter_bucket(mcu_ns)
        offset = received_ns - self._down_ns - mcu_ns
        if self._upper is None or offset < self._upper.offset_ns:
            self._upper = Bound(mcu_ns, offset)

    def ponged(self, sent_ns: int, mcu_ns: int, received_ns: int) -> None:
        """A PING sent at ``sent_ns`` was read at ``mcu_ns``; its PONG came in at ``received_ns``."""
        self.arrived(mcu_ns, received_ns)
        offset = sent_ns + self._up_ns - mcu_ns
        if self._lower is None or offset > self._lower.offset_ns:
            self._lower = Bound(mcu_ns, offset)
        self._pongs += 1
        if not self.synced and self._pongs >= PONGS_TO_SYNC:
            low, high = self._bounds_at(mcu_ns)
            self._anchor_mcu_ns = mcu_ns
            self._anchor_robot_ns = mcu_ns + (low + high) // 2
            self.error_ns = abs(high - low) // 2
            self.synced = True

    def stamp(self, mcu_ns: int, received_ns: int) -> int:
        """Robot time of a measurement that came in at ``received_ns``; the map learns from it. ``mcu_ns`` must rise."""
        self.arrived(mcu_ns, received_ns)
        robot_ns = self.robot_ns(mcu_ns)
        if self._advance_due:
            self._advance(mcu_ns, robot_ns)
        return robot_ns

    def robot_ns(self, mcu_ns: int) -> int:
        """Robot time of an unwrapped MCU time."""
        elapsed = mcu_ns - self._anchor_mcu_ns
        return self._anchor_robot_ns + elapsed + round(elapsed * self._slope)

    def mcu_us(self, robot_ns: int) -> int:
        """The MCU's wrapped clock at a robot time, rounded down."""
        elapsed = robot_ns - self._anchor_robot_ns
        mcu_ns = self._anchor_mcu_ns + elapsed - round(elapsed * (self._slope / (1.0 + self._slope)))
        return (mcu_ns // 1000) & 0xFFFFFFFF

    def _advance(self, mcu_ns: int, robot_ns: int) -> None:
        """Take up what was learned. Anchored at the newest stamp, so no stamp given out before moves."""
        self._advance_due = False
        low, high = self._bounds_at(mcu_ns)
        correction_ns = mcu_ns + (low + high) // 2 - robot_ns
        self._anchor_mcu_ns, self._anchor_robot_ns = mcu_ns, robot_ns
        slew = correction_ns / (SLEW_TIME_S * 1e9)
        self._slope = self._drift + min(SLEW_LIMIT, max(-SLEW_LIMIT, slew))
        self.error_ns = abs(high - low) // 2 + abs(correction_ns)

    def _enter_bucket(self, mcu_ns: int) -> None:
        index = mcu_ns // BUCKET_NS
        if self._index is None:
            self._index = index
        if index > self._index:
            self._buckets = (*self._buckets, Bucket(self._upper, self._lower))[-BUCKETS:]
            self._index, self._upper, self._lower = index, None, None
            self._advance_due = True
            self._measure_drift()

    def _bounds_at(self, mcu_ns: int) -> tuple[int, int]:
        """(lowest, highest) offset at ``mcu_ns``; crossed when the known delays are too large."""
        unsure = DRIFT_LEFT if len(self._buckets) == BUCKETS else DRIFT_FIRST
        low: int | None = None
        high: int | None = None
        for bucket in (*self._buckets, Bucket(self._upper, self._lower)):
            if bucket.lower is not None:
                age = mcu_ns - bucket.lower.mcu_ns
                offset = bucket.lower.offset_ns + round(age * self._drift) - round(abs(age) * unsure)
                low = offset if low is None else max(low, offset)
            if bucket.upper is not None:
                age = mcu_ns - bucket.upper.mcu_ns
                offset = bucket.upper.offset_ns + round(age * self._drift) + round(abs(age) * unsure)
                high = offset if high is None else min(high, offset)
        if low is None or high is None:  # no PONG for four seconds: the link gives up long before
            held = self.robot_ns(mcu_ns) - mcu_ns
            return held, held
        return low, high

    def _measure_drift(self) -> None:
        """Slope between the tightest bounds of the older and of the newer half, mean of both sides, low-passed."""
        half = len(self._buckets) // 2
        if half < BUCKETS // 4:
            return
        older, newer = self._buckets[:half], self._buckets[half:]
        slopes: list[float] = []
        for sign, side in ((1, "upper"), (-1, "lower")):
            first = self._tightest([getattr(bucket, side) for bucket in older], sign)
            last = self._tightest([getattr(bucket, side) for bucket in newer], sign)
            if first is not None and last is not None:
                slopes.append((last.offset_ns - first.offset_ns) / (last.mcu_ns - first.mcu_ns) - self._drift)
        if len(slopes) == 2:
            drift = self._drift + DRIFT_GAIN * 0.5 * (slopes[0] + slopes[1])
            self._drift = min(DRIFT_LIMIT, max(-DRIFT_LIMIT, drift))

    def _tightest(self, bounds: list[Bound | None], sign: int) -> Bound | None:
        """The bound that is least (sign 1) or greatest (sign -1) once the drift known so far is taken out."""
        known = [bound for bound in bounds if bound is not None]
        if not known:
            return None
        start_ns = known[0].mcu_ns
        return min(known, key=lambda bound: sign * (bound.offset_ns - (bound.mcu_ns - start_ns) * self._drift))
