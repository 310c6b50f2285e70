"""Eight neighbouring bytes as one word: kernels that add up byte tables take eight cells with one load."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic, overload
from numpy.typing import NDArray

Array = NDArray[Any]


def word_at(flat: Array, at: np.uint64) -> np.uint64:
    """The bytes ``flat[at : at + 8]`` of a uint8 array, the first lowest. The caller sees to it that they are in it."""
    return np.uint64(int.from_bytes(flat[int(at) : int(at) + 8].tobytes(), "little"))


@intrinsic
def _load(_context: Any, flat: Any, at: Any) -> Any:
    def generate(context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        array = context.make_array(flat)(context, builder, values[0])
        place = builder.bitcast(builder.gep(array.data, [values[1]]), ir.IntType(64).as_pointer())
        word = builder.load(place)
        word.align = 1  # any cell may be the first
        return word

    return types.uint64(flat, at), generate


@overload(word_at, inline="always", strict=False)
def _word_at(flat: Any, at: Any) -> Any:
    bytes_in_a_row = isinstance(flat, types.Array) and flat.dtype == types.uint8 and flat.layout == "C"
    if not (bytes_in_a_row and flat.ndim == 1 and at == types.uint64):
        raise numba.TypingError("word_at: expected uint8[::1] and uint64")
    return lambda flat, at: _load(flat, at)  # type: ignore[call-arg]
