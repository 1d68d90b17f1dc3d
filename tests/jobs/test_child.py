"""Child processes: results, errors and progress come back, crashes become errors, nothing outlives its parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest

from splatmatch.errors import CrashError, FormatError
from splatmatch.jobs.child import run_in_child


class Recorder:
    def __init__(self):
        self.updates, self.lines = [], []

    def update(self, stage, fraction=None, text=""):
        self.updates.append((stage, fraction, text))

    def say(self, line):
        self.lines.append(line)


def multiply(progress, a, b=2):
    progress.update("multiplying", 0.5, "half")
    progress.say("a line")
    print("noise that must not mix with the answer")
    os.write(1, b"native noise")
    return a * b


def refuse(progress):
    raise FormatError("photo.jpg: is broken", "replace it")


def stumble(progress):
    raise ZeroDivisionError("one over nothing")


def die(progress, number):
    sys.stderr.write("Check failed: a reason\n")
    sys.stderr.flush()
    os.kill(os.getpid(), number)


def leave(progress):
    os._exit(3)


def environment(progress):
    return os.environ["OMP_NUM_THREADS"], "torch" in sys.modules, os.getpid()


def sleep_forever(progress, file):
    with open(file, "w") as opened:
        opened.write(str(os.getpid()))
    time.sleep(600)


def gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    with open(f"/proc/{pid}/stat") as stat:  # a zombie that nobody waits for is gone as well
        return stat.read().split()[2] == "Z"


def wait_for(condition, seconds=15):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False


def test_result_progress_and_cost_come_back():
    """Value by arguments and keywords; output of the function does not disturb the pipe."""
    recorder = Recorder()
    outcome = run_in_child("test", multiply, recorder, None, 21, b=2)
    assert outcome.value == 42
    assert recorder.updates == [("multiplying", 0.5, "half")]
    assert recorder.lines == ["a line"]
    assert outcome.seconds > 0
    assert outcome.cpu_seconds > 0
    assert outcome.peak_bytes > 1e6


def test_typed_errors_arrive_unchanged():
    """Type, message and advice survive the way back."""
    with pytest.raises(FormatError) as caught:
        run_in_child("test", refuse)
    assert (caught.value.what, caught.value.mend) == ("photo.jpg: is broken", "replace it")


def test_other_exceptions_arrive_with_their_traceback():
    """A bug in the child is as easy to find as one in the parent."""
    with pytest.raises(ZeroDivisionError, match="one over nothing") as caught:
        run_in_child("test", stumble)
    assert "stumble" in "".join(caught.value.__notes__)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT])
def test_a_killed_child_is_a_typed_error(number):
    """Out of memory and crashes of native libraries: one line that says what happened, with the child's last words."""
    with pytest.raises(CrashError, match=f"measuring: .*{number.name}.*a reason"):
        run_in_child("measuring", die, None, None, number)


def test_a_child_that_leaves_is_a_typed_error():
    """No answer is no success, whatever the exit code."""
    with pytest.raises(CrashError, match="code 3"):
        run_in_child("test", leave)


def test_the_child_is_fresh():
    """A process of its own, with the threads asked for, and without torch."""
    threads, torch_loaded, pid = run_in_child("test", environment, None, 3).value
    assert threads == "3"
    assert not torch_loaded
    assert pid != os.getpid()


def test_unguarded_script_can_call_it(tmp_path):
    """The user's script is not imported again in the child, so it needs no 'if __name__' guard."""
    script = tmp_path / "script.py"
    lines = [
        "from splatmatch.jobs.child import run_in_child",
        "from tests.jobs.test_child import multiply",
        "print(run_in_child('test', multiply, None, None, 4).value)",
    ]
    script.write_text("\n".join(lines))
    run = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=60, check=False,
                         env=os.environ | {"PYTHONPATH": os.getcwd()})  # fmt: skip
    assert run.stdout.strip() == "8", run.stderr


PARENT = """
import sys
from tests.jobs.test_child import sleep_forever
from splatmatch.jobs.child import run_in_child
run_in_child("test", sleep_forever, None, None, sys.argv[1])
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_the_child_ends_with_its_parent(tmp_path, number):
    """Ctrl-C kills the child at once; when the parent is killed, the child notices by itself."""
    file = tmp_path / "pid"
    parent = subprocess.Popen([sys.executable, "-c", textwrap.dedent(PARENT), str(file)], stderr=subprocess.DEVNULL)
    try:
        assert wait_for(lambda: file.exists() and file.read_text())
        parent.send_signal(number)
        parent.wait(timeout=20)
        child = int(file.read_text())
        assert wait_for(lambda: gone(child))
    finally:
        parent.kill()
        parent.wait()
