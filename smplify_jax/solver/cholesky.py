"""Small positive definite systems: on CPU one after the other, elsewhere all at once.

Given all at once, LAPACK's caller shares them out to the threads of the process. That is no faster for matrices of this size, waits for
other programs that want the cores, and, when programs run on several devices of one CPU, ends with each waiting for threads that
the others hold (JAX 0.10). A GPU has kernels for many small systems, and one at a time would leave it idle.
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
"""Right sides of more numbers than this are shared out to threads that BLAS keeps for itself, and which go on spinning."""


def _where_needed(function: Callable[..., Array]) -> Callable[..., Array]:
    """A function of arrays, for `is_needed` and arrays: zeros where it is not needed.

    Where it is compiled for CPU, its `vmap` is a loop over those that are needed.
    """

    def of_one(is_needed: Array, *arrays: Array) -> Array:
        result = jax.eval_shape(function, *arrays)
        nothing = jnp.zeros(result.shape, result.dtype)
        return jax.lax.cond(is_needed, lambda: function(*arrays), lambda: nothing)

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
    """The results (N, ...) of those rows that are needed, of arrays that have a leading axis N if there are many; else zeros."""

    def result_of(row: Array) -> Array:
        taken = [
            jax.lax.dynamic_index_in_dim(array, row, keepdims=False) if is_many else array
            for array, is_many in zip(arrays, are_many, strict=True)
        ]
        return function(*taken)

    # Unsigned: XLA need not ask whether a row is counted from the end.
    order = jnp.argsort(~are_needed).astype(jnp.uint32)
    result = jax.eval_shape(result_of, order[0])
    return jax.lax.fori_loop(
        0,
        jnp.sum(are_needed),
        lambda turn, results: jax.lax.dynamic_update_index_in_dim(results, result_of(order[turn]), order[turn], 0),
        jnp.zeros((len(are_needed), *result.shape), result.dtype),
    )


def _cholesky(matrix: Array) -> Array:
    """Lower factor L (P, P) of a symmetric positive definite matrix = L L^T; NaN if it is not that."""
    # LAPACK wants columns first: of a symmetric matrix the transpose is that already, and nothing need be copied.
    return jax.lax.linalg.cholesky(matrix.T, symmetrize_input=False)


@_where_needed
def solve_damped(matrix: Array, added: Array, right: Array, free: Array) -> Array:
    """The solution of (matrix + diag(added)) x = right over some of the unknowns.

    Called with `is_needed` first: zero if it is not, at no cost where systems go one by one.

    Args:
        matrix: (P, P) symmetric, with `added` positive definite.
        added: (P,) to its diagonal.
        right: (P,)
        free: (P,) 1.0 for the unknowns, 0.0 for what is zero in x.
    Returns:
        (P,); NaN if the matrix is not positive definite.
    """
    damped = matrix * (free[:, None] * free) + jnp.diag(jnp.where(free > 0, added, 1.0))
    return jax.scipy.linalg.cho_solve((_cholesky(damped), True), right * free)


@_where_needed
def quadratic_forms_of_inverse(matrix: Array, added: Array, rows: Array) -> Array:
    """r^T (matrix + diag(added))^-1 r (M,) of each row r (P,) of `rows` (M, P): its variance, if the inverse is the covariance.

    Called with `is_needed` first: zero if it is not, at no cost where systems go one by one.

    Args:
        matrix: (P, P) symmetric, with `added` positive definite; NaN comes out if it is not.
        added: (P,) to its diagonal.
        rows: (M, P)
    """
    factor = _cholesky(matrix + jnp.diag(added))
    at_a_time = max(1, _MAX_AT_A_TIME // len(matrix))
    parts = [rows[start : start + at_a_time].T for start in range(0, len(rows), at_a_time)]
    solved = [jax.lax.linalg.triangular_solve(factor, part, left_side=True, lower=True) for part in parts]
    # Part after part, as they lie in memory: put together first, they would be copied entry by entry.
    return jnp.concatenate([jnp.sum(part**2, axis=0) for part in solved])
