"""Reading the pickled checkpoints of the LPIPS archive without running anything that is in them."""

from __future__ import annotations

import io
import pickle
from typing import Any

import numpy as np

from splatmatch.errors import FormatError


class _ArraysOnly(pickle.Unpickler):
    """Admits the three names that a plain numpy array needs and refuses everything else."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("numpy.core.multiarray", "_reconstruct"):
            return np.ndarray.__reduce__(np.zeros(0))[0]
        if (module, name) in {("numpy", "ndarray"), ("numpy", "dtype")}:
            return getattr(np, name)
        raise FormatError(f"the checkpoint asks for {module}.{name}", "it is not the file it should be; delete it")


def read_arrays(data: bytes) -> dict[str, Any]:
    """The nested dicts of float32 arrays in a pickle of plain numpy arrays.

    Raises:
        FormatError: the bytes are no pickle, ask for anything but numpy arrays, or hold something else.
    """
    try:
        tree = _ArraysOnly(io.BytesIO(data)).load()
    except FormatError:
        raise
    except Exception as error:  # a broken pickle raises almost anything
        raise FormatError(f"the checkpoint cannot be read ({type(error).__name__})") from error
    if not _is_tree(tree):
        raise FormatError("the checkpoint holds something else than dicts of float32 arrays")
    return tree  # type: ignore[no-any-return]


def _is_tree(node: Any) -> bool:
    if isinstance(node, dict):
        return all(isinstance(key, str) and _is_tree(value) for key, value in node.items())
    return isinstance(node, np.ndarray) and node.dtype == np.float32
