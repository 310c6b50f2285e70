"""Monte Carlo localization on a likelihood field, with as many particles as the uncertainty needs (Fox 2003)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from amr.kernels import particles as kernels
from amr.kernels.normal_table import NORMALS
from amr.localization.map_field import MapField
from amr.portable_math import exponential, logarithm

Array = NDArray[Any]

_LONGEST_TABLE: Final = 1 << 14
_SCRATCH_ROWS: Final = 1 << 14
_STREAM: Final = 7


@dataclass(frozen=True, slots=True)
class ParticleSettings:
    """``kld_error`` and ``kld_quantile``: Fox's bound epsilon and the normal quantile of 1 - delta.

    ``slow_gain``, ``fast_gain``: averages of augmented MCL (Thrun 2005, 8.3.3).
    """

    least: int = 300
    most: int = 4000
    kld_error: float = 0.05
    kld_quantile: float = 2.33
    bin_m: float = 0.25
    bin_rad: float = math.radians(10.0)
    beams: int = 60
    resample_below_frac: float = 0.5
    slow_gain: float = 0.02
    fast_gain: float = 0.2
    cluster_m: float = 0.8
    cluster_rad: float = math.radians(30.0)


@dataclass(frozen=True, slots=True)
class Cluster:
    """The heaviest bunch of particles: its share of all weight, ``pose`` [3] and ``covariance`` [3, 3]."""

    mass: float
    pose: Array
    covariance: Array


class ParticleFilter:
    """Seeded; the same calls give the same particles. ``poses`` [3, n]; ``weights`` [n]."""

    snapshot_constants: ClassVar[tuple[str, ...]] = ("_field", "_settings", "_likelihood", "_scratch", "_free_cells")

    def __init__(self, field: MapField, seed: int, settings: ParticleSettings | None = None) -> None:
        """Spread over all free cells."""
        self._field = field
        self._settings = settings or ParticleSettings()
        self._seed = seed
        self._tick = 0
        unit = field.nats_per_unit * field.model.temper
        self._likelihood = np.array([exponential(-unit * k) for k in range(_LONGEST_TABLE)])
        self._scratch = np.zeros((_SCRATCH_ROWS, 4), np.int64)
        self._free_cells = np.argwhere(field.free)
        self.poses: Array = np.zeros((3, 0))
        self.weights: Array = np.zeros(0)
        self.slow_nats = math.nan
        self.fast_nats = math.nan
        """Averages of the log of the mean likelihood of a scan: slow and fast; nan before the first."""
        self.spread_everywhere()

    def spread_everywhere(self) -> None:
        """Any heading in any free cell, evenly: the robot may be anywhere."""
        self.poses = self._anywhere(self._settings.most, self._random())
        self._make_even()

    def spread_around(self, pose: Array, root: Array) -> None:
        """Normal around ``pose`` [3]; ``root`` [6]: packed lower Cholesky factor of the covariance, robot's axes."""
        self.poses = np.repeat(np.asarray(pose, np.float64)[:, None], self._settings.least, axis=1)
        self._make_even()
        self.move(np.zeros(3), root)

    def move(self, step: Array, root: Array) -> None:
        """Let all particles take ``step`` [3] with noise by ``root`` [6] (see ``spread_around``)."""
        draws = self._random().integers(1 << 16, size=(3, self.poses.shape[1]), dtype=np.uint16)
        kernels.move_particles(self.poses, step, root, draws, NORMALS)

    def weigh(self, points: Array) -> float:
        """Take a scan's ``points`` float32 [2, m] in; returns the log of its mean likelihood, per beam."""
        penalties = np.empty(self.poses.shape[1], np.uint32)
        kernels.beam_penalties(self.poses, points, self._field.penalty, self._field.frame, penalties)
        total = float(kernels.weigh(self.weights, penalties, self._likelihood))
        unit = self._field.nats_per_unit * self._field.model.temper
        nats = (logarithm(total) if total > 0.0 else -50.0) - unit * float(penalties.min())
        nats /= max(int(points.shape[1]), 1)
        settings = self._settings
        if math.isnan(self.slow_nats):
            self.slow_nats = self.fast_nats = nats
        self.slow_nats += settings.slow_gain * (nats - self.slow_nats)
        self.fast_nats += settings.fast_gain * (nats - self.fast_nats)
        return nats

    def cluster(self) -> Cluster:
        """The bunch around the heaviest particle, moved to its own mean."""
        out = np.empty(kernels.CLUSTER)
        center = np.ascontiguousarray(self.poses[:, int(np.argmax(self.weights))])
        for _ in range(2):
            kernels.cluster_around(
                self.poses, self.weights, center, self._settings.cluster_m, self._settings.cluster_rad, out
            )
            center = out[1:4].copy()
        xx, xy, xt, yy, yt, tt = out[4:]
        return Cluster(float(out[0]), center, np.array([[xx, xy, xt], [xy, yy, yt], [xt, yt, tt]]))

    def renew(self) -> None:
        """Draw anew when few particles carry the weight, as many as the bins ask for.

        When scans fit worse than they used to, a part of the drawn ones is replaced by poses anywhere (augmented MCL).
        """
        settings = self._settings
        count = self.poses.shape[1]
        if kernels.effective_count(self.weights) > settings.resample_below_frac * count:
            return
        random = self._random()
        drawn = np.empty(count, np.int64)
        kernels.draw_low_variance(self.weights, float(random.random()), drawn)
        rows = min(_SCRATCH_ROWS, 2 << count.bit_length())
        bins = kernels.occupied_bins(self.poses, drawn, settings.bin_m, settings.bin_rad, self._scratch[:rows])
        wanted = needed_count(bins, settings)
        if wanted != count:
            drawn = np.empty(wanted, np.int64)
            kernels.draw_low_variance(self.weights, float(random.random()), drawn)
        poses = np.take(self.poses, drawn, axis=1)
        strangers = min(int(wanted * self.doubt_frac), wanted // 2)
        if strangers > 0:
            poses[:, random.choice(wanted, strangers, replace=False)] = self._anywhere(strangers, random)
        self.poses = poses
        self._make_even()

    @property
    def doubt_frac(self) -> float:
        """By how much scans fit worse of late than they used to: 0 = as ever, 1 = not at all."""
        if math.isnan(self.slow_nats):
            return 0.0
        beams = self._settings.beams
        return max(0.0, 1.0 - exponential(beams * (self.fast_nats - self.slow_nats)))

    def _anywhere(self, count: int, random: np.random.Generator) -> Array:
        cells = self._free_cells[random.integers(len(self._free_cells), size=count)]
        inside = random.random((2, count))
        frame = self._field.frame
        return np.stack([
            frame[0] + (cells[:, 1] + inside[0]) * frame[2],
            frame[1] + (cells[:, 0] + inside[1]) * frame[2],
            (random.random(count) * 2.0 - 1.0) * math.pi,
        ])  # fmt: skip

    def _make_even(self) -> None:
        count = self.poses.shape[1]
        self.weights = np.full(count, 1.0 / count)

    def _random(self) -> np.random.Generator:
        self._tick += 1
        return np.random.default_rng((self._seed, _STREAM, self._tick))


def needed_count(bins: int, settings: ParticleSettings) -> int:
    """Particles for a sample that occupies ``bins`` bins: Fox 2003, eq. 9, by Wilson and Hilferty's chi-square."""
    if bins <= 1:
        return settings.least
    part = 2.0 / (9.0 * (bins - 1))
    root = 1.0 - part + math.sqrt(part) * settings.kld_quantile
    count = math.ceil((bins - 1) / (2.0 * settings.kld_error) * root**3)
    return min(max(count, settings.least), settings.most)
