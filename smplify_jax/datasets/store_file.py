"""File format of a fits store: a header, the body's keypoints if fits can be measured, then the rows: two slots and the keypoints.

A writer writes to the slot that does not hold the row's newest version, and readers ignore a slot whose checksum is wrong. Whenever a
writer is killed, the other slot still holds the previous version.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np

from smplify_jax.body.skinned_points import SkinnedPoints
from smplify_jax.datasets.augmentation import RestPelvis
from smplify_jax.datasets.fit_loss import CropKeypoints, FitLoss
from smplify_jax.errors import InputError
from smplify_jax.files.atomic import atomic_write
from smplify_jax.files.damage import explained_damage
from smplify_jax.files.npz import parse_npz
from smplify_jax.files.plain import open_plain

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
"""One version of one row: the arrays of `StoredFits` with a checksum."""

NUM_KEYPOINTS = 49
_OBSERVED = np.dtype([("keypoints", "<f4", (NUM_KEYPOINTS, 3)), ("focal_length", "<f4"), ("side", "<f4")])
"""One row of `CropKeypoints`."""

_ROW = np.dtype([("slots", SLOT, 2)])
_MEASURED_ROW = np.dtype([("slots", SLOT, 2), ("observed", _OBSERVED)])

_HEADER = np.dtype(
    [
        ("magic", "S16"),
        ("num_rows", "<u8"),
        ("template", "<f8", 3),
        ("directions", "<f8", (3, NUM_BETAS)),
        ("num_points_bytes", "<u8"),  # 0 if fits cannot be measured
        ("padding", "V192"),
    ]
)
_MAGIC = b"smplify_jax_v2"
_MAGIC_UNMEASURED = b"smplify_jax_v1"  # files without keypoints; only their writer knows the unit of their losses

_NUM_WORDS = SLOT.itemsize // 4 - 1
_MULTIPLIER = 0x9E3779B1  # odd, as are its powers, so any change of a single word changes the sum modulo 2^32
_WORD_WEIGHTS = np.array([pow(_MULTIPLIER, power, 2**32) for power in range(1, _NUM_WORDS + 1)], np.uint32)
_EMPTY_CHECKSUM = np.uint32(0x5EED5EED)  # of a slot of zeros, whose own checksum field is zero, so that it is invalid


def checksums(slots: np.ndarray) -> np.ndarray:
    """The correct checksums (...,) of slots: a weighted sum of their other words, modulo 2^32."""
    words = np.ascontiguousarray(slots).view(np.uint32).reshape(*slots.shape, _NUM_WORDS + 1)[..., :-1]
    return (words * _WORD_WEIGHTS).sum(axis=-1, dtype=np.uint32) + _EMPTY_CHECKSUM


def newest(slots: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which of the two slots (N, 2) is the newest valid one: its index (N,), and whether there is one (N,)."""
    is_whole = checksums(slots) == slots["checksum"]
    version = np.where(is_whole, slots["version"], 0)
    return version.argmax(axis=1), is_whole.any(axis=1)


@dataclass(frozen=True, eq=False)
class StoreFile:
    """A memory-mapped store, shared with the other processes that map it.

    Attributes:
        slots: (num_rows, 2) of SLOT.
        rest_pelvis: of the body that was fitted.
        observed: the rows' keypoints; None if the store has none.
        loss: measures fits on the keypoints; None if the store has none.
    """

    slots: np.ndarray
    rest_pelvis: RestPelvis
    observed: CropKeypoints | None
    loss: FitLoss | None


def write_store(
    path: str | os.PathLike[str],
    num_rows: int,
    rest_pelvis: RestPelvis,
    blocks: Iterable[tuple[np.ndarray, CropKeypoints | None]],
    loss: FitLoss | None = None,
) -> None:
    """Write a new store, completely or not at all.

    Args:
        path: the file.
        num_rows: total of all blocks.
        rest_pelvis: of the body that was fitted.
        blocks: slots (N,) of SLOT, whose versions and checksums are set here, with the keypoints of the same rows; keypoints are None in
            every block if `loss` is None, and in no block otherwise.
        loss: of the body that was fitted; None if fits cannot be measured.
    Raises:
        InputError: the file cannot be written.
    """
    points = b"" if loss is None else _packed(loss.points)
    header = np.zeros((), _HEADER)
    header["magic"], header["num_rows"], header["num_points_bytes"] = _MAGIC, num_rows, len(points)
    header["template"], header["directions"] = rest_pelvis.template, rest_pelvis.directions
    with atomic_write(path) as file:
        file.write(header.tobytes())
        file.write(points)
        for block, observed in blocks:
            rows = np.zeros(len(block), _ROW if observed is None else _MEASURED_ROW)
            slots = np.zeros((len(block), 2), SLOT)
            slots[:, 0] = block
            slots["version"][:, 0] = 1
            slots["checksum"][:, 0] = checksums(slots[:, 0])
            rows["slots"] = slots
            if observed is not None:
                for name in _OBSERVED.names or ():
                    rows["observed"][name] = getattr(observed, name)
            file.write(rows.tobytes())


