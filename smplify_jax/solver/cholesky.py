"""Solve small positive definite systems: on CPU one after the other, elsewhere all at once.

A batched LAPACK call on CPU distributes the systems over the threads of the process. That is no faster for matrices of this size, competes
with other programs for the cores, and deadlocks when programs run on several devices of one CPU, each waiting for threads that the
others hold (JAX 0.10). A GPU has kernels for many small systems; one at a time would leave it idle.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps

import jax
import jax.numpy as jnp
import jax.scipy.linalg
from jax import Array
from jax.custom_batching import custom_vmap

_MAX_AT_A_TIME = 1023
"""BLAS distributes right-hand sides with more numbers than this over threads of its own, which keep spinning afterwards."""


def _where_needed(function: Callable[..., Array]) -> Callable[..., Array]:
    """Make a function of arrays take `is_needed` first, and return zeros where that is False.

    On CPU its `vmap` is a loop over the rows that are needed.
    """

    def of_one(is_needed: Array, *arrays: Array) -> Array:
        result = jax.eval_shape(function, *arrays)
        zeros = jnp.zeros(result.shape, result.dtype)
        return jax.lax.cond(is_needed, lambda: function(*arrays), lambda: zeros)

    mapped = custom_vmap(of_one)

    @mapped.def_vmap
    def _(num_systems: int, is_batched: list[bool], is_needed: Array, *arrays: Array) -> tuple[Array, bool]:
        are_needed, are_many = jnp.broadcast_to(is_needed, num_systems), tuple(is_batched[1:])
        all_at_once = jax.vmap(of_one, in_axes=(0, *(0 if is_many else None for is_many in are_many)))
        results = jax.lax.platform_dependent(
            are_needed,
            *arrays,
            cpu=lambda are_needed, *arrays: _one_by_one(function, are_needed, arrays, are_many),
            default=all_at_once,
        )
        return results, True

    return wraps(function)(mapped)


def _one_by_one(
    function: Callable[..., Array], are_needed: Array, arrays: Sequence[Array], are_many: Sequence[bool]
) -> Array:
    """Results (N, ...) for the rows that are needed, zeros for the others; `are_many` tells which arrays have a leading axis N."""

    def result_of(row: Array) -> Array:
        taken = [
            jax.lax.dynamic_index_in_dim(array, row, keepdims=False) if is_many else array
            for array, is_many in zip(arrays, are_many, strict=True)
        ]
        return function(*taken)

    # Unsigned, so that XLA need not handle negative indices.
    order = jnp.argsort(~are_needed).astype(jnp.uint32)
    result = jax.eval_shape(result_of, order[0])
    return jax.lax.fori_loop(
        0,
        jnp.sum(are_needed),
        lambda turn, results: jax.lax.dynamic_update_index_in_dim(results, result_of(order[turn]), order[turn], 0),
        jnp.zeros((len(are_needed), *result.shape), result.dtype),
    )


def _cholesky(matrix: Array) -> Array:
    """Lower factor L (P, P) of a symmetric positive definite matrix L L^T; NaN if it is not positive definite."""
    # LAPACK is column-major: the transpose of a symmetric matrix has that order already, so nothing is copied.
    return jax.lax.linalg.cholesky(matrix.T, symmetrize_input=False)


@_where_needed
def solve_damped(matrix: Array, added: Array, right: Array, free: Array) -> Array:
    """Solve (matrix + diag(added)) x = right for the free unknowns.

    Callers pass `is_needed` first: if it is False, the result is zero, at no cost where systems are solved one by one.

    Args:
        matrix: (P, P) symmetric; positive definite with `added` on its diagonal.
        added: (P,) added to the diagonal.
        right: (P,) right-hand side.
        free: (P,) 1.0 for free unknowns, 0.0 for entries of x that are held at zero.
    Returns:
        (P,); NaN if the matrix is not positive definite.
    """
    damped = matrix * (free[:, None] * free) + jnp.diag(jnp.where(free > 0, added, 1.0))
    return jax.scipy.linalg.cho_solve((_cholesky(damped), True), right * free)


@_where_needed
def forms_of_inverse(matrix: Array, added: Array, rows: Array, few: Array) -> Array:
    """What rows make of the inverse C = (matrix + diag(added))^-1: the covariance of x, if that is C, of r . x for each row r.

    Callers pass `is_needed` first: if it is False, the result is zero, at no cost where systems are solved one by one.

    Args:
        matrix: (P, P) symmetric; positive definite with `added` on its diagonal, else the result is NaN.
        added: (P,) added to the diagonal.
        rows: (M, P) of which only the variances r^T C r are wanted.
        few: (N, P) of which the covariances are.
    Returns:
        (M + N^2,) the variances, then the covariance matrix row by row.
    """
    factor = _cholesky(matrix + jnp.diag(added))
    at_a_time = max(1, _MAX_AT_A_TIME // len(matrix))
    parts = [rows[start : start + at_a_time].T for start in range(0, len(rows), at_a_time)]
    solved = [jax.lax.linalg.triangular_solve(factor, part, left_side=True, lower=True) for part in (*parts, few.T)]
    # Reduce each part before concatenating: concatenated first, the parts would be copied entry by entry.
    variances = [jnp.sum(part**2, axis=0) for part in solved[:-1]]
    return jnp.concatenate([*variances, (solved[-1].T @ solved[-1]).ravel()])


@_where_needed
def inverse_if_definite(matrix: Array, free: Array) -> Array:
    """The inverse of a matrix over the free unknowns, if the symmetric matrix with its lower triangle is positive definite there.

    The matrix is scaled to a unit diagonal first: its unknowns are radians, metres and standard deviations, and float32 would lose half of
    its digits (van der Sluis 1969).

    Args:
        matrix: (P, P); the upper triangle may be another.
        free: (P,) 1.0 for free unknowns, 0.0 for those that are held.
    Returns:
        (P, P), zero in the rows and columns of held unknowns; all zeros if it is not definite.
    """
    pairs = free[:, None] * free
    diagonal = jnp.where(free > 0, jnp.diagonal(matrix), 1.0)
    unit = jax.lax.rsqrt(jnp.where(diagonal > 0, diagonal, 1.0))
    scaled = jnp.where(pairs > 0, matrix * unit[:, None] * unit, 0.0) + jnp.diag(1.0 - free)
    factor = _cholesky(jnp.tril(scaled) + jnp.tril(scaled, -1).T)
    is_definite = jnp.all(diagonal > 0) & jnp.all(jnp.isfinite(factor))
    safe = jnp.where(is_definite, scaled, jnp.eye(len(matrix), dtype=matrix.dtype))
    factors, identity = jax.scipy.linalg.lu_factor(safe), jnp.eye(len(matrix), dtype=matrix.dtype)
    at_a_time = max(1, _MAX_AT_A_TIME // len(matrix))
    parts = [identity[:, start : start + at_a_time] for start in range(0, len(matrix), at_a_time)]
    inverse = jnp.concatenate([jax.scipy.linalg.lu_solve(factors, part) for part in parts], axis=1)
    return jnp.where(is_definite, pairs * inverse * unit[:, None] * unit, 0.0)
