"""Photo sets that several tests share; drawn once."""

from __future__ import annotations

import pytest

from splatmatch.jobs.progress import Silent
from splatmatch.reconstruction.cameras import cameras_from_photos
from splatmatch.reconstruction.config import ReconstructConfig
from splatmatch.reconstruction.photos import find_photos
from tests.reconstruction.photo_sets import write_set


@pytest.fixture(scope="session")
def corner(tmp_path_factory):
    """(folder, photos) of eight photos of one corner."""
    folder = tmp_path_factory.mktemp("corner") / "photos"
    return folder, write_set(folder, 8)


@pytest.fixture(scope="session")
def corner_cameras(corner, tmp_path_factory):
    """What structure from motion makes of the eight photos."""
    return found_cameras(corner[0], tmp_path_factory.mktemp("work"))


def found_cameras(folder, work, **options):
    config = ReconstructConfig(**options)
    photos = find_photos(folder, config.masks, Silent())
    return cameras_from_photos(
        photos, config.structure(len(photos.photos), 2), config.camera, config.intrinsics, work, Silent()
    )
