"""People with hidden parts get plausible bodies, or a status that says why not."""

import numpy as np
import pytest
from people import IMAGE_SIZE, draw_people

from smplify_jax import FitStatus, fit, get_layout
from smplify_jax.geometry.metrics import pa_mpjpe

NAMES = get_layout("coco17").keypoint_names
HIDDEN = {
    "lower body": ("hip", "knee", "ankle"),
    "left side": ("left_",),
    "right side": ("right_",),
    "hips": ("hip",),
    "face": ("nose", "eye", "ear"),
    "all but five": ("eye", "ear", "nose", "knee", "ankle", "wrist", "right_hip"),
}


@pytest.fixture(scope="module")
def people():
    return draw_people(16, "coco17", seed=31)


@pytest.mark.parametrize("part", HIDDEN)
def test_bodies_stay_sane(people, part):
    keypoints = people.keypoints.copy()
    is_hidden = [any(word in name for word in HIDDEN[part]) for name in NAMES]
    keypoints[:, is_hidden, 2] = 0.0
    result = fit(keypoints, layout="coco17", image_size=IMAGE_SIZE, camera=people.focal_length)
    assert all(status.is_usable for status in result.statuses())
    assert np.abs(result.betas).max() < 3
    assert np.nanmedian(result.reprojection_error_px / people.height_px[:, None]) < 0.03
    errors = [pa_mpjpe(ours, true) for ours, true in zip(np.asarray(result.joints, float), people.joints, strict=True)]
    # What is hidden can only be guessed; a body that is twisted or folded up is off by 300 mm.
    assert np.mean(errors) < 0.17


def test_three_keypoints_are_honestly_too_few(people):
    keypoints = people.keypoints.copy()
    keypoints[:, 3:, 2] = 0.0
    result = fit(keypoints, layout="coco17", image_size=IMAGE_SIZE)
    assert set(result.statuses()) == {FitStatus.TOO_FEW_KEYPOINTS}
