"""Light by value: what formulas say of plain scenes, and what may and may not change with the viewer."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from splatmatch.geometry.camera import Camera
from splatmatch.geometry.pose import Pose
from splatmatch.synthetic import ray_cast
from splatmatch.synthetic.building import SceneBuilder
from splatmatch.synthetic.materials import Material, Sky, linear
from tests.synthetic.one import DULL, finished

MATT = Material("fabric", (0.5, 0.4, 0.3), (0.5, 0.4, 0.3), (0.5, 0.4, 0.3), contrast=0.0)
FLAT = Material("leaf", (0.6, 0.6, 0.6), (0.6, 0.6, 0.6), (0.6, 0.6, 0.6))
DARK = Sky((0, 0, 0), (0, 0, 0), clouds=0.0, seed=1, light=0.0)


def decoded(rgb: torch.Tensor, exposure: float) -> np.ndarray:
    """Radiance of a picture below the roll-off of its highlights."""
    encoded = rgb.double().numpy()
    assert encoded.max() < 0.8
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4) / exposure


def floor_from(scene, eye, target, exposure=0.05, size=9):
    camera = Camera.from_fov(size, size, 0.2)
    return decoded(ray_cast(scene, camera, Pose.looking_at(eye, target), samples=1, exposure=exposure).rgb, exposure)


def test_open_ground_is_lit_by_the_whole_sky():
    """Irradiance / pi under an even sky is the sky's radiance."""
    builder = SceneBuilder()
    builder.sheet((0, 0, 0), (4, 4), MATT, rotation=np.eye(3))
    light = finished(builder).light
    upper = light[: len(light) // 2, :3]
    np.testing.assert_allclose(upper, np.broadcast_to(linear(DULL.zenith), upper.shape), rtol=1e-5)


def test_ground_in_a_corner_sees_half_of_the_sky():
    """A tall black wall hides half of the hemisphere from the ground at its foot."""
    builder = SceneBuilder(texel=0.02)
    builder.sheet((0, 0, 0), (0.2, 0.2), MATT, rotation=np.eye(3))
    builder.box((-5.1, 0, 0), (10, 400, 400), Material("plain", (0, 0, 0)))
    scene = finished(builder)
    ground = scene.primitives[:, 28] == 0
    first, nx, ny = scene.primitives[ground, 33:36].astype(int)[0]
    light = scene.light[first : first + nx * ny, :3].mean(0)
    np.testing.assert_allclose(light, 0.5 * np.array(linear(DULL.zenith)), rtol=0.08)


def test_sun_falls_off_with_the_cosine():
    """A matt sheet under the sun alone: albedo x irradiance x cosine, and none behind."""
    radiances = []
    for height in (1.0, 0.5):
        builder = SceneBuilder()
        builder.sheet((0, 0, 0), (2, 2), FLAT, rotation=np.eye(3))
        builder.sun((0, math.sqrt(1 - height * height), height), (1, 1, 1), 2.0, radius=0.0)
        radiances.append(floor_from(finished(builder, DARK), (0.3, 0, 3), (0.3, 0, 0)))
    np.testing.assert_allclose(radiances[0], 2 * radiances[1], rtol=2e-3)


def test_lamp_falls_off_with_the_square():
    """Straight below a small lamp: a quarter of the light at twice the height."""
    radiances = []
    for height in (1.0, 2.0):
        builder = SceneBuilder()
        builder.sheet((0, 0, 0), (2, 2), FLAT, rotation=np.eye(3))
        builder.lamp((0, 0, height), (1, 1, 1), 3.0, radius=0.001)
        radiances.append(floor_from(finished(builder, DARK), (0.001, 0, 5), (0.001, 0, 0)))
    np.testing.assert_allclose(radiances[0], 4 * radiances[1], rtol=2e-3)


def test_shadow_of_a_box_lies_where_the_sun_puts_it():
    """Black inside the shadow of a floating plate, full light outside; a wider sun has a half shadow on its edge."""
    for radius, edge in ((0.0, (0.0, 1.0)), (0.2, (0.2, 0.8))):
        builder = SceneBuilder()
        builder.sheet((0, 0, 0), (6, 6), FLAT, rotation=np.eye(3))
        builder.box((-1, 0, 1), (1, 1, 0.01), FLAT)
        builder.sun((-1, 0, 1), (1, 1, 1), 2.0, radius=radius)
        scene = finished(builder, DARK)
        camera = Camera.from_fov(3, 3, 0.05)

        def at(x, scene=scene, camera=camera):
            pose = Pose.looking_at((x, 0.01, 30), (x, 0.01, 0))
            return float(decoded(ray_cast(scene, camera, pose, samples=4, exposure=0.05).rgb, 0.05)[1, 1, 0])

        full = at(2.5)
        assert at(0.0) < 0.03 * full
        assert edge[0] * full <= at(0.5) <= edge[1] * full


def test_matt_surfaces_look_alike_from_everywhere():
    """A matt sheet has one radiance for all viewers; a varnished one shows its lamp to one of them."""
    eyes = ((0.9, 0, 1.0), (-0.9, 0, 1.0), (0, 0.9, 1.0))
    for shiny in (False, True):
        builder = SceneBuilder()
        skin = FLAT.glossy(0.04, 0.3) if shiny else FLAT
        builder.sheet((0, 0, 0), (4, 4), skin, rotation=np.eye(3))
        builder.lamp((-0.9, 0, 1.0), (1, 1, 1), 1.0, radius=0.05)
        scene = finished(builder, DARK)
        seen = [float(floor_from(scene, eye, (0, 0, 0), exposure=0.3).mean()) for eye in eyes]
        if shiny:
            assert seen[0] > 1.3 * seen[2]
        else:
            assert max(seen) < 1.01 * min(seen)


def test_a_mirror_shows_the_other_side():
    """Chrome reflects a red wall behind the viewer, and nothing of its own colour in the dark."""
    builder = SceneBuilder()
    builder.sheet((0, 0, 0), (4, 4), Material("plain", (1, 1, 1), specular=0.9, roughness=0.05), rotation=np.eye(3))
    builder.sheet((0, 0, 4), (20, 20), Material("plain", (1, 0, 0), emission=0.5), rotation=np.diag([1.0, -1.0, -1.0]))
    seen = floor_from(finished(builder, DARK), (0.2, 0, 2), (0, 0, 0), exposure=0.5)
    assert (seen[..., 0] > 0.3).all()
    assert (seen[..., 1:] < 0.02).all()


@pytest.mark.parametrize("kind", ["room", "table"])
def test_exposure_suits_the_scene(kind, request):
    """Pictures along the walk have the mean value that the scene is exposed for, within a stop or so."""
    from splatmatch.synthetic import camera_path

    scene = request.getfixturevalue(kind)
    views = camera_path(scene, "walk", 6, 0, 64, 48)
    means = [float(ray_cast(scene, v.camera, v.camera_from_world, samples=1).rgb.mean()) for v in views]
    assert abs(np.mean(means) - scene.brightness) < 0.1
