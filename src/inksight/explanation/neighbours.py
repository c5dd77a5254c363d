"""It looks like these: the training pictures that a network sees as it sees a picture.

Two pictures are alike when the values in front of the last dense layer point the same way (cosine). Those of a whole
training set are computed once and kept in the cache folder.
"""

from __future__ import annotations

import hashlib
import os
import zipfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import onnx

from inksight.data.progress import Progress, silent
from inksight.errors import StorageError
from inksight.imaging.decode import pictures_at_once
from inksight.utils.atomic import cache_folder, whole_file
from inksight.utils.onnx_session import open_session

FOLDER = "features"
LOOKING = "looking at the training pictures"
KEPT_BYTES = 256 * 1024**2  # besides the newest; 60,000 pictures take 30 MB, without a dense layer some hundreds


class FeatureReader:
    """A model opened at its features: what its last dense layer reads, in an ensemble that of all members."""

    def __init__(self, content: bytes) -> None:
        """`content` is the ONNX file."""
        model = onnx.load_from_string(content)
        self._names = _feature_names(model.graph)
        values = (onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in self._names)
        model.graph.output.extend(values)
        self._session = open_session(model.SerializeToString())

    def features(self, images: np.ndarray, progress: Progress = silent) -> np.ndarray:
        """Where pictures lie.

        Args:
            images: uint8 (n, height, width, channels), as the network takes them.
            progress: called with (done, total, what).
        Returns:
            float32 (n, values), each row of length 1.
        """
        rows = []
        step = pictures_at_once(images.shape[1])
        for start in range(0, len(images), step):
            progress(start, len(images), LOOKING)
            parts = self._session.run(self._names, {"images": np.ascontiguousarray(images[start : start + step])})
            rows.append(np.concatenate([part.reshape(len(part), -1) for part in parts], axis=1))
        progress(len(images), len(images), LOOKING)
        found = np.concatenate(rows)
        return np.asarray(found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-12), np.float32)


def nearest(known: np.ndarray, wanted: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The rows that point most nearly the same way.

    Args:
        known: float (n, values), wanted: float (values,), all rows of length 1.
        count: how many, at most n.
    Returns:
        their indices int64 (count,), the most alike first, and the cosines, 1 for the same.
    """
    alike = known @ wanted.astype(known.dtype)
    order = np.argsort(-alike, kind="stable")[:count]
    return order, alike[order]


def kept_features(content: bytes, images: np.ndarray, reader: FeatureReader, progress: Progress = silent) -> np.ndarray:
    """The features of a training set, out of the cache folder if they are there; else computed and put there.

    A file that is damaged is made again; a cache that cannot be written is done without.

    Args:
        content: the ONNX file that `reader` opened.
        images: uint8 (n, height, width, channels).
    Returns:
        float32 (n, values) to half precision, each row of length 1 within that.
    """
    key = hashlib.sha256(hashlib.sha256(content).digest() + hashlib.sha256(np.ascontiguousarray(images).data).digest())
    path = cache_folder() / FOLDER / f"{key.hexdigest()[:32]}.npz"
    kept = _load(path, len(images))
    if kept is None:
        kept = reader.features(images, progress).astype(np.float16)
        _save(path, kept)
    return kept.astype(np.float32)


def _feature_names(graph: onnx.GraphProto) -> list[str]:
    """The tensors that lead by one layer to what softmax takes."""
    makers = {node.output[0]: node for node in graph.node}
    last = makers[makers["probabilities"].input[0]]
    ends = [makers[name] for name in last.input] if last.op_type == "Mean" else [last]
    return [end.input[0] for end in ends]


def _load(path: Path, count: int) -> np.ndarray | None:
    """What a file of the cache holds; None if there is none, or it is damaged."""
    try:
        with open(path, "rb") as file, np.load(file) as arrays:
            features = np.asarray(arrays["features"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    if features.ndim != 2 or len(features) != count or features.dtype != np.float16:
        return None
    with suppress(OSError):
        os.utime(path)  # used last
    return features


def _save(path: Path, features: np.ndarray) -> None:
    """Keeps features, and of all files there only those used last."""
    try:
        with whole_file(path) as temporary:
            np.savez(temporary, features=features)
    except StorageError:
        return
    with suppress(OSError):  # others may tidy up, too
        files = sorted(path.parent.glob("[!.]*.npz"), key=lambda file: -file.stat().st_mtime)
        sizes = np.cumsum([file.stat().st_size for file in files])
        for file, bytes_so_far in zip(files[1:], sizes[1:], strict=True):
            if bytes_so_far > KEPT_BYTES:
                file.unlink(missing_ok=True)
