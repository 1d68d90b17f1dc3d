"""Every engine against the reference in float64: images and gradients of every input."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import Tensor

from splatmatch.errors import InputError
from splatmatch.geometry.alignment import Similarity
from splatmatch.geometry.camera import Camera
from splatmatch.geometry.pose import Pose
from splatmatch.scene.gaussians import TENSORS, Gaussians
from splatmatch.scene.render import DepthMode, Quantity, Render
from splatmatch.splats.render import render
from tests.splats.scenes import away_from_cutoff, random_gaussians

CAMERA = Camera(70, 50, 60.0, 57.0, 33.2, 26.1)
POSE = Pose.from_quaternion([0.9, 0.1, -0.2, 0.15], [0.1, -0.05, 0.2])
ENGINES = ["cpu", pytest.param("gsplat", marks=pytest.mark.gpu)]
CASES = [(mode, degree, antialiased) for mode in ("expected", "plane") for degree in (0, 3) for antialiased in (0, 1)]
CASES += [("median", 3, 0), ("first", 0, 0), ("first", 3, 1), ("expected", 1, 0), ("expected", 2, 0)]


@pytest.fixture(autouse=True)
def _needs_cuda(request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("gpu") and not torch.cuda.is_available():
        pytest.skip("needs CUDA and gsplat")


def _device(engine: str) -> str:
    return "cuda" if engine == "gsplat" else "cpu"


def _loss(result: Render, weights: list[Tensor]) -> Tensor:
    maps = [m for m in (result.rgb, result.alpha, result.normal, result.features) if m is not None]
    if result.depth is not None and result.depth_valid is not None:
        maps.append(torch.where(result.depth_valid, result.depth, torch.zeros_like(result.depth)))
    total = torch.zeros((), dtype=torch.float64)
    for values, weight in zip(maps, weights, strict=False):
        channels = values.double().cpu() if values.ndim == 3 else values.double().cpu()[..., None]
        total = total + (channels * weight[..., : channels.shape[-1]]).sum()
    return total


def _gradients(
    truth: Gaussians, engine: str, dtype: torch.dtype, depth: DepthMode, weights: list[Tensor]
) -> dict[str, Tensor]:
    device = _device(engine)
    inputs = dataclasses.replace(
        truth,
        **{name: t.detach().to(device, dtype).clone().requires_grad_() for name, t in truth.tensors().items()},
    )
    features = torch.sin(torch.arange(4 * len(truth), dtype=torch.float64).reshape(-1, 4))
    extra = {
        "background": torch.tensor([0.3, 0.6, 0.1], dtype=dtype, device=device, requires_grad=True),
        "features": features.to(device, dtype).clone().requires_grad_(),
        "pose_tangent": torch.zeros(6, dtype=dtype, device=device, requires_grad=True),
        "screen_offsets": torch.zeros(len(truth), 2, dtype=dtype, device=device, requires_grad=True),
    }
    result = render(inputs, CAMERA, POSE, ("rgb", "depth", "normal"), depth=depth, tau=0.3, engine=engine, **extra)
    _loss(result, weights).backward()
    named = {**inputs.tensors(), **extra}
    gradients = {name: tensor.grad.double().cpu() for name, tensor in named.items() if tensor.grad is not None}
    assert set(gradients) == {*TENSORS, *extra}
    return gradients


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("depth", "degree", "antialiased"), CASES)
def test_gradients_match_float64_autograd(engine: str, depth: DepthMode, degree: int, antialiased: int) -> None:
    """All inputs, pose tangent included; proves nothing at the cut-offs, where the image is not differentiable."""
    truth = away_from_cutoff(random_gaussians(60, degree, seed=3, antialiased=bool(antialiased)), CAMERA, POSE)
    generator = torch.Generator().manual_seed(1)
    weights = [torch.randn(50, 70, 4, generator=generator, dtype=torch.float64) for _ in range(5)]
    expected = _gradients(truth, "reference", torch.float64, depth, weights)
    got = _gradients(truth, engine, torch.float32, depth, weights)
    for name, gradient in expected.items():
        error = (got[name] - gradient).norm() / gradient.norm()
        assert gradient.norm() > 0 and error <= 1e-3, f"{name}: relative error {error:.1e}"


def test_reference_gradients_match_finite_differences() -> None:
    """The oracle itself, intrinsics included, on a scene whose alphas stay clear of every threshold."""
    truth = away_from_cutoff(random_gaussians(6, 1, seed=5), CAMERA, POSE)
    weight = torch.randn(50, 70, 5, generator=torch.Generator().manual_seed(2), dtype=torch.float64)

    def objective(*tensors: Tensor) -> Tensor:
        gaussians = Gaussians(*tensors[:5])
        result = render(
            gaussians,
            CAMERA,
            POSE,
            ("rgb", "depth"),
            engine="reference",
            pose_tangent=tensors[5],
            intrinsics=tensors[6],
        )
        return (torch.cat([result.rgb, result.alpha[..., None]], dim=-1) * weight[..., :4]).sum()

    values = [t.clone().requires_grad_() for t in truth.tensors().values()]
    values += [torch.zeros(6, dtype=torch.float64, requires_grad=True), CAMERA.intrinsics.requires_grad_()]
    gradients = torch.autograd.grad(objective(*values), values)
    generator = torch.Generator().manual_seed(4)
    for k, (value, gradient) in enumerate(zip(values, gradients, strict=True)):
        direction = torch.randn(value.shape, generator=generator, dtype=torch.float64)
        step = 1e-7 * direction
        with torch.no_grad():
            plus = objective(*[v + step if j == k else v for j, v in enumerate(values)])
            minus = objective(*[v - step if j == k else v for j, v in enumerate(values)])
        slope = (gradient * direction).sum()
        assert abs((plus - minus) / 2e-7 - slope) <= 2e-4 * (1 + slope.abs())


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("depth", ["expected", "median", "first", "plane"])
@pytest.mark.parametrize("antialiased", [False, True])
def test_images_match_reference(engine: str, depth: DepthMode, antialiased: bool) -> None:
    """All maps within 1e-4 on a scene without alphas at the cut-off; sizes that are no multiple of the tile."""
    truth = away_from_cutoff(random_gaussians(150, 3, seed=8, antialiased=antialiased), CAMERA, POSE)
    features = torch.randn(len(truth), 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    want = ("rgb", "depth", "normal", "radii")
    device = _device(engine)
    expected = render(truth, CAMERA, POSE, want, depth=depth, tau=0.4, features=features, top_k=3, engine="reference")
    got = render(
        truth.to(torch.float32).to(device), CAMERA, POSE, want, depth=depth, tau=0.4,
        features=features.float().to(device), top_k=3, engine=engine,
    )  # fmt: skip
    for name in ("rgb", "alpha", "normal", "features", "top_weights"):
        assert torch.allclose(getattr(got, name).double().cpu(), getattr(expected, name), atol=1e-4), name
    assert (got.depth_valid.cpu() == expected.depth_valid).double().mean() > 0.999
    valid = got.depth_valid.cpu() & expected.depth_valid
    assert ((got.depth.cpu() - expected.depth).abs() <= 1e-4 * expected.depth.abs())[valid].double().mean() > 0.999
    clear = (expected.top_weights[..., :-1] - expected.top_weights[..., 1:]).amin(-1) > 1e-4
    assert clear.any() and (got.top_ids.cpu()[clear] == expected.top_ids[clear]).all()
    assert ((got.radii.cpu() > 0) == (expected.radii > 0)).double().mean() > 0.98


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("want", "depth"), [
    (("alpha",), "expected"), (("normal",), "expected"), (("rgb",), "expected"),
    (("depth",), "expected"), (("depth",), "median"), (("depth",), "first"), (("depth",), "plane"),
])  # fmt: skip
def test_a_single_map_is_the_one_among_all(engine: str, want: tuple[Quantity, ...], depth: DepthMode) -> None:
    """What is not asked for is not made, and does not change what is: value and gradient of each map on its own."""
    truth = away_from_cutoff(random_gaussians(60, 1, seed=11), CAMERA, POSE)
    weights = [torch.randn(50, 70, 4, generator=torch.Generator().manual_seed(6), dtype=torch.float64)] * 2

    def single(name: str, dtype: torch.dtype) -> tuple[Render, dict[str, Tensor]]:
        leaves = {k: t.detach().to(_device(name), dtype).clone().requires_grad_() for k, t in truth.tensors().items()}
        result = render(dataclasses.replace(truth, **leaves), CAMERA, POSE, want, depth=depth, tau=0.3, engine=name)
        _loss(result, weights).backward()
        return result, {k: t.grad.double().cpu() for k, t in leaves.items() if t.grad is not None}

    expected, expected_gradients = single("reference", torch.float64)
    got, gradients = single(engine, torch.float32)
    for name in ("rgb", "depth", "normal", "features", "top_ids", "radii"):
        assert (getattr(got, name) is not None) == (name in want), name
    for name in want:
        value = torch.where(got.depth_valid, got.depth, 0.0) if name == "depth" else getattr(got, name)
        truth_value = (
            torch.where(expected.depth_valid, expected.depth, 0.0) if name == "depth" else getattr(expected, name)
        )
        close = (value.double().cpu() - truth_value).abs() <= 1e-4 * truth_value.abs().clamp(min=1.0)
        assert close.double().mean() > 0.999, name
    for name, gradient in expected_gradients.items():
        if gradient.norm() > 0:
            assert (gradients[name] - gradient).norm() <= 1e-3 * gradient.norm(), name


@pytest.mark.parametrize("engine", ["reference", *ENGINES])
@pytest.mark.parametrize("side", [1.0, -1.0])
def test_nearer_of_two_opaque_gaussians_hides_the_other(engine: str, side: float) -> None:
    """From both sides: a wrong depth order stays invisible to a training loss, because fits adapt to it."""
    means = torch.tensor([[0.0, 0.0, 0.3], [0.0, 0.0, -0.3]])
    sh = torch.tensor([[[1.7, -1.7, -1.7]], [[-1.7, 1.7, -1.7]]])  # red in front of side +1, green in front of side -1
    splat = Gaussians(
        means, torch.full((2, 3), -2.0), torch.tensor([[1.0, 0, 0, 0]] * 2), torch.tensor([6.0, 6.0]), sh
    ).to(_device(engine))
    camera = Camera.from_fov(33, 33, 40.0)
    pose = Pose.looking_at((0.0, 0.0, 3.0 * side), (0.0, 0.0, 0.0), up=(0.0, 1.0, 0.0))
    result = render(splat, camera, pose, ("rgb", "depth"), depth="median", top_k=2, engine=engine)
    red, green, _ = result.rgb[16, 16].tolist()
    assert (red > 0.9 and green < 0.05) if side > 0 else (green > 0.9 and red < 0.05)
    assert result.top_ids[16, 16, 0] == (0 if side > 0 else 1)
    assert abs(float(result.depth[16, 16]) - 2.7) < 1e-4


@pytest.mark.parametrize("engine", ["reference", "cpu"])
def test_moving_the_world_does_not_change_the_image(engine: str) -> None:
    """A similarity applied to splat (SH bands included) and camera leaves colour and alpha, scales depth."""
    splat = random_gaussians(80, 3, seed=2)
    rotation = Pose.from_quaternion([0.3, -0.5, 0.7, 0.2], [0, 0, 0]).rotation
    move = Similarity(2.5, rotation, torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64))
    before = render(splat, CAMERA, POSE, ("rgb", "depth", "normal"), engine=engine)
    after = render(splat.transformed(move), CAMERA, move.apply_pose(POSE), ("rgb", "depth", "normal"), engine=engine)
    close = {"reference": 1e-9, "cpu": 1e-4}[engine]
    agree = ((after.rgb - before.rgb).abs().amax(-1) < close) & ((after.alpha - before.alpha).abs() < close)
    agree &= (after.normal - before.normal).abs().amax(-1) < close
    assert agree.double().mean() > 0.999
    both = before.depth_valid & after.depth_valid & agree
    assert torch.allclose(after.depth[both], 2.5 * before.depth[both], rtol=10 * close)


def test_cpu_bits_do_not_depend_on_the_number_of_threads() -> None:
    """Image and every gradient, bit by bit, with one and with two threads."""
    truth = random_gaussians(3000, 2, seed=1).to(torch.float32)
    weights = [
        torch.randn(50, 70, 4, generator=torch.Generator().manual_seed(k), dtype=torch.float64) for k in range(5)
    ]
    threads = torch.get_num_threads()
    results = []
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            results.append(_gradients(truth, "cpu", torch.float32, "expected", weights))
    finally:
        torch.set_num_threads(threads)
    for name, gradient in results[0].items():
        assert torch.equal(gradient, results[1][name]), name


@pytest.mark.parametrize("engine", ["reference", "cpu"])
@pytest.mark.parametrize("kind", ["none", "behind", "transparent", "aside"])
def test_nothing_to_see_gives_background_and_zero_gradients(engine: str, kind: str) -> None:
    """No Gaussians, or none that reaches the image: the background, invalid depth, zero gradients."""
    splat = random_gaussians(0 if kind == "none" else 5, 1).to(torch.float32)
    means, logits = splat.means.clone(), splat.logit_opacities.clone()
    if kind == "behind":
        means[:, 2] = -means[:, 2].abs() - 5
    elif kind == "aside":
        means[:, 0] += 500
    elif kind == "transparent":
        logits[:] = -20
    splat = dataclasses.replace(splat, means=means.requires_grad_(), logit_opacities=logits)
    background = torch.tensor([0.2, 0.4, 0.8])
    result = render(splat, CAMERA, Pose.identity(), ("rgb", "depth"), background=background, top_k=2, engine=engine)
    assert torch.equal(result.rgb, background.expand(50, 70, 3)) and not result.depth_valid.any()
    assert (result.top_ids == -1).all() and not result.alpha.any()
    if len(splat):
        result.rgb.sum().backward()
        assert means.grad is not None and float(means.grad.abs().max()) == 0


def test_extreme_gaussians_stay_finite() -> None:
    """Huge, needle-thin, at the near plane, unnormalised quaternions: finite images and gradients."""
    splat = Gaussians(
        means=torch.tensor([[0.0, 0, 0.0101], [0, 0, 2], [5, 5, 0.02], [0, 0, 1e4], [0.1, 0, 1.5]]),
        log_scales=torch.tensor([[-1.0] * 3, [8.0, -12, -12], [2.0] * 3, [9.0] * 3, [-15.0] * 3]),
        quaternions=torch.tensor([[1e-6, 0, 0, 0], [1e4, 3e3, 1, 0], [1.0, 2, 3, 4], [1.0, 0, 0, 0], [0.0, 0, 0, 1]]),
        logit_opacities=torch.tensor([3.0, 20.0, -1.0, 30.0, 5.0]),
        sh=torch.full((5, 4, 3), 0.2),
        antialiased=True,
    )
    inputs = [tensor.requires_grad_() for tensor in splat.tensors().values()]
    result = render(splat, CAMERA, Pose.identity(), ("rgb", "depth", "normal"), depth="plane", engine="cpu")
    (result.rgb.sum() + result.depth[result.depth_valid].sum() + result.normal.sum()).backward()
    assert torch.isfinite(result.rgb).all()
    assert all(torch.isfinite(tensor.grad).all() for tensor in inputs)


def test_wrong_requests_are_refused_in_one_line() -> None:
    """Unknown engine, quantity and depth mode; tensors of the wrong shape."""
    splat = random_gaussians(3, 0)
    for arguments in (
        {"engine": "cuda"},
        {"want": ("colour",)},
        {"depth": "mean"},
        {"background": torch.zeros(4)},
        {"features": torch.zeros(2, 1)},
    ):
        with pytest.raises(InputError) as caught:
            render(splat, CAMERA, POSE, **arguments)
        assert "\n" not in str(caught.value)
