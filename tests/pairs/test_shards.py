"""Shards: what is read is what was written, interruptions leave no trace, damage is named, code is never run."""

from __future__ import annotations

import errno
import io
import json
import os
import pickle
import tarfile
from dataclasses import asdict

import numpy as np
import pytest

from splatmatch.errors import FormatError, InputError, OutputError
from splatmatch.pairs.reader import ShardReader
from splatmatch.pairs.shards import PART, ShardWriter, encode

JOB = {"what": "test"}


def write(folder, make_sample, count=5, per_shard=2, start=0, resume=False, finish=True):
    with ShardWriter(folder, JOB, per_shard=per_shard, resume=resume) as writer:
        for number in range(start, count):
            sample = make_sample(number)
            writer.add(sample.key, encode(sample))
        if finish:
            writer.finish({"made": count})


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.mark.parametrize("ids", [False, True])
def test_a_sample_survives(tmp_path, make_sample, ids):
    """Everything but the JPEG and the rounding of depth and sigma comes back exactly."""
    sample = make_sample(1, ids)
    with ShardWriter(tmp_path / "p", JOB) as writer:
        writer.add(sample.key, encode(sample))
        writer.finish({})
    back = ShardReader(tmp_path / "p")[0]
    assert (back.key, back.scene, back.overlap_ab, back.overlap_ba, back.scale_ratio, back.provenance) == (
        sample.key, sample.scene, sample.overlap_ab, sample.overlap_ba, sample.scale_ratio, sample.provenance,
    )  # fmt: skip
    assert back.overlap == pytest.approx(0.5 * (sample.overlap_ab + sample.overlap_ba))
    np.testing.assert_allclose(back.b_from_a.matrix, sample.b_from_a.matrix, atol=1e-14)
    for one, other in ((back.a, sample.a), (back.b, sample.b)):
        assert one.camera == other.camera
        np.testing.assert_array_equal(one.valid, other.valid)
        np.testing.assert_allclose(one.depth, other.depth, rtol=2e-5)
        np.testing.assert_allclose(one.sigma, other.sigma, rtol=0.02)
        if ids:
            np.testing.assert_array_equal(one.gaussian_ids, other.gaussian_ids)
        else:
            assert one.gaussian_ids is None


def test_shards_are_plain_tar_files_in_the_webdataset_layout(tmp_path, make_sample):
    """Members of a sample stand together and share the name before the first dot; headers hold no time and no owner."""
    write(tmp_path / "p", make_sample)
    keys = []
    for path in sorted((tmp_path / "p").glob("*.tar")):
        with tarfile.open(path) as tar:
            members = tar.getmembers()
            assert {(m.mtime, m.uid, m.gid, m.uname, m.mode) for m in members} == {(0, 0, 0, "", 0o644)}
            keys += list(dict.fromkeys(m.name.partition(".")[0] for m in members))
            for member in members:
                if member.name.endswith(".json"):
                    assert json.load(tar.extractfile(member))["key"] == member.name.partition(".")[0]
    assert keys == [f"scene-0000-{number:04d}" for number in range(5)]
    assert ShardReader(tmp_path / "p").keys == tuple(keys)


def test_the_same_job_gives_the_same_bytes(tmp_path, make_sample):
    write(tmp_path / "a", make_sample)
    write(tmp_path / "b", make_sample)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


@pytest.mark.parametrize("cut", [0, 1, 511, 512, 3000, -1])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_resuming_after_a_torn_write_gives_the_same_bytes(tmp_path, make_sample, count, cut):
    """The last sample is cut anywhere: it is written again, and nothing tells the difference."""
    write(tmp_path / "whole", make_sample)
    folder = tmp_path / "torn"
    write(folder, make_sample, count=count, finish=False)
    if count % 2:
        part = next(folder.glob(f"*{PART}"))
    else:  # the shard had just been closed
        part = folder / f"pairs-{count // 2:06d}.tar{PART}"
        part.write_bytes(b"")
    blocks = encode(make_sample(count))
    with open(part, "ab") as file:
        file.write(blocks[: cut if cut >= 0 else len(blocks) - 1])
    with ShardWriter(folder, JOB, per_shard=2, resume=True) as writer:
        assert len(writer.keys) == count
        assert [d["key"] for d in writer.descriptions()] == list(writer.keys)
    write(folder, make_sample, start=count, resume=True)
    assert contents(folder) == contents(tmp_path / "whole")


