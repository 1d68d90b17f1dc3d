"""The worker pool: order, state kept by workers, errors and crashes, laziness."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass, field

import pytest

from splatmatch.errors import CrashError, FormatError
from splatmatch.jobs.pool import AHEAD, map_ordered


@dataclass
class Square:
    seen: list[int] = field(default_factory=list)

    def __call__(self, task: int) -> tuple[int, int, int]:
        self.seen.append(task)
        time.sleep(0.02 * (task % 3))
        return task * task, os.getpid(), len(self.seen)


def refuse_three(task: int) -> int:
    if task == 3:
        raise FormatError("three.png: is broken")
    return task


def die_at_two(task: int) -> int:
    if task == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return task


@pytest.mark.parametrize("workers", [1, 3])
def test_results_come_in_the_order_of_tasks(workers):
    values = list(map_ordered("squares", Square(), range(20), workers))
    assert [value for value, _, _ in values] == [task * task for task in range(20)]
    assert len({process for _, process, _ in values}) <= workers
    assert max(count for _, _, count in values) > 1, "a worker keeps its state"


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_takes_the_place_of_its_result(workers):
    results = map_ordered("numbers", refuse_three, range(10), workers)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(FormatError, match=r"three\.png"):
        next(results)


def test_a_killed_worker_is_an_error():
    with pytest.raises(CrashError, match="numbers: the child process was killed by SIGKILL"):
        list(map_ordered("numbers", die_at_two, range(6), 2))


def test_tasks_are_drawn_only_a_little_ahead_and_workers_end_with_the_iterator():
    drawn = []

    def tasks():
        for number in range(1000):
            drawn.append(number)
            yield number

    results = map_ordered("squares", Square(), tasks(), 2)
    _, process, _ = next(results)
    assert len(drawn) <= 2 * AHEAD + 1
    results.close()
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


def test_no_tasks_give_no_results():
    assert list(map_ordered("nothing", refuse_three, [], 2)) == []
