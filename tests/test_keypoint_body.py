"""The keypoints' part of a body: same values as the whole body, derivatives in closed form."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from bodies import random_body, random_body_with_points
from numpy_twin import layout_points, vertices_and_joints

from smplify_jax.body.keypoint_body import keypoint_body
from smplify_jax.body.keypoint_rows import keypoints_and_jacobian
from smplify_jax.body.parameters import BodyParameters
from smplify_jax.keypoints.layouts import LAYOUTS, get_layout


def random_parameters(num_pose=69, num_betas=10, seed=0, spread=0.4):
    rng = np.random.default_rng(seed)
    sizes = (("global_orient", 3), ("body_pose", num_pose), ("betas", num_betas), ("transl", 3))
    return BodyParameters(**{name: jnp.asarray(rng.normal(0, spread, size), jnp.float32) for name, size in sizes})


def as_arguments(parameters):
    return {name: getattr(parameters, name) for name in ("betas", "global_orient", "body_pose", "transl")}


@pytest.mark.parametrize("num_joints", [24, 52, 55])
def test_whole_body_agrees_with_the_naive_twin(num_joints):
    body = random_body(num_joints)
    parameters = as_arguments(random_parameters(3 * (num_joints - 1), body.num_betas))
    vertices, joints = vertices_and_joints(body, **{name: np.asarray(v, np.float64) for name, v in parameters.items()})
    # float32 keeps 1e-7 of lengths up to 2 m through a dozen products.
    np.testing.assert_allclose(body.vertices(**parameters), vertices, atol=5e-6)
    np.testing.assert_allclose(body.joints(**parameters), joints, atol=5e-6)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_keypoints_agree_with_the_naive_twin(layout):
    body = random_body_with_points(24)
    parameters = as_arguments(random_parameters())
    twin = vertices_and_joints(body, **{name: np.asarray(v, np.float64) for name, v in parameters.items()})
    expected = layout_points(body, get_layout(layout), *twin)
    ours = np.asarray(body.keypoints(**parameters, layout=layout))
    is_known = np.isfinite(expected).all(axis=1)  # the twin knows no hip keypoints, which are anchored to joints
    assert is_known.sum() >= 8
    np.testing.assert_allclose(ours[is_known], expected[is_known], atol=5e-6)


@pytest.mark.parametrize("num_joints", [52, 55])
def test_a_body_with_fingers_gives_the_same_keypoints_when_its_fingers_are_folded_away(num_joints):
    body = random_body(num_joints)
    folded = keypoint_body(body, "smpl24", num_joints=22)
    parameters = as_arguments(random_parameters(63))
    np.testing.assert_allclose(folded.keypoints(**parameters), body.keypoints(**parameters, layout="smpl24"), atol=5e-6)


@jax.jit
def with_derivatives(cut, parameters):
    """Keypoints and derivatives in closed form, and by differentiating the keypoints."""

    def points(step):
        return cut.keypoints(**as_arguments(parameters.retract(step)))

    step = jnp.zeros(parameters.columns().size)
    return *keypoints_and_jacobian(cut, parameters), points(step), jax.jacfwd(points)(step)


@pytest.mark.parametrize("spread", [0.0, 1e-6, 0.4, 1.5])
@pytest.mark.parametrize("layout", ["coco17", "openpose25", "smpl24"])
def test_jacobian_is_the_derivative_of_the_keypoints(layout, spread):
    cut = keypoint_body(random_body_with_points(24), layout)
    parameters = random_parameters(spread=spread)
    points, jacobian, expected_points, expected = with_derivatives(cut, parameters)
    np.testing.assert_allclose(points, expected_points, atol=2e-6)
    np.testing.assert_allclose(jacobian, expected, atol=5e-6)


def test_jacobian_agrees_with_finite_differences_in_float64(float64):
    cut = jax.tree.map(
        lambda leaf: jnp.asarray(np.asarray(leaf, np.float64)), keypoint_body(random_body_with_points(24), "coco17")
    )
    parameters = jax.tree.map(lambda leaf: jnp.asarray(np.asarray(leaf, np.float64)), random_parameters())
    _, jacobian = jax.jit(keypoints_and_jacobian)(cut, parameters)
    moved = jax.jit(jax.vmap(lambda step: cut.keypoints(**as_arguments(parameters.retract(step)))))
    steps = 1e-6 * jnp.eye(parameters.columns().size)
    differences = (moved(steps) - moved(-steps)) / 2e-6
    # Central differences of step 1e-6 leave about 1e-10 of error.
    np.testing.assert_allclose(jacobian, jnp.moveaxis(differences, 0, -1), atol=1e-8)


def test_batch_axes_give_each_body_its_own_keypoints():
    body = random_body_with_points(24)
    people = [as_arguments(random_parameters(seed=seed)) for seed in range(3)]
    batch = {name: jnp.stack([person[name] for person in people]) for name in people[0]}
    for method in (body.vertices, body.joints, lambda **p: body.keypoints(**p, layout="coco17")):
        alone = jnp.stack([method(**person) for person in people])
        np.testing.assert_allclose(method(**batch), alone, atol=2e-6)


def test_undefined_keypoints_are_nan_and_the_others_are_there():
    body = random_body(24)
    points = np.asarray(body.keypoints(**as_arguments(random_parameters()), layout="coco17"))
    names = get_layout("coco17").keypoint_names
    is_defined = [bool(np.isfinite(point).all()) for point in points]
    assert [name for name, known in zip(names, is_defined, strict=True) if not known] == list(names[:5])


def test_reach_is_never_exceeded_by_a_posed_body():
    cut = keypoint_body(random_body_with_points(24), "openpose25")
    reach = np.asarray(cut.reach)
    still = jnp.zeros(cut.num_betas)
    people = [as_arguments(random_parameters(seed=seed, spread=0.7)) | {"betas": still} for seed in range(20)]
    batch = {name: jnp.stack([person[name] for person in people]) for name in people[0]}
    points = np.asarray(cut.keypoints(**batch))
    apart = np.linalg.norm(points[:, :, None] - points[:, None], axis=-1)
    # Keypoints that ride on two joints at once, or bulge with the pose, are not quite rigid.
    assert (apart <= reach + 0.06).all()


def test_reach_of_a_limb_is_its_bone():
    body = random_body_with_points(24)
    cut = keypoint_body(body, "smpl24")
    rest = np.asarray(cut.joint_template)
    left_knee, left_ankle = (body.joint_names.index(name) for name in ("left_knee", "left_ankle"))
    np.testing.assert_allclose(
        cut.reach[left_knee, left_ankle], np.linalg.norm(rest[left_knee] - rest[left_ankle]), rtol=1e-5
    )
