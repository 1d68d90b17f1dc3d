"""Which photos share a camera, and cameras given by the user."""

from __future__ import annotations

from pathlib import Path

import pytest

from splatmatch.errors import InputError
from splatmatch.reconstruction.intrinsics import group_cameras, parse_intrinsics
from splatmatch.reconstruction.photos import Photo


def photo(width=400, height=300, focal=None, name="a.jpg"):
    return Photo(name, Path(name), width, height, focal, "digest")


MIXED = [photo(), photo(300, 400), photo(focal=500.0), photo(focal=500.04), photo(), photo(focal=700.0)]


@pytest.mark.parametrize(
    ("choice", "cameras"),
    [("auto", (0, 1, 2, 2, 0, 3)), ("shared", (0, 1, 0, 0, 0, 0)), ("per-image", (0, 1, 2, 3, 4, 5))],
)
def test_groups(choice, cameras):
    """By size and EXIF focal length, by size, or each for itself; upright and lying photos never share."""
    groups, of_photo = group_cameras(MIXED, choice)
    assert of_photo == cameras
    assert [(g.width, g.height) for g in groups][1] == (300, 400)


def test_starting_focal_lengths():
    """EXIF where there is one, and then it counts as known; else 1.2 times the longer side."""
    groups, _ = group_cameras(MIXED, "auto")
    assert groups[0].params == (480.0, 200.0, 150.0, 0.0)
    assert not groups[0].known
    assert groups[2].params[0] == pytest.approx(500.02)
    assert groups[2].known


@pytest.mark.parametrize(
    ("text", "model", "params"),
    [
        ("380", "SIMPLE_PINHOLE", (380.0, 200.0, 150.0)),
        ("380, 201, 149.5", "SIMPLE_PINHOLE", (380.0, 201.0, 149.5)),
        ("380,381,201,149", "PINHOLE", (380.0, 381.0, 201.0, 149.0)),
        ("opencv:380,381,201,149,0.1,0,0,0", "OPENCV", (380.0, 381.0, 201.0, 149.0, 0.1, 0.0, 0.0, 0.0)),
    ],
)
def test_intrinsics_in_every_form(text, model, params):
    """Numbers by count, or any COLMAP model by name."""
    camera = parse_intrinsics(text, [photo(), photo()])
    assert (camera.model, camera.params, camera.width, camera.known) == (model, params, 400, True)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("wide", "not a list of numbers"),
        ("1,2", "has 2 numbers"),
        ("FISH:1,2,3", "no camera model FISH"),
        ("EQUIRECTANGULAR:1,2", "no camera model"),
        ("OPENCV:1,2,3", "has 8 parameters, not 3"),
        ("-380", "positive"),
        ("nan", "positive"),
        ("380,380,900,149", "outside the 400 x 300 photos"),
    ],
)
def test_wrong_intrinsics(text, words):
    """Said in one line, before anything is computed."""
    with pytest.raises(InputError, match=words):
        parse_intrinsics(text, [photo()])


def test_one_camera_cannot_be_that_of_two_sizes():
    """Intrinsics are in pixels of one size."""
    with pytest.raises(InputError, match="300 x 400, 400 x 300"):
        parse_intrinsics("380", [photo(), photo(300, 400)])
