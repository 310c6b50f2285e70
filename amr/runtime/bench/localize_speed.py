"""Time of one particle filter update, 2000 particles and 60 beams, beside the same in plain NumPy."""

from __future__ import annotations

import time
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from amr.localization.map_field import MapField
from amr.localization.particle_filter import ParticleFilter, ParticleSettings
from amr.mapping.base import between
from amr.runtime.bench.localize_world import Sighting

Array = NDArray[Any]

PARTICLES: Final = 2000
BEAMS: Final = 60
_WARM: Final = 10
_NUMPY_UPDATES: Final = 20
_ROOT: Final = np.array([0.02, 0.0, 0.02, 0.0, 0.0, 0.01])


def particle_times(field: MapField, sightings: list[Sighting], updates: int = 200) -> dict[str, Any]:
    """Times in ms of whole updates (move, weigh, mean, draw anew) along a drive: ours, and NumPy's."""
    settings = ParticleSettings(least=PARTICLES, most=PARTICLES, beams=BEAMS, resample_below_frac=1.0)
    particles = ParticleFilter(field, 0, settings)
    particles.spread_around(sightings[0].truth, np.array([0.3, 0.0, 0.3, 0.0, 0.0, 0.1]))
    ours_ms: list[float] = []
    numpy_ms: list[float] = []
    for k in range(updates + _WARM):
        sighting, last = sightings[k % len(sightings)], sightings[max(0, k % len(sightings) - 1)]
        points = sighting.points[(np.arange(BEAMS) * len(sighting.points)) // BEAMS]
        beams = np.ascontiguousarray(points.T, np.float32)
        step = between(last.odometry, sighting.odometry)
        if k >= _WARM and len(numpy_ms) < _NUMPY_UPDATES:
            begin_ns = time.perf_counter_ns()
            _numpy_update(field, particles.poses, beams, step, np.random.default_rng(k))
            numpy_ms.append((time.perf_counter_ns() - begin_ns) / 1e6)
        begin_ns = time.perf_counter_ns()
        particles.move(step, _ROOT)
        particles.weigh(beams)
        particles.cluster()
        particles.renew()
        if k >= _WARM:
            ours_ms.append((time.perf_counter_ns() - begin_ns) / 1e6)
    p50, p99 = np.percentile(ours_ms, (50, 99))
    return {
        "particles": PARTICLES,
        "beams": BEAMS,
        "update_ms": {"p50": float(p50), "p99": float(p99), "min": min(ours_ms)},
        "numpy_update_ms": float(np.median(numpy_ms)),
    }


def _numpy_update(field: MapField, poses: Array, beams: Array, step: Array, random: np.random.Generator) -> Array:
    """The same update as a person would write it with arrays; returns the new particles."""
    count = poses.shape[1]
    noise = random.standard_normal((3, count)) * _ROOT[[0, 2, 5], None]
    dx, dy, turn = step[:, None] + noise
    s, c = np.sin(poses[2]), np.cos(poses[2])
    moved = np.stack([poses[0] + c * dx - s * dy, poses[1] + s * dx + c * dy, poses[2] + turn])
    s, c = np.sin(moved[2])[:, None], np.cos(moved[2])[:, None]
    x = (moved[0][:, None] + c * beams[0] - s * beams[1] - field.frame[0]) / field.cell_m
    y = (moved[1][:, None] + s * beams[0] + c * beams[1] - field.frame[1]) / field.cell_m
    height, width = field.penalty.shape
    cells = field.penalty[np.clip(y, 0, height - 1).astype(int), np.clip(x, 0, width - 1).astype(int)]
    nats = cells.sum(axis=1, dtype=np.int64) * field.nats_per_unit * field.model.temper
    weights = np.exp(nats.min() - nats)
    weights /= weights.sum()
    pointers = (np.arange(count) + random.random()) / count
    drawn: Array = moved[:, np.minimum(np.searchsorted(np.cumsum(weights), pointers), count - 1)]
    return drawn
