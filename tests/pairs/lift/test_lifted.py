"""Whole lifted pairs. Each defect that the released generator of L2M is known for has a test that it is not here."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from dataclasses import fields, replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

import splatmatch.pairs.lift
from splatmatch.pairs.appearance import AppearanceConfig
from splatmatch.pairs.labels import both_correspondences
from splatmatch.pairs.lift.config import FLAT, SKY_ONLY, TOO_SMALL, LiftConfig, Skip
from splatmatch.pairs.lift.lift import lift_photo
from splatmatch.pairs.lift.mesh import dilated
from splatmatch.pairs.lift.photo import Photo, prepare_photo
from splatmatch.pairs.sample import PairSample
from tests.pairs.lift.examples import SMALL, GivenDepth, hills, texture

ROOT = Path(__file__).parents[3]


def photo(config: LiftConfig = SMALL) -> Photo:
    ready = prepare_photo(texture(240, 320), "p.jpg", GivenDepth(hills()), config)
    assert isinstance(ready, Photo)
    return ready


def lifted(seed: int = 0, config: LiftConfig = SMALL) -> PairSample:
    sample = lift_photo(photo(config), "k", 0, np.random.default_rng(seed), config, "given", "CC0-1.0")
    assert isinstance(sample, PairSample)
    return sample


def test_holes_and_sky_are_not_valid_and_have_no_depth():
    """Released: holes are stored at depth 100."""
    for seed in range(6):
        sample = lifted(seed)
        for image in (sample.a, sample.b):
            assert (image.depth[~image.valid] == 0).all() and (image.sigma[~image.valid] == 0).all()
            assert (image.depth[image.valid] > 0).all() and (image.sigma[image.valid] > 0).all()
    assert any((~lifted(seed).b.valid).any() for seed in range(6))


def test_stored_depth_is_the_depth_of_the_mesh_and_stays_within_the_range_drawn():
    """Released: depth1 = 1 / d while the mesh has 1 / (d + 1e-4), and the background lands at 1000."""
    for seed in range(6):
        sample = lifted(seed, replace(SMALL, relight=False))
        assert sample.a.depth.max() <= SMALL.depth_ratio[1] * 1.001
        assert sample.a.depth[sample.a.valid].min() >= 0.999
        forward, _ = both_correspondences(sample)
        # The surface drawn in b and the one stored in a meet at every label, far more tightly than the test asks for.
        assert np.percentile(forward.depth_error[forward.covisible], 95) < 2e-3
        assert np.median(forward.cycle[forward.covisible]) < 0.02


def test_labels_join_equal_colours():
    """At least 99 % of the labels of an un-relit photo join colours that differ by bilinear sampling alone."""
    config = replace(SMALL, relight=False, zoom=1.0, width=160, height=120)
    agree = total = 0
    for seed in range(6):
        sample = lifted(seed, config)
        forward, _ = both_correspondences(sample)
        y, x = np.nonzero(forward.covisible)
        ends = forward.target[y, x] - np.float32(0.5)
        there = cv2.remap(sample.b.rgb, ends[:, :1].copy(), ends[:, 1:].copy(), cv2.INTER_LINEAR)[:, 0]
        difference = np.abs(there.astype(int) - sample.a.rgb[y, x]).max(-1)
        agree, total = agree + (difference < 16).sum(), total + len(y)
    assert total > 30_000 and agree / total >= 0.99


def test_no_half_pixel_hides_in_the_labels():
    """Released: integer pixels are projected with the K of half-pixel centres. Shifted labels fit worse."""
    sample = lifted(1, replace(SMALL, relight=False, zoom=1.0, width=160, height=120))
    forward, _ = both_correspondences(sample)
    y, x = np.nonzero(forward.covisible)

    def error(dx: float, dy: float) -> float:
        ends = forward.target[y, x] - np.float32(0.5) + np.float32([dx, dy])
        there = cv2.remap(sample.b.rgb, ends[:, :1].copy(), ends[:, 1:].copy(), cv2.INTER_LINEAR)[:, 0]
        return float(np.abs(there.astype(int) - sample.a.rgb[y, x]).mean())

    assert error(0, 0) < 0.7 * min(error(0.5, 0), error(-0.5, 0), error(0, 0.5), error(0, -0.5))


def test_nothing_near_a_hole_is_labelled_and_nothing_of_the_fringe_remains():
    """Released: the hole mask is soft and not grown, so that inpainting leaves a fringe."""
    config = replace(SMALL, relight=False, sky=False)
    for seed in range(6):
        sample = lifted(seed, config)
        unfilled = lifted(seed, replace(config, inpaint=False))
        hole = (unfilled.b.rgb == 127).all(-1) & ~unfilled.b.valid
        assert not (hole & sample.b.valid).any()
        plain = lifted(seed, replace(config, inpaint=False, hole_margin=0))
        bare = (plain.b.rgb == 127).all(-1) & ~plain.b.valid
        assert np.array_equal(dilated(bare, SMALL.hole_margin), hole)
        _, backward = both_correspondences(sample)
        assert not (backward.covisible & hole).any()


@pytest.mark.parametrize("size", [(96, 72), (72, 96), (100, 50), (640, 480)])
def test_any_size_not_only_squares_of_512(size):
    config = replace(SMALL, width=size[0], height=size[1], max_enlargement=4.0)
    assert lifted(0, config).b.rgb.shape == (size[1], size[0], 3)


def test_pairs_differ_in_motion_zoom_light_and_place():
    """Released: a single law of motion, 5 to 10 degrees on each axis, always; nothing a camera does to colours."""
    samples = [lifted(seed, replace(SMALL, appearance=AppearanceConfig())) for seed in range(12)]
    applied = [sample.provenance.applied for sample in samples]
    for what, spread in (("rotation_degrees", 3.0), ("zoom", 0.1), ("depth_ratio", 1.5), ("focal", 10.0)):
        assert np.std([record[what] for record in applied]) > spread, what
    assert len({sample.a.rgb.tobytes() for sample in samples}) == 12
    assert np.std([record["a"]["appearance"]["gamma"] - record["b"]["appearance"]["gamma"] for record in applied]) > 0.1
    assert any("noise" in record["a"]["appearance"] for record in applied)
    assert {len(record["b"]["light"]["lamps"]) for record in applied} > {1, 2}


def test_every_option_changes_something():
    """Released: the argument normalize_depth is ignored."""
    other = {
        "width": 90, "height": 60, "motion": "planar", "frame": (1.3, 1.5), "max_enlargement": 0.2, "margin": 0.0,
        "focal": (0.4, 0.5), "depth_ratio": (20.0, 30.0), "plane_tilt": 5.0, "overlap": (0.9, 0.95), "baseline": 0.02,
        "rotation": 1.0, "roll": 90.0, "zoom": 1.01, "max_jump": 5.0, "max_hole": 0.001, "inpaint": False,
        "hole_margin": 6, "relight": False, "light": (0.95, 1.0), "sky": False, "appearance": AppearanceConfig(),
    }  # fmt: skip
    assert other.keys() == {field.name for field in fields(LiftConfig)}
    rgb = texture(240, 320)
    rgb[:60] = (120, 170, 240)
    inverse = hills()
    inverse[:30] = 0.01

    def outcome(config: LiftConfig) -> tuple:
        ready = prepare_photo(rgb, "p", None if config.motion == "planar" else GivenDepth(inverse), config)
        if isinstance(ready, Skip):
            return (ready,)
        pairs = [lift_photo(ready, "k", 0, np.random.default_rng(seed), config, "x", "y") for seed in range(4)]
        return tuple(
            p if isinstance(p, Skip) else (p.a.rgb.tobytes(), p.b.rgb.tobytes(), p.b.valid.tobytes()) for p in pairs
        )

    usual, planar = outcome(SMALL), outcome(replace(SMALL, motion="planar"))
    for name, value in other.items():
        changed = replace(SMALL, **{name: value})
        if name == "plane_tilt":
            assert outcome(replace(changed, motion="planar")) != planar
        else:
            assert outcome(changed) != usual, name


def test_planar_pairs_are_related_by_a_homography():
    config = replace(SMALL, motion="planar", width=160, height=120)
    ready = prepare_photo(texture(240, 320), "p", None, config)
    assert isinstance(ready, Photo)
    for seed in range(4):
        sample = lift_photo(ready, "k", 0, np.random.default_rng(seed), config, "plane", "x")
        assert isinstance(sample, PairSample)
        forward, _ = both_correspondences(sample)
        y, x = np.nonzero(forward.covisible)
        start, end = np.stack([x, y], 1) + 0.5, forward.target[y, x].astype(np.float64)
        h, _ = cv2.findHomography(start, end, 0)
        mapped = cv2.perspectiveTransform(start[None], h)[0]
        assert len(y) > 1000 and np.abs(mapped - end).max() < 0.02


def test_nothing_is_printed(capfd):
    """Released: debugging prints in the data path."""
    lifted()
    said = capfd.readouterr()
    assert said.out == "" and re.fullmatch(r"(compiling .*\n)?", said.err)


def test_every_library_that_is_imported_is_declared():
    """Released: imutils, pytorch3d, diffusers, bpy and more are needed and not named anywhere."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = " ".join(project["dependencies"] + project["optional-dependencies"]["models"]).lower()
    named = {"cv2": "opencv-python-headless", "PIL": "pillow"}
    folder = Path(splatmatch.pairs.lift.__file__).parents[2]
    for path in [*(folder / "pairs" / "lift").rglob("*.py"), *(folder / "priors").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            modules = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            modules += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for module in {module.split(".")[0] for module in modules} - sys.stdlib_module_names - {"splatmatch"}:
                assert named.get(module, module) in declared, f"{path.name} imports {module}"


def grey(height: int, width: int) -> np.ndarray:
    return np.full((height, width, 3), 128, np.uint8)


@pytest.mark.parametrize(
    ("rgb", "inverse", "reason"),
    [
        (texture(10, 10), hills(), TOO_SMALL),
        (texture(240, 20), hills(), TOO_SMALL),
        (np.linspace((90, 140, 220), (170, 200, 240), 240)[:, None].astype(np.uint8).repeat(320, 1), hills(), SKY_ONLY),
        (grey(240, 320), hills(), SKY_ONLY),
    ],
    ids=["10 x 10", "a strip", "all sky", "blank"],
)
def test_photos_that_hold_nothing_are_skipped_with_a_reason(rgb, inverse, reason):
    assert prepare_photo(rgb, "p", GivenDepth(inverse), SMALL) == reason


def test_flat_depth_is_skipped_and_unknown_depth_too():
    ready = prepare_photo(texture(240, 320), "p", GivenDepth(np.full((120, 160), 2.0, np.float32)), SMALL)
    assert isinstance(ready, Photo)
    assert lift_photo(ready, "k", 0, np.random.default_rng(0), SMALL, "x", "y") == FLAT

    class Nothing(GivenDepth):
        def predict(self, rgb, name=""):
            depth = super().predict(rgb)
            return replace(depth, valid=torch.zeros_like(depth.valid))

    assert prepare_photo(texture(240, 320), "p", Nothing(hills()), SMALL) == SKY_ONLY


def test_the_same_seed_gives_the_same_bits_and_another_seed_others():
    first, again, other = lifted(3), lifted(3), lifted(4)
    assert first.b.rgb.tobytes() == again.b.rgb.tobytes() and first.b.depth.tobytes() == again.b.depth.tobytes()
    assert first.b.rgb.tobytes() != other.b.rgb.tobytes()
