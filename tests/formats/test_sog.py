"""SOG: written here by its own description in both versions, read back by value; damage and escapes refused."""

from __future__ import annotations

import json
import shutil
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image

from splatmatch.errors import FormatError, InputError
from splatmatch.formats.sog import is_sog_folder, read_sog
from tests.conftest import data_folder
from tests.formats.examples import splat

SIDE = 8
COUNT = 50


def image(folder, name, columns):
    """(N, 3 or 4) bytes as the pixels of a lossless WebP of at least COUNT pixels."""
    pixels = np.full((SIDE * SIDE, 4), 255, np.uint8)
    pixels[: len(columns), : columns.shape[1]] = columns
    Image.fromarray(pixels.reshape(SIDE, SIDE, 4)).save(folder / name, lossless=True, exact=True)
    return name


def levels(values, steps, low, high):
    return np.rint((values - low) / (high - low) * steps).astype(np.int64)


def write_sog(folder, gaussians, version, degree=0):
    """The layout in the module's table, from its formulas."""
    folder.mkdir(parents=True, exist_ok=True)
    arrays = {name: tensor.double().numpy() for name, tensor in gaussians.tensors().items()}
    logs = np.sign(arrays["means"]) * np.log1p(np.abs(arrays["means"]))
    low, high = logs.min(0), logs.max(0)
    fixed = levels(logs, 65535, low, high)
    files = [image(folder, "means_l.webp", fixed & 255), image(folder, "means_u.webp", fixed >> 8)]
    meta = {"means": {"mins": low.tolist(), "maxs": high.tolist(), "files": files}}

    unit = arrays["quaternions"] / np.linalg.norm(arrays["quaternions"], axis=1, keepdims=True)
    packed = np.zeros((len(unit), 4), np.int64)
    for row, quaternion in enumerate(unit):
        largest = int(np.abs(quaternion).argmax())
        three = np.delete(quaternion * np.sign(quaternion[largest]), largest)
        packed[row] = [*np.rint((three * np.sqrt(2) + 1) / 2 * 255), 252 + largest]
    meta["quats"] = {"files": [image(folder, "quats.webp", packed)]}

    dc, scales, logits = arrays["sh"][:, 0], arrays["log_scales"], arrays["logit_opacities"]
    if version == 1:
        low, high = scales.min(0), scales.max(0)
        meta["scales"] = {"mins": low.tolist(), "maxs": high.tolist()}
        scale_bytes = levels(scales, 255, low, high)
        colour = np.concatenate([dc, logits[:, None]], axis=1)
        low, high = colour.min(0), colour.max(0)
        meta["sh0"] = {"mins": low.tolist(), "maxs": high.tolist()}
        colour_bytes = levels(colour, 255, low, high)
        meta["means"]["shape"] = [len(unit), 3]
    else:
        book = np.linspace(scales.min(), scales.max(), 256)
        meta["scales"] = {"codebook": book.tolist()}
        scale_bytes = np.abs(scales[..., None] - book).argmin(-1)
        book = np.linspace(dc.min(), dc.max(), 256)
        meta["sh0"] = {"codebook": book.tolist()}
        opacity = np.rint(255 / (1 + np.exp(-logits)))[:, None]
        colour_bytes = np.concatenate([np.abs(dc[..., None] - book).argmin(-1), opacity], axis=1)
        meta |= {"version": 2, "count": len(unit)}
        if gaussians.antialiased:
            meta["model"] = "antialiased"
    meta["scales"]["files"] = [image(folder, "scales.webp", scale_bytes)]
    meta["sh0"]["files"] = [image(folder, "sh0.webp", colour_bytes)]

    if degree:
        size, entries = (degree + 1) ** 2 - 1, 70  # two rows of the palette
        palette = np.random.default_rng(0).integers(0, 256, (128, size, 3), dtype=np.uint8)
        labels = np.arange(len(unit)) % entries
        Image.fromarray(palette.reshape(2, 64 * size, 3)).save(folder / "shN_centroids.webp", lossless=True)
        names = ["shN_centroids.webp", image(folder, "shN_labels.webp", np.stack([labels & 255, labels >> 8], 1))]
        book = np.linspace(-0.5, 0.5, 256)
        meta["shN"] = {"files": names, "mins": -0.5, "maxs": 0.5}
        if version == 2:
            meta["shN"] |= {"codebook": book.tolist(), "count": entries, "bands": degree}
        gaussians.sh[:, 1:] = torch.tensor(book[palette[labels]])
    (folder / "meta.json").write_text(json.dumps(meta))
    return folder


@pytest.mark.parametrize("degree", range(4))
@pytest.mark.parametrize("version", [1, 2])
def test_both_versions_by_value(tmp_path, version, degree):
    gaussians = splat(COUNT, degree)
    read = read_sog(write_sog(tmp_path / "a", gaussians, version, degree))
    logs = gaussians.means.sign() * gaussians.means.abs().log1p()
    step = (logs.amax(0) - logs.amin(0)) / 65535
    read_logs = read.means.sign() * read.means.abs().log1p()
    assert ((read_logs - logs).abs() <= 0.51 * step + 1e-6).all()
    extent = gaussians.log_scales.max() - gaussians.log_scales.min()
    assert (read.log_scales - gaussians.log_scales).abs().max() <= 0.51 * extent / 255 + 1e-5
    extent = gaussians.sh[:, 0].max() - gaussians.sh[:, 0].min()
    assert (read.sh[:, 0] - gaussians.sh[:, 0]).abs().max() <= 0.51 * extent / 255 + 1e-5
    torch.testing.assert_close(read.sh[:, 1:], gaussians.sh[:, 1:], atol=1e-6, rtol=0)
    assert (read.opacities - gaussians.opacities).abs().max() < 0.02
    unit = gaussians.quaternions / gaussians.quaternions.norm(dim=1, keepdim=True)
    assert torch.rad2deg(2 * torch.acos((unit * read.quaternions).sum(1).abs().clamp(max=1))).max() < 1


