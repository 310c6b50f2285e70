"""``amr flash`` finds what is wrong before it touches a board, and says it in one line."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from amr.cli.main import main
from amr.errors import AmrError, PortError
from amr.runtime.flash import check_port, flash, flash_command


@pytest.fixture
def port() -> Iterator[str]:
    """A port that nobody else has open."""
    master, slave = os.openpty()
    yield os.ttyname(slave)
    os.close(master)
    os.close(slave)


@pytest.fixture
def hex_file(tmp_path: Path) -> Path:
    path = tmp_path / "mega2560.hex"
    path.write_text(":00000001FF\n")
    return path


def put_avrdude(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program = folder / "avrdude"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


def test_the_command_is_that_of_the_board() -> None:
    command = flash_command("mega2560", "/dev/ttyACM0", Path("fw.hex"))
    options = "-p atmega2560 -c wiring -b 115200 -P /dev/ttyACM0 -D -U flash:w:fw.hex:i"
    assert " ".join(command) == f"avrdude {options}"


def test_an_unknown_board_lists_the_known_ones() -> None:
    with pytest.raises(AmrError, match="--board esp32: expected one of mega2560"):
        flash_command("esp32", "/dev/ttyACM0", Path("fw.hex"))


def test_a_port_that_is_not_there_is_named() -> None:
    with pytest.raises(PortError, match="/dev/ttyNONE: no such port"):
        check_port("/dev/ttyNONE")


def test_avrdude_gets_the_file_and_its_verdict_is_told(
    tmp_path: Path, hex_file: Path, port: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_avrdude(tmp_path, f'echo "$@" > {tmp_path}/seen; echo "avrdude: 11 bytes of flash verified" >&2', monkeypatch)
    assert flash("mega2560", port, 115200, hex_file) == "11 bytes of flash verified"
    assert f"flash:w:{hex_file}:i" in (tmp_path / "seen").read_text()


def test_avrdudes_error_becomes_one_line(
    tmp_path: Path, hex_file: Path, port: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_avrdude(tmp_path, 'echo "avrdude: stk500v2_getsync(): timeout, no error" >&2; exit 1', monkeypatch)
    with pytest.raises(AmrError, match=r"flash: avrdude failed: stk500v2_getsync\(\): timeout"):
        flash("mega2560", port, 115200, hex_file)


def test_a_dry_run_prints_and_touches_nothing(hex_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["flash", "--port", "/dev/ttyNONE", "--hex", str(hex_file), "--dry-run"]) == 0
    assert capsys.readouterr().out.startswith("avrdude -p atmega2560")
