"""Strict JSON: what is wrong is named."""

from __future__ import annotations

import pytest

from splatmatch.errors import FormatError, InputError
from splatmatch.formats.json_text import list_of, number, parse_json_object, read_json_object, text


@pytest.mark.parametrize("data", [b"", b"{", b"[1]", b'{"a": NaN}', b'{"a": -Infinity}', b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_json_object_is_refused(tmp_path, data):
    (tmp_path / "a.json").write_bytes(data)
    with pytest.raises(FormatError, match=r"a\.json: "):
        read_json_object(tmp_path / "a.json")


def test_values_by_type():
    data = parse_json_object(b'{"n": 2, "f": 1e400, "s": "x", "e": "", "b": true, "l": ["a"], "m": ["a", 1]}', "a.json")
    assert number(data, "n", "a.json") == 2.0
    assert number(data, "none", "a.json", 7) == 7
    assert text(data, "s", "a.json") == "x"
    assert list_of(data, "l", str, "a.json") == ["a"]
    assert list_of(data, "none", str, "a.json") == []
    for key in ("f", "s", "b", "none"):
        with pytest.raises(FormatError, match=key):
            number(data, key, "a.json")
    for key in ("e", "n", "none"):
        with pytest.raises(FormatError, match=key):
            text(data, key, "a.json")
    for key in ("m", "s"):
        with pytest.raises(FormatError, match="not a list of str"):
            list_of(data, key, str, "a.json")


def test_a_missing_file(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_json_object(tmp_path / "a.json")
