"""From a result to its overlay in one call."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from smplify_jax.body.load import load_body
from smplify_jax.camera.extrinsics import Extrinsics
from smplify_jax.camera.pinhole import Camera, project
from smplify_jax.errors import InputError
from smplify_jax.pictures.overlay import OverlayStyle
from smplify_jax.pictures.palette import YELLOW
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


def test_keypoints_without_end_need_no_endless_picture(pair: FitResult, keypoints: np.ndarray):
    for far in (np.inf, 1e30):
        absurd = keypoints.copy()
        absurd[1, 0, :2] = far
        assert max(draw_fit(pair[1], absurd[1], style=OverlayStyle(max_side=200)).shape) <= 200


def test_keypoints_of_other_people_are_refused(pair: FitResult, keypoints: np.ndarray):
    with pytest.raises(InputError, match="keypoints of 1 people for a result of 2"):
        draw_fit(pair, keypoints[:1])


def test_views_from_the_side_and_above_stand_beside_the_picture(pair: FitResult, keypoints: np.ndarray):
    alone = draw_fit(pair[0], keypoints[0], image_size=SIZE)
    three = draw_fit(pair[0], keypoints[0], image_size=SIZE, views=("side", "top"))
    np.testing.assert_array_equal(three[:, :300], alone)
    assert three.shape == (400, 700, 4)
    side, top = (_covered(three[:, left : left + 200]) for left in (300, 500))
    # A T-pose is as wide as it is tall, and a fifth as deep; the views are twice as tall as wide.
    assert np.ptp(side[0]) > 3 * np.ptp(side[1])
    assert np.ptp(top[1]) > 3 * np.ptp(top[0])


def _covered(view: np.ndarray) -> tuple[np.ndarray, ...]:
    """Rows and columns where there is a body: its colour is not a grey."""
    return np.nonzero(np.asarray(np.ptp(view[..., :3].astype(int), axis=-1)) > 20)


def test_every_fitted_keypoint_has_a_line_to_the_detected_one(pair: FitResult, keypoints: np.ndarray):
    moved = keypoints[0].copy()
    moved[13, :2] += (30.0, 30.0)
    plain = OverlayStyle(body_opacity=0.0, show_limbs=False)
    picture = draw_fit(pair[0], moved, image_size=SIZE, style=plain)
    middle = (moved[13, :2] - 15).astype(int)
    # A line of 1.2 px may lie between two pixels.
    np.testing.assert_allclose(picture[middle[1], middle[0], :3].astype(float), YELLOW, atol=40)


def test_without_keypoints_those_of_the_fit_are_marked(pair: FitResult):
    marked = draw_fit(pair[0], image_size=SIZE, style=OverlayStyle(body_opacity=0.0))
    inside = np.asarray(pair.keypoints_px)[0]
    inside = inside[(inside < SIZE).all(axis=1)].astype(int)
    assert len(inside) > 10
    assert (marked[inside[:, 1], inside[:, 0], 3] > 200).all()


def test_uncertain_limbs_have_another_color(pair: FitResult):
    std = np.full((24, 3), 0.01)
    std[[18, 20, 22]] = 0.2  # the left arm, which is on the right of the picture
    doubtful = dataclasses.replace(pair[0], joints_std=std)
    picture = draw_fit(doubtful, image_size=SIZE, color="uncertainty", style=OverlayStyle(show_fitted=False))
    joints = np.asarray(pair.joints)[0, [9, 18]]  # the chest and the left elbow
    x, y = (500.0 * joints[:, :2] / joints[:, 2:] + (150.0, 200.0)).astype(int).T
    certain, uncertain = picture[y, x, :3].astype(int)
    assert certain[2] > certain[0] + 40  # blue
    assert uncertain[0] > uncertain[2] + 40  # vermilion


def test_people_are_chosen_with_their_keypoints(pair: FitResult, keypoints: np.ndarray):
    one = pair.overlay(keypoints=keypoints, people=0, image_size=SIZE)
    np.testing.assert_array_equal(one, draw_fit(pair[0], keypoints[0], image_size=SIZE))


def test_what_is_no_picture_or_has_other_keypoints_is_refused(pair: FitResult, keypoints: np.ndarray):
    for image in ("photo.jpg", np.zeros((400, 300), np.uint8), np.zeros((400, 300, 3))):
        with pytest.raises(InputError, match=r"give an array \(H, W, 3\) of uint8"):
            pair.overlay(image, keypoints)  # pyright: ignore[reportArgumentType]
    with pytest.raises(InputError, match=r"shape \(2, 5, 3\), and the layout 17"):
        pair.overlay(keypoints=keypoints[:, :5])
    with pytest.raises(InputError, match=r"give a list of views, such as \['side'\]"):
        pair.overlay(views="side")  # pyright: ignore[reportArgumentType]
    with pytest.raises(InputError, match="frames of several people"):
        jax.tree.map(lambda leaf: np.stack([leaf, leaf]), pair).overlay()


def test_unknown_views_and_worlds_are_refused(pair: FitResult):
    with pytest.raises(InputError, match="'back' is not one of 'side', 'top'"):
        draw_fit(pair, views=("back",))  # pyright: ignore[reportArgumentType]
    for num_views, advice in ((0, r"result\.report"), (2, r"in_view\(0\)")):
        world = Extrinsics(np.zeros((2, num_views, 3, 3)), np.zeros((2, num_views, 3)))
        with pytest.raises(InputError, match=advice):
            dataclasses.replace(pair, extrinsics=world).overlay()
    with pytest.raises(InputError, match=r"image_size is \(0, 400\)"):
        pair.overlay(image_size=(0, 400))
