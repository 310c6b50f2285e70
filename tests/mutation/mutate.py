"""Mutation testing: break one place at a time and see whether a test notices.

    python tests/mutation/mutate.py TARGET... [--sample N] [--seed S] [--list]

A target is a name of ``TARGETS``: Python modules are mutated in the syntax tree when they are imported (see
``mutant_hook.py``), C files by their tokens, and built into a library that the firmware's tests load. Nothing in the
source tree is written to. Survivors are printed with their line; those in ``explained.txt`` change nothing that anyone
could notice, and each says why. Exit 1 when another one survives.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from python_mutants import count_mutants, describe

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
CORE = ROOT / "firmware_bridge" / "firmware" / "core"
TIMEOUT_S = 180.0


@dataclass(frozen=True)
class Target:
    """Sources, and the tests that have to notice."""

    sources: tuple[str, ...]
    tests: tuple[str, ...]


TARGETS = {
    "frames": Target(("firmware_bridge/frames.py",), ("tests/firmware_bridge/test_frames.py",)),
    "link": Target(
        ("firmware_bridge/link.py", "firmware_bridge/arming.py", "firmware_bridge/commands.py"),
        (
            "tests/firmware_bridge/test_link.py",
            "tests/firmware_bridge/test_arming.py",
            "tests/firmware_bridge/test_link_with_firmware.py",
            "tests/firmware_bridge/test_base.py",
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
        ),
        ("tests/safety",),
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
    "turns": Target(("firmware_bridge/lidars/turns.py",), ("tests/lidars/test_turns.py",)),
    "guard": Target(
        ("guard.c",),
        (
            "tests/firmware/test_guard_table.py",
            "tests/firmware/test_guard_stops.py",
            "tests/firmware/test_guard_encoders.py",
            "tests/firmware/test_session.py",
        ),
    ),
}
_SWAPS = {
    "<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==", "&&": "||", "||": "&&", "+": "-", "-": "+",
    "+=": "-=", "&": "|", "true": "false", "false": "true",
}  # fmt: skip
_TOKEN = re.compile(r"(<=|>=|==|!=|&&|\|\||\+=|->|\+\+|--|<<|>>|\b\d+U?L?\b|\b[A-Za-z_]\w*\b|[<>+&-])")


@dataclass(frozen=True)
class CMutant:
    """One token of a C file replaced."""

    line: int
    start: int
    old: str
    new: str


def c_mutants(text: str) -> Iterator[CMutant]:
    """Every one, outside of comments, the preprocessor and constant tables' types."""
    bare = re.sub(r"/\*.*?\*/", lambda match: re.sub(r"[^\n]", " ", match[0]), text, flags=re.DOTALL)
    for number, line in enumerate(bare.splitlines()):
        if line.lstrip().startswith("#"):
            continue
        for match in _TOKEN.finditer(line):
            token = match[0]
            unary = token in "+-&" and re.search(r"[(,=?:&|<>+*-]\s*$|return\s*$|^\s*$", line[: match.start()])
            if token in _SWAPS and not unary:
                yield CMutant(number, match.start(), token, _SWAPS[token])
            elif token[0].isdigit() and not re.search(r"\[\s*$", line[: match.start()]):
                digits = re.match(r"\d+", token)
                assert digits is not None
                yield CMutant(number, match.start(), token, f"{int(digits[0]) + 1}{token[digits.end() :]}")


def run_tests(tests: tuple[str, ...], environment: dict[str, str]) -> bool:
    """True when a test fails: the mutant is dead."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-m", "not slow", *tests]
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=os.environ | environment, capture_output=True, timeout=TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return True
    if done.returncode not in (0, 1, 2):
        raise SystemExit(done.stdout.decode()[-2000:] + done.stderr.decode()[-2000:])
    return done.returncode != 0


def try_python(source: str, number: int, tests: tuple[str, ...]) -> bool:
    environment = {"AMR_MUTANT": f"{source}:{number}", "PYTHONPATH": str(HERE), "PYTHONDONTWRITEBYTECODE": "1"}
    return run_tests(("-p", "mutant_hook", *tests), environment)


def try_c(source: str, mutant: CMutant, tests: tuple[str, ...]) -> bool:
    lines = (CORE / source).read_text().splitlines(keepends=True)
    line = lines[mutant.line]
    lines[mutant.line] = line[: mutant.start] + mutant.new + line[mutant.start + len(mutant.old) :]
    with tempfile.TemporaryDirectory() as folder:
        changed = Path(folder) / source
        changed.write_text("".join(lines))
        others = [str(path) for path in sorted(CORE.glob("*.c")) if path.name != source]
        library = Path(folder) / "mutant.so"
        native = CORE.parent / "boards" / "native" / "native.c"
        command = ["cc", "-shared", "-fPIC", "-O1", "-w", f"-I{CORE}", "-DFW_BUILD=1U", "-o", str(library)]
        built = subprocess.run([*command, str(changed), *others, str(native)], capture_output=True, check=False)
        if built.returncode != 0:
            return True
        return run_tests(tests, {"AMR_FIRMWARE_LIBRARY": str(library)})


def explained() -> set[str]:
    """What is known to make no difference: ``file | source line | change``, without the reason behind."""
    lines = (HERE / "explained.txt").read_text().splitlines()
    entries = (line.split(" | ") for line in lines if line.strip() and not line.startswith("#"))
    return {" | ".join(part.strip() for part in entry[:3]) for entry in entries}


def mutants_of(target: Target) -> list[tuple[str, int | CMutant, str]]:
    """(file, mutant, description) of everything that can be broken."""
    found: list[tuple[str, int | CMutant, str]] = []
    for source in target.sources:
        if source.endswith(".c"):
            text = (CORE / source).read_text()
            for mutant in c_mutants(text):
                line = " ".join(text.splitlines()[mutant.line].split())
                found.append((source, mutant, f"{source} | {line} | {mutant.old} -> {mutant.new} @{mutant.start}"))
        else:
            text = (ROOT / source).read_text()
            lines = text.splitlines()
            for number in range(count_mutants(text)):
                line_number, change = describe(text, number)
                line = " ".join(lines[line_number - 1].split())
                found.append((source, number, f"{source} | {line} | {change}"))
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("targets", nargs="+", choices=sorted(TARGETS))
    parser.add_argument("--sample", type=int, default=0, help="so many of each target, drawn at random; 0 = all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    known, survivors = explained(), 0
    for name in options.targets:
        target = TARGETS[name]
        mutants = mutants_of(target)
        if options.sample and options.sample < len(mutants):
            mutants = random.Random(options.seed).sample(mutants, options.sample)
        died = excused = 0
        for source, mutant, text in mutants:
            if options.list:
                sys.stdout.write(text + "\n")
                continue
            if text in known:
                excused += 1
                continue
            dead = (
                try_c(source, mutant, target.tests)
                if isinstance(mutant, CMutant)
                else try_python(source, mutant, target.tests)
            )
            died += dead
            if not dead:
                survivors += 1
                sys.stdout.write(f"SURVIVES  {text}\n")
                sys.stdout.flush()
        sys.stdout.write(f"{name}: {len(mutants)} mutants, {died} died, {excused} explained\n")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
