"""``amr bench falsify``: tries to make the robot hit something."""

from __future__ import annotations

import json as json_text
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from amr.cli.output import JsonOption, note, say, write_json

if TYPE_CHECKING:
    from amr.runtime.bench.falsify import FalsifyResult


def add_to(bench_app: typer.Typer) -> None:
    """Register the command."""
    bench_app.command(epilog="Example: [bold]amr bench falsify --runs 2000 --workers 2[/bold]")(falsify)


def falsify(
    runs: Annotated[int, typer.Option(metavar="N", min=1, max=1_000_000, help="How many attempts.")] = 2000,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Of the cases.")] = 0,
    workers: Annotated[int, typer.Option(metavar="N", min=1, max=64, help="Processes side by side.")] = 1,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Each forbidden contact as a file, at once.")] = None,
    case: Annotated[Path | None, typer.Option(metavar="FILE", help="Instead: only the case of such a file.")] = None,
    json: JsonOption = None,
) -> None:
    """A careless hand, obstacles that come late, broken sensors: no contact that the assumptions forbid may happen."""
    from amr.runtime.bench.falsify import run, run_file

    if case is not None:
        again = run_file(case)
        write_json(again.to_json(), json)
        say(f"{again.verdict.value}, nearest {1e3 * again.least_m:.1f} mm", json)
        raise typer.Exit(int(again.verdict.value == "forbidden"))
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)

    def progress(result: FalsifyResult, done: int, count: int) -> None:
        if result.verdict.value == "forbidden":
            details = {key: value for key, value in result.to_json().items() if key != "case"}
            if out is not None:
                text = json_text.dumps(result.to_json(), indent=1)
                (out / f"forbidden-{done:06d}.json").write_text(text + "\n", encoding="utf-8")
            note(f"forbidden contact, case seed {result.case.seed} ({result.case.robot}): {details}")
        if done % 100 == 0 or done == count:
            note(f"{done}/{count} runs")

    result = run(runs, seed, workers, progress)
    write_json(result, json)
    if json != "-":
        for verdict, count in sorted(result["verdicts"].items()):
            say(f"{verdict:20s}{count:7d}")
        say(f"nearest without contact, above creeping speed: {1e3 * (result['nearest_m'] or 0.0):.1f} mm")
    if result["forbidden"] or result["died"]:
        raise typer.Exit(1)
