"""Why a photo has no pose, in words that help to mend it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from splatmatch.solvers.pycolmap import Pair

FEW_FEATURES = 100
"""A photo with fewer features is blurred, dark or empty."""


def unregistered_reasons(
    names: Sequence[str],
    features: Mapping[int, int],
    inliers: Mapping[Pair, int],
    groups: Sequence[frozenset[int]],
) -> dict[int, str]:
    """Reason by index of every photo outside the first group.

    Args:
        names: of all photos.
        features: number of features by index; photos that could not be read are not in it.
        inliers: verified matches by pair of indices.
        groups: indices of the photos of each reconstruction, the one that is used first.
    """
    registered = groups[0] if groups else frozenset()
    reasons = {}
    for index in features:
        if index not in registered:
            reasons[index] = _reason(index, names, features, inliers, groups)
    return reasons


def _reason(
    index: int,
    names: Sequence[str],
    features: Mapping[int, int],
    inliers: Mapping[Pair, int],
    groups: Sequence[frozenset[int]],
) -> str:
    partners = {(b if a == index else a): count for (a, b), count in inliers.items() if index in (a, b)}
    if features[index] < FEW_FEATURES:
        return f"only {features[index]} features: blurred, dark or without texture"
    if not partners:
        return "overlaps with no other photo: no pair has enough matches"
    best = max(partners, key=lambda other: (partners[other], -other))
    matches = f"{partners[best]} verified matches with {names[best]}"
    if not groups:
        return f"{matches}, but no two photos differ enough in position: move the camera, do not only turn it"
    for group in groups[1:]:
        if index in group:
            return f"belongs to a separate group of {len(group)} photos, which the others do not overlap enough with"
    linked = {other: count for other, count in partners.items() if other in groups[0]}
    if not linked:
        return f"overlaps only with photos that have no pose themselves: {matches}"
    best = max(linked, key=lambda other: (linked[other], -other))
    return f"too few or contradictory matches for a pose: at best {linked[best]} with {names[best]}"
