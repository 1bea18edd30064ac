"""Which keypoints count as observations, and the names that people get."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from smplify_jax.errors import InputError
from smplify_jax.keypoints.keypoint_set import KeypointSet
from smplify_jax.keypoints.names import MAX_NAME_BYTES, MAX_NAME_LENGTH, file_safe, unique_names
from smplify_jax.keypoints.observations import clean_keypoints, drop_outside

SOMEWHERE = (30.0, 40.0, 0.5)


@pytest.mark.parametrize(
    "row",
    [
        (0, 0, 0),
        (30, 40, 0),
        (30, 40, -0.2),
        (30, 40, np.nan),
        (30, 40, np.inf),
        (np.nan, 40, 1),
        (30, -np.inf, 1),
        (1e300, 40, 1),
        (np.nan, np.nan, np.nan),
        (0, 0, 0.3),
        (0, 0, 3),
        (-0.0, 0.0, 1),
        (-1, -1, 0),
        (-1, -1, 0.9),
        (-1, -1, -1),
        (None, None, 0.5),
        (30, 40, None),
        (-1e9, 40, 1),
        (30, 3e38, 1),
    ],
)
def test_what_was_not_found_is_a_row_of_zeros(row):
    np.testing.assert_array_equal(clean_keypoints([SOMEWHERE, row]), [SOMEWHERE, (0, 0, 0)])


@pytest.mark.parametrize("row", [(30, 40, 0.01), (40, 0, 0.5), (-20, 900, 1), (0, 40, 1), (-1, 40, 1), (-1, 0, 1)])
def test_what_was_found_stays_also_on_the_edge_and_outside_the_picture(row):
    np.testing.assert_array_equal(clean_keypoints([row]), np.array([row], np.float32))


def test_confidence_above_one_counts_as_one():
    cleaned = clean_keypoints([[(30, 40, 2), (30, 40, 5.5), (30, 40, 1)]])
    np.testing.assert_array_equal(cleaned[..., 2], [[1, 1, 1]])


rows = hnp.arrays(
    st.sampled_from([np.float32, np.float64, np.int64]), hnp.array_shapes(min_dims=1, max_dims=2).map(lambda s: (*s, 3))
)


@given(keypoints=rows)
def test_cleaning_is_finite_and_idempotent_and_leaves_the_callers_array_alone(keypoints):
    before = keypoints.copy()
    keypoints.flags.writeable = False
    cleaned = clean_keypoints(keypoints)
    np.testing.assert_array_equal(keypoints, before)
    assert not np.shares_memory(cleaned, keypoints)
    assert cleaned.dtype == np.float32
    assert cleaned.shape == keypoints.shape
    assert np.isfinite(cleaned).all()
    assert ((cleaned[..., 2] >= 0) & (cleaned[..., 2] <= 1)).all()
    np.testing.assert_array_equal(clean_keypoints(cleaned), cleaned)


@given(keypoints=hnp.arrays(np.float64, (3, 5, 3)), person=st.integers(0, 2))
def test_a_person_is_cleaned_alone_as_in_a_batch(keypoints, person):
    np.testing.assert_array_equal(clean_keypoints(keypoints)[person], clean_keypoints(keypoints[person]))


@pytest.mark.parametrize(
    ("keypoints", "message"),
    [
        (np.zeros(3), r"shape \(3,\)"),
        (np.zeros((17, 2)), r"shape \(17, 2\)"),
        (np.zeros((1, 1, 17, 3)), r"expected \(K, 3\) or \(B, K, 3\)"),
        (np.full((17, 3), "1", dtype=object), "type object"),
        (np.full((17, 3), True, dtype=object), "type object"),
        (np.zeros((17, 3), dtype=complex), "type complex128"),
        (np.zeros((17, 3), dtype=bool), "type bool"),
        ([["a", "b", "c"]], "expected real numbers"),
        ([[1, 2, 3], [1, 2]], "rows have different lengths"),
        (None, "type object"),
        ({"keypoints": []}, "type object"),
    ],
)
def test_other_shapes_and_types_are_refused(keypoints: Any, message: str):
    with pytest.raises(InputError, match=message):
        clean_keypoints(keypoints)


def test_arrays_of_other_libraries_are_read():
    torch = pytest.importorskip("torch")
    expected = clean_keypoints([[SOMEWHERE]])
    tensor = torch.tensor([[SOMEWHERE]], requires_grad=True)
    masked = np.ma.MaskedArray([[SOMEWHERE, (30, 40, 1)]], mask=np.array([[(0, 0, 0), (1, 1, 0)]], bool))
    np.testing.assert_array_equal(clean_keypoints(tensor), expected)
    np.testing.assert_array_equal(clean_keypoints([tensor[0]]), expected)
    np.testing.assert_array_equal(clean_keypoints(tensor.to(torch.bfloat16)), expected)
    np.testing.assert_array_equal(clean_keypoints(masked), [[SOMEWHERE, (0, 0, 0)]])


def test_points_outside_the_picture_can_be_dropped():
    keypoints = np.array([(0, 1, 1), (640, 480, 1), (-1, 40, 1), (30, 481, 1), SOMEWHERE])
    inside = drop_outside(keypoints, (640, 480))
    np.testing.assert_array_equal(inside[:, 2], np.array([1, 1, 0, 0, 0.5], np.float32))
    np.testing.assert_array_equal(inside[2:4], 0)
    assert keypoints[2, 2] == 1


def test_each_person_has_a_picture_of_their_own_and_unknown_sizes_drop_nothing():
    keypoints = np.array([[(500, 40, 1)], [(500, 40, 1)], [(500, 40, 1)]])
    inside = drop_outside(keypoints, [(640, 480), (400, 300), (np.nan, np.nan)])
    np.testing.assert_array_equal(inside[:, 0, 2], [1, 0, 1])


@pytest.mark.parametrize("image_size", [640, (640, 480, 3), [(640, 480)] * 2, ("640", "480"), None])
def test_a_picture_size_that_does_not_fit_is_refused(image_size: Any):
    with pytest.raises(InputError, match="image_size has shape"):
        drop_outside(np.zeros((3, 17, 3)), image_size)


@given(
    names=st.lists(st.text(max_size=300), max_size=6)
    | st.lists(st.sampled_from(["a", "A", "a_2", "a" * 500]), max_size=6)
)
def test_names_are_unique_safe_short_and_stay_when_made_so_again(names):
    made = unique_names(names)
    assert len({name.casefold() for name in made}) == len(names)
    assert unique_names(made) == made
    for name in made:
        assert 0 < len(name) <= MAX_NAME_LENGTH + 1
        assert len(name.encode()) <= MAX_NAME_BYTES + 1
        assert os.path.basename(name) == name
        assert not name.startswith((".", "-"))
        assert not set(name) & set('/\\:*?"<>| \t\n\0')


@pytest.mark.parametrize("name", ["street_7_40", "walk_000000000000_0", "IMG-2024.01+a", "王_0"])
def test_safe_names_are_left_alone(name):
    assert file_safe(name) == name


def keypoint_set(**changes: Any) -> KeypointSet:
    fields: dict[str, Any] = {
        "keypoints": np.ones((1, 17, 3), np.float32),
        "layout": "coco17",
        "names": ("anna",),
        "image_size": np.full((1, 2), np.nan, np.float32),
        "image_names": (None,),
    }
    return KeypointSet(**(fields | changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"layout": "lsp14"}, r"need \(1, 14, 3\)"),
        ({"keypoints": np.ones((1, 17, 3))}, "type float64"),
        ({"names": ("anna", "ben")}, "2 people"),
        ({"names": ("a/b",)}, "safe as file names"),
        ({"image_size": np.ones((2,), np.float32)}, "image_size has shape"),
        ({"image_size": np.array([[640, np.nan]], np.float32)}, "positive width and height"),
        ({"image_names": ()}, "0 image names"),
    ],
)
def test_an_inconsistent_set_is_refused(changes, message):
    assert len(keypoint_set()) == 1
    with pytest.raises(InputError, match=message):
        keypoint_set(**changes)