def map_store(path: Path) -> StoreFile:
    """Open a store.

    Raises:
        InputError: the file does not exist, is not a store, or has the wrong length.
    """
    with open_plain(path, "a fits store"):
        pass  # before it is opened for writing, in which a pipe would be waited for
    try:
        with path.open("r+b") as file:
            header = np.frombuffer(file.read(_HEADER.itemsize).ljust(_HEADER.itemsize, b"\0"), _HEADER)[0]
            num_rows, num_points_bytes = int(header["num_rows"]), int(header["num_points_bytes"])
            row = _MEASURED_ROW if num_points_bytes else _ROW
            first_row = _HEADER.itemsize + num_points_bytes
            is_store = header["magic"] in (_MAGIC, _MAGIC_UNMEASURED)
            is_store = is_store and path.stat().st_size == first_row + num_rows * row.itemsize
            if not is_store:
                raise InputError(
                    f"{path}: is not a complete fits store; make one with store_from_spin or store_from_parquet."
                )
            if not np.isfinite(header["template"]).all() or not np.isfinite(header["directions"]).all():
                raise InputError(f"{path}: the body's pelvis is not finite; make the store again.")
            loss = FitLoss(_unpacked(file.read(num_points_bytes), path)) if num_points_bytes else None
        rows = np.memmap(path, row, "r+", first_row, (num_rows,))
    except InputError:
        raise
    except (OSError, ValueError) as error:  # ValueError: no rows, which cannot be mapped
        raise InputError(
            f"{path}: cannot be opened for writing ({getattr(error, 'strerror', None) or error}); check the path."
        ) from None
    observed = CropKeypoints(*(rows["observed"][name] for name in _OBSERVED.names or ())) if loss is not None else None
    return StoreFile(rows["slots"], RestPelvis(header["template"].copy(), header["directions"].copy()), observed, loss)


def _packed(points: SkinnedPoints) -> bytes:
    """An npz, padded to a multiple of 8 bytes so that the rows are aligned."""
    file = BytesIO()
    np.savez(file, **vars(points))
    return file.getvalue() + b"\0" * (-file.tell() % 8)


def _unpacked(packed: bytes, path: Path) -> SkinnedPoints:
    with explained_damage(path, "make the store again."):
        points = SkinnedPoints(**{name: np.asarray(array) for name, array in parse_npz(packed, str(path)).items()})
        _check_points(points)
    return points


def _check_points(points: SkinnedPoints) -> None:
    """Refuse keypoints whose arrays do not fit each other.

    Raises:
        ValueError: they do not, or hold numbers that are not finite.
    """
    num_joints, num_vertices, num_points = len(points.joints), len(points.vertices), len(points.is_defined)
    sizes = points.joints.shape[-1]
    shapes = {
        "joints": (num_joints, 3, sizes),
        "vertices": (num_vertices, 3, sizes),
        "posedirs": (num_vertices, 3, num_joints - 1, 9),
        "lbs_weights": (num_vertices, num_joints),
        "weights_of_joints": (num_points, num_joints),
        "weights_of_vertices": (num_points, num_vertices),
        "is_defined": (num_points,),
        "parents": (num_joints,),
    }
    for name, shape in shapes.items():
        array, kinds = getattr(points, name), {"is_defined": "b", "parents": "i"}.get(name, "f")
        if array.shape != shape or array.dtype.kind not in kinds or not np.isfinite(array).all():
            raise ValueError(
                f"the body's {name!r} has shape {array.shape} and type {array.dtype}; expected {shape}, finite"
            )
    if num_points != NUM_KEYPOINTS or not (points.parents < np.arange(num_joints)).all() or points.parents.min() < -1:
        raise ValueError("the body's keypoints are no spin49, or its joints no tree")
