"""Normal noise by look-up: the inverse normal distribution at the middles of 65536 equal steps of probability."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from amr.jit import kernel
from amr.kernels.trig import logarithm

Array = NDArray[Any]


@kernel("float64(float64)")
def normal_quantile(probability: float) -> float:
    """Inverse of the standard normal distribution: Wichura 1988, algorithm AS 241 (PPND16), to 1e-15 relative.

    For 1e-11 < ``probability`` < 1 - 1e-11: the paper's third branch, for what is rarer, is left out.
    """
    off = probability - 0.5
    if abs(off) <= 0.425:
        r = 0.180625 - off * off
        over = ((((((2.5090809287301226727e3 * r + 3.3430575583588128105e4) * r + 6.7265770927008700853e4) * r
            + 4.5921953931549871457e4) * r + 1.3731693765509461125e4) * r + 1.9715909503065514427e3) * r
            + 1.3314166789178437745e2) * r + 3.3871328727963666080  # fmt: skip
        under = ((((((5.2264952788528545610e3 * r + 2.8729085735721942674e4) * r + 3.9307895800092710610e4) * r
            + 2.1213794301586595867e4) * r + 5.3941960214247511077e3) * r + 6.8718700749205790830e2) * r
            + 4.2313330701600911252e1) * r + 1.0  # fmt: skip
        return off * over / under
    r = math.sqrt(-logarithm(probability if off < 0.0 else 1.0 - probability)) - 1.6
    over = ((((((7.74545014278341407640e-4 * r + 2.27238449892691845833e-2) * r + 2.41780725177450611770e-1) * r
        + 1.27045825245236838258) * r + 3.64784832476320460504) * r + 5.76949722146069140550) * r
        + 4.63033784615654529590) * r + 1.42343711074968357734  # fmt: skip
    under = ((((((1.05075007164441684324e-9 * r + 5.47593808499534494600e-4) * r + 1.51986665636164571966e-2) * r
        + 1.48103976427480074590e-1) * r + 6.89767334985100004550e-1) * r + 1.67638483018380384940) * r
        + 2.05319162663775882187) * r + 1.0  # fmt: skip
    return -over / under if off < 0.0 else over / under


@kernel("void(float32[::1])")
def _fill(out: Array) -> None:
    count = out.shape[0]
    for k in range(count):
        out[np.uint64(k)] = np.float32(normal_quantile((k + 0.5) / count))


def _normals() -> Array:
    table = np.empty(1 << 16, np.float32)
    _fill(table)
    table.setflags(write=False)
    return table


NORMALS: Array = _normals()
"""float32 [65536], rising: a uniform uint16 looks up a standard normal number, within 4.33 deviations.

Six times as fast as a generator's normal numbers, and of the same bits on every CPU.
"""
