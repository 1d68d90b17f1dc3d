"""The worker pool: one function over many tasks in spawned processes, results in the order of the tasks."""

from __future__ import annotations

import os
import queue
import sys
import tempfile
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import ExitStack
from subprocess import Popen
from typing import IO, Any, TypeVar

from splatmatch.errors import CrashError
from splatmatch.jobs.pipes import obituary, portable, receive, send, spawn, stop

Task = TypeVar("Task")
Result = TypeVar("Result")
AHEAD = 3
"""Tasks per worker that are handed out or done before the caller takes the first of their results."""


def map_ordered(
    title: str,
    work: Callable[[Task], Result],
    tasks: Iterable[Task],
    workers: int = 1,
    threads: int = 1,
    ahead: int = 0,
) -> Generator[Result]:
    """``work(task)`` of each task, in the order of ``tasks``, whatever the number of workers.

    With one worker the work is done in this process, unless ``ahead`` asks for results beforehand. Else ``work`` is
    pickled once per worker and may keep what it loads; ``tasks`` is drawn in the caller's thread, a few ahead of the
    results. Workers end when the iterator is closed, or when this process dies.

    Args:
        title: what a worker does, for error messages.
        work: importable, picklable.
        tasks: picklable.
        workers: number of processes.
        threads: of OpenMP and BLAS in each.
        ahead: results that may be ready before the caller takes them; 0 = ``AHEAD`` per worker.

    Raises:
        CrashError: a worker died without an answer (killed, out of memory, crash in a library).
        SplatmatchError: ``work`` raised it; other exceptions arrive unchanged too, in the place of the result.
    """
    if workers <= 1 and not ahead:
        yield from map(work, tasks)
        return
    with ExitStack() as stack:
        handed: queue.Queue[tuple[int, Task]] = queue.Queue()
        done: queue.Queue[tuple[int, bool, Any]] = queue.Queue()
        for _ in range(max(1, workers)):
            complaints = stack.enter_context(tempfile.TemporaryFile())
            process = spawn(__name__, threads, complaints)
            stack.callback(_end, process)
            threading.Thread(target=_attend, args=(title, work, process, complaints, handed, done), daemon=True).start()
        yield from _in_order(iter(tasks), handed, done, ahead or AHEAD * workers)


def serve() -> None:
    """The worker's side: the function first, then tasks until the pipe is closed. Called by ``map_ordered`` only."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints must not mix with the answers
    try:
        work = receive(sys.stdin.buffer)
        while True:
            task = receive(sys.stdin.buffer)
            try:
                answer = (False, work(task))
            except Exception as error:
                answer = (True, portable(error))
            send(answers, answer)
    except (EOFError, BrokenPipeError):
        os._exit(0)  # no destructors of native libraries


def _in_order(
    tasks: Iterator[Task], handed: queue.Queue[tuple[int, Task]], done: queue.Queue[tuple[int, bool, Any]], most: int
) -> Iterator[Any]:
    waiting: dict[int, tuple[bool, Any]] = {}
    given = wanted = 0
    exhausted = False
    while True:
        while not exhausted and given - wanted < most:
            try:
                handed.put((given, next(tasks)))
                given += 1
            except StopIteration:
                exhausted = True
        if wanted == given:
            return
        while wanted not in waiting:
            number, failed, value = done.get()
            if number < 0:
                raise value
            waiting[number] = (failed, value)
        failed, value = waiting.pop(wanted)
        wanted += 1
        if failed:
            raise value
        yield value


def _attend(
    title: str,
    work: Callable[[Any], Any],
    process: Popen[bytes],
    complaints: IO[bytes],
    handed: queue.Queue[tuple[int, Any]],
    done: queue.Queue[tuple[int, bool, Any]],
) -> None:
    """Hand tasks to one worker until it dies."""
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        send(process.stdin, work)
        while True:
            number, task = handed.get()
            send(process.stdin, task)
            failed, value = receive(process.stdout)
            done.put((number, failed, value))
    except (OSError, EOFError, ValueError):
        process.wait()
        done.put((-1, True, CrashError(obituary(title, process.returncode, complaints))))


def _end(process: Popen[bytes]) -> None:
    """Nobody waits for what the worker is doing now."""
    process.kill()
    stop(process)
