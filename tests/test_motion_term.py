"""The motion term: its derivatives, what it measures, and what it leaves alone."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from smplify_jax.body.parameters import BodyParameters
from smplify_jax.terms.motion import MotionTerm

NUM_JOINTS = 4
STD = np.array([10.0, 20.0, 5.0, 40.0, 3.0], np.float32)


def random_track(num_frames: int, seed: int = 0, spread: float = 0.2) -> BodyParameters:
    generator = np.random.default_rng(seed)

    def walk(size: int, start: float) -> np.ndarray:
        return start * generator.normal(size=size) + spread * generator.normal(size=(num_frames, size)).cumsum(axis=0)

    return BodyParameters(walk(3, 1.5), walk(3 * (NUM_JOINTS - 1), 0.5), np.zeros((num_frames, 2)), walk(3, 1.0))


def term(num_frames: int, *, times: np.ndarray | None = None, cutoff: float = 3.0, weight: float = 6.0) -> MotionTerm:
    times = np.arange(num_frames) / 30.0 if times is None else times
    is_linked = np.arange(num_frames) % (num_frames - 1) > 0
    return MotionTerm(jnp.asarray(times, jnp.float32), jnp.asarray(is_linked), STD, cutoff, weight)


def energy_of(one: MotionTerm, track: BodyParameters) -> jax.Array:
    return one.energies(track).sum()


def stepped(parameters: BodyParameters, step: jax.Array) -> BodyParameters:
    """Steps (T, J + 1, 3) applied as the solver does."""
    full = jnp.concatenate([step[:, :-1].reshape(len(step), -1), jnp.zeros((len(step), 2)), step[:, -1]], axis=1)
    return jax.vmap(lambda one, by: one.retract(by))(jax.tree.map(jnp.asarray, parameters), full)


@pytest.mark.parametrize("cutoff", [0.5, 3.0, 1e3])
def test_the_gradient_is_that_of_the_energy(float64, cutoff: float):
    track, times = random_track(6), np.cumsum([0.0, 0.03, 0.05, 0.02, 0.1, 0.03])
    one = term(6, times=times, cutoff=cutoff)
    one = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float64) if jnp.asarray(leaf).dtype != bool else leaf, one)
    zero = jnp.zeros((6, NUM_JOINTS + 1, 3))
    by_step = jax.grad(lambda step: energy_of(one, stepped(track, step)))(zero)
    np.testing.assert_allclose(
        2 * one.linearize(track).gradient, by_step, rtol=1e-6, atol=1e-8 * float(energy_of(one, track))
    )


def test_the_hessian_is_that_of_reweighted_least_squares(float64):
    track = random_track(5)
    one = term(5, cutoff=1e6)  # so far out that it is plain least squares
    zero = jnp.zeros((5, NUM_JOINTS + 1, 3))

    def whitened(step: jax.Array) -> jax.Array:
        from smplify_jax.terms.motion import _changes

        return one._whitened(_changes(stepped(track, step)))

    jacobian = jax.jacfwd(whitened)(zero).reshape(-1, zero.size)
    dense = (jacobian.T @ jacobian).reshape(*zero.shape, *zero.shape)
    found = one.linearize(track)
    blocks = np.arange(NUM_JOINTS + 1)
    for name, lag in (("diagonal", 0), ("first", 1), ("second", 2)):
        for frame in range(lag, 5):
            expected = dense[frame, :, :, frame - lag][blocks, :, blocks]
            np.testing.assert_allclose(
                getattr(found, name)[frame], expected, rtol=1e-4, atol=1e-6 * np.abs(dense).max()
            )


def test_steady_motion_costs_nothing_at_any_times():
    times = np.cumsum([0.0, 0.03, 0.05, 0.02, 0.1, 0.03])
    spin = (
        Rotation.from_rotvec(times[:, None] * [[0.0, 2.0, 0.5]]) * Rotation.from_rotvec([1.0, 2.0, 0.3])
    ).as_rotvec()
    path = times[:, None] * np.array([1.0, -2.0, 3.0])
    track = BodyParameters(spin, np.tile(spin, NUM_JOINTS - 1), np.zeros((6, 2)), path)
    shaken = BodyParameters(
        spin, np.tile(spin, NUM_JOINTS - 1), np.zeros((6, 2)), path + [[0.01]] * 6 * (np.arange(6)[:, None] % 2)
    )
    assert float(energy_of(term(6, times=times), track)) < 1e-3 * float(energy_of(term(6, times=times), shaken))


def test_a_second_of_motion_costs_the_same_at_any_frame_rate():
    def energy(fps: int) -> float:
        times = np.arange(fps + 1) / fps
        path = 0.3 * np.sin(2 * np.pi * times)[:, None] * [[1.0, 0.0, 0.0]]
        still = np.zeros((fps + 1, 3))
        track = BodyParameters(still, np.tile(still, NUM_JOINTS - 1), np.zeros((fps + 1, 2)), path)
        return float(energy_of(term(fps + 1, times=times, cutoff=1e3), track))

    assert energy(60) == pytest.approx(energy(30), rel=0.03)


def test_links_that_are_cut_leave_both_sides_independent():
    track, one = random_track(8), term(8)
    cut = MotionTerm(one.times, one.is_linked.at[3:5].set(False), one.std, one.cutoff, one.weight)
    found = cut.linearize(track)
    assert not np.any(found.first[4])
    assert not np.any(found.second[4:6])
    np.testing.assert_allclose(
        energy_of(cut, track),
        float(energy_of(term(4), jax.tree.map(lambda leaf: leaf[:4], track)))
        + float(energy_of(term(4), jax.tree.map(lambda leaf: leaf[4:], track))),
        rtol=1e-5,
    )
