"""Standard error closed for a moment."""

from __future__ import annotations

import os

import pytest

from sim.quiet import quiet_stderr


def test_what_is_written_inside_is_lost_and_outside_is_not(capfd: pytest.CaptureFixture[str]) -> None:
    os.write(2, b"before ")
    with quiet_stderr():
        os.write(2, b"inside ")
    os.write(2, b"after")
    assert capfd.readouterr().err == "before after"


def test_standard_error_comes_back_after_an_exception(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyError), quiet_stderr():
        raise KeyError
    os.write(2, b"back")
    assert capfd.readouterr().err == "back"
