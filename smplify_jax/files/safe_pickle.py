"""Read pickles that hold arrays, such as SMPL's model files, executing nothing."""

from __future__ import annotations

import io
import os
import struct
from pathlib import Path

from smplify_jax.errors import InputError
from smplify_jax.files.budget import Allowance, ReadingTime
from smplify_jax.files.pickle_nodes import DamagedPickleError
from smplify_jax.files.plain import read_plain

_DAMAGE = (
    DamagedPickleError,
    ValueError,
    TypeError,
    IndexError,
    KeyError,
    AttributeError,
    ArithmeticError,
    EOFError,
    RecursionError,
    MemoryError,
    struct.error,
)

_OTHER_FORMATS: tuple[tuple[bytes, str], ...] = (
    (
        b"PK\x03\x04",
        "a zip archive, perhaps an .npz; give it its own ending; a file of torch is cut off: copy it again",
    ),
    (b"\x93NUMPY", "an .npy array; give it its own ending"),
    (b"\x1f\x8b", "compressed by gzip; unpack it first"),
    (b"BZh", "compressed by bzip2; unpack it first"),
    (b"\xfd7zXZ", "compressed by xz; unpack it first"),
    (b"]\0\0", "compressed by lzma; load it with joblib and save it again with joblib.dump(..., compress=3)"),
    (b"\x04\x22M\x18", "compressed by lz4; load it with joblib and save it again with joblib.dump(..., compress=3)"),
    (b"<", "a web page or XML, perhaps a failed download; download the file again"),
    (b"version https://git-lfs", "a Git LFS pointer; run `git lfs pull` to get the file itself"),
    (b"\x89HDF", "an HDF5 file; convert it to .npz first"),
)


def load_pickle(path: str | os.PathLike[str]) -> object:
    """Read a pickle of arrays without importing or calling anything that it names.

    Chumpy arrays become numpy arrays, scipy's sparse matrices of any age become `csc_matrix`, `csr_matrix` or
    `coo_matrix`, scikit-learn mixtures become the dict of their attributes, and Python 2 strings become str. Files of `joblib.dump` are
    read too, plain or compressed by zlib, as `compress=3` does, and those of `torch.save`. Tensors become numpy arrays, wherever they were.

    Args:
        path: A file written by Python 2 or 3 in any protocol.
    Returns:
        The file's object, made of dict, list, tuple, set, str, bytes, numbers, None, numpy arrays and sparse matrices.
    Raises:
        InputError: The file cannot be read, is empty, damaged or no pickle, or names a class that is no array class.
    """
    path = Path(path)
    with ReadingTime(path).running():
        return parse_pickle(read_plain(path), str(path))


def parse_pickle(data: bytes, source: str, allowance: Allowance | None = None) -> object:
    """Read a pickle that is already in memory; as `load_pickle`.

    Args:
        data: The pickle.
        source: What to call it in messages.
        allowance: What the file that it lies in may still ask for; by default it is a file of its own.
    """
    # Here, because scipy's sparse matrices, which few need, take a tenth of a second.
    from smplify_jax.files.joblib_arrays import is_zlib, unpacked
    from smplify_jax.files.pickle_values import Resolver, read_pickle
    from smplify_jax.files.torch_tensors import is_old_torch, is_torch_zip, read_old, read_zip

    allowance = allowance or Allowance(len(data))
    try:
        data = unpacked(data, allowance) if is_zlib(data) else data
        if is_torch_zip(io.BytesIO(data)):
            found = read_zip(data, allowance, read_pickle)
        elif is_old_torch(data):
            found = read_old(data, read_pickle)
        else:
            return Resolver(allowance).resolve_all(read_pickle(io.BytesIO(data)))
        return Resolver(allowance, found).resolve_all(found.tree)
    except InputError as error:
        raise InputError(f"{source}: {error}") from None
    except _DAMAGE as error:
        raise InputError(f"{source}: {_describe_damage(data, error)}") from None


def _describe_damage(data: bytes, error: Exception) -> str:
    from smplify_jax.files.torch_tensors import is_torch_zip

    for start, meaning in _OTHER_FORMATS:
        if data.lstrip().startswith(start) and not is_torch_zip(io.BytesIO(data)):
            return f"this is no pickle but {meaning}"
    detail = f" ({error})" if isinstance(error, DamagedPickleError) else ""
    return f"not a complete pickle{detail}; the file is damaged or cut off: copy or download it again"
