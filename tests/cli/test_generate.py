"""``splatmatch generate`` from the outside."""

from __future__ import annotations

import json

import pytest

from splatmatch.cli.main import main
from splatmatch.formats.scene_folder import save_scene
from splatmatch.pairs.reader import ShardReader
from tests.pairs.splat_worlds import room_scene


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scenes") / "room"
    save_scene(room_scene(), folder)
    return folder


def generate(scene, out, *words: str) -> int:
    return main(["generate", str(scene), "--out", str(out), "--size", "64", "48", "--pairs", "3", *words])


def test_pairs_are_made_resumed_and_reported(scene, tmp_path, capsys):
    out, result = tmp_path / "pairs", tmp_path / "result.json"
    words = ["--licence", "CC0-1.0", "--colours", "plain", "--max-zoom", "1"]
    assert generate(scene, out, "--json", str(result), *words) == 0
    captured = capsys.readouterr()
    assert "3 pairs" in captured.out and "plane" in captured.out and "planning included" in captured.out
    assert "MB per pair" in captured.err
    data = json.loads(result.read_text())
    assert data["mean"]["pairs"] == 3 and data["items"][0]["scene"] == "room" and data["config"]["size"] == [64, 48]
    for sample in ShardReader(out, on_corrupt="error"):
        assert sample.provenance.licence == "CC0-1.0"
        assert all(sample.provenance.applied[side]["move"]["zoom"] == 1 for side in "ab")
    assert generate(scene, out, *words) == 2 and "--resume" in capsys.readouterr().err
    assert generate(scene, out, "--resume", *words) == 0
    assert generate(scene, out, "--resume", "--seed", "4", *words) == 2
    assert "begun with another config" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "SCENE... and --out PAIRS missing"),
        (["synthetic:barn", "--out", "x"], "there is no scene synthetic:barn"),
        (["nowhere", "also-nowhere", "--out", "x"], "nowhere: no such scene folder or splat file"),
        (["synthetic:room", "--out", "x", "--pairs", "0"], "at least 1"),
        (["synthetic:room", "--out", "x", "--max-zoom", "0.5"], "--max-zoom 0.5 is below 1"),
        (["synthetic:room", "--out", "x", "--preset", "wild"], "wild is not one of default, extreme"),
        (["synthetic:room", "--out", "x", "--backgrounds", "nowhere"], "nowhere: no such folder"),
    ],
)
def test_bad_words_are_one_line_and_leave_nothing(words, message, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["generate", *words]) == 2
    said = capsys.readouterr().err
    assert message in said and said.count("\n") == 1
    assert not list(tmp_path.iterdir())
