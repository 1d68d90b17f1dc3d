"""Writing MP4 videos with whatever encoder is there."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import numpy as np

from splatmatch.drawing.pictures import Picture
from splatmatch.errors import InputError, MissingDependencyError, OutputError
from splatmatch.files import atomic_path


class _Sink(Protocol):
    def __call__(self, frame: Picture) -> object: ...


def write_video(path: Path, frames: Iterable[Picture], frames_per_second: float = 30.0) -> None:
    """Write pictures of one size as an .mp4, atomically: H.264 by imageio-ffmpeg, else MPEG-4 by OpenCV.

    An odd row or column at the border is left out, as the codecs demand even sizes. Frames are taken one by one.

    Raises:
        InputError: another suffix than .mp4, or no frame.
        MissingDependencyError: neither encoder is there.
        OutputError: the file cannot be written.
    """
    if path.suffix.lower() != ".mp4":
        raise InputError(f"{path}: videos are written as .mp4")
    stream = (np.ascontiguousarray(f[: f.shape[0] // 2 * 2, : f.shape[1] // 2 * 2]) for f in frames)
    first = next(stream, None)
    if first is None:
        raise InputError(f"{path}: there is no frame to write")
    open_encoder = _ffmpeg if importlib.util.find_spec("imageio_ffmpeg") else _opencv
    with (
        atomic_path(path) as temporary,
        open_encoder(temporary, first.shape[1], first.shape[0], frames_per_second) as sink,
    ):
        sink(first)
        for frame in stream:
            sink(frame)


@contextmanager
def _ffmpeg(path: Path, width: int, height: int, rate: float) -> Iterator[_Sink]:
    import imageio_ffmpeg

    writer = imageio_ffmpeg.write_frames(
        str(path), (width, height), fps=rate, codec="libx264", quality=8, macro_block_size=2, ffmpeg_log_level="error"
    )
    writer.send(None)

    def send(frame: Picture) -> None:
        try:
            writer.send(frame.tobytes())
        except OSError as error:  # ffmpeg has gone: it says why in one of the lines
            raise OutputError(f"{path.name}: the video encoder failed: {_last_line(error)}") from error

    try:
        yield send
    finally:
        writer.close()


@contextmanager
def _opencv(path: Path, width: int, height: int, rate: float) -> Iterator[_Sink]:
    import cv2

    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), rate, (width, height))
    try:
        if not writer.isOpened():
            raise MissingDependencyError(
                f"{path}: this OpenCV cannot encode videos", "pip install imageio-ffmpeg, or give a folder as --out"
            )
        yield lambda frame: writer.write(np.ascontiguousarray(frame[..., ::-1]))
    finally:
        writer.release()
    if path.stat().st_size == 0:
        raise OutputError(f"{path.name}: the video encoder wrote nothing", "is the disk full?")


def _last_line(error: OSError) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else "it stopped"
