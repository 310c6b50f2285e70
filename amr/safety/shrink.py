"""How much of a wish may leave: as much as leaves a stop that is clear of everything (``envelope``), on its own curve.

What limits is, in this order: what was seen or is remembered, tracked movers, zones, and space that was not seen. The
answer names what it was.
"""

from __future__ import annotations

from amr.config.robot import RobotConfig
from amr.geometry import STANDSTILL, Pose2, Twist2
from amr.messages import Stop, StopCategory, StopReason
from amr.portable_math import sin_cos
from amr.safety import envelope, limits, memory, movers, zones
from amr.safety.base import NO_STOP
from amr.safety.envelope import EnvelopeSettings, Motion
from amr.safety.limits import CommandLimits
from amr.safety.memory import MemoryRules
from amr.safety.outline import Outline
from amr.safety.situation import Instant, Situation

CHANGE = 1.0e-3
"""A limit that changes the wish by less (m/s, rad/s) is not worth a reason."""
_WHISPER = 1.0e-3
"""Part of the body's speed that a wish asks for which does not go on the same way."""
_COASTING_FROM_MPS = 0.1
"""Below this speed wheels and body turn alike, and the curvature that was measured means nothing."""


class Shrinker:
    """Applies a robot file's envelope and zones; it keeps nothing between steps."""

    def __init__(
        self, config: RobotConfig, limits: CommandLimits, settings: EnvelopeSettings, rules: MemoryRules
    ) -> None:
        self._limits = limits
        self._settings = settings
        self._rules = rules
        self._fences = zones.fences_of(config.zones)
        self._outline = Outline.from_body(config.body)

    def largest_clear(
        self, wish: Twist2, last: Twist2, situation: Situation, duration_s: float
    ) -> tuple[Twist2, StopCategory | None, Stop]:
        """The wish as far as its stop is clear, else one step of braking from the last command; category and reason."""
        motion = _motion(wish, situation, self._outline)
        if motion is None:
            return STANDSTILL, None, NO_STOP
        begin = limits.no_faster(last, situation.acting.twist, self._outline.circumradius_m)
        slowest = limits.slowest_fraction(begin, wish, self._limits, duration_s)
        braking = limits.brake(begin, self._limits, duration_s)
        scale, cause = self._clear_scale(motion, slowest, situation.acting, self._outline, situation)
        coasting = _coasting_motion(wish, situation)
        if coasting is not None and scale >= 0.0:
            start, outline = situation.coasting, situation.leading
            coasting_scale, why = self._clear_scale(coasting, slowest, start, outline, situation)
            if coasting_scale < scale:
                scale, cause = coasting_scale, why
        if scale < 0.0:
            category = self._emergency(situation)
            at_rest = category is not None or braking == STANDSTILL
            return braking, category, Stop(StopReason.OBSTACLE if at_rest else StopReason.OBSTACLE_SLOW, cause)
        mover_scale, why = self._mover_scale(motion, slowest, situation)
        if mover_scale < scale:
            scale, cause = mover_scale, why
        unseen_scale = self._unseen_speed(motion, slowest, situation) / motion.speed_mps
        zone_mps, reason, why = self._zone_speed(motion, slowest, situation)
        zone_scale = zone_mps / motion.speed_mps
        if zone_scale < min(scale, unseen_scale):
            command = braking if zone_scale < slowest else _scaled(wish, zone_scale)
            return command, None, Stop(reason, why)
        if unseen_scale < scale:
            age_s = self._rules.free_age_ns * 1e-9
            allowed_mps = unseen_scale * motion.speed_mps
            cause = f"the stop would end in space not seen within {age_s:.1f} s; allowed are {allowed_mps:.2f} m/s"
            command = braking if unseen_scale < slowest else _scaled(wish, unseen_scale)
            return command, None, Stop(StopReason.UNSEEN_SLOW, cause)
        if scale >= 1.0:
            return wish, None, NO_STOP
        if scale * motion.speed_mps < CHANGE:
            return STANDSTILL, None, Stop(StopReason.OBSTACLE, cause)
        return _scaled(wish, scale), None, Stop(StopReason.OBSTACLE_SLOW, cause)

    def in_parts(
        self, wish: Twist2, last: Twist2, situation: Situation, duration_s: float, refused: Stop
    ) -> tuple[Twist2, Stop]:
        """Where a wish is refused whole near rest: its straight part, else its turn, as far as the stop is clear.

        A corner that swings into a post keeps the robot only from turning: it drives on straight, and turns beyond it.
        """
        speed_mps = envelope.outline_speed_mps(situation.now.twist, self._outline.circumradius_m)
        if wish.v_mps != 0.0 and wish.w_radps != 0.0 and speed_mps <= self._settings.creep_mps:
            for part, name in ((Twist2(wish.v_mps, 0.0), "straight"), (Twist2(0.0, wish.w_radps), "turning in place")):
                command, category, _ = self.largest_clear(part, last, situation, duration_s)
                if command != STANDSTILL and category is None:
                    return command, Stop(StopReason.OBSTACLE_SLOW, f"{refused.cause}; {name} only")
        return STANDSTILL, refused

    def _clear_scale(
        self, motion: Motion, slowest: float, start: Instant, outline: Outline, situation: Situation
    ) -> tuple[float, str]:
        """(part of the motion's speed that is clear of all seen and remembered, negative = none; what limits it)."""
        rules, settings = self._rules, self._settings
        slowest_mps = slowest * motion.speed_mps
        floor_mps = envelope.outline_speed_mps(start.twist, outline.circumradius_m)
        reach_m = envelope.reach_m(
            motion, floor_mps, settings, outline.circumradius_m, settings.age_max_s, rules.drift_m
        )
        points, sources, count = memory.points_near(
            situation.memory, situation.odometer, start.pose, reach_m, situation.now_ns
        )
        speed_mps, worst = envelope.clear_speed(motion, slowest_mps, floor_mps, points, count, settings, outline)
        creep_mps = max(slowest_mps, min(motion.speed_mps, settings.creep_mps))
        if speed_mps < creep_mps <= settings.creep_mps and envelope.may_creep(
            motion, creep_mps, floor_mps, points, count, settings, outline
        ):
            speed_mps = creep_mps
        cause = (
            "" if worst < 0 else memory.describe(situation.memory, int(sources[worst]), points[worst], outline.ahead_m)
        )
        return speed_mps / motion.speed_mps, cause

    def _mover_scale(self, motion: Motion, slowest: float, situation: Situation) -> tuple[float, str]:
        """(part of the motion's speed that tracked movers leave, what limits it or '')."""
        now, acting = situation.now.pose, situation.acting.pose
        sine, cosine = sin_cos(now[2])
        dx, dy = acting[0] - now[0], acting[1] - now[1]
        start = (cosine * dx + sine * dy, cosine * dy - sine * dx, acting[2] - now[2])
        rows = movers.rows_of(situation.movers, start, self._settings.actuation_s)
        floor_mps = envelope.outline_speed_mps(situation.acting.twist, self._outline.circumradius_m)
        slowest_mps = slowest * motion.speed_mps
        speed_mps, cause = movers.clear_speed(motion, slowest_mps, floor_mps, rows, self._settings, self._outline)
        return speed_mps / motion.speed_mps, cause

    def _zone_speed(self, motion: Motion, slowest: float, situation: Situation) -> tuple[float, StopReason, str]:
        """(outline speed that keep-out and speed zones leave, reason, cause)."""
        if not self._fences:
            return motion.speed_mps, StopReason.NONE, ""
        place = situation.map_from_base
        if place is not None:
            ahead = _pose(situation.now.pose).inverse() @ _pose(situation.acting.pose)
            place = place @ ahead
        floor_mps = envelope.outline_speed_mps(situation.acting.twist, self._outline.circumradius_m)
        return zones.allowed_speed(
            self._fences, place, motion, slowest * motion.speed_mps, floor_mps, self._settings, self._outline
        )

    def _unseen_speed(self, motion: Motion, slowest: float, situation: Situation) -> float:
        """Speed allowed by what was not seen; not computed where it cannot limit."""
        if motion.speed_mps <= self._settings.blind_mps:
            return motion.speed_mps
        acting = situation.acting
        circumradius_m = self._outline.circumradius_m
        floor_mps = envelope.outline_speed_mps(acting.twist, circumradius_m)
        reach_m = envelope.reach_m(motion, floor_mps, self._settings, circumradius_m, uncertainty_m=self._rules.cell_m)
        cells, count = memory.unseen_near(
            situation.memory, situation.odometer, acting.pose, reach_m, situation.now_ns, self._rules
        )
        slowest_mps = slowest * motion.speed_mps
        return envelope.unseen_speed(motion, slowest_mps, floor_mps, cells, count, self._settings, self._outline)

    def _emergency(self, situation: Situation) -> StopCategory | None:
        """BRAKE when even braking at once, by the ramp that the envelope counts on, would touch something.

        Along the curve that the body has, or straight on: wheels that brake as hard as the floor allows do not turn it.
        """
        coasting = situation.coasting.twist
        for twist in (coasting, Twist2(coasting.v_mps, 0.0)):
            if self._touches_while_braking(twist, situation):
                return StopCategory.BRAKE
        return None

    def _touches_while_braking(self, twist: Twist2, situation: Situation) -> bool:
        outline = situation.leading
        motion = _motion(twist, situation, outline)
        if motion is None:
            return False
        reach_m = envelope.reach_m(motion, 0.0, self._settings, outline.circumradius_m)
        points, _, count = memory.points_near(
            situation.memory, situation.odometer, situation.coasting.pose, reach_m, situation.now_ns
        )
        return envelope.touches_while_braking(motion, points, count, self._settings, outline)


def _motion(twist: Twist2, situation: Situation, outline: Outline) -> Motion | None:
    return envelope.motion_of(twist, situation.limits, outline.circumradius_m)


def _coasting_motion(wish: Twist2, situation: Situation) -> Motion | None:
    """The wish along the curvature that the body has now; None where that is slow.

    Where the wish turns back, or in place, what is left is the body's own stop.
    """
    coasting = situation.coasting.twist
    if abs(coasting.v_mps) < _COASTING_FROM_MPS:
        return None
    part = max(_WHISPER, wish.v_mps / coasting.v_mps)
    return envelope.motion_of(_scaled(coasting, part), situation.sliding, situation.leading.circumradius_m)


def _pose(pose: tuple[float, float, float]) -> Pose2:
    return Pose2(*pose)


def _scaled(twist: Twist2, scale: float) -> Twist2:
    """The same curvature at another speed."""
    return Twist2(twist.v_mps * scale, twist.w_radps * scale)
