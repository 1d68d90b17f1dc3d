"""Progress in a log: one line per stage, and nothing lost on the way out."""

from __future__ import annotations

import pytest

from splatmatch.jobs.progress import Silent, Terminal


def test_stages_become_lines_where_stderr_is_no_terminal(capsys):
    """A finished stage is one line with its last detail; lines that are said come in between, in order."""
    with Terminal() as progress:
        progress.update("features", 0.5, "5 of 10")
        progress.update("features", 1.0, "10 of 10")
        progress.say("a decision")
        progress.update("matching")
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(":")[0] for line in lines] == ["a decision", "features", "matching"]
    assert lines[1].endswith(", 10 of 10")


def test_an_interrupted_stage_is_not_reported_as_done(capsys):
    """After Ctrl-C the stage that was running leaves no line."""

    def interrupted():
        with Terminal() as progress:
            progress.update("features", 0.5)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert "features" not in capsys.readouterr().err


def test_silent_says_nothing(capsys):
    """For callers that want no output."""
    progress = Silent()
    progress.update("features", 0.5, "text")
    progress.say("line")
    assert capsys.readouterr() == ("", "")
