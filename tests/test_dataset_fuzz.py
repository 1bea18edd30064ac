"""Damaged datasets of every format are read as far as they go or refused, and raise nothing but `InputError`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dataset_files import write_samples
from hypothesis import given
from hypothesis import strategies as st

from smplify_jax import InputError
from smplify_jax.datasets.read import read_dataset
from smplify_jax.keypoints.rows import DatasetRow, RejectedRow


@pytest.fixture(scope="module")
def samples(tmp_path_factory) -> list[Path]:
    return write_samples(tmp_path_factory.mktemp("samples"))


def assert_read_or_refused(path: Path) -> None:
    """Reading yields rows or refuses the file: no other exception, and nothing but finite numbers."""
    try:
        rows = list(read_dataset(path))
    except InputError:
        return
    for row in rows:
        if isinstance(row, DatasetRow):
            assert np.isfinite(row.keypoints).all()
            assert ((row.keypoints[:, 2] >= 0) & (row.keypoints[:, 2] <= 1)).all()
        else:
            assert isinstance(row, RejectedRow)
            assert row.reason


@given(number=st.integers(0, 18), share=st.floats(0, 1))
def test_a_truncated_file_is_read_or_refused(tmp_path_factory, samples, number, share):
    path = tmp_path_factory.mktemp("cut") / "damaged"
    data = samples[number].read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    assert_read_or_refused(path)


@given(number=st.integers(0, 18), place=st.floats(0, 1, exclude_max=True), value=st.integers(0, 255))
def test_a_file_with_a_changed_byte_is_read_or_refused(tmp_path_factory, samples, number, place, value):
    path = tmp_path_factory.mktemp("changed") / "damaged"
    data = bytearray(samples[number].read_bytes())
    data[int(place * len(data))] = value
    path.write_bytes(data)
    assert_read_or_refused(path)


KEYS = [
    "people",
    "pose_keypoints_2d",
    "annotations",
    "images",
    "categories",
    "id",
    "image_id",
    "keypoints",
    "instances",
]
KEYS += [
    "keypoint_scores",
    "instance_info",
    "meta_info",
    "keypoint_id2name",
    "predictions",
    "pose_landmarks",
    "landmark",
    "width",
    "height",
    "bbox",
    "box",
    "joints",
    "annots",
    "skeleton",
    "results",
    "frames",
    "x",
    "y",
]

json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=12,
)


@given(value=json_values)
def test_json_with_the_right_words_in_the_wrong_places_is_read_or_refused(tmp_path_factory, value):
    path = tmp_path_factory.mktemp("json") / "a.json"
    path.write_text(json.dumps(value))
    assert_read_or_refused(path)


def _replaced(value: Any, path: list[int], new: Any) -> Any:
    """A copy of JSON with something else at one place in it."""
    if not path or not isinstance(value, (dict, list)) or not value:
        return new
    keys = list(value) if isinstance(value, dict) else range(len(value))
    key = keys[path[0] % len(value)]
    copy = value.copy()
    copy[key] = _replaced(value[key], path[1:], new)
    return copy


@given(number=st.integers(0, 11), place=st.lists(st.integers(0, 60), max_size=5), new=json_values)
def test_a_record_with_something_else_in_one_place_is_read_or_refused(tmp_path_factory, samples, number, place, new):
    path = tmp_path_factory.mktemp("record") / "a.json"
    value = json.loads(samples[number].read_text())
    path.write_text(json.dumps(_replaced(value, place, new)))
    assert_read_or_refused(path)
