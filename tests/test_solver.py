"""Levenberg-Marquardt on problems whose answers are known."""

from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import least_squares

from smplify_jax.solver.levenberg_marquardt import LEVENBERG_MARQUARDT, SolverOptions
from smplify_jax.solver.loop import Objective, minimize_batch


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class QuadraticModel:
    energy: jax.Array
    gradient: jax.Array
    hessian: jax.Array


def linearize_residuals(residuals):
    def linearize(x):
        r, jacobian = residuals(x), jax.jacfwd(residuals)(x)
        return QuadraticModel(jnp.sum(r**2), jacobian.T @ r, jacobian.T @ jacobian)

    return linearize


def objective(residuals):
    return Objective(linearize_residuals(residuals), lambda x, step: x + step)


def minimize_alone(solver, residuals, start, free, options):
    """One problem, as a group of its own."""
    wanted = jnp.ones(1, bool)
    given = jnp.zeros(1)
    solution = minimize_batch(solver, lambda _: objective(residuals), given, start[None], wanted, free, options, 1)
    return jax.tree.map(lambda leaf: leaf[0], solution)


def solve(residuals, start, free=None, **options):
    start = jnp.asarray(start, jnp.float32)
    free = jnp.ones(start.shape) if free is None else jnp.asarray(free, jnp.float32)
    limits = SolverOptions(**{"max_steps": 200, "relative_gain": 1e-7, **options})
    return minimize_alone(LEVENBERG_MARQUARDT, residuals, start, free, limits)


def rosenbrock(x):
    return jnp.array([10.0 * (x[1] - x[0] ** 2), 1.0 - x[0]])


def powell_singular(x):
    return jnp.array(
        [
            x[0] + 10 * x[1],
            jnp.sqrt(5.0) * (x[2] - x[3]),
            (x[1] - 2 * x[2]) ** 2,
            jnp.sqrt(10.0) * (x[0] - x[3]) ** 2,
        ]
    )


def exponential_fit(x):
    t = jnp.linspace(0.0, 3.0, 20)
    return x[0] * jnp.exp(-x[1] * t) + x[2] - (2.0 * jnp.exp(-1.3 * t) + 0.5)


@pytest.mark.parametrize(
    ("residuals", "start", "answer"),
    [
        (rosenbrock, [-1.2, 1.0], [1.0, 1.0]),
        (exponential_fit, [1.0, 1.0, 0.0], [2.0, 1.3, 0.5]),
    ],
)
def test_known_minima_are_found(residuals, start, answer):
    solution = solve(residuals, start)
    assert solution.is_converged
    # float32 energies of order 1e-7 leave the unknowns about 3e-4 loose.
    np.testing.assert_allclose(solution.parameters, answer, atol=1e-3)


@pytest.mark.parametrize("residuals", [rosenbrock, powell_singular])
def test_final_energy_is_no_worse_than_scipy(residuals):
    start = np.array([-1.2, 1.0]) if residuals is rosenbrock else np.array([3.0, -1.0, 0.0, 1.0])
    ours = solve(residuals, start)
    scipys = least_squares(lambda x: np.asarray(residuals(jnp.asarray(x))), start, method="lm")
    assert ours.energy <= 2 * scipys.cost + 1e-6  # both are zero to float32 rounding


def test_energy_never_rises_along_the_steps():
    energy_after = jax.jit(lambda num_steps: solve(rosenbrock, [-1.2, 1.0], max_steps=num_steps).energy)
    energies = [float(energy_after(num_steps)) for num_steps in range(12)]
    assert all(later <= earlier for earlier, later in pairwise(energies))


def test_step_limit_is_told():
    solution = solve(rosenbrock, [-1.2, 1.0], max_steps=3)
    assert not solution.is_converged
    assert solution.num_steps == 3


def test_held_parameters_do_not_move():
    solution = solve(exponential_fit, [1.0, 1.0, 0.25], free=[1, 1, 0])
    assert solution.parameters[2] == 0.25
    reference = least_squares(
        lambda x: np.asarray(exponential_fit(jnp.array([x[0], x[1], 0.25]))), [1.0, 1.0], method="lm"
    )
    np.testing.assert_allclose(solution.parameters[:2], reference.x, rtol=1e-2)


def test_a_start_without_finite_energy_is_reported_and_returned():
    solution = solve(lambda x: jnp.log(x), [-1.0, 2.0])
    assert not solution.is_finite
    np.testing.assert_array_equal(solution.parameters, [-1.0, 2.0])
    assert solution.num_steps == 0


def test_steps_into_non_finite_territory_are_rejected():
    solution = solve(lambda x: jnp.log(x) * 3.0, [8.0])  # a full Gauss-Newton step lands at a negative number
    assert solution.is_finite
    np.testing.assert_allclose(solution.parameters, [1.0], atol=1e-3)


def test_unobserved_unknowns_stay_where_they_are():
    solution = solve(lambda x: jnp.array([x[0] - 3.0]), [0.0, 7.0])
    np.testing.assert_allclose(solution.parameters, [3.0, 7.0], atol=1e-4)


@partial(jax.jit, static_argnames="chunk_size")
def solve_batch(starts, chunk_size, is_active=True):
    return minimize_batch(
        LEVENBERG_MARQUARDT,
        lambda _: objective(rosenbrock),
        jnp.zeros(len(starts)),
        starts,
        jnp.broadcast_to(is_active, len(starts)),
        jnp.ones(2),
        SolverOptions(200, 1e-7),
        chunk_size,
    )


def test_what_is_not_wanted_is_not_searched_and_changes_no_other():
    starts = jnp.array([[-1.2, 1.0], [0.9, 0.8], [0.0, 0.0], [2.0, 2.0]])
    is_active = np.array([True, False, True, False])
    all_, some = solve_batch(starts, chunk_size=2), solve_batch(starts, chunk_size=2, is_active=is_active)
    np.testing.assert_array_equal(some.parameters[~is_active], starts[~is_active])
    np.testing.assert_array_equal(some.num_steps[~is_active], 0)
    np.testing.assert_array_equal(some.parameters[is_active], all_.parameters[is_active])
    np.testing.assert_array_equal(some.num_steps[is_active], all_.num_steps[is_active])


def test_a_batch_gives_each_problem_its_own_steps_and_end():
    starts = jnp.array([[-1.2, 1.0], [0.9, 0.8], [1.0, 1.0], [jnp.nan, 0.0]])
    batch = solve_batch(starts, chunk_size=len(starts))
    assert len(set(np.asarray(batch.num_steps).tolist())) > 2
    for index in range(3):
        alone = solve(rosenbrock, starts[index])
        assert alone.num_steps == batch.num_steps[index]
        # A Cholesky factor of one matrix may round differently from one of a batch.
        np.testing.assert_allclose(alone.parameters, batch.parameters[index], atol=1e-4)
    assert not batch.is_finite[3]


@pytest.mark.parametrize("count", [8, 21, 64])
def test_groups_give_each_problem_what_it_gets_alone(count):
    starts = jnp.asarray(np.random.default_rng(count).normal(size=(count, 2)), jnp.float32)
    together, grouped = solve_batch(starts, chunk_size=count), solve_batch(starts, chunk_size=8)
    assert len(set(np.asarray(together.num_steps).tolist())) > 3
    np.testing.assert_array_equal(grouped.num_steps, together.num_steps)
    assert np.all(grouped.is_converged)
    np.testing.assert_allclose(grouped.parameters, together.parameters, atol=1e-4)  # as above
    np.testing.assert_allclose(grouped.model.energy, together.model.energy, atol=1e-6)
