"""The file of a fits store: a header, then two slots a row.

A row is rewritten in the slot that does not hold its newest version, and a slot counts only if its checksum is right. Whatever moment a
writer is killed at, the other slot still holds the version before.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from smplify_jax.datasets.augmentation import RestPelvis
from smplify_jax.errors import InputError
from smplify_jax.files.atomic import atomic_write

NUM_POSE, NUM_BETAS = 72, 10

SLOT = np.dtype(
    [
        ("version", "<u8"),
        ("pose", "<f4", NUM_POSE),
        ("betas", "<f4", NUM_BETAS),
        ("transl", "<f4", 3),
        ("loss", "<f4"),
        ("quality", "<f4"),
        ("checksum", "<u4"),
    ]
)
"""One version of one row; the numbers of `StoredFits`, and how often the row was written."""

_HEADER = np.dtype(
    [
        ("magic", "S16"),
        ("num_rows", "<u8"),
        ("template", "<f8", 3),
        ("directions", "<f8", (3, NUM_BETAS)),
        ("padding", "V200"),
    ]
)
_MAGIC = b"smplify_jax_v1"

_NUM_WORDS = SLOT.itemsize // 4 - 1
_MULTIPLIER = 0x9E3779B1  # odd, so every power of it is: no change of a single word goes unnoticed modulo 2^32
_WORD_WEIGHTS = np.array([pow(_MULTIPLIER, power, 2**32) for power in range(1, _NUM_WORDS + 1)], np.uint32)
_EMPTY_CHECKSUM = np.uint32(0x5EED5EED)  # of a slot of zeros; its own checksum field says zero, so it does not count


def checksums(slots: np.ndarray) -> np.ndarray:
    """(...,) what the checksums of slots should be: a weighted sum of their other words, modulo 2^32."""
    words = np.ascontiguousarray(slots).view(np.uint32).reshape(*slots.shape, _NUM_WORDS + 1)[..., :-1]
    return (words * _WORD_WEIGHTS).sum(axis=-1, dtype=np.uint32) + _EMPTY_CHECKSUM


def newest(slots: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which of two slots (N, 2) to believe: (N,) its index, and (N,) whether there is one at all."""
    is_whole = checksums(slots) == slots["checksum"]
    version = np.where(is_whole, slots["version"], 0)
    return version.argmax(axis=1), is_whole.any(axis=1)


def write_store(
    path: str | os.PathLike[str], num_rows: int, rest_pelvis: RestPelvis, blocks: Iterable[np.ndarray]
) -> None:
    """Write a new store, completely or not at all.

    Args:
        path: the file.
        num_rows: of all blocks together.
        rest_pelvis: of the body whose fits these are.
        blocks: (N,) of SLOT, whose versions and checksums are set here.
    Raises:
        InputError: the file cannot be written.
    """
    header = np.zeros((), _HEADER)
    header["magic"], header["num_rows"] = _MAGIC, num_rows
    header["template"], header["directions"] = rest_pelvis.template, rest_pelvis.directions
    with atomic_write(path) as file:
        file.write(header.tobytes())
        for block in blocks:
            pairs = np.zeros((len(block), 2), SLOT)
            pairs[:, 0] = block
            pairs["version"][:, 0] = 1
            pairs["checksum"][:, 0] = checksums(pairs[:, 0])
            file.write(pairs.tobytes())


def map_store(path: Path) -> tuple[np.memmap, RestPelvis]:
    """The slots (num_rows, 2) of a store, mapped into memory and shared with whoever else maps them.

    Raises:
        InputError: the file is not there, no store, or not as long as it should be.
    """
    try:
        with path.open("r+b") as file:
            header = np.frombuffer(file.read(_HEADER.itemsize).ljust(_HEADER.itemsize, b"\0"), _HEADER)[0]
        num_rows = int(header["num_rows"])
        expected = _HEADER.itemsize + 2 * num_rows * SLOT.itemsize
        is_store = header["magic"] == _MAGIC and path.stat().st_size == expected
        if not is_store:
            raise InputError(f"{path}: is no whole fits store; make one with store_from_spin or store_from_parquet.")
        slots = np.memmap(path, SLOT, "r+", _HEADER.itemsize, (num_rows, 2))
    except OSError as error:
        raise InputError(f"{path}: cannot be opened for writing ({error.strerror}); check the path.") from None
    return slots, RestPelvis(header["template"].copy(), header["directions"].copy())
