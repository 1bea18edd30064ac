"""Tensors in files of torch, as NumPy arrays and without torch.

A tensor is a view of a storage, whose numbers lie outside of the pickle's grammar. The pickle names it by a persistent id,

    ("storage", torch.FloatStorage, key, device, number of numbers).

`torch.save` makes a zip archive: the pickle is `data.pkl`, and `data/KEY` has each storage. Before torch 1.6 it made four pickles one after
the other (a magic number, a version, how the machine writes numbers, and the object), a fifth with the storages' keys, and then each
storage, its length before it. A tensor in an ordinary pickle holds such an old file of its storage alone.
Source: PyTorch's documentation, "Serialization semantics", and what torch 2.13 writes in both forms.
"""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import IO, Literal

import numpy as np

from smplify_jax.files.budget import Allowance, check_limit
from smplify_jax.files.pickle_arrays import Values, array_from_bytes, as_shape, names_of
from smplify_jax.files.pickle_nodes import DamagedPickleError, Node, PersistentId, Reference

_BFLOAT = "BFloat16Storage"
_DTYPES = {
    "DoubleStorage": "f8", "FloatStorage": "f4", "HalfStorage": "f2", _BFLOAT: "u2", "LongStorage": "i8", "IntStorage": "i4",
    "ShortStorage": "i2", "CharStorage": "i1", "ByteStorage": "u1", "BoolStorage": "b1",
}  # fmt: skip
STORAGES = frozenset(names_of("torch torch.cuda", " ".join(_DTYPES)))
"""Names that stand in persistent ids."""

_MAGIC = b"\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
"""The old form's first pickle, 0x1950a86a20f9469cfc6c, behind the protocol."""

ReadPickle = Callable[[io.BytesIO, list[PersistentId] | None], object]
"""Reads a pickle from where a stream is, and collects the persistent ids in it; None to refuse them."""


@dataclass(frozen=True, eq=False)
class TorchFile:
    """A file of torch: the tree of its pickle, and the bytes of the storages that it names.

    Attributes:
        tree: to be resolved.
        storages: by key.
        byte_order: of the storages' numbers, "<" or ">".
    """

    tree: object
    storages: Mapping[str, bytes]
    byte_order: Literal["<", ">"]
    _read: dict[str, np.ndarray] = field(default_factory=dict, repr=False)

    def storage(self, named: PersistentId, values: Values) -> np.ndarray:
        """The numbers (n,) of the storage that is named; those of bfloat16 as float32.

        Raises:
            DamagedPickleError: there is no such storage, or it has not as many numbers as it should.
        """
        kind, key, num_items = _about(named)
        if key not in self._read:  # many tensors may be views of one
            if key not in self.storages:
                raise DamagedPickleError("a tensor's numbers are missing")
            dtype = np.dtype(_DTYPES[kind]).newbyteorder(self.byte_order)
            flat = array_from_bytes(self.storages[key], dtype, (num_items,), "C", values)
            self._read[key] = (flat.astype(np.uint32) << 16).view(np.float32) if kind == _BFLOAT else flat
        return self._read[key]


def is_torch_zip(file: IO[bytes]) -> bool:
    """Whether a file, from its beginning, is an archive of `torch.save`."""
    if file.read(2) != b"PK":
        return False
    try:
        with zipfile.ZipFile(file) as archive:
            return _folder(archive) is not None
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        return False  # whoever reads it says what is wrong with it


def is_old_torch(data: bytes) -> bool:
    """Whether bytes are a file of torch before 1.6."""
    return _MAGIC in data[:32]


def read_zip(data: bytes, allowance: Allowance, read_pickle: ReadPickle) -> TorchFile:
    """Read an archive of `torch.save`.

    Raises:
        DamagedPickleError: it is damaged.
        InputError: it holds more than the file may ask for.
    """
    named: list[PersistentId] = []
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            check_limit(len(archive.infolist()), "num_members", "the number of its members is")
            folder = _folder(archive)
            tree = read_pickle(io.BytesIO(_member(archive, f"{folder}data.pkl", allowance)), named)
            keys = {_about(one)[1] for one in named}
            storages = {key: _member(archive, f"{folder}data/{key}", allowance) for key in keys}
            order = f"{folder}byteorder"
            is_big = order in archive.namelist() and _member(archive, order, allowance).strip() == b"big"
    except (zipfile.BadZipFile, RuntimeError, OSError) as error:  # RuntimeError: encrypted, or packed in other ways
        raise DamagedPickleError(f"{error}") from None
    return TorchFile(tree, storages, ">" if is_big else "<")


