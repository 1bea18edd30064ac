"""The arguments that `fit` accepts, in all their forms, and the sentences for those that it refuses."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest
from people import IMAGE_SIZE, draw_people

from smplify_jax import BodyParameters, Camera, InputError, KeypointSet, fit, load_prior
from smplify_jax.body.open_body import OPEN_BODY_PATH

PEOPLE = draw_people(3, "coco17")
ONE = PEOPLE.keypoints[0]


def fit_people(keypoints: Any = PEOPLE.keypoints, **options: Any):
    return fit(keypoints, **{"layout": "coco17", "image_size": IMAGE_SIZE, **options})


@pytest.fixture(scope="module")
def result():
    return fit_people()


def matrix(fx: float, fy: float) -> np.ndarray:
    return np.array([[fx, 0, 640], [0, fy, 480], [0, 0, 1]])


@pytest.mark.parametrize("num_people", [1, 2, 3])
@pytest.mark.parametrize(
    "camera",
    [
        (1000.0, 1400.0),
        matrix(1000, 1400),
        Camera(np.array([1000.0, 1400.0]), np.array([640.0, 480.0])),
    ],
    ids=["pair", "K", "Camera"],
)
def test_a_pair_of_focal_lengths_is_along_x_and_y_for_any_number_of_people(num_people, camera):
    fitted = fit_people(PEOPLE.keypoints[:num_people], camera=camera)
    np.testing.assert_array_equal(fitted.camera.focal_length, [[1000, 1400]] * num_people)


@pytest.mark.parametrize(
    "camera",
    [
        np.array([[1000.0], [1400.0]]),
        [Camera(np.array(1000.0), np.array([640.0, 480.0])), Camera(np.array([1400.0]), np.array([640.0, 480.0]))],
        [matrix(1000, 1000), matrix(1400, 1400)],
    ],
    ids=["column", "Cameras", "Ks"],
)
def test_each_of_two_people_has_a_camera_of_their_own(camera):
    fitted = fit_people(PEOPLE.keypoints[:2], camera=camera)
    np.testing.assert_array_equal(fitted.camera.focal_length, [[1000, 1000], [1400, 1400]])
    np.testing.assert_array_equal(fitted.camera.camera_center, [[640, 480]] * 2)


def test_a_set_of_keypoints_brings_its_layout_and_pictures_along(result):
    people = KeypointSet(
        PEOPLE.keypoints, "coco17", ("a", "b", "c"), np.tile(np.array(IMAGE_SIZE, np.float32), (3, 1)), (None,) * 3
    )
    np.testing.assert_array_equal(fit(people).joints, result.joints)


def test_numbers_may_be_of_any_library(result):
    torch = pytest.importorskip("torch")
    keypoints = torch.tensor(PEOPLE.keypoints, requires_grad=True)
    size = torch.tensor(IMAGE_SIZE)
    np.testing.assert_array_equal(fit(keypoints, layout="coco17", image_size=size).joints, result.joints)
    np.testing.assert_array_equal(fit_people(PEOPLE.keypoints.tolist()).joints, result.joints)
    focal_length = torch.full((3, 1), 1600.0, requires_grad=True)
    np.testing.assert_array_equal(fit_people(camera=focal_length).joints, fit_people(camera=1600.0).joints)
    blocks = {name: torch.tensor(np.array(block)) for name, block in result.parameters.blocks().items()}
    start: Any = BodyParameters(**{name: block.requires_grad_() for name, block in blocks.items()})
    np.testing.assert_array_equal(fit_people(init=start).joints, fit_people(init=result).joints)


@pytest.mark.parametrize("options", [{}, {"camera": "search"}, {"camera": 1000.0}])
def test_nobody_gives_an_empty_result(options):
    empty = fit_people(np.zeros((0, 17, 3)), **options)
    assert len(empty) == 0
    assert empty.statuses() == []
    assert empty.joints.shape == (0, 24, 3)
    assert empty.vertices().shape[0] == 0


def test_bodies_and_priors_may_be_given_by_their_files(tmp_path, result):
    prior = load_prior()
    np.savez(tmp_path / "prior.npz", means=prior.means, covars=prior.covars, weights=prior.weights)
    by_path = fit_people(prior=str(tmp_path / "prior.npz"), body=OPEN_BODY_PATH)
    np.testing.assert_array_equal(by_path.joints, result.joints)


@pytest.mark.parametrize(
    ("keypoints", "options", "message"),
    [
        ([ONE.tolist(), ONE.tolist()[:9]], {}, "different lengths"),
        ("people.json", {}, "keypoints has type"),
        (ONE.astype(complex), {}, "complex"),
        (None, {}, "keypoints has type object"),
        ({"keypoints": ONE}, {}, "keypoints has type object"),
        (object(), {}, "keypoints has type object"),
        (ONE, {"layout": None}, "layout is not given"),
        (ONE, {"layout": ["coco17"]}, "layout is a list"),
        (ONE, {"layout": 17}, "layout is a int"),
        (ONE, {"profile": {}}, "profile is a dict"),
        (ONE, {"num_betas": 2.5}, "num_betas is 2.5"),
        (ONE, {"num_betas": True}, "num_betas is True"),
        (ONE, {"num_betas": "10"}, "num_betas is '10'"),
        (ONE, {"num_starts": 2.5}, "num_starts is 2.5"),
        (ONE, {"image_size": "640x480"}, "image_size has type"),
        (ONE, {"image_size": [(1, 2), (3,)]}, "image_size is not a regular array"),
        (ONE, {"image_size": (640, 0)}, "not a positive number"),
        (ONE, {"image_size": (-640, 480)}, "not a positive number"),
        (ONE, {"image_size": (np.inf, 480)}, "not a positive number"),
        (ONE, {"camera": "wide"}, "camera is 'wide'"),
        (ONE, {"camera": {"f": 1000}}, "camera has type"),
        (ONE, {"camera": [[1000, 0], [0]]}, "camera is not a regular array"),
        (ONE, {"camera": matrix(1000, 1000).T}, "transposed"),
        (ONE, {"camera": [Camera(np.array(1000.0), np.zeros(2)), 5.0]}, "list of Cameras and other things"),
        (ONE, {"camera": [Camera(np.zeros(4), np.zeros(2))]}, "not every focal_length"),
        (ONE, {"camera": Camera(np.array(1000.0), np.zeros(3))}, "image_size|camera_center"),
        (ONE, {"body": 5}, "body is a int"),
        (ONE, {"body": "no_such_body.pkl"}, "no such file"),
        (ONE, {"prior": 5}, "prior is a int"),
        (ONE, {"prior": "no_such_prior.npz"}, "no_such_prior"),
        (ONE, {"init": np.zeros(72)}, "init is a ndarray"),
        (ONE, {"init": BodyParameters(*[np.array("a")] * 4)}, "init.global_orient has type"),
        (ONE, {"anchor": "x"}, "anchor is 'x'"),
        (ONE, {"anchor": np.zeros(3)}, "anchor is array"),
        (ONE, {"devices": "cpu"}, "devices is 'cpu'"),
        (ONE, {"devices": 2}, "devices is 2"),
        (ONE, {"devices": [0, 1]}, "devices is"),
        (ONE, {"devices": jax.devices()[0]}, "give distinct devices"),
        (ONE, {"devices": [jax.devices()[0]] * 2}, "give distinct devices"),
    ],
)
def test_what_cannot_be_used_is_said_in_one_sentence(keypoints, options, message):
    with pytest.raises(InputError, match=message) as caught:
        fit_people(keypoints, **options)
    assert "\n" not in str(caught.value)


def test_a_list_of_sets_of_keypoints_is_refused_in_a_sentence():
    people = KeypointSet(ONE[None], "coco17", ("a",), np.full((1, 2), np.nan, np.float32), (None,))
    with pytest.raises(InputError, match="list of KeypointSets"):
        fit_people([people, people])


def test_a_fit_inside_a_traced_program_is_refused_in_a_sentence():
    with pytest.raises(InputError, match="being traced"):
        jax.jit(lambda keypoints: fit_people(keypoints).joints)(ONE)


def test_precisions_that_are_no_numbers_are_refused(result):
    with pytest.raises(InputError, match="init_precision has type"):
        fit_people(init=result, init_precision="sure")
