"""The JSON of --json FILE and the tables."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from splatmatch.cli.output import print_table, write_result
from splatmatch.errors import OutputError


@dataclass(frozen=True)
class Config:
    path: Path
    values: tuple[float, ...]


def test_json_has_the_four_keys_and_is_strict(tmp_path):
    """NaN and infinity are no JSON: they become null, and the file parses with a strict reader."""
    path = tmp_path / "new" / "r.json"
    config = Config(Path("a/b"), (1.0, float("inf")))
    write_result(path, protocol="p@1", config=config, mean={"psnr": 1.5}, items=[{"name": "x", "psnr": float("nan")}])

    def refuse(word):
        raise AssertionError(word)

    assert json.loads(path.read_text(), parse_constant=refuse) == {
        "protocol": "p@1",
        "config": {"path": "a/b", "values": [1.0, None]},
        "mean": {"psnr": 1.5},
        "items": [{"name": "x", "psnr": None}],
    }


def test_no_file_is_written_unless_asked(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_result(None, protocol="p", config={}, mean={}, items=[])
    assert list(tmp_path.iterdir()) == []


def test_a_result_that_cannot_be_written_is_a_typed_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="in the way"):
        write_result(tmp_path / "file" / "r.json", protocol="p", config={}, mean={}, items=[])


def test_a_table_shows_every_cell(capsys):
    print_table("t", ["name", "psnr"], [("a[b]", 1.23456), ("c", None)])
    out = capsys.readouterr().out
    assert "a[b]" in out
    assert "1.235" in out
    assert "-" in out
