"""``splatmatch lift`` and ``splatmatch audit`` from the outside."""

from __future__ import annotations

import json

import numpy as np
import pytest

from splatmatch.cli.main import main
from splatmatch.formats.images import write_image
from tests.pairs.exact_pairs import pair, write_pairs
from tests.pairs.lift.examples import hills, texture


@pytest.fixture
def photos(tmp_path):
    for name in ("a", "b"):
        write_image(tmp_path / "photos" / f"{name}.png", texture(240, 320))
        (tmp_path / "maps").mkdir(exist_ok=True)
        np.save(tmp_path / "maps" / f"{name}.npy", hills(240, 320))
    return tmp_path


def lift(folder, *words: str) -> int:
    return main(
        ["lift", str(folder / "photos"), "--out", str(folder / "out"), "--depth", str(folder / "maps"), "--pairs", "3",
         "--size", "96", "72", *words]
    )  # fmt: skip


def test_lifted_pairs_can_be_audited(photos, capsys):
    assert lift(photos, "--licence", "CC0-1.0") == 0
    said = capsys.readouterr().out
    assert "3 pairs of 2 photos" in said and "MB per pair" in said
    assert lift(photos) == 2 and "--resume" in capsys.readouterr().err
    assert lift(photos, "--resume") == 2  # begun with another licence
    assert "licence" in capsys.readouterr().err
    words = ["--report", str(photos / "audit.html"), "--json", str(photos / "audit.json")]
    assert main(["audit", str(photos / "out"), *words]) == 0
    said = capsys.readouterr().out
    assert "3 of 3 pairs" in said and "proves nothing about depth" in said and "exact geometry" in said
    result = json.loads((photos / "audit.json").read_text())
    assert result.keys() == {"protocol", "config", "mean", "items"}
    assert [item["key"] for item in result["items"]] == ["photo00000-0000", "photo00000-0001", "photo00001-0000"]
    assert result["items"][0]["errors"] is None and 0 < result["mean"]["overlap"] <= 1
    assert "<h2>Pairs</h2>" in (photos / "audit.html").read_text()


def test_parts_can_be_left_out_and_planar_needs_no_depth(photos, capsys):
    assert lift(photos, "--without", "relighting,sky,inpainting,cut", "--colours", "plain") == 0
    assert lift(photos, "--without", "inpaintings") == 2 and "any of relighting" in capsys.readouterr().err
    out = str(photos / "planar")
    words = ["--motion", "planar", "--pairs", "2", "--size", "96", "72", "--depth", "nothing"]
    assert main(["lift", str(photos / "photos"), "--out", out, *words]) == 0


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--size", "8", "8"], "too small"),
        (["--pairs", "0"], "at least 1"),
        (["--seed", "-1"], "at least 0"),
        (["--depth", "tiefenrauch"], "did you mean tiefenrausch"),
    ],
)
def test_unusable_options_of_lift_are_one_line(photos, capsys, words, complaint):
    assert lift(photos, *words) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1 and complaint in lines[0]


def test_damage_is_named_and_skipped_or_an_error(tmp_path, capsys):
    folder = write_pairs(tmp_path / "pairs", [pair("good"), pair("bad")])
    shard = folder / "pairs-000000.tar"
    data = bytearray(shard.read_bytes())
    data[len(data) * 3 // 4] ^= 0xFF
    shard.write_bytes(data)
    assert main(["audit", str(folder)]) == 0
    said = capsys.readouterr().out
    assert "bad" in said and "skipped" in said and "1 of 2 pairs" in said
    assert main(["audit", str(folder), "--strict"]) == 2
    assert "bad" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--report", "x.pdf"], "no .html"),
        (["--limit", "0"], "1 or more"),
        (["--exact", "room"], "synthetic:room:7"),
    ],
)
def test_unusable_options_of_audit_are_one_line(tmp_path, capsys, words, complaint):
    folder = write_pairs(tmp_path / "pairs", [pair()])
    assert main(["audit", str(folder), *words]) == 2
    assert complaint in capsys.readouterr().err.strip().splitlines()[-1]


def test_no_pairs_is_one_line(tmp_path, capsys):
    assert main(["audit", str(tmp_path)]) == 2
    assert "holds no pairs" in capsys.readouterr().err
