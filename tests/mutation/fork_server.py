"""A process that has everything imported and forks once a mutant.

First all tests of a target run once, and each is noted with the lines of the sources that it executes and its time.
A mutant then meets only the tests that execute its statement, the quickest first, up to the first that fails. A test
that takes ten times its time and three seconds of the processor more than it did counts as failed: it loops.
"""

from __future__ import annotations

import contextlib
import gc
import hashlib
import io
import json
import os
import resource
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

import mutant_hook
import pytest
from hypothesis import Phase, settings

ROOT = Path(__file__).resolve().parents[2]
OPTIONS = ("-q", "-p", "no:cacheprovider", "-p", "pytest_timeout", "-o", "timeout=0", "-m", "not slow")
PATIENCE_S = 3.0
PATIENCE_FACTOR = 10.0
WALL_S = 900.0
MEMORY_BYTES = 3 << 30
NO_TESTS = 5


@dataclass
class Survey:
    """A pytest plugin that measures: per test its time, and the lines of the sources that it executes."""

    sources: frozenset[str]
    """Relative to the root."""
    times_s: dict[str, float] = field(default_factory=dict)
    lines: dict[str, set[tuple[str, int]]] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._paths = {str(ROOT / source): source for source in self.sources}
        self._now: set[tuple[str, int]] = set()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self._now = set()
        began_s = time.process_time()
        threading.settrace(self._call)
        sys.settrace(self._call)
        try:
            return (yield)
        finally:
            sys.settrace(None)
            threading.settrace(None)  # type: ignore[arg-type]
            self.times_s[item.nodeid] = time.process_time() - began_s
            self.lines[item.nodeid] = self._now

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed.append(report.nodeid)

    def _call(self, frame: FrameType, event: str, argument: object) -> object:
        del event, argument
        return self._line if frame.f_code.co_filename in self._paths else None

    def _line(self, frame: FrameType, event: str, argument: object) -> object:
        del argument
        if event == "line":
            self._now.add((self._paths[frame.f_code.co_filename], frame.f_lineno))
        return self._line

    def quickest(self, source: str, first_line: int, last_line: int) -> list[str]:
        """Tests that execute one of these lines, the quickest first."""
        wanted = {(source, line) for line in range(first_line, last_line + 1)}
        return sorted((test for test, lines in self.lines.items() if lines & wanted), key=self.times_s.__getitem__)

    def every_test(self, source: str) -> list[str]:
        """All, those first that execute anything of this source; the quickest first."""
        inside = {test for test, lines in self.lines.items() if any(file == source for file, _ in lines)}
        return sorted(self.times_s, key=lambda test: (test not in inside, self.times_s[test]))


@dataclass
class Selection:
    """A pytest plugin that runs these tests only, in this order, each within its time."""

    tests: Sequence[str]
    times_s: dict[str, float]

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        found = {item.nodeid: item for item in items}
        items[:] = [found[test] for test in self.tests if test in found]

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        signal.setitimer(signal.ITIMER_PROF, PATIENCE_S + PATIENCE_FACTOR * self.times_s[item.nodeid])
        return (yield)


def survey(sources: Sequence[str], tests: Sequence[str]) -> Survey:
    """Run all tests once on the sources as they are; raises when one fails.

    What a test file showed is kept in the folder for temporary files until the file, or the project's code, changes.
    """
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    settings.register_profile("mutation", phases=(Phase.explicit, Phase.generate), database=None, derandomize=True)
    settings.load_profile("mutation")
    measured = Survey(frozenset(sources))
    files = [file for test in tests for file in _files(ROOT / test)]
    kept = {file: _note_of(file, sources) for file in files}
    unknown = [file for file in files if not kept[file].exists()]
    _pytest([str(file) for file in unknown], measured)
    for file in unknown:
        mine = [test for test in measured.times_s if ROOT / test.partition("::")[0] == file]
        note = {test: (measured.times_s[test], sorted(measured.lines[test])) for test in mine}
        kept[file].write_text(json.dumps(note))
    known = [file for file in files if file not in unknown]
    _pytest(["--collect-only", *(str(file) for file in known)] if known else [], measured)  # imports them
    for file in known:
        for test, (time_s, lines) in json.loads(kept[file].read_text()).items():
            measured.times_s[test], measured.lines[test] = time_s, {(source, line) for source, line in lines}
    gc.collect()
    gc.freeze()
    return measured


def _files(path: Path) -> list[Path]:
    return sorted(path.glob("test_*.py")) if path.is_dir() else [path]


def _note_of(test_file: Path, sources: Sequence[str]) -> Path:
    """Where the survey of a test file is kept: named by the content of all that it depends on."""
    helpers = [path for path in test_file.parent.glob("*.py") if not path.name.startswith("test_")]
    code = [path for package in mutant_hook.PACKAGES for path in (ROOT / package).rglob("*.[cph]*") if path.is_file()]
    digest = hashlib.sha256(str(sources).encode())
    for path in sorted((test_file, *helpers, *code)):
        if path.suffix in (".py", ".c", ".h"):
            digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    folder = Path(tempfile.gettempdir()) / "amr-mutation"
    folder.mkdir(exist_ok=True)
    return folder / f"{test_file.stem}-{digest.hexdigest()[:16]}.json"


def _pytest(arguments: Sequence[str], measured: Survey) -> None:
    if not arguments:
        return
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        code = pytest.main([*OPTIONS, *arguments], plugins=[measured])
    if code != 0 or measured.failed:
        raise SystemExit(f"the tests fail without a mutation: {measured.failed}\n{printed.getvalue()[-3000:]}")


def fork(source: str, number: int | None, tests: Sequence[str], measured: Survey, library: Path | None = None) -> int:
    """Process id of a child that runs ``tests`` against that mutant and exits as pytest does, or dies by a signal.

    ``library``: the firmware to load, for a mutant in C.
    """
    child = os.fork()
    if child:
        return child
    try:
        os._exit(_run_child(source, number, tests, measured, library))
    finally:
        os._exit(1)


def _run_child(source: str, number: int | None, tests: Sequence[str], measured: Survey, library: Path | None) -> int:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, WALL_S)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    if library is not None:
        os.environ["AMR_FIRMWARE_LIBRARY"] = str(library)
        mutant_hook.forget_tests()
    else:
        mutant_hook.install(source, number)
    files = dict.fromkeys(str(ROOT / test.partition("::")[0]) for test in tests)
    code = pytest.main([*OPTIONS, "-x", "--tb=no", *files], plugins=[Selection(tests, measured.times_s)])
    sys.stdout.flush()
    return int(code)


def survives(status: int) -> bool:
    """What a child's end says (``os.waitpid``)."""
    return os.waitstatus_to_exitcode(status) in (0, NO_TESTS)
