"""Structure from motion of drawn photos, against their exact cameras; and sets that cannot be reconstructed."""

from __future__ import annotations

import math
import shutil

import numpy as np
import pytest

from splatmatch.errors import InputError, ReconstructionError
from splatmatch.formats.images import write_image
from splatmatch.metrics.pose import pose_errors
from tests.reconstruction.conftest import found_cameras
from tests.reconstruction.photo_sets import FOCAL, HEIGHT, WIDTH, draw, poses, write_photo, write_set


def errors_of(posed, drawn):
    """Errors of the estimated poses after alignment, by name."""
    true = {photo.name: photo.camera_from_world for photo in drawn}
    images = posed.capture.images
    return pose_errors([i.camera_from_world for i in images], [true[i.name] for i in images])


def test_cameras_are_those_that_the_photos_were_drawn_with(corner, corner_cameras):
    """All registered; centres within 1 % of their distance to the scene, rotations within 0.5 degrees, f within 2 %."""
    posed = corner_cameras
    assert len(posed.capture.images) == 8
    assert posed.unregistered == ()
    errors = errors_of(posed, corner[1])
    assert float(errors.centres.max()) < 0.03
    assert float(errors.degrees.max()) < 0.5
    assert posed.capture.images[0].camera.without_distortion().fx == pytest.approx(FOCAL, rel=0.02)
    assert len(posed.capture.points) > 300
    assert posed.record.reprojection_error < 0.6
    assert posed.record.pairs_matched == 28
    assert posed.peak_bytes > 0


def test_known_intrinsics_are_kept_and_make_poses_better(corner, corner_cameras, tmp_path):
    """The camera comes back as it was given, to the last digit."""
    posed = found_cameras(corner[0], tmp_path, intrinsics=f"{FOCAL},{FOCAL},{WIDTH / 2},{HEIGHT / 2}")
    assert {image.camera.params for image in posed.capture.images} == {(FOCAL, FOCAL, WIDTH / 2, HEIGHT / 2)}
    assert posed.record.principal_points == ()
    assert errors_of(posed, corner[1]).median_degrees <= errors_of(corner_cameras, corner[1]).median_degrees + 0.01
    assert errors_of(posed, corner[1]).median_degrees < 0.1


@pytest.mark.parametrize("choice", ["free", "centre"])
def test_principal_point_as_chosen(tmp_path, choice):
    """Drawn 3 and 2 pixels off the centre: freed it is found, kept at the centre it is not."""
    drawn = write_set(tmp_path / "photos", 8, centre=(WIDTH / 2 + 3, HEIGHT / 2 - 2))
    posed = found_cameras(tmp_path / "photos", tmp_path, principal_point=choice)
    camera = posed.capture.images[0].camera.without_distortion()
    if choice == "centre":
        assert (camera.cx, camera.cy) == (WIDTH / 2, HEIGHT / 2)
        assert posed.record.principal_points == ()
    else:
        (decision,) = posed.record.principal_points
        assert decision.kept
        assert (camera.cx, camera.cy) == decision.freed
        assert math.dist(decision.freed, (WIDTH / 2 + 3, HEIGHT / 2 - 2)) < max(1.5, 4 * decision.sigma)
        assert errors_of(posed, drawn).median_degrees < 0.3


def test_turned_photos_masks_and_formats_in_one_set(corner, tmp_path):
    """Upright and lying, JPEG and PNG, with masks: one reconstruction, one camera per size."""
    folder, masks = tmp_path / "photos", tmp_path / "masks"
    lying = poses(10)
    for index, pose in enumerate(lying[:6]):
        write_photo(folder / f"a {index}.jpg", draw(pose), orientation=6 if index % 2 else 1)
    for index, pose in enumerate(lying[6:]):
        write_photo(folder / "b" / f"{index}.png", draw(pose, size=(HEIGHT, WIDTH), centre=(HEIGHT / 2, WIDTH / 2)))
    ignored = np.full((HEIGHT, WIDTH), 255, np.uint8)
    ignored[:, :100] = 0
    write_image(masks / "a 0.png", ignored)
    posed = found_cameras(folder, tmp_path, masks=masks)
    assert [image.name for image in posed.capture.images][:2] == ["a 0.jpg", "a 1.jpg"]
    assert len(posed.capture.images) == 10
    assert {(i.camera.width, i.camera.height) for i in posed.capture.images} == {(WIDTH, HEIGHT), (HEIGHT, WIDTH)}
    tracks = posed.capture.points.tracks
    assert float(tracks.pixels[tracks.view_index == 0][:, 0].min()) > 99
    errors = pose_errors([i.camera_from_world for i in posed.capture.images], lying)
    assert float(errors.degrees.max()) < 0.6


def test_photos_that_do_not_belong_are_left_out_with_a_reason(corner, tmp_path):
    """A blank photo, one of another place, and one that is cut off: named, explained, and no harm to the rest."""
    folder = tmp_path / "photos"
    shutil.copytree(corner[0], folder)
    write_photo(folder / "blank.jpg", np.full((HEIGHT, WIDTH, 3), 90, np.uint8))
    write_photo(folder / "elsewhere.jpg", draw(poses(1)[0], seed=7))
    whole = (folder / "photo_03.jpg").read_bytes()
    (folder / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    posed = found_cameras(folder, tmp_path)
    reasons = {item.name: item.reason for item in posed.unregistered}
    assert len(posed.capture.images) == 8
    assert set(reasons) == {"blank.jpg", "elsewhere.jpg", "cut.jpg"}
    assert "features: blurred, dark or without texture" in reasons["blank.jpg"]
    assert "overlaps with no other photo" in reasons["elsewhere.jpg"]
    assert "truncated" in reasons["cut.jpg"]


def test_photos_without_overlap_say_so(tmp_path):
    """Each photo of another place: the error names them and why."""
    for seed in range(3):
        write_photo(tmp_path / "photos" / f"{seed}.jpg", draw(poses(3)[seed], seed=seed + 20))
    with pytest.raises(
        ReconstructionError, match=r"no cameras could be found for 3 photos: 0\.jpg: overlaps with no"
    ) as e:
        found_cameras(tmp_path / "photos", tmp_path)
    assert "1.jpg" in str(e.value)
    assert "2.jpg" in str(e.value)


def test_photos_from_one_place_say_so(tmp_path):
    """The same view stored in three qualities: matches everywhere, but nothing to triangulate."""
    from PIL import Image

    pixels = draw(poses(1)[0])
    (tmp_path / "photos").mkdir()
    for quality in (80, 90, 95):
        Image.fromarray(pixels).save(tmp_path / "photos" / f"{quality}.jpg", quality=quality)
    with pytest.raises(ReconstructionError, match="no two photos differ enough in position"):
        found_cameras(tmp_path / "photos", tmp_path)


def test_unusable_intrinsics_stop_before_the_search(corner, tmp_path):
    """No child process is started for them."""
    with pytest.raises(InputError, match="has 2 numbers"):
        found_cameras(corner[0], tmp_path, intrinsics="1,2")
    assert not list(tmp_path.iterdir())


def test_an_interrupted_search_goes_on(corner, tmp_path):
    """Features and matches in the work folder are used again; another set of photos starts anew."""
    first = found_cameras(corner[0], tmp_path)
    again = found_cameras(corner[0], tmp_path)
    assert again.seconds["features"] < 0.5 * first.seconds["features"]
    assert again.record.pairs_verified == first.record.pairs_verified
    other = tmp_path / "other"
    write_set(other, 4, seed=3)
    assert len(found_cameras(other, tmp_path).capture.images) == 4
