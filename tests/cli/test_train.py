"""``splatmatch train``: what it prints, what it leaves, and how it refuses."""

from __future__ import annotations

import json

import pytest

from splatmatch.cli.main import main
from splatmatch.cli.parse import check
from splatmatch.cli.train import Options
from splatmatch.errors import InputError
from splatmatch.training.presets import PRESETS
from splatmatch.weights.trained import read_trained
from tests.training.conftest import shards as shards  # noqa: PLC0414 (a fixture)


def refused(capsys, *words):
    assert main(["train", *map(str, words)]) == 2
    return capsys.readouterr().err.strip()


def test_presets_are_listed_with_their_cost(capsys, tmp_path):
    assert main(["train", "--list", "--json", str(tmp_path / "list.json")]) == 0
    shown = capsys.readouterr().out
    items = json.loads((tmp_path / "list.json").read_text())["items"]
    assert [item["preset"] for item in items] == [one.name for one in PRESETS]
    assert all(one.name in shown for one in PRESETS) and "1.24 M" in shown


@pytest.mark.slow
def test_a_run_in_two_calls_leaves_weights_of_the_preset(capsys, shards, tmp_path):
    words = [
        "train",
        "splatmatch-s",
        "--data",
        str(shards),
        "synthetic:room:3",
        "--weights-of-sources",
        "0.998",
        "0.002",
    ]
    words += ["--out", str(tmp_path / "run"), "--steps", "4", "--batch", "2", "--size", "96", "64", "--init", "scratch"]
    words += ["--validate", "none", "--precision", "float32", "--loaders", "0", "--json", str(tmp_path / "train.json")]
    assert main([*words, "--time-limit", "0.001"]) == 0
    assert "the same command with --resume goes on" in capsys.readouterr().out
    assert main([*words, "--resume"]) == 0
    report = json.loads((tmp_path / "train.json").read_text())
    assert report["mean"]["finished"] and report["mean"]["steps"] == 4
    assert report["config"]["weights"] == [0.998, 0.002]
    assert read_trained(tmp_path / "run" / "weights.safetensors").facts["preset"] == "splatmatch-s"
    assert "was begun differently: batch: 2 -> 4" in refused(capsys, *words[1:], "--resume", "--batch", "4")


def test_what_is_missing_or_unknown_is_said_in_one_line(capsys, shards, tmp_path):
    out = ("--out", tmp_path / "run")
    assert "--data PAIRS and --out RUN missing" in refused(capsys, "splatmatch-s")
    assert "did you mean splatmatch-s?" in refused(capsys, "splatmatch-z", "--data", shards, *out, "--steps", 3)
    assert "--steps, or --time-limit" in refused(capsys, "splatmatch-s", "--data", shards, *out)
    assert "no such" in refused(capsys, "splatmatch-s", "--data", tmp_path / "none", *out, "--steps", 3)
    two = ("--data", shards, "--weights-of-sources", 1, 2, "--validate", "none")
    assert "2 weights for 1 sources" in refused(capsys, "splatmatch-s", *two, *out, "--steps", 3)
    assert "below 0" in refused(capsys, "splatmatch-s", "--data", shards, *out, "--steps", 3, "--loaders", -1)


def test_options_of_many_words_end_at_the_next_option():
    check(Options, ["s", "--data", "a", "b", "c", "--resume", "--weights-of-sources", "1", "2", "3"], "p")
    for words in (["s", "--data", "--resume"], ["s", "--data"]):
        with pytest.raises(InputError, match="--data needs"):
            check(Options, words, "p")
