"""The shipped binary drives whole scenarios: the same outcome as the native core, and the same run every time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from amr.errors import AmrError
from amr.runtime.simulated_run import SimulatedRun
from amr.runtime.trial import load_trial
from firmware_bridge.emulated_build import build_elf, build_emulator


@pytest.fixture(scope="module")
def emulator() -> None:
    """Both programs that an emulated board needs."""
    try:
        build_emulator()
        build_elf("mega2560", 115200)
    except AmrError as error:
        pytest.skip(str(error))


def drive(scenario: str, firmware: str, backend: str | None = None, *, people: bool = True) -> SimulatedRun:
    trial = load_trial(scenario, None, None, backend)
    run = SimulatedRun(trial if people else replace(trial, world=replace(trial.world, moving=())), firmware)
    try:
        run.run()
    finally:
        run.close()
    return run


@pytest.mark.slow
@pytest.mark.parametrize("scenario", ["corridor", "warehouse"])
def test_a_scenario_ends_as_with_the_native_core(emulator: None, scenario: str) -> None:  # noqa: ARG001
    # a person in an aisle sends a robot without a map another way round, whichever board it has
    native, emulated = (drive(scenario, firmware, people=False) for firmware in ("native", "mega2560"))
    assert (emulated.outcome, emulated.collisions) == (native.outcome, native.collisions) == ("success", 0)
    assert emulated.plant.time_ns == pytest.approx(native.plant.time_ns, rel=0.15)
    lengths_m = [run.lockstep.trace.path_length_m() for run in (emulated, native)]
    assert lengths_m[0] == pytest.approx(lengths_m[1], rel=0.1)
    status = emulated.link.status(emulated.plant.time_ns)
    assert (status.crc_errors, status.lost) == (0, 0)


@pytest.mark.slow
def test_two_emulated_runs_are_equal(emulator: None) -> None:  # noqa: ARG001
    assert drive("corridor", "mega2560", "planar").digest == drive("corridor", "mega2560", "planar").digest
