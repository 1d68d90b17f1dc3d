"""Photos: reading, writing, listing a folder, and what their header says.

Convention: pixels are sRGB-encoded as stored, never linearised; row 0 is the top. Colour profiles are not applied.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.Image import Exif, Transpose
from PIL.ImageFile import ImageFile

from splatmatch.errors import FormatError, InputError
from splatmatch.files import atomic_path
from splatmatch.formats.exif import focal_from_exif, orientation
from splatmatch.formats.image_names import checked_name

SUFFIXES = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp")
"""Suffixes of the photos we read, in lower case; the content decides how."""
MAX_PIXELS = 300_000_000
"""Larger photos are refused: their header is wrong, or they would not fit into memory."""
_TURNS = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}
"""What turns a photo upright, by EXIF orientation."""


@dataclass(frozen=True)
class PhotoInfo:
    """What the header of a photo says."""

    width: int
    """Pixels, after the EXIF orientation is applied."""
    height: int
    """Pixels, after the EXIF orientation is applied."""
    stored_width: int
    """Pixels as stored, before the orientation is applied."""
    stored_height: int
    """Pixels as stored, before the orientation is applied."""
    focal: float | None
    """Focal length in pixels of this file by EXIF; None where EXIF does not say."""
    upright: bool = True
    """The stored pixels need no turning or flipping."""


def list_photos(folder: Path) -> tuple[str, ...]:
    """Names of the photos in ``folder`` and below it, with '/' as separator, sorted; hidden files are skipped.

    Raises:
        InputError: no such folder, or no photo in it.
        FormatError: a name with control characters or backslashes, which other files could not hold.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder")
    names = []
    for root, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        names += [
            (Path(root) / name).relative_to(folder).as_posix()
            for name in files
            if not name.startswith(".") and name.lower().endswith(SUFFIXES)
        ]
    if not names:
        raise InputError(f"{folder}: holds no photos", f"give a folder with {', '.join(SUFFIXES)} files")
    for name in names:
        if checked_name(name, str(folder)) != name:
            raise FormatError(f"{folder}: {name!r} holds a backslash", "rename the photo")
    return tuple(sorted(names))


def read_photo_info(path: Path) -> PhotoInfo:
    """Size and EXIF focal length of a photo, from its header alone.

    Raises:
        InputError: there is no such file.
        FormatError: the header cannot be read, or states an absurd size.
    """
    with _open(path) as file:
        image = _header(file, path)
        exif = _exif(image)
        if image.format == "TIFF":  # Pillow turns these itself
            width, height = image.size
            return PhotoInfo(width, height, width, height, focal_from_exif(exif, width, height))
        turn = orientation(exif)
        width, height = image.size[::-1] if turn >= 5 else image.size
        return PhotoInfo(width, height, *image.size, focal_from_exif(exif, width, height), upright=turn == 1)


def read_image(path: Path, *, upright: bool = True) -> NDArray[np.uint8]:
    """A photo as (H, W, 3) uint8.

    Grey is repeated, transparency is composited over white, 16-bit values are cut to 8 bits.

    Args:
        path: the file.
        upright: apply the EXIF orientation; False gives the pixels as stored (but for TIFF, which is always upright).

    Raises:
        InputError: there is no such file.
        FormatError: the file is truncated, damaged, not an image, or absurdly large.
    """
    with _open(path) as file:
        image = _header(file, path)
        try:
            image.load()
            turn = _TURNS.get(orientation(_exif(image))) if upright and image.format != "TIFF" else None
            return _rgb(image if turn is None else image.transpose(turn))
        except Exception as error:  # decoders raise nearly anything on damaged files
            raise FormatError(f"{path}: the image is truncated or damaged ({error})", "replace or remove it") from error


def read_image_float(path: Path, *, upright: bool = True) -> NDArray[np.float32]:
    """A photo as (H, W, 3) float32 in 0..1; otherwise as ``read_image``."""
    return read_image(path, upright=upright).astype(np.float32) / np.float32(255)


