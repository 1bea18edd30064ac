"""From a reader's records to rows: cleaning many people at once gives the same rows as one by one."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smplify_jax.errors import InputError
from smplify_jax.keypoints.formats.found import _BLOCK, FoundPerson, found_person, rows_of
from smplify_jax.keypoints.formats.reading import DamagedFileError, Source
from smplify_jax.keypoints.observations import clean_keypoints
from smplify_jax.keypoints.rows import DatasetRow, RejectedRow

SOURCE = Source(Path("people.json"), "people.json")
LAYOUTS = {14: "lsp14", 17: "coco17"}

GOOD, UNSEEN, FRACTIONS, BROKEN = "good", "no keypoint has finite", "look like fractions", "is broken"


def _keypoints(kind, count, number):
    keypoints = np.random.default_rng(number).uniform(10.0, 400.0, (count, 3))
    keypoints[number % count] = np.nan
    if kind == UNSEEN:
        keypoints[:, 2] = 0.0
    return keypoints / 500.0 if kind == FRACTIONS else keypoints


def _found(position: str, record: tuple[str, np.ndarray]) -> FoundPerson:
    kind, keypoints = record
    if kind == BROKEN:
        raise InputError("the record is broken")
    return found_person(SOURCE, position, keypoints, LAYOUTS[len(keypoints)])


@given(st.lists(st.tuples(st.sampled_from([GOOD, UNSEEN, FRACTIONS, BROKEN]), st.sampled_from([14, 17])), max_size=20))
def test_each_record_has_its_row_or_its_reason_in_its_place(kinds):
    records = [(f"[{k}]", (kind, _keypoints(kind, count, k))) for k, (kind, count) in enumerate(kinds)]
    rows = list(rows_of(SOURCE, records, _found))
    assert [row.position for row in rows] == [position for position, _ in records]
    for row, (_, (kind, keypoints)) in zip(rows, records, strict=True):
        if kind == GOOD:
            assert isinstance(row, DatasetRow)
            np.testing.assert_array_equal(row.keypoints, clean_keypoints(keypoints))
            assert row.layout == LAYOUTS[len(keypoints)]
        else:
            assert isinstance(row, RejectedRow)
            assert kind in row.reason


@pytest.mark.parametrize("count", [1, _BLOCK - 1, _BLOCK, _BLOCK + 1, 2 * _BLOCK + 3])
def test_what_comes_before_an_error_is_read(count):
    def records(error):
        for k in range(count):
            yield f"[{k}]", (GOOD, _keypoints(GOOD, 17, k))
        raise error

    rows = list(rows_of(SOURCE, records(DamagedFileError("cut off", f"[{count}]")), _found))
    assert rows[-1] == RejectedRow("people.json", f"[{count}]", "cut off")
    assert [row.position for row in rows] == [f"[{k}]" for k in range(count + 1)]

    read = []
    with pytest.raises(InputError, match="no such column"):
        read.extend(rows_of(SOURCE, records(InputError("no such column")), _found))
    assert len(read) == count