def _folder(archive: zipfile.ZipFile) -> str | None:
    """The folder that everything lies in, with a slash; None if this is no file of torch."""
    found = [name.removesuffix("data.pkl") for name in archive.namelist() if name.endswith("/data.pkl")]
    return min(found, key=len) if found else None


def _member(archive: zipfile.ZipFile, name: str, allowance: Allowance) -> bytes:
    try:
        member = archive.getinfo(name)
    except KeyError:
        raise DamagedPickleError("a tensor's numbers are missing") from None
    if member.compress_type != zipfile.ZIP_STORED:
        raise DamagedPickleError("its members are compressed, as torch's are not")
    allowance.charge(member.file_size)
    return archive.read(member)


def read_old(data: bytes, read_pickle: ReadPickle) -> TorchFile:
    """Read a file of torch before 1.6.

    Raises:
        DamagedPickleError: it is damaged.
    """
    stream, named = io.BytesIO(data), []
    read_pickle(stream, None)
    read_pickle(stream, None)
    machine = read_pickle(stream, None)
    is_little = not isinstance(machine, dict) or machine.get("little_endian", True) is True
    tree = read_pickle(stream, named)
    keys = read_pickle(stream, None)
    if not isinstance(keys, list):
        raise DamagedPickleError("a tensor's numbers are missing")
    sizes = {key: np.dtype(_DTYPES[kind]).itemsize for kind, key, _ in map(_about, named)}
    storages = {}
    for key in keys:
        if not isinstance(key, str) or key not in sizes:
            raise DamagedPickleError("numbers belong to no tensor")
        num_bytes = sizes[key] * int.from_bytes(stream.read(8), "little" if is_little else "big")
        storages[key] = stream.read(num_bytes)
        if len(storages[key]) < num_bytes:
            raise DamagedPickleError("it ends too early")
    return TorchFile(tree, storages, "<" if is_little else ">")


def _about(named: PersistentId) -> tuple[str, str, int]:
    """Kind, key and number of numbers of the storage that is named."""
    found = named.value
    if not isinstance(found, tuple) or len(found) < 5 or found[0] != "storage" or any(found[5:]):
        raise DamagedPickleError("a tensor's storage is not named as torch names them")
    _, kind, key, _, num_items, *_ = found
    is_named = isinstance(kind, Reference) and str(kind) in STORAGES and isinstance(key, str)
    if not is_named or not isinstance(num_items, int) or num_items < 0:
        raise DamagedPickleError("a tensor's storage is not named as torch names them")
    return kind.name, key, num_items


def build_tensor(node: Node, values: Values) -> np.ndarray:
    """`torch._utils._rebuild_tensor_v2(storage, offset, size, stride, ...)`, a copy of that part of the storage."""
    if len(node.args) < 4:
        raise DamagedPickleError("a tensor is incomplete")
    storage, offset, size, stride = node.args[:4]
    flat = values.resolve(storage)
    if not isinstance(flat, np.ndarray) or flat.ndim != 1 or flat.dtype.kind not in "fiub":
        raise DamagedPickleError("a tensor has no storage")
    shape, steps = as_shape(size, values), as_shape(stride, values)
    if len(shape) != len(steps) or not isinstance(offset, int) or offset < 0:
        raise DamagedPickleError("a tensor has no shape")
    if 0 in shape:
        return np.zeros(shape, flat.dtype)
    if offset + sum((num - 1) * step for num, step in zip(shape, steps, strict=True)) >= len(flat):
        raise DamagedPickleError("a tensor reaches beyond its storage")
    values.charge(math.prod(shape) * flat.itemsize)
    strides = [flat.itemsize * step if num > 1 else 0 for num, step in zip(shape, steps, strict=True)]
    return np.lib.stride_tricks.as_strided(flat[offset:], shape, strides, writeable=False).copy()


def build_parameter(node: Node, values: Values) -> object:
    """`torch._utils._rebuild_parameter(tensor, ...)`: a tensor that is learned."""
    if not node.args:
        raise DamagedPickleError("a tensor is incomplete")
    return values.resolve(node.args[0])
