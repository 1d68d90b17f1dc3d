"""The verbs of the Python API do what the commands do, and stay functions however often they are called."""

from __future__ import annotations

import pytest
import torch

import splatmatch as sm
from splatmatch.errors import InputError
from splatmatch.evaluation.views import ViewsConfig
from splatmatch.viewer.live import LiveConfig


def test_each_verb_can_be_called_twice(scene_folder, tmp_path):
    """Calling a verb imports modules below it; none of them may take the verb's place in the package."""
    for turn in ("first", "second"):
        scene = sm.load_scene(scene_folder)
        view = scene.views[0]
        image = sm.render(scene.gaussians, view.camera, view.camera_from_world, want=("rgb",))
        assert image.rgb.shape == (36, 48, 3)
        result = sm.fit(scene, sm.FitConfig(steps=2, max_gaussians=300, sh_degree=0))
        assert len(result.gaussians) > 0
        saved = sm.save_scene(scene.with_gaussians(result.gaussians), tmp_path / turn)
        assert len(saved.views) == 4
        assert len(sm.evaluate_views(scene, config=ViewsConfig(lpips=False)).items) == 2
        sm.export_scene(scene, "colmap", tmp_path / f"{turn}-colmap")
        sm.write_splat(scene.gaussians, tmp_path / f"{turn}.ply")
        assert torch.equal(sm.read_splat(tmp_path / f"{turn}.ply").means, scene.gaussians.means)
        with pytest.raises(InputError, match="no such folder"):
            sm.reconstruct(tmp_path / "absent", tmp_path / "never", config=sm.ReconstructConfig(steps=0))
        with pytest.raises(InputError, match="port 0"):
            sm.view(scene, LiveConfig(port=0))
