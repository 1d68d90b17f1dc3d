"""Names that could leave their folder, or break a line of text, are refused; odd but harmless ones pass."""

from __future__ import annotations

from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given

from splatmatch.errors import FormatError
from splatmatch.formats.image_names import checked_name


@pytest.mark.parametrize(
    "name", ["", ".", "/a.jpg", "../a.jpg", "a/../../b.jpg", "C:\\a.jpg", "\\a", "a\nb", "a\0", "\ud800.jpg"]
)
def test_names_outside_their_folder_are_refused(name):
    with pytest.raises(FormatError, match=r"x\.json: .* no name of an image"):
        checked_name(name, "x.json")


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        ("./a//b.jpg", "a/b.jpg"),
        ("a\\b.jpg", "a/b.jpg"),
        ("7:30 at night.jpg", "7:30 at night.jpg"),
        ("👨\u200d👩\u200d👧 é.jpg", "👨\u200d👩\u200d👧 é.jpg"),
        ("..a.jpg", "..a.jpg"),
    ],
)
def test_odd_names_pass(name, clean):
    assert checked_name(name, "x.json") == clean


@given(st.text(max_size=30))
def test_whatever_passes_stays_inside(name):
    root = Path("/tmp/some/folder")
    try:
        clean = checked_name(name, "x.json")
    except FormatError:
        return
    assert root in (root / clean).parents
    assert checked_name(clean, "x.json") == clean
    assert "\n" not in clean
