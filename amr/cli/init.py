"""``amr init``: a robot file by questions."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from amr.cli.output import say
from amr.errors import ConfigError

if TYPE_CHECKING:
    from amr.runtime.new_robot import Question


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    example = "amr init my_robot.toml --set base=create2 --set lidar=ld19 --yes"
    app.command(epilog=f"Example: [bold]{example}[/bold]")(init)


def init(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The robot file to be made.")],
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="An answer given before; repeatable.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing: the defaults are the other answers.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
) -> None:
    """Make a robot file by questions. Answers come from the terminal, or a line each from standard input."""
    from amr.runtime.new_robot import ask_all, drive_command, robot_text, write_new

    if file.exists() and not force:
        raise ConfigError(f"{file}: exists already; --force writes over it")
    given = {}
    for text in set_ or ():
        key, equals, value = text.partition("=")
        if not equals:
            raise ConfigError(f"--set {text}: expected KEY=VALUE")
        given[key.strip()] = value
    answers = ask_all(given, _default if yes else _ask)
    write_new(file, robot_text(answers), force=force)
    say(f"{file}: written")
    say(f"then: amr doctor --robot {file} --probe; amr sim office --robot {file}; {drive_command(file, answers)}")


def _default(_question: Question, _default: str) -> str | None:
    return None


def _ask(question: Question, default: str) -> str | None:
    """One line from standard input; None at its end. A terminal is asked again after a slip."""
    while True:
        typer.echo(f"{question.text} [{default}]: ", nl=False)
        line = sys.stdin.readline()
        if not sys.stdin.isatty():
            typer.echo()
            return line if line else None
        if not line:
            raise KeyboardInterrupt
        if line.strip():
            try:
                question.check(line.strip())
            except ValueError as error:
                typer.echo(f"expected {error}")
                continue
        return line
