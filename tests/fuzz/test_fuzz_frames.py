"""A short run of the fuzz target in every test run; it also shows that the target reaches all parts."""

from __future__ import annotations

import pytest
from fuzz_frames import fuzz


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_hostile_board_breaks_no_invariant(seed: int) -> None:
    counts = fuzz(6000, seed)
    assert counts["up"] > 500
    assert counts["states"] > 200
    assert counts["commands"] > 20
    assert counts["reconnects"] > 3
    assert {"crc", "duplicate", "bad_value", "foreign_nonce", "clock_backward", "command_range"} <= counts.keys()


def test_the_same_seed_gives_the_same_run() -> None:
    assert fuzz(500, 9) == fuzz(500, 9)
