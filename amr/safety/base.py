"""What the safety ring takes and gives."""

from __future__ import annotations

from dataclasses import dataclass

from amr.geometry import Pose2, Twist2
from amr.messages import BaseState, Imu, LinkState, Operator, Scan, Stop, StopCategory, StopReason
from amr.movers import Mover

NO_STOP = Stop(StopReason.NONE, "")


@dataclass(frozen=True, slots=True, eq=False)
class SafetyInput:
    """One step's view: raw sensor messages and the wish; no map, no plan."""

    now_ns: int
    wish: Twist2
    """What control, a person or a recovery wants; any value is safe, nan included."""
    wish_stamp_ns: int
    """When the wish was made."""
    scan: Scan | None
    """Newest raw scan of this step, None when none came."""
    base: BaseState | None
    """Newest telemetry of this step, None when none came."""
    link: LinkState
    arm_wish: bool
    """Level: its rising edge arms, False disarms. An ``ARM`` press in ``operator`` counts as an edge too."""
    operator: tuple[Operator, ...] = ()
    """Presses of this step, in order."""
    pending: tuple[tuple[int, float, float], ...] = ()
    """Commands sent: (time_ns at which it reaches the wheels, v_mps, w_radps), oldest first."""
    movers: tuple[Mover, ...] = ()
    """Tracked movers as they are at ``now_ns``, in the base frame; they only take speed away (``safety.movers``)."""
    imu: tuple[Imu, ...] = ()
    """Samples of this step, oldest first. Without them the yaw is that of the wheels, with more doubt."""
    grip_frac: float = 1.0
    """Part of the file's friction that the floor is thought to give; only less than 1 counts."""
    disagreement: str = ""
    """Why the sensors cannot all be right, '' = nothing speaks against them; it only stops."""
    map_from_base: Pose2 | None = None
    """Where the robot is thought to be now; None = it does not know. Only zones ask, and they only take speed away
    (``safety.zones``): who does not know stands, or goes as slowly as the slowest of them asks."""


@dataclass(frozen=True, slots=True)
class SafetyOutput:
    """What may go to the wheels, and why it differs from the wish."""

    command: Twist2
    """Finite and within the limits; zero when ``stop_category`` is set."""
    stop_category: StopCategory | None
    """Set = rest in this way, whatever the command says."""
    stop: Stop
    armed: bool
    """Level for ``WheelCommand.arm``."""
    min_range_m: float
    """Smallest distance of a point of the newest scan to the outline now; +inf when there is none."""
