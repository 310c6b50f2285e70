"""Sine, cosine, arctangent, exponential and logarithm that give the same bits on every CPU.

The C library picks other code paths by CPU (with or without FMA), NumPy too; their last bit differs, and one bit
is enough to make a log fail to replay on another machine. These use only + - * / and comparisons, which IEEE 754
rounds in one way, in a fixed order. They are plain Python: ``amr.kernels.trig`` compiles the same functions.

Accuracy: sine and cosine within 2e-16 for abs(x) < 1e5 rad, arctangent within 4e-16, exponential within 4e-16
relative (checked against ``math`` in the tests). Coefficients: Taylor series to the order where the remainder falls
under half an ulp on the reduced range; two-part pi/2 (Cody and Waite 1980) for the reduction.
"""

from __future__ import annotations

import math

PI = 3.141592653589793
TWO_PI = 6.283185307179586
HALF_PI = 1.5707963267948966
_TWO_OVER_PI = 0.6366197723675814
# pi/2 split so that n * _HALF_PI_HIGH is exact for n < 2**20
_HALF_PI_HIGH = 1.570796326734125614166259765625
_HALF_PI_LOW = 6.077100506506192e-11
_LN2_HIGH = 0.693147180369123816490173339843750
_LN2_LOW = 1.9082149292705877e-10
_INV_LN2 = 1.4426950408889634


def sin_cos(angle_rad: float) -> tuple[float, float]:
    """(sine, cosine) of ``angle_rad``; (nan, nan) when it is not finite or abs(angle_rad) >= 1e6."""
    # neither an early return nor a branch: compilers turn a loop of these into one over vectors
    inside = -1.0e6 < angle_rad < 1.0e6
    angle = angle_rad if inside else 0.0
    scaled = angle * _TWO_OVER_PI
    quarter = int(scaled + 0.5) if scaled >= 0.0 else -int(0.5 - scaled)
    r = (angle - quarter * _HALF_PI_HIGH) - quarter * _HALF_PI_LOW
    r2 = r * r
    sine = r + r * r2 * (
        -1.6666666666666666e-01
        + r2
        * (
            8.3333333333333333e-03
            + r2
            * (
                -1.9841269841269841e-04
                + r2
                * (
                    2.7557319223985893e-06
                    + r2 * (-2.5052108385441720e-08 + r2 * (1.6059043836821613e-10 - r2 * 7.6471637318198164e-13))
                )
            )
        )
    )
    cosine = 1.0 + r2 * (
        -0.5
        + r2
        * (
            4.1666666666666664e-02
            + r2
            * (
                -1.3888888888888889e-03
                + r2
                * (
                    2.4801587301587302e-05
                    + r2
                    * (
                        -2.7557319223985888e-07
                        + r2 * (2.0876756987868100e-09 + r2 * (-1.1470745597729725e-11 + r2 * 4.7794773323873853e-14))
                    )
                )
            )
        )
    )
    swapped = quarter & 1 != 0
    first, second = (cosine if swapped else sine), (sine if swapped else cosine)
    first = -first if quarter & 2 != 0 else first
    second = -second if (quarter + 1) & 2 != 0 else second
    return (first if inside else math.nan), (second if inside else math.nan)


def arctan2(y: float, x: float) -> float:
    """Angle of the vector (x, y) in (-pi, pi]; 0 for the null vector, nan when an argument is nan."""
    if y != y or x != x:
        return float("nan")
    ax = x if x >= 0.0 else -x
    ay = y if y >= 0.0 else -y
    if ax == 0.0 and ay == 0.0:
        return 0.0
    swap = ay > ax
    ratio = ax / ay if swap else ay / ax
    if ratio != ratio:
        ratio = 1.0  # infinity over infinity
    # atan(t) = atan(c) + atan((t - c) / (1 + t c)) leaves abs(z) <= tan(pi/16) < 0.199
    if ratio > 0.6681786379192989:
        base, z = 0.7853981633974483, (ratio - 1.0) / (1.0 + ratio)
    elif ratio > 0.1989123673796580:
        base, z = 0.39269908169872414, (ratio - 0.41421356237309503) / (1.0 + ratio * 0.41421356237309503)
    else:
        base, z = 0.0, ratio
    z2 = z * z
    series = 1.0 / 21.0
    series = 1.0 / 19.0 - z2 * series
    series = 1.0 / 17.0 - z2 * series
    series = 1.0 / 15.0 - z2 * series
    series = 1.0 / 13.0 - z2 * series
    series = 1.0 / 11.0 - z2 * series
    series = 1.0 / 9.0 - z2 * series
    series = 1.0 / 7.0 - z2 * series
    series = 1.0 / 5.0 - z2 * series
    series = 1.0 / 3.0 - z2 * series
    angle = base + (z - z * z2 * series)
    if swap:
        angle = HALF_PI - angle
    if x < 0.0:
        angle = PI - angle
    return angle if y >= 0.0 else -angle


def exponential(x: float) -> float:
    """e to the power x; 0 below -708, infinity above 709, nan for nan."""
    if x != x:
        return x
    if x < -708.0:
        return 0.0
    if x > 709.0:
        return float("inf")
    scaled = x * _INV_LN2
    n = int(scaled + 0.5) if scaled >= 0.0 else -int(0.5 - scaled)
    r = (x - n * _LN2_HIGH) - n * _LN2_LOW
    series = 1.0 + r / 13.0
    series = 1.0 + r / 12.0 * series
    series = 1.0 + r / 11.0 * series
    series = 1.0 + r / 10.0 * series
    series = 1.0 + r / 9.0 * series
    series = 1.0 + r / 8.0 * series
    series = 1.0 + r / 7.0 * series
    series = 1.0 + r / 6.0 * series
    series = 1.0 + r / 5.0 * series
    series = 1.0 + r / 4.0 * series
    series = 1.0 + r / 3.0 * series
    series = 1.0 + r / 2.0 * series
    series = 1.0 + r * series
    # 2**n by squaring: exact, and pow() is not the same on every C library
    factor = 2.0 if n >= 0 else 0.5
    count = n if n >= 0 else -n
    power = 1.0
    while count > 0:
        if count & 1:
            power = power * factor
        factor = factor * factor
        count >>= 1
    return series * power


def logarithm(x: float) -> float:
    """Natural logarithm, within 4e-16 relative or absolute; -infinity for 0, nan below it and for nan."""
    if not x > 0.0:
        return float("-inf") if x == 0.0 else float("nan")
    if x > 1.7976931348623157e308:
        return x
    mantissa, exponent = math.frexp(x)  # exact
    if mantissa < 0.7071067811865476:
        mantissa, exponent = mantissa * 2.0, exponent - 1
    # log(m) = 2 atanh(z), abs(z) < 0.172
    z = (mantissa - 1.0) / (mantissa + 1.0)
    z2 = z * z
    series = 1.0 / 21.0
    series = 1.0 / 19.0 + z2 * series
    series = 1.0 / 17.0 + z2 * series
    series = 1.0 / 15.0 + z2 * series
    series = 1.0 / 13.0 + z2 * series
    series = 1.0 / 11.0 + z2 * series
    series = 1.0 / 9.0 + z2 * series
    series = 1.0 / 7.0 + z2 * series
    series = 1.0 / 5.0 + z2 * series
    series = 1.0 / 3.0 + z2 * series
    return exponent * _LN2_HIGH + (2.0 * (z + z * z2 * series) + exponent * _LN2_LOW)
