"""Solve the normal equations of a track: a block for each frame, couplings to the two frames before, and unknowns that all frames share.

Only neighbours in time are coupled, so the matrix is block-banded and its Cholesky factor has the same band; time and memory grow linearly
with the number of frames. The shared unknowns are a border of the matrix, eliminated by their Schur complement.
Source: Golub & Van Loan, Matrix Computations, 2013, sections 4.3 (banded) and 4.5 (block) Cholesky; for entries of the inverse inside the
band, Takahashi, Fagan & Chin, Formation of a sparse bus impedance matrix, 1973.

Shapes: T frames, n unknowns per frame, m shared ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax import Array


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class BandedSystem:
    """A symmetric positive definite matrix, and the right-hand side of H x = r.

    Attributes:
        diagonal: (T, n, n) H of each frame.
        first: (T, n, n) H of each frame with the one before; zero for the first frame.
        second: (T, n, n) H of each frame with the one before that; zero for the first two.
        border: (T, n, m) H of each frame with the shared unknowns.
        corner: (m, m) H of the shared unknowns.
        right: (T, n) r of the frames.
        shared_right: (m,) r of the shared unknowns.
    """

    diagonal: Array
    first: Array
    second: Array
    border: Array
    corner: Array
    right: Array
    shared_right: Array


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class BandedFactor:
    """The Cholesky factor of the frames' part, its solutions for the border, and the factor of the Schur complement.

    Attributes:
        inverse_diagonal: (T, n, n) inverses of the factor's diagonal blocks.
        first, second: (T, n, n) blocks of the factor below the diagonal.
        forward: (T, n, m + 1) border and right-hand side after forward substitution.
        schur: (m, m) lower factor of the Schur complement of the shared unknowns.
    """

    inverse_diagonal: Array
    first: Array
    second: Array
    forward: Array
    schur: Array


def _equilibrated(system: BandedSystem) -> tuple[BandedSystem, Array, Array]:
    """The system in units in which its diagonal is one, and these units (T, n) and (m,).

    Unknowns are radians, metres and standard deviations, and some are observed a thousand times better than others: in float32 the
    factorization of such a matrix would fail where it need not.
    Source: van der Sluis, Condition numbers and equilibration of matrices, 1969.
    """
    unit = jax.lax.rsqrt(jnp.diagonal(system.diagonal, axis1=-2, axis2=-1))
    shared = jax.lax.rsqrt(jnp.diagonal(system.corner))

    def before(lag: int) -> Array:
        return jnp.pad(unit, [(lag, 0), (0, 0)])[: len(unit)]

    return (
        BandedSystem(
            diagonal=unit[:, :, None] * system.diagonal * unit[:, None, :],
            first=unit[:, :, None] * system.first * before(1)[:, None, :],
            second=unit[:, :, None] * system.second * before(2)[:, None, :],
            border=unit[:, :, None] * system.border * shared,
            corner=shared[:, None] * system.corner * shared,
            right=unit * system.right,
            shared_right=shared * system.shared_right,
        ),
        unit,
        shared,
    )


def factorize(system: BandedSystem) -> BandedFactor:
    """Factorize; NaN where the matrix is not positive definite."""
    num_unknowns, num_shared = system.border.shape[1:]
    identity, zero = jnp.eye(num_unknowns), jnp.zeros((num_unknowns, num_unknowns))
    no_column = jnp.zeros((num_unknowns, num_shared + 1))
    columns = jnp.concatenate([system.border, system.right[..., None]], axis=-1)

    def advance(carry: tuple[Array, ...], frame: tuple[Array, ...]) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
        inverse_1, inverse_2, below_1, forward_1, forward_2 = carry
        diagonal, first, second, column = frame
        two_below = second @ inverse_2.T
        below = (first - two_below @ below_1.T) @ inverse_1.T
        factor = jnp.linalg.cholesky(diagonal - below @ below.T - two_below @ two_below.T, symmetrize_input=False)
        inverse = jax.lax.linalg.triangular_solve(factor, identity, left_side=True, lower=True)
        forward = inverse @ (column - below @ forward_1 - two_below @ forward_2)
        return (inverse, inverse_1, below, forward, forward_1), (inverse, below, two_below, forward)

    start = (identity, identity, zero, no_column, no_column)
    _, (inverse, first, second, forward) = jax.lax.scan(
        advance, start, (system.diagonal, system.first, system.second, columns)
    )
    border = forward[..., :-1]
    schur = system.corner - jnp.einsum("tnm,tnk->mk", border, border)
    return BandedFactor(inverse, first, second, forward, jnp.linalg.cholesky(schur))


def solve(system: BandedSystem) -> tuple[Array, Array]:
    """X of the frames (T, n) and of the shared unknowns (m,)."""
    system, unit, shared_unit = _equilibrated(system)
    factor = factorize(system)
    border, right = factor.forward[..., :-1], factor.forward[..., -1]
    reduced = system.shared_right - jnp.einsum("tnm,tn->m", border, right)
    shared = jax.scipy.linalg.cho_solve((factor.schur, True), reduced)
    own = _back_substituted(factor, (right - border @ shared)[..., None])[..., 0]
    return unit * own, shared_unit * shared


def covariances(system: BandedSystem) -> tuple[Array, Array, Array]:
    """Blocks of the inverse matrix: (T, n, n) of each frame, (T, n, m) of each frame with the shared unknowns, and (m, m) of these."""
    system, unit, shared_unit = _equilibrated(system)
    factor = factorize(system)
    num_unknowns, num_shared = system.border.shape[1:]
    shared = jax.scipy.linalg.cho_solve((factor.schur, True), jnp.eye(num_shared))
    solved = _back_substituted(factor, factor.forward[..., :-1])
    zero = jnp.zeros((num_unknowns, num_unknowns))

    def step_back(carry: tuple[Array, ...], frame: tuple[Array, ...]) -> tuple[tuple[Array, ...], Array]:
        # Of the two frames after this one: their blocks of the inverse, and their blocks of the factor below the diagonal.
        inverse_1, inverse_2, inverse_12, first_1, second_1, second_2 = carry
        inverse_diagonal, first, second = frame
        gain_1, gain_2 = first_1 @ inverse_diagonal, second_2 @ inverse_diagonal
        with_1 = -(inverse_1 @ gain_1 + inverse_12 @ gain_2)
        with_2 = -(inverse_12.T @ gain_1 + inverse_2 @ gain_2)
        own = inverse_diagonal.T @ inverse_diagonal - gain_1.T @ with_1 - gain_2.T @ with_2
        # Rounding makes it unsymmetric, and the recursion amplifies that from frame to frame: in float32 by 2.5.
        own = 0.5 * (own + own.T)
        return (own, inverse_1, with_1.T, first, second, second_1), own

    start = (zero,) * 6
    frames = (factor.inverse_diagonal, factor.first, factor.second)
    _, own = jax.lax.scan(step_back, start, frames, reverse=True)
    with_shared = -solved @ shared
    own = own - with_shared @ jnp.swapaxes(solved, -1, -2)
    return (
        unit[:, :, None] * own * unit[:, None, :],
        unit[:, :, None] * with_shared * shared_unit,
        shared_unit[:, None] * shared * shared_unit,
    )


def _back_substituted(factor: BandedFactor, columns: Array) -> Array:
    """(T, n, c) x with L^T x = columns."""

    def step_back(carry: tuple[Array, ...], frame: tuple[Array, ...]) -> tuple[tuple[Array, ...], Array]:
        # What the two frames after this one add to its right-hand side.
        from_1, from_2_by_1, from_2 = carry
        inverse_diagonal, first, second, column = frame
        x = inverse_diagonal.T @ (column - from_1 - from_2)
        return (first.T @ x, second.T @ x, from_2_by_1), x

    zero = jnp.zeros_like(columns[0])
    frames = (factor.inverse_diagonal, factor.first, factor.second, columns)
    return jax.lax.scan(step_back, (zero, zero, zero), frames, reverse=True)[1]
