"""Benches on the native firmware; ``AMR_FIRMWARE_LIBRARY`` runs the same tests on a library built otherwise."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from firmware_bench import SMALL, SMALL_CONFIG, Bench


@pytest.fixture(scope="session")
def shared_object() -> Path | None:
    """None = the library that everybody uses; it is built when it is first loaded."""
    chosen = os.environ.get("AMR_FIRMWARE_LIBRARY")
    if chosen is None and not any(shutil.which(name) for name in ("cc", "gcc", "clang")):
        pytest.skip("no C compiler (Debian package gcc)")
    return Path(chosen) if chosen else None


@pytest.fixture
def bench(shared_object: Path | None) -> Bench:
    """A Jackal-like robot just switched on."""
    return Bench(shared_object=shared_object)


@pytest.fixture
def connected(bench: Bench) -> Bench:
    """In a session, configured, disarmed, at rest."""
    return bench.connect()


@pytest.fixture
def armed(connected: Bench) -> Bench:
    """May drive."""
    return connected.arm()


@pytest.fixture
def driving(armed: Bench) -> Bench:
    """Straight ahead at 1 m/s."""
    return armed.drive(1.0, 1.0, 0.6)


@pytest.fixture
def small(shared_object: Path | None) -> Bench:
    """A small robot, armed."""
    return Bench(SMALL, SMALL_CONFIG, battery_v=12.0, shared_object=shared_object).connect().arm()
