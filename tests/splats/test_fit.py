"""fit(): it learns, it is reproducible to the bit, it resumes, it stops on NaN."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from splatmatch.errors import FormatError, InputError, NumericalError
from splatmatch.scene.gaussians import TENSORS, Gaussians
from splatmatch.scene.render import Render
from splatmatch.scene.views import Scene
from splatmatch.splats.densification.adaptive import AdaptiveConfig
from splatmatch.splats.densification.mcmc import McmcConfig
from splatmatch.splats.fit import RECORD_EVERY, FitProgress, fit
from splatmatch.splats.fit_config import FitConfig
from splatmatch.splats.initialisation import InitialisationConfig
from splatmatch.splats.photometric import photometric_loss
from splatmatch.splats.render import get_engine, render
from splatmatch.splats.surfaces.config import GEOMETRY, SurfaceConfig
from splatmatch.splats.targets import DepthTarget, NormalTarget
from tests.splats.captures import small_capture, with_mask

QUICK = FitConfig(
    steps=120,
    max_gaussians=500,
    sh_degree=1,
    adaptive=AdaptiveConfig(interval=30, start=30, threshold=0.0),
    mcmc=McmcConfig(interval=30, start=30, growth=0.3),
    initialisation=InitialisationConfig(minimum=50, opacity=0.5),
)


@pytest.fixture(scope="module")
def scene(tmp_path_factory) -> Scene:
    return small_capture(tmp_path_factory.mktemp("capture"))


def held_out_psnr(gaussians: Gaussians, scene: Scene) -> float:
    scores = []
    for view in scene.test_views:
        image = np.asarray(Image.open(view.image_path))
        with torch.no_grad():
            rgb = render(gaussians, view.camera, view.camera_from_world, ("rgb",), engine="cpu").rgb
        scores.append(photometric_loss(rgb, torch.from_numpy(image.copy())).psnr)
    return float(np.mean(scores))


def same_bits(a: Gaussians, b: Gaussians) -> bool:
    return all(torch.equal(getattr(a, name), getattr(b, name)) for name in TENSORS)


@pytest.mark.parametrize("strategy", ["adaptive", "mcmc"])
def test_a_fit_explains_views_it_has_not_seen(scene, strategy):
    start = fit(scene, replace(QUICK, steps=1))
    result = fit(scene, replace(QUICK, steps=250, strategy=strategy))
    assert held_out_psnr(result.gaussians, scene) > held_out_psnr(start.gaussians, scene) + 3
    assert result.history[-1].psnr > result.history[0].psnr
    assert len(result.gaussians) == result.history[-1].gaussians <= QUICK.max_gaussians
    assert len(result.gaussians) > len(start.gaussians)


@pytest.mark.parametrize("strategy", ["adaptive", "mcmc"])
def test_same_bits_for_one_and_two_threads(scene, strategy):
    """Everything switched on, so that every sum of the loop is covered."""
    config = replace(
        QUICK,
        steps=70,
        strategy=strategy,
        exposure=True,
        refine_poses=True,
        background="learned",
        weights=replace(QUICK.weights, opacity=0.01, scale=0.01),
        surfaces=replace(GEOMETRY["faithful"], start=0.3),
    )
    before = torch.get_num_threads()
    results = []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            results.append(fit(scene, config, engine="cpu"))
    finally:
        torch.set_num_threads(before)
    one, two = results
    assert same_bits(one.gaussians, two.gaussians)
    assert one.history == two.history
    assert torch.equal(one.exposures, two.exposures)
    assert torch.equal(one.background, two.background)
    for a, b in zip(one.views, two.views, strict=True):
        assert torch.equal(a.camera_from_world.matrix, b.camera_from_world.matrix)


def test_another_seed_is_another_fit(scene):
    config = replace(QUICK, steps=20)
    assert not same_bits(fit(scene, config).gaussians, fit(scene, replace(config, seed=1)).gaussians)


def test_a_resumed_fit_has_the_bits_of_an_uninterrupted_one(scene, tmp_path):
    """Interrupted between two edits and between two records, where most state is in flight."""
    surfaces = replace(GEOMETRY["faithful"], start=0.2)
    config = replace(QUICK, strategy="mcmc", exposure=True, refine_poses=True, surfaces=surfaces)
    whole = fit(scene, config)
    path = tmp_path / "fit.safetensors"

    class Interrupting:
        name = "cpu"
        left = 77

        def render(self, *args, **kwargs) -> Render:
            self.left -= 1
            if self.left < 0:
                raise KeyboardInterrupt
            return get_engine("cpu").render(*args, **kwargs)

    with pytest.raises(KeyboardInterrupt):
        fit(scene, config, engine=Interrupting(), checkpoint=path)
    resumed = fit(scene, config, checkpoint=path, resume=True)
    assert same_bits(whole.gaussians, resumed.gaussians)
    assert whole.history == resumed.history
    assert torch.equal(whole.exposures, resumed.exposures)


def test_checkpoints_do_not_change_the_result(scene, tmp_path):
    config = replace(QUICK, steps=40)
    plain = fit(scene, config)
    often = replace(config, checkpoint_seconds=0.0)
    assert same_bits(plain.gaussians, fit(scene, often, checkpoint=tmp_path / "fit.safetensors").gaussians)


def test_a_checkpoint_of_another_configuration_is_refused(scene, tmp_path):
    path = tmp_path / "fit.safetensors"
    fit(scene, replace(QUICK, steps=3, checkpoint_seconds=0.0), checkpoint=path)
    with pytest.raises(InputError, match="another scene"):
        fit(scene, replace(QUICK, steps=4), checkpoint=path, resume=True)


def test_a_damaged_checkpoint_is_refused(scene, tmp_path):
    path = tmp_path / "fit.safetensors"
    path.write_bytes(b"\xff" * 100)
    with pytest.raises(FormatError, match="not a checkpoint"):
        fit(scene, QUICK, checkpoint=path, resume=True)


def test_resume_without_a_checkpoint_is_refused(scene, tmp_path):
    with pytest.raises(InputError, match="no checkpoint"):
        fit(scene, QUICK, checkpoint=tmp_path / "none.safetensors", resume=True)


@pytest.mark.parametrize("where", ["image", "gradient"])
def test_nan_stops_the_fit_and_keeps_the_last_good_checkpoint(scene, tmp_path, where):
    class Poisonous:
        name = "cpu"
        calls = 0

        def render(self, gaussians, *args, **kwargs) -> Render:
            self.calls += 1
            render = get_engine("cpu").render(gaussians, *args, **kwargs)
            if self.calls < 8:
                return render
            if where == "image":
                return replace(render, rgb=render.rgb * float("nan"))
            gaussians.means.register_hook(lambda gradient: gradient * float("inf"))
            return render

    path = tmp_path / "fit.safetensors"
    config = replace(QUICK, steps=20, checkpoint_seconds=0.0)
    with pytest.raises(NumericalError, match="step 8"):
        fit(scene, config, engine=Poisonous(), checkpoint=path)
    resumed = fit(scene, config, checkpoint=path, resume=True)
    assert same_bits(resumed.gaussians, fit(scene, config).gaussians)


def test_progress_reports_and_history_agree(scene):
    seen: list[FitProgress] = []
    result = fit(scene, QUICK, progress=seen.append)
    assert [p.record for p in seen] == list(result.history)
    assert [p.record.step for p in seen] == [*range(RECORD_EVERY, QUICK.steps, RECORD_EVERY), QUICK.steps]
    assert all(p.steps == QUICK.steps and p.steps_per_second > 0 for p in seen)


def test_masked_pixels_do_not_matter(scene, tmp_path):
    """The masked half of a photo is painted over; the result stays the same to the bit."""
    first = scene.train_views[0]
    mask = np.ones((first.camera.height, first.camera.width), bool)
    mask[:, : mask.shape[1] // 2] = False
    masked = with_mask(scene, scene.views.index(first), mask, tmp_path / "mask.png")
    pixels = np.asarray(Image.open(first.image_path)).copy()
    pixels[~mask] = 255 - pixels[~mask]
    painted = tmp_path / "painted.png"
    Image.fromarray(pixels).save(painted)
    views = tuple(replace(v, image_path=painted) if v.name == first.name else v for v in masked.views)
    config = replace(QUICK, steps=30, coarse=())
    assert same_bits(fit(masked, config).gaussians, fit(replace(masked, views=views), config).gaussians)
    assert not same_bits(fit(masked, config).gaussians, fit(scene, config).gaussians)


def test_exposure_compensation_learns_a_darker_photo(scene, tmp_path):
    first = scene.train_views[0]
    dark = tmp_path / "dark.png"
    Image.fromarray((np.asarray(Image.open(first.image_path)) * 0.6).astype(np.uint8)).save(dark)
    views = tuple(replace(v, image_path=dark) if v.name == first.name else v for v in scene.views)
    rates = replace(QUICK.rates, exposures=0.01)
    result = fit(replace(scene, views=views), replace(QUICK, steps=300, exposure=True, rates=rates))
    gains = result.exposures[:, range(3), range(3)].mean(1)
    assert gains[0] < gains[1:].min() - 0.1


def test_depth_and_normal_targets_pull(scene):
    """With the colours switched off by a constant photo the depth comes closer to a wanted plane."""
    view = scene.train_views[0]
    camera = view.camera
    shape = (camera.height, camera.width)
    depth = {view.name: DepthTarget(torch.full(shape, 2.0), torch.ones(shape))}
    facing = torch.zeros(*shape, 3)
    facing[..., 2] = -1
    normal = {view.name: NormalTarget(facing, torch.ones(shape))}
    surfaces = SurfaceConfig(prior=5.0, prior_final=1.0)
    config = replace(QUICK, steps=100, weights=replace(QUICK.weights, normal=1.0), surfaces=surfaces)
    pulled = fit(scene, config, depth_targets=depth, normal_targets=normal).gaussians
    free = fit(scene, config).gaussians

    def errors(gaussians: Gaussians) -> tuple[float, float]:
        with torch.no_grad():
            seen = render(gaussians, camera, view.camera_from_world, ("depth", "normal"), engine="cpu")
        valid = seen.depth_valid
        return float((seen.depth[valid].log() - np.log(2)).abs().mean()), float(seen.normal[..., 2].mean())

    assert errors(pulled)[0] < 0.7 * errors(free)[0]
    assert errors(pulled)[1] < errors(free)[1] - 0.05


def test_a_scene_without_training_views_is_refused(scene):
    with pytest.raises(InputError, match="no training views"):
        fit(replace(scene, views=scene.test_views), QUICK)


def test_a_missing_photo_is_named(scene):
    views = (replace(scene.views[0], image_path=Path("nowhere.png")), *scene.views[1:])
    with pytest.raises(InputError, match=r"nowhere\.png"):
        fit(replace(scene, views=views), QUICK)


def test_a_photo_of_another_size_is_named(scene):
    view = scene.views[0]
    views = (replace(view, camera=view.camera.resized(80, 60)), *scene.views[1:])
    with pytest.raises(InputError, match="same size"):
        fit(replace(scene, views=views), QUICK)


@pytest.mark.parametrize("change", [{"steps": 0}, {"sh_degree": 4}, {"max_gaussians": 0}, {"coarse": (0.5, 0.1)}])
def test_configurations_that_make_no_fit_are_refused(change):
    with pytest.raises(InputError):
        replace(QUICK, **change)


def test_no_gaussian_wraps_around_the_cameras(scene):
    """A needle that no training view sees the end of once hid all of a held-out view."""
    large = replace(QUICK, steps=60, initialisation=replace(QUICK.initialisation, scale=100.0))
    for steps in (1, 60):
        gaussians = fit(scene, replace(large, steps=steps)).gaussians
        centres = torch.stack([view.camera_from_world.centre for view in scene.train_views]).float()
        nearest = torch.cdist(gaussians.means, centres).min(1).values
        assert (gaussians.scales.amax(1) <= 0.501 * nearest).all()
        assert (gaussians.scales.amax(1) > 0.4 * nearest).any()  # some wanted to be larger
