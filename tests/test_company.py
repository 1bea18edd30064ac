"""A person's fit is the same to the bit, whoever is fitted in the same call; so a job is, however it was cut.

A tolerance would hide what this is about: the same program runs on every person, and what it does for one must not depend on the others.
"""

import dataclasses

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from company import NUM_PEOPLE, assert_same, draw_rows
from dataset_jobs import files_of

from smplify_jax.datasets.job.fitter import PeopleFitter
from smplify_jax.datasets.job.job import fit_dataset

FITTER = PeopleFitter()


def _absurd(row):
    return dataclasses.replace(row, keypoints=row.keypoints * np.float32(1e30))


@pytest.fixture(scope="module")
def rows():
    return draw_rows()


@pytest.fixture(scope="module")
def whole(rows):
    return FITTER.fit(rows)


@pytest.mark.parametrize("seed", range(4))
def test_a_person_is_fitted_the_same_to_the_bit_in_random_company(rows, whole, seed):
    rng = np.random.default_rng(seed)
    order = rng.permutation(NUM_PEOPLE)[: rng.integers(1, NUM_PEOPLE + 1)]
    assert_same(FITTER.fit([rows[k] for k in order]), whole[order])


@pytest.mark.parametrize("count", [1, 16, 64, 65, 257])
def test_the_number_of_people_in_a_call_changes_no_bit(rows, whole, count):
    assert_same(FITTER.fit(rows[:count]), whole[:count])


@pytest.mark.parametrize("shift", [1, 7, 8])
def test_the_place_in_a_batch_changes_no_bit(rows, whole, shift):
    order = np.roll(np.arange(NUM_PEOPLE), shift)
    assert_same(FITTER.fit([rows[k] for k in order]), whole[order])


@pytest.mark.filterwarnings("ignore:1.*most keypoints lie outside the picture")
def test_absurd_neighbours_change_no_bit(rows, whole):
    mixed = [_absurd(row) if k % 3 else row for k, row in enumerate(rows)]
    kept = np.arange(0, NUM_PEOPLE, 3)
    assert_same(FITTER.fit(mixed)[kept], whole[kept])


def test_a_job_whose_files_were_deleted_at_random_resumes_to_the_same_bytes(rows, tmp_path):
    pq.write_table(pa.Table.from_pylist([_record(row) for row in rows]), tmp_path / "people.parquet")

    def run(resume):
        fit_dataset(tmp_path / "people.parquet", tmp_path / "out", fitter=FITTER, batch_size=16, resume=resume)
        return files_of(tmp_path / "out")

    whole = run(resume=False)
    parts = sorted((tmp_path / "out" / "parquet").iterdir())
    for part in np.random.default_rng(0).choice(parts, 8, replace=False):
        part.unlink()
    assert run(resume=True) == whole


def _record(row):
    return {
        "keypoints": row.keypoints.ravel().tolist(),
        "layout": row.layout,
        "image_width": float(row.image_size[0]),
        "image_height": float(row.image_size[1]),
        "focal_length": row.focal_length,
    }
