"""A sample as named members, the files of the WebDataset layout, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from splatmatch.errors import FormatError
from splatmatch.formats.json_text import list_of, number, parse_json_object, text
from splatmatch.geometry.camera import Camera
from splatmatch.geometry.pose import Pose
from splatmatch.pairs import encoding
from splatmatch.pairs.sample import KEY, PairImage, PairSample, Provenance

VERSION = 1
IMAGE_SUFFIXES = ("jpg", "depth.png", "valid.png", "sigma.png")
IDS_SUFFIX = "ids.png"
JSON_SUFFIX = "json"
"""Comes last: a sample that has it is complete."""
SUFFIXES = (*(f"{side}.{suffix}" for side in "ab" for suffix in (*IMAGE_SUFFIXES, IDS_SUFFIX)), JSON_SUFFIX)
"""Everything a shard may hold; anything else is refused, above all pickles."""
QUALITY = 95
"""Of the JPEGs."""


def check_suffix(member: str, source: str) -> tuple[str, str]:
    """Key and suffix of a member's name.

    Raises:
        FormatError: the name is no key, or its suffix is not one of ``SUFFIXES``.
    """
    key, _, suffix = member.partition(".")
    if not KEY.fullmatch(key):
        raise FormatError(
            f"{source}: {member!r:.80} is not the name of a member", "the shard was not made by splatmatch"
        )
    if suffix not in SUFFIXES:
        raise FormatError(
            f"{source}: member {member!r:.80} is of a kind that is not read", f"these are: {', '.join(SUFFIXES)}"
        )
    return key, suffix


def members_from_sample(sample: PairSample) -> dict[str, bytes]:
    """The files of a sample by suffix, in the order of the shard; the JSON comes last."""
    members: dict[str, bytes] = {}
    ranges = {}
    for side, image in (("a", sample.a), ("b", sample.b)):
        depth, near, far = encoding.encode_depth(image.depth, image.valid)
        ranges[side] = {"near": near, "far": far}
        members[f"{side}.jpg"] = encoding.encode_rgb(image.rgb, QUALITY)
        members[f"{side}.depth.png"] = depth
        members[f"{side}.valid.png"] = encoding.encode_mask(image.valid)
        members[f"{side}.sigma.png"] = encoding.encode_sigma(image.sigma, image.valid)
        if image.gaussian_ids is not None:
            members[f"{side}.{IDS_SUFFIX}"] = encoding.encode_ids(image.gaussian_ids)
    description = {
        "version": VERSION,
        "key": sample.key,
        "scene": sample.scene,
        "a": asdict(sample.a.camera) | ranges["a"],
        "b": asdict(sample.b.camera) | ranges["b"],
        "b_from_a": sample.b_from_a.matrix[:3].tolist(),
        "overlap_ab": sample.overlap_ab,
        "overlap_ba": sample.overlap_ba,
        "overlap": sample.overlap,
        "scale_ratio": sample.scale_ratio,
        "provenance": asdict(sample.provenance),
    }
    members[JSON_SUFFIX] = json.dumps(description, allow_nan=False, sort_keys=True).encode()
    return members


def sample_from_members(members: Mapping[str, bytes], key: str, source: str) -> PairSample:
    """The sample in ``members`` (by suffix); inverse of ``members_from_sample`` up to the rounding of the encodings.

    Raises:
        FormatError: a member is missing or damaged, or contradicts another.
    """
    wanted = [f"{side}.{suffix}" for side in "ab" for suffix in IMAGE_SUFFIXES] + [JSON_SUFFIX]
    missing = [suffix for suffix in wanted if suffix not in members]
    if missing:
        raise FormatError(f"{source}: sample {key} has no {', '.join(missing)}")
    where = f"{source}: {key}"
    data = parse_json_object(members[JSON_SUFFIX], where)
    if data.get("version") != VERSION:
        raise FormatError(
            f"{where}: version {data.get('version')!r} is not known here", "use the splatmatch that wrote it"
        )
    if data.get("key") != key:
        raise FormatError(f"{where}: its JSON is that of sample {data.get('key')!r:.80}")
    try:
        return PairSample(
            key=key,
            scene=text(data, "scene", where),
            a=_image(members, "a", data, where),
            b=_image(members, "b", data, where),
            b_from_a=Pose.from_matrix(data.get("b_from_a")),
            overlap_ab=number(data, "overlap_ab", where),
            overlap_ba=number(data, "overlap_ba", where),
            scale_ratio=number(data, "scale_ratio", where),
            provenance=_provenance(_object(data, "provenance", where), where),
        )
    except (ValueError, TypeError, RuntimeError) as error:
        raise FormatError(f"{where}: {error}") from error


def _image(members: Mapping[str, bytes], side: str, data: dict[str, Any], where: str) -> PairImage:
    stated = _object(data, side, where)
    values = {field.name: number(stated, field.name, where) for field in fields(Camera)}
    camera = Camera(int(values.pop("width")), int(values.pop("height")), **values)
    near, far = number(stated, "near", where), number(stated, "far", where)
    valid = encoding.decode_mask(members[f"{side}.valid.png"], f"{where}.{side}.valid.png")
    ids = members.get(f"{side}.{IDS_SUFFIX}")
    return PairImage(
        rgb=encoding.decode_rgb(members[f"{side}.jpg"], f"{where}.{side}.jpg"),
        depth=encoding.decode_depth(members[f"{side}.depth.png"], near, far, f"{where}.{side}.depth.png"),
        valid=valid,
        sigma=encoding.decode_sigma(members[f"{side}.sigma.png"], f"{where}.{side}.sigma.png"),
        camera=camera,
        gaussian_ids=None if ids is None else encoding.decode_ids(ids, f"{where}.{side}.{IDS_SUFFIX}"),
    )


def _provenance(data: dict[str, Any], where: str) -> Provenance:
    views = list_of(data, "views", str, where)
    if len(views) != 2:
        raise FormatError(f"{where}: 'views' names {len(views)} views, not two")
    return Provenance(
        source=text(data, "source", where),
        seed=int(number(data, "seed", where)),
        views=(views[0], views[1]),
        depth_mode=text(data, "depth_mode", where),
        licence=text(data, "licence", where),
        applied=_object(data, "applied", where),
    )


def _object(data: dict[str, Any], key: str, where: str) -> dict[str, Any]:
    value = data.get(key)
    if not isinstance(value, dict):
        raise FormatError(f"{where}: {key!r} is not an object")
    return value
