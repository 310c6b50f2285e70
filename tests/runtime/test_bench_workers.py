"""Worker processes that may die."""

from __future__ import annotations

import os

import pytest

from amr.errors import AmrError
from amr.runtime.bench.workers import WorkerDied, run_in_workers


def square(number: int) -> int:
    return number * number


def die_on_three(number: int) -> int:
    if number == 3:
        os._exit(7)
    return number


def refuse_two(number: int) -> int:
    if number == 2:
        raise AmrError("file x: no")
    return number


def test_one_worker_runs_in_this_process_in_order() -> None:
    assert list(run_in_workers(square, [1, 2, 3], 1)) == [(1, 1), (2, 4), (3, 9)]


@pytest.mark.slow
def test_results_of_two_processes_are_complete() -> None:
    assert dict(run_in_workers(square, list(range(8)), 2)) == {n: n * n for n in range(8)}


@pytest.mark.slow
def test_a_dead_worker_costs_one_task() -> None:
    results = dict(run_in_workers(die_on_three, list(range(6)), 2))
    assert results.pop(3) == WorkerDied(7)
    assert results == {n: n for n in range(6) if n != 3}


@pytest.mark.slow
def test_an_error_of_the_input_ends_the_batch_with_its_text() -> None:
    with pytest.raises(AmrError, match="file x: no"):
        list(run_in_workers(refuse_two, [1, 2, 3], 2))
