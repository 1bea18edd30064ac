"""Small positive definite systems: against NumPy, alone and for many people at once."""

import jax
import numpy as np
import pytest

from smplify_jax.solver.cholesky import forms_of_inverse, inverse_if_definite, solve_damped


@pytest.fixture(scope="module")
def systems():
    """Five matrices (12, 12) and right sides (12,)."""
    rng = np.random.default_rng(0)
    factor = rng.normal(size=(5, 12, 20))
    matrices = (factor @ factor.transpose(0, 2, 1)).astype(np.float32)
    return matrices, rng.normal(size=(5, 12)).astype(np.float32)


def test_solutions(systems):
    matrices, right = systems
    added = np.linspace(0, 3, 12, dtype=np.float32)
    damped = matrices.astype(float) + np.diag(added)
    expected = np.linalg.solve(damped, right[..., None].astype(float))[..., 0]
    found = jax.vmap(solve_damped, in_axes=(None, 0, None, 0, None))(True, matrices, added, right, np.ones(12))
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


def test_only_the_free_unknowns_are_solved_for(systems):
    matrices, right = systems
    added, free = np.full(12, 0.5, np.float32), np.arange(12) % 3 > 0
    found = solve_damped(True, matrices[0], added, right[0], free.astype(np.float32))
    damped = (matrices[0].astype(float) + np.diag(added))[np.ix_(free, free)]
    np.testing.assert_allclose(found[free], np.linalg.solve(damped, right[0][free]), rtol=1e-3, atol=1e-4)
    np.testing.assert_array_equal(found[~free], 0)


def test_what_is_not_needed_is_zero(systems):
    matrices, right = systems
    is_needed = np.array([True, False, True, False, True])
    found = jax.vmap(solve_damped, in_axes=(0, 0, None, 0, None))(is_needed, matrices, np.ones(12), right, np.ones(12))
    assert np.all(found[is_needed] != 0)
    assert np.all(found[~is_needed] == 0)


@pytest.mark.parametrize("num_rows", [1, 72, 100])
def test_quadratic_forms_of_the_inverse(systems, num_rows):
    matrices, _ = systems
    rows = np.random.default_rng(1).normal(size=(5, num_rows, 12)).astype(np.float32)
    added, is_needed = np.linspace(0, 3, 12, dtype=np.float32), np.array([True, True, False, True, False])
    few = np.eye(12, dtype=np.float32)[3:7]
    found = jax.vmap(forms_of_inverse, in_axes=(0, 0, None, 0, None))(is_needed, matrices, added, rows, few)
    inverse = np.linalg.inv(matrices.astype(float) + np.diag(added))
    variances = np.einsum("nmp,npq,nmq->nm", rows, inverse, rows)
    expected = np.concatenate([variances, inverse[:, 3:7, 3:7].reshape(5, -1)], axis=1)
    np.testing.assert_allclose(found, is_needed[:, None] * expected, rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(forms_of_inverse(True, matrices[0], added, rows[0], few), found[0], rtol=1e-5, atol=1e-7)


def test_what_is_not_positive_definite_gives_nan_and_harms_no_other(systems):
    matrices, right = (array.copy() for array in systems)
    matrices[2] = -np.eye(12)
    found = jax.vmap(solve_damped, in_axes=(None, 0, None, 0, None))(True, matrices, np.zeros(12), right, np.ones(12))
    assert np.isnan(found[2]).any()
    assert np.isfinite(np.delete(found, 2, axis=0)).all()


def test_inverses_over_the_free_unknowns_of_matrices_with_another_upper_triangle(systems):
    matrices, _ = systems
    matrices = matrices + np.triu(np.full((12, 12), 3.0, np.float32), 1)
    free = (np.arange(12) != 4).astype(np.float32)
    is_free, is_needed = free > 0, np.array([True, True, False, True, True])
    found = np.asarray(jax.vmap(inverse_if_definite, in_axes=(0, 0, None))(is_needed, matrices, free))
    for matrix, inverse, needed in zip(matrices, found, is_needed, strict=True):
        expected = np.zeros((12, 12))
        if needed:
            expected[np.ix_(is_free, is_free)] = np.linalg.inv(matrix[np.ix_(is_free, is_free)].astype(float))
        np.testing.assert_allclose(inverse, expected, rtol=1e-3, atol=1e-4 * abs(expected).max())


def test_what_is_not_positive_definite_has_no_inverse(systems):
    matrices, _ = systems
    indefinite = matrices[0] - np.eye(12, dtype=np.float32) * (np.linalg.eigvalsh(matrices[0])[0] + 0.5)
    broken = np.full((12, 12), np.nan, np.float32)
    found = jax.vmap(inverse_if_definite, in_axes=(None, 0, None))(
        True, np.stack([indefinite, broken, matrices[0]]), np.ones(12, np.float32)
    )
    assert not np.any(found[:2])
    assert np.all(np.isfinite(found[2]))
    assert np.any(found[2])
