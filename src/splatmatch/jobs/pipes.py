"""What processes and the children they start say to each other: pickled messages through their own pipes."""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import struct
import subprocess
import sys
import traceback
from typing import IO, Any

from splatmatch.errors import SplatmatchError

_LENGTH = struct.Struct("<Q")
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def spawn(module: str, threads: int | None, complaints: IO[bytes]) -> subprocess.Popen[bytes]:
    """A fresh interpreter that runs ``serve()`` of ``module``, with pipes to its stdin and stdout.

    Args:
        module: importable name.
        threads: OpenMP and BLAS threads of the child; what the environment says if None.
        complaints: file that takes its stderr.
    """
    environment = dict(os.environ)
    if threads is not None:
        environment |= dict.fromkeys(_THREAD_VARIABLES, str(threads))
    return subprocess.Popen(
        [sys.executable, "-c", f"from {module} import serve; serve()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=complaints,
        env=environment | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        start_new_session=True,  # the terminal's Ctrl-C must not reach the child
    )


def send(stream: IO[bytes], value: Any) -> None:
    """Write one message."""
    payload = pickle.dumps(value)
    stream.write(_LENGTH.pack(len(payload)) + payload)
    stream.flush()


def receive(stream: IO[bytes]) -> Any:
    """Read one message.

    Raises:
        EOFError: the other side has closed the pipe.
    """
    header = stream.read(_LENGTH.size)
    if len(header) < _LENGTH.size:
        raise EOFError
    (length,) = _LENGTH.unpack(header)
    payload = stream.read(length)
    if len(payload) < length:
        raise EOFError
    return pickle.loads(payload)  # from our own child or parent only


def stop(process: subprocess.Popen[bytes]) -> None:
    """Close the pipes, give the child a moment to end, then kill it."""
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()
    try:
        process.wait(timeout=2)
    except BaseException:
        process.kill()
        process.wait()


def portable(error: Exception) -> Exception:
    """The exception itself if it survives pickling, with its traceback as a note."""
    where = traceback.format_exc()
    try:
        copy = pickle.loads(pickle.dumps(error))
    except Exception:
        copy = RuntimeError(f"{type(error).__name__}: {error}")
    if not isinstance(error, SplatmatchError):
        copy.add_note(f"in a child process:\n{where}")
    return copy if isinstance(copy, Exception) else RuntimeError(str(error))


def obituary(title: str, code: int | None, complaints: IO[bytes]) -> str:
    """One line about how a child died, from its exit code and what it wrote to stderr."""
    complaints.seek(0)
    lines = complaints.read()[-20_000:].decode("utf-8", "replace").strip().splitlines()
    if code is not None and code < 0:
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
        how = f"was killed by {name}" + (" (out of memory?)" if name == "SIGKILL" else "")
    else:
        how = f"ended with code {code}"
    return f"{title}: the child process {how}" + (f"; its last words: {lines[-1][:300]}" if lines else "")
