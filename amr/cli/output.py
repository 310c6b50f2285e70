"""What commands say: results to standard output or a file, everything else to standard error."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from amr.errors import DataError

JsonOption = Annotated[
    str | None,
    typer.Option("--json", metavar="FILE", help="Write the result as JSON to FILE; '-' = standard output, alone."),
]
RobotOption = Annotated[str, typer.Option(metavar="FILE", help="A robot file or name.")]
SeedOption = Annotated[int, typer.Option(metavar="N", min=0, help="Seed of all trials.")]
OutOption = Annotated[Path | None, typer.Option(metavar="DIR", help="Raw results.")]


def write_json(value: Any, target: str | None) -> None:
    """Write ``value`` to the file ``target`` or, for ``-``, to standard output; None = nowhere.

    Non-finite numbers become null. Raises ``DataError`` when the file cannot be written.
    """
    if target is None:
        return
    text = json.dumps(without_infinities(value), indent=None if target == "-" else 1, allow_nan=False)
    if target == "-":
        typer.echo(text)
        return
    path = Path(target)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise DataError(f"{path}: cannot be written: {error.strerror}") from None


def without_infinities(value: Any) -> Any:
    """The same tree with null in place of nan and infinity, and plain numbers in place of NumPy's."""
    if isinstance(value, dict):
        return {str(key): without_infinities(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [without_infinities(part) for part in value]
    if hasattr(value, "tolist"):  # NumPy, without importing it
        return without_infinities(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Path):
        return str(value)
    return value


def say(text: str, json_target: str | None = None) -> None:
    """A line for a person: on standard output, unless that is taken by JSON."""
    typer.echo(text, err=json_target == "-")


def passing(text: str) -> None:
    """Progress that replaces the line before it; nothing where there is no terminal."""
    if sys.stderr.isatty():
        typer.echo(f"\r\033[K{text}", err=True, nl=False)


def note(text: str) -> None:
    """A line of progress or warning, always on standard error."""
    typer.echo(text, err=True)


def status_line(text: str) -> None:
    """Progress on one line that changes, on a terminal only."""
    if sys.stderr.isatty():
        typer.echo(f"\r\033[K{text}", err=True, nl=False)


def number(value: Any, digits: int = 3) -> str:
    """``value`` with so many digits, a dash for None."""
    return "-" if value is None else f"{value:.{digits}f}"


def percent(value: float | None) -> str:
    """A part of 1 in percent, a dash for None."""
    return "-" if value is None else f"{100.0 * value:.1f} %"
