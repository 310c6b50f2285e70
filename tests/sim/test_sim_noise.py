"""Counter-based noise: the published mixing function, and the moments that the sensors rely on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.kernels.noise import hash64, mix64, normal, uniform

MASK = (1 << 64) - 1
GOLDEN = 0x9E3779B97F4A7C15


def plain_mix(z: int) -> int:
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def plain_hash(seed: int, stream: int, tick: int, index: int) -> int:
    z = plain_mix((seed + GOLDEN) & MASK)
    for part in (stream, tick, index):
        z = plain_mix((z + (part + 1) * GOLDEN) & MASK)
    return z


def plain_normal(seed: int, stream: int, tick: int, index: int) -> float:
    z, total = plain_hash(seed, stream, tick, index), 0
    for _ in range(3):
        total += sum((z >> shift) & 0xFFFF for shift in (0, 16, 32, 48))
        z = plain_mix((z + GOLDEN) & MASK)
    return (total - 393210) / 65536


def test_first_output_of_splitmix64_with_seed_zero() -> None:
    # the reference implementation's first number (Vigna, splitmix64.c)
    assert int(mix64(np.uint64(GOLDEN))) == 0xE220A8397B1DCDAF


@settings(max_examples=50, deadline=None)
@given(*[st.integers(0, MASK)] * 4)
def test_kernels_equal_the_integer_reference(seed: int, stream: int, tick: int, index: int) -> None:
    counter = [np.uint64(value) for value in (seed, stream, tick, index)]
    assert int(hash64(*counter)) == plain_hash(seed, stream, tick, index)
    assert normal(*counter) == plain_normal(seed, stream, tick, index)
    assert uniform(*counter) == (plain_hash(seed, stream, tick, index) >> 11) / 2**53


def test_normal_has_mean_zero_and_deviation_one_and_no_memory() -> None:
    one = np.uint64(1)
    values = np.array([normal(one, one, one, np.uint64(i)) for i in range(20_000)])
    assert values.mean() == pytest.approx(0.0, abs=0.03)
    assert values.std() == pytest.approx(1.0, abs=0.02)
    assert np.mean(np.abs(values) < 1.0) == pytest.approx(0.6827, abs=0.015)
    assert np.corrcoef(values[:-1], values[1:])[0, 1] == pytest.approx(0.0, abs=0.03)
