"""Columns of the Parquet files of fits; each row is one person in a picture, or in a frame of a video.

Lists have a fixed size, so that a column is one block of numbers. Lists of keypoints are the exception: their size depends on the layout,
and a type without a size lets readers combine files of several layouts into one table. A file holds one layout, because people of different
layouts are fitted in different batches anyway. An unknown number is null; in a list it is NaN, which keeps the column one block.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from smplify_jax.camera.crop_box import SPIN_BOX_FACTOR
from smplify_jax.datasets.track_columns import track_types
from smplify_jax.errors import InputError
from smplify_jax.files.arrow import require_arrow
from smplify_jax.keypoints.rows import DatasetRow
from smplify_jax.quality.score import QualityFeatures
from smplify_jax.result import FitResult, FitStatus
from smplify_jax.terms.objective import TERM_NAMES

if TYPE_CHECKING:
    import pyarrow

NUMBER_COLUMNS = (
    "quality",
    "error_percent",
    "cost",
    *(f"cost_{name}" for name in TERM_NAMES),
    *(f"quality_features_{name}" for name in QualityFeatures.__dataclass_fields__),
    "start_margin",
    "person_height_px",
    "box_factor",
)
"""Columns of one float32 each, null where the number is not known."""


def fits_table(people: Sequence[DatasetRow], result: FitResult, box_factor: float | None = None) -> pyarrow.Table:
    """Make the rows of a batch.

    Args:
        people: N people with unique ids.
        result: their N fits in the same order.
        box_factor: size of the crops that trainers use over the size of the boxes. By default 1 for boxes with a margin, as in SPIN and
            4D-Humans; 1.2 for tight boxes, such as those of COCO and of detectors, and for people without a box.
    Returns:
        A table of N rows.
    Raises:
        InputError: the numbers of fits and people differ, two people have the same id, or the keypoints do not match the fits' layout.
    """
    num_people = len(people)
    if not num_people or not result.is_batched or len(result) != num_people:
        raise InputError(f"{num_people} people were given and {len(result)} fits: give one fit for each person.")
    if len({person.id for person in people}) < num_people:
        raise InputError("two people have the same id: ids must be unique in the dataset.")
    points, lists = _points(people, result), _list_columns(people, result)
    counts = {"status": np.asarray(result.status, np.int8), "num_steps": np.asarray(result.num_steps, np.int32)}
    pa, _ = require_arrow()
    texts = {name: pa.array(values, pa.string()) for name, values in _text_columns(people, result).items()}
    numbers = {name: _arrow_array(column) for name, column in (counts | lists).items()}
    numbers |= {
        name: pa.array(column, from_pandas=True) for name, column in _numbers(people, result, box_factor).items()
    }
    numbers |= {name: _lists_of_any_size(column) for name, column in points.items()}
    return pa.table(texts | numbers | _places(people))


def median_error_percent(reprojection_error_px: np.ndarray, person_height_px: np.ndarray) -> np.ndarray:
    """Median distance (N,) between fitted and detected keypoints in percent of the person's height; NaN without keypoints.

    Args:
        reprojection_error_px: (N, K), NaN where there is none.
        person_height_px: (N,).
    """
    is_known = np.asarray(np.isfinite(reprojection_error_px).any(axis=1))
    errors = np.where(is_known[:, None], reprojection_error_px, 0.0)
    return np.where(is_known, 100 * np.nanmedian(errors, axis=1) / person_height_px, np.nan)


def _text_columns(people: Sequence[DatasetRow], result: FitResult) -> dict[str, list[str | None]]:
    names = ("id", "source_id", "image", "file", "position", "gender")
    return {
        **{name: [getattr(person, name) or None for person in people] for name in names},
        "layout": [result.layout] * len(people),
        "status_name": [FitStatus(int(code)).name.lower() for code in np.asarray(result.status)],
    }


def _places(people: Sequence[DatasetRow]) -> dict[str, pyarrow.Array]:
    """The TRACK_COLUMNS: what data sets say of the tracks of people who were fitted by themselves is not among them."""
    pa, _ = require_arrow()
    return {
        name: pa.array([getattr(person, name) if person.video else None for person in people], type_)
        for name, type_ in track_types().items()
    }


def _numbers(people: Sequence[DatasetRow], result: FitResult, box_factor: float | None) -> dict[str, np.ndarray]:
    height = np.asarray(result.person_height_px)
    numbers = {
        "quality": result.quality,
        "error_percent": median_error_percent(np.asarray(result.reprojection_error_px), height),
        "cost": result.cost,
        **{f"cost_{name}": value for name, value in result.cost_by_term.items()},
        **{f"quality_features_{name}": value for name, value in vars(result.quality_features).items()},
        "start_margin": result.start_margin,
        "person_height_px": height,
        "box_factor": [box_factor or (person.box.crop_factor if person.box else SPIN_BOX_FACTOR) for person in people],
    }
    return {name: np.asarray(numbers[name], np.float32) for name in NUMBER_COLUMNS}


def _points(people: Sequence[DatasetRow], result: FitResult) -> dict[str, np.ndarray]:
    """Detected keypoints (N, 3 K) and fitted keypoints (N, 2 K)."""
    num_keypoints = result.keypoints_px.shape[-2]
    shapes = {np.shape(person.keypoints) for person in people}
    if shapes - {(num_keypoints, 3)}:
        raise InputError(
            f"keypoints have the shapes {sorted(shapes)}: expected ({num_keypoints}, 3), the shape of the fits' layout {result.layout!r}."
        )
    points = {"keypoints": [person.keypoints for person in people], "keypoints_px": result.keypoints_px}
    return {name: np.asarray(value, np.float32).reshape(len(people), -1) for name, value in points.items()}


def _list_columns(people: Sequence[DatasetRow], result: FitResult) -> dict[str, np.ndarray]:
    fitted = {
        "betas": result.betas,
        "global_orient": result.global_orient,
        "body_pose": result.body_pose,
        "transl": result.transl,
        "focal_length": result.camera.focal_length,
        "camera_center": result.camera.camera_center,
        "joints": result.joints,
        "joints_std": result.joints_std,
    }
    from_input = {
        "image_size": [person.image_size or _UNKNOWN for person in people],
        "box_center": [person.box.center if person.box else _UNKNOWN for person in people],
        "box_size": [person.box.size if person.box else _UNKNOWN for person in people],
    }
    return {
        name: np.asarray(value, np.float32).reshape(len(value), -1) for name, value in (fitted | from_input).items()
    }


_UNKNOWN = (np.nan, np.nan)
"""NaN rather than null, which keeps a column of lists one block of numbers."""


def _lists_of_any_size(column: np.ndarray) -> pyarrow.Array:
    """A column of lists whose type does not state their size."""
    pa, _ = require_arrow()
    ends = np.arange(len(column) + 1, dtype=np.int32) * column.shape[1]
    return pa.ListArray.from_arrays(ends, pa.array(np.ascontiguousarray(column).ravel()))


def _arrow_array(column: np.ndarray) -> pyarrow.Array:
    """A column of numbers, or of fixed-size lists of them."""
    pa, _ = require_arrow()
    if column.ndim == 1:
        return pa.array(column)
    return pa.FixedSizeListArray.from_arrays(pa.array(np.ascontiguousarray(column).ravel()), column.shape[1])
