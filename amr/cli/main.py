"""The program ``amr``. One file per command; heavy imports wait until a command runs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import typer

from amr.cli import bench, calibrate, doctor, drive, flash, init, logs, maps, replay, sim, teleop, warmup
from amr.errors import AmrError

EXIT_WRONG_INPUT = 2
EXIT_INTERRUPTED = 130


class Program(typer.Typer):
    """A Typer application whose every failure is one line on standard error and an exit code."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run with ``sys.argv`` and leave the process."""
        del args, kwargs
        sys.exit(main(sys.argv[1:]))


app = Program(
    name="amr",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="Control stack for differential-drive robots: simulate, drive, log, replay, measure.",
    epilog="Example: [bold]amr sim office[/bold]",
)
sim.add_to(app)
drive.add_to(app)
calibrate.add_to(app)
flash.add_to(app)
teleop.add_to(app)
replay.add_to(app)
logs.add_to(app)
maps.add_to(app)
bench.add_to(app)
init.add_to(app)
doctor.add_to(app)
warmup.add_to(app)


def main(arguments: Sequence[str]) -> int:
    """Run one command; the exit code: 0 success, 1 a result that failed, 2 wrong usage or a bad file."""
    try:
        code = typer.main.get_command(app)(args=list(arguments), prog_name="amr", standalone_mode=False)
    except AmrError as error:
        return _fail(str(error))
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()  # the reader of a pipe has left: no message can reach it
        return EXIT_WRONG_INPUT
    except Exception as error:  # noqa: BLE001 (of Click's, or raised again)
        return _usage(error)
    return code if isinstance(code, int) else 0


def _usage(error: Exception) -> int:
    """Errors of the command line itself; everything else is a defect and keeps its traceback."""
    kind = type(error).__name__
    if kind == "Abort":
        return EXIT_INTERRUPTED
    format_message = getattr(error, "format_message", None)  # of Click's errors, whichever Click Typer brings
    if format_message is None:
        raise error
    if kind == "NoArgsIsHelpError":
        return EXIT_WRONG_INPUT
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "amr"
    return _fail(f"{command}: {format_message()} (see {command} --help)")


def _fail(text: str) -> int:
    typer.echo(" ".join(text.split()), err=True)
    return EXIT_WRONG_INPUT
