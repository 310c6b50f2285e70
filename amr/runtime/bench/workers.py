"""Runs tasks in worker processes so that one crash costs one task, not the batch.

The standard pools lose everything when a worker dies (a simulator can segfault); here a dead worker's task is
reported as ``WorkerDied`` and a fresh worker takes the next one.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Generic, TypeVar

from amr.errors import AmrError

Task = TypeVar("Task")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class WorkerDied:
    """The worker process ended in the middle of a task."""

    exit_code: int | None


@dataclass(frozen=True, slots=True)
class _Refused:
    """The task raised an ``AmrError``: it ends the whole batch with that text."""

    text: str


class _Worker(Generic[Task, Result]):
    """One process and the pipe to it."""

    def __init__(self, function: Callable[[Task], Result]) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process: BaseProcess = context.Process(target=_serve, args=(function, theirs), daemon=True)
        self.process.start()
        theirs.close()
        self.task: Task | None = None

    def give(self, task: Task) -> None:
        self.task = task
        self.pipe.send(task)

    def stop(self) -> None:
        self.pipe.close()
        self.process.join(timeout=5.0)
        if self.process.is_alive():
            self.process.kill()


def run_in_workers(
    function: Callable[[Task], Result], tasks: Sequence[Task], workers: int
) -> Iterator[tuple[Task, Result | WorkerDied]]:
    """Results in the order in which they are ready; ``function`` must be importable. Raises the tasks' ``AmrError``.

    With one worker the tasks run in this process.
    """
    if workers <= 1:
        for task in tasks:
            yield task, function(task)
        return
    waiting = list(reversed(tasks))
    crew = [_Worker(function) for _ in range(min(workers, len(tasks)))]
    try:
        for worker in crew:
            worker.give(waiting.pop())
        while any(worker.task is not None for worker in crew):
            for pipe in wait([worker.pipe for worker in crew if worker.task is not None]):
                index = next(i for i, worker in enumerate(crew) if worker.pipe is pipe)
                worker = crew[index]
                running = worker.task
                if running is None:
                    continue
                try:
                    result = worker.pipe.recv()
                except EOFError:
                    worker.stop()
                    result = WorkerDied(worker.process.exitcode)
                    crew[index] = worker = _Worker(function)
                if isinstance(result, _Refused):
                    raise AmrError(result.text)
                worker.task = None
                if waiting:
                    worker.give(waiting.pop())
                yield running, result
    finally:
        for worker in crew:
            worker.stop()


def _serve(function: Callable[[Task], Result], pipe: Connection) -> None:
    """Body of a worker process: tasks in, results out, until the pipe closes."""
    while True:
        try:
            task = pipe.recv()
        except (EOFError, OSError):
            return
        try:
            pipe.send(function(task))
        except AmrError as error:
            pipe.send(_Refused(str(error)))
