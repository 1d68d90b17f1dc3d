"""splatmatch models: the table of matchers."""

from __future__ import annotations

import json

from splatmatch.matchers import availability as here
from splatmatch.matchers.registry import matcher_names


def test_the_table_and_its_json_say_the_same(tmp_path, splatmatch):
    path = tmp_path / "models.json"
    outcome = splatmatch("models", "--json", path)
    assert outcome.code == 0, outcome.err
    items = {item["name"]: item for item in json.loads(path.read_text())["items"]}
    assert tuple(items) == matcher_names()
    assert items["sift"]["state"] == "ready" and items["sift"]["settings"]["ratio"] == 0.8
    assert items["xfeat"]["weights"] == ["xfeat"] and items["xfeat"]["commercial"] is True
    for word in ("sift", "xfeat-lighterglue", "Apache-2.0", "sparse", "multiples of 32"):
        assert word in outcome.out


def test_what_is_missing_is_named_with_the_way_to_get_it(monkeypatch, splatmatch, tmp_path):
    monkeypatch.delenv("SPLATMATCH_WEIGHTS", raising=False)
    monkeypatch.setenv("SPLATMATCH_CACHE", str(tmp_path))
    monkeypatch.setattr(here, "find_spec", lambda name: None)
    rows = {row.card.name: row for row in here.availability()}
    assert rows["sift"].state == "ready" and not rows["sift"].advice
    assert rows["xfeat-lighterglue"].state == "missing"
    assert (
        "xfeat.onnx" in rows["xfeat-lighterglue"].advice and "lighterglue_L3.onnx" in rows["xfeat-lighterglue"].advice
    )
    assert rows["disk-lightglue"].state == "missing" and "splatmatch[models]" in rows["disk-lightglue"].advice
    assert "not here yet" in splatmatch("models").out


def test_a_changed_weight_file_is_called_damaged(monkeypatch, tmp_path):
    (tmp_path / "xfeat.onnx").write_bytes(b"something else")
    monkeypatch.setenv("SPLATMATCH_WEIGHTS", str(tmp_path))
    rows = {row.card.name: row for row in here.availability()}
    assert rows["xfeat"].state == "damaged" and "xfeat.onnx" in rows["xfeat"].advice