def test_the_antialias_tag(tmp_path):
    assert read_sog(write_sog(tmp_path / "a", splat(COUNT, antialiased=True), 2)).antialiased
    assert not read_sog(write_sog(tmp_path / "b", splat(COUNT), 2)).antialiased


@pytest.mark.parametrize("prefix", ["", "scene/"])
def test_zipped(tmp_path, prefix):
    folder = write_sog(tmp_path / "a", splat(COUNT), 2)
    with zipfile.ZipFile(tmp_path / "a.sog", "w") as archive:
        for path in folder.iterdir():
            archive.write(path, prefix + path.name)
    assert torch.equal(read_sog(tmp_path / "a.sog").means, read_sog(folder).means)
    assert torch.equal(read_sog(folder / "meta.json").means, read_sog(folder).means)
    data = (tmp_path / "a.sog").read_bytes()
    for length in range(0, len(data), 777):
        (tmp_path / "cut.sog").write_bytes(data[:length])
        with pytest.raises(FormatError, match=r"cut\.sog"):
            read_sog(tmp_path / "cut.sog")


def test_chunks_of_the_finest_level_are_joined(tmp_path):
    parts = {"1_0": splat(10, seed=1), "1_10": splat(20, seed=2), "1_2": splat(30, seed=3), "2_0": splat(5, seed=4)}
    for name, gaussians in parts.items():
        write_sog(tmp_path / name, gaussians, 2)
    assert is_sog_folder(tmp_path)
    joined = read_sog(tmp_path)
    assert len(joined) == 60
    assert torch.equal(joined.means[10:40], read_sog(tmp_path / "1_2").means)


def test_a_null_in_a_codebook_is_repaired(tmp_path):
    folder = write_sog(tmp_path / "a", splat(COUNT), 2)
    meta = json.loads((folder / "meta.json").read_text())
    book = meta["scales"]["codebook"]
    meta["scales"]["codebook"] = [None, *book[1:]]
    (folder / "meta.json").write_text(json.dumps(meta))
    assert torch.isfinite(read_sog(folder).log_scales).all()


@pytest.mark.parametrize("name", ["../secret.webp", "/etc/secret.webp", "sub/secret.webp", ".hidden.webp", ""])
def test_files_outside_the_folder_are_not_opened(tmp_path, name):
    folder = write_sog(tmp_path / "a", splat(COUNT), 2)
    shutil.copy(folder / "quats.webp", tmp_path / "secret.webp")
    meta = json.loads((folder / "meta.json").read_text())
    meta["quats"]["files"] = [name]
    (folder / "meta.json").write_text(json.dumps(meta))
    with pytest.raises(FormatError, match="does not name files beside"):
        read_sog(folder)


def change(*path, value):
    def edit(meta):
        for key in path[:-1]:
            meta = meta[key]
        if value is None:
            del meta[path[-1]]
        else:
            meta[path[-1]] = value

    return edit


@pytest.mark.parametrize(
    "edit",
    [
        change("version", value=3),
        change("count", value=4_000_000_000),
        change("count", value=65),
        change("count", value="many"),
        change("means", value=None),
        change("quats", "files", value=[]),
        change("means", "mins", value=["a", 0, 0]),
        change("means", "maxs", value=[1.0, 2.0]),
        change("scales", "codebook", value=[0.0] * 7),
        change("sh0", "codebook", value=["x"] * 256),
        change("sh0", "codebook", value=[10**400] * 256),
        change("means", "maxs", value=[10**400, 1, 1]),
        change("shN", "files", 0, value="sh0.webp"),
        change("quats", "files", 0, value="sh0.webp"),
    ],
)
def test_damaged_descriptions(tmp_path, edit):
    folder = write_sog(tmp_path / "a", splat(COUNT, 1), 2, degree=1)
    meta = json.loads((folder / "meta.json").read_text())
    edit(meta)
    (folder / "meta.json").write_text(json.dumps(meta))
    with pytest.raises(FormatError, match="damaged SOG"):
        read_sog(folder)


def test_missing_and_truncated_images(tmp_path):
    folder = write_sog(tmp_path / "a", splat(COUNT), 2)
    data = (folder / "sh0.webp").read_bytes()
    (folder / "sh0.webp").write_bytes(data[: len(data) // 2])
    with pytest.raises(FormatError, match=r"sh0\.webp is not a readable"):
        read_sog(folder)
    (folder / "sh0.webp").unlink()
    with pytest.raises(InputError, match=r"sh0\.webp: no such file"):
        read_sog(folder)
    assert not is_sog_folder(tmp_path)
    with pytest.raises(InputError, match=r"meta\.json: no such file"):
        read_sog(tmp_path)


@pytest.mark.data
def test_real_scenes():
    rock = read_sog(data_folder("gs_rock_sog") / "sog")
    assert (len(rock), rock.sh_degree) == (185_761, 3)
    assert 0.003 < rock.sh[:, 1:].abs().mean() < 0.01
    assert (rock.means.abs().amax(0) < torch.tensor([3.0, 1.0, 3.0])).all()
    garden = read_sog(data_folder("gs_garden_lod2") / "sog")
    assert (len(garden), garden.sh_degree) == (843_068, 0)
    heights = garden.means[:, 2].sort().values
    assert heights[len(heights) // 20] > -1.6  # +z is up: 90 % lie between the ground and the roofs
    assert heights[-len(heights) // 20] < 20.5
