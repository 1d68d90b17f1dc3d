"""Running one function in a child process: killable, its memory returned, its crash a typed error.

The child is a fresh interpreter (spawned, never forked), so it shares no OpenMP runtime with this process, and it does
not import the user's main script again, as ``multiprocessing`` would. Function, arguments and result must be picklable;
they travel through pipes between the two processes only.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Concatenate, Generic, ParamSpec, TypeVar

from splatmatch.errors import CrashError
from splatmatch.jobs.pipes import obituary, portable, receive, send, spawn, stop
from splatmatch.jobs.progress import Progress, Silent

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Outcome(Generic[Result]):
    """What a child process returned, and what it cost."""

    value: Result
    seconds: float
    """Wall time, starting the interpreter included."""
    cpu_seconds: float
    """User and system time of the child, all threads together."""
    peak_bytes: int
    """Largest resident memory of the child; 0 where the system does not tell."""


def run_in_child(
    title: str,
    function: Callable[Concatenate[Progress, Arguments], Result],
    progress: Progress | None = None,
    threads: int | None = None,
    *args: Arguments.args,
    **kwargs: Arguments.kwargs,
) -> Outcome[Result]:
    """Run ``function(progress, *args, **kwargs)`` in a child process and wait for it.

    Ctrl-C reaches only this process, which then kills the child; the child also ends when this process dies.

    Args:
        title: what the child does, for error messages ("structure from motion").
        function: importable by name; its first argument receives a ``Progress`` that reports to ``progress``.
        progress: where progress goes; silent if None.
        threads: OpenMP and BLAS threads of the child; what the environment says if None.
        args: further arguments, picklable.
        kwargs: further arguments, picklable.

    Raises:
        CrashError: the child died without an answer (killed, out of memory, crash in a library).
        SplatmatchError: the function raised it; other exceptions of the function arrive unchanged too.
    """
    began = time.monotonic()
    with tempfile.TemporaryFile() as complaints:
        process = spawn(__name__, threads, complaints)
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            with contextlib.suppress(BrokenPipeError):  # a child that is already dead is told below
                send(process.stdin, (function, args, kwargs))
            answer = _listen(process.stdout, progress or Silent())
        finally:
            stop(process)
        if answer is None:
            raise CrashError(obituary(title, process.returncode, complaints))
    failed, value, cpu_seconds, peak = answer
    if failed:
        raise value
    return Outcome(value, time.monotonic() - began, cpu_seconds, peak)


def serve() -> None:
    """The child's side: read a job from stdin, run it, answer on stdout. Called by ``run_in_child`` only."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints must not mix with the answers
    lock = threading.Lock()

    def answer(message: tuple[Any, ...]) -> None:
        with lock:
            send(answers, message)

    function, args, kwargs = receive(sys.stdin.buffer)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        value, failed = function(_Relay(answer), *args, **kwargs), False
    except Exception as error:
        value, failed = portable(error), True
    answer(("result", failed, value, time.process_time(), _peak_bytes()))
    os._exit(0)  # no destructors of native libraries: the answer is out, and the system takes the memory back


class _Relay:
    """The ``Progress`` of the child, a few times a second at most."""

    def __init__(self, answer: Callable[[tuple[Any, ...]], None]) -> None:
        self._answer = answer
        self._stage, self._last = "", 0.0

    def update(self, stage: str, fraction: float | None = None, text: str = "") -> None:
        now = time.monotonic()
        if stage == self._stage and now - self._last < 0.1 and fraction not in (0.0, 1.0):
            return
        self._stage, self._last = stage, now
        self._answer(("update", stage, fraction, text))

    def say(self, line: str) -> None:
        self._answer(("say", line))


def _listen(stream: IO[bytes], progress: Progress) -> tuple[bool, Any, float, int] | None:
    """Messages until the result; None if the stream ends before."""
    while True:
        try:
            kind, *rest = receive(stream)
        except EOFError:
            return None
        if kind == "result":
            failed, value, cpu_seconds, peak = rest
            return failed, value, cpu_seconds, peak
        getattr(progress, kind)(*rest)


def _end_with_parent() -> None:
    sys.stdin.buffer.read()  # returns when the parent closes the pipe or dies
    os._exit(1)


def _peak_bytes() -> int:
    with contextlib.suppress(OSError, ValueError, IndexError):  # Linux: getrusage would count the parent before exec
        status = Path("/proc/self/status").read_text()
        return 1024 * int(status.split("VmHWM:")[1].split()[0])
    with contextlib.suppress(ImportError):
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return 0
