"""Changes of files by what they are: archives, pickles, tables and texts are taken apart, changed inside, and written again."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import pickle
import pickletools
import tarfile
import zipfile
from collections.abc import Callable
from functools import lru_cache
from importlib import import_module
from typing import Any

import numpy as np

from benchmarks.fuzzing.choices import Choices
from benchmarks.fuzzing.raw import change_bytes, change_words
from benchmarks.fuzzing.values import change_array, change_arrays, change_tree

_MAX_BYTES = 2**19
_MAX_PARQUET_DEPTH = 8
"""Of types in each other: pyarrow takes minutes to write what is deeper."""

_ZEROS_BYTES = 96 * 2**20
"""Of a member that unpacks to nothing but zeros."""


def change_file(data: bytes, choices: Choices) -> bytes:
    """A file changed in what it holds, in its bytes, or in both; now and then it stays as it is."""
    depth = choices.below(8)
    changed = data
    if 0 < depth < 7:
        try:
            changed = _change_inside(data, choices)
        except Exception:  # what was changed before can no longer be taken apart, or what was made has no such form
            changed = change_bytes(data, choices)
    if depth in (5, 7):
        changed = change_bytes(changed, choices)
    # The time that reading takes grows with the file, which says nothing.
    return changed if len(changed) <= max(_MAX_BYTES, 2 * len(data)) else change_bytes(data, choices)


def _change_inside(data: bytes, choices: Choices) -> bytes:
    for is_kind, change in _KINDS:
        if is_kind(data):
            return change(data, choices)
    return change_bytes(data, choices)


def _change_json(data: bytes, choices: Choices) -> bytes:
    if choices.one_in(3):
        return change_words(data, choices)
    tree = json.loads(data)
    for _ in range(1 + choices.below(3)):
        tree = change_tree(tree, choices)
    text = json.dumps(tree, ensure_ascii=choices.one_in(2))
    return text.encode("utf-8", "surrogatepass")


def _change_npz(data: bytes, choices: Choices) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    method = choices.pick((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2))
    if choices.one_in(3):
        name = choices.pick(sorted(members))
        members[name] = _change_npy(members[name], choices)
    else:
        arrays = {
            name.removesuffix(".npy"): np.load(io.BytesIO(member), allow_pickle=True)
            for name, member in members.items()
        }
        members = {f"{name}.npy": _npy(array) for name, array in change_arrays(arrays, choices).items()}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, member in members.items():
            archive.writestr(name, member)
        if choices.one_in(256):
            archive.writestr(choices.pick(sorted(members)) if members else "a.npy", _zeros(), zipfile.ZIP_DEFLATED)
    return out.getvalue()


def _npy(array: Any) -> bytes:
    out = io.BytesIO()
    np.save(out, array, allow_pickle=True)
    return out.getvalue()


def _change_npy(data: bytes, choices: Choices) -> bytes:
    """Another array; or the same with another header, or a changed pickle in it."""
    if choices.one_in(3):
        return _npy(change_array(np.load(io.BytesIO(data), allow_pickle=True), choices))
    start = data.index(b"\n") + 1
    if data[start : start + 1] == b"\x80":
        return data[:start] + _change_pickle(data[start:], choices)
    header = change_words(data[10:start], choices)
    return data[:8] + (len(header) % 2**16).to_bytes(2, "little") + header + data[start:]


@lru_cache(maxsize=1)
def _zeros() -> bytes:
    out = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        out, {"descr": "<f4", "fortran_order": False, "shape": (_ZEROS_BYTES // 204, 17, 3)}
    )
    return out.getvalue() + bytes(_ZEROS_BYTES)


def _change_tar(data: bytes, choices: Choices) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        members = [(info, _content(archive, info)) for info in archive]
    place = choices.below(len(members))
    info, content = members[place]
    change = choices.below(8)
    if change == 0:
        info.name = choices.pick(
            ("", "../../x.jpg", "/a.data.pyd", "a" * 300 + ".jpg", "\udcff.data.pyd", "a.data.pyd", "a.jpg")
        )
    elif change == 1:
        info.type = choices.pick((tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE, b"\xff"))
        info.linkname = "/dev/zero"
    elif change == 2:
        del members[place]
    elif change == 3:
        members += members[: 1 + place] * choices.pick((1, 30))
    elif change == 4:
        members[place] = info, b""
    else:
        members[place] = info, change_file(content, choices)
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for info, content in members:
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    pack = choices.pick((bytes, bytes, bytes, gzip.compress, bz2.compress, lzma.compress))
    return pack(out.getvalue())


def _content(archive: tarfile.TarFile, info: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(info)
    return b"" if file is None else file.read()


def _change_pickle(data: bytes, choices: Choices) -> bytes:
    """Change the operations of a pickle, as no pickler would write them."""
    starts = [place for _, _, place in pickletools.genops(data) if place is not None]
    steps = [data[a:b] for a, b in zip(starts, [*starts[1:], len(data)], strict=True)]
    for _ in range(1 + choices.below(3)):
        place, other = choices.below(len(steps)), choices.below(len(steps))
        change = choices.below(8)
        if change == 0:
            steps[place] = steps[other]
        elif change == 1:
            steps[place], steps[other] = steps[other], steps[place]
        elif change == 2 and len(steps) > 2:
            del steps[place]
        elif change == 3:
            steps[place:place] = steps[other : other + 1 + choices.below(20)]
        elif change == 4:
            steps[place] = change_bytes(steps[place], choices)
        elif change == 5:
            steps[place:place] = [choices.pick(_STEPS)] * choices.pick((1, 1, 2, 3000))
        elif change == 6:
            steps[place:place] = [b"(", b"2" * choices.pick((2, 10)), b"l"] * choices.pick((1, 12))
        else:
            steps[place] = pickle.dumps(choices.pick(_LEAVES), 2)[2:-1]
    return b"".join(steps)


_STEPS = (
    b"0", b"1", b"2", b"(", b")", b"]", b"}", b"N", b"R", b"b", b"a", b"e", b"s", b"u", b"t", b"l", b"d", b"\x81", b"\x85", b"\x86",
    b"\x87", b"q\x00", b"h\x00", b"r\xff\xff\xff\x7f", b"cos\nsystem\n", b"c__builtin__\neval\n", b"cnumpy\ndtype\n", b"\x8c\x01a\x93",
    b"cnumpy.core.multiarray\n_reconstruct\n",
    b"cscipy.sparse.csc\ncsc_matrix\n", b"K\xff", b"J\xff\xff\xff\xff", b"\x8a\xff" + b"\xff" * 255,
)  # fmt: skip
_LEAVES = (
    0,
    -1,
    2**31,
    2**62,
    2**64,
    1.5,
    float("nan"),
    "x",
    b"x",
    None,
    True,
    (),
    [],
    {},
    (1, 2),
    (2**40, 8),
    (-1, 3),
)


def _change_parquet(data: bytes, choices: Choices) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(io.BytesIO(data))
    metadata = dict(table.schema.metadata or {})
    if choices.one_in(3) and metadata:
        key = choices.pick(sorted(metadata))
        metadata[key] = change_words(metadata[key], choices)
    else:
        name = choices.pick(table.column_names)
        values = change_tree(table.column(name).to_pylist(), choices)
        if choices.one_in(2) and values:
            values = [values[0]] * table.num_rows
        column = pa.array((values + [None] * table.num_rows)[: table.num_rows])
        if str(column.type).count("<") > _MAX_PARQUET_DEPTH:
            raise ValueError("too deep")
        table = table.set_column(table.column_names.index(name), choices.pick((name, name, name, "layout")), column)
    out = io.BytesIO()
    pq.write_table(
        table.replace_schema_metadata(metadata),
        out,
        compression=choices.pick(("none", "zstd", "snappy", "gzip", "brotli")),
        use_dictionary=choices.one_in(2),
        data_page_version=choices.pick(("1.0", "2.0")),
        row_group_size=choices.pick((2, 4096)),
    )
    return out.getvalue()


def _change_h5(data: bytes, choices: Choices) -> bytes:
    h5py: Any = import_module("h5py")
    out = io.BytesIO(data)
    with h5py.File(out, "r+") as file:
        found: list[Any] = []
        file.visititems(lambda _, item: found.append(item))
        item = choices.pick(found)
        if len(item.attrs) and (choices.one_in(2) or not isinstance(item, h5py.Dataset)):
            name = choices.pick(sorted(item.attrs))
            value = item.attrs[name]
            is_pickle = isinstance(value, bytes) or getattr(value, "dtype", None) == np.dtype("O")
            item.attrs[name] = (
                np.void(_change_inside(bytes(value), choices)) if is_pickle else change_array(value, choices)
            )
        elif isinstance(item, h5py.Dataset):
            parent, name, value = item.parent, item.name, item[()]
            assert parent is not None
            assert name is not None
            del parent[name]
            if not choices.one_in(6):
                parent[name] = change_array(value, choices)
    return out.getvalue()


def _is_json(data: bytes) -> bool:
    try:
        json.loads(data)
    except (ValueError, RecursionError):
        return False
    return True


def _is_pickle(data: bytes) -> bool:
    return data[:1] in (b"\x80", b"(", b"c") and data[-1:] == b"."


def _is_text(data: bytes) -> bool:
    try:
        data[:4096].decode()
    except UnicodeDecodeError as error:
        return error.start > len(data[:4096]) - 4
    return b"\x00" not in data[:4096]


_KINDS: tuple[tuple[Callable[[bytes], bool], Callable[[bytes, Choices], bytes]], ...] = (
    (lambda data: data.startswith(b"PK\x03\x04"), _change_npz),
    (lambda data: data.startswith(b"\x93NUMPY"), _change_npy),
    (lambda data: data.startswith(b"PAR1"), _change_parquet),
    (lambda data: data.startswith(b"\x89HDF"), _change_h5),
    (lambda data: data[257:262] == b"ustar", _change_tar),
    (_is_pickle, _change_pickle),
    (_is_json, _change_json),
    (_is_text, change_words),
)
"""How a file of a kind is told, and how it is changed inside; in the order in which they are tried."""
