"""Rotations: group properties, and derivatives that stay finite where the closed forms are 0/0."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from smplify_jax.geometry.rotations import (
    axis_angle_to_quaternion,
    compose_axis_angle,
    exp_and_left_jacobian,
    exp_so3,
    matrix_to_axis_angle,
    quaternion_to_axis_angle,
    skew,
)

# float32 keeps about 7 digits and these maps chain a handful of operations on numbers of order one.
ATOL = 3e-6

angles = st.sampled_from([0.0, 1e-20, 1e-6, 1e-3, 0.2, 0.223, 0.224, 1.0, 2.0, 3.1, np.pi])
directions = st.tuples(*[st.floats(-1, 1, width=32)] * 3).filter(lambda v: np.linalg.norm(v) > 1e-2)


def _vector(direction, angle):
    return (np.array(direction) / np.linalg.norm(direction) * angle).astype(np.float32)


@given(directions, angles)
def test_exp_agrees_with_scipy_at_every_angle(direction, angle):
    vector = _vector(direction, angle)
    np.testing.assert_allclose(exp_so3(vector), Rotation.from_rotvec(vector).as_matrix(), atol=ATOL)


@given(directions, angles)
def test_quaternion_round_trip_gives_the_vector_back(direction, angle):
    vector = _vector(direction, angle)
    back = np.asarray(quaternion_to_axis_angle(axis_angle_to_quaternion(vector)))
    # At a half turn v and -v are the same rotation.
    if angle > 3.14:
        back = back * np.sign(np.dot(back, vector))
    np.testing.assert_allclose(back, vector, atol=ATOL)


@given(directions, angles)
def test_the_matrix_of_a_vector_gives_the_vector_back(direction, angle):
    vector = _vector(direction, angle)
    back = np.asarray(matrix_to_axis_angle(exp_so3(vector)))
    if angle > 3.14:  # v and -v, as above
        back = back * np.sign(np.dot(back, vector))
    np.testing.assert_allclose(back, vector, atol=2 * ATOL)  # there and back


@given(directions, angles, directions, angles)
def test_composition_is_the_product_of_the_matrices(direction_a, angle_a, direction_b, angle_b):
    a, b = _vector(direction_a, angle_a), _vector(direction_b, angle_b)
    composed = compose_axis_angle(jnp.asarray(a), jnp.asarray(b))
    np.testing.assert_allclose(exp_so3(composed), exp_so3(a) @ exp_so3(b), atol=2 * ATOL)
    assert np.linalg.norm(composed) <= np.pi + 1e-5


@pytest.mark.parametrize("angle", [0.0, 1e-20, 1e-4, 0.1, 0.2236, 0.224, 1.0, 3.0, 6.0])
def test_left_jacobian_is_the_derivative_of_exp(angle):
    vector = jnp.asarray(_vector((1.0, -2.0, 0.5), angle))
    rotation, jacobian = exp_and_left_jacobian(vector)
    derivative = jax.jacfwd(exp_so3)(vector)
    expected = jnp.stack([skew(jacobian[:, c]) @ rotation for c in range(3)], axis=-1)
    np.testing.assert_allclose(derivative, expected, atol=ATOL)
    reverse = jax.jacrev(exp_so3)(vector)
    np.testing.assert_allclose(reverse, derivative, atol=ATOL)


def test_left_jacobian_agrees_with_finite_differences_in_float64(float64):
    for vector in np.random.default_rng(0).normal(size=(5, 3)):
        rotation, jacobian = exp_and_left_jacobian(jnp.asarray(vector))
        for axis in range(3):
            step = 1e-6 * np.eye(3)[axis]
            change = (exp_so3(jnp.asarray(vector + step)) - exp_so3(jnp.asarray(vector - step))) / 2e-6
            # Central differences at 1e-6 leave an error of about 1e-10.
            np.testing.assert_allclose(change, skew(jacobian[:, axis]) @ rotation, atol=1e-8)


@pytest.mark.parametrize("batch", [(), (1,), (5,), (2, 3)])
def test_leading_axes_are_batch_axes(batch):
    vectors = np.random.default_rng(1).normal(size=(*batch, 3)).astype(np.float32)
    assert exp_so3(vectors).shape == (*batch, 3, 3)
    flat = [exp_so3(v) for v in vectors.reshape(-1, 3)]
    np.testing.assert_allclose(exp_so3(vectors).reshape(-1, 3, 3), flat, atol=ATOL)
    assert compose_axis_angle(jnp.asarray(vectors), jnp.asarray(vectors)).shape == (*batch, 3)
