"""camera="search": a few focal lengths are tried, and the one that explains the keypoints best stays."""

import numpy as np
import pytest
from people import IMAGE_SIZE, draw_people

from smplify_jax import fit
from smplify_jax.errors import InputError
from smplify_jax.fitting.focal_search import FOCAL_LENGTHS_PER_DIAGONAL

DIAGONAL = float(np.hypot(*IMAGE_SIZE))


@pytest.fixture(scope="module")
def people():
    return draw_people(4, "coco17", seed=21)


@pytest.fixture(scope="module")
def searched(people):
    return fit(people.keypoints, layout="coco17", image_size=IMAGE_SIZE, camera="search")


def test_one_of_the_candidates_is_chosen_for_each_person(searched):
    ratios = np.asarray(searched.camera.focal_length[:, 0]) / DIAGONAL
    assert all(np.isclose(ratio, FOCAL_LENGTHS_PER_DIAGONAL, rtol=1e-5).any() for ratio in ratios)


def test_no_candidate_alone_has_less_energy(people, searched):
    for ratio in FOCAL_LENGTHS_PER_DIAGONAL:
        alone = fit(people.keypoints, layout="coco17", image_size=IMAGE_SIZE, camera=ratio * DIAGONAL)
        # The same program at another batch size: float32 sums in another order.
        assert (np.asarray(searched.cost) <= np.asarray(alone.cost) * 1.02 + 0.1).all()


def test_one_person_who_cannot_be_fitted_leaves_the_others(people, searched):
    keypoints = people.keypoints.copy()
    keypoints[1, 2:] = 0.0
    result = fit(keypoints, layout="coco17", image_size=IMAGE_SIZE, camera="search")
    assert np.isnan(result.cost[1])
    np.testing.assert_array_equal(result.camera.focal_length[2:], searched.camera.focal_length[2:])


def test_another_word_is_refused(people):
    with pytest.raises(InputError, match="search"):
        fit(people.keypoints, layout="coco17", image_size=IMAGE_SIZE, camera="guess")
