"""Builds the firmware's C core as a shared library, once for each state of its sources.

The wheel stays pure Python: the library is compiled on the machine that runs it, into a cache folder named by a hash
of sources, flags and machine.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from amr.errors import AmrError

FIRMWARE_DIR = Path(__file__).resolve().parent / "firmware"
WARNINGS = ("-Wall", "-Wextra", "-Wconversion", "-Werror", "-std=c99", "-pedantic")
_FLAGS = ("-shared", "-fPIC", "-O2", *WARNINGS)
_LIBRARY_NAME = "libamr_firmware.so"


def core_sources() -> list[Path]:
    """The C files of the core, in a fixed order."""
    return sorted((FIRMWARE_DIR / "core").glob("*.c"))


def build_number() -> int:
    """Number of the firmware's build: the first 32 bits of SHA-256 over the core's C files, then its headers."""
    digest = hashlib.sha256()
    for path in core_sources() + sorted((FIRMWARE_DIR / "core").glob("*.h")):
        digest.update(path.read_bytes())
    return int(digest.hexdigest()[:8], 16)


def find_compiler() -> str:
    """Path of a C compiler. Raises ``AmrError`` naming the package to install when there is none."""
    for name in ("cc", "gcc", "clang"):
        found = shutil.which(name)
        if found is not None:
            return found
    raise AmrError("firmware: no C compiler found (cc, gcc, clang); install one, on Debian: apt install gcc libc6-dev")


def _cache_roots() -> Iterator[Path]:
    configured = os.environ.get("XDG_CACHE_HOME", "")
    if configured:
        yield Path(configured) / "amr"
    home = os.environ.get("HOME", "")
    if home:
        yield Path(home) / ".cache" / "amr"
    yield Path(tempfile.gettempdir()) / f"amr-{os.getuid()}"


def _is_ours(folder: Path) -> bool:
    """A library that another user can write is another user's code."""
    status = folder.stat()
    return status.st_uid == os.getuid() and not status.st_mode & 0o022


def _usable(folder: Path) -> bool:
    try:
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return _is_ours(folder)
    except OSError:
        return False


def _compile(compiler: str, build: int, target: Path) -> None:
    descriptor, scratch = tempfile.mkstemp(suffix=".so", dir=target.parent)
    os.close(descriptor)
    command = [compiler, *_FLAGS, f"-DFW_BUILD={build}U", f"-I{FIRMWARE_DIR / 'core'}", "-o", scratch]
    command += [str(path) for path in [*core_sources(), FIRMWARE_DIR / "boards" / "native" / "native.c"]]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        if done.returncode != 0:
            first = next((line for line in done.stderr.splitlines() if "error" in line), done.stderr.strip()[:200])
            raise AmrError(f"firmware: {compiler} failed: {first} (on Debian: apt install gcc libc6-dev)")
        Path(scratch).chmod(0o644)
        # Atomic: of builds that run at the same time the last one wins, and none is ever seen half written.
        Path(scratch).replace(target)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise AmrError(f"firmware: {compiler} could not be run: {error}") from error
    finally:
        Path(scratch).unlink(missing_ok=True)


def build_native() -> Path:
    """Path of the shared library, compiled now if there is none of these sources.

    Raises ``AmrError`` when there is no compiler, no writable folder, or the compiler fails.
    """
    build = build_number()
    key = hashlib.sha256(repr((build, _FLAGS, platform.machine(), platform.libc_ver())).encode())
    key.update((FIRMWARE_DIR / "boards" / "native" / "native.c").read_bytes())
    roots = list(_cache_roots())
    for root in roots:
        folder = root / f"firmware-{key.hexdigest()[:16]}"
        target = folder / _LIBRARY_NAME
        if target.is_file() and _is_ours(folder):
            return target
        if _usable(folder):
            _compile(find_compiler(), build, target)
            return target
    raise AmrError(f"firmware: no writable cache folder; tried {', '.join(str(root) for root in roots)}")
