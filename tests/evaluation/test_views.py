"""The evaluation of novel views, with a renderer whose errors are known."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch

from splatmatch.errors import FormatError, InputError, MissingDependencyError
from splatmatch.evaluation import views as evaluation
from splatmatch.evaluation.protocols import VIEWS_PROTOCOLS, views_protocol
from splatmatch.evaluation.tables import Column, Figures, format_value
from splatmatch.evaluation.views import ViewsConfig, evaluate_views, load_photo
from splatmatch.files import write_json
from splatmatch.formats.images import write_image
from splatmatch.geometry.camera import Camera
from splatmatch.geometry.pose import Pose
from splatmatch.metrics.lpips import Lpips
from splatmatch.scene.gaussians import Gaussians
from splatmatch.scene.render import Render
from splatmatch.scene.views import Scene, SparsePoints, View

CAMERA = Camera(48, 40, 50.0, 50.0, 24.0, 20.0)
OFFLINE = ViewsConfig(fetch=False)


class FlatEngine:
    """Paints every pixel in one grey, whatever it is shown."""

    name = "flat"

    def __init__(self, grey: float) -> None:
        self.grey = grey

    def render(self, gaussians, camera, camera_from_world, request, **_) -> Render:
        rgb = torch.full((camera.height, camera.width, 3), self.grey)
        return Render(alpha=torch.ones(camera.height, camera.width), rgb=rgb)


def one_gaussian() -> Gaussians:
    return Gaussians(
        torch.zeros(1, 3), torch.zeros(1, 3), torch.tensor([[1.0, 0, 0, 0]]), torch.zeros(1), torch.zeros(1, 1, 3)
    )


@pytest.fixture
def scene(tmp_path, monkeypatch) -> Scene:
    """Photos of grey 100 and 200 held out, one more for training; no LPIPS weights anywhere."""
    monkeypatch.setenv("SPLATMATCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("SPLATMATCH_WEIGHTS", raising=False)
    views = []
    for name, grey, split in [("a.png", 100, "test"), ("b.png", 55, "train"), ("c.png", 200, "test")]:
        write_image(tmp_path / name, np.full((40, 48, 3), grey, np.uint8))
        views.append(View(name, CAMERA, Pose.identity(), tmp_path / name, None, split))
    return Scene(tuple(views), SparsePoints.empty(), one_gaussian())


def test_only_held_out_views_count_and_the_mean_is_of_images(scene):
    result = evaluate_views(scene, engine=FlatEngine(150 / 255), config=OFFLINE)
    assert [item.name for item in result.items] == ["a.png", "c.png"]
    expected = -20 * math.log10(50 / 255)
    assert result.items[0].psnr == pytest.approx(expected, abs=1e-4)
    assert result.mean.psnr == pytest.approx(expected, abs=1e-4)
    assert result.mean.ssim == pytest.approx((result.items[0].ssim + result.items[1].ssim) / 2)


def test_a_constant_image_has_the_ssim_of_its_luminance_term(scene):
    result = evaluate_views(scene, engine=FlatEngine(150 / 255), config=OFFLINE)
    a, b = 150 / 255, 100 / 255
    assert result.items[0].ssim == pytest.approx((2 * a * b + 1e-4) / (a * a + b * b + 1e-4), abs=1e-4)


def test_absent_weights_are_said_in_table_and_json(scene):
    result = evaluate_views(scene, engine=FlatEngine(0.5), config=OFFLINE)
    assert result.items[0].lpips is None
    assert result.mean.lpips is None
    assert "weights absent" in result.figures().to_markdown()
    assert "SPLATMATCH_WEIGHTS" in result.to_json()["protocol"]["lpips"]


def test_weights_that_are_not_asked_for_are_not_looked_for(scene, monkeypatch):
    monkeypatch.setattr(evaluation, "load_lpips", lambda *_, **__: pytest.fail("loaded"))
    result = evaluate_views(scene, engine=FlatEngine(0.5), config=ViewsConfig(lpips=False))
    assert result.lpips_note == "not asked for"


@pytest.mark.parametrize("protocol", VIEWS_PROTOCOLS, ids=lambda p: p.name)
def test_every_protocol_prints_its_dialects_and_uses_them(scene, monkeypatch, protocol):
    asked = []

    def load(network, inputs, *, fetch):
        asked.append((network, inputs, fetch))
        return lambda a, b: torch.tensor(0.25)

    monkeypatch.setattr(evaluation, "load_lpips", load)
    result = evaluate_views(scene, protocol, FlatEngine(0.5), OFFLINE)
    assert asked == [(protocol.lpips_network, protocol.lpips_inputs, False)]
    text = result.figures().to_markdown()
    for dialect in (protocol.ssim_border, protocol.lpips_network, protocol.lpips_inputs):
        assert dialect in text
    assert result.mean.lpips == 0.25
    assert views_protocol(protocol.name) is protocol
    assert Lpips(protocol.lpips_network, protocol.lpips_inputs, {}).dialect == protocol.lpips_dialect


def test_json_is_complete_and_strict_even_for_a_perfect_render(scene, tmp_path):
    result = evaluate_views(scene, engine=FlatEngine(100 / 255), config=OFFLINE)
    assert result.items[0].psnr == math.inf
    write_json(tmp_path / "result.json", result.to_json())
    stored = json.loads((tmp_path / "result.json").read_text())
    assert set(stored) == {"protocol", "config", "mean", "items"}
    assert stored["items"][0]["psnr"] is None
    assert stored["config"]["resolution"] == "48x40"
    assert stored["config"]["engine"] == "flat"
    assert stored["protocol"]["name"] == "views/gsplat"
    assert "∞" in result.figures().to_markdown()


def test_masked_pixels_do_not_count(scene, tmp_path):
    photo = np.full((40, 48, 3), 100, np.uint8)
    photo[:, 24:] = 255
    write_image(tmp_path / "a.png", photo)
    mask = np.zeros((40, 48), np.uint8)
    mask[:, :24] = 255
    write_image(tmp_path / "mask.png", mask)
    view = View("a.png", CAMERA, Pose.identity(), tmp_path / "a.png", tmp_path / "mask.png", "test")
    masked = Scene((view,), SparsePoints.empty(), one_gaussian())
    result = evaluate_views(masked, engine=FlatEngine(100 / 255), config=OFFLINE)
    assert result.mean.psnr == math.inf
    write_image(tmp_path / "mask.png", np.zeros((40, 48), np.uint8))
    with pytest.raises(FormatError, match="ignores every pixel"):
        evaluate_views(masked, engine=FlatEngine(0.5), config=OFFLINE)


def test_smaller_images_are_area_averages_and_carry_their_camera(tmp_path):
    stripes = np.zeros((40, 48, 3), np.uint8)
    stripes[:, ::2] = 200
    write_image(tmp_path / "s.png", stripes)
    view = View("s.png", CAMERA, Pose.identity(), tmp_path / "s.png")
    photo, mask = load_photo(view, CAMERA.with_long_side(24))
    assert photo.shape == (20, 24, 3)
    assert photo.unique().tolist() == [pytest.approx(100 / 255)]
    assert mask is None


def test_bad_scenes_get_one_clear_line(scene, tmp_path):
    with pytest.raises(InputError, match="no splat"):
        evaluate_views(scene.with_gaussians(None), config=OFFLINE)
    train = Scene(scene.train_views, SparsePoints.empty(), one_gaussian())
    with pytest.raises(InputError, match="--test-every 8"):
        evaluate_views(train, config=OFFLINE)
    with pytest.raises(InputError, match="too few"):
        evaluate_views(scene, engine=FlatEngine(0.5), config=ViewsConfig(size=20, fetch=False))
    write_image(tmp_path / "a.png", np.zeros((10, 10, 3), np.uint8))
    with pytest.raises(FormatError, match="10 x 10, its camera 48 x 40"):
        evaluate_views(scene, engine=FlatEngine(0.5), config=OFFLINE)
    with pytest.raises(InputError, match="views/gsplat"):
        views_protocol("views/other")


def test_progress_is_reported_after_each_view(scene):
    seen = []
    evaluate_views(
        scene, engine=FlatEngine(0.5), config=OFFLINE, progress=lambda done, total: seen.append((done, total))
    )
    assert seen == [(1, 2), (2, 2)]


def test_protocol_names_are_unique_and_frozen():
    assert len({protocol.name for protocol in VIEWS_PROTOCOLS}) == len(VIEWS_PROTOCOLS)
    with pytest.raises(AttributeError):
        VIEWS_PROTOCOLS[0].ssim_border = "padded"


def test_a_missing_weight_error_elsewhere_is_not_swallowed(scene):
    class Broken(FlatEngine):
        def render(self, *_, **__):
            raise MissingDependencyError("no such device")

    with pytest.raises(MissingDependencyError):
        evaluate_views(scene, engine=Broken(0.5), config=OFFLINE)


def test_tables_show_what_they_are_given():
    figures = Figures("t", (Column("a"), Column("b", 3, "unit")), (("x", 1.23456), ("y", None)), ("mean", math.nan))
    assert figures.to_markdown().splitlines()[2:] == ["| x | 1.235 |", "| y | – |", "| **mean** | **–** |"]
    assert figures.to_rich().row_count == 2
    assert [format_value(v) for v in (3, "s", -math.inf, 2.0)] == ["3", "s", "∞", "2.00"]
