"""Scene folders: everything survives, in place and copied, with and without Gaussians; incomplete ones say so."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from splatmatch.errors import FormatError, InputError, OutputError
from splatmatch.files import sha256
from splatmatch.formats.images import read_image, write_image
from splatmatch.formats.scene_folder import load_scene, save_scene
from splatmatch.scene.views import Unregistered
from tests.formats.examples import CAMERA, assert_same_splat, dot_pixel, scene, splat


def full_scene(folder):
    made = scene(folder, splat(20, 3, antialiased=True, frame="z-up"))
    masks = folder / "my masks"
    write_image(masks / "m.png", np.eye(48, 64))
    views = (replace(made.views[0], mask_path=masks / "m.png"), *made.views[1:])
    return replace(
        made,
        views=views,
        unregistered=(Unregistered("d.jpg", "too few matches"),),
        metric=True,
        up_known=True,
        provenance={"command": "reconstruct photos", "seed": 3, "timings": {"sfm": 1.5}},
    )


def test_everything_survives(tmp_path):
    original = full_scene(tmp_path / "photos")
    returned = save_scene(original, tmp_path / "scene")
    for loaded in (returned, load_scene(tmp_path / "scene")):
        assert loaded.folder == tmp_path / "scene"
        assert (loaded.metric, loaded.up_known) == (True, True)
        assert loaded.unregistered == original.unregistered
        assert loaded.provenance == original.provenance
        assert_same_splat(loaded.gaussians, original.gaussians)
        assert torch.equal(loaded.points.positions, original.points.positions)
        assert torch.equal(loaded.points.colours, original.points.colours)
        assert torch.equal(loaded.points.errors.isnan(), original.points.errors.isnan())
        assert sorted(loaded.points.tracks.pixels.tolist()) == sorted(original.points.tracks.pixels.tolist())
        for view, before in zip(loaded.views, original.views, strict=True):
            assert (view.name, view.camera, view.split) == (before.name, before.camera, before.split)
            torch.testing.assert_close(
                view.camera_from_world.matrix, before.camera_from_world.matrix, atol=1e-12, rtol=1e-12
            )
            assert view.image_path == tmp_path / "scene" / "images" / view.name
            assert np.array_equal(read_image(view.image_path), read_image(before.image_path))
        assert loaded.views[0].mask_path == tmp_path / "scene" / "masks" / "a.png.png"
        assert loaded.views[1].mask_path is None
    assert dot_pixel(returned.views[0].camera_from_world, CAMERA) == pytest.approx((10.5, 20.5), abs=1e-9)


def test_the_description_states_splits_and_hashes(tmp_path):
    save_scene(full_scene(tmp_path / "photos"), tmp_path / "scene")
    data = json.loads((tmp_path / "scene" / "scene.json").read_text())
    assert data["version"] == 1
    assert data["splits"] == {"train": ["a.png", "more/c.png"], "test": ["b.png"]}
    assert data["hashes"]["splats.ply"] == sha256(tmp_path / "scene" / "splats.ply")
    assert len(data["hashes"]) == 4


def test_photos_in_place_are_not_touched_and_others_are_not_linked(tmp_path):
    """Saving again over itself keeps the very files; copies do not change when the user edits the original."""
    saved = save_scene(full_scene(tmp_path / "photos"), tmp_path / "scene")
    before = saved.views[0].image_path.stat()
    again = save_scene(saved, tmp_path / "scene")
    assert again.views[0].image_path.stat().st_ino == before.st_ino
    write_image(tmp_path / "photos" / "a.png", np.zeros((48, 64)))
    assert read_image(again.views[0].image_path).max() > 0


def test_saving_without_gaussians_leaves_none_behind(tmp_path):
    saved = save_scene(full_scene(tmp_path / "photos"), tmp_path / "scene")
    assert save_scene(saved.with_gaussians(None), tmp_path / "scene").gaussians is None
    assert not (tmp_path / "scene" / "splats.ply").exists()


def test_viewpoints_without_photos(tmp_path):
    original = scene(tmp_path / "photos")
    bare = replace(original, views=tuple(replace(view, image_path=None) for view in original.views))
    assert [view.image_path for view in save_scene(bare, tmp_path / "scene").views] == [None] * 3


def test_pycolmap_opens_the_folder(tmp_path):
    pycolmap = pytest.importorskip("pycolmap")
    save_scene(full_scene(tmp_path / "photos"), tmp_path / "scene")
    theirs = pycolmap.Reconstruction(str(tmp_path / "scene" / "sparse" / "0"))
    assert theirs.num_reg_images() == 3
    assert sorted(image.name for image in theirs.images.values()) == ["a.png", "b.png", "more/c.png"]


def test_incomplete_folders_say_what_is_missing(tmp_path):
    with pytest.raises(InputError, match="no such scene folder"):
        load_scene(tmp_path / "none")
    with pytest.raises(InputError, match=r"it has no scene\.json; make one with splatmatch reconstruct"):
        load_scene(tmp_path)
    saved = save_scene(full_scene(tmp_path / "photos"), tmp_path / "scene")
    shutil.rmtree(saved.folder / "sparse")
    with pytest.raises(InputError, match="has no sparse/0"):
        load_scene(saved.folder)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not JSON"),
        ('{"version": 99}', "version 99"),
        ("{}", "version None"),
        ('{"version": 1, "splits": []}', "splits"),
        ('{"version": 1, "splits": {"test": [1]}}', "not a list of str"),
        ('{"version": 1, "unregistered": [{"name": "a"}]}', "no 'reason'"),
    ],
)
def test_damaged_descriptions(tmp_path, text, message):
    save_scene(full_scene(tmp_path / "photos"), tmp_path / "scene")
    (tmp_path / "scene" / "scene.json").write_text(text)
    with pytest.raises(FormatError, match=message):
        load_scene(tmp_path / "scene")


def test_damaged_parts(tmp_path):
    saved = save_scene(full_scene(tmp_path / "photos"), tmp_path / "scene")
    for name in ("splats.ply", "sparse/0/images.bin"):
        path = saved.folder / name
        data = path.read_bytes()
        path.write_bytes(data[: len(data) // 2])
        with pytest.raises(FormatError, match=path.name):
            load_scene(saved.folder)
        path.write_bytes(data)


def test_what_cannot_be_saved(tmp_path):
    made = scene(tmp_path / "photos")
    with pytest.raises(InputError, match="same name"):
        save_scene(replace(made, views=made.views[:1] * 2), tmp_path / "scene")
    with pytest.raises(InputError, match="no such file"):
        save_scene(replace(made, views=(replace(made.views[0], image_path=tmp_path / "x.png"),)), tmp_path / "scene")
    with pytest.raises(FormatError, match="inside its folder"):
        save_scene(replace(made, views=(replace(made.views[0], name="../x.png"),)), tmp_path / "scene")
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        save_scene(made, tmp_path / "file")
    assert not (tmp_path / "scene" / "scene.json").exists()
