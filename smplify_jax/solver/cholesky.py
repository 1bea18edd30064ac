"""Small positive definite systems: on CPU one after the other, elsewhere all at once.

Given all at once, LAPACK's caller shares them out to the threads of the process. That is no faster for matrices of this size, waits for
other programs that want the cores, and, when programs run on several devices of one CPU, ends with each waiting for threads that
the others hold (JAX 0.10). A GPU has kernels for many small systems, and one at a time would leave it idle.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

import jax
import jax.numpy as jnp
import jax.scipy.linalg
from jax import Array
from jax.custom_batching import custom_vmap

_MOST_AT_A_TIME = 1023
"""Right sides of more numbers than this are shared out to threads that BLAS keeps for itself, and which go on spinning."""


def _one_by_one_on_cpu(function: Callable[..., Array]) -> Callable[..., Array]:
    """A function of arrays whose `vmap` is a loop where it is compiled for CPU."""
    mapped = custom_vmap(function)

    @mapped.def_vmap
    def _(num_systems: int, is_batched: list[bool], *arrays: Array) -> tuple[Array, bool]:
        many = [
            array if is_many else jnp.broadcast_to(array, (num_systems, *jnp.shape(array)))
            for array, is_many in zip(arrays, is_batched, strict=True)
        ]
        results = jax.lax.platform_dependent(
            tuple(many),
            cpu=lambda systems: jax.lax.map(lambda system: function(*system), systems),
            default=lambda systems: jax.vmap(function)(*systems),
        )
        return results, True

    return wraps(function)(mapped)


@_one_by_one_on_cpu
def cholesky(matrix: Array) -> Array:
    """Lower factor L (P, P) of a symmetric positive definite matrix = L L^T; NaN if it is not that."""
    # LAPACK wants columns first: of a symmetric matrix the transpose is that already, and nothing need be copied.
    return jax.lax.linalg.cholesky(matrix.T, symmetrize_input=False)


@_one_by_one_on_cpu
def solve_damped(matrix: Array, added: Array, right: Array, free: Array, is_needed: Array) -> Array:
    """The solution of (matrix + diag(added)) x = right over some of the unknowns.

    Args:
        matrix: (P, P) symmetric, with `added` positive definite.
        added: (P,) to its diagonal.
        right: (P,)
        free: (P,) 1.0 for the unknowns, 0.0 for what is zero in x.
        is_needed: one by one, what is not needed costs nothing.
    Returns:
        (P,); NaN if the matrix is not positive definite, zero if it is not needed.
    """

    def solve() -> Array:
        damped = matrix * (free[:, None] * free) + jnp.diag(jnp.where(free > 0, added, 1.0))
        return jax.scipy.linalg.cho_solve((cholesky(damped), True), right * free)

    return jax.lax.cond(is_needed, solve, lambda: jnp.zeros_like(right))


@_one_by_one_on_cpu
def quadratic_forms_of_inverse(matrix: Array, added: Array, rows: Array, is_needed: Array) -> Array:
    """r^T (matrix + diag(added))^-1 r (M,) of each row r (P,) of `rows` (M, P): its variance, if the inverse is the covariance.

    Args:
        matrix: (P, P) symmetric, with `added` positive definite; NaN comes out if it is not.
        added: (P,) to its diagonal.
        rows: (M, P)
        is_needed: zero comes out, at no cost where matrices go one by one, if it is not.
    """

    def solve() -> Array:
        factor = cholesky(matrix + jnp.diag(added))
        at_a_time = max(1, _MOST_AT_A_TIME // len(matrix))
        parts = [rows[start : start + at_a_time] for start in range(0, len(rows), at_a_time)]
        # From the right, rows are what LAPACK calls columns.
        solved = [jax.lax.linalg.triangular_solve(factor, part, lower=True, transpose_a=True) for part in parts]
        return jnp.concatenate([jnp.sum(part**2, axis=1) for part in solved])

    return jax.lax.cond(is_needed, solve, lambda: jnp.zeros(len(rows), rows.dtype))
