"""``python -m amr.runtime.bench.movers_fit``: fit the motion model of moving obstacles, and judge it.

Examples are moments on made-up ways (``movers_traffic``) as a tracker would have seen them: places with a little
noise, at the rate of some lidar, over the last second or less. The network learns mean and spread together from the
Gaussian likelihood, weighted by the spread (Seitzer, Tavakoli, Antic, Martius 2022, "On the pitfalls of
heteroscedastic uncertainty estimation", beta 0.5), by Adam (Kingma and Ba 2015). It is judged on other ways, against
the constant velocity of the last 0.2 s. ``--write`` puts it into ``amr/tracking/foresight_weights.py``.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from amr.kernels import tracking_foresight as net
from amr.movers import AHEAD_S
from amr.runtime.bench.movers_traffic import KINDS, STEP_S, ways
from amr.tracking.foresight import WEIGHTS, packed

Array = NDArray[Any]

_AHEAD: Final = np.array(AHEAD_S)
_BETA: Final = 0.5
_LEARNING_RATE: Final = 2e-3
_BATCH: Final = 1024
_SCAN_S: Final = (0.02, 0.02, 0.025, 0.04, 0.1)
_NOISE_M: Final = (0.001, 0.008)


def examples(tracks: list[Array], per_track: int, seed: int) -> tuple[Array, Array]:
    """(inputs float32 [n, INPUTS], targets float32 [n, STEPS, 2]) of moments on these ways, ``per_track`` of each.

    Targets: mean velocity until ``AHEAD_S`` less the present one, in the direction of the present one, m/s.
    """
    random = np.random.default_rng((seed, 43))
    inputs, targets = [], []
    row, ahead = np.empty(net.INPUTS, np.float32), np.empty(3)
    back, on = round(net.LAGS * net.LAG_S / STEP_S), round(AHEAD_S[-1] / STEP_S)
    for way in tracks:
        if len(way) <= back + on:
            continue
        for at in random.integers(back, len(way) - on, per_track):
            seen_s = net.LAGS * net.LAG_S if random.random() < 0.6 else random.uniform(0.14, 1.0)
            scan_s = float(random.choice(_SCAN_S))
            ages_s = np.arange(int(seen_s / scan_s + 1e-9), -1, -1) * scan_s
            places = _at(way, at * STEP_S - ages_s)
            places += random.uniform(*_NOISE_M) * random.standard_normal(places.shape)
            if not net.look_back(ages_s, places, len(places), row, ahead):
                continue
            gone = (_at(way, at * STEP_S + _AHEAD) - places[-1]) / _AHEAD[:, None]
            turned = np.column_stack((gone @ (ahead[0], ahead[1]) - ahead[2], gone @ (-ahead[1], ahead[0])))
            inputs.append(row.copy())
            targets.append(turned)
    return np.array(inputs), np.array(targets, np.float32)


def _at(way: Array, times_s: Array) -> Array:
    grid = np.arange(len(way)) * STEP_S
    return np.column_stack([np.interp(times_s, grid, way[:, axis]) for axis in (0, 1)])


def mirrored(inputs: Array, targets: Array) -> tuple[Array, Array]:
    """The examples, and each as seen in a mirror that stands along its direction."""
    flip = np.ones(net.INPUTS, np.float32)
    flip[1 : 2 * net.LAGS : 2] = -1.0
    other = targets * np.array((1.0, -1.0), np.float32)
    return np.concatenate((inputs, inputs * flip)), np.concatenate((targets, other))


def layers_of(weights: Array) -> list[tuple[Array, Array]]:
    """Views of the flat ``weights``: (factors [inputs, units], offsets [units]) of each layer."""
    sizes = ((net.INPUTS, net.UNITS), (net.UNITS, net.UNITS), (net.UNITS, net.OUTPUTS))
    found, begin = [], 0
    for rows, columns in sizes:
        factors = weights[begin : begin + rows * columns].reshape(rows, columns)
        begin += rows * columns
        found.append((factors, weights[begin : begin + columns]))
        begin += columns
    return found


def fitted(inputs: Array, targets: Array, epochs: int, seed: int) -> Array:
    """float32 [WEIGHTS]: the network with the least loss on these examples."""
    random = np.random.default_rng((seed, 47))
    weights = np.zeros(net.WEIGHTS, np.float32)
    layers = layers_of(weights)
    for factors, _ in layers:
        factors[:] = random.standard_normal(factors.shape) * np.sqrt(2.0 / len(factors))
    layers[-1][0][:] *= 0.1
    slope, square = np.zeros_like(weights), np.zeros_like(weights)
    steps = epochs * (len(inputs) // _BATCH)
    step = 0
    for _ in range(epochs):
        order = random.permutation(len(inputs))
        for begin in range(0, len(order) - _BATCH + 1, _BATCH):
            rows = order[begin : begin + _BATCH]
            gradient = _gradient(layers, inputs[rows], targets[rows])
            step += 1
            slope += 0.1 * (gradient - slope)
            square += 0.001 * (gradient * gradient - square)
            size = slope / (1.0 - 0.9**step) / (np.sqrt(square / (1.0 - 0.999**step)) + 1e-8)
            weights -= np.float32(_LEARNING_RATE * 0.5 * (1.0 + np.cos(np.pi * step / steps))) * size
    return weights


def _gradient(layers: list[tuple[Array, Array]], inputs: Array, targets: Array) -> Array:
    """Of the mean loss, flat as the weights."""
    values = [inputs]
    for number, (factors, offsets) in enumerate(layers):
        value = values[-1] @ factors + offsets
        values.append(np.maximum(value, 0.0) if number < len(layers) - 1 else value)
    answer = values[-1].reshape(len(inputs), net.STEPS, 3)
    log_sigma = np.clip(answer[:, :, 2], -5.0, 1.5)
    variance = np.exp(2.0 * log_sigma)
    off = answer[:, :, :2] - targets
    weight = variance**_BETA / (len(inputs) * net.STEPS)
    slopes = np.empty_like(answer)
    slopes[:, :, :2] = (weight / variance)[:, :, None] * off
    slopes[:, :, 2] = weight * (2.0 - (off * off).sum(axis=2) / variance)
    error = slopes.reshape(len(inputs), net.OUTPUTS)
    parts: list[Array] = []
    for number in range(len(layers) - 1, -1, -1):
        parts = [(values[number].T @ error).ravel(), error.sum(axis=0), *parts]
        if number > 0:
            error = (error @ layers[number][0].T) * (values[number] > 0.0)
    return np.concatenate(parts)


def judged(weights: Array, inputs: Array, targets: Array) -> dict[str, Array]:
    """For each of ``AHEAD_S``: rms and 90 % of the way that is off, m, of the network and of the constant velocity;
    ``within``: part of the moments whose place is within two standard deviations on both axes together (0.865)."""
    outputs, hidden = np.empty((len(inputs), net.OUTPUTS), np.float32), np.empty(2 * net.UNITS, np.float32)
    for row, output in zip(inputs, outputs, strict=True):
        net.think(weights, row, hidden, output)
    answer = outputs.reshape(len(inputs), net.STEPS, 3).astype(np.float64)
    off_m = np.hypot(*np.moveaxis(answer[:, :, :2] - targets, 2, 0)) * _AHEAD
    plain_m = np.hypot(*np.moveaxis(targets, 2, 0)) * _AHEAD
    sigma_m = np.exp(np.clip(answer[:, :, 2], -5.0, 1.5)) * _AHEAD
    return {
        "rms_m": np.sqrt((off_m**2).mean(axis=0)),
        "p90_m": np.quantile(off_m, 0.9, axis=0),
        "plain_rms_m": np.sqrt((plain_m**2).mean(axis=0)),
        "plain_p90_m": np.quantile(plain_m, 0.9, axis=0),
        "within_frac": (off_m < 2.0 * sigma_m).mean(axis=0),
    }


def main(arguments: list[str] | None = None) -> int:
    """Fit on one set of ways, print how the network and the committed one do on another."""
    parser = argparse.ArgumentParser(prog="python -m amr.runtime.bench.movers_fit", description=__doc__)
    parser.add_argument("--ways", type=int, default=1200, help="of each kind")
    parser.add_argument("--moments", type=int, default=60, help="on each way")
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--judge", action="store_true", help="only the committed network")
    parser.add_argument("--write", type=Path, help="file for the network, as Python")
    asked = parser.parse_args(arguments)
    networks = {"committed": WEIGHTS}
    if not asked.judge:
        made = [examples(ways(kind, asked.ways, asked.seed), asked.moments, asked.seed) for kind in KINDS]
        inputs, targets = mirrored(np.concatenate([i for i, _ in made]), np.concatenate([t for _, t in made]))
        networks["fitted"] = fitted(inputs, targets, asked.epochs, asked.seed)
        if asked.write is not None:
            asked.write.write_text(packed(networks["fitted"]), encoding="utf-8")
    chosen = [AHEAD_S.index(duration_s) for duration_s in (0.2, 0.6, 1.0, 2.0)]
    sys.stdout.write("rms and 90 % of the error, m, constant velocity -> network; part within two sigma\n")
    for kind in KINDS:
        inputs, targets = examples(ways(kind, max(1, asked.ways // 6), asked.seed + 1000), 20, asked.seed + 1000)
        for name, weights in networks.items():
            found = judged(weights, inputs, targets)
            cells = [
                f"{AHEAD_S[k]:.1f} s {found['plain_rms_m'][k]:.2f} -> {found['rms_m'][k]:.2f},"
                f" {found['plain_p90_m'][k]:.2f} -> {found['p90_m'][k]:.2f}, {found['within_frac'][k]:.2f}"
                for k in chosen
            ]
            sys.stdout.write(f"{kind:<20}{name:<10} {' | '.join(cells)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
