"""`smplify_jax.rotations`: every form leads to every other and back, agrees with SciPy, and has finite gradients everywhere."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from smplify_jax import rotations
from smplify_jax.errors import InputError

ORDERS_4D: tuple[rotations.QuaternionOrder, ...] = ("wxyz", "xyzw")

# float32 keeps about 7 digits and these maps chain a handful of operations on numbers of order one.
ATOL = 3e-6

ORDERS_6D: tuple[rotations.Rotation6dOrder, ...] = ("columns", "interleaved", "rows")
NUMBERS_6D = {"columns": "00 10 20 01 11 21", "interleaved": "00 01 10 11 20 21", "rows": "00 01 02 10 11 12"}

angles = st.one_of(
    st.sampled_from([0.0, 1e-20, 1e-6, 1e-3, 0.2236, 3.14, np.pi - 1e-6, np.pi]), st.floats(0, 3.140625, width=32)
)
directions = st.tuples(*[st.floats(-1, 1, width=32)] * 3).filter(lambda v: np.linalg.norm(v) > 1e-2)
vectors = st.builds(
    lambda direction, angle: (np.array(direction) / np.linalg.norm(direction) * angle).astype(np.float32),
    directions,
    angles,
)

_FORMS = {
    "matrix": (rotations.axis_angle_to_matrix, rotations.matrix_to_axis_angle),
    **{
        f"quaternion {order}": (
            partial(rotations.axis_angle_to_quaternion, order=order),
            partial(rotations.quaternion_to_axis_angle, order=order),
        )
        for order in ORDERS_4D
    },
    **{
        f"6d {order}": (
            partial(rotations.axis_angle_to_rotation_6d, order=order),
            partial(rotations.rotation_6d_to_axis_angle, order=order),
        )
        for order in ORDERS_6D
    },
}
FORMS = {form: (jax.jit(there), jax.jit(back)) for form, (there, back) in _FORMS.items()}
"""Form to the functions from axis-angle to it, and back; compiled, because every example runs them."""

to_matrix = jax.jit(rotations.axis_angle_to_matrix)
of_quaternion = jax.jit(rotations.quaternion_to_matrix, static_argnums=1)
to_quaternion = jax.jit(rotations.matrix_to_quaternion, static_argnums=1)
of_6d = jax.jit(rotations.rotation_6d_to_matrix, static_argnums=1)

every_form = pytest.mark.parametrize("form", FORMS)


@every_form
@given(vector=vectors)
def test_a_vector_comes_back_from_every_form(form, vector):
    there, back = FORMS[form]
    returned = np.asarray(back(there(vector)))
    if np.linalg.norm(vector) > 3.1406:  # a half turn about an axis is one about the opposite axis, too
        returned = returned * np.sign(np.dot(returned, vector))
    np.testing.assert_allclose(returned, vector, atol=2 * ATOL)


@given(vector=vectors)
def test_all_forms_agree_with_scipy(vector):
    truth = Rotation.from_rotvec(vector.astype(np.float64))
    matrix = to_matrix(vector)
    np.testing.assert_allclose(matrix, truth.as_matrix(), atol=ATOL)
    expected = truth.as_quat(canonical=True).astype(np.float32)
    for quaternion in (FORMS["quaternion xyzw"][0](vector), to_quaternion(matrix, "xyzw")):
        sign = np.sign(np.dot(quaternion, expected))
        np.testing.assert_allclose(sign * np.asarray(quaternion), expected, atol=ATOL)
    np.testing.assert_allclose(of_quaternion(expected, "xyzw"), truth.as_matrix(), atol=ATOL)
    assert to_quaternion(matrix, "wxyz")[0] >= 0


@pytest.mark.parametrize("order", ORDERS_6D)
def test_the_six_numbers_are_those_of_the_matrix_that_the_order_names(order):
    matrix = Rotation.random(rng=np.random.default_rng(0)).as_matrix().astype(np.float32)
    expected = [matrix[int(place[0]), int(place[1])] for place in NUMBERS_6D[order].split()]
    np.testing.assert_array_equal(rotations.matrix_to_rotation_6d(matrix, order), np.array(expected))
    np.testing.assert_allclose(rotations.rotation_6d_to_matrix(expected, order), matrix, atol=ATOL)


@given(numbers=st.tuples(*[st.floats(-(2.0**100), 2.0**100, width=32)] * 6), order=st.sampled_from(ORDERS_6D))
def test_any_six_numbers_give_a_rotation(numbers, order):
    matrix = np.asarray(of_6d(np.array(numbers, np.float32), order))
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(3), atol=ATOL)
    assert np.linalg.det(matrix) == pytest.approx(1, abs=ATOL)


@given(vector=vectors, factor=st.floats(-20, 20, width=16))
def test_the_length_and_sign_of_a_quaternion_do_not_matter(vector, factor):
    quaternion = np.asarray(FORMS["quaternion wxyz"][0](vector))
    matrix = to_matrix(vector)
    scaled = np.float32(10.0**factor) * quaternion
    for other in (scaled, -scaled):
        np.testing.assert_allclose(of_quaternion(other, "wxyz"), matrix, atol=2 * ATOL)


@every_form
def test_gradients_are_finite_at_no_rotation_and_at_half_turns(form):
    there, back = FORMS[form]
    axes = np.vstack([np.eye(3), np.ones((1, 3)) / np.sqrt(3)])
    vectors = jnp.asarray(np.array([0.0, 1e-20, 1e-6, 1.0, np.pi - 1e-3, np.pi])[:, None, None] * axes, jnp.float32)
    vectors = vectors.reshape(-1, 3)
    for function, at in ((there, vectors), (back, there(vectors))):
        for jacobian in (jax.jacfwd(function), jax.jacrev(function)):
            assert np.isfinite(jax.jit(jax.vmap(jacobian))(at)).all()


@pytest.mark.parametrize("order", ORDERS_6D)
def test_gradients_are_finite_where_six_numbers_are_no_rotation(order):
    numbers = jnp.array([np.zeros(6), [1, 0, 0, 2, 0, 0], [0, 1e-9, 0, 0, 1, 0], [0, 0, 0, 0, 0, 5]])
    jacobian = jax.jacrev(lambda six: rotations.rotation_6d_to_axis_angle(six, order))
    assert np.isfinite(jax.jit(jax.vmap(jacobian))(numbers)).all()


def test_the_quaternion_zero_is_no_rotation_and_has_a_finite_gradient():
    zero = jnp.zeros(4)
    np.testing.assert_array_equal(rotations.quaternion_to_axis_angle(zero), np.zeros(3))
    assert np.isfinite(jax.jacrev(rotations.quaternion_to_matrix)(zero)).all()


@every_form
def test_there_and_back_has_the_gradient_of_doing_nothing(form):
    there, back = FORMS[form]
    vectors = jnp.asarray(np.array([0.0, 1e-4, 0.5, 2.0, 3.1])[:, None] * np.array([0.6, -0.64, 0.48]), jnp.float32)
    jacobians = jax.jit(jax.vmap(jax.jacfwd(lambda vector: back(there(vector)))))(vectors)
    # Near a half turn the logarithm of float32 numbers is steep by about 1 / (pi - angle).
    np.testing.assert_allclose(jacobians, np.broadcast_to(np.eye(3), (5, 3, 3)), atol=2e-4)


@every_form
def test_batches_are_mapped_and_compiled_as_single_rotations(form):
    there, back = FORMS[form]
    some = np.random.default_rng(3).normal(size=(2, 5, 3)).astype(np.float32)
    batch = there(some)
    np.testing.assert_allclose(jax.jit(jax.vmap(there))(some), batch, atol=ATOL)
    np.testing.assert_allclose(batch[1, 2], there(some[1, 2]), atol=ATOL)
    assert back(batch).shape == (2, 5, 3)
    assert there(np.zeros((0, 3))).shape[0] == 0
    np.testing.assert_array_equal(there(some[0, 0].tolist()), there(some[0, 0]))


def test_whole_numbers_are_taken_as_numbers():
    np.testing.assert_allclose(rotations.rotation_6d_to_axis_angle([1, 0, 0, 0, 1, 0]), np.zeros(3), atol=ATOL)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: rotations.axis_angle_to_matrix(np.zeros(4)), r"axis_angle has shape \(4,\): expected \(\.\.\., 3\)"),
        (lambda: rotations.matrix_to_axis_angle(np.zeros(9)), r"matrix has shape"),
        (lambda: rotations.rotation_6d_to_matrix(np.zeros((6, 2))), r"rotation_6d has shape"),
        (lambda: rotations.rotation_6d_to_matrix(np.zeros(6), "zhou"), "order is 'zhou': expected one of columns"),  # pyright: ignore[reportArgumentType]
        (lambda: rotations.quaternion_to_matrix(np.ones(4), "wzyx"), "expected one of wxyz, xyzw"),  # pyright: ignore[reportArgumentType]
    ],
)
def test_wrong_shapes_and_orders_are_told_in_a_sentence(call, words):
    with pytest.raises(InputError, match=words):
        call()
