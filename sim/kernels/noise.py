"""Random numbers from a counter: no state, the same bits on every machine, any number at any time.

``hash64`` chains the finalizer of SplitMix64 (Steele, Lea, Flood 2014) over seed, stream, tick, index. ``normal`` adds
twelve 16-bit uniforms (Irwin and Hall): np.uint64eger arithmetic only, so no C library takes part; mean 0, variance 1,
tails end at 6 sigma.
"""

from __future__ import annotations

import numpy as np

from amr.jit import kernel

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_SHIFT_1 = np.uint64(30)
_SHIFT_2 = np.uint64(27)
_SHIFT_3 = np.uint64(31)
_LOW_16 = np.uint64(0xFFFF)
_16 = np.uint64(16)
_32 = np.uint64(32)
_48 = np.uint64(48)
_11 = np.uint64(11)
_ONE = np.uint64(1)


@kernel("uint64(uint64)")
def mix64(z: np.uint64) -> np.uint64:
    """SplitMix64's finalizer."""
    z = (z ^ (z >> _SHIFT_1)) * _MIX_1
    z = (z ^ (z >> _SHIFT_2)) * _MIX_2
    return z ^ (z >> _SHIFT_3)


@kernel("uint64(uint64, uint64, uint64, uint64)")
def hash64(seed: np.uint64, stream: np.uint64, tick: np.uint64, index: np.uint64) -> np.uint64:
    """64 random bits for one counter value."""
    z = mix64(seed + _GOLDEN)
    z = mix64(z + (stream + _ONE) * _GOLDEN)
    z = mix64(z + (tick + _ONE) * _GOLDEN)
    return mix64(z + (index + _ONE) * _GOLDEN)


@kernel("float64(uint64, uint64, uint64, uint64)")
def uniform(seed: np.uint64, stream: np.uint64, tick: np.uint64, index: np.uint64) -> float:
    """A number in [0, 1)."""
    return float(np.float64(hash64(seed, stream, tick, index) >> _11) * (1.0 / 9007199254740992.0))


@kernel("float64(uint64, uint64, uint64, uint64)")
def normal(seed: np.uint64, stream: np.uint64, tick: np.uint64, index: np.uint64) -> float:
    """A number of mean 0 and standard deviation 1, in (-6, 6)."""
    z = hash64(seed, stream, tick, index)
    total = np.uint64(0)
    for _ in range(3):
        total += (z & _LOW_16) + ((z >> _16) & _LOW_16) + ((z >> _32) & _LOW_16) + (z >> _48)
        z = mix64(z + _GOLDEN)
    return float((np.float64(total) - 393210.0) * (1.0 / 65536.0))
