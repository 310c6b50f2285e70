"""Localization on a saved map, scan by scan: odometry, particles, scan match, "am I lost?", and the way back.

Particles hold the alternatives and the match holds the precision: the told pose is that of a Kalman filter that
takes the match from where it predicts itself, or from the particles' heaviest bunch where that fits clearly better. A
robot that is lost searches the whole map with the scans that it goes on to take.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from amr.kernels.beam_check import SHORT, THROUGH, UNKNOWN
from amr.localization.base import Belief, Fix
from amr.localization.lost import FEATURES, LostFilter, LostModel, features_of
from amr.localization.map_field import MapField
from amr.localization.particle_filter import Cluster, ParticleFilter, ParticleSettings
from amr.localization.pose_filter import PoseFilter, PoseSettings
from amr.localization.relocalize import Place, Relocalizer, SearchSettings
from amr.localization.scan_points import thinned
from amr.mapping.base import LineMatch, between, turned, wrapped
from amr.state import restore_into, tree_of

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class LocalizerSettings:
    """``match_points``: of a scan, for the match. ``doubtful_frac``, ``lost_frac``, ``sure_frac``: probabilities of
    being lost from which on the robot doubts, is lost, and (from above) is sure again. ``searching_frac``: no less
    until a search, or a person, has found the place of a robot that was lost.

    ``scale_frac``: error of the wheels' scale that the robot does not know. ``step_floor_m``, ``step_floor_rad``: of
    one step's noise, so that particles do not collapse. ``other_gain_nats``: so much better each beam must fit from the
    particles' bunch, which holds ``other_mass_frac`` of all weight. ``found_lost_frac``: of a place that was told or
    found. ``search_every``: scans kept between two searches. ``searches``: False = never; it only tells.
    """

    match_points: int = 180
    least_points: int = 20
    doubtful_frac: float = 0.3
    lost_frac: float = 0.9
    sure_frac: float = 0.05
    searching_frac: float = 0.5
    scale_frac: float = 0.02
    step_floor_m: float = 0.004
    step_floor_rad: float = 0.002
    other_gain_nats: float = 0.3
    other_mass_frac: float = 0.9
    found_lost_frac: float = 0.02
    search_every: int = 2
    searches: bool = True
    particles: ParticleSettings = field(default_factory=ParticleSettings)
    pose: PoseSettings = field(default_factory=PoseSettings)
    search: SearchSettings = field(default_factory=SearchSettings)
    lost: LostModel = field(default_factory=LostModel)


class Localizer:
    """``update`` with each scan, in order. ``origin_m`` [2]: the lidar in the robot's frame."""

    snapshot_constants: ClassVar[tuple[str, ...]] = ("_field", "_settings", "_origin")

    def __init__(self, saved: MapField, seed: int, origin_m: Array, settings: LocalizerSettings | None = None) -> None:
        """Anywhere: until ``start_at`` is called or a search has found the place."""
        self._settings = settings or LocalizerSettings()
        self._field = saved
        self._origin = np.array(origin_m, np.float64)
        self.particles = ParticleFilter(saved, seed, self._settings.particles)
        self.tracked = PoseFilter(saved, self._settings.pose)
        self.lost = LostFilter(self._settings.lost)
        self.relocalizer = Relocalizer(saved, self.tracked, self._settings.search)
        self.belief = Belief.LOST
        self.features: Array = np.zeros(len(FEATURES))
        """Of the last scan, for those who fit the model."""
        self.refused = 0
        """Scans with too few points, or a pose that was not finite."""
        self.searched = 0
        """Searches of the whole map so far."""
        self._placed = False
        """The tracked pose comes from a known place and what was measured since."""
        self._odometry: Array | None = None
        self._covariance: Array = np.zeros((3, 3))
        self._since_search = 0
        self.start_anywhere()

    def start_at(self, pose: Array, sigma: tuple[float, float, float] = (0.3, 0.3, 0.15)) -> None:
        """Someone told where the robot is: ``pose`` [3], give or take ``sigma`` (m, m, rad; robot's axes)."""
        covariance = np.diag(np.square(sigma))
        self.particles.spread_around(pose, _packed_root(covariance))
        self.tracked.reset(pose, turned(covariance, float(pose[2])))
        self.lost.reset(self._settings.found_lost_frac)
        self.belief = Belief.SURE
        self._placed = True
        self.relocalizer.clear()

    def start_anywhere(self) -> None:
        """Nobody knows."""
        self.particles.spread_everywhere()
        self.lost.reset(0.99)
        self.belief = Belief.LOST
        self._placed = False
        self.relocalizer.clear()

    def update(self, points: Array, odometry: Array, odometry_covariance: Array) -> Fix | None:
        """Fix of a scan: ``points`` [n, 2] (m, robot's frame), ``odometry`` [3] at its time and the covariance [3, 3]
        that goes with it (odom axes, as ``amr.estimation`` states it). None for a scan that cannot be used.
        """
        if len(points) < self._settings.least_points or not (
            np.isfinite(odometry).all() and np.isfinite(odometry_covariance).all() and np.isfinite(points).all()
        ):
            self.refused += 1
            return None
        self._move(np.asarray(odometry, np.float64), np.asarray(odometry_covariance, np.float64))
        beams = thinned(points, self._settings.particles.beams)
        self.particles.weigh(np.ascontiguousarray(beams.T, np.float32))
        cluster = self.particles.cluster()
        match, other = self._matches(thinned(points, self._settings.match_points), cluster)
        predicted = self.tracked.pose.copy()
        if other:
            self.belief = Belief.LOST  # a guess that fits is no place: a search has to say so
            self._placed = False
            self.tracked.reset(cluster.pose, cluster.covariance + np.diag([1e-4, 1e-4, 1e-4]))
        self.features = self._features(beams, match, cluster)
        self.tracked.fuse(match)
        self.lost.update(self.features)
        self._decide()
        if self.belief is Belief.LOST and self._settings.searches:
            self._search(points)
        self.particles.renew()
        return self._fix(predicted)

    def state(self) -> dict[str, Any]:
        """Everything that the next fix depends on."""
        return tree_of(self)

    def restore(self, tree: dict[str, Any]) -> None:
        """Become the localizer (of the same map, seed and settings) that ``state()`` was taken from."""
        restore_into(self, tree)

    def _move(self, odometry: Array, covariance: Array) -> None:
        step, noise = np.zeros(3), np.zeros((3, 3))
        if self._odometry is not None:
            step = between(self._odometry, odometry)
            noise = step_covariance(self._odometry, odometry, self._covariance, covariance)
        self._odometry, self._covariance = odometry.copy(), covariance.copy()
        floor = np.array([self._settings.step_floor_m, self._settings.step_floor_m, self._settings.step_floor_rad])
        self.tracked.predict(step, noise + self._scale_noise(step))
        self.particles.move(step, _packed_root(noise + np.diag(floor**2)))

    def _scale_noise(self, step: Array) -> Array:
        """What a wrong wheel scale may add, in the axes before the step: its errors do not average out along the way.

        A deviation that grows by scale times way, d(s^2) = 2 s ds, whatever part of s is from other sources.
        """
        way_m, scale = math.hypot(step[0], step[1]), self._settings.scale_frac
        before = turned(self.tracked.covariance, -float(self.tracked.pose[2]))
        added = np.zeros((3, 3))
        added[0, 0] = 2.0 * scale * way_m * math.sqrt(max(0.0, float(before[0, 0]))) + (scale * way_m) ** 2
        return added

    def _matches(self, points: Array, cluster: Cluster) -> tuple[LineMatch, bool]:
        """The match to believe, and whether it is the one from the particles' bunch."""
        match = self.tracked.match(points, self.tracked.pose, self.tracked.covariance)
        gap = cluster.pose - self.tracked.pose
        near = math.hypot(gap[0], gap[1]) < 0.5 and abs(float(wrapped(gap[2]))) < 0.3
        # a few beams that a crowd lets through may fit anywhere for a moment: who is sure does not jump
        if near or cluster.mass < self._settings.other_mass_frac or self.belief is not Belief.DOUBTFUL:
            return match, False
        other = self.tracked.match(points, cluster.pose)
        prices, origin = self._settings.search.crowd_prices, self._origin
        now, then = (self._field.judged_nats(points, origin, one.pose, prices) for one in (match, other))
        gain_nats = float(now.mean() - then.mean())
        return (other, True) if gain_nats > self._settings.other_gain_nats else (match, False)

    def _features(self, beams: Array, match: LineMatch, cluster: Cluster) -> Array:
        verdicts = self._field.verdicts(beams, self._origin, match.pose)
        walls = (verdicts != UNKNOWN) & (verdicts != SHORT)
        unknown = int((verdicts == UNKNOWN).sum())
        judged, at_walls = max(1, len(verdicts) - unknown), max(1, int(walls.sum()))
        spread_m = math.sqrt(max(0.0, float(cluster.covariance[0, 0] + cluster.covariance[1, 1])))
        return features_of(
            self._field.nats(beams[walls], match.pose) if walls.any() else 0.0,
            float((verdicts == THROUGH).sum()) / at_walls,
            float((verdicts == SHORT).sum()) / judged,
            spread_m,
            1.0 - cluster.mass,
            self.tracked.innovation(match),
            unknown / max(1, len(verdicts)),
        )

    def _decide(self) -> None:
        lost_frac, settings = self.lost.lost_frac, self._settings
        if self.belief is Belief.LOST:
            # a wrong place that looks like the right one fits as well: only a search, which hears its rivals, ends this
            self.lost.reset(max(lost_frac, settings.searching_frac))
        elif lost_frac >= settings.lost_frac:
            self.belief = Belief.LOST
        elif lost_frac <= settings.sure_frac:
            self.belief = Belief.SURE
        elif lost_frac >= settings.doubtful_frac and self.belief is Belief.SURE:
            self.belief = Belief.DOUBTFUL

    def _search(self, points: Array) -> None:
        if not self.relocalizer.add(points, self._origin, self._odometry_now()):
            return
        self._since_search += 1
        if self._since_search < self._settings.search_every and self.relocalizer.scans > self._settings.search_every:
            return
        self._since_search = 0
        self.searched += 1
        found = self.relocalizer.search(self.tracked.pose if self._placed else None)
        if found.place is Place.FOUND:
            self.start_at(found.poses[0], (0.05, 0.05, 0.02))

    def _odometry_now(self) -> Array:
        assert self._odometry is not None
        return self._odometry

    def _fix(self, predicted: Array) -> Fix:
        pose = self.tracked.pose.copy()
        gap = pose - predicted
        jumped = math.hypot(gap[0], gap[1]) > 0.2 or abs(float(wrapped(gap[2]))) > 0.1
        return Fix(pose, self.tracked.told_covariance, self.lost.lost_frac, self.belief, jumped)


def step_covariance(before: Array, after: Array, covariance_before: Array, covariance_after: Array) -> Array:
    """What odometry added between two poses [3], in the axes of the first; from its covariances in the odom frame.

    P' = F P F^T + Q with F the lever of the way; what rounding or correlation leave negative counts as nothing.
    """
    lever = np.eye(3)
    lever[0, 2], lever[1, 2] = before[1] - after[1], after[0] - before[0]
    added = covariance_after - lever @ covariance_before @ lever.T
    added = turned(0.5 * (added + added.T), -float(before[2]))
    deviation = np.sqrt(np.maximum(np.diag(added), 0.0))
    # as independent errors: what the correlation with earlier errors adds or takes is of second order in one step
    return np.diag(deviation**2)


def _packed_root(covariance: Array) -> Array:
    """Lower Cholesky factor of a positive definite matrix [3, 3] as 00 10 11 20 21 22."""
    root = np.linalg.cholesky(covariance)
    return np.ascontiguousarray(root[np.tril_indices(3)])
