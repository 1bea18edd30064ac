"""From a result to its overlay in one call."""

from __future__ import annotations

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest

from smplify_jax.body.load import load_body
from smplify_jax.camera.pinhole import Camera, project
from smplify_jax.errors import InputError
from smplify_jax.quality.score import QualityFeatures
from smplify_jax.result import FitResult, FitStatus
from smplify_jax.result.overlay import draw_fit

SIZE = (300, 400)


@pytest.fixture(scope="module")
def pair() -> FitResult:
    """Two people 4 m away: one stands 0.5 m to the right of the camera, one could not be fitted."""
    body = load_body()
    parameters = {
        "betas": jnp.zeros((2, 10)),
        "global_orient": jnp.tile(jnp.array([np.pi, 0.0, 0.0]), (2, 1)),
        "body_pose": jnp.zeros((2, 69)),
        "transl": jnp.array([[0.5, 0.0, 4.0], [jnp.nan] * 3]),
    }
    camera = Camera(jnp.full((2, 2), 500.0), jnp.tile(jnp.array([150.0, 200.0]), (2, 1)))
    keypoints_px = project(body.keypoints(**parameters, layout="coco17"), camera)
    return FitResult(
        **parameters,
        camera=camera,
        joints=body.joints(**parameters),
        joints_std=jnp.zeros((2, 24, 3)),
        quality=jnp.zeros(2),
        quality_features=QualityFeatures(**{field.name: jnp.zeros(2) for field in dataclasses.fields(QualityFeatures)}),
        start_margin=jnp.zeros(2),
        keypoints_px=keypoints_px,
        reprojection_error_px=jnp.zeros((2, 17)),
        person_height_px=jnp.array([212.0, jnp.nan]),
        cost=jnp.zeros(2),
        cost_by_term={},
        status=jnp.array([FitStatus.CONVERGED, FitStatus.TOO_FEW_KEYPOINTS]),
        num_steps=jnp.zeros(2, int),
        body=body,
        layout="coco17",
        extrinsics=None,
    )


@pytest.fixture(scope="module")
def keypoints(pair: FitResult) -> np.ndarray:
    """What was detected: the first person's keypoints, and three of the second's at the left border."""
    detected = np.zeros((2, 17, 3))
    detected[0] = np.column_stack([pair.keypoints_px[0], np.ones(17)])
    detected[1, :3] = [[20.0, 50.0, 1.0], [20.0, 90.0, 1.0], [20.0, 130.0, 1.0]]
    return detected


def test_the_body_is_drawn_at_its_place(pair: FitResult, keypoints: np.ndarray):
    alpha = draw_fit(pair[0], keypoints[0], image_size=SIZE)[..., 3]
    assert alpha.shape == (400, 300)
    columns = np.nonzero(alpha.any(axis=0))[0]
    # 0.5 m at 4 m with 500 px is 62.5 px right of the centre; the T-pose reaches as far to both sides, and is cut off.
    assert alpha[:, 212].max() == 255
    assert columns.min() > 80
    assert columns.max() == 299


def test_a_person_without_a_fit_has_only_keypoints(pair: FitResult, keypoints: np.ndarray):
    both = draw_fit(pair, keypoints, image_size=SIZE)
    alone = draw_fit(pair[0], keypoints[0], image_size=SIZE)
    assert both[90, 20, 3] == 255
    np.testing.assert_array_equal(both[:, 80:], alone[:, 80:])


def test_without_a_size_there_is_room_for_everybody(pair: FitResult, keypoints: np.ndarray):
    picture = draw_fit(pair, keypoints)
    corner = np.nanmax(keypoints[0, :, :2], axis=0)
    assert picture.shape[1] > corner[0]
    assert picture.shape[0] > corner[1]


def test_keypoints_of_other_people_are_refused(pair: FitResult, keypoints: np.ndarray):
    with pytest.raises(InputError, match="keypoints of 1 people for a result of 2"):
        draw_fit(pair, keypoints[:1])
