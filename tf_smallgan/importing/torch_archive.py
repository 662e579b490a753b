"""Reads the tensors of a PyTorch file without PyTorch.

Three formats hold a pickle and raw little-endian tensors: TorchScript archives and
`torch.save` files are zips, and `torch.save` files from before PyTorch 1.6 are
pickles one after another. The unpickler knows only the names below. Modules become
plain dictionaries, so nothing of the file is ever imported or run.
"""

from __future__ import annotations

import collections
import dataclasses
import io
import math
import pickle
import struct
import zipfile
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

import numpy as np

from tf_smallgan.errors import InputError

_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_PREFIX = pickle.dumps(_LEGACY_MAGIC, protocol=2)
_ZIP_PREFIX = b"PK\x03\x04"

_DTYPES = {
    "HalfStorage": np.dtype("<f2"),
    "FloatStorage": np.dtype("<f4"),
    "DoubleStorage": np.dtype("<f8"),
    "IntStorage": np.dtype("<i4"),
    "LongStorage": np.dtype("<i8"),
}

_DAMAGED = (
    pickle.UnpicklingError,
    zipfile.BadZipFile,
    struct.error,
    AttributeError,
    EOFError,
    LookupError,
    OverflowError,
    RecursionError,
    TypeError,
    ValueError,
)


def read_tensors(file: BinaryIO, source: str) -> dict[str, np.ndarray]:
    """Reads every tensor of a PyTorch file.

    Args:
        file: the file, seekable.
        source: its name, for messages.

    Returns:
        Arrays by dotted path (`net.layers.conv.weight`), in the file's order.

    Raises:
        InputError: not such a file, damaged, or it names a class that is not allowed.
    """
    try:
        tree, storage = _read_any(file, source)
        return {path: _read(ref, storage) for path, ref in _flatten(tree, "")}
    except InputError:
        raise
    except _DAMAGED as error:
        raise InputError(
            f"{source} cannot be read as a PyTorch file: {error}. It may be damaged; "
            "fetch it again."
        ) from error


@dataclasses.dataclass(frozen=True)
class _Storage:
    dtype: np.dtype
    key: str


@dataclasses.dataclass(frozen=True)
class _TensorRef:
    """Where a tensor lies; offset and strides count elements."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class _Module(dict[str, Any]):
    """Stands for any TorchScript class: its attributes, and no behaviour."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.update(state)


def _rebuild_tensor(
    storage: _Storage, offset: int, shape: tuple, strides: tuple, *_: Any
) -> _TensorRef:
    return _TensorRef(storage, offset, tuple(shape), tuple(strides))


def _rebuild_parameter(tensor: _TensorRef, *_: Any) -> _TensorRef:
    return tensor


_ALLOWED: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): collections.OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
    ("torch._utils", "_rebuild_parameter"): _rebuild_parameter,
    ("torch.jit._pickle", "build_intlist"): list,
} | {("torch", name): dtype for name, dtype in _DTYPES.items()}


class _Unpickler(pickle.Unpickler):
    """Unpickles dictionaries, lists, numbers and references to tensors only."""

    def __init__(self, file: BinaryIO, source: str) -> None:
        super().__init__(file, encoding="utf-8")
        self._source = source

    def find_class(self, module: str, name: str) -> Any:
        if module.startswith("__torch__."):
            return _Module
        if (module, name) not in _ALLOWED:
            raise InputError(
                f"{self._source} asks for {module}.{name}, which a file of weights "
                "does not need; it was not loaded. Use a file of tensors only."
            )
        return _ALLOWED[module, name]

    def persistent_load(self, pid: Any) -> _Storage:
        kind, dtype, key = pid[:3]
        if kind != "storage" or not isinstance(dtype, np.dtype):
            raise pickle.UnpicklingError(f"unknown persistent object {kind!r}")
        return _Storage(dtype, str(key))


def _read_any(file: BinaryIO, source: str) -> tuple[Any, Callable[[str], bytes]]:
    start = file.read(len(_LEGACY_PREFIX))
    file.seek(0)
    if start.startswith(_ZIP_PREFIX):
        return _read_zip(file, source)
    if start == _LEGACY_PREFIX:
        return _read_legacy(file, source)
    raise InputError(
        f"{source} is not a PyTorch file; expected a TorchScript archive or a file "
        "that torch.save wrote."
    )


def _read_zip(file: BinaryIO, source: str) -> tuple[Any, Callable[[str], bytes]]:
    archive = zipfile.ZipFile(file)
    pickles = [name for name in archive.namelist() if name.endswith("/data.pkl")]
    if len(pickles) != 1:
        raise InputError(
            f"{source} is a zip with {len(pickles)} members named data.pkl; expected "
            "a PyTorch archive, which has one."
        )
    root = pickles[0].removesuffix("data.pkl")
    tree = _Unpickler(io.BytesIO(archive.read(pickles[0])), source).load()
    return tree, lambda key: archive.read(f"{root}data/{key}")


def _read_legacy(file: BinaryIO, source: str) -> tuple[Any, Callable[[str], bytes]]:
    # Magic number, format version, system's sizes, the object, the storages' keys.
    *_, tree, keys = [_Unpickler(file, source).load() for _ in range(5)]
    itemsizes = {ref.storage.key: ref.storage.dtype for _, ref in _flatten(tree, "")}
    storages: dict[str, bytes] = {}
    for key in keys:
        (count,) = struct.unpack("<q", file.read(8))
        storages[key] = file.read(count * itemsizes[key].itemsize)
    return tree, storages.__getitem__


def _flatten(tree: Any, path: str) -> Iterator[tuple[str, _TensorRef]]:
    if isinstance(tree, _TensorRef):
        yield path, tree
    elif isinstance(tree, dict):
        for name, child in tree.items():
            yield from _flatten(child, f"{path}.{name}" if path else str(name))


def _read(ref: _TensorRef, storage: Callable[[str], bytes]) -> np.ndarray:
    dtype = ref.storage.dtype
    data = np.frombuffer(storage(ref.storage.key), dtype)
    if min((ref.offset, *ref.shape, *ref.strides)) < 0:
        raise ValueError(f"a tensor of storage {ref.storage.key} has negative sizes")
    if math.prod(ref.shape) == 0:
        return np.zeros(ref.shape, dtype)
    reach = sum((n - 1) * s for n, s in zip(ref.shape, ref.strides, strict=True))
    # Rows that share their elements could ask for any amount of memory.
    if ref.offset + reach >= len(data) or math.prod(ref.shape) > len(data):
        raise ValueError(f"storage {ref.storage.key} has only {len(data)} elements")
    strides = tuple(s * dtype.itemsize for s in ref.strides)
    view = np.lib.stride_tricks.as_strided(data[ref.offset :], ref.shape, strides)
    return np.array(view)
