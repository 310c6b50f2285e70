"""The portable sine, cosine, arctangent, exponential and logarithm, compiled."""

from __future__ import annotations

from amr import portable_math
from amr.jit import kernel

sin_cos = kernel("UniTuple(float64, 2)(float64)")(portable_math.sin_cos)
arctan2 = kernel("float64(float64, float64)")(portable_math.arctan2)
exponential = kernel("float64(float64)")(portable_math.exponential)
logarithm = kernel("float64(float64)")(portable_math.logarithm)