def test_a_full_disk_is_one_clear_line_and_leaves_a_job_to_resume(tmp_path, make_sample, monkeypatch):
    write(tmp_path / "whole", make_sample)
    folder = tmp_path / "full"
    with ShardWriter(folder, JOB, per_shard=2) as writer:
        writer.add(make_sample(0).key, encode(make_sample(0)))

        class Full(io.FileIO):
            def write(self, data):
                super().write(bytes(data)[:700])
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        writer._part.close()
        writer._part = Full(folder / f"pairs-000000.tar{PART}", "ab")
        with pytest.raises(OutputError, match="the disk is full; free some space"):
            writer.add(make_sample(1).key, encode(make_sample(1)))
    with ShardWriter(folder, JOB, per_shard=2, resume=True) as writer:
        assert len(writer.keys) == 1
    write(folder, make_sample, start=1, resume=True)
    assert contents(folder) == contents(tmp_path / "whole")


def test_a_folder_is_not_overwritten(tmp_path, make_sample):
    write(tmp_path / "p", make_sample)
    with pytest.raises(InputError, match="holds pairs already"):
        ShardWriter(tmp_path / "p", JOB, per_shard=2)
    with pytest.raises(InputError, match="begun with another what"):
        ShardWriter(tmp_path / "p", {"what": "else"}, per_shard=2, resume=True)
    with ShardWriter(tmp_path / "p", JOB, per_shard=2, resume=True) as writer:
        assert writer.complete
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "letter.txt").write_text("dear")
    with pytest.raises(InputError, match="holds files but no pairs"):
        ShardWriter(tmp_path / "other", JOB)
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="is a file"):
        ShardWriter(tmp_path / "file", JOB)


def damaged_at(path, place):
    data = bytearray(path.read_bytes())
    data[place] ^= 0x40
    path.write_bytes(bytes(data))


@pytest.mark.parametrize("place", [100, 600, 2000])
def test_a_damaged_sample_is_named_and_skipped_or_an_error(tmp_path, make_sample, place):
    write(tmp_path / "p", make_sample)
    damaged_at(tmp_path / "p" / "pairs-000001.tar", place)
    reader = ShardReader(tmp_path / "p")
    assert [sample.key[-1] for sample in reader] == ["0", "1", "3", "4"]
    assert len(reader.corrupt) == 1
    assert "pairs-000001.tar: scene-0000-0002" in reader.corrupt[0].name and reader.corrupt[0].samples == 1
    with pytest.raises(FormatError, match=r"pairs-000001\.tar"):
        list(ShardReader(tmp_path / "p", on_corrupt="error"))


def test_missing_and_truncated_shards_are_counted(tmp_path, make_sample):
    write(tmp_path / "p", make_sample)
    (tmp_path / "p" / "pairs-000002.tar").unlink()
    path = tmp_path / "p" / "pairs-000000.tar"
    path.write_bytes(path.read_bytes()[:-3000])
    reader = ShardReader(tmp_path / "p")
    assert reader.keys == ("scene-0000-0002", "scene-0000-0003")
    assert [corrupt.samples for corrupt in reader.corrupt] == [2, 1]
    with pytest.raises(FormatError, match=r"pairs-000000\.tar: .* bytes, the index says"):
        ShardReader(tmp_path / "p", on_corrupt="error")


def test_an_unfinished_job_can_be_read(tmp_path, make_sample):
    write(tmp_path / "p", make_sample, finish=False)
    assert len(ShardReader(tmp_path / "p")) == 4  # the shard being written does not count
    with pytest.raises(InputError, match="holds no pairs"):
        ShardReader(tmp_path)
    with pytest.raises(InputError, match="no such folder"):
        ShardReader(tmp_path / "nowhere")


