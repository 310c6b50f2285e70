"""The one decorator that compiles: fixed signature, no GIL, cached in a folder named by the kernels' own sources.

Why the folder: Numba does not notice when a helper in another module changes, so a cached caller would keep the old
code. With the sources' hash in the name a changed kernel starts from an empty cache. Where nothing can be written
(read-only install and home) kernels are compiled in each process, and the import still succeeds.

No ``fastmath``, no ``parallel``: results are equal to the bit on every x86-64 CPU (see ARCHITECTURE.md).
"""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numba
import numba.core.config as numba_config

_Function = TypeVar("_Function", bound=Callable[..., Any])

_ROOT = Path(__file__).resolve().parent
_SOURCES = (
    "amr/jit*.py",
    "amr/portable_math.py",
    "amr/wheel_slide.py",
    "amr/kernels/*.py",
    "amr/safety/kernel*.py",
    "sim/kernels/*.py",
)


def kernel_hash() -> str:
    """Hex digest of the kernel sources and of Numba's version: equal hash = equal compiled behaviour."""
    digest = hashlib.sha256(numba.__version__.encode())
    for pattern in _SOURCES:
        for path in sorted(_ROOT.parent.glob(pattern)):
            digest.update(path.name.encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _cache_folder() -> Path | None:
    """A writable folder for compiled kernels, or None."""
    asked = numba_config.CACHE_DIR  # type: ignore[attr-defined]
    roots = [Path(asked)] if asked else []
    with contextlib.suppress(RuntimeError):  # no home folder at all
        roots.append(Path.home() / ".cache" / "amr")
    for root in roots:
        folder = root / f"kernels-{kernel_hash()}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                return folder
        except OSError:
            continue
    return None


CACHE_FOLDER = _cache_folder()
if CACHE_FOLDER is not None:
    numba_config.CACHE_DIR = str(CACHE_FOLDER)  # type: ignore[attr-defined]


def kernel(signature: str | list[str]) -> Callable[[_Function], _Function]:
    """Compile at import for this fixed ``signature`` (Numba's notation), or load from the cache."""
    compiled: Any = numba.njit(signature, nogil=True, cache=CACHE_FOLDER is not None, error_model="numpy")
    return compiled  # type: ignore[no-any-return]


def inlined(function: _Function) -> _Function:
    """For a small function that kernels call in a loop: its body takes the call's place before Numba compiles.

    LLVM does not turn a loop with a long call in it into one over vectors; with the body in its place it does.
    """
    in_place: Any = numba.njit(inline="always")(function)
    return in_place  # type: ignore[no-any-return]
