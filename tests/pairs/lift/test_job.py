"""Whole jobs: every pair is kept, workers and interruptions leave no trace in the bytes, trouble is counted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from splatmatch.errors import InputError
from splatmatch.formats.images import write_image
from splatmatch.pairs.lift.config import LiftConfig
from splatmatch.pairs.lift.job import LiftJob, lift
from splatmatch.pairs.reader import ShardReader
from tests.pairs.lift.examples import SMALL, hills, texture


@pytest.fixture
def folder(tmp_path) -> Path:
    """Three photos with maps."""
    for number, size in enumerate([(240, 320), (200, 260), (150, 200)]):
        write_image(tmp_path / "photos" / f"{'abc'[number]}.png", texture(*size, seed=number))
        (tmp_path / "maps").mkdir(exist_ok=True)
        np.save(tmp_path / "maps" / f"{'abc'[number]}.npy", np.ascontiguousarray(hills(*size)))
    return tmp_path


def job(folder: Path, pairs: int = 8, config: LiftConfig = SMALL, **other) -> LiftJob:
    return LiftJob(folder / "photos", pairs, config, depth=str(folder / "maps"), per_shard=3, **other)


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_several_pairs_of_each_photo_are_kept_all_complete(folder):
    """Released: the second pass writes over the first, and one array lies under a name that ends in .png.npy."""
    report = lift(job(folder), folder / "out")
    reader = ShardReader(folder / "out", on_corrupt="error")
    assert report.pairs == len(reader) == len(set(reader.keys)) == 8 and report.photos == 3 and report.skipped == {}
    scenes = [sample.scene for sample in reader]
    assert [scenes.count(name) for name in ("a.png", "b.png", "c.png")] == [3, 3, 2]
    assert len({sample.b.rgb.tobytes() for sample in reader}) == 8
    sample = reader[0]
    assert sample.provenance.source == "photo" and sample.provenance.depth_mode == "maps in maps"
    assert sorted(path.name for path in (folder / "out").iterdir()) == [
        "index.json", "pairs-000000.tar", "pairs-000001.tar", "pairs-000002.tar",
    ]  # fmt: skip


def test_a_pair_depends_on_seed_photo_and_number_alone(folder):
    lift(job(folder), folder / "out")
    few = replace(job(folder), pairs=3)
    lift(few, folder / "few")
    (folder / "photos" / "a.png").unlink()
    lift(replace(few, pairs=2), folder / "fewer")
    lift(replace(few, pairs=2, seed=1), folder / "other")
    by_scene = {s.scene: s.b.rgb.tobytes() for s in ShardReader(folder / "out") if s.key.endswith("-0000")}
    for other in ("few", "fewer"):
        for sample in ShardReader(folder / other):
            assert by_scene[sample.scene] == sample.b.rgb.tobytes()
    for sample in ShardReader(folder / "other"):
        assert by_scene[sample.scene] != sample.b.rgb.tobytes()


@pytest.mark.slow
def test_two_workers_write_the_bytes_of_one(folder):
    lift(job(folder), folder / "one")
    lift(job(folder), folder / "two", workers=2)
    assert content(folder / "one") == content(folder / "two")


@pytest.mark.parametrize("cut", [0, 1000])
def test_interrupted_and_resumed_it_writes_the_bytes_of_an_uninterrupted_run(folder, cut):
    """Also where the last sample was torn, and where a photo that gives nothing lies before what was done."""
    (folder / "photos" / "aa.png").write_bytes(b"no photo")
    lift(job(folder), folder / "whole")

    class Stop(Exception):
        pass

    def stop(done: int, _: int) -> None:
        if done >= 4:
            raise Stop

    with pytest.raises(Stop):
        lift(job(folder), folder / "out", progress=stop)
    parts = list((folder / "out").glob("*.part"))
    for part in parts:
        part.write_bytes(part.read_bytes()[: -cut or None])
    assert not (folder / "out" / "index.json").exists()
    lift(job(folder), folder / "out", resume=True)
    assert content(folder / "whole") == content(folder / "out")
    report = lift(job(folder), folder / "out", resume=True)  # complete: nothing to do
    assert report.skipped == {"photo or depth map unreadable": 2} and report.pairs == 8


def test_what_one_photo_cannot_give_is_asked_of_the_others_and_counted(folder):
    write_image(folder / "photos" / "small.png", texture(10, 10))
    (folder / "photos" / "damaged.jpg").write_bytes(b"\xff\xd8\xff")
    write_image(folder / "photos" / "nomap.png", texture())
    report = lift(job(folder, 12), folder / "out")
    assert report.pairs == 12 and report.photos == 3
    assert report.skipped == {"photo or depth map unreadable": 4, "photo too small": 2}


def test_grey_alpha_and_large_photos_are_taken(folder):
    rng = np.random.default_rng(0)
    for path in (folder / "photos").iterdir():
        path.unlink()
    Image.fromarray(texture(240, 320)[..., 0]).save(folder / "photos" / "grey.png")
    Image.fromarray(np.dstack([texture(240, 320), rng.integers(0, 255, (240, 320), np.uint8)])).save(
        folder / "photos" / "rgba.png"
    )
    large = np.repeat(np.repeat(texture(400, 500), 10, 0), 10, 1)  # 20 megapixels
    Image.fromarray(large).save(folder / "photos" / "large.jpg", quality=80)
    for name in ("grey", "rgba", "large"):
        np.save(folder / "maps" / f"{name}.npy", hills(240, 320 if name != "large" else 300))
    report = lift(job(folder, 3), folder / "out")
    assert report.pairs == 3 and report.photos == 3 and report.skipped == {}


def test_a_folder_without_one_usable_photo_is_one_clear_line(folder):
    for path in (folder / "photos").iterdir():
        path.unlink()
    with pytest.raises(InputError, match="holds no photos"):
        lift(job(folder), folder / "out")
    write_image(folder / "photos" / "small.png", texture(10, 10))
    with pytest.raises(InputError, match=r"not one photo can be lifted: photo too small \(8\)"):
        lift(job(folder), folder / "out")
    with pytest.raises(InputError, match="at least 1"):
        lift(job(folder, 0), folder / "out")


def test_an_unknown_prior_is_told_before_anything_is_written(folder):
    with pytest.raises(InputError, match="no depth prior"):
        lift(replace(job(folder), depth="nonsense"), folder / "out")
    assert not (folder / "out").exists()
