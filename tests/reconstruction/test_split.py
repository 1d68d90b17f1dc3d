"""Held-out photos: sorted by name, index % n == 0."""

from __future__ import annotations

import pytest

from splatmatch.errors import InputError
from splatmatch.geometry.camera import Camera
from splatmatch.geometry.pose import Pose
from splatmatch.reconstruction.split import held_out
from splatmatch.scene.views import View


def views(count):
    camera = Camera(4, 3, 4.0, 4.0, 2.0, 1.5)
    return [View(f"{index:02d}.jpg", camera, Pose.identity()) for index in reversed(range(count))]


def test_every_eighth_of_the_sorted_names():
    """0, 8 and 16 of twenty, whatever order they come in."""
    found = held_out(views(20), 8)
    assert [view.name for view in found if view.split == "test"] == ["00.jpg", "08.jpg", "16.jpg"]
    assert [view.name for view in found] == sorted(view.name for view in found)


def test_none_if_zero():
    """All are trained on."""
    assert all(view.split == "train" for view in held_out(views(5), 0))


@pytest.mark.parametrize("every", [1, -8])
def test_something_must_be_left(every):
    """Holding out all is refused."""
    with pytest.raises(InputError, match="leaves no photo"):
        held_out(views(5), every)
