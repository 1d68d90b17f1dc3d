"""Photos: pixel values by kind of file, orientation by a dot, EXIF focal lengths by value, and damaged files."""

from __future__ import annotations

import contextlib
import warnings
import zlib

import cv2
import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from PIL import Image

from splatmatch.errors import FormatError, InputError, OutputError
from splatmatch.formats.exif import EXIF_IFD
from splatmatch.formats.images import list_photos, read_image, read_image_float, read_photo_info, write_image
from tests.formats.examples import photo

SUFFIXES = ["jpg", "png", "tif", "webp"]


def noise(height=48, width=64, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def smooth(height=48, width=64):
    y, x = np.mgrid[:height, :width]
    return np.stack([x * 255 // width, y * 255 // height, (x + y) % 64], axis=2).astype(np.uint8)


def test_png_round_trip_is_exact_and_jpeg_close(tmp_path):
    pixels = smooth()
    write_image(tmp_path / "a.png", pixels)
    write_image(tmp_path / "a.JPG", pixels)
    assert np.array_equal(read_image(tmp_path / "a.png"), pixels)
    assert np.abs(read_image(tmp_path / "a.JPG").astype(int) - pixels).mean() < 2


def test_floats_are_clipped_and_rounded(tmp_path):
    values = np.array([[[-1, 0, 0.5], [1, 2, np.nan]]], dtype=np.float64)
    write_image(tmp_path / "a.png", values)
    assert read_image(tmp_path / "a.png").tolist() == [[[0, 0, 128], [255, 255, 0]]]
    assert read_image_float(tmp_path / "a.png").dtype == np.float32
    assert read_image_float(tmp_path / "a.png").max() == 1


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bits_become_eight(tmp_path, suffix):
    """cv2 writes the 16-bit files: colour and grey."""
    wide = (noise().astype(np.uint16) << 8) + 77
    cv2.imwrite(str(tmp_path / f"rgb.{suffix}"), wide[..., ::-1])
    cv2.imwrite(str(tmp_path / f"grey.{suffix}"), wide[..., 0])
    assert np.array_equal(read_image(tmp_path / f"rgb.{suffix}"), wide >> 8)
    grey = read_image(tmp_path / f"grey.{suffix}")
    assert np.array_equal(grey, np.repeat(wide[..., :1] >> 8, 3, axis=2))


def test_grey_palette_and_one_bit(tmp_path):
    pixels = noise()
    Image.fromarray(pixels[..., 0]).save(tmp_path / "grey.png")
    Image.fromarray(pixels).quantize(16).save(tmp_path / "palette.png")
    Image.fromarray(pixels[..., 0] > 127).save(tmp_path / "bit.png")
    assert np.array_equal(read_image(tmp_path / "grey.png"), np.repeat(pixels[..., :1], 3, axis=2))
    assert len(np.unique(read_image(tmp_path / "palette.png").reshape(-1, 3), axis=0)) <= 16
    assert set(np.unique(read_image(tmp_path / "bit.png"))) == {0, 255}


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparency_shows_white(tmp_path, mode):
    image = Image.new(mode, (3, 1), 0)
    image.putdata([(200,) * (len(mode) - 1) + (alpha,) for alpha in (0, 255, 128)])
    image.save(tmp_path / "a.png")
    row = read_image(tmp_path / "a.png")[0, :, 0].tolist()
    assert row[:2] == [255, 200]
    assert abs(row[2] - 227) <= 1


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_puts_the_dot_where_exif_says(tmp_path, suffix, orientation):
    """A bright block at the stored top left; EXIF says which corner that is (row 0 and column 0 of the scene)."""
    corners = {1: (0, 0), 2: (0, 1), 3: (1, 1), 4: (1, 0), 5: (0, 0), 6: (0, 1), 7: (1, 1), 8: (1, 0)}
    stored = np.zeros((32, 48, 3), np.uint8)
    stored[:8, :16] = 255
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(stored).save(path, exif=exif, **({"lossless": True} if suffix == "webp" else {}))
    upright = read_image(path)
    info = read_photo_info(path)
    swapped = orientation >= 5
    assert upright.shape[:2] == ((48, 32) if swapped else (32, 48)) == (info.height, info.width)
    height, width = (16, 8) if swapped else (8, 16)
    bottom, right = corners[orientation]
    corner = upright[-height:] if bottom else upright[:height]
    corner = corner[:, -width:] if right else corner[:, :width]
    assert corner.mean() > 250
    assert upright.astype(int).sum() < 256 * 3 * height * width * 1.05
    if suffix != "tif":
        assert (info.stored_width, info.stored_height) == (48, 32)
        assert read_image(path, upright=False)[:8, :16].mean() > 250


def with_exif(path, size, tags, orientation=1):
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif.get_ifd(EXIF_IFD).update(tags)
    Image.new("RGB", size).save(path, exif=exif)
    return read_photo_info(path).focal


@pytest.mark.parametrize("orientation", [1, 6])
def test_focal_of_the_film_equivalent(tmp_path, orientation):
    """28 mm on a 43.27 mm diagonal, 400 x 300 pixels: 28 / 43.2666 * 500."""
    focal = with_exif(tmp_path / "a.jpg", (400, 300), {0xA405: 28}, orientation)
    assert focal == pytest.approx(323.58, abs=0.01)


def test_focal_of_the_focal_plane_resolution(tmp_path):
    """A 35 mm lens with 100 pixels a millimetre at 4000 pixels; the file is a tenth of that: 350 pixels."""
    tags = {0x920A: 35.0, 0xA20E: 100 * 25.4, 0xA210: 2, 0xA002: 4000, 0xA003: 3000}
    assert with_exif(tmp_path / "a.jpg", (400, 300), tags) == pytest.approx(350, rel=1e-4)
    assert with_exif(tmp_path / "b.jpg", (400, 300), {**tags, 0xA20E: 1000.0, 0xA210: 3}) == pytest.approx(
        350, rel=1e-4
    )


@pytest.mark.parametrize(
    "tags", [{}, {0xA405: 0}, {0xA405: 60000}, {0x920A: 35.0}, {0x920A: 5.0, 0xA20E: 100.0, 0xA210: 9}]
)
def test_no_or_absurd_focal_is_none(tmp_path, tags):
    assert with_exif(tmp_path / "a.jpg", (400, 300), tags) is None


def test_damaged_exif_does_not_cost_the_photo(tmp_path):
    path = tmp_path / "a.jpg"
    Image.fromarray(smooth()).save(path, exif=b"Exif\0\0MM\0*\xff\xff\xff\xff")
    assert read_image(path).shape == (48, 64, 3)
    assert read_photo_info(path).focal is None


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_truncation_is_one_clear_error(tmp_path, suffix):
    """Whatever is cut off: a FormatError that names the file, never another exception."""
    path = tmp_path / f"whole.{suffix}"
    Image.fromarray(noise()).save(path)
    data = path.read_bytes()
    cut = tmp_path / f"cut.{suffix}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of the damaged TIFF directory
        for length in (0, 1, 3, 8, 20, 50, *range(100, int(0.98 * len(data)), len(data) // 23)):
            cut.write_bytes(data[:length])
            with pytest.raises(FormatError, match=f"cut.{suffix}") as error:
                read_image(cut)
            assert "\n" not in str(error.value)


@settings(max_examples=60)
@given(st.sampled_from(SUFFIXES), st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=8))
def test_flipped_bytes_give_an_image_or_a_format_error(tmp_path_factory, suffix, changes):
    folder = tmp_path_factory.mktemp("flip")
    path = folder / f"a.{suffix}"
    Image.fromarray(smooth(24, 32)).save(path)
    data = bytearray(path.read_bytes())
    for place, value in changes:
        data[int(place * (len(data) - 1))] = value
    path.write_bytes(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for read in (read_image, read_photo_info):
            with contextlib.suppress(FormatError):
                read(path)


def test_absurd_sizes_are_refused_and_large_photos_are_not(tmp_path):
    """200 million pixels pass without a warning; a header that states 10^10 is refused before pixels are allocated."""
    Image.new("1", (20000, 10000)).save(tmp_path / "large.png")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_photo_info(tmp_path / "large.png").width == 20000
    data = bytearray((tmp_path / "large.png").read_bytes())
    data[16:24] = (100_000).to_bytes(4, "big") * 2
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    (tmp_path / "absurd.png").write_bytes(data)
    for read in (read_image, read_photo_info):
        with pytest.raises(FormatError, match=r"absurd.png: states 100000 x 100000"):
            read(tmp_path / "absurd.png")


def test_a_file_is_told_by_content_and_others_are_refused(tmp_path):
    Image.fromarray(smooth()).save(tmp_path / "real.png")
    (tmp_path / "named.jpg").write_bytes((tmp_path / "real.png").read_bytes())
    assert np.array_equal(read_image(tmp_path / "named.jpg"), smooth())
    (tmp_path / "text.jpg").write_text("hello")
    with pytest.raises(FormatError, match=r"text.jpg: not a readable"):
        read_image(tmp_path / "text.jpg")
    with pytest.raises(InputError, match=r"none.jpg: no such image"):
        read_image(tmp_path / "none.jpg")
    with pytest.raises(InputError, match="cannot be opened"):
        read_image(tmp_path)


def test_photos_of_a_folder(tmp_path):
    for name in ("b.JPG", "a.png", "sub/c.webp", "sub/deep/d.tiff", ".hidden.jpg", ".git/e.jpg", "notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    assert list_photos(tmp_path) == ("a.png", "b.JPG", "sub/c.webp", "sub/deep/d.tiff")
    (tmp_path / "a\nb.jpg").write_bytes(b"")
    with pytest.raises(FormatError, match="no name of an image"):
        list_photos(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no photos"):
        list_photos(tmp_path / "empty")
    with pytest.raises(InputError, match="no such folder"):
        list_photos(tmp_path / "none")


def test_what_cannot_be_written_is_said(tmp_path):
    pixels = smooth()
    with pytest.raises(InputError, match="written as"):
        write_image(tmp_path / "a.webp", pixels)
    for bad in (pixels.astype(np.int32), pixels[..., :2], np.zeros((0, 5, 3), np.uint8)):
        with pytest.raises(ValueError, match="an image"):
            write_image(tmp_path / "a.png", bad)
    photo(tmp_path / "file.png")
    with pytest.raises(OutputError, match="in the way"):
        write_image(tmp_path / "file.png" / "a.png", pixels)
    assert [path.name for path in tmp_path.iterdir()] == ["file.png"]  # nothing half-written
