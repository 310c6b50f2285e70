"""The portable sine, cosine, arctangent, exponential and logarithm, compiled."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from amr import portable_math
from amr.jit import inlined, kernel

Array = NDArray[Any]

sin_cos = kernel("UniTuple(float64, 2)(float64)")(portable_math.sin_cos)
arctan2 = kernel("float64(float64, float64)")(portable_math.arctan2)
exponential = kernel("float64(float64)")(portable_math.exponential)
logarithm = kernel("float64(float64)")(portable_math.logarithm)

_sin_cos_inlined = inlined(portable_math.sin_cos)


@kernel("void(float64[::1], float64[::1], float64[::1])")
def sin_cos_each(angles_rad: Array, sines: Array, cosines: Array) -> None:
    """``sin_cos`` of each of ``angles_rad`` [n] into ``sines`` and ``cosines`` [n]: same bits, four times as fast."""
    for k in range(np.uint64(angles_rad.shape[0])):
        sines[k], cosines[k] = _sin_cos_inlined(angles_rad[k])
