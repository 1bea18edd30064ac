"""Small positive definite systems, one after the other.

Given all at once, LAPACK's caller shares them out to the threads of the process. That is no faster for matrices of this size, waits for
other programs that want the cores, and, when programs run on several devices of one CPU, ends with each waiting for threads that
the others hold (JAX 0.10).
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import jax.scipy.linalg
from jax import Array
from jax.custom_batching import sequential_vmap

_ROWS_AT_A_TIME = 7
"""More are shared out to threads that BLAS keeps for itself, and which go on spinning."""


@sequential_vmap
def cholesky(matrix: Array) -> Array:
    """Lower factor L (P, P) of a symmetric positive definite matrix = L L^T; NaN if it is not that."""
    # LAPACK wants columns first: of a symmetric matrix the transpose is that already, and nothing need be copied.
    return jax.lax.linalg.cholesky(matrix.T, symmetrize_input=False)


@sequential_vmap
def solve_positive_definite(matrix: Array, right: Array) -> Array:
    """The solution x (P,) of matrix x = right, for a symmetric positive definite matrix (P, P); NaN if it is not that."""
    return jax.scipy.linalg.cho_solve((cholesky(matrix), True), right)


@sequential_vmap
def whiten(matrix: Array, rows: Array) -> Array:
    """R L^-T (M, P) of rows R (M, P) and a symmetric positive definite matrix L L^T (P, P): its rows' products are R matrix^-1 R^T."""
    factor = cholesky(matrix)
    filling = -len(rows) % _ROWS_AT_A_TIME
    parts = jnp.pad(rows, ((0, filling), (0, 0))).reshape(-1, _ROWS_AT_A_TIME, rows.shape[1])
    # From the right, rows are what LAPACK calls columns: nothing need be turned.
    solved = jax.lax.map(
        lambda part: jax.lax.linalg.triangular_solve(factor, part, lower=True, transpose_a=True), parts
    )
    return solved.reshape(-1, rows.shape[1])[: len(rows)]
