"""``amr bench mcu``: what it reports is what the board did."""

from __future__ import annotations

import pytest

from amr.errors import AmrError
from amr.runtime.bench.mcu import run
from firmware_bridge.emulated_build import build_elf, build_emulator


def test_a_measurement_names_rates_losses_and_a_digest_that_repeats() -> None:
    try:
        build_emulator()
        build_elf("mega2560", 115200)
    except AmrError as error:
        pytest.skip(str(error))
    first, second = (run("mega2560", "reference", 0.5, 20_000.0) for _ in range(2))
    assert first.digest == second.digest
    assert first.telemetry_hz == pytest.approx(200.0, abs=1.0)
    assert first.bytes_per_s < 11_520
    assert (first.lost_counts, first.crc_errors, first.overruns) == (0, 0, 0)
    assert 0.05 < first.processor_idle_frac < 0.95
    assert first.to_json()["real_time_factor"] > 0.0
