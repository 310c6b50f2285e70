"""Fixtures for all tests, and the guard against silent skips."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def outside_data() -> Callable[[str], Path]:
    """Path of a benchmark data file under ``$AMR_DATA`` (default ``../shared/data``); skips where it is absent."""

    def find(name: str) -> Path:
        path = Path(os.environ.get("AMR_DATA", ROOT.parent / "shared" / "data")) / name
        if not path.exists():
            pytest.skip(f"outside data {name} is not here (set AMR_DATA)")
        return path

    return find


def _allowed_patterns() -> list[str] | None:
    """The written list of skips that AMR_REQUIRE names, or None when every skip is allowed."""
    required = os.environ.get("AMR_REQUIRE")
    if not required:
        return None
    lines = (ROOT / required).read_text(encoding="utf-8").splitlines()
    return [line.split(" : ")[0].strip() for line in lines if line.strip() and not line.startswith("#")]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item):  # type: ignore[no-untyped-def]
    """With AMR_REQUIRE set a skip outside the written list is a failure: it would hide that nothing was tested."""
    report = yield
    allowed = _allowed_patterns()
    if report.skipped and allowed is not None and not hasattr(report, "wasxfail"):
        names = [item.nodeid, *item.fixturenames] if hasattr(item, "fixturenames") else [item.nodeid]
        if not any(fnmatch.fnmatch(name, pattern) for pattern in allowed for name in names):
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
            report.outcome = "failed"
            report.longrepr = f"skipped, but AMR_REQUIRE allows no such skip: {reason}"
    return report
