"""People in batches of a few sizes."""

import numpy as np
import pytest

from smplify_jax.execution.batching import batch_sizes, largest_batches, padded_batches


@pytest.mark.parametrize("num_devices", [1, 3])
@pytest.mark.parametrize("num_people", [1, 2, 16, 17, 64, 65, 130, 1034])
def test_everybody_comes_once_in_batches_of_one_size_and_every_device_gets_its_share(num_people, num_devices):
    batches = list(padded_batches(num_people, num_devices))
    assert sorted(np.concatenate([rows[is_person] for rows, is_person in batches])) == list(range(num_people))
    (size,) = {len(rows) for rows, _ in batches}
    assert size in [num_devices * size for size in batch_sizes()]
    for _, is_person in batches:
        shares = is_person.reshape(num_devices, -1).sum(axis=1)
        assert shares.max() - shares.min() <= 1


def test_nobody_is_no_batch():
    assert not list(padded_batches(0))


@pytest.mark.parametrize("num_people", [1, 65, 255, 256, 257, 511, 512, 1034])
def test_largest_batches_have_everybody_once_and_compile_once(num_people):
    parts = [range(num_people)[rows] for rows in largest_batches(num_people)]
    assert [row for part in parts for row in part] == list(range(num_people))
    assert len({len(rows) for part in parts for rows, _ in padded_batches(len(part))}) == 1
    assert len(parts) == max(1, num_people // batch_sizes()[-1])
