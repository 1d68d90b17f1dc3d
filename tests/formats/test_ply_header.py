"""PLY headers: what is promised must fit into the file, and damage is named before anything is allocated."""

from __future__ import annotations

import contextlib

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from splatmatch.errors import FormatError, InputError
from splatmatch.formats.ply_header import read_ply_header, read_ply_rows

HEADER = """ply
format {encoding} 1.0
comment made by hand
element first 2
property uchar u
property double d
element second 3
property int i
property float f
end_header
"""
ROWS = {
    "first": np.array([(7, 0.5), (255, -1e300)], [("u", "u1"), ("d", "f8")]),
    "second": np.array([(-5, 1.5), (1 << 30, 2.25), (0, -0.125)], [("i", "i4"), ("f", "f4")]),
}


def example(path, encoding):
    data = HEADER.format(encoding=encoding).encode()
    for rows in ROWS.values():
        if encoding == "ascii":
            data += "".join(" ".join(map(repr, row)) + "\n" for row in rows.tolist()).encode()
        else:
            order = "<" if "little" in encoding else ">"
            data += rows.astype(rows.dtype.newbyteorder(order)).tobytes()
    path.write_bytes(data)
    return data


ENCODINGS = ["ascii", "binary_little_endian", "binary_big_endian"]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_rows_by_value_in_every_encoding(tmp_path, encoding):
    example(tmp_path / "a.ply", encoding)
    header = read_ply_header(tmp_path / "a.ply")
    assert header.comments == ("made by hand",)
    for name, rows in ROWS.items():
        assert read_ply_rows(tmp_path / "a.ply", header, name).tolist() == rows.tolist()
    assert header.element("third") is None
    with pytest.raises(FormatError, match="no element 'third'"):
        read_ply_rows(tmp_path / "a.ply", header, "third")


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_line_ends(tmp_path, newline):
    text = HEADER.format(encoding="ascii") + "7 0.5\n255 -1e300\n-5 1.5\n1 2\n0 0"
    (tmp_path / "a.ply").write_bytes(text.replace("\n", newline).encode())
    header = read_ply_header(tmp_path / "a.ply")
    assert len(read_ply_rows(tmp_path / "a.ply", header, "second")) == 3


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_truncation_is_a_format_error(tmp_path, encoding):
    data = example(tmp_path / "a.ply", encoding)
    cut = tmp_path / "cut.ply"
    whole = data.rindex(b" ") + 1 if encoding == "ascii" else len(data)  # a cut last digit is just another number
    for length in range(whole):
        cut.write_bytes(data[:length])
        with pytest.raises(FormatError, match=r"cut\.ply"):
            read_ply_rows(cut, read_ply_header(cut), "second")


@pytest.mark.parametrize("count", ["4000000000", "999999999999999999", "-1", "1e9", "", "²", "99999999999999999999"])
def test_absurd_counts_are_refused(tmp_path, count):
    for encoding in ENCODINGS:
        data = example(tmp_path / "a.ply", encoding).replace(b"second 3", f"second {count}".encode())
        (tmp_path / "a.ply").write_bytes(data)
        with pytest.raises(FormatError, match=r"a\.ply: (is truncated|damaged)"):
            read_ply_header(tmp_path / "a.ply")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"ply\n", b"PLY\n"),
        (b"1.0", b"2.0"),
        (b"binary_little_endian", b"binary_middle_endian"),
        (b"property int i", b"property quad i"),
        (b"property int i", b"property int f"),
        (b"element second", b"element first"),
        (b"element first 2\n", b""),
        (b"end_header", b"the_end"),
        (b"property uchar u\nproperty double d\n", b""),
        (b"property int i", b"nonsense"),
    ],
)
def test_damaged_headers_are_refused(tmp_path, old, new):
    data = example(tmp_path / "a.ply", "binary_little_endian")
    assert old in data
    (tmp_path / "a.ply").write_bytes(data.replace(old, new))
    with pytest.raises(FormatError, match=r"a\.ply"):
        read_ply_header(tmp_path / "a.ply")


def test_lists_after_the_wanted_rows_do_not_disturb(tmp_path):
    header = "ply\nformat ascii 1.0\nelement vertex 1\nproperty float x\nelement face 1\n"
    header += "property list uchar int v\nend_header\n1.5\n3 0 0 0\n"
    (tmp_path / "a.ply").write_text(header)
    parsed = read_ply_header(tmp_path / "a.ply")
    assert read_ply_rows(tmp_path / "a.ply", parsed, "vertex")["x"].tolist() == [1.5]
    with pytest.raises(FormatError, match="lists"):
        read_ply_rows(tmp_path / "a.ply", parsed, "face")


@pytest.mark.parametrize("row", ["7 x", "7", "7 0.5 1", "300 0.5", "nan 0.5", "-1 0.5"])
def test_damaged_ascii_rows_are_refused(tmp_path, row):
    text = HEADER.format(encoding="ascii") + f"{row}\n1 1\n1 1\n1 1\n1 1\n" + " " * 100
    (tmp_path / "a.ply").write_text(text)
    with pytest.raises(FormatError, match=r"'first'|'u'"):
        read_ply_rows(tmp_path / "a.ply", read_ply_header(tmp_path / "a.ply"), "first")


@given(st.binary(max_size=300))
def test_any_bytes_after_the_magic_raise_only_format_errors(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("any") / "a.ply"
    path.write_bytes(b"ply\nformat ascii 1.0\n" + data)
    with contextlib.suppress(FormatError):
        read_ply_header(path)


def test_a_missing_file_is_said(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_ply_header(tmp_path / "a.ply")
    with pytest.raises(InputError, match="cannot be opened"):
        read_ply_header(tmp_path)
