"""Programs compiled on this machine, kept in a cache folder of the user: one for each state of its sources."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from amr.errors import AmrError

_TIMEOUT_S = 120.0


def _roots() -> Iterator[Path]:
    configured = os.environ.get("XDG_CACHE_HOME", "")
    if configured:
        yield Path(configured) / "amr"
    home = os.environ.get("HOME", "")
    if home:
        yield Path(home) / ".cache" / "amr"
    yield Path(tempfile.gettempdir()) / f"amr-{os.getuid()}"


def _is_ours(folder: Path) -> bool:
    """A program that another user can write is another user's code."""
    status = folder.stat()
    return status.st_uid == os.getuid() and not status.st_mode & 0o022


def _usable(folder: Path) -> bool:
    try:
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return _is_ours(folder)
    except OSError:
        return False


def key_of(facts: object, sources: Iterable[Path]) -> str:
    """Name of the state of these sources, built under these facts (flags, machine)."""
    digest = hashlib.sha256(repr(facts).encode())
    for path in sources:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def cached(label: str, key: str, name: str, build: Callable[[Path], None]) -> Path:
    """Path of the file ``name`` of this key; ``build(scratch)`` makes it now if there is none.

    ``scratch`` is a path in a folder of its own. Raises ``AmrError`` when no folder can be written or ``build`` fails.
    """
    roots = list(_roots())
    for root in roots:
        folder = root / f"{label}-{key}"
        target = folder / name
        if target.is_file() and _is_ours(folder):
            return target
        if _usable(folder):
            with tempfile.TemporaryDirectory(dir=folder) as scratch_folder:
                scratch = Path(scratch_folder) / name
                build(scratch)
                # Atomic: of builds that run at the same time the last one wins, and none is ever seen half written.
                scratch.replace(target)
            return target
    raise AmrError(f"{label}: no writable cache folder; tried {', '.join(str(root) for root in roots)}")


def find_program(names: Iterable[str], label: str, advice: str) -> str:
    """Path of the first of these programs. Raises ``AmrError`` with ``advice`` when there is none."""
    tried = tuple(names)
    for name in tried:
        found = shutil.which(name)
        if found is not None:
            return found
    raise AmrError(f"{label}: none of {', '.join(tried)} found; {advice}")


def run_compiler(command: list[str], label: str, advice: str) -> None:
    """Run it to its end. Raises ``AmrError`` with its first error and ``advice``."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise AmrError(f"{label}: {command[0]} could not be run: {error}") from error
    if done.returncode != 0:
        first = next((line for line in done.stderr.splitlines() if "error" in line), done.stderr.strip()[:200])
        raise AmrError(f"{label}: {command[0]} failed: {first} ({advice})")
