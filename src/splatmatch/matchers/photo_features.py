"""Features of many photos: from memory, from the store, or from the matcher, in this order."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, TypeVar

from splatmatch.files import sha256
from splatmatch.formats.images import read_image
from splatmatch.matchers.feature_store import FeatureStore
from splatmatch.scene.matcher import FeatureMatcher, Pixels
from splatmatch.scene.matches import Features

Value = TypeVar("Value")
Read = Callable[[Path], Pixels]


class Recent(Generic[Value]):
    """What was used last, up to a number of bytes; safe to use from several threads.

    Args:
        make: makes the value of a key; runs at most once at a time for one key.
        size: bytes of a value.
        most: bytes kept; the newest value is kept even if it is larger.
    """

    def __init__(self, make: Callable[[int], Value], size: Callable[[Value], int], most: int) -> None:
        self._make, self._size, self._most = make, size, most
        self._values: OrderedDict[int, Value] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()
        self._making: dict[int, threading.Lock] = {}

    def get(self, key: int) -> Value:
        """The value of ``key``, made if it is not kept."""
        with self._lock:
            making = self._making.setdefault(key, threading.Lock())
        with making:
            with self._lock:
                if key in self._values:
                    self._values.move_to_end(key)
                    return self._values[key]
            value = self._make(key)
            with self._lock:
                self._values[key] = value
                self._bytes += self._size(value)
                while self._bytes > self._most and len(self._values) > 1:
                    self._bytes -= self._size(self._values.popitem(last=False)[1])
            return value


class PhotoFeatures:
    """Features of photos by index.

    Args:
        matcher: finds features.
        photos: image files; the same file twice is looked at once where there is a store.
        store: where features are kept; only in memory if None.
        memory: bytes of features kept in memory.
        read: reads a photo; features belong to what it returns, so a store serves one way of reading only.
    """

    def __init__(
        self,
        matcher: FeatureMatcher,
        photos: Sequence[Path],
        store: FeatureStore | None = None,
        memory: int = 256_000_000,
        read: Read = read_image,
    ) -> None:
        self._matcher, self._photos, self._store, self._read = matcher, photos, store, read
        self._hashes: dict[int, str] = {}
        self._extracting = threading.Lock()  # one at a time: a detector uses all cores, and much memory
        self._recent = Recent(self._make, _bytes, memory)

    def get(self, index: int) -> Features:
        """Features of photo ``index``.

        Raises:
            InputError: there is no such file.
            FormatError: it is no image.
            OutputError: the store cannot be written to.
        """
        return self._recent.get(index)

    def is_stored(self, index: int) -> bool:
        """Whether they are in the store, so that ``get`` will not run the matcher."""
        return self._store is not None and self._store.has(self._hash(index), self._matcher.features_hash)

    def _make(self, index: int) -> Features:
        if self._store is None:
            return self._extracted(index)
        found = self._store.read(self._hash(index), self._matcher.features_hash)
        if found is None:
            fresh = self._extracted(index)
            self._store.write(self._hash(index), self._matcher.features_hash, fresh)
            found = self._store.read(self._hash(index), self._matcher.features_hash)  # as a later run will see them
            return fresh if found is None else found
        return found

    def _extracted(self, index: int) -> Features:
        pixels = self._read(self._photos[index])
        with self._extracting:
            return self._matcher.extract(pixels)

    def _hash(self, index: int) -> str:
        if index not in self._hashes:
            path = self._photos[index]
            self._hashes[index] = sha256(path) if path.is_file() else ""
        return self._hashes[index]


def _bytes(features: Features) -> int:
    return features.points.nbytes + features.scores.nbytes + features.descriptors.nbytes
