"""Small positive definite systems: against NumPy, alone and for many people at once."""

import jax
import numpy as np
import pytest

from smplify_jax.solver.cholesky import cholesky, solve_positive_definite, whiten


@pytest.fixture(scope="module")
def systems():
    """Five matrices (12, 12) and right sides (12,)."""
    rng = np.random.default_rng(0)
    factor = rng.normal(size=(5, 12, 20))
    matrices = (factor @ factor.transpose(0, 2, 1)).astype(np.float32)
    return matrices, rng.normal(size=(5, 12)).astype(np.float32)


def test_factors(systems):
    matrices, _ = systems
    np.testing.assert_allclose(jax.vmap(cholesky)(matrices), np.linalg.cholesky(matrices), rtol=1e-4, atol=1e-4)


def test_solutions(systems):
    matrices, right = systems
    expected = np.linalg.solve(matrices.astype(float), right[..., None].astype(float))[..., 0]
    np.testing.assert_allclose(jax.vmap(solve_positive_definite)(matrices, right), expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("num_rows", [1, 7, 20])
def test_products_of_whitened_rows_are_those_by_the_inverse(systems, num_rows):
    matrices, _ = systems
    rows = np.random.default_rng(1).normal(size=(5, num_rows, 12)).astype(np.float32)
    whitened = np.asarray(jax.vmap(whiten)(matrices, rows), float)
    expected = rows @ np.linalg.inv(matrices.astype(float)) @ rows.transpose(0, 2, 1)
    np.testing.assert_allclose(whitened @ whitened.transpose(0, 2, 1), expected, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(whiten(matrices[0], rows[0]), whitened[0], rtol=1e-5, atol=1e-6)


def test_what_is_not_positive_definite_gives_nan_and_harms_no_other(systems):
    matrices, right = (array.copy() for array in systems)
    matrices[2] = -np.eye(12)
    found = jax.vmap(solve_positive_definite)(matrices, right)
    assert np.isnan(found[2]).any()
    assert np.isfinite(np.delete(found, 2, axis=0)).all()
