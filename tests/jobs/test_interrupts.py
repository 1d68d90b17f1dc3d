"""Ctrl-C between steps."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from splatmatch.jobs.interrupts import uninterrupted


def press():
    os.kill(os.getpid(), signal.SIGINT)


def test_the_step_is_finished_first():
    """What follows the signal inside the block still happens; the interrupt comes after it, once."""
    done = []

    def step():
        with uninterrupted():
            press()
            done.append("rest of the step")

    with pytest.raises(KeyboardInterrupt):
        step()
    assert done == ["rest of the step"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_error_inside_is_not_hidden():
    """The handler is put back on every way out."""
    with pytest.raises(ValueError, match="broken"), uninterrupted():
        raise ValueError("broken")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_second_ctrl_c_goes_through():
    """A step that hangs can still be left."""
    reached = []

    def hang():
        with uninterrupted():
            press()
            press()
            reached.append("never")

    with pytest.raises(KeyboardInterrupt):
        hang()
    assert reached == []


def test_nothing_is_touched_elsewhere():
    """In other threads, and where the program handles Ctrl-C itself."""
    found = []

    def work():
        with uninterrupted():
            found.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [signal.default_int_handler]
    previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with uninterrupted():
            press()
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, previous)
