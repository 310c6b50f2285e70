"""Mutation testing: break one place at a time and see whether a test notices.

    python tests/mutation/mutate.py TARGET... [--sample N] [--seed S] [--workers N] [--list] [--again FILE]

A target is a name of ``TARGETS``: Python modules are mutated in the syntax tree when they are imported (see
``mutant_hook``), C files by their tokens (``c_mutants``); the tests run in forks of one process (``fork_server``).
Nothing in the source tree is written to. Survivors are printed with their line, and noted in a file as they are found;
those in ``explained.txt`` change nothing that anyone could notice, and each says why. Exit 1 when another one survives.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import fork_server
from c_mutants import CORE, Builder, CMutant, c_mutants
from fork_server import Survey
from python_mutants import PythonMutant, mutants

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
CONTROL_TESTS = 30


@dataclass(frozen=True)
class Target:
    """Sources, and the tests that have to notice."""

    sources: tuple[str, ...]
    tests: tuple[str, ...]
    interpreted: bool = False
    """Compiled kernels run as plain Python: what was compiled knows of no mutation."""


@dataclass(frozen=True)
class Mutant:
    """One change of one source; None = the source as it is."""

    source: str
    change: PythonMutant | CMutant | None
    text: str
    """``file | line | change``; of a source as it is: empty = try all tests, else the quickest."""


TARGETS = {
    "frames": Target(("firmware_bridge/frames.py",), ("tests/firmware_bridge/test_frames.py",)),
    "link": Target(
        ("firmware_bridge/link.py", "firmware_bridge/arming.py", "firmware_bridge/commands.py"),
        (
            "tests/firmware_bridge/test_link.py",
            "tests/firmware_bridge/test_arming.py",
            "tests/firmware_bridge/test_commands.py",
            "tests/firmware_bridge/test_link_with_firmware.py",
            "tests/firmware_bridge/test_base.py",
            "tests/firmware_bridge/test_calibrated_link.py",
        ),
    ),
    "ring": Target(
        (
            "amr/safety/ring.py",
            "amr/safety/situation.py",
            "amr/safety/shrink.py",
            "amr/safety/scan_check.py",
            "amr/safety/arming.py",
            "amr/safety/limits.py",
            "amr/safety/dead_reckoning.py",
            "amr/safety/envelope.py",
            "amr/safety/memory.py",
            "amr/safety/movers.py",
            "amr/safety/outline.py",
            "amr/safety/zones.py",
        ),
        ("tests/safety",),
    ),
    "kernels": Target(
        (
            "amr/safety/kernel.py",
            "amr/safety/kernel_memory.py",
            "amr/safety/kernel_movers.py",
            "amr/safety/kernel_outline.py",
        ),
        (
            "tests/safety/test_safety_kernels.py",
            "tests/safety/test_memory_kernels.py",
            "tests/safety/test_mover_kernel.py",
            "tests/safety/test_envelope.py",
            "tests/safety/test_shrink.py",
            "tests/safety/test_situation.py",
            "tests/safety/test_ring_memory.py",
        ),
        interpreted=True,
    ),
    "bases": Target(
        (
            "firmware_bridge/bases/foreign.py",
            "firmware_bridge/bases/counts.py",
            "firmware_bridge/bases/asking.py",
            "firmware_bridge/bases/lines.py",
        ),
        ("tests/bases/test_foreign_base.py", "tests/bases/test_base_bytes.py", "tests/bases/test_parts.py"),
    ),
    "turns": Target(
        ("firmware_bridge/lidars/turns.py",),
        ("tests/lidars/test_turns.py", "tests/lidars/test_turns_edges.py"),
    ),
    "guard": Target(
        ("guard.c",),
        (
            "tests/firmware/test_guard_table.py",
            "tests/firmware/test_guard_stops.py",
            "tests/firmware/test_guard_encoders.py",
            "tests/firmware/test_guard_wheel_limits.py",
            "tests/firmware/test_guard_command_limits.py",
            "tests/firmware/test_guard_rest_and_battery.py",
            "tests/firmware/test_session.py",
        ),
    ),
}


def explained() -> set[str]:
    """What is known to make no difference: ``file | source line | change``, without the reason behind."""
    lines = (HERE / "explained.txt").read_text().splitlines()
    entries = (line.split(" | ") for line in lines if line.strip() and not line.startswith("#"))
    return {" | ".join(part.strip() for part in entry[:3]) for entry in entries}


def mutants_of(target: Target) -> list[Mutant]:
    """Everything that can be broken."""
    found = []
    for source in target.sources:
        path = CORE / source if source.endswith(".c") else ROOT / source
        text = path.read_text()
        lines = [" ".join(line.split()) for line in text.splitlines()]
        if source.endswith(".c"):
            for token in c_mutants(text):
                change = f"{token.old} -> {token.new} @{token.start}"
                found.append(Mutant(source, token, f"{source} | {lines[token.line]} | {change}"))
        else:
            for mutant in mutants(text):
                found.append(Mutant(source, mutant, f"{source} | {lines[mutant.line - 1]} | {mutant.change}"))
    return found


def tests_for(mutant: Mutant, measured: Survey) -> list[str]:
    """Those that could notice, the quickest first."""
    if isinstance(mutant.change, PythonMutant) and mutant.change.in_function:
        return measured.quickest(mutant.source, mutant.change.first_line, mutant.change.last_line)
    every = measured.every_test(mutant.source)
    return every[:CONTROL_TESTS] if mutant.change is None and mutant.text else every


class Hunt:
    """Tries the mutants of one target, so many at a time."""

    def __init__(self, target: Target, workers: int, survivors: Path) -> None:
        self._survey = fork_server.survey(target.sources, target.tests)
        self._workers, self._survivors = workers, survivors
        self._running: dict[int, tuple[Mutant, tempfile.TemporaryDirectory[str] | None]] = {}
        self._folder = tempfile.TemporaryDirectory()
        self._builder = Builder(Path(self._folder.name))
        self.alive: list[Mutant] = []
        self.not_compiled = 0

    def try_all(self, candidates: Sequence[Mutant]) -> None:
        """Fills ``alive``; those whose tests are quick come first."""
        for mutant in sorted(candidates, key=self._cost_s):
            self._start(mutant)
            if len(self._running) >= self._workers:
                self._finish_one()
        while self._running:
            self._finish_one()

    def _cost_s(self, mutant: Mutant) -> float:
        return sum(self._survey.times_s[test] for test in tests_for(mutant, self._survey))

    def _start(self, mutant: Mutant) -> None:
        tests = tests_for(mutant, self._survey)
        if not tests:
            self._note(mutant, " (no test executes it)")
            return
        if isinstance(mutant.change, PythonMutant) or (mutant.change is None and mutant.source.endswith(".py")):
            number = mutant.change.number if mutant.change else None
            self._running[fork_server.fork(mutant.source, number, tests, self._survey)] = (mutant, None)
            return
        library = self._builder.build(mutant.source, mutant.change)
        if library is None:
            self.not_compiled += 1
            return
        folder = tempfile.TemporaryDirectory()
        library = library.rename(Path(folder.name) / library.name)
        self._running[fork_server.fork(mutant.source, None, tests, self._survey, library)] = (mutant, folder)

    def _finish_one(self) -> None:
        child, status = os.wait()
        mutant, folder = self._running.pop(child)
        if folder is not None:
            folder.cleanup()
        if fork_server.survives(status):
            self._note(mutant)

    def _note(self, mutant: Mutant, remark: str = "") -> None:
        self.alive.append(mutant)
        if mutant.change is None:
            return
        sys.stdout.write(f"SURVIVES  {mutant.text}{remark}\n")
        sys.stdout.flush()
        with self._survivors.open("a") as file:
            file.write(mutant.text + "\n")


def run_target(name: str, options: argparse.Namespace) -> int:
    """How many survive of one target that are not explained."""
    target, began_s = TARGETS[name], time.monotonic()
    if target.interpreted:
        os.environ["NUMBA_DISABLE_JIT"] = "1"  # before anything of the project is imported
    every = mutants_of(target)
    if options.again:
        wanted = set(options.again.read_text().splitlines())
        every = [mutant for mutant in every if mutant.text in wanted]
    if options.sample and options.sample < len(every):
        every = random.Random(options.seed).sample(every, options.sample)
    known = explained()
    candidates = [mutant for mutant in every if mutant.text not in known]
    if options.list or not candidates:
        sys.stdout.write("".join(mutant.text + "\n" for mutant in every))
        return 0
    hunt = Hunt(target, options.workers, options.survivors)
    unchanged = [Mutant(source, None, "" if source == target.sources[0] else source) for source in target.sources]
    hunt.try_all(unchanged)
    if len(hunt.alive) != len(unchanged):
        raise SystemExit(f"{name}: the tests fail in a fork without any mutation")
    hunt.alive.clear()
    hunt.try_all(candidates)
    took_s, alive = time.monotonic() - began_s, len(hunt.alive)
    died = len(candidates) - alive - hunt.not_compiled
    uncompiled = f" {hunt.not_compiled} do not compile," if hunt.not_compiled else ""
    sys.stdout.write(
        f"{name}: {len(every)} mutants, {died} died,{uncompiled} {len(every) - len(candidates)} explained,"
        f" {alive} survive; {took_s:.0f} s, {took_s / len(candidates):.2f} s each\n"
    )
    return alive


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("targets", nargs="+", choices=sorted(TARGETS))
    parser.add_argument("--sample", type=int, default=0, help="so many of each target, drawn at random; 0 = all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1, help="mutants tried at once")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--again", type=Path, help="only the mutants that this file of survivors names")
    parser.add_argument("--survivors", type=Path, default=Path(tempfile.gettempdir()) / "amr-survivors.txt")
    options = parser.parse_args()
    os.chdir(ROOT)
    alive = 0
    for name in options.targets:  # each in a process of its own: the modules of one must not be those of another
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            os._exit(_exit_code(name, options))
        alive += os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0
    return 1 if alive else 0


def _exit_code(name: str, options: argparse.Namespace) -> int:
    try:
        return 1 if run_target(name, options) else 0
    except SystemExit as error:
        sys.stderr.write(f"{error}\n")
        return 2
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
