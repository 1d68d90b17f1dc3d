"""The capture that ships with splatmatch, and the command that shows the main job on it."""

from __future__ import annotations

import re

import pytest

from splatmatch.cli.demo import PHOTOS
from splatmatch.formats.images import read_image
from splatmatch.formats.scene_folder import load_scene


def test_the_capture_ships_with_its_licence_and_is_small():
    photos = sorted(PHOTOS.glob("*.jpg"))
    assert len(photos) == 40
    assert {read_image(path).shape for path in photos} == {(480, 640, 3)}
    assert sum(path.stat().st_size for path in PHOTOS.parent.rglob("*") if path.is_file()) < 4e6
    assert "CC0" in (PHOTOS.parent / "LICENSE").read_text()


@pytest.mark.slow
def test_the_demo_finds_all_cameras_and_reports(tmp_path, splatmatch):
    """A shortened run: every photo gets a pose, held-out photos are shown recognisably, the page fetches nothing."""
    out = tmp_path / "demo"
    outcome = splatmatch("demo", "--out", out, "--steps", 300, "--size", 200)
    assert outcome.code == 0, outcome.err
    scene = load_scene(out)
    assert len(scene.views) == 40
    assert scene.unregistered == ()
    assert len(scene.test_views) == 5
    assert scene.provenance["metrics"]["mean"]["psnr"] > 18
    page = (out / "report.html").read_text()
    assert page.count("data:image/jpeg;base64,") >= 5
    assert not re.search(r"""(src|href)\s*=\s*["'](?!data:|#)""", page)
