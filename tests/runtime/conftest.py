"""A log of the tiny core."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from fake_core import FakeCore, fake_inputs

from amr.geometry import Pose2
from amr.runtime.files import load_robot
from amr.runtime.log import LogHeader, LogWriter, make_header
from amr.runtime.snapshot import encode


@pytest.fixture
def header() -> LogHeader:
    return make_header(load_robot("jackal"), "test", 3, Pose2(1.0, 2.0, 0.1), backend="none")


@pytest.fixture
def fake_log(tmp_path: Path, header: LogHeader) -> Callable[..., Path]:
    """Writes a log of ``steps`` steps with snapshots every 10 s; returns its path."""

    def write(steps: int = 100, name: str = "run.mcap", skip: range = range(0)) -> Path:
        core = FakeCore()
        with LogWriter(tmp_path / name, header) as log:
            for number in range(steps):
                inputs = fake_inputs(number)
                outputs = core.step(inputs)
                if number not in skip:
                    log.record(inputs, outputs)
                if number and number % 500 == 0:
                    log.snapshot(number, inputs.now_ns, encode(core.state()))
        return tmp_path / name

    return write


@pytest.fixture
def make_fake_core() -> Callable[..., Callable[[LogHeader], FakeCore]]:
    """``make_core`` for ``replay``."""
    return lambda wrong_at=None: lambda _header: FakeCore(wrong_at)
