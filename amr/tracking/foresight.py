"""The numbers of the motion model as a package holds them: 16-bit, one scale a layer, as text in a Python file.

Below the runtime nothing reads files; so a log that is replayed years later needs nothing but the package.
"""

from __future__ import annotations

import base64
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from amr.kernels.tracking_foresight import INPUTS, OUTPUTS, UNITS
from amr.kernels.tracking_foresight import WEIGHTS as COUNT
from amr.tracking.foresight_weights import SCALES, TEXT

Array = NDArray[Any]

_LAYERS = (INPUTS * UNITS + UNITS, UNITS * UNITS + UNITS, UNITS * OUTPUTS + OUTPUTS)
_WIDTH = 100


def packed(weights: Array) -> str:
    """Source of ``foresight_weights.py`` for float32 [WEIGHTS]."""
    parts = np.split(weights.astype(np.float64), np.cumsum(_LAYERS)[:-1])
    scales = [float(np.abs(part).max()) / 32767.0 for part in parts]
    steps = np.concatenate([np.rint(part / scale) for part, scale in zip(parts, scales, strict=True)])
    text = base64.b85encode(steps.astype("<i2").tobytes()).decode()
    lines = [text[k : k + _WIDTH] for k in range(0, len(text), _WIDTH)]
    return (
        '"""Written by ``python -m amr.runtime.bench.movers_fit --write``: see ``amr.tracking.foresight``."""\n\n'
        f"SCALES = ({', '.join(map(repr, scales))})\n"
        "TEXT = (\n" + "".join(f'    "{line}"\n' for line in lines) + ")\n"
    )


def unpacked(scales: tuple[float, ...], text: str) -> NDArray[np.float32]:
    """float32 [WEIGHTS] of what ``packed`` wrote; ``ValueError`` when it is not for this network."""
    steps = np.frombuffer(base64.b85decode(text), "<i2").astype(np.float64)
    if len(steps) != COUNT or len(scales) != len(_LAYERS):
        raise ValueError(f"the file holds {len(steps)} numbers, the network has {COUNT}: fit it anew")
    parts = np.split(steps, np.cumsum(_LAYERS)[:-1])
    return np.concatenate([part * scale for part, scale in zip(parts, scales, strict=True)]).astype(np.float32)


WEIGHTS: Final = unpacked(SCALES, TEXT)
