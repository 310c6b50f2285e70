"""The scan matching bench itself."""

from __future__ import annotations

from amr.runtime.bench.scan_match import run


def test_every_scan_of_a_made_room_is_found_again():
    result = run(beams=360, trials=10, seed=3)
    assert result["right_frac"] == 1.0
    assert result["error_m"]["p50"] < 0.005
    assert set(result["match_ms"]) == {"p50", "p99", "max", "min"}
