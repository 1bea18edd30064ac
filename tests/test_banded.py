"""The block-banded solver agrees with dense algebra."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from smplify_jax.solver.banded import BandedSystem, covariances, solve


def of_numpy(**arrays: np.ndarray) -> BandedSystem:
    return BandedSystem(**{name: jnp.asarray(array, jnp.float32) for name, array in arrays.items()})


def random_system(
    num_frames: int, n: int = 5, m: int = 3, seed: int = 0
) -> tuple[BandedSystem, np.ndarray, np.ndarray]:
    """A banded system, its dense matrix and its dense right-hand side."""
    generator = np.random.default_rng(seed)
    size = num_frames * n + m
    root = np.zeros((4 * size, size))
    for frame in range(num_frames):  # residuals of three successive frames and the shared unknowns
        rows = slice(4 * n * frame, 4 * n * (frame + 1))
        columns = [*range(n * max(0, frame - 2), n * (frame + 1)), *range(num_frames * n, size)]
        root[rows, columns] = generator.normal(size=(4 * n, len(columns)))
    dense = root.T @ root + np.eye(size)
    right = generator.normal(size=size)
    frames = num_frames * n

    def block(row: int, column: int) -> np.ndarray:
        if column < 0:
            return np.zeros((n, n))
        return dense[n * row : n * (row + 1), n * column : n * (column + 1)]

    system = of_numpy(
        diagonal=np.stack([block(t, t) for t in range(num_frames)]),
        first=np.stack([block(t, t - 1) for t in range(num_frames)]),
        second=np.stack([block(t, t - 2) for t in range(num_frames)]),
        border=dense[:frames, frames:].reshape(num_frames, n, m),
        corner=dense[frames:, frames:],
        right=right[:frames].reshape(num_frames, n),
        shared_right=right[frames:],
    )
    return system, dense, right


@pytest.mark.parametrize("num_frames", [1, 2, 3, 4, 17])
def test_the_solution_is_that_of_the_dense_system(num_frames: int):
    system, dense, right = random_system(num_frames)
    frames, shared = jax.jit(solve)(system)
    expected = np.linalg.solve(dense, right)
    np.testing.assert_allclose(np.concatenate([np.ravel(frames), shared]), expected, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("num_frames", [1, 2, 3, 4, 17])
def test_covariances_are_blocks_of_the_dense_inverse(num_frames: int):
    system, dense, _ = random_system(num_frames)
    own, with_shared, shared = jax.jit(covariances)(system)
    inverse, n, size = np.linalg.inv(dense), 5, 5 * num_frames
    for frame in range(num_frames):
        rows = slice(n * frame, n * (frame + 1))
        np.testing.assert_allclose(own[frame], inverse[rows, rows], rtol=1e-3, atol=1e-5)
        np.testing.assert_allclose(with_shared[frame], inverse[rows, size:], rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(shared, inverse[size:, size:], rtol=1e-3, atol=1e-5)


def test_a_matrix_that_is_not_positive_definite_gives_nan():
    system, _, _ = random_system(4)
    broken = BandedSystem(**{**vars(system), "diagonal": -system.diagonal})
    assert np.isnan(np.asarray(jax.jit(solve)(broken)[0])).any()


def test_covariances_of_a_long_track_are_as_accurate_as_those_of_a_short_one():
    """Steady motion, seen weakly: rounding errors must not grow from frame to frame."""
    num_frames, n, m = 300, 4, 2
    generator = np.random.default_rng(1)
    acceleration = np.kron(np.diff(np.eye(num_frames), n=2, axis=0), np.eye(n))
    seen = generator.normal(size=(num_frames, 3, n + m))
    dense = np.zeros((num_frames * n + m,) * 2)
    dense[:-m, :-m] = 900.0 * acceleration.T @ acceleration
    for frame in range(num_frames):
        places = [*range(n * frame, n * (frame + 1)), *range(num_frames * n, num_frames * n + m)]
        dense[np.ix_(places, places)] += seen[frame].T @ seen[frame]
    dense += 1e-2 * np.eye(len(dense))

    def blocks(lag: int) -> np.ndarray:
        rows = [dense[n * t : n * (t + 1), n * (t - lag) : n * (t - lag + 1)] for t in range(lag, num_frames)]
        return np.concatenate([np.zeros((lag, n, n)), rows])

    system = of_numpy(
        diagonal=blocks(0),
        first=blocks(1),
        second=blocks(2),
        border=dense[:-m, -m:].reshape(num_frames, n, m),
        corner=dense[-m:, -m:],
        right=np.zeros((num_frames, n)),
        shared_right=np.zeros(m),
    )
    own, _, _ = jax.jit(covariances)(system)
    inverse = np.linalg.inv(dense)
    expected = np.stack([inverse[n * t : n * (t + 1), n * t : n * (t + 1)] for t in range(num_frames)])
    np.testing.assert_allclose(own, expected, rtol=0.01, atol=0.01 * np.abs(expected).max())