class Bomb:
    def __reduce__(self):
        return os.system, ("touch /tmp/this-must-never-exist",)


@pytest.mark.parametrize("suffix", ["pyd", "pkl", "pickle", "a.npy", "b.npz", "pth"])
@pytest.mark.parametrize("indexed", [True, False])
def test_a_shard_with_a_member_that_could_run_code_is_refused(tmp_path, make_sample, suffix, indexed):
    """Even where damage is to be skipped; with and without an index that knows nothing of it."""
    write(tmp_path / "p", make_sample, count=2)
    path = tmp_path / "p" / "pairs-000000.tar"
    with tarfile.open(path) as tar:
        members = [(member, tar.extractfile(member).read()) for member in tar.getmembers()]
    payload = pickle.dumps(Bomb())
    with tarfile.open(path, "w") as tar:
        for member, data in members:
            tar.addfile(member, io.BytesIO(data))
        info = tarfile.TarInfo(f"scene-0000-0001.{suffix}")
        info.size = len(payload)
        tar.addfile(info, io.BytesIO(payload))
    if not indexed:
        (tmp_path / "p" / "index.json").unlink()
    with pytest.raises(FormatError, match=f"{suffix}.*is of a kind that is not read"):
        list(ShardReader(tmp_path / "p"))
    assert not os.path.exists("/tmp/this-must-never-exist")


def test_an_index_cannot_lead_out_of_the_folder(tmp_path, make_sample):
    write(tmp_path / "p", make_sample, count=2)
    index = json.loads((tmp_path / "p" / "index.json").read_text())
    index["shards"][0]["name"] = "../../etc/passwd"
    (tmp_path / "p" / "index.json").write_text(json.dumps(index))
    with pytest.raises(FormatError, match="is no name of a shard"):
        ShardReader(tmp_path / "p")


def test_links_in_a_shard_are_refused(tmp_path):
    folder = tmp_path / "p"
    folder.mkdir()
    with tarfile.open(folder / "pairs-000000.tar", "w") as tar:
        info = tarfile.TarInfo("scene-0000-0000.a.jpg")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(info)
    with pytest.raises(FormatError, match="is no regular file"):
        ShardReader(folder)


def test_a_json_that_contradicts_its_maps_is_an_error(tmp_path, make_sample):
    from splatmatch.pairs.members import members_from_sample, sample_from_members

    members = members_from_sample(make_sample(0))
    data = json.loads(members["json"])
    for change, message in (
        ({"key": "scene-0000-0009"}, "that of sample 'scene-0000-0009'"),
        ({"version": 2}, "version 2 is not known"),
        ({"a": data["a"] | {"width": 17}}, r"\(12, 16"),
        ({"a": data["a"] | {"fx": 0}}, "not a camera"),
        ({"b_from_a": [[1, 2, 3]]}, "pose"),
        ({"b_from_a": None}, "pose|None|could not"),
        ({"provenance": {}}, "views"),
    ):
        changed = members | {"json": json.dumps(data | change).encode()}
        with pytest.raises(FormatError, match=message):
            sample_from_members(changed, "scene-0000-0000", "shard.tar")
    with pytest.raises(FormatError, match=r"has no b\.depth\.png"):
        sample_from_members({k: v for k, v in members.items() if k != "b.depth.png"}, "scene-0000-0000", "shard.tar")


def test_entries_of_the_index_say_where_samples_lie(tmp_path, make_sample):
    write(tmp_path / "p", make_sample)
    index = json.loads((tmp_path / "p" / "index.json").read_text())
    assert index["samples"] == 5 and index["statistics"] == {"made": 5}
    blocks = (tmp_path / "p" / "pairs-000000.tar").read_bytes()
    for entry in index["shards"][0]["samples"]:
        data = blocks[entry["offset"] : entry["offset"] + entry["size"]]
        assert data == encode(make_sample(int(entry["key"][-1])))
    assert asdict(ShardReader(tmp_path / "p")._places[0][1]) == index["shards"][0]["samples"][0]