def write_image(path: Path, pixels: NDArray[np.uint8] | NDArray[np.floating], *, quality: int = 95) -> None:
    """Write a PNG (lossless) or JPEG (full colour resolution) by suffix, atomically.

    Args:
        path: ends in .png, .jpg or .jpeg.
        pixels: (H, W, 3) or (H, W); uint8, or floating in 0..1 (clipped, rounded).
        quality: of a JPEG, up to 100.

    Raises:
        InputError: another suffix.
        ValueError: not an image array.
        OutputError: the file cannot be written.
    """
    path = Path(path)
    formats = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}
    if path.suffix.lower() not in formats:
        raise InputError(f"{path}: images are written as .png or .jpg, not {path.suffix or 'without suffix'}")
    array = np.asarray(pixels)
    if array.dtype != np.uint8:
        if not np.issubdtype(array.dtype, np.floating):
            raise ValueError(f"an image is uint8 or floating, not {array.dtype}")
        array = np.rint(np.clip(np.nan_to_num(array), 0, 1) * 255).astype(np.uint8)
    if not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] == 3)) or 0 in array.shape:
        raise ValueError(f"an image has shape (H, W, 3) or (H, W), not {array.shape}")
    with atomic_path(path) as temporary:
        image = Image.fromarray(np.ascontiguousarray(array))
        image.save(temporary, formats[path.suffix.lower()], quality=quality, subsampling=0)


def _open(path: Path) -> BinaryIO:
    try:
        return open(path, "rb")
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such image") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be opened ({error.strerror})") from error


def _header(file: BinaryIO, path: Path) -> ImageFile:
    # The plugin is chosen by content here, and its size checked, because Image.open has one size limit for the whole
    # process, and that is below the size of today's photos.
    magic = file.read(12)
    file.seek(0)
    try:
        image = _plugin(magic)(file)
        width, height = image.size
    except Exception as error:  # decoders raise nearly anything on damaged files
        raise FormatError(f"{path}: not a readable jpg, png, tiff or webp image", "replace or remove it") from error
    if width < 1 or height < 1 or width * height > MAX_PIXELS:
        raise FormatError(f"{path}: states {width} x {height} pixels, more than {MAX_PIXELS // 10**6} million")
    return image


def _plugin(magic: bytes) -> type[ImageFile]:
    from PIL.JpegImagePlugin import JpegImageFile
    from PIL.PngImagePlugin import PngImageFile
    from PIL.PpmImagePlugin import PpmImageFile
    from PIL.TiffImagePlugin import TiffImageFile
    from PIL.WebPImagePlugin import WebPImageFile

    if magic.startswith(b"\xff\xd8\xff"):
        return JpegImageFile
    if magic.startswith(b"\x89PNG\r\n\x1a\n"):
        return PngImageFile
    if magic[:4] in {b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"}:
        return TiffImageFile
    if magic[:3] in {b"P5\n", b"P6\n", b"P5 ", b"P6 "}:
        return PpmImageFile
    if magic.startswith(b"RIFF") and magic[8:12] == b"WEBP":
        return WebPImageFile
    raise ValueError("no image signature")


def _exif(image: ImageFile) -> Exif:
    try:
        if image.format == "PNG":  # its own method would decode all pixels to look for EXIF behind them
            return Image.Image.getexif(image)
        return image.getexif()
    except Exception:  # damaged EXIF must not cost the photo
        return Exif()


def _rgb(image: Image.Image) -> NDArray[np.uint8]:
    if image.mode == "F":
        raise ValueError("floating-point pixels are no photo")
    if image.mode.startswith("I"):  # 16-bit grey
        grey = (np.asarray(image).astype(np.int64) >> 8).clip(0, 255).astype(np.uint8)
        return np.repeat(grey[:, :, None], 3, axis=2)
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        white = Image.new("RGBA", layer.size, (255, 255, 255, 255))
        return np.array(Image.alpha_composite(white, layer).convert("RGB"))
    return np.array(image.convert("RGB"))
