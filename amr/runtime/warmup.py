"""Compiling of every kernel module, by importing it (kernels compile at import or come from the cache)."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.resources import files
from typing import Any, Final

PLACES: Final = (("amr", "wheel_slide"), ("amr.kernels", ""), ("sim.kernels", ""), ("amr.safety", "kernel"))
"""(package, how the names of its kernel modules begin)."""


@dataclass(frozen=True, slots=True)
class Warmup:
    """What was compiled or loaded."""

    modules: tuple[tuple[str, float], ...]
    """(module, seconds)."""
    wall_s: float
    cache_folder: str | None

    def to_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return {"modules": dict(self.modules), "wall_s": self.wall_s, "cache_folder": self.cache_folder}


def kernel_modules() -> list[str]:
    """Names of all modules that compile something."""
    names: list[str] = []
    for package, prefix in PLACES:
        for entry in files(package).iterdir():
            if entry.name.endswith(".py") and entry.name != "__init__.py" and entry.name.startswith(prefix):
                names.append(f"{package}.{entry.name.removesuffix('.py')}")
    return sorted(names)


def compile_all(progress: Callable[[str, float], None] | None = None) -> Warmup:
    """Import every kernel module; ``progress(module, seconds)`` after each."""
    started_s = time.monotonic()
    done: list[tuple[str, float]] = []
    for name in kernel_modules():
        before_s = time.monotonic()
        import_module(name)
        done.append((name, time.monotonic() - before_s))
        if progress is not None:
            progress(*done[-1])
    from amr.jit import CACHE_FOLDER

    return Warmup(tuple(done), time.monotonic() - started_s, str(CACHE_FOLDER) if CACHE_FOLDER else None)
